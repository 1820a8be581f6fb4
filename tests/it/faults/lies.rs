//! Answers that contradict themselves: once, they are asked again; always, the run says so.

use mava_export::error::ExitCode;
use mava_export::simulator::Fault;

use super::{assert_accounted, desk, pages, pages_from, served};

const LIES: [fn() -> Fault; 6] = [
    || Fault::CountLies(7),
    || Fault::CountLies(1_000),
    || Fault::CountLies(-7),
    || Fault::CountLies(-100_000),
    || Fault::HasMoreLies,
    || Fault::OmitCount,
];

#[tokio::test]
async fn a_lie_in_any_one_answer_leaves_a_whole_desk() {
    const EACH: [&[u64]; 8] = [&[1], &[2], &[3], &[4], &[5], &[6], &[7], &[8]];
    for lie in LIES {
        for number in EACH {
            let desk = desk(170).await;
            desk.simulator.set_hook(pages(number, lie));
            let (summary, exit_code) = desk.backfill().await.expect("completes");
            let what = format!("{:?} on page {number:?}", lie());
            assert_eq!(exit_code, ExitCode::Complete, "{what}: {summary:?}");
            assert_eq!(served(&desk, lie().name()), 1, "{what}");
            assert_eq!(desk.live_ids(), desk.world_ids(), "{what}");
            assert_accounted(&desk);
        }
    }
}

#[tokio::test]
async fn a_lie_in_every_answer_ends_unverified_with_all_the_data() {
    for lie in LIES {
        let desk = desk(450).await;
        desk.simulator.set_hook(pages_from(1, lie));
        let (summary, exit_code) = desk.backfill().await.expect("ends");
        let what = format!("{:?} always", lie());
        assert_eq!(exit_code, ExitCode::Incomplete, "{what}: {summary:?}");
        assert!(!summary.unverified.is_empty(), "{what}: {summary:?}");
        assert_eq!(summary.outcome, "incomplete");
        let unverified = i64::try_from(summary.unverified.len()).expect("few");
        let stored = desk.number("SELECT unverified_slices FROM snapshots");
        assert_eq!(stored, unverified, "{what}");
        desk.assert_whole(&what);
        assert_accounted(&desk);

        desk.simulator.clear_hook();
        let (summary, exit_code) = desk.backfill().await.expect("completes");
        assert_eq!(exit_code, ExitCode::Complete, "{what}: {summary:?}");
    }
}

#[tokio::test]
async fn an_answer_without_has_more_is_believed_by_its_count() {
    let desk = desk(450).await;
    desk.simulator
        .set_hook(pages_from(1, || Fault::OmitHasMore));
    let (summary, exit_code) = desk.backfill().await.expect("completes");
    assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
    desk.assert_whole("no hasMore");
}

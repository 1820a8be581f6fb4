//! Answers that contradict themselves: once, they are asked again; always, the run says so.

use mava_export::error::ExitCode;
use mava_export::simulator::{Fault, Faults, SimulatorSpec};
use serde_json::{Value, json};

use super::{assert_accounted, desk, pages, pages_from, served};
use crate::support::{Desk, generated};

const LIES: [fn() -> Fault; 7] = [
    || Fault::CountLies(7),
    || Fault::CountLies(1_000),
    || Fault::CountLies(i64::MAX),
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
        assert_eq!(summary.outcome.word(), "incomplete");
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

/// Answers whose envelope says a thing twice, in two ways.
const TWICE: [fn(String) -> String; 4] = [
    |page| page.replacen('{', r#"{"count":1000,"#, 1),
    |page| format!("{}}},\"tickets\":null}}", page.trim_end_matches('}')),
    |page| page.replacen('{', r#"{"tickets":[{"id":"another"}],"#, 1),
    |page| page.replacen(r#""hasMore":"#, r#""hasMore":null,"hasMore":"#, 1),
];

#[tokio::test]
async fn an_envelope_that_says_a_thing_twice_is_asked_for_again() {
    for (number, twice) in TWICE.into_iter().enumerate() {
        let desk = desk(170).await;
        desk.simulator
            .set_hook(pages(&[2], move || Fault::edit_text(twice)));
        let (summary, exit_code) = desk.backfill().await.expect("completes");
        assert_eq!(exit_code, ExitCode::Complete, "{number}: {summary:?}");
        assert_eq!(summary.retries, 1, "{number}");
        desk.assert_whole("asked for again");
    }
}

#[tokio::test]
async fn an_envelope_that_always_says_a_thing_twice_is_never_complete() {
    for (number, twice) in TWICE.into_iter().enumerate() {
        let desk = desk(170).await;
        desk.simulator
            .set_hook(pages_from(1, move || Fault::edit_text(twice)));
        let error = desk.backfill().await.expect_err("no page can be believed");
        assert!(error.to_string().contains("twice"), "{number}: {error}");
        assert_eq!(desk.number("SELECT count(*) FROM tickets"), 0);
    }
}

/// An answer that ends after so many tickets and adds up in itself.
fn cut_to(tickets: usize) -> Fault {
    Fault::Edit(Box::new(move |body: &mut Value| {
        let kept = body["tickets"].as_array_mut().expect("a page");
        kept.truncate(tickets);
        body["count"] = json!(body["tickets"].as_array().expect("a page").len());
        body["pagination"]["hasMore"] = json!(false);
    }))
}

/// Large enough that slices are split, in pages of a hundred.
async fn large_desk() -> Desk {
    Desk::open(SimulatorSpec::new(generated(2_400))).await
}

#[tokio::test]
async fn one_answer_that_is_cut_short_but_adds_up_loses_no_ticket() {
    const EACH: [&[u64]; 12] = [
        &[1],
        &[2],
        &[3],
        &[4],
        &[5],
        &[6],
        &[7],
        &[8],
        &[9],
        &[12],
        &[16],
        &[20],
    ];
    for tickets in [0, 1, 50] {
        for number in EACH {
            let desk = large_desk().await;
            desk.simulator
                .set_hook(pages(number, move || cut_to(tickets)));
            let (summary, exit_code) = desk.backfill().await.expect("completes");
            let what = format!("cut to {tickets} on page {number:?}");
            assert_eq!(exit_code, ExitCode::Complete, "{what}: {summary:?}");
            assert_eq!(served(&desk, "edit"), 1, "{what}");
            assert_eq!(desk.live_ids(), desk.world_ids(), "{what}");
            assert_accounted(&desk);
        }
    }
}

/// A page on which no ticket has its thread.
fn without_threads() -> Fault {
    Fault::Edit(Box::new(|body: &mut Value| {
        for ticket in body["tickets"].as_array_mut().expect("a page") {
            let fields = ticket.as_object_mut().expect("a ticket");
            fields.remove("messages");
        }
    }))
}

#[tokio::test]
async fn a_page_without_threads_is_asked_again_and_then_reported() {
    let desk = large_desk().await;
    desk.simulator.set_hook(pages(&[5], without_threads));
    let (summary, exit_code) = desk.backfill().await.expect("completes");
    assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
    desk.assert_whole("one page without threads");

    let desk = large_desk().await;
    desk.simulator.set_hook(pages_from(5, without_threads));
    let (summary, exit_code) = desk.backfill().await.expect("ends");
    assert_eq!(exit_code, ExitCode::Incomplete, "{summary:?}");
    assert!(!summary.unverified.is_empty(), "{summary:?}");
    let is_told = |remark: &String| remark.contains("came without messages");
    assert!(summary.remarks.iter().any(is_told), "{summary:?}");
}

#[tokio::test]
async fn a_page_on_which_no_ticket_can_be_read_does_not_lack_its_threads() {
    let desk = large_desk().await;
    // Tickets of two months, so that whole pages are made of nothing else.
    let is_broken = |created_at: &str| ("2024-03"..="2024-04-31").contains(&created_at);
    desk.simulator.set_hook(Faults::always(move |_| {
        Fault::edit_tickets(move |ticket| {
            let fields = ticket.as_object_mut().expect("a ticket");
            if fields["createdAt"].as_str().is_some_and(is_broken) {
                fields.remove("id");
                fields.remove("_id");
            }
        })
    }));
    let (summary, exit_code) = desk.backfill().await.expect("ends");
    assert_eq!(exit_code, ExitCode::Incomplete, "{summary:?}");
    assert!(summary.rejects > 300, "{summary:?}");
    assert!(summary.unverified.is_empty(), "{summary:?}");
    let is_told = |remark: &String| remark.contains("without messages");
    assert!(!summary.remarks.iter().any(is_told), "{summary:?}");
}

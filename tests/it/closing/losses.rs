//! A mass loss is refused whatever else the run read, flagged or was filtered by.

use mava_export::error::ExitCode;
use mava_export::report::Summary;
use mava_export::settings::Filters;
use mava_export::simulator::{Directory, Fault, Faults, World};
use mava_export::table::instant_text;
use mava_export::window::{self, Window};

use super::{desk, part, world};

/// Tickets that are flagged as deleted.
const FLAGGED: &str = "SELECT count(*) FROM tickets WHERE deleted_at IS NOT NULL";

fn is_refused(summary: &Summary) -> bool {
    let told = |remark: &String| remark.contains("none was flagged as deleted");
    summary.remarks.iter().any(told)
}

#[tokio::test]
async fn tickets_that_a_backfill_stores_first_make_up_for_none_that_were_known() {
    let all = world();
    let mut desk = desk(all.clone()).await;
    // Of the first thirty tickets, two days of them.
    desk.settings.until = Some(window::parse("2024-02-02T21:00:00Z").expect("an instant"));
    let (summary, exit_code) = desk.backfill().await.expect("ends");
    assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
    assert_eq!(summary.tickets_new, 30);
    // Twenty of the thirty are gone, and nine hundred come to them.
    let left = part(&all, |place| place % 3 == 0 || place >= 30);
    desk.simulator.with_world(|world| *world = left);
    desk.settings.until = Some(window::parse("2024-06-01").expect("a date"));
    let (summary, exit_code) = desk.backfill().await.expect("ends");
    assert_eq!(exit_code, ExitCode::Incomplete, "{summary:?}");
    assert!(is_refused(&summary), "{summary:?}");
    assert_eq!(desk.number(FLAGGED), 0);
    // By then all of them are known, and twenty are a few.
    let (summary, exit_code) = desk.backfill().await.expect("ends");
    assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
    assert_eq!(summary.tickets_deleted, 20);
    assert_eq!(desk.live_ids(), desk.world_ids());
}

#[tokio::test]
async fn a_list_by_filters_that_loses_most_of_its_tickets_is_not_called_complete() {
    let all = world();
    let open: Vec<String> = all
        .tickets()
        .filter(|ticket| ticket.status == "Open")
        .map(|ticket| ticket.id.clone())
        .collect();
    for is_allowed in [false, true] {
        let mut desk = desk(all.clone()).await;
        desk.settings.filters = Filters {
            status: vec!["Open".to_owned()],
            ..Filters::default()
        };
        desk.settings.allow_deletions = is_allowed;
        // Once all are read, two of three are not there any more.
        let gone: Vec<String> = open
            .iter()
            .enumerate()
            .filter(|(place, _)| place % 3 > 0)
            .map(|(_, id)| id.clone())
            .collect();
        desk.simulator
            .set_hook(Faults::none_but(move |request, world| {
                if request.parameter("limit") == Some("1") {
                    for id in &gone {
                        world.remove(id);
                    }
                }
            }));
        let (summary, exit_code) = desk.backfill().await.expect("ends");
        let expected = match is_allowed {
            true => ExitCode::Complete,
            false => ExitCode::Incomplete,
        };
        assert_eq!(exit_code, expected, "{summary:?}");
        assert_eq!(is_refused(&summary), !is_allowed, "{summary:?}");
        assert_eq!(desk.number(FLAGGED), 0, "{summary:?}");
        // What is listed next time is all there is.
        desk.simulator.clear_hook();
        let (summary, exit_code) = desk.backfill().await.expect("ends");
        assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
    }
}

/// One window is settled with a deletion; then half of another one is gone for a while, so that none of it is
/// believed, nor the deletion. Once all is back, the settled window is looked at again.
#[tokio::test]
async fn what_a_settled_window_had_flagged_is_looked_for_again_after_it_was_taken_back() {
    let all = world();
    // Whether the count tells of it, or only what is listed after it; and whether it comes back.
    for (is_counted, is_back) in [(true, true), (true, false), (false, true), (false, false)] {
        let mut desk = desk(all.clone()).await;
        desk.settings.since = window::parse("2023-03-01").expect("a date");
        let (summary, _) = desk.backfill().await.expect("ends");
        assert_eq!(summary.windows.len(), 2, "{summary:?}");
        let newer = Window::new(
            window::parse("2024-02-29").expect("a date"),
            window::parse("2024-06-01").expect("a date"),
        )
        .expect("not empty");
        let victim = all.tickets().nth(10).expect("a ticket").id.clone();
        let lacking = part(&all, |place| place != 10);
        desk.simulator.with_world(|world| *world = lacking.clone());
        let half = World::new(
            Directory::default(),
            lacking
                .tickets()
                .enumerate()
                .filter(|(place, one)| one.created_at < newer.from() || place % 2 == 0)
                .map(|(_, one)| one.clone())
                .collect(),
        );
        let [from, until] = [newer.from(), newer.until()].map(instant_text);
        let mut counts = 0;
        desk.simulator.set_hook(Box::new(move |request, world| {
            let is_count = request.parameter("limit") == Some("1")
                && request.parameter("startDate") == Some(&from)
                && request.parameter("endDate") == Some(&until);
            counts += usize::from(is_count);
            if counts == 1 && is_count {
                return Some(Fault::CountLies(1));
            }
            if (2..4).contains(&counts) && (is_counted || !is_count || counts == 3) {
                *world = half.clone();
            }
            if counts >= 4 && is_back {
                *world = lacking.clone();
            }
            None
        }));
        let (summary, exit_code) = desk.backfill().await.expect("ends");
        let flagged = desk.column("SELECT id FROM tickets WHERE deleted_at IS NOT NULL");
        if is_back {
            assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
            assert_eq!(flagged, [victim], "{summary:?}");
            assert_eq!(desk.live_ids(), desk.world_ids());
        } else {
            assert_eq!(exit_code, ExitCode::Incomplete, "{summary:?}");
            assert!(is_refused(&summary), "{summary:?}");
            assert_eq!(flagged, [""; 0], "{summary:?}");
        }
    }
}

//! A mass loss is refused whatever else the run read, flagged or was filtered by.

use mava_export::error::ExitCode;
use mava_export::report::Summary;
use mava_export::settings::Filters;
use mava_export::simulator::Faults;
use mava_export::window;

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

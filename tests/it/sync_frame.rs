//! Steps that a sync can do without, rejects that it meets again, and crowded instants.

use chrono::TimeDelta;
use mava_export::error::ExitCode;
use mava_export::settings::Sync;
use mava_export::simulator::{Fault, Hook, Quirks, SimulatorSpec, Ticket, object_id};
use serde_json::{Value, json};

use crate::support::Desk;
use crate::sync::{assert_current, copied, now, recent, settings, sync, sync_with};

/// Requests that have this parameter get a fault.
fn with_parameter(name: &'static str, mut make: impl FnMut() -> Fault + Send + 'static) -> Hook {
    Box::new(move |request, _| request.parameter(name).is_some().then(&mut make))
}

#[tokio::test]
async fn a_filter_that_the_api_refuses_or_fails_on_costs_its_step_and_nothing_else() {
    for fault in [400, 500] {
        let desk = copied(recent(2_500), Quirks::default()).await;
        desk.simulator
            .set_hook(with_parameter("csatValues", move || Fault::Status(fault)));
        let (summary, exit_code) = sync(&desk).await;
        assert_eq!(exit_code, ExitCode::Complete, "{fault}: {summary:?}");
        assert!(!summary.summary.remarks.is_empty(), "{fault}: {summary:?}");
        let complete_until = summary.complete_until.clone();
        let (next, exit_code) = sync(&desk).await;
        assert_eq!(exit_code, ExitCode::Complete, "{fault}: {next:?}");
        assert!(next.complete_until >= complete_until);
        let steps: Vec<&str> = next.steps.iter().map(|step| step.step.word()).collect();
        assert!(steps.contains(&"campaigns"), "{steps:?}");
        assert_current(&desk);
    }
}

#[tokio::test]
async fn a_tag_that_the_api_refuses_is_not_looked_for_again() {
    let desk = copied(recent(2_500), Quirks::default()).await;
    desk.simulator
        .set_hook(with_parameter("tags", || Fault::Status(400)));
    for _ in 0..3 {
        let (summary, exit_code) = sync(&desk).await;
        assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
    }
}

#[tokio::test]
async fn a_reject_that_is_met_again_changes_no_row() {
    let mut desk = Desk::open(SimulatorSpec::new(recent(300))).await;
    desk.settings.since = now() - TimeDelta::days(301);
    desk.settings.until = None;
    let odd = || {
        Fault::Edit(Box::new(|page: &mut Value| {
            for ticket in page["tickets"].as_array_mut().expect("a page") {
                ticket["priority"] = json!({"odd": true});
            }
        }))
    };
    desk.simulator.set_hook(Box::new(move |request, _| {
        request.is_for_tickets().then(odd)
    }));
    let (_, exit_code) = desk.backfill().await.expect("ends");
    assert_eq!(exit_code, ExitCode::Incomplete);
    let rows = "SELECT id || path || reason || raw_json || snapshot_id FROM rejects ORDER BY id";
    let before = desk.column(rows);
    assert_eq!(before.len(), 300);
    let full = Sync {
        full_below: 60,
        ..settings(&desk)
    };
    let (summary, _) = sync_with(&desk, &full).await.expect("ends");
    assert_eq!(summary.summary.rejects, 300, "{summary:?}");
    assert_eq!(desk.column(rows), before);
}

/// A bulk import: more tickets in one millisecond than a page holds.
#[tokio::test]
async fn tickets_of_one_instant_are_read_again_within_the_time_asked_for_too() {
    let mut world = recent(1_500);
    let at = now() - TimeDelta::days(100);
    for number in 0..250_u32 {
        let mut ticket = Ticket::new(object_id(at, number.into()), at);
        ticket.status = "Resolved".into();
        ticket.resolution_time_ms = Some(1_000);
        world.insert(ticket);
    }
    let desk = copied(world, Quirks::default()).await;
    let often = Sync {
        refresh_within_days: 10,
        ..settings(&desk)
    };
    for night in 0..14 {
        let at = now() + TimeDelta::days(night);
        desk.simulator.set_now(Some(at));
        let (summary, _) = sync_with(&desk, &often).await.expect("a sync");
        let oldest = desk.number("SELECT min(verified_at_ms) FROM _ticket_index");
        let age = at.timestamp_millis() - oldest;
        assert!(
            age <= 10 * 86_400_000,
            "night {night}: {age} ms, {summary:?}"
        );
    }
}

//! A sync finds what changed, touches nothing else, and harms nothing when the API misbehaves.

use std::sync::Arc;

use chrono::{TimeDelta, Utc};
use mava_export::api::Client;
use mava_export::commands::{self, Context};
use mava_export::error::{ExitCode, Result};
use mava_export::refresh::Effort;
use mava_export::report::{Progress, SyncSummary};
use mava_export::settings::{RunKind, Sync};
use mava_export::simulator::{Message, Quirks, SimulatorSpec, Ticket, World, WorldSpec, object_id};
use mava_export::table::Instant;
use tokio::sync::watch;

use crate::support::Desk;

/// A desk of the last 300 days, up to now.
fn recent(tickets: usize) -> World {
    World::generate(&WorldSpec {
        seed: 7,
        tickets,
        from: now() - TimeDelta::days(300),
        until: now() - TimeDelta::minutes(30),
        mean_messages: 2.0,
    })
}

#[expect(
    clippy::disallowed_methods,
    reason = "the simulator's clock is the real one"
)]
fn now() -> Instant {
    Instant::from_timestamp_millis(Utc::now().timestamp_millis()).expect("in range")
}

fn settings(desk: &Desk) -> Sync {
    Sync {
        kind: RunKind::Backfill,
        since: None,
        effort: Effort::Default,
        refresh_within_days: 360,
        full_below: 0,
        is_full: false,
        max_requests: None,
        has_messages: true,
        max_lanes: 4,
        allow_deletions: false,
        store: desk.settings.store.clone(),
    }
}

async fn sync_with(desk: &Desk, settings: &Sync) -> Result<(SyncSummary, ExitCode)> {
    let context = Context {
        client: Arc::new(Client::new(&desk.connection, rand::random)?),
        cancel: desk.cancel.clone(),
        progress: watch::Sender::new(Progress::default()),
    };
    commands::sync(&context, settings).await
}

async fn sync(desk: &Desk) -> (SyncSummary, ExitCode) {
    sync_with(desk, &settings(desk)).await.expect("a sync")
}

/// A desk that has been copied.
async fn copied(world: World, quirks: Quirks) -> Desk {
    let mut desk = Desk::open(SimulatorSpec {
        quirks,
        ..SimulatorSpec::new(world)
    })
    .await;
    desk.settings.since = now() - TimeDelta::days(301);
    desk.settings.until = None;
    let (_, exit_code) = desk.backfill().await.expect("a backfill");
    assert_eq!(exit_code, ExitCode::Complete);
    desk
}

/// The ids of tickets that are so, in world order.
fn ids(desk: &Desk, is_so: impl Fn(&Ticket) -> bool) -> Vec<String> {
    desk.simulator.with_world(|world| {
        let tickets = world.tickets().filter(|ticket| is_so(ticket));
        tickets.map(|ticket| ticket.id.clone()).collect()
    })
}

fn edit(desk: &Desk, id: &str, change: impl FnOnce(&mut Ticket)) {
    desk.simulator.with_world(|world| {
        world
            .edit(id, |ticket| {
                ticket.updated_at = Some(now());
                change(ticket);
            })
            .expect("such a ticket");
    });
}

fn resolve(ticket: &mut Ticket) {
    ticket.status = "Resolved".into();
    ticket.resolution_time_ms = Some((now() - ticket.created_at).num_milliseconds());
}

fn is_open(ticket: &Ticket) -> bool {
    ticket.status.as_ref() != "Resolved"
}

/// Resolved between so many days ago, and not rated.
fn is_resolved(ticket: &Ticket, from_days: i64, until_days: i64) -> bool {
    ticket.resolution_time_ms.is_some_and(|time| {
        let age = now() - (ticket.created_at + TimeDelta::milliseconds(time));
        age >= TimeDelta::days(from_days) && age < TimeDelta::days(until_days)
    }) && ticket.csat.is_none()
        && ticket.origin.as_ref() != "telegram-group"
}

#[tokio::test]
async fn an_unchanged_desk_gives_no_row_to_write() {
    let desk = copied(recent(2_000), Quirks::default()).await;
    let before = desk.rows();
    let (summary, exit_code) = sync(&desk).await;
    assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
    let counts = &summary.summary;
    assert_eq!((counts.tickets_new, counts.tickets_changed), (0, 0));
    desk.rows().assert_equal(&before, "after a sync of nothing");
    let changed = desk.number("SELECT count(*) FROM tickets WHERE snapshot_id <> 1");
    assert_eq!(changed, 0);
}

#[tokio::test]
async fn what_happens_to_unresolved_tickets_is_all_found() {
    let desk = copied(recent(3_000), Quirks::default()).await;
    let open = ids(&desk, is_open);
    assert!(open.len() > 20, "{}", open.len());
    let created_at = now();
    desk.simulator.with_world(|world| {
        world.insert(Ticket::new(object_id(created_at, 1), created_at));
    });
    edit(&desk, &open[0], |ticket| {
        let id = object_id(now(), 2);
        ticket
            .messages
            .push(Message::new(id, now(), "still waiting"));
    });
    edit(&desk, &open[1], |ticket| ticket.status = "Waiting".into());
    for id in &open[2..6] {
        edit(&desk, id, resolve);
    }
    for id in &open[6..8] {
        desk.simulator.with_world(|world| world.remove(id));
    }
    let reopened = ids(&desk, |ticket| is_resolved(ticket, 40, 60)).remove(0);
    edit(&desk, &reopened, |ticket| {
        ticket.status = "Open".into();
        ticket.resolution_time_ms = None;
    });
    let (summary, exit_code) = sync(&desk).await;
    assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
    desk.assert_whole_again("after a sync");
    assert_eq!(summary.summary.tickets_deleted, 2);
    assert_eq!(summary.summary.tickets_new, 1);
}

#[tokio::test]
async fn a_resolution_after_a_reopening_and_late_ratings_are_found() {
    let desk = copied(recent(3_000), Quirks::default()).await;
    let young = ids(&desk, |ticket| is_resolved(ticket, 0, 5));
    assert!(young.len() > 6, "{}", young.len());
    edit(&desk, &young[0], resolve);
    for id in &young[1..5] {
        edit(&desk, id, |ticket| ticket.csat = Some(5));
    }
    let (summary, exit_code) = sync(&desk).await;
    assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
    assert_eq!(summary.ratings_outstanding, Some(0), "{summary:?}");
    desk.assert_whole_again("after a sync");
}

#[tokio::test]
async fn a_deleted_old_ticket_is_located_by_counting() {
    let desk = copied(recent(4_000), Quirks::default()).await;
    let old = ids(&desk, |ticket| is_resolved(ticket, 100, 250));
    desk.simulator.with_world(|world| world.remove(&old[10]));
    let (summary, exit_code) = sync(&desk).await;
    assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
    assert_eq!(summary.summary.tickets_deleted, 1, "{summary:?}");
    desk.assert_whole_again("after a sync");
}

#[tokio::test]
async fn an_empty_workspace_flags_nothing() {
    let desk = copied(recent(2_500), Quirks::default()).await;
    desk.simulator.with_world(|world| *world = World::empty());
    let (summary, exit_code) = sync(&desk).await;
    assert_eq!(exit_code, ExitCode::Incomplete, "{summary:?}");
    assert_eq!(summary.summary.tickets_deleted, 0, "{summary:?}");
    let flagged = desk.number("SELECT count(*) FROM tickets WHERE deleted_at IS NOT NULL");
    assert_eq!(flagged, 0);
}

#[tokio::test]
async fn filters_that_are_ignored_are_noticed_and_harm_nothing() {
    let quirks = Quirks {
        has_filters_ignored: true,
        ..Quirks::default()
    };
    let desk = copied(recent(2_500), quirks).await;
    let (summary, exit_code) = sync(&desk).await;
    assert_eq!(exit_code, ExitCode::Incomplete, "{summary:?}");
    assert_eq!(summary.summary.tickets_deleted, 0);
    assert!(!summary.summary.remarks.is_empty());
    assert!(summary.summary.requests < 40, "{summary:?}");
}

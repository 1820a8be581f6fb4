//! A sync finds what changed, touches nothing else, and harms nothing when the API misbehaves.

use std::sync::Arc;

use chrono::{TimeDelta, Utc};
use mava_export::api::Client;
use mava_export::commands::{self, Context};
use mava_export::error::{ExitCode, Result};
use mava_export::refresh::Effort;
use mava_export::report::{Progress, SyncSummary};
use mava_export::settings::Sync;
use mava_export::simulator::{
    Faults, Message, Quirks, ResolutionTime, SimulatorSpec, Ticket, World, WorldSpec, object_id,
};
use mava_export::table::{Instant, RunKind, instant_text};
use tokio::sync::watch;

use crate::support::Desk;

mod cheap;
mod counts;
mod crowds;
mod empty;
mod frame;
mod lost;
mod plans;
mod resolutions;
mod resumed;
mod sweeps;

/// A desk of the last 300 days, up to now.
pub(crate) fn recent(tickets: usize) -> World {
    World::generate(&WorldSpec {
        seed: 7,
        tickets,
        from: now() - TimeDelta::days(300),
        until: now() - TimeDelta::days(1) - TimeDelta::minutes(30),
        mean_messages: 2.0,
    })
}

#[expect(
    clippy::disallowed_methods,
    reason = "the simulator's clock is the real one"
)]
pub(crate) fn now() -> Instant {
    Instant::from_timestamp_millis(Utc::now().timestamp_millis()).expect("in range")
}

pub(crate) fn settings(desk: &Desk) -> Sync {
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

pub(crate) async fn sync_with(desk: &Desk, settings: &Sync) -> Result<(SyncSummary, ExitCode)> {
    let context = Context {
        client: Arc::new(Client::new(&desk.connection, rand::random)?),
        cancel: desk.cancel.clone(),
        progress: watch::Sender::new(Progress::default()),
    };
    commands::sync(&context, settings).await
}

pub(crate) async fn sync(desk: &Desk) -> (SyncSummary, ExitCode) {
    sync_with(desk, &settings(desk)).await.expect("a sync")
}

/// A desk that was copied yesterday.
pub(crate) async fn copied(world: World, quirks: Quirks) -> Desk {
    let mut desk = Desk::open(SimulatorSpec {
        quirks,
        ..SimulatorSpec::new(world)
    })
    .await;
    let yesterday = now() - TimeDelta::days(1);
    desk.simulator.set_now(Some(yesterday));
    desk.settings.since = now() - TimeDelta::days(301);
    desk.settings.until = None;
    let (_, exit_code) = desk.backfill().await.expect("a backfill");
    assert_eq!(exit_code, ExitCode::Complete);
    desk.simulator.set_now(None);
    desk
}

/// Every live ticket is stored as it is on the desk, and nothing else is live.
#[track_caller]
pub(crate) fn assert_current(desk: &Desk) {
    let audit = desk.audit();
    assert!(audit.is_whole(), "{audit:?}");
    let mut expected: Vec<String> = desk.simulator.with_world(|world| {
        let line = |ticket: &Ticket| {
            let updated_at = ticket.updated_at.map(instant_text).unwrap_or_default();
            let csat = ticket.csat.map(|csat| csat.to_string()).unwrap_or_default();
            let messages = ticket.messages.iter();
            let messages = messages.filter(|message| !message.is_deleted).count();
            format!(
                "{} {} {updated_at} {csat} {messages}",
                ticket.id, ticket.status
            )
        };
        world.tickets().map(line).collect()
    });
    expected.sort();
    let stored = desk.column(
        "SELECT id || ' ' || status || ' ' || coalesce(updated_at, '') || ' ' || coalesce(csat, '') || ' '
             || message_count FROM tickets WHERE deleted_at IS NULL ORDER BY id",
    );
    let wrong: Vec<_> = expected
        .iter()
        .zip(&stored)
        .filter(|(one, other)| one != other)
        .collect();
    assert_eq!(stored.len(), expected.len());
    assert!(wrong.is_empty(), "{wrong:#?}");
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
    assert!(open.len() > 12, "{}", open.len());
    let created_at = now();
    desk.simulator.with_world(|world| {
        world.insert(Ticket::new(object_id(created_at, 1), created_at));
    });
    edit(&desk, &open[0], |ticket| {
        let id = object_id(now(), 2);
        let message = Message::new(id, now(), "still waiting");
        ticket.messages.push(message);
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
    assert_current(&desk);
    assert_eq!(summary.summary.tickets_deleted, 2);
    assert_eq!(summary.summary.tickets_new, 1);
    let versions = "SELECT count(*) FROM ticket_history WHERE ticket_id = ";
    assert_eq!(desk.number(&format!("{versions}'{}'", open[2])), 2);
    let gone = format!(
        "{versions}'{}' AND is_deleted = 1 AND valid_until IS NULL",
        open[6]
    );
    assert_eq!(desk.number(&gone), 1);
}

#[tokio::test]
async fn a_resolution_after_a_reopening_and_late_ratings_are_found() {
    let desk = copied(recent(6_000), Quirks::default()).await;
    // The last created of those resolved last: the likeliest to be opened again or rated, and so always
    // within a sweep.
    let mut young = ids(&desk, |ticket| is_resolved(ticket, 1, 3));
    assert!(young.len() > 6, "{}", young.len());
    let rated = young.split_off(young.len() - 4);
    let again = young.pop().expect("more than four");
    edit(&desk, &again, resolve);
    for id in &rated {
        edit(&desk, id, |ticket| ticket.csat = Some(5));
    }
    let thorough = Sync {
        effort: Effort::Thorough,
        ..settings(&desk)
    };
    let (summary, exit_code) = sync_with(&desk, &thorough).await.expect("a sync");
    assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
    assert_eq!(summary.ratings_outstanding, Some(0), "{summary:?}");
    assert_current(&desk);
}

#[tokio::test]
async fn a_deleted_old_ticket_is_located_by_counting() {
    let desk = copied(recent(4_000), Quirks::default()).await;
    let old = ids(&desk, |ticket| is_resolved(ticket, 100, 250));
    desk.simulator.with_world(|world| world.remove(&old[10]));
    let (summary, exit_code) = sync(&desk).await;
    assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
    assert_eq!(summary.summary.tickets_deleted, 1, "{summary:?}");
    assert_current(&desk);
}

#[tokio::test]
async fn an_empty_workspace_flags_nothing() {
    for (tickets, full_below) in [(2_500, 0), (40, 60)] {
        let desk = copied(recent(tickets), Quirks::default()).await;
        desk.simulator.with_world(|world| *world = World::empty());
        let settings = Sync {
            full_below,
            ..settings(&desk)
        };
        let (summary, exit_code) = sync_with(&desk, &settings).await.expect("a sync");
        assert_eq!(exit_code, ExitCode::Incomplete, "{summary:?}");
        assert_eq!(summary.summary.tickets_deleted, 0, "{summary:?}");
        let flagged = desk.number("SELECT count(*) FROM tickets WHERE deleted_at IS NOT NULL");
        assert_eq!(flagged, 0);
    }
}

#[tokio::test]
async fn filters_that_are_ignored_are_noticed_and_harm_nothing() {
    for ignored in [&["status"][..], &["csatValues"], &["tags", "category"]] {
        let quirks = Quirks {
            ignored,
            ..Quirks::default()
        };
        let desk = copied(recent(2_500), quirks).await;
        let (summary, exit_code) = sync(&desk).await;
        let is_open_set = ignored == ["status"];
        assert_eq!(
            exit_code == ExitCode::Incomplete,
            is_open_set,
            "{summary:?}"
        );
        assert_eq!(summary.summary.tickets_deleted, 0);
        assert!(
            !summary.summary.remarks.is_empty(),
            "{ignored:?} {summary:?}"
        );
        assert!(summary.summary.requests < 60, "{summary:?}");
        assert_current(&desk);
    }
}

#[tokio::test]
async fn resolution_times_of_another_meaning_cost_requests_but_no_change() {
    for resolution_time in [
        ResolutionTime::First,
        ResolutionTime::Seconds,
        ResolutionTime::BusinessHours,
    ] {
        let quirks = Quirks {
            resolution_time,
            ..Quirks::default()
        };
        let desk = copied(recent(6_000), quirks).await;
        let open = ids(&desk, is_open);
        let resolved = &open[..open.len() / 2];
        for id in resolved {
            edit(&desk, id, |ticket| {
                ticket.reopened_at = None;
                ticket.resolve(now());
            });
        }
        let (summary, exit_code) = sync(&desk).await;
        assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
        assert_current(&desk);
        let is_told = summary
            .summary
            .remarks
            .iter()
            .any(|one| one.contains("resolution times"));
        let is_wrong = resolution_time != ResolutionTime::First;
        assert_eq!(is_told, is_wrong && resolved.len() >= 20, "{summary:?}");
    }
}

#[tokio::test]
async fn nulls_first_in_the_sort_harm_nothing() {
    let quirks = Quirks {
        has_nulls_first: true,
        ..Quirks::default()
    };
    let desk = copied(recent(3_000), quirks).await;
    let open = ids(&desk, is_open);
    for id in &open[..4] {
        edit(&desk, id, resolve);
    }
    let (summary, exit_code) = sync(&desk).await;
    assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
    assert_current(&desk);
}

/// Opens tickets until so many are unresolved.
fn open_up(desk: &Desk, wanted: usize) {
    let have = ids(desk, is_open).len();
    let settled = ids(desk, |ticket| is_resolved(ticket, 1, 300));
    for id in settled.iter().take(wanted.saturating_sub(have)) {
        edit(desk, id, |ticket| {
            ticket.status = "Open".into();
            ticket.resolution_time_ms = None;
        });
    }
}

/// At every request of a sync: a bulk resolve of a thousand tickets, a deletion, and more new tickets
/// than a page holds.
#[tokio::test]
async fn what_changes_during_a_sync_is_found_by_it_or_by_the_next() {
    let desk = copied(recent(5_000), Quirks::default()).await;
    open_up(&desk, 1_000);
    sync(&desk).await;
    let (world, store) = (desk.simulator.world(), desk.path());
    let kept = store.with_extension("kept");
    copy(&store, &kept);
    desk.simulator.clear_requests();
    sync(&desk).await;
    let requests = desk.simulator.requests().len();
    assert!(requests > 12, "{requests}");
    for point in 1..=requests {
        desk.simulator.with_world(|now| *now = world.clone());
        copy(&kept, &store);
        let open = ids(&desk, is_open);
        assert!(open.len() >= 1_000, "{}", open.len());
        let deleted = ids(&desk, |ticket| is_resolved(ticket, 50, 200)).remove(7);
        let at = now();
        let mut seen = 0;
        desk.simulator.set_hook(Faults::none_but(move |_, world| {
            seen += 1;
            if seen != point {
                return;
            }
            for id in &open {
                world.edit(id, |ticket| {
                    ticket.updated_at = Some(at);
                    resolve(ticket);
                });
            }
            world.remove(&deleted);
            for number in 0..150_u32 {
                let created_at = at + TimeDelta::milliseconds(number.into());
                let id = object_id(created_at, number.into());
                world.insert(Ticket::new(id, created_at));
            }
        }));
        let (first, _) = sync(&desk).await;
        desk.simulator.clear_hook();
        let living = desk.world_ids();
        let flagged = desk.column("SELECT id FROM tickets WHERE deleted_at IS NOT NULL");
        assert!(
            flagged.iter().all(|id| living.binary_search(id).is_err()),
            "request {point}: {first:?}"
        );
        let (second, exit_code) = sync(&desk).await;
        assert_eq!(exit_code, ExitCode::Complete, "request {point}: {second:?}");
        assert_current(&desk);
    }
}

/// Copies a store that nobody has open.
#[expect(clippy::disallowed_methods, reason = "files of the test's own")]
fn copy(from: &std::path::Path, to: &std::path::Path) {
    for side in ["-wal", "-shm"] {
        let side = format!("{}{side}", to.display());
        if std::path::Path::new(&side).exists() {
            std::fs::remove_file(side).expect("removed");
        }
    }
    std::fs::copy(from, to).expect("copied");
}

/// One bulk change adds a tag to tickets that were settled long ago; from the first two that a sync
/// meets it knows what to look for.
#[tokio::test]
async fn a_tag_added_to_many_old_tickets_is_read_in_within_days() {
    let desk = copied(recent(6_000), Quirks::default()).await;
    let old = ids(&desk, |ticket| is_resolved(ticket, 40, 250));
    let tag = desk.simulator.with_world(|world| {
        let directory = world.directory();
        directory.tags[0].id.clone()
    });
    for id in old.iter().step_by(3) {
        edit(&desk, id, |ticket| {
            if !ticket.tag_ids.contains(&tag) {
                ticket.tag_ids.push(tag.clone());
            }
        });
    }
    let tagged = desk.simulator.with_world(|world| {
        let tagged = world
            .tickets()
            .filter(|ticket| ticket.tag_ids.contains(&tag));
        i64::try_from(tagged.count()).expect("few")
    });
    let stored = || {
        desk.number(&format!(
            "SELECT count(*) FROM ticket_tags WHERE tag_id = '{tag}'"
        ))
    };
    assert!(tagged - stored() > 300, "{} of {tagged}", stored());
    for night in 0..7 {
        desk.simulator.set_now(Some(now() + TimeDelta::days(night)));
        sync(&desk).await;
    }
    assert_eq!(stored(), tagged);
    assert_eq!(desk.number("SELECT count(*) FROM _campaigns"), 0);
}

#[tokio::test]
async fn every_ticket_is_read_again_within_the_time_asked_for() {
    let desk = copied(recent(4_000), Quirks::default()).await;
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
        assert!(summary.summary.requests < 30, "{summary:?}");
    }
}

#[tokio::test]
async fn a_store_without_history_asks_where_to_begin() {
    let desk = Desk::open(SimulatorSpec::new(recent(300))).await;
    let error = sync_with(&desk, &settings(&desk))
        .await
        .expect_err("no history");
    assert!(
        error
            .help_text()
            .is_some_and(|help| help.contains("--since"))
    );
    let since = Sync {
        since: Some(now() - TimeDelta::days(301)),
        ..settings(&desk)
    };
    let (_, exit_code) = sync_with(&desk, &since).await.expect("a backfill");
    assert_eq!(exit_code, ExitCode::Complete);
    assert_eq!(desk.number("SELECT count(*) FROM tickets"), 300);
}

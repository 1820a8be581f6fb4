//! What a sync begins from, what it goes on with, and what it refuses.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use mava_export::error::{ErrorKind, ExitCode};
use mava_export::settings::{Backfill, Sync, Verify};
use mava_export::simulator::{Faults, Quirks, SimulatorSpec};
use mava_export::store::Store;
use mava_export::verify;
use tokio_util::sync::CancellationToken;

use super::*;

/// Stops the run that is going on when so many more requests have come.
pub(super) fn stop_after(desk: &mut Desk, requests: u64) {
    desk.cancel = CancellationToken::new();
    let cancel = desk.cancel.clone();
    let left = Arc::new(AtomicU64::new(requests));
    desk.simulator.set_hook(Faults::none_but(move |_, _| {
        if left.fetch_sub(1, Ordering::Relaxed) == 1 {
            cancel.cancel();
        }
    }));
}

pub(super) fn go_on(desk: &mut Desk) {
    desk.cancel = CancellationToken::new();
    desk.simulator.clear_hook();
}

#[tokio::test]
async fn a_first_sync_that_was_stopped_goes_on_where_it_stopped() {
    let since = NOW - TimeDelta::days(301);
    for is_since_given in [true, false] {
        let mut desk = Desk::open(SimulatorSpec::new(recent(2_000))).await;
        let first = Sync {
            since: Some(since),
            ..settings(&desk)
        };
        stop_after(&mut desk, 8);
        let (_, exit_code) = sync_with(&desk, &first).await.expect("a part");
        assert_eq!(exit_code, ExitCode::Interrupted);
        go_on(&mut desk);
        let again = Sync {
            since: first.since.filter(|_| is_since_given),
            ..settings(&desk)
        };
        let (summary, exit_code) = sync_with(&desk, &again).await.expect("the rest");
        assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
        assert!(summary.summary.is_resumed, "{summary:?}");
        assert_current(&desk);
    }
}

#[tokio::test]
async fn a_repair_that_was_stopped_is_in_no_syncs_way() {
    let mut desk = copied(recent(2_000), Quirks::default()).await;
    desk.sqlite()
        .execute(
            "UPDATE tickets SET status = 'Waiting' WHERE rowid % 50 = 0",
            [],
        )
        .expect("meddled with");
    let repair = Verify {
        store: desk.settings.store.clone(),
        is_deep: false,
        is_repair: true,
        allow_deletions: false,
    };
    let context = desk.context().expect("a client");
    let stop = |note: &str| {
        if note.contains("reading") {
            desk.cancel.cancel();
        }
    };
    let (_, exit_code) = verify::verify(&context, &repair, &stop)
        .await
        .expect("a part");
    assert_eq!(exit_code, ExitCode::Interrupted);
    let unfinished = "SELECT count(*) FROM snapshots WHERE finished_at IS NULL";
    assert_eq!(desk.number(unfinished), 1);
    go_on(&mut desk);
    let (summary, exit_code) = sync(&desk).await;
    assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
    assert_eq!(desk.number(unfinished), 0);
}

/// Puts another workspace behind the same address.
fn swap_desk(desk: &Desk, tickets: usize) {
    let other = World::generate(&WorldSpec {
        seed: 8,
        tickets,
        from: NOW - TimeDelta::days(290),
        until: NOW - TimeDelta::hours(2),
        mean_messages: 2.0,
    });
    desk.simulator.with_world(|world| *world = other);
}

#[tokio::test]
async fn the_key_of_another_workspace_stores_and_flags_nothing() {
    for tickets in [45, 3_000] {
        let desk = copied(recent(tickets), Quirks::default()).await;
        let before = desk.rows();
        swap_desk(&desk, tickets);
        let full = Sync {
            whole: Whole::IfItFits,
            ..settings(&desk)
        };
        for settings in [settings(&desk), full] {
            let error = sync_with(&desk, &settings).await.expect_err("another desk");
            assert_eq!(error.kind(), ErrorKind::Failed);
            let help = error.help_text().expect("a way out");
            assert!(help.contains("--allow-deletions"), "{help}");
        }
        let error = desk.backfill().await.expect_err("another desk");
        assert_eq!(error.kind(), ErrorKind::Failed);
        desk.rows()
            .assert_equal(&before, "after another desk's key");
        assert_eq!(desk.number("SELECT count(*) FROM snapshots"), 1);
    }
}

#[tokio::test]
async fn another_desk_is_taken_where_deletions_are_allowed() {
    let desk = copied(recent(45), Quirks::default()).await;
    swap_desk(&desk, 45);
    let allowed = Sync {
        allow_deletions: true,
        ..settings(&desk)
    };
    let (summary, _) = sync_with(&desk, &allowed).await.expect("a sync");
    assert_eq!(summary.summary.tickets_new, 45, "{summary:?}");
}

#[tokio::test]
async fn a_small_desk_that_lost_most_of_its_tickets_is_not_believed() {
    let desk = copied(recent(45), Quirks::default()).await;
    for id in desk.world_ids().iter().take(30) {
        desk.simulator.with_world(|world| world.remove(id));
    }
    for whole in [Whole::Never, Whole::IfItFits] {
        let settings = Sync {
            whole,
            ..settings(&desk)
        };
        let (summary, exit_code) = sync_with(&desk, &settings).await.expect("a sync");
        assert_eq!(exit_code, ExitCode::Incomplete, "{summary:?}");
        assert_eq!(summary.summary.tickets_deleted, 0, "{summary:?}");
    }
    let allowed = Sync {
        allow_deletions: true,
        // A second look at each.
        spend: Spend::requests(90),
        ..settings(&desk)
    };
    let (summary, exit_code) = sync_with(&desk, &allowed).await.expect("a sync");
    assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
    assert_eq!(summary.summary.tickets_deleted, 30, "{summary:?}");
    assert_current(&desk);
}

#[tokio::test]
async fn recognising_the_desk_costs_one_request_and_none_where_a_category_or_an_agent_is_known() {
    let desk = copied(recent(300), Quirks::default()).await;
    let full = Sync {
        whole: Whole::IfItFits,
        ..settings(&desk)
    };
    let mut asked = Vec::new();
    for has_categories in [true, false] {
        if !has_categories {
            desk.sqlite()
                .execute_batch(
                    "PRAGMA foreign_keys = OFF; UPDATE categories SET id = 'other-' || id;
                     UPDATE agents SET id = 'other-' || id",
                )
                .expect("changed");
        }
        desk.simulator.clear_requests();
        sync_with(&desk, &full).await.expect("a sync");
        asked.push(desk.simulator.requests().len());
    }
    assert_eq!(asked[1], asked[0] + 1, "{asked:?}");
}

#[tokio::test]
async fn a_sync_without_messages_says_so_and_renews_nothing() {
    let desk = copied(recent(300), Quirks::default()).await;
    sync(&desk).await;
    let verified = "SELECT id || ' ' || verified_at_ms FROM _ticket_index ORDER BY id";
    let before = desk.column(verified);
    let complete = "SELECT value FROM _sync WHERE name = 'complete_ms'";
    let complete_before = desk.number(complete);
    let bare = Sync {
        has_messages: false,
        whole: Whole::Always,
        ..settings(&desk)
    };
    let (summary, exit_code) = sync_with(&desk, &bare).await.expect("a sync");
    assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
    let remarks = &summary.summary.remarks;
    assert!(
        remarks.iter().any(|remark| remark.contains("threads")),
        "{remarks:?}"
    );
    assert_eq!(desk.column(verified), before);
    assert_eq!(desk.number(complete), complete_before);
}

#[tokio::test]
async fn an_earlier_beginning_than_the_stores_is_refused_with_the_way_to_it() {
    let desk = copied(recent(300), Quirks::default()).await;
    let earlier = Sync {
        since: Some(NOW - TimeDelta::days(400)),
        ..settings(&desk)
    };
    let error = sync_with(&desk, &earlier).await.expect_err("earlier");
    assert_eq!(error.kind(), ErrorKind::Usage);
    let help = error.help_text().expect("a way out");
    assert!(help.contains("backfill --since"), "{help}");
    let same = Sync {
        since: Some(desk.settings.since),
        ..settings(&desk)
    };
    sync_with(&desk, &same).await.expect("a sync");
}

#[tokio::test]
async fn a_backfill_of_an_older_time_apart_moves_no_sync_back() {
    let desk = copied(recent(2_000), Quirks::default()).await;
    sync(&desk).await;
    let complete_until = sync(&desk).await.0.complete_until;
    let old = Backfill {
        since: NOW - TimeDelta::days(900),
        until: Some(NOW - TimeDelta::days(800)),
        ..desk.settings.clone()
    };
    desk.backfill_with(&old).await.expect("a backfill");
    desk.simulator.clear_requests();
    let (summary, exit_code) = sync(&desk).await;
    assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
    assert!(summary.complete_until >= complete_until, "{summary:?}");
    let new = step_of(&summary, "new");
    assert!(new.is_some_and(|step| step.requests <= 2), "{summary:?}");
    let remarks = &summary.summary.remarks;
    assert!(
        remarks
            .iter()
            .any(|remark| remark.contains("closes the gap")),
        "{remarks:?}"
    );
    let between = Backfill {
        since: NOW - TimeDelta::days(801),
        until: Some(NOW - TimeDelta::days(300)),
        ..desk.settings.clone()
    };
    desk.backfill_with(&between).await.expect("a backfill");
    let (summary, exit_code) = sync(&desk).await;
    assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
    assert!(summary.summary.range_from < instant_text(NOW - TimeDelta::days(899)));
    assert!(summary.summary.remarks.is_empty(), "{summary:?}");
}

#[tokio::test]
async fn an_incomplete_sync_and_the_status_after_it_agree_on_what_is_complete() {
    let desk = copied(recent(2_000), Quirks::default()).await;
    let (complete, _) = sync(&desk).await;
    desk.simulator.with_world(|world| *world = World::empty());
    let (incomplete, exit_code) = sync(&desk).await;
    assert_eq!(exit_code, ExitCode::Incomplete, "{incomplete:?}");
    assert_eq!(incomplete.complete_until, complete.complete_until);
    let at = Instant::from_timestamp_millis(
        desk.number("SELECT value FROM _sync WHERE name = 'complete_ms'"),
    );
    assert_eq!(at.map(instant_text), Some(complete.complete_until));
}

#[tokio::test]
async fn what_a_sync_did_not_believe_is_still_known_after_it() {
    let desk = copied(recent(2_000), Quirks::default()).await;
    desk.simulator.with_world(|world| *world = World::empty());
    let (summary, _) = sync(&desk).await;
    let store = Store::open_read_only(&desk.path()).expect("a store");
    let outcome = store.outcome(summary.summary.snapshot_id).expect("reads");
    let outcome = outcome.expect("an outcome");
    let is_told = |remark: &String| remark.contains("none was flagged as deleted");
    assert!(outcome.remarks.iter().any(is_told), "{outcome:?}");
}

#[tokio::test]
async fn a_ticket_that_was_deleted_and_came_back_has_a_history_without_a_gap() {
    let desk = copied(recent(2_000), Quirks::default()).await;
    let id = ids(&desk, is_open).remove(0);
    let ticket = desk.simulator.with_world(|world| {
        let ticket = world.tickets().find(|ticket| ticket.id == id).cloned();
        world.remove(&id);
        ticket.expect("such a ticket")
    });
    let (gone, _) = sync(&desk).await;
    assert_eq!(gone.summary.tickets_deleted, 1, "{gone:?}");
    desk.simulator.with_world(|world| world.insert(ticket));
    let (back, exit_code) = sync(&desk).await;
    assert_eq!(exit_code, ExitCode::Complete, "{back:?}");
    assert_current(&desk);
    let versions = desk.column(&format!(
        "SELECT is_deleted || ' ' || (valid_until IS NULL) || ' ' || (valid_from IS
             lag(valid_until, 1, valid_from) OVER (ORDER BY valid_from))
         FROM ticket_history WHERE ticket_id = '{id}' ORDER BY valid_from"
    ));
    assert_eq!(versions, ["0 0 1", "1 0 1", "0 1 1"]);
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
        since: Some(NOW - TimeDelta::days(301)),
        ..settings(&desk)
    };
    let (_, exit_code) = sync_with(&desk, &since).await.expect("a backfill");
    assert_eq!(exit_code, ExitCode::Complete);
    assert_eq!(desk.number("SELECT count(*) FROM tickets"), 300);
}

/// The API's clock decides where the next sync begins, unless it is far ahead.
#[tokio::test]
async fn a_clock_that_is_behind_or_far_ahead_loses_no_new_ticket() {
    for skew in [TimeDelta::hours(-1), TimeDelta::days(3)] {
        let mut desk = Desk::open(SimulatorSpec::new(terse(500))).await;
        desk.connection.clock_tolerance = std::time::Duration::from_secs(600);
        desk.settings.since = NOW - TimeDelta::days(301);
        desk.settings.until = None;
        desk.simulator.set_now(Some(NOW + skew));
        desk.backfill().await.expect("a backfill");
        sync(&desk).await;
        // What is created next is dated by the clock that the API dates tickets by.
        let behind = skew.min(TimeDelta::zero());
        let created_at = NOW + behind + TimeDelta::seconds(30);
        desk.simulator.with_world(|world| {
            let mut ticket = Ticket::new(object_id(created_at, 9), created_at);
            ticket.status = "Resolved".into();
            world.insert(ticket);
        });
        desk.simulator
            .set_now(Some(NOW + skew + TimeDelta::minutes(10)));
        let only_needed = Sync {
            spend: Spend::requests(1),
            ..settings(&desk)
        };
        let (summary, _) = sync_with(&desk, &only_needed).await.expect("a sync");
        assert_eq!(summary.summary.tickets_new, 1, "{skew}: {summary:?}");
    }
}

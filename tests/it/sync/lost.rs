//! What is lost from the store, or was never read into it, comes back or is told.

use mava_export::settings::{Backfill, Sync, Verify};
use std::sync::{Arc, Mutex};

use mava_export::simulator::{Fault, Faults, Quirks, RequestInfo, SimulatorSpec};
use mava_export::table::parse_instant;
use mava_export::verify;

use super::frame::{go_on, stop_after};
use super::*;
use crate::support::LOSE;

/// Deletes the rows of tickets by hand, and nothing else of them.
fn lose(desk: &Desk, ids: &[String]) {
    let sqlite = desk.sqlite();
    sqlite
        .pragma_update(None, "foreign_keys", false)
        .expect("a pragma");
    for id in ids {
        let deleted = sqlite.execute("DELETE FROM tickets WHERE id = ?1", [id]);
        assert_eq!(deleted, Ok(1));
    }
}

async fn repair(desk: &Desk) -> (mava_export::report::Verification, ExitCode) {
    let context = desk.context().expect("a client");
    let settings = Verify {
        store: desk.settings.store.clone(),
        is_deep: false,
        is_repair: true,
        allow_deletions: false,
    };
    verify::verify(&context, &settings, &|_| {})
        .await
        .expect("ends")
}

#[tokio::test]
async fn a_row_lost_from_the_store_comes_back_whether_its_ticket_changed_or_not() {
    for (is_full, has_messages) in [(false, true), (true, true), (true, false)] {
        let desk = copied(recent(300), Quirks::default()).await;
        let open = ids(&desk, is_open);
        let lost = &open[..2];
        let history = format!(
            "SELECT count(*) FROM ticket_history WHERE ticket_id = '{}'",
            lost[0]
        );
        lose(&desk, lost);
        edit(&desk, &lost[0], |ticket| {
            let is_waiting = ticket.status.as_ref() == "Waiting";
            ticket.status = if is_waiting { "Open" } else { "Waiting" }.into();
        });
        let settings = Sync {
            whole: match is_full {
                true => Whole::Always,
                false => Whole::Never,
            },
            has_messages,
            ..settings(&desk)
        };
        let (summary, exit_code) = sync_with(&desk, &settings).await.expect("a sync");
        assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
        // A thread that was not read is read by the first sync that asks for it.
        sync(&desk).await;
        assert_current(&desk);
        desk.rows();
        assert_eq!(desk.number(&history), 2);
    }
}

#[tokio::test]
async fn a_backfill_brings_back_a_row_lost_from_the_store() {
    let desk = copied(recent(300), Quirks::default()).await;
    let lost = ids(&desk, |ticket| is_resolved(ticket, 50, 200)).remove(3);
    lose(&desk, std::slice::from_ref(&lost));
    edit(&desk, &lost, |ticket| ticket.csat = Some(2));
    let (_, exit_code) = desk.backfill().await.expect("a backfill");
    assert_eq!(exit_code, ExitCode::Complete);
    assert_current(&desk);
}

#[tokio::test]
async fn a_repair_is_not_locked_out_by_an_unfinished_sync() {
    let mut desk = copied(recent(2_000), Quirks::default()).await;
    stop_after(&mut desk, 5);
    let (_, exit_code) = sync(&desk).await;
    assert_eq!(exit_code, ExitCode::Interrupted);
    go_on(&mut desk);
    desk.sqlite()
        .execute("UPDATE tickets SET csat = 1 WHERE csat = 5", [])
        .expect("meddled with");
    let (found, exit_code) = repair(&desk).await;
    assert_eq!(exit_code, ExitCode::Complete, "{found:?}");
    let (summary, exit_code) = sync(&desk).await;
    assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
    assert!(!summary.summary.is_resumed);
    assert_current(&desk);
}

#[tokio::test]
async fn a_repair_after_a_sync_without_messages_brings_the_threads_that_the_store_has() {
    let desk = copied(recent(300), Quirks::default()).await;
    let bare = Sync {
        has_messages: false,
        whole: Whole::Always,
        ..settings(&desk)
    };
    sync_with(&desk, &bare).await.expect("a sync");
    let lost = ids(&desk, |ticket| ticket.messages.len() > 1).remove(0);
    let sql = "BEGIN; DELETE FROM tickets WHERE id = 'ID';
         DELETE FROM _ticket_index WHERE id = 'ID';
         DELETE FROM message_attachments WHERE ticket_id = 'ID';
         DELETE FROM messages WHERE ticket_id = 'ID';
         DELETE FROM ticket_attributes WHERE ticket_id = 'ID';
         DELETE FROM ticket_tags WHERE ticket_id = 'ID';
         DELETE FROM ticket_discord_users WHERE ticket_id = 'ID';
         DELETE FROM ticket_metrics WHERE ticket_id = 'ID';
         DELETE FROM ticket_events WHERE ticket_id = 'ID';
         DELETE FROM ticket_history WHERE ticket_id = 'ID'; COMMIT";
    desk.sqlite()
        .execute_batch(&sql.replace("ID", &lost))
        .expect("meddled with");
    let (found, exit_code) = repair(&desk).await;
    assert_eq!(exit_code, ExitCode::Complete, "{found:?}");
    assert_current(&desk);
}

/// A desk of three hundred days, copied without messages.
async fn copied_bare() -> Desk {
    let mut desk = Desk::open(SimulatorSpec::new(recent(2_000))).await;
    desk.settings.since = NOW - TimeDelta::days(301);
    desk.settings.until = None;
    let bare = Backfill {
        has_messages: false,
        ..desk.settings.clone()
    };
    desk.backfill_with(&bare).await.expect("a backfill");
    desk
}

/// Three hundred days without messages, and the last ten with them.
#[tokio::test]
async fn threads_that_no_run_has_read_are_told_and_are_no_finds() {
    let desk = copied_bare().await;
    let short = Backfill {
        since: NOW - TimeDelta::days(10),
        ..desk.settings.clone()
    };
    desk.backfill_with(&short).await.expect("a backfill");
    let unread = "SELECT count(*) FROM _ticket_index WHERE thread_hash IS NULL";
    let before = desk.number(unread);
    assert!(before > 500, "{before}");
    desk.set_now(NOW + TimeDelta::days(3));
    let often = Sync {
        spend: Spend::requests(12),
        ..settings(&desk)
    };
    let (summary, exit_code) = sync_with(&desk, &often).await.expect("a sync");
    assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
    let left = desk.number(unread);
    assert!(0 < left && left < before, "{left} of {before}");
    let told = format!("{left} tickets are stored without their threads");
    let remarks = &summary.summary.remarks;
    assert!(
        remarks.iter().any(|remark| remark.contains(&told)),
        "{remarks:?}"
    );
    let finds = "SELECT CAST(sum(finds) AS INTEGER) FROM _hazards WHERE kind = 'other'";
    assert_eq!(desk.number(finds), 0);
    let full = Sync {
        whole: Whole::Always,
        ..settings(&desk)
    };
    let (summary, _) = sync_with(&desk, &full).await.expect("a sync");
    assert!(summary.summary.remarks.is_empty(), "{summary:?}");
    assert_eq!(desk.number(unread), 0);
}

#[tokio::test]
async fn a_thread_that_the_api_does_not_give_is_not_told_to_be_read() {
    let desk = copied_bare().await;
    desk.backfill().await.expect("a backfill");
    // Not among those that took longest, which lists of resolved tickets show.
    let is_quick = |ticket: &Ticket| {
        ticket
            .resolution_time_ms
            .is_some_and(|time| time < 3_600_000)
    };
    let settled = ids(&desk, |ticket| {
        is_resolved(ticket, 100, 250) && is_quick(ticket)
    })
    .remove(3);
    let meddle = |set: &str| {
        let sql = format!("UPDATE _ticket_index SET {set} WHERE id = '{settled}'");
        assert_eq!(desk.sqlite().execute(&sql, []), Ok(1));
    };
    let quick = Sync {
        spend: Spend::requests(0),
        ..settings(&desk)
    };
    let threads = |summary: &SyncSummary| -> Vec<String> {
        let remarks = summary.summary.remarks.iter();
        remarks
            .filter(|remark| remark.contains("thread"))
            .cloned()
            .collect()
    };
    // Read by the run with messages, without bringing any.
    meddle("thread_hash = NULL");
    let (summary, _) = sync_with(&desk, &quick).await.expect("a sync");
    assert_eq!(threads(&summary), Vec::<String>::new());
    meddle("seen_snapshot = 1");
    let (summary, _) = sync_with(&desk, &quick).await.expect("a sync");
    let told = threads(&summary);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].starts_with("1 ticket is stored without its thread, "),
        "{told:?}"
    );
}

#[tokio::test]
async fn a_list_of_the_open_set_that_is_not_proven_costs_the_next_sync_no_whole_read() {
    let desk = copied(recent(2_000), Quirks::default()).await;
    desk.simulator.set_hook(Box::new(|request, _| {
        (request.parameter("status") == Some("Open")).then_some(Fault::CountLies(7))
    }));
    let (summary, exit_code) = sync(&desk).await;
    assert_eq!(exit_code, ExitCode::Incomplete, "{summary:?}");
    assert!(!summary.summary.unverified.is_empty(), "{summary:?}");
    desk.simulator.clear_hook();
    let yesterday = instant_text(NOW - TimeDelta::days(2));
    assert!(summary.complete_until > yesterday, "{summary:?}");
    let (summary, exit_code) = sync(&desk).await;
    assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
    let new = step_of(&summary, "new");
    assert!(new.is_some_and(|step| step.requests <= 2), "{summary:?}");
}

#[tokio::test]
async fn what_is_lost_of_the_minutes_that_no_verification_counts_comes_back_with_the_next_sync() {
    let began = NOW - TimeDelta::days(1);
    let mut world = recent(300);
    let mut lost = String::new();
    for (number, before_ms) in (1..).zip([1, 2, 300_000, 600_000, 600_001]) {
        let created_at = began - TimeDelta::milliseconds(before_ms);
        let id = object_id(created_at, number);
        lost.push_str(&LOSE.replace("ID", &id));
        world.insert(Ticket::new(id, created_at));
    }
    let desk = copied(world, Quirks::default()).await;
    desk.meddle(&lost);
    let (summary, exit_code) = sync(&desk).await;
    assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
    assert_current(&desk);
}

/// The parameters of a request that says how many tickets a window has.
fn counted(request: &RequestInfo) -> Option<(String, String)> {
    let is_count = request.parameter("limit") == Some("1");
    let [from, until] = ["startDate", "endDate"].map(|name| request.parameter(name));
    Some((from?.to_owned(), until?.to_owned())).filter(|_| is_count)
}

/// The older of two windows is settled with a deletion; then half of the newer one is gone for a while, so that
/// none of it is believed, nor the deletion. Once all is back, the older one is looked at again.
#[tokio::test]
async fn what_a_settled_window_had_flagged_is_looked_for_again_after_it_was_taken_back() {
    let world = World::generate(&WorldSpec {
        from: NOW - TimeDelta::days(500),
        until: NOW - TimeDelta::days(2),
        tickets: 500,
        ..WorldSpec::default()
    });
    let mut desk = opened(world, Quirks::default()).await;
    desk.settings.since = NOW - TimeDelta::days(501);
    desk.backfill().await.expect("a backfill");
    desk.set_now(NOW);
    let settings = Sync {
        whole: Whole::Always,
        ..settings(&desk)
    };
    let seen = Arc::new(Mutex::new(Vec::new()));
    let counts = Arc::clone(&seen);
    desk.simulator.set_hook(Faults::none_but(move |request, _| {
        counts.lock().expect("no panic").extend(counted(request));
    }));
    sync_with(&desk, &settings).await.expect("a sync");
    let windows = seen.lock().expect("no panic").clone();
    assert!(windows.len() > 1, "{windows:?}");
    let newest = windows.iter().max().cloned().expect("a window");
    let from = parse_instant(&newest.0).expect("an instant");
    let victim = ids(&desk, |ticket| ticket.created_at < from).remove(3);
    desk.simulator.with_world(|world| world.remove(&victim));
    let whole = desk.simulator.world();
    let mut half = whole.clone();
    for (place, id) in ids(&desk, |ticket| ticket.created_at >= from)
        .iter()
        .enumerate()
    {
        if place % 2 == 0 {
            half.remove(id);
        }
    }
    let mut counts = 0;
    desk.simulator.set_hook(Box::new(move |request, world| {
        let is_count = counted(request).as_ref() == Some(&newest);
        counts += usize::from(is_count);
        match counts {
            // The round in which the older window is settled.
            1..=3 if is_count => return Some(Fault::CountLies(1)),
            // The next one: the count has all of it still; what is listed after it has not.
            5 if !is_count => *world = half.clone(),
            7.. => *world = whole.clone(),
            _ => {}
        }
        None
    }));
    let (summary, exit_code) = sync_with(&desk, &settings).await.expect("a sync");
    assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
    assert_eq!(summary.summary.tickets_deleted, 1, "{summary:?}");
    assert_current(&desk);
}

//! A sync that was stopped and goes on: what its first part flagged, counted and said is not forgotten.

use mava_export::simulator::{Hook, Quirks, SimulatorSpec};
use mava_export::store::{OpenOptions, Store};
use tokio_util::sync::CancellationToken;

use super::frame::{go_on, stop_after};
use super::*;
use crate::support::WallClock;

/// Stops the run at its first list of ratings, or at the first request after those.
fn stop_at_ratings(desk: &mut Desk, is_after: bool) {
    desk.cancel = CancellationToken::new();
    let cancel = desk.cancel.clone();
    let mut has_begun = false;
    let hook: Hook = Box::new(move |request, _| {
        let is_of_ratings = request.parameter("csatValues").is_some();
        has_begun |= is_of_ratings;
        if has_begun && is_of_ratings != is_after {
            cancel.cancel();
        }
        None
    });
    desk.simulator.set_hook(hook);
}

fn remove(desk: &Desk, ids: &[String]) {
    for id in ids {
        desk.simulator.with_world(|world| world.remove(id));
    }
}

/// A desk of two windows, copied and synced.
async fn of_two_years() -> Desk {
    let world = World::generate(&WorldSpec {
        seed: 7,
        tickets: 2_500,
        from: NOW - TimeDelta::days(700),
        until: NOW - TimeDelta::days(1),
        mean_messages: 1.0,
    });
    let mut desk = Desk::open(SimulatorSpec::new(world)).await;
    desk.settings.since = NOW - TimeDelta::days(701);
    desk.settings.until = None;
    open_up(&desk, 150);
    desk.backfill().await.expect("a backfill");
    sync(&desk).await;
    desk
}

/// Forty-five tickets leave the open set, which is believed; then thirty are missing from the older
/// window, which is too many.
#[tokio::test]
async fn a_loss_that_is_not_believed_is_taken_back_however_the_run_came_by_it() {
    for is_stopped in [false, true] {
        let mut desk = of_two_years().await;
        let before = desk.rows();
        let open = ids(&desk, |ticket| {
            is_open(ticket) && NOW - ticket.created_at < TimeDelta::days(300)
        });
        let old = ids(&desk, |ticket| is_resolved(ticket, 450, 650));
        remove(&desk, &open[..45]);
        desk.set_now(NOW + TimeDelta::days(8));
        if is_stopped {
            stop_at_ratings(&mut desk, false);
            let (summary, exit_code) = sync(&desk).await;
            assert_eq!(exit_code, ExitCode::Interrupted, "{summary:?}");
            assert_eq!(summary.summary.tickets_deleted, 45, "{summary:?}");
            go_on(&mut desk);
        }
        // What the part that was stopped had read before it went is the next sync's to miss.
        let seen = desk.column("SELECT id FROM _ticket_index WHERE seen_snapshot = 3");
        let read = old[20..50].iter().filter(|id| seen.contains(id)).count();
        remove(&desk, &old[20..50]);
        // More than a sync has requests left to look for once more: all of them count.
        let (summary, exit_code) = sync(&desk).await;
        assert_eq!(summary.summary.is_resumed, is_stopped);
        assert_eq!(exit_code, ExitCode::Incomplete, "{summary:?}");
        assert_eq!(summary.summary.tickets_deleted, 0, "{summary:?}");
        let changed = summary.steps.iter().map(|step| step.changed);
        assert_eq!(changed.sum::<u64>(), 0, "{summary:?}");
        let remarks = &summary.summary.remarks;
        let told = remarks.iter().filter_map(|remark| {
            let (number, _) = remark.split_once(" stored tickets")?;
            number.parse::<usize>().ok()
        });
        // Where what may be sent did not suffice to locate all, that is told too.
        let mut unverified = summary.summary.unverified.iter();
        let is_located = !unverified.any(|one| one.reason.contains("which tickets differ"));
        let told = told.max().unwrap_or(0);
        let all = 75 - read;
        assert!(
            told == all || told > 50 && !is_located,
            "{read} read before: {summary:#?}"
        );
        let flagged = "SELECT count(*) FROM tickets WHERE deleted_at IS NOT NULL";
        assert_eq!(desk.number(flagged), 0);
        desk.rows()
            .assert_equal(&before, "after what was not believed");
    }
}

#[tokio::test]
async fn what_the_first_part_counted_and_said_is_told_at_the_end() {
    let ignored = Quirks {
        ignored: &["csatValues"],
        ..Quirks::default()
    };
    for quirks in [Quirks::default(), ignored] {
        let mut desk = copied(recent(2_500), quirks).await;
        sync(&desk).await;
        for id in &ids(&desk, |ticket| is_resolved(ticket, 100, 250))[..5] {
            edit(&desk, id, |ticket| ticket.csat = Some(4));
        }
        let is_counted = quirks.ignored.is_empty();
        stop_at_ratings(&mut desk, true);
        let (_, exit_code) = sync(&desk).await;
        assert_eq!(exit_code, ExitCode::Interrupted);
        go_on(&mut desk);
        let (summary, _) = sync(&desk).await;
        assert!(summary.summary.is_resumed, "{summary:?}");
        assert_eq!(
            summary.ratings_outstanding.is_some(),
            is_counted,
            "{summary:?}"
        );
        let missing = desk.simulator.with_world(|world| {
            let rated = world.tickets().filter(|ticket| ticket.csat.is_some());
            rated.count()
        }) - usize::try_from(desk.number("SELECT count(csat) FROM tickets"))
            .expect("few");
        if is_counted {
            let outstanding = summary.ratings_outstanding;
            assert_eq!(outstanding, u64::try_from(missing).ok(), "{summary:?}");
        }
        let remarks = &summary.summary.remarks;
        let is_told = remarks.iter().any(|remark| remark.contains("csatValues"));
        assert_eq!(is_told, !is_counted, "{remarks:?}");
    }
}

#[tokio::test]
async fn a_sync_that_was_given_up_is_not_the_last_sync() {
    let mut desk = copied(recent(2_000), Quirks::default()).await;
    let (summary, _) = sync(&desk).await;
    stop_after(&mut desk, 5);
    let (_, exit_code) = sync(&desk).await;
    assert_eq!(exit_code, ExitCode::Interrupted);
    go_on(&mut desk);
    let options = OpenOptions {
        file_mode: None,
        now: NOW,
    };
    let mut store = Store::open(&desk.path(), &options).expect("a store");
    store
        .end_stale_syncs(NOW + TimeDelta::days(1), NOW + TimeDelta::days(2), NOW)
        .expect("ends it");
    drop(store);
    let directory = tempfile::tempdir().expect("a directory");
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_mava-export"));
    WallClock::new(directory.path()).set(&mut command, NOW);
    let output = command
        .args(["status", "--json", "--to"])
        .arg(format!("sqlite:{}", desk.path().display()))
        .output()
        .expect("runs");
    let status: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let last = status["last_sync"]["snapshot_id"].as_i64();
    assert_eq!(last, Some(summary.summary.snapshot_id), "{status:#}");
}

//! What a sync begins from, what it goes on with, and what it refuses.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use mava_export::commands;
use mava_export::error::ExitCode;
use mava_export::settings::{Sync, Verify};
use mava_export::simulator::{Faults, Quirks, SimulatorSpec};
use tokio_util::sync::CancellationToken;

use super::*;

/// Stops the run that is going on when so many more requests have come.
fn stop_after(desk: &mut Desk, requests: u64) {
    desk.cancel = CancellationToken::new();
    let cancel = desk.cancel.clone();
    let left = Arc::new(AtomicU64::new(requests));
    desk.simulator.set_hook(Faults::none_but(move |_, _| {
        if left.fetch_sub(1, Ordering::Relaxed) == 1 {
            cancel.cancel();
        }
    }));
}

fn go_on(desk: &mut Desk) {
    desk.cancel = CancellationToken::new();
    desk.simulator.clear_hook();
}

#[tokio::test]
async fn a_first_sync_that_was_stopped_goes_on_where_it_stopped() {
    let since = now() - TimeDelta::days(301);
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
        is_repair: true,
        allow_deletions: false,
    };
    let context = Context {
        client: Arc::new(Client::new(&desk.connection, rand::random).expect("a client")),
        cancel: desk.cancel.clone(),
        progress: watch::Sender::new(Progress::default()),
    };
    let stop = |note: &str| {
        if note.contains("reading") {
            desk.cancel.cancel();
        }
    };
    let (_, exit_code) = commands::verify(&context, &repair, &stop)
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

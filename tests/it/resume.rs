//! A run that is stopped goes on where it stopped.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use mava_export::error::ExitCode;
use mava_export::run;
use mava_export::simulator::{Faults, Quirks, SimulatorSpec, World, WorldSpec};
use mava_export::window;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio_util::sync::CancellationToken;

use crate::support::Desk;

fn world() -> World {
    World::generate(&WorldSpec {
        seed: 5,
        tickets: 1_500,
        from: window::parse("2022-02-01").expect("a date"),
        until: window::parse("2024-12-01").expect("a date"),
        mean_messages: 2.0,
    })
}

async fn open(world: &World) -> Desk {
    Desk::open(SimulatorSpec {
        quirks: Quirks {
            largest_page: Some(20),
            has_shuffled_ties: true,
            ..Quirks::default()
        },
        latency: Duration::from_millis(1),
        ..SimulatorSpec::new(world.clone())
    })
    .await
}

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

#[tokio::test]
async fn a_run_stopped_again_and_again_equals_an_undisturbed_one_and_costs_hardly_more() {
    let world = world();
    let undisturbed = open(&world).await;
    let (_, exit_code) = undisturbed.backfill().await.expect("completes");
    assert_eq!(exit_code, ExitCode::Complete);
    undisturbed.assert_whole("undisturbed");
    let usual = undisturbed.simulator.requests().len();

    for seed in 0..4 {
        let mut random = StdRng::seed_from_u64(seed);
        let mut desk = open(&world).await;
        let mut stops = 0;
        let summary = loop {
            stop_after(&mut desk, random.random_range(1..40));
            let (summary, exit_code) = desk.backfill().await.expect("ends");
            assert_eq!(summary.is_resumed, stops > 0, "seed {seed}");
            if exit_code == ExitCode::Complete {
                break summary;
            }
            assert_eq!(exit_code, ExitCode::Interrupted, "seed {seed}");
            assert_eq!(summary.outcome.word(), "interrupted");
            stops += 1;
            assert!(stops < 60, "no progress with seed {seed}");
        };
        assert!(stops > 1, "seed {seed}: {stops} stops");
        desk.assert_whole(&format!("seed {seed}"));
        assert_eq!(summary.tickets_read, 1_500, "seed {seed}");
        assert_eq!(summary.tickets_new, 1_500, "seed {seed}");
        let requests = desk.simulator.requests().len();
        // Pages that a stop found in flight may be asked for again.
        let most = usual + usual / 5 + 4 * stops;
        assert!(requests <= most, "seed {seed}: {requests} of {usual}");
        let sql = "SELECT requests FROM snapshots";
        assert_eq!(desk.column(sql), [requests.to_string()], "seed {seed}");
    }
}

#[tokio::test]
async fn a_run_stopped_once_is_one_snapshot_and_asks_for_nothing_it_has() {
    let world = world();
    let mut desk = open(&world).await;
    stop_after(&mut desk, 30);
    let (summary, exit_code) = desk.backfill().await.expect("ends");
    assert_eq!(exit_code, ExitCode::Interrupted);
    assert!(summary.tickets_read > 0);
    assert_eq!(desk.column("SELECT outcome FROM snapshots"), ["running"]);
    let before = desk.live_ids();

    desk.cancel = CancellationToken::new();
    desk.simulator.clear_hook();
    desk.simulator.clear_requests();
    let (again, exit_code) = desk.backfill().await.expect("completes");
    assert_eq!(exit_code, ExitCode::Complete);
    assert!(again.is_resumed);
    assert_eq!(again.snapshot_id, summary.snapshot_id);
    assert_eq!(desk.column("SELECT outcome FROM snapshots"), ["complete"]);
    desk.assert_whole("after going on");
    let requests = desk.simulator.requests();
    assert!(requests.iter().all(|one| one.path == "/api/tickets"));
    let served: usize = requests.iter().filter_map(|one| one.page_length).sum();
    let left = desk.live_ids().len() - before.len();
    // A page brings the last ticket of the one before, and a few were in flight.
    let most = left + requests.len() + 5 * 20;
    assert!(served <= most, "{served} tickets served for {left}");
}

#[tokio::test]
async fn the_progress_of_a_run_that_goes_on_counts_no_ticket_twice() {
    let mut desk = open(&world()).await;
    stop_after(&mut desk, 30);
    let (stopped, exit_code) = desk.backfill().await.expect("ends");
    assert_eq!(exit_code, ExitCode::Interrupted);
    assert_eq!(stopped.tickets_resumed, 0);

    desk.cancel = CancellationToken::new();
    desk.simulator.clear_hook();
    desk.simulator.clear_requests();
    let context = desk.context().expect("a client");
    let told = context.progress.subscribe();
    let (summary, exit_code) = run::backfill(&context, &desk.settings)
        .await
        .expect("completes");
    assert_eq!(exit_code, ExitCode::Complete);
    let last = told.borrow().clone();
    assert_eq!(
        (last.tickets_read, last.tickets_expected),
        (1_500, Some(1_500))
    );
    let before = u64::try_from(stopped.tickets_read).expect("a number");
    assert_eq!(last.tickets_resumed, before);
    // What this process did is told apart from what the run has.
    assert_eq!(summary.tickets_read, 1_500);
    assert_eq!(summary.tickets_resumed, stopped.tickets_read);
    assert_eq!(summary.requests, desk.simulator.requests().len() as u64);
}

#[tokio::test]
async fn a_run_stopped_before_its_first_page_goes_on_too() {
    let mut desk = open(&world()).await;
    desk.cancel.cancel();
    let (_, exit_code) = desk.backfill().await.expect("ends");
    assert_eq!(exit_code, ExitCode::Interrupted);
    assert!(desk.simulator.requests().is_empty());
    desk.cancel = CancellationToken::new();
    let (_, exit_code) = desk.backfill().await.expect("completes");
    assert_eq!(exit_code, ExitCode::Complete);
    desk.assert_whole("after going on");
}

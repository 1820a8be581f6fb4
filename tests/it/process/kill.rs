//! SIGKILL anywhere, then the same command again: as if nothing had happened.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::stored::{assert_same, assert_sound, look, rows, texts};
use super::support::{BACKFILL, Place, Running, desk, run, wait_for, watch};

const KILLS: usize = 50;
/// Enough for 32 requests, so that the pages in hand at the kill (in flight, handed over, waiting for
/// the writer or being written: five with two lanes) are less than a fifth of them.
const TICKETS: usize = 3_000;
const LATENCY_MS: u64 = 4;

#[test]
fn a_run_killed_at_any_of_fifty_points_is_completed_by_the_next() {
    let simulator = desk(TICKETS, LATENCY_MS);
    let backfill = format!("{BACKFILL} --lanes 2 --json");
    let undisturbed = Place::new();
    run(&mut undisturbed.command_at(&simulator, &backfill)).expect(0);
    let expected = rows(&undisturbed.path("support.db"));
    assert_eq!(expected["tickets"].len(), TICKETS);
    let least = simulator.requests().len();
    let mut random = StdRng::seed_from_u64(50);
    let (mut killed, mut resumed, mut most) = (0, 0, 0);
    for kill in 0..KILLS {
        simulator.clear_requests();
        let place = Place::new();
        // One in ten dies at any moment from its start on, the others a moment after a request.
        let request = (kill % 10 > 0).then(|| random.random_range(1..least - 2));
        let moment_us = match request {
            Some(_) => random.random_range(0..2_500 * LATENCY_MS),
            None => random.random_range(0..60_000),
        };
        let arrivals = watch(&simulator, |_, _| None);
        let mut running = Running::start(&mut place.command_at(&simulator, &backfill));
        if let Some(request) = request {
            wait_for(&arrivals, u64::try_from(request).unwrap());
        }
        std::thread::sleep(Duration::from_micros(moment_us));
        running.kill();
        killed += usize::from(running.end().code().is_none());
        let path = place.path("support.db");
        if path.exists() {
            assert_sound(&path);
        }
        let what = format!("kill {kill}, {moment_us} us after request {request:?}");
        let summary = run(&mut place.command_at(&simulator, &backfill))
            .expect(0)
            .json();
        resumed += usize::from(summary["is_resumed"] == true);
        assert_same(&rows(&path), &expected, &what);
        assert_sound(&path);
        let newest = "SELECT outcome || tickets_new FROM snapshots ORDER BY id DESC LIMIT 1";
        if summary["is_resumed"] == true {
            assert_eq!(
                texts(&look(&path), newest),
                [format!("complete{TICKETS}")],
                "{what}"
            );
        }
        let requests = simulator.requests().len();
        most = most.max(requests);
        // A run that was over by the time it was to be killed is a second run, not a second part.
        if summary["is_resumed"] == true || summary["tickets_new"] == TICKETS {
            assert!(
                requests * 10 <= least * 12,
                "{what}: {requests} requests, not {least}"
            );
        }
    }
    println!("{killed} killed, {resumed} resumed, {least} requests undisturbed, {most} at most");
    assert!(killed >= KILLS * 9 / 10, "{killed}");
    assert!(resumed >= KILLS * 6 / 10, "{resumed}");
}

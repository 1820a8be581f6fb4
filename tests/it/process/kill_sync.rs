//! SIGKILL anywhere in a sync, then the same command again: as if nothing had happened.

use std::time::Duration;

use chrono::TimeDelta;
use mava_export::simulator::{Evolution, World};
use mava_export::window;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::stored::{assert_sound, look, texts};
use super::support::{BACKFILL, Place, Running, desk, run, wait_for, watch};

const KILLS: usize = 30;
const TICKETS: usize = 1_500;
const LATENCY_MS: u64 = 4;

/// Tickets as they are stored, but for which run wrote them.
const ROWS: &str = "SELECT id || ' ' || status || ' ' || coalesce(updated_at, '') || ' '
    || coalesce(csat, '') || ' ' || (deleted_at IS NOT NULL) FROM tickets ORDER BY id";

/// Versions, but for when they were seen.
const VERSIONS: &str = "SELECT ticket_id || ' ' || coalesce(status, '') || ' ' || is_deleted
    FROM ticket_history ORDER BY ticket_id, valid_from";

/// All steps, and by the floor every ticket, so that the outcome does not hang on what was learnt.
const SYNC: &str = "sync --to sqlite:support.db --full-below 0 --refresh-within 2 \
     --rate-limit none --retry-pause 5ms --json";

/// The desk at the end of the range, and a night later.
fn night(before: &World) -> World {
    let from = window::parse("2024-07-01").expect("a date");
    let mut after = before.clone();
    let spec = Evolution {
        rate: 15.0,
        ..Evolution::default()
    };
    after.evolve(&spec, from, from + TimeDelta::days(1));
    after
}

#[test]
fn a_sync_killed_at_any_of_thirty_points_is_completed_by_the_next() {
    let simulator = desk(TICKETS, LATENCY_MS);
    let before = simulator.world();
    let after = night(&before);
    let (evening, morning) = (
        window::parse("2024-07-01").expect("a date"),
        window::parse("2024-07-02").expect("a date"),
    );
    let copied = || {
        simulator.with_world(|world| *world = before.clone());
        simulator.set_now(Some(evening));
        let place = Place::new();
        run(&mut place.command_at(&simulator, BACKFILL)).expect(0);
        simulator.with_world(|world| *world = after.clone());
        simulator.set_now(Some(morning));
        simulator.clear_requests();
        place
    };
    let undisturbed = copied();
    run(&mut undisturbed.command_at(&simulator, SYNC)).expect(0);
    let path = undisturbed.path("support.db");
    let (rows, versions) = (texts(&look(&path), ROWS), texts(&look(&path), VERSIONS));
    let least = simulator.requests().len();
    assert!(least > 12, "{least}");
    let mut random = StdRng::seed_from_u64(30);
    let (mut killed, mut resumed) = (0, 0);
    for kill in 0..KILLS {
        let place = copied();
        let path = place.path("support.db");
        let request = random.random_range(1..least - 1);
        let moment_us = random.random_range(0..2_000 * LATENCY_MS);
        let arrivals = watch(&simulator, |_, _| None);
        let mut running = Running::start(&mut place.command_at(&simulator, SYNC));
        wait_for(&arrivals, u64::try_from(request).expect("few"));
        std::thread::sleep(Duration::from_micros(moment_us));
        running.kill();
        killed += usize::from(running.end().code().is_none());
        simulator.clear_hook();
        assert_sound(&path);
        let summary = run(&mut place.command_at(&simulator, SYNC))
            .expect(0)
            .json();
        resumed += usize::from(summary["snapshot_id"] == 2);
        let what = format!("kill {kill}, {moment_us} us after request {request}");
        assert_eq!(texts(&look(&path), ROWS), rows, "{what}");
        assert_eq!(texts(&look(&path), VERSIONS), versions, "{what}");
        assert_sound(&path);
    }
    println!("{killed} killed, {resumed} resumed, {least} requests undisturbed");
    assert!(killed >= KILLS * 8 / 10, "{killed}");
    assert!(resumed >= KILLS * 8 / 10, "{resumed}");
}

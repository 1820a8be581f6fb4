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
/// Tickets of a desk that is read in full, and of one that is not.
const TICKETS: usize = 2_000;
const MANY_TICKETS: usize = 9_000;
const LATENCY_MS: u64 = 4;

/// Tickets as they are stored, but for which run wrote them.
const ROWS: &str = "SELECT id || ' ' || status || ' ' || coalesce(updated_at, '') || ' '
    || coalesce(csat, '') || ' ' || (deleted_at IS NOT NULL) FROM tickets ORDER BY id";

/// Versions, but for when they were seen.
const VERSIONS: &str = "SELECT ticket_id || ' ' || coalesce(status, '') || ' ' || is_deleted
    FROM ticket_history ORDER BY ticket_id, valid_from";

/// Messages and tags, with where they hang.
const THREADS: &str =
    "SELECT ticket_id || ' ' || id || ' ' || position || ' ' || coalesce(content, '')
    FROM messages ORDER BY ticket_id, position, id";
const TAGS: &str = "SELECT ticket_id || ' ' || tag_id FROM ticket_tags ORDER BY ticket_id, tag_id";

/// Versions that do not follow each other without gap or overlap, and tickets without exactly one open
/// version.
const TORN: &str = "SELECT ticket_id FROM (
        SELECT ticket_id, valid_from, valid_until,
            lead(valid_from) OVER (PARTITION BY ticket_id ORDER BY valid_from) AS next
        FROM ticket_history)
    WHERE valid_until IS NOT next OR valid_until <= valid_from
    UNION ALL SELECT id FROM tickets WHERE 1 <> (
        SELECT count(*) FROM ticket_history WHERE ticket_id = id AND valid_until IS NULL)";

/// Unresolved tickets that this sync did not read, and any that were read after it.
const STALE: &str = "SELECT i.id FROM _ticket_index AS i JOIN tickets AS t ON t.id = i.id
    WHERE t.deleted_at IS NULL AND (
        t.status <> 'Resolved'
            AND i.verified_at_ms < (SELECT value FROM _sync WHERE name = 'complete_ms')
        OR i.verified_at_ms > (SELECT value FROM _sync WHERE name = 'complete_ms') + 600000)";

/// Tickets that this sync read.
const FRESH: &str = "SELECT id FROM _ticket_index
    WHERE verified_at_ms >= (SELECT value FROM _sync WHERE name = 'complete_ms') ORDER BY id";

/// A sync that reads the whole desk, as one of its size does.
const SYNC: &str = "sync --to sqlite:support.db \
     --rate-limit none --retry-pause 5ms --clock-tolerance 100000h --json";

/// All steps: requests for two thirds of the desk.
const STEPS: &str = "sync --to sqlite:support.db --max-requests 60 \
     --rate-limit none --retry-pause 5ms --clock-tolerance 100000h --json";

/// The desk at the end of the range, and a night later.
fn night(before: &World) -> World {
    let from = window::parse("2024-07-01").expect("a date");
    let mut after = before.clone();
    let spec = Evolution {
        rate: 60.0,
        ..Evolution::default()
    };
    after.evolve(&spec, from, from + TimeDelta::days(1));
    after
}

#[test]
fn a_sync_killed_at_any_of_thirty_points_is_completed_by_the_next() {
    kill_and_run_again(SYNC, KILLS);
}

#[test]
fn a_sync_that_does_not_read_the_whole_desk_is_completed_after_a_kill_too() {
    kill_and_run_again(STEPS, KILLS / 2);
}

/// Kills syncs at random points, and runs each again.
fn kill_and_run_again(sync: &str, kills: usize) {
    let is_whole = sync == SYNC;
    let tickets = if is_whole { TICKETS } else { MANY_TICKETS };
    let simulator = desk(tickets, LATENCY_MS);
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
        let words = format!("{BACKFILL} --clock-tolerance 100000h");
        run(&mut place.command_at(&simulator, &words)).expect(0);
        simulator.with_world(|world| *world = after.clone());
        simulator.set_now(Some(morning));
        simulator.clear_requests();
        place
    };
    let undisturbed = copied();
    run(&mut undisturbed.command_at(&simulator, sync)).expect(0);
    let path = undisturbed.path("support.db");
    let contents = [ROWS, VERSIONS, THREADS, TAGS];
    let expected = contents.map(|sql| texts(&look(&path), sql));
    let fresh = texts(&look(&path), FRESH);
    assert!(fresh.len() > 300, "{}", fresh.len());
    let least = simulator.requests().len();
    assert!(least > 12, "{least}");
    let mut random = StdRng::seed_from_u64(30);
    let (mut killed, mut resumed) = (0, 0);
    for kill in 0..kills {
        let place = copied();
        let path = place.path("support.db");
        let request = random.random_range(1..least - 1);
        let moment_us = random.random_range(0..2_000 * LATENCY_MS);
        let arrivals = watch(&simulator, |_, _| None);
        let mut running = Running::start(&mut place.command_at(&simulator, sync));
        wait_for(&arrivals, u64::try_from(request).expect("few"));
        std::thread::sleep(Duration::from_micros(moment_us));
        running.kill();
        killed += usize::from(running.end().code().is_none());
        simulator.clear_hook();
        assert_sound(&path);
        let summary = run(&mut place.command_at(&simulator, sync))
            .expect(0)
            .json();
        resumed += usize::from(summary["snapshot_id"] == 2);
        let what = format!("kill {kill}, {moment_us} us after request {request}");
        let sent = summary["requests"].as_u64().expect("a number");
        if is_whole {
            let found = contents.map(|sql| texts(&look(&path), sql));
            assert_eq!(found, expected, "{what}");
            let read = texts(&look(&path), FRESH);
            let unread = fresh.iter().filter(|id| read.binary_search(id).is_err());
            assert_eq!(unread.count(), 0, "{what}");
        } else {
            // What the killed part sent counts.
            assert!(sent <= 60, "{what}: {sent}");
        }
        let none: Vec<String> = Vec::new();
        assert_eq!(texts(&look(&path), TORN), none, "{what}");
        assert_eq!(texts(&look(&path), STALE), none, "{what}");
        assert_sound(&path);
    }
    println!("{killed} killed, {resumed} resumed, {least} requests undisturbed");
    assert!(killed >= kills * 8 / 10, "{killed}");
    assert!(resumed >= kills * 8 / 10, "{resumed}");
}

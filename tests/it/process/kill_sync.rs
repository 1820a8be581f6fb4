//! SIGKILL anywhere in a sync, then the same command again: as if nothing had happened.

use std::time::Duration;

use chrono::TimeDelta;
use mava_export::simulator::{Evolution, RateLimit, Simulator, SimulatorSpec, World};
use mava_export::window;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::stored::{assert_sound, look, texts};
use super::support::{BACKFILL, Place, Running, desk, run, wait_for, watch, world};

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

/// Both stores follow the same desk; one is killed each night. The budget is the server's, and
/// enforced; what counts it is one ledger, since the key is one.
#[test]
fn thirty_nights_each_killed_once_leave_what_undisturbed_ones_do() {
    let (requests, period_ms) = (30, 300);
    let simulator = Simulator::start_apart(SimulatorSpec {
        latency: Duration::from_millis(LATENCY_MS),
        rate_limit: Some(RateLimit::new(requests, Duration::from_millis(period_ms))),
        ..SimulatorSpec::new(world(1_200))
    })
    .expect("a simulator");
    let (undisturbed, disturbed) = (Place::new(), Place::new());
    let ledgers = undisturbed.root().join("state");
    let sending = format!(
        "--to sqlite:support.db --rate-limit 30/300ms --retry-pause 5ms \
         --clock-tolerance 100000h --json --state-dir {}",
        ledgers.display()
    );
    let sync = format!("sync {sending}");
    let evening = window::parse("2024-07-01").expect("a date");
    simulator.set_now(Some(evening));
    let words = "backfill --since 2024-01-01 --until 2024-07-01";
    for place in [&undisturbed, &disturbed] {
        run(&mut place.command_at(&simulator, &format!("{words} {sending}"))).expect(0);
    }
    let mut random = StdRng::seed_from_u64(31);
    let (mut killed, mut deleted) = (0, 0);
    for night in 1..=KILLS {
        let until = evening + TimeDelta::days(i64::try_from(night).expect("few"));
        let spec = Evolution {
            rate: 20.0,
            ..Evolution::default()
        };
        simulator.with_world(|world| {
            world.evolve(&spec, until - TimeDelta::days(1), until);
            if let Some(id) = world.id_at(random.random_range(0..world.len())) {
                world.remove(&id);
                deleted += 1;
            }
        });
        simulator.set_now(Some(until));
        simulator.clear_requests();
        run(&mut undisturbed.command_at(&simulator, &sync)).expect(0);
        let least = simulator.requests().len();
        let request = u64::try_from(random.random_range(1..least)).expect("few");
        let moment_us = random.random_range(0..2_000 * LATENCY_MS);
        let arrivals = watch(&simulator, |_, _| None);
        let mut running = Running::start(&mut disturbed.command_at(&simulator, &sync));
        wait_for(&arrivals, request);
        std::thread::sleep(Duration::from_micros(moment_us));
        running.kill();
        killed += usize::from(running.end().code().is_none());
        simulator.clear_hook();
        run(&mut disturbed.command_at(&simulator, &sync)).expect(0);
        let what = format!("night {night}, {moment_us} us after request {request} of {least}");
        let contents = [ROWS, VERSIONS, THREADS, TAGS];
        let of = |place: &Place| contents.map(|sql| texts(&look(&place.path("support.db")), sql));
        assert_eq!(of(&disturbed), of(&undisturbed), "{what}");
        let none: Vec<String> = Vec::new();
        let path = disturbed.path("support.db");
        assert_eq!(texts(&look(&path), TORN), none, "{what}");
        assert_sound(&path);
        assert_eq!(simulator.count_429(), 0, "{what}");
    }
    let flagged = "SELECT id FROM tickets WHERE deleted_at IS NOT NULL";
    let flagged = texts(&look(&disturbed.path("support.db")), flagged);
    assert!(
        flagged.len() >= deleted * 8 / 10,
        "{} of {deleted}",
        flagged.len()
    );
    assert!(killed >= KILLS * 8 / 10, "{killed}");
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

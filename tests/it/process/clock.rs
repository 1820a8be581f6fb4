//! Clocks that cannot be right, and clocks that were wrong and are right again.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use chrono::TimeDelta;
use mava_export::simulator::{Simulator, SimulatorSpec, Ticket, World, WorldSpec, object_id};
use mava_export::table::Instant;
use rusqlite::Connection;

use super::support::{Ended, Place, desk, run};
use crate::support::{NOW, WallClock};

/// Runs a command that begins at this time.
fn run_at(clock: &WallClock, command: &mut Command, at: Instant) -> Ended {
    clock.set(command, at);
    run(command)
}

/// The same at the beginning of a year.
fn run_in_year(clock: &WallClock, command: &mut Command, year: i64) -> Ended {
    // Days of the Gregorian calendar, for years that no type of the library holds.
    let before = year - 1;
    let days = 365 * before + before / 4 - before / 100 + before / 400 - 719_162;
    clock.set_to_second(command, days * 86_400);
    run(command)
}

const BACKFILL: &str = "backfill --since 2024-01-01 --to sqlite:support.db --rate-limit none";

#[test]
fn a_clock_that_cannot_be_right_ends_every_command_before_anything_is_written() {
    let place = Place::new();
    let clock = WallClock::new(place.root());
    let simulator = desk(60, 0);
    place.backfill(&simulator).expect(0);
    let store = fs::read(place.path("support.db")).unwrap();
    let files = || -> Vec<PathBuf> {
        let mut files = place.files();
        // What SQLite makes to read.
        files.retain(|path| {
            let name = path.to_string_lossy();
            !name.ends_with("-wal") && !name.ends_with("-shm")
        });
        files
    };
    let before = files();
    for year in [1900, 1969, 1970, 2019, 2200, 9999, 10_000, 12_026] {
        for words in [
            BACKFILL,
            "backfill --since 2024-01-01 --to sqlite:new.db --rate-limit none",
            "sync --to sqlite:support.db --rate-limit none",
            "sync --full --to sqlite:support.db --rate-limit none",
            "verify --to sqlite:support.db --rate-limit none",
            "verify --deep --to sqlite:support.db",
            "verify --repair --to sqlite:support.db --rate-limit none",
            "plan backfill --since 2024-01-01 --to sqlite:support.db --rate-limit none",
            "plan sync --to sqlite:support.db",
            "probe --rate-limit none",
            "status --to sqlite:support.db",
            "publish --from sqlite:support.db --to parquet:desk",
            "demo --tickets 10",
            "simulate --tickets 10 --port 0",
        ] {
            let mut command = place.command_at(&simulator, words);
            let ended = run_in_year(&clock, &mut command, year);
            assert_eq!(ended.code(), Some(2), "{words} in {year}: {}", ended.stderr);
            ended.expect_error(&["clock says", "cannot be right", "set the clock"]);
        }
        // What does not go by the clock goes on.
        let query = "query --from sqlite:support.db SELECT(1)";
        run_in_year(&clock, &mut place.command(query), year).expect(0);
        run_in_year(&clock, &mut place.command("completions bash"), year).expect(0);
        run_in_year(&clock, &mut place.command("--help"), year).expect(0);
    }
    assert_eq!(files(), before);
    assert_eq!(fs::read(place.path("support.db")).unwrap(), store);
    // With the clock right again, all is as it was.
    place.backfill(&simulator).expect(0);
    run(&mut place.command("status --to sqlite:support.db")).expect(0);
}

/// A desk of the last hundred days whose newest ticket is a day old.
fn recent() -> Simulator {
    let world = World::generate(&WorldSpec {
        tickets: 300,
        mean_messages: 0.5,
        from: NOW - TimeDelta::days(100),
        until: NOW - TimeDelta::days(1),
        ..WorldSpec::default()
    });
    let simulator = Simulator::start_apart(SimulatorSpec::new(world)).unwrap();
    simulator.set_now(Some(NOW));
    simulator
}

fn insert(simulator: &Simulator, number: u32) {
    let ms = NOW.timestamp_millis() - 60_000 + i64::from(number);
    let at = Instant::from_timestamp_millis(ms).unwrap();
    simulator.with_world(|world| world.insert(Ticket::new(object_id(at, u64::from(number)), at)));
}

fn live(place: &Place) -> i64 {
    Connection::open(place.path("support.db"))
        .unwrap()
        .query_row(
            "SELECT count(*) FROM tickets WHERE deleted_at IS NULL",
            [],
            |row| row.get(0),
        )
        .unwrap()
}

#[test]
fn a_run_that_ended_in_the_future_keeps_no_later_one_from_anything() {
    // Whether or not the API's clock ran ahead too.
    for is_apis_too in [false, true] {
        after_the_future(is_apis_too);
    }
}

fn after_the_future(is_apis_too: bool) {
    let place = Place::new();
    let clock = WallClock::new(place.root());
    let simulator = recent();
    let since = (NOW - TimeDelta::days(101)).format("%Y-%m-%d");
    let backfill = format!("backfill --since {since} --to sqlite:support.db --rate-limit none");
    let sync = "sync --to sqlite:support.db --rate-limit none --max-requests 5";
    let later = NOW + TimeDelta::days(365 * 100);
    simulator.set_now(Some(if is_apis_too { later } else { NOW }));
    for first in [backfill.as_str(), sync] {
        run_at(&clock, &mut place.command_at(&simulator, first), later).expect(0);
    }
    run_at(&clock, &mut place.command_at(&simulator, sync), later).expect(0);
    simulator.set_now(Some(NOW));
    insert(&simulator, 1);
    let first = run_at(
        &clock,
        &mut place.command_at(&simulator, &format!("{sync} --json")),
        NOW,
    )
    .expect(0);
    assert_eq!(live(&place), 301);
    let is_told = first.stdout.contains("clock that ran ahead");
    assert_eq!(is_told, is_apis_too, "{}", first.stdout);
    // Only once: from now on syncs go by the right clock.
    insert(&simulator, 2);
    let second = run_at(
        &clock,
        &mut place.command_at(&simulator, &format!("{sync} --json")),
        NOW,
    )
    .expect(0);
    assert_eq!(live(&place), 302);
    assert!(
        !second.stdout.contains("clock that ran ahead"),
        "{}",
        second.stdout
    );
    for words in [
        "status --to sqlite:support.db",
        "verify --deep --to sqlite:support.db --rate-limit none",
        "publish --from sqlite:support.db --to parquet:desk",
    ] {
        run_at(&clock, &mut place.command_at(&simulator, words), NOW).expect(0);
    }
}

#[test]
fn a_sync_that_was_cut_short_in_the_future_is_not_gone_on_with() {
    let place = Place::new();
    let clock = WallClock::new(place.root());
    let simulator = recent();
    let since = (NOW - TimeDelta::days(101)).format("%Y-%m-%d");
    let backfill = format!("backfill --since {since} --to sqlite:support.db --rate-limit none");
    run_at(&clock, &mut place.command_at(&simulator, &backfill), NOW).expect(0);
    let store = Connection::open(place.path("support.db")).unwrap();
    store
        .execute_batch(
            "INSERT INTO snapshots SELECT id + 1, 'sync', 'running', '2126-01-01T00:00:00.000Z', NULL,
                 range_from, '2126-01-01T00:00:00.000Z', NULL, 1, 0, 0, 0, 0, 0, 0, 0, 0, NULL FROM snapshots;
             INSERT INTO _runs (snapshot_id, is_until_open, has_lookups, server_time_ms)
                 VALUES (2, 1, 1, 4922899200000);
             UPDATE _ticket_index SET verified_at_ms = 4922899200000
                 WHERE id IN (SELECT id FROM tickets WHERE rowid % 2 = 0)",
        )
        .unwrap();
    drop(store);
    insert(&simulator, 1);
    let sync = "sync --to sqlite:support.db --rate-limit none --max-requests 5";
    run_at(&clock, &mut place.command_at(&simulator, sync), NOW).expect(0);
    assert_eq!(live(&place), 301);
    let store = Connection::open(place.path("support.db")).unwrap();
    let outcome: String = store
        .query_row("SELECT outcome FROM snapshots WHERE id = 2", [], |row| {
            row.get(0)
        })
        .unwrap();
    assert_eq!(outcome, "superseded");
}

#[test]
fn a_date_header_of_a_year_that_cannot_be_is_not_gone_by() {
    let place = Place::new();
    let clock = WallClock::new(place.root());
    let simulator = recent();
    let since = (NOW - TimeDelta::days(101)).format("%Y-%m-%d");
    let backfill = format!("backfill --since {since} --to sqlite:support.db --rate-limit none");
    let sync =
        "sync --to sqlite:support.db --rate-limit none --max-requests 5 --clock-tolerance 9000y";
    run_at(&clock, &mut place.command_at(&simulator, &backfill), NOW).expect(0);
    for (number, date) in [
        "9999-12-31T23:59:59Z",
        "1970-01-01T00:00:01Z",
        "2200-01-01T00:00:00Z",
    ]
    .into_iter()
    .enumerate()
    {
        let date = mava_export::window::parse(date).unwrap();
        simulator.set_now(Some(date));
        let number = u32::try_from(number).unwrap() + 1;
        insert(&simulator, number);
        let ended = run_at(&clock, &mut place.command_at(&simulator, sync), NOW).expect(0);
        ended.expect_error(&["clock cannot be right"]);
        assert_eq!(live(&place), 300 + i64::from(number));
    }
    simulator.set_now(Some(NOW));
    run_at(&clock, &mut place.command_at(&simulator, sync), NOW).expect(0);
    let store = Connection::open(place.path("support.db")).unwrap();
    let ahead: i64 = store
        .query_row(
            "SELECT count(*) FROM snapshots WHERE range_until > '2190'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(ahead, 0);
}

#[test]
fn a_range_at_either_end_of_the_calendar_leaves_a_store_that_works() {
    let place = Place::new();
    let simulator = desk(40, 0);
    for (number, range) in [
        "--since 2024-01-01 --until 9999-12-31T23:59:59.999Z",
        "--since 2024-01-01T23:59:59.999+14:00 --until 9999-12-31",
        "--since 2023-01-01 --until 2024-07-01T00:00:00.001-12:00",
    ]
    .into_iter()
    .enumerate()
    {
        let to = format!("--to sqlite:store-{number}.db --rate-limit none");
        run(&mut place.command_at(&simulator, &format!("backfill {range} {to}"))).expect(0);
        for words in ["status", "verify --deep", "sync --max-requests 5"] {
            let to = if words == "status" {
                to.replace(" --rate-limit none", "")
            } else {
                to.clone()
            };
            run(&mut place.command_at(&simulator, &format!("{words} {to}"))).expect(0);
        }
    }
    for range in [
        "--since 0001-01-01 --until 0000-12-31",
        "--since 9999-12-31",
        "--since 10000-01-01",
    ] {
        let words = format!("backfill {range} --to sqlite:none.db --rate-limit none");
        run(&mut place.command_at(&simulator, &words)).expect(2);
        assert!(!place.path("none.db").exists(), "{range}");
    }
}

//! Clocks that cannot be right, and clocks that were wrong and are right again.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use chrono::{TimeDelta, Utc};
use mava_export::simulator::{Simulator, SimulatorSpec, Ticket, World, WorldSpec, object_id};
use mava_export::table::Instant;
use rusqlite::Connection;

use super::support::{Ended, Place, desk, run};

/// A wall clock that stands where a test wants it, by a library that is loaded before the system's. It is
/// built with the C compiler that building SQLite needs too.
struct Clock {
    library: PathBuf,
}

impl Clock {
    fn new(place: &Place) -> Self {
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/process/clock.c");
        let library = place.root().join("clock.so");
        let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
        let built = Command::new(compiler)
            .args(["-shared", "-fPIC", "-O1", "-o"])
            .arg(&library)
            .arg(source)
            .arg("-ldl")
            .output()
            .unwrap();
        assert!(built.status.success(), "{built:?}");
        Self { library }
    }

    /// Runs a command under a clock that is so many seconds from the machine's.
    fn shifted(&self, command: &mut Command, seconds: i64) -> Ended {
        command
            .env("LD_PRELOAD", &self.library)
            .env("TEST_CLOCK_OFFSET", seconds.to_string());
        run(command)
    }

    /// The same at the beginning of a year.
    fn in_year(&self, command: &mut Command, year: i64) -> Ended {
        // Days of the Gregorian calendar, for years that no type of the library holds.
        let before = year - 1;
        let days = 365 * before + before / 4 - before / 100 + before / 400 - 719_162;
        self.shifted(command, days * 86_400 - Utc::now().timestamp())
    }
}

const BACKFILL: &str = "backfill --since 2024-01-01 --to sqlite:support.db --rate-limit none";

#[test]
fn a_clock_that_cannot_be_right_ends_every_command_before_anything_is_written() {
    let place = Place::new();
    let clock = Clock::new(&place);
    let simulator = desk(60, 0);
    place.backfill(&simulator).expect(0);
    let store = fs::read(place.path("support.db")).unwrap();
    let files = place.files();
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
            let ended = clock.in_year(&mut command, year);
            assert_eq!(ended.code(), Some(2), "{words} in {year}: {}", ended.stderr);
            ended.expect_error(&["clock says", "cannot be right", "set the clock"]);
        }
        // What does not go by the clock goes on.
        let query = "query --from sqlite:support.db SELECT(1)";
        clock.in_year(&mut place.command(query), year).expect(0);
        clock
            .in_year(&mut place.command("completions bash"), year)
            .expect(0);
        clock.in_year(&mut place.command("--help"), year).expect(0);
    }
    assert_eq!(place.files(), files);
    assert_eq!(fs::read(place.path("support.db")).unwrap(), store);
    // With the clock right again, all is as it was.
    place.backfill(&simulator).expect(0);
    run(&mut place.command("status --to sqlite:support.db")).expect(0);
}

/// A desk of the last hundred days whose newest ticket is a day old.
fn recent() -> Simulator {
    let now = Utc::now();
    let world = World::generate(&WorldSpec {
        tickets: 300,
        mean_messages: 0.5,
        from: now - TimeDelta::days(100),
        until: now - TimeDelta::days(1),
        ..WorldSpec::default()
    });
    Simulator::start_apart(SimulatorSpec::new(world)).unwrap()
}

fn insert(simulator: &Simulator, number: u32) {
    let ms = Utc::now().timestamp_millis() - 60_000 + i64::from(number);
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
    let place = Place::new();
    let clock = Clock::new(&place);
    let simulator = recent();
    let since = (Utc::now() - TimeDelta::days(101)).format("%Y-%m-%d");
    let backfill = format!("backfill --since {since} --to sqlite:support.db --rate-limit none");
    let sync = "sync --to sqlite:support.db --rate-limit none --full-below 0";
    let century = 86_400 * 365 * 100;
    for first in [backfill.as_str(), sync] {
        clock
            .shifted(&mut place.command_at(&simulator, first), century)
            .expect(0);
    }
    clock
        .shifted(&mut place.command_at(&simulator, sync), century)
        .expect(0);
    insert(&simulator, 1);
    let first = run(&mut place.command_at(&simulator, &format!("{sync} --json"))).expect(0);
    assert_eq!(live(&place), 301);
    assert!(
        first.stdout.contains("clock that ran ahead"),
        "{}",
        first.stdout
    );
    // Only once: from now on syncs go by the right clock.
    insert(&simulator, 2);
    let second = run(&mut place.command_at(&simulator, &format!("{sync} --json"))).expect(0);
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
        run(&mut place.command_at(&simulator, words)).expect(0);
    }
}

#[test]
fn a_sync_that_was_cut_short_in_the_future_is_not_gone_on_with() {
    let place = Place::new();
    let simulator = recent();
    let since = (Utc::now() - TimeDelta::days(101)).format("%Y-%m-%d");
    let backfill = format!("backfill --since {since} --to sqlite:support.db --rate-limit none");
    run(&mut place.command_at(&simulator, &backfill)).expect(0);
    let store = Connection::open(place.path("support.db")).unwrap();
    store
        .execute_batch(
            "INSERT INTO snapshots SELECT id + 1, 'sync', 'running', '2126-01-01T00:00:00.000Z', NULL,
                 range_from, '2126-01-01T00:00:00.000Z', NULL, 1, 0, 0, 0, 0, 0, 0, 0, 0 FROM snapshots;
             INSERT INTO _runs (snapshot_id, is_until_open, has_lookups, server_time_ms)
                 VALUES (2, 1, 1, 4922899200000);
             UPDATE _ticket_index SET verified_at_ms = 4922899200000
                 WHERE id IN (SELECT id FROM tickets WHERE rowid % 2 = 0)",
        )
        .unwrap();
    drop(store);
    insert(&simulator, 1);
    let sync = "sync --to sqlite:support.db --rate-limit none --full-below 0";
    run(&mut place.command_at(&simulator, sync)).expect(0);
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
    let simulator = recent();
    let since = (Utc::now() - TimeDelta::days(101)).format("%Y-%m-%d");
    let backfill = format!("backfill --since {since} --to sqlite:support.db --rate-limit none");
    let sync =
        "sync --to sqlite:support.db --rate-limit none --full-below 0 --clock-tolerance 9000y";
    run(&mut place.command_at(&simulator, &backfill)).expect(0);
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
        let ended = run(&mut place.command_at(&simulator, sync)).expect(0);
        ended.expect_error(&["clock cannot be right"]);
        assert_eq!(live(&place), 300 + i64::from(number));
    }
    simulator.set_now(None);
    run(&mut place.command_at(&simulator, sync)).expect(0);
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
        for words in ["status", "verify --deep", "sync --full-below 0"] {
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

//! Pauses that the API asks for: kept where they are short, told where they are not.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::server::{Reply, Server, desk, ticket};
use super::support::{Ended, Place, Running, run, until};

const BACKFILL: &str =
    "backfill --since 2024-01-01 --until 2024-07-01 --to sqlite:support.db --retry-pause 5ms";

/// Every command that sends anything.
const COMMANDS: [&str; 5] = [
    "sync --to sqlite:support.db",
    "verify --to sqlite:support.db",
    "plan backfill --since 2024-01-01 --until 2024-07-01 --to sqlite:support.db",
    "probe",
    BACKFILL,
];

/// Far less than any pause here, and more than a start on a busy machine takes.
const AT_ONCE: Duration = Duration::from_secs(10);

fn limited(pause: &str) -> Reply {
    Reply::new(429, r#"{"error":"Too many requests"}"#).header(&format!("retry-after: {pause}"))
}

/// The one ledger of the place.
fn ledger(place: &Place) -> PathBuf {
    let files = place.files().into_iter();
    let mut ledgers = files.filter(|path| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        name.starts_with("budget-") && name.ends_with(".sqlite")
    });
    ledgers.next().expect("a ledger")
}

/// Runs it to its end, which comes at once.
fn at_once(server: &Server, place: &Place, words: &str) -> Ended {
    Running::start(&mut server.command(place, words)).end_within(AT_ONCE)
}

#[test]
fn a_pause_of_hours_ends_the_run_and_every_later_one_at_once_and_they_say_how_long_it_lasts() {
    let place = Place::new();
    let server = Server::start(desk(vec![ticket("t1")]));
    run(&mut server.command(&place, BACKFILL)).expect(0);
    // Milliseconds where seconds were meant.
    server.answer(|_| limited("45000"));
    let before = server.asked().len();
    let met = at_once(&server, &place, COMMANDS[0]).expect(1);
    met.expect_error(&[
        "429",
        "a pause of 45000 s",
        "12h 30m is longer than --retry-for 15m",
    ]);
    assert_eq!(server.asked().len(), before + 1, "{}", met.stderr);
    for command in COMMANDS {
        let later = at_once(&server, &place, command).expect(1);
        later.expect_error(&["asked for a pause until 20", "12h 29m", "--retry-for"]);
        assert!(!later.stderr.contains("other runs"), "{}", later.stderr);
    }
    assert_eq!(server.asked().len(), before + 1, "nothing was sent");
    // The others are not held back for longer than anybody waits.
    let closed: i64 = Connection::open(ledger(&place))
        .unwrap()
        .query_row("SELECT until_ms - made_ms FROM pauses", [], |row| {
            row.get(0)
        })
        .unwrap();
    assert_eq!(closed, 15 * 60 * 1_000);
}

#[test]
fn a_pause_is_over_for_everyone_when_nobody_would_wait_longer() {
    let place = Place::new();
    let server = Server::start(|_| limited("45000"));
    at_once(&server, &place, &format!("{BACKFILL} --retry-for 1s")).expect(1);
    server.answer(desk(vec![ticket("t1")]));
    // Of the API's pause, a second counts.
    until("the next run is let through", || {
        let next = run(&mut server.command(&place, &format!("{BACKFILL} --retry-for 1s")));
        next.code() == Some(0)
    });
}

#[test]
fn a_short_pause_that_another_run_met_is_waited_for_and_said_at_once() {
    let place = Place::new();
    let server = Server::start(|_| limited("3.2"));
    at_once(&server, &place, &format!("{BACKFILL} --retry-for 3s")).expect(1);
    server.answer(desk(vec![ticket("t1")]));
    let waits = Running::start(&mut server.command(&place, BACKFILL));
    waits.wait_to_say("the API asked for a pause until 20");
    let ended = waits.end().expect(0);
    assert!(!ended.stderr.contains("other runs"), "{}", ended.stderr);
}

#[test]
fn a_far_end_in_a_ledger_of_an_earlier_release_holds_for_as_long_as_is_waited() {
    let place = Place::new();
    let server = Server::start(desk(vec![ticket("t1")]));
    run(&mut server.command(&place, BACKFILL)).expect(0);
    let path = ledger(&place);
    let now_ms = chrono::Utc::now().timestamp_millis();
    let ledger = Connection::open(&path).unwrap();
    ledger
        .execute_batch(&format!(
            "DROP TABLE pauses; INSERT INTO closed VALUES ({})",
            now_ms + 45_000_000
        ))
        .unwrap();
    let later = at_once(&server, &place, "probe").expect(1);
    later.expect_error(&["asked for a pause until 20", "12h 29m"]);
    let until_ms: i64 = ledger
        .query_row("SELECT max(until_ms) FROM closed", [], |row| row.get(0))
        .unwrap();
    let left_ms = until_ms - chrono::Utc::now().timestamp_millis();
    assert!((0..=15 * 60 * 1_000).contains(&left_ms), "{left_ms}");
    let now_ms = chrono::Utc::now().timestamp_millis();
    let ended = format!("UPDATE closed SET until_ms = {now_ms}");
    ledger.execute_batch(&ended).unwrap();
    run(&mut server.command(&place, BACKFILL)).expect(0);
}

#[test]
fn a_503_is_left_alone_for_as_long_as_it_asks() {
    let place = Place::new();
    let mut answers = 0;
    let mut well = desk(vec![ticket("t1")]);
    let server = Server::start(move |asked| {
        answers += 1;
        match answers {
            1..=2 => Reply::new(503, r#"{"error":"busy"}"#).header("retry-after: 1"),
            _ => well(asked),
        }
    });
    let ended = run(&mut server.command(&place, BACKFILL)).expect(0);
    ended.expect_error(&["503", "pause_ms=1000"]);
    let asked = server.asked();
    for pair in asked.windows(2).take(2) {
        let between = pair[1].arrived - pair[0].arrived;
        assert!(between >= Duration::from_secs(1), "{between:?}");
    }
}

#[test]
fn a_503_that_asks_for_longer_than_is_tried_ends_the_run_after_one_request() {
    let place = Place::new();
    for (number, header) in ["45000", "Fri, 31 Dec 9999 23:59:59 GMT"]
        .iter()
        .enumerate()
    {
        let header = format!("retry-after: {header}");
        let busy =
            move |_: &super::server::Asked| Reply::new(503, r#"{"error":"busy"}"#).header(&header);
        let server = Server::start(busy);
        let began = Instant::now();
        let ended = at_once(&server, &place, BACKFILL).expect(1);
        ended.expect_error(&["503: busy, and asked for a pause of", "--retry-for 15m"]);
        assert_eq!(server.asked().len(), 1, "{number} {:?}", began.elapsed());
    }
}

#[test]
fn a_damaged_ledger_whose_lock_is_held_ends_the_run_and_signals_end_the_wait() {
    let place = Place::new();
    let server = Server::start(desk(vec![ticket("t1")]));
    run(&mut server.command(&place, BACKFILL)).expect(0);
    let path = ledger(&place);
    fs::write(&path, "x".repeat(8_192)).unwrap();
    let lock_path = path.with_file_name(format!(
        "{}-lock",
        path.file_name().unwrap().to_string_lossy()
    ));
    let lock = fs::File::create(&lock_path).unwrap();
    lock.lock().unwrap();
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let waits = Running::start(&mut server.command(&place, "probe"));
        waits.wait_to_say("another process holds the budget ledger");
        waits.signal(signal);
        waits.end_within(Duration::from_secs(5)).expect(code);
    }
    let before = server.asked().len();
    let ended = run(&mut server.command(&place, "probe")).expect(1);
    ended.expect_error(&[&lock_path.display().to_string(), "--state-dir"]);
    assert_eq!(server.asked().len(), before);
    drop(lock);
    // The budget of one period is taken for spent.
    let soon = format!("{BACKFILL} --rate-limit 90/1s");
    run(&mut server.command(&place, &soon)).expect(0);
}

//! `verify` as users meet it: its exit codes, what it prints, and how it ends when told to.

use std::fs;
use std::time::Duration;

use rusqlite::Connection;

use super::support::{BACKFILL, Place, Running, desk, run, wait_for, watch};

const VERIFY: &str = "verify --to sqlite:support.db --rate-limit none --retry-pause 5ms";

#[test]
fn a_store_that_was_meddled_with_is_told_and_mended() {
    let place = Place::new();
    let simulator = desk(400, 0);
    place.backfill(&simulator).expect(0);
    let equal = run(&mut place.command_at(&simulator, VERIFY)).expect(0);
    assert!(equal.stdout.contains("count the same"), "{}", equal.stdout);
    equal.expect_error(&["Counting 1 window in", "requests at most"]);
    let store = Connection::open(place.path("support.db")).unwrap();
    let edited = "UPDATE tickets SET status = 'Waiting' WHERE rowid = 77";
    assert_eq!(store.execute(edited, []).unwrap(), 1);
    drop(store);
    let told = run(&mut place.command_at(&simulator, VERIFY)).expect(3);
    for part in ["status", "Waiting", "-1", "+1", "--repair"] {
        assert!(told.stdout.contains(part), "{part}: {}", told.stdout);
    }
    let json = run(&mut place.command_at(&simulator, &format!("{VERIFY} --json"))).expect(3);
    let json = json.json();
    assert_eq!(json["differences"].as_array().unwrap().len(), 2, "{json}");
    assert_eq!(json["differences"][0]["group"], "status");
    let repair = format!("{VERIFY} --repair");
    let mended = run(&mut place.command_at(&simulator, &repair)).expect(0);
    assert!(mended.stdout.contains("Repair:"), "{}", mended.stdout);
    run(&mut place.command_at(&simulator, VERIFY)).expect(0);
}

#[test]
fn a_repair_of_a_store_that_is_published_publishes_it() {
    let place = Place::new();
    let simulator = desk(300, 0);
    let backfill = BACKFILL.replace("sqlite:support.db", "parquet:desk");
    run(&mut place.command_at(&simulator, &backfill)).expect(0);
    let store = Connection::open(place.path("desk/store.sqlite")).unwrap();
    store
        .execute("UPDATE tickets SET status = 'Waiting' WHERE rowid = 77", [])
        .unwrap();
    drop(store);
    let verify = VERIFY.replace("sqlite:support.db", "parquet:desk");
    let told = run(&mut place.command_at(&simulator, &format!("{verify} --json"))).expect(3);
    assert!(told.json().get("published").is_none());
    let repair = format!("{verify} --repair --json");
    let mended = run(&mut place.command_at(&simulator, &repair)).expect(0);
    let mended = mended.json();
    assert_eq!(mended["outcome"], "repaired");
    assert_eq!(mended["published"]["snapshot"], "000002");
    assert_eq!(mended["published"]["parent"], "000001");
    // Nothing to mend, nothing to publish.
    let again = run(&mut place.command_at(&simulator, &repair)).expect(0);
    assert!(again.json().get("published").is_none());
}

#[test]
fn a_repair_looks_first_whether_another_run_publishes() {
    let place = Place::new();
    let simulator = desk(60, 0);
    let backfill = BACKFILL.replace("sqlite:support.db", "parquet:desk");
    run(&mut place.command_at(&simulator, &backfill)).expect(0);
    simulator.clear_requests();
    let lock = fs::File::open(place.path("desk/.publish-lock")).unwrap();
    lock.try_lock().unwrap();
    let verify = VERIFY.replace("sqlite:support.db", "parquet:desk");
    run(&mut place.command_at(&simulator, &format!("{verify} --repair")))
        .expect(5)
        .expect_error(&["another run publishes to desk"]);
    assert!(simulator.requests().is_empty());
    // Nothing is published by counting.
    run(&mut place.command_at(&simulator, &verify)).expect(0);
}

#[test]
fn a_signal_ends_a_verification_soon() {
    let place = Place::new();
    let simulator = desk(400, 0);
    place.backfill(&simulator).expect(0);
    for (name, code) in [("INT", 130), ("TERM", 143)] {
        let arrivals = watch(&simulator, |_, _| {
            Some(mava_export::simulator::Fault::Delay(Duration::from_millis(
                400,
            )))
        });
        let running = Running::start(&mut place.command_at(&simulator, VERIFY));
        wait_for(&arrivals, 3);
        running.signal(name);
        let ended = running.end_within(Duration::from_secs(20)).expect(code);
        assert!(ended.stdout.contains("interrupted"), "{}", ended.stdout);
    }
}

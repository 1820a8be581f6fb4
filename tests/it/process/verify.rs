//! `verify` as users meet it: its exit codes, what it prints, and how it ends when told to.

use std::time::Duration;

use rusqlite::Connection;

use super::support::{Place, Running, desk, run, wait_for, watch};

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

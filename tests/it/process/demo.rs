//! The demo and the simulated API as a command.

use std::time::Duration;

use super::stored::{assert_sound, look, texts};
use super::support::{BACKFILL, Place, Running, desk, run, until};

#[test]
fn a_demo_shows_a_desk_and_a_day_on_it_and_a_second_one_ends_the_same() {
    let place = Place::new();
    let words = "demo --tickets 600";
    let first = run(&mut place.command(words)).expect(0);
    for part in [
        "Demo complete",
        "600 new",
        "The thread of one ticket",
        "--from sqlite:demo.sqlite",
    ] {
        assert!(first.stdout.contains(part), "{part}: {}", first.stdout);
    }
    first.expect_error(&["nothing leaves this machine"]);
    let store = place.path("demo.sqlite");
    let tickets = "SELECT id || status || updated_at FROM tickets ORDER BY id";
    let after_the_first = texts(&look(&store), tickets);
    assert!(after_the_first.len() >= 600);
    let changed = |words: &str| -> i64 {
        let (_, after) = words.split_once("Sync complete").expect("a sync");
        let (_, line) = after.split_once("read: ").expect("a count");
        let numbers = line
            .split(", ")
            .take(2)
            .filter_map(|part| part.split(' ').next());
        numbers
            .filter_map(|number| number.parse::<i64>().ok())
            .sum()
    };
    assert!(changed(&first.stdout) > 0, "{}", first.stdout);
    // The second begins anew, and goes through the same day.
    let second = run(&mut place.command(words)).expect(0);
    second.expect_error(&["holds an earlier demo"]);
    for part in ["600 new", "A day passes on the desk", "Sync complete"] {
        assert!(second.stdout.contains(part), "{part}: {}", second.stdout);
    }
    assert_eq!(changed(&second.stdout), changed(&first.stdout));
    assert_sound(&store);
    assert_eq!(texts(&look(&store), tickets), after_the_first);
    let status = run(&mut place.command("status --to sqlite:demo.sqlite --json")).expect(0);
    assert!(
        status.json()["freshness"][0]["tickets"].as_i64() > Some(100),
        "{}",
        status.stdout
    );
}

#[test]
fn a_demo_with_another_seed_or_size_is_another_desk_and_one_json_value() {
    let place = Place::new();
    run(&mut place.command("demo --tickets 200")).expect(0);
    for (words, tickets) in [("--tickets 200 --seed 2", 200), ("--tickets 90", 90)] {
        let words = format!("demo {words} --json");
        let told = run(&mut place.command(&words)).expect(0).json();
        assert_eq!(told["backfill"]["tickets_new"], tickets, "{told}");
        assert_eq!(told["backfill"]["tickets_deleted"], 0, "{told}");
        assert_eq!(told["sync"]["outcome"], "complete", "{told}");
    }
}

#[test]
fn a_backfill_into_the_demos_store_and_a_demo_into_a_real_one_are_refused() {
    let simulator = desk(50, 0);
    let place = Place::new();
    run(&mut place.command("demo --tickets 50")).expect(0);
    let words = BACKFILL.replace("support.db", "demo.sqlite");
    let ended = run(&mut place.command_at(&simulator, &words)).expect(2);
    ended.expect_error(&["invented desk", "name another file with --to"]);
    assert!(simulator.requests().is_empty());
    place.backfill(&simulator).expect(0);
    let ended = run(&mut place.command("demo --tickets 50 --to sqlite:support.db")).expect(2);
    ended.expect_error(&["a real desk", "name another file with --to"]);
    let stored = texts(
        &look(&place.path("support.db")),
        "SELECT count(*) FROM tickets",
    );
    assert_eq!(stored, ["50"]);
}

#[test]
fn a_demo_ends_by_a_signal_and_goes_on() {
    let place = Place::new();
    let words = "demo --tickets 3000";
    let running = Running::start(&mut place.command(words));
    let store = place.path("demo.sqlite");
    until("tickets in the store", || {
        store.exists()
            && look(&store)
                .query_row("SELECT count(*) > 0 FROM tickets", [], |row| row.get(0))
                .unwrap_or(false)
    });
    running.signal("INT");
    let ended = running.end_within(Duration::from_secs(5)).expect(130);
    assert!(
        ended.stdout.contains("run the same command again"),
        "{}",
        ended.stdout
    );
    let summary = run(&mut place.command(&format!("{words} --json")))
        .expect(0)
        .json();
    assert_eq!(summary["backfill"]["is_resumed"], true);
    assert_eq!(summary["backfill"]["tickets_new"], 3_000);
}

#[test]
fn a_simulated_api_says_where_it_listens_and_ends_by_a_signal() {
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let place = Place::new();
        let words = "simulate --port 0 --tickets 150 --since 2024-01-01 --until 2024-07-01 \
             --latency 0s --rate-limit none";
        let running = Running::start(&mut place.command(words));
        running.wait_to_say("Ctrl-C ends it.");
        let said = running.said();
        let mut lines = said.lines().map(str::trim);
        assert!(
            lines.any(|line| line.starts_with("export MAVA_BASE_URL=")),
            "{said}"
        );
        assert!(
            lines.any(|line| line.starts_with("mava-export backfill --since 2024-01-01")),
            "{said}"
        );
        let variable = |name: &str| {
            let (_, rest) = said.split_once(name).unwrap();
            rest.split_whitespace().next().unwrap().to_owned()
        };
        let mut backfill = place.command(&format!("{BACKFILL} --json"));
        backfill
            .env("MAVA_BASE_URL", variable("MAVA_BASE_URL="))
            .env("MAVA_API_KEY", variable("MAVA_API_KEY="));
        assert_eq!(run(&mut backfill).expect(0).json()["tickets_new"], 150);
        running.signal(signal);
        running.end_within(Duration::from_secs(5)).expect(code);
    }
}

#[test]
fn a_simulated_api_tells_machines_where_it_listens() {
    let place = Place::new();
    let words = "simulate --port 0 --tickets 5 --since 2024-01-01 --until 2024-07-01 --json";
    let running = Running::start(&mut place.command(words));
    until("the end of the object", || running.told().contains('}'));
    let told: serde_json::Value = serde_json::from_str(&running.told()).expect("one object");
    let mut probe = place.command("probe --rate-limit none");
    probe
        .env("MAVA_BASE_URL", told["base_url"].as_str().unwrap())
        .env("MAVA_API_KEY", told["api_key"].as_str().unwrap());
    run(&mut probe).expect(0);
    running.signal("INT");
    running
        .end_within(Duration::from_secs(5))
        .expect(130)
        .json();
}

#[test]
fn a_port_that_is_taken_is_named() {
    let simulator = desk(1, 0);
    let port = simulator.base_url().rsplit(':').next().unwrap().to_owned();
    let place = Place::new();
    let ended = run(&mut place.command(&format!("simulate --tickets 1 --port {port}"))).expect(1);
    ended.expect_error(&["cannot listen on", &port]);
}

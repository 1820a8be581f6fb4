//! SIGINT and SIGTERM end a run soon, with its code and with all that arrived in the store.

use std::path::Path;
use std::time::Duration;

use mava_export::simulator::{Fault, Simulator};

use super::stored::{assert_same, assert_sound, look, rows, texts};
use super::support::{BACKFILL, Ended, Place, Running, desk, until, wait_for, watch};

const TICKETS: usize = 900;
const SIGNALS: [(&str, i32); 2] = [("INT", 130), ("TERM", 143)];

/// How soon a run ends after a signal.
const SOON: Duration = Duration::from_secs(5);

/// The interrupted run says how to go on, and the same command does so to the end.
fn assert_resumes(place: &Place, simulator: &Simulator, ended: &Ended) {
    assert!(ended.stdout.contains("interrupted"), "{}", ended.stdout);
    assert!(
        ended.stdout.contains("run the same command again"),
        "{}",
        ended.stdout
    );
    let path = place.path("support.db");
    assert_sound(&path);
    simulator.clear_hook();
    let second = place.backfill(simulator).expect(0);
    assert!(
        second.stdout.contains("went on from an interrupted run"),
        "{}",
        second.stdout
    );
    let undisturbed = Place::new();
    undisturbed.backfill(simulator).expect(0);
    assert_same(
        &rows(&path),
        &rows(&undisturbed.path("support.db")),
        "resumed",
    );
    assert_sound(&path);
}

/// Runs cases that mostly wait side by side.
fn all_at_once<T: Sync>(cases: &[T], run: impl Fn(&T) + Sync) {
    std::thread::scope(|scope| {
        for case in cases {
            scope.spawn(|| run(case));
        }
    });
}

fn has_lookups(path: &Path) -> bool {
    path.exists()
        && look(path)
            .query_row("SELECT has_lookups FROM _runs", [], |row| row.get(0))
            .unwrap_or(false)
}

#[test]
fn a_signal_in_the_middle_ends_the_run_and_the_next_completes_it() {
    for (signal, code) in SIGNALS {
        let simulator = desk(TICKETS, 20);
        let place = Place::new();
        let arrivals = watch(&simulator, |_, _| None);
        let running = Running::start(&mut place.command_at(&simulator, BACKFILL));
        wait_for(&arrivals, 6);
        running.signal(signal);
        let ended = running.end_within(SOON).expect(code);
        let stored = texts(
            &look(&place.path("support.db")),
            "SELECT count(*) FROM tickets",
        );
        assert!(stored[0].parse::<usize>().unwrap() < TICKETS, "{stored:?}");
        assert_ne!(stored, ["0"]);
        assert_resumes(&place, &simulator, &ended);
    }
}

#[test]
fn a_signal_while_waiting_for_the_budget_ends_the_run() {
    for (signal, code) in SIGNALS {
        let simulator = desk(TICKETS, 0);
        let place = Place::new();
        let words = format!(
            "{} --rate-limit 2/60s",
            BACKFILL.replace("--rate-limit none", "")
        );
        let running = Running::start(&mut place.command_at(&simulator, &words));
        // Categories and agents have spent it.
        until("the budget spent", || {
            has_lookups(&place.path("support.db"))
        });
        running.signal(signal);
        let ended = running.end_within(SOON).expect(code);
        assert_eq!(simulator.requests().len(), 2);
        assert_resumes(&place, &simulator, &ended);
    }
}

#[test]
fn a_signal_while_no_answer_comes_ends_the_run() {
    all_at_once(
        &[
            (1, "INT", 130),
            (2, "TERM", 143),
            (3, "INT", 130),
            (8, "TERM", 143),
        ],
        |&(number, signal, code)| {
            let simulator = desk(TICKETS, 0);
            let place = Place::new();
            let arrivals = watch(&simulator, move |request, _| {
                (request >= number).then_some(Fault::NeverAnswers)
            });
            let running = Running::start(&mut place.command_at(&simulator, BACKFILL));
            wait_for(&arrivals, number);
            running.signal(signal);
            let ended = running.end_within(SOON).expect(code);
            assert_resumes(&place, &simulator, &ended);
        },
    );
}

#[test]
fn a_signal_while_an_answer_stalls_halfway_ends_the_run() {
    let simulator = desk(TICKETS, 0);
    let place = Place::new();
    let arrivals = watch(&simulator, |request, _| {
        (request == 5).then_some(Fault::HangMidBody)
    });
    let running = Running::start(&mut place.command_at(&simulator, BACKFILL));
    wait_for(&arrivals, 5);
    running.signal("TERM");
    let ended = running.end_within(SOON).expect(143);
    assert_resumes(&place, &simulator, &ended);
}

#[test]
fn a_signal_during_a_pause_between_tries_ends_the_run() {
    let simulator = desk(TICKETS, 0);
    let place = Place::new();
    let arrivals = watch(&simulator, |request, _| {
        (request > 4).then_some(Fault::Status(503))
    });
    let words = BACKFILL.replace("--retry-pause 5ms", "--retry-pause 10m");
    let running = Running::start(&mut place.command_at(&simulator, &words));
    wait_for(&arrivals, 5);
    running.wait_to_say("trying again");
    running.signal("INT");
    let ended = running.end_within(SOON).expect(130);
    assert_resumes(&place, &simulator, &ended);
}

#[test]
fn a_second_signal_ends_the_run_at_once() {
    for (first, second, code) in [
        ("INT", "INT", 130),
        ("INT", "TERM", 143),
        ("TERM", "INT", 130),
    ] {
        let simulator = desk(TICKETS, 0);
        let place = Place::new();
        let arrivals = watch(&simulator, |request, _| {
            (request > 4).then_some(Fault::NeverAnswers)
        });
        let running = Running::start(&mut place.command_at(&simulator, BACKFILL));
        wait_for(&arrivals, 5);
        running.signal(first);
        running.wait_to_say("stopping");
        running.signal(second);
        // Well before the answers in hand are given up.
        let ended = running
            .end_within(Duration::from_millis(2_500))
            .expect(code);
        ended.expect_error(&["stopped at once", "run the same command again"]);
        assert_sound(&place.path("support.db"));
        simulator.clear_hook();
        place.backfill(&simulator).expect(0);
    }
}

#[test]
fn a_signal_ends_a_plan_and_a_probe_that_get_no_answer() {
    const PLAN: &str = "plan backfill --since 2024-01-01 --to sqlite:support.db";
    all_at_once(
        &[
            ("probe", "INT", 130),
            ("probe", "TERM", 143),
            (PLAN, "INT", 130),
            (PLAN, "TERM", 143),
        ],
        |&(words, signal, code)| {
            let simulator = desk(10, 0);
            let place = Place::new();
            let arrivals = watch(&simulator, |_, _| Some(Fault::NeverAnswers));
            let running = Running::start(&mut place.command_at(&simulator, words));
            wait_for(&arrivals, 1);
            running.signal(signal);
            let ended = running.end_within(SOON).expect(code);
            ended.expect_error(&["interrupted"]);
            assert!(ended.stdout.is_empty(), "{}", ended.stdout);
        },
    );
}

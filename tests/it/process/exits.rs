//! Each exit code, with what is said and what to do.

use std::fs;
use std::net::TcpListener;

use mava_export::simulator::Fault;

use super::stored::{look, texts};
use super::support::{BACKFILL, Ended, Place, desk, run, run_with_stdin, watch};

/// A command that exits with 2, saying these on stderr and nothing on stdout.
fn refused(place: &Place, words: &str, parts: &[&str]) -> Ended {
    let mut command = place.command(words);
    let ended = run(command.env("MAVA_API_KEY", "a-key")).expect(2);
    ended.expect_error(parts);
    assert!(ended.stdout.is_empty(), "{}", ended.stdout);
    ended
}

#[test]
fn what_cannot_be_read_on_the_command_line_is_named() {
    let place = Place::new();
    refused(&place, "", &["Usage:"]);
    refused(&place, "backfil", &["backfil", "backfill"]);
    refused(
        &place,
        "backfill --sinse 2024-01-01",
        &["--sinse", "--since"],
    );
    refused(
        &place,
        "backfill --since yesterday --to sqlite:a.db",
        &["--since", "2023-01-31"],
    );
    refused(
        &place,
        "backfill --to sqlite:a.db",
        &["--since is missing", "MAVA_EXPORT_SINCE"],
    );
    refused(
        &place,
        "backfill --since 2024-01-01",
        &["--to is missing", "sqlite:support.db"],
    );
    refused(
        &place,
        "backfill --since 2024-01-01 --to a.db",
        &["sqlite:support.db"],
    );
    refused(
        &place,
        "backfill --since 2024-01-01 --to duckdb:out",
        &["not supported"],
    );
    refused(
        &place,
        "backfill --since 2024-02-01 --until 2024-01-01 --to sqlite:a.db",
        &["the range is empty", "--until is exclusive"],
    );
    refused(
        &place,
        "backfill --since 2999-01-01 --to sqlite:a.db",
        &["in the future"],
    );
    refused(
        &place,
        &format!("{BACKFILL} --base-url http://gateway.mava.app"),
        &["in the clear"],
    );
    refused(
        &place,
        &format!("{BACKFILL} --base-url ftp://127.0.0.1"),
        &["neither https nor http"],
    );
    refused(
        &place,
        &format!("{BACKFILL} --rate-margin fast"),
        &["300ms"],
    );
    refused(&place, &format!("{BACKFILL} --file-mode 0400"), &["0600"]);
    refused(&place, &format!("{BACKFILL} --lanes 17"), &["17"]);
    assert!(!place.path("a.db").exists() && !place.path("support.db").exists());
}

#[test]
fn without_a_key_nothing_is_sent_and_the_ways_to_give_one_are_named() {
    let simulator = desk(10, 0);
    let place = Place::new();
    let url = simulator.base_url();
    for words in [BACKFILL, "probe", &format!("plan {BACKFILL}")] {
        let ended = run(place.command(words).env("MAVA_BASE_URL", &url)).expect(2);
        ended.expect_error(&["there is no API key", "MAVA_API_KEY", "--api-key-file"]);
    }
    fs::write(place.path("key.txt"), "\n").unwrap();
    let words = format!("{BACKFILL} --api-key-file key.txt");
    let ended = run(place.command(&words).env("MAVA_BASE_URL", &url)).expect(2);
    ended.expect_error(&["the API key file is empty"]);
    let words = format!("{BACKFILL} --api-key-file -");
    let ended = run(place.command(&words).env("MAVA_BASE_URL", &url)).expect(2);
    ended.expect_error(&["the API key on stdin is empty"]);
    assert!(simulator.requests().is_empty());
    let mut command = place.command(&words);
    run_with_stdin(command.env("MAVA_BASE_URL", &url), simulator.api_key()).expect(0);
}

#[test]
fn a_wrong_key_exits_with_4_and_is_not_tried_again() {
    for words in [BACKFILL, "probe", &format!("plan {BACKFILL}")] {
        let simulator = desk(10, 0);
        let place = Place::new();
        let mut command = place.command_at(&simulator, words);
        let ended = run(command.env("MAVA_API_KEY", "another-key")).expect(4);
        ended.expect_error(&["refused the key (401)", "MAVA_API_KEY"]);
        assert_eq!(simulator.requests().len(), 1, "{words}");
    }
}

#[test]
fn a_key_revoked_halfway_exits_with_4_and_keeps_what_was_read() {
    let simulator = desk(800, 0);
    let place = Place::new();
    let _arrivals = watch(&simulator, |request, _| {
        (request > 5).then_some(Fault::Unauthorized)
    });
    place
        .backfill(&simulator)
        .expect(4)
        .expect_error(&["refused the key (401)"]);
    let stored = texts(
        &look(&place.path("support.db")),
        "SELECT count(*) FROM tickets",
    );
    assert_ne!(stored, ["0"]);
    simulator.clear_hook();
    let second = place.backfill(&simulator).expect(0);
    assert!(
        second.stdout.contains("went on from an interrupted run"),
        "{}",
        second.stdout
    );
}

#[test]
fn an_api_that_is_not_there_is_named_by_the_request_and_its_attempts() {
    // A port that nobody listens on: one that was free a moment ago.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let place = Place::new();
    // A backfill asks for the categories first, and gives up when not even those are answered.
    for (words, request) in [
        (BACKFILL, "GET /api/categories"),
        ("probe --retry-pause 10ms", "GET /api/tickets"),
        (&format!("plan {BACKFILL}"), "GET /api/tickets"),
    ] {
        let words = format!("{words} --retry-attempts 2");
        let mut command = place.command(&words);
        command
            .env("MAVA_BASE_URL", &url)
            .env("MAVA_API_KEY", "a-key");
        let ended = run(&mut command).expect(1);
        ended.expect_error(&["error: ", request, "after 2 attempts", "refused", "help: "]);
        assert!(ended.stdout.is_empty(), "{}", ended.stdout);
    }
}

#[test]
fn an_api_that_keeps_failing_exits_with_1_and_the_next_run_goes_on() {
    let simulator = desk(800, 0);
    let place = Place::new();
    let _arrivals = watch(&simulator, |request, _| {
        (request > 6).then_some(Fault::Status(502))
    });
    let words = format!("{BACKFILL} --retry-attempts 3");
    let ended = run(&mut place.command_at(&simulator, &words)).expect(1);
    ended.expect_error(&[
        "GET /api/tickets",
        "after 3 attempts",
        "answered 502",
        "2024-07-01",
    ]);
    ended.expect_error(&["run the same command again"]);
    simulator.clear_hook();
    let second = run(&mut place.command_at(&simulator, &words)).expect(0);
    assert!(
        second.stdout.contains("went on from an interrupted run"),
        "{}",
        second.stdout
    );
}

#[test]
fn what_cannot_be_represented_exits_with_3_and_is_kept_raw() {
    let simulator = desk(200, 0);
    let place = Place::new();
    let _arrivals = watch(&simulator, |_, request| {
        request.is_for_tickets().then(|| {
            let mut number = 0;
            Fault::edit_tickets(move |ticket| {
                number += 1;
                if number % 50 == 7 {
                    ticket["priority"] = "high".into();
                }
            })
        })
    });
    let ended = run(&mut place.command_at(&simulator, &format!("{BACKFILL} --json"))).expect(3);
    let summary = ended.json();
    assert_eq!(summary["outcome"], "incomplete");
    assert_eq!(summary["rejects"], 4);
    assert_eq!(summary["tickets_stored"], 200);
    let store = look(&place.path("support.db"));
    assert_eq!(
        texts(&store, "SELECT DISTINCT raw_json FROM rejects"),
        ["\"high\""]
    );
    let again = place.backfill(&simulator).expect(3);
    assert!(
        again.stdout.contains("look at the rejects"),
        "{}",
        again.stdout
    );
}

#[test]
fn a_key_that_the_configuration_file_does_not_know_is_named() {
    let place = Place::new();
    fs::create_dir(place.path("config")).unwrap();
    let file = place.path("config/mava-export.toml");
    for (text, parts) in [
        (
            "rate_limits = \"5/1s\"\n",
            &["rate_limits", "did you mean rate_limit?"][..],
        ),
        (
            "colour_of_money = 1\n",
            &["colour_of_money: unknown key", "example"],
        ),
        ("lanes = \"many\"\n", &["mava-export.toml: lanes"]),
        ("lanes = 4\nlanes = 5\n", &["mava-export.toml: line 2"]),
        ("[api]\nlanes = 4\n", &["api"]),
    ] {
        fs::write(&file, text).unwrap();
        refused(&place, BACKFILL, parts);
    }
    refused(
        &place,
        &format!("{BACKFILL} --config none.toml"),
        &["none.toml", "cannot be read"],
    );
    let mut command = place.command(BACKFILL);
    fs::write(&file, "lanes = 4\n").unwrap();
    let ended = run(command
        .env("MAVA_EXPORT_LANES", "0")
        .env("MAVA_API_KEY", "a-key"))
    .expect(2);
    ended.expect_error(&["0"]);
}

//! Each exit code, with what is said and what to do.

use std::fs;
use std::net::TcpListener;

use mava_export::simulator::{Fault, Faults};

use super::stored::{look, texts};
use super::support::{BACKFILL, Ended, Place, desk, run, run_with_stdin, watch};
use crate::support::{NOW, WallClock};

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
        &["others could read the API key on the way"],
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
    let failed = place.backfill(&simulator).expect(4);
    failed.expect_error(&["refused the key (401)"]);
    assert!(
        failed.stdout.starts_with("Backfill failed"),
        "{}",
        failed.stdout
    );
    let words = format!("{BACKFILL} --json");
    let _arrivals = watch(&simulator, |request, _| {
        (request > 5).then_some(Fault::Unauthorized)
    });
    let told = run(&mut Place::new().command_at(&simulator, &words)).expect(4);
    told.expect_error(&["error: "]);
    let told = told.json();
    assert_eq!(
        (&told["outcome"], &told["exit_code"]),
        (&"failed".into(), &4.into())
    );
    assert!(told["tickets_read"].as_i64() > Some(0), "{told}");
    assert!(told["error"].as_str().unwrap().contains("401"), "{told}");
    assert!(told["help"].is_string(), "{told}");
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
        // A backfill had begun: it says what it keeps.
        let is_begun = ended.stdout.starts_with("Backfill failed");
        assert_eq!(is_begun, words.starts_with("backfill"), "{}", ended.stdout);
        assert!(is_begun || ended.stdout.is_empty(), "{}", ended.stdout);
    }
}

#[test]
fn a_command_that_fails_before_it_has_begun_is_one_json_value_too() {
    let simulator = desk(10, 0);
    let place = Place::new();
    for words in ["probe --json", &format!("plan {BACKFILL} --json")] {
        let mut command = place.command_at(&simulator, words);
        let ended = run(command.env("MAVA_API_KEY", "another-key")).expect(4);
        let told = ended.json();
        assert_eq!(told["exit_code"], 4);
        assert!(told["error"].as_str().unwrap().contains("401"), "{told}");
        assert!(
            told["help"].is_string() && told["outcome"].is_null(),
            "{told}"
        );
    }
    let none = run(&mut place.command("status --to sqlite:none.db --json")).expect(2);
    assert_eq!(none.json()["exit_code"], 2);
}

#[test]
fn a_proxys_page_is_named_as_html_with_a_way_out_that_is_none_in_a_circle() {
    let simulator = desk(10, 0);
    let place = Place::new();
    simulator.set_hook(Faults::always(|_| Fault::HtmlWith200));
    for (words, is_probe) in [("probe", true), (&*format!("plan {BACKFILL}"), false)] {
        let words = format!("{words} --retry-attempts 2");
        let ended = run(&mut place.command_at(&simulator, &words)).expect(1);
        ended.expect_error(&["HTML, not JSON", "check --base-url"]);
        assert_eq!(
            ended.stderr.contains("mava-export probe"),
            !is_probe,
            "{}",
            ended.stderr
        );
        assert!(!ended.stderr.contains("to go on"), "{}", ended.stderr);
    }
    simulator.set_hook(Faults::always(|_| Fault::Status(400)));
    let ended = run(&mut place.command_at(&simulator, "probe")).expect(1);
    ended.expect_error(&["400", "mava-export --version"]);
    assert!(
        !ended.stderr.contains("mava-export probe"),
        "{}",
        ended.stderr
    );
}

#[test]
fn an_unfinished_run_that_another_supersedes_is_named_with_what_it_had_read() {
    let simulator = desk(800, 0);
    let place = Place::new();
    let _arrivals = watch(&simulator, |request, _| {
        (request > 5).then_some(Fault::Unauthorized)
    });
    place.backfill(&simulator).expect(4);
    simulator.clear_hook();
    let read = texts(
        &look(&place.path("support.db")),
        "SELECT tickets_read FROM snapshots",
    );
    assert_ne!(read, ["0"]);
    let words = format!("{BACKFILL} --status open --json");
    let ended = run(&mut place.command_at(&simulator, &words)).expect(0);
    ended.expect_error(&[
        "an unfinished backfill ends as superseded",
        "[2024-01-01, 2024-07-01)",
    ]);
    let remark = ended.json()["remarks"][0].as_str().unwrap().to_owned();
    let had = format!("had read ({})", read[0]);
    for part in [
        "run 1 (backfill of 2024-01-01T00:00:00.000Z until 2024-07-01",
        "this run takes its place",
        &had,
        "run that command again",
    ] {
        assert!(remark.contains(part), "{part}: {remark}");
    }
}

#[test]
fn a_damaged_ledger_keeps_nobody_from_working() {
    let simulator = desk(10, 0);
    let place = Place::new();
    let words = "probe --rate-limit 5/100ms --state-dir state";
    run(&mut place.command_at(&simulator, words)).expect(0);
    let ledger = |path: &std::path::PathBuf| path.extension().is_some_and(|it| it == "sqlite");
    let path = place.files().into_iter().find(ledger).unwrap();
    fs::write(&path, [0xa5; 9_000]).unwrap();
    run(&mut place.command_at(&simulator, words))
        .expect(0)
        .expect_error(&["ledger was damaged", "a new one begins"]);
    let again = run(&mut place.command_at(&simulator, words)).expect(0);
    assert!(!again.stderr.contains("damaged"), "{}", again.stderr);
    // By whatever name the API is reached, the key's ledger is one.
    let url = simulator.base_url().replace("127.0.0.1", "localhost");
    let mut command = place.command_at(&simulator, words);
    run(command.env("MAVA_BASE_URL", url));
    assert_eq!(place.files().iter().filter(|path| ledger(path)).count(), 1);
    fs::write(place.path("file"), "").unwrap();
    let words = "probe --state-dir file/state";
    run(&mut place.command_at(&simulator, words))
        .expect(2)
        .expect_error(&["cannot open the budget ledger", "--state-dir"]);
}

#[test]
fn a_servers_clock_that_is_days_off_moves_no_end_and_leaves_no_gap() {
    let simulator = desk(10, 0);
    let words = "backfill --since 2024-01-01 --to sqlite:support.db --rate-limit none --json";
    for days in [-3, 3] {
        let place = Place::new();
        let clock = WallClock::new(place.root());
        let at_now = |words: &str| {
            let mut command = place.command_at(&simulator, words);
            clock.set(&mut command, NOW);
            run(&mut command)
        };
        simulator.set_now(Some(NOW + chrono::TimeDelta::days(days)));
        let mut ends = Vec::new();
        let backfill = at_now(words).expect(0);
        backfill.expect_error(&["s apart", "check both"]);
        ends.push((
            0,
            backfill.json()["range_until"].as_str().unwrap().to_owned(),
        ));
        let sync = "sync --to sqlite:support.db --rate-limit none --json";
        let sync = at_now(sync).expect(0).json();
        // What comes next may be dated by a clock that is behind.
        let seen = sync["complete_until"].as_str().unwrap().to_owned();
        ends.push((days.min(0), seen));
        for (off, end) in ends {
            let end: chrono::DateTime<chrono::Utc> = end.parse().unwrap();
            let off = end - (NOW + chrono::TimeDelta::days(off));
            assert!(off.abs() < chrono::TimeDelta::hours(1), "{days}: {end}");
        }
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
    assert_eq!(summary["outcome"], "complete_with_rejects");
    assert_eq!(summary["rejects"], 4);
    assert_eq!(summary["tickets_stored"], 200);
    let store = look(&place.path("support.db"));
    assert_eq!(
        texts(&store, "SELECT DISTINCT raw_json FROM rejects"),
        ["\"high\""]
    );
    let again = place.backfill(&simulator).expect(3);
    for part in [
        "Backfill complete, but with rejects\n",
        "look at the rejects",
        "mava-export accept --to sqlite:",
    ] {
        assert!(again.stdout.contains(part), "{part}: {}", again.stdout);
    }
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
            &["colour_of_money: unknown key", "--rate-limit"],
        ),
        (
            "lanes = \"many\"\n",
            &[
                "mava-export.toml: lanes: \"many\" is not accepted: write a whole number from 1 to 16",
            ],
        ),
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
    ended.expect_error(&[
        "'0' for 'MAVA_EXPORT_LANES (--lanes <N>)': write a whole number from 1 to 16",
    ]);
}

#[test]
fn an_end_far_in_the_future_is_now_and_costs_no_empty_windows() {
    let simulator = desk(20, 0);
    let place = Place::new();
    let words = "plan backfill --since 2024-01-01 --until 2124-01-01 --to sqlite:support.db --json";
    let ended = run(&mut place.command_at(&simulator, words)).expect(0);
    ended.expect_error(&["--until 2124-01-01", "the range ends now"]);
    assert!(simulator.requests().len() < 20, "{}", ended.stdout);
}

#[test]
fn an_empty_variable_is_one_that_is_not_set() {
    let place = Place::new();
    let mut command = place.command("backfill --since 2024-01-01");
    let ended = run(command
        .env("MAVA_EXPORT_TO", "")
        .env("MAVA_EXPORT_LANES", "")
        .env("MAVA_API_KEY", "a-key"))
    .expect(2);
    ended.expect_error(&["--to is missing"]);
}

#[test]
fn a_filter_by_an_id_that_nobody_knows_is_hinted_at() {
    let simulator = desk(60, 0);
    let place = Place::new();
    let id = "65f0c1a2b3c4d5e6f7a8b9c0";
    let words = format!("{BACKFILL} --category {id} --assigned-to Unassigned --json");
    let ended = run(&mut place.command_at(&simulator, &words)).expect(0);
    ended.expect_error(&[&format!("--category {id} is the id of none of")]);
    let remarks = ended.json()["remarks"].clone();
    assert_eq!(remarks.as_array().unwrap().len(), 1, "{remarks}");
}

#[test]
fn a_store_of_a_part_of_a_desk_says_so_to_a_sync() {
    let simulator = desk(60, 0);
    let place = Place::new();
    let words = format!("{BACKFILL} --category BILLING --status open,pending");
    run(&mut place.command_at(&simulator, &words)).expect(0);
    let kept = simulator.requests().len();
    let planned = run(&mut place.command_at(&simulator, "plan sync --to sqlite:support.db --json"))
        .expect(0)
        .json();
    assert_eq!(simulator.requests().len(), kept);
    let sync = "sync --to sqlite:support.db --rate-limit none --json";
    let summary = run(&mut place.command_at(&simulator, sync))
        .expect(0)
        .json();
    let told = summary["remarks"].to_string();
    for part in [
        "a part of the desk, read with --category ",
        "--status Open,Pending",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    let [planned, sent] =
        [&planned, &summary].map(|one| one["requests"].as_u64().expect("a number"));
    // Those that are selected no longer are read one by one, which nobody knows beforehand.
    assert!(
        (planned..planned + 8).contains(&sent),
        "{planned} planned, {sent} sent"
    );
    let misspelt = format!("{BACKFILL} --category BILING");
    run(&mut place.command_at(&simulator, &misspelt))
        .expect(2)
        .expect_error(&[
            "--category BILING: no category of this name is known",
            "did you mean ",
        ]);
}

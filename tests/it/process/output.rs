//! Results on stdout, everything else on stderr; for people and for machines.

use mava_export::simulator::{
    Fault, Faults, Numbers, Shape, Simulator, SimulatorSpec, World, WorldSpec,
};

use super::support::{BACKFILL, Ended, Place, desk, run, watch, world};
use crate::support::{NOW, WallClock};

/// Every line of stderr is a JSON object with a level and a message.
#[track_caller]
fn assert_json_lines(ended: &Ended) -> Vec<serde_json::Value> {
    let lines = ended.stderr.lines().map(|line| {
        let value: serde_json::Value = serde_json::from_str(line).expect(line);
        assert!(
            value["level"].is_string() && value["message"].is_string(),
            "{line}"
        );
        assert!(value["timestamp"].is_string(), "{line}");
        value
    });
    lines.collect()
}

#[test]
fn json_is_one_object_on_stdout_and_log_lines_stay_on_stderr() {
    let simulator = desk(300, 0);
    let place = Place::new();
    let _arrivals = watch(&simulator, |request, _| {
        (request == 4).then_some(Fault::Status(500))
    });
    let words = format!("{BACKFILL} --json -vv");
    let ended = run(&mut place.command_at(&simulator, &words)).expect(0);
    let summary = ended.json();
    assert_eq!(summary["outcome"], "complete");
    assert_eq!(summary["tickets_new"], 300);
    assert_eq!(summary["retries"], 1);
    assert_eq!(summary["requests"], simulator.requests().len());
    ended.expect_error(&["backfill begins", "trying again"]);
    let plan = run(&mut place.command_at(&simulator, &format!("plan {BACKFILL} --json"))).expect(0);
    assert_eq!(plan.json()["tickets"], 300);
    let probe = run(&mut place.command_at(&simulator, "probe --json")).expect(0);
    assert!(probe.json()["findings"].is_array());
    let status = run(&mut place.command("status --to sqlite:support.db --json")).expect(0);
    assert_eq!(status.json()["tickets"], 300);
    assert!(status.stderr.is_empty(), "{}", status.stderr);
}

#[test]
fn a_command_line_that_cannot_be_read_is_one_json_value_too() {
    let place = Place::new();
    for (words, error, help) in [
        ("sync --json --bogus", "unexpected argument '--bogus'", ""),
        ("--json frob", "unrecognized subcommand 'frob'", "'probe'"),
        ("backfill --json --sinse 2024-01-01", "--sinse", "--since"),
        ("--config none.toml --json probe", "none.toml", ""),
    ] {
        let ended = run(&mut place.command(words)).expect(2);
        let told = ended.json();
        let has = |key: &str, part: &str| told[key].as_str().unwrap_or_default().contains(part);
        assert!(has("error", error) && has("help", help), "{told}");
        assert_eq!(told["exit_code"], 2, "{told}");
        ended.expect_error(&[error]);
    }
    let plain = run(&mut place.command("sync --json=false --bogus")).expect(2);
    assert!(plain.stdout.is_empty(), "{}", plain.stdout);
    let help = run(&mut place.command("sync --json --help")).expect(0);
    assert!(help.stdout.contains("Usage:"), "{}", help.stdout);
}

#[test]
fn log_lines_for_machines_are_all_json_also_when_the_run_fails() {
    let simulator = desk(300, 0);
    let place = Place::new();
    let words = format!("{BACKFILL} --log-format json -v");
    let ended = run(&mut place.command_at(&simulator, &words)).expect(0);
    assert!(!assert_json_lines(&ended).is_empty());
    assert_eq!(ended.json()["outcome"], "complete");
    simulator.set_hook(Faults::always(|_| Fault::Status(503)));
    let words = format!("{words} --retry-attempts 2");
    let ended = run(&mut place.command_at(&simulator, &words)).expect(1);
    let lines = assert_json_lines(&ended);
    let last = lines.last().unwrap();
    assert_eq!(
        (&last["level"], &last["exit_code"]),
        (&"ERROR".into(), &1.into())
    );
    assert!(last["help"].is_string(), "{last}");
    let words = "backfill --log-format json --since 2024-01-01 --to sqlite:a.db";
    assert_json_lines(&run(&mut place.command(words)).expect(2));
}

#[test]
fn a_quiet_command_says_nothing_while_all_is_well() {
    let simulator = desk(50, 0);
    let place = Place::new();
    let range = "--since 2024-01-01 --until 2024-07-01 --rate-limit none";
    let sync = "sync --to sqlite:support.db --rate-limit none";
    let repair = "verify --repair --to parquet:desk --rate-limit none";
    for words in [
        BACKFILL,
        sync,
        "sync --full --to sqlite:support.db --rate-limit none",
        "verify --to sqlite:support.db --rate-limit none",
        "verify --deep --to sqlite:support.db --rate-limit none",
        &format!("backfill {range} --to parquet:desk"),
        repair,
        "publish --to parquet:desk",
        "accept --all --yes --to sqlite:support.db",
    ] {
        for quiet in ["-q", "-qq", "--quiet", "-q --log-format json"] {
            let words = format!("{words} {quiet}");
            let ended = run(&mut place.command_at(&simulator, &words)).expect(0);
            assert_eq!((&*ended.stdout, &*ended.stderr), ("", ""), "{words}");
        }
    }
    let probed = recent(Shape::default());
    let ended = run(&mut place.command_at(&probed, "probe -q")).expect(0);
    assert_eq!((&*ended.stdout, &*ended.stderr), ("", ""));
    // What was asked for is printed: an answer, and a result by its name.
    for words in [
        "status --to sqlite:support.db -qq",
        "query --from sqlite:support.db -qq SELECT(1)",
        "accept --to sqlite:support.db -qq",
        &format!("plan backfill {range} --to sqlite:support.db -qq"),
        &format!("{BACKFILL} -qq --json"),
        &format!("{BACKFILL} --log-level off"),
    ] {
        let ended = run(&mut place.command_at(&simulator, words)).expect(0);
        assert!(ended.stderr.is_empty(), "{words}: {}", ended.stderr);
        assert!(!ended.stdout.is_empty(), "{words}");
    }
}

#[test]
fn a_quiet_run_says_nothing_of_requests_that_were_answered_in_the_end() {
    let simulator = desk(250, 0);
    for (quiet, is_told) in [("", true), ("-q", false), ("-q --log-format json", false)] {
        let place = Place::new();
        let _arrivals = watch(&simulator, |at, _| (at == 3).then_some(Fault::Status(502)));
        simulator.clear_requests();
        let words = format!("{BACKFILL} {quiet}");
        let ended = run(&mut place.command_at(&simulator, &words)).expect(0);
        assert_eq!(
            ended.stderr.contains("trying again"),
            is_told,
            "{}",
            ended.stderr
        );
        let mut requests = simulator.requests().into_iter();
        assert!(requests.any(|one| one.status == Some(502)), "{quiet}");
        assert_eq!(ended.stderr.is_empty(), !is_told, "{}", ended.stderr);
    }
}

/// Whatever is wrong with one answer that is made up for.
#[test]
fn a_quiet_run_says_nothing_of_answers_that_were_made_up_for() {
    let simulator = desk(950, 0);
    let faults: [fn() -> Fault; 7] = [
        || Fault::CutBody,
        || Fault::InvalidJson,
        || Fault::Empty,
        || Fault::CountLies(5),
        || Fault::CountLies(-5),
        || Fault::HasMoreLies,
        || {
            Fault::edit_tickets(|ticket| {
                ticket.as_object_mut().unwrap().remove("messages");
            })
        },
    ];
    for fault in faults {
        for number in 4..8 {
            let place = Place::new();
            let what = format!("{:?} at {number}", fault());
            let _arrivals = watch(&simulator, move |at, _| (at == number).then(fault));
            let words = format!("{BACKFILL} -q");
            let ended = run(&mut place.command_at(&simulator, &words)).expect(0);
            assert!(ended.stderr.is_empty(), "{what}: {}", ended.stderr);
        }
    }
}

#[test]
fn a_quiet_command_says_all_of_it_where_something_is_wrong() {
    let place = Place::new();
    let simulator = desk(50, 0);
    simulator.set_hook(Faults::always(|_| Fault::Status(500)));
    let words = format!("{BACKFILL} -qq --retry-attempts 2");
    let failed = run(&mut place.command_at(&simulator, &words)).expect(1);
    failed.expect_error(&["error: "]);
    simulator.clear_hook();
    run(&mut place.command_at(&simulator, &format!("{BACKFILL} -q"))).expect(0);
    // A ticket less than the store has, which no run has seen go.
    let id = simulator.with_world(|world| {
        let id = world.tickets().next().unwrap().id.clone();
        world.remove(&id);
        id
    });
    let verify = "verify --to sqlite:support.db --rate-limit none";
    let loud = run(&mut place.command_at(&simulator, verify)).expect(3);
    let quiet = run(&mut place.command_at(&simulator, &format!("{verify} -qq"))).expect(3);
    let heading = |ended: &Ended| ended.stdout.lines().next().map(str::to_owned);
    assert!(heading(&quiet).is_some(), "{id}");
    assert_eq!(heading(&quiet), heading(&loud));
    let lines = format!("{verify} -qq --log-format json");
    let ended = run(&mut place.command_at(&simulator, &lines)).expect(3);
    assert_eq!(ended.stdout.lines().count(), 1, "{}", ended.stdout);
    ended.json();
}

#[test]
fn where_log_lines_are_json_results_are_too_on_one_line_each() {
    let simulator = desk(50, 0);
    let place = Place::new();
    for words in [
        BACKFILL,
        "sync --to sqlite:support.db --rate-limit none",
        "verify --to sqlite:support.db --rate-limit none",
        "status --to sqlite:support.db",
        "publish --from sqlite:support.db --to parquet:desk",
        "accept --to sqlite:support.db",
        "plan sync --to sqlite:support.db",
    ] {
        let words = format!("{words} --log-format json");
        let ended = run(&mut place.command_at(&simulator, &words)).expect(0);
        assert_eq!(ended.stdout.lines().count(), 1, "{words}: {}", ended.stdout);
        assert!(ended.json().is_object(), "{words}");
        if !ended.stderr.is_empty() {
            assert_json_lines(&ended);
        }
    }
    let words = "query --from sqlite:support.db --log-format json SELECT(1)AS/**/n";
    let rows = run(&mut place.command_at(&simulator, words)).expect(0);
    assert_eq!(rows.json(), serde_json::json!([{"n": 1}]));
}

#[test]
fn a_probe_of_a_dead_host_asks_twice_at_most_and_says_so() {
    let place = Place::new();
    // A port at which nobody listens any more.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    for more in ["", "--retry-attempts 9"] {
        let mut command = place.command(&format!("probe {more}"));
        command
            .env("MAVA_BASE_URL", format!("http://127.0.0.1:{port}"))
            .env("MAVA_API_KEY", "a-key-of-this-test");
        let ended = run(&mut command).expect(1);
        ended.expect_error(&["failed after 2 attempts"]);
        assert_eq!(ended.stderr.matches("WARN").count(), 1, "{}", ended.stderr);
    }
    let mut once = place.command("probe --retry-attempts 1");
    once.env("MAVA_BASE_URL", format!("http://127.0.0.1:{port}"))
        .env("MAVA_API_KEY", "a-key-of-this-test");
    run(&mut once)
        .expect(1)
        .expect_error(&["failed after 1 attempt "]);
}

#[test]
fn one_thing_has_one_name_in_the_json_of_all_commands() {
    let simulator = desk(50, 0);
    let place = Place::new();
    place.backfill(&simulator).expect(0);
    let sync = "sync --to sqlite:support.db --rate-limit none --json";
    let sync = run(&mut place.command_at(&simulator, sync))
        .expect(0)
        .json();
    let status = run(&mut place.command("status --to sqlite:support.db --json"));
    let status = status.expect(0).json();
    for name in [
        "tickets",
        "freshness",
        "rejects_standing",
        "rejects_accepted",
        "store",
    ] {
        assert!(!sync[name].is_null(), "{name}: {sync}");
        assert_eq!(sync[name].is_array(), status[name].is_array(), "{name}");
    }
    assert_eq!(sync["tickets"], status["tickets"]);
    let keys = |value: &serde_json::Value| -> Vec<String> {
        let entries = value["freshness"].as_array().unwrap();
        assert_eq!(entries.len(), 4);
        entries[0].as_object().unwrap().keys().cloned().collect()
    };
    assert_eq!(keys(&sync), keys(&status));
    assert!(sync.get("read_within_days").is_none() && sync.get("live").is_none());
}

#[test]
fn text_that_nobody_watches_has_no_colours_unless_asked_for() {
    let simulator = desk(50, 0);
    let place = Place::new();
    let ended = place.backfill(&simulator).expect(0);
    assert!(!ended.stdout.contains('\u{1b}') && !ended.stderr.contains('\u{1b}'));
    let words = format!("{BACKFILL} --color always");
    let ended = run(&mut place.command_at(&simulator, &words)).expect(0);
    assert!(ended.stdout.contains('\u{1b}'), "{}", ended.stdout);
}

#[test]
fn help_version_and_completions_are_results() {
    let place = Place::new();
    for (words, parts) in [
        ("--help", &["backfill", "MAVA_API_KEY", "demo"][..]),
        ("-h", &["backfill", "demo"]),
        ("help backfill", &["--since", "--rate-limit"]),
        (
            "backfill --help",
            &["--since", "--rate-limit", "--api-key-file"],
        ),
        ("plan backfill --help", &["--since"]),
        ("demo --help", &["--tickets"]),
        ("--version", &["mava-export 0."]),
        (
            "completions bash",
            &["complete -F", "--rate-limit", "COMPREPLY"],
        ),
        ("completions zsh", &["#compdef mava-export"]),
        ("completions fish", &["complete -c mava-export"]),
    ] {
        let ended = run(&mut place.command(words)).expect(0);
        assert!(ended.stderr.is_empty(), "{words}: {}", ended.stderr);
        for part in parts {
            assert!(ended.stdout.contains(part), "{words}: {}", ended.stdout);
        }
    }
    run(&mut place.command("completions tcsh"))
        .expect(2)
        .expect_error(&["tcsh"]);
}

#[test]
fn status_shows_what_a_store_holds_and_refuses_where_there_is_none() {
    let simulator = desk(300, 0);
    let place = Place::new();
    for path in ["none.db", "missing/none.db"] {
        let words = format!("status --to sqlite:{path}");
        let ended = run(&mut place.command(&words)).expect(2);
        ended.expect_error(&["error: ", path.split('/').next().unwrap(), "help: "]);
        assert!(ended.stdout.is_empty());
    }
    run(&mut place.command("status"))
        .expect(2)
        .expect_error(&["--to is missing"]);
    assert!(!place.path("none.db").exists());
    place.backfill(&simulator).expect(0);
    let ended = run(&mut place.command("status --to sqlite:support.db")).expect(0);
    for part in ["support.db", "300", "complete", "tickets", "messages"] {
        assert!(ended.stdout.contains(part), "{}", ended.stdout);
    }
    let status = run(&mut place.command("status --to sqlite:support.db --json"))
        .expect(0)
        .json();
    assert_eq!(status["snapshots"][0]["outcome"], "complete");
    assert_eq!(status["snapshots"][0]["tickets_new"], 300);
    assert!(status["unfinished"].is_null());
}

#[test]
fn a_plan_counts_every_window_and_writes_nothing() {
    let simulator = desk(300, 0);
    let place = Place::new();
    let words = "plan backfill --since 2022-01-01 --until 2025-01-01 --to sqlite:a.db";
    let ended = run(&mut place.command_at(&simulator, words)).expect(0);
    for part in ["300", "2022-01-01", "2025-01-01", "request"] {
        assert!(ended.stdout.contains(part), "{}", ended.stdout);
    }
    let windows = simulator.requests().len();
    assert!(windows <= 4, "{windows}");
    let words = format!("{words} --json");
    let plan = run(&mut place.command_at(&simulator, &words))
        .expect(0)
        .json();
    assert_eq!(plan["windows"].as_array().unwrap().len(), windows);
    assert_eq!(plan["requests_spent"], windows);
    assert!(!place.path("a.db").exists());
}

/// A desk of the last year, as a probe looks at no other, served so.
fn recent(shape: Shape) -> Simulator {
    Simulator::start_apart(SimulatorSpec {
        shape,
        ..SimulatorSpec::new(World::generate(&WorldSpec {
            tickets: 200,
            from: NOW - chrono::TimeDelta::days(300),
            until: NOW,
            ..WorldSpec::default()
        }))
    })
    .unwrap()
}

/// Probes it now.
fn probe(simulator: &Simulator, words: &str) -> Ended {
    let place = Place::new();
    let mut command = place.command_at(simulator, words);
    WallClock::new(place.root()).set(&mut command, NOW);
    run(&mut command)
}

#[test]
fn a_probe_of_the_documented_api_finds_nothing_amiss_and_one_of_every_variant_ends_well() {
    for (name, shape) in Shape::variants() {
        let simulator = recent(shape);
        let ended = probe(&simulator, "probe --json");
        assert_eq!(simulator.requests().len(), 1);
        let probe = ended.json();
        let findings = probe["findings"].as_array().unwrap();
        assert!(findings.len() > 10, "{name}: {probe:#}");
        let differing: Vec<&str> = findings
            .iter()
            .filter(|finding| finding["verdict"] == "differs")
            .filter_map(|finding| finding["what"].as_str())
            .collect();
        // What a backfill copes with, but the API's page says otherwise.
        let expected: &[&str] = match shape.numbers {
            Numbers::Strings => &[
                "tickets[].priority",
                "tickets[].resolutionTime",
                "tickets[].csat",
            ],
            Numbers::Numbers => &[],
        };
        assert_eq!(differing, expected, "{name}");
        let code = if differing.is_empty() { 0 } else { 3 };
        assert_eq!(ended.code(), Some(code), "{name}");
    }
}

#[test]
fn a_probe_names_what_differs_without_a_value() {
    let simulator = recent(Shape::default());
    simulator.set_hook(Faults::always(|_| {
        Fault::edit_tickets(|ticket| ticket["priority"] = "Sup3rHigh".into())
    }));
    let ended = probe(&simulator, "probe").expect(3);
    assert!(ended.stdout.contains("priority"), "{}", ended.stdout);
    assert!(!ended.stdout.contains("Sup3rHigh"), "{}", ended.stdout);
}

#[test]
fn a_reader_of_stdout_that_goes_away_is_no_failure() {
    let simulator = desk(50, 0);
    let place = Place::new();
    let words = BACKFILL.to_owned();
    let ended = run(&mut place.shell_at(&simulator, "exec > >(true)", &words));
    assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
    assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
}

#[test]
fn a_filtered_export_says_so() {
    let simulator = Simulator::start_apart(SimulatorSpec::new(world(300))).unwrap();
    let place = Place::new();
    let words = format!("{BACKFILL} --status Open,Resolved --origin email --json");
    let summary = run(&mut place.command_at(&simulator, &words))
        .expect(0)
        .json();
    assert_eq!(summary["filters"]["origin"][0], "email");
    assert!(summary["tickets_stored"].as_i64().unwrap() < 300);
    assert_eq!(summary["range_from"], "2024-01-01T00:00:00.000Z");
}

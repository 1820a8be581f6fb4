//! The API key reaches no output, no file and no process list, whatever goes wrong.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

use mava_export::simulator::{Fault, RetryAfter, Simulator, SimulatorSpec};

use super::servers::listen;
use super::support::{
    BACKFILL, Ended, Place, Running, run, run_with_stdin, wait_for, watch, world,
};

pub(super) const KEY: &str = "k3y-That-nobody/may+See=8f1e";

/// The loudest that the command can be, in both forms.
pub(super) const LOUD: [&str; 2] = [
    "-vv --log-level trace",
    "--log-level trace --log-format json --json",
];

fn keyed_desk() -> Simulator {
    Simulator::start_apart(SimulatorSpec {
        api_key: KEY.to_owned(),
        ..SimulatorSpec::new(world(300))
    })
    .unwrap()
}

fn holds_key(bytes: &[u8]) -> bool {
    bytes
        .windows(KEY.len())
        .any(|window| window == KEY.as_bytes())
}

#[track_caller]
fn assert_unsaid(ended: &Ended) {
    for said in [&ended.stdout, &ended.stderr] {
        assert!(!holds_key(said.as_bytes()), "{said}");
    }
}

#[track_caller]
fn assert_unwritten(place: &Place) {
    let files = place.files();
    for path in files {
        assert!(!holds_key(&fs::read(&path).unwrap()), "{}", path.display());
        assert!(!holds_key(path.as_os_str().as_encoded_bytes()));
    }
}

/// Of every process that may be looked at.
#[track_caller]
fn assert_unlisted() {
    let mut seen = 0;
    for entry in fs::read_dir("/proc").unwrap() {
        let path = entry.unwrap().path().join("cmdline");
        // Processes come and go.
        if let Ok(command_line) = fs::read(&path) {
            seen += 1;
            assert!(!holds_key(&command_line), "{}", path.display());
        }
    }
    assert!(seen > 0);
}

#[test]
fn the_key_is_nowhere_while_a_run_goes_on_and_after_it() {
    for loud in LOUD {
        let simulator = keyed_desk();
        let place = Place::new();
        let arrivals = watch(&simulator, |request, _| {
            (request == 4).then_some(Fault::Delay(Duration::from_millis(300)))
        });
        // The ledger too, so with the limit in force.
        let words = format!("{BACKFILL} {loud}").replace("--rate-limit none", "");
        let running = Running::start(&mut place.command_at(&simulator, &words));
        wait_for(&arrivals, 4);
        assert_unlisted();
        assert_unwritten(&place);
        assert_unsaid(&running.end().expect(0));
        let names: Vec<String> = place
            .files()
            .iter()
            .map(|path| path.display().to_string())
            .collect();
        for part in ["support.db", "support.db-lock", "budget-"] {
            assert!(names.iter().any(|name| name.contains(part)), "{names:?}");
        }
        assert_unwritten(&place);
        let words = format!("status --to sqlite:support.db {loud}");
        assert_unsaid(&run(&mut place.command_at(&simulator, &words)).expect(0));
    }
}

#[test]
fn the_key_is_nowhere_when_requests_fail() {
    type Make = fn() -> Fault;
    let faults: [(Make, i32); 8] = [
        (|| Fault::Unauthorized, 4),
        (|| Fault::Status(500), 1),
        (|| Fault::Status(400), 1),
        (|| Fault::TooMany(RetryAfter::Seconds(0)), 1),
        (|| Fault::ResetBeforeHeaders, 1),
        (|| Fault::CutBody, 1),
        (|| Fault::HtmlWith200, 1),
        (|| Fault::Redirect(format!("http://127.0.0.1:9/{KEY}")), 1),
    ];
    for (fault, code) in faults {
        for loud in LOUD {
            let simulator = keyed_desk();
            let place = Place::new();
            let _arrivals = watch(&simulator, move |request, _| (request > 3).then(fault));
            let words = format!("{BACKFILL} --retry-attempts 2 --retry-for 1s {loud}");
            let ended = run(&mut place.command_at(&simulator, &words)).expect(code);
            assert_unsaid(&ended);
            assert_unwritten(&place);
        }
    }
}

/// An answer, given the key.
type Reply = fn(&str) -> String;

/// Answers every request with what `reply` makes of the key in it.
pub(super) fn echo(reply: impl Fn(&str) -> String + Send + Sync + 'static) -> String {
    let address = listen("127.0.0.1:0", move |stream| answer(&stream, &reply)).unwrap();
    format!("http://{address}")
}

fn answer(mut stream: &TcpStream, reply: &impl Fn(&str) -> String) {
    let mut key = String::new();
    for line in BufReader::new(stream).lines() {
        // A client that goes is its own affair.
        let Ok(line) = line else { return };
        if let Some(value) = line.strip_prefix("x-auth-token: ") {
            value.clone_into(&mut key);
        }
        if line.is_empty() {
            break;
        }
    }
    assert_eq!(key, KEY);
    let _ = stream.write_all(reply(&key).as_bytes());
}

pub(super) fn http(status: &str, more: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {length}\r\n{more}\r\n{body}"
    )
}

#[test]
fn a_key_that_the_api_echoes_is_not_passed_on() {
    let replies: [(&str, Reply); 15] = [
        ("an error", |key| {
            http(
                "400 Bad Request",
                "",
                &format!("{{\"error\":\"bad key {key}\"}}"),
            )
        }),
        ("an error cut short", |key| {
            let words = "x".repeat(190);
            http(
                "500 Oops",
                "",
                &format!("{{\"error\":\"{words}{key}{key}\"}}"),
            )
        }),
        ("escaped", |key| {
            let escaped: String = key
                .chars()
                .map(|c| format!("\\u{:04x}", u32::from(c)))
                .collect();
            http(
                "400 Bad Request",
                "",
                &format!("{{\"error\":\"bad key {escaped}\"}}"),
            )
        }),
        ("refused", |key| {
            http("401 Unauthorized", "", &format!("{{\"error\":\"{key}\"}}"))
        }),
        ("a page", |key| {
            http("503 Busy", "", &format!("<h1>{key}</h1>"))
        }),
        ("a reason", |key| http(&format!("500 {key}"), "", "")),
        ("a redirect", |key| {
            http("302 Found", &format!("location: /{key}\r\n"), "")
        }),
        ("a pause", |key| {
            http("429 Slow", &format!("retry-after: {key}\r\n"), "")
        }),
        ("a date", |key| {
            http("200 OK", &format!("date: {key}\r\n"), "{}")
        }),
        ("a string", |key| http("200 OK", "", &format!("\"{key}\""))),
        ("tickets", |key| {
            http(
                "200 OK",
                "",
                &format!("{{\"tickets\":\"{key}\",\"count\":\"{key}\"}}"),
            )
        }),
        ("a field", |key| {
            http(
                "200 OK",
                "",
                &format!("{{\"{key}\":1,\"pagination\":\"{key}\"}}"),
            )
        }),
        ("no JSON", |key| {
            http("200 OK", "", &format!("{{\"count\": {key}"))
        }),
        ("a bad header", |key| {
            format!("HTTP/1.1 200 OK\r\n{key}\u{1}\r\n\r\n")
        }),
        ("no HTTP", |key| format!("{key}\r\n\r\n")),
    ];
    for (what, reply) in replies {
        let url = echo(reply);
        for (loud, words) in [
            (LOUD[0], BACKFILL),
            (LOUD[1], BACKFILL),
            (LOUD[0], "probe --rate-limit none"),
            (LOUD[1], "probe --rate-limit none"),
            (
                LOUD[0],
                "plan backfill --since 2024-01-01 --to sqlite:a.db --rate-limit none",
            ),
        ] {
            let place = Place::new();
            let words = format!("{words} {loud} --retry-attempts 2 --retry-for 300ms");
            let mut command = place.command(&words);
            let ended = run(command.env("MAVA_BASE_URL", &url).env("MAVA_API_KEY", KEY));
            assert_ne!(ended.code(), None, "{what}: {}", ended.stderr);
            for said in [&ended.stdout, &ended.stderr] {
                assert!(!holds_key(said.as_bytes()), "{what}: {said}");
            }
            assert_unwritten(&place);
        }
    }
}

#[test]
fn the_key_from_a_file_or_stdin_is_nowhere_else() {
    let simulator = keyed_desk();
    let elsewhere = Place::new();
    let file = elsewhere.path("key.txt");
    fs::write(&file, format!("{KEY}\n")).unwrap();
    let file = file.display();
    let by_file = Place::new();
    let words = format!("{BACKFILL} -vv --api-key-file {file}");
    assert_unsaid(
        &run(by_file
            .command(&words)
            .env("MAVA_BASE_URL", simulator.base_url()))
        .expect(0),
    );
    assert_unwritten(&by_file);
    let by_stdin = Place::new();
    let words = format!("{BACKFILL} -vv --api-key-file -");
    let mut command = by_stdin.command(&words);
    command.env("MAVA_BASE_URL", simulator.base_url());
    assert_unsaid(&run_with_stdin(&mut command, &format!("{KEY}\r\n")).expect(0));
    assert_unwritten(&by_stdin);
}

#[test]
fn a_key_in_a_wrong_place_is_refused_without_an_echo() {
    // Another one, as this one does stand in a process list for a moment.
    let typed = "typed-8f1e-never-echoed";
    let place = Place::new();
    fs::write(place.path("a.toml"), format!("api_key = \"{typed}\"\n")).unwrap();
    fs::write(place.path("b.toml"), format!("lanes = {typed}\n")).unwrap();
    for (words, part) in [
        (
            format!("{BACKFILL} --api-key {typed}"),
            "never given as a flag",
        ),
        (
            format!("{BACKFILL} --api-key={typed}"),
            "never given as a flag",
        ),
        (
            format!("--api-key {typed} {BACKFILL}"),
            "never given as a flag",
        ),
        (format!("probe --api-key {typed}"), "never given as a flag"),
        (
            format!("{BACKFILL} --api-key-file {typed}"),
            "cannot be read",
        ),
        (
            format!("{BACKFILL} --base-url https://{typed}@127.0.0.1"),
            "a user or a password",
        ),
        (
            format!("{BACKFILL} --base-url https://127.0.0.1/?key={typed}"),
            "a query",
        ),
        (
            format!("{BACKFILL} --config a.toml"),
            "does not belong in this file",
        ),
        (format!("{BACKFILL} --config b.toml"), "b.toml: line 1"),
    ] {
        let ended = run(&mut place.command(&words)).expect(2);
        ended.expect_error(&[part]);
        assert!(!ended.stderr.contains(typed), "{}", ended.stderr);
        assert!(ended.stdout.is_empty());
    }
}

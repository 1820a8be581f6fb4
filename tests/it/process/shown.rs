//! What others wrote, the API, the desk and whoever typed, is shown so that it tells no key and
//! steers no terminal.

use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use mava_export::redact::is_hidden;
use mava_export::simulator::{Simulator, SimulatorSpec};
use rusqlite::Connection;

use super::secrets::{KEY, LOUD, echo, http};
use super::support::{BACKFILL, Ended, Place, Running, desk, run, world};

const PROBE: &str = "probe --rate-limit none --retry-attempts 2 --retry-pause 5ms";

/// What becomes of a key.
type Form = fn(&str) -> String;

/// What an API or a proxy may make of a key before it sends it back.
const FORMS: [(&str, Form); 17] = [
    ("as it is", str::to_owned),
    ("cut at the end", |key| key[..key.len() - 1].to_owned()),
    ("cut at the start", |key| key[1..].to_owned()),
    ("cut to eight characters", |key| key[4..12].to_owned()),
    ("in capitals", str::to_uppercase),
    ("in small letters", str::to_lowercase),
    ("split by zero-width spaces", |key| split(key, "\u{200b}")),
    ("split by control characters", |key| split(key, "\u{1}")),
    ("split by DEL", |key| split(key, "\u{7f}")),
    ("split by U+009B", |key| split(key, "\u{9b}")),
    ("split by direction marks", |key| split(key, "\u{202e}")),
    ("in Base64", |key| STANDARD.encode(key)),
    ("in Base64 after a name", |key| {
        STANDARD.encode(format!("me:{key}"))
    }),
    ("in Base64 after a longer name", |key| {
        URL_SAFE_NO_PAD.encode(format!("mava:{key}"))
    }),
    ("percent-encoded", |key| {
        each(key, |byte| format!("%{byte:02X}"))
    }),
    ("in hexadecimal", |key| {
        each(key, |byte| format!("{byte:02x}"))
    }),
    ("escaped", |key| each(key, |byte| format!("\\u{byte:04x}"))),
];

fn split(key: &str, by: &str) -> String {
    let parts: Vec<String> = key.chars().map(String::from).collect();
    parts.join(by)
}

fn each(key: &str, form: impl Fn(u8) -> String) -> String {
    key.bytes().map(form).collect()
}

/// Text as a reader could put it together: nothing hidden, no blanks, no capitals.
fn put_together(text: &str) -> String {
    let seen = text
        .chars()
        .filter(|character| !is_hidden(*character) && !character.is_whitespace())
        .filter(|character| *character != '\u{fffd}');
    seen.collect::<String>().to_lowercase()
}

/// That no eight characters in a row of what was sent back are shown.
#[track_caller]
fn assert_untold(what: &str, sent: &str, ended: &Ended) {
    let sent = put_together(sent);
    for said in [&ended.stdout, &ended.stderr] {
        let said = put_together(said);
        for run in sent.as_bytes().windows(12) {
            let run = std::str::from_utf8(run).unwrap();
            assert!(!said.contains(run), "{what}: {run} in {said}");
        }
        for run in KEY.to_lowercase().as_bytes().windows(8) {
            let run = std::str::from_utf8(run).unwrap();
            assert!(!said.contains(run), "{what}: {run} in {said}");
        }
    }
}

#[test]
fn a_key_that_is_sent_back_is_not_shown_in_any_form() {
    for (what, form) in FORMS {
        // Tried again, so that it is told in the log too.
        let reply = move |key: &str| {
            let error = serde_json::json!({"error": format!("<{}>", form(key))});
            http("500 Oops", "", &error.to_string())
        };
        let url = echo(reply);
        for loud in LOUD {
            let place = Place::new();
            let mut command = place.command(&format!("{PROBE} {loud}"));
            let ended = run(command.env("MAVA_BASE_URL", &url).env("MAVA_API_KEY", KEY)).expect(1);
            assert_untold(what, &form(KEY), &ended);
            ended.expect_error(&["trying again", "answered 500: <", "[REDACTED]"]);
        }
    }
}

#[test]
fn nor_is_it_where_a_field_is_named_after_it_or_a_list_is_not_read() {
    for (what, form) in FORMS {
        let field = move |key: &str| {
            let page = serde_json::json!({"count": 0, "tickets": [], form(key): 1,
                "pagination": {"hasMore": false, form(key): []}});
            http("200 OK", "", &page.to_string())
        };
        let refusal = move |key: &str| {
            let error = serde_json::json!({"error": form(key)});
            http("404 Not Found", "", &error.to_string())
        };
        let (fields, refusals) = (echo(field), echo(refusal));
        for (url, words) in [
            (&fields, "probe --rate-limit none --json"),
            (&fields, "probe --rate-limit none"),
            (&refusals, BACKFILL),
            (&refusals, &format!("{BACKFILL} --json --log-format json")),
        ] {
            let place = Place::new();
            let mut command = place.command(words);
            let ended = run(command.env("MAVA_BASE_URL", url).env("MAVA_API_KEY", KEY));
            assert_ne!(ended.code(), None);
            assert_untold(what, &form(KEY), &ended);
            // Nor is it kept: of what the API says of itself only the redacted form goes on.
            for path in place.files() {
                let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
                let (text, key) = (put_together(&text), KEY.to_lowercase());
                assert!(!text.contains(&key[4..12]), "{what}: {}", path.display());
            }
        }
    }
}

/// Everything that could steer a terminal or hide on it, in one text.
const HOSTILE: &str = "a\u{1b}[31mb\u{9b}31mc\u{7f}d\u{202e}e\u{2066}f\u{200b}g\u{200f}h\u{feff}i\u{ad}j\r\u{8}k\u{9d}0;x\u{7}l\u{2028}m\u{e0041}n";

#[track_caller]
fn assert_harmless(what: &str, text: &str) {
    let found = text
        .chars()
        .find(|character| *character != '\n' && is_hidden(*character));
    assert_eq!(found, None, "{what}: {text:?}");
}

#[test]
fn an_error_of_the_api_steers_no_terminal() {
    for status in ["400 Bad Request", "500 Oops"] {
        let url = echo(move |_| {
            let error = serde_json::json!({"error": HOSTILE});
            http(status, "", &error.to_string())
        });
        for options in ["", "--json", "--json --log-format json", "--color always"] {
            let place = Place::new();
            let mut command = place.command(&format!("{PROBE} {options}"));
            let ended = run(command.env("MAVA_BASE_URL", &url).env("MAVA_API_KEY", KEY)).expect(1);
            assert_harmless(options, &ended.stdout);
            // Our own colours.
            assert_harmless(options, &ended.stderr.replace("\u{1b}[", ""));
            if options.contains("--json") {
                assert!(ended.json()["error"].is_string());
            }
        }
    }
}

#[test]
fn a_key_that_is_asked_for_as_a_filter_is_shown_nowhere() {
    let simulator = Simulator::start_apart(SimulatorSpec {
        api_key: KEY.to_owned(),
        ..SimulatorSpec::new(world(60))
    })
    .unwrap();
    for options in ["", "--json", "--log-format json --json"] {
        let place = Place::new();
        let mut command = place.command(&format!("{BACKFILL} {options} --category {KEY}"));
        let ended = run(command
            .env("MAVA_BASE_URL", simulator.base_url())
            .env("MAVA_API_KEY", KEY))
        .expect(2);
        ended.expect_error(&["--category [REDACTED]: no category of this name is known"]);
        for said in [&ended.stdout, &ended.stderr] {
            assert!(!said.contains(&KEY[1..]), "{said}");
        }
        if options.contains("--json") {
            let told = ended.json()["error"].clone();
            assert!(
                told.as_str().unwrap().starts_with("--category [REDACTED]"),
                "{told}"
            );
        }
    }
}

#[test]
fn a_field_of_the_api_steers_no_terminal() {
    let url = echo(|_| {
        let page = serde_json::json!({"count": 0, "tickets": [], "pagination": {"hasMore": false}, HOSTILE: 1});
        http("200 OK", "", &page.to_string())
    });
    for words in ["probe", "probe --json"] {
        let place = Place::new();
        let mut command = place.command(words);
        let ended = run(command.env("MAVA_BASE_URL", &url).env("MAVA_API_KEY", KEY));
        assert_harmless(words, &ended.stdout);
        assert_harmless(words, &ended.stderr);
    }
}

#[test]
fn rows_of_a_query_stay_what_they_are_and_steer_no_terminal() {
    let simulator = desk(10, 0);
    let place = Place::new();
    place.backfill(&simulator).expect(0);
    let store = Connection::open(place.path("support.db")).unwrap();
    let changed = store.execute("UPDATE tickets SET status = ?1", [HOSTILE]);
    assert_eq!(changed.unwrap(), 10);
    drop(store);
    let ask = |options: &str| {
        let mut command = place.command("query");
        command.arg("SELECT status AS \"a\u{9b}b\" FROM tickets LIMIT 1");
        run(command.args(format!("--from sqlite:support.db {options}").split_whitespace()))
            .expect(0)
    };
    let json = ask("--format json");
    assert_harmless("json", &json.stdout);
    assert_eq!(json.json(), serde_json::json!([{"a\u{9b}b": HOSTILE}]));
    let table = ask("--format table");
    assert_harmless("table", &table.stdout);
    assert!(
        table.stdout.contains("d\u{fffd}e\u{fffd}f\u{fffd}g"),
        "{}",
        table.stdout
    );
    // A file for other programs, byte for byte.
    let csv = ask("--format csv");
    assert_eq!(csv.stdout, format!("a\u{9b}b\n\"{HOSTILE}\"\n"));
    let status = run(&mut place.command("status --to sqlite:support.db --json")).expect(0);
    assert_harmless("status", &status.stdout);
}

#[test]
fn what_was_typed_is_repeated_without_what_steers_a_terminal() {
    let place = Place::new();
    let hostile = "x\u{9b}31m\u{202e}\u{200b}\u{7f}\u{1b}[2Jy";
    for arguments in [
        &["backfill", "--lanes", hostile][..],
        &["backfill", "--since", hostile],
        &["backfill", "--status", hostile],
        &["backfill", "--to", hostile],
        &["backfill", &format!("--{hostile}")],
        &["backfill", hostile],
        &[hostile],
        &["completions", hostile],
        &["--config", hostile, "probe"],
        &["status", "--to", &format!("sqlite:{hostile}/a.db")],
        &["query", hostile, "--from", &format!("sqlite:{hostile}")],
        &["probe", "--base-url", hostile],
        &["probe", "--api-key-file", hostile],
        &["probe", "--state-dir", &format!("/dev/null/{hostile}")],
    ] {
        for json in [&[][..], &["--json"], &["--log-format", "json"]] {
            let mut command = place.command("");
            command.args(arguments).args(json);
            if !arguments.contains(&"--api-key-file") {
                command.env("MAVA_API_KEY", "a-key-of-this-test");
            }
            let ended = run(&mut command).expect(2);
            assert_harmless("stdout", &ended.stdout);
            assert_harmless("stderr", &ended.stderr);
            assert!(!ended.stderr.is_empty());
            if json.contains(&"--json") {
                assert_eq!(ended.json()["exit_code"], 2);
            }
        }
    }
}

#[test]
fn a_key_typed_in_the_place_of_something_else_is_not_repeated() {
    let place = Place::new();
    for key in [
        "typed-8f1e-never-echoed",
        "3f2b8c1e77aa4c1d9d2e0c1f2a3b4c5d",
        KEY,
    ] {
        for arguments in [
            &["backfill", "--lanes", key][..],
            &["backfill", "--since", key],
            &["backfill", "--rate-limit", key],
            &["backfill", "--status", key],
            &["backfill", "--to", key],
            &["backfill", &format!("--token={key}")],
            &["backfill", "--token", key],
            &["backfill", "-k", key],
            &["backfill", &format!("-k{key}")],
            &["backfill", &format!("--{key}")],
            &["backfill", key],
            &[key],
            &["completions", key],
            &["--config", key, "probe"],
            &["probe", "--api-key-file", key],
            &["probe", "--base-url", key],
        ] {
            for known in [true, false] {
                for json in [&[][..], &["--json"]] {
                    let mut command = place.command("");
                    command.args(arguments).args(json);
                    if known && !arguments.contains(&"--api-key-file") {
                        command.env("MAVA_API_KEY", key);
                    }
                    let ended = run(&mut command).expect(2);
                    for said in [&ended.stdout, &ended.stderr] {
                        assert!(!said.contains(key), "{arguments:?}: {said}");
                        assert!(!said.contains(&key[1..]), "{arguments:?}: {said}");
                    }
                }
            }
        }
    }
}

#[test]
fn a_date_or_a_path_that_is_wrong_is_still_repeated() {
    let place = Place::new();
    for (words, shown) in [
        (
            "backfill --since 2023-13-31T09:00:00+02:00",
            "2023-13-31T09:00:00+02:00",
        ),
        (
            "backfill --to /var/lib/support2024.db",
            "/var/lib/support2024.db",
        ),
        (
            "backfill --rate-limit ninety-a-minute-or-so",
            "ninety-a-minute-or-so",
        ),
    ] {
        run(&mut place.command(words))
            .expect(2)
            .expect_error(&[shown]);
    }
}

#[test]
fn a_key_file_that_is_open_to_others_is_warned_of() {
    let simulator = desk(10, 0);
    let place = Place::new();
    let path = place.path("key.txt");
    fs::write(&path, simulator.api_key()).unwrap();
    for (mode, is_open) in [
        (0o600, false),
        (0o400, false),
        (0o640, true),
        (0o604, true),
        (0o644, true),
        (0o620, true),
    ] {
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        let mut command = place.command("probe --api-key-file key.txt");
        let ended = run(command.env("MAVA_BASE_URL", simulator.base_url()));
        assert!(matches!(ended.code(), Some(0 | 3)), "{}", ended.stderr);
        let warning =
            format!("key.txt is open to others (permissions {mode:04o}): chmod 600 key.txt");
        assert_eq!(ended.stderr.contains(&warning), is_open, "{}", ended.stderr);
    }
}

fn pipe(place: &Place) {
    let made = Command::new("mkfifo").arg(place.path("pipe")).status();
    assert!(made.unwrap().success());
}

#[test]
fn a_pipe_as_key_file_is_waited_for_and_not_in_silence() {
    let simulator = desk(10, 0);
    let place = Place::new();
    pipe(&place);
    let mut command = place.command("probe --api-key-file pipe");
    let running = Running::start(command.env("MAVA_BASE_URL", simulator.base_url()));
    running.wait_to_say("waiting for the API key file pipe");
    fs::write(place.path("pipe"), simulator.api_key()).unwrap();
    let ended = running.end();
    assert!(matches!(ended.code(), Some(0 | 3)), "{}", ended.stderr);
    // As a shell does it.
    let preparation = format!("key() {{ echo {}; }}", simulator.api_key());
    let script = "exec \"$0\" probe --api-key-file <(key)";
    let mut command = place.shell_at(&simulator, &format!("{preparation}; {script}"), "");
    let ended = run(command.env_remove("MAVA_API_KEY"));
    assert!(matches!(ended.code(), Some(0 | 3)), "{}", ended.stderr);
}

#[test]
fn a_pipe_that_nobody_writes_to_ends_with_2() {
    let place = Place::new();
    pipe(&place);
    let mut command = place.command("probe --api-key-file pipe");
    let ended = run(command.env("MAVA_BASE_URL", "http://127.0.0.1:9")).expect(2);
    ended.expect_error(&[
        "waiting for",
        "the API key file pipe is a pipe that nobody writes to",
    ]);
}

#[test]
fn a_key_on_stdin_that_does_not_come_is_waited_for_and_not_in_silence() {
    let simulator = desk(10, 0);
    let place = Place::new();
    let mut command = place.command("probe --api-key-file -");
    command
        .env("MAVA_BASE_URL", simulator.base_url())
        .stdin(Stdio::piped());
    let mut running = Running::spawn(&mut command);
    running.wait_to_say("waiting for the API key on stdin");
    let mut stdin = running.stdin();
    stdin.write_all(simulator.api_key().as_bytes()).unwrap();
    drop(stdin);
    let ended = running.end();
    assert!(matches!(ended.code(), Some(0 | 3)), "{}", ended.stderr);
}

#[test]
fn what_is_no_key_file_is_told_as_what_it_is() {
    let place = Place::new();
    fs::create_dir(place.path("folder")).unwrap();
    for (name, content) in [
        ("empty", &b""[..]),
        ("long", &[b'k'; 5_000]),
        ("binary", b"\x7fELF\0\x01\xff"),
    ] {
        fs::write(place.path(name), content).unwrap();
        fs::set_permissions(place.path(name), Permissions::from_mode(0o600)).unwrap();
    }
    for (path, words) in [
        ("folder", "the API key file folder is a directory"),
        ("/dev/zero", "the API key file /dev/zero is a device"),
        ("/dev/null", "the API key file /dev/null is a device"),
        ("empty", "the API key file is empty"),
        ("long", "the API key file is too long to be a key"),
        ("binary", "the API key file holds bytes that are no text"),
        ("missing", "the API key file cannot be read"),
    ] {
        let ended = run(&mut place.command(&format!("probe --api-key-file {path}"))).expect(2);
        ended.expect_error(&[words, "help: "]);
    }
}

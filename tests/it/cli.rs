#![expect(
    clippy::disallowed_methods,
    reason = "writes the files and starts the processes it tests"
)]
//! From flags, environment and files to settings, each case in a process of its own.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use mava_export::config;
use mava_export::settings;
use mava_export::terminal;
use mava_export::window;
use secrecy::ExposeSecret;

const KEY: &str = "s3cr3t-of-this-test";

/// Run by the others in a process of its own, with the command line in a variable; without one
/// there is nothing to say.
#[test]
fn settings_of_this_process() {
    let Ok(line) = std::env::var("TEST_ARGUMENTS") else {
        return;
    };
    let words = std::iter::once("mava-export").chain(line.split_whitespace());
    let args = match config::parse(words.map(Into::into)) {
        Ok(args) => args,
        Err(stop) => {
            terminal::stop(&stop, []);
            return;
        }
    };
    let printer = terminal::Printer::new(args.output.resolve());
    match config::resolve(args, window::parse("2026-01-31").unwrap()) {
        Ok(settings::Command::Backfill {
            connection,
            backfill,
        }) => {
            assert_eq!(connection.api_key.expose_secret(), KEY);
            println!("lanes={}", backfill.max_lanes);
            println!("base_url={}", connection.base_url);
            println!("has_messages={}", backfill.has_messages);
            println!("state_dir={:?}", connection.budget.state_dir);
        }
        Ok(other) => println!("{other:?}"),
        Err(error) => printer.error(&error),
    }
}

/// What a process with these arguments, variables and this stdin resolves and says, in `folder`.
fn run(folder: &Path, line: &str, variables: &[(&str, &str)], stdin: &str) -> String {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "cli::settings_of_this_process", "--nocapture"])
        .env_clear()
        .env("TEST_ARGUMENTS", line)
        .envs(variables.iter().copied())
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A process that does not read its stdin may be gone before it is written.
    let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
    let Output { stdout, stderr, .. } = child.wait_with_output().unwrap();
    let said = String::from_utf8(stdout).unwrap() + &String::from_utf8(stderr).unwrap();
    assert!(!said.contains(KEY), "{said}");
    said
}

const BACKFILL: &str = "backfill --since 2023-01-01 --to sqlite:a.db";

#[test]
fn flags_go_before_the_environment_that_before_the_file_and_that_before_defaults() {
    let folder = tempfile::tempdir().unwrap();
    let at = |line: &str, variables: &[(&str, &str)]| {
        let variables = [variables, &[("MAVA_API_KEY", KEY)]].concat();
        run(folder.path(), &format!("{BACKFILL} {line}"), &variables, "")
    };
    assert!(at("", &[]).contains("lanes=16\n"));
    std::fs::create_dir_all(folder.path().join("config")).unwrap();
    let file = folder.path().join("config/mava-export.toml");
    std::fs::write(&file, "lanes = 4\nno_messages = true\n").unwrap();
    let from_file = at("", &[]);
    assert!(from_file.contains("lanes=4\n") && from_file.contains("has_messages=false\n"));
    let variables = [
        ("MAVA_EXPORT_LANES", "3"),
        ("MAVA_EXPORT_NO_MESSAGES", "no"),
    ];
    let from_environment = at("", &variables);
    assert!(
        from_environment.contains("lanes=3\n") && from_environment.contains("has_messages=true\n")
    );
    let from_flags = at("--lanes 2 --no-messages", &variables);
    assert!(from_flags.contains("lanes=2\n") && from_flags.contains("has_messages=false\n"));

    let other = folder.path().join("other.toml");
    std::fs::write(&other, "lanes = 5\n").unwrap();
    assert!(at("--config other.toml", &[]).contains("lanes=5\n"));
    assert!(at("", &[("MAVA_EXPORT_CONFIG", "other.toml")]).contains("lanes=5\n"));
    let url = at("", &[("MAVA_BASE_URL", "http://127.0.0.1:8090")]);
    assert!(url.contains("base_url=http://127.0.0.1:8090/\n"), "{url}");
}

#[test]
fn the_ledgers_lie_in_the_users_state_directory_unless_another_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let at = |line: &str, variables: &[(&str, &str)]| {
        let variables = [variables, &[("MAVA_API_KEY", KEY), ("HOME", "/home/a")]].concat();
        run(folder.path(), &format!("{BACKFILL} {line}"), &variables, "")
    };
    let standard = "state_dir=Some(\"/home/a/.local/state/mava-export\")\n";
    assert!(at("", &[]).contains(standard));
    let moved = at("", &[("XDG_STATE_HOME", "/state")]);
    assert!(moved.contains("state_dir=Some(\"/state/mava-export\")\n"));
    assert!(at("--state-dir here", &[]).contains("state_dir=Some(\"here\")\n"));
    assert!(at("--rate-limit none", &[]).contains("state_dir=None\n"));
}

#[test]
fn the_key_comes_from_the_environment_a_file_or_stdin() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("key.txt"), format!("{KEY}\n")).unwrap();
    let other = "another-key";
    for (line, variables, stdin) in [
        ("", &[("MAVA_API_KEY", KEY)][..], other),
        ("--api-key-file key.txt", &[], other),
        ("--api-key-file key.txt", &[("MAVA_API_KEY", other)], other),
        (
            "--api-key-file -",
            &[("MAVA_API_KEY", other)],
            &format!("{KEY}\r\n"),
        ),
        (
            "",
            &[
                ("MAVA_API_KEY", KEY),
                ("MAVA_EXPORT_API_KEY_FILE", "none.txt"),
            ],
            other,
        ),
        ("", &[("MAVA_EXPORT_API_KEY_FILE", "key.txt")], other),
    ] {
        let said = run(
            folder.path(),
            &format!("{BACKFILL} {line}"),
            variables,
            stdin,
        );
        assert!(said.contains("lanes=16"), "{line} {variables:?}: {said}");
    }
}

#[test]
fn what_is_no_key_is_refused_and_never_printed() {
    let folder = tempfile::tempdir().unwrap();
    let twice = format!("{KEY} {KEY}");
    for (line, variables, stdin, reason) in [
        ("", &[][..], "", "there is no API key"),
        ("", &[("MAVA_API_KEY", "")], "", "MAVA_API_KEY is empty"),
        (
            "",
            &[("MAVA_API_KEY", twice.as_str())],
            "",
            "MAVA_API_KEY has white space in it",
        ),
        (
            "--api-key-file -",
            &[],
            &twice,
            "the API key on stdin has white space in it",
        ),
        (
            "--api-key-file s3cr3t-of-this-test",
            &[],
            "",
            "the API key file cannot be read",
        ),
        (
            "--api-key s3cr3t-of-this-test",
            &[],
            "",
            "never given as a flag",
        ),
        (
            "--api-key=s3cr3t-of-this-test",
            &[],
            "",
            "never given as a flag",
        ),
    ] {
        let said = run(
            folder.path(),
            &format!("{BACKFILL} {line}"),
            variables,
            stdin,
        );
        assert!(said.contains(reason), "{said}");
        assert!(said.contains("help: "), "{said}");
    }
}

#[test]
fn a_key_in_the_configuration_file_is_refused_and_never_printed() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("a.toml"),
        format!("api_key = \"{KEY}\"\n"),
    )
    .unwrap();
    let said = run(
        folder.path(),
        &format!("{BACKFILL} --config a.toml"),
        &[],
        "",
    );
    assert!(
        said.contains("error: a.toml: api_key: the API key does not belong in this file"),
        "{said}"
    );
}

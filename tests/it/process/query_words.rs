//! `query`: what is said of a question that has no answer, and how a store and a question are named.

use std::fs;

use super::query::ask;
use super::support::{Place, desk, run, run_with_stdin};

const FROM: &str = "--from sqlite:support.db";

fn stored() -> Place {
    let simulator = desk(20, 0);
    let place = Place::new();
    place.backfill(&simulator).expect(0);
    place
}

#[test]
fn what_is_wrong_with_the_sql_is_said_with_the_name_that_was_meant() {
    let place = stored();
    for (sql, parts) in [
        (
            "SELECT staus FROM tickets",
            &[
                "no such column: staus",
                "line 1, column 8",
                "did you mean status?",
            ][..],
        ),
        (
            "SELECT t.creatd_at\nFROM tickets t",
            &["no such column: t.creatd_at", "did you mean created_at?"],
        ),
        (
            "SELECT 1 FROM tikets",
            &["no such table: tikets", "did you mean tickets?"],
        ),
        (
            "SELECT content FROM tickets",
            &["messages has a column content", "JOIN"],
        ),
        (
            "SELECT 1 FROM tickets\nWHERE status = \"Open\"",
            &["\"Open\"", "line 2, column 16", "single quotes, 'Open'"],
        ),
        (
            "SELECT medain(1)",
            &["no such function: medain", "did you mean median()?"],
        ),
        (
            "SELECT id FROM tickets JOIN customers",
            &["ambiguous column name: id", "tickets.id"],
        ),
        ("SELECT (1", &["incomplete input", "ends too early"]),
        ("SELECT 'it", &["unrecognized token", "quote"]),
        (
            "SELECT 1 FORM tickets WHERE 1",
            &[
                "near \"tickets\": syntax error",
                "line 1, column 15",
                "sqlite.org",
            ],
        ),
        ("SELEKT 1", &["near \"SELEKT\": syntax error"]),
        ("SELECT abs(-9223372036854775808)", &["integer overflow"]),
        (
            "SELECT json_extract('x', '$')",
            &["malformed JSON", "json_valid"],
        ),
        (
            "SELECT 'a' REGEXP '('",
            &[
                "pattern of REGEXP is not valid: unclosed group",
                "\\ before it",
            ],
        ),
        (
            "SELECT median('a')",
            &["median() was given something that is no number"],
        ),
        (
            "SELECT 1; SELECT 2",
            &["more than one statement", "once for each"],
        ),
        ("SELECT ?1", &["placeholder", "the value itself"]),
        ("ATTACH 'x' AS x", &["only reads", "another file"]),
        ("PRAGMA page_size = 512", &["only reads", "PRAGMA"]),
        (
            "SELECT load_extension('x')",
            &["only reads", "code of others"],
        ),
    ] {
        let ended = ask(&place, sql, FROM).expect(2);
        ended.expect_error(parts);
        assert!(!ended.stderr.contains("Error code"), "{}", ended.stderr);
        assert!(
            !ended.stderr.contains("SQL logic error"),
            "{}",
            ended.stderr
        );
        assert_eq!(ended.stdout, "");
        let json = ask(&place, sql, &format!("{FROM} --json")).expect(2).json();
        assert_eq!(json["exit_code"], 2, "{sql}");
        assert!(json["help"].is_string(), "{sql}");
    }
}

#[test]
fn the_store_may_be_called_to_as_in_all_other_commands() {
    let place = stored();
    let sql = "SELECT count(*) AS n FROM tickets";
    let twenty = serde_json::json!([{"n": 20}]);
    let typed = ask(&place, sql, "--to sqlite:support.db --json").expect(0);
    assert_eq!(typed.json(), twenty);
    // From the environment, and what was typed goes before it.
    for (variable, options) in [("MAVA_EXPORT_TO", "--json"), ("MAVA_EXPORT_FROM", "--json")] {
        let mut command = place.command("query --json");
        command.arg(sql).env(variable, "sqlite:support.db");
        assert_eq!(run(&mut command).expect(0).json(), twenty, "{options}");
    }
    for (variable, option) in [("MAVA_EXPORT_TO", "--from"), ("MAVA_EXPORT_FROM", "--to")] {
        let mut command = place.command("query --json");
        command.args([sql, option, "sqlite:support.db"]);
        command.env(variable, "sqlite:nothing.db");
        assert_eq!(run(&mut command).expect(0).json(), twenty, "{option}");
    }
    // From the configuration file.
    fs::create_dir(place.path("config")).unwrap();
    fs::write(
        place.path("config/mava-export.toml"),
        "to = \"sqlite:support.db\"\n",
    )
    .unwrap();
    assert_eq!(ask(&place, sql, "--json").expect(0).json(), twenty);
    ask(
        &place,
        sql,
        "--from sqlite:support.db --to sqlite:support.db",
    )
    .expect(2)
    .expect_error(&["--from and --to both name a store"]);
}

#[test]
fn an_option_that_is_none_is_not_offered_as_sql() {
    let place = stored();
    for (option, near) in [("--formt", "--format"), ("--max-row", "--max-rows")] {
        let ended = ask(&place, "SELECT 1", &format!("{FROM} {option} 1")).expect(2);
        ended.expect_error(&[option, near]);
        assert!(!ended.stderr.contains("'-- "), "{}", ended.stderr);
    }
    // Of a command that has words of its own, too.
    let ended = run(&mut place.command("completions bash --shel")).expect(2);
    assert!(!ended.stderr.contains("'-- "), "{}", ended.stderr);
}

#[test]
fn a_directory_without_a_store_is_told_from_one_that_is_not_there() {
    let place = stored();
    run(&mut place.command("publish --from sqlite:support.db --to parquet:desk")).expect(0);
    fs::create_dir(place.path("empty")).unwrap();
    for (directory, parts) in [
        (
            "desk",
            &[
                "desk has snapshots but no store",
                "--from sqlite:FILE",
                "read_parquet('desk/current",
            ][..],
        ),
        (
            "empty",
            &["there is no store in empty", "--from sqlite:FILE"],
        ),
        ("none", &["there is no directory none"]),
    ] {
        ask(&place, "SELECT 1", &format!("--from parquet:{directory}"))
            .expect(2)
            .expect_error(parts);
    }
    fs::rename(place.path("support.db"), place.path("desk/store.sqlite")).unwrap();
    ask(&place, "SELECT 1", "--from parquet:desk").expect(0);
}

#[test]
fn a_question_comes_from_the_command_line_from_stdin_or_from_a_file() {
    let place = stored();
    let sql = "\u{feff}-- how many?\r\nSELECT count(*) AS n\r\nFROM tickets;\r\n-- that is all\r\n";
    fs::write(place.path("q.sql"), sql).unwrap();
    let twenty = serde_json::json!([{"n": 20}]);
    let words = |words: &str| place.command(&format!("query {words} {FROM} --json"));
    assert_eq!(run(&mut words("--file q.sql")).expect(0).json(), twenty);
    for stdin in ["-", "--file -"] {
        let answer = run_with_stdin(&mut words(stdin), sql).expect(0).json();
        assert_eq!(answer, twenty, "{stdin}");
    }
    let listed = run_with_stdin(&mut words("-"), ".tables\n")
        .expect(0)
        .json();
    assert_eq!(listed[0]["name"], "tickets");
    // Through a pipe, as a shell's `<(…)` is.
    let script =
        format!("\"$0\" query --file <(echo 'SELECT count(*) AS n FROM tickets') {FROM} --json");
    let mut shell = std::process::Command::new("bash");
    shell
        .args(["-c", &script, env!("CARGO_BIN_EXE_mava-export")])
        .current_dir(place.path(""))
        .env("HOME", place.root());
    assert_eq!(run(&mut shell).expect(0).json(), twenty);
}

#[test]
fn a_question_that_cannot_be_read_is_told_with_what_it_is() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let place = stored();
    fs::write(place.path("latin1.sql"), b"SELECT 'caf\xe9'").unwrap();
    fs::write(place.path("utf16.sql"), b"S\0E\0L\0E\0C\0T\0 \x001\0").unwrap();
    fs::write(place.path("empty.sql"), "").unwrap();
    for (words, parts) in [
        ("", &["what to ask is missing", ".tables"][..]),
        ("--file none.sql", &["cannot read none.sql", "--file"]),
        ("--file config", &["cannot read config"]),
        ("--file .", &["is a directory"]),
        (
            "--file latin1.sql",
            &["latin1.sql is not UTF-8 text, from byte 11", "UTF-8"],
        ),
        ("--file utf16.sql", &["NUL byte", "UTF-16"]),
        ("--file support.db", &["is a database, not SQL", "--from"]),
        (
            "--file empty.sql",
            &["there is no statement", "write one SELECT"],
        ),
        ("--file q.sql - ", &["both SQL and --file"]),
        ("SELECT 1", &["more than one word", "quotes"]),
    ] {
        run(&mut place.command(&format!("query {words} {FROM}")))
            .expect(2)
            .expect_error(parts);
    }
    let mut command = place.command(&format!("query {FROM}"));
    run(command.arg(OsStr::from_bytes(b"SELECT '\xff'")))
        .expect(2)
        .expect_error(&["the SQL is not UTF-8 text", "--file"]);
}

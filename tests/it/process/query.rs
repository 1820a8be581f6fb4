//! `query`: answers in three forms, and nothing but answers.

use std::fs;
use std::io::Read;
use std::process::{Command, Stdio};

use super::support::{Ended, Place, desk, run};

fn ask(place: &Place, sql: &str, options: &str) -> Ended {
    let mut command = place.command("query");
    command.arg(sql).args(options.split_whitespace());
    run(&mut command)
}

#[test]
fn an_answer_is_a_table_csv_or_json() {
    let simulator = desk(60, 0);
    let place = Place::new();
    place.backfill(&simulator).expect(0);
    let sql = "SELECT count(*) AS tickets, NULL AS nix, 'a,\"b\"' AS text FROM tickets";
    let from = "--from sqlite:support.db";
    let table = ask(&place, sql, from).expect(0).stdout;
    assert!(table.contains("│ tickets ┆ nix ┆ text  │"), "{table}");
    let csv = ask(&place, sql, &format!("{from} --format csv"))
        .expect(0)
        .stdout;
    assert_eq!(csv, "tickets,nix,text\n60,,\"a,\"\"b\"\"\"\n");
    for options in ["--format json", "--json"] {
        let json = ask(&place, sql, &format!("{from} {options}"))
            .expect(0)
            .json();
        let expected = serde_json::json!([{"tickets": 60, "nix": null, "text": "a,\"b\""}]);
        assert_eq!(json, expected);
    }
    let none = ask(
        &place,
        "SELECT id FROM tickets WHERE 0",
        &format!("{from} --json"),
    );
    assert_eq!(none.expect(0).stdout, "[]\n");
    let many = "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 5000) SELECT n FROM n";
    let cut = ask(&place, many, from).expect(0);
    assert!(cut.stderr.contains("first 1000 rows"), "{}", cut.stderr);
    let whole = ask(&place, many, &format!("{from} --format csv")).expect(0);
    assert_eq!(whole.stdout.lines().count(), 5_001);
}

#[test]
fn what_would_write_is_refused_and_changes_nothing() {
    let simulator = desk(20, 0);
    let place = Place::new();
    place.backfill(&simulator).expect(0);
    let before = fs::read(place.path("support.db")).unwrap();
    for sql in [
        "DELETE FROM tickets",
        "UPDATE tickets SET status = 'x' RETURNING id",
        "DROP TABLE tickets",
        "VACUUM INTO 'copy.db'",
        "ATTACH 'other.db' AS other",
        "PRAGMA query_only = 0",
        "PRAGMA journal_mode = delete",
        "SELECT 1; DELETE FROM tickets",
        "BEGIN",
        "SELECT nothing FROM tickets",
        "SELEKT",
        "",
    ] {
        let ended = ask(&place, sql, "--from sqlite:support.db").expect(2);
        assert!(ended.stdout.is_empty(), "{sql}: {}", ended.stdout);
        ended.expect_error(&["error: ", "help: "]);
    }
    assert!(fs::read(place.path("support.db")).unwrap() == before);
    assert!(!place.path("copy.db").exists() && !place.path("other.db").exists());
    ask(&place, "SELECT 1", "--from sqlite:none.db")
        .expect(2)
        .expect_error(&["no store"]);
    ask(&place, "SELECT 1", "")
        .expect(2)
        .expect_error(&["--from is missing"]);
}

#[test]
fn a_reader_that_has_seen_enough_ends_the_answer_quietly() {
    let simulator = desk(20, 0);
    let place = Place::new();
    place.backfill(&simulator).expect(0);
    let mut command: Command = place.command("query --from sqlite:support.db --format csv");
    let endless = "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n) SELECT n FROM n";
    let mut child = command
        .arg(endless)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = [0; 6];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    assert_eq!(&first, b"n\n1\n2\n");
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stderr.is_empty(), "{output:?}");
}

//! `query`: answers in each form, and nothing but answers.

use std::fs::{self, Permissions};
use std::io::Read;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use mava_export::table::{INTERNAL_TABLES, Table, all_tables};
use rusqlite::Connection;

use super::support::{Ended, Place, desk, run};

pub(super) fn ask(place: &Place, sql: &str, options: &str) -> Ended {
    let mut command = place.command("query");
    command.arg(sql).args(options.split_whitespace());
    run(&mut command)
}

#[test]
fn an_answer_is_a_table_csv_json_or_ndjson() {
    let simulator = desk(60, 0);
    let place = Place::new();
    place.backfill(&simulator).expect(0);
    let sql = "SELECT count(*) AS tickets, NULL AS nix, 'a,\"b\"' AS text FROM tickets";
    let from = "--from sqlite:support.db";
    let table = ask(&place, sql, from).expect(0).stdout;
    assert!(table.contains("│ tickets ┆  nix ┆ text  │"), "{table}");
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
    for format in ["ndjson", "jsonl"] {
        let lines = ask(
            &place,
            "SELECT 1 AS a UNION ALL SELECT NULL",
            &format!("{from} --format {format}"),
        );
        assert_eq!(lines.expect(0).stdout, "{\"a\": 1}\n{\"a\": null}\n");
    }
    let none = ask(
        &place,
        "SELECT id FROM tickets WHERE 0",
        &format!("{from} --json"),
    );
    assert_eq!(none.expect(0).stdout, "[]\n");
    let many = "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 5000) SELECT n FROM n";
    let cut = ask(&place, many, &format!("{from} --quiet")).expect(0);
    assert!(cut.stdout.contains("first 1,000 rows"), "{}", cut.stdout);
    let whole = ask(&place, many, &format!("{from} --format csv")).expect(0);
    assert_eq!(whole.stdout.lines().count(), 5_001);
}

#[test]
fn sql_that_begins_with_a_comment_is_no_flag_and_none_at_all_is_said_so() {
    let simulator = desk(20, 0);
    let place = Place::new();
    place.backfill(&simulator).expect(0);
    let from = "--from sqlite:support.db --json";
    let sql = "-- how many = all\nSELECT count(*) AS n FROM tickets";
    let answer = ask(&place, sql, from).expect(0).json();
    assert_eq!(answer, serde_json::json!([{"n": 20}]));
    for sql in ["", "  \n", "-- nothing to ask", "/* nothing */;"] {
        ask(&place, sql, from)
            .expect(2)
            .expect_error(&["there is no statement", "write one SELECT"]);
    }
    // A flag that is none is still found out.
    ask(&place, "--formt=csv", from)
        .expect(2)
        .expect_error(&["--formt"]);
}

#[test]
fn columns_of_one_name_are_all_in_the_answer() {
    let simulator = desk(20, 0);
    let place = Place::new();
    place.backfill(&simulator).expect(0);
    let sql = "SELECT 1 AS id, 2 AS id, 3 AS id";
    let answer = ask(&place, sql, "--from sqlite:support.db --json").expect(0);
    let expected = serde_json::json!([{"id": 1, "id_1": 2, "id_2": 3}]);
    assert_eq!(answer.json(), expected);
}

#[test]
fn what_fails_in_the_middle_is_the_questions_fault_or_the_stores() {
    let simulator = desk(400, 0);
    let place = Place::new();
    place.backfill(&simulator).expect(0);
    let wrong = "SELECT json_extract(text, '$.a') FROM (SELECT '{}' AS text UNION ALL SELECT 'x')";
    ask(&place, wrong, "--from sqlite:support.db --format csv")
        .expect(2)
        .expect_error(&["malformed JSON", "json_valid"]);
    // A page of messages is scribbled over.
    let path = place.path("support.db");
    let mut bytes = fs::read(&path).unwrap();
    let part = bytes.len() / 8;
    bytes[part..].fill(0xa5);
    fs::write(&path, bytes).unwrap();
    ask(
        &place,
        "SELECT * FROM messages",
        "--from sqlite:support.db --format csv",
    )
    .expect(2)
    .expect_error(&["support.db is damaged", "backup"]);
}

#[test]
fn a_store_in_a_directory_that_takes_no_files_is_read() {
    let simulator = desk(20, 0);
    let place = Place::new();
    place.backfill(&simulator).expect(0);
    let shelf = place.path("shelf?#%20");
    fs::create_dir(&shelf).unwrap();
    let store = shelf.join("support.db");
    fs::copy(place.path("support.db"), &store).unwrap();
    let binary = place.path("mava-export");
    fs::copy(env!("CARGO_BIN_EXE_mava-export"), &binary).unwrap();
    let allow = |path: &Path, mode| fs::set_permissions(path, Permissions::from_mode(mode));
    for path in [place.root(), &place.path(""), &binary] {
        allow(path, 0o755).unwrap();
    }
    allow(&store, 0o444).unwrap();
    allow(&shelf, 0o555).unwrap();
    let mut command = Command::new(&binary);
    command
        .args(["query", "SELECT count(*) AS n FROM tickets", "--json"])
        .arg(format!("--from=sqlite:{}", store.display()))
        .env_clear()
        .current_dir(&shelf);
    // The owner of all may write anywhere.
    if fs::metadata(&binary).unwrap().uid() == 0 {
        command.uid(65_534).gid(65_534);
    }
    let answer = run(&mut command).expect(0).json();
    assert_eq!(answer, serde_json::json!([{"n": 20}]));
    allow(&shelf, 0o755).unwrap();
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
        "DETACH main",
        "CREATE TEMP TABLE t (a)",
        "CREATE TEMP VIEW v AS SELECT 1",
        "CREATE VIRTUAL TABLE temp.f USING fts5(a)",
        "INSERT INTO tickets (id) VALUES ('x')",
        "EXPLAIN DELETE FROM tickets",
        "ANALYZE",
        "REINDEX",
        "PRAGMA query_only = 0",
        "PRAGMA query_only(0)",
        "PRAGMA journal_mode = delete",
        "PRAGMA journal_mode",
        "PRAGMA writable_schema = 1",
        "PRAGMA user_version = 99",
        "PRAGMA locking_mode = exclusive",
        "PRAGMA wal_checkpoint(TRUNCATE)",
        "PRAGMA mmap_size = 0",
        "PRAGMA temp_store_directory = '/tmp'",
        "PRAGMA optimize",
        "SELECT * FROM pragma_journal_mode",
        "SELECT load_extension('other.so')",
        "SELECT fts3_tokenizer('simple', x'0000000000000000')",
        "SELECT writefile('other.db', 'x')",
        "SELECT readfile('/etc/passwd')",
        "SELECT * FROM sqlite_dbpage",
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
        .expect_error(&["--from is missing", "MAVA_EXPORT_TO"]);
}

#[test]
fn what_describes_the_store_is_answered() {
    let simulator = desk(20, 0);
    let place = Place::new();
    place.backfill(&simulator).expect(0);
    for sql in [
        "PRAGMA user_version",
        "PRAGMA table_info(tickets)",
        "PRAGMA integrity_check",
        "SELECT name FROM pragma_table_info('tickets')",
        "SELECT name FROM sqlite_schema",
        "EXPLAIN QUERY PLAN SELECT * FROM tickets",
        "SELECT value FROM json_each('[1]')",
        ";; SELECT 1 ;",
        "WITH t AS MATERIALIZED (SELECT 1 AS a) SELECT * FROM t AS x, t AS y ORDER BY x.a",
    ] {
        let ended = ask(&place, sql, "--from sqlite:support.db --json").expect(0);
        let rows = ended.json();
        assert!(!rows.as_array().unwrap().is_empty(), "{sql}");
    }
}

#[test]
fn tables_are_listed_with_the_internal_ones_apart() {
    let simulator = desk(20, 0);
    let place = Place::new();
    place.backfill(&simulator).expect(0);
    let from = "--from sqlite:support.db";
    let names = |question: &str| -> Vec<String> {
        let rows = ask(&place, question, &format!("{from} --json --quiet")).expect(0);
        let rows = rows.json();
        let rows = rows.as_array().unwrap().iter();
        rows.map(|row| row["name"].as_str().unwrap().to_owned())
            .collect()
    };
    let people: Vec<String> = all_tables().map(|table| table.name.to_owned()).collect();
    assert_eq!(names(".tables"), people);
    let internal = INTERNAL_TABLES.iter().map(|(name, _)| (*name).to_owned());
    let all: Vec<String> = people.iter().cloned().chain(internal).collect();
    assert_eq!(names(".tables all"), all);
    let told = ask(&place, ".tables", from).expect(0).stdout;
    assert!(told.contains(".tables all lists them too"), "{told}");
    // As several words too.
    let mut command = place.command("query .schema tickets --from sqlite:support.db --json");
    let columns = run(&mut command).expect(0).json();
    let columns = columns.as_array().unwrap();
    let tickets = all_tables().find(|table| table.name == "tickets").unwrap();
    assert_eq!(columns.len(), tickets.columns().count());
    for (row, column) in columns.iter().zip(tickets.columns()) {
        assert_eq!(row["column"], column.name);
        let null = if column.is_nullable { "yes" } else { "no" };
        assert_eq!(row["null"], null, "{}", column.name);
    }
    let every = ask(&place, ".schema", &format!("{from} --format csv")).expect(0);
    let store = Connection::open(place.path("support.db")).unwrap();
    // Wide ones have columns of custom attributes besides.
    let columns = |table: &Table| {
        let all = format!("SELECT * FROM {}", table.name);
        store.prepare(&all).unwrap().column_count()
    };
    let count: usize = all_tables().map(columns).sum();
    assert!(count > all_tables().map(|table| table.columns().count()).sum());
    let lines = every.stdout.lines();
    assert_eq!(lines.filter(|line| !line.is_empty()).count(), count + 1);
    ask(&place, ".schema _runs", from).expect(0);
    ask(&place, ".schema tikets", from)
        .expect(2)
        .expect_error(&["no table tikets", "did you mean tickets?"]);
    ask(&place, ".tabels", from)
        .expect(2)
        .expect_error(&["no such command", ".tables"]);
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

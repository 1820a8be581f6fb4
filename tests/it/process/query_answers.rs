//! `query`: its functions, its limits, and the page that describes them.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::query::ask;
use super::support::{Place, Running, desk, run};

const FROM: &str = "--from sqlite:support.db";

const ENDLESS: &str =
    "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n) SELECT count(*) FROM n";

/// Longer than a command takes to end that was told to.
const SOON: Duration = Duration::from_secs(30);

fn stored() -> Place {
    let simulator = desk(60, 0);
    let place = Place::new();
    place.backfill(&simulator).expect(0);
    place
}

#[test]
fn medians_percentiles_and_patterns_are_there() {
    let place = stored();
    let sql = "SELECT median(x) AS median, percentile(x, 90) AS most, percentile_disc(x, 0.5) AS one,
                      sum(x REGEXP '^[12]$') AS found
               FROM (SELECT 1 AS x UNION ALL SELECT 2 UNION ALL SELECT NULL UNION ALL SELECT 4 UNION ALL SELECT 11)";
    let answer = ask(&place, sql, &format!("{FROM} --json")).expect(0).json();
    let expected = serde_json::json!([{"median": 3.0, "most": 8.9, "one": 2.0, "found": 2}]);
    let most = answer[0]["most"].as_f64().unwrap();
    assert!((most - 8.9).abs() < 1e-9, "{most}");
    for name in ["median", "one", "found"] {
        assert_eq!(answer[0][name], expected[0][name], "{name}");
    }
}

#[test]
fn what_a_limit_leaves_out_is_said_in_each_form() {
    let place = stored();
    let sql = "SELECT id, 'äöüß' AS text, 12345678 AS n FROM tickets ORDER BY created_at";
    let rows_cut = "Only the first 3 rows are given";
    let cells_cut = "3 cells are cut after 2 characters";
    let of = |options: &str| ask(&place, sql, &format!("{FROM} {options}")).expect(0);
    let limited = "SELECT 'äöüß' AS text, 12345678 AS n FROM tickets";
    for (format, cell) in [
        ("csv", "äö…,12345678"),
        ("json", "\"text\": \"äö…\", \"n\": 12345678"),
        ("ndjson", "\"text\": \"äö…\", \"n\": 12345678"),
    ] {
        let options = format!("{FROM} --format {format} --max-rows 3 --max-cell 2");
        let ended = ask(&place, limited, &options).expect(0);
        assert_eq!(ended.stdout.matches(cell).count(), 3, "{}", ended.stdout);
        ended.expect_error(&[rows_cut, cells_cut, "--max-rows none", "--max-cell none"]);
        // Nothing is left out where nobody asks for that.
        let whole = of(&format!("--format {format}"));
        assert_eq!(whole.stdout.matches("äöüß").count(), 60);
        assert!(!whole.stderr.contains("given"), "{}", whole.stderr);
    }
    let table = ask(
        &place,
        limited,
        &format!("{FROM} --max-rows 3 --max-cell 2"),
    )
    .expect(0);
    assert!(table.stdout.contains(rows_cut) && table.stdout.contains(cells_cut));
    // Exactly as many rows as are allowed are all.
    let all = of("--max-rows 60");
    assert!(!all.stdout.contains("Only the first"), "{}", all.stdout);
    // Into a file, it is said on stderr.
    let options = format!("{FROM} --max-rows 3 --max-cell 2 --output cut.csv");
    ask(&place, limited, &options).expect(0).expect_error(&[
        rows_cut,
        cells_cut,
        "3 rows written to",
    ]);
    let long = "SELECT printf('%.3000c', 'x') AS long";
    let cut = ask(&place, long, FROM).expect(0).stdout;
    assert!(
        cut.contains("1 cell is cut after 1,000 characters"),
        "{cut}"
    );
    let whole = ask(&place, long, &format!("{FROM} --max-cell none")).expect(0);
    assert_eq!(whole.stdout.matches('x').count(), 3_000);
    let many = "SELECT 1 FROM tickets, tickets";
    let whole = ask(&place, many, &format!("{FROM} --max-rows none")).expect(0);
    assert_eq!(whole.stdout.matches("│ 1 │").count() - 1, 3_600);
    // A text of bytes that are none is not passed for another.
    for format in ["table", "csv", "json"] {
        let sql = "SELECT CAST(x'61ff' AS TEXT) AS t";
        let ended = ask(&place, sql, &format!("{FROM} --format {format}")).expect(0);
        let told = format!("{}{}", ended.stdout, ended.stderr);
        assert!(told.contains("1 text is not UTF-8"), "{told}");
    }
    for wrong in [
        "--max-rows 0",
        "--max-cell -1",
        "--timeout 0s",
        "--timeout 5",
    ] {
        let options = format!("{FROM} {}", wrong.replacen(' ', "=", 1));
        ask(&place, sql, &options)
            .expect(2)
            .expect_error(&["or none to lift the limit"]);
    }
}

#[test]
fn a_question_that_takes_too_long_or_is_interrupted_ends() {
    let place = stored();
    let ended = ask(&place, ENDLESS, &format!("{FROM} --timeout 200ms")).expect(1);
    ended.expect_error(&["200ms", "--timeout"]);
    assert_eq!(ended.stdout, "");
    let json = ask(&place, ENDLESS, &format!("{FROM} --timeout 200ms --json")).expect(1);
    assert_eq!(json.json()["exit_code"], 1);
    ask(&place, "SELECT 1", &format!("{FROM} --timeout 1h")).expect(0);
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let mut command = place.command(&format!("query {FROM} --format ndjson"));
        // It has begun to answer, and then computes for ever.
        let sql = format!(
            "SELECT n FROM (WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n LIMIT 20000) SELECT n FROM n)
             UNION ALL SELECT * FROM ({ENDLESS})"
        );
        let running = Running::start(command.arg(sql));
        super::support::until("rows", || running.told().contains("{\"n\": 1}"));
        running.signal(signal);
        let ended = running.end_within(SOON).expect(code);
        ended.expect_error(&["there is no whole answer"]);
    }
}

#[test]
fn a_reader_that_takes_nothing_keeps_no_question_from_ending() {
    let place = stored();
    let endless = "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n) SELECT n FROM n";
    for (options, signal, code) in [
        ("", Some("INT"), 130),
        ("", Some("TERM"), 143),
        ("--timeout 300ms", None, 1),
    ] {
        let mut child = place
            .command(&format!("query {FROM} --format csv {options}"))
            .arg(endless)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // Some is read, and then no more.
        let mut pipe = child.stdout.take().unwrap();
        let mut first = [0; 6];
        pipe.read_exact(&mut first).unwrap();
        assert_eq!(&first, b"n\n1\n2\n");
        if let Some(signal) = signal {
            let kill = format!("kill -{signal} {}", child.id());
            let sent = Command::new("sh").args(["-c", &kill]).status().unwrap();
            assert!(sent.success());
        }
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert!(said.contains("there is no whole answer"), "{said}");
    }
}

#[test]
fn csv_for_spreadsheets_has_no_formulas() {
    let place = stored();
    let sql = "SELECT '=1+1' AS \"@a\", -5 AS n, -0.5 AS r, '+49' AS t, NULL AS x";
    let csv = |options: &str| {
        ask(&place, sql, &format!("{FROM} {options}"))
            .expect(0)
            .stdout
    };
    assert_eq!(
        csv("--format csv --csv-safe"),
        "'@a,n,r,t,x\n'=1+1,-5,-0.5,'+49,\n"
    );
    assert_eq!(csv("--format csv"), "@a,n,r,t,x\n=1+1,-5,-0.5,+49,\n");
    ask(&place, sql, &format!("{FROM} --csv-safe"))
        .expect(2)
        .expect_error(&["--csv-safe is for CSV", "--format csv"]);
    // As a rule in the environment it holds for CSV and leaves the other forms alone.
    for (format, expected) in [("csv", "'=1+1"), ("ndjson", "\"=1+1\"")] {
        let mut command = place.command(&format!("query {FROM} --format {format}"));
        command.arg(sql).env("MAVA_EXPORT_CSV_SAFE", "true");
        let answer = run(&mut command).expect(0).stdout;
        assert!(answer.contains(expected), "{answer}");
    }
}

/// The commands of `docs/queries.md`, one block after the other.
#[test]
fn the_commands_of_the_page_on_queries_run() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("docs/queries.md")).unwrap();
    let place = stored();
    let program = Path::new(env!("CARGO_BIN_EXE_mava-export"));
    let path = format!(
        "{}:{}",
        program.parent().unwrap().display(),
        std::env::var("PATH").unwrap()
    );
    let mut count = 0;
    for block in page.split("```sh\n").skip(1) {
        let commands = block.split("```").next().unwrap();
        let mut shell = Command::new("bash");
        shell
            .args(["-euo", "pipefail", "-c", commands])
            .env_clear()
            .env("PATH", &path)
            .env("HOME", place.root())
            .current_dir(place.path(""));
        let ended = run(&mut shell).expect(0);
        let is_written = commands.contains("--output");
        assert!(is_written || !ended.stdout.is_empty(), "{commands}");
        count += commands.matches("mava-export query").count();
    }
    assert!(count >= 12, "{count}");
    // What it shows of an error is what is said.
    let shown = page.split("```text\n").nth(1).unwrap();
    let shown = shown.split("```").next().unwrap();
    let ended = ask(&place, "SELECT staus FROM tickets", FROM).expect(2);
    assert_eq!(ended.stderr, shown);
}

//! `query --output`: a file that is there whole or not at all, and never in the place of another.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::PathBuf;

use super::query::ask;
use super::support::{Place, Running, desk, run, until};

const FROM: &str = "--from sqlite:support.db";

const ENDLESS: &str =
    "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n) SELECT n FROM n";

fn stored() -> Place {
    let simulator = desk(20, 0);
    let place = Place::new();
    place.backfill(&simulator).expect(0);
    place
}

/// Files of the working directory that are neither the store's nor meant to be there.
fn left_over(place: &Place) -> Vec<PathBuf> {
    let mut files = place.files();
    files.retain(|file| file.to_string_lossy().contains(".part"));
    files
}

#[test]
fn the_ending_of_a_file_says_its_form_and_it_is_as_private_as_the_store() {
    let place = stored();
    fs::set_permissions(place.path("support.db"), Permissions::from_mode(0o640)).unwrap();
    let sql = "SELECT 1 AS a";
    for (name, options, expected) in [
        ("a.csv", "", "a\n1\n"),
        ("a.CSV", "", "a\n1\n"),
        ("a.json", "", "[\n{\"a\": 1}\n]\n"),
        ("a.ndjson", "", "{\"a\": 1}\n"),
        ("a.jsonl", "--json", "{\"a\": 1}\n"),
        ("b.csv", "--format ndjson", "{\"a\": 1}\n"),
        ("b", "--json", "[\n{\"a\": 1}\n]\n"),
    ] {
        let ended = ask(&place, sql, &format!("{FROM} --output {name} {options}")).expect(0);
        assert_eq!(ended.stdout, "", "{name}");
        ended.expect_error(&["1 row written to", name]);
        let written = fs::read_to_string(place.path(name)).unwrap();
        assert_eq!(written, expected, "{name}");
        let mode = fs::metadata(place.path(name)).unwrap().mode() & 0o777;
        assert_eq!(mode, 0o640, "{name}");
    }
    ask(&place, sql, &format!("{FROM} --output table.txt")).expect(0);
    let table = fs::read_to_string(place.path("table.txt")).unwrap();
    assert!(table.contains("│ a │"), "{table}");
    // What is cut on a terminal is whole in a file.
    let long = "WITH RECURSIVE n(a) AS (SELECT 1 UNION ALL SELECT a + 1 FROM n WHERE a < 1500) SELECT a FROM n";
    ask(&place, long, &format!("{FROM} --output long.txt")).expect(0);
    let table = fs::read_to_string(place.path("long.txt")).unwrap();
    assert!(table.contains("1500"), "{} bytes", table.len());
    // A name that promises what is not written.
    ask(&place, sql, &format!("{FROM} --output sheet.xlsx"))
        .expect(2)
        .expect_error(&[".xlsx", ".csv", "--format"]);
    assert!(!place.path("sheet.xlsx").exists());
    ask(
        &place,
        sql,
        &format!("{FROM} --output sheet.xlsx --format csv"),
    )
    .expect(0);
    let stdout = ask(&place, sql, &format!("{FROM} --output - --format csv")).expect(0);
    assert_eq!(stdout.stdout, "a\n1\n");
    let quiet = ask(&place, sql, &format!("{FROM} --output quiet.csv --quiet")).expect(0);
    assert_eq!(quiet.stderr, "");
    assert!(left_over(&place).is_empty(), "{:?}", left_over(&place));
}

#[test]
fn a_file_that_exists_is_replaced_only_when_that_is_said_and_only_by_a_whole_answer() {
    let place = stored();
    let answer = place.path("answer.csv");
    fs::write(&answer, "mine").unwrap();
    fs::set_permissions(&answer, Permissions::from_mode(0o604)).unwrap();
    let write = |sql: &str, options: &str| {
        ask(
            &place,
            sql,
            &format!("{FROM} --output answer.csv {options}"),
        )
    };
    write("SELECT 1", "")
        .expect(2)
        .expect_error(&["answer.csv exists already", "--overwrite"]);
    // What is wrong in the beginning, in the middle, and after too long a time.
    let late = "SELECT json_extract(text, '$.a') FROM (SELECT '{}' AS text UNION ALL SELECT 'x')";
    for (sql, options, code) in [
        ("SELEKT", "", 2),
        (late, "", 2),
        (ENDLESS, "--timeout 200ms", 1),
    ] {
        write(sql, &format!("--overwrite {options}")).expect(code);
        assert_eq!(fs::read_to_string(&answer).unwrap(), "mine", "{sql}");
    }
    assert!(left_over(&place).is_empty(), "{:?}", left_over(&place));
    write("SELECT 1 AS a", "--overwrite").expect(0);
    assert_eq!(fs::read_to_string(&answer).unwrap(), "a\n1\n");
    assert_eq!(fs::metadata(&answer).unwrap().mode() & 0o777, 0o604);
    run(&mut place.command(&format!("query .tables {FROM} --overwrite")))
        .expect(2)
        .expect_error(&["--overwrite goes with --output"]);
}

#[test]
fn nothing_but_a_file_of_ones_own_is_ever_replaced() {
    let place = stored();
    let kept = place.path("kept.txt");
    fs::write(&kept, "mine").unwrap();
    symlink(&kept, place.path("link.csv")).unwrap();
    symlink("nothing", place.path("broken.csv")).unwrap();
    fs::create_dir(place.path("folder.csv")).unwrap();
    fs::copy(place.path("support.db"), place.path("copy.csv")).unwrap();
    let made = std::process::Command::new("mkfifo")
        .arg(place.path("pipe.csv"))
        .status();
    assert!(made.unwrap().success());
    run(&mut place.command("publish --from sqlite:support.db --to parquet:desk")).expect(0);
    fs::rename(place.path("support.db"), place.path("desk/store.sqlite")).unwrap();
    // Whoever reads a store may make files beside it.
    ask(&place, "SELECT 1", "--from parquet:desk").expect(0);
    let before = place.files();
    for (name, said) in [
        ("link.csv", "symbolic link"),
        ("broken.csv", "symbolic link"),
        ("folder.csv", "is a directory"),
        ("pipe.csv", "no regular file"),
        ("copy.csv", "is a database"),
        ("/dev/null", "no regular file"),
        ("desk/store.sqlite", "is a database"),
        ("desk/store.sqlite-lock", "belongs to the store"),
        ("desk/store.sqlite-wal", "belongs to the store"),
        ("desk/current", "symbolic link"),
        ("desk/current/manifest.json", "belongs to the store"),
        ("desk/snapshots/000001/new.csv", "belongs to the store"),
        ("none/answer.csv", "the directory none does not exist"),
        ("..", "names no file"),
    ] {
        for overwrite in ["", "--overwrite"] {
            let options = format!("--from parquet:desk --format csv --output {name} {overwrite}");
            let ended = ask(&place, "SELECT 1", &options).expect(2);
            let is_there = overwrite.is_empty() && ended.stderr.contains("exists already");
            assert!(
                is_there || ended.stderr.contains(said),
                "{name}: {}",
                ended.stderr
            );
            ended.expect_error(&["help: "]);
        }
    }
    assert_eq!(fs::read_to_string(&kept).unwrap(), "mine");
    assert!(place.files() == before, "{:?}", place.files());
}

#[test]
fn a_signal_leaves_neither_a_part_of_a_file_nor_another_than_was_there() {
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let place = stored();
        let answer = place.path("answer.csv");
        fs::write(&answer, "mine").unwrap();
        let mut command = place.command(&format!("query {FROM} --output answer.csv --overwrite"));
        let running = Running::start(command.arg(ENDLESS));
        // Longer than what is gathered before it is written.
        until("a part of the answer", || {
            let parts = left_over(&place);
            parts
                .iter()
                .any(|part| fs::metadata(part).is_ok_and(|part| part.len() > 0))
        });
        running.signal(signal);
        let ended = running.end().expect(code);
        ended.expect_error(&["there is no whole answer"]);
        assert_eq!(fs::read_to_string(&answer).unwrap(), "mine");
        assert!(left_over(&place).is_empty(), "{:?}", left_over(&place));
    }
}

#[test]
fn a_full_disk_leaves_no_part_of_a_file() {
    let place = stored();
    let script =
        format!("ulimit -f 100; exec \"$0\" query \"{ENDLESS}\" {FROM} --output answer.csv");
    let mut shell = std::process::Command::new("bash");
    shell
        .args(["-c", &script, env!("CARGO_BIN_EXE_mava-export")])
        .current_dir(place.path(""))
        .env("HOME", place.root());
    run(&mut shell)
        .expect(1)
        .expect_error(&["answer.csv", "nothing of it was kept"]);
    assert!(!place.path("answer.csv").exists());
    assert!(left_over(&place).is_empty(), "{:?}", left_over(&place));
}

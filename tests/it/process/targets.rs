//! Where the store is to be: a full disk, what is no store, who else holds it.

use std::fs;
use std::path::Path;

use mava_export::simulator::Fault;
use rusqlite::Connection;

use super::stored::{assert_same, assert_sound, look, rows, texts};
use super::support::{BACKFILL, Ended, Place, Running, desk, run, wait_for, watch};

const TICKETS: usize = 600;

#[test]
fn a_disk_that_is_full_ends_the_run_and_the_next_completes_it() {
    let simulator = desk(TICKETS, 0);
    let undisturbed = Place::new();
    undisturbed.backfill(&simulator).expect(0);
    let whole = undisturbed.path("support.db");
    let expected = rows(&whole);
    let size_kib = fs::metadata(&whole).unwrap().len() / 1024;
    // From a disk that does not even take the schema to one that lacks a few pages.
    for limit_kib in [1, 8, 64, 200, size_kib / 4, size_kib / 2, size_kib * 9 / 10] {
        let place = Place::new();
        let preparation = format!("trap '' XFSZ; ulimit -f {limit_kib}");
        let ended = run(&mut place.shell_at(&simulator, &preparation, BACKFILL)).expect(1);
        ended.expect_error(&[
            "error: ",
            "size of files",
            "support.db",
            "run the same command again",
        ]);
        let is_begun = ended.stdout.starts_with("Backfill failed");
        assert!(is_begun || ended.stdout.is_empty(), "{}", ended.stdout);
        let path = place.path("support.db");
        let mut stored = 0;
        if fs::metadata(&path).unwrap().len() > 0 {
            assert_sound(&path);
            let tables = texts(&look(&path), "SELECT count(*) FROM sqlite_schema");
            if tables != ["0"] {
                stored = assert_prefix(&path);
            }
        }
        if limit_kib >= size_kib / 2 {
            assert!(stored > 0, "{limit_kib} KiB");
        }
        place.backfill(&simulator).expect(0);
        assert_same(&rows(&path), &expected, &format!("{limit_kib} KiB"));
        assert_sound(&path);
    }
}

/// The rows are those that the run's own account tells of, each ticket with its thread.
fn assert_prefix(path: &Path) -> i64 {
    let sqlite = look(path);
    let number = |sql: &str| {
        sqlite
            .query_row(sql, [], |row| row.get::<_, i64>(0))
            .unwrap()
    };
    let stored = number("SELECT count(*) FROM tickets");
    assert_eq!(
        number("SELECT coalesce(max(tickets_read), 0) FROM snapshots"),
        stored
    );
    assert_eq!(
        number("SELECT coalesce(sum(tickets), 0) FROM _slices"),
        stored
    );
    let has_columns =
        "SELECT count(*) FROM pragma_table_info('messages') WHERE name = 'is_deleted'";
    if number(has_columns) == 0 {
        // It ended while the schema was being made.
        assert_eq!(stored, 0);
        return 0;
    }
    let torn = "SELECT count(*) FROM tickets WHERE message_count <>
        (SELECT count(*) FROM messages WHERE ticket_id = tickets.id
             AND is_deleted IS NOT TRUE)";
    assert_eq!(number(torn), 0);
    stored
}

/// A backfill to `target` exits so without a request, and changes nothing.
fn refused(place: &Place, target: &str, code: i32) -> Ended {
    let simulator = desk(10, 0);
    let contents = |place: &Place| -> Vec<_> {
        place
            .files()
            .into_iter()
            // What only says who has it open and where its log lies.
            .filter(|path| {
                !["-lock", "-shm"]
                    .iter()
                    .any(|end| path.to_string_lossy().ends_with(end))
            })
            .map(|path| (path.clone(), fs::read(path).unwrap()))
            .collect()
    };
    let before = contents(place);
    let words = BACKFILL.replace("sqlite:support.db", &format!("sqlite:{target}"));
    let ended = run(&mut place.command_at(&simulator, &words)).expect(code);
    ended.expect_error(&["error: ", "help: "]);
    assert!(ended.stdout.is_empty(), "{}", ended.stdout);
    assert!(simulator.requests().is_empty());
    assert_eq!(contents(place), before, "{target}");
    ended
}

#[test]
fn a_file_system_that_takes_no_files_is_refused() {
    for target in ["/proc/support.db", "/sys/support.db"] {
        refused(&Place::new(), target, 2).expect_error(&["cannot write", target]);
    }
}

#[test]
fn a_directory_and_a_missing_directory_are_refused() {
    let place = Place::new();
    fs::create_dir(place.path("folder")).unwrap();
    refused(&place, "folder", 2).expect_error(&["is a directory", "folder/support.db"]);
    refused(&place, "missing/support.db", 2).expect_error(&["does not exist", "mkdir -p"]);
    assert!(!place.path("missing").exists());
    fs::write(place.path("file"), "x").unwrap();
    refused(&place, "file/support.db", 2).expect_error(&["file/support.db"]);
}

#[test]
fn a_file_that_is_no_store_is_refused_and_stays_as_it_was() {
    let place = Place::new();
    fs::write(place.path("notes.txt"), "id,status\n1,Open\n").unwrap();
    refused(&place, "notes.txt", 2).expect_error(&["not an SQLite database"]);
    fs::write(place.path("cut.db"), "SQLite format 3\0").unwrap();
    refused(&place, "cut.db", 2).expect_error(&["cut-off"]);
    let foreign = Connection::open(place.path("shop.db")).unwrap();
    foreign
        .execute_batch("CREATE TABLE orders (id INTEGER)")
        .unwrap();
    drop(foreign);
    refused(&place, "shop.db", 2).expect_error(&["not a mava-export store"]);
}

#[test]
fn a_store_that_is_cut_off_or_scribbled_over_is_refused_as_damaged() {
    let simulator = desk(TICKETS, 0);
    let place = Place::new();
    place.backfill(&simulator).expect(0);
    let whole = fs::read(place.path("support.db")).unwrap();
    for length in [whole.len() / 2, 8192, 5000, 100] {
        fs::write(place.path("support.db"), &whole[..length]).unwrap();
        refused(&place, "support.db", 2).expect_error(&["damaged", "restore it from a backup"]);
    }
    let mut scribbled = whole.clone();
    scribbled[100..8192].fill(0x5a);
    fs::write(place.path("support.db"), &scribbled).unwrap();
    refused(&place, "support.db", 2).expect_error(&["damaged"]);
}

#[test]
fn a_store_of_a_newer_version_is_refused_and_stays_as_it_was() {
    let simulator = desk(10, 0);
    let place = Place::new();
    place.backfill(&simulator).expect(0);
    let store = Connection::open(place.path("support.db")).unwrap();
    store.pragma_update(None, "user_version", 99).unwrap();
    drop(store);
    refused(&place, "support.db", 2).expect_error(&["newer mava-export", "schema 99"]);
    run(&mut place.command("status --to sqlite:support.db"))
        .expect(2)
        .expect_error(&["newer mava-export"]);
}

#[test]
fn a_store_of_an_older_version_is_told_from_a_broken_one_and_brought_up_to_date() {
    let simulator = desk(10, 0);
    let place = Place::new();
    let migrations = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let mut files: Vec<_> = fs::read_dir(migrations).unwrap().collect();
    files.sort_by_key(|file| file.as_ref().unwrap().file_name());
    place.backfill(&simulator).expect(0);
    let application: i64 = Connection::open(place.path("support.db"))
        .unwrap()
        .pragma_query_value(None, "application_id", |row| row.get(0))
        .unwrap();
    for (version, _) in (1..).zip(&files[..files.len() - 1]) {
        fs::remove_file(place.path("support.db")).unwrap();
        let store = Connection::open(place.path("support.db")).unwrap();
        store
            .pragma_update(None, "application_id", application)
            .unwrap();
        for file in &files[..version] {
            let sql = fs::read_to_string(file.as_ref().unwrap().path()).unwrap();
            store.execute_batch(&sql).unwrap();
            // What the program does after that file.
            if sql.contains("CREATE TABLE _messages_kept") {
                let renamed = "DROP TABLE messages; ALTER TABLE _messages_kept RENAME TO messages;";
                store.execute_batch(renamed).unwrap();
            }
        }
        let number = i32::try_from(version).unwrap();
        store.pragma_update(None, "user_version", number).unwrap();
        drop(store);
        let asked = ["status", "plan sync"];
        for words in asked {
            run(&mut place.command(&format!("{words} --to sqlite:support.db")))
                .expect(2)
                .expect_error(&["older mava-export", "help: "]);
        }
        place.backfill(&simulator).expect(0);
        run(&mut place.command("status --to sqlite:support.db")).expect(0);
    }
}

#[test]
fn a_second_run_on_a_store_is_told_who_holds_it_while_status_can_read() {
    let simulator = desk(TICKETS, 0);
    let place = Place::new();
    let arrivals = watch(&simulator, |request, _| {
        (request >= 7).then_some(Fault::NeverAnswers)
    });
    let mut first = Running::start(&mut place.command_at(&simulator, BACKFILL));
    wait_for(&arrivals, 7);
    let sent = simulator.requests().len();
    let second = place.backfill(&simulator).expect(5);
    second.expect_error(&[
        &format!("(process {} since ", first.pid()),
        "wait until it ends",
    ]);
    let another = format!("{BACKFILL} --no-messages");
    run(&mut place.command_at(&simulator, &another)).expect(5);
    assert_eq!(simulator.requests().len(), sent);

    let status = run(&mut place.command("status --to sqlite:support.db --json"))
        .expect(0)
        .json();
    assert_eq!(status["unfinished"]["is_running"], true, "{status:#}");
    first.kill();
    let status = run(&mut place.command("status --to sqlite:support.db --json"))
        .expect(0)
        .json();
    assert_eq!(status["unfinished"]["is_running"], false, "{status:#}");
    simulator.clear_hook();
    place.backfill(&simulator).expect(0);
}

#[test]
fn two_runs_on_two_stores_do_not_mind_each_other() {
    let simulator = desk(TICKETS, 2);
    let place = Place::new();
    let other = BACKFILL.replace("support.db", "other.db");
    let one = Running::start(&mut place.command_at(&simulator, BACKFILL));
    let two = Running::start(&mut place.command_at(&simulator, &other));
    one.end().expect(0);
    two.end().expect(0);
    assert_same(
        &rows(&place.path("other.db")),
        &rows(&place.path("support.db")),
        "other.db",
    );
}

#[test]
fn a_place_that_is_no_path_of_this_machine_is_refused_wherever_it_is_named_and_makes_nothing() {
    let simulator = desk(10, 0);
    let place = Place::new();
    fs::create_dir_all(place.root().join("home/.config/mava-export")).unwrap();
    let config = place.root().join("home/.config/mava-export/config.toml");
    let before = place.files();
    let refused = |words: &str, variable: Option<(&str, &str)>| {
        let mut command = place.command_at(&simulator, words);
        command.envs(variable);
        let ended = run(&mut command).expect(2);
        ended.expect_error(&["s3: is not supported", "write "]);
        assert!(simulator.requests().is_empty(), "{words}");
    };
    let range = "--since 2024-01-01 --until 2024-07-01";
    for kind in ["parquet", "sqlite"] {
        let target = format!("{kind}:s3://bucket/x");
        for words in [
            format!("backfill {range} --to {target}"),
            format!("plan backfill {range} --to {target}"),
            format!("sync --to {target}"),
            format!("plan sync --to {target}"),
            format!("verify --to {target}"),
            format!("accept --to {target}"),
            format!("status --to {target}"),
            format!("status --from {target}"),
            format!("publish --from {target} --to parquet:desk"),
            format!("publish --from sqlite:a.db --to {target}"),
            format!("query 1 --from {target}"),
        ] {
            refused(&words, None);
        }
        refused("sync", Some(("MAVA_EXPORT_TO", &target)));
        refused("query 1", Some(("MAVA_EXPORT_FROM", &target)));
        fs::write(&config, format!("to = \"{target}\"\n")).unwrap();
        refused("sync", None);
        fs::remove_file(&config).unwrap();
    }
    refused("demo --to sqlite:s3://bucket/x", None);
    refused("probe --state-dir s3://bucket/x", None);
    assert_eq!(place.files(), before);
    assert!(!place.path("s3:").exists());
}

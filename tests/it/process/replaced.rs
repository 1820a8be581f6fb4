//! Another file under the store's path while a run has the first one open.

use std::fs;
use std::path::Path;

use mava_export::simulator::Simulator;
use rusqlite::Connection;

use super::stored::assert_sound;
use super::support::{BACKFILL, Ended, Place, desk, run, watch};

const TICKETS: usize = 600;

fn to_desk(words: &str) -> String {
    words.replace("sqlite:support.db", "parquet:desk")
}

fn count(path: &Path, table: &str) -> i64 {
    let store = Connection::open(path).unwrap();
    let sql = format!("SELECT count(*) FROM {table}");
    store.query_row(&sql, [], |row| row.get(0)).unwrap()
}

/// The store is sound and holds what its run says that it read, which is not all.
#[track_caller]
fn assert_prefix(path: &Path) {
    assert_sound(path);
    let stored = count(path, "tickets");
    assert!(stored < 600, "{stored}");
    let store = Connection::open(path).unwrap();
    let sql = "SELECT tickets_read FROM snapshots";
    let told: i64 = store.query_row(sql, [], |row| row.get(0)).unwrap();
    assert_eq!(stored, told);
}

/// Another store, of five tickets.
fn small(place: &Place) {
    let words = BACKFILL.replace("support.db", "small.db");
    run(&mut place.command_at(&desk(5, 0), &words)).expect(0);
    assert_eq!(count(&place.path("small.db"), "tickets"), 5);
}

/// What somebody does to the files while a run is under way.
const DEEDS: [&str; 6] = [
    "another is renamed over it",
    "it is moved away and another put there",
    "it is deleted",
    "its directory is moved away",
    "its directory is moved away and another put there",
    "its log is deleted",
];

/// Does so to the run's store, in this working directory.
fn do_so(deed: &str, work: &Path, store: &Path) {
    let directory = store.parent().unwrap();
    let moved = work.join("moved");
    let small = work.join("small.db");
    match deed {
        "another is renamed over it" => fs::rename(small, store).unwrap(),
        "it is moved away and another put there" => {
            fs::rename(store, work.join("moved.db")).unwrap();
            fs::rename(small, store).unwrap();
        }
        "it is deleted" => fs::remove_file(store).unwrap(),
        "its directory is moved away" => fs::rename(directory, moved).unwrap(),
        "its directory is moved away and another put there" => {
            fs::rename(directory, moved).unwrap();
            fs::create_dir(directory).unwrap();
            fs::rename(small, store).unwrap();
        }
        "its log is deleted" => {
            fs::remove_file(store.with_extension("sqlite-wal")).unwrap();
        }
        other => panic!("{other}"),
    }
}

/// Runs `words` and does `deed` at the request of this number.
fn disturbed(
    place: &Place,
    simulator: &Simulator,
    words: &str,
    number: u64,
    deed: &'static str,
) -> Ended {
    let store = place.path("desk/store.sqlite");
    let work = place.path("");
    let arrivals = watch(simulator, move |arrived, _| {
        if arrived == number {
            do_so(deed, &work, &store);
        }
        None
    });
    let ended = run(&mut place.command_at(simulator, words));
    simulator.clear_hook();
    let last = arrivals.try_iter().max();
    assert!(last >= Some(number), "{words}: {last:?} {}", ended.stderr);
    ended
}

/// The run failed, said what happened to which file, and claims nothing.
#[track_caller]
fn assert_told(ended: &Ended, deed: &str, what: &str) {
    assert_eq!(ended.code(), Some(1), "{what}: {ended:?}");
    let told: &[&str] = match deed {
        "it is deleted" | "its directory is moved away" => &["store.sqlite is gone", "deleted"],
        "its log is deleted" => &["store.sqlite-wal is gone", "deleted"],
        _ => &["another file lies at", "store.sqlite now", "replaced"],
    };
    ended.expect_error(told);
    ended.expect_error(&["help: ", "run the same command again"]);
    assert!(!ended.stdout.contains("complete"), "{what}: {ended:?}");
    assert!(!ended.stdout.contains("Published"), "{what}: {ended:?}");
}

#[test]
fn a_backfill_whose_file_is_replaced_fails_and_publishes_nothing() {
    for deed in DEEDS {
        let simulator = desk(TICKETS, 0);
        let place = Place::new();
        small(&place);
        let words = to_desk(BACKFILL);
        let ended = disturbed(&place, &simulator, &words, 5, deed);
        assert_told(&ended, deed, deed);
        for directory in ["desk", "moved"] {
            assert!(!place.path(directory).join("current").exists(), "{deed}");
            assert!(!place.path(directory).join("snapshots").exists(), "{deed}");
        }
    }
}

#[test]
fn the_file_that_was_put_there_and_the_one_that_was_moved_are_both_whole() {
    for deed in [DEEDS[0], DEEDS[1], DEEDS[4]] {
        let simulator = desk(TICKETS, 0);
        let place = Place::new();
        small(&place);
        let store = place.path("desk/store.sqlite");
        disturbed(&place, &simulator, &to_desk(BACKFILL), 5, deed).expect(1);
        // The log of the one is not played into the other.
        let log = store.with_extension("sqlite-wal");
        assert_eq!(fs::metadata(log).map_or(0, |log| log.len()), 0, "{deed}");
        assert_eq!(count(&store, "tickets"), 5, "{deed}");
        assert_sound(&store);
        let moved = match deed {
            "it is moved away and another put there" => place.path("moved.db"),
            "its directory is moved away and another put there" => place.path("moved/store.sqlite"),
            _ => continue,
        };
        assert_prefix(&moved);
        // Put back, it is gone on with.
        fs::remove_file(&store).unwrap();
        fs::rename(&moved, &store).unwrap();
        run(&mut place.command_at(&simulator, &to_desk(BACKFILL))).expect(0);
        assert_eq!(count(&store, "tickets"), 600, "{deed}");
    }
}

#[test]
fn a_store_whose_log_was_deleted_holds_what_it_held() {
    let simulator = desk(TICKETS, 0);
    let place = Place::new();
    small(&place);
    let store = place.path("desk/store.sqlite");
    disturbed(
        &place,
        &simulator,
        &to_desk(BACKFILL),
        5,
        "its log is deleted",
    )
    .expect(1);
    assert_prefix(&store);
    run(&mut place.command_at(&simulator, &to_desk(BACKFILL))).expect(0);
    assert_eq!(count(&store, "tickets"), 600);
}

#[test]
fn a_sync_and_a_repair_whose_file_is_replaced_fail_and_publish_nothing() {
    let api = "--rate-limit none --retry-pause 5ms";
    for deed in DEEDS {
        for words in [
            format!("sync --full --to parquet:desk {api}"),
            format!("verify --repair --to parquet:desk {api}"),
            format!("verify --to parquet:desk {api}"),
        ] {
            // Counting has no log.
            let is_counting = !words.contains("--repair") && words.starts_with("verify");
            if deed == "its log is deleted" && is_counting {
                continue;
            }
            let simulator = desk(TICKETS, 0);
            let place = Place::new();
            small(&place);
            run(&mut place.command_at(&simulator, &to_desk(BACKFILL))).expect(0);
            let store = Connection::open(place.path("desk/store.sqlite")).unwrap();
            store
                .execute("UPDATE tickets SET status = 'Waiting' WHERE rowid = 77", [])
                .unwrap();
            drop(store);
            let ended = disturbed(&place, &simulator, &words, 4, deed);
            let what = format!("{deed}: {words}");
            assert_told(&ended, deed, &what);
            let names = [place.path("desk/snapshots"), place.path("moved/snapshots")];
            let names: Vec<_> = names
                .iter()
                .filter_map(|folder| fs::read_dir(folder).ok())
                .flatten()
                .map(|entry| entry.unwrap().file_name())
                .collect();
            assert_eq!(names, ["000001"], "{what}");
        }
    }
}

#[test]
fn a_store_that_is_named_itself_is_looked_after_in_the_same_way() {
    let simulator = desk(TICKETS, 0);
    let place = Place::new();
    small(&place);
    let store = place.path("support.db");
    let other = place.path("small.db");
    watch(&simulator, {
        let store = store.clone();
        move |arrived, _| {
            if arrived == 5 {
                fs::rename(&other, &store).unwrap();
            }
            None
        }
    });
    // With --json, the error is all that is told: what was read is not kept there.
    let words = format!("{BACKFILL} --json");
    let ended = run(&mut place.command_at(&simulator, &words)).expect(1);
    let told = ended.json();
    let error = told["error"].as_str().unwrap();
    assert!(error.contains("another file lies at"), "{told}");
    assert!(error.contains("support.db now"), "{told}");
    assert_eq!(told["exit_code"], 1, "{told}");
    assert!(told.get("outcome").is_none(), "{told}");
    assert_eq!(count(&store, "tickets"), 5);
}

//! Files hold people's conversations: they are for their owner alone, whatever the umask.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use mava_export::simulator::Fault;

use super::support::{BACKFILL, Place, Running, desk, run, wait_for, watch};
use crate::support::{BEFORE_UNSEEN, before_marks};

/// The permissions of the files that a run has open, by the ending of their name.
fn modes(umask: &str, more: &str) -> BTreeMap<String, u32> {
    let simulator = desk(600, 0);
    let place = Place::new();
    let arrivals = watch(&simulator, |request, _| {
        (request >= 6).then_some(Fault::NeverAnswers)
    });
    let words = format!("{BACKFILL} {more}").replace("--rate-limit none", "");
    let preparation = format!("umask {umask}");
    let mut running = Running::start(&mut place.shell_at(&simulator, &preparation, &words));
    wait_for(&arrivals, 6);
    let modes = place
        .files()
        .iter()
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap();
            let name = if name.starts_with("budget-") {
                "ledger"
            } else {
                name
            };
            (
                name.to_owned(),
                fs::metadata(path).unwrap().permissions().mode() & 0o7777,
            )
        })
        .collect();
    running.kill();
    modes
}

fn all(mode: u32) -> BTreeMap<String, u32> {
    let names = [
        "support.db",
        "support.db-lock",
        "support.db-shm",
        "support.db-wal",
    ];
    let mut modes: BTreeMap<String, u32> = names.map(|name| (name.to_owned(), mode)).into();
    // It tells when requests were sent, to the tools of its owner.
    modes.insert("ledger".to_owned(), 0o600);
    modes
}

#[test]
fn all_files_are_for_their_owner_alone_whatever_the_umask() {
    for umask in ["022", "000", "077"] {
        assert_eq!(modes(umask, ""), all(0o600), "umask {umask}");
    }
}

#[test]
fn the_file_mode_asked_for_is_given_whatever_the_umask() {
    for umask in ["000", "077"] {
        assert_eq!(
            modes(umask, "--file-mode 0640"),
            all(0o640),
            "umask {umask}"
        );
    }
}

#[test]
fn folders_made_for_the_ledger_are_for_their_owner_alone() {
    let simulator = desk(10, 0);
    let place = Place::new();
    let words = "probe --state-dir made/for/it";
    run(&mut place.shell_at(&simulator, "umask 000", words)).expect(0);
    for folder in ["made", "made/for", "made/for/it"] {
        let mode = fs::metadata(place.path(folder))
            .unwrap()
            .permissions()
            .mode()
            & 0o777;
        assert_eq!(mode, 0o700, "{folder}");
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn an_existing_store_keeps_its_permissions() {
    let simulator = desk(10, 0);
    let place = Place::new();
    place.backfill(&simulator).expect(0);
    let path = place.path("support.db");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o660)).unwrap();
    let again = place.backfill(&simulator).expect(0);
    assert_eq!(mode(&path), 0o660);
    again.expect_error(&["(0660) than its runs were told (0600)", "--file-mode 0660"]);
    let words = format!("{BACKFILL} --file-mode 0660");
    let wanted = run(&mut place.command_at(&simulator, &words)).expect(0);
    assert!(!wanted.stderr.contains("--file-mode"), "{}", wanted.stderr);
    // Once is enough.
    let later = place.backfill(&simulator).expect(0);
    assert!(!later.stderr.contains("--file-mode"), "{}", later.stderr);
}

/// The permissions of every file of a directory of snapshots and of the store in it, with the number that
/// tells the file from others.
fn published(place: &Place) -> BTreeMap<PathBuf, (u32, u64)> {
    place
        .files()
        .into_iter()
        .filter(|path| path.starts_with(place.path("desk")) && !path.is_symlink())
        .map(|path| {
            let number = fs::metadata(&path).unwrap().ino();
            let mode = mode(&path);
            (path, (mode, number))
        })
        .collect()
}

#[test]
fn the_file_mode_is_asked_for_once_and_the_months_stay_links() {
    let simulator = desk(400, 0);
    let place = Place::new();
    let words = BACKFILL.replace("sqlite:support.db", "parquet:desk");
    let runs = |more: &str| {
        let words = format!("{words} {more}");
        run(&mut place.command_at(&simulator, &words)).expect(0)
    };
    let all_have = |wanted: u32| {
        let found = published(&place);
        let others: Vec<_> = found
            .iter()
            .filter(|(_, (mode, _))| *mode != wanted)
            .collect();
        assert!(
            found.len() > 10 && others.is_empty(),
            "{wanted:o}: {others:?}"
        );
        found
    };
    runs("--file-mode 0640");
    let first = all_have(0o640);
    let second = runs("");
    assert!(!second.stderr.contains("chmod"), "{}", second.stderr);
    let later = all_have(0o640);
    let months = |found: &BTreeMap<PathBuf, (u32, u64)>, snapshot: &str| {
        let root = place.path("desk/snapshots").join(snapshot).join("tickets");
        let months: BTreeMap<PathBuf, u64> = found
            .iter()
            .filter_map(|(path, (_, number))| {
                let path = path.strip_prefix(&root).ok()?;
                Some((path.to_owned(), *number))
            })
            .collect();
        assert!(!months.is_empty(), "{snapshot}");
        months
    };
    assert_eq!(months(&first, "000001"), months(&later, "000002"));
    // Another mode, asked for once, takes the place of the one that was remembered.
    runs("--file-mode 0600");
    runs("");
    let newest: Vec<_> = published(&place)
        .into_iter()
        .filter(|(path, (mode, _))| {
            let is_new = !path.starts_with(place.path("desk/snapshots"))
                || path.starts_with(place.path("desk/snapshots/000004"));
            // An earlier run's lock, in which there is nothing.
            is_new && *mode != 0o600 && !path.ends_with(".publish-lock")
        })
        .collect();
    assert!(newest.is_empty(), "{newest:?}");
    // Another command knows it too.
    let elsewhere = "publish --from parquet:desk --to parquet:other";
    fs::set_permissions(
        place.path("desk/store.sqlite"),
        fs::Permissions::from_mode(0o644),
    )
    .unwrap();
    let said = run(&mut place.command(elsewhere)).expect(0);
    said.expect_error(&["(0644) than its runs were told (0600)"]);
    assert_eq!(mode(&place.path("other/current/manifest.json")), 0o600);
}

#[test]
fn a_store_of_an_earlier_release_keeps_the_permissions_of_its_file() {
    let simulator = desk(10, 0);
    for (found, kept) in [
        (0o640, 0o640),
        (0o644, 0o644),
        (0o600, 0o600),
        (0o666, 0o600),
    ] {
        let place = Place::new();
        place.backfill(&simulator).expect(0);
        let path = place.path("support.db");
        before_marks(&path);
        let store = rusqlite::Connection::open(&path).unwrap();
        store
            .execute_batch(&format!(
                "{BEFORE_UNSEEN} DROP TABLE _file_mode; PRAGMA user_version = 10"
            ))
            .unwrap();
        drop(store);
        fs::set_permissions(&path, fs::Permissions::from_mode(found)).unwrap();
        let later = place.backfill(&simulator).expect(0);
        assert_eq!(
            later.stderr.contains("--file-mode"),
            found != kept,
            "{}",
            later.stderr
        );
        let store = rusqlite::Connection::open(&path).unwrap();
        let mode: u32 = store
            .query_row("SELECT mode FROM _file_mode", [], |row| row.get(0))
            .unwrap();
        assert_eq!(mode, kept, "{found:o}");
    }
}

#[test]
fn what_lies_beside_the_store_follows_its_permissions_and_its_owner() {
    let simulator = desk(10, 0);
    let place = Place::new();
    place.backfill(&simulator).expect(0);
    let sides =
        ["support.db-wal", "support.db-shm", "support.db-lock"].map(|name| place.path(name));
    let store = place.path("support.db");
    fs::set_permissions(&store, fs::Permissions::from_mode(0o640)).unwrap();
    let is_root = fs::metadata(&store).unwrap().uid() == 0;
    if is_root {
        // A run of root's in somebody else's store.
        std::os::unix::fs::chown(&store, Some(65_534), Some(65_534)).unwrap();
    }
    place.backfill(&simulator).expect(0);
    let owner = |path: &Path| {
        let found = fs::metadata(path).unwrap();
        (found.uid(), found.gid(), mode(path))
    };
    for side in sides {
        assert_eq!(owner(&side), owner(&store), "{}", side.display());
    }
}

#[test]
fn a_store_made_in_an_empty_file_is_for_its_owner_alone() {
    let simulator = desk(10, 0);
    let place = Place::new();
    let path = place.path("support.db");
    fs::write(&path, "").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    place.backfill(&simulator).expect(0);
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
}

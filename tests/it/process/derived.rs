//! Files that a command makes beside what it was told to write: a link, a second name or a pipe in their
//! place is refused, and what it leads to stays as it was.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::support::{BACKFILL, Ended, Place, Running, desk, run};

/// No command waits for what it refuses.
const AT_ONCE: Duration = Duration::from_secs(20);

/// What may lie in the place of a file, and what is said of it.
const KINDS: [(&str, &str); 6] = [
    ("link", "a symbolic link"),
    ("dangling", "a symbolic link"),
    ("second", "a second name"),
    ("folder", "a directory"),
    ("pipe", "a named pipe"),
    ("socket", "a socket"),
];

/// Puts such a thing at `path`; `theirs` is the file that it leads to, and `nothing` would be.
fn put(kind: &str, path: &Path, theirs: &Path) {
    match kind {
        "link" => symlink(theirs, path).unwrap(),
        "dangling" => symlink(theirs.with_file_name("nothing"), path).unwrap(),
        "second" => fs::hard_link(theirs, path).unwrap(),
        "folder" => fs::create_dir(path).unwrap(),
        "pipe" => assert!(Command::new("mkfifo").arg(path).status().unwrap().success()),
        "socket" => drop(std::os::unix::net::UnixListener::bind(path).unwrap()),
        other => panic!("{other}"),
    }
}

fn take_away(path: &Path) {
    match fs::symlink_metadata(path).unwrap().is_dir() {
        true => fs::remove_dir(path).unwrap(),
        false => fs::remove_file(path).unwrap(),
    }
}

/// A file of the user's that nothing here may touch.
struct Theirs {
    path: PathBuf,
}

impl Theirs {
    fn new(place: &Place) -> Self {
        let path = place.root().join("home/notes.txt");
        fs::write(&path, "mine").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        Self { path }
    }

    #[track_caller]
    fn assert_untouched(&self, what: &str) {
        assert_eq!(fs::read(&self.path).unwrap(), b"mine", "{what}");
        let mode = fs::metadata(&self.path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o640, "{what}");
        let nothing = self.path.with_file_name("nothing");
        assert!(!nothing.exists(), "{what}");
    }
}

fn ended(command: &mut Command) -> Ended {
    Running::start(command).end_within(AT_ONCE)
}

/// Each kind in the place of `name` is refused by each command, before a request is sent; once it is
/// away, the commands work.
#[track_caller]
fn refused(place: &Place, name: &str, kinds: &[&str], commands: &[&str]) {
    let simulator = desk(20, 0);
    let theirs = Theirs::new(place);
    let path = place.path(name);
    let aside = path.with_file_name("aside");
    let is_there = fs::symlink_metadata(&path).is_ok();
    for (kind, told) in KINDS.iter().filter(|(kind, _)| kinds.contains(kind)) {
        if is_there {
            fs::rename(&path, &aside).unwrap();
        }
        put(kind, &path, &theirs.path);
        for words in commands {
            let what = format!("{kind} at {name}: {words}");
            let ended = ended(&mut place.command_at(&simulator, words));
            assert_eq!(ended.code(), Some(2), "{what}: {ended:?}");
            ended.expect_error(&["error: ", "help: ", told, name.rsplit('/').next().unwrap()]);
            assert!(simulator.requests().is_empty(), "{what}");
            theirs.assert_untouched(&what);
            assert!(fs::symlink_metadata(&path).is_ok(), "{what}");
        }
        take_away(&path);
        if is_there {
            fs::rename(&aside, &path).unwrap();
        }
    }
    for words in commands {
        let ended = run(&mut place.command_at(&simulator, words));
        assert!(matches!(ended.code(), Some(0 | 3)), "{words}: {ended:?}");
    }
}

const ALL: [&str; 6] = ["link", "dangling", "second", "folder", "pipe", "socket"];

/// A place with a store, and a directory with another and a snapshot of it.
fn copied() -> Place {
    let simulator = desk(20, 0);
    let place = Place::new();
    place.backfill(&simulator).expect(0);
    let words = BACKFILL.replace("sqlite:support.db", "parquet:desk");
    run(&mut place.command_at(&simulator, &words)).expect(0);
    place
}

const SYNC: &str = "sync --to sqlite:support.db --rate-limit none --retry-pause 5ms";
const REPAIR: &str = "verify --repair --to sqlite:support.db --rate-limit none --retry-pause 5ms";
const PUBLISH: &str = "publish --from sqlite:support.db --to parquet:out";

#[test]
fn the_lock_of_a_store_is_no_link_and_no_second_name_of_another_file() {
    refused(
        &copied(),
        "support.db-lock",
        &ALL,
        &[BACKFILL, SYNC, REPAIR, PUBLISH],
    );
    // Nor of one that is not there yet.
    refused(&Place::new(), "support.db-lock", &ALL, &[BACKFILL]);
}

#[test]
fn the_side_files_of_a_store_are_no_links_and_no_second_names() {
    for name in ["support.db-wal", "support.db-shm", "support.db-journal"] {
        refused(
            &copied(),
            name,
            &ALL,
            &[BACKFILL, REPAIR, PUBLISH, "status --to sqlite:support.db"],
        );
    }
}

#[test]
fn a_lock_or_side_file_that_somebody_else_wrote_is_not_written_over() {
    let place = copied();
    let simulator = desk(20, 0);
    for name in [
        "support.db-lock",
        "support.db-wal",
        "support.db-shm",
        "support.db-journal",
    ] {
        let path = place.path(name);
        let aside = path.with_file_name("aside");
        let is_there = path.exists();
        if is_there {
            fs::rename(&path, &aside).unwrap();
        }
        let content = "id,status\n1,Open\n".repeat(9);
        fs::write(&path, &content).unwrap();
        for words in [BACKFILL, SYNC, REPAIR, PUBLISH] {
            ended(&mut place.command_at(&simulator, words))
                .expect(2)
                .expect_error(&[name, "mava-export did not write", "move away"]);
            assert_eq!(fs::read_to_string(&path).unwrap(), content, "{words}");
        }
        assert!(simulator.requests().is_empty());
        fs::remove_file(&path).unwrap();
        if is_there {
            fs::rename(&aside, &path).unwrap();
        }
    }
    run(&mut place.command_at(&simulator, SYNC)).expect(0);
}

#[test]
fn status_says_that_a_lock_is_held_only_by_a_lock() {
    let place = copied();
    for (kind, _) in KINDS {
        let theirs = Theirs::new(&place);
        let path = place.path("support.db-lock");
        take_away(&path);
        put(kind, &path, &theirs.path);
        let words = "status --to sqlite:support.db --json";
        ended(&mut place.command(words)).expect(0);
        theirs.assert_untouched(kind);
        take_away(&path);
        fs::write(&path, "").unwrap();
    }
}

#[test]
fn a_store_that_has_a_second_name_is_read_but_not_written() {
    let place = copied();
    let simulator = desk(20, 0);
    fs::hard_link(place.path("support.db"), place.path("second.db")).unwrap();
    let before = fs::read(place.path("support.db")).unwrap();
    for name in ["support.db", "second.db"] {
        for words in [BACKFILL, SYNC, REPAIR, PUBLISH] {
            let words = words.replace("support.db", name);
            ended(&mut place.command_at(&simulator, &words))
                .expect(2)
                .expect_error(&[name, "second name", "remove the other name"]);
        }
        assert!(!place.path("second.db-lock").exists());
        run(&mut place.command(&format!("status --to sqlite:{name}"))).expect(0);
    }
    assert!(simulator.requests().is_empty());
    assert!(fs::read(place.path("support.db")).unwrap() == before);
    fs::remove_file(place.path("second.db")).unwrap();
    run(&mut place.command_at(&simulator, SYNC)).expect(0);
}

#[test]
fn the_path_that_was_named_may_lead_through_links() {
    let place = copied();
    let simulator = desk(20, 0);
    symlink("support.db", place.path("alias.db")).unwrap();
    symlink(".", place.path("here")).unwrap();
    symlink("desk", place.path("alias")).unwrap();
    fs::create_dir(place.path("ledgers")).unwrap();
    symlink("ledgers", place.path("state")).unwrap();
    for words in [
        SYNC.replace("support.db", "alias.db"),
        SYNC.replace("support.db", "here/alias.db"),
        SYNC.replace("--rate-limit none", "--state-dir here/state"),
        SYNC.replace("sqlite:support.db", "parquet:alias"),
        SYNC.replace("sqlite:support.db", "parquet:here/alias"),
        "publish --to parquet:here/alias --file-mode 0640".to_owned(),
        "status --to parquet:alias".to_owned(),
        "query SELECT(1) --from parquet:alias".to_owned(),
    ] {
        run(&mut place.command_at(&simulator, &words)).expect(0);
    }
    assert!(!place.path("alias.db-lock").exists());
    let mode = fs::metadata(place.path("desk"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o750);
    let names = fs::read_dir(place.path("ledgers")).unwrap();
    assert_eq!(names.count(), 1);
}

const TO_DESK: &str = "--to parquet:desk";

#[test]
fn the_lock_of_a_directory_is_no_link_and_no_second_name() {
    let backfill = BACKFILL.replace("sqlite:support.db", "parquet:desk");
    let sync = SYNC.replace("sqlite:support.db", "parquet:desk");
    let publish = format!("publish {TO_DESK}");
    refused(
        &copied(),
        "desk/.publish-lock",
        &ALL,
        &[&backfill, &sync, &publish],
    );
}

#[test]
fn the_store_of_a_directory_is_no_link() {
    let backfill = BACKFILL.replace("sqlite:support.db", "parquet:desk");
    let sync = SYNC.replace("sqlite:support.db", "parquet:desk");
    let verify = REPAIR.replace("sqlite:support.db", "parquet:desk");
    let whole = format!("publish {TO_DESK} --whole");
    let publish = format!("{PUBLISH} --whole").replace("parquet:out", "parquet:desk");
    let place = copied();
    refused(
        &place,
        "desk/store.sqlite",
        &["link", "dangling", "folder", "pipe", "socket"],
        &[
            &backfill,
            &sync,
            &verify,
            &whole,
            &format!("plan {sync}"),
            "status --to parquet:desk",
            "query SELECT(1) --from parquet:desk",
        ],
    );
    // Also where another store is published to it.
    let theirs = Theirs::new(&place);
    fs::rename(
        place.path("desk/store.sqlite"),
        place.path("desk/moved.sqlite"),
    )
    .unwrap();
    put("link", &place.path("desk/store.sqlite"), &theirs.path);
    ended(&mut place.command(&publish))
        .expect(2)
        .expect_error(&["desk/store.sqlite is a symbolic link", "--to sqlite:FILE"]);
    theirs.assert_untouched("publish");
}

#[test]
fn what_names_the_newest_snapshot_is_neither_followed_nor_waited_for() {
    let publish = format!("publish {TO_DESK} --whole");
    for name in ["desk/current.json", "desk/.mava-export-installing"] {
        let place = copied();
        // `current.json` counts only where there is no link.
        if name.ends_with("json") {
            fs::remove_file(place.path("desk/current")).unwrap();
        }
        let kinds = ["link", "dangling", "folder", "pipe", "socket"];
        refused(&place, name, &kinds, &[&publish]);
    }
    for kind in ["folder", "pipe", "second", "socket"] {
        let place = copied();
        let theirs = Theirs::new(&place);
        take_away(&place.path("desk/current"));
        put(kind, &place.path("desk/current"), &theirs.path);
        ended(&mut place.command(&publish))
            .expect(2)
            .expect_error(&["desk/current is no link of ours", "move it away"]);
        theirs.assert_untouched(kind);
        take_away(&place.path("desk/current"));
        run(&mut place.command(&publish)).expect(0);
    }
}

#[test]
fn a_link_to_nothing_is_no_directory_to_publish_to() {
    let place = copied();
    symlink("nowhere", place.path("gone")).unwrap();
    for to in ["gone", "gone/desk"] {
        ended(&mut place.command(&PUBLISH.replace("out", to)))
            .expect(2)
            .expect_error(&["gone is a link to nothing", "help: "]);
    }
    assert!(!place.path("nowhere").exists());
}

/// The ledger's name depends on the key: it is found after a first run.
fn ledger(place: &Place, directory: &str) -> String {
    let entry = fs::read_dir(place.path(directory)).unwrap().next();
    let name = entry.unwrap().unwrap().file_name().into_string().unwrap();
    assert!(name.starts_with("budget-"), "{name}");
    format!("{directory}/{name}")
}

#[test]
fn a_ledger_is_no_link_and_no_second_name_and_no_pipe() {
    let simulator = desk(20, 0);
    let place = Place::new();
    let probe = "probe --state-dir ledgers";
    run(&mut place.command_at(&simulator, probe)).expect(0);
    let name = ledger(&place, "ledgers");
    refused(&place, &name, &ALL, &[probe]);
    for side in ["-journal", "-wal", "-shm"] {
        refused(&place, &format!("{name}{side}"), &ALL, &[probe]);
    }
}

#[test]
fn the_lock_of_a_damaged_ledger_is_no_link_either() {
    let simulator = desk(20, 0);
    let place = Place::new();
    let probe = "probe --state-dir ledgers";
    run(&mut place.command_at(&simulator, probe)).expect(0);
    let name = ledger(&place, "ledgers");
    let theirs = Theirs::new(&place);
    simulator.clear_requests();
    for (kind, told) in KINDS {
        let lock = place.path(&format!("{name}-lock"));
        fs::write(place.path(&name), [0x5a; 8192]).unwrap();
        put(kind, &lock, &theirs.path);
        ended(&mut place.command_at(&simulator, probe))
            .expect(2)
            .expect_error(&[told, "sqlite-lock", "--state-dir"]);
        assert!(simulator.requests().is_empty(), "{kind}");
        theirs.assert_untouched(kind);
        take_away(&lock);
    }
    // The new ledger is made beside it: a link there is removed, not followed.
    put("link", &place.path(&format!("{name}-new")), &theirs.path);
    let probe = format!("{probe} --rate-limit 90/1s");
    ended(&mut place.command_at(&simulator, &probe)).expect(0);
    theirs.assert_untouched("-new");
}

//! The file and the files beside it: whose they are, who may write, what is refused.
#![expect(clippy::disallowed_methods, reason = "these tests are about files")]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use mava_export::error::{Error, ErrorKind};
use mava_export::store::{OpenOptions, Store};
use rusqlite::Connection;
use tempfile::TempDir;

use super::world::{Desk, at, ever, open, spec, ticket};

/// Opening for writing and for reading both refuse, and leave nothing and nothing changed.
fn refused(directory: &TempDir, path: &Path) -> Error {
    let before = listing(directory.path());
    let error = open(path).unwrap_err();
    assert_eq!(listing(directory.path()), before, "{error}");
    Store::open_read_only(path).unwrap_err();
    assert_eq!(listing(directory.path()), before, "{error}");
    assert!(error.help_text().is_some(), "{error}");
    error
}

fn listing(directory: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            (
                path.display().to_string(),
                fs::read(&path).unwrap_or_default(),
            )
        })
        .collect();
    files.sort();
    files
}

#[test]
fn a_foreign_sqlite_file_is_refused_untouched() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("shop.db");
    let shop = Connection::open(&path).unwrap();
    shop.execute_batch("CREATE TABLE orders (id INTEGER)")
        .unwrap();
    drop(shop);
    let error = refused(&directory, &path);
    assert_eq!(error.kind(), ErrorKind::Usage);
    assert!(
        error
            .to_string()
            .ends_with("is an SQLite database but not a mava-export store"),
        "{error}"
    );
}

#[test]
fn a_file_that_is_no_database_is_refused_untouched() {
    let directory = TempDir::new().unwrap();
    for content in [
        "PAR1",
        "id,status\n1,Open\n",
        "SQLite format 3\0 and no more",
    ] {
        let path = directory.path().join("table.csv");
        fs::write(&path, content).unwrap();
        assert_eq!(refused(&directory, &path).kind(), ErrorKind::Usage);
    }
}

#[test]
fn a_store_of_a_newer_version_is_refused_untouched() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("support.db");
    drop(open(&path).unwrap());
    let newer = Connection::open(&path).unwrap();
    newer.pragma_update(None, "user_version", 99).unwrap();
    drop(newer);
    let error = refused(&directory, &path);
    assert_eq!(error.kind(), ErrorKind::Usage);
    assert!(error.to_string().contains("newer mava-export"), "{error}");
}

#[test]
fn a_cut_off_store_is_refused_as_damaged() {
    let mut desk = Desk::new();
    let tickets: Vec<_> = (0..50).map(ticket).collect();
    desk.run(&tickets, "2026-01-01");
    let path = desk.path();
    let Desk { store, directory } = desk;
    drop(store);
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    let error = open(&path).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    assert!(error.to_string().contains("damaged"), "{error}");
    assert_eq!(fs::read(&path).unwrap(), &bytes[..bytes.len() / 2]);
    drop(directory);
}

#[test]
fn a_directory_and_a_missing_directory_are_refused_with_the_way_out() {
    let directory = TempDir::new().unwrap();
    let error = refused(&directory, directory.path());
    assert_eq!(error.kind(), ErrorKind::Usage);
    assert!(error.to_string().ends_with("is a directory"), "{error}");
    let error = refused(&directory, &directory.path().join("missing/support.db"));
    assert_eq!(error.kind(), ErrorKind::Usage);
    assert!(error.help_text().unwrap().contains("mkdir -p"), "{error}");
    assert_eq!(refused(&directory, Path::new("")).kind(), ErrorKind::Usage);
}

/// Somebody who is not root.
#[cfg(unix)]
const SOMEBODY: u32 = 65_534;

/// The program with these words, in a directory that belongs to whoever runs it: to somebody else where the tests
/// run as root, who may write anywhere.
#[cfg(unix)]
fn as_somebody(directory: &TempDir, words: &[&str]) -> std::process::Output {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
    use std::os::unix::process::CommandExt;
    // Where the tests were built, others may have no access to.
    let shelf = TempDir::new().unwrap();
    let binary = shelf.path().join("mava-export");
    let copied = Command::new("cp")
        .arg(env!("CARGO_BIN_EXE_mava-export"))
        .arg(&binary)
        .status();
    assert!(copied.unwrap().success());
    for path in [shelf.path(), &binary] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let mut command = Command::new(&binary);
    command
        .args(words)
        .env_clear()
        .env("HOME", directory.path())
        .env("MAVA_API_KEY", "a-key-of-nobody")
        .env("MAVA_BASE_URL", "http://127.0.0.1:9")
        .current_dir(directory.path());
    if fs::metadata(&binary).unwrap().uid() == 0 {
        let files = fs::read_dir(directory.path()).unwrap();
        let files = files.map(|entry| entry.unwrap().path());
        for path in files.chain([directory.path().to_owned()]) {
            chown(path, Some(SOMEBODY), Some(SOMEBODY)).unwrap();
        }
        command.uid(SOMEBODY).gid(SOMEBODY);
    }
    command.output().unwrap()
}

#[cfg(unix)]
#[test]
fn a_read_only_file_is_refused_untouched() {
    use std::os::unix::fs::PermissionsExt;
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("support.db");
    drop(open(&path).unwrap());
    fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
    let before = fs::read(&path).unwrap();
    let words = "backfill --since 2024-01-01 --to sqlite:support.db";
    let words: Vec<&str> = words.split(' ').collect();
    let refused = as_somebody(&directory, &words);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(2), "{said}");
    let is_named = said.contains("cannot write ") && said.contains("support.db: Permission denied");
    assert!(is_named, "{said}");
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[cfg(unix)]
#[test]
fn a_device_and_a_dangling_link_are_refused() {
    assert_eq!(
        open(Path::new("/dev/null")).unwrap_err().kind(),
        ErrorKind::Usage
    );
    let directory = TempDir::new().unwrap();
    let link = directory.path().join("link.db");
    std::os::unix::fs::symlink(directory.path().join("nowhere.db"), &link).unwrap();
    let error = refused(&directory, &link);
    assert!(error.to_string().contains("link to nothing"), "{error}");
}

#[cfg(unix)]
#[test]
fn all_files_are_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let mut desk = Desk::new();
    let run = desk.begin("2026-01-01");
    desk.page(&run, &[ticket(1)], "2026-01-01");
    let mut seen = Vec::new();
    for entry in fs::read_dir(desk.directory.path()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        seen.push((entry.file_name().into_string().unwrap(), mode));
    }
    seen.sort();
    let names = [
        "support.db",
        "support.db-lock",
        "support.db-shm",
        "support.db-wal",
    ];
    assert_eq!(seen, names.map(|name| (name.to_owned(), 0o600)));
}

#[cfg(unix)]
#[test]
fn the_mode_asked_for_is_given_whatever_the_umask() {
    use std::os::unix::fs::PermissionsExt;
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("support.db");
    let options = OpenOptions {
        file_mode: Some(0o666),
        now: at("2026-01-01"),
    };
    let _store = Store::open(&path, &options).unwrap();
    for ending in ["", "-lock", "-wal", "-shm"] {
        let path = directory.path().join(format!("support.db{ending}"));
        let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o666, "{}", path.display());
    }
}

#[test]
fn a_second_run_is_told_who_holds_the_store() {
    let desk = Desk::new();
    let error = open(&desk.path()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StoreBusy);
    let message = error.to_string();
    assert!(
        message.contains(&format!(
            "process {} since 2026-01-01T08:00:00",
            std::process::id()
        )),
        "{message}"
    );
    Store::open_read_only(&desk.path()).unwrap();
    let Desk { store, directory } = desk;
    drop(store);
    open(&directory.path().join("support.db")).unwrap();
}

#[cfg(unix)]
#[test]
fn a_link_to_the_store_finds_the_same_lock() {
    let desk = Desk::new();
    let link = desk.directory.path().join("link.db");
    std::os::unix::fs::symlink(desk.path(), &link).unwrap();
    assert_eq!(open(&link).unwrap_err().kind(), ErrorKind::StoreBusy);
}

#[test]
fn the_lock_file_of_a_dead_run_is_in_nobodys_way() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("support.db");
    fs::write(
        directory.path().join("support.db-lock"),
        "process 4194304 since 2020-01-01T00:00:00.000Z",
    )
    .unwrap();
    let store = open(&path).unwrap();
    let error = open(&path).unwrap_err().to_string();
    assert!(!error.contains("4194304"), "{error}");
    drop(store);
}

/// Not a test of its own: the process that the next test kills. It writes pages without end, if
/// it is told where.
#[test]
fn a_run_to_be_killed() {
    let Some(path) = std::env::var_os("STORE_TO_WRITE") else {
        return;
    };
    let mut store = open(Path::new(&path)).unwrap();
    let run = store.begin(&spec(), at("2026-01-01")).unwrap();
    let slices = store.plan_slices(run.snapshot_id, &[run.range]).unwrap();
    for number in 0.. {
        let mut slice = slices[0].clone();
        let rows = ticket(number);
        slice.position = mava_export::plan::Position::Key(rows.ticket.created_at);
        store
            .commit_page(&mava_export::store::PageCommit {
                snapshot_id: run.snapshot_id,
                slice: &slice,
                tickets: &[rows],
                rejects: &[],
                requests: 1,
                read_at: at("2026-01-01"),
            })
            .unwrap();
        if number == 20 {
            println!("\nwriting");
            std::io::stdout().flush().unwrap();
        }
    }
}

#[test]
fn a_killed_run_leaves_a_consistent_prefix_and_no_lock() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("support.db");
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "store::files::a_run_to_be_killed", "--nocapture"])
        .env("STORE_TO_WRITE", &path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    assert!(output.lines().any(|line| line.unwrap() == "writing"));
    child.kill().unwrap();
    child.wait().unwrap();

    let mut store = open(&path).unwrap();
    let run = store.begin(&spec(), at("2026-01-02")).unwrap();
    assert!(run.is_resumed);
    let stored: i64 = store
        .connection()
        .query_row("SELECT count(*) FROM tickets", [], |row| row.get(0))
        .unwrap();
    assert!(stored > 20);
    assert_eq!(run.snapshot.tickets_read, stored);
    assert_eq!(run.snapshot.requests, stored);
    let last = ticket(stored - 1).ticket.created_at;
    assert_eq!(
        run.slices[0].position,
        mava_export::plan::Position::Key(last)
    );
}

#[test]
fn an_empty_file_becomes_a_store_and_a_missing_one_is_not_made_by_a_reader() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("support.db");
    let error = Store::open_read_only(&path).unwrap_err();
    assert!(error.to_string().contains("no store"), "{error}");
    assert!(listing(directory.path()).is_empty());
    fs::write(&path, "").unwrap();
    drop(open(&path).unwrap());
    Store::open_read_only(&path).unwrap();
}

#[test]
fn a_reader_sees_what_was_committed_while_a_run_writes_and_cannot_write() {
    let mut desk = Desk::new();
    let run = desk.begin("2026-01-01");
    let mut reader = Store::open_read_only(&desk.path()).unwrap();
    desk.page(&run, &[ticket(1)], "2026-01-01");
    assert_eq!(reader.live_count(&ever()).unwrap(), 1);
    assert_eq!(reader.progress().unwrap().unwrap().pages, 1);
    let error = reader.begin(&spec(), at("2026-01-01")).unwrap_err();
    assert!(error.to_string().contains("reading only"), "{error}");
    assert_eq!(desk.number("SELECT count(*) FROM snapshots"), 1);
}

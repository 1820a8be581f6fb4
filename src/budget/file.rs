//! The file of a ledger: made, opened, and begun anew where it is damaged.
//!
//! A ledger is not synced to disk, so a power cut may leave anything of it. Nothing in it is worth a
//! run that does not start: what it knew is forgotten within a period.
#![expect(clippy::disallowed_methods, reason = "the ledger is a file")]

use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior, ffi, params};

use crate::derived::{self, Names};
use crate::error::Error;

/// Why a ledger's file cannot be used.
#[derive(Debug)]
pub(super) enum Failure {
    /// The system said no.
    File(io::Error),
    /// SQLite said no.
    Sqlite(rusqlite::Error),
    /// Something lies in the place of one of its files that is none: the error for people.
    Taken(Error),
}

impl Failure {
    fn of(path: &Path, error: io::Error) -> Self {
        match derived::explain(path, &error) {
            Some(explained) => Self::Taken(explained),
            None => Self::File(error),
        }
    }

    /// Whether another directory is the way out, and not another moment.
    pub(super) fn is_place(&self) -> bool {
        match self {
            Self::File(error) => error.kind() != io::ErrorKind::StorageFull,
            Self::Sqlite(error) => matches!(
                error.sqlite_error_code(),
                Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied)
            ),
            Self::Taken(_) => true,
        }
    }

    pub(super) fn into_cause(self) -> Box<dyn std::error::Error + Send + Sync> {
        match self {
            Self::File(error) => error.into(),
            // What lies behind it says the same in other words.
            Self::Sqlite(error) => error.to_string().into(),
            Self::Taken(error) => error.into(),
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::File(error)
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

/// Whether the file is not what it was: damaged, or put in another's place while it was open.
pub(super) fn is_lost(error: &rusqlite::Error) -> bool {
    let is_moved = error
        .sqlite_error()
        .is_some_and(|error| error.extended_code == ffi::SQLITE_READONLY_DBMOVED);
    is_moved || is_damage(error)
}

fn is_damage(error: &rusqlite::Error) -> bool {
    let Some(failure) = error.sqlite_error() else {
        // The statements are always the same: where they do not fit the tables, or the values their
        // columns, it is another's.
        return matches!(
            error,
            rusqlite::Error::SqlInputError { .. } | rusqlite::Error::InvalidColumnType(..)
        );
    };
    matches!(
        failure.code,
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase
    ) || failure.extended_code == ffi::SQLITE_ERROR
        || failure.extended_code == ffi::SQLITE_IOERR_SHORT_READ
}

/// Whether another process holds the file just now.
pub(super) fn is_held(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
    )
}

/// Opens or makes the ledger at `path`, for its owner's eyes only; see [`begin_anew`] for one that
/// is damaged. `None` where another process holds it just now: nothing here waits for that.
pub(super) fn open(path: &Path, spent: u32, now_ms: i64) -> Result<Option<Connection>, Failure> {
    if let Some(directory) = path.parent() {
        create_directory(directory)?;
    }
    create_private(path)?;
    match connect(path) {
        Err(Failure::Sqlite(error)) if is_damage(&error) => begin_anew(path, spent, now_ms, false),
        Err(Failure::Sqlite(error)) if is_held(&error) => Ok(None),
        opened => Ok(Some(opened?)),
    }
}

/// Puts a new ledger in the place of a damaged one, with `spent` requests sent at `now_ms`, since
/// nobody knows what was. Of several processes that meet the same damage one does it, and the
/// others open what it made. `None` where one of them is at it, or holds the file.
///
/// `is_forced` puts a new one in its place whatever it looks like.
pub(super) fn begin_anew(
    path: &Path,
    spent: u32,
    now_ms: i64,
    is_forced: bool,
) -> Result<Option<Connection>, Failure> {
    let lock = create_private(&lock_path(path))?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(fs::TryLockError::WouldBlock) => return Ok(None),
        Err(fs::TryLockError::Error(error)) => return Err(error.into()),
    }
    create_private(path)?;
    let looked = connect(path).and_then(|connection| {
        check(&connection)?;
        Ok(connection)
    });
    match looked {
        Err(Failure::Sqlite(error)) if is_damage(&error) => {}
        Err(Failure::Sqlite(error)) if is_held(&error) => return Ok(None),
        Ok(_) if is_forced => {}
        opened => return Ok(Some(opened?)),
    }
    let new = beside(path, "-new");
    remove(&new)?;
    create_private(&new)?;
    spend(&mut connect(&new)?, spent, now_ms)?;
    // The journal of the damaged file would be played back into the new one.
    remove(&beside(path, "-journal"))?;
    fs::rename(&new, path)?;
    tracing::warn!(
        path = %path.display(),
        "the budget ledger was damaged: a new one begins, as if the budget of one period had just been spent"
    );
    match connect(path) {
        Err(Failure::Sqlite(error)) if is_held(&error) => Ok(None),
        opened => Ok(Some(opened?)),
    }
}

/// What a process that begins a ledger anew locks.
pub(super) fn lock_path(path: &Path) -> PathBuf {
    beside(path, "-lock")
}

/// A held file is an error here: [`Gate`](super::Gate) waits for it, without blocking the thread.
fn connect(path: &Path) -> Result<Connection, Failure> {
    // The directory was named, and may be behind a link.
    let path = match (path.parent(), path.file_name()) {
        (Some(directory), Some(name)) => fs::canonicalize(directory)?.join(name),
        _ => path.to_owned(),
    };
    for ending in ["", "-journal", "-wal", "-shm"] {
        let file = beside(&path, ending);
        derived::check(&file, Names::One).map_err(|error| Failure::of(&file, error))?;
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let connection = Connection::open_with_flags(&path, flags)?;
    connection.busy_timeout(Duration::ZERO)?;
    connection.execute_batch(
        "PRAGMA journal_mode = DELETE;
         PRAGMA synchronous = OFF;
         CREATE TABLE IF NOT EXISTS requests (
             id INTEGER PRIMARY KEY, sent_ms INTEGER NOT NULL, answered_ms INTEGER
         ) STRICT;
         CREATE INDEX IF NOT EXISTS requests_sent ON requests (sent_ms);
         CREATE INDEX IF NOT EXISTS requests_answered ON requests (answered_ms);
         CREATE TABLE IF NOT EXISTS closed (until_ms INTEGER NOT NULL) STRICT;
         CREATE TABLE IF NOT EXISTS pauses (
             made_ms INTEGER NOT NULL, until_ms INTEGER NOT NULL, asked_ms INTEGER NOT NULL
         ) STRICT;",
    )?;
    Ok(connection)
}

/// An error of damage where any page is not as it should be, or the tables are others.
fn check(connection: &Connection) -> rusqlite::Result<()> {
    connection.prepare("SELECT id, sent_ms, answered_ms FROM requests")?;
    connection.prepare("SELECT until_ms FROM closed")?;
    connection.prepare("SELECT made_ms, until_ms, asked_ms FROM pauses")?;
    let found: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    match found.as_str() {
        "ok" => Ok(()),
        _ => Err(rusqlite::Error::SqliteFailure(
            ffi::Error::new(ffi::SQLITE_CORRUPT),
            Some(found),
        )),
    }
}

/// Enters so many requests, sent and answered at `now_ms`, under numbers that the file before
/// cannot have had.
fn spend(connection: &mut Connection, count: u32, now_ms: i64) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute(
        "WITH RECURSIVE numbers (n) AS (
             SELECT 1 WHERE ?2 > 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?2)
         INSERT INTO requests (id, sent_ms, answered_ms) SELECT ?1 + n, ?1, ?1 FROM numbers",
        params![now_ms, count],
    )?;
    transaction.commit()
}

fn create_directory(directory: &Path) -> io::Result<()> {
    let mut folders = fs::DirBuilder::new();
    folders.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut folders, 0o700);
    folders.create(directory)
}

/// Opens the file. Where it is not there yet it is made for its owner's eyes only, but in a directory
/// that a group may write, which is how several users share a budget, for that group too. The
/// journal that SQLite puts beside it takes its permissions from it.
fn create_private(path: &Path) -> Result<fs::File, Failure> {
    let opened = derived::open_or_create(path, 0o600);
    let (file, is_new) = opened.map_err(|error| Failure::of(path, error))?;
    if is_new && is_shared(path) {
        derived::set_mode(&file, 0o660)?;
    }
    Ok(file)
}

/// Whether the directory of `path` may be written by a group.
fn is_shared(path: &Path) -> bool {
    let directory = path.parent().and_then(|parent| fs::metadata(parent).ok());
    directory.is_some_and(|found| {
        std::os::unix::fs::PermissionsExt::mode(&found.permissions()) & 0o020 != 0
    })
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// The file beside `path` whose name ends so.
fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const COUNT: &str = "SELECT count(*) FROM requests";

    fn count(connection: &Connection) -> u32 {
        connection
            .query_row(COUNT, [], |row| row.get(0))
            .expect("counts")
    }

    /// Opens it, however often another process holds it for a moment.
    fn opened(path: &Path, now_ms: i64) -> Connection {
        loop {
            if let Some(connection) = open(path, 3, now_ms).expect("opens") {
                return connection;
            }
            std::thread::yield_now();
        }
    }

    /// A page that is neither SQLite's nor text.
    fn noise() -> Vec<u8> {
        (0..8_192u32).map(|n| (n * 37 % 251) as u8).collect()
    }

    #[test]
    fn of_processes_that_meet_one_damaged_file_one_begins_it_anew() {
        for round in 0..5 {
            let directory = tempfile::tempdir().expect("a directory");
            let path = directory.path().join("budget.sqlite");
            fs::write(&path, noise()).expect("written");
            fs::write(beside(&path, "-journal"), noise()).expect("written");
            let opened: Vec<Connection> = std::thread::scope(|scope| {
                let each: Vec<_> = (0..4)
                    .map(|n| {
                        scope.spawn({
                            let path = &path;
                            move || opened(path, 1_000 + n)
                        })
                    })
                    .collect();
                each.into_iter()
                    .map(|one| one.join().expect("no panic"))
                    .collect()
            });
            for connection in &opened {
                assert_eq!(count(connection), 3, "round {round}");
            }
            opened[0]
                .execute("INSERT INTO requests (sent_ms) VALUES (1)", [])
                .expect("enters");
            assert_eq!(count(&opened[3]), 4, "one file");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_directory_for_a_group_holds_ledgers_for_the_group() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().expect("a directory");
        for (folder, file) in [(0o2770, 0o660), (0o755, 0o600)] {
            let mode = fs::Permissions::from_mode(folder);
            fs::set_permissions(directory.path(), mode).expect("set");
            let path = directory.path().join(format!("budget-{file:o}.sqlite"));
            open(&path, 9, 1).expect("opens");
            let mode = fs::metadata(&path).expect("there").permissions().mode();
            assert_eq!(mode & 0o777, file);
        }
    }

    #[test]
    fn a_whole_file_stays_and_damage_deep_in_it_is_seen() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("budget.sqlite");
        let mut connection = opened(&path, 1);
        spend(&mut connection, 2_000, 5).expect("enters");
        drop(connection);
        let anew = |now_ms| {
            let begun = begin_anew(&path, 9, now_ms, false).expect("opens");
            count(&begun.expect("nobody holds it"))
        };
        assert_eq!(anew(2), 2_000);
        let mut bytes = fs::read(&path).expect("read");
        let half = bytes.len() / 2;
        bytes[half..].fill(0xa5);
        fs::write(&path, bytes).expect("written");
        assert_eq!(anew(3), 9);
    }

    #[test]
    fn a_held_file_and_a_held_lock_are_told_at_once() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("budget.sqlite");
        let holder = opened(&path, 1);
        holder.execute_batch("BEGIN EXCLUSIVE").expect("holds it");
        assert!(open(&path, 9, 2).expect("no error").is_none());
        holder.execute_batch("ROLLBACK").expect("lets go");
        drop(holder);
        fs::write(&path, noise()).expect("written");
        let lock = create_private(&lock_path(&path)).expect("made");
        lock.lock().expect("held");
        assert!(open(&path, 9, 2).expect("no error").is_none());
        lock.unlock().expect("let go");
        assert_eq!(count(&opened(&path, 2)), 3);
    }
}

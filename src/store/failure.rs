//! What goes wrong in the store, told with the way out and without any row's values.

use std::path::Path;

use rusqlite::ErrorCode;

use crate::error::{Error, ErrorKind};
use crate::limits::{self, Full};

/// The way out of a store that is not whole.
const DAMAGED: &str = "restore it from a backup, or move it away and run a new backfill; what only the old file \
    holds, such as history, the .recover of sqlite3 (3.37 or newer) may get out of it";

/// The way out where some of it may be mended.
const MENDED: &str = "mava-export verify --repair corrects what it can, and verify --deep lists what is damaged; \
    else restore it from a backup, or move it away and run a new backfill";

/// Why an operation on the store failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// SQLite said no.
    Sqlite(rusqlite::Error),
    /// SQLite said no while this ticket was being written.
    Ticket(String, rusqlite::Error),
    /// The store has no table of this name.
    Lacking(&'static str),
    /// SQLite finds the file damaged, in its words.
    Damaged(String),
    /// The store does not hold what the caller takes for granted.
    Contradiction(String),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl Failure {
    /// The error for people: what was being done to which file, and what to do now.
    pub(super) fn explain(self, path: &Path, what: &str) -> Error {
        let (what, cause) = match self {
            Self::Sqlite(cause) => (what.to_owned(), cause),
            Self::Ticket(id, cause) => (format!("{what}, ticket {id}"), cause),
            Self::Lacking(table) => {
                let file = path.display();
                return Error::usage(format!("{what}: {file} has no table {table}")).help(DAMAGED);
            }
            Self::Damaged(words) => {
                let file = path.display();
                return Error::usage(format!("{what}: {file} is damaged: {words}")).help(DAMAGED);
            }
            Self::Contradiction(message) => return Error::failed(format!("{what}: {message}")),
        };
        let file = path.display();
        if let Some(full) = full(path, &cause) {
            return Error::failed(format!("{what}: {}", full.message(path)))
                .help(format!(
                    "{}, then run the same command again; it goes on from the last page stored",
                    full.way_out()
                ))
                .because(words(&cause));
        }
        match told(&cause, path, &what) {
            Some((kind, message, help)) => Error::new(kind, message).help(help),
            None => Error::failed(format!("{what}: SQLite refused it in {file}")),
        }
        .because(words(&cause))
    }
}

/// What an error of SQLite means, and the way out, where one is known.
fn told(
    cause: &rusqlite::Error,
    path: &Path,
    what: &str,
) -> Option<(ErrorKind, String, &'static str)> {
    let file = path.display();
    Some(match cause.sqlite_error_code() {
        Some(ErrorCode::DiskFull | ErrorCode::SystemIoFailure) if limits::is_file_size_met() => (
            ErrorKind::Failed,
            format!("{what}: the limit on the size of files keeps {file} from growing"),
            "raise it (ulimit -f unlimited) and run the same command again; it goes on from the last page stored",
        ),
        // SQLite has no word of its own for a quota.
        Some(ErrorCode::SystemIoFailure) if is_of_writing(cause) => (
            ErrorKind::Failed,
            format!(
                "{what}: {file} cannot be written: a disk quota is used up, or the disk failed"
            ),
            "look at the quota (quota -s), the disk and its free space (df), then run the same command again; \
             it goes on from the last page stored",
        ),
        Some(ErrorCode::SystemIoFailure) => (
            ErrorKind::Failed,
            format!("{what}: the disk under {file} failed"),
            "check the disk and its free space, then run the same command again; it goes on from the last page stored",
        ),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => (
            ErrorKind::Usage,
            format!("{what}: {file} is damaged"),
            MENDED,
        ),
        Some(ErrorCode::ConstraintViolation) => (
            ErrorKind::Usage,
            format!("{what}: rows of {file} contradict each other"),
            MENDED,
        ),
        None if is_unreadable(cause) => (
            ErrorKind::Usage,
            format!("{what}: {file} holds a row that cannot be read"),
            MENDED,
        ),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => (
            ErrorKind::StoreBusy,
            format!("{what}: another program is writing to {file}"),
            "close programs that have it open for writing, then run again",
        ),
        Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => (
            ErrorKind::Usage,
            format!("{what}: {file} cannot be opened or written"),
            "check the permissions of the file and of its directory (its owner lets a group read it with --file-mode 0640), and how many files may be open (ulimit -n)",
        ),
        _ => return None,
    })
}

/// Why the file system takes no more, where it is not the limit on the size of files.
fn full(path: &Path, cause: &rusqlite::Error) -> Option<Full> {
    match cause.sqlite_error_code() {
        Some(ErrorCode::DiskFull) if limits::is_file_size_met() => None,
        // A file beside the store that cannot be made is one that "cannot be opened" to SQLite.
        Some(ErrorCode::DiskFull | ErrorCode::CannotOpen) if limits::lacks_inodes(path) => {
            Some(Full::Files)
        }
        Some(ErrorCode::DiskFull) => Some(Full::Space),
        _ => None,
    }
}

/// Whether SQLite could not write, rather than not read.
fn is_of_writing(cause: &rusqlite::Error) -> bool {
    use rusqlite::ffi;
    const WRITING: [i32; 4] = [
        ffi::SQLITE_IOERR_WRITE,
        ffi::SQLITE_IOERR_TRUNCATE,
        ffi::SQLITE_IOERR_FSYNC,
        ffi::SQLITE_IOERR_SHMSIZE,
    ];
    let code = cause.sqlite_error().map(|failure| failure.extended_code);
    code.is_some_and(|code| WRITING.contains(&code))
}

/// Whether a value is not of its column.
fn is_unreadable(cause: &rusqlite::Error) -> bool {
    matches!(
        cause,
        rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::Utf8Error(..)
    )
}

/// The cause once: what lies behind an error of SQLite says the same in other words.
fn words(cause: &rusqlite::Error) -> String {
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota_is_named_where_writing_fails_and_not_where_reading_does() {
        let told = |code| {
            let failure = rusqlite::ffi::Error::new(code);
            let cause = rusqlite::Error::SqliteFailure(failure, Some("disk I/O error".to_owned()));
            let error = Failure::from(cause).explain(Path::new("support.db"), "store a page");
            assert_eq!(error.kind(), ErrorKind::Failed);
            format!("{error} ({})", error.help_text().unwrap_or_default())
        };
        for code in [
            rusqlite::ffi::SQLITE_IOERR_WRITE,
            rusqlite::ffi::SQLITE_IOERR_FSYNC,
        ] {
            assert!(
                told(code).contains("a disk quota is used up"),
                "{}",
                told(code)
            );
        }
        for code in [
            rusqlite::ffi::SQLITE_IOERR_READ,
            rusqlite::ffi::SQLITE_IOERR,
        ] {
            assert!(!told(code).contains("quota"), "{}", told(code));
        }
    }

    #[test]
    fn the_cause_is_told_once() {
        let failure = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT);
        let cause = rusqlite::Error::SqliteFailure(
            failure,
            Some("database disk image is malformed".to_owned()),
        );
        let error = Failure::from(cause).explain(Path::new("support.db"), "open");
        assert_eq!(
            error.to_string(),
            "open: support.db is damaged: database disk image is malformed"
        );
        assert_eq!(error.kind(), ErrorKind::Usage);
        let error = Failure::Lacking("tags").explain(Path::new("support.db"), "open");
        assert_eq!(error.to_string(), "open: support.db has no table tags");
        assert_eq!(error.kind(), ErrorKind::Usage);
    }
}

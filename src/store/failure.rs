//! What goes wrong in the store, told with the way out and without any row's values.

use std::path::Path;

use rusqlite::ErrorCode;

use crate::error::{Error, ErrorKind};
use crate::limits;

/// The way out of a store that is not whole.
const DAMAGED: &str = "restore it from a backup, or move it away and run a new backfill; what only the old file \
    holds, such as history, sqlite3's .recover may get out of it";

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
        let (kind, message, help) = match cause.sqlite_error_code() {
            Some(ErrorCode::DiskFull | ErrorCode::SystemIoFailure)
                if limits::is_file_size_met() =>
            {
                (
                    ErrorKind::Failed,
                    format!("{what}: the limit on the size of files keeps {file} from growing"),
                    "raise it (ulimit -f unlimited) and run the same command again; it goes on from the last page stored",
                )
            }
            Some(ErrorCode::DiskFull) => (
                ErrorKind::Failed,
                format!("{what}: no space left for {file}"),
                "free some disk space and run the same command again; it goes on from the last page stored",
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
            None if is_unreadable(&cause) => (
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
                "check the permissions of the file and of its directory, and how many files may be open (ulimit -n)",
            ),
            _ => {
                return Error::failed(format!("{what}: SQLite refused it in {file}"))
                    .because(words(&cause));
            }
        };
        Error::new(kind, message).help(help).because(words(&cause))
    }
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

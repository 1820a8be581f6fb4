//! What goes wrong in the store, told with the way out and without any row's values.

use std::path::Path;

use rusqlite::ErrorCode;

use crate::error::{Error, ErrorKind};

/// Why an operation on the store failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// SQLite said no.
    Sqlite(rusqlite::Error),
    /// SQLite said no while this ticket was being written.
    Ticket(String, rusqlite::Error),
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
            Self::Contradiction(message) => return Error::failed(format!("{what}: {message}")),
        };
        let file = path.display();
        let (kind, message, help) = match cause.sqlite_error_code() {
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
                ErrorKind::Failed,
                format!("{what}: {file} is damaged"),
                "restore it from a backup, or move it away and run a new backfill",
            ),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => (
                ErrorKind::StoreBusy,
                format!("{what}: another program is writing to {file}"),
                "close programs that have it open for writing, then run again",
            ),
            Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => (
                ErrorKind::Usage,
                format!("{what}: {file} cannot be opened or written"),
                "check the permissions of the file and of its directory",
            ),
            _ => {
                return Error::failed(format!("{what}: SQLite refused it in {file}"))
                    .because(cause);
            }
        };
        Error::new(kind, message).help(help).because(cause)
    }
}

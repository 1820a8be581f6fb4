//! The store: one SQLite file that holds the copy, the progress of its runs, and what tells a
//! changed ticket from one read again.
//!
//! A page's rows, its slice's cursor and the run's counters commit in one transaction, so that
//! the file holds a consistent prefix of the run at any instant. One [`Store`] writes at a time,
//! held by an operating-system lock; any number of read-only ones look on.

mod audit;
mod bind;
mod campaigns;
mod children;
mod counts;
mod customers;
mod deletions;
mod facts;
mod failure;
mod files;
mod finish;
mod hash;
mod header;
mod held;
mod history;
mod identity;
mod lenient;
mod lock;
mod lookups;
mod marks;
mod mend;
mod metrics;
mod migrate;
mod mode;
mod open;
mod options;
mod outcomes;
mod page;
mod partial;
mod read;
mod reader;
mod references;
mod rejected;
mod rejects;
mod resolutions;
mod runs;
mod salvage;
mod slices;
mod standing;
mod sums;
mod sync;
mod tickets;
mod totals;
mod twins;
mod unnamed;
mod unproven;
mod values;
mod window_step;
mod windows;

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::error::{Error, Result};

pub use audit::{Audit, Damage};
pub use campaigns::{CampaignWindow, Field, Group, Instants};
pub use deletions::Neighbour;
pub use header::MAGIC;
pub use held::HeldCount;
pub use lookups::LookupsCommit;
pub use metrics::Renewed;
pub use options::{OWNERS_ONLY, OpenOptions};
pub use outcomes::SyncOutcome;
pub use page::{Mended, PageCommit, PageCounts, ReadCommit, TicketRead};
pub use partial::Partial;
pub use read::{Freshness, Progress};
pub use reader::Reader;
pub use rejected::Rejected;
pub use resolutions::{Past, Proof, Proofs, Resolution};
pub use runs::{Outcome, Run, RunSpec};
pub use standing::{Standee, Standing, Twins};
pub use sync::{Coverage, StepRow};
pub use unnamed::{Nameless, Unnamed};
pub use window_step::WindowStep;
pub use windows::{RunWindow, WindowCommit, WindowState};

/// Written into the file's header (`PRAGMA application_id`), so that a store is told from any
/// other SQLite file without opening it: "Mava" in ASCII.
pub const APPLICATION_ID: i32 = 0x4D61_7661;

/// An open store. The lock, if it holds one, is released when it is dropped, after the file.
#[derive(Debug)]
pub struct Store {
    connection: Connection,
    path: PathBuf,
    /// What the connection has open.
    files: files::Files,
    /// `None` when opened for reading only.
    lock: Option<lock::Lock>,
    /// Whether what is read is held against what is stored row by row.
    is_thorough: bool,
    /// What was corrected so far.
    mended: Mended,
    /// How metrics are computed.
    measuring: metrics::Measuring,
}

impl Store {
    /// The file, as resolved when it was opened.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the file at `path`, which may not exist, is the store or one that lies beside it for it.
    pub fn owns(&self, path: &Path) -> bool {
        let mut beside = files::SIDES.into_iter().chain([lock::LOCK]);
        path == self.path || beside.any(|ending| path == lock::beside(&self.path, ending))
    }

    /// Whether a run holds the store just now, this one included.
    pub fn is_held(&self) -> bool {
        lock::is_held(&self.path)
    }

    /// The connection, for reading: publishing and people's own queries.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// The connection, to have it watched while it answers.
    pub fn connection_mut(&mut self) -> &mut Connection {
        &mut self.connection
    }

    /// That the file which was opened, and its log, still lie where they were opened. Otherwise the log
    /// is moved into the file that it belongs to, wherever that lies now, so that it is not taken for
    /// the other's.
    ///
    /// # Errors
    /// [`Failed`](crate::error::ErrorKind::Failed): another file lies there, or none.
    pub fn require_in_place(&self) -> Result<()> {
        let outcome = self.files.require_in_place();
        if outcome.is_err()
            && self.lock.is_some()
            && let Err(error) = self.move_log()
        {
            tracing::debug!(error = %error, "the log of the file that was moved stays");
        }
        outcome
    }

    /// Begins a transaction that holds the write lock from its start.
    fn transaction(&mut self) -> rusqlite::Result<Transaction<'_>> {
        self.connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
    }

    /// Runs `work` in one transaction; `what` says in an error what was being done.
    fn in_transaction<T>(
        &mut self,
        what: &str,
        work: impl FnOnce(&Connection) -> std::result::Result<T, failure::Failure>,
    ) -> Result<T> {
        if self.lock.is_none() {
            let path = self.path.display();
            return Err(Error::failed(format!(
                "{what}: {path} was opened for reading only"
            )));
        }
        self.require_in_place()?;
        let attempt = (|| {
            let transaction = self.transaction()?;
            let result = work(&transaction)?;
            transaction.commit()?;
            Ok(result)
        })();
        attempt.map_err(|failure: failure::Failure| self.failed(what, failure))
    }

    /// The error for people of a query on [`Store::connection`] that failed; `what` says what was
    /// being done.
    pub fn unread(&self, what: &str, error: rusqlite::Error) -> Error {
        self.failed(what, error)
    }

    fn failed(&self, what: &str, failure: impl Into<failure::Failure>) -> Error {
        failure.into().explain(&self.path, what)
    }

    /// Moves the log into the file and leaves both side files where they are, the log empty. A copy of
    /// the file is whole then, and whoever may read the files can read the store: somebody who may not
    /// make files in its directory, or nobody may because it is mounted to be read only.
    ///
    /// A reader that is in the middle of a query keeps its part of the log where it is. That is no
    /// error: the log is read with the file, and the next run moves it.
    fn rest(&self) {
        let moved = self
            .connection
            .busy_timeout(Duration::ZERO)
            .and_then(|()| self.move_log());
        if let Err(error) = moved {
            tracing::debug!(error = %error, "the log stays as it is");
        }
    }

    fn move_log(&self) -> rusqlite::Result<()> {
        self.connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        if self.lock.is_some() {
            self.rest();
        }
    }
}

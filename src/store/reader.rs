//! Connections that read the store as it is at one instant, for publishing.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

use super::failure::Failure;
use super::metrics::Measuring;
use super::open::connect;
use super::{OpenOptions, Store, migrate};
use crate::error::{Error, Result};

type Attempt<T> = std::result::Result<T, Failure>;

/// A connection that sees the store as it was when it was made, whatever is written since.
#[derive(Debug)]
pub struct Reader {
    connection: Connection,
    path: PathBuf,
    measuring: Measuring,
}

impl Reader {
    /// The connection, inside its read transaction.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// The error for people of a query that failed; `what` says what was being done.
    pub fn failed(&self, what: &str, error: rusqlite::Error) -> Error {
        self.explain(what, Failure::from(error))
    }

    pub(super) fn measuring(&self) -> &Measuring {
        &self.measuring
    }

    pub(super) fn explain(&self, what: &str, failure: Failure) -> Error {
        failure.explain(&self.path, what)
    }
}

impl Store {
    /// Opens the store at `path` for writing, as [`Store::open`] does, but never makes one.
    ///
    /// # Errors
    /// There is no store at `path`, or see [`Store::open`].
    pub fn open_existing(path: &Path, options: &OpenOptions) -> Result<Self> {
        drop(Self::open_read_only(path)?);
        Self::open(path, options)
    }

    /// That the schema is this program's, so that the internal tables are as it knows them: a store
    /// opened for reading only is not brought up to date.
    ///
    /// # Errors
    /// [`Usage`](crate::error::ErrorKind::Usage) where it is an older one, or it cannot be read.
    pub fn require_current_schema(&self) -> Result<()> {
        let version = self.schema_version()?;
        if version >= migrate::newest() {
            return Ok(());
        }
        Err(Error::usage(format!(
            "{} was last written by an older mava-export (schema {version}, now {})",
            self.path.display(),
            migrate::newest()
        ))
        .help("the next backfill, sync or publish brings it up to date; query reads it as it is"))
    }

    /// So many readers that all see the store as it is now.
    ///
    /// # Errors
    /// The store was opened for reading only, another program writes to it, or it cannot be read.
    pub fn readers(&self, count: usize) -> Result<Vec<Reader>> {
        if self.lock.is_none() {
            let path = self.path.display();
            return Err(Error::failed(format!(
                "{path} was opened for reading only, and another program may change it meanwhile"
            )));
        }
        self.require_in_place()?;
        let attempt = || {
            // Nobody writes while they begin, so that they begin at the same instant.
            self.connection.execute_batch("BEGIN IMMEDIATE")?;
            let readers = (0..count)
                .map(|_| self.reader())
                .collect::<Attempt<Vec<_>>>();
            self.connection.execute_batch("ROLLBACK")?;
            readers
        };
        let readers =
            attempt().map_err(|failure: Failure| self.failed("open for reading", failure))?;
        // They opened the path: what lay there before and lies there now, they have open.
        self.require_in_place()?;
        Ok(readers)
    }

    fn reader(&self) -> Attempt<Reader> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = connect(&self.path, flags)?;
        connection.execute_batch("BEGIN")?;
        // A transaction begins with its first read.
        migrate::version(&connection)?;
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
        Ok(Reader {
            connection,
            path: self.path.clone(),
            measuring: self.measuring.clone(),
        })
    }

    /// The schema's version: how many migrations it has seen.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn schema_version(&self) -> Result<i32> {
        migrate::version(&self.connection).map_err(|error| self.failed("read the version", error))
    }
}

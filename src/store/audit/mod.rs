//! A store held against itself: the file, every row's content against the hash it had when it was
//! written, and what follows from other rows against them. Reads everything, changes and asks
//! nothing.

mod customer;
mod entry;
mod file;
mod published;
mod tables;
mod ticket;

use rusqlite::{Connection, ErrorCode};

use super::Store;
use super::failure::Failure;
use super::metrics::{self, Measuring};
use crate::error::{Error, Result};

pub(in crate::store) use customer::CustomerAudit;
pub(in crate::store) use entry::{ENTRY, Entry, Wrong};
pub(in crate::store) use file::{foreign_tables, integrity};
pub(in crate::store) use ticket::{
    ATTACHMENTS_SQL, TicketAudit, is_inside_thread, items, reject_items,
};

/// Tickets between two looks at whether to go on.
const TICKETS_TOLD: u64 = 256;

/// Something that is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// The table: for what belongs to a ticket, `tickets`.
    pub table: &'static str,
    /// The row's key.
    pub id: String,
    /// What is wrong with it, in words.
    pub what: Vec<&'static str>,
    /// When the tickets were created that have to be read again for it, in milliseconds since 1970;
    /// none where no ticket would tell.
    pub created_ms: Vec<i64>,
}

/// What an audit found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Audit {
    /// Tickets looked at, with all that belongs to them.
    pub tickets: u64,
    /// Other rows looked at.
    pub rows: u64,
    /// What is wrong with the file itself.
    pub file: Vec<String>,
    /// Rows that are not as they were written, in the order of the tables.
    pub damaged: Vec<Damage>,
}

impl Audit {
    /// Whether nothing is wrong.
    pub fn is_whole(&self) -> bool {
        self.file.is_empty() && self.damaged.is_empty()
    }
}

impl Store {
    /// Holds the store against itself. `told` is called now and then with how many tickets were
    /// looked at, and says whether to go on.
    ///
    /// # Errors
    /// [`Interrupted`](crate::error::ErrorKind::Interrupted) where `told` says so; the file cannot be read at all.
    pub fn audit(&self, told: &dyn Fn(u64) -> bool) -> Result<Audit> {
        let mut audit = Audit::default();
        let outcome = Auditing {
            connection: &self.connection,
            measuring: &self.measuring,
            audit: &mut audit,
            told,
        }
        .run();
        match outcome {
            Ok(()) => Ok(audit),
            Err(Stop::Interrupted) => Err(Error::interrupted()),
            Err(Stop::Failed(failure)) => Err(self.failed("check the store", failure)),
        }
    }
}

/// What is wrong with a table that [`foreign_tables`] names, in words.
pub(in crate::store) fn foreign(table: &str) -> String {
    format!("the columns or indexes of {table} are not as made")
}

/// What metrics are computed by, where those that are stored were too: others say nothing.
pub(in crate::store) fn metrics_to_hold<'a>(
    connection: &'a Connection,
    measuring: &'a Measuring,
) -> rusqlite::Result<Option<metrics::Metrics<'a>>> {
    // Nothing is written, so that no run is to be named.
    metrics::is_current(connection, measuring)?
        .then(|| metrics::Metrics::new(connection, 0, measuring))
        .transpose()
}

/// What is wrong with metrics that are not as a ticket's other rows make them, in words.
pub(in crate::store) const NOT_ITS_METRICS: &str =
    "its metrics or events are not what follows from its other rows";

/// What is wrong with totals that are not as all other rows make them, in words.
const NOT_THE_TOTALS: &str = "its rows are not what follows from those of tickets";

/// Why an audit ended early.
enum Stop {
    Interrupted,
    Failed(Failure),
}

impl<T: Into<Failure>> From<T> for Stop {
    fn from(failure: T) -> Self {
        Self::Failed(failure.into())
    }
}

struct Auditing<'a> {
    connection: &'a Connection,
    measuring: &'a Measuring,
    audit: &'a mut Audit,
    told: &'a dyn Fn(u64) -> bool,
}

impl Auditing<'_> {
    fn run(&mut self) -> std::result::Result<(), Stop> {
        // One instant for all of it, whatever is written meanwhile.
        let transaction = self.connection.unchecked_transaction()?;
        self.part("the tables' layout", |audit| {
            for table in foreign_tables(audit.connection)? {
                audit.problem(foreign(&table));
            }
            Ok(())
        })?;
        self.part("the file", |audit| {
            for line in integrity(audit.connection)? {
                audit.problem(line);
            }
            Ok(())
        })?;
        self.part("references", |audit| {
            for (table, parent, count) in file::dangling(audit.connection)? {
                audit.problem(format!(
                    "{count} rows of {table} name a row of {parent} that is not there"
                ));
            }
            Ok(())
        })?;
        self.part("tickets", Self::tickets)?;
        self.part("tickets without an index", Self::strays)?;
        self.part("customers", Self::customers)?;
        self.part("tags, categories, agents and runs", Self::small)?;
        self.part("rejects", Self::rejects)?;
        self.part("what syncs go by", Self::values)?;
        self.part("totals", Self::totals)?;
        transaction.finish()?;
        Ok(())
    }

    /// Does a part of it. Where SQLite cannot read on, that is a finding, and the other parts go on.
    fn part(
        &mut self,
        what: &str,
        work: impl FnOnce(&mut Self) -> std::result::Result<(), Stop>,
    ) -> std::result::Result<(), Stop> {
        match work(self) {
            Err(Stop::Failed(Failure::Sqlite(error))) if is_damage(&error) => {
                self.problem(format!("{what} cannot be read to the end: {error}"));
                Ok(())
            }
            outcome => outcome,
        }
    }

    fn problem(&mut self, words: String) {
        if !self.audit.file.contains(&words) {
            self.audit.file.push(words);
        }
    }

    fn go_on(&self) -> std::result::Result<(), Stop> {
        match (self.told)(self.audit.tickets) {
            true => Ok(()),
            false => Err(Stop::Interrupted),
        }
    }
}

/// Whether an error says that the file is not what it was: pages, or a schema without its columns.
pub(in crate::store) fn is_damage(error: &rusqlite::Error) -> bool {
    let Some(code) = error.sqlite_error_code() else {
        return true;
    };
    matches!(
        code,
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::Unknown
    )
}

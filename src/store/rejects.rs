//! What could not be represented, and how many of them a run met.

use std::sync::LazyLock;

use rusqlite::{CachedStatement, Connection, OptionalExtension, params};

use super::{Store, bind, sums};
use crate::error::Result;
use crate::normalize::{Hash, Sum};
use crate::table::{Cell, Record, Reject};

/// A reject that is met again is left alone: it is made of what its id is made of.
static STORE: LazyLock<String> = LazyLock::new(|| {
    format!(
        "{} WHERE reason <> excluded.reason OR path <> excluded.path
             OR raw_json <> excluded.raw_json OR ticket_id IS NOT excluded.ticket_id",
        bind::upsert_sql(Reject::TABLE)
    )
});

/// Changes nothing where this run met the reject before, so that what it changed counts those met
/// for the first time.
const MEET: &str = "INSERT INTO _rejects_met (reject_id, snapshot_id) VALUES (?1, ?2)
    ON CONFLICT (reject_id) DO UPDATE SET snapshot_id = excluded.snapshot_id
        WHERE snapshot_id <> excluded.snapshot_id";

/// The row and the hash it had when it was written.
static LOOK: LazyLock<String> = LazyLock::new(|| {
    let names = bind::list(Reject::TABLE.columns(), |_, column| {
        format!("rejects.{}", column.name)
    });
    format!(
        "SELECT {names}, met.hash FROM rejects
         LEFT JOIN _rejects_met AS met ON met.reject_id = id WHERE id = ?1"
    )
});

/// Writes rejects and counts those of the run: beside each stands the run that last met it, so
/// each counts once however often a page is read.
pub(super) struct Rejects<'c> {
    snapshot_id: i64,
    store: CachedStatement<'c>,
    meet: CachedStatement<'c>,
    of_ticket: CachedStatement<'c>,
    remove: CachedStatement<'c>,
    look: CachedStatement<'c>,
    note: CachedStatement<'c>,
    /// Whether a row that is not as it was written is written again.
    is_thorough: bool,
    /// How much the run's number of rejects grew; below zero where some went away.
    pub(super) growth: i64,
}

impl<'c> Rejects<'c> {
    pub(super) fn new(
        connection: &'c Connection,
        snapshot_id: i64,
        is_thorough: bool,
    ) -> rusqlite::Result<Self> {
        Ok(Self {
            snapshot_id,
            store: connection.prepare_cached(&STORE)?,
            meet: connection.prepare_cached(MEET)?,
            of_ticket: connection.prepare_cached(
                "SELECT id, coalesce(met.snapshot_id, 0), path FROM rejects
                 LEFT JOIN _rejects_met AS met ON met.reject_id = id WHERE ticket_id = ?1",
            )?,
            remove: connection.prepare_cached("DELETE FROM rejects WHERE id = ?1")?,
            look: connection.prepare_cached(&LOOK)?,
            note: connection
                .prepare_cached("UPDATE _rejects_met SET hash = ?2 WHERE reject_id = ?1")?,
            is_thorough,
            growth: 0,
        })
    }

    /// One reject met.
    pub(super) fn meet(&mut self, reject: &Reject) -> rusqlite::Result<()> {
        if self.is_thorough && !self.is_whole(&reject.id)? {
            self.remove.execute([&reject.id])?;
        }
        let count = bind::bind(&mut self.store, reject)?;
        self.store.raw_bind_parameter(count + 1, self.snapshot_id)?;
        let is_written = self.store.raw_execute()? > 0;
        let changed = self.meet.execute((&reject.id, self.snapshot_id))?;
        if is_written {
            self.note
                .execute((&reject.id, reject_sum(reject, self.snapshot_id)))?;
        }
        self.growth += i64::from(changed > 0);
        Ok(())
    }

    /// Whether the row is as it was written.
    fn is_whole(&mut self, id: &str) -> rusqlite::Result<bool> {
        let whole = self.look.query_row([id], |row| {
            let known = sums::hash(row, Reject::TABLE.columns().count())?;
            Ok(known.is_some() && sums::row_sum(row, Reject::TABLE)? == known)
        });
        Ok(whole.optional()?.unwrap_or(true))
    }

    /// All rejects of a ticket that was read: those it no longer has go away, but those of its
    /// thread only where that `is_thread_read`.
    pub(super) fn replace(
        &mut self,
        ticket_id: &str,
        rejects: &[Reject],
        is_thread_read: bool,
    ) -> rusqlite::Result<()> {
        let mut gone: Vec<(String, i64)> = Vec::new();
        let mut rows = self.of_ticket.query([ticket_id])?;
        while let Some(row) = rows.next()? {
            let id = row.get_ref(0)?.as_str()?;
            let is_read = is_thread_read || !is_of_thread(row.get_ref(2)?.as_str()?);
            if is_read && rejects.iter().all(|reject| reject.id != id) {
                gone.push((id.to_owned(), row.get(1)?));
            }
        }
        drop(rows);
        for (id, snapshot_id) in gone {
            self.remove.execute([id])?;
            self.growth -= i64::from(snapshot_id == self.snapshot_id);
        }
        rejects.iter().try_for_each(|reject| self.meet(reject))
    }
}

/// Over a reject that the run `snapshot_id` met first.
fn reject_sum(reject: &Reject, snapshot_id: i64) -> Hash {
    let mut sum = Sum::default();
    reject.each_cell(|cell| sum.cell(cell));
    sum.cell(Cell::Integer(snapshot_id));
    sum.hash()
}

/// A ticket that the API shows and that has no row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// Its id, or what stands in for it.
    pub id: String,
    /// Its creation in milliseconds since 1970; of one that came without, that of its neighbour.
    pub created_ms: i64,
    /// Whether it is rated, as far as is known.
    pub is_rated: bool,
}

impl Store {
    /// Tickets that the API showed and that have no row.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn rejected(&self) -> Result<Vec<Rejected>> {
        let read = || -> rusqlite::Result<_> {
            let mut statement = self
                .connection
                .prepare("SELECT id, created_at_ms, is_rated FROM _rejected")?;
            let rows = statement.query_map([], |row| {
                Ok(Rejected {
                    id: row.get(0)?,
                    created_ms: row.get(1)?,
                    is_rated: row.get(2)?,
                })
            })?;
            rows.collect()
        };
        read().map_err(|error| self.failed("read rejected tickets", error))
    }

    /// Adds some of them, and forgets those that are no more.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn commit_rejected(&mut self, here: &[Rejected], gone: &[String]) -> Result<()> {
        self.in_transaction("store rejected tickets", |connection| {
            for id in gone {
                connection
                    .prepare_cached("DELETE FROM _rejected WHERE id = ?1")?
                    .execute([id])?;
            }
            for rejected in here {
                connection
                    .prepare_cached("INSERT OR REPLACE INTO _rejected VALUES (?1, ?2, ?3)")?
                    .execute(params![rejected.id, rejected.created_ms, rejected.is_rated])?;
            }
            Ok(())
        })
    }
}

/// Whether a reject's path leads to the thread (`messages`) or into it (`messages[3].content`).
fn is_of_thread(path: &str) -> bool {
    path.strip_prefix("messages")
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['[', '.']))
}

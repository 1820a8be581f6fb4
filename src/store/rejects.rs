//! What could not be represented, and how many of them a run met.

use std::sync::LazyLock;

use rusqlite::{CachedStatement, Connection, params};

use super::{ReadCommit, Store, bind};
use crate::error::Result;
use crate::table::{Record, Reject};

/// A reject that is met again is left alone: it is made of what its id is made of.
static STORE: LazyLock<String> = LazyLock::new(|| {
    format!(
        "{} WHERE reason <> excluded.reason",
        bind::upsert_sql(Reject::TABLE)
    )
});

/// Changes nothing where this run met the reject before, so that what it changed counts those met
/// for the first time.
const MEET: &str = "INSERT INTO _rejects_met (reject_id, snapshot_id) VALUES (?1, ?2)
    ON CONFLICT (reject_id) DO UPDATE SET snapshot_id = excluded.snapshot_id
        WHERE snapshot_id <> excluded.snapshot_id";

/// Writes rejects and counts those of the run: beside each stands the run that last met it, so
/// each counts once however often a page is read.
pub(super) struct Rejects<'c> {
    snapshot_id: i64,
    store: CachedStatement<'c>,
    meet: CachedStatement<'c>,
    of_ticket: CachedStatement<'c>,
    remove: CachedStatement<'c>,
    /// How much the run's number of rejects grew; below zero where some went away.
    pub(super) growth: i64,
}

impl<'c> Rejects<'c> {
    pub(super) fn new(connection: &'c Connection, snapshot_id: i64) -> rusqlite::Result<Self> {
        Ok(Self {
            snapshot_id,
            store: connection.prepare_cached(&STORE)?,
            meet: connection.prepare_cached(MEET)?,
            of_ticket: connection.prepare_cached(
                "SELECT id, met.snapshot_id, path FROM rejects
                 JOIN _rejects_met AS met ON met.reject_id = id WHERE ticket_id = ?1",
            )?,
            remove: connection.prepare_cached("DELETE FROM rejects WHERE id = ?1")?,
            growth: 0,
        })
    }

    /// One reject met.
    pub(super) fn meet(&mut self, reject: &Reject) -> rusqlite::Result<()> {
        let count = bind::bind(&mut self.store, reject)?;
        self.store.raw_bind_parameter(count + 1, self.snapshot_id)?;
        self.store.raw_execute()?;
        let changed = self.meet.execute((&reject.id, self.snapshot_id))?;
        self.growth += i64::from(changed > 0);
        Ok(())
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

/// Keeps where tickets without a row stand that a page showed, and forgets those that got one. One
/// that came without its creation stays where it was first met, one that has a row is counted by it.
pub(super) fn place(
    connection: &Connection,
    page: &ReadCommit<'_>,
    placed: &[Rejected],
) -> rusqlite::Result<()> {
    let is_empty: bool = connection
        .prepare_cached("SELECT NOT EXISTS (SELECT 1 FROM _rejected)")?
        .query_row([], |row| row.get(0))?;
    if !is_empty {
        let mut forget = connection.prepare_cached("DELETE FROM _rejected WHERE id = ?1")?;
        for rows in page.tickets {
            forget.execute([&rows.ticket.id])?;
        }
    }
    let mut keep = connection.prepare_cached(
        "INSERT INTO _rejected (id, created_at_ms, is_rated, seen_snapshot) SELECT ?1, ?2, ?3, ?4
         WHERE NOT EXISTS (SELECT 1 FROM _ticket_index WHERE id = ?1 AND is_deleted = 0)
         ON CONFLICT (id) DO UPDATE SET is_rated = excluded.is_rated,
             created_at_ms = CASE WHEN ?5 THEN excluded.created_at_ms ELSE created_at_ms END,
             seen_snapshot = excluded.seen_snapshot",
    )?;
    for rejected in placed {
        keep.execute(params![
            rejected.id,
            rejected.created_ms,
            rejected.is_rated,
            page.snapshot_id,
            rejected.has_creation
        ])?;
    }
    Ok(())
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
    /// Whether it came with its creation.
    pub has_creation: bool,
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
                    has_creation: true,
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
                    .prepare_cached(
                        "INSERT INTO _rejected (id, created_at_ms, is_rated) VALUES (?1, ?2, ?3)
                         ON CONFLICT (id) DO UPDATE SET created_at_ms = excluded.created_at_ms,
                             is_rated = excluded.is_rated",
                    )?
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

//! Where tickets stand that the API shows and that have no row.

use rusqlite::{Connection, params};

use super::Store;
use crate::error::Result;
use crate::normalize::TicketRows;

/// Keeps where tickets without a row stand that a page showed, and forgets those that got one. One
/// that came without its creation stays where it was first seen, one that has a row is counted by it.
pub(super) fn place(
    connection: &Connection,
    snapshot_id: i64,
    tickets: &[TicketRows],
    placed: &[Rejected],
) -> rusqlite::Result<()> {
    let is_empty: bool = connection
        .prepare_cached("SELECT NOT EXISTS (SELECT 1 FROM _rejected)")?
        .query_row([], |row| row.get(0))?;
    if !is_empty {
        let mut forget = connection.prepare_cached("DELETE FROM _rejected WHERE id = ?1")?;
        for rows in tickets {
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
            snapshot_id,
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

    /// Forgets those that are gone from the desk: nothing of them stands any more.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn forget_rejected(&mut self, snapshot_id: i64, gone: &[String]) -> Result<()> {
        self.commit_rejected(&[], gone)?;
        self.in_transaction("forget rejects that are no more", |connection| {
            let mut forget = connection.prepare_cached(
                "DELETE FROM rejects WHERE path = ''
                     AND (ticket_id = ?1 OR ticket_id IS NULL AND 'raw-' || id = ?1)
                     AND id IN (SELECT reject_id FROM _rejects_met WHERE snapshot_id <> ?2)",
            )?;
            for id in gone {
                forget.execute(params![id, snapshot_id])?;
            }
            Ok(())
        })
    }
}

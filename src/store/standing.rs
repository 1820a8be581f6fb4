//! Rejects that stand, and those of them that are accepted.

use rusqlite::{Connection, params};

use super::Store;
use super::rejects::RejectHashes;
use crate::error::Result;
use crate::table::{Instant, instant_text};
use crate::window::Window;

/// Rejects that stand: what a ticket lacks that is gone from the desk, nobody can mend any more.
const STANDING: &str = "NOT EXISTS (SELECT 1 FROM tickets
    WHERE tickets.id = rejects.ticket_id AND tickets.deleted_at IS NOT NULL AND rejects.path <> '')";

/// How many rejects stand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Standing {
    /// Those that nobody has accepted: a run that ends with one is not all there was to have.
    pub open: i64,
    /// Those that somebody accepted.
    pub accepted: i64,
}

/// A reject that stands, without its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standee {
    /// Its id.
    pub id: String,
    /// Its ticket; `None` where that has no id, and of a list.
    pub ticket_id: Option<String>,
    /// Where in the ticket; empty for the whole of it.
    pub path: String,
    /// Why.
    pub reason: String,
    /// When it was accepted, if it was.
    pub accepted_at: Option<String>,
}

/// Two tickets of one id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Twins {
    /// Their id.
    pub id: String,
    /// The creation of the one that is stored.
    pub stored_at: String,
    /// The creation of the one in `rejects`.
    pub rejected_at: String,
}

/// How many rejects stand, for the end of a run.
pub(super) fn standing(connection: &Connection) -> rusqlite::Result<Standing> {
    connection.query_row(
        &format!(
            "SELECT count(*) FILTER (WHERE accepted_at IS NULL),
                 count(*) FILTER (WHERE accepted_at IS NOT NULL) FROM rejects WHERE {STANDING}"
        ),
        [],
        |row| {
            Ok(Standing {
                open: row.get(0)?,
                accepted: row.get(1)?,
            })
        },
    )
}

impl Store {
    /// How many rejects stand: of tickets that are there, each until its ticket is read without it.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn standing(&self) -> Result<Standing> {
        standing(&self.connection).map_err(|error| self.failed("count rejects", error))
    }

    /// The rejects that stand, by ticket and path.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn standees(&self) -> Result<Vec<Standee>> {
        let read = || -> rusqlite::Result<Vec<Standee>> {
            let mut statement = self.connection.prepare(&format!(
                "SELECT id, ticket_id, path, reason, accepted_at FROM rejects WHERE {STANDING}
                 ORDER BY ticket_id IS NULL, ticket_id, path, id"
            ))?;
            let rows = statement.query_map([], |row| {
                Ok(Standee {
                    id: row.get(0)?,
                    ticket_id: row.get(1)?,
                    path: row.get(2)?,
                    reason: row.get(3)?,
                    accepted_at: row.get(4)?,
                })
            })?;
            rows.collect()
        };
        read().map_err(|error| self.failed("read rejects", error))
    }

    /// Accepts rejects at an instant, or takes that back where there is none. Returns how many were
    /// not so before.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn accept_rejects(&mut self, ids: &[&str], at: Option<Instant>) -> Result<usize> {
        self.in_transaction("accept rejects", |connection| {
            let mut accept = connection.prepare(
                "UPDATE rejects SET accepted_at = ?2
                 WHERE id = ?1 AND (accepted_at IS NULL) <> (?2 IS NULL)",
            )?;
            let mut hashes = RejectHashes::new(connection)?;
            let mut changed = 0;
            for id in ids {
                let was_whole = hashes.is_whole(id)?;
                changed += accept.execute(params![id, at.map(instant_text)])?;
                // What was damaged before is as damaged as it was.
                if was_whole {
                    hashes.seal(id)?;
                }
            }
            Ok(changed)
        })
    }

    /// Whole tickets in `rejects` beside which a live one of their id is stored, not those that
    /// somebody accepted.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn twins(&self) -> Result<Vec<Twins>> {
        let read = || -> rusqlite::Result<Vec<Twins>> {
            let mut statement = self.connection.prepare(
                "SELECT tickets.id, tickets.created_at, rejects.created_at FROM rejects
                 JOIN tickets ON tickets.id = rejects.ticket_id
                 WHERE rejects.path = '' AND rejects.accepted_at IS NULL
                     AND tickets.deleted_at IS NULL AND rejects.created_at <> tickets.created_at
                 ORDER BY tickets.id, rejects.created_at",
            )?;
            let rows = statement.query_map([], |row| {
                Ok(Twins {
                    id: row.get(0)?,
                    stored_at: row.get(1)?,
                    rejected_at: row.get(2)?,
                })
            })?;
            rows.collect()
        };
        read().map_err(|error| self.failed("look for tickets of one id", error))
    }

    /// Whether a whole ticket of this id stands in `rejects`.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn is_rejected(&self, ticket_id: &str) -> Result<bool> {
        self.connection
            .prepare_cached("SELECT 1 FROM rejects WHERE ticket_id = ?1 AND path = ''")
            .and_then(|mut statement| statement.exists([ticket_id]))
            .map_err(|error| self.failed("read rejects", error))
    }

    /// Forgets whole tickets in `rejects` that a run did not meet, although it read all that was
    /// created in `window` without filters and a count agreed: they are mended, or gone from the desk.
    /// One of which nobody knows where it stands goes when the window holds every ticket that is stored.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn forget_unmet(&mut self, snapshot_id: i64, window: &Window) -> Result<usize> {
        self.in_transaction("forget rejects that are no more", |connection| {
            let forgotten = connection.execute(
                "DELETE FROM rejects WHERE path = '' AND id IN (
                     SELECT reject_id FROM _rejects_met WHERE snapshot_id <> ?1
                         AND (place_ms >= ?2 AND place_ms < ?3 OR place_ms IS NULL AND NOT EXISTS (
                             SELECT 1 FROM _ticket_index WHERE is_deleted = 0
                                 AND (created_at_ms < ?2 OR created_at_ms >= ?3))))",
                params![
                    snapshot_id,
                    window.from().timestamp_millis(),
                    window.until().timestamp_millis()
                ],
            )?;
            Ok(forgotten)
        })
    }
}

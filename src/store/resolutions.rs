//! How resolution times prove, and whether `resolved_at` is derived: not as long as they prove to be
//! something else than the milliseconds from creation to resolution.

use chrono::TimeDelta;
use rusqlite::{Connection, OptionalExtension, params};

use super::failure::Failure;
use super::metrics::Metrics;
use super::read::{instant, optional_instant};
use super::values::{set_value, value};
use super::{Store, sums};
use crate::error::Result;
use crate::mava::{OPEN, RESOLVED};
use crate::table::{Instant, instant_text, parse_instant};

/// The name under which the doubt is kept.
const DOUBTED: &str = "resolutions_doubted";

/// A ticket that was first read later than this after its creation may have been resolved and opened
/// again before: two nights, since one may fail.
const LATE_MS: i64 = 2 * crate::refresh::DAY_MS;

/// How resolution times proved: how often creation and resolution time together fell where they
/// had to, and how often not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Proof {
    /// Times they did.
    pub hits: i64,
    /// Times they did not.
    pub misses: i64,
}

/// Proofs by what is known of the tickets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Proofs {
    /// Resolved for the first time.
    pub first: Proof,
    /// Resolved before.
    pub again: Proof,
    /// First read so late that either may be.
    pub late: Proof,
}

/// What is known of a ticket's resolutions before the last one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Past {
    /// There was none.
    None,
    /// It was resolved before.
    Resolved,
    /// It was first read so late after its creation that nobody can tell.
    Unknown,
}

/// A ticket that earlier runs had read as open and a run as resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolution {
    /// The ticket.
    pub ticket_id: String,
    /// Its creation.
    pub created_ms: i64,
    /// Its resolution time, as the API says it.
    pub resolution_ms: i64,
    /// When it was read.
    pub read_at: Instant,
}

impl Store {
    /// How resolution times have proved.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn proofs(&self) -> Result<Proofs> {
        let proof = |hits: &str, misses: &str| -> rusqlite::Result<Proof> {
            Ok(Proof {
                hits: value(&self.connection, hits)?.unwrap_or(0),
                misses: value(&self.connection, misses)?.unwrap_or(0),
            })
        };
        let read = || {
            Ok(Proofs {
                first: proof("proof_hits", "proof_misses")?,
                again: proof("proof_again_hits", "proof_again_misses")?,
                late: proof("proof_late_hits", "proof_late_misses")?,
            })
        };
        read().map_err(|error: rusqlite::Error| self.failed("read the proofs", error))
    }

    /// Replaces how resolution times have proved.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn commit_proofs(&mut self, proofs: Proofs) -> Result<()> {
        self.in_transaction("store the proofs", |connection| {
            for (name, value) in [
                ("proof_hits", proofs.first.hits),
                ("proof_misses", proofs.first.misses),
                ("proof_again_hits", proofs.again.hits),
                ("proof_again_misses", proofs.again.misses),
                ("proof_late_hits", proofs.late.hits),
                ("proof_late_misses", proofs.late.misses),
            ] {
                set_value(connection, name, value)?;
            }
            Ok(())
        })
    }

    /// What is known of the resolutions of a ticket before its current version.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn past(&self, ticket_id: &str, created_ms: i64) -> Result<Past> {
        past(&self.connection, ticket_id, created_ms)
            .map_err(|error| self.failed("read a ticket's history", error))
    }

    /// Tickets that earlier runs had read as open last, and this one as resolved.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn resolutions(&self, snapshot_id: i64) -> Result<Vec<Resolution>> {
        resolutions(&self.connection, snapshot_id)
            .map_err(|error| self.failed("read what was resolved", error))
    }

    /// Whether `resolved_at` is left empty.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn doubts_resolutions(&self) -> Result<bool> {
        is_doubted(&self.connection).map_err(|error| self.failed("read the doubt", error))
    }

    /// From now on `resolved_at` is left empty, or not any more; also of the tickets that are stored,
    /// which the run is to have changed. Returns how many, and changes nothing where it is so already.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn doubt_resolutions(&mut self, snapshot_id: i64, doubts: bool) -> Result<usize> {
        let measuring = self.measuring.clone();
        self.in_transaction("write instants of resolution", |connection| {
            if is_doubted(connection)? == doubts {
                return Ok(0);
            }
            set_value(connection, DOUBTED, i64::from(doubts))?;
            let changed = match doubts {
                true => empty(connection, snapshot_id)?,
                false => derive(connection, snapshot_id)?,
            };
            let mut metrics = Metrics::new(connection, snapshot_id, &measuring)?;
            for id in &changed {
                metrics.refresh(id)?;
            }
            Ok(changed.len())
        })
    }
}

/// Whether `resolved_at` is left empty.
pub(super) fn is_doubted(connection: &Connection) -> rusqlite::Result<bool> {
    Ok(value(connection, DOUBTED)?.unwrap_or(0) != 0)
}

fn past(connection: &Connection, ticket_id: &str, created_ms: i64) -> rusqlite::Result<Past> {
    let (was_resolved, first_read): (bool, Option<Instant>) = connection
        .prepare_cached(
            "SELECT coalesce(max(status = ?2 AND valid_until IS NOT NULL), 0) AS was_resolved,
                 min(valid_from) AS first_read FROM ticket_history WHERE ticket_id = ?1",
        )?
        .query_row([ticket_id, RESOLVED], |row| {
            Ok((
                row.get("was_resolved")?,
                optional_instant(row, "first_read")?,
            ))
        })?;
    let is_early = first_read.is_some_and(|at| at.timestamp_millis() - created_ms <= LATE_MS);
    Ok(match (was_resolved, is_early) {
        (true, _) => Past::Resolved,
        (false, true) => Past::None,
        (false, false) => Past::Unknown,
    })
}

fn resolutions(connection: &Connection, snapshot_id: i64) -> rusqlite::Result<Vec<Resolution>> {
    let mut statement = connection.prepare(
        "SELECT now.ticket_id, known.created_at_ms, now.resolution_time_ms, now.valid_from
         FROM ticket_history AS now
         JOIN ticket_history AS before
             ON before.ticket_id = now.ticket_id AND before.valid_until = now.valid_from
         JOIN _ticket_index AS known ON known.id = now.ticket_id
         WHERE now.snapshot_id = ?1 AND now.valid_until IS NULL AND now.is_deleted = 0
             AND now.status = ?5 AND now.resolution_time_ms IS NOT NULL
             AND before.snapshot_id <> ?1 AND before.is_deleted = 0
             AND before.status IN (?2, ?3, ?4)",
    )?;
    let values = params![snapshot_id, OPEN[0], OPEN[1], OPEN[2], RESOLVED];
    let rows = statement.query_map(values, |row| {
        Ok(Resolution {
            ticket_id: row.get("ticket_id")?,
            created_ms: row.get("created_at_ms")?,
            resolution_ms: row.get("resolution_time_ms")?,
            read_at: instant(row, "valid_from")?,
        })
    })?;
    rows.collect()
}

/// The tickets whose instants were there.
fn empty(connection: &Connection, snapshot_id: i64) -> std::result::Result<Vec<String>, Failure> {
    let mut select = connection.prepare("SELECT id FROM tickets WHERE resolved_at IS NOT NULL")?;
    let ids: Vec<String> = select
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    let mut flags = Flags::new(connection, snapshot_id)?;
    let mut update = connection
        .prepare("UPDATE tickets SET resolved_at = NULL, snapshot_id = ?2 WHERE id = ?1")?;
    for id in &ids {
        let was_whole = flags.are_whole(id)?;
        update.execute(params![id, snapshot_id])?;
        flags.seal(id, was_whole)?;
    }
    Ok(ids)
}

/// Creation and resolution time together, of all tickets that have both, which are returned.
fn derive(connection: &Connection, snapshot_id: i64) -> std::result::Result<Vec<String>, Failure> {
    let mut select = connection.prepare(
        "SELECT id, created_at, resolution_time_ms FROM tickets
         WHERE resolved_at IS NULL AND resolution_time_ms IS NOT NULL",
    )?;
    let resolved: Vec<(String, String, i64)> = select
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<rusqlite::Result<_>>()?;
    let mut flags = Flags::new(connection, snapshot_id)?;
    let mut update = connection
        .prepare("UPDATE tickets SET resolved_at = ?2, snapshot_id = ?3 WHERE id = ?1")?;
    let mut changed = Vec::new();
    for (id, created_at, time_ms) in resolved {
        let at = parse_instant(&created_at)
            .zip(TimeDelta::try_milliseconds(time_ms))
            .and_then(|(created_at, time)| created_at.checked_add_signed(time));
        if let Some(at) = at {
            let was_whole = flags.are_whole(&id)?;
            update.execute(params![id, instant_text(at), snapshot_id])?;
            flags.seal(&id, was_whole)?;
            changed.push(id);
        }
    }
    Ok(changed)
}

/// The hashes over what the store sets in the rows of tickets, where a run changes them one by one.
struct Flags<'c> {
    snapshot_id: i64,
    select: rusqlite::Statement<'c>,
    note: rusqlite::Statement<'c>,
}

impl<'c> Flags<'c> {
    fn new(connection: &'c Connection, snapshot_id: i64) -> rusqlite::Result<Self> {
        Ok(Self {
            snapshot_id,
            select: connection.prepare(
                "SELECT flags_hash, snapshot_id, deleted_at FROM tickets
                 JOIN _ticket_index USING (id) WHERE id = ?1",
            )?,
            note: connection.prepare("UPDATE _ticket_index SET flags_hash = ?2 WHERE id = ?1")?,
        })
    }

    fn are_whole(&mut self, id: &str) -> rusqlite::Result<bool> {
        let whole = self.select.query_row([id], |row| {
            let known = sums::hash(row, 0)?;
            let flags = sums::flags(row.get(1)?, optional_instant(row, "deleted_at")?);
            Ok(known == Some(flags))
        });
        Ok(whole.optional()?.unwrap_or(false))
    }

    fn seal(&mut self, id: &str, was_whole: bool) -> rusqlite::Result<()> {
        let deleted_at = self
            .select
            .query_row([id], |row| optional_instant(row, "deleted_at"))
            .optional()?;
        let flags = match deleted_at {
            Some(deleted_at) if was_whole => sums::flags(self.snapshot_id, deleted_at),
            _ => sums::DAMAGED,
        };
        self.note.execute(params![id, flags]).map(drop)
    }
}

//! Tickets that the API no longer has: flagged, never erased.

use rusqlite::{Connection, OptionalExtension, params};

use super::Store;
use super::failure::Failure;
use super::history::{self, History};
use super::metrics::Metrics;
use super::read::optional_instant;
use super::sums::{self, Versions};
use crate::error::Result;
use crate::normalize::Hash;
use crate::table::{Instant, instant_text, parse_instant};
use crate::window::Window;

/// A live ticket near one that is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Neighbour {
    /// Its id.
    pub id: String,
    /// Its creation.
    pub created_at: Instant,
    /// Whether it was stored before this run, which may have written it again: what a run stored first
    /// may be another desk's, and says nothing of this one.
    pub is_known: bool,
}

impl Store {
    /// Live tickets created in `window` that the run did not meet, oldest first, with their
    /// creation instant. Evidence of absence only where the run read all of `window` unfiltered.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn unseen(&self, snapshot_id: i64, window: &Window) -> Result<Vec<(String, Instant)>> {
        unseen(&self.connection, snapshot_id, window)
            .map_err(|failure| self.failed("look for tickets that are gone", failure))
    }

    /// Tickets created in `window` that are not flagged as deleted.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn live_count(&self, window: &Window) -> Result<i64> {
        self.connection
            .query_row(
                "SELECT count(*) FROM _ticket_index
                 WHERE is_deleted = 0 AND created_at_ms >= ?1 AND created_at_ms < ?2",
                [
                    window.from().timestamp_millis(),
                    window.until().timestamp_millis(),
                ],
                |row| row.get(0),
            )
            .map_err(|error| self.failed("count tickets", error))
    }

    /// At most `most` live tickets, by creation: up to `before` of those created before `at`, and
    /// those that follow. Known are those that were stored before this run.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn live_around(
        &self,
        snapshot_id: i64,
        at: Instant,
        before: usize,
        most: usize,
    ) -> Result<Vec<Neighbour>> {
        live_around(&self.connection, snapshot_id, at, (before, most))
            .map_err(|error| self.failed("look for neighbours", error))
    }

    /// Flags tickets as found gone at `at` and returns how many were not flagged before.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn mark_deleted(&mut self, snapshot_id: i64, ids: &[String], at: Instant) -> Result<i64> {
        let measuring = self.measuring.clone();
        self.in_transaction("flag deleted tickets", |connection| {
            let mut metrics = Metrics::new(connection, snapshot_id, &measuring)?;
            let marked = mark(connection, snapshot_id, ids, at, &mut metrics)?;
            connection.execute(
                "UPDATE snapshots SET tickets_deleted = tickets_deleted + ?2 WHERE id = ?1",
                [snapshot_id, marked],
            )?;
            Ok(marked)
        })
    }

    /// Whether a ticket was stored before this run.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn is_older_than(&self, snapshot_id: i64, id: &str) -> Result<bool> {
        self.connection
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM ticket_history
                     WHERE ticket_id = ?1 AND snapshot_id < ?2)",
            )
            .and_then(|mut statement| {
                statement.query_row(params![id, snapshot_id], |row| row.get(0))
            })
            .map_err(|error| self.failed("look for a ticket", error))
    }

    /// How many tickets the run flagged as deleted that were stored before it.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn deleted_before(&self, snapshot_id: i64) -> Result<i64> {
        self.connection
            .prepare_cached(
                "SELECT count(*) FROM _ticket_index AS i JOIN tickets AS t ON t.id = i.id
                 WHERE i.is_deleted = 1 AND t.deleted_at IS NOT NULL AND t.snapshot_id = ?1 AND EXISTS (
                     SELECT 1 FROM ticket_history
                     WHERE ticket_id = t.id AND ticket_history.snapshot_id < ?1)",
            )
            .and_then(|mut statement| statement.query_row([snapshot_id], |row| row.get(0)))
            .map_err(|error| self.failed("count what was flagged", error))
    }

    /// Takes back what a run flagged, as if it had not, and returns how many tickets that were.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn unmark_deleted(&mut self, snapshot_id: i64) -> Result<i64> {
        let measuring = self.measuring.clone();
        self.in_transaction("take back deletions", |connection| {
            let mut metrics = Metrics::new(connection, snapshot_id, &measuring)?;
            let unmarked = unmark(connection, snapshot_id, &mut metrics)?;
            connection.execute(
                "UPDATE snapshots SET tickets_deleted = tickets_deleted - ?2 WHERE id = ?1",
                [snapshot_id, unmarked],
            )?;
            Ok(unmarked)
        })
    }
}

fn unseen(
    connection: &Connection,
    snapshot_id: i64,
    window: &Window,
) -> std::result::Result<Vec<(String, Instant)>, Failure> {
    let mut statement = connection.prepare(
        "SELECT id, created_at_ms FROM _ticket_index
         WHERE seen_snapshot <> ?1 AND is_deleted = 0
             AND created_at_ms >= ?2 AND created_at_ms < ?3
         ORDER BY created_at_ms, id",
    )?;
    let mut rows = statement.query([
        snapshot_id,
        window.from().timestamp_millis(),
        window.until().timestamp_millis(),
    ])?;
    let mut unseen = Vec::new();
    while let Some(row) = rows.next()? {
        let id: String = row.get(0)?;
        let Some(created_at) = Instant::from_timestamp_millis(row.get(1)?) else {
            return Err(Failure::Contradiction(format!(
                "ticket {id} has no creation instant"
            )));
        };
        unseen.push((id, created_at));
    }
    Ok(unseen)
}

/// Whether a ticket was stored before the run: it did not write it, or not first.
const IS_KNOWN: &str = "(snapshot_id <> ?3 OR EXISTS (
    SELECT 1 FROM ticket_history AS h WHERE h.ticket_id = tickets.id AND h.snapshot_id < ?3))";

fn live_around(
    connection: &Connection,
    snapshot_id: i64,
    at: Instant,
    (before, most): (usize, usize),
) -> rusqlite::Result<Vec<Neighbour>> {
    let length = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    let read = |sql: &str, limit: usize| -> rusqlite::Result<Vec<Neighbour>> {
        let mut statement = connection.prepare_cached(sql)?;
        let mut rows = statement.query(params![instant_text(at), length(limit), snapshot_id])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let Some(created_at) = parse_instant(row.get_ref(1)?.as_str()?) else {
                continue;
            };
            found.push(Neighbour {
                id: row.get(0)?,
                created_at,
                is_known: row.get(2)?,
            });
        }
        Ok(found)
    };
    let mut around = read(
        &format!(
            "SELECT id, created_at, {IS_KNOWN} FROM tickets
             WHERE deleted_at IS NULL AND created_at < ?1 ORDER BY created_at DESC LIMIT ?2"
        ),
        before,
    )?;
    around.reverse();
    let after = read(
        &format!(
            "SELECT id, created_at, {IS_KNOWN} FROM tickets
             WHERE deleted_at IS NULL AND created_at >= ?1 ORDER BY created_at LIMIT ?2"
        ),
        most.saturating_sub(around.len()),
    )?;
    around.extend(after);
    Ok(around)
}

fn mark(
    connection: &Connection,
    snapshot_id: i64,
    ids: &[String],
    at: Instant,
    metrics: &mut Metrics<'_>,
) -> rusqlite::Result<i64> {
    let mut ticket = connection.prepare(
        "UPDATE tickets SET deleted_at = ?2, snapshot_id = ?3
         WHERE id = ?1 AND deleted_at IS NULL",
    )?;
    let mut index = connection.prepare("UPDATE _ticket_index SET is_deleted = 1 WHERE id = ?1")?;
    let mut seal = connection.prepare(SEAL)?;
    let mut history = History::new(connection, snapshot_id, at)?;
    let deleted_at = instant_text(at);
    let mut since = connection.prepare(SINCE)?;
    let mut marked = 0;
    for id in ids {
        let is_flagged = ticket.execute(params![id, deleted_at, snapshot_id])? == 1;
        // Also of a ticket whose row is lost, so that it is not looked for every night.
        index.execute([id])?;
        if is_flagged {
            let versions = history.deleted(id, history_hash(connection, id)?)?;
            let deleted_at = since.query_row([id], |row| optional_instant(row, "deleted_at"))?;
            let flags = sums::flags(snapshot_id, deleted_at);
            seal.execute(params![id, flags, versions])?;
            metrics.refresh(id)?;
            marked += 1;
        }
    }
    Ok(marked)
}

/// The instant that the history has, which a repair goes by: by a clock that is behind the API's, a ticket
/// may be found gone before it was read.
const SINCE: &str = "UPDATE tickets SET deleted_at = coalesce((
         SELECT valid_from FROM ticket_history
         WHERE ticket_id = ?1 AND is_deleted = 1 AND valid_until IS NULL), deleted_at)
     WHERE id = ?1 RETURNING deleted_at";

const SEAL: &str = "UPDATE _ticket_index
     SET flags_hash = ?2, history_hash = coalesce(?3, history_hash) WHERE id = ?1";

/// The hash over a ticket's versions when they were written.
fn history_hash(connection: &Connection, id: &str) -> rusqlite::Result<Option<Hash>> {
    connection
        .prepare_cached("SELECT history_hash FROM _ticket_index WHERE id = ?1")?
        .query_row([id], |row| sums::hash(row, 0))
        .optional()
        .map(Option::flatten)
}

/// A ticket that is flagged and that the run wrote last is one that it flagged.
fn unmark(
    connection: &Connection,
    snapshot_id: i64,
    metrics: &mut Metrics<'_>,
) -> rusqlite::Result<i64> {
    let ids: Vec<String> = connection
        .prepare("SELECT id FROM tickets WHERE deleted_at IS NOT NULL AND snapshot_id = ?1")?
        .query_map([snapshot_id], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    let mut ticket = connection.prepare("UPDATE tickets SET deleted_at = NULL WHERE id = ?1")?;
    let mut index = connection.prepare("UPDATE _ticket_index SET is_deleted = 0 WHERE id = ?1")?;
    let mut seal = connection.prepare(SEAL)?;
    let mut versions = Versions::new(connection)?;
    let mut unmarked = 0;
    for id in ids {
        let known = history_hash(connection, &id)?;
        let was_whole = known.is_some() && versions.sum(&id)? == known;
        ticket.execute([&id])?;
        index.execute([&id])?;
        history::undelete(connection, snapshot_id, &id)?;
        let versions = match was_whole {
            true => versions.sum(&id)?,
            false => Some(sums::DAMAGED),
        };
        seal.execute(params![id, sums::flags(snapshot_id, None), versions])?;
        metrics.refresh(&id)?;
        unmarked += 1;
    }
    Ok(unmarked)
}

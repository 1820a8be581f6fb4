//! What a verification asks the store: counts of live tickets, from the tables for people; and
//! what makes a repair write rows again that no hash says are wrong.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::Store;
use super::failure::Failure;
use crate::error::Result;
use crate::plan::verify::{Group, NO_RATING, Subset, UNASSIGNED};
use crate::table::{Instant, instant_text, parse_instant};
use crate::window::Window;

type Attempt<T> = std::result::Result<T, Failure>;

/// Tables whose rows hang on a ticket, those that hang on others of them first.
const CHILDREN: [&str; 6] = [
    "message_attachments",
    "messages",
    "ticket_attributes",
    "ticket_tags",
    "ticket_discord_users",
    "ticket_history",
];

/// Live tickets created in `[?1, ?2)`.
const LIVE: &str =
    "tickets.deleted_at IS NULL AND tickets.created_at >= ?1 AND tickets.created_at < ?2";

/// A ticket of the index whose row is that of its last version, as far as versions go.
const AS_LAST_SEEN: &str = "SELECT 1 FROM tickets JOIN ticket_history AS last
         ON last.ticket_id = tickets.id AND last.valid_until IS NULL
     WHERE tickets.id = _ticket_index.id
         AND last.is_deleted = (tickets.deleted_at IS NOT NULL)
         AND last.is_deleted = _ticket_index.is_deleted
         AND last.status IS tickets.status AND last.priority IS tickets.priority
         AND last.category_id IS tickets.category_id
         AND last.assigned_agent_id IS tickets.assigned_agent_id
         AND last.csat IS tickets.csat AND last.ai_status IS tickets.ai_status
         AND last.resolution_time_ms IS tickets.resolution_time_ms
         AND last.message_count IS tickets.message_count
         AND last.tags_json = (SELECT json_group_array(tag_id) FROM (
             SELECT tag_id FROM ticket_tags WHERE ticket_id = tickets.id ORDER BY tag_id))";

impl Store {
    /// The values that the store knows of a group whose values are ids, with their names, by id.
    /// None for other groups.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn known_values(&self, group: Group) -> Result<Vec<(String, Option<String>)>> {
        let sql = match group {
            Group::Category => "SELECT id, name FROM categories ORDER BY id",
            Group::Tag => "SELECT id, name FROM tags ORDER BY id",
            Group::Assignee => {
                "SELECT id, coalesce(name, email, wallet_address) FROM agents ORDER BY id"
            }
            Group::All | Group::Status | Group::Rating | Group::Origin => return Ok(Vec::new()),
        };
        let read = || -> rusqlite::Result<_> {
            let mut statement = self.connection.prepare(sql)?;
            let values = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
            values.collect()
        };
        read().map_err(|error| self.failed("read values", error))
    }

    /// Live tickets created in `window` that belong to `subset`.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn count(&self, window: Window, subset: &Subset) -> Result<u64> {
        let (from, until) = ends(window);
        let read = || match value_sql(subset.group) {
            None => self
                .connection
                .prepare_cached(&format!("SELECT count(*) FROM tickets WHERE {LIVE}"))?
                .query_row([from, until], |row| whole(row, 0)),
            Some((join, value)) => self
                .connection
                .prepare_cached(&format!(
                    "SELECT count(*) FROM tickets {join} WHERE {LIVE} AND {value} = ?3"
                ))?
                .query_row([from, until, key(subset)], |row| whole(row, 0)),
        };
        read().map_err(|error| self.failed("count tickets", error))
    }

    /// Live tickets created in `window`, of each of these subsets of one group.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn counts(&self, window: Window, group: Group, subsets: &[Subset]) -> Result<Vec<u64>> {
        let Some((join, value)) = value_sql(group) else {
            return subsets
                .iter()
                .map(|subset| self.count(window, subset))
                .collect();
        };
        let (from, until) = ends(window);
        let read = || -> rusqlite::Result<HashMap<Option<String>, u64>> {
            let mut statement = self.connection.prepare_cached(&format!(
                "SELECT {value}, count(*) FROM tickets {join} WHERE {LIVE} GROUP BY 1"
            ))?;
            let counts =
                statement.query_map([from, until], |row| Ok((row.get(0)?, whole(row, 1)?)))?;
            counts.collect()
        };
        let counts = read().map_err(|error| self.failed("count tickets", error))?;
        let of = |subset: &Subset| counts.get(&Some(key(subset))).copied().unwrap_or(0);
        Ok(subsets.iter().map(of).collect())
    }

    /// The creation of the middle one of `count` live tickets of `window`.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn middle(&self, window: Window, count: u64) -> Result<Option<Instant>> {
        let (from, until) = ends(window);
        let read = || {
            self.connection
                .prepare_cached(&format!(
                    "SELECT created_at FROM tickets WHERE {LIVE}
                     ORDER BY created_at LIMIT 1 OFFSET ?3"
                ))?
                .query_row(params![from, until, (count / 2).cast_signed()], |row| {
                    row.get::<_, String>(0)
                })
                .optional()
        };
        let text = read().map_err(|error| self.failed("look for the middle ticket", error))?;
        Ok(text.as_deref().and_then(parse_instant))
    }

    /// Tickets that came but could not be stored at all.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn rejected_count(&self) -> Result<u64> {
        self.connection
            .query_row(
                "SELECT count(*) FROM rejects
                 WHERE path = '' AND NOT EXISTS (SELECT 1 FROM tickets
                     WHERE tickets.id = rejects.ticket_id AND deleted_at IS NULL
                         AND coalesce(rejects.created_at, tickets.created_at) = tickets.created_at)",
                [],
                |row| whole(row, 0),
            )
            .map_err(|error| self.failed("count rejects", error))
    }

    /// Makes the next read of tickets created in these windows write all their rows, whatever
    /// their hashes say: what a hand other than ours changed, no hash knows.
    ///
    /// Unless `is_every` ticket is meant, those whose row differs from its last version in
    /// `ticket_history`, which holds what the API last said: so that a repair does not make
    /// changes of rows that are right.
    ///
    /// A ticket of which only the index is left gets an empty row, so that its history goes on
    /// when it is read; what hangs on no ticket at all is removed.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn distrust(&mut self, windows: &[Window], is_every: bool) -> Result<()> {
        self.in_transaction("make way for a repair", |connection| {
            for window in windows {
                restore(connection, *window)?;
                forget(connection, *window, is_every)?;
            }
            for table in CHILDREN {
                connection.execute(
                    &format!(
                        "DELETE FROM {table} WHERE ticket_id NOT IN (SELECT id FROM tickets)
                             AND ticket_id NOT IN (SELECT id FROM _ticket_index)"
                    ),
                    [],
                )?;
            }
            Ok(())
        })
    }
}

/// An empty row for each ticket of `window` that only the index knows. It belongs to the run that
/// last met it, so that the read that fills it counts as a change.
fn restore(connection: &Connection, window: Window) -> Attempt<()> {
    let mut insert = connection
        .prepare_cached("INSERT INTO tickets (id, created_at, snapshot_id) VALUES (?1, ?2, ?3)")?;
    let mut lost = connection.prepare_cached(
        "SELECT id, created_at_ms, seen_snapshot FROM _ticket_index
         WHERE created_at_ms >= ?1 AND created_at_ms < ?2
             AND NOT EXISTS (SELECT 1 FROM tickets WHERE tickets.id = _ticket_index.id)",
    )?;
    let found = lost.query_map(
        [
            window.from().timestamp_millis(),
            window.until().timestamp_millis(),
        ],
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
    )?;
    let found: Vec<(String, i64, i64)> = found.collect::<rusqlite::Result<_>>()?;
    for (id, created_at_ms, snapshot_id) in found {
        let created_at = Instant::from_timestamp_millis(created_at_ms).ok_or_else(|| {
            Failure::Contradiction(format!("ticket {id} has no creation instant"))
        })?;
        insert.execute(params![id, instant_text(created_at), snapshot_id])?;
    }
    Ok(())
}

/// Hashes that no content has, but none of a thread that was never read; and the flag of the index as
/// the table has it.
fn forget(connection: &Connection, window: Window, is_every: bool) -> Attempt<()> {
    connection
        .prepare_cached(&format!(
            "UPDATE _ticket_index SET head_hash = zeroblob(16),
                 thread_hash = CASE WHEN thread_hash IS NOT NULL THEN zeroblob(16) END,
                 is_deleted = EXISTS (SELECT 1 FROM tickets
                     WHERE tickets.id = _ticket_index.id AND deleted_at IS NOT NULL)
             WHERE created_at_ms >= ?1 AND created_at_ms < ?2
                 AND (?3 OR NOT EXISTS ({AS_LAST_SEEN}))"
        ))?
        .execute(params![
            window.from().timestamp_millis(),
            window.until().timestamp_millis(),
            is_every
        ])?;
    Ok(())
}

/// What to join to `tickets`, and the expression of a group's value, as [`key`] writes it.
fn value_sql(group: Group) -> Option<(&'static str, String)> {
    Some(match group {
        Group::All => return None,
        Group::Status => ("", "lower(tickets.status)".to_owned()),
        Group::Origin => ("", "lower(tickets.source_type)".to_owned()),
        Group::Rating => (
            "",
            format!("coalesce(CAST(tickets.csat AS TEXT), '{NO_RATING}')"),
        ),
        Group::Category => ("", "tickets.category_id".to_owned()),
        Group::Assignee => (
            "",
            format!("coalesce(tickets.assigned_agent_id, '{UNASSIGNED}')"),
        ),
        Group::Tag => (
            "JOIN ticket_tags ON ticket_tags.ticket_id = tickets.id",
            "ticket_tags.tag_id".to_owned(),
        ),
    })
}

/// A value as it is compared: words in whatever case the API sent them.
fn key(subset: &Subset) -> String {
    match subset.group {
        Group::Status | Group::Origin => subset.value.to_lowercase(),
        _ => subset.value.clone(),
    }
}

fn ends(window: Window) -> (String, String) {
    (instant_text(window.from()), instant_text(window.until()))
}

/// A count, which SQLite keeps as a signed number.
fn whole(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(column).map(i64::cast_unsigned)
}

//! What a verification asks the store: counts of live tickets, from the tables for people.

use std::collections::HashMap;

use rusqlite::{OptionalExtension, Row, params};

use super::Store;
use crate::error::Result;
use crate::mava::{NO_RATING, UNASSIGNED};
use crate::plan::verify::{Group, Subset};
use crate::table::{Instant, instant_text, parse_instant};
use crate::window::Window;

/// Live tickets created in `[?1, ?2)`.
const LIVE: &str =
    "tickets.deleted_at IS NULL AND tickets.created_at >= ?1 AND tickets.created_at < ?2";

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

    /// Tickets that runs wrote and of which not even a row is left, which is no run's doing.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn lost_tickets(&self) -> Result<u64> {
        let lost = self.connection.query_row(
            "SELECT (SELECT coalesce(sum(tickets_new), 0) FROM snapshots)
                 - (SELECT count(*) FROM tickets)",
            [],
            |row| row.get::<_, i64>(0),
        );
        let lost = lost.map_err(|error| self.failed("count tickets that are lost", error))?;
        Ok(u64::try_from(lost).unwrap_or_default())
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

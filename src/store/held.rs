//! What a run has to hold of a window: the tickets that the API should count in it.

use rusqlite::{Connection, Row, params};

use super::Store;
use super::windows::ends;
use crate::error::Result;
use crate::mava::{Filters, UNASSIGNED};
use crate::plan::closing::{Held, HeldTicket};
use crate::table::Instant;
use crate::window::Window;

/// What a run has to hold of a window.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HeldCount {
    /// Live tickets that are stored.
    pub stored: u64,
    /// Tickets that came and could not be stored at all.
    pub rejected: u64,
}

impl HeldCount {
    /// What the API should count.
    pub fn all(self) -> u64 {
        self.stored + self.rejected
    }
}

/// Live tickets created in `[?1, ?2)`. In a run with filters those that it met, and that match, as
/// [`matches`](crate::mava::matches) has it.
fn stored() -> String {
    format!(
        "_ticket_index AS i WHERE i.is_deleted = 0
         AND i.created_at_ms >= ?1 AND i.created_at_ms < ?2
         AND (NOT ?4 OR i.seen_snapshot = ?3 AND EXISTS (
             SELECT 1 FROM tickets AS t WHERE t.id = i.id
                 AND (?5 IS NULL OR t.status IN (SELECT value FROM json_each(?5)))
                 AND (?6 IS NULL OR lower(t.source_type) IN (SELECT lower(value) FROM json_each(?6)))
                 AND (?7 IS NULL OR lower(t.category_id) IN (SELECT lower(value) FROM json_each(?7)))
                 AND (?8 IS NULL OR EXISTS (SELECT 1 FROM ticket_tags AS g WHERE g.ticket_id = t.id
                     AND g.tag_id IN (SELECT value FROM json_each(?8))))
                 AND (?9 IS NULL OR lower(coalesce(t.assigned_agent_id, '{UNASSIGNED}'))
                     IN (SELECT lower(value) FROM json_each(?9)))))"
    )
}

/// Live tickets created in `[?1, ?2)` that the filters select by what is stored, and that the run has not met.
fn left() -> String {
    stored().replace("i.seen_snapshot = ?3", "i.seen_snapshot IS NOT ?3")
}

/// Tickets without a row that the run saw, unless one has a live row elsewhere.
const REJECTED: &str = "_rejected AS r WHERE r.created_at_ms >= ?1 AND r.created_at_ms < ?2
         AND r.seen_snapshot = ?3
         AND NOT EXISTS (SELECT 1 FROM _ticket_index AS i WHERE i.id = r.id AND i.is_deleted = 0)";

/// Second tickets of one id, created in `[?1, ?2)`, that the run saw: they are kept in `rejects`
/// beside the live row of the first.
const SECOND: &str = "rejects AS r
     JOIN _rejects_met AS m ON m.reject_id = r.id AND m.snapshot_id = ?3
     JOIN _ticket_index AS i ON i.id = r.ticket_id AND i.is_deleted = 0
     WHERE r.path = '' AND m.place_ms >= ?1 AND m.place_ms < ?2 AND m.place_ms <> i.created_at_ms
         AND r.created_at IS NOT NULL";

impl Store {
    /// The tickets of a window that the API should count, with these filters.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn held(&self, snapshot_id: i64, window: Window, filters: &Filters) -> Result<Held> {
        held(&self.connection, snapshot_id, window, filters)
            .map_err(|error| self.failed("read what is stored", error))
    }

    /// Live tickets created in a window that these filters select by what is stored, and that the run has not
    /// met; those that have gone unread for longest first.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn left_selection(
        &self,
        snapshot_id: i64,
        window: Window,
        filters: &Filters,
    ) -> Result<Vec<(String, Instant)>> {
        let read = || -> rusqlite::Result<Vec<(String, i64)>> {
            let sql = format!(
                "SELECT i.id, i.created_at_ms FROM {} ORDER BY i.verified_at_ms, i.created_at_ms, i.id",
                left()
            );
            let parameters = parameters(snapshot_id, window, filters);
            let mut statement = self.connection.prepare(&sql)?;
            let rows = statement.query_map(rusqlite::params_from_iter(&parameters), |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?;
            rows.collect()
        };
        let left = read().map_err(|error| self.failed("read what is stored", error))?;
        let left = left.into_iter();
        Ok(left
            .filter_map(|(id, at_ms)| Some((id, Instant::from_timestamp_millis(at_ms)?)))
            .collect())
    }

    /// Forgets tickets without a row that do not come any more.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn forget_held(&mut self, gone: &[HeldTicket]) -> Result<()> {
        if gone.is_empty() {
            return Ok(());
        }
        self.in_transaction("forget rejects that are no more", |connection| {
            let mut place = connection
                .prepare_cached("DELETE FROM _rejected WHERE id = ?1 AND created_at_ms = ?2")?;
            let mut second = connection.prepare_cached(
                "DELETE FROM rejects WHERE ticket_id = ?1 AND path = '' AND created_at IS NOT NULL
                     AND id IN (SELECT reject_id FROM _rejects_met WHERE place_ms = ?2)
                     AND EXISTS (SELECT 1 FROM _ticket_index
                         WHERE id = ?1 AND is_deleted = 0 AND created_at_ms <> ?2)",
            )?;
            for ticket in gone {
                place.execute(params![ticket.id, ticket.created_ms])?;
                second.execute(params![ticket.id, ticket.created_ms])?;
            }
            Ok(())
        })
    }

    /// How many those are.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn held_count(
        &self,
        snapshot_id: i64,
        window: Window,
        filters: &Filters,
    ) -> Result<HeldCount> {
        held_count(&self.connection, snapshot_id, window, filters)
            .map_err(|error| self.failed("count what is stored", error))
    }

    /// The creations of those tickets in milliseconds, in order.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn held_instants(
        &self,
        snapshot_id: i64,
        window: Window,
        filters: &Filters,
    ) -> Result<Vec<i64>> {
        held_instants(&self.connection, snapshot_id, window, filters)
            .map_err(|error| self.failed("read what is stored", error))
    }
}

/// The parameters of [`stored`]; those of [`REJECTED`] are the first three.
fn parameters(snapshot_id: i64, window: Window, filters: &Filters) -> [rusqlite::types::Value; 9] {
    let (from_ms, until_ms) = ends(&window);
    let list = |values: &Vec<String>| match values.is_empty() {
        true => rusqlite::types::Value::Null,
        false => serde_json::Value::from(values.clone()).to_string().into(),
    };
    [
        from_ms.into(),
        until_ms.into(),
        snapshot_id.into(),
        (!filters.is_empty()).into(),
        list(&filters.status),
        list(&filters.origin),
        list(&filters.category),
        list(&filters.tag),
        list(&filters.assigned_to),
    ]
}

fn held(
    connection: &Connection,
    snapshot_id: i64,
    window: Window,
    filters: &Filters,
) -> rusqlite::Result<Held> {
    let parameters = parameters(snapshot_id, window, filters);
    let mut tickets = Vec::new();
    let read = |row: &Row<'_>, is_rejected| {
        Ok(HeldTicket {
            id: row.get(0)?,
            created_ms: row.get(1)?,
            is_rejected,
        })
    };
    let mut stored =
        connection.prepare_cached(&format!("SELECT i.id, i.created_at_ms FROM {}", stored()))?;
    for row in stored.query_map(rusqlite::params_from_iter(&parameters), |row| {
        read(row, false)
    })? {
        tickets.push(row?);
    }
    let mut rejected =
        connection.prepare_cached(&format!("SELECT r.id, r.created_at_ms FROM {REJECTED}"))?;
    let mut second =
        connection.prepare_cached(&format!("SELECT r.ticket_id, m.place_ms FROM {SECOND}"))?;
    for statement in [&mut rejected, &mut second] {
        let first = parameters.iter().take(3);
        for row in statement.query_map(rusqlite::params_from_iter(first), |row| read(row, true))? {
            tickets.push(row?);
        }
    }
    Ok(Held::new(tickets))
}

fn held_instants(
    connection: &Connection,
    snapshot_id: i64,
    window: Window,
    filters: &Filters,
) -> rusqlite::Result<Vec<i64>> {
    let parameters = parameters(snapshot_id, window, filters);
    let mut instants = Vec::new();
    let mut stored =
        connection.prepare_cached(&format!("SELECT i.created_at_ms FROM {}", stored()))?;
    for at_ms in stored.query_map(rusqlite::params_from_iter(&parameters), |row| row.get(0))? {
        instants.push(at_ms?);
    }
    let mut rejected =
        connection.prepare_cached(&format!("SELECT r.created_at_ms FROM {REJECTED}"))?;
    let mut second = connection.prepare_cached(&format!("SELECT m.place_ms FROM {SECOND}"))?;
    for statement in [&mut rejected, &mut second] {
        let first = parameters.iter().take(3);
        for at_ms in statement.query_map(rusqlite::params_from_iter(first), |row| row.get(0))? {
            instants.push(at_ms?);
        }
    }
    instants.sort_unstable();
    Ok(instants)
}

fn held_count(
    connection: &Connection,
    snapshot_id: i64,
    window: Window,
    filters: &Filters,
) -> rusqlite::Result<HeldCount> {
    let parameters = parameters(snapshot_id, window, filters);
    let count = |row: &Row<'_>| row.get::<_, i64>(0).map(i64::cast_unsigned);
    let stored = connection
        .prepare_cached(&format!("SELECT count(*) FROM {}", stored()))?
        .query_row(rusqlite::params_from_iter(&parameters), count)?;
    let rejected = connection
        .prepare_cached(&format!("SELECT count(*) FROM {REJECTED}"))?
        .query_row(rusqlite::params_from_iter(parameters.iter().take(3)), count)?;
    let second = connection
        .prepare_cached(&format!("SELECT count(*) FROM {SECOND}"))?
        .query_row(rusqlite::params_from_iter(parameters.iter().take(3)), count)?;
    Ok(HeldCount {
        stored,
        rejected: rejected + second,
    })
}

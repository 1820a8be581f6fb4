//! Whether `resolved_at` is derived: not as long as resolution times prove to be something else than
//! the milliseconds from creation to resolution.

use chrono::TimeDelta;
use rusqlite::{Connection, params};

use super::Store;
use super::failure::Failure;
use super::sync::{set_value, value};
use crate::error::Result;
use crate::table::{instant_text, parse_instant};

/// The name under which the doubt is kept.
const DOUBTED: &str = "resolutions_doubted";

impl Store {
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
        self.in_transaction("write instants of resolution", |connection| {
            if is_doubted(connection)? == doubts {
                return Ok(0);
            }
            set_value(connection, DOUBTED, i64::from(doubts))?;
            if doubts {
                let empty = "UPDATE tickets SET resolved_at = NULL, snapshot_id = ?1
                     WHERE resolved_at IS NOT NULL";
                return Ok(connection.execute(empty, [snapshot_id])?);
            }
            derive(connection, snapshot_id)
        })
    }
}

/// Whether `resolved_at` is left empty.
pub(super) fn is_doubted(connection: &Connection) -> rusqlite::Result<bool> {
    Ok(value(connection, DOUBTED)?.unwrap_or(0) != 0)
}

/// Creation and resolution time together, of all tickets that have both.
fn derive(connection: &Connection, snapshot_id: i64) -> std::result::Result<usize, Failure> {
    let mut select = connection.prepare(
        "SELECT id, created_at, resolution_time_ms FROM tickets
         WHERE resolved_at IS NULL AND resolution_time_ms IS NOT NULL",
    )?;
    let resolved: Vec<(String, String, i64)> = select
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<rusqlite::Result<_>>()?;
    let mut update = connection
        .prepare("UPDATE tickets SET resolved_at = ?2, snapshot_id = ?3 WHERE id = ?1")?;
    let mut changed = 0;
    for (id, created_at, time_ms) in resolved {
        let at = parse_instant(&created_at)
            .zip(TimeDelta::try_milliseconds(time_ms))
            .and_then(|(created_at, time)| created_at.checked_add_signed(time));
        if let Some(at) = at {
            changed += update.execute(params![id, instant_text(at), snapshot_id])?;
        }
    }
    Ok(changed)
}

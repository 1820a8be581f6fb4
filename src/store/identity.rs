//! What tells whose desk a store holds.

use rusqlite::params;

use super::Store;
use crate::error::Result;
use crate::table::Instant;

impl Store {
    /// Creation instants of the newest, the oldest and the middle one of the live tickets; none where
    /// there are fewer than two, which prove nothing by being absent.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn witnesses(&self) -> Result<Vec<Instant>> {
        let read = || {
            let mut statement = self.connection.prepare(
                "SELECT created_at_ms FROM _ticket_index WHERE is_deleted = 0
                 ORDER BY created_at_ms",
            )?;
            let rows = statement.query_map([], |row| row.get::<_, i64>(0))?;
            rows.collect::<rusqlite::Result<Vec<i64>>>()
        };
        let created_ms = read().map_err(|error| self.failed("read the index", error))?;
        let (Some(newest), Some(oldest)) = (created_ms.last(), created_ms.first()) else {
            return Ok(Vec::new());
        };
        if created_ms.len() < 2 {
            return Ok(Vec::new());
        }
        let middle = created_ms.get(created_ms.len() / 2).unwrap_or(oldest);
        Ok([newest, oldest, middle]
            .into_iter()
            .filter_map(|at| Instant::from_timestamp_millis(*at))
            .collect())
    }

    /// Whether one of these tickets was ever stored.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn knows_ticket(&self, ids: &[&str]) -> Result<bool> {
        self.knows("_ticket_index", ids)
    }

    /// Whether this ticket is stored, row and all, and not flagged as deleted.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn has_live_ticket(&self, id: &str) -> Result<bool> {
        self.connection
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM _ticket_index JOIN tickets USING (id)
                     WHERE id = ?1 AND is_deleted = 0)",
            )
            .and_then(|mut statement| statement.query_row([id], |row| row.get(0)))
            .map_err(|error| self.failed("look for a ticket", error))
    }

    /// Whether one of these categories was ever stored.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn knows_category(&self, ids: &[&str]) -> Result<bool> {
        self.knows("categories", ids)
    }

    /// Whether one of these agents was ever stored.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn knows_agent(&self, ids: &[&str]) -> Result<bool> {
        self.knows("agents", ids)
    }

    fn knows(&self, table: &str, ids: &[&str]) -> Result<bool> {
        let sql = format!(
            "SELECT EXISTS (SELECT 1 FROM {table} WHERE id IN (SELECT value FROM json_each(?1)))"
        );
        let ids = serde_json::Value::from(ids).to_string();
        self.connection
            .query_row(&sql, params![ids], |row| row.get(0))
            .map_err(|error| self.failed("look for ids", error))
    }
}

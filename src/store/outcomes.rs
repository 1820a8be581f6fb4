//! What a sync knew at its end of what it had not seen.

use rusqlite::{Connection, OptionalExtension, params};

use super::Store;
use crate::error::Result;

/// What a sync leaves to say, beside its counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SyncOutcome {
    /// Ratings that the API counted and the store lacked; `None` where they were not counted.
    pub ratings_outstanding: Option<i64>,
    /// Days within which every ticket had to be read again.
    pub refresh_within_days: u32,
    /// What it remarked.
    pub remarks: Vec<String>,
}

impl Store {
    /// Stores how a sync ended.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn commit_outcome(&mut self, snapshot_id: i64, outcome: &SyncOutcome) -> Result<()> {
        let remarks = serde_json::Value::from(outcome.remarks.clone()).to_string();
        self.in_transaction("store how a sync ended", |connection| {
            connection.execute(
                "INSERT OR REPLACE INTO _sync_outcomes VALUES (?1, ?2, ?3, ?4)",
                params![
                    snapshot_id,
                    outcome.ratings_outstanding,
                    outcome.refresh_within_days,
                    remarks
                ],
            )?;
            Ok(())
        })
    }

    /// How a sync ended; `None` of one that did not, or of another run.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn outcome(&self, snapshot_id: i64) -> Result<Option<SyncOutcome>> {
        outcome(&self.connection, snapshot_id)
            .map_err(|error| self.failed("read how a sync ended", error))
    }

    /// Live tickets that were last read before `since_ms`.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn unread_since(&self, since_ms: i64) -> Result<i64> {
        self.connection
            .query_row(
                "SELECT count(*) FROM _ticket_index WHERE is_deleted = 0 AND verified_at_ms < ?1",
                [since_ms],
                |row| row.get(0),
            )
            .map_err(|error| self.failed("count tickets", error))
    }
}

fn outcome(connection: &Connection, snapshot_id: i64) -> rusqlite::Result<Option<SyncOutcome>> {
    connection
        .query_row(
            "SELECT ratings_outstanding, refresh_within_days, remarks_json FROM _sync_outcomes
             WHERE snapshot_id = ?1",
            [snapshot_id],
            |row| {
                let remarks: String = row.get(2)?;
                Ok(SyncOutcome {
                    ratings_outstanding: row.get(0)?,
                    refresh_within_days: row.get(1)?,
                    remarks: serde_json::from_str(&remarks).unwrap_or_default(),
                })
            },
        )
        .optional()
}

//! What a sync knew at its end of what it had not seen.

use rusqlite::{Connection, OptionalExtension, params};

use super::Store;
use crate::error::Result;

/// What a sync leaves to say, beside its counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SyncOutcome {
    /// Ratings that the API counted and the store lacked; `None` where they were not counted.
    pub ratings_outstanding: Option<i64>,
    /// Ratings that the API counted.
    pub ratings_counted: Option<i64>,
    /// Days within which every ticket had to be read again.
    pub refresh_within_days: u32,
    /// What it remarked.
    pub remarks: Vec<String>,
}

impl Store {
    /// Stores how a sync ended, or how far it came.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn commit_outcome(&mut self, snapshot_id: i64, outcome: &SyncOutcome) -> Result<()> {
        let remarks = serde_json::Value::from(outcome.remarks.clone()).to_string();
        self.in_transaction("store how a sync ended", |connection| {
            connection.execute(
                "INSERT OR REPLACE INTO _sync_outcomes (snapshot_id, ratings_outstanding,
                     refresh_within_days, remarks_json, ratings_counted)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
                params![
                    snapshot_id,
                    outcome.ratings_outstanding,
                    outcome.refresh_within_days,
                    remarks,
                    outcome.ratings_counted
                ],
            )?;
            Ok(())
        })
    }

    /// How a sync ended, of an unfinished one what the steps that are done left to say; `None` of one
    /// without such a step, or of another run.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn outcome(&self, snapshot_id: i64) -> Result<Option<SyncOutcome>> {
        outcome(&self.connection, snapshot_id)
            .map_err(|error| self.failed("read how a sync ended", error))
    }

    /// Live tickets whose threads no run has read, and that a run without messages read last: of others
    /// the API gave none.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn threads_unread(&self) -> Result<i64> {
        self.connection
            .query_row(
                "SELECT count(*) FROM _ticket_index WHERE is_deleted = 0 AND thread_hash IS NULL
                     AND seen_snapshot IN (SELECT id FROM snapshots WHERE has_messages = 0)",
                [],
                |row| row.get(0),
            )
            .map_err(|error| self.failed("count threads", error))
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
            "SELECT ratings_outstanding, refresh_within_days, remarks_json, ratings_counted
             FROM _sync_outcomes WHERE snapshot_id = ?1",
            [snapshot_id],
            |row| {
                let remarks: String = row.get(2)?;
                Ok(SyncOutcome {
                    ratings_outstanding: row.get(0)?,
                    ratings_counted: row.get(3)?,
                    refresh_within_days: row.get(1)?,
                    remarks: serde_json::from_str(&remarks).unwrap_or_default(),
                })
            },
        )
        .optional()
}

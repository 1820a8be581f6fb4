//! What a sync knew at its end of what it had not seen.

use rusqlite::{Connection, OptionalExtension, params};

use super::Store;
use crate::error::Result;
use crate::refresh::{Unseen, What};
use crate::window::Window;

/// What a sync leaves to say, beside its counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SyncOutcome {
    /// Ratings that the API counted and the store lacked; `None` where they were not counted.
    pub ratings_outstanding: Option<i64>,
    /// In how many syncs like it every ticket is read again; `None` where never, or not known.
    pub syncs_for_all: Option<i64>,
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
                     syncs_for_all, remarks_json)
                 VALUES (?1, ?2, ?3, ?4)",
                params![
                    snapshot_id,
                    outcome.ratings_outstanding,
                    outcome.syncs_for_all,
                    remarks
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

    /// Whether the last sync before this run that counted all ratings, or missed some, did not find some.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn were_ratings_missing(&self, snapshot_id: i64) -> Result<bool> {
        self.connection
            .query_row(
                "SELECT ratings_outstanding > 0 FROM _sync_outcomes
                 WHERE snapshot_id < ?1 AND ratings_outstanding IS NOT NULL ORDER BY snapshot_id DESC LIMIT 1",
                [snapshot_id],
                |row| row.get(0),
            )
            .optional()
            .map(|is_missing| is_missing.unwrap_or(false))
            .map_err(|error| self.failed("read how a sync ended", error))
    }

    /// What a run that ended may not have seen; `None` of one that did not say.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn unseen_of(&self, snapshot_id: i64) -> Result<Option<Vec<Unseen>>> {
        let json = self.snapshot(snapshot_id)?.may_be_unseen_json;
        Ok(json.and_then(|json| serde_json::from_str(&json).ok()))
    }

    /// Where the sync before this run counted fewer tickets than are stored without finding which, and how
    /// many fewer.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn unexplained(&self, snapshot_id: i64) -> Result<Vec<(Window, u64)>> {
        let json: Option<String> = self
            .connection
            .query_row(
                "SELECT may_be_unseen_json FROM snapshots
                 WHERE id < ?1 AND may_be_unseen_json IS NOT NULL ORDER BY id DESC LIMIT 1",
                [snapshot_id],
                |row| row.get(0),
            )
            .optional()
            .map_err(|error| self.failed("read what was unseen", error))?;
        let unseen: Vec<Unseen> = json
            .and_then(|json| serde_json::from_str(&json).ok())
            .unwrap_or_default();
        let missing = unseen.iter().filter(|one| one.what == What::Deletions);
        Ok(missing
            .filter_map(|one| Some((one.window()?, one.tickets)))
            .collect())
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
}

fn outcome(connection: &Connection, snapshot_id: i64) -> rusqlite::Result<Option<SyncOutcome>> {
    connection
        .query_row(
            "SELECT ratings_outstanding, syncs_for_all, remarks_json
             FROM _sync_outcomes WHERE snapshot_id = ?1",
            [snapshot_id],
            |row| {
                let remarks: String = row.get(2)?;
                Ok(SyncOutcome {
                    ratings_outstanding: row.get(0)?,
                    syncs_for_all: row.get(1)?,
                    remarks: serde_json::from_str(&remarks).unwrap_or_default(),
                })
            },
        )
        .optional()
}

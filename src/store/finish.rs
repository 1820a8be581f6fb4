//! The end of a run.

use super::failure::Failure;
use super::runs::{Outcome, end};
use super::{Store, lookups, read, standing, totals};
use crate::error::Result;
use crate::table::{self, Instant, Snapshot};

impl Store {
    /// Ends a run and returns its snapshot: incomplete also where the store knows of unverified slices,
    /// and with rejects where it holds some that stand and nobody accepted. What stayed unverified is kept, the other slices go. Then the
    /// write-ahead log is moved into the file; a failure of that is only logged, since the run is
    /// stored by then and the next one tidies up.
    ///
    /// # Errors
    /// Slices are still open (the run is not over), or the store cannot be written.
    pub fn finish(&mut self, snapshot_id: i64, outcome: Outcome, now: Instant) -> Result<Snapshot> {
        let what = format!("finish run {snapshot_id}");
        let measuring = self.measuring.clone();
        let snapshot = self.in_transaction(&what, |connection| {
            let (open, unverified): (i64, i64) = connection.query_row(
                "SELECT count(*) FILTER (WHERE state = 'open'),
                        count(*) FILTER (WHERE state = 'unverified')
                 FROM _slices WHERE snapshot_id = ?1",
                [snapshot_id],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )?;
            if open > 0 {
                return Err(Failure::Contradiction(format!("{open} slices are open")));
            }
            lookups::archive_unlisted(connection, snapshot_id)?;
            let ending = match outcome {
                Outcome::Complete if unverified > 0 => table::Outcome::Incomplete,
                Outcome::Complete if standing::standing(connection)?.open > 0 => {
                    table::Outcome::WithRejects
                }
                Outcome::Complete => table::Outcome::Complete,
                Outcome::Incomplete => table::Outcome::Incomplete,
            };
            connection.execute(
                "UPDATE snapshots SET unverified_slices = ?2 WHERE id = ?1",
                [snapshot_id, unverified],
            )?;
            end(connection, snapshot_id, ending, now)?;
            totals::keep_up(connection, &measuring)?;
            read::snapshot(connection, snapshot_id)
        })?;
        if let Err(error) = self.tidy() {
            let error = self.failed("tidy up", error);
            tracing::warn!(run = snapshot_id, error = %error, "the store was not tidied up");
        }
        Ok(snapshot)
    }

    /// Statistics for the query planner, and an empty log where no reader needs it.
    fn tidy(&self) -> rusqlite::Result<()> {
        self.connection.execute_batch("PRAGMA optimize")?;
        // A reader in the way is no failure: the log then stays until the next run.
        self.connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
    }
}

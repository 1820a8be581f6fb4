//! What a sync reads and leaves behind: the index, its steps, what it learnt.

use rusqlite::{Connection, OptionalExtension, params};

use super::Store;
use super::failure::Failure;
use super::runs::Outcome;
use super::unproven;
use super::values::{set_value, value};
use crate::error::Result;
use crate::mava;
use crate::plan::coverage::kept_up;
use crate::refresh::{Assurance, Assurances, Hazard, Hazards, Index, Kind, Known, SyncStep};
use crate::table::{self, Instant, RunKind, Snapshot};
use crate::window::Window;

type Attempt<T> = std::result::Result<T, Failure>;

/// The history that complete, unfiltered runs have read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Coverage {
    /// The stretch without a gap that syncs keep up to date: before the first sync the oldest one.
    pub range: Window,
    /// The last stretch before it, if there is one, which syncs do not look after.
    pub apart: Option<Window>,
    /// Nothing that happened before this can be unseen but by the rules of a sync: when the last
    /// complete sync began, else when the oldest row was read. The server's clock.
    pub complete_at: Instant,
    /// Whether a sync has completed.
    pub is_synced: bool,
    /// Whether threads were read.
    pub has_messages: bool,
}

/// One step of a sync.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepRow {
    /// The step.
    pub step: SyncStep,
    /// Whether it is over.
    pub is_done: bool,
    /// Requests it took.
    pub requests: i64,
    /// Tickets it read that the run had not seen.
    pub tickets_read: i64,
    /// Of those, new or changed.
    pub tickets_changed: i64,
}

impl StepRow {
    /// A step that has just begun.
    pub fn begun(step: SyncStep) -> Self {
        Self {
            step,
            is_done: false,
            requests: 0,
            tickets_read: 0,
            tickets_changed: 0,
        }
    }
}

impl Store {
    /// What has been read, if any complete or incomplete unfiltered run has ended.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn coverage(&self) -> Result<Option<Coverage>> {
        coverage(&self.connection).map_err(|failure| self.failed("read the coverage", failure))
    }

    /// Ends unfinished syncs that began before `oldest`: too old to go on with; and those that began
    /// after `latest`, by a clock that ran ahead.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn end_stale_syncs(
        &mut self,
        oldest: Instant,
        latest: Instant,
        now: Instant,
    ) -> Result<()> {
        self.in_transaction("end a stale sync", |connection| {
            for snapshot in super::read::unfinished(connection)? {
                let is_current = (oldest..=latest).contains(&snapshot.started_at);
                if snapshot.is_of(RunKind::Sync) && !is_current {
                    super::runs::end(connection, snapshot.id, table::Outcome::Superseded, now)?;
                }
            }
            Ok(())
        })
    }

    /// The server's clock when a run began: what is stored, else `server_time`, which is stored then.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn fix_server_time(&mut self, snapshot_id: i64, server_time: Instant) -> Result<Instant> {
        self.in_transaction("store the server's time", |connection| {
            let stored: Option<i64> = connection.query_row(
                "SELECT server_time_ms FROM _runs WHERE snapshot_id = ?1",
                [snapshot_id],
                |row| row.get(0),
            )?;
            if let Some(instant) = stored.and_then(Instant::from_timestamp_millis) {
                return Ok(instant);
            }
            connection.execute(
                "UPDATE _runs SET server_time_ms = ?2 WHERE snapshot_id = ?1",
                [snapshot_id, server_time.timestamp_millis()],
            )?;
            Ok(server_time)
        })
    }

    /// The counts of a run so far.
    ///
    /// # Errors
    /// There is no such run, or the store cannot be read.
    pub fn snapshot(&self, snapshot_id: i64) -> Result<Snapshot> {
        super::read::snapshot(&self.connection, snapshot_id)
            .map_err(|failure| self.failed("read a run", failure))
    }

    /// The steps of a run, in no order.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn steps(&self, snapshot_id: i64) -> Result<Vec<StepRow>> {
        steps(&self.connection, snapshot_id).map_err(|error| self.failed("read steps", error))
    }

    /// Stores where a step stands.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn commit_step(&mut self, snapshot_id: i64, step: &StepRow) -> Result<()> {
        self.in_transaction("store a step", |connection| {
            connection.execute(
                "INSERT OR REPLACE INTO _sync_steps
                 (snapshot_id, step, is_done, requests, tickets_read, tickets_changed)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                params![
                    snapshot_id,
                    step.step.word(),
                    step.is_done,
                    step.requests,
                    step.tickets_read,
                    step.tickets_changed
                ],
            )?;
            Ok(())
        })
    }

    /// Of tickets that may be gone, those that the run has not seen: one whose creation instant moved
    /// is seen elsewhere.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn not_seen(
        &self,
        snapshot_id: i64,
        missing: Vec<(String, Instant)>,
    ) -> Result<Vec<(String, Instant)>> {
        let is_seen = |id: &str| {
            self.connection
                .prepare_cached("SELECT seen_snapshot = ?2 FROM _ticket_index WHERE id = ?1")?
                .query_row(params![id, snapshot_id], |row| row.get::<_, bool>(0))
                .optional()
        };
        let mut left = Vec::with_capacity(missing.len());
        for (id, at) in missing {
            let is_seen = is_seen(&id).map_err(|error| self.failed("read the index", error))?;
            if is_seen != Some(true) {
                left.push((id, at));
            }
        }
        Ok(left)
    }

    /// All live tickets, as the run `snapshot_id` needs them. One that was read after `latest`, by a
    /// clock that ran ahead, counts as read when it was created: nobody knows when it was.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn index(&self, snapshot_id: i64, latest: Instant) -> Result<Index> {
        index(&self.connection, snapshot_id, latest)
            .map_err(|error| self.failed("read the index", error))
    }

    /// What former syncs learnt of changes.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn hazards(&self) -> Result<Hazards> {
        hazards(&self.connection).map_err(|error| self.failed("read the hazards", error))
    }

    /// Replaces what was learnt of changes.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn commit_hazards(&mut self, hazards: &mut Hazards) -> Result<()> {
        self.in_transaction("store the hazards", |connection| {
            for kind in Kind::ALL {
                for (bin, finds, exposure) in hazards.of(kind).learnt() {
                    connection
                        .prepare_cached("INSERT OR REPLACE INTO _hazards VALUES (?1, ?2, ?3, ?4)")?
                        .execute(params![
                            kind.word(),
                            i64::try_from(bin).unwrap_or(0),
                            finds,
                            exposure
                        ])?;
                }
            }
            Ok(())
        })
    }

    /// What former sweeps assured since an instant, up to another: what lies later came of a clock that
    /// ran ahead.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn assurances(&self, since_ms: i64, latest_ms: i64) -> Result<Assurances> {
        assurances(&self.connection, since_ms, latest_ms)
            .map_err(|error| self.failed("read what lists have shown", error))
    }

    /// Adds assurances, and forgets those from before `since_ms`.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn commit_assurances(&mut self, assurances: &[Assurance], since_ms: i64) -> Result<()> {
        self.in_transaction("store what a list has shown", |connection| {
            connection.execute("DELETE FROM _vouches WHERE at_ms < ?1", [since_ms])?;
            for assurance in assurances {
                connection
                    .prepare_cached("INSERT INTO _vouches VALUES (?1, ?2, ?3, ?4, ?5)")?
                    .execute(params![
                        assurance.kind.word(),
                        assurance.from_ms,
                        assurance.until_ms,
                        assurance.resolved_from_ms,
                        assurance.at_ms
                    ])?;
            }
            Ok(())
        })
    }

    /// Ends a sync, with what may be unseen as JSON. Where `complete_at` is given, everything before it has
    /// been seen.
    ///
    /// # Errors
    /// Slices are still open, or the store cannot be written.
    pub fn finish_sync(
        &mut self,
        snapshot_id: i64,
        outcome: Outcome,
        complete_at: Option<Instant>,
        may_be_unseen_json: &str,
        now: Instant,
    ) -> Result<Snapshot> {
        self.store_unseen(snapshot_id, may_be_unseen_json)?;
        if let Some(at) = complete_at {
            self.in_transaction("store how far the sync came", |connection| {
                let from = super::read::snapshot(connection, snapshot_id)?.range_from;
                set_value(connection, "complete_from_ms", from.timestamp_millis())?;
                set_value(connection, "complete_ms", at.timestamp_millis())?;
                Ok(())
            })?;
        }
        self.finish(snapshot_id, outcome, now)
    }

    /// Stores what a run that is about to end may not have seen.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn store_unseen(&mut self, snapshot_id: i64, may_be_unseen_json: &str) -> Result<()> {
        self.in_transaction("store what may be unseen", |connection| {
            connection.execute(
                "UPDATE snapshots SET may_be_unseen_json = ?2 WHERE id = ?1",
                params![snapshot_id, may_be_unseen_json],
            )?;
            Ok(())
        })
    }
}

fn coverage(connection: &Connection) -> Attempt<Option<Coverage>> {
    let synced = value(connection, "complete_ms")?;
    let synced_at = synced.and_then(Instant::from_timestamp_millis);
    let Some((stretch, apart)) = kept_up(&super::read::claims(connection)?, synced_at) else {
        return Ok(None);
    };
    let range = stretch.range;
    let oldest = match synced {
        Some(at) => match oldest_before_syncs(connection, range)? {
            Some(read) => Some(at.min(read)),
            None => Some(at),
        },
        None => match (oldest_row(connection)?, unproven::since(connection, range)?) {
            (Some(read), Some(unproven)) => Some(read.min(unproven)),
            (read, unproven) => read.or(unproven),
        },
    };
    let complete_at = oldest
        .and_then(Instant::from_timestamp_millis)
        .map_or(range.until(), |at| at.min(range.until()));
    Ok(Some(Coverage {
        range,
        apart,
        complete_at,
        is_synced: synced.is_some(),
        has_messages: stretch.has_messages,
    }))
}

/// When the oldest row of all was read.
fn oldest_row(connection: &Connection) -> rusqlite::Result<Option<i64>> {
    connection.query_row(
        "SELECT min(verified_at_ms) FROM _ticket_index WHERE is_deleted = 0",
        [],
        |row| row.get(0),
    )
}

/// When the oldest row was read of those in `range` that the last complete sync did not look after,
/// since backfills joined them to its range later.
fn oldest_before_syncs(connection: &Connection, range: Window) -> rusqlite::Result<Option<i64>> {
    let Some(from_ms) = value(connection, "complete_from_ms")? else {
        return Ok(None);
    };
    if from_ms <= range.from().timestamp_millis() {
        return Ok(None);
    }
    connection.query_row(
        "SELECT min(verified_at_ms) FROM _ticket_index
         WHERE is_deleted = 0 AND created_at_ms >= ?1 AND created_at_ms < ?2",
        [range.from().timestamp_millis(), from_ms],
        |row| row.get(0),
    )
}

fn steps(connection: &Connection, snapshot_id: i64) -> rusqlite::Result<Vec<StepRow>> {
    let mut statement = connection.prepare(
        "SELECT step, is_done, requests, tickets_read, tickets_changed
         FROM _sync_steps WHERE snapshot_id = ?1",
    )?;
    let rows = statement.query_map([snapshot_id], |row| {
        let Some(step) = SyncStep::of(&row.get::<_, String>(0)?) else {
            return Ok(None);
        };
        Ok(Some(StepRow {
            step,
            is_done: row.get(1)?,
            requests: row.get(2)?,
            tickets_read: row.get(3)?,
            tickets_changed: row.get(4)?,
        }))
    })?;
    rows.filter_map(std::result::Result::transpose).collect()
}

fn index(connection: &Connection, snapshot_id: i64, latest: Instant) -> rusqlite::Result<Index> {
    let mut statement = connection.prepare(
        "SELECT i.id, i.created_at_ms,
             CASE WHEN i.verified_at_ms > ?2 THEN i.created_at_ms ELSE i.verified_at_ms END, i.seen_snapshot = ?1, t.status,
             t.resolution_time_ms, t.csat IS NOT NULL
         FROM _ticket_index AS i JOIN tickets AS t ON t.id = i.id WHERE i.is_deleted = 0",
    )?;
    let mut rows = statement.query([snapshot_id, latest.timestamp_millis()])?;
    let mut tickets = Vec::new();
    while let Some(row) = rows.next()? {
        let status = row.get_ref(4)?.as_str_or_null().unwrap_or(None);
        let is_resolved = mava::is_resolved(status);
        let resolution_ms: Option<i64> = row.get(5)?;
        tickets.push(Known {
            id: row.get(0)?,
            created_ms: row.get(1)?,
            verified_ms: row.get(2)?,
            is_seen: row.get(3)?,
            is_resolved,
            is_open: mava::is_open(status),
            resolution_ms: resolution_ms.filter(|_| is_resolved),
            is_rated: row.get(6)?,
            is_gone: false,
            rating_known_ms: i64::MIN,
            resolution_known_ms: i64::MIN,
        });
    }
    Ok(Index::new(tickets))
}

fn hazards(connection: &Connection) -> rusqlite::Result<Hazards> {
    let mut hazards = Hazards::default();
    let mut statement =
        connection.prepare("SELECT bin, finds, exposure_days FROM _hazards WHERE kind = ?1")?;
    for kind in Kind::ALL {
        let learnt = statement
            .query_map([kind.word()], |row| {
                let bin: i64 = row.get(0)?;
                Ok((
                    usize::try_from(bin).unwrap_or(usize::MAX),
                    row.get(1)?,
                    row.get(2)?,
                ))
            })?
            .collect::<rusqlite::Result<Vec<_>>>()?;
        *hazards.of(kind) = Hazard::of(kind, learnt);
    }
    Ok(hazards)
}

fn assurances(
    connection: &Connection,
    since_ms: i64,
    latest_ms: i64,
) -> rusqlite::Result<Assurances> {
    let mut statement = connection.prepare(
        "SELECT from_ms, until_ms, resolved_from_ms, at_ms FROM _vouches
         WHERE kind = ?1 AND at_ms BETWEEN ?2 AND ?3",
    )?;
    let mut all = Vec::new();
    for kind in Kind::ALL {
        let rows = statement.query_map(params![kind.word(), since_ms, latest_ms], |row| {
            Ok(Assurance {
                kind,
                from_ms: row.get(0)?,
                until_ms: row.get(1)?,
                resolved_from_ms: row.get(2)?,
                at_ms: row.get(3)?,
            })
        })?;
        for row in rows {
            all.push(row?);
        }
    }
    Ok(Assurances { all })
}

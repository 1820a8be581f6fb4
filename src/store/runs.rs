//! Runs: begun or resumed, extended, ended.

use chrono::TimeDelta;
use rusqlite::{Connection, OptionalExtension, params};

use super::failure::Failure;
use super::sums::RowHashes;
use super::{Store, bind, read, slices};
use crate::error::Result;
use crate::plan::Slice;
use crate::table::{self, Instant, Record, RunKind, Snapshot, instant_text};
use crate::window::Window;

type Attempt<T> = std::result::Result<T, Failure>;

/// What a run is asked to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunSpec {
    /// What it is begun to do.
    pub kind: RunKind,
    /// The creation range.
    pub range: Window,
    /// Whether the end of the range is only "now", because none was asked for.
    pub is_until_open: bool,
    /// The filters as a JSON object, always written the same way; `None` when unfiltered.
    pub filters_json: Option<String>,
    /// Whether message threads are asked for.
    pub has_messages: bool,
}

/// A run in progress.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// Its number (`snapshots.id`).
    pub snapshot_id: i64,
    /// Whether an unfinished run goes on.
    pub is_resumed: bool,
    /// The range it covers: of a resumed run the one it began with and was extended to.
    pub range: Window,
    /// Its slices, by number; empty until they are planned.
    pub slices: Vec<Slice>,
    /// Whether categories and agents were read.
    pub has_lookups: bool,
    /// Its counts so far.
    pub snapshot: Snapshot,
    /// Unfinished runs of another spec that ended as `superseded` when this one began.
    pub superseded: Vec<Snapshot>,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Everything asked for is in the store.
    Complete,
    /// Something is missing: unverified slices, deletions that were not believed.
    Incomplete,
}

impl Store {
    /// Goes on with the unfinished run of the same `spec`, or begins a new one.
    ///
    /// Equal are kind, start, filters, messages or not, and the same end, except that where both
    /// ends are open the run goes on whatever its recorded end, and where only the new one is, if
    /// the recorded one has passed; see [`Store::extend_range`] for what came since. An
    /// unfinished run of another spec ends as `superseded`, and is named; its rows stay.
    ///
    /// # Errors
    /// The store cannot be read or written.
    pub fn begin(&mut self, spec: &RunSpec, now: Instant) -> Result<Run> {
        self.begin_or_resume(spec, true, now)
    }

    /// Begins a new run, whatever is unfinished: that ends as `superseded`, and is named; its rows stay.
    ///
    /// # Errors
    /// The store cannot be read or written.
    pub fn begin_anew(&mut self, spec: &RunSpec, now: Instant) -> Result<Run> {
        self.begin_or_resume(spec, false, now)
    }

    /// Ends unfinished runs of a kind as `superseded`; their rows stay.
    ///
    /// # Errors
    /// The store cannot be read or written.
    pub fn give_up(&mut self, kind: RunKind, now: Instant) -> Result<()> {
        self.in_transaction("give up a run", |connection| {
            for snapshot in read::unfinished(connection)? {
                if snapshot.is_of(kind) {
                    end(connection, snapshot.id, table::Outcome::Superseded, now)?;
                }
            }
            Ok(())
        })
    }

    fn begin_or_resume(&mut self, spec: &RunSpec, may_resume: bool, now: Instant) -> Result<Run> {
        self.in_transaction("begin a run", |connection| {
            let mut resumed = None;
            let mut superseded = Vec::new();
            for snapshot in read::unfinished(connection)? {
                let is_open = is_until_open(connection, snapshot.id)?;
                if may_resume && resumed.is_none() && is_same(spec, &snapshot, is_open) {
                    resumed = Some(snapshot);
                } else {
                    end(connection, snapshot.id, table::Outcome::Superseded, now)?;
                    tracing::warn!(
                        run = snapshot.id,
                        window = %Window::new(snapshot.range_from, snapshot.range_until)
                            .map_or_else(String::new, |range| range.to_string()),
                        tickets = snapshot.tickets_read,
                        "an unfinished {} ends as superseded",
                        snapshot.kind
                    );
                    superseded.push(snapshot);
                }
            }
            let is_resumed = resumed.is_some();
            let snapshot = match resumed {
                Some(snapshot) => snapshot,
                None => insert(connection, spec, now)?,
            };
            let range = Window::new(snapshot.range_from, snapshot.range_until)
                .ok_or_else(|| Failure::Contradiction(format!("run {} is empty", snapshot.id)))?;
            Ok(Run {
                snapshot_id: snapshot.id,
                is_resumed,
                range,
                slices: slices::read(connection, snapshot.id)?,
                has_lookups: connection.query_row(
                    "SELECT has_lookups FROM _runs WHERE snapshot_id = ?1",
                    [snapshot.id],
                    |row| row.get(0),
                )?,
                snapshot,
                superseded,
            })
        })
    }

    /// Moves the end of a run's range to `until` and adds the slices for what is new in it:
    /// none where `until` is not later than its end.
    ///
    /// # Errors
    /// There is no such run, or the store cannot be written.
    pub fn extend_range(&mut self, snapshot_id: i64, until: Instant) -> Result<Vec<Slice>> {
        self.in_transaction("extend the range of a run", |connection| {
            let snapshot = read::snapshot(connection, snapshot_id)?;
            let Some(added) = Window::new(snapshot.range_until, until) else {
                return Ok(Vec::new());
            };
            connection.execute(
                "UPDATE snapshots SET range_until = ?2 WHERE id = ?1",
                params![snapshot_id, instant_text(until)],
            )?;
            slices::add_windows(connection, snapshot_id, &added.split_by_year())
        })
    }

    /// Sets the end of the range of a run that has no slices yet, and returns the range.
    ///
    /// # Errors
    /// There is no such run, nothing is left of its range, or the store cannot be written.
    pub fn end_range(&mut self, snapshot_id: i64, until: Instant) -> Result<Window> {
        self.in_transaction("set the range of a run", |connection| {
            let from = read::snapshot(connection, snapshot_id)?.range_from;
            let range = Window::new(from, until).ok_or_else(|| {
                Failure::Contradiction(format!(
                    "its range begins at {}, and the server's clock says {}",
                    instant_text(from),
                    instant_text(until)
                ))
            })?;
            connection.execute(
                "UPDATE snapshots SET range_until = ?2 WHERE id = ?1",
                params![snapshot_id, instant_text(until)],
            )?;
            Ok(range)
        })
    }
}

fn is_same(spec: &RunSpec, snapshot: &Snapshot, is_open: bool) -> bool {
    let until = spec.range.until();
    let is_same_end = snapshot.range_until == until
        || (spec.is_until_open && (is_open || snapshot.range_until < until));
    is_same_end
        && snapshot.is_of(spec.kind)
        && spec.range.from() == snapshot.range_from
        && spec.filters_json == snapshot.filters_json
        && spec.has_messages == snapshot.has_messages
}

fn is_until_open(connection: &Connection, snapshot_id: i64) -> rusqlite::Result<bool> {
    let found = connection
        .query_row(
            "SELECT is_until_open FROM _runs WHERE snapshot_id = ?1",
            [snapshot_id],
            |row| row.get(0),
        )
        .optional()?;
    Ok(found.unwrap_or(false))
}

pub(super) fn insert(connection: &Connection, spec: &RunSpec, now: Instant) -> Attempt<Snapshot> {
    let id = connection.query_row(
        "SELECT coalesce(max(id), 0) + 1 FROM snapshots",
        [],
        |row| row.get(0),
    )?;
    let snapshot = Snapshot {
        id,
        kind: spec.kind.word().to_owned(),
        outcome: table::Outcome::Running.word().to_owned(),
        started_at: now
            - TimeDelta::nanoseconds(i64::from(now.timestamp_subsec_nanos() % 1_000_000)),
        finished_at: None,
        range_from: spec.range.from(),
        range_until: spec.range.until(),
        filters_json: spec.filters_json.clone(),
        has_messages: spec.has_messages,
        requests: 0,
        tickets_read: 0,
        tickets_new: 0,
        tickets_changed: 0,
        tickets_deleted: 0,
        unverified_slices: 0,
        rejects: 0,
        replaced_characters: 0,
        may_be_unseen_json: None,
    };
    let mut statement = connection.prepare(&bind::insert_sql(Snapshot::TABLE))?;
    bind::bind(&mut statement, &snapshot)?;
    statement.raw_execute()?;
    connection.execute(
        "INSERT INTO _runs (snapshot_id, is_until_open, has_lookups) VALUES (?1, ?2, 0)",
        params![id, spec.is_until_open],
    )?;
    Ok(snapshot)
}

/// Closes a run with this outcome; its slices go, but those that stayed unverified, and what a run
/// that is given up had still to read.
pub(super) fn end(
    connection: &Connection,
    snapshot_id: i64,
    outcome: table::Outcome,
    now: Instant,
) -> Attempt<()> {
    if outcome == table::Outcome::Superseded {
        super::partial::keep_rest(connection, snapshot_id)?;
    }
    connection.execute(
        "UPDATE snapshots SET outcome = ?2, finished_at = ?3 WHERE id = ?1",
        params![snapshot_id, outcome.word(), instant_text(now)],
    )?;
    connection.execute(
        "DELETE FROM _slices WHERE snapshot_id = ?1 AND state <> 'unverified'",
        [snapshot_id],
    )?;
    connection.execute("DELETE FROM _runs WHERE snapshot_id = ?1", [snapshot_id])?;
    connection.execute(
        "DELETE FROM _announced WHERE snapshot_id = ?1",
        [snapshot_id],
    )?;
    // From now on its record stays as it is.
    RowHashes::new(connection, Snapshot::TABLE)?.seal(&snapshot_id.to_string(), true)?;
    Ok(())
}

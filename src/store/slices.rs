//! The slices of a run: where each one stands.

use rusqlite::{Connection, Row, params};

use super::Store;
use super::failure::Failure;
use crate::error::Result;
use crate::plan::{Position, Slice, SliceState};
use crate::table::Instant;
use crate::window::Window;

type Attempt<T> = std::result::Result<T, Failure>;

impl Store {
    /// Stores the first slices of a run, one for each window, and returns them.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn plan_slices(&mut self, snapshot_id: i64, windows: &[Window]) -> Result<Vec<Slice>> {
        self.in_transaction("plan the slices", |connection| {
            add_windows(connection, snapshot_id, windows)
        })
    }

    /// Stores that a slice was cut in two: `shrunk` keeps its number and its position and ends
    /// where `added`, a slice with a number of its own, begins.
    ///
    /// # Errors
    /// The two do not make up the slice that is stored, or the store cannot be written.
    pub fn commit_split(&mut self, snapshot_id: i64, shrunk: &Slice, added: &Slice) -> Result<()> {
        let what = format!("split slice {}", shrunk.number);
        self.in_transaction(&what, |connection| {
            let cut = connection
                .prepare_cached(
                    "UPDATE _slices SET until_ms = ?4
                     WHERE snapshot_id = ?1 AND number = ?2 AND from_ms = ?3 AND until_ms = ?5",
                )?
                .execute(params![
                    snapshot_id,
                    shrunk.number,
                    shrunk.window.from().timestamp_millis(),
                    shrunk.window.until().timestamp_millis(),
                    added.window.until().timestamp_millis(),
                ])?;
            if cut != 1 || shrunk.window.until() != added.window.from() {
                return Err(Failure::Contradiction(format!(
                    "run {snapshot_id} has no slice made up of {} and {}",
                    shrunk.window, added.window
                )));
            }
            add(connection, snapshot_id, added)
        })
    }

    /// Adds a slice over a part of others.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn commit_slice(&mut self, snapshot_id: i64, slice: &Slice) -> Result<()> {
        self.in_transaction("add a slice", |connection| {
            add(connection, snapshot_id, slice)
        })
    }

    /// Counts requests that brought no page: retries that failed, counting probes.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn commit_requests(&mut self, snapshot_id: i64, requests: i64) -> Result<()> {
        self.in_transaction("count requests", |connection| {
            add_requests(connection, snapshot_id, requests)
        })
    }

    /// Slices of a run, by number; of a run that ended, those that stayed unverified.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn slices(&self, snapshot_id: i64) -> Result<Vec<Slice>> {
        read(&self.connection, snapshot_id).map_err(|failure| self.failed("read slices", failure))
    }
}

pub(super) fn add_requests(
    connection: &Connection,
    snapshot_id: i64,
    requests: i64,
) -> Attempt<()> {
    connection
        .prepare_cached("UPDATE snapshots SET requests = requests + ?2 WHERE id = ?1")?
        .execute([snapshot_id, requests])?;
    Ok(())
}

/// Adds an open slice for each window, numbered on from those that are there.
pub(super) fn add_windows(
    connection: &Connection,
    snapshot_id: i64,
    windows: &[Window],
) -> Attempt<Vec<Slice>> {
    let next: i64 = connection.query_row(
        "SELECT coalesce(max(number) + 1, 0) FROM _slices WHERE snapshot_id = ?1",
        [snapshot_id],
        |row| row.get(0),
    )?;
    (next..)
        .zip(windows)
        .map(|(number, window)| {
            let slice = Slice::new(number, *window);
            add(connection, snapshot_id, &slice)?;
            Ok(slice)
        })
        .collect()
}

pub(super) fn add(connection: &Connection, snapshot_id: i64, slice: &Slice) -> Attempt<()> {
    let columns = Columns::of(slice);
    connection
        .prepare_cached(
            "INSERT INTO _slices (snapshot_id, number, from_ms, until_ms, position_ms, skip,
                 overlap_id, state, reason, tickets, pages)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 0, 0)",
        )?
        .execute(params![
            snapshot_id,
            slice.number,
            slice.window.from().timestamp_millis(),
            slice.window.until().timestamp_millis(),
            columns.position_ms,
            columns.skip,
            columns.overlap_id,
            columns.state,
            columns.reason,
        ])?;
    Ok(())
}

/// A page of `slice` was read and brought `tickets` that the run had not seen.
pub(super) fn advance(
    connection: &Connection,
    snapshot_id: i64,
    slice: &Slice,
    tickets: i64,
) -> Attempt<()> {
    let columns = Columns::of(slice);
    let moved = connection
        .prepare_cached(
            "UPDATE _slices SET position_ms = ?3, skip = ?4, overlap_id = ?5, state = ?6,
                 reason = ?7, tickets = tickets + ?8, pages = pages + 1
             WHERE snapshot_id = ?1 AND number = ?2",
        )?
        .execute(params![
            snapshot_id,
            slice.number,
            columns.position_ms,
            columns.skip,
            columns.overlap_id,
            columns.state,
            columns.reason,
            tickets,
        ])?;
    if moved == 1 {
        Ok(())
    } else {
        Err(Failure::Contradiction(format!(
            "run {snapshot_id} has no such slice"
        )))
    }
}

/// A slice's position and state as columns.
struct Columns<'a> {
    position_ms: Option<i64>,
    skip: Option<u32>,
    overlap_id: Option<&'a str>,
    state: &'static str,
    reason: Option<&'a str>,
}

impl<'a> Columns<'a> {
    fn of(slice: &'a Slice) -> Self {
        let (position_ms, skip, overlap_id) = match &slice.position {
            Position::Key(instant) => (Some(instant.timestamp_millis()), None, None),
            Position::Offset { skip, overlap_id } => (None, Some(*skip), overlap_id.as_deref()),
        };
        let (state, reason) = match &slice.state {
            SliceState::Open => ("open", slice.doubt.as_deref()),
            SliceState::Sealed => ("sealed", None),
            SliceState::Unverified { reason } => ("unverified", Some(reason.as_str())),
        };
        Self {
            position_ms,
            skip,
            overlap_id,
            state,
            reason,
        }
    }
}

pub(super) fn read(connection: &Connection, snapshot_id: i64) -> Attempt<Vec<Slice>> {
    let mut statement = connection.prepare_cached(
        "SELECT number, from_ms, until_ms, position_ms, skip, overlap_id, state, reason
         FROM _slices WHERE snapshot_id = ?1 ORDER BY number",
    )?;
    let mut rows = statement.query([snapshot_id])?;
    let mut slices = Vec::new();
    while let Some(row) = rows.next()? {
        let number: i64 = row.get(0)?;
        let slice = from_row(row)?.ok_or_else(|| {
            Failure::Contradiction(format!(
                "slice {number} of run {snapshot_id} makes no sense"
            ))
        })?;
        slices.push(slice);
    }
    Ok(slices)
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<Option<Slice>> {
    let edges = (
        Instant::from_timestamp_millis(row.get(1)?),
        Instant::from_timestamp_millis(row.get(2)?),
    );
    let (Some(from), Some(until)) = edges else {
        return Ok(None);
    };
    let position = match (row.get(3)?, row.get(4)?) {
        (Some(ms), None) => Instant::from_timestamp_millis(ms).map(Position::Key),
        (None, Some(skip)) => Some(Position::Offset {
            skip,
            overlap_id: row.get(5)?,
        }),
        _ => None,
    };
    let reason: Option<String> = row.get(7)?;
    let (state, doubt) = match row.get_ref(6)?.as_str()? {
        "open" => (Some(SliceState::Open), reason),
        "sealed" => (Some(SliceState::Sealed), None),
        "unverified" => {
            let reason = reason.unwrap_or_default();
            (Some(SliceState::Unverified { reason }), None)
        }
        _ => (None, None),
    };
    let (Some(window), Some(position), Some(state)) = (Window::new(from, until), position, state)
    else {
        return Ok(None);
    };
    Ok(Some(Slice {
        number: row.get(0)?,
        window,
        position,
        state,
        doubt,
    }))
}

//! What backfills could not prove complete, and no later one has read since.

use rusqlite::Connection;

use super::failure::Failure;
use crate::table::Instant;
use crate::window::Window;

/// An unfiltered backfill that has ended.
struct Backfill {
    range: Window,
    /// Slices that stayed unverified.
    unverified: Vec<Window>,
}

/// Where the first slice in `range` begins that is not proven complete, in milliseconds.
///
/// Of a run that has ended only unverified slices are kept. So a later run vouches for all of its
/// range: what it could not prove either stands in a slice of its own.
pub(super) fn since(connection: &Connection, range: Window) -> Result<Option<i64>, Failure> {
    let backfills = backfills(connection)?;
    let mut since = None;
    for (place, backfill) in backfills.iter().enumerate() {
        let mut later: Vec<Window> = backfills
            .iter()
            .skip(place + 1)
            .map(|later| later.range)
            .collect();
        later.sort_by_key(Window::from);
        let left = backfill
            .unverified
            .iter()
            .filter(|slice| slice.from() < range.until() && range.from() < slice.until())
            .filter_map(|slice| uncovered(*slice, &later));
        since = left.chain(since).min();
    }
    Ok(since.map(|at| at.timestamp_millis()))
}

/// The first instant of `slice` that lies in none of `windows`, which are sorted.
fn uncovered(slice: Window, windows: &[Window]) -> Option<Instant> {
    let mut from = slice.from();
    for window in windows {
        if window.from() <= from {
            from = from.max(window.until());
        }
    }
    (from < slice.until()).then_some(from)
}

/// Oldest first.
fn backfills(connection: &Connection) -> Result<Vec<Backfill>, Failure> {
    let mut statement = connection.prepare(
        "SELECT id FROM snapshots WHERE finished_at IS NOT NULL AND outcome <> 'superseded'
             AND filters_json IS NULL AND kind NOT IN ('sync', 'verify') ORDER BY id",
    )?;
    let ids: Vec<i64> = statement
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    let mut backfills = Vec::with_capacity(ids.len());
    for id in ids {
        let snapshot = super::read::snapshot(connection, id)?;
        let Some(range) = Window::new(snapshot.range_from, snapshot.range_until) else {
            continue;
        };
        backfills.push(Backfill {
            range,
            unverified: unverified(connection, id)?,
        });
    }
    Ok(backfills)
}

fn unverified(connection: &Connection, snapshot_id: i64) -> rusqlite::Result<Vec<Window>> {
    let mut statement = connection.prepare_cached(
        "SELECT from_ms, until_ms FROM _slices WHERE snapshot_id = ?1 AND state = 'unverified'",
    )?;
    let rows = statement.query_map([snapshot_id], |row| {
        let from = Instant::from_timestamp_millis(row.get(0)?);
        let until = Instant::from_timestamp_millis(row.get(1)?);
        Ok(from
            .zip(until)
            .and_then(|(from, until)| Window::new(from, until)))
    })?;
    rows.filter_map(Result::transpose).collect()
}

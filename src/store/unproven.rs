//! What backfills could not prove complete, and no later run has read since.

use rusqlite::Connection;

use super::failure::Failure;
use super::{partial, read};
use crate::plan::coverage::{Claim, without};
use crate::table::Instant;
use crate::window::Window;

/// Where the first slice in `range` begins that is not proven complete, in milliseconds.
///
/// Of a run that has ended only unverified slices are kept. So a later run stands for all of its
/// range: what it could not prove either stands in a slice of its own. A repair does not: equal counts
/// are no proof that a slice was read.
pub(super) fn since(connection: &Connection, range: Window) -> Result<Option<i64>, Failure> {
    let mut runs = read::claims(connection)?;
    runs.sort_by_key(|run| run.id);
    let full_syncs = partial::full_syncs(connection)?;
    let mut since = None;
    for (place, run) in runs.iter().enumerate() {
        if Claim::of(run).is_none_or(|claim| claim.is_sync) {
            continue;
        }
        let later = partial::made_up(run, runs.iter().skip(place + 1), &full_syncs);
        let left = unverified(connection, run.id)?
            .into_iter()
            .filter(|slice| slice.from() < range.until() && range.from() < slice.until())
            .flat_map(|slice| without(slice, &later))
            .map(|left| left.from());
        since = left.chain(since).min();
    }
    Ok(since.map(|at| at.timestamp_millis()))
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

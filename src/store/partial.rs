//! What runs began and did not read in full, and no later run has read since.

use std::collections::BTreeSet;

use rusqlite::Connection;

use super::Store;
use super::failure::Failure;
use super::{read, slices, windows};
use crate::error::Result;
use crate::plan::closing::overlap;
use crate::plan::coverage::{makes_up_for, may_be_replaced, without};
use crate::plan::{Position, Slice, SliceState};
use crate::refresh::SyncStep;
use crate::table::Snapshot;
use crate::window::Window;

type Attempt<T> = std::result::Result<T, Failure>;

/// Why what a superseded run had still to read is not complete.
const GIVEN_UP: &str = "it was given up for another range before it was read";

/// Why what a superseded run had read and not counted is not complete.
const UNCOUNTED: &str = "it was given up for another range before it was counted";

/// A range that is not read in full.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partial {
    /// The run that was to read it.
    pub snapshot_id: i64,
    /// Its kind.
    pub kind: String,
    /// Its filters, as JSON.
    pub filters_json: Option<String>,
    /// The range of creation.
    pub window: Window,
    /// Why it is not.
    pub reason: String,
}

impl Store {
    /// Ranges that a run began and that neither it nor a later one has read in full, by run and
    /// start.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn partial(&self) -> Result<Vec<Partial>> {
        partial(&self.connection).map_err(|failure| self.failed("read what is partial", failure))
    }
}

fn partial(connection: &Connection) -> Attempt<Vec<Partial>> {
    let mut runs = read::ended(connection)?;
    runs.sort_by_key(|run| run.id);
    let full_syncs = full_syncs(connection)?;
    let mut partial = Vec::new();
    for (place, run) in runs.iter().enumerate() {
        let left = slices::read(connection, run.id)?;
        let later = made_up(run, runs.iter().skip(place + 1), &full_syncs);
        for slice in left {
            let SliceState::Unverified { reason } = slice.state else {
                continue;
            };
            let rest = without(slice.window, &later).into_iter();
            partial.extend(rest.map(|window| Partial {
                snapshot_id: run.id,
                kind: run.kind.clone(),
                filters_json: run.filters_json.clone(),
                window,
                reason: reason.clone(),
            }));
        }
    }
    Ok(partial)
}

/// The ranges of those of `later` that read all of theirs as `run` would have.
pub(super) fn made_up<'a>(
    run: &Snapshot,
    later: impl Iterator<Item = &'a Snapshot>,
    full_syncs: &BTreeSet<i64>,
) -> Vec<Window> {
    later
        .filter(|later| makes_up_for(later, full_syncs.contains(&later.id), run))
        .filter_map(|later| Window::new(later.range_from, later.range_until))
        .collect()
}

/// Syncs that read the whole desk.
pub(super) fn full_syncs(connection: &Connection) -> rusqlite::Result<BTreeSet<i64>> {
    let mut statement = connection
        .prepare_cached("SELECT snapshot_id FROM _sync_steps WHERE step = ?1 AND is_done")?;
    let ids = statement.query_map([SyncStep::Full.word()], |row| row.get(0))?;
    ids.collect()
}

/// Keeps what a run that is given up had still to read, as slices that are not proven.
pub(super) fn keep_rest(connection: &Connection, snapshot_id: i64) -> Attempt<()> {
    let run = read::snapshot(connection, snapshot_id)?;
    if may_be_replaced(&run) {
        return Ok(());
    }
    let slices = slices::read(connection, snapshot_id)?;
    let mut rest: Vec<(Window, &str)> = Vec::new();
    let open: Vec<&Slice> = slices
        .iter()
        .filter(|slice| slice.state == SliceState::Open)
        .collect();
    for slice in &open {
        let from = match slice.position {
            Position::Key(at) => at.max(slice.window.from()),
            Position::Offset { .. } => slice.window.from(),
        };
        rest.extend(Window::new(from, slice.window.until()).map(|window| (window, GIVEN_UP)));
    }
    for row in windows::read(connection, snapshot_id)? {
        let is_read = !open.iter().any(|slice| overlap(slice.window, row.window));
        if row.state == windows::WindowState::Open && is_read {
            rest.push((row.window, UNCOUNTED));
        }
    }
    if slices.is_empty() {
        let range = Window::new(run.range_from, run.range_until);
        rest.extend(range.map(|range| (range, GIVEN_UP)));
    }
    let last = slices.iter().map(|slice| slice.number).max();
    for (number, (window, reason)) in (last.map_or(0, |last| last + 1)..).zip(rest) {
        let slice = Slice {
            state: SliceState::Unverified {
                reason: reason.to_owned(),
            },
            ..Slice::new(number, window)
        };
        slices::add(connection, snapshot_id, &slice)?;
    }
    Ok(())
}

//! The windows of a run, each of which ends with a count: what it is held against, and how it ended.

use rusqlite::{Connection, params};

use super::Store;
use super::failure::Failure;
use super::slices;
use super::window_step::WindowStep;
use crate::error::Result;
use crate::plan::{Slice, SliceState, Told};
use crate::window::Window;

type Attempt<T> = std::result::Result<T, Failure>;

/// How a window stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WindowState {
    /// It is still to be read or counted.
    Open,
    /// What was counted is stored.
    Settled,
    /// It ended without that.
    Unsettled,
}

impl WindowState {
    fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Settled => "settled",
            Self::Unsettled => "unsettled",
        }
    }
}

/// One window of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunWindow {
    /// The part of the run that it belongs to.
    pub step: WindowStep,
    /// The range of creation.
    pub window: Window,
    /// How it stands.
    pub state: WindowState,
    /// What the API counted last; `None` where it was not counted.
    pub counted: Option<u64>,
    /// Live tickets that are stored, in a run with filters those that it saw and that match.
    pub stored: u64,
    /// Tickets that came and could not be stored at all.
    pub rejected: u64,
    /// Rounds of counting and comparing that it took.
    pub rounds: u32,
    /// Why it is not settled, or what explains its counts.
    pub reason: Option<String>,
}

/// How a window ends, and what of it is not proven.
#[derive(Debug)]
pub struct WindowCommit<'a> {
    /// The window.
    pub window: &'a RunWindow,
    /// Parts that may hold what is not stored, and why.
    pub unproven: &'a [(Window, String)],
    /// The first slice of the run that belongs to the window's step.
    pub first_slice: i64,
    /// Whether all of the window was read: what could not be stored before and was not met is no
    /// more.
    pub is_unfiltered: bool,
}

impl Store {
    /// Stores the windows of a step of a run; those that are there already stay as they are.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn plan_windows(
        &mut self,
        snapshot_id: i64,
        step: &WindowStep,
        windows: &[Window],
    ) -> Result<()> {
        let step = step.to_string();
        self.in_transaction("plan the windows", |connection| {
            let mut insert = connection.prepare_cached(
                "INSERT OR IGNORE INTO _windows (snapshot_id, step, from_ms, until_ms, state, rounds)
                 VALUES (?1, ?2, ?3, ?4, 'open', 0)",
            )?;
            for window in windows {
                let (from_ms, until_ms) = ends(window);
                insert.execute(params![snapshot_id, step, from_ms, until_ms])?;
            }
            Ok(())
        })
    }

    /// The windows of a run, by step and start.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn windows(&self, snapshot_id: i64) -> Result<Vec<RunWindow>> {
        read(&self.connection, snapshot_id).map_err(|failure| self.failed("read windows", failure))
    }

    /// Stores how a window ended. The slices of a settled window are proven with it; of another the
    /// unproven parts stand in place of them.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn commit_window(&mut self, snapshot_id: i64, commit: &WindowCommit<'_>) -> Result<()> {
        self.in_transaction("store the count of a window", |connection| {
            write(connection, snapshot_id, commit.window)?;
            match commit.window.state {
                WindowState::Open => {}
                WindowState::Settled => settle(connection, snapshot_id, commit)?,
                WindowState::Unsettled => replace_slices(connection, snapshot_id, commit)?,
            }
            Ok(())
        })
    }

    /// Opens again the settled windows of a step in which this run flagged tickets: for when that is to be
    /// taken back. Gives the number of tickets that it flagged outside the step's windows.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn reopen_windows(&mut self, snapshot_id: i64, step: &WindowStep) -> Result<i64> {
        let step = step.to_string();
        self.in_transaction("open windows again", |connection| {
            connection.execute(
                &format!(
                    "UPDATE _windows SET state = 'open'
                     WHERE snapshot_id = ?1 AND step = ?2 AND state = 'settled' AND EXISTS (
                         {FLAGGED} AND i.created_at_ms >= from_ms AND i.created_at_ms < until_ms)"
                ),
                params![snapshot_id, step],
            )?;
            let outside = connection.query_row(
                &format!(
                    "SELECT count(*) FROM ({FLAGGED} AND NOT EXISTS (
                         SELECT 1 FROM _windows WHERE snapshot_id = ?1 AND step = ?2
                             AND i.created_at_ms >= from_ms AND i.created_at_ms < until_ms))"
                ),
                params![snapshot_id, step],
                |row| row.get(0),
            )?;
            Ok(outside)
        })
    }

    /// Stores what answers said of a stretch.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn commit_announced(&mut self, snapshot_id: i64, window: Window, told: Told) -> Result<()> {
        self.in_transaction("store what was announced", |connection| {
            let (from_ms, until_ms) = ends(&window);
            connection
                .prepare_cached("INSERT INTO _announced VALUES (?1, ?2, ?3, ?4, ?5)")?
                .execute(params![
                    snapshot_id,
                    from_ms,
                    until_ms,
                    told.tickets.map(u64::cast_signed),
                    told.has_vanished
                ])?;
            Ok(())
        })
    }

    /// What answers of an unfinished run said of stretches.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn announced(&self, snapshot_id: i64) -> Result<Vec<(Window, Told)>> {
        announced(&self.connection, snapshot_id)
            .map_err(|error| self.failed("read what was announced", error))
    }

    /// Where in a window something was seen to vanish since the run began, so that equal counts prove
    /// nothing: answers that counted fewer than announced, tickets that the run flagged as deleted
    /// or did not meet, slices that their pages left unproven.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn disturbed(
        &self,
        snapshot_id: i64,
        window: Window,
        is_unfiltered: bool,
        first_slice: i64,
    ) -> Result<Vec<Window>> {
        disturbed(
            &self.connection,
            snapshot_id,
            window,
            is_unfiltered,
            first_slice,
        )
        .map_err(|failure| self.failed("read what vanished", failure))
    }

    /// The creation, in milliseconds, under which this run met the ticket `id`, if that is another.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn met_elsewhere(
        &self,
        snapshot_id: i64,
        id: &str,
        created_ms: i64,
    ) -> Result<Option<i64>> {
        let read = || -> rusqlite::Result<Option<i64>> {
            let mut statement = self.connection.prepare_cached(
                "SELECT created_at_ms FROM _ticket_index WHERE id = ?1 AND seen_snapshot = ?2
                     AND is_deleted = 0 AND created_at_ms <> ?3",
            )?;
            let mut rows = statement.query(params![id, snapshot_id, created_ms])?;
            rows.next()?.map(|row| row.get(0)).transpose()
        };
        read().map_err(|error| self.failed("look for a ticket", error))
    }
}

/// Tickets that run `?1` flagged as deleted: flagged, and written last by it.
const FLAGGED: &str = "SELECT 1 FROM _ticket_index AS i JOIN tickets AS t ON t.id = i.id
    WHERE i.is_deleted = 1 AND t.deleted_at IS NOT NULL AND t.snapshot_id = ?1";

pub(super) fn ends(window: &Window) -> (i64, i64) {
    (
        window.from().timestamp_millis(),
        window.until().timestamp_millis(),
    )
}

fn announced(connection: &Connection, snapshot_id: i64) -> rusqlite::Result<Vec<(Window, Told)>> {
    let mut statement = connection.prepare_cached(
        "SELECT from_ms, until_ms, tickets, has_vanished FROM _announced WHERE snapshot_id = ?1",
    )?;
    let rows = statement.query_map([snapshot_id], |row| {
        let tickets: Option<i64> = row.get(2)?;
        let told = Told {
            tickets: tickets.map(i64::cast_unsigned),
            has_vanished: row.get(3)?,
        };
        Ok(Window::from_millis(row.get(0)?, row.get(1)?).map(|window| (window, told)))
    })?;
    rows.filter_map(std::result::Result::transpose).collect()
}

fn disturbed(
    connection: &Connection,
    snapshot_id: i64,
    window: Window,
    is_unfiltered: bool,
    first_slice: i64,
) -> Attempt<Vec<Window>> {
    let mut disturbed: Vec<Window> = announced(connection, snapshot_id)?
        .into_iter()
        .filter(|(_, told)| told.has_vanished)
        .map(|(stretch, _)| stretch)
        .collect();
    let slices = slices::read(connection, snapshot_id)?.into_iter();
    disturbed.extend(
        slices
            .filter(|slice| slice.number >= first_slice)
            .filter(|slice| matches!(slice.state, SliceState::Unverified { .. }))
            .map(|slice| slice.window),
    );
    if is_unfiltered {
        // A ticket that is flagged and that the run wrote last is one that it flagged.
        let mut statement = connection.prepare_cached(
            "SELECT i.created_at_ms FROM _ticket_index AS i JOIN tickets AS t ON t.id = i.id
             WHERE i.created_at_ms >= ?1 AND i.created_at_ms < ?2
                 AND (i.is_deleted = 0 AND i.seen_snapshot <> ?3
                     OR i.is_deleted = 1 AND t.deleted_at IS NOT NULL AND t.snapshot_id = ?3)",
        )?;
        let (from_ms, until_ms) = ends(&window);
        let rows =
            statement.query_map([from_ms, until_ms, snapshot_id], |row| row.get::<_, i64>(0))?;
        for row in rows {
            let at_ms = row?;
            disturbed.extend(Window::from_millis(at_ms, at_ms + 1));
        }
    }
    disturbed.retain(|stretch| crate::plan::closing::overlap(*stretch, window));
    Ok(disturbed)
}

fn write(connection: &Connection, snapshot_id: i64, window: &RunWindow) -> Attempt<()> {
    let (from_ms, until_ms) = ends(&window.window);
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO _windows (snapshot_id, step, from_ms, until_ms, state, counted,
                 stored, rejected, rounds, reason)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        )?
        .execute(params![
            snapshot_id,
            window.step.to_string(),
            from_ms,
            until_ms,
            window.state.word(),
            window.counted.map(u64::cast_signed),
            window.stored.cast_signed(),
            window.rejected.cast_signed(),
            window.rounds,
            window.reason,
        ])?;
    Ok(())
}

fn settle(connection: &Connection, snapshot_id: i64, commit: &WindowCommit<'_>) -> Attempt<()> {
    let (from_ms, until_ms) = ends(&commit.window.window);
    connection.execute(
        "UPDATE _slices SET state = 'sealed', reason = NULL
         WHERE snapshot_id = ?1 AND number >= ?2 AND state = 'unverified'
             AND from_ms >= ?3 AND until_ms <= ?4",
        [snapshot_id, commit.first_slice, from_ms, until_ms],
    )?;
    if commit.is_unfiltered {
        connection.execute(
            "DELETE FROM _rejected WHERE created_at_ms >= ?1 AND created_at_ms < ?2
                 AND seen_snapshot IS NOT ?3",
            [from_ms, until_ms, snapshot_id],
        )?;
    }
    Ok(())
}

/// Slices that are not proven: the parts that a comparison left, in place of the ones that it began
/// with.
fn replace_slices(
    connection: &Connection,
    snapshot_id: i64,
    commit: &WindowCommit<'_>,
) -> Attempt<()> {
    let (from_ms, until_ms) = ends(&commit.window.window);
    connection.execute(
        "DELETE FROM _slices WHERE snapshot_id = ?1 AND number >= ?2 AND state = 'unverified'
             AND from_ms >= ?3 AND until_ms <= ?4",
        [snapshot_id, commit.first_slice, from_ms, until_ms],
    )?;
    let mut number: i64 = connection.query_row(
        "SELECT coalesce(max(number) + 1, 0) FROM _slices WHERE snapshot_id = ?1",
        [snapshot_id],
        |row| row.get(0),
    )?;
    for (window, reason) in commit.unproven {
        let slice = Slice {
            state: SliceState::Unverified {
                reason: reason.clone(),
            },
            ..Slice::new(number.max(commit.first_slice), *window)
        };
        slices::add(connection, snapshot_id, &slice)?;
        number = slice.number + 1;
    }
    Ok(())
}

pub(super) fn read(connection: &Connection, snapshot_id: i64) -> Attempt<Vec<RunWindow>> {
    let mut statement = connection.prepare_cached(
        "SELECT step, from_ms, until_ms, state, counted, stored, rejected, rounds, reason
         FROM _windows WHERE snapshot_id = ?1 ORDER BY step, from_ms",
    )?;
    let mut rows = statement.query([snapshot_id])?;
    let mut windows = Vec::new();
    while let Some(row) = rows.next()? {
        let count = |column| {
            row.get::<_, Option<i64>>(column)
                .map(|count| count.map(i64::cast_unsigned))
        };
        let window = Window::from_millis(row.get(1)?, row.get(2)?);
        let state = match row.get_ref(3)?.as_str().unwrap_or_default() {
            "open" => WindowState::Open,
            "settled" => WindowState::Settled,
            _ => WindowState::Unsettled,
        };
        windows.extend(
            window
                .map(|window| -> rusqlite::Result<RunWindow> {
                    Ok(RunWindow {
                        step: WindowStep::of(&row.get::<_, String>(0)?),
                        window,
                        state,
                        counted: count(4)?,
                        stored: count(5)?.unwrap_or(0),
                        rejected: count(6)?.unwrap_or(0),
                        rounds: row.get(7)?,
                        reason: row.get(8)?,
                    })
                })
                .transpose()?,
        );
    }
    Ok(windows)
}

//! The windows of a run, each of which ends with a count: what it is held against, and how it ended.

use rusqlite::{Connection, Row, params};

use super::Store;
use super::failure::Failure;
use super::slices;
use crate::error::Result;
use crate::mava::UNASSIGNED;
use crate::plan::closing::{Held, HeldTicket};
use crate::plan::{Slice, SliceState, Told};
use crate::settings::Filters;
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
    /// The step of a sync, else the kind of the run.
    pub step: String,
    /// The range of creation.
    pub window: Window,
    /// How it stands.
    pub state: WindowState,
    /// What the API counted last; `None` where it was not counted.
    pub counted: Option<u64>,
    /// Live tickets that are stored, in a run with filters those that it met and that match.
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

/// What a run has to hold of a window.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HeldCount {
    /// Live tickets that are stored.
    pub stored: u64,
    /// Tickets that came and could not be stored at all.
    pub rejected: u64,
}

impl HeldCount {
    /// What the API should count.
    pub fn all(self) -> u64 {
        self.stored + self.rejected
    }
}

/// Live tickets created in `[?1, ?2)`. In a run with filters those that it met, and that match, as
/// [`matches`](crate::mava::matches) has it.
fn stored() -> String {
    format!(
        "_ticket_index AS i WHERE i.is_deleted = 0
         AND i.created_at_ms >= ?1 AND i.created_at_ms < ?2
         AND (NOT ?4 OR i.seen_snapshot = ?3 AND EXISTS (
             SELECT 1 FROM tickets AS t WHERE t.id = i.id
                 AND (?5 IS NULL OR t.status IN (SELECT value FROM json_each(?5)))
                 AND (?6 IS NULL OR lower(t.source_type) IN (SELECT lower(value) FROM json_each(?6)))
                 AND (?7 IS NULL OR lower(t.category_id) IN (SELECT lower(value) FROM json_each(?7)))
                 AND (?8 IS NULL OR EXISTS (SELECT 1 FROM ticket_tags AS g WHERE g.ticket_id = t.id
                     AND g.tag_id IN (SELECT value FROM json_each(?8))))
                 AND (?9 IS NULL OR lower(coalesce(t.assigned_agent_id, '{UNASSIGNED}'))
                     IN (SELECT lower(value) FROM json_each(?9)))))"
    )
}

/// Tickets without a row that the run met, unless one has a live row elsewhere.
const REJECTED: &str = "_rejected AS r WHERE r.created_at_ms >= ?1 AND r.created_at_ms < ?2
         AND r.seen_snapshot = ?3
         AND NOT EXISTS (SELECT 1 FROM _ticket_index AS i WHERE i.id = r.id AND i.is_deleted = 0)";

/// Second tickets of one id, created in `[?1, ?2)`, that the run met: they are kept in `rejects`
/// beside the live row of the first.
const SECOND: &str = "rejects AS r
     JOIN _rejects_met AS m ON m.reject_id = r.id AND m.snapshot_id = ?3
     JOIN _ticket_index AS i ON i.id = r.ticket_id AND i.is_deleted = 0
     WHERE r.path = '' AND m.place_ms >= ?1 AND m.place_ms < ?2 AND m.place_ms <> i.created_at_ms
         AND r.created_at IS NOT NULL";

impl Store {
    /// Stores the windows of a step of a run; those that are there already stay as they are.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn plan_windows(&mut self, snapshot_id: i64, step: &str, windows: &[Window]) -> Result<()> {
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

    /// The tickets of a window that the API should count, with these filters.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn held(&self, snapshot_id: i64, window: Window, filters: &Filters) -> Result<Held> {
        held(&self.connection, snapshot_id, window, filters)
            .map_err(|error| self.failed("read what is stored", error))
    }

    /// Forgets tickets without a row that do not come any more.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn forget_held(&mut self, gone: &[HeldTicket]) -> Result<()> {
        if gone.is_empty() {
            return Ok(());
        }
        self.in_transaction("forget rejects that are no more", |connection| {
            let mut place = connection
                .prepare_cached("DELETE FROM _rejected WHERE id = ?1 AND created_at_ms = ?2")?;
            let mut second = connection.prepare_cached(
                "DELETE FROM rejects WHERE ticket_id = ?1 AND path = '' AND created_at IS NOT NULL
                     AND id IN (SELECT reject_id FROM _rejects_met WHERE place_ms = ?2)
                     AND EXISTS (SELECT 1 FROM _ticket_index
                         WHERE id = ?1 AND is_deleted = 0 AND created_at_ms <> ?2)",
            )?;
            for ticket in gone {
                place.execute(params![ticket.id, ticket.created_ms])?;
                second.execute(params![ticket.id, ticket.created_ms])?;
            }
            Ok(())
        })
    }

    /// How many those are.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn held_count(
        &self,
        snapshot_id: i64,
        window: Window,
        filters: &Filters,
    ) -> Result<HeldCount> {
        held_count(&self.connection, snapshot_id, window, filters)
            .map_err(|error| self.failed("count what is stored", error))
    }

    /// The creations of those tickets in milliseconds, in order.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn held_instants(
        &self,
        snapshot_id: i64,
        window: Window,
        filters: &Filters,
    ) -> Result<Vec<i64>> {
        held_instants(&self.connection, snapshot_id, window, filters)
            .map_err(|error| self.failed("read what is stored", error))
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

    /// Whether a ticket was stored before this run.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn is_older_than(&self, snapshot_id: i64, id: &str) -> Result<bool> {
        self.connection
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM ticket_history
                     WHERE ticket_id = ?1 AND snapshot_id < ?2)",
            )
            .and_then(|mut statement| {
                statement.query_row(params![id, snapshot_id], |row| row.get(0))
            })
            .map_err(|error| self.failed("look for a ticket", error))
    }

    /// How many tickets the run flagged as deleted that were stored before it.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn deleted_before(&self, snapshot_id: i64) -> Result<i64> {
        self.connection
            .prepare_cached(
                "SELECT count(*) FROM _ticket_index AS i JOIN tickets AS t ON t.id = i.id
                 WHERE i.is_deleted = 1 AND t.deleted_at IS NOT NULL AND t.snapshot_id = ?1 AND EXISTS (
                     SELECT 1 FROM ticket_history
                     WHERE ticket_id = t.id AND ticket_history.snapshot_id < ?1)",
            )
            .and_then(|mut statement| statement.query_row([snapshot_id], |row| row.get(0)))
            .map_err(|error| self.failed("count what was flagged", error))
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

fn ends(window: &Window) -> (i64, i64) {
    (
        window.from().timestamp_millis(),
        window.until().timestamp_millis(),
    )
}

/// The parameters of [`stored`]; those of [`REJECTED`] are the first three.
fn parameters(snapshot_id: i64, window: Window, filters: &Filters) -> [rusqlite::types::Value; 9] {
    let (from_ms, until_ms) = ends(&window);
    let list = |values: &Vec<String>| match values.is_empty() {
        true => rusqlite::types::Value::Null,
        false => serde_json::Value::from(values.clone()).to_string().into(),
    };
    [
        from_ms.into(),
        until_ms.into(),
        snapshot_id.into(),
        (!filters.is_empty()).into(),
        list(&filters.status),
        list(&filters.origin),
        list(&filters.category),
        list(&filters.tag),
        list(&filters.assigned_to),
    ]
}

fn held(
    connection: &Connection,
    snapshot_id: i64,
    window: Window,
    filters: &Filters,
) -> rusqlite::Result<Held> {
    let parameters = parameters(snapshot_id, window, filters);
    let mut tickets = Vec::new();
    let read = |row: &Row<'_>, is_rejected| {
        Ok(HeldTicket {
            id: row.get(0)?,
            created_ms: row.get(1)?,
            is_rejected,
        })
    };
    let mut stored =
        connection.prepare_cached(&format!("SELECT i.id, i.created_at_ms FROM {}", stored()))?;
    for row in stored.query_map(rusqlite::params_from_iter(&parameters), |row| {
        read(row, false)
    })? {
        tickets.push(row?);
    }
    let mut rejected =
        connection.prepare_cached(&format!("SELECT r.id, r.created_at_ms FROM {REJECTED}"))?;
    let mut second =
        connection.prepare_cached(&format!("SELECT r.ticket_id, m.place_ms FROM {SECOND}"))?;
    for statement in [&mut rejected, &mut second] {
        let first = parameters.iter().take(3);
        for row in statement.query_map(rusqlite::params_from_iter(first), |row| read(row, true))? {
            tickets.push(row?);
        }
    }
    Ok(Held::new(tickets))
}

fn held_instants(
    connection: &Connection,
    snapshot_id: i64,
    window: Window,
    filters: &Filters,
) -> rusqlite::Result<Vec<i64>> {
    let parameters = parameters(snapshot_id, window, filters);
    let mut instants = Vec::new();
    let mut stored =
        connection.prepare_cached(&format!("SELECT i.created_at_ms FROM {}", stored()))?;
    for at_ms in stored.query_map(rusqlite::params_from_iter(&parameters), |row| row.get(0))? {
        instants.push(at_ms?);
    }
    let mut rejected =
        connection.prepare_cached(&format!("SELECT r.created_at_ms FROM {REJECTED}"))?;
    let mut second = connection.prepare_cached(&format!("SELECT m.place_ms FROM {SECOND}"))?;
    for statement in [&mut rejected, &mut second] {
        let first = parameters.iter().take(3);
        for at_ms in statement.query_map(rusqlite::params_from_iter(first), |row| row.get(0))? {
            instants.push(at_ms?);
        }
    }
    instants.sort_unstable();
    Ok(instants)
}

fn held_count(
    connection: &Connection,
    snapshot_id: i64,
    window: Window,
    filters: &Filters,
) -> rusqlite::Result<HeldCount> {
    let parameters = parameters(snapshot_id, window, filters);
    let count = |row: &Row<'_>| row.get::<_, i64>(0).map(i64::cast_unsigned);
    let stored = connection
        .prepare_cached(&format!("SELECT count(*) FROM {}", stored()))?
        .query_row(rusqlite::params_from_iter(&parameters), count)?;
    let rejected = connection
        .prepare_cached(&format!("SELECT count(*) FROM {REJECTED}"))?
        .query_row(rusqlite::params_from_iter(parameters.iter().take(3)), count)?;
    let second = connection
        .prepare_cached(&format!("SELECT count(*) FROM {SECOND}"))?
        .query_row(rusqlite::params_from_iter(parameters.iter().take(3)), count)?;
    Ok(HeldCount {
        stored,
        rejected: rejected + second,
    })
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
            window.step,
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
                        step: row.get(0)?,
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

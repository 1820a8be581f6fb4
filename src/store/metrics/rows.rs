//! The tables, written only where they differ.

use std::sync::LazyLock;

use rusqlite::{CachedStatement, Connection, OptionalExtension, Row, params};

use super::super::bind;
use super::super::sums;
use crate::metrics::{Activity, Measured};
use crate::normalize::Hash;
use crate::table::{Record, TicketEvent, TicketMetrics, TicketSla};

static INSERT_METRICS: LazyLock<String> = LazyLock::new(|| bind::insert_sql(TicketMetrics::TABLE));
static INSERT_EVENT: LazyLock<String> = LazyLock::new(|| bind::insert_sql(TicketEvent::TABLE));
static UPSERT_METRICS: LazyLock<String> = LazyLock::new(|| bind::upsert_sql(TicketMetrics::TABLE));
static UPSERT_EVENT: LazyLock<String> = LazyLock::new(|| bind::upsert_sql(TicketEvent::TABLE));
static UPSERT_SLA: LazyLock<String> = LazyLock::new(|| bind::upsert_sql(TicketSla::TABLE));
static METRICS: LazyLock<String> =
    LazyLock::new(|| sums::select_sql(TicketMetrics::TABLE, "WHERE ticket_id = ?1"));
static EVENTS: LazyLock<String> = LazyLock::new(|| {
    sums::select_sql(TicketEvent::TABLE, "WHERE ticket_id = ?1 ORDER BY position")
});

static SLAS: LazyLock<String> =
    LazyLock::new(|| sums::select_sql(TicketSla::TABLE, "WHERE ticket_id = ?1 ORDER BY policy"));

/// Writes the rows of tickets one by one.
pub(super) struct Rows<'c> {
    connection: &'c Connection,
    snapshot_id: i64,
    insert_metrics: CachedStatement<'c>,
    insert_event: CachedStatement<'c>,
}

/// What is stored of a ticket, held against what should be.
struct Found {
    /// The run of its own row, where that is as it should be.
    metrics: Option<i64>,
    /// The run of the row in the place of each event, where that is as it should be.
    events: Vec<Option<i64>>,
    /// Whether there are rows of events beside them.
    is_longer: bool,
    /// The run of the row of each policy, where that is as it should be.
    slas: Vec<Option<i64>>,
    /// Whether there are rows of other policies.
    has_other_slas: bool,
    /// Whether the runs of all rows are those that wrote them.
    is_sealed: bool,
}

impl Found {
    fn is_right(&self) -> bool {
        let is_same = self.metrics.is_some() && self.events.iter().all(Option::is_some);
        let is_same = is_same && self.slas.iter().all(Option::is_some);
        is_same && !self.is_longer && !self.has_other_slas && self.is_sealed
    }
}

impl<'c> Rows<'c> {
    pub(super) fn new(connection: &'c Connection, snapshot_id: i64) -> rusqlite::Result<Self> {
        Ok(Self {
            connection,
            snapshot_id,
            insert_metrics: connection.prepare_cached(&INSERT_METRICS)?,
            insert_event: connection.prepare_cached(&INSERT_EVENT)?,
        })
    }

    /// Writes those of a ticket that has none; returns the hash that the index is to have of them.
    pub(super) fn insert(&mut self, measured: &Measured) -> rusqlite::Result<Hash> {
        put(
            &mut self.insert_metrics,
            &measured.metrics,
            self.snapshot_id,
        )?;
        let run = TicketEvent::TABLE.content.len() + 1;
        let mut bound = None;
        for event in &measured.events {
            bind::bind_after(&mut self.insert_event, bound, event)?;
            if bound.is_none() {
                self.insert_event
                    .raw_bind_parameter(run, self.snapshot_id)?;
            }
            self.insert_event.raw_execute()?;
            bound = Some(event);
        }
        if measured.activity != Activity::default() {
            self.keep(measured)?;
        }
        let found = vec![None; measured.slas.len()];
        self.write_slas(measured, &found)?;
        let rows = measured.events.len() + measured.slas.len() + 1;
        Ok(sums::runs(std::iter::repeat_n(self.snapshot_id, rows)))
    }

    /// Writes what differs from what is stored; returns whether anything did.
    pub(super) fn write(&mut self, measured: &Measured) -> rusqlite::Result<bool> {
        let is_kept = self.is_kept(measured)?;
        if !is_kept {
            self.keep(measured)?;
        }
        let mut found = self.found(measured)?;
        if found.is_right() {
            return Ok(!is_kept);
        }
        if !found.is_sealed {
            // Which of the runs is wrong, nobody knows.
            found.events.fill(None);
            found.slas.fill(None);
        }
        let id = &measured.metrics.ticket_id;
        let mut upsert = self.connection.prepare_cached(&UPSERT_EVENT)?;
        for (event, known) in measured.events.iter().zip(&found.events) {
            if known.is_none() {
                put(&mut upsert, event, self.snapshot_id)?;
            }
        }
        if found.is_longer {
            let count = i64::try_from(measured.events.len()).unwrap_or(i64::MAX);
            self.connection
                .prepare_cached(
                    "DELETE FROM ticket_events
                     WHERE ticket_id = ?1 AND (position < 0 OR position >= ?2)",
                )?
                .execute(params![id, count])?;
        }
        if found.has_other_slas {
            self.forget_other_slas(measured)?;
        }
        self.write_slas(measured, &found.slas)?;
        // Also where only an event differs: a row that is gone cannot tell that something changed.
        let mut upsert = self.connection.prepare_cached(&UPSERT_METRICS)?;
        put(&mut upsert, &measured.metrics, self.snapshot_id)?;
        let others = found.events.iter().chain(&found.slas);
        let others = others.map(|known| known.unwrap_or(self.snapshot_id));
        let hash = sums::runs(std::iter::once(self.snapshot_id).chain(others));
        self.connection
            .prepare_cached("UPDATE _ticket_index SET metrics_hash = ?2 WHERE id = ?1")?
            .execute(params![id, hash])?;
        Ok(true)
    }

    /// Writes the rows of policies that are not as they should be.
    fn write_slas(&self, measured: &Measured, found: &[Option<i64>]) -> rusqlite::Result<()> {
        if measured.slas.is_empty() {
            return Ok(());
        }
        let mut upsert = self.connection.prepare_cached(&UPSERT_SLA)?;
        for (sla, known) in measured.slas.iter().zip(found) {
            if known.is_none() {
                put(&mut upsert, sla, self.snapshot_id)?;
            }
        }
        Ok(())
    }

    /// Takes away the rows of policies that are not for the ticket.
    fn forget_other_slas(&self, measured: &Measured) -> rusqlite::Result<()> {
        let policies = measured.slas.iter().map(|sla| sla.policy.as_str());
        let policies = serde_json::Value::from_iter(policies).to_string();
        self.connection
            .prepare_cached(
                "DELETE FROM _ticket_slas
                 WHERE ticket_id = ?1 AND policy NOT IN (SELECT value FROM json_each(?2))",
            )?
            .execute(params![measured.metrics.ticket_id, policies])
            .map(drop)
    }

    /// The runs of the rows of policies, and whether there are others; all of them are added to `runs`.
    fn found_slas(
        &self,
        measured: &Measured,
        runs: &mut Vec<i64>,
    ) -> rusqlite::Result<(Vec<Option<i64>>, bool)> {
        let mut slas = vec![None; measured.slas.len()];
        let mut has_others = false;
        let mut select = self.connection.prepare_cached(&SLAS)?;
        let mut rows = select.query([&measured.metrics.ticket_id])?;
        while let Some(row) = rows.next()? {
            let policy = row.get_ref(POLICY)?.as_str().ok();
            let mut wanted = measured.slas.iter().zip(&mut slas);
            match wanted.find(|(sla, _)| policy == Some(sla.policy.as_str())) {
                Some((sla, found)) => *found = known(row, sla, runs)?,
                None => {
                    has_others = true;
                    runs.push(row.get_ref(RUN)?.as_i64().unwrap_or(0));
                }
            }
        }
        Ok((slas, has_others))
    }

    /// Whether they are stored just so.
    pub(super) fn are(&mut self, measured: &Measured) -> rusqlite::Result<bool> {
        Ok(self.is_kept(measured)? && self.found(measured)?.is_right())
    }

    /// Whether when people wrote is stored just so.
    fn is_kept(&self, measured: &Measured) -> rusqlite::Result<bool> {
        let stored: Option<String> = self
            .connection
            .prepare_cached("SELECT activity FROM _ticket_activity WHERE ticket_id = ?1")?
            .query_row([&measured.metrics.ticket_id], |row| row.get(0))
            .optional()?;
        Ok(stored == measured.activity.text())
    }

    /// Stores when people wrote.
    fn keep(&self, measured: &Measured) -> rusqlite::Result<()> {
        let id = &measured.metrics.ticket_id;
        let (sql, text) = match measured.activity.text() {
            Some(text) => (
                "INSERT OR REPLACE INTO _ticket_activity (ticket_id, activity) VALUES (?1, ?2)",
                Some(text),
            ),
            None => ("DELETE FROM _ticket_activity WHERE ticket_id = ?1", None),
        };
        let mut statement = self.connection.prepare_cached(sql)?;
        match text {
            Some(text) => statement.execute(params![id, text]),
            None => statement.execute([id]),
        }
        .map(drop)
    }

    fn found(&self, measured: &Measured) -> rusqlite::Result<Found> {
        let id = &measured.metrics.ticket_id;
        let mut runs = Vec::with_capacity(measured.events.len() + 1);
        let mut select = self.connection.prepare_cached(&METRICS)?;
        let mut rows = select.query([id])?;
        let metrics = match rows.next()? {
            Some(row) => known(row, &measured.metrics, &mut runs)?,
            None => None,
        };
        let mut select = self.connection.prepare_cached(&EVENTS)?;
        let mut rows = select.query([id])?;
        let mut events = Vec::with_capacity(measured.events.len());
        let mut is_longer = false;
        while let Some(row) = rows.next()? {
            match measured.events.get(events.len()) {
                Some(event) => events.push(known(row, event, &mut runs)?),
                None => {
                    is_longer = true;
                    runs.push(
                        row.get_ref(TicketEvent::TABLE.content.len())?
                            .as_i64()
                            .unwrap_or(0),
                    );
                }
            }
        }
        events.resize(measured.events.len(), None);
        // A row at another place than its own is beside those in their places.
        is_longer |= events.contains(&None);
        let (slas, has_other_slas) = self.found_slas(measured, &mut runs)?;
        let sealed = self
            .connection
            .prepare_cached("SELECT metrics_hash FROM _ticket_index WHERE id = ?1")?
            .query_row([id], |row| sums::hash(row, 0))
            .optional()?
            .flatten();
        Ok(Found {
            metrics,
            events,
            is_sealed: sealed == Some(sums::runs(runs.into_iter())),
            is_longer,
            slas,
            has_other_slas,
        })
    }
}

/// The place of the policy among the columns of its row.
const POLICY: usize = 1;

/// That of the run.
const RUN: usize = TicketSla::TABLE.content.len();

/// The run of a row whose content is that of a record; `runs` are those of all rows.
fn known<R: Record>(
    row: &Row<'_>,
    record: &R,
    runs: &mut Vec<i64>,
) -> rusqlite::Result<Option<i64>> {
    let run = row.get_ref(R::TABLE.content.len())?.as_i64().ok();
    // No run has this number.
    runs.push(run.unwrap_or(0));
    Ok(match is(row, record)? {
        true => run,
        false => None,
    })
}

/// Binds a row with its run, and writes it.
fn put<R: Record>(
    statement: &mut CachedStatement<'_>,
    record: &R,
    snapshot_id: i64,
) -> rusqlite::Result<()> {
    let count = bind::bind(statement, record)?;
    statement.raw_bind_parameter(count + 1, snapshot_id)?;
    statement.raw_execute().map(drop)
}

/// Whether a row's content is that of a record.
fn is<R: Record>(row: &Row<'_>, record: &R) -> rusqlite::Result<bool> {
    let mut is_same = true;
    let mut columns = R::TABLE.content.iter().enumerate();
    let mut outcome = Ok(());
    record.each_cell(|cell| {
        let Some((index, column)) = columns.next() else {
            return;
        };
        match row.get_ref(index) {
            Ok(value) => is_same &= sums::cell(value, column.kind) == Some(cell),
            Err(error) => outcome = Err(error),
        }
    });
    outcome.map(|()| is_same)
}

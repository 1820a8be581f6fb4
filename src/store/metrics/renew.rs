//! Metrics of all tickets, computed anew where definitions or business hours are others than those of
//! what is stored, and names written where those are others: in transactions of many tickets each, so that one that is killed is gone on with.

use std::sync::Arc;

use chrono_tz::Tz;
use rusqlite::{Connection, OptionalExtension, params};

use super::super::failure::Failure;
use super::super::{Store, read, runs, standing, totals};
use super::current::is_current;
use super::{Measuring, Metrics, names, openings};
use crate::error::{Error, Result};
use crate::metrics::{DEFINITIONS, Policy, Schedule, fingerprint};
use crate::table::{Instant, Outcome, RunKind};
use crate::window::Window;

type Attempt<T> = std::result::Result<T, Failure>;

/// Tickets of one transaction.
const BATCH: usize = 1_000;

/// What computing all metrics anew came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Renewed {
    /// The run that wrote them (`snapshots.id`): of kind `metrics`, or the one that is unfinished.
    pub snapshot_id: i64,
    /// Tickets looked at.
    pub tickets: u64,
    /// Those whose metrics were others.
    pub changed: u64,
    /// Tags that got another name.
    pub renamed: u64,
}

/// The run that writes them.
#[derive(Debug, Clone, Copy)]
struct Writer {
    snapshot_id: i64,
    /// Whether it was begun for that alone.
    is_own: bool,
}

impl Store {
    /// From now on metrics are computed by these business hours; `hours` tells them from others.
    pub fn measure_by(&mut self, schedule: Schedule, hours: String) {
        self.measuring.schedule = Arc::new(schedule);
        self.measuring.hours = hours;
    }

    /// From now on days begin and end in this zone.
    pub fn count_days_in(&mut self, zone: Tz) {
        self.measuring.zone = zone;
    }

    /// Whether the metrics of all tickets are by the definitions of this program and by the business
    /// hours that it was told, and tags have the names that it was told.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn has_current_metrics(&self) -> Result<bool> {
        let look = || -> rusqlite::Result<bool> {
            Ok(is_current(&self.connection, &self.measuring)?
                && names::are_current(&self.connection, &self.measuring.names)?)
        };
        look().map_err(|error| self.failed("look how metrics were computed", error))
    }

    /// In one sentence, why metrics are not those of business hours that `hours` tells from others: `None`
    /// where they are, and of a store of an older version.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn metrics_behind(&self, hours: &str) -> Result<Option<&'static str>> {
        if self.require_current_schema().is_err() {
            return Ok(None);
        }
        behind(&self.connection, hours)
            .map_err(|error| self.failed("look how metrics were computed", error))
    }

    /// In one sentence, that other policies were promised than these; `None` where they were not, of a store whose
    /// metrics were never computed, and of one of an older version.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn promises_behind(&self, policies: &[Policy]) -> Result<Option<&'static str>> {
        if self.require_current_schema().is_err() {
            return Ok(None);
        }
        let stored: Option<String> = self
            .connection
            .query_row("SELECT policies FROM _metrics WHERE id = 1", [], |row| {
                row.get(0)
            })
            .optional()
            .map_err(|error| self.failed("look by which policies metrics were computed", error))?;
        Ok(stored
            .is_some_and(|stored| stored != fingerprint(policies))
            .then_some(
                "metrics of this store were computed with other policies than [[sla]] in the \
                 configuration says: the next backfill, sync or publish computes them anew",
            ))
    }

    /// Computes the metrics of all tickets anew and names tags, unless both are current: then these are two
    /// queries. Where only names are others, no ticket is looked at.
    /// It is a run of kind `metrics`, or belongs to the run that is unfinished, if there is one, which
    /// stays so. `told` is called with how many of how many tickets were looked at, and says whether
    /// to go on.
    ///
    /// # Errors
    /// [`Interrupted`](crate::error::ErrorKind::Interrupted) where `told` says so, and the next call goes on
    /// from there; the store cannot be read or written.
    pub fn renew_metrics(
        &mut self,
        now: Instant,
        told: &dyn Fn(u64, u64) -> bool,
    ) -> Result<Option<Renewed>> {
        if self.has_current_metrics()? {
            self.keep_openings(now)?;
            return Ok(None);
        }
        let measuring = self.measuring.clone();
        let begun = self.in_transaction("begin to compute metrics", |connection| {
            begin(connection, &measuring, now)
        })?;
        let Some(writer) = begun.writer else {
            return Ok(None);
        };
        let mut renewed = Renewed {
            snapshot_id: writer.snapshot_id,
            tickets: 0,
            changed: 0,
            renamed: begun.renamed,
        };
        if begun.is_done {
            return Ok(Some(renewed));
        }
        let (mut done, all) = (begun.done, begun.all);
        tracing::info!(run = writer.snapshot_id, tickets = all, "computing metrics");
        loop {
            if !told(done, all) {
                return Err(Error::interrupted());
            }
            let batch = self.in_transaction("compute metrics", |connection| {
                step(connection, &measuring, writer, now)
            })?;
            done += batch.tickets;
            renewed.tickets += batch.tickets;
            renewed.changed += batch.changed;
            if batch.is_last {
                break;
            }
        }
        Ok(Some(renewed))
    }

    /// Computes the metrics of these tickets again, for a run; returns how many were not as their other
    /// rows make them.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn mend_metrics(&mut self, snapshot_id: i64, ids: &[&str]) -> Result<u64> {
        let measuring = self.measuring.clone();
        self.in_transaction("compute metrics again", |connection| {
            let mut metrics = Metrics::new(connection, snapshot_id, &measuring)?;
            let mut mended = 0;
            for id in ids {
                mended += u64::from(metrics.refresh(id)?);
            }
            Ok(mended)
        })
    }
}

/// Notes by which hours metrics are computed, in a store without tickets that does not know yet.
pub(in crate::store) fn remember(
    connection: &Connection,
    measuring: &Measuring,
) -> rusqlite::Result<()> {
    let is_new: bool = connection.query_row(
        "SELECT NOT EXISTS (SELECT 1 FROM _metrics) AND NOT EXISTS (SELECT 1 FROM tickets)",
        [],
        |row| row.get(0),
    )?;
    match is_new {
        true => note(connection, measuring, true),
        false => Ok(()),
    }
}

fn behind(connection: &Connection, wanted: &str) -> rusqlite::Result<Option<&'static str>> {
    let stored: Option<(i64, String, bool)> = connection
        .query_row(
            "SELECT definitions, hours, is_current FROM _metrics WHERE id = 1",
            [],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )
        .optional()?;
    let Some((definitions, hours, is_current)) = stored else {
        let has_tickets: bool =
            connection.query_row("SELECT EXISTS (SELECT 1 FROM tickets)", [], |row| {
                row.get(0)
            })?;
        return Ok(has_tickets.then_some(
            "metrics of this store were never computed: the next backfill, sync or publish does that",
        ));
    };
    Ok(if hours != wanted {
        Some(
            "metrics of this store were computed with other business hours than [metrics] in the \
             configuration says: the next backfill, sync or publish computes them anew",
        )
    } else if definitions != DEFINITIONS {
        Some(
            "metrics of this store were computed by another version of mava-export: the next backfill, \
             sync or publish computes them anew",
        )
    } else if !is_current {
        Some(
            "metrics of this store are computed anew only in part: the next backfill, sync or publish \
             goes on with it",
        )
    } else {
        None
    })
}

fn note(connection: &Connection, measuring: &Measuring, is_current: bool) -> rusqlite::Result<()> {
    connection
        .execute(
            "INSERT INTO _metrics (id, definitions, hours, policies, is_current)
             VALUES (1, ?1, ?2, ?3, ?4)
             ON CONFLICT (id) DO UPDATE SET definitions = excluded.definitions, hours = excluded.hours,
                 policies = excluded.policies, is_current = excluded.is_current, last_ticket = NULL",
            params![
                DEFINITIONS,
                measuring.hours,
                fingerprint(&measuring.policies),
                is_current
            ],
        )
        .map(drop)
}

/// How computing metrics begins.
struct Begun {
    /// No run where there is nothing to write.
    writer: Option<Writer>,
    /// Tickets that it has done, of `all`.
    done: u64,
    all: u64,
    /// Tags that it gave another name.
    renamed: u64,
    /// Whether that is all.
    is_done: bool,
}

fn begin(connection: &Connection, measuring: &Measuring, now: Instant) -> Attempt<Begun> {
    let is_done = is_current(connection, measuring)?;
    let all = counted(connection, "SELECT count(*) FROM tickets")?;
    let is_resumed = !is_done && resumes(connection, measuring, all)?;
    let due = names::due(connection, &measuring.names.tags)?;
    let writer = match is_done && due.is_empty() {
        true => None,
        false => writer(connection, all > 0 || !due.is_empty(), now)?,
    };
    if let Some(writer) = writer {
        if writer.is_own && !is_resumed {
            connection.execute(
                "UPDATE snapshots SET tickets_read = 0, tickets_changed = 0 WHERE id = ?1",
                [writer.snapshot_id],
            )?;
        }
        names::rename(connection, writer.snapshot_id, &due)?;
        if is_done && writer.is_own {
            end(connection, measuring, writer, now)?;
        }
    }
    names::note(connection, &measuring.names)?;
    openings::keep(connection, measuring, now)?;
    let done = counted(
        connection,
        "SELECT count(*) FROM tickets WHERE id <= (SELECT last_ticket FROM _metrics)",
    )?;
    Ok(Begun {
        writer,
        done,
        all,
        renamed: u64::try_from(due.len()).unwrap_or(u64::MAX),
        is_done,
    })
}

/// Notes by what metrics of so many tickets are computed from now on; whether that was begun before.
fn resumes(connection: &Connection, measuring: &Measuring, all: u64) -> Attempt<bool> {
    let is_same: Option<bool> = connection
        .query_row(
            "SELECT NOT is_current AND definitions = ?1 AND hours = ?2 AND policies = ?3
             FROM _metrics WHERE id = 1",
            params![
                DEFINITIONS,
                measuring.hours,
                fingerprint(&measuring.policies)
            ],
            |row| row.get(0),
        )
        .optional()?;
    let is_resumed = is_same.unwrap_or(false);
    if !is_resumed || all == 0 {
        note(connection, measuring, all == 0)?;
    }
    Ok(is_resumed)
}

/// The run that writes: the one that is unfinished, else one of its own, if there `is_any` to write.
fn writer(connection: &Connection, is_any: bool, now: Instant) -> Attempt<Option<Writer>> {
    // One whose record is damaged is for a repair to see to.
    let unfinished = read::unfinished(connection).unwrap_or_default();
    Ok(match unfinished.first() {
        Some(run) => Some(Writer {
            snapshot_id: run.id,
            is_own: run.is_of(RunKind::Metrics),
        }),
        None if is_any => Some(Writer {
            snapshot_id: insert(connection, now)?,
            is_own: true,
        }),
        None => None,
    })
}

fn counted(connection: &Connection, sql: &str) -> rusqlite::Result<u64> {
    let count: i64 = connection.query_row(sql, [], |row| row.get(0))?;
    Ok(u64::try_from(count).unwrap_or(0))
}

/// Begins a run of its own, whose range holds all tickets.
fn insert(connection: &Connection, now: Instant) -> Attempt<i64> {
    let (from, until): (Option<i64>, Option<i64>) = connection.query_row(
        "SELECT min(created_at_ms), max(created_at_ms) FROM _ticket_index",
        [],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    let now_ms = now.timestamp_millis();
    let (from, until) = (from.unwrap_or(now_ms), until.unwrap_or(now_ms));
    let range = Window::from_millis(from, until.saturating_add(1)).ok_or_else(|| {
        Failure::Contradiction("no instant ends after the last ticket".to_owned())
    })?;
    let spec = runs::RunSpec {
        kind: RunKind::Metrics,
        range,
        is_until_open: false,
        filters_json: None,
        has_messages: false,
    };
    Ok(runs::insert(connection, &spec, now)?.id)
}

/// What one transaction did.
struct Batch {
    tickets: u64,
    changed: u64,
    is_last: bool,
}

fn step(
    connection: &Connection,
    measuring: &Measuring,
    writer: Writer,
    now: Instant,
) -> Attempt<Batch> {
    let ids: Vec<String> = connection
        .prepare_cached(
            "SELECT id FROM tickets
             WHERE id > coalesce((SELECT last_ticket FROM _metrics), '') ORDER BY id LIMIT ?1",
        )?
        .query_map([i64::try_from(BATCH).unwrap_or(i64::MAX)], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    let mut metrics = Metrics::new(connection, writer.snapshot_id, measuring)?;
    let mut changed = 0;
    for id in &ids {
        changed += u64::from(metrics.refresh(id)?);
    }
    let batch = Batch {
        tickets: u64::try_from(ids.len()).unwrap_or(u64::MAX),
        changed,
        is_last: ids.len() < BATCH,
    };
    if writer.is_own {
        connection.execute(
            "UPDATE snapshots SET tickets_read = tickets_read + ?2,
                 tickets_changed = tickets_changed + ?3 WHERE id = ?1",
            params![
                writer.snapshot_id,
                i64::try_from(batch.tickets).unwrap_or(i64::MAX),
                i64::try_from(batch.changed).unwrap_or(i64::MAX)
            ],
        )?;
    }
    if !batch.is_last {
        connection.execute("UPDATE _metrics SET last_ticket = ?1", [ids.last()])?;
        return Ok(batch);
    }
    note(connection, measuring, true)?;
    if writer.is_own {
        end(connection, measuring, writer, now)?;
    }
    Ok(batch)
}

fn end(
    connection: &Connection,
    measuring: &Measuring,
    writer: Writer,
    now: Instant,
) -> Attempt<()> {
    let outcome = match standing::standing(connection)?.open {
        0 => Outcome::Complete,
        _ => Outcome::WithRejects,
    };
    runs::end(connection, writer.snapshot_id, outcome, now)?;
    totals::keep_up(connection, measuring)
}

//! Totals of all tickets, made anew where a run ends and anything changed, in one transaction.

mod read;
mod wide;
mod write;

use rusqlite::{Connection, OptionalExtension, params};

use self::read::Tickets;
use super::failure::Failure;
use super::metrics::Measuring;
use super::{Store, metrics};
use crate::error::Result;
use crate::metrics::totals::{self, Calendar, Counter, DisplayNames, Span};
use crate::table::{
    AgentDay, AgentPeriod, CategoryPeriod, CustomerTotals, DailyMetrics, HourVolume, Instant,
    LocalDay, LocalHour, Record, TagPeriod, instant_text, parse_instant,
};

type Attempt<T> = std::result::Result<T, Failure>;

/// Raised with each change of a definition: totals that were made by another one are made anew.
const DEFINITIONS: i64 = 1;

/// How far `days` and `hours` go beyond the last run, and from when on that is too little.
const AHEAD: chrono::TimeDelta = chrono::TimeDelta::days(366);
const LEAST_AHEAD: chrono::TimeDelta = chrono::TimeDelta::days(180);

impl Store {
    /// Makes totals anew where anything that they follow from changed since, and carries them on to the day of the
    /// last run where nothing did. Returns whether any row of them changed. Nothing is done while metrics of
    /// tickets are not current, and before a run came to its end.
    ///
    /// # Errors
    /// The store cannot be read or written.
    pub fn renew_totals(&mut self) -> Result<bool> {
        let measuring = self.measuring.clone();
        let is_due = metrics::is_current(&self.connection, &measuring)
            .and_then(|is_current| Ok(is_current && is_due(&self.connection, &measuring)?))
            .map_err(|error| self.failed("look how totals were made", error))?;
        match is_due {
            true => {
                self.in_transaction("make totals", |connection| keep_up(connection, &measuring))
            }
            false => Ok(false),
        }
    }

    /// Makes totals anew, whatever is stored of them.
    ///
    /// # Errors
    /// The store cannot be read or written.
    pub fn remake_totals(&mut self) -> Result<bool> {
        self.in_transaction("make totals anew", |connection| {
            connection.execute("UPDATE _totals SET made_of = ''", [])?;
            Ok(())
        })?;
        self.renew_totals()
    }
}

/// Names the tables of totals whose rows are not what follows from all other rows. Totals of the past are not
/// looked at.
pub(super) fn wrong(connection: &Connection, measuring: &Measuring) -> Attempt<Vec<&'static str>> {
    let Some(basis) = basis(connection, measuring)? else {
        return Ok(Vec::new());
    };
    let (is_current, last_run) = (
        metrics::is_current(connection, measuring)?,
        basis.span.last_run,
    );
    if !is_current || made(connection)? != Some((basis.made_of, instant_text(last_run))) {
        return Ok(Vec::new());
    }
    match make(connection, measuring)? {
        Some(made) => made.wrong(connection),
        None => Ok(Vec::new()),
    }
}

/// See [`Store::renew_totals`], within a transaction: that in which a run comes to its end, so that none is over
/// without its totals.
pub(super) fn keep_up(connection: &Connection, measuring: &Measuring) -> Attempt<bool> {
    match metrics::is_current(connection, measuring)? && is_due(connection, measuring)? {
        true => renew(connection, measuring),
        false => Ok(false),
    }
}

/// What totals are made of, and how far they go.
struct Basis {
    made_of: String,
    span: Span,
}

impl Basis {
    fn last_run(&self) -> String {
        instant_text(self.span.last_run)
    }
}

/// `None` before a run came to its end.
fn basis(connection: &Connection, measuring: &Measuring) -> rusqlite::Result<Option<Basis>> {
    let last_run: Option<String> = connection
        .query_row(
            "SELECT started_at FROM snapshots WHERE finished_at IS NOT NULL ORDER BY id DESC LIMIT 1",
            [],
            |row| row.get(0),
        )
        .optional()?;
    let Some(last_run) = last_run.as_deref().and_then(parse_instant) else {
        return Ok(None);
    };
    // Names change without their tickets.
    let named = |table: &str| -> rusqlite::Result<i64> {
        let sql = format!("SELECT coalesce(max(snapshot_id), 0) FROM {table}");
        connection.query_row(&sql, [], |row| row.get(0))
    };
    let names: Vec<String> = ["agents", "categories", "tags", "customers"]
        .into_iter()
        .map(|table| named(table).map(|run| run.to_string()))
        .collect::<rusqlite::Result<_>>()?;
    let made_of = format!(
        "{DEFINITIONS}; {}; {}; {}; {}",
        measuring.zone_text(),
        measuring.hours,
        names.join(" "),
        measuring.names.fingerprint()
    );
    Ok(Some(Basis {
        made_of,
        span: Span {
            last_run,
            first_seen: None,
        },
    }))
}

/// What totals were made of, and when the last run of them began.
fn made(connection: &Connection) -> rusqlite::Result<Option<(String, String)>> {
    connection
        .prepare_cached("SELECT made_of, last_run FROM _totals WHERE id = 1")?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()
}

fn is_due(connection: &Connection, measuring: &Measuring) -> rusqlite::Result<bool> {
    let Some(basis) = basis(connection, measuring)? else {
        return Ok(false);
    };
    let last_run = basis.last_run();
    let is_made = made(connection)? == Some((basis.made_of, last_run));
    Ok(!is_made)
}

/// How far days go: as far as they do, where that is enough.
fn until(connection: &Connection, run: Instant) -> rusqlite::Result<Instant> {
    let last: Option<String> =
        connection.query_row("SELECT max(starts_at) FROM days", [], |row| row.get(0))?;
    let last = last.as_deref().and_then(parse_instant);
    let enough = last.filter(|last| *last >= run + LEAST_AHEAD && *last <= run + AHEAD);
    Ok(enough.unwrap_or(run + AHEAD))
}

/// Whether there are days enough beyond a run, or no tickets.
fn reaches(connection: &Connection, run: Instant) -> rusqlite::Result<bool> {
    let last: Option<String> =
        connection.query_row("SELECT max(ends_at) FROM days", [], |row| row.get(0))?;
    let last = last.as_deref().and_then(parse_instant);
    Ok(last.is_none_or(|last| last >= run + LEAST_AHEAD))
}

fn renew(connection: &Connection, measuring: &Measuring) -> Attempt<bool> {
    let Some(basis) = basis(connection, measuring)? else {
        return Ok(false);
    };
    let has_changed = match made(connection)? {
        // Nothing happened since.
        Some((made_of, last_run))
            if made_of == basis.made_of
                && last_run <= basis.last_run()
                && reaches(connection, basis.span.last_run)?
                && is_over(connection, &last_run)? =>
        {
            write::carry_on(connection, &last_run, &basis.last_run())?
        }
        _ => match make(connection, measuring)? {
            Some(made) => {
                let has_views = wide::renew(connection, &measuring.names.attributes)?;
                made.write(connection)? || has_views
            }
            None => false,
        },
    };
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO _totals (id, made_of, last_run) VALUES (1, ?1, ?2)",
        )?
        .execute(params![basis.made_of, basis.last_run()])?;
    Ok(has_changed)
}

/// Whether nothing happened to a ticket after the day of a run: clocks that are ahead may say so.
fn is_over(connection: &Connection, last_run: &str) -> rusqlite::Result<bool> {
    connection.query_row(
        "SELECT coalesce((SELECT min(ends_at) FROM days WHERE ends_at > ?1), '') > max(
             coalesce((SELECT max(created_at) FROM tickets), ''),
             coalesce((SELECT max(occurred_at) FROM ticket_events), ''),
             coalesce((SELECT max(last_message_at) FROM tickets), ''))",
        [last_run],
        |row| row.get(0),
    )
}

/// All rows of totals.
struct Made {
    days: Vec<LocalDay>,
    hours: Vec<LocalHour>,
    totals: totals::Totals,
}

/// Makes totals of all tickets; `None` before a run came to its end.
fn make(connection: &Connection, measuring: &Measuring) -> Attempt<Option<Made>> {
    let Some(mut basis) = basis(connection, measuring)? else {
        return Ok(None);
    };
    let instant = |sql: &str| -> rusqlite::Result<Option<Instant>> {
        let text: Option<String> = connection.query_row(sql, [], |row| row.get(0))?;
        Ok(text.as_deref().and_then(parse_instant))
    };
    let first = instant("SELECT min(created_at) FROM tickets")?;
    let Some(first) = first else {
        return Ok(Some(Made {
            days: Vec::new(),
            hours: Vec::new(),
            totals: totals::Totals::default(),
        }));
    };
    basis.span.first_seen = instant("SELECT min(valid_from) FROM ticket_history")?;
    // Nothing is told apart by days before these, in which no desk was.
    let first = first.max(Instant::UNIX_EPOCH);
    let calendar = Calendar::new(
        measuring.zone,
        first,
        until(connection, basis.span.last_run)?,
    );
    let hours = calendar.hour_rows();
    let mut counter = Counter::new(&calendar, &hours, basis.span);
    let mut tickets = Tickets::new(connection)?;
    tickets.each(|ticket| counter.add(ticket))?;
    let totals = counter.rows(&names(connection)?);
    Ok(Some(Made {
        days: calendar.day_rows(),
        hours,
        totals,
    }))
}

impl Made {
    /// Writes what differs from what is stored; returns whether anything did.
    fn write(&self, connection: &Connection) -> Attempt<bool> {
        let totals = &self.totals;
        let mut changed = 0;
        if !write::reaches_as_far(connection, &self.days)? {
            changed += write::rows(connection, &self.days)?;
            changed += write::rows(connection, &self.hours)?;
        }
        changed += write::rows(connection, &totals.daily)?;
        changed += write::rows(connection, &totals.agent_days)?;
        changed += write::rows(connection, &totals.agents)?;
        changed += write::rows(connection, &totals.categories)?;
        changed += write::rows(connection, &totals.tags)?;
        changed += write::rows(connection, &totals.customers)?;
        changed += write::rows(connection, &totals.hours)?;
        Ok(changed > 0)
    }

    /// Names the tables whose rows are others. Days and hours go on longer or shorter, and are no part of it.
    fn wrong(&self, connection: &Connection) -> Attempt<Vec<&'static str>> {
        let totals = &self.totals;
        let checked = [
            (DailyMetrics::TABLE, write::are(connection, &totals.daily)?),
            (AgentDay::TABLE, write::are(connection, &totals.agent_days)?),
            (AgentPeriod::TABLE, write::are(connection, &totals.agents)?),
            (
                CategoryPeriod::TABLE,
                write::are(connection, &totals.categories)?,
            ),
            (TagPeriod::TABLE, write::are(connection, &totals.tags)?),
            (
                CustomerTotals::TABLE,
                write::are(connection, &totals.customers)?,
            ),
            (HourVolume::TABLE, write::are(connection, &totals.hours)?),
        ];
        let wrong = checked.into_iter().filter(|(_, is_right)| !is_right);
        Ok(wrong.map(|(table, _)| table.name).collect())
    }
}

fn names(connection: &Connection) -> rusqlite::Result<DisplayNames> {
    let read = |sql: &str| {
        let mut statement = connection.prepare(sql)?;
        let names = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        names.collect::<rusqlite::Result<_>>()
    };
    Ok(DisplayNames {
        agents: read(
            "SELECT id, coalesce(name, email) FROM agents WHERE coalesce(name, email) IS NOT NULL",
        )?,
        categories: read("SELECT id, name FROM categories WHERE name IS NOT NULL")?,
        tags: read("SELECT id, name FROM tags WHERE name IS NOT NULL")?,
        customers: read(
            "SELECT id, coalesce(name, email) FROM customers WHERE coalesce(name, email) IS NOT NULL",
        )?,
    })
}

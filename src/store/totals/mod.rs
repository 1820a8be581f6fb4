//! Totals of all tickets, made anew where a run ends and anything changed, in one transaction.

mod read;
mod wide;
mod write;

use chrono::TimeDelta;
use chrono_tz::Tz;
use rusqlite::{Connection, OptionalExtension};

use self::read::Tickets;
use super::failure::Failure;
use super::metrics::Measuring;
use super::{Store, bind, metrics};
use crate::error::Result;
use crate::metrics::totals::{self, Calendar, Counter, DisplayNames, Span};
use crate::table::{
    AgentDay, AgentPeriod, CategoryPeriod, CustomerTotals, DailyMetrics, HourVolume, Instant,
    LocalDay, LocalHour, OLDEST_DESK_MS, Record, TOTALS, TagPeriod, instant_text, parse_instant,
};

type Attempt<T> = std::result::Result<T, Failure>;

/// Raised with each change of a definition: totals that were made by another one are made anew.
const DEFINITIONS: i64 = 2;

/// How far `days` go beyond the last run, and from when on that is too little.
const AHEAD: TimeDelta = TimeDelta::days(366);
const LEAST_AHEAD: TimeDelta = TimeDelta::days(180);

impl Store {
    /// Makes totals anew where anything that they follow from changed since, and carries them on to the day of the
    /// last run where nothing did. Nothing is done while metrics of tickets are not current, and before a run
    /// came to its end.
    ///
    /// # Errors
    /// The store cannot be read or written.
    pub fn renew_totals(&mut self) -> Result<()> {
        let measuring = self.measuring.clone();
        self.in_transaction("make totals", |connection| keep_up(connection, &measuring))
    }

    /// In one sentence, that days are those of another zone; `None` where they are not, where totals are of the past
    /// or were never made, and of a store of an older version.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn totals_behind(&self, zone: Tz) -> Result<Option<&'static str>> {
        if self.require_current_schema().is_err() {
            return Ok(None);
        }
        let stored = stored(&self.connection)
            .map_err(|error| self.failed("look how totals were made", error))?;
        let stored = stored.map(|(stored, _)| stored);
        let zone = metrics::zone_text(zone);
        let is_other =
            |made_of: String| !made_of.is_empty() && made_of.split("; ").nth(1) != Some(&zone);
        let is_behind = stored.is_some_and(|stored| is_other(stored.made_of));
        Ok(is_behind.then_some(
            "days in this store are those of another time zone than [metrics] in the configuration says: the \
             next backfill, sync or publish counts them anew",
        ))
    }

    /// What tells the totals that are stored from others; `None` before any were made.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn totals_made_of(&self) -> Result<Option<String>> {
        let stored = stored(&self.connection)
            .map_err(|error| self.failed("look how totals were made", error))?;
        Ok(stored
            .map(|(stored, _)| format!("{}; {}", stored.made_of, instant_text(stored.last_run))))
    }

    /// Makes totals anew, whatever is stored of them.
    ///
    /// # Errors
    /// The store cannot be read or written.
    pub fn remake_totals(&mut self) -> Result<()> {
        let measuring = self.measuring.clone();
        self.in_transaction("make totals anew", |connection| {
            connection.execute("DELETE FROM _totals", [])?;
            if wanted(connection, &measuring)?.is_some() {
                for table in TOTALS {
                    connection.execute(&format!("DELETE FROM {}", table.name), [])?;
                }
            }
            keep_up(connection, &measuring)
        })
    }
}

/// See [`Store::renew_totals`], within a transaction: that in which a run comes to its end, so that none is over
/// without its totals.
pub(super) fn keep_up(connection: &Connection, measuring: &Measuring) -> Attempt<()> {
    let Some(wanted) = wanted(connection, measuring)? else {
        return Ok(());
    };
    let latest = match stored(connection)? {
        Some((stored, _)) if stored == wanted => return Ok(()),
        Some((stored, latest))
            if goes_on(
                connection,
                measuring.zone,
                (&stored, latest.as_deref()),
                &wanted,
            )? =>
        {
            carry_on(connection, measuring.zone, &stored, &wanted)?;
            latest
        }
        _ => {
            wide::renew(connection, &measuring.names.attributes)?;
            make(connection, measuring, wanted.last_run)?.write(connection)?;
            latest(connection)?
        }
    };
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO _totals (id, made_of, last_run, latest) VALUES (1, ?1, ?2, ?3)",
        )?
        .execute((&wanted.made_of, instant_text(wanted.last_run), latest))?;
    Ok(())
}

/// Names the tables of totals whose rows are not what follows from all other rows. Totals of the past are not
/// looked at.
pub(super) fn wrong(connection: &Connection, measuring: &Measuring) -> Attempt<Vec<&'static str>> {
    let wanted = wanted(connection, measuring)?;
    match wanted {
        Some(basis) if stored(connection)?.is_some_and(|(stored, _)| stored == basis) => {
            make(connection, measuring, basis.last_run)?.wrong(connection)
        }
        _ => Ok(Vec::new()),
    }
}

/// What totals follow from, beside the rows of tickets.
#[derive(Debug, PartialEq)]
struct Basis {
    /// Definitions, zone, hours and names.
    made_of: String,
    /// When the last run that came to its end began.
    last_run: Instant,
}

/// That of totals as they should be; `None` while metrics are not current or a run goes on, and before one came to
/// its end.
fn wanted(connection: &Connection, measuring: &Measuring) -> rusqlite::Result<Option<Basis>> {
    if !metrics::is_current(connection, measuring)? {
        return Ok(None);
    }
    let last_run = instant(
        connection,
        "SELECT started_at FROM snapshots
         WHERE NOT EXISTS (SELECT 1 FROM snapshots WHERE finished_at IS NULL) ORDER BY id DESC LIMIT 1",
    )?;
    let Some(last_run) = last_run else {
        return Ok(None);
    };
    // Names change without their tickets.
    let named = |table| -> rusqlite::Result<String> {
        let sql = format!("SELECT coalesce(max(snapshot_id), 0) FROM {table}");
        let run: i64 = connection.query_row(&sql, [], |row| row.get(0))?;
        Ok(run.to_string())
    };
    let names = ["agents", "categories", "tags", "customers"].map(named);
    let names = names.into_iter().collect::<rusqlite::Result<Vec<_>>>()?;
    Ok(Some(Basis {
        made_of: format!(
            "{DEFINITIONS}; {}; {}; {}; {}",
            metrics::zone_text(measuring.zone),
            measuring.hours,
            names.join(" "),
            measuring.names.fingerprint()
        ),
        last_run,
    }))
}

/// That of the totals that are stored, and the latest instant of anything in them.
fn stored(connection: &Connection) -> rusqlite::Result<Option<(Basis, Option<String>)>> {
    let stored: Option<(String, String, Option<String>)> = connection
        .prepare_cached("SELECT made_of, last_run, latest FROM _totals WHERE id = 1")?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    Ok(stored.and_then(|(made_of, last_run, latest)| {
        let last_run = parse_instant(&last_run)?;
        Some((Basis { made_of, last_run }, latest))
    }))
}

/// An instant by a query of one row at most; one that cannot be read is none.
fn instant(connection: &Connection, sql: &str) -> rusqlite::Result<Option<Instant>> {
    let text = connection
        .query_row(sql, [], |row| row.get(0))
        .optional()?
        .flatten();
    Ok(text.and_then(|text: String| parse_instant(&text)))
}

/// When the last day begins that is laid out.
fn last_day(connection: &Connection) -> rusqlite::Result<Option<Instant>> {
    instant(connection, "SELECT max(starts_at) FROM days")
}

/// Whether totals have but to be carried on: nothing happened since, and there are days enough.
fn goes_on(
    connection: &Connection,
    zone: Tz,
    (stored, latest): (&Basis, Option<&str>),
    wanted: &Basis,
) -> rusqlite::Result<bool> {
    if stored.made_of != wanted.made_of || stored.last_run > wanted.last_run {
        return Ok(false);
    }
    let last_day = last_day(connection)?;
    let has_days = last_day.is_none_or(|last| last >= wanted.last_run + LEAST_AHEAD);
    // What a run read of the hours after the one in which it began is in no row yet.
    let of_run = Calendar::new(zone, stored.last_run, stored.last_run).hour_rows();
    let hour = of_run.iter().find(|hour| hour.ends_at > stored.last_run);
    let is_over =
        |hour: &LocalHour| latest.is_none_or(|latest| latest < &*instant_text(hour.ends_at));
    Ok(has_days && hour.is_some_and(is_over))
}

/// The latest instant at which anything happened to a ticket or one was first seen: clocks that are ahead may say
/// so of one that is to come.
fn latest(connection: &Connection) -> rusqlite::Result<Option<String>> {
    connection.query_row(
        "SELECT max(at) FROM (
             SELECT max(created_at) AS at FROM tickets UNION ALL SELECT max(last_message_at) FROM tickets
             UNION ALL SELECT max(occurred_at) FROM ticket_events
             UNION ALL SELECT min(valid_from) FROM ticket_history)",
        [],
        |row| row.get(0),
    )
}

/// Carries totals on from the day of one run to that of a later one, where nothing happened since: the backlog
/// stays, and hours come in which nothing was written.
fn carry_on(connection: &Connection, zone: Tz, stored: &Basis, wanted: &Basis) -> Attempt<()> {
    let (from, until) = (instant_text(stored.last_run), instant_text(wanted.last_run));
    let columns = DailyMetrics::TABLE.content;
    let values = bind::list(columns.iter(), |_, column| {
        let is_kept =
            column.name.starts_with("backlog") || DailyMetrics::TABLE.key.contains(&column.name);
        match (column.name, is_kept, column.is_nullable) {
            ("day", ..) => "n.day".to_owned(),
            (name, true, _) => format!("b.{name}"),
            (_, false, true) => "NULL".to_owned(),
            (_, false, false) => "0".to_owned(),
        }
    });
    let columns = bind::list(columns.iter(), |_, column| column.name.to_owned());
    connection.execute(
        &format!(
            "INSERT INTO daily_metrics ({columns}) SELECT {values} FROM days AS n
             JOIN daily_metrics AS b ON b.backlog_high > 0
                 AND b.day = (SELECT day FROM days WHERE starts_at <= ?1 AND ends_at > ?1)
             WHERE n.starts_at > ?1 AND n.starts_at <= ?2"
        ),
        [&from, &until],
    )?;
    let last = instant(connection, "SELECT max(starts_at) FROM hourly_volume")?;
    if let Some(last) = last {
        let hours = Calendar::new(zone, last, wanted.last_run).hour_rows();
        let hours = hours.iter().map(HourVolume::empty);
        let hours = hours.filter(|hour| hour.starts_at > last && hour.starts_at <= wanted.last_run);
        write::add::<HourVolume>(connection, hours)?;
    }
    Ok(())
}

/// All rows of totals.
struct Made {
    days: Vec<LocalDay>,
    totals: totals::Totals,
}

/// Makes totals of all tickets.
fn make(connection: &Connection, measuring: &Measuring, last_run: Instant) -> Attempt<Made> {
    let zone = measuring.zone;
    let first = instant(connection, "SELECT min(created_at) FROM tickets")?;
    let Some(first) = first else {
        return Ok(Made {
            days: Vec::new(),
            totals: totals::Totals::default(),
        });
    };
    // Nothing is told apart by days before these, in which no desk was: one wrong date would make half a million hours.
    let oldest = Instant::from_timestamp_millis(OLDEST_DESK_MS).unwrap_or_default();
    let first = first.max(oldest);
    // As far as days go already, where that is enough.
    let enough = last_run + LEAST_AHEAD..=last_run + AHEAD;
    let until = last_day(connection)?.filter(|last| enough.contains(last));
    let calendar = Calendar::new(zone, first, until.unwrap_or(last_run + AHEAD));
    let hours = Calendar::new(zone, first, last_run).hour_rows();
    let span = Span {
        last_run,
        first_seen: instant(connection, "SELECT min(valid_from) FROM ticket_history")?,
    };
    let mut counter = Counter::new(&calendar, &hours, span);
    Tickets::new(connection)?.each(|ticket| counter.add(ticket))?;
    Ok(Made {
        days: calendar.day_rows(),
        totals: counter.rows(&names(connection)?),
    })
}

impl Made {
    /// Writes what differs from what is stored.
    fn write(&self, connection: &Connection) -> Attempt<()> {
        let totals = &self.totals;
        write::rows::<LocalDay, _>(connection, || self.days.iter())?;
        write::rows::<DailyMetrics, _>(connection, || totals.daily.iter())?;
        write::rows::<AgentDay, _>(connection, || totals.agent_days.iter())?;
        write::rows::<AgentPeriod, _>(connection, || totals.agents.iter())?;
        write::rows::<CategoryPeriod, _>(connection, || totals.categories.iter())?;
        write::rows::<TagPeriod, _>(connection, || totals.tags.iter())?;
        write::rows::<CustomerTotals, _>(connection, || totals.customers.iter())?;
        write::rows::<HourVolume, _>(connection, || totals.hours.iter())?;
        Ok(())
    }

    /// Names the tables whose rows are others.
    fn wrong(&self, connection: &Connection) -> Attempt<Vec<&'static str>> {
        let totals = &self.totals;
        let wrong = [
            write::wrong::<LocalDay>(connection, self.days.iter())?,
            write::wrong::<DailyMetrics>(connection, totals.daily.iter())?,
            write::wrong::<AgentDay>(connection, totals.agent_days.iter())?,
            write::wrong::<AgentPeriod>(connection, totals.agents.iter())?,
            write::wrong::<CategoryPeriod>(connection, totals.categories.iter())?,
            write::wrong::<TagPeriod>(connection, totals.tags.iter())?,
            write::wrong::<CustomerTotals>(connection, totals.customers.iter())?,
            write::wrong::<HourVolume>(connection, totals.hours.iter())?,
        ];
        Ok(wrong.into_iter().flatten().collect())
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

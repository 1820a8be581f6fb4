//! Rows of totals, written only where they differ.

use std::cmp::Ordering;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::super::{bind, sums};
use crate::table::{Cell, DailyMetrics, HourVolume, LocalDay, Record, Table, instant_text};

/// Writes rows, which are in the order of their key; returns how many were not stored so, those that are no more
/// included.
pub(super) fn rows<R: Record>(connection: &Connection, rows: &[R]) -> rusqlite::Result<u64> {
    let found = Found::of(connection, rows)?;
    let mut remove =
        connection.prepare_cached(&format!("DELETE FROM {} WHERE rowid = ?1", R::TABLE.name))?;
    for row in &found.superfluous {
        remove.execute([row])?;
    }
    let mut insert = connection.prepare_cached(&bind::insert_sql(R::TABLE))?;
    for place in &found.missing {
        if let Some(row) = rows.get(*place) {
            bind::bind(&mut insert, row)?;
            insert.raw_execute()?;
        }
    }
    let changed = found.superfluous.len().max(found.missing.len());
    Ok(u64::try_from(changed).unwrap_or(u64::MAX))
}

/// Whether the days that are stored begin and end as these do: then hours do, too.
pub(super) fn reaches_as_far(connection: &Connection, days: &[LocalDay]) -> rusqlite::Result<bool> {
    let bounds = |day: Option<&LocalDay>| {
        day.map(|day| (instant_text(day.starts_at), instant_text(day.ends_at)))
    };
    let stored = |order: &str| {
        let sql = format!("SELECT starts_at, ends_at FROM days ORDER BY day {order} LIMIT 1");
        connection
            .query_row(&sql, [], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()
    };
    let count: i64 = connection.query_row("SELECT count(*) FROM days", [], |row| row.get(0))?;
    Ok(usize::try_from(count) == Ok(days.len())
        && stored("ASC")? == bounds(days.first())
        && stored("DESC")? == bounds(days.last()))
}

/// Whether these rows are stored, and no others.
pub(super) fn are<R: Record>(connection: &Connection, rows: &[R]) -> rusqlite::Result<bool> {
    let found = Found::of(connection, rows)?;
    Ok(found.superfluous.is_empty() && found.missing.is_empty())
}

/// What is stored, held against the rows that should be.
#[derive(Default)]
struct Found {
    /// `rowid` of those that are to go.
    superfluous: Vec<i64>,
    /// Places of those that are to come.
    missing: Vec<usize>,
}

impl Found {
    fn of<R: Record>(connection: &Connection, rows: &[R]) -> rusqlite::Result<Self> {
        let table = R::TABLE;
        let names = bind::list(table.content.iter(), |_, column| column.name.to_owned());
        let sql = format!(
            "SELECT {names}, rowid FROM {} ORDER BY {}",
            table.name,
            table.key.join(", ")
        );
        let mut statement = connection.prepare_cached(&sql)?;
        let mut stored = statement.query([])?;
        let mut found = Self::default();
        let mut wanted = rows.iter().enumerate().peekable();
        while let Some(row) = stored.next()? {
            let id: i64 = row.get(table.content.len())?;
            loop {
                let order = wanted
                    .peek()
                    .map(|(_, record)| compare(table, *record, row));
                match order {
                    Some(Some((Ordering::Less, _))) => {
                        found.missing.extend(wanted.next().map(|(place, _)| place));
                    }
                    Some(Some((Ordering::Equal, is_same))) => {
                        let place = wanted.next().map(|(place, _)| place);
                        if !is_same {
                            found.superfluous.push(id);
                            found.missing.extend(place);
                        }
                        break;
                    }
                    // Also one that cannot be read.
                    Some(Some((Ordering::Greater, _)) | None) | None => {
                        found.superfluous.push(id);
                        break;
                    }
                }
            }
        }
        found.missing.extend(wanted.map(|(place, _)| place));
        Ok(found)
    }
}

/// The order of a record's key and a row's, and whether all else is the same, too; `None` of a row that cannot be
/// read.
fn compare<R: Record>(table: &Table, record: &R, row: &Row<'_>) -> Option<(Ordering, bool)> {
    let (mut orders, mut is_same, mut is_read) = (Vec::new(), true, true);
    let mut columns = table.content.iter().enumerate();
    record.each_cell(|cell| {
        let Some((index, column)) = columns.next() else {
            return;
        };
        let stored = row.get_ref(index).ok();
        let Some(stored) = stored.and_then(|value| sums::cell(value, column.kind)) else {
            is_read = false;
            return;
        };
        is_same &= cell == stored;
        if let Some(place) = table.key.iter().position(|key| *key == column.name) {
            orders.push((place, order(cell, stored)));
        }
    });
    orders.sort_unstable_by_key(|(place, _)| *place);
    let mut orders = orders.into_iter().map(|(_, order)| order);
    let order = orders.find(|order| *order != Ordering::Equal);
    is_read.then_some((order.unwrap_or(Ordering::Equal), is_same))
}

/// As SQLite sorts.
fn order(one: Cell<'_>, other: Cell<'_>) -> Ordering {
    match (one, other) {
        (Cell::Null, Cell::Null) => Ordering::Equal,
        (Cell::Null, _) => Ordering::Less,
        (_, Cell::Null) => Ordering::Greater,
        (Cell::Integer(one), Cell::Integer(other)) => one.cmp(&other),
        (Cell::Text(one), Cell::Text(other)) => one.cmp(other),
        (Cell::Instant(one), Cell::Instant(other)) => one.cmp(&other),
        // Of one column both are of one type.
        _ => Ordering::Equal,
    }
}

/// Carries totals on from the day of one run to that of a later one, where nothing happened since: the backlog
/// stays, and hours come in which nothing was written.
pub(super) fn carry_on(
    connection: &Connection,
    from: &str,
    last_run: &str,
) -> rusqlite::Result<bool> {
    let columns = bind::list(DailyMetrics::TABLE.content.iter(), |_, column| {
        column.name.to_owned()
    });
    let values = bind::list(DailyMetrics::TABLE.content.iter(), |_, column| {
        let is_kept =
            column.name.starts_with("backlog") || DailyMetrics::TABLE.key.contains(&column.name);
        match (column.name, is_kept, column.is_nullable) {
            ("day", ..) => "n.day".to_owned(),
            (name, true, _) => format!("b.{name}"),
            (_, false, true) => "NULL".to_owned(),
            (_, false, false) => "0".to_owned(),
        }
    });
    let days = connection.execute(
        &format!(
            "INSERT INTO daily_metrics ({columns}) SELECT {values} FROM days AS n
             JOIN daily_metrics AS b ON b.backlog_high > 0
                 AND b.day = (SELECT day FROM days WHERE starts_at <= ?1 AND ends_at > ?1)
             WHERE n.starts_at > ?1 AND n.starts_at <= ?2"
        ),
        params![from, last_run],
    )?;
    let columns = bind::list(HourVolume::TABLE.content.iter(), |_, column| {
        column.name.to_owned()
    });
    let hours = connection.execute(
        &format!(
            "INSERT INTO hourly_volume ({columns})
             SELECT starts_at, day, weekday, hour, 0, 0, 0 FROM hours
             WHERE starts_at > (SELECT max(starts_at) FROM hourly_volume) AND starts_at <= ?1"
        ),
        [last_run],
    )?;
    Ok(days + hours > 0)
}

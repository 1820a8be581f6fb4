//! Rows of totals, written only where they differ.

use std::borrow::Borrow;
use std::cmp::Ordering;

use rusqlite::types::Value;
use rusqlite::{Connection, Row, params_from_iter};

use super::super::{bind, sums};
use crate::table::{Cell, Record, Table};

/// Writes rows, which are in the order of their key, and takes away those that are stored beside them.
pub(super) fn rows<R: Record>(connection: &Connection, rows: &[R]) -> rusqlite::Result<()> {
    let found = Found::of(connection, rows)?;
    let key: Vec<String> = (1..)
        .zip(R::TABLE.key)
        .map(|(number, name): (usize, _)| format!("{name} IS ?{number}"))
        .collect();
    let mut remove = connection.prepare_cached(&format!(
        "DELETE FROM {} WHERE {}",
        R::TABLE.name,
        key.join(" AND ")
    ))?;
    for key in found.superfluous {
        remove.execute(params_from_iter(key))?;
    }
    let missing = found.missing.into_iter();
    add::<R>(connection, missing.filter_map(|place| rows.get(place)))
}

/// Writes rows that are not stored.
pub(super) fn add<R: Record>(
    connection: &Connection,
    rows: impl Iterator<Item = impl Borrow<R>>,
) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached(&bind::insert_sql(R::TABLE))?;
    for row in rows {
        bind::bind(&mut insert, row.borrow())?;
        insert.raw_execute()?;
    }
    Ok(())
}

/// The name of the table, if other rows are stored than these.
pub(super) fn wrong<R: Record>(
    connection: &Connection,
    rows: &[R],
) -> rusqlite::Result<Option<&'static str>> {
    let found = Found::of(connection, rows)?;
    let is_right = found.superfluous.is_empty() && found.missing.is_empty();
    Ok((!is_right).then_some(R::TABLE.name))
}

/// What is stored, held against the rows that should be.
#[derive(Default)]
struct Found {
    /// Keys of those that are to go.
    superfluous: Vec<Vec<Value>>,
    /// Places of those that are to come.
    missing: Vec<usize>,
}

impl Found {
    fn of<R: Record>(connection: &Connection, rows: &[R]) -> rusqlite::Result<Self> {
        let table = R::TABLE;
        let key = table.key.join(", ");
        // The key stands behind the cells once more, as it is, whatever it holds.
        let names = bind::list(table.content.iter(), |_, column| column.name.to_owned());
        let sql = format!("SELECT {names}, {key} FROM {} ORDER BY {key}", table.name);
        let mut statement = connection.prepare_cached(&sql)?;
        let mut stored = statement.query([])?;
        let mut found = Self::default();
        let mut wanted = rows.iter().enumerate().peekable();
        while let Some(row) = stored.next()? {
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
                            found.superfluous.push(key_of(table, row)?);
                            found.missing.extend(place);
                        }
                        break;
                    }
                    // Also one that cannot be read.
                    Some(Some((Ordering::Greater, _)) | None) | None => {
                        found.superfluous.push(key_of(table, row)?);
                        break;
                    }
                }
            }
        }
        found.missing.extend(wanted.map(|(place, _)| place));
        Ok(found)
    }
}

/// The key of a row, behind its cells.
fn key_of(table: &Table, row: &Row<'_>) -> rusqlite::Result<Vec<Value>> {
    let places = (table.content.len()..).take(table.key.len());
    places.map(|place| row.get(place)).collect()
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

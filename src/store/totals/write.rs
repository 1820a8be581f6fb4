//! Rows of totals, written only where they differ.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::ops::ControlFlow;

use rusqlite::types::Value;
use rusqlite::{Connection, Row, params_from_iter};

use super::super::{bind, sums};
use crate::table::{Cell, Record, Table};

/// Differences that are kept at most. Where there are more, the table is written anew.
const MOST_KEPT: usize = 20_000;

/// Writes rows, which come in the order of their key each time, and takes away those that are stored beside them.
pub(super) fn rows<R, I>(connection: &Connection, rows: impl Fn() -> I) -> rusqlite::Result<()>
where
    R: Record + Clone,
    I: Iterator<Item: Borrow<R>>,
{
    let name = R::TABLE.name;
    let is_empty: bool = connection.query_row(
        &format!("SELECT NOT EXISTS (SELECT 1 FROM {name})"),
        [],
        |row| row.get(0),
    )?;
    if is_empty {
        return add(connection, rows());
    }
    let (mut superfluous, mut missing) = (Vec::new(), Vec::new());
    let found = differences(connection, rows(), |difference: Difference<'_, R>| {
        match difference {
            Difference::Superfluous(key) => superfluous.push(key),
            Difference::Missing(row) => missing.push(row.clone()),
        }
        match superfluous.len() + missing.len() > MOST_KEPT {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    })?;
    if found.is_break() {
        connection.execute(&format!("DELETE FROM {name}"), [])?;
        return add(connection, rows());
    }
    let key: Vec<String> = (1..)
        .zip(R::TABLE.key)
        .map(|(number, name): (usize, _)| format!("{name} IS ?{number}"))
        .collect();
    let mut remove =
        connection.prepare_cached(&format!("DELETE FROM {name} WHERE {}", key.join(" AND ")))?;
    for key in superfluous {
        remove.execute(params_from_iter(key))?;
    }
    add::<R>(connection, missing.iter())
}

/// Writes rows that are not stored.
pub(super) fn add<R: Record>(
    connection: &Connection,
    rows: impl Iterator<Item: Borrow<R>>,
) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached(&bind::insert_sql(R::TABLE))?;
    let mut bound = None;
    for row in rows {
        bind::bind_after(
            &mut insert,
            bound.as_ref().map(Borrow::borrow),
            row.borrow(),
        )?;
        insert.raw_execute()?;
        bound = Some(row);
    }
    Ok(())
}

/// The name of the table, if other rows are stored than these.
pub(super) fn wrong<R: Record>(
    connection: &Connection,
    rows: impl Iterator<Item: Borrow<R>>,
) -> rusqlite::Result<Option<&'static str>> {
    let found = differences(connection, rows, |_: Difference<'_, R>| {
        ControlFlow::Break(())
    })?;
    Ok(found.is_break().then_some(R::TABLE.name))
}

/// How what is stored differs from the rows that should be. A row that is another is both.
enum Difference<'r, R> {
    /// The key of one that is to go.
    Superfluous(Vec<Value>),
    /// One that is to come.
    Missing(&'r R),
}

/// Tells all differences in the order of their keys, until told to stop.
fn differences<R: Record>(
    connection: &Connection,
    rows: impl Iterator<Item: Borrow<R>>,
    mut tell: impl FnMut(Difference<'_, R>) -> ControlFlow<()>,
) -> rusqlite::Result<ControlFlow<()>> {
    let table = R::TABLE;
    let key = table.key.join(", ");
    // The key stands behind the cells once more, as it is, whatever it holds.
    let names = bind::list(table.content.iter(), |_, column| column.name.to_owned());
    let sql = format!("SELECT {names}, {key} FROM {} ORDER BY {key}", table.name);
    let mut statement = connection.prepare_cached(&sql)?;
    let mut stored = statement.query([])?;
    let is_key: Vec<bool> = (table.content.iter())
        .map(|column| table.key.contains(&column.name))
        .collect();
    let mut wanted = rows.peekable();
    while let Some(row) = stored.next()? {
        let (is_same, is_there) = loop {
            let order = wanted
                .peek()
                .map(|record| compare(&is_key, record.borrow(), row));
            match order {
                Some(Some((Ordering::Less, _))) => {
                    if let Some(record) = wanted.next()
                        && tell(Difference::Missing(record.borrow())).is_break()
                    {
                        return Ok(ControlFlow::Break(()));
                    }
                }
                Some(Some((Ordering::Equal, is_same))) => break (is_same, true),
                // Also one that cannot be read.
                Some(Some((Ordering::Greater, _)) | None) | None => break (false, false),
            }
        };
        let record = if is_there { wanted.next() } else { None };
        if is_same {
            continue;
        }
        if tell(Difference::Superfluous(key_of(table, row)?)).is_break() {
            return Ok(ControlFlow::Break(()));
        }
        if let Some(record) = record
            && tell(Difference::Missing(record.borrow())).is_break()
        {
            return Ok(ControlFlow::Break(()));
        }
    }
    for record in wanted {
        if tell(Difference::Missing(record.borrow())).is_break() {
            return Ok(ControlFlow::Break(()));
        }
    }
    Ok(ControlFlow::Continue(()))
}

/// The key of a row, behind its cells.
fn key_of(table: &Table, row: &Row<'_>) -> rusqlite::Result<Vec<Value>> {
    let places = (table.content.len()..).take(table.key.len());
    places.map(|place| row.get(place)).collect()
}

/// The order of a record's key and a row's, and whether all else is the same, too; `None` of a row that cannot be
/// read. `is_key` tells the columns of the key, which stand in its order.
fn compare<R: Record>(is_key: &[bool], record: &R, row: &Row<'_>) -> Option<(Ordering, bool)> {
    let (mut key_order, mut is_same, mut is_read) = (Ordering::Equal, true, true);
    let mut columns = R::TABLE.content.iter().zip(is_key).enumerate();
    record.each_cell(|cell| {
        let Some((index, (column, is_key))) = columns.next() else {
            return;
        };
        let stored = row.get_ref(index).ok();
        let Some(stored) = stored.and_then(|value| sums::cell(value, column.kind)) else {
            is_read = false;
            return;
        };
        is_same &= cell == stored;
        if *is_key {
            key_order = key_order.then_with(|| order(cell, stored));
        }
    });
    is_read.then_some((key_order, is_same))
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

#[cfg(test)]
mod tests {
    use crate::table::TOTALS;

    #[test]
    fn the_columns_of_a_key_stand_in_its_order() {
        for table in TOTALS {
            let columns = table.content.iter().map(|column| column.name);
            let keys: Vec<&str> = columns.filter(|name| table.key.contains(name)).collect();
            assert_eq!(keys, table.key, "{}", table.name);
        }
    }
}

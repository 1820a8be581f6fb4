//! From a [`Record`] to a prepared statement: the SQL follows from its [`Table`], the values from
//! its cells, neither of them written out per table.

use chrono::{Datelike, Timelike};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Statement, ToSql};

use crate::table::{Cell, Column, Instant, Record, Table, instant_text};

/// Cells of a record that [`bind_after`] compares; those of a wider one are bound every time.
const MOST_CELLS: usize = 24;

/// `INSERT` of one row: the content columns are parameters 1 to n, the bookkeeping ones follow.
pub(super) fn insert_sql(table: &Table) -> String {
    let names = list(table.columns(), |_, column| column.name.to_owned());
    let values = list(table.columns(), |number, _| format!("?{number}"));
    format!("INSERT INTO {} ({names}) VALUES ({values})", table.name)
}

/// `INSERT` of one row that replaces all but the key of one that is there.
pub(super) fn upsert_sql(table: &Table) -> String {
    let changes = list(
        table
            .columns()
            .filter(|column| !table.key.contains(&column.name)),
        |_, column| format!("{0} = excluded.{0}", column.name),
    );
    format!(
        "{} ON CONFLICT ({}) DO UPDATE SET {changes}",
        insert_sql(table),
        table.key.join(", ")
    )
}

/// `SELECT` of the content columns in order; `rest` says of which rows.
pub(super) fn select_sql(table: &Table, rest: &str) -> String {
    let names = list(table.content.iter(), |_, column| column.name.to_owned());
    format!("SELECT {names} FROM {} {rest}", table.name)
}

/// `item` for each column, with its number from 1, joined by commas.
pub(super) fn list<'a>(
    columns: impl Iterator<Item = &'a Column>,
    item: impl Fn(usize, &Column) -> String,
) -> String {
    let items: Vec<String> = (1..)
        .zip(columns)
        .map(|(number, column)| item(number, column))
        .collect();
    items.join(", ")
}

/// Binds a record's cells as parameters 1 to n and returns n.
pub(super) fn bind<R: Record>(
    statement: &mut Statement<'_>,
    record: &R,
) -> rusqlite::Result<usize> {
    let mut number = 0;
    let mut result = Ok(());
    record.each_cell(|cell| {
        if result.is_ok() {
            number += 1;
            result = bind_cell(statement, number, cell);
        }
    });
    result.map(|()| number)
}

/// Binds a record's cells as parameters 1 to n, but for those that are bound already: the ones
/// that are equal in `bound`, the record that this very statement was bound to before. SQLite keeps
/// parameters from one execution to the next, and copies each text that is bound.
pub(super) fn bind_after<R: Record>(
    statement: &mut Statement<'_>,
    bound: Option<&R>,
    record: &R,
) -> rusqlite::Result<()> {
    let Some(bound) = bound else {
        return bind(statement, record).map(drop);
    };
    let mut known: [Cell<'_>; MOST_CELLS] = [Cell::Null; MOST_CELLS];
    let mut slots = known.iter_mut();
    let mut width = 0;
    bound.each_cell(|cell| {
        if let Some(slot) = slots.next() {
            *slot = cell;
            width += 1;
        }
    });
    let mut number = 0;
    let mut result = Ok(());
    record.each_cell(|cell| {
        let is_bound = number < width && known.get(number) == Some(&cell);
        number += 1;
        if result.is_ok() && !is_bound {
            result = bind_cell(statement, number, cell);
        }
    });
    result
}

/// Binds one cell.
pub(super) fn bind_cell(
    statement: &mut Statement<'_>,
    number: usize,
    cell: Cell<'_>,
) -> rusqlite::Result<()> {
    match cell {
        Cell::Null => statement.raw_bind_parameter(number, rusqlite::types::Null),
        Cell::Integer(value) => statement.raw_bind_parameter(number, value),
        Cell::Text(value) => statement.raw_bind_parameter(number, value),
        Cell::Instant(value) => bind_instant(statement, number, value),
    }
}

fn bind_instant(
    statement: &mut Statement<'_>,
    number: usize,
    instant: Instant,
) -> rusqlite::Result<()> {
    match ascii(instant) {
        Some(text) => statement.raw_bind_parameter(number, Ascii(&text)),
        None => statement.raw_bind_parameter(number, instant_text(instant)),
    }
}

/// Text that is bound without a `String` in between.
struct Ascii<'a>(&'a [u8]);

impl ToSql for Ascii<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(ValueRef::Text(self.0)))
    }
}

/// [`instant_text`] without its allocation, for the years that fill four digits.
fn ascii(instant: Instant) -> Option<[u8; 24]> {
    // Once: each part asked of the instant itself would add its offset, none, again.
    let instant = instant.naive_utc();
    let year = u32::try_from(instant.year())
        .ok()
        .filter(|year| *year <= 9999)?;
    let (month, day) = (instant.month(), instant.day());
    let (hour, minute, second) = (instant.hour(), instant.minute(), instant.second());
    let milli = instant.nanosecond() / 1_000_000;
    if milli > 999 {
        return None; // a leap second, which chrono counts as a second of up to 1999 ms
    }
    #[rustfmt::skip]
    let text = [
        digit(year / 1000), digit(year / 100), digit(year / 10), digit(year), b'-',
        digit(month / 10), digit(month), b'-',
        digit(day / 10), digit(day), b'T',
        digit(hour / 10), digit(hour), b':',
        digit(minute / 10), digit(minute), b':',
        digit(second / 10), digit(second), b'.',
        digit(milli / 100), digit(milli / 10), digit(milli), b'Z',
    ];
    Some(text)
}

/// The last decimal digit of `number`.
fn digit(number: u32) -> u8 {
    b"0123456789"
        .get(usize::try_from(number % 10).unwrap_or(0))
        .copied()
        .unwrap_or(b'0')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_instant_is_bound_as_the_text_of_the_schema(
            ms in -62_167_219_200_000i64..253_402_300_800_000,
        ) {
            let instant = Instant::from_timestamp_millis(ms).expect("in range");
            let text = ascii(instant).expect("four digits");
            prop_assert_eq!(std::str::from_utf8(&text).expect("ascii"), instant_text(instant));
        }
    }

    #[test]
    fn a_year_of_five_digits_is_left_to_the_schema() {
        let instant = Instant::from_timestamp_millis(253_402_300_800_000).expect("in range");
        assert_eq!(ascii(instant), None);
    }
}

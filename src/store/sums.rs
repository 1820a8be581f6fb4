//! Hashes over rows as they are stored, and the rows' values read without any tolerance: what this
//! program did not write so is damage.

use rusqlite::types::ValueRef;
use rusqlite::{CachedStatement, Connection, OptionalExtension, Row};

use super::bind;
use crate::normalize::{Hash, Sum};
use crate::table::{Cell, Column, Instant, Record, Table, TicketVersion, Type};
use crate::wire::usual_instant;

/// Stands for a hash where damage was known when rows were last written: no content has it.
pub(super) const DAMAGED: Hash = [0; 16];

/// A value as its column holds it; `None` where this program would have written it otherwise.
pub(super) fn cell(value: ValueRef<'_>, kind: Type) -> Option<Cell<'_>> {
    match (value, kind) {
        (ValueRef::Null, _) => Some(Cell::Null),
        (ValueRef::Integer(number), Type::Integer)
        | (ValueRef::Integer(number @ 0..=1), Type::Boolean) => Some(Cell::Integer(number)),
        (ValueRef::Text(text), Type::Instant) => {
            let text = std::str::from_utf8(text).ok()?;
            usual_instant(text).map(Cell::Instant)
        }
        (ValueRef::Text(text), Type::Id | Type::Enumeration | Type::Text | Type::Json) => {
            std::str::from_utf8(text).ok().map(Cell::Text)
        }
        _ => None,
    }
}

/// The hash in a column; `None` for NULL, and for anything that is no hash.
pub(super) fn hash(row: &Row<'_>, index: usize) -> rusqlite::Result<Option<Hash>> {
    Ok(match row.get_ref(index)? {
        ValueRef::Blob(bytes) => Hash::try_from(bytes).ok(),
        _ => None,
    })
}

/// Adds a row's columns, which stand in it from `first` on; `false` where one cannot be read.
pub(super) fn add<'a>(
    sum: &mut Sum,
    row: &Row<'_>,
    first: usize,
    columns: impl Iterator<Item = &'a Column>,
) -> rusqlite::Result<bool> {
    for (index, column) in (first..).zip(columns) {
        match cell(row.get_ref(index)?, column.kind) {
            Some(cell) => sum.cell(cell),
            None => return Ok(false),
        }
    }
    Ok(true)
}

/// Over what the store sets in a ticket's or a customer's row.
pub(super) fn flags(snapshot_id: i64, deleted_at: Option<Instant>) -> Hash {
    let mut sum = Sum::default();
    sum.cell(Cell::Integer(snapshot_id));
    sum.cell(deleted_at.map_or(Cell::Null, Cell::Instant));
    sum.hash()
}

/// Over the runs that last changed a ticket's metrics and its events, in their order.
pub(super) fn runs(snapshot_ids: impl Iterator<Item = i64>) -> Hash {
    let mut sum = Sum::default();
    snapshot_ids.for_each(|id| sum.cell(Cell::Integer(id)));
    sum.hash()
}

/// Over the versions of a ticket that has only this one, seen by the run `snapshot_id`.
pub(super) fn first_version(version: &TicketVersion, snapshot_id: i64) -> Hash {
    let mut rows = Sum::default();
    version.each_cell(|cell| rows.cell(cell));
    rows.cell(Cell::Integer(snapshot_id));
    let mut sum = Sum::default();
    sum.items(1, &rows);
    sum.hash()
}

/// All columns of the rows that `rest` says.
pub(super) fn select_sql(table: &Table, rest: &str) -> String {
    let names = bind::list(table.columns(), |_, column| column.name.to_owned());
    format!("SELECT {names} FROM {} {rest}", table.name)
}

/// Sums the versions of tickets.
pub(super) struct Versions<'c> {
    select: CachedStatement<'c>,
}

impl<'c> Versions<'c> {
    pub(super) fn new(connection: &'c Connection) -> rusqlite::Result<Self> {
        let sql = select_sql(
            TicketVersion::TABLE,
            "WHERE ticket_id = ?1 ORDER BY valid_from",
        );
        Ok(Self {
            select: connection.prepare_cached(&sql)?,
        })
    }

    /// Over all versions of a ticket; `None` where one cannot be read.
    pub(super) fn sum(&mut self, ticket_id: &str) -> rusqlite::Result<Option<Hash>> {
        let mut cells = Sum::default();
        let mut count = 0;
        let mut rows = self.select.query([ticket_id])?;
        while let Some(row) = rows.next()? {
            if !add(&mut cells, row, 0, TicketVersion::TABLE.columns())? {
                return Ok(None);
            }
            count += 1;
        }
        let mut sum = Sum::default();
        sum.items(count, &cells);
        Ok(Some(sum.hash()))
    }
}

/// The hashes of a table whose rows have theirs in `_row_hashes`, by `id`.
pub(super) struct RowHashes<'c> {
    pub(super) table: &'static Table,
    select: CachedStatement<'c>,
    known: CachedStatement<'c>,
    note: CachedStatement<'c>,
}

impl<'c> RowHashes<'c> {
    pub(super) fn new(connection: &'c Connection, table: &'static Table) -> rusqlite::Result<Self> {
        Ok(Self {
            table,
            select: connection.prepare_cached(&select_sql(table, "WHERE id = ?1"))?,
            known: connection.prepare_cached(KNOWN)?,
            note: connection.prepare_cached(NOTE)?,
        })
    }

    /// Over the row; `None` where there is none, or it cannot be read.
    pub(super) fn sum(&mut self, id: &str) -> rusqlite::Result<Option<Hash>> {
        let mut rows = self.select.query([id])?;
        match rows.next()? {
            Some(row) => row_sum(row, self.table),
            None => Ok(None),
        }
    }

    /// The hash that the row had when it was written.
    pub(super) fn known(&mut self, id: &str) -> rusqlite::Result<Option<Hash>> {
        self.known
            .query_row((self.table.name, id), |row| hash(row, 0))
            .optional()
            .map(Option::flatten)
    }

    /// The row as it is stored, held against what was `sent` of it, in which NULL says nothing;
    /// `None` where there is none.
    pub(super) fn stored<R: Record>(
        &mut self,
        id: &str,
        sent: Option<&R>,
    ) -> rusqlite::Result<Option<Stored>> {
        let mut rows = self.select.query([id])?;
        let Some(row) = rows.next()? else {
            return Ok(None);
        };
        let mut differs = false;
        let mut index = 0;
        if let Some(record) = sent {
            record.each_cell(|sent| {
                let stored = self.table.content.get(index).and_then(|column| {
                    let value = row.get_ref(index).ok()?;
                    cell(value, column.kind)
                });
                differs |= sent != Cell::Null && stored != Some(sent);
                index += 1;
            });
        }
        Ok(Some(Stored {
            differs,
            sum: row_sum(row, self.table)?,
        }))
    }

    /// Whether the row is as it was written.
    pub(super) fn is_whole(&mut self, id: &str) -> rusqlite::Result<bool> {
        let known = self.known(id)?;
        Ok(known.is_some() && known == self.sum(id)?)
    }

    /// Notes the hash of the row as it is now; where it was not whole before, that it is not now
    /// either: what was not written again is as damaged as it was.
    pub(super) fn seal(&mut self, id: &str, was_whole: bool) -> rusqlite::Result<()> {
        let sum = match was_whole {
            true => self.sum(id)?.unwrap_or(DAMAGED),
            false => DAMAGED,
        };
        self.note.execute((self.table.name, id, sum)).map(drop)
    }
}

/// A row that is there.
pub(super) struct Stored {
    /// Whether something that was sent is stored otherwise.
    pub(super) differs: bool,
    /// Over the row; `None` where it cannot be read.
    pub(super) sum: Option<Hash>,
}

const KNOWN: &str = "SELECT hash FROM _row_hashes WHERE table_name = ?1 AND id = ?2";

const NOTE: &str = "INSERT OR REPLACE INTO _row_hashes (table_name, id, hash) VALUES (?1, ?2, ?3)";

/// A column that its table got when there were rows with hashes: it is the last one, and part of a row's hash only
/// where it holds something, so that the rows of before keep theirs.
const LATER: &str = "may_be_unseen_json";

/// Over a row of all columns of `table`.
pub(super) fn row_sum(row: &Row<'_>, table: &Table) -> rusqlite::Result<Option<Hash>> {
    let mut sum = Sum::default();
    let is_readable = add(
        &mut sum,
        row,
        0,
        table.columns().filter(|column| column.name != LATER),
    )?;
    let mut is_whole = is_readable;
    let later = table.columns().enumerate();
    for (index, column) in later.filter(|(_, column)| column.name == LATER) {
        match cell(row.get_ref(index)?, column.kind) {
            Some(Cell::Null) => {}
            Some(cell) => sum.cell(cell),
            None => is_whole = false,
        }
    }
    Ok(is_whole.then(|| sum.hash()))
}

/// The name under which values of `_sync` have their hashes.
pub(super) const SYNC: &str = "_sync";

/// Over a value of `_sync`.
pub(super) fn value_sum(name: &str, value: i64) -> Hash {
    let mut sum = Sum::default();
    sum.cell(Cell::Text(name));
    sum.cell(Cell::Integer(value));
    sum.hash()
}

/// Notes the hash of a value of `_sync`.
pub(super) fn seal_value(connection: &Connection, name: &str, value: i64) -> rusqlite::Result<()> {
    connection
        .prepare_cached(NOTE)?
        .execute((SYNC, name, value_sum(name, value)))
        .map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_only_looks_like_ours_is_none() {
        for (text, is_ours) in [
            ("2026-01-31T09:05:00.123Z", true),
            ("2026-01-31t09:05:00.123Z", false),
            ("2026-01-31 09:05:00.123Z", false),
            ("2026-01-31T09:05:00.123z", false),
            ("2026-01-31T09:05:00Z", false),
            ("2026-01-31T10:05:00.123+01:00", false),
            ("2026-02-31T09:05:00.123Z", false),
            ("+12026-01-31T09:05:00.123Z", false),
        ] {
            let found = cell(ValueRef::Text(text.as_bytes()), Type::Instant);
            assert_eq!(found.is_some(), is_ours, "{text}");
        }
        for (value, kind) in [
            (ValueRef::Integer(2), Type::Boolean),
            (ValueRef::Blob(b"a"), Type::Text),
            (ValueRef::Text(b"\xe4"), Type::Text),
            (ValueRef::Text(b"1"), Type::Integer),
            (ValueRef::Integer(1), Type::Id),
        ] {
            assert_eq!(cell(value, kind), None, "{value:?}");
        }
    }
}

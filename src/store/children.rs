//! The rows that belong to one parent: always replaced as a set.

use rusqlite::types::Value;
use rusqlite::{CachedStatement, Connection};

use super::bind;
use crate::table::Record;

/// The children of one table, all of one parent at a time.
///
/// They are deleted one by one by their whole key: SQLite opens a temporary tree for every other
/// `DELETE` on a table with foreign keys, which takes longer than the few rows of one parent.
pub(super) struct Children<'c> {
    insert: CachedStatement<'c>,
    keys: CachedStatement<'c>,
    delete: CachedStatement<'c>,
}

/// The SQL behind [`Children`].
pub(super) struct Sql {
    insert: String,
    keys: String,
    delete: String,
}

impl Sql {
    /// For `R`, whose key begins with its parent's id.
    pub(super) fn new<R: Record>() -> Self {
        let table = R::TABLE;
        let (parents, keys) = table.key.split_at(1);
        let whole: Vec<String> = (1..)
            .zip(table.key)
            .map(|(number, key)| format!("{key} = ?{number}"))
            .collect();
        Self {
            insert: bind::insert_sql(table),
            keys: format!(
                "SELECT {} FROM {} WHERE {} = ?1",
                keys.join(", "),
                table.name,
                parents.concat()
            ),
            delete: format!("DELETE FROM {} WHERE {}", table.name, whole.join(" AND ")),
        }
    }
}

impl<'c> Children<'c> {
    pub(super) fn new(connection: &'c Connection, sql: &Sql) -> rusqlite::Result<Self> {
        Ok(Self {
            insert: connection.prepare_cached(&sql.insert)?,
            keys: connection.prepare_cached(&sql.keys)?,
            delete: connection.prepare_cached(&sql.delete)?,
        })
    }

    pub(super) fn insert<'r, R: Record + 'r>(
        &mut self,
        records: impl IntoIterator<Item = &'r R>,
    ) -> rusqlite::Result<()> {
        let mut bound = None;
        for record in records {
            bind::bind_after(&mut self.insert, bound, record)?;
            self.insert.raw_execute()?;
            bound = Some(record);
        }
        Ok(())
    }

    pub(super) fn delete(&mut self, parent: &str) -> rusqlite::Result<()> {
        let width = self.keys.column_count();
        let mut keys: Vec<Value> = Vec::new();
        let mut rows = self.keys.query([parent])?;
        while let Some(row) = rows.next()? {
            for column in 0..width {
                keys.push(row.get(column)?);
            }
        }
        drop(rows);
        for key in keys.chunks(width) {
            self.delete.raw_bind_parameter(1, parent)?;
            for (number, value) in (2..).zip(key) {
                self.delete.raw_bind_parameter(number, value)?;
            }
            self.delete.raw_execute()?;
        }
        Ok(())
    }
}

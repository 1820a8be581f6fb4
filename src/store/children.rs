//! The rows that hang on one parent: always replaced as a set.

use rusqlite::{CachedStatement, Connection};

use super::bind;
use crate::table::Record;

/// The children of one table, all of one parent at a time.
pub(super) struct Children<'c> {
    insert: CachedStatement<'c>,
    delete: CachedStatement<'c>,
}

/// The SQL behind [`Children`].
pub(super) struct Sql {
    insert: String,
    delete: String,
}

impl Sql {
    /// For `R`, whose key begins with its parent's id.
    pub(super) fn new<R: Record>() -> Self {
        let table = R::TABLE;
        let parent = table.key.first().copied().unwrap_or_default();
        Self {
            insert: bind::insert_sql(table),
            delete: format!("DELETE FROM {} WHERE {parent} = ?1", table.name),
        }
    }
}

impl<'c> Children<'c> {
    pub(super) fn new(connection: &'c Connection, sql: &Sql) -> rusqlite::Result<Self> {
        Ok(Self {
            insert: connection.prepare_cached(&sql.insert)?,
            delete: connection.prepare_cached(&sql.delete)?,
        })
    }

    pub(super) fn insert<'r, R: Record + 'r>(
        &mut self,
        records: impl IntoIterator<Item = &'r R>,
    ) -> rusqlite::Result<()> {
        for record in records {
            bind::bind(&mut self.insert, record)?;
            self.insert.raw_execute()?;
        }
        Ok(())
    }

    pub(super) fn delete(&mut self, parent: &str) -> rusqlite::Result<()> {
        self.delete.execute([parent]).map(drop)
    }
}

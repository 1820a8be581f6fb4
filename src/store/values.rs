//! Single numbers that the store keeps by name.

use rusqlite::{Connection, OptionalExtension, params};

use super::sums;

/// A number; `None` where none is kept under the name.
pub(super) fn value(connection: &Connection, name: &str) -> rusqlite::Result<Option<i64>> {
    connection
        .query_row("SELECT value FROM _sync WHERE name = ?1", [name], |row| {
            row.get(0)
        })
        .optional()
}

/// Keeps a number, in place of the one before.
pub(super) fn set_value(connection: &Connection, name: &str, value: i64) -> rusqlite::Result<()> {
    connection.execute(
        "INSERT OR REPLACE INTO _sync (name, value) VALUES (?1, ?2)",
        params![name, value],
    )?;
    sums::seal_value(connection, name, value)
}

//! What the demo asks its store in the end.

use rusqlite::types::ValueRef;

use crate::error::{Error, Result};
use crate::store::Store;

/// The named queries that the demo asks.
pub(crate) const QUESTIONS: [&str; 3] = ["by-origin", "by-category", "thread"];

/// The answer to a question as text.
pub(crate) struct Answer {
    /// The names of its columns.
    pub(crate) columns: Vec<String>,
    /// Its rows.
    pub(crate) rows: Vec<Vec<String>>,
}

/// Asks the demo's store.
///
/// # Errors
/// The store does not answer.
pub(crate) fn ask(store: &Store, sql: &str) -> Result<Answer> {
    answer(store, sql)
        .map_err(|error| Error::failed("cannot query the demo's store").because(error))
}

fn answer(store: &Store, sql: &str) -> rusqlite::Result<Answer> {
    let mut statement = store.connection().prepare(sql)?;
    let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
    let rows = statement
        .query_map([], |row| {
            (0..columns.len())
                .map(|index| row.get_ref(index).map(shown))
                .collect()
        })?
        .collect::<rusqlite::Result<_>>()?;
    Ok(Answer { columns, rows })
}

fn shown(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => String::new(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => number.to_string(),
        ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
        ValueRef::Blob(bytes) => format!("{} bytes", bytes.len()),
    }
}

//! What the demo asks its store in the end.

use rusqlite::types::ValueRef;

use crate::error::{Error, Result};
use crate::store::Store;

/// The questions: a heading, and a query that a person may well have.
pub(crate) const QUESTIONS: [(&str, &str); 3] = [
    (
        "Tickets by origin: how many, how many open, median minutes to the first reply",
        "WITH replies AS (
           SELECT source_type, first_reply_time_ms,
                  row_number() OVER (PARTITION BY source_type ORDER BY first_reply_time_ms) AS place,
                  count(*) OVER (PARTITION BY source_type) AS replied
           FROM tickets WHERE first_reply_time_ms IS NOT NULL AND deleted_at IS NULL)
         SELECT source_type AS origin, count(*) AS tickets, sum(status IN ('Open', 'Pending', 'Waiting')) AS open,
                (SELECT first_reply_time_ms / 60000 FROM replies
                 WHERE replies.source_type = tickets.source_type
                   AND place = (replied + 1) / 2) AS median_reply_min
         FROM tickets WHERE deleted_at IS NULL GROUP BY source_type ORDER BY tickets DESC",
    ),
    (
        "Categories: their tickets and ratings",
        "SELECT coalesce(name, '(archived)') AS category, count(*) AS tickets, count(csat) AS rated,
                round(avg(csat), 2) AS mean_rating, sum(message_count) AS messages
         FROM tickets JOIN categories ON categories.id = tickets.category_id
         WHERE deleted_at IS NULL
         GROUP BY name ORDER BY tickets DESC LIMIT 5",
    ),
    (
        "The thread of one ticket",
        "SELECT position AS n, sender_type AS sender, message_type AS kind, created_at, content
         FROM messages WHERE is_deleted IS NOT TRUE AND ticket_id = (
           SELECT id FROM tickets WHERE deleted_at IS NULL AND message_count BETWEEN 4 AND 6
           ORDER BY id LIMIT 1)
         ORDER BY position",
    ),
];

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

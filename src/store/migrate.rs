//! Makes the schema and moves it forward, one transaction per file of `migrations/`.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use crate::error::{Error, Result};

use super::failure::Failure;
use super::{facts, hash, marks};

/// The migrations in order; the schema's version (`PRAGMA user_version`) is how many were done.
const MIGRATIONS: &[&str] = &[
    include_str!("../../migrations/0001_create_tables.sql"),
    include_str!("../../migrations/0002_add_sync.sql"),
    include_str!("../../migrations/0003_add_rejects_met.sql"),
    include_str!("../../migrations/0004_add_sync_outcomes.sql"),
    include_str!("../../migrations/0005_add_rejected.sql"),
    include_str!("../../migrations/0006_add_categories_listed.sql"),
    include_str!("../../migrations/0007_add_ratings_counted.sql"),
    include_str!("../../migrations/0008_add_row_hashes.sql"),
    include_str!("../../migrations/0009_add_acceptance.sql"),
    include_str!("../../migrations/0010_add_windows.sql"),
    include_str!("../../migrations/0011_add_file_mode.sql"),
    include_str!("../../migrations/0012_recount_threads.sql"),
    include_str!("../../migrations/0013_add_may_be_unseen.sql"),
    include_str!("../../migrations/0014_add_message_marks.sql"),
    include_str!("../../migrations/0015_add_metrics.sql"),
    include_str!("../../migrations/0016_add_totals.sql"),
    include_str!("../../migrations/0017_add_names.sql"),
    include_str!("../../migrations/0018_add_slas.sql"),
];

/// The migration after which every row has a hash.
const ROW_HASHES: i32 = 8;

/// The migration after which rejects have more columns, and so other hashes.
const REJECT_COLUMNS: i32 = 9;

/// The migration after which columns about threads leave deleted messages out, and replies from before
/// the ticket.
const THREAD_FACTS: i32 = 12;

/// The migration that makes the table of messages anew, with columns for what was in `extra_json`.
const MESSAGE_MARKS: i32 = 14;

/// The version this program writes.
pub(super) fn newest() -> i32 {
    i32::try_from(MIGRATIONS.len()).unwrap_or(i32::MAX)
}

/// Refuses a store that a newer program wrote.
pub(super) fn check_version(path: &Path, version: i32) -> Result<()> {
    if (0..=newest()).contains(&version) {
        return Ok(());
    }
    Err(Error::usage(format!(
        "{} was written by a newer mava-export (schema {version}, this one knows {})",
        path.display(),
        newest()
    ))
    .help("install a newer mava-export, or name another file"))
}

/// The version of an open store.
pub(super) fn version(connection: &Connection) -> rusqlite::Result<i32> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Brings an open store to the newest version.
pub(super) fn migrate(connection: &mut Connection) -> std::result::Result<(), Failure> {
    let done = version(connection)?;
    for (number, sql) in (1i32..).zip(MIGRATIONS) {
        if number > done {
            // Inside a transaction it cannot be set.
            connection.pragma_update(None, "foreign_keys", number != MESSAGE_MARKS)?;
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let whole = match number == REJECT_COLUMNS {
                true => hash::whole_rejects(&transaction)?,
                false => Vec::new(),
            };
            transaction.execute_batch(sql)?;
            match number {
                ROW_HASHES => hash::all(&transaction)?,
                REJECT_COLUMNS => hash::seal_rejects(&transaction, &whole)?,
                THREAD_FACTS => facts::again(&transaction)?,
                MESSAGE_MARKS => marks::take_out(&transaction)?,
                _ => {}
            }
            transaction.pragma_update(None, "user_version", number)?;
            transaction.commit()?;
        }
    }
    if done < newest() {
        connection.pragma_update(None, "foreign_keys", true)?;
        // The log begins empty for the rows. It holds the schema as well if this fails.
        let _ = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
    }
    Ok(())
}

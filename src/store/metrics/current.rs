//! Whether metrics that are stored are by what the program was told.

use rusqlite::{Connection, OptionalExtension, params};

use super::Measuring;
use crate::metrics::{DEFINITIONS, fingerprint};

/// Whether the metrics of all tickets are by the definitions of this program, and by the business hours and policies that
/// it was told.
pub(in crate::store) fn is_current(
    connection: &Connection,
    measuring: &Measuring,
) -> rusqlite::Result<bool> {
    let current = connection
        .prepare_cached(
            "SELECT is_current AND definitions = ?1 AND hours = ?2 AND policies = ?3
             FROM _metrics WHERE id = 1",
        )?
        .query_row(
            params![
                DEFINITIONS,
                measuring.hours,
                fingerprint(&measuring.policies)
            ],
            |row| row.get(0),
        )
        .optional()?;
    Ok(current.unwrap_or(false))
}

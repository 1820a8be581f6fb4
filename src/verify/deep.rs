//! What a store says of itself, for the report.

use super::counted;
use crate::error::Result;
use crate::report::{Damaged, Deep};
use crate::store::{Audit, Damage, Store};

/// What is about to be done.
pub(super) fn announced(store: &Store) -> Result<String> {
    let counts = store.row_counts().unwrap_or_default();
    let tickets = counts
        .iter()
        .find(|(table, _)| *table == "tickets")
        .map_or(0, |(_, count)| *count);
    Ok(format!(
        "Checking the file, and {} against their hashes; this sends nothing.",
        counted(usize::try_from(tickets).unwrap_or(0), "ticket")
    ))
}

/// What was found.
pub(super) fn told(audit: &Audit) -> Deep {
    Deep {
        tickets: audit.tickets,
        rows: audit.rows,
        file: audit.file.clone(),
        damaged: audit.damaged.iter().map(damaged).collect(),
    }
}

/// One row.
pub(super) fn damaged(damage: &Damage) -> Damaged {
    Damaged {
        table: damage.table.to_owned(),
        id: damage.id.clone(),
        what: damage.what.iter().map(ToString::to_string).collect(),
    }
}

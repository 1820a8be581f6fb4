//! What the store says about itself before anything is written: its months and its runs.

use rusqlite::OptionalExtension;

use super::failure::Stop;
use super::manifest::{Manifest, Run};
use crate::error::Result;
use crate::store::{Reader, Store};
use crate::table::{Record, Ticket};

/// The tickets created in one month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Month {
    /// `2026-10`.
    pub(super) name: String,
    /// How many.
    pub(super) tickets: i64,
    /// The run that last changed one of them, or anything that belongs to one, metrics included.
    pub(super) last_change: i64,
}

impl Month {
    /// Whether no row of it differs from the parent's: no ticket changed since, and none left for
    /// another month. The last change is compared with what the parent had, not with its number:
    /// the store may have been put back to an earlier state of an unfinished run.
    pub(super) fn is_as_in(&self, parent: &Manifest) -> bool {
        let is_untouched = match parent.is_unfinished() {
            true => self.last_change < parent.snapshot_id,
            false => self.last_change <= parent.snapshot_id,
        };
        let mut files = parent.files.iter();
        is_untouched
            && files.any(|file| {
                file.table == Ticket::TABLE.name
                    && file.created_month.as_ref() == Some(&self.name)
                    && u64::try_from(self.tickets) == Ok(file.rows)
                    && file.last_change == Some(self.last_change)
            })
    }
}

/// Every month in which a ticket was created, oldest first.
pub(super) fn months(reader: &Reader) -> std::result::Result<Vec<Month>, Stop> {
    let read = || {
        let mut statement = reader.connection().prepare(
            "SELECT substr(created_at, 1, 7), count(*),
                 max(max(tickets.snapshot_id, coalesce(ticket_metrics.snapshot_id, 0)))
             FROM tickets LEFT JOIN ticket_metrics ON ticket_metrics.ticket_id = tickets.id
             GROUP BY 1 ORDER BY 1",
        )?;
        let months = statement.query_map([], |row| {
            Ok(Month {
                name: row.get(0)?,
                tickets: row.get(1)?,
                last_change: row.get(2)?,
            })
        })?;
        months.collect::<rusqlite::Result<_>>()
    };
    read().map_err(|error| reader.failed("count tickets by month", error).into())
}

/// The run of this number; `None` where the store has none.
pub(super) fn run(store: &Store, id: i64) -> Result<Option<Run>> {
    let found = store
        .connection()
        .query_row(
            "SELECT kind, outcome, started_at, finished_at, requests, tickets_read
             FROM snapshots WHERE id = ?1",
            [id],
            |row| {
                Ok(Run {
                    kind: row.get(0)?,
                    outcome: row.get(1)?,
                    started_at: row.get(2)?,
                    finished_at: row.get(3)?,
                    requests: row.get(4)?,
                    tickets_read: row.get(5)?,
                })
            },
        )
        .optional();
    found.map_err(|error| {
        crate::error::Error::failed(format!(
            "cannot read run {id} of {}",
            store.path().display()
        ))
        .because(error)
    })
}

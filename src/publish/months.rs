//! What the store says about itself before anything is written: its months, its views and its runs.

use std::collections::BTreeSet;

use rusqlite::OptionalExtension;

use super::failure::Stop;
use super::manifest::{Manifest, Run};
use super::relation::Relation;
use crate::error::{Error, Result};
use crate::store::{Reader, Store};
use crate::table::{
    ATTRIBUTE_PREFIX, Instant, Record, SlaResult, TICKETS_WIDE, Ticket, all_tables, instant_text,
};

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

/// Months in which rows of views may be others although none of their tickets changed since the parent.
#[derive(Debug, Default)]
pub(super) struct Others {
    /// Whose tickets' agents, categories, customers or tags have other names.
    renamed: BTreeSet<String>,
    /// With clocks that run on.
    running: BTreeSet<String>,
}

impl Others {
    pub(super) fn has(&self, view: &str, month: &str) -> bool {
        let is_wide = view == TICKETS_WIDE.name && self.renamed.contains(month);
        is_wide || view == SlaResult::TABLE.name && self.running.contains(month)
    }
}

/// What the store says of them.
pub(super) fn others(reader: &Reader, parent: &Manifest) -> std::result::Result<Others, Stop> {
    let months = |which: &str, since: i64| {
        let sql = format!("SELECT DISTINCT substr(created_at, 1, 7) FROM tickets WHERE {which}");
        let mut statement = reader.connection().prepare(&sql)?;
        let months = statement.query_map([since], |row| row.get(0))?;
        months.collect::<rusqlite::Result<_>>()
    };
    // What an unfinished run wrote after it was published has its number, too.
    let since = match parent.is_unfinished() {
        true => parent.snapshot_id - 1,
        false => parent.snapshot_id,
    };
    let read = || {
        Ok(Others {
            renamed: months(RENAMED, since)?,
            running: months(RUNNING, since)?,
        })
    };
    let failed = |error| reader.failed("look what changed beside tickets", error);
    read().map_err(|error| failed(error).into())
}

const RENAMED: &str = "category_id IN (SELECT id FROM categories WHERE snapshot_id > ?1)
     OR assigned_agent_id IN (SELECT id FROM agents WHERE snapshot_id > ?1)
     OR customer_id IN (SELECT id FROM customers WHERE snapshot_id > ?1)
     OR id IN (SELECT ticket_id FROM ticket_tags WHERE tag_id IN (SELECT id FROM tags WHERE snapshot_id > ?1))";

const RUNNING: &str =
    "?1 IS NOT NULL AND id IN (SELECT ticket_id FROM _ticket_slas WHERE stopped_at IS NULL)";

/// All tables and views, in the order of the documentation. What goes by the present instant goes by `now`.
pub(super) fn relations(reader: &Reader, now: Instant) -> std::result::Result<Vec<Relation>, Stop> {
    let with_rest = |table| {
        let mut relation = Relation::of(table);
        if relation.is_wide() {
            relation.attributes = attributes(reader, relation.name())?;
        } else if relation.name() == SlaResult::TABLE.name {
            relation.source = view_at(reader, relation.name(), now)?;
        }
        Ok(relation)
    };
    all_tables().map(with_rest).collect()
}

/// The columns of custom attributes that a view has.
fn attributes(reader: &Reader, view: &str) -> std::result::Result<Vec<String>, Stop> {
    let read = || {
        let mut statement = reader.connection().prepare(
            "SELECT name FROM pragma_table_info(?1) WHERE substr(name, 1, length(?2)) = ?2 ORDER BY cid",
        )?;
        let names = statement.query_map([view, ATTRIBUTE_PREFIX], |row| row.get(0))?;
        names.collect::<rusqlite::Result<_>>()
    };
    read().map_err(|error| reader.failed(&format!("look at {view}"), error).into())
}

/// What a view goes by that tells how things stand at the present instant.
const PRESENT: &str = "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')";

/// What a view that goes by the present instant holds at another one: a query in brackets.
fn view_at(reader: &Reader, view: &str, now: Instant) -> std::result::Result<String, Stop> {
    let made: Option<String> = reader
        .connection()
        .query_row(
            "SELECT (SELECT sql FROM sqlite_schema WHERE type = 'view' AND name = ?1)",
            [view],
            |row| row.get(0),
        )
        .map_err(|error| reader.failed(&format!("look at {view}"), error))?;
    let now = format!("'{}'", instant_text(now));
    let select = made.as_deref().and_then(|made| made.split_once(" AS\n"));
    match select {
        Some((_, select)) if select.contains(PRESENT) => {
            Ok(format!("({})", select.replace(PRESENT, &now)))
        }
        _ => Err(Error::failed(format!("{view} is not the view that this version makes")).into()),
    }
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
        Error::failed(format!(
            "cannot read run {id} of {}",
            store.path().display()
        ))
        .because(error)
    })
}

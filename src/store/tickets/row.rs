//! A ticket's own row.

use std::borrow::Cow;
use std::sync::LazyLock;

use rusqlite::{CachedStatement, Connection};

use crate::normalize::TicketRows;
use crate::store::bind;
use crate::table::{Record, THREAD_FACTS, Table, Ticket};

static INSERT: LazyLock<String> = LazyLock::new(|| bind::insert_sql(Ticket::TABLE));
static UPDATE: LazyLock<String> = LazyLock::new(|| update_sql(Ticket::TABLE, &[]));
/// A run without messages leaves what follows from the thread as it is.
static UPDATE_HEAD: LazyLock<String> = LazyLock::new(|| update_sql(Ticket::TABLE, &THREAD_FACTS));

/// `UPDATE` of the content columns but `left`, with the parameters of the insert.
fn update_sql(table: &Table, left: &[&str]) -> String {
    let set: Vec<String> = (1..)
        .zip(table.content)
        .filter(|(_, column)| !table.key.contains(&column.name) && !left.contains(&column.name))
        .map(|(number, column)| format!("{} = ?{number}", column.name))
        .collect();
    format!(
        "UPDATE {} SET {}, snapshot_id = ?{}, deleted_at = NULL WHERE id = ?1",
        table.name,
        set.join(", "),
        table.content.len() + 1
    )
}

/// The rows of the tickets that one page brings.
pub(super) struct Row<'c> {
    snapshot_id: i64,
    insert: CachedStatement<'c>,
    update: CachedStatement<'c>,
    update_head: CachedStatement<'c>,
    last_change: CachedStatement<'c>,
}

impl<'c> Row<'c> {
    pub(super) fn new(connection: &'c Connection, snapshot_id: i64) -> rusqlite::Result<Self> {
        Ok(Self {
            snapshot_id,
            insert: connection.prepare_cached(&INSERT)?,
            update: connection.prepare_cached(&UPDATE)?,
            update_head: connection.prepare_cached(&UPDATE_HEAD)?,
            last_change: connection
                .prepare_cached("SELECT snapshot_id FROM tickets WHERE id = ?1")?,
        })
    }

    pub(super) fn insert(
        &mut self,
        ticket: &Ticket,
        is_resolution_doubted: bool,
    ) -> rusqlite::Result<()> {
        let ticket = stored(ticket, is_resolution_doubted);
        let count = bind::bind(&mut self.insert, ticket.as_ref())?;
        self.insert
            .raw_bind_parameter(count + 1, self.snapshot_id)?;
        self.insert.raw_execute().map(drop)
    }

    pub(super) fn update(
        &mut self,
        rows: &TicketRows,
        is_resolution_doubted: bool,
    ) -> rusqlite::Result<()> {
        let ticket = stored(&rows.ticket, is_resolution_doubted);
        let update = match rows.thread {
            Some(_) => &mut self.update,
            None => &mut self.update_head,
        };
        let count = bind::bind(update, ticket.as_ref())?;
        update.raw_bind_parameter(count + 1, self.snapshot_id)?;
        update.raw_execute().map(drop)
    }

    /// The run that changed a ticket last.
    pub(super) fn last_change(&mut self, id: &str) -> rusqlite::Result<Option<i64>> {
        self.last_change.query_row([id], |row| row.get(0))
    }
}

/// A ticket as it is stored.
pub(in crate::store) fn stored(ticket: &Ticket, is_resolution_doubted: bool) -> Cow<'_, Ticket> {
    if is_resolution_doubted && ticket.resolved_at.is_some() {
        return Cow::Owned(Ticket {
            resolved_at: None,
            ..ticket.clone()
        });
    }
    Cow::Borrowed(ticket)
}

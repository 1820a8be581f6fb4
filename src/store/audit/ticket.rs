//! One ticket: its rows against its hashes, and what follows from its thread against the thread.

use super::super::sums::{self, Versions};
use super::super::{bind, resolutions};
use super::entry::{Entry, Wrong};
use crate::normalize::{Facts, Hash, Sent, Sum};
use crate::table::{
    Cell, Column, Instant, Message, MessageAttachment, Record, THREAD_FACTS, Table, Ticket,
    TicketAttribute, TicketDiscordUser,
};
use crate::wire::instant_after;
use rusqlite::{CachedStatement, Connection, OptionalExtension, Row};
use std::sync::LazyLock;

/// What is read of a ticket's own row.
struct Own {
    /// Over the columns that belong to the head hash; `None` where one cannot be read.
    sum: Option<Sum>,
    created_at: Option<Instant>,
    /// What `resolved_at` has to be, as it follows from creation and resolution time.
    resolved_at: Option<Instant>,
    /// Whether it is.
    is_resolution_right: bool,
    /// Over the columns that the store sets, with the deletion; `None` where one cannot be read.
    flags: Option<(Hash, bool)>,
    /// The facts; `None` where one cannot be read.
    facts: Option<Vec<OwnedCell>>,
}

/// A cell that outlives its row.
#[derive(Debug, PartialEq)]
enum OwnedCell {
    Null,
    Integer(i64),
    Text(String),
    Instant(Instant),
}

impl OwnedCell {
    fn of(cell: Cell<'_>) -> Self {
        match cell {
            Cell::Null => Self::Null,
            Cell::Integer(number) => Self::Integer(number),
            Cell::Text(text) => Self::Text(text.to_owned()),
            Cell::Instant(instant) => Self::Instant(instant),
        }
    }
}

/// The messages of a thread, summed.
struct Thread {
    /// `None` where a row cannot be read.
    hash: Option<Hash>,
    facts: Facts,
    /// Whether there is no row at all.
    is_empty: bool,
}

/// What follows from a ticket's rows as they are.
pub(in crate::store) struct Found {
    pub(in crate::store) head: Hash,
    /// `None` where it was never read.
    pub(in crate::store) thread: Option<Hash>,
    facts: Option<Facts>,
    pub(in crate::store) resolved_at: Option<Instant>,
}

impl Found {
    /// The columns about the thread.
    pub(in crate::store) fn facts(&self) -> [Cell<'_>; THREAD_FACTS.len()] {
        match &self.facts {
            Some(facts) => facts.cells(),
            None => [Cell::Null; THREAD_FACTS.len()],
        }
    }
}

/// Looks at tickets one by one.
pub(in crate::store) struct TicketAudit<'c> {
    /// Whether instants of resolution are left out.
    is_resolution_doubted: bool,
    ticket: CachedStatement<'c>,
    attributes: CachedStatement<'c>,
    tags: CachedStatement<'c>,
    users: CachedStatement<'c>,
    rejects: CachedStatement<'c>,
    messages: CachedStatement<'c>,
    attachments: CachedStatement<'c>,
    pub(in crate::store) versions: Versions<'c>,
}

/// The place of a column of `tickets`.
fn place(name: &str) -> Option<usize> {
    Ticket::TABLE
        .columns()
        .position(|column| column.name == name)
}

fn children_sql(table: &Table, order: &str) -> String {
    bind::select_sql(table, &format!("WHERE ticket_id = ?1 ORDER BY {order}"))
}

impl<'c> TicketAudit<'c> {
    pub(in crate::store) fn new(connection: &'c Connection) -> rusqlite::Result<Self> {
        Ok(Self {
            is_resolution_doubted: resolutions::is_doubted(connection)?,
            ticket: connection.prepare_cached(&sums::select_sql(Ticket::TABLE, "WHERE id = ?1"))?,
            attributes: connection
                .prepare_cached(&children_sql(TicketAttribute::TABLE, "position"))?,
            tags: connection.prepare_cached(
                "SELECT tag_id FROM ticket_tags WHERE ticket_id = ?1 ORDER BY tag_id",
            )?,
            users: connection
                .prepare_cached(&children_sql(TicketDiscordUser::TABLE, "position"))?,
            rejects: connection
                .prepare_cached("SELECT path, raw_json FROM rejects WHERE ticket_id = ?1")?,
            messages: connection.prepare_cached(&MESSAGES_SQL)?,
            attachments: connection.prepare_cached(&ATTACHMENTS_SQL)?,
            versions: Versions::new(connection)?,
        })
    }

    /// Holds the ticket against what the index says of it.
    pub(in crate::store) fn look(&mut self, id: &str, entry: &Entry) -> rusqlite::Result<Wrong> {
        let mut wrong = Wrong {
            is_history: entry.history.is_none() || self.versions.sum(id)? != entry.history,
            ..Wrong::default()
        };
        let Some(own) = self.own(id)? else {
            wrong.is_lost = true;
            return Ok(wrong);
        };
        let rejects = self.rejects(id)?;
        let heads = self.heads(id, own.sum, &rejects)?;
        let is_head = heads.is_some_and(|heads| heads.map(Some).contains(&entry.head));
        wrong.is_head = !own.is_resolution_right || !is_head;
        let thread = self.thread(id, own.created_at, &rejects)?;
        wrong.is_thread = match entry.thread {
            Some(known) => thread.hash != Some(known),
            None => !thread.is_empty,
        };
        let meant = match entry.thread {
            Some(_) => thread.facts.cells(),
            None => [Cell::Null; THREAD_FACTS.len()],
        };
        wrong.are_facts = own.facts != Some(meant.map(OwnedCell::of).into());
        let created_ms = own.created_at.map(|at| at.timestamp_millis());
        wrong.are_flags = match own.flags {
            Some((flags, is_deleted)) => {
                entry.flags != Some(flags) || is_deleted != entry.is_deleted
            }
            None => true,
        } || created_ms != Some(entry.created_ms);
        wrong.created_ms = created_ms.filter(|at| *at != entry.created_ms);
        Ok(wrong)
    }

    fn own(&mut self, id: &str) -> rusqlite::Result<Option<Own>> {
        let is_resolution_doubted = self.is_resolution_doubted;
        self.ticket
            .query_row([id], |row| own(row, is_resolution_doubted))
            .optional()
    }

    /// Path and raw value of each reject that may belong to a hash; `None` where one cannot be read.
    fn rejects(&mut self, id: &str) -> rusqlite::Result<Option<Vec<(String, String)>>> {
        let mut found = Vec::new();
        let mut rows = self.rejects.query([id])?;
        while let Some(row) = rows.next()? {
            let (Ok(path), Ok(raw)) = (row.get_ref(0)?.as_str(), row.get_ref(1)?.as_str()) else {
                return Ok(None);
            };
            // A whole ticket that could not be stored is none of a stored one's rejects; nor is a
            // thread that could not be had.
            if !(path.is_empty() || path == MESSAGES && raw == "null") {
                found.push((path.to_owned(), raw.to_owned()));
            }
        }
        found.sort_unstable();
        Ok(Some(found))
    }

    /// The hashes that the ticket without its thread may have; `None` where a value cannot be read.
    fn heads(
        &mut self,
        id: &str,
        own: Option<Sum>,
        rejects: &Option<Vec<(String, String)>>,
    ) -> rusqlite::Result<Option<[Hash; 2]>> {
        let (Some(mut sum), Some(rejects)) = (own, rejects) else {
            return Ok(None);
        };
        let parts = [
            items(&mut self.attributes, id, TicketAttribute::TABLE.content)?,
            items(&mut self.tags, id, &[TAG])?,
            items(&mut self.users, id, TicketDiscordUser::TABLE.content)?,
        ];
        for part in parts {
            let Some((count, cells)) = part else {
                return Ok(None);
            };
            sum.items(count, &cells);
        }
        // Whether a thread that was no list belongs to the hash depends on whether the last run that
        // read the ticket asked for threads.
        let own: Vec<&(String, String)> = rejects
            .iter()
            .filter(|(path, _)| !is_inside_thread(path))
            .collect();
        let others: Vec<&(String, String)> = own
            .iter()
            .copied()
            .filter(|(path, _)| path != MESSAGES)
            .collect();
        Ok(Some([own, others].map(|rejects| {
            let (count, cells) = reject_items(&rejects);
            let mut whole = sum.clone();
            whole.items(count, &cells);
            whole.hash()
        })))
    }

    /// The hashes, facts and instants that follow from the rows as they are; `None` where the row is
    /// missing, or a value cannot be read. `has_thread` says whether the thread was ever read.
    pub(in crate::store) fn found(
        &mut self,
        id: &str,
        has_thread: bool,
    ) -> rusqlite::Result<Option<Found>> {
        let Some(own) = self.own(id)? else {
            return Ok(None);
        };
        let rejects = self.rejects(id)?;
        let (created_at, resolved_at) = (own.created_at, own.resolved_at);
        let heads = self.heads(id, own.sum, &rejects)?;
        let thread = self.thread(id, created_at, &rejects)?;
        let (Some([head, _]), Some(_)) = (heads, created_at) else {
            return Ok(None);
        };
        let has_thread = has_thread || !thread.is_empty;
        Ok(Some(Found {
            head,
            thread: thread.hash.filter(|_| has_thread),
            facts: has_thread.then_some(thread.facts),
            resolved_at,
        }))
    }

    fn thread(
        &mut self,
        id: &str,
        ticket_created_at: Option<Instant>,
        rejects: &Option<Vec<(String, String)>>,
    ) -> rusqlite::Result<Thread> {
        let mut thread = Thread {
            hash: None,
            facts: Facts::since(ticket_created_at),
            is_empty: true,
        };
        let mut cells = Sum::default();
        let mut count = 0;
        let mut is_readable = rejects.is_some();
        let mut rows = self.messages.query([id])?;
        while let Some(row) = rows.next()? {
            is_readable &= sums::add(&mut cells, row, 0, Message::TABLE.content.iter())?;
            count += 1;
            thread.is_empty = false;
            add_message(&mut thread.facts, row)?;
        }
        drop(rows);
        let mut sum = Sum::default();
        sum.items(count, &cells);
        match items(&mut self.attachments, id, MessageAttachment::TABLE.content)? {
            Some((count, cells)) => {
                thread.is_empty &= count == 0;
                sum.items(count, &cells);
            }
            None => {
                thread.is_empty = false;
                is_readable = false;
            }
        }
        let inside: Vec<&(String, String)> = rejects
            .iter()
            .flatten()
            .filter(|(path, _)| is_inside_thread(path))
            .collect();
        let (count, cells) = reject_items(&inside);
        sum.items(count, &cells);
        thread.hash = is_readable.then(|| sum.hash());
        Ok(thread)
    }
}

/// The path of a whole thread.
const MESSAGES: &str = "messages";

/// A tag of a ticket, as the hash has it.
const TAG: Column = Column {
    name: "tag_id",
    kind: crate::table::Type::Id,
    is_nullable: false,
    description: "",
};

// Places of columns of `messages`; a test holds them against the table.
const SENDER: usize = 3;

const KIND: usize = 7;

const SENT_AT: usize = 9;

const DELETED: usize = 12;

/// The messages of a ticket in their order, for [`add_message`].
static MESSAGES_SQL: LazyLock<String> =
    LazyLock::new(|| children_sql(Message::TABLE, "position, id"));

/// The attachments of a ticket in the order of its messages.
pub(in crate::store) static ATTACHMENTS_SQL: LazyLock<String> = LazyLock::new(|| {
    let columns = bind::list(MessageAttachment::TABLE.content.iter(), |_, column| {
        format!("file.{}", column.name)
    });
    format!(
        "SELECT {columns} FROM message_attachments AS file
         LEFT JOIN messages ON messages.ticket_id = file.ticket_id
             AND messages.id = file.message_id
         WHERE file.ticket_id = ?1 ORDER BY messages.position, file.message_id, file.position"
    )
});

/// Adds a message, as [`MESSAGES_SQL`] gives it, to the facts of its thread.
fn add_message(facts: &mut Facts, row: &Row<'_>) -> rusqlite::Result<()> {
    let text = |index: usize| {
        row.get_ref(index)
            .ok()
            .and_then(|value| value.as_str().ok())
    };
    let created_at = match sums::cell(row.get_ref(SENT_AT)?, crate::table::Type::Instant) {
        Some(Cell::Instant(at)) => Some(at),
        _ => None,
    };
    facts.add(&Sent {
        sender_type: text(SENDER),
        message_type: text(KIND),
        created_at,
        is_deleted: row.get_ref(DELETED)?.as_i64() == Ok(1),
    });
    Ok(())
}

pub(in crate::store) fn is_inside_thread(path: &str) -> bool {
    path.strip_prefix(MESSAGES)
        .is_some_and(|rest| rest.starts_with(['[', '.']))
}

/// So many rejects, and path and raw value of each.
pub(in crate::store) fn reject_items(rejects: &[&(String, String)]) -> (usize, Sum) {
    let mut cells = Sum::default();
    for (path, raw) in rejects {
        cells.cell(Cell::Text(path));
        cells.cell(Cell::Text(raw));
    }
    (rejects.len(), cells)
}

/// So many rows, and their cells; `None` where one cannot be read.
pub(in crate::store) fn items(
    statement: &mut CachedStatement<'_>,
    id: &str,
    columns: &[Column],
) -> rusqlite::Result<Option<(usize, Sum)>> {
    let mut cells = Sum::default();
    let mut count = 0;
    let mut rows = statement.query([id])?;
    while let Some(row) = rows.next()? {
        if !sums::add(&mut cells, row, 0, columns.iter())? {
            return Ok(None);
        }
        count += 1;
    }
    Ok(Some((count, cells)))
}

fn own(row: &Row<'_>, is_resolution_doubted: bool) -> rusqlite::Result<Own> {
    let mut cells: Vec<Option<Cell<'_>>> = Vec::with_capacity(Ticket::TABLE.content.len() + 2);
    for (index, column) in Ticket::TABLE.columns().enumerate() {
        cells.push(sums::cell(row.get_ref(index)?, column.kind));
    }
    let named = |name: &str| place(name).and_then(|index| cells.get(index).copied().flatten());
    let instant = |name: &str| match named(name) {
        Some(Cell::Instant(at)) => Some(at),
        _ => None,
    };
    let created_at = instant("created_at");
    let resolved_at = match (created_at, named("resolution_time_ms")) {
        (Some(created_at), Some(Cell::Integer(time_ms))) => instant_after(created_at, time_ms),
        _ => None,
    };
    let stored = match is_resolution_doubted {
        true => None,
        false => resolved_at,
    };
    let is_resolution_right =
        named("resolved_at") == Some(stored.map_or(Cell::Null, Cell::Instant));
    let mut sum = Sum::default();
    let mut facts = Vec::with_capacity(THREAD_FACTS.len());
    let mut is_head_readable = true;
    let mut are_facts_readable = true;
    for (column, cell) in Ticket::TABLE.content.iter().zip(&cells) {
        let is_fact = THREAD_FACTS.contains(&column.name);
        match (cell, column.name) {
            // The hash was made before anyone doubted.
            (Some(_), "resolved_at") => sum.cell(resolved_at.map_or(Cell::Null, Cell::Instant)),
            (Some(cell), _) if is_fact => facts.push(OwnedCell::of(*cell)),
            (Some(cell), _) => sum.cell(*cell),
            (None, _) if is_fact => are_facts_readable = false,
            (None, _) => is_head_readable = false,
        }
    }
    let flags = match (named("snapshot_id"), named("deleted_at")) {
        (Some(Cell::Integer(snapshot_id)), Some(deleted_at)) => {
            let deleted_at = match deleted_at {
                Cell::Instant(at) => Some(at),
                _ => None,
            };
            Some((sums::flags(snapshot_id, deleted_at), deleted_at.is_some()))
        }
        _ => None,
    };
    Ok(Own {
        sum: is_head_readable.then_some(sum),
        created_at,
        resolved_at: stored,
        is_resolution_right,
        flags,
        facts: are_facts_readable.then_some(facts),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_columns_of_a_message_are_where_they_are_looked_for() {
        let place = |name: &str| {
            let mut columns = Message::TABLE.content.iter();
            columns.position(|column| column.name == name)
        };
        assert_eq!(place("sender_type"), Some(SENDER));
        assert_eq!(place("message_type"), Some(KIND));
        assert_eq!(place("created_at"), Some(SENT_AT));
        assert_eq!(place("is_deleted"), Some(DELETED));
    }
}

//! Content hashes: over rows, so that the order of keys on the wire cannot matter.

use super::{CustomerRows, Hash, ThreadRows, TicketRows, facts};
use crate::table::{Cell, Record, Reject, THREAD_FACTS, Ticket};
use crate::wire::Digest;

fn cell(digest: &mut Digest, cell: Cell<'_>) {
    match cell {
        Cell::Null => digest.null(),
        Cell::Integer(value) => digest.integer(value),
        Cell::Text(value) => digest.text(value),
        Cell::Instant(value) => digest.instant(value),
    }
}

/// A hash over cells that come one by one, as they are stored: of the same rows in the same order it
/// is that of the normaliser.
#[derive(Debug, Clone)]
pub(crate) struct Sum(Digest);

impl Default for Sum {
    fn default() -> Self {
        Self(Digest::keeping())
    }
}

impl Sum {
    /// Adds a cell.
    pub(crate) fn cell(&mut self, value: Cell<'_>) {
        cell(&mut self.0, value);
    }

    /// Adds so many items, whose cells were added to a sum of their own.
    pub(crate) fn items(&mut self, count: usize, cells: &Self) {
        self.0.count(count);
        self.0.append(&cells.0);
    }

    /// The hash of all that was added.
    pub(crate) fn hash(&self) -> Hash {
        self.0.hash()
    }
}

fn row(digest: &mut Digest, record: &impl Record) {
    record.each_cell(|value| cell(digest, value));
}

fn rows<T: Record>(digest: &mut Digest, records: &[T]) {
    digest.count(records.len());
    for record in records {
        row(digest, record);
    }
}

/// Path and raw value, in an order that does not depend on how they were found.
fn rejects<'a>(digest: &mut Digest, rejects: impl Iterator<Item = &'a Reject>) {
    let mut sorted: Vec<(&str, &str)> = rejects
        .map(|reject| (reject.path.as_str(), reject.raw_json.as_str()))
        .collect();
    sorted.sort_unstable();
    digest.count(sorted.len());
    for (path, raw_json) in sorted {
        digest.text(path);
        digest.text(raw_json);
    }
}

/// Whether a reject's path leads into the thread: `messages[3].content`.
fn is_inside_thread(path: &str) -> bool {
    path.strip_prefix("messages")
        .is_some_and(|rest| rest.starts_with(['[', '.']))
}

/// Sets what follows from a ticket's rows: the columns about the thread, and the hashes.
pub fn seal(rows: &mut TicketRows) {
    rows.head_hash = head(rows);
    if let Some(thread) = &mut rows.thread {
        facts::fill(&mut rows.ticket, &thread.messages);
        thread.hash = of_thread(thread, &rows.rejects);
    }
    if let Some(shown) = &mut rows.customer {
        shown.hash = customer(shown);
    }
}

/// Over a ticket's own columns, attributes, tags, Discord users and rejects: all but the thread's.
fn head(ticket: &TicketRows) -> Hash {
    let mut digest = Digest::default();
    let mut columns = Ticket::TABLE.content.iter();
    ticket.ticket.each_cell(|value| {
        if columns
            .next()
            .is_none_or(|column| !THREAD_FACTS.contains(&column.name))
        {
            cell(&mut digest, value);
        }
    });
    rows(&mut digest, &ticket.attributes);
    let mut tag_ids: Vec<&str> = ticket.tags.iter().map(|tag| tag.id.as_str()).collect();
    tag_ids.sort_unstable();
    digest.count(tag_ids.len());
    for id in tag_ids {
        digest.text(id);
    }
    rows(&mut digest, &ticket.discord_users);
    let own = ticket.rejects.iter();
    rejects(&mut digest, own.filter(|one| !is_inside_thread(&one.path)));
    digest.hash()
}

/// Over a thread's messages, attachments and rejects.
fn of_thread(thread: &ThreadRows, all_rejects: &[Reject]) -> Hash {
    let mut digest = Digest::default();
    rows(&mut digest, &thread.messages);
    rows(&mut digest, &thread.attachments);
    let inside = all_rejects.iter();
    rejects(
        &mut digest,
        inside.filter(|one| is_inside_thread(&one.path)),
    );
    digest.hash()
}

/// Over a customer and its attributes.
fn customer(customer: &CustomerRows) -> Hash {
    let mut digest = Digest::default();
    row(&mut digest, &customer.customer);
    rows(&mut digest, &customer.attributes);
    digest.hash()
}

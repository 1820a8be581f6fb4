//! Content hashes: over rows, so that the order of keys on the wire cannot matter.

use super::{CustomerRows, Hash, ThreadRows, TicketRows};
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
fn rejects(digest: &mut Digest, rejects: &[Reject]) {
    let mut sorted: Vec<(&str, &str)> = rejects
        .iter()
        .map(|reject| (reject.path.as_str(), reject.raw_json.as_str()))
        .collect();
    sorted.sort_unstable();
    digest.count(sorted.len());
    for (path, raw_json) in sorted {
        digest.text(path);
        digest.text(raw_json);
    }
}

/// Over a ticket's own columns, attributes, tags, Discord users and `own_rejects`: all but the
/// thread's.
pub(super) fn head(ticket: &TicketRows, own_rejects: &[Reject]) -> Hash {
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
    rejects(&mut digest, own_rejects);
    digest.hash()
}

/// Over a thread's messages, attachments and `own_rejects`.
pub(super) fn thread(thread: &ThreadRows, own_rejects: &[Reject]) -> Hash {
    let mut digest = Digest::default();
    rows(&mut digest, &thread.messages);
    rows(&mut digest, &thread.attachments);
    rejects(&mut digest, own_rejects);
    digest.hash()
}

/// Over a customer and its attributes.
pub(super) fn customer(customer: &CustomerRows) -> Hash {
    let mut digest = Digest::default();
    row(&mut digest, &customer.customer);
    rows(&mut digest, &customer.attributes);
    digest.hash()
}

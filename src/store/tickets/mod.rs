//! Tickets and what belongs to them: written where they are new or moved, only noted otherwise.

mod index;
mod lists;
mod named;
mod row;

use rusqlite::Connection;

use self::index::{Index, Known};
use self::lists::Lists;
use self::named::Named;
use self::row::Row;
use super::audit::TicketAudit;
use super::customers::Customers;
use super::history::History;
use super::metrics::{Measuring, Metrics};
use super::references::References;
use super::rejects::Rejects;
use super::{resolutions, twins};
use crate::normalize::TicketRows;
use crate::table::{Instant, TicketVersion};

pub(super) use self::row::stored;

/// What became of a ticket that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// It was not in the store.
    New,
    /// It had moved, or came back.
    Changed {
        /// This run already counted it as new or changed.
        is_counted: bool,
    },
    /// It is as it was.
    Unchanged,
}

/// How tickets are written.
pub(super) struct Writing {
    /// Whether what is stored is held against what was read row by row, not hash by hash: a few
    /// queries more for each ticket.
    pub(super) is_thorough: bool,
    /// What metrics and names go by.
    pub(super) measuring: Measuring,
}

/// A ticket that was read, and whether this run met it before.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Written {
    pub(super) change: Change,
    pub(super) is_met_before: bool,
    /// It changed only in that its thread was read for the first time.
    pub(super) is_first_thread: bool,
    /// It is another than the one that is stored under its id, and kept in `rejects`.
    pub(super) is_second: bool,
    /// Its rows were not as they had been written.
    pub(super) is_mended: bool,
    /// The tracked fields before, of a ticket that had changed.
    pub(super) before: Option<TicketVersion>,
}

/// Writes the tickets of one page.
pub(super) struct Tickets<'c> {
    connection: &'c Connection,
    snapshot_id: i64,
    /// Whether instants of resolution are left out.
    is_resolution_doubted: bool,
    index: Index<'c>,
    row: Row<'c>,
    lists: Lists<'c>,
    named: Named<'c>,
    history: History<'c>,
    metrics: Metrics<'c>,
    pub(super) rejects: Rejects<'c>,
    /// Looks at the rows of each ticket that is read, where that is asked for.
    audit: Option<TicketAudit<'c>>,
    /// Tickets whose history was not as it had been written, and could not be made so.
    pub(super) histories: i64,
}

impl<'c> Tickets<'c> {
    pub(super) fn new(
        connection: &'c Connection,
        snapshot_id: i64,
        read_at: Instant,
        writing: &'c Writing,
    ) -> rusqlite::Result<Self> {
        let is_thorough = writing.is_thorough;
        let read_at_ms = read_at.timestamp_millis();
        Ok(Self {
            connection,
            snapshot_id,
            is_resolution_doubted: resolutions::is_doubted(connection)?,
            index: Index::new(connection, snapshot_id, read_at_ms)?,
            row: Row::new(connection, snapshot_id)?,
            lists: Lists::new(connection)?,
            named: Named {
                references: References::new(
                    connection,
                    snapshot_id,
                    is_thorough,
                    &writing.measuring.names,
                )?,
                customers: Customers::new(connection, snapshot_id, read_at_ms, is_thorough)?,
            },
            history: History::new(connection, snapshot_id, read_at)?,
            metrics: Metrics::new(connection, snapshot_id, &writing.measuring)?,
            rejects: Rejects::new(connection, snapshot_id, is_thorough)?,
            audit: is_thorough
                .then(|| TicketAudit::new(connection))
                .transpose()?,
            histories: 0,
        })
    }

    /// Writes a ticket as it was read.
    pub(super) fn write(&mut self, rows: &TicketRows) -> rusqlite::Result<Written> {
        let id = rows.ticket.id.as_str();
        let known = self.look(id)?;
        self.named.write(rows)?;
        if let Some(known) = &known
            && self.is_second(rows, known)?
        {
            return self.keep_apart(rows, known);
        }
        let is_met_before = known
            .as_ref()
            .is_some_and(|known| known.seen_snapshot == self.snapshot_id);
        let is_first_thread = known.as_ref().is_some_and(|known| {
            let entry = &known.entry;
            entry.thread.is_none() && entry.head == Some(rows.head_hash) && !entry.is_deleted
        });
        let is_mended = known.as_ref().is_some_and(|known| known.wrong.is_any());
        let (change, before) = match known {
            None => (self.add(rows)?, None),
            Some(known) if known.is_lost => self.restore(rows, &known)?,
            Some(known) => self.renew(rows, &known)?,
        };
        if change != Change::New && (change != Change::Unchanged || self.audit.is_some()) {
            self.metrics.refresh(id)?;
        }
        self.rejects.replace(
            id,
            rows.ticket.created_at,
            &rows.rejects,
            rows.thread.is_some(),
        )?;
        Ok(Written {
            change,
            is_met_before,
            is_first_thread: is_first_thread && change != Change::Unchanged && !is_mended,
            is_second: false,
            is_mended,
            before,
        })
    }

    /// Whether a ticket is another than the one that is stored under its id: both were met by this run,
    /// or were before. Of two the older one is stored, so that it is the same whichever comes first.
    ///
    /// One with another creation that was met alone is the same ticket: its creation moved.
    fn is_second(&mut self, rows: &TicketRows, known: &Known) -> rusqlite::Result<bool> {
        let created_at = rows.ticket.created_at;
        let created_at_ms = created_at.timestamp_millis();
        if known.entry.created_ms == created_at_ms || known.entry.is_deleted || known.is_lost {
            return Ok(false);
        }
        let is_seen = known.seen_snapshot == self.snapshot_id;
        if known.entry.created_ms < created_at_ms {
            return Ok(is_seen || self.rejects.has_second(&rows.ticket.id, created_at)?);
        }
        if is_seen {
            self.make_way(rows, known)?;
        }
        Ok(false)
    }

    /// Keeps a second ticket in `rejects`. The one that is stored is as it was.
    fn keep_apart(&mut self, rows: &TicketRows, known: &Known) -> rusqlite::Result<Written> {
        let ticket = &rows.ticket;
        let is_known = self.rejects.has_second(&ticket.id, ticket.created_at)?;
        if rows.thread.is_none() && is_known {
            // What is kept has the thread, or is as good.
            self.rejects.meet_second(&ticket.id, ticket.created_at)?;
        } else {
            let stored_at = instant(known.entry.created_ms);
            let is_resolution_doubted = self.is_resolution_doubted;
            let reject = twins::of_rows(rows, is_resolution_doubted, stored_at);
            self.rejects.meet_whole(&reject, None)?;
        }
        Ok(Written {
            change: Change::Unchanged,
            is_met_before: true,
            is_first_thread: false,
            is_second: true,
            is_mended: false,
            before: None,
        })
    }

    /// Moves what is stored to `rejects`, since an older ticket of its id is there.
    fn make_way(&mut self, rows: &TicketRows, known: &Known) -> rusqlite::Result<()> {
        let id = rows.ticket.id.as_str();
        let created_at = instant(known.entry.created_ms);
        let reject = twins::of_store(self.connection, id, created_at, rows.ticket.created_at)?;
        self.rejects.meet_whole(&reject, None)
    }

    /// A ticket that was met but could not be represented is at least not gone.
    pub(super) fn see(&mut self, id: &str, created_at: Option<Instant>) -> rusqlite::Result<()> {
        self.index.see(id, created_at)
    }

    fn look(&mut self, id: &str) -> rusqlite::Result<Option<Known>> {
        let mut known = self.index.look(id)?;
        if let (Some(known), Some(audit)) = (&mut known, &mut self.audit)
            // What this run wrote was looked at when it did.
            && known.seen_snapshot != self.snapshot_id
        {
            known.wrong = audit.look(id, &known.entry)?;
        }
        Ok(known)
    }

    fn add(&mut self, rows: &TicketRows) -> rusqlite::Result<Change> {
        self.row.insert(&rows.ticket, self.is_resolution_doubted)?;
        self.lists.attach_head(rows)?;
        if let Some(thread) = &rows.thread {
            self.lists.attach_thread(thread)?;
        }
        let (version, history) = self.history.first(rows)?;
        let ticket = row::stored(&rows.ticket, self.is_resolution_doubted);
        let thread = rows.thread.as_ref();
        let metrics = self.metrics.add(ticket.as_ref(), thread, &version)?;
        self.index.write(rows, Some(history), Some(metrics))?;
        Ok(Change::New)
    }

    /// Writes a ticket of which only the index is left, in place of whatever still belongs to its id;
    /// its history goes on. A thread that was not read now is left to the next read that asks for it.
    fn restore(
        &mut self,
        rows: &TicketRows,
        known: &Known,
    ) -> rusqlite::Result<(Change, Option<TicketVersion>)> {
        let id = rows.ticket.id.as_str();
        self.row.insert(&rows.ticket, self.is_resolution_doubted)?;
        self.lists.replace_head(rows)?;
        match &rows.thread {
            Some(thread) => self.lists.replace_thread(id, thread)?,
            None if known.entry.thread.is_some() => {
                self.index.doubt_thread(id)?;
            }
            None => {}
        }
        let before = self.version(rows, known)?;
        Ok((Change::Changed { is_counted: false }, before))
    }

    fn renew(
        &mut self,
        rows: &TicketRows,
        known: &Known,
    ) -> rusqlite::Result<(Change, Option<TicketVersion>)> {
        let id = rows.ticket.id.as_str();
        let is_damaged = known.wrong.is_any();
        let is_head_moved = is_damaged || known.entry.head != Some(rows.head_hash);
        let moved_thread = rows
            .thread
            .as_ref()
            .filter(|thread| is_damaged || known.entry.thread != Some(thread.hash));
        if !is_head_moved && moved_thread.is_none() && !known.entry.is_deleted {
            self.index.note(rows)?;
            return Ok((Change::Unchanged, None));
        }
        let last_change: Option<i64> = match is_damaged {
            true => None,
            false => self.row.last_change(id)?,
        };
        self.row.update(rows, self.is_resolution_doubted)?;
        if is_head_moved {
            self.lists.replace_head(rows)?;
        }
        if let Some(thread) = moved_thread {
            self.lists.replace_thread(id, thread)?;
        }
        let before = self.version(rows, known)?;
        let change = Change::Changed {
            is_counted: last_change == Some(self.snapshot_id),
        };
        Ok((change, before))
    }

    /// Writes the version that follows, if one does, and what the index has to know. Returns the
    /// version before.
    fn version(
        &mut self,
        rows: &TicketRows,
        known: &Known,
    ) -> rusqlite::Result<Option<TicketVersion>> {
        let entry = &known.entry;
        let next = match known.wrong.is_history {
            false => self.history.next(rows, entry.history)?,
            true => {
                let thread = rows.thread.as_ref().map(|thread| thread.hash);
                let is_as_known = entry.head == Some(rows.head_hash)
                    && (thread.is_none() || thread == entry.thread);
                let next = self.history.mend(rows, is_as_known)?;
                // Where the hash is what was lost, nothing speaks against the history.
                let is_other = entry.history.is_some() && next.hash != entry.history;
                self.histories += i64::from(is_other || next.is_altered);
                next
            }
        };
        self.index.write(rows, next.hash, None)?;
        Ok(next.before)
    }
}

/// The instant of a creation in the index.
fn instant(created_at_ms: i64) -> Instant {
    Instant::from_timestamp_millis(created_at_ms).unwrap_or_default()
}

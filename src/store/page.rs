//! One page: its rows, its slice's cursor and what it adds to the run's counters, committed
//! together or not at all.

use rusqlite::{Connection, params};

use super::failure::Failure;
use super::tickets::{Change, Tickets, Writing};
use super::{Rejected, Store, rejected, slices};
use crate::error::Result;
use crate::normalize::TicketRows;
use crate::plan::Slice;
use crate::table::{Instant, Reject, TicketVersion};

/// A page as it is handed to the store.
#[derive(Debug)]
pub struct PageCommit<'a> {
    /// The run (`snapshots.id`).
    pub snapshot_id: i64,
    /// The slice with its new position and state. Its window is not written, since a split may
    /// have cut it while the page was on its way.
    pub slice: &'a Slice,
    /// The tickets it brought.
    pub tickets: &'a [TicketRows],
    /// Tickets it brought that could not be represented at all.
    pub rejects: &'a [Reject],
    /// Requests it took, retries included.
    pub requests: i64,
    /// When the answer came.
    pub read_at: Instant,
}

/// What a request brought that belongs to no slice.
#[derive(Debug, Clone, Copy)]
pub struct ReadCommit<'a> {
    /// The run (`snapshots.id`).
    pub snapshot_id: i64,
    /// The tickets it brought.
    pub tickets: &'a [TicketRows],
    /// Tickets it brought that could not be represented at all.
    pub rejects: &'a [Reject],
    /// Requests it took, retries included.
    pub requests: i64,
    /// When the answer came.
    pub read_at: Instant,
}

impl<'a> PageCommit<'a> {
    fn as_read(&self) -> ReadCommit<'a> {
        ReadCommit {
            snapshot_id: self.snapshot_id,
            tickets: self.tickets,
            rejects: self.rejects,
            requests: self.requests,
            read_at: self.read_at,
        }
    }
}

/// What became of one ticket that was read.
#[derive(Debug, Clone, PartialEq)]
pub struct TicketRead {
    /// It was not in the store.
    pub is_new: bool,
    /// It is new or had changed on the desk.
    pub is_changed: bool,
    /// It changed only in that its thread was read for the first time.
    pub is_first_thread: bool,
    /// It is another than the one that is stored under its id: created later, and kept in `rejects`.
    pub is_second: bool,
    /// Its tracked fields before, if it had changed.
    pub before: Option<TicketVersion>,
}

/// What a page brought. A ticket that the run saw before counts as read no second time, so that
/// the sum over the pages of a run is right however often one of them was read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PageCounts {
    /// Tickets that the run had not seen.
    pub read: i64,
    /// Of all, those that were not in the store.
    pub new: i64,
    /// Of all, those whose content had moved or that came back.
    pub changed: i64,
    /// Of those read, those that were as they are stored.
    pub unchanged: i64,
    /// Rejects that the run had not seen; below zero where some went away.
    pub rejects: i64,
    /// Characters stored as U+FFFD in the tickets read.
    pub replaced_characters: i64,
    /// What was not as it had been written.
    pub mended: Mended,
}

/// Tickets whose rows were not as they had been written, where that was looked for: damaged, or
/// edited by hand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Mended {
    /// Those written again.
    pub tickets: i64,
    /// Of those, the ones whose history cannot be known any more: it is kept as it was found.
    pub histories: i64,
}

impl Store {
    /// Commits a page.
    ///
    /// # Errors
    /// Nothing of the page is stored then: the disk is full or failed, another program holds the
    /// file, or the run has no such slice.
    pub fn commit_page(&mut self, page: &PageCommit<'_>) -> Result<PageCounts> {
        self.commit_page_with(page, &[])
    }

    /// Stores the rows, and where those tickets stand that could not be represented at all.
    ///
    /// # Errors
    /// As [`commit_page`](Self::commit_page).
    pub fn commit_page_with(
        &mut self,
        page: &PageCommit<'_>,
        placed: &[Rejected],
    ) -> Result<PageCounts> {
        let what = format!(
            "write a page of slice {} {}",
            page.slice.number, page.slice.window
        );
        let read = page.as_read();
        let writing = self.writing();
        let counts = self.in_transaction(&what, |connection| {
            let place_ms = page.slice.window.from().timestamp_millis();
            let (counts, _) = write_rows(connection, &read, Some(place_ms), &writing)?;
            rejected::place(connection, read.snapshot_id, read.tickets, placed)?;
            slices::advance(connection, page.snapshot_id, page.slice, counts.read)?;
            count(connection, &read, &counts)?;
            Ok(counts)
        })?;
        self.note_mended(counts.mended);
        Ok(counts)
    }

    /// Commits what one request outside any slice brought, and says of each ticket, in order, what
    /// became of it.
    ///
    /// # Errors
    /// As [`commit_page`](Self::commit_page).
    pub fn commit_read(&mut self, read: &ReadCommit<'_>) -> Result<(PageCounts, Vec<TicketRead>)> {
        self.commit_read_with(read, &[])
    }

    /// Stores the rows, and where those tickets stand that could not be represented at all.
    ///
    /// # Errors
    /// As [`commit_page`](Self::commit_page).
    pub fn commit_read_with(
        &mut self,
        read: &ReadCommit<'_>,
        placed: &[Rejected],
    ) -> Result<(PageCounts, Vec<TicketRead>)> {
        let writing = self.writing();
        let (counts, reads) = self.in_transaction("write tickets read again", |connection| {
            let (counts, reads) = write_rows(connection, read, None, &writing)?;
            rejected::place(connection, read.snapshot_id, read.tickets, placed)?;
            count(connection, read, &counts)?;
            Ok((counts, reads))
        })?;
        self.note_mended(counts.mended);
        Ok((counts, reads))
    }

    /// From now on what is stored is held against what is read row by row, and not by the hashes it
    /// had when it was written, so that damage and edits by hand are corrected too.
    pub fn compare_rows(&mut self) {
        self.is_thorough = true;
    }

    /// What was corrected since the store was opened.
    pub fn mended(&self) -> Mended {
        self.mended
    }

    fn writing(&self) -> Writing {
        Writing {
            is_thorough: self.is_thorough,
            measuring: self.measuring.clone(),
        }
    }

    fn note_mended(&mut self, mended: Mended) {
        self.mended.tickets += mended.tickets;
        self.mended.histories += mended.histories;
    }
}

/// `place_ms` is where whole tickets are counted that came without their creation, if that is known.
fn write_rows(
    connection: &Connection,
    page: &ReadCommit<'_>,
    place_ms: Option<i64>,
    writing: &Writing,
) -> std::result::Result<(PageCounts, Vec<TicketRead>), Failure> {
    let mut counts = PageCounts::default();
    let mut reads = Vec::with_capacity(page.tickets.len());
    let mut tickets = Tickets::new(connection, page.snapshot_id, page.read_at, writing)?;
    for rows in page.tickets {
        let written = tickets
            .write(rows)
            .map_err(|error| Failure::Ticket(rows.ticket.id.clone(), error))?;
        reads.push(TicketRead {
            is_new: written.change == Change::New,
            is_changed: written.change != Change::Unchanged && !written.is_mended,
            is_first_thread: written.is_first_thread,
            is_second: written.is_second,
            before: written.before,
        });
        counts.mended.tickets += i64::from(written.is_mended);
        match written.change {
            Change::New => counts.new += 1,
            Change::Changed { is_counted } => counts.changed += i64::from(!is_counted),
            Change::Unchanged => counts.unchanged += i64::from(!written.is_met_before),
        }
        if !written.is_met_before {
            counts.read += 1;
            counts.replaced_characters += rows.replaced_characters;
        }
    }
    for reject in page.rejects {
        if let Some(id) = &reject.ticket_id {
            tickets.see(id, reject.created_at)?;
        }
        tickets.rejects.meet_whole(reject, place_ms)?;
    }
    counts.rejects = tickets.rejects.growth;
    counts.mended.histories = tickets.histories;
    Ok((counts, reads))
}

fn count(
    connection: &Connection,
    page: &ReadCommit<'_>,
    counts: &PageCounts,
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(
        "UPDATE snapshots SET requests = requests + ?2, tickets_read = tickets_read + ?3,
             tickets_new = tickets_new + ?4, tickets_changed = tickets_changed + ?5,
             rejects = rejects + ?6, replaced_characters = replaced_characters + ?7
         WHERE id = ?1",
    )?;
    statement
        .execute(params![
            page.snapshot_id,
            page.requests,
            counts.read,
            counts.new,
            counts.changed,
            counts.rejects,
            counts.replaced_characters,
        ])
        .map(drop)
}

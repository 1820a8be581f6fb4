//! The index: the hashes of each ticket, and when it was last met.

use std::sync::LazyLock;

use rusqlite::{CachedStatement, Connection, OptionalExtension, params};

use crate::normalize::{Hash, TicketRows};
use crate::store::audit::{ENTRY, Entry, Wrong};
use crate::store::sums;
use crate::table::Instant;

static LOOK: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT seen_snapshot,
             NOT EXISTS (SELECT 1 FROM tickets WHERE tickets.id = _ticket_index.id), {ENTRY}
         FROM _ticket_index WHERE id = ?1"
    )
});

/// What the index holds of a ticket.
pub(super) struct Known {
    pub(super) entry: Entry,
    pub(super) seen_snapshot: i64,
    /// The index is all there is: a hand other than ours deleted the row.
    pub(super) is_lost: bool,
    /// What is wrong with its rows, where that is looked for.
    pub(super) wrong: Wrong,
}

/// The entries of the tickets that one page brings.
pub(super) struct Index<'c> {
    snapshot_id: i64,
    read_at_ms: i64,
    look: CachedStatement<'c>,
    note: CachedStatement<'c>,
    see: CachedStatement<'c>,
    write: CachedStatement<'c>,
    doubt_thread: CachedStatement<'c>,
}

impl<'c> Index<'c> {
    pub(super) fn new(
        connection: &'c Connection,
        snapshot_id: i64,
        read_at_ms: i64,
    ) -> rusqlite::Result<Self> {
        Ok(Self {
            snapshot_id,
            read_at_ms,
            look: connection.prepare_cached(&LOOK)?,
            note: connection.prepare_cached(
                "UPDATE _ticket_index SET seen_snapshot = ?3, verified_at_ms =
                     CASE WHEN ?4 IS NULL AND thread_hash IS NOT NULL THEN verified_at_ms
                     ELSE ?2 END WHERE id = ?1",
            )?,
            see: connection.prepare_cached(
                "UPDATE _ticket_index SET seen_snapshot = ?2
                 WHERE id = ?1 AND (?3 IS NULL OR created_at_ms = ?3)",
            )?,
            write: connection.prepare_cached(
                "INSERT INTO _ticket_index (id, created_at_ms, head_hash, thread_hash,
                     verified_at_ms, seen_snapshot, is_deleted, flags_hash, history_hash, metrics_hash)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, ?7, ?8, ?9)
                 ON CONFLICT (id) DO UPDATE SET created_at_ms = excluded.created_at_ms,
                     head_hash = excluded.head_hash,
                     thread_hash = coalesce(excluded.thread_hash, thread_hash),
                     flags_hash = excluded.flags_hash,
                     history_hash = coalesce(excluded.history_hash, history_hash),
                     metrics_hash = coalesce(excluded.metrics_hash, metrics_hash),
                     verified_at_ms =
                     CASE WHEN excluded.thread_hash IS NULL AND thread_hash IS NOT NULL
                     THEN verified_at_ms ELSE excluded.verified_at_ms END,
                     seen_snapshot = excluded.seen_snapshot, is_deleted = 0",
            )?,
            doubt_thread: connection.prepare_cached(
                "UPDATE _ticket_index SET thread_hash = zeroblob(16) WHERE id = ?1",
            )?,
        })
    }

    /// What it holds of a ticket, whose rows were not looked at.
    pub(super) fn look(&mut self, id: &str) -> rusqlite::Result<Option<Known>> {
        self.look
            .query_row([id], |row| {
                Ok(Known {
                    seen_snapshot: row.get(0)?,
                    is_lost: row.get(1)?,
                    entry: Entry::read(row, 2)?,
                    wrong: Wrong::default(),
                })
            })
            .optional()
    }

    /// Notes that a ticket was read and is as it was.
    pub(super) fn note(&mut self, rows: &TicketRows) -> rusqlite::Result<()> {
        let id = rows.ticket.id.as_str();
        let thread = rows.thread.as_ref().map(|thread| thread.hash);
        self.note
            .execute(params![id, self.read_at_ms, self.snapshot_id, thread])
            .map(drop)
    }

    /// Notes that a ticket was met.
    pub(super) fn see(&mut self, id: &str, created_at: Option<Instant>) -> rusqlite::Result<()> {
        let created_ms = created_at.map(|at| at.timestamp_millis());
        self.see
            .execute(params![id, self.snapshot_id, created_ms])
            .map(drop)
    }

    /// Forgets what the thread was: the next read that asks for it writes it.
    pub(super) fn doubt_thread(&mut self, id: &str) -> rusqlite::Result<()> {
        self.doubt_thread.execute([id]).map(drop)
    }

    /// Enters a ticket as it is written; hashes that are not given stay.
    pub(super) fn write(
        &mut self,
        rows: &TicketRows,
        history: Option<Hash>,
        metrics: Option<Hash>,
    ) -> rusqlite::Result<()> {
        self.write
            .execute(params![
                rows.ticket.id,
                rows.ticket.created_at.timestamp_millis(),
                rows.head_hash,
                rows.thread.as_ref().map(|thread| thread.hash),
                self.read_at_ms,
                self.snapshot_id,
                sums::flags(self.snapshot_id, None),
                history,
                metrics,
            ])
            .map(drop)
    }
}

//! Columns about threads that an earlier version filled by other rules: made anew from the messages as
//! they are stored, so that nothing has to be asked for again. No content hash covers these columns,
//! so a ticket that is read again is as it was.

use std::sync::LazyLock;

use rusqlite::{CachedStatement, Connection, OptionalExtension, Row, params};

use super::audit;
use super::failure::Failure;
use super::read::optional_instant;
use super::rejects::RejectHashes;
use super::sums::{self, Versions};
use super::{bind, hash};
use crate::normalize::{Facts, Hash, Sent, is_marked_deleted, recounted};
use crate::table::{Cell, Instant, Record, Reject, THREAD_FACTS, Ticket};
use crate::wire::usual_instant;

type Attempt<T> = std::result::Result<T, Failure>;

/// Makes anew what follows from the threads of all tickets. What the file is too damaged for stays as it
/// is: an audit finds it, and a repair reads it again.
pub(super) fn again(connection: &Connection) -> Attempt<()> {
    let mut threads = Threads::new(connection)?;
    let done = hash::each_id(connection, "_ticket_index", |id| {
        unless_damaged(threads.correct(id))
    });
    match done {
        Err(Failure::Sqlite(error)) => unless_damaged(Err(error))?,
        done => done?,
    }
    unless_damaged(seconds(connection, recounted))?;
    Ok(())
}

pub(super) fn unless_damaged(done: rusqlite::Result<()>) -> rusqlite::Result<()> {
    match done {
        Err(error) if !audit::is_damage(&error) => Err(error),
        _ => Ok(()),
    }
}

/// Second tickets of an id, which are kept whole in `rejects`, made anew in the same way: what the next read meets has to
/// be the reject that is there, and accepted if that is. One that is not as it was written stays so.
pub(super) fn seconds(
    connection: &Connection,
    made_anew: fn(&Reject) -> Option<Reject>,
) -> rusqlite::Result<()> {
    let ids: Vec<String> = connection
        .prepare("SELECT id FROM rejects WHERE path = '' AND created_at IS NOT NULL")?
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    let mut hashes = RejectHashes::new(connection)?;
    let mut select = connection.prepare(&bind::select_sql(Reject::TABLE, "WHERE id = ?1"))?;
    for id in ids {
        if !hashes.is_whole(&id)? {
            continue;
        }
        let kept = select.query_row([&id], |row| {
            Ok(Reject {
                id: row.get("id")?,
                ticket_id: row.get("ticket_id")?,
                path: row.get("path")?,
                reason: row.get("reason")?,
                raw_json: row.get("raw_json")?,
                created_at: optional_instant(row, "created_at")?,
            })
        })?;
        if let Some(by) = made_anew(&kept) {
            replace(connection, &kept.id, &by)?;
            hashes.seal(&by.id)?;
        }
    }
    Ok(())
}

/// Puts a reject in the place of another, met and accepted as that was.
fn replace(connection: &Connection, id: &str, by: &Reject) -> rusqlite::Result<()> {
    let (snapshot_id, accepted_at): (i64, Option<String>) = connection.query_row(
        "SELECT snapshot_id, accepted_at FROM rejects WHERE id = ?1",
        [id],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    let mut insert = connection.prepare_cached(&bind::insert_sql(Reject::TABLE))?;
    let count = bind::bind(&mut insert, by)?;
    insert.raw_bind_parameter(count + 1, snapshot_id)?;
    insert.raw_bind_parameter(count + 2, accepted_at)?;
    insert.raw_execute()?;
    let met = "UPDATE _rejects_met SET reject_id = ?2 WHERE reject_id = ?1";
    connection.execute(met, [id, by.id.as_str()])?;
    let remove = "DELETE FROM rejects WHERE id = ?1";
    connection.execute(remove, [id]).map(drop)
}

/// Writes what a ticket's columns say of its thread, where one of them is another.
pub(super) fn write(
    connection: &Connection,
    id: &str,
    facts: [Cell<'_>; THREAD_FACTS.len()],
) -> rusqlite::Result<()> {
    let mut update = connection.prepare_cached(&UPDATE)?;
    update.raw_bind_parameter(1, id)?;
    for (number, cell) in (2..).zip(facts) {
        bind::bind_cell(&mut update, number, cell)?;
    }
    update.raw_execute().map(drop)
}

static UPDATE: LazyLock<String> = LazyLock::new(|| {
    let each = |word: &str, between: &str| {
        let numbered = (2..).zip(THREAD_FACTS);
        let parts = numbered.map(|(number, name)| format!("{name} {word} ?{number}"));
        parts.collect::<Vec<_>>().join(between)
    };
    format!(
        "UPDATE {} SET {} WHERE id = ?1 AND ({})",
        Ticket::TABLE.name,
        each("=", ", "),
        each("IS NOT", " OR ")
    )
});

/// A thread's messages as they were when this was done: in their order.
const MESSAGES: &str = "SELECT sender_type, message_type, created_at, extra_json FROM messages
    WHERE ticket_id = ?1 ORDER BY position, id";

/// Adds one of them to the facts of its thread.
fn add(facts: &mut Facts, row: &Row<'_>) -> rusqlite::Result<()> {
    let text =
        |index: usize| -> rusqlite::Result<Option<&str>> { Ok(row.get_ref(index)?.as_str().ok()) };
    facts.add(&Sent {
        sender_type: text(0)?,
        message_type: text(1)?,
        created_at: text(2)?.and_then(usual_instant),
        is_deleted: is_marked_deleted(text(3)?),
    });
    Ok(())
}

/// A thread as it is stored.
struct Thread {
    facts: Facts,
    /// Its messages, those among them that were deleted too: what was counted before.
    rows: i64,
}

struct Threads<'c> {
    connection: &'c Connection,
    /// Creation and hash over the versions, of a ticket whose thread was read.
    ticket: CachedStatement<'c>,
    messages: CachedStatement<'c>,
    history: Counts<'c>,
}

impl<'c> Threads<'c> {
    fn new(connection: &'c Connection) -> rusqlite::Result<Self> {
        Ok(Self {
            connection,
            ticket: connection.prepare_cached(
                "SELECT created_at, history_hash FROM tickets JOIN _ticket_index USING (id)
                 WHERE id = ?1 AND thread_hash IS NOT NULL",
            )?,
            messages: connection.prepare_cached(MESSAGES)?,
            history: Counts::new(connection)?,
        })
    }

    fn correct(&mut self, id: &str) -> rusqlite::Result<()> {
        let ticket = self.ticket.query_row([id], |row| {
            let created_at = row.get_ref(0)?.as_str().ok().and_then(usual_instant);
            Ok((created_at, sums::hash(row, 1)?))
        });
        let Some((created_at, history)) = ticket.optional()? else {
            return Ok(());
        };
        let thread = self.thread(id, created_at)?;
        write(self.connection, id, thread.facts.cells())?;
        self.history.correct(id, &thread, history)
    }

    fn thread(&mut self, id: &str, created_at: Option<Instant>) -> rusqlite::Result<Thread> {
        let mut thread = Thread {
            facts: Facts::since(created_at),
            rows: 0,
        };
        let mut rows = self.messages.query([id])?;
        while let Some(row) = rows.next()? {
            add(&mut thread.facts, row)?;
            thread.rows += 1;
        }
        Ok(thread)
    }
}

/// Message counts in `ticket_history`.
struct Counts<'c> {
    versions: Versions<'c>,
    latest: CachedStatement<'c>,
    update: CachedStatement<'c>,
    note: CachedStatement<'c>,
}

impl<'c> Counts<'c> {
    fn new(connection: &'c Connection) -> rusqlite::Result<Self> {
        Ok(Self {
            versions: Versions::new(connection)?,
            latest: connection.prepare_cached(
                "SELECT valid_from, is_deleted FROM ticket_history
                 WHERE ticket_id = ?1 ORDER BY valid_from DESC LIMIT 2",
            )?,
            update: connection.prepare_cached(
                "UPDATE ticket_history SET message_count = ?3
                 WHERE ticket_id = ?1 AND valid_from = ?2 AND message_count = ?4",
            )?,
            note: connection
                .prepare_cached("UPDATE _ticket_index SET history_hash = ?2 WHERE id = ?1")?,
        })
    }

    /// Corrects the current version, so that the next read finds it as it is; and of a ticket that is
    /// gone the one before, which goes on where the ticket turns out to be there. Of what was seen
    /// earlier the messages are not stored, so it cannot be known. A history that is not as it was
    /// written stays as it is.
    fn correct(&mut self, id: &str, thread: &Thread, known: Option<Hash>) -> rusqlite::Result<()> {
        let live = thread.facts.messages();
        if live == thread.rows || known.is_none() || self.versions.sum(id)? != known {
            return Ok(());
        }
        let latest: Vec<(String, bool)> = self
            .latest
            .query_map([id], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<rusqlite::Result<_>>()?;
        let of_this_thread = match latest.first() {
            Some((_, true)) => 2,
            _ => 1,
        };
        let mut changed = 0;
        for (valid_from, _) in latest.iter().take(of_this_thread) {
            changed += self
                .update
                .execute(params![id, valid_from, live, thread.rows])?;
        }
        if changed > 0 {
            let sum = self.versions.sum(id)?;
            self.note.execute(params![id, sum])?;
        }
        Ok(())
    }
}

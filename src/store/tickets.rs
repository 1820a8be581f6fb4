//! Tickets and what hangs on them: written where they are new or moved, only noted otherwise.

use std::borrow::Cow;
use std::sync::LazyLock;

use rusqlite::{CachedStatement, Connection, OptionalExtension, params};

use super::audit::{ENTRY, Entry, TicketAudit, Wrong};
use super::bind;
use super::children::{self, Children};
use super::customers::Customers;
use super::history::History;
use super::references::References;
use super::rejects::Rejects;
use super::{resolutions, sums, twins};
use crate::normalize::{Hash, ThreadRows, TicketRows};
use crate::table::{
    Instant, Message, MessageAttachment, Record, THREAD_FACTS, Table, Ticket, TicketAttribute,
    TicketDiscordUser, TicketTag, TicketVersion,
};

static LOOK: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT seen_snapshot,
             NOT EXISTS (SELECT 1 FROM tickets WHERE tickets.id = _ticket_index.id), {ENTRY}
         FROM _ticket_index WHERE id = ?1"
    )
});
static INSERT: LazyLock<String> = LazyLock::new(|| bind::insert_sql(Ticket::TABLE));
static UPDATE: LazyLock<String> = LazyLock::new(|| update_sql(Ticket::TABLE, &[]));
/// A run without messages leaves what follows from the thread as it is.
static UPDATE_HEAD: LazyLock<String> = LazyLock::new(|| update_sql(Ticket::TABLE, &THREAD_FACTS));
static MESSAGES: LazyLock<children::Sql> = LazyLock::new(children::Sql::new::<Message>);
static ATTACHMENTS: LazyLock<children::Sql> =
    LazyLock::new(children::Sql::new::<MessageAttachment>);
static ATTRIBUTES: LazyLock<children::Sql> = LazyLock::new(children::Sql::new::<TicketAttribute>);
static TAGS: LazyLock<children::Sql> = LazyLock::new(children::Sql::new::<TicketTag>);
static USERS: LazyLock<children::Sql> = LazyLock::new(children::Sql::new::<TicketDiscordUser>);

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

/// What the index holds of a ticket.
struct Known {
    entry: Entry,
    seen_snapshot: i64,
    /// The index is all there is: a hand other than ours deleted the row.
    is_lost: bool,
    /// What is wrong with its rows, where that is looked for.
    wrong: Wrong,
}

/// Writes the tickets of one page.
pub(super) struct Tickets<'c> {
    connection: &'c Connection,
    snapshot_id: i64,
    /// Whether instants of resolution are left out.
    is_resolution_doubted: bool,
    read_at_ms: i64,
    look: CachedStatement<'c>,
    note: CachedStatement<'c>,
    see: CachedStatement<'c>,
    index: CachedStatement<'c>,
    insert: CachedStatement<'c>,
    update: CachedStatement<'c>,
    update_head: CachedStatement<'c>,
    last_change: CachedStatement<'c>,
    doubt_thread: CachedStatement<'c>,
    messages: Children<'c>,
    attachments: Children<'c>,
    attributes: Children<'c>,
    tags: Children<'c>,
    users: Children<'c>,
    references: References<'c>,
    customers: Customers<'c>,
    history: History<'c>,
    pub(super) rejects: Rejects<'c>,
    /// Looks at the rows of each ticket that is read, where that is asked for.
    audit: Option<TicketAudit<'c>>,
    /// Tickets whose history was not as it had been written, and could not be made so.
    pub(super) histories: i64,
}

impl<'c> Tickets<'c> {
    /// With `is_thorough`, what is stored is held against what was read row by row, not hash by
    /// hash: a few queries more for each ticket.
    pub(super) fn new(
        connection: &'c Connection,
        snapshot_id: i64,
        read_at: Instant,
        is_thorough: bool,
    ) -> rusqlite::Result<Self> {
        let read_at_ms = read_at.timestamp_millis();
        Ok(Self {
            connection,
            snapshot_id,
            is_resolution_doubted: resolutions::is_doubted(connection)?,
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
            index: connection.prepare_cached(
                "INSERT INTO _ticket_index (id, created_at_ms, head_hash, thread_hash,
                     verified_at_ms, seen_snapshot, is_deleted, flags_hash, history_hash)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, ?7, ?8)
                 ON CONFLICT (id) DO UPDATE SET created_at_ms = excluded.created_at_ms,
                     head_hash = excluded.head_hash,
                     thread_hash = coalesce(excluded.thread_hash, thread_hash),
                     flags_hash = excluded.flags_hash,
                     history_hash = coalesce(excluded.history_hash, history_hash),
                     verified_at_ms =
                     CASE WHEN excluded.thread_hash IS NULL AND thread_hash IS NOT NULL
                     THEN verified_at_ms ELSE excluded.verified_at_ms END,
                     seen_snapshot = excluded.seen_snapshot, is_deleted = 0",
            )?,
            insert: connection.prepare_cached(&INSERT)?,
            update: connection.prepare_cached(&UPDATE)?,
            update_head: connection.prepare_cached(&UPDATE_HEAD)?,
            last_change: connection
                .prepare_cached("SELECT snapshot_id FROM tickets WHERE id = ?1")?,
            doubt_thread: connection.prepare_cached(
                "UPDATE _ticket_index SET thread_hash = zeroblob(16) WHERE id = ?1",
            )?,
            messages: Children::new(connection, &MESSAGES)?,
            attachments: Children::new(connection, &ATTACHMENTS)?,
            attributes: Children::new(connection, &ATTRIBUTES)?,
            tags: Children::new(connection, &TAGS)?,
            users: Children::new(connection, &USERS)?,
            references: References::new(connection, snapshot_id, is_thorough)?,
            customers: Customers::new(connection, snapshot_id, read_at_ms, is_thorough)?,
            history: History::new(connection, snapshot_id, read_at)?,
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
        self.refer(rows)?;
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
        let is_met = known.seen_snapshot == self.snapshot_id;
        if known.entry.created_ms < created_at_ms {
            return Ok(is_met || self.rejects.has_second(&rows.ticket.id, created_at)?);
        }
        if is_met {
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
        let created_ms = created_at.map(|at| at.timestamp_millis());
        self.see
            .execute(params![id, self.snapshot_id, created_ms])
            .map(drop)
    }

    fn look(&mut self, id: &str) -> rusqlite::Result<Option<Known>> {
        let mut known = self
            .look
            .query_row([id], |row| {
                Ok(Known {
                    seen_snapshot: row.get(0)?,
                    is_lost: row.get(1)?,
                    entry: Entry::read(row, 2)?,
                    wrong: Wrong::default(),
                })
            })
            .optional()?;
        if let (Some(known), Some(audit)) = (&mut known, &mut self.audit)
            // What this run wrote was looked at when it did.
            && known.seen_snapshot != self.snapshot_id
        {
            known.wrong = audit.look(id, &known.entry)?;
        }
        Ok(known)
    }

    /// Everything the ticket refers to is there before it is.
    fn refer(&mut self, rows: &TicketRows) -> rusqlite::Result<()> {
        let ticket = &rows.ticket;
        if let Some(customer) = &rows.customer {
            self.customers.write(customer)?;
        }
        let shown = rows.customer.as_ref().map(|rows| &rows.customer.id);
        if let Some(id) = other(&ticket.customer_id, shown) {
            self.customers.id(id)?;
        }
        if let Some(category) = &rows.category {
            self.references.category(category)?;
        }
        if let Some(id) = other(
            &ticket.category_id,
            rows.category.as_ref().map(|row| &row.id),
        ) {
            self.references.category_id(id)?;
        }
        if let Some(agent) = &rows.agent {
            self.references.agent(agent)?;
        }
        if let Some(id) = other(
            &ticket.assigned_agent_id,
            rows.agent.as_ref().map(|row| &row.id),
        ) {
            self.references.agent_id(id)?;
        }
        rows.tags
            .iter()
            .try_for_each(|tag| self.references.tag(tag))
    }

    fn insert(&mut self, ticket: &Ticket) -> rusqlite::Result<()> {
        let ticket = row(ticket, self.is_resolution_doubted);
        let count = bind::bind(&mut self.insert, ticket.as_ref())?;
        self.insert
            .raw_bind_parameter(count + 1, self.snapshot_id)?;
        self.insert.raw_execute().map(drop)
    }

    fn add(&mut self, rows: &TicketRows) -> rusqlite::Result<Change> {
        self.insert(&rows.ticket)?;
        self.hang_head(rows)?;
        if let Some(thread) = &rows.thread {
            self.hang_thread(thread)?;
        }
        let history = self.history.first(rows)?;
        self.index(rows, Some(history))?;
        Ok(Change::New)
    }

    /// Writes a ticket of which only the index is left, in place of whatever still hangs on its id;
    /// its history goes on. A thread that was not read now is left to the next read that asks for it.
    fn restore(
        &mut self,
        rows: &TicketRows,
        known: &Known,
    ) -> rusqlite::Result<(Change, Option<TicketVersion>)> {
        let id = rows.ticket.id.as_str();
        self.insert(&rows.ticket)?;
        self.replace_head(rows)?;
        match &rows.thread {
            Some(thread) => self.replace_thread(id, thread)?,
            None if known.entry.thread.is_some() => {
                self.doubt_thread.execute([id])?;
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
            let thread = rows.thread.as_ref().map(|thread| thread.hash);
            self.note
                .execute(params![id, self.read_at_ms, self.snapshot_id, thread])?;
            return Ok((Change::Unchanged, None));
        }
        let last_change: Option<i64> = match is_damaged {
            true => None,
            false => self.last_change.query_row([id], |row| row.get(0))?,
        };
        let ticket = row(&rows.ticket, self.is_resolution_doubted);
        let update = match rows.thread {
            Some(_) => &mut self.update,
            None => &mut self.update_head,
        };
        let count = bind::bind(update, ticket.as_ref())?;
        update.raw_bind_parameter(count + 1, self.snapshot_id)?;
        update.raw_execute()?;
        if is_head_moved {
            self.replace_head(rows)?;
        }
        if let Some(thread) = moved_thread {
            self.replace_thread(id, thread)?;
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
        self.index(rows, next.hash)?;
        Ok(next.before)
    }

    fn replace_head(&mut self, rows: &TicketRows) -> rusqlite::Result<()> {
        for children in [&mut self.attributes, &mut self.tags, &mut self.users] {
            children.delete(&rows.ticket.id)?;
        }
        self.hang_head(rows)
    }

    fn replace_thread(&mut self, id: &str, thread: &ThreadRows) -> rusqlite::Result<()> {
        self.attachments.delete(id)?;
        self.messages.delete(id)?;
        self.hang_thread(thread)
    }

    fn hang_head(&mut self, rows: &TicketRows) -> rusqlite::Result<()> {
        self.attributes.insert(&rows.attributes)?;
        self.users.insert(&rows.discord_users)?;
        let mut tags: Vec<TicketTag> = rows
            .tags
            .iter()
            .map(|tag| TicketTag {
                ticket_id: rows.ticket.id.clone(),
                tag_id: tag.id.clone(),
            })
            .collect();
        tags.sort_unstable_by(|left, right| left.tag_id.cmp(&right.tag_id));
        tags.dedup();
        self.tags.insert(&tags)
    }

    fn hang_thread(&mut self, thread: &ThreadRows) -> rusqlite::Result<()> {
        self.messages.insert(&thread.messages)?;
        self.attachments.insert(&thread.attachments)
    }

    fn index(&mut self, rows: &TicketRows, history: Option<Hash>) -> rusqlite::Result<()> {
        self.index
            .execute(params![
                rows.ticket.id,
                rows.ticket.created_at.timestamp_millis(),
                rows.head_hash,
                rows.thread.as_ref().map(|thread| thread.hash),
                self.read_at_ms,
                self.snapshot_id,
                sums::flags(self.snapshot_id, None),
                history,
            ])
            .map(drop)
    }
}

/// The instant of a creation in the index.
fn instant(created_at_ms: i64) -> Instant {
    Instant::from_timestamp_millis(created_at_ms).unwrap_or_default()
}

/// A ticket as it is stored.
pub(super) fn row(ticket: &Ticket, is_resolution_doubted: bool) -> Cow<'_, Ticket> {
    if is_resolution_doubted && ticket.resolved_at.is_some() {
        return Cow::Owned(Ticket {
            resolved_at: None,
            ..ticket.clone()
        });
    }
    Cow::Borrowed(ticket)
}

/// The id a ticket names, unless that is the row it showed.
fn other<'a>(named: &'a Option<String>, shown: Option<&String>) -> Option<&'a str> {
    named
        .as_deref()
        .filter(|id| shown.is_none_or(|shown| shown != id))
}

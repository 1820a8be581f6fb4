//! Messages as an earlier version wrote them: what they have columns for now is taken out of `extra_json`,
//! and the hashes of their threads are renewed, so that nothing has to be asked for and a ticket that is
//! read again is as it was.

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, OptionalExtension, Row, params};

use super::audit::{ATTACHMENTS_SQL, is_inside_thread, items, reject_items};
use super::facts::{self, unless_damaged};
use super::failure::Failure;
use super::hash::{self, column};
use super::rejects::RejectHashes;
use super::{bind, sums};
use crate::normalize::{Hash, Moved, Moving, Sum, marked};
use crate::table::{Message, MessageAttachment, Record, Reject, Table, Type};

type Attempt<T> = std::result::Result<T, Failure>;

/// `messages` before it got these columns.
static EARLIER: Table = Table {
    name: "messages",
    description: "",
    key: &["ticket_id", "id"],
    content: &[
        column("id", Type::Id, false),
        column("ticket_id", Type::Id, false),
        column("position", Type::Integer, false),
        column("sender_type", Type::Enumeration, true),
        column("sender_name", Type::Text, true),
        column("sender_id", Type::Id, true),
        column("message_type", Type::Enumeration, true),
        column("content", Type::Text, true),
        column("created_at", Type::Instant, true),
        column("updated_at", Type::Instant, true),
        column("extra_json", Type::Json, true),
    ],
    bookkeeping: &[],
};

/// Where `extra_json` stands among them.
const EXTRA: usize = 10;

/// The table that the migration made; it takes the other's place.
const KEPT: &str = "_messages_kept";

const SWAP: &str = "DROP TABLE messages; ALTER TABLE _messages_kept RENAME TO messages;";

/// Fills the new table from the old one, which goes. Foreign keys must not be enforced meanwhile: attachments name
/// the table that goes.
pub(super) fn take_out(connection: &Connection) -> Attempt<()> {
    let mut threads = Threads::new(connection)?;
    let done = hash::each_id(connection, "_ticket_index", |id| {
        unless_damaged(threads.take(id))
    });
    match done {
        Err(Failure::Sqlite(error)) => unless_damaged(Err(error))?,
        done => done?,
    }
    threads.take_others()?;
    drop(threads);
    unless_damaged(facts::seconds(connection, marked))?;
    connection.execute_batch(SWAP)?;
    Ok(())
}

/// What the index says of a ticket.
struct Known {
    thread: Option<Hash>,
    /// The run that last met the ticket.
    seen_snapshot: i64,
    /// The run that last changed it.
    snapshot_id: i64,
}

struct Threads<'c> {
    connection: &'c Connection,
    known: CachedStatement<'c>,
    rejects: CachedStatement<'c>,
    earlier: CachedStatement<'c>,
    attachments: CachedStatement<'c>,
    write: Write<'c>,
    note: CachedStatement<'c>,
}

impl<'c> Threads<'c> {
    fn new(connection: &'c Connection) -> rusqlite::Result<Self> {
        let earlier = bind::select_sql(&EARLIER, "WHERE ticket_id = ?1 ORDER BY position, id");
        Ok(Self {
            connection,
            known: connection.prepare_cached(
                "SELECT thread_hash, seen_snapshot, snapshot_id
                 FROM _ticket_index JOIN tickets USING (id) WHERE id = ?1",
            )?,
            rejects: connection
                .prepare_cached("SELECT path, raw_json FROM rejects WHERE ticket_id = ?1")?,
            earlier: connection.prepare_cached(&earlier)?,
            attachments: connection.prepare_cached(&ATTACHMENTS_SQL)?,
            write: Write::new(connection)?,
            note: connection
                .prepare_cached("UPDATE _ticket_index SET thread_hash = ?2 WHERE id = ?1")?,
        })
    }

    /// Takes over the messages of a ticket. The hash of a thread that is not as it was written stays, so that the
    /// damage is found as before.
    fn take(&mut self, id: &str) -> rusqlite::Result<()> {
        let known = self.known.query_row([id], |row| {
            Ok(Known {
                thread: sums::hash(row, 0)?,
                seen_snapshot: row.get(1)?,
                snapshot_id: row.get(2)?,
            })
        });
        let known = known.optional()?;
        let rejects = self.rejects.query_map([id], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))
        })?;
        let mut rejects: Vec<(String, String)> = rejects.collect::<rusqlite::Result<_>>()?;
        rejects.retain(|(path, _)| is_inside_thread(path));
        let mut moving = Moving::of(id, rejects.iter().map(|(path, _)| path.as_str()));
        let (mut earlier, mut now) = (Some(Sum::default()), Sum::default());
        let mut count = 0;
        let mut rows = self.earlier.query([id])?;
        while let Some(row) = rows.next()? {
            let moved = moving.next(row.get_ref(EXTRA)?.as_str().ok());
            if let Some(sum) = &mut earlier
                && !sums::add(sum, row, 0, EARLIER.content.iter())?
            {
                earlier = None;
            }
            self.write.row(row, &moved, Some(&mut now))?;
            count += 1;
        }
        drop(rows);
        let files = items(&mut self.attachments, id, MessageAttachment::TABLE.content)?;
        let (Some(known), Some(earlier), Some(files)) = (known, earlier, files) else {
            return Ok(());
        };
        let thread = Thread { count, files };
        if known.thread != Some(thread.hash(&earlier, &mut rejects)) {
            return Ok(());
        }
        let new = moving.into_rejects(&rejects);
        for reject in &new {
            keep(self.connection, reject, &known)?;
        }
        rejects.extend(new.into_iter().map(|one| (one.path, one.raw_json)));
        let hash = thread.hash(&now, &mut rejects);
        self.note.execute(params![id, hash]).map(drop)
    }

    /// Takes over what is left: messages of tickets that the index does not have, and what was not found by ticket.
    /// All of that is damage, and stays so.
    fn take_others(&mut self) -> rusqlite::Result<()> {
        let rest = format!(
            "WHERE NOT EXISTS (SELECT 1 FROM {KEPT} AS kept
             WHERE kept.ticket_id = messages.ticket_id AND kept.id = messages.id)"
        );
        let mut select = self
            .connection
            .prepare(&bind::select_sql(&EARLIER, &rest))?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            let moved = Moving::default().next(row.get_ref(EXTRA)?.as_str().ok());
            self.write.row(row, &moved, None)?;
        }
        Ok(())
    }
}

/// The parts of a thread's hash that are the same before and after.
struct Thread {
    count: usize,
    files: (usize, Sum),
}

impl Thread {
    fn hash(&self, messages: &Sum, rejects: &mut [(String, String)]) -> Hash {
        rejects.sort_unstable();
        let rejects: Vec<&(String, String)> = rejects.iter().collect();
        let (count, values) = reject_items(&rejects);
        let mut sum = Sum::default();
        sum.items(self.count, messages);
        sum.items(self.files.0, &self.files.1);
        sum.items(count, &values);
        sum.hash()
    }
}

/// Writes messages into the new table.
struct Write<'c> {
    insert: CachedStatement<'c>,
    /// Where each of the new columns stands among the earlier ones; `None` where it is new.
    places: Vec<Option<usize>>,
}

impl<'c> Write<'c> {
    fn new(connection: &'c Connection) -> rusqlite::Result<Self> {
        let into = Table {
            name: KEPT,
            ..*Message::TABLE
        };
        // A row whose key is damaged may be refused.
        let insert = bind::insert_sql(&into).replacen("INSERT", "INSERT OR IGNORE", 1);
        let places = Message::TABLE.content.iter().map(|column| {
            let mut earlier = EARLIER.content.iter();
            earlier.position(|one| one.name == column.name)
        });
        Ok(Self {
            insert: connection.prepare_cached(&insert)?,
            places: places.collect(),
        })
    }

    /// Writes one, and adds it to the `sum` of its thread.
    fn row(
        &mut self,
        row: &Row<'_>,
        moved: &Moved,
        mut sum: Option<&mut Sum>,
    ) -> rusqlite::Result<()> {
        let is_text = row.get_ref(EXTRA)?.as_str().is_ok();
        for (index, column) in Message::TABLE.content.iter().enumerate() {
            let new = match column.name {
                // Bytes that are no text stay as they are.
                "extra_json" if is_text => moved.cell(column.name),
                _ if self.places.get(index) == Some(&None) => moved.cell(column.name),
                _ => None,
            };
            let earlier = self.places.get(index).copied().flatten();
            let cell = match (new, earlier) {
                (Some(cell), _) => {
                    bind::bind_cell(&mut self.insert, index + 1, cell)?;
                    Some(cell)
                }
                (None, Some(place)) => {
                    let value = row.get_ref(place)?;
                    let nearest = ToSqlOutput::Borrowed(nearest(value, column.kind));
                    self.insert.raw_bind_parameter(index + 1, nearest)?;
                    sums::cell(value, column.kind)
                }
                (None, None) => None,
            };
            if let (Some(sum), Some(cell)) = (&mut sum, cell) {
                sum.cell(cell);
            }
        }
        self.insert.raw_execute().map(drop)
    }
}

/// The nearest value that a column takes: in a damaged row there may be one of another type.
fn nearest(value: ValueRef<'_>, kind: Type) -> ValueRef<'_> {
    match (value, kind) {
        (ValueRef::Blob(bytes), kind) if kind != Type::Integer => ValueRef::Text(bytes),
        (ValueRef::Integer(_), _) => value,
        (_, Type::Integer) => ValueRef::Integer(0),
        _ => value,
    }
}

/// Keeps a value that does not fit its column: it was met by the runs that met the ticket.
fn keep(connection: &Connection, reject: &Reject, known: &Known) -> rusqlite::Result<()> {
    let insert = bind::insert_sql(Reject::TABLE).replacen("INSERT", "INSERT OR IGNORE", 1);
    let mut insert = connection.prepare_cached(&insert)?;
    let count = bind::bind(&mut insert, reject)?;
    insert.raw_bind_parameter(count + 1, known.snapshot_id)?;
    insert.raw_bind_parameter(count + 2, rusqlite::types::Null)?;
    insert.raw_execute()?;
    connection
        .prepare_cached(
            "INSERT OR IGNORE INTO _rejects_met (reject_id, snapshot_id) VALUES (?1, ?2)",
        )?
        .execute(params![reject.id, known.seen_snapshot])?;
    // A run that goes on counts those that it met.
    connection
        .prepare_cached(
            "UPDATE snapshots SET rejects = rejects + 1 WHERE id = ?1 AND finished_at IS NULL",
        )?
        .execute([known.seen_snapshot])?;
    RejectHashes::new(connection)?.seal(&reject.id)
}

//! What could not be represented, as a run meets it.

use std::sync::LazyLock;

use rusqlite::{CachedStatement, Connection, OptionalExtension, params};

use super::{bind, sums};
use crate::table::{Instant, Record, Reject, instant_text};
use crate::wire::is_of_thread;

/// A reject that is met again is what it was, and accepted if it was: it is made of what its id is
/// made of. Only its words may be others, or a hand have changed it.
static STORE: LazyLock<String> = LazyLock::new(|| {
    format!(
        "{} ON CONFLICT (id) DO UPDATE SET ticket_id = excluded.ticket_id, path = excluded.path,
             reason = excluded.reason, raw_json = excluded.raw_json,
             created_at = coalesce(excluded.created_at, created_at),
             snapshot_id = excluded.snapshot_id
         WHERE reason <> excluded.reason OR path <> excluded.path
             OR raw_json <> excluded.raw_json OR ticket_id IS NOT excluded.ticket_id
             OR coalesce(excluded.created_at, created_at) IS NOT created_at",
        bind::insert_sql(Reject::TABLE)
    )
});

/// Changes nothing where this run met the reject before, so that what it changed counts those met
/// for the first time.
const MEET: &str = "INSERT INTO _rejects_met (reject_id, snapshot_id, place_ms) VALUES (?1, ?2, ?3)
    ON CONFLICT (reject_id) DO UPDATE SET snapshot_id = excluded.snapshot_id,
            place_ms = coalesce(excluded.place_ms, place_ms)
        WHERE snapshot_id <> excluded.snapshot_id";

/// The row and the hash it had when it was written.
static LOOK: LazyLock<String> = LazyLock::new(|| {
    let names = bind::list(Reject::TABLE.columns(), |_, column| {
        format!("rejects.{}", column.name)
    });
    format!(
        "SELECT {names}, met.hash FROM rejects
         LEFT JOIN _rejects_met AS met ON met.reject_id = id WHERE id = ?1"
    )
});

const NOTE: &str = "UPDATE _rejects_met SET hash = ?2 WHERE reject_id = ?1";

/// Writes rejects and counts those of the run: beside each stands the run that last met it, so
/// each counts once however often a page is read.
pub(super) struct Rejects<'c> {
    snapshot_id: i64,
    store: CachedStatement<'c>,
    meet: CachedStatement<'c>,
    of_ticket: CachedStatement<'c>,
    of_lists: CachedStatement<'c>,
    second: CachedStatement<'c>,
    remove: CachedStatement<'c>,
    hashes: RejectHashes<'c>,
    /// Whether a row that is not as it was written is written again.
    is_thorough: bool,
    /// How much the run's number of rejects grew; below zero where some went away.
    pub(super) growth: i64,
}

/// The hashes of rejects.
pub(super) struct RejectHashes<'c> {
    look: CachedStatement<'c>,
    note: CachedStatement<'c>,
}

impl<'c> RejectHashes<'c> {
    pub(super) fn new(connection: &'c Connection) -> rusqlite::Result<Self> {
        Ok(Self {
            look: connection.prepare_cached(&LOOK)?,
            note: connection.prepare_cached(NOTE)?,
        })
    }

    /// Whether the row is as it was written.
    pub(super) fn is_whole(&mut self, id: &str) -> rusqlite::Result<bool> {
        let whole = self.look.query_row([id], |row| {
            let known = sums::hash(row, Reject::TABLE.columns().count())?;
            Ok(known.is_some() && sums::row_sum(row, Reject::TABLE)? == known)
        });
        Ok(whole.optional()?.unwrap_or(true))
    }

    /// Notes the hash of the row as it is now.
    pub(super) fn seal(&mut self, id: &str) -> rusqlite::Result<()> {
        let sum = self
            .look
            .query_row([id], |row| sums::row_sum(row, Reject::TABLE))?;
        self.note.execute(params![id, sum]).map(drop)
    }
}

/// A reject of the store, as far as it takes to tell whether it is still one.
struct Known {
    id: String,
    /// The run that last met it.
    snapshot_id: i64,
    path: String,
    created_at: Option<String>,
}

impl<'c> Rejects<'c> {
    pub(super) fn new(
        connection: &'c Connection,
        snapshot_id: i64,
        is_thorough: bool,
    ) -> rusqlite::Result<Self> {
        const KNOWN: &str = "SELECT id, coalesce(met.snapshot_id, 0), path, created_at FROM rejects
             LEFT JOIN _rejects_met AS met ON met.reject_id = id";
        Ok(Self {
            snapshot_id,
            store: connection.prepare_cached(&STORE)?,
            meet: connection.prepare_cached(MEET)?,
            of_ticket: connection.prepare_cached(&format!("{KNOWN} WHERE ticket_id = ?1"))?,
            of_lists: connection
                .prepare_cached(&format!("{KNOWN} WHERE ticket_id IS NULL AND path <> ''"))?,
            second: connection.prepare_cached(
                "SELECT 1 FROM rejects WHERE ticket_id = ?1 AND path = '' AND created_at = ?2",
            )?,
            remove: connection.prepare_cached("DELETE FROM rejects WHERE id = ?1")?,
            hashes: RejectHashes::new(connection)?,
            is_thorough,
            growth: 0,
        })
    }

    /// One reject met.
    fn meet(&mut self, reject: &Reject, place_ms: Option<i64>) -> rusqlite::Result<()> {
        if self.is_thorough && !self.hashes.is_whole(&reject.id)? {
            self.remove.execute([&reject.id])?;
        }
        let count = bind::bind(&mut self.store, reject)?;
        self.store.raw_bind_parameter(count + 1, self.snapshot_id)?;
        let is_written = self.store.raw_execute()? > 0;
        let changed = self
            .meet
            .execute(params![&reject.id, self.snapshot_id, place_ms])?;
        if is_written {
            self.hashes.seal(&reject.id)?;
        }
        self.growth += i64::from(changed > 0);
        Ok(())
    }

    /// A whole ticket met, created at `place_ms` or near it: it takes the place of what came of it
    /// before.
    pub(super) fn meet_whole(
        &mut self,
        reject: &Reject,
        place_ms: Option<i64>,
    ) -> rusqlite::Result<()> {
        if let Some(id) = &reject.ticket_id {
            let created_at = reject.created_at.map(instant_text);
            let before = self.of_ticket(id)?.into_iter().filter(|known| {
                known.path.is_empty() && known.id != reject.id && known.created_at == created_at
            });
            self.remove(before)?;
        }
        let created_ms = reject.created_at.map(|at| at.timestamp_millis());
        self.meet(reject, created_ms.or(place_ms))
    }

    /// Whether a second ticket of this id and creation is known, beside the one that is stored.
    pub(super) fn has_second(
        &mut self,
        ticket_id: &str,
        created_at: Instant,
    ) -> rusqlite::Result<bool> {
        self.second
            .exists(params![ticket_id, instant_text(created_at)])
    }

    /// Enters a reject once more, as it is kept.
    pub(super) fn meet_second(
        &mut self,
        ticket_id: &str,
        created_at: Instant,
    ) -> rusqlite::Result<()> {
        let created = Some(instant_text(created_at));
        for known in self.of_ticket(ticket_id)? {
            if known.path.is_empty() && known.created_at == created {
                let place_ms = created_at.timestamp_millis();
                let changed = self
                    .meet
                    .execute(params![known.id, self.snapshot_id, place_ms])?;
                self.growth += i64::from(changed > 0);
            }
        }
        Ok(())
    }

    /// All rejects of a ticket that was read: those it no longer has go away, but those of its
    /// thread only where that `is_thread_read`, and those of another ticket of its id not at all.
    pub(super) fn replace(
        &mut self,
        ticket_id: &str,
        created_at: Instant,
        rejects: &[Reject],
        is_thread_read: bool,
    ) -> rusqlite::Result<()> {
        let before = self.of_ticket(ticket_id)?;
        if !before.is_empty() {
            let created_at = instant_text(created_at);
            let gone = before.into_iter().filter(|known| {
                let is_read = is_thread_read || !is_of_thread(&known.path);
                let is_its = known.created_at.as_ref().is_none_or(|at| *at == created_at);
                is_read && is_its && rejects.iter().all(|reject| reject.id != known.id)
            });
            self.remove(gone)?;
        }
        rejects
            .iter()
            .try_for_each(|reject| self.meet(reject, None))
    }

    /// All rejects of the lists that came, whose paths begin with these words.
    pub(super) fn replace_lists(
        &mut self,
        lists: &[&str],
        rejects: &[Reject],
    ) -> rusqlite::Result<()> {
        let known = self.of_lists.query_map([], Known::of)?;
        let known: Vec<Known> = known.collect::<rusqlite::Result<_>>()?;
        let gone = known.into_iter().filter(|known| {
            let list = known.path.split(['[', '.']).next().unwrap_or_default();
            lists.contains(&list) && rejects.iter().all(|reject| reject.id != known.id)
        });
        self.remove(gone)?;
        rejects
            .iter()
            .try_for_each(|reject| self.meet(reject, None))
    }

    fn of_ticket(&mut self, ticket_id: &str) -> rusqlite::Result<Vec<Known>> {
        self.of_ticket.query_map([ticket_id], Known::of)?.collect()
    }

    fn remove(&mut self, gone: impl Iterator<Item = Known>) -> rusqlite::Result<()> {
        for known in gone {
            self.remove.execute([&known.id])?;
            self.growth -= i64::from(known.snapshot_id == self.snapshot_id);
        }
        Ok(())
    }
}

impl Known {
    fn of(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            snapshot_id: row.get(1)?,
            path: row.get(2)?,
            created_at: row.get(3)?,
        })
    }
}

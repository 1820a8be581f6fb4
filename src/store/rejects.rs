//! What could not be represented: how many of them a run met, which stand, and which are accepted.

use std::sync::LazyLock;

use rusqlite::{CachedStatement, Connection, OptionalExtension, params};

use super::{ReadCommit, Store, bind, sums};
use crate::error::Result;
use crate::table::{Instant, Record, Reject, instant_text};
use crate::window::Window;
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

/// Rejects that stand: what a ticket lacks that is gone from the desk, nobody can mend any more.
const STANDING: &str = "NOT EXISTS (SELECT 1 FROM tickets
    WHERE tickets.id = rejects.ticket_id AND tickets.deleted_at IS NOT NULL AND rejects.path <> '')";

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

    /// The same once more, as it is kept.
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

/// How many rejects stand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Standing {
    /// Those that nobody has accepted: a run that ends with one is not all there was to have.
    pub open: i64,
    /// Those that somebody accepted.
    pub accepted: i64,
}

/// A reject that stands, without its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standee {
    /// Its id.
    pub id: String,
    /// Its ticket; `None` where that has no id, and of a list.
    pub ticket_id: Option<String>,
    /// Where in the ticket; empty for the whole of it.
    pub path: String,
    /// Why.
    pub reason: String,
    /// When it was accepted, if it was.
    pub accepted_at: Option<String>,
}

/// Two tickets of one id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Twins {
    /// Their id.
    pub id: String,
    /// The creation of the one that is stored.
    pub stored_at: String,
    /// The creation of the one in `rejects`.
    pub rejected_at: String,
}

/// How many rejects stand, for the end of a run.
pub(super) fn standing(connection: &Connection) -> rusqlite::Result<Standing> {
    connection.query_row(
        &format!(
            "SELECT count(*) FILTER (WHERE accepted_at IS NULL),
                 count(*) FILTER (WHERE accepted_at IS NOT NULL) FROM rejects WHERE {STANDING}"
        ),
        [],
        |row| {
            Ok(Standing {
                open: row.get(0)?,
                accepted: row.get(1)?,
            })
        },
    )
}

impl Store {
    /// How many rejects stand: of tickets that are there, each until its ticket is read without it.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn standing(&self) -> Result<Standing> {
        standing(&self.connection).map_err(|error| self.failed("count rejects", error))
    }

    /// The rejects that stand, by ticket and path.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn standees(&self) -> Result<Vec<Standee>> {
        let read = || -> rusqlite::Result<Vec<Standee>> {
            let mut statement = self.connection.prepare(&format!(
                "SELECT id, ticket_id, path, reason, accepted_at FROM rejects WHERE {STANDING}
                 ORDER BY ticket_id IS NULL, ticket_id, path, id"
            ))?;
            let rows = statement.query_map([], |row| {
                Ok(Standee {
                    id: row.get(0)?,
                    ticket_id: row.get(1)?,
                    path: row.get(2)?,
                    reason: row.get(3)?,
                    accepted_at: row.get(4)?,
                })
            })?;
            rows.collect()
        };
        read().map_err(|error| self.failed("read rejects", error))
    }

    /// Accepts rejects at an instant, or takes that back where there is none. Returns how many were
    /// not so before.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn accept_rejects(&mut self, ids: &[&str], at: Option<Instant>) -> Result<usize> {
        self.in_transaction("accept rejects", |connection| {
            let mut accept = connection.prepare(
                "UPDATE rejects SET accepted_at = ?2
                 WHERE id = ?1 AND (accepted_at IS NULL) <> (?2 IS NULL)",
            )?;
            let mut hashes = RejectHashes::new(connection)?;
            let mut changed = 0;
            for id in ids {
                let was_whole = hashes.is_whole(id)?;
                changed += accept.execute(params![id, at.map(instant_text)])?;
                // What was damaged before is as damaged as it was.
                if was_whole {
                    hashes.seal(id)?;
                }
            }
            Ok(changed)
        })
    }

    /// Whole tickets in `rejects` beside which a live one of their id is stored, not those that
    /// somebody accepted.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn twins(&self) -> Result<Vec<Twins>> {
        let read = || -> rusqlite::Result<Vec<Twins>> {
            let mut statement = self.connection.prepare(
                "SELECT tickets.id, tickets.created_at, rejects.created_at FROM rejects
                 JOIN tickets ON tickets.id = rejects.ticket_id
                 WHERE rejects.path = '' AND rejects.accepted_at IS NULL
                     AND tickets.deleted_at IS NULL AND rejects.created_at <> tickets.created_at
                 ORDER BY tickets.id, rejects.created_at",
            )?;
            let rows = statement.query_map([], |row| {
                Ok(Twins {
                    id: row.get(0)?,
                    stored_at: row.get(1)?,
                    rejected_at: row.get(2)?,
                })
            })?;
            rows.collect()
        };
        read().map_err(|error| self.failed("look for tickets of one id", error))
    }

    /// Whether a whole ticket of this id stands in `rejects`.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn is_rejected(&self, ticket_id: &str) -> Result<bool> {
        self.connection
            .prepare_cached("SELECT 1 FROM rejects WHERE ticket_id = ?1 AND path = ''")
            .and_then(|mut statement| statement.exists([ticket_id]))
            .map_err(|error| self.failed("read rejects", error))
    }

    /// Forgets whole tickets in `rejects` that a run did not meet, although it read all that was
    /// created in `window` without filters and a count agreed: they are mended, or gone from the desk.
    /// One of which nobody knows where it stands goes when the window holds every ticket that is stored.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn forget_unmet(&mut self, snapshot_id: i64, window: &Window) -> Result<usize> {
        self.in_transaction("forget rejects that are no more", |connection| {
            let forgotten = connection.execute(
                "DELETE FROM rejects WHERE path = '' AND id IN (
                     SELECT reject_id FROM _rejects_met WHERE snapshot_id <> ?1
                         AND (place_ms >= ?2 AND place_ms < ?3 OR place_ms IS NULL AND NOT EXISTS (
                             SELECT 1 FROM _ticket_index WHERE is_deleted = 0
                                 AND (created_at_ms < ?2 OR created_at_ms >= ?3))))",
                params![
                    snapshot_id,
                    window.from().timestamp_millis(),
                    window.until().timestamp_millis()
                ],
            )?;
            Ok(forgotten)
        })
    }
}

/// Keeps where tickets without a row stand that a page showed, and forgets those that got one. One
/// that came without its creation stays where it was first met, one that has a row is counted by it.
pub(super) fn place(
    connection: &Connection,
    page: &ReadCommit<'_>,
    placed: &[Rejected],
) -> rusqlite::Result<()> {
    let is_empty: bool = connection
        .prepare_cached("SELECT NOT EXISTS (SELECT 1 FROM _rejected)")?
        .query_row([], |row| row.get(0))?;
    if !is_empty {
        let mut forget = connection.prepare_cached("DELETE FROM _rejected WHERE id = ?1")?;
        for rows in page.tickets {
            forget.execute([&rows.ticket.id])?;
        }
    }
    let mut keep = connection.prepare_cached(
        "INSERT INTO _rejected (id, created_at_ms, is_rated, seen_snapshot) SELECT ?1, ?2, ?3, ?4
         WHERE NOT EXISTS (SELECT 1 FROM _ticket_index WHERE id = ?1 AND is_deleted = 0)
         ON CONFLICT (id) DO UPDATE SET is_rated = excluded.is_rated,
             created_at_ms = CASE WHEN ?5 THEN excluded.created_at_ms ELSE created_at_ms END,
             seen_snapshot = excluded.seen_snapshot",
    )?;
    for rejected in placed {
        keep.execute(params![
            rejected.id,
            rejected.created_ms,
            rejected.is_rated,
            page.snapshot_id,
            rejected.has_creation
        ])?;
    }
    Ok(())
}

/// A ticket that the API shows and that has no row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// Its id, or what stands in for it.
    pub id: String,
    /// Its creation in milliseconds since 1970; of one that came without, that of its neighbour.
    pub created_ms: i64,
    /// Whether it is rated, as far as is known.
    pub is_rated: bool,
    /// Whether it came with its creation.
    pub has_creation: bool,
}

impl Store {
    /// Tickets that the API showed and that have no row.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn rejected(&self) -> Result<Vec<Rejected>> {
        let read = || -> rusqlite::Result<_> {
            let mut statement = self
                .connection
                .prepare("SELECT id, created_at_ms, is_rated FROM _rejected")?;
            let rows = statement.query_map([], |row| {
                Ok(Rejected {
                    id: row.get(0)?,
                    created_ms: row.get(1)?,
                    is_rated: row.get(2)?,
                    has_creation: true,
                })
            })?;
            rows.collect()
        };
        read().map_err(|error| self.failed("read rejected tickets", error))
    }

    /// Adds some of them, and forgets those that are no more.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn commit_rejected(&mut self, here: &[Rejected], gone: &[String]) -> Result<()> {
        self.in_transaction("store rejected tickets", |connection| {
            for id in gone {
                connection
                    .prepare_cached("DELETE FROM _rejected WHERE id = ?1")?
                    .execute([id])?;
            }
            for rejected in here {
                connection
                    .prepare_cached(
                        "INSERT INTO _rejected (id, created_at_ms, is_rated) VALUES (?1, ?2, ?3)
                         ON CONFLICT (id) DO UPDATE SET created_at_ms = excluded.created_at_ms,
                             is_rated = excluded.is_rated",
                    )?
                    .execute(params![rejected.id, rejected.created_ms, rejected.is_rated])?;
            }
            Ok(())
        })
    }

    /// The same of those that are gone from the desk: nothing of them stands any more.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn forget_rejected(&mut self, snapshot_id: i64, gone: &[String]) -> Result<()> {
        self.commit_rejected(&[], gone)?;
        self.in_transaction("forget rejects that are no more", |connection| {
            let mut forget = connection.prepare_cached(
                "DELETE FROM rejects WHERE path = ''
                     AND (ticket_id = ?1 OR ticket_id IS NULL AND 'raw-' || id = ?1)
                     AND id IN (SELECT reject_id FROM _rejects_met WHERE snapshot_id <> ?2)",
            )?;
            for id in gone {
                forget.execute(params![id, snapshot_id])?;
            }
            Ok(())
        })
    }
}

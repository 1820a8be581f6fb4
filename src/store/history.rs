//! The versions of a ticket's tracked fields.

use std::sync::LazyLock;

use chrono::TimeDelta;
use rusqlite::{CachedStatement, Connection, OptionalExtension, Row, params};

use super::read::{instant, optional_instant};
use super::sums::{self, Versions};
use super::{bind, salvage};
use crate::normalize::{Hash, TicketRows};
use crate::table::{Instant, Record, TicketVersion, instant_text};

static INSERT: LazyLock<String> = LazyLock::new(|| bind::insert_sql(TicketVersion::TABLE));
static CURRENT: LazyLock<String> = LazyLock::new(|| {
    bind::select_sql(
        TicketVersion::TABLE,
        "WHERE ticket_id = ?1 ORDER BY valid_from DESC LIMIT 1",
    )
});

/// Writes versions seen at one instant.
pub(super) struct History<'c> {
    connection: &'c Connection,
    snapshot_id: i64,
    seen_at: Instant,
    insert: CachedStatement<'c>,
    current: CachedStatement<'c>,
    close: CachedStatement<'c>,
    versions: Versions<'c>,
}

/// What became of a ticket's history.
pub(super) struct Next {
    /// The version that was current.
    pub(super) before: Option<TicketVersion>,
    /// Over all versions, where they changed.
    pub(super) hash: Option<Hash>,
    /// Whether something of them could not be read.
    pub(super) is_altered: bool,
}

impl<'c> History<'c> {
    pub(super) fn new(
        connection: &'c Connection,
        snapshot_id: i64,
        seen_at: Instant,
    ) -> rusqlite::Result<Self> {
        Ok(Self {
            connection,
            snapshot_id,
            seen_at,
            insert: connection.prepare_cached(&INSERT)?,
            current: connection.prepare_cached(&CURRENT)?,
            close: connection.prepare_cached(
                "UPDATE ticket_history SET valid_until = ?3 WHERE ticket_id = ?1 AND valid_from = ?2",
            )?,
            versions: Versions::new(connection)?,
        })
    }

    /// The first version of a ticket new to the store; returns it, and the hash over it.
    pub(super) fn first(&mut self, rows: &TicketRows) -> rusqlite::Result<(TicketVersion, Hash)> {
        let version = self.version(rows);
        self.insert(&version)?;
        let hash = sums::first_version(&version, self.snapshot_id);
        Ok((version, hash))
    }

    /// A ticket read again: a version follows if a tracked field changed. `known` is the hash over
    /// the versions so far.
    pub(super) fn next(
        &mut self,
        rows: &TicketRows,
        known: Option<Hash>,
    ) -> rusqlite::Result<Next> {
        let mut version = self.version(rows);
        let current = self.current(&version.ticket_id)?;
        if let (None, Some(current)) = (&rows.thread, &current) {
            version.message_count = current.message_count;
        }
        let hash = self.follow(current.clone(), version, known)?;
        Ok(Next {
            before: current,
            hash,
            is_altered: false,
        })
    }

    /// Mends a ticket whose versions do not match their hash: they are made readable, and
    /// follow one another without a gap. Where the ticket `is_as_known`, which other hashes tell, the
    /// current version is what was read, and no new one follows.
    pub(super) fn mend(&mut self, rows: &TicketRows, is_as_known: bool) -> rusqlite::Result<Next> {
        let mut version = self.version(rows);
        let id = version.ticket_id.clone();
        let salvage::Salvaged {
            versions: mut known,
            is_altered,
        } = salvage::versions(self.connection, &id)?;
        if let (None, Some((last, _))) = (&rows.thread, known.last()) {
            version.message_count = last.message_count;
        }
        if let Some((last, _)) = known.last_mut().filter(|_| is_as_known) {
            *last = TicketVersion {
                valid_from: last.valid_from,
                ..version.clone()
            };
        }
        salvage::replace_versions(self.connection, &id, &known, self.snapshot_id)?;
        let before = known.pop().map(|(last, _)| last);
        self.follow(before.clone(), version, None)?;
        Ok(Next {
            before,
            hash: self.versions.sum(&id)?,
            is_altered,
        })
    }

    /// A ticket found gone; returns the hash over its versions, where they changed.
    pub(super) fn deleted(
        &mut self,
        ticket_id: &str,
        known: Option<Hash>,
    ) -> rusqlite::Result<Option<Hash>> {
        let Some(current) = self.current(ticket_id)? else {
            return Ok(None);
        };
        let version = TicketVersion {
            is_deleted: true,
            ..current.clone()
        };
        self.follow(Some(current), version, known)
    }

    fn follow(
        &mut self,
        current: Option<TicketVersion>,
        mut version: TicketVersion,
        known: Option<Hash>,
    ) -> rusqlite::Result<Option<Hash>> {
        version.valid_from = self.seen_at;
        version.valid_until = None;
        let id = version.ticket_id.clone();
        let mut was_whole = known.is_some();
        if let Some(mut current) = current {
            // Two versions within a millisecond, or a clock that went back: still one after the
            // other.
            let earliest = current.valid_from + TimeDelta::milliseconds(1);
            let from = self.seen_at.max(earliest);
            let began = instant_text(current.valid_from);
            current.valid_from = version.valid_from;
            if current == version {
                return Ok(None);
            }
            version.valid_from = from;
            was_whole = was_whole && self.versions.sum(&id)? == known;
            self.close
                .execute(params![version.ticket_id, began, instant_text(from)])?;
        } else {
            was_whole = false;
        }
        self.insert(&version)?;
        // What was damaged before is so still.
        match was_whole {
            true => self.versions.sum(&id),
            false => Ok(Some(sums::DAMAGED)),
        }
    }

    fn insert(&mut self, version: &TicketVersion) -> rusqlite::Result<()> {
        let count = bind::bind(&mut self.insert, version)?;
        self.insert
            .raw_bind_parameter(count + 1, self.snapshot_id)?;
        self.insert.raw_execute().map(drop)
    }

    fn current(&mut self, ticket_id: &str) -> rusqlite::Result<Option<TicketVersion>> {
        self.current.query_row([ticket_id], from_row).optional()
    }

    fn version(&self, rows: &TicketRows) -> TicketVersion {
        let ticket = &rows.ticket;
        TicketVersion {
            ticket_id: ticket.id.clone(),
            valid_from: self.seen_at,
            valid_until: None,
            status: ticket.status.clone(),
            priority: ticket.priority,
            category_id: ticket.category_id.clone(),
            assigned_agent_id: ticket.assigned_agent_id.clone(),
            tags_json: tags_json(rows),
            csat: ticket.csat,
            ai_status: ticket.ai_status.clone(),
            resolution_time_ms: ticket.resolution_time_ms,
            message_count: ticket.message_count,
            is_deleted: false,
        }
    }
}

/// Takes back the version that a run wrote of a ticket it found gone; the one before goes on.
pub(super) fn undelete(
    connection: &Connection,
    snapshot_id: i64,
    ticket_id: &str,
) -> rusqlite::Result<()> {
    let began: Option<String> = connection
        .prepare_cached(
            "DELETE FROM ticket_history WHERE ticket_id = ?1 AND snapshot_id = ?2
                 AND is_deleted = 1 AND valid_until IS NULL RETURNING valid_from",
        )?
        .query_row(params![ticket_id, snapshot_id], |row| row.get(0))
        .optional()?;
    let Some(began) = began else {
        return Ok(());
    };
    connection
        .prepare_cached(
            "UPDATE ticket_history SET valid_until = NULL
             WHERE ticket_id = ?1 AND valid_until = ?2",
        )?
        .execute(params![ticket_id, began])
        .map(drop)
}

fn tags_json(rows: &TicketRows) -> String {
    let mut ids: Vec<&str> = rows.tags.iter().map(|tag| tag.id.as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    serde_json::Value::from(ids).to_string()
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<TicketVersion> {
    Ok(TicketVersion {
        ticket_id: row.get("ticket_id")?,
        valid_from: instant(row, "valid_from")?,
        valid_until: optional_instant(row, "valid_until")?,
        status: row.get("status")?,
        priority: row.get("priority")?,
        category_id: row.get("category_id")?,
        assigned_agent_id: row.get("assigned_agent_id")?,
        tags_json: row.get("tags_json")?,
        csat: row.get("csat")?,
        ai_status: row.get("ai_status")?,
        resolution_time_ms: row.get("resolution_time_ms")?,
        message_count: row.get("message_count")?,
        is_deleted: row.get("is_deleted")?,
    })
}

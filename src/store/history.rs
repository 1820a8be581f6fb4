//! The versions of a ticket's tracked fields.

use std::sync::LazyLock;

use chrono::TimeDelta;
use rusqlite::{CachedStatement, Connection, OptionalExtension, Row, params};

use super::bind;
use super::read::{instant, optional_instant};
use crate::normalize::TicketRows;
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
    snapshot_id: i64,
    seen_at: Instant,
    insert: CachedStatement<'c>,
    current: CachedStatement<'c>,
    close: CachedStatement<'c>,
}

impl<'c> History<'c> {
    pub(super) fn new(
        connection: &'c Connection,
        snapshot_id: i64,
        seen_at: Instant,
    ) -> rusqlite::Result<Self> {
        Ok(Self {
            snapshot_id,
            seen_at,
            insert: connection.prepare_cached(&INSERT)?,
            current: connection.prepare_cached(&CURRENT)?,
            close: connection.prepare_cached(
                "UPDATE ticket_history SET valid_until = ?3 WHERE ticket_id = ?1 AND valid_from = ?2",
            )?,
        })
    }

    /// The first version of a ticket new to the store.
    pub(super) fn first(&mut self, rows: &TicketRows) -> rusqlite::Result<()> {
        let version = self.version(rows);
        self.insert(&version)
    }

    /// A ticket read again: a version follows if a tracked field changed. Returns the one before.
    pub(super) fn next(&mut self, rows: &TicketRows) -> rusqlite::Result<Option<TicketVersion>> {
        let mut version = self.version(rows);
        let current = self.current(&version.ticket_id)?;
        if let (None, Some(current)) = (&rows.thread, &current) {
            version.message_count = current.message_count;
        }
        self.follow(current.clone(), version)?;
        Ok(current)
    }

    /// A ticket found gone.
    pub(super) fn deleted(&mut self, ticket_id: &str) -> rusqlite::Result<()> {
        let Some(current) = self.current(ticket_id)? else {
            return Ok(());
        };
        let version = TicketVersion {
            is_deleted: true,
            ..current.clone()
        };
        self.follow(Some(current), version)
    }

    fn follow(
        &mut self,
        current: Option<TicketVersion>,
        mut version: TicketVersion,
    ) -> rusqlite::Result<()> {
        version.valid_from = self.seen_at;
        version.valid_until = None;
        if let Some(mut current) = current {
            // Two versions within a millisecond, or a clock that went back: still one after the
            // other.
            let earliest = current.valid_from + TimeDelta::milliseconds(1);
            let from = self.seen_at.max(earliest);
            let began = instant_text(current.valid_from);
            current.valid_from = version.valid_from;
            if current == version {
                return Ok(());
            }
            version.valid_from = from;
            self.close
                .execute(params![version.ticket_id, began, instant_text(from)])?;
        }
        self.insert(&version)
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

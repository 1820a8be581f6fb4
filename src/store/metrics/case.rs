//! What a ticket's metrics are computed from, as it is stored or at hand.
//!
//! A value that cannot be read is none: damage is for others to find, and not to be in the way here.

use rusqlite::{CachedStatement, Connection, OptionalExtension, Row};

use super::super::lenient::{flag, instant, number, text};
use super::Measuring;
use crate::metrics::{self, Case, Measured};
use crate::normalize::ThreadRows;
use crate::table::{Instant, Message, Ticket, TicketVersion};

/// Computes the metrics of a ticket that is at hand.
pub(super) fn at_hand(
    ticket: &Ticket,
    thread: Option<&ThreadRows>,
    version: &TicketVersion,
    measuring: &Measuring,
) -> Measured {
    let messages: Option<Vec<metrics::Message<'_>>> = ticket.message_count.map(|_| {
        let messages = thread.map_or(&[][..], |thread| &thread.messages);
        messages.iter().map(message).collect()
    });
    let case = Case {
        ticket: metrics::Ticket {
            id: &ticket.id,
            status: ticket.status.as_deref(),
            priority: ticket.priority,
            category_id: ticket.category_id.as_deref(),
            assigned_agent_id: ticket.assigned_agent_id.as_deref(),
            created_at: ticket.created_at,
            resolved_at: ticket.resolved_at,
            resolution_time_ms: ticket.resolution_time_ms,
            csat: ticket.csat,
            ai_status: ticket.ai_status.as_deref(),
            is_deleted: false,
        },
        messages: messages.as_deref(),
        versions: &[metrics::Version {
            valid_from: version.valid_from,
            status: version.status.as_deref(),
            priority: version.priority,
            category_id: version.category_id.as_deref(),
            assigned_agent_id: version.assigned_agent_id.as_deref(),
            tags_json: &version.tags_json,
            csat: version.csat,
            resolution_time_ms: version.resolution_time_ms,
            is_deleted: version.is_deleted,
        }],
    };
    measuring.measure(&case)
}

fn message(message: &Message) -> metrics::Message<'_> {
    metrics::Message {
        position: message.position,
        sender_type: message.sender_type.as_deref(),
        sender_id: message.sender_id.as_deref(),
        sender_reference_type: message.sender_reference_type.as_deref(),
        message_type: message.message_type.as_deref(),
        created_at: message.created_at,
        is_deleted: message.is_deleted == Some(true),
        action_log_from: message.action_log_from.as_deref(),
        action_log_to: message.action_log_to.as_deref(),
    }
}

/// Reads tickets one by one.
pub(super) struct Cases<'c> {
    ticket: CachedStatement<'c>,
    messages: CachedStatement<'c>,
    versions: CachedStatement<'c>,
}

impl<'c> Cases<'c> {
    pub(super) fn new(connection: &'c Connection) -> rusqlite::Result<Self> {
        Ok(Self {
            ticket: connection.prepare_cached(
                "SELECT id, status, priority, category_id, assigned_agent_id, created_at, resolved_at,
                     resolution_time_ms, csat, ai_status, deleted_at IS NOT NULL,
                     message_count IS NOT NULL
                 FROM tickets WHERE id = ?1",
            )?,
            messages: connection.prepare_cached(
                "SELECT position, sender_type, sender_id, sender_reference_type, message_type,
                     created_at, is_deleted, action_log_from, action_log_to
                 FROM messages WHERE ticket_id = ?1",
            )?,
            versions: connection.prepare_cached(
                "SELECT valid_from, status, priority, category_id, assigned_agent_id, tags_json, csat,
                     resolution_time_ms, is_deleted
                 FROM ticket_history WHERE ticket_id = ?1 ORDER BY valid_from",
            )?,
        })
    }

    /// A ticket with all that its metrics follow from; `None` without a row, or an instant of its creation.
    pub(super) fn read(&mut self, id: &str) -> rusqlite::Result<Option<Stored>> {
        let head = self.ticket.query_row([id], head).optional()?;
        let Some((head, has_thread)) = head.flatten() else {
            return Ok(None);
        };
        let messages = match has_thread {
            true => Some(all(&mut self.messages, id, said)?),
            false => None,
        };
        let versions = all(&mut self.versions, id, version)?;
        Ok(Some(Stored {
            head,
            messages,
            versions: versions.into_iter().flatten().collect(),
        }))
    }
}

fn all<T>(
    statement: &mut CachedStatement<'_>,
    id: &str,
    read: impl Fn(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    statement.query_map([id], |row| read(row))?.collect()
}

/// A ticket as it is stored.
pub(super) struct Stored {
    head: Head,
    messages: Option<Vec<Said>>,
    versions: Vec<Version>,
}

impl Stored {
    /// Hands it to `work`.
    pub(super) fn with<T>(&self, work: impl FnOnce(&Case<'_>) -> T) -> T {
        let messages: Option<Vec<metrics::Message<'_>>> = self
            .messages
            .as_ref()
            .map(|messages| messages.iter().map(Said::lent).collect());
        let versions: Vec<metrics::Version<'_>> = self.versions.iter().map(Version::lent).collect();
        work(&Case {
            ticket: self.head.lent(),
            messages: messages.as_deref(),
            versions: &versions,
        })
    }
}

/// What is read of its own row.
struct Head {
    id: String,
    status: Option<String>,
    priority: Option<i64>,
    category_id: Option<String>,
    assigned_agent_id: Option<String>,
    created_at: Instant,
    resolved_at: Option<Instant>,
    resolution_time_ms: Option<i64>,
    csat: Option<i64>,
    ai_status: Option<String>,
    is_deleted: bool,
}

impl Head {
    fn lent(&self) -> metrics::Ticket<'_> {
        metrics::Ticket {
            id: &self.id,
            status: self.status.as_deref(),
            priority: self.priority,
            category_id: self.category_id.as_deref(),
            assigned_agent_id: self.assigned_agent_id.as_deref(),
            created_at: self.created_at,
            resolved_at: self.resolved_at,
            resolution_time_ms: self.resolution_time_ms,
            csat: self.csat,
            ai_status: self.ai_status.as_deref(),
            is_deleted: self.is_deleted,
        }
    }
}

/// The head, and whether the thread was read.
fn head(row: &Row<'_>) -> rusqlite::Result<Option<(Head, bool)>> {
    let Some(created_at) = instant(row, 5)? else {
        return Ok(None);
    };
    let head = Head {
        id: text(row, 0)?.unwrap_or_default(),
        status: text(row, 1)?,
        priority: number(row, 2)?,
        category_id: text(row, 3)?,
        assigned_agent_id: text(row, 4)?,
        created_at,
        resolved_at: instant(row, 6)?,
        resolution_time_ms: number(row, 7)?,
        csat: number(row, 8)?,
        ai_status: text(row, 9)?,
        is_deleted: flag(row, 10)?,
    };
    Ok(Some((head, flag(row, 11)?)))
}

/// A message, without what it says.
struct Said {
    position: i64,
    sender_type: Option<String>,
    sender_id: Option<String>,
    sender_reference_type: Option<String>,
    message_type: Option<String>,
    created_at: Option<Instant>,
    is_deleted: bool,
    action_log_from: Option<String>,
    action_log_to: Option<String>,
}

impl Said {
    fn lent(&self) -> metrics::Message<'_> {
        metrics::Message {
            position: self.position,
            sender_type: self.sender_type.as_deref(),
            sender_id: self.sender_id.as_deref(),
            sender_reference_type: self.sender_reference_type.as_deref(),
            message_type: self.message_type.as_deref(),
            created_at: self.created_at,
            is_deleted: self.is_deleted,
            action_log_from: self.action_log_from.as_deref(),
            action_log_to: self.action_log_to.as_deref(),
        }
    }
}

fn said(row: &Row<'_>) -> rusqlite::Result<Said> {
    Ok(Said {
        position: number(row, 0)?.unwrap_or(0),
        sender_type: text(row, 1)?,
        sender_id: text(row, 2)?,
        sender_reference_type: text(row, 3)?,
        message_type: text(row, 4)?,
        created_at: instant(row, 5)?,
        is_deleted: flag(row, 6)?,
        action_log_from: text(row, 7)?,
        action_log_to: text(row, 8)?,
    })
}

/// A version of the tracked fields.
struct Version {
    valid_from: Instant,
    status: Option<String>,
    priority: Option<i64>,
    category_id: Option<String>,
    assigned_agent_id: Option<String>,
    tags_json: String,
    csat: Option<i64>,
    resolution_time_ms: Option<i64>,
    is_deleted: bool,
}

impl Version {
    fn lent(&self) -> metrics::Version<'_> {
        metrics::Version {
            valid_from: self.valid_from,
            status: self.status.as_deref(),
            priority: self.priority,
            category_id: self.category_id.as_deref(),
            assigned_agent_id: self.assigned_agent_id.as_deref(),
            tags_json: &self.tags_json,
            csat: self.csat,
            resolution_time_ms: self.resolution_time_ms,
            is_deleted: self.is_deleted,
        }
    }
}

fn version(row: &Row<'_>) -> rusqlite::Result<Option<Version>> {
    let Some(valid_from) = instant(row, 0)? else {
        return Ok(None);
    };
    Ok(Some(Version {
        valid_from,
        status: text(row, 1)?,
        priority: number(row, 2)?,
        category_id: text(row, 3)?,
        assigned_agent_id: text(row, 4)?,
        tags_json: text(row, 5)?.unwrap_or_default(),
        csat: number(row, 6)?,
        resolution_time_ms: number(row, 7)?,
        is_deleted: flag(row, 8)?,
    }))
}

//! What metrics are computed from, borrowed from wherever it lies.

use crate::table::Instant;

/// A ticket with all that its metrics follow from.
#[derive(Debug, Clone, Copy)]
pub struct Case<'a> {
    /// The ticket's row.
    pub ticket: Ticket<'a>,
    /// Its thread, deleted messages included; none where it was never read (`tickets.message_count` is NULL).
    pub messages: Option<&'a [Message<'a>]>,
    /// Its rows of `ticket_history`.
    pub versions: &'a [Version<'a>],
}

/// Columns of `tickets`.
#[derive(Debug, Clone, Copy)]
pub struct Ticket<'a> {
    /// `id`.
    pub id: &'a str,
    /// `status`.
    pub status: Option<&'a str>,
    /// `priority`.
    pub priority: Option<i64>,
    /// `category_id`.
    pub category_id: Option<&'a str>,
    /// `assigned_agent_id`.
    pub assigned_agent_id: Option<&'a str>,
    /// `created_at`.
    pub created_at: Instant,
    /// `resolved_at`.
    pub resolved_at: Option<Instant>,
    /// `resolution_time_ms`.
    pub resolution_time_ms: Option<i64>,
    /// `csat`.
    pub csat: Option<i64>,
    /// `ai_status`.
    pub ai_status: Option<&'a str>,
    /// Whether `deleted_at` is set.
    pub is_deleted: bool,
}

/// Columns of `messages`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Message<'a> {
    /// `position`.
    pub position: i64,
    /// `sender_type`.
    pub sender_type: Option<&'a str>,
    /// `sender_id`.
    pub sender_id: Option<&'a str>,
    /// `sender_reference_type`.
    pub sender_reference_type: Option<&'a str>,
    /// `message_type`.
    pub message_type: Option<&'a str>,
    /// `created_at`.
    pub created_at: Option<Instant>,
    /// Whether `is_deleted` is 1.
    pub is_deleted: bool,
    /// `action_log_from`.
    pub action_log_from: Option<&'a str>,
    /// `action_log_to`.
    pub action_log_to: Option<&'a str>,
}

/// Columns of `ticket_history`.
#[derive(Debug, Clone, Copy)]
pub struct Version<'a> {
    /// `valid_from`.
    pub valid_from: Instant,
    /// `status`.
    pub status: Option<&'a str>,
    /// `priority`.
    pub priority: Option<i64>,
    /// `category_id`.
    pub category_id: Option<&'a str>,
    /// `assigned_agent_id`.
    pub assigned_agent_id: Option<&'a str>,
    /// `tags_json`.
    pub tags_json: &'a str,
    /// `csat`.
    pub csat: Option<i64>,
    /// `resolution_time_ms`.
    pub resolution_time_ms: Option<i64>,
    /// `is_deleted`.
    pub is_deleted: bool,
}

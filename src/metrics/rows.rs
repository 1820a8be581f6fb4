//! The rows that metrics are: a field a column. What each means is told in `docs/metrics.md`.

use crate::table::Instant;

/// A row of `ticket_metrics`.
#[derive(Debug, Clone, PartialEq)]
pub struct TicketMetrics {
    /// The ticket (`tickets.id`).
    pub ticket_id: String,
    /// Whether the ticket is gone from the desk.
    pub is_deleted: bool,
    /// Whether its status is `Spam`.
    pub is_spam: bool,
    /// `customer`, `agent` or `other`.
    pub opened_by: Option<String>,
    /// First message by the customer.
    pub first_customer_message_at: Option<Instant>,
    /// First public message of a human at or after that and the ticket's creation.
    pub first_reply_at: Option<Instant>,
    /// Who sent it.
    pub first_reply_agent_id: Option<String>,
    /// Milliseconds from the customer's first message to the first reply.
    pub first_reply_ms: Option<i64>,
    /// Business time of the same.
    pub first_reply_business_ms: Option<i64>,
    /// Milliseconds from creation to the first public message of a human.
    pub first_reply_from_creation_ms: Option<i64>,
    /// First public message of the AI, by the rule of `first_reply_at`.
    pub first_ai_reply_at: Option<Instant>,
    /// Milliseconds from the customer's first message to it.
    pub first_ai_reply_ms: Option<i64>,
    /// Messages by the customer.
    pub customer_message_count: Option<i64>,
    /// Replies by humans; a burst of messages is one.
    pub public_reply_count: Option<i64>,
    /// Replies by the AI.
    pub ai_reply_count: Option<i64>,
    /// Private notes.
    pub private_note_count: Option<i64>,
    /// Resolved with one reply by a human, and never reopened.
    pub is_one_touch: Option<bool>,
    /// Resolved with two replies by humans, and never reopened.
    pub is_two_touch: Option<bool>,
    /// Resolved by the AI, without a reply by a human.
    pub is_ai_only: Option<bool>,
    /// Handed over by the AI to a human.
    pub was_handed_off: Option<bool>,
    /// First resolution.
    pub first_resolved_at: Option<Instant>,
    /// Last resolution.
    pub last_resolved_at: Option<Instant>,
    /// Milliseconds from creation to the first resolution.
    pub first_resolution_ms: Option<i64>,
    /// Milliseconds from creation to the last resolution, of a ticket that is resolved now.
    pub full_resolution_ms: Option<i64>,
    /// Business time of the same.
    pub full_resolution_business_ms: Option<i64>,
    /// Milliseconds from the last reopening to the resolution after it.
    pub reopened_resolution_ms: Option<i64>,
    /// How often the ticket was reopened.
    pub reopen_count: i64,
    /// Last reopening.
    pub last_reopened_at: Option<Instant>,
    /// Humans who replied.
    pub agent_count: Option<i64>,
    /// How often the ticket went from one agent to another.
    pub handoff_count: i64,
    /// Milliseconds without an agent while open, in stretches that are over.
    pub unassigned_ms: Option<i64>,
    /// Milliseconds of waiting on the agent, in stretches that are over.
    pub waiting_on_agent_ms: Option<i64>,
    /// Milliseconds of waiting on the customer, in stretches that are over.
    pub waiting_on_customer_ms: Option<i64>,
    /// Whether an open ticket's last public message is the customer's.
    pub is_waiting_on_us: Option<bool>,
    /// Since when the ticket waits, on whom ever.
    pub waiting_since: Option<Instant>,
    /// `agent`, `ai` or `automation`.
    pub resolved_by: Option<String>,
    /// Whether Mava closed it because nobody wrote.
    pub is_auto_resolved: Option<bool>,
    /// Rating now.
    pub csat: Option<i64>,
    /// First rating.
    pub csat_first: Option<i64>,
    /// Last rating.
    pub csat_last: Option<i64>,
    /// `reference_type` or `sender_type`.
    pub reply_rule: Option<String>,
    /// `audit`, `resolution_time` or `history`.
    pub resolution_source: Option<String>,
}

/// A row of `ticket_events`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TicketEvent {
    /// The ticket (`tickets.id`).
    pub ticket_id: String,
    /// Place among the ticket's changes, from 0.
    pub position: i64,
    /// `status`, `assignee`, `priority`, `category`, `tag`, `rating` or `deletion`.
    pub kind: String,
    /// What it was.
    pub from_value: Option<String>,
    /// What it became.
    pub to_value: Option<String>,
    /// When it happened, or was seen.
    pub occurred_at: Instant,
    /// None where that is exact; else it did not happen before this.
    pub not_before: Option<Instant>,
    /// `agent`, `ai`, `customer` or `system`.
    pub actor_type: Option<String>,
    /// Who.
    pub actor_id: Option<String>,
    /// `audit` or `history`.
    pub source: String,
}

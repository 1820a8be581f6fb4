//! What tickets come to: their metrics, and what changed when. Every definition stands in `docs/metrics.md`.

use super::column::{Cell, Column, Field, Record, Table, Type};
use super::instant::Instant;

table! {
    /// One row per ticket: its numbers, as [metrics](metrics.md) defines them. What follows from messages is NULL where the thread was
    /// never read. Deleted tickets and spam are in it: `is_deleted = 0 AND is_spam = 0` leaves them out.
    "ticket_metrics" TicketMetrics key("ticket_id") {
        /// The ticket (`tickets.id`).
        ticket_id: String as Id,
        /// Whether `tickets.deleted_at` is set.
        is_deleted: bool as Boolean,
        /// Whether `tickets.status` is `Spam`.
        is_spam: bool as Boolean,
        /// Who sent the first public message: `customer`, `agent` (a human) or `other`.
        opened_by: Option<String> as Enumeration,
        /// First message by the customer.
        first_customer_message_at: Option<Instant> as Instant,
        /// First message by a human at or after both that and `created_at`. NULL without one, and where an agent opened the ticket.
        first_reply_at: Option<Instant> as Instant,
        /// Who sent it.
        first_reply_agent_id: Option<String> as Id,
        /// Milliseconds from `first_customer_message_at` to `first_reply_at`; NULL, never 0, without a reply.
        first_reply_ms: Option<i64> as Integer,
        /// That in business time; 0 where all of it lay outside of business hours.
        first_reply_business_ms: Option<i64> as Integer,
        /// Milliseconds from creation to the first message by a human at or after it, as Zendesk and Intercom count; NULL where an agent
        /// opened the ticket.
        first_reply_from_creation_ms: Option<i64> as Integer,
        /// First message by the AI, by the rule of `first_reply_at`.
        first_ai_reply_at: Option<Instant> as Instant,
        /// Milliseconds from `first_customer_message_at` to `first_ai_reply_at`.
        first_ai_reply_ms: Option<i64> as Integer,
        /// Messages by the customer.
        customer_message_count: Option<i64> as Integer,
        /// Replies by humans; a burst of messages is one.
        public_reply_count: Option<i64> as Integer,
        /// Replies by the AI.
        ai_reply_count: Option<i64> as Integer,
        /// Private notes.
        private_note_count: Option<i64> as Integer,
        /// Of a resolved ticket: one reply by a human, and never reopened. Else NULL.
        is_one_touch: Option<bool> as Boolean,
        /// Of a resolved ticket: two replies by humans, and never reopened. Else NULL.
        is_two_touch: Option<bool> as Boolean,
        /// Of a resolved ticket: no reply by a human, and the AI replied or solved it. Else NULL.
        is_ai_only: Option<bool> as Boolean,
        /// Whether the AI handed the ticket to a human; NULL where the AI took no part.
        was_handed_off: Option<bool> as Boolean,
        /// First resolution.
        first_resolved_at: Option<Instant> as Instant,
        /// Last resolution, also where the ticket is open again.
        last_resolved_at: Option<Instant> as Instant,
        /// Milliseconds from creation to `first_resolved_at`.
        first_resolution_ms: Option<i64> as Integer,
        /// Milliseconds from creation to `last_resolved_at`; NULL unless the ticket is resolved now.
        full_resolution_ms: Option<i64> as Integer,
        /// That in business time.
        full_resolution_business_ms: Option<i64> as Integer,
        /// Milliseconds from `last_reopened_at` to the resolution after it, where the ticket is resolved now.
        reopened_resolution_ms: Option<i64> as Integer,
        /// How often it was resolved and open again.
        reopen_count: i64 as Integer,
        /// Last reopening; NULL where only the second resolution was seen.
        last_reopened_at: Option<Instant> as Instant,
        /// Humans who replied.
        agent_count: Option<i64> as Integer,
        /// How often the ticket went from one agent to another.
        handoff_count: i64 as Integer,
        /// Milliseconds in which it was open and had no agent, in stretches that are over; NULL where nobody saw when that ended.
        unassigned_ms: Option<i64> as Integer,
        /// Milliseconds in which it waited on the agent, in stretches that are over.
        waiting_on_agent_ms: Option<i64> as Integer,
        /// Milliseconds in which it waited on the customer, in stretches that are over.
        waiting_on_customer_ms: Option<i64> as Integer,
        /// Whether it is open and its last public message is the customer's; NULL of an open ticket without one.
        is_waiting_on_us: Option<bool> as Boolean,
        /// Since when an open ticket waits, on either side.
        waiting_since: Option<Instant> as Instant,
        /// Who made the last resolution: `agent`, `ai` or `automation`; NULL where nobody can be named.
        resolved_by: Option<String> as Enumeration,
        /// Whether Mava closed it because nobody wrote; NULL without a resolution, and where nobody can tell.
        is_auto_resolved: Option<bool> as Boolean,
        /// The rating that it has now.
        csat: Option<i64> as Integer,
        /// The first rating.
        csat_first: Option<i64> as Integer,
        /// The last rating, also where it was taken back.
        csat_last: Option<i64> as Integer,
        /// How humans were told from the AI: `reference_type` or, a guess, `sender_type`.
        reply_rule: Option<String> as Enumeration,
        /// What the last resolution follows from: `audit`, `resolution_time` or `history`, which knows only when a sync saw it.
        resolution_source: Option<String> as Enumeration,
    }
    bookkeeping {
        /// The snapshot that last changed this row or the ticket's rows of `ticket_events`.
        snapshot_id: i64 as Integer,
    }
}

table! {
    /// One row per change of a ticket, as [metrics](metrics.md) defines it. Creation is none: it is `tickets.created_at`.
    "ticket_events" TicketEvent key("ticket_id", "position") {
        /// The ticket (`tickets.id`).
        ticket_id: String as Id,
        /// Place among the ticket's changes, from 0, oldest first. Can move when an older change becomes known.
        position: i64 as Integer,
        /// `status`, `assignee`, `priority`, `category`, `tag`, `rating` or `deletion`.
        kind: String as Enumeration,
        /// What it was; NULL is nothing, or not known.
        from_value: Option<String> as Text,
        /// What it became; of a deletion 1, of one that the API shows again 0.
        to_value: Option<String> as Text,
        /// When it happened; where `not_before` is set, when it was seen.
        occurred_at: Instant as Instant,
        /// NULL where the instant is exact; else the change happened between this and `occurred_at`.
        not_before: Option<Instant> as Instant,
        /// Who did it: `agent`, `ai`, `customer` or `system`; NULL where the API does not say.
        actor_type: Option<String> as Enumeration,
        /// The one who did it, where the API says.
        actor_id: Option<String> as Id,
        /// Where the change is from: `audit` (the thread's audit log) or `history` (`ticket_history`).
        source: String as Enumeration,
    }
    bookkeeping {
        /// The snapshot that last changed this row.
        snapshot_id: i64 as Integer,
    }
}

table! {
    /// One row per ticket and policy of `[[sla]]` that applies to it, as [metrics](metrics.md) defines it: what does not depend on the present.
    "_ticket_slas" TicketSla key("ticket_id", "policy") {
        /// The ticket (`tickets.id`).
        ticket_id: String as Id,
        /// The policy's `name`.
        policy: String as Text,
        /// `first_reply` or `resolution`.
        metric: String as Enumeration,
        /// When the clock started.
        started_at: Instant as Instant,
        /// When it is due; NULL where business hours never get there.
        due_at: Option<Instant> as Instant,
        /// When what was promised happened.
        met_at: Option<Instant> as Instant,
        /// When the clock stopped; NULL where it runs.
        stopped_at: Option<Instant> as Instant,
        /// Business time until then; NULL where it runs.
        elapsed_ms: Option<i64> as Integer,
    }
    bookkeeping {
        /// The snapshot that last changed this row.
        snapshot_id: i64 as Integer,
    }
}

table! {
    /// One row per ticket and policy of `[[sla]]` in the configuration that applies to it, as [metrics](metrics.md) defines it. Deleted tickets and spam have none. A clock that runs is read when the view is.
    "sla_results" SlaResult key("ticket_id", "policy") {
        /// The ticket (`tickets.id`).
        ticket_id: String as Id,
        /// The policy's `name`.
        policy: String as Text,
        /// `first_reply` or `resolution`.
        metric: String as Enumeration,
        /// When the clock started: of a first reply `first_customer_message_at`, of a resolution `tickets.created_at`.
        started_at: Instant as Instant,
        /// The first instant at which `within` of business time is over; NULL where it never is.
        due_at: Option<Instant> as Instant,
        /// When what was promised happened: `first_reply_at`, or `last_resolved_at` of a ticket that is resolved now.
        met_at: Option<Instant> as Instant,
        /// Business time until the clock stopped, or until now.
        elapsed_ms: i64 as Integer,
        /// Whether it stopped later than `due_at`, or runs and is late; NULL while it runs and is not yet late.
        is_breached: Option<bool> as Boolean,
    }
}

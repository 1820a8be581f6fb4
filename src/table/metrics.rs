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
        /// Trap: Deleted and merged tickets stay here: leave them out.
        is_deleted: bool as Boolean,
        /// Whether `tickets.status` is `Spam`.
        /// Trap: Spam is neither open nor resolved.
        is_spam: bool as Boolean,
        /// Of public messages, leaving out agents' from before `created_at`, the first: `customer`; `agent` if a human; `other` if
        /// the AI. `other` too where there is none. NULL where the thread was never read.
        /// Trap: Tickets that an agent opened have no first reply; counted in, they make reply times look like 0.
        opened_by: Option<String> as Enumeration,
        /// The first message by the customer.
        /// Trap: It can be before `created_at`: the customer wrote first, the ticket came from it.
        first_customer_message_at: Option<Instant> as Instant,
        /// The first human message at or after both `first_customer_message_at` and `created_at`. NULL without a customer's
        /// message, without such a reply, and where `opened_by` is `agent`.
        /// Trap: Notes, audit entries, automation, the AI and deleted messages are no reply. Nor is what an agent wrote in the
        /// channel before.
        first_reply_at: Option<Instant> as Instant,
        /// `sender_id` of that message.
        /// Trap: Not the agent to whom the ticket is assigned.
        first_reply_agent_id: Option<String> as Id,
        /// From `first_customer_message_at` to `first_reply_at`.
        /// Trap: NULL is "no reply", never 0.
        first_reply_ms: Option<i64> as Integer,
        /// That in business time.
        /// Trap: 0 where all of it lay outside of hours.
        first_reply_business_ms: Option<i64> as Integer,
        /// From `created_at` to the first human message at or after it; NULL where `opened_by` is `agent`. This is how Zendesk and
        /// Intercom count.
        /// Trap: Only to compare with their numbers.
        first_reply_from_creation_ms: Option<i64> as Integer,
        /// As `first_reply_at`, of the AI.
        first_ai_reply_at: Option<Instant> as Instant,
        /// From `first_customer_message_at` to `first_ai_reply_at`.
        /// Trap: Seconds: never mix it with what people take.
        first_ai_reply_ms: Option<i64> as Integer,
        /// Messages by the customer.
        customer_message_count: Option<i64> as Integer,
        /// Replies by humans.
        /// Trap: Bursts count once. The message with which an agent opened a ticket counts.
        public_reply_count: Option<i64> as Integer,
        /// Replies by the AI.
        ai_reply_count: Option<i64> as Integer,
        /// Notes.
        private_note_count: Option<i64> as Integer,
        /// Of a resolved ticket: `public_reply_count` = 1 and `reopen_count` = 0. Else NULL.
        /// Trap: Its average is a share of resolved tickets, also of those that nobody answered.
        is_one_touch: Option<bool> as Boolean,
        /// As before, with `public_reply_count` = 2.
        is_two_touch: Option<bool> as Boolean,
        /// Of a resolved ticket: `public_reply_count` = 0, and `ai_reply_count` > 0 or `ai_status` is solved. Else NULL.
        /// Trap: A ticket resolved without any reply is not the AI's.
        is_ai_only: Option<bool> as Boolean,
        /// 1 where `ai_status` is handed over, or a human message comes after one of the AI, both at or after `created_at`. 0 where
        /// `ai_reply_count` > 0 or `ai_status` is solved. Else NULL.
        /// Trap: NULL is "the AI took no part".
        was_handed_off: Option<bool> as Boolean,
        /// The first resolution.
        /// Trap: A sync's own instant where `resolution_source` is `history`.
        first_resolved_at: Option<Instant> as Instant,
        /// The last resolution.
        /// Trap: Set also where the ticket is open again: a resolution that happened is no ticket that is resolved.
        last_resolved_at: Option<Instant> as Instant,
        /// From `created_at` to `first_resolved_at`.
        first_resolution_ms: Option<i64> as Integer,
        /// From `created_at` to `last_resolved_at`; NULL unless the ticket is resolved now.
        /// Trap: Holds all the time in which a reopened ticket was done.
        full_resolution_ms: Option<i64> as Integer,
        /// That in business time.
        full_resolution_business_ms: Option<i64> as Integer,
        /// From `last_reopened_at` to `last_resolved_at`, where the ticket is resolved now and that is later.
        /// Trap: What the second round took; a reopened ticket timed from its creation is slow for no reason.
        reopened_resolution_ms: Option<i64> as Integer,
        /// Reopenings, or resolutions less one where that is more.
        /// Trap: Also of tickets that are open still. "Thank you" reopens a ticket.
        reopen_count: i64 as Integer,
        /// The last reopening.
        /// Trap: NULL where only the second resolution was seen.
        last_reopened_at: Option<Instant> as Instant,
        /// Different `sender_id` of human messages at or after `created_at`.
        /// Trap: Who wrote, not who was assigned.
        agent_count: Option<i64> as Integer,
        /// Changes of assignee to an agent other than the last one before, also with nobody in between. The last one before is where the change says that it comes from, else where an earlier one led. The first agent is none.
        handoff_count: i64 as Integer,
        /// Time in which the ticket was open and had no agent, in stretches that are over: with an assignment, or with the ticket
        /// no more open. The agent before the first change is where that comes from; without a change, the present one. NULL where
        /// that is an agent, and no audit entry says so: nobody saw when.
        /// Trap: Runs from creation, not from the first message.
        unassigned_ms: Option<i64> as Integer,
        /// Sum of the stretches that are over in which it waited on the agent.
        /// Trap: A stretch that runs is not in it.
        waiting_on_agent_ms: Option<i64> as Integer,
        /// Sum of those in which it waited on the customer.
        /// Trap: Notes and audit entries turn nothing.
        waiting_on_customer_ms: Option<i64> as Integer,
        /// Of a ticket that is open and not deleted: whether the last public message, leaving out agents' from before `created_at`,
        /// is the customer's; NULL without a public message. 0 of all others.
        /// Trap: The last message of any kind is often a note.
        is_waiting_on_us: Option<bool> as Boolean,
        /// Where `status` is open, the ticket is not deleted and has a public message: the beginning of the stretch that runs, on
        /// either side; where by its changes the ticket is not open, the last public message.
        /// Trap: Not the last message: who writes three times waits since the first.
        waiting_since: Option<Instant> as Instant,
        /// Who made the last resolution, below. NULL where there is none, or nobody can be named.
        resolved_by: Option<String> as Enumeration,
        /// Whether Mava closed it because nobody wrote, below. NULL without a resolution, and where nobody can tell.
        /// Trap: These make resolution times long: show them apart.
        is_auto_resolved: Option<bool> as Boolean,
        /// The rating that the ticket has now (`tickets.csat`).
        /// Trap: NULL is no rating, not a bad one: name the response rate with each mean.
        csat: Option<i64> as Integer,
        /// The first rating: where the first change of rating that leads to a number led. Without one, `csat`.
        csat_first: Option<i64> as Integer,
        /// The last: as before with the last change.
        /// Trap: Stays where a rating was taken back.
        csat_last: Option<i64> as Integer,
        /// `reference_type` or `sender_type`: how humans were told from the AI. NULL of a thread without messages.
        /// Trap: Numbers by `sender_type` are a guess.
        reply_rule: Option<String> as Enumeration,
        /// What the last resolution follows from: `audit`; `resolution_time`, if it is exact and not by an audit entry; `history`,
        /// if only the instant of a sync is known.
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
        /// Place among the ticket's changes, from 0, in the order of: `occurred_at`; audit entries before others; the thread's
        /// order; kinds as in the next line; of tags, those taken off before those put on, then their ids.
        /// Trap: Can move when an older change becomes known.
        position: i64 as Integer,
        /// `status`, `assignee`, `priority`, `category`, `tag`, `rating`, `deletion`.
        kind: String as Enumeration,
        /// What it was; NULL is nothing, or not known.
        /// Trap: Audit entries may give names where the tables have ids.
        from_value: Option<String> as Text,
        /// What it became: a status, an agent, a priority, a category, a tag, a rating as text; of a deletion 1, of one that the
        /// API shows again 0, the other way in `from_value`. From history, a tag put on comes from NULL, one taken off goes to
        /// NULL.
        to_value: Option<String> as Text,
        /// When it happened; where `not_before` is set, when it was seen.
        /// Trap: A nightly sync sees all at 02:30.
        occurred_at: Instant as Instant,
        /// NULL where the instant is exact. Else it happened in [`not_before`, `occurred_at`].
        not_before: Option<Instant> as Instant,
        /// Who did it, by the audit entry: `agent` if `sender_reference_type` is `ClientMember`; `customer` if it is `Customer` or
        /// `DiscordUser`; else by `sender_type`: `customer`; for `agent` the same word by the rule `sender_type` and `ai` by the
        /// other; for `system`, which writes down what others do, `system` without a `sender_id`, `customer` if a public message by
        /// the customer has the same `sender_id`, else `agent`. Else NULL.
        /// Trap: NULL from history: the API does not say.
        actor_type: Option<String> as Enumeration,
        /// The audit entry's `sender_id`.
        actor_id: Option<String> as Id,
        /// `audit` or `history`.
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
        /// The ticket.
        ticket_id: String as Id,
        /// The policy's `name`.
        policy: String as Text,
        /// `first_reply` or `resolution`.
        metric: String as Enumeration,
        /// For `first_reply`: `first_customer_message_at`; without one, and where `opened_by` is `agent`, there is no row. For
        /// `resolution`: `created_at`.
        started_at: Instant as Instant,
        /// The first instant at which `within` of business time is over since `started_at`. NULL where it never is.
        due_at: Option<Instant> as Instant,
        /// For `first_reply`: `first_reply_at`. For `resolution`: `last_resolved_at` where the ticket is resolved now.
        /// Trap: A resolution that was taken back meets nothing.
        met_at: Option<Instant> as Instant,
        /// Business time from `started_at` to the stop, below.
        elapsed_ms: i64 as Integer,
        /// 1 where the stop is later than `due_at`. Else 0 where the clock has stopped, NULL where it runs.
        /// Trap: NULL is "not yet known": leave it out of rates.
        is_breached: Option<bool> as Boolean,
    }
}

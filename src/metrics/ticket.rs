//! The row of metrics of one ticket.

use super::change::{Change, Kind};
use super::input::Ticket;
use super::replies::{Counts, First};
use super::resolution::Resolved;
use super::rows::TicketMetrics;
use super::schedule::Schedule;
use super::stretches::{Waiting, handoffs, unassigned};
use super::thread::Thread;
use super::words::{Ai, SPAM, ai};
use crate::mava;

/// Computes the row; without a thread, what follows from messages is none.
pub(super) fn metrics(
    ticket: &Ticket<'_>,
    thread: Option<&Thread<'_>>,
    changes: &[Change<'_>],
    schedule: &Schedule,
) -> TicketMetrics {
    let first = thread.map(|thread| First::of(ticket, thread, schedule));
    let first = first.unwrap_or_default();
    let counts = thread.map(|thread| Counts::of(ticket, thread));
    let counts = counts.as_ref();
    let waiting = thread.map(|thread| Waiting::of(ticket, thread, changes));
    let resolved = Resolved::of(ticket, thread, changes, schedule);
    let touches = Touches::of(ticket, counts, resolved.reopen_count);
    let (csat_first, csat_last) = ratings(ticket, changes);
    let rule = thread.and_then(|thread| thread.rule);
    TicketMetrics {
        ticket_id: ticket.id.to_owned(),
        is_deleted: ticket.is_deleted,
        is_spam: ticket.status == Some(SPAM),
        opened_by: first.opened_by.map(|opener| opener.word().to_owned()),
        first_customer_message_at: first.customer_message_at,
        first_reply_at: first.reply_at,
        first_reply_agent_id: first.agent_id,
        first_reply_ms: first.reply_ms,
        first_reply_business_ms: first.business_ms,
        first_reply_from_creation_ms: first.from_creation_ms,
        first_ai_reply_at: first.ai_reply_at,
        first_ai_reply_ms: first.ai_reply_ms,
        customer_message_count: counts.map(|counts| counts.customer_messages),
        public_reply_count: counts.map(|counts| counts.replies),
        ai_reply_count: counts.map(|counts| counts.ai_replies),
        private_note_count: counts.map(|counts| counts.notes),
        is_one_touch: touches.is_one,
        is_two_touch: touches.is_two,
        is_ai_only: touches.is_ai_only,
        was_handed_off: touches.was_handed_off,
        first_resolved_at: resolved.first_at,
        last_resolved_at: resolved.last_at,
        first_resolution_ms: resolved.first_ms,
        full_resolution_ms: resolved.full_ms,
        full_resolution_business_ms: resolved.full_business_ms,
        reopened_resolution_ms: resolved.reopened_ms,
        reopen_count: resolved.reopen_count,
        last_reopened_at: resolved.last_reopened_at,
        agent_count: counts.map(|counts| counts.agents),
        handoff_count: handoffs(changes),
        unassigned_ms: unassigned(ticket, changes),
        waiting_on_agent_ms: waiting.as_ref().map(|waiting| waiting.on_agent_ms),
        waiting_on_customer_ms: waiting.as_ref().map(|waiting| waiting.on_customer_ms),
        is_waiting_on_us: waiting.as_ref().and_then(|waiting| waiting.is_on_us),
        waiting_since: waiting.as_ref().and_then(|waiting| waiting.since),
        resolved_by: resolved.by.map(str::to_owned),
        is_auto_resolved: resolved.is_automatic,
        csat: ticket.csat,
        csat_first,
        csat_last,
        reply_rule: rule.map(|rule| rule.word().to_owned()),
        resolution_source: resolved.source.map(str::to_owned),
    }
}

/// How many replies a resolved ticket took, and of whom.
struct Touches {
    is_one: Option<bool>,
    is_two: Option<bool>,
    is_ai_only: Option<bool>,
    was_handed_off: Option<bool>,
}

impl Touches {
    fn of(ticket: &Ticket<'_>, counts: Option<&Counts>, reopen_count: i64) -> Self {
        let resolved = counts.filter(|_| mava::is_resolved(ticket.status));
        let touched =
            |times: i64| resolved.map(|counts| counts.replies == times && reopen_count == 0);
        let status = ai(ticket.ai_status);
        let took_part = |counts: &Counts| counts.ai_replies > 0 || status == Ai::Solved;
        let handed_off = counts.and_then(|counts| {
            let was = status == Ai::HandedOver || counts.is_human_after_ai;
            (was || took_part(counts)).then_some(was)
        });
        Self {
            is_one: touched(1),
            is_two: touched(2),
            is_ai_only: resolved.map(|counts| counts.replies == 0 && took_part(counts)),
            was_handed_off: handed_off,
        }
    }
}

/// The first and the last rating.
fn ratings(ticket: &Ticket<'_>, changes: &[Change<'_>]) -> (Option<i64>, Option<i64>) {
    let ratings = changes.iter().filter(|change| change.kind == Kind::Rating);
    let mut numbers = ratings.filter_map(|change| change.to.as_deref()?.parse().ok());
    let first = numbers.next();
    let last = numbers.next_back().or(first);
    (first.or(ticket.csat), last.or(ticket.csat))
}

//! First replies, and how many there were. People write in bursts: a reply is not a message.

use std::collections::HashSet;

use super::input::Ticket;
use super::milliseconds;
use super::schedule::Schedule;
use super::thread::{Said, Side, Thread};
use crate::table::Instant;

/// Messages of one sender with at most so many milliseconds between them are one reply.
const BURST_MS: i64 = 600_000;

/// Who opened a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opener {
    Customer,
    Agent,
    Other,
}

impl Opener {
    /// The word in `ticket_metrics.opened_by`.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Agent => "agent",
            Self::Other => "other",
        }
    }
}

/// When a ticket was first answered, and by whom.
#[derive(Debug, Default)]
pub(super) struct First {
    pub(super) opened_by: Option<Opener>,
    pub(super) customer_message_at: Option<Instant>,
    pub(super) reply_at: Option<Instant>,
    pub(super) agent_id: Option<String>,
    pub(super) reply_ms: Option<i64>,
    pub(super) business_ms: Option<i64>,
    pub(super) from_creation_ms: Option<i64>,
    pub(super) ai_reply_at: Option<Instant>,
    pub(super) ai_reply_ms: Option<i64>,
}

impl First {
    pub(super) fn of(ticket: &Ticket<'_>, thread: &Thread<'_>, schedule: &Schedule) -> Self {
        let created_at = ticket.created_at;
        let opened_by = match thread.since(created_at).next().map(|said| said.side) {
            Some(Side::Customer) => Opener::Customer,
            Some(Side::Human) => Opener::Agent,
            Some(Side::Ai) | None => Opener::Other,
        };
        let customer_message_at = thread
            .said
            .iter()
            .find(|said| said.side == Side::Customer)
            .map(|said| said.at);
        let first = Self {
            opened_by: Some(opened_by),
            customer_message_at,
            ..Self::default()
        };
        if opened_by == Opener::Agent {
            return first;
        }
        let answer = |side: Side, not_before: Instant| {
            let mut answers = thread.since(created_at);
            answers.find(move |said| said.side == side && said.at >= not_before)
        };
        let reply = customer_message_at.and_then(|at| answer(Side::Human, at));
        let ai_reply = customer_message_at.and_then(|at| answer(Side::Ai, at));
        let passed = |said: Option<&Said<'_>>| milliseconds(customer_message_at?, said?.at);
        let business = |said: &Said<'_>| Some(schedule.between(customer_message_at?, said.at));
        Self {
            reply_at: reply.map(|said| said.at),
            agent_id: reply.and_then(|said| said.sender_id).map(str::to_owned),
            reply_ms: passed(reply),
            business_ms: reply.and_then(business),
            from_creation_ms: answer(Side::Human, created_at)
                .and_then(|said| milliseconds(created_at, said.at)),
            ai_reply_at: ai_reply.map(|said| said.at),
            ai_reply_ms: passed(ai_reply),
            ..first
        }
    }
}

/// How much was written.
#[derive(Debug)]
pub(super) struct Counts {
    pub(super) customer_messages: i64,
    pub(super) replies: i64,
    pub(super) ai_replies: i64,
    pub(super) notes: i64,
    pub(super) agents: i64,
    /// Whether a human wrote after the AI.
    pub(super) is_human_after_ai: bool,
}

impl Counts {
    pub(super) fn of(ticket: &Ticket<'_>, thread: &Thread<'_>) -> Self {
        let said = || thread.since(ticket.created_at);
        let senders: HashSet<&str> = said()
            .filter(|said| said.side == Side::Human)
            .filter_map(|said| said.sender_id)
            .collect();
        let is_human_after_ai = said()
            .skip_while(|said| said.side != Side::Ai)
            .any(|said| said.side == Side::Human);
        Self {
            customer_messages: thread.customer_messages,
            replies: number(of_humans(ticket, thread).count()),
            ai_replies: number(replies(said(), Side::Ai).count()),
            notes: thread.notes,
            agents: number(senders.len()),
            is_human_after_ai,
        }
    }
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// The first message of a reply.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reply<'a> {
    pub(super) at: Instant,
    pub(super) sender_id: Option<&'a str>,
}

/// Replies by humans, in order.
pub(super) fn of_humans<'s, 'a>(
    ticket: &Ticket<'_>,
    thread: &'s Thread<'a>,
) -> impl Iterator<Item = Reply<'a>> + use<'s, 'a> {
    replies(thread.since(ticket.created_at), Side::Human)
}

/// Replies of one side: its messages, those that go on with the one before left out.
fn replies<'s, 'a: 's>(
    said: impl Iterator<Item = &'s Said<'a>>,
    side: Side,
) -> impl Iterator<Item = Reply<'a>> {
    let mut before: Option<&Said<'_>> = None;
    let of_both = said.filter(move |one| one.side == side || one.side == Side::Customer);
    of_both.filter_map(move |one| {
        let goes_on = before.is_some_and(|before| {
            let pause = milliseconds(before.at, one.at);
            before.side == side
                && before.sender_id == one.sender_id
                && pause.is_some_and(|pause| pause <= BURST_MS)
        });
        before = Some(one);
        (one.side == side && !goes_on).then_some(Reply {
            at: one.at,
            sender_id: one.sender_id,
        })
    })
}

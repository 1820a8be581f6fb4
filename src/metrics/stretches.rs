//! How long a ticket waited on whom, and how long it had no agent: sums of stretches that are over.

use super::change::{Change, Kind};
use super::input::Ticket;
use super::milliseconds;
use super::thread::{Side, Thread};
use crate::mava;
use crate::table::Instant;

/// Whose turn it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    Agent,
    Customer,
}

/// A stretch that runs, and the sum of those that are over.
#[derive(Debug)]
struct Clock<T> {
    created_at: Instant,
    runs: Option<(T, Instant)>,
}

impl<T: Copy + PartialEq> Clock<T> {
    /// Turns to another state, or to none; gives the one that is over with its milliseconds.
    fn turn(&mut self, state: Option<T>, at: Instant) -> Option<(T, i64)> {
        if self.runs.map(|(runs, _)| runs) == state {
            return None;
        }
        let at = at.max(self.created_at);
        let over = self.runs.take();
        self.runs = state.map(|state| (state, at));
        over.map(|(state, since)| (state, milliseconds(since, at).unwrap_or_default()))
    }
}

/// Columns of `ticket_metrics` about waiting.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    pub(super) on_agent_ms: i64,
    pub(super) on_customer_ms: i64,
    /// None of an open ticket in whose thread nobody wrote.
    pub(super) is_on_us: Option<bool>,
    pub(super) since: Option<Instant>,
}

/// Something that can turn a ticket to another side.
enum Step {
    Said(Side),
    Status { is_open: bool },
}

impl Waiting {
    pub(super) fn of(ticket: &Ticket<'_>, thread: &Thread<'_>, changes: &[Change<'_>]) -> Self {
        let mut waiting = Self::default();
        let mut clock = Clock {
            created_at: ticket.created_at,
            runs: None,
        };
        let (mut is_open, mut turn) = (true, None);
        for (at, step) in steps(ticket, thread, changes) {
            match step {
                Step::Said(Side::Customer) => turn = Some(Turn::Agent),
                Step::Said(Side::Human | Side::Ai) => turn = Some(Turn::Customer),
                Step::Status { is_open: opens } => is_open = opens,
            }
            match clock.turn(turn.filter(|_| is_open), at) {
                Some((Turn::Agent, passed)) => {
                    waiting.on_agent_ms = waiting.on_agent_ms.saturating_add(passed);
                }
                Some((Turn::Customer, passed)) => {
                    waiting.on_customer_ms = waiting.on_customer_ms.saturating_add(passed);
                }
                None => {}
            }
        }
        if ticket.is_deleted || !mava::is_open(ticket.status) {
            waiting.is_on_us = Some(false);
            return waiting;
        }
        let last = thread.since(ticket.created_at).last();
        waiting.is_on_us = last.map(|last| last.side == Side::Customer);
        waiting.since = clock
            .runs
            .map(|(_, since)| since)
            .or(last.map(|last| last.at));
        waiting
    }
}

/// All that turns a ticket, in order.
fn steps(ticket: &Ticket<'_>, thread: &Thread<'_>, changes: &[Change<'_>]) -> Vec<(Instant, Step)> {
    let said = thread
        .since(ticket.created_at)
        .map(|said| ((said.at, said.position), Step::Said(said.side)));
    let statuses = changes.iter().filter(|change| change.kind == Kind::Status);
    let statuses = statuses.map(|change| {
        let step = Step::Status {
            is_open: change.is_to_open(),
        };
        ((change.at, change.rank()), step)
    });
    let mut steps: Vec<_> = said.chain(statuses).collect();
    steps.sort_by_key(|(place, _)| *place);
    steps
        .into_iter()
        .map(|((at, _), step)| (at, step))
        .collect()
}

/// Milliseconds in which an open ticket had no agent, in stretches that are over. None where nobody saw
/// when the ticket got the agent that it has.
pub(super) fn unassigned(ticket: &Ticket<'_>, changes: &[Change<'_>]) -> Option<i64> {
    let first = changes.iter().find(|change| change.kind == Kind::Assignee);
    let mut has_agent = match first {
        Some(first) => first.from.is_some(),
        None => ticket.assigned_agent_id.is_some(),
    };
    if has_agent && !first.is_some_and(Change::is_audit) {
        return None;
    }
    let mut clock = Clock {
        created_at: ticket.created_at,
        runs: None,
    };
    let mut is_open = true;
    let mut sum = 0_i64;
    clock.turn((!has_agent).then_some(()), ticket.created_at);
    for change in changes {
        match change.kind {
            Kind::Status => is_open = change.is_to_open(),
            Kind::Assignee => has_agent = change.to.is_some(),
            _ => continue,
        }
        let state = (is_open && !has_agent).then_some(());
        if let Some(((), passed)) = clock.turn(state, change.at) {
            sum = sum.saturating_add(passed);
        }
    }
    Some(sum)
}

/// How often the ticket went to an agent other than the last.
pub(super) fn handoffs(changes: &[Change<'_>]) -> i64 {
    let mut count = 0;
    let mut last: Option<&str> = None;
    for change in changes
        .iter()
        .filter(|change| change.kind == Kind::Assignee)
    {
        // What a change says that it comes from outweighs where the one before it led.
        last = change.from.as_deref().or(last);
        let Some(agent) = change.to.as_deref() else {
            continue;
        };
        count += i64::from(last.is_some_and(|last| last != agent));
        last = Some(agent);
    }
    count
}

//! When a ticket was in the backlog: open, and there.

use super::super::change::Kind;
use super::{Counted, Event};
use crate::mava;

/// What a ticket was in a stretch of days, each taken at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stretch {
    /// Dates, the second one no more in it; none where it lasts.
    pub(super) from: i64,
    pub(super) until: Option<i64>,
    /// An instant before the end of its first day by which the ticket is told apart.
    pub(super) at: i64,
    /// Whether it was open and there by changes taken when they were seen; whatever their instants; or may have
    /// been so.
    pub(super) is_open: bool,
    pub(super) is_surely_open: bool,
    pub(super) may_be_open: bool,
}

/// What is known of one side of it at an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Yes,
    No,
    /// No change says so, and yet it is another.
    Perhaps,
}

/// One side: what it is at first, and after each change.
struct Side {
    first: State,
    /// When each change happened, and since when it may have, with what it led to.
    steps: Vec<(i64, Option<i64>, State)>,
}

impl Side {
    /// Whether the ticket was so at an instant, whether it surely was, and whether it may have been.
    fn at(&self, at: i64) -> (bool, bool, bool) {
        let passed = self.steps.partition_point(|(step, ..)| *step <= at);
        let last = passed
            .checked_sub(1)
            .and_then(|place| self.steps.get(place));
        let taken = last.map_or(self.first, |(.., state)| *state);
        let rest = self.steps.get(passed..).unwrap_or_default().iter();
        let perhaps = rest.filter(|(_, since, _)| since.is_some_and(|since| since <= at));
        let states = perhaps.map(|(.., state)| *state).chain([taken]);
        let (mut surely, mut may_be) = (true, false);
        for state in states {
            surely &= state == State::Yes;
            may_be |= state != State::No;
        }
        (taken == State::Yes, surely, may_be)
    }
}

/// The stretches in which a ticket was or may have been in the backlog, in order. `date` gives the date of an
/// instant, `end` the last instant of a date.
pub(super) fn stretches(
    ticket: &Counted,
    date: impl Fn(i64) -> i64,
    end: impl Fn(i64) -> i64,
) -> Vec<Stretch> {
    let (open, gone) = (open(ticket), gone(ticket));
    let tells = [
        Kind::Status,
        Kind::Deletion,
        Kind::Category,
        Kind::Assignee,
        Kind::Priority,
    ];
    let told = ticket
        .events
        .iter()
        .filter(|event| tells.contains(&event.kind));
    let instants = told.flat_map(|event| [Some(event.at), event.not_before]);
    let instants = instants.flatten().filter(|at| *at >= ticket.created_at);
    let mut dates: Vec<i64> = instants.chain([ticket.created_at]).map(date).collect();
    dates.sort_unstable();
    dates.dedup();
    let mut found = Vec::new();
    for (place, from) in dates.iter().enumerate() {
        let at = end(*from);
        let (is_open, is_surely_open, may_be_open) = open.at(at);
        let (is_gone, is_surely_gone, may_be_gone) = gone.at(at);
        let stretch = Stretch {
            from: *from,
            until: dates.get(place + 1).copied(),
            at,
            is_open: is_open && !is_gone,
            is_surely_open: is_surely_open && !may_be_gone,
            may_be_open: may_be_open && !is_surely_gone,
        };
        if stretch.may_be_open {
            found.push(stretch);
        }
    }
    found
}

/// Whether it is open. What it is now outweighs its last change.
fn open(ticket: &Counted) -> Side {
    let is_open = ticket.is_open();
    let mut steps: Vec<_> = steps(ticket, Kind::Status, |event| {
        match mava::is_open(event.to.as_deref()) {
            true => State::Yes,
            false => State::No,
        }
    });
    let now = |was_open: bool| match (is_open, was_open) {
        (true, _) => State::Yes,
        (false, true) => State::Perhaps,
        (false, false) => State::No,
    };
    let first = match steps.last_mut() {
        Some((.., last)) => {
            *last = now(*last == State::Yes);
            State::Yes
        }
        None => now(true),
    };
    Side { first, steps }
}

/// Whether it is gone from the desk.
fn gone(ticket: &Counted) -> Side {
    let state = |is_gone: bool| match is_gone {
        true => State::Yes,
        false => State::No,
    };
    let steps = steps(ticket, Kind::Deletion, |event| {
        state(event.to.as_deref() == Some("1"))
    });
    let mut deletions = ticket
        .events
        .iter()
        .filter(|event| event.kind == Kind::Deletion);
    let first = match deletions.next() {
        Some(event) => event.from.as_deref() == Some("1"),
        None => ticket.is_deleted,
    };
    Side {
        first: state(first),
        steps,
    }
}

fn steps(
    ticket: &Counted,
    kind: Kind,
    state: impl Fn(&Event) -> State,
) -> Vec<(i64, Option<i64>, State)> {
    let events = ticket.events.iter().filter(|event| event.kind == kind);
    events
        .map(|event| (event.at, event.not_before, state(event)))
        .collect()
}

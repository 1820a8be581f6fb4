//! What happened to a ticket that days and agents count: resolutions, reopenings, its first rating.

use super::super::change::Kind;
use super::super::timeline::Timeline;
use super::Counted;
use crate::mava;

/// What a ticket had over time, and what happened to it.
#[derive(Debug)]
pub(super) struct Outcomes<'a> {
    ticket: &'a Counted,
    category: Timeline<'a>,
    pub(super) assignee: Timeline<'a>,
    priority: Timeline<'a>,
    /// When it was resolved.
    pub(super) resolved: Vec<i64>,
    /// When it was reopened.
    pub(super) reopened: Vec<i64>,
    pub(super) rated: Option<Rated<'a>>,
}

/// A [`Group`](super::ticket::Group), borrowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct GroupAt<'a> {
    pub(super) source_type: Option<&'a str>,
    pub(super) category_id: Option<&'a str>,
    pub(super) assigned_agent_id: Option<&'a str>,
    pub(super) priority: Option<i64>,
}

/// The first rating.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rated<'a> {
    /// When it was seen.
    pub(super) at: i64,
    /// Who wrote the last human message before it.
    pub(super) agent_id: Option<&'a str>,
    /// The last rating.
    pub(super) csat: i64,
}

impl<'a> Outcomes<'a> {
    pub(super) fn of(ticket: &'a Counted) -> Self {
        let (resolved, reopened) = statuses(ticket);
        Self {
            category: ticket.timeline(Kind::Category, ticket.group.category_id.as_deref()),
            assignee: ticket.timeline(Kind::Assignee, ticket.group.assigned_agent_id.as_deref()),
            priority: ticket.timeline(Kind::Priority, None),
            ticket,
            resolved,
            reopened,
            rated: rated(ticket),
        }
    }

    /// What the ticket was told apart by at an instant.
    pub(super) fn group(&self, at: i64) -> GroupAt<'a> {
        let mut events = self.ticket.events.iter();
        let priority = match events.any(|event| event.kind == Kind::Priority) {
            true => self
                .priority
                .at(at)
                .and_then(|priority| priority.parse().ok()),
            false => self.ticket.group.priority,
        };
        GroupAt {
            source_type: self.ticket.group.source_type.as_deref(),
            category_id: self.category.at(at),
            assigned_agent_id: self.assignee.at(at),
            priority,
        }
    }
}

/// When a ticket was resolved, and when it was reopened.
fn statuses(ticket: &Counted) -> (Vec<i64>, Vec<i64>) {
    let (mut resolved, mut reopened) = (Vec::new(), Vec::new());
    let mut entry: Option<&str> = None;
    for event in ticket
        .events
        .iter()
        .filter(|event| event.kind == Kind::Status)
    {
        let (from, to) = (event.from.as_deref(), event.to.as_deref());
        // An entry that does not say where it comes from comes from where the one before it led.
        let from = match event.is_audit {
            true => from.or(entry),
            false => from,
        };
        match (mava::is_resolved(from), mava::is_resolved(to)) {
            (false, true) => resolved.push(event.at),
            (true, false) if mava::is_open(to) => reopened.push(event.at),
            _ => {}
        }
        if event.is_audit {
            entry = to;
        }
    }
    (resolved, reopened)
}

fn rated(ticket: &Counted) -> Option<Rated<'_>> {
    let mut ratings = ticket
        .events
        .iter()
        .filter(|event| event.kind == Kind::Rating);
    let first = ratings.find(|event| event.to.is_some())?;
    Some(Rated {
        at: first.at,
        agent_id: ticket.activity.last_human(first.at),
        csat: ticket.tally.csat_last.unwrap_or_default(),
    })
}

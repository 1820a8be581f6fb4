//! What a policy makes of a ticket: when it is due, when it was met, and whether that was too late.

use super::input::Ticket;
use super::rows::{TicketEvent, TicketMetrics};
use super::schedule::Schedule;
use super::words::SPAM;
use super::{Measured, change::Kind};
use crate::mava;
use crate::table::Instant;

/// What a policy promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SlaMetric {
    /// The first reply.
    FirstReply,
    /// The resolution.
    Resolution,
}

impl SlaMetric {
    /// The word in the configuration and in `sla_results.metric`.
    pub fn word(self) -> &'static str {
        match self {
            Self::FirstReply => "first_reply",
            Self::Resolution => "resolution",
        }
    }
}

/// A promise: something within so much business time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Its name.
    pub name: String,
    /// What it promises.
    pub metric: SlaMetric,
    /// Milliseconds of business time.
    pub within_ms: i64,
    /// Priorities that it is for; empty for all, tickets without one included.
    pub priority: Vec<i64>,
    /// Categories that it is for, as `ticket_events` has them; empty for all, tickets without one included.
    pub category: Vec<String>,
}

/// A row of `sla_results`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlaResult {
    /// The ticket (`tickets.id`).
    pub ticket_id: String,
    /// The policy's name.
    pub policy: String,
    /// `first_reply` or `resolution`.
    pub metric: String,
    /// When the clock started.
    pub started_at: Instant,
    /// When it is due; none where the schedule never gets there.
    pub due_at: Option<Instant>,
    /// When what was promised happened.
    pub met_at: Option<Instant>,
    /// Business time until the clock stopped, or until now.
    pub elapsed_ms: i64,
    /// None while the clock runs and it is not yet late.
    pub is_breached: Option<bool>,
}

/// Holds a ticket against a policy, where clocks that run are read at `until`. None where the policy is
/// not for this ticket, or its clock never started.
pub fn judge(
    ticket: &Ticket<'_>,
    measured: &Measured,
    policy: &Policy,
    schedule: &Schedule,
    until: Instant,
) -> Option<SlaResult> {
    if ticket.is_deleted || ticket.status == Some(SPAM) {
        return None;
    }
    let clock = Clock::of(ticket, &measured.metrics, policy.metric)?;
    let read_at = clock.stopped_at.unwrap_or(until);
    if !policy.is_for(ticket, &measured.events, read_at) {
        return None;
    }
    let due_at = schedule.after(clock.started_at, policy.within_ms);
    let is_late = due_at.is_some_and(|due_at| due_at < read_at);
    Some(SlaResult {
        ticket_id: ticket.id.to_owned(),
        policy: policy.name.clone(),
        metric: policy.metric.word().to_owned(),
        started_at: clock.started_at,
        due_at,
        met_at: clock.met_at,
        elapsed_ms: schedule.between(clock.started_at, read_at),
        is_breached: (is_late || clock.stopped_at.is_some()).then_some(is_late),
    })
}

struct Clock {
    started_at: Instant,
    met_at: Option<Instant>,
    stopped_at: Option<Instant>,
}

impl Clock {
    fn of(ticket: &Ticket<'_>, metrics: &TicketMetrics, metric: SlaMetric) -> Option<Self> {
        let resolved_at = metrics
            .last_resolved_at
            .filter(|_| mava::is_resolved(ticket.status));
        Some(match metric {
            SlaMetric::FirstReply if metrics.opened_by.as_deref() == Some("agent") => return None,
            SlaMetric::FirstReply => Self {
                started_at: metrics.first_customer_message_at?,
                met_at: metrics.first_reply_at,
                stopped_at: metrics.first_reply_at.or(resolved_at),
            },
            SlaMetric::Resolution => Self {
                started_at: ticket.created_at,
                met_at: resolved_at,
                stopped_at: resolved_at,
            },
        })
    }
}

impl Policy {
    fn is_for(&self, ticket: &Ticket<'_>, events: &[TicketEvent], at: Instant) -> bool {
        let has_priority = || {
            let now = ticket.priority.map(|priority| priority.to_string());
            let priority = value_at(events, Kind::Priority, at, now.as_deref());
            let number = priority.and_then(|priority| priority.parse().ok());
            number.is_some_and(|number| self.priority.contains(&number))
        };
        let has_category = || {
            let category = value_at(events, Kind::Category, at, ticket.category_id);
            category.is_some_and(|category| self.category.iter().any(|one| one == category))
        };
        (self.priority.is_empty() || has_priority()) && (self.category.is_empty() || has_category())
    }
}

/// What a ticket had at an instant, where it has `now` today.
fn value_at<'e>(
    events: &'e [TicketEvent],
    kind: Kind,
    at: Instant,
    now: Option<&'e str>,
) -> Option<&'e str> {
    let of_kind = || events.iter().filter(|event| event.kind == kind.word());
    let before = of_kind().take_while(|event| event.occurred_at <= at).last();
    match (before, of_kind().next()) {
        (Some(event), _) => event.to_value.as_deref(),
        (None, Some(first)) => first.from_value.as_deref(),
        (None, None) => now,
    }
}

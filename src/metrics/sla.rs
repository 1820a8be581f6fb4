//! What a policy makes of a ticket: when it is due, when it was met, and whether that was too late.

use serde_json::Value;

use super::input::Ticket;
use super::rows::{SlaResult, TicketEvent, TicketMetrics, TicketSla};
use super::schedule::{LAST, Schedule};
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

/// What tells these policies from others; empty where there are none.
pub fn fingerprint(policies: &[Policy]) -> String {
    let one = |policy: &Policy| -> Value {
        let metric = policy.metric.word();
        let (priority, category) = (policy.priority.as_slice(), policy.category.as_slice());
        vec![
            Value::from(policy.name.as_str()),
            Value::from(metric),
            Value::from(policy.within_ms),
            Value::from(priority),
            Value::from(category),
        ]
        .into()
    };
    match policies {
        [] => String::new(),
        policies => Value::from_iter(policies.iter().map(one)).to_string(),
    }
}

/// What policies come to for a ticket, in the order of their names: rows of those that are for it, without what
/// runs on until now.
pub fn promises(
    ticket: &Ticket<'_>,
    measured: &Measured,
    policies: &[Policy],
    schedule: &Schedule,
) -> Vec<TicketSla> {
    if ticket.is_deleted || ticket.status == Some(SPAM) {
        return Vec::new();
    }
    let promise = |policy: &Policy| {
        let clock = Clock::of(ticket, &measured.metrics, policy.metric)?;
        if !policy.is_for(ticket, &measured.events, clock.stopped_at) {
            return None;
        }
        Some(TicketSla {
            ticket_id: ticket.id.to_owned(),
            policy: policy.name.clone(),
            metric: policy.metric.word().to_owned(),
            started_at: clock.started_at,
            // One that no row could hold is never.
            due_at: schedule
                .after(clock.started_at, policy.within_ms)
                .filter(|at| at.timestamp_millis() <= LAST),
            met_at: clock.met_at,
            stopped_at: clock.stopped_at,
            elapsed_ms: clock
                .stopped_at
                .map(|stopped_at| schedule.between(clock.started_at, stopped_at)),
        })
    };
    let mut promises: Vec<TicketSla> = policies.iter().filter_map(promise).collect();
    promises.sort_by(|one, other| one.policy.cmp(&other.policy));
    promises
}

/// Reads a row's clock at `until`, if it runs.
pub fn judge(promise: &TicketSla, schedule: &Schedule, until: Instant) -> SlaResult {
    let read_at = promise.stopped_at.unwrap_or(until);
    let is_late = promise.due_at.is_some_and(|due_at| due_at < read_at);
    let running_ms = || schedule.between(promise.started_at, until);
    SlaResult {
        ticket_id: promise.ticket_id.clone(),
        policy: promise.policy.clone(),
        metric: promise.metric.clone(),
        started_at: promise.started_at,
        due_at: promise.due_at,
        met_at: promise.met_at,
        elapsed_ms: promise.elapsed_ms.unwrap_or_else(running_ms),
        is_breached: (is_late || promise.stopped_at.is_some()).then_some(is_late),
    }
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
    /// Whether it is for a ticket as it was at an instant, or as it is now where none is given.
    fn is_for(&self, ticket: &Ticket<'_>, events: &[TicketEvent], at: Option<Instant>) -> bool {
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

/// What a ticket had at an instant, where it has `now` today; without an instant, that.
fn value_at<'e>(
    events: &'e [TicketEvent],
    kind: Kind,
    at: Option<Instant>,
    now: Option<&'e str>,
) -> Option<&'e str> {
    let Some(at) = at else {
        return now;
    };
    let of_kind = || events.iter().filter(|event| event.kind == kind.word());
    let before = of_kind().take_while(|event| event.occurred_at <= at).last();
    match (before, of_kind().next()) {
        (Some(event), _) => event.to_value.as_deref(),
        (None, Some(first)) => first.from_value.as_deref(),
        (None, None) => now,
    }
}

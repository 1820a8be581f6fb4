//! What a ticket's metrics are. Pure: a ticket, its thread and its versions in; one row of metrics, one
//! row per change, and what policies make of them out.
//!
//! Every definition stands in `docs/metrics.md`, exactly enough to compute it again. Nothing here knows
//! today's date: what runs on until now is left to the one who asks.

mod activity;
mod audit;
mod change;
mod events;
mod history;
mod input;
mod names;
mod replies;
mod resolution;
mod rows;
pub mod schedule;
mod sla;
mod stretches;
mod thread;
mod ticket;
mod timeline;
pub mod totals;
mod words;

#[cfg(test)]
mod tests;

pub use activity::Activity;
pub use input::{Case, Message, Ticket, Version};
pub use names::Names;
pub use rows::{DEFINITIONS, SlaResult, TicketEvent, TicketMetrics, TicketSla};
pub use schedule::{Opening, Schedule};
pub use sla::{Policy, SlaMetric, fingerprint, judge, promises};

use self::thread::Thread;
use crate::table::Instant;

/// The rows of one ticket.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// Its row of `ticket_metrics`.
    pub metrics: TicketMetrics,
    /// Its rows of `ticket_events`, in the order of `position`.
    pub events: Vec<TicketEvent>,
    /// When people wrote in its thread.
    pub activity: Activity,
    /// What policies come to for it, in the order of their names; none where no policies were asked for.
    pub slas: Vec<TicketSla>,
}

/// Computes all rows of a ticket. The order in which messages and versions are given does not matter.
pub fn measure(case: &Case<'_>, schedule: &Schedule) -> Measured {
    let thread = case
        .messages
        .map(|messages| Thread::read(&case.ticket, messages));
    let changes = events::changes(case, thread.as_ref());
    let activity = thread.as_ref();
    let activity = activity.map(|thread| Activity::of(&case.ticket, thread));
    Measured {
        activity: activity.unwrap_or_default(),
        metrics: ticket::metrics(&case.ticket, thread.as_ref(), &changes, schedule),
        events: events::rows(case.ticket.id, &changes),
        slas: Vec::new(),
    }
}

/// [`measure`], and what these policies come to for the ticket.
pub fn measure_with(case: &Case<'_>, schedule: &Schedule, policies: &[Policy]) -> Measured {
    let mut measured = measure(case, schedule);
    measured.slas = promises(&case.ticket, &measured, policies, schedule);
    measured
}

/// Milliseconds from one instant to another; none where that would be negative.
fn milliseconds(from: Instant, until: Instant) -> Option<i64> {
    let passed = until
        .timestamp_millis()
        .checked_sub(from.timestamp_millis())?;
    (passed >= 0).then_some(passed)
}

/// The instant so many milliseconds later; none where no instant can say it.
fn later(from: Instant, milliseconds: i64) -> Option<Instant> {
    let at = from.timestamp_millis().checked_add(milliseconds)?;
    Instant::from_timestamp_millis(at)
}

//! When a ticket was resolved and reopened, and by whom.

use std::ops::RangeInclusive;

use super::change::{AUDIT, Actor, Change, Kind};
use super::input::Ticket;
use super::milliseconds;
use super::schedule::Schedule;
use super::thread::{Side, Thread};
use super::words::{Ai, ai};
use crate::mava;
use crate::table::Instant;

/// Pauses after which Mava closes idle tickets by itself, in milliseconds, ends included: 60 to 120 minutes.
const IDLE_HOUR_MS: RangeInclusive<i64> = 3_600_000..=7_200_000;

/// Or 24 hours, which a job of the hour makes up to 25.
const IDLE_DAY_MS: RangeInclusive<i64> = 86_400_000..=90_000_000;

/// Resolutions and reopenings, in order.
#[derive(Debug, Default)]
pub(super) struct Timeline<'c, 'a> {
    resolutions: Vec<&'c Change<'a>>,
    reopenings: Vec<Instant>,
}

impl<'c, 'a> Timeline<'c, 'a> {
    pub(super) fn of(changes: &'c [Change<'a>]) -> Self {
        let mut timeline = Self::default();
        let mut before: Option<&str> = None;
        for change in changes.iter().filter(|change| change.kind == Kind::Status) {
            let from = match change.from.as_deref() {
                None if change.is_audit() => before,
                from => from,
            };
            let was_resolved = mava::is_resolved(from);
            if change.is_to_resolved() && !was_resolved {
                timeline.resolutions.push(change);
            }
            if was_resolved && change.is_to_open() {
                timeline.reopenings.push(change.at);
            }
            before = change.to.as_deref();
        }
        timeline
    }

    fn reopen_count(&self) -> i64 {
        let again = self.resolutions.len().saturating_sub(1);
        i64::try_from(self.reopenings.len().max(again)).unwrap_or(i64::MAX)
    }
}

/// Columns of `ticket_metrics` about resolutions.
#[derive(Debug)]
pub(super) struct Resolved {
    pub(super) first_at: Option<Instant>,
    pub(super) last_at: Option<Instant>,
    pub(super) first_ms: Option<i64>,
    pub(super) full_ms: Option<i64>,
    pub(super) full_business_ms: Option<i64>,
    pub(super) reopened_ms: Option<i64>,
    pub(super) reopen_count: i64,
    pub(super) last_reopened_at: Option<Instant>,
    pub(super) by: Option<&'static str>,
    pub(super) is_automatic: Option<bool>,
    pub(super) source: Option<&'static str>,
}

impl Resolved {
    pub(super) fn of(
        ticket: &Ticket<'_>,
        thread: Option<&Thread<'_>>,
        changes: &[Change<'_>],
        schedule: &Schedule,
    ) -> Self {
        let timeline = Timeline::of(changes);
        let first_at = timeline.resolutions.first().map(|change| change.at);
        let last = timeline.resolutions.last().copied();
        let last_at = last.map(|change| change.at);
        let last_reopened_at = timeline.reopenings.last().copied();
        // Of a ticket that is resolved now: one that is open again has no end yet.
        let end = last_at.filter(|_| mava::is_resolved(ticket.status));
        let passed = |from: Option<Instant>, until: Option<Instant>| milliseconds(from?, until?);
        let created_at = Some(ticket.created_at);
        let full_ms = passed(created_at, end);
        let is_automatic = last.and_then(|last| is_automatic(ticket, thread?, last));
        Self {
            first_at,
            last_at,
            first_ms: passed(created_at, first_at),
            full_ms,
            full_business_ms: end
                .filter(|_| full_ms.is_some())
                .map(|end| schedule.between(ticket.created_at, end)),
            reopened_ms: passed(last_reopened_at, end),
            reopen_count: timeline.reopen_count(),
            last_reopened_at,
            by: last.and_then(|last| by(ticket, thread, last, is_automatic == Some(true))),
            is_automatic,
            source: last.map(source),
        }
    }
}

fn source(last: &Change<'_>) -> &'static str {
    match (last.is_audit(), last.not_before) {
        (true, _) => AUDIT,
        (false, None) => "resolution_time",
        (false, Some(_)) => "history",
    }
}

/// Whether Mava made a resolution because nobody wrote. None where nobody can tell.
fn is_automatic(ticket: &Ticket<'_>, thread: &Thread<'_>, last: &Change<'_>) -> Option<bool> {
    if last.not_before.is_some() {
        return None;
    }
    if last.actor().is_some_and(|actor| actor != Actor::System) {
        return Some(false);
    }
    let said = thread.since(ticket.created_at);
    let before = said.take_while(|said| said.at <= last.at).last();
    let idle = before.and_then(|said| milliseconds(said.at, last.at));
    match idle {
        Some(idle) if IDLE_DAY_MS.contains(&idle) => Some(true),
        // Agents resolve after such pauses too: only an entry that names nobody tells.
        Some(idle) if IDLE_HOUR_MS.contains(&idle) => last.is_audit().then_some(true),
        _ => Some(false),
    }
}

fn by(
    ticket: &Ticket<'_>,
    thread: Option<&Thread<'_>>,
    last: &Change<'_>,
    is_automatic: bool,
) -> Option<&'static str> {
    let wrote = |side: Side| {
        thread.is_some_and(|thread| {
            let mut said = thread.since(ticket.created_at);
            said.any(|said| said.side == side && said.at <= last.at)
        })
    };
    match last.actor() {
        Some(Actor::Agent) => Some("agent"),
        _ if is_automatic => Some("automation"),
        Some(Actor::Ai) => Some("ai"),
        _ if wrote(Side::Human) => Some("agent"),
        _ if wrote(Side::Ai) || ai(ticket.ai_status) == Ai::Solved => Some("ai"),
        Some(Actor::System) => Some("automation"),
        Some(Actor::Customer) | None => None,
    }
}

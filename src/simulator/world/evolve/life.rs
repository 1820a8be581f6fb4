//! What happens to one ticket in a stretch of time.

use chrono::Duration;

use super::{ChangeKind, Stretch, Ticket};
use crate::simulator::world::law::{self, Resolution, after, days, points};
use crate::simulator::world::source::Source;
use crate::table::Instant;

/// Messages of an open phase, on average.
const MESSAGES: f64 = 3.0;

/// In how many days most of them are written; in fewer where the phase is shorter.
const MESSAGE_DAYS: f64 = 3.0;

/// Messages a day on a long ticket beside those.
const LATE_MESSAGES: f64 = 0.1;

/// How many messages change the status.
const STATUS_SHARE: f64 = 0.5;

/// From so many days after its resolution on a ticket is left alone, but for deletions and
/// campaigns. What the laws would still give is less than one event in a million tickets.
const QUIET_DAYS: i64 = 60;

/// From so many days after its creation on a ticket is not deleted any more.
const DELETION_DAYS: i64 = 365;

/// The events of a ticket, in order.
#[derive(Debug, Default)]
pub(super) struct Life {
    /// Before its deletion.
    pub(super) events: Vec<(Instant, ChangeKind)>,
    pub(super) deleted_at: Option<Instant>,
}

impl Life {
    pub(super) fn is_quiet(&self) -> bool {
        self.events.is_empty() && self.deleted_at.is_none()
    }
}

/// Draws a ticket's life from the beginning of the stretch, or from its creation, on.
pub(super) fn draw(
    source: &mut Source,
    ticket: &Ticket,
    stretch: &Stretch<'_>,
    recast_at: Option<Instant>,
) -> Life {
    let now = stretch.from.max(ticket.created_at);
    let mut life = Life::default();
    if ticket.created_at + Duration::days(DELETION_DAYS) > now {
        life.deleted_at = [law::EARLY_DELETION, law::LATE_DELETION]
            .into_iter()
            .filter_map(|law| law.draw(&mut source.random, ticket.created_at, now, stretch.until))
            .min();
    }
    if let (Some(at), Some(campaign)) = (recast_at, &stretch.spec.campaign) {
        life.events.push((at, campaign.kind()));
    }
    let mut phases = Phases {
        source,
        ticket,
        until: stretch.until,
        events: &mut life.events,
    };
    match ticket.status.as_ref() {
        "Resolved" => {
            let resolved_at = ticket.resolved_at().unwrap_or(ticket.created_at);
            if resolved_at + Duration::days(QUIET_DAYS) > now {
                phases.begin_resolved(resolved_at, now);
            }
        }
        "Open" | "Pending" | "Waiting" => phases.begin_open(ticket.reopened_at, now),
        _ => {}
    }
    if life.events.len() > 1 {
        life.events.sort_by_key(|(at, _)| *at);
    }
    if let Some(deleted_at) = life.deleted_at {
        life.events.retain(|(at, _)| *at < deleted_at);
    }
    life
}

/// Goes from phase to phase, resolved and open in turn, and notes what happens in each.
struct Phases<'a> {
    source: &'a mut Source,
    ticket: &'a Ticket,
    until: Instant,
    events: &'a mut Vec<(Instant, ChangeKind)>,
}

impl Phases<'_> {
    fn begin_resolved(&mut self, resolved_at: Instant, now: Instant) {
        let first = self
            .ticket
            .first_resolution_time_ms
            .map_or(resolved_at, |time| {
                self.ticket.created_at + Duration::milliseconds(time)
            });
        self.rating(first, now);
        if let Some(reopened_at) = self.resolved(resolved_at, now) {
            self.reopened(reopened_at, reopened_at);
        }
    }

    fn begin_open(&mut self, reopened_at: Option<Instant>, now: Instant) {
        if let Some(first) = self.ticket.first_resolution_time_ms {
            let first = self.ticket.created_at + Duration::milliseconds(first);
            self.rating(first, now);
        }
        if let Some(reopened_at) = reopened_at {
            self.reopened(reopened_at, now);
            return;
        }
        let created_at = self.ticket.created_at;
        let end = law::first_resolution(&mut self.source.random, created_at, now);
        self.open(created_at, now, end);
        if end.at < self.until {
            self.rating(end.at, end.at);
            if let Some(reopened_at) = self.resolved(end.at, end.at) {
                self.reopened(reopened_at, reopened_at);
            }
        }
    }

    /// Open since `reopened_at`, and so on.
    fn reopened(&mut self, mut reopened_at: Instant, mut now: Instant) {
        loop {
            let end = law::next_resolution(&mut self.source.random, reopened_at, now);
            self.open(reopened_at, now, end);
            if end.at >= self.until {
                return;
            }
            match self.resolved(end.at, end.at) {
                Some(again) => (reopened_at, now) = (again, again),
                None => return,
            }
        }
    }

    /// What happens on an open ticket from `now` on; `since` is when the phase began.
    fn open(&mut self, since: Instant, now: Instant, end: Resolution) {
        let random = &mut self.source.random;
        let until = end.at.min(self.until);
        // Dense in the beginning: at the square of evenly spread points.
        let busy = days(since, end.at).clamp(f64::MIN_POSITIVE, MESSAGE_DAYS);
        let place = |at: Instant| (days(since, at) / busy).clamp(0.0, 1.0).sqrt();
        let mut written: Vec<Instant> = points(random, MESSAGES, place(now), place(until))
            .into_iter()
            .map(|point| after(since, point * point * busy))
            .collect();
        if end.is_long {
            let late = points(random, LATE_MESSAGES, 0.0, days(now, until));
            written.extend(late.into_iter().map(|point| after(now, point)));
        }
        written.retain(|at| (now..until).contains(at));
        for at in written {
            self.events.push((at, ChangeKind::Message));
            if self.source.chance(STATUS_SHARE) {
                self.events.push((at, ChangeKind::Status));
            }
        }
        if end.at < self.until {
            self.events.push((end.at, ChangeKind::Resolved));
        }
    }

    /// What happens on a resolved ticket from `now` on, until the reopening it returns.
    fn resolved(&mut self, since: Instant, now: Instant) -> Option<Instant> {
        let random = &mut self.source.random;
        let reopened_at = law::REOPENING.draw(random, since, now, self.until);
        let until = reopened_at.unwrap_or(self.until);
        for (law, kind) in [
            (law::NOTE, ChangeKind::Note),
            (law::EDIT, ChangeKind::Edited),
        ] {
            if let Some(at) = law.draw(random, since, now, until) {
                self.events.push((at, kind));
            }
        }
        if let Some(at) = reopened_at {
            self.events.push((at, ChangeKind::Reopened));
        }
        reopened_at
    }

    /// The rating, which comes after the first resolution whatever becomes of the ticket.
    fn rating(&mut self, first: Instant, now: Instant) {
        if self.ticket.csat.is_some() || self.ticket.origin == "telegram-group" {
            return;
        }
        let random = &mut self.source.random;
        if let Some(at) = law::RATING.draw(random, first, now, self.until) {
            self.events.push((at, ChangeKind::Rated));
        }
    }
}

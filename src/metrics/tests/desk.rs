//! Makes tickets by hand.

use std::collections::BTreeSet;

use chrono::DateTime;

use crate::metrics::schedule::{Span, Week};
use crate::metrics::{Case, Measured, Message, Schedule, Ticket, TicketEvent, Version, measure};
use crate::table::Instant;

pub(super) const MINUTE: i64 = 60_000;
pub(super) const HOUR: i64 = 60 * MINUTE;
pub(super) const DAY: i64 = 24 * HOUR;

/// Reads `2026-06-01 09:00`, with seconds if wanted.
pub(super) fn at(text: &str) -> Instant {
    let seconds = if text.len() == 16 { ":00Z" } else { "Z" };
    let text = format!("{}{seconds}", text.replace(' ', "T"));
    let at = DateTime::parse_from_rfc3339(&text).expect("an instant");
    at.with_timezone(&chrono::Utc)
}

/// Monday to Friday, nine to five.
pub(super) fn office(zone: &str) -> Schedule {
    let span = || Span::parse("09:00-17:00").expect("a span");
    let week: Week = std::array::from_fn(|day| if day < 5 { vec![span()] } else { Vec::new() });
    Schedule::weekly(zone.parse().expect("a zone"), &week, &BTreeSet::new())
}

/// A ticket that is being made.
#[derive(Clone)]
pub(super) struct Desk {
    pub(super) ticket: Ticket<'static>,
    pub(super) messages: Vec<Message<'static>>,
    pub(super) versions: Vec<Version<'static>>,
}

/// An open ticket without anything, created then.
pub(super) fn ticket(created_at: &str) -> Desk {
    Desk {
        ticket: Ticket {
            id: "t1",
            status: Some("Open"),
            priority: None,
            category_id: None,
            assigned_agent_id: None,
            created_at: at(created_at),
            resolved_at: None,
            resolution_time_ms: None,
            csat: None,
            ai_status: None,
            is_deleted: false,
        },
        messages: Vec::new(),
        versions: Vec::new(),
    }
}

impl Desk {
    pub(super) fn with(mut self, change: impl FnOnce(&mut Ticket<'static>)) -> Self {
        change(&mut self.ticket);
        self
    }

    /// Resolved now, at this instant as the API's resolution time says.
    pub(super) fn resolved(self, text: &str) -> Self {
        self.with(|ticket| {
            let passed = at(text) - ticket.created_at;
            ticket.status = Some("Resolved");
            ticket.resolved_at = Some(at(text));
            ticket.resolution_time_ms = Some(passed.num_milliseconds());
        })
    }

    pub(super) fn message(mut self, text: &str, message: Message<'static>) -> Self {
        self.messages.push(Message {
            position: i64::try_from(self.messages.len()).expect("few"),
            created_at: Some(at(text)),
            ..message
        });
        self
    }

    /// Changes the last message.
    pub(super) fn but(mut self, change: impl FnOnce(&mut Message<'static>)) -> Self {
        change(self.messages.last_mut().expect("a message"));
        self
    }

    pub(super) fn customer(self, text: &str) -> Self {
        self.message(
            text,
            Message {
                sender_type: Some("customer"),
                sender_reference_type: Some("Customer"),
                message_type: Some("ExternalMessage"),
                ..Message::default()
            },
        )
    }

    pub(super) fn agent(self, id: &'static str, text: &str) -> Self {
        self.message(
            text,
            Message {
                sender_type: Some("agent"),
                sender_id: Some(id),
                sender_reference_type: Some("ClientMember"),
                message_type: Some("ExternalMessage"),
                ..Message::default()
            },
        )
    }

    pub(super) fn ai(self, text: &str) -> Self {
        self.message(
            text,
            Message {
                sender_type: Some("agent"),
                message_type: Some("ExternalMessage"),
                ..Message::default()
            },
        )
    }

    pub(super) fn note(self, id: &'static str, text: &str) -> Self {
        self.agent(id, text)
            .but(|message| message.message_type = Some("InternalNote"))
    }

    /// A message that the customer sees and nobody wrote.
    pub(super) fn automatic(self, text: &str) -> Self {
        self.message(
            text,
            Message {
                sender_type: Some("system"),
                message_type: Some("ExternalMessage"),
                ..Message::default()
            },
        )
    }

    /// An audit entry that names nobody.
    pub(super) fn entry(
        self,
        kind: &'static str,
        [from, to]: [&'static str; 2],
        text: &str,
    ) -> Self {
        self.message(
            text,
            Message {
                sender_type: Some("system"),
                message_type: Some(kind),
                action_log_from: Some(from).filter(|from| !from.is_empty()),
                action_log_to: Some(to).filter(|to| !to.is_empty()),
                ..Message::default()
            },
        )
    }

    pub(super) fn status(self, from: &'static str, to: &'static str, text: &str) -> Self {
        self.entry("StatusAction", [from, to], text)
    }

    /// The last message was by this agent.
    pub(super) fn by(self, id: &'static str) -> Self {
        self.but(|message| {
            message.sender_id = Some(id);
            message.sender_reference_type = Some("ClientMember");
        })
    }

    /// A version seen then: as the one before, but for this.
    pub(super) fn seen(mut self, text: &str, change: impl FnOnce(&mut Version<'static>)) -> Self {
        let mut version = self.versions.last().copied().unwrap_or(Version {
            valid_from: at(text),
            status: Some("Open"),
            priority: None,
            category_id: None,
            assigned_agent_id: None,
            tags_json: "[]",
            csat: None,
            resolution_time_ms: None,
            is_deleted: false,
        });
        version.valid_from = at(text);
        change(&mut version);
        self.versions.push(version);
        self
    }

    pub(super) fn measured_by(&self, schedule: &Schedule) -> Measured {
        let case = Case {
            ticket: self.ticket,
            messages: Some(&self.messages),
            versions: &self.versions,
        };
        measure(&case, schedule)
    }

    pub(super) fn measured(&self) -> Measured {
        self.measured_by(&Schedule::round_the_clock())
    }
}

/// A change: from, to, when, not before.
pub(super) type Told = (Option<String>, Option<String>, Instant, Option<Instant>);

/// Changes of a kind.
pub(super) fn changes(events: &[TicketEvent], kind: &str) -> Vec<Told> {
    let of_kind = events.iter().filter(|event| event.kind == kind);
    of_kind
        .map(|event| {
            let (from, to) = (event.from_value.clone(), event.to_value.clone());
            (from, to, event.occurred_at, event.not_before)
        })
        .collect()
}

/// What [`changes`] gives, written shortly: an empty value is none.
pub(super) fn change(from: &str, to: &str, when: &str, not_before: &str) -> Told {
    let value = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let not_before = (!not_before.is_empty()).then(|| at(not_before));
    (value(from), value(to), at(when), not_before)
}

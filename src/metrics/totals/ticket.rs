//! A ticket as totals take it.

use super::super::activity::Activity;
use super::super::change::{AUDIT, Kind};
use super::super::timeline::Timeline;
use super::super::words::SPAM;
use crate::mava;

/// A ticket with what its rows say. Instants are milliseconds since 1970.
#[derive(Debug, Clone, Default)]
pub struct Counted {
    /// `tickets.id`.
    pub id: String,
    /// What it is told apart by today.
    pub group: Group,
    /// `tickets.customer_id`.
    pub customer_id: Option<String>,
    /// `tickets.status`.
    pub status: Option<String>,
    /// `tickets.created_at`.
    pub created_at: i64,
    /// Whether `tickets.deleted_at` is set.
    pub is_deleted: bool,
    /// Its first reply.
    pub first_reply: FirstReply,
    /// Its resolutions.
    pub resolution: Resolution,
    /// Its other numbers.
    pub tally: Tally,
    /// Its rows of `ticket_events`, in order.
    pub events: Vec<Event>,
    /// Its tags (`ticket_tags.tag_id`).
    pub tags: Vec<String>,
    /// When people wrote.
    pub activity: Activity,
}

/// Columns of `tickets` that `daily_metrics` tells apart.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Group {
    /// `source_type`.
    pub source_type: Option<String>,
    /// `category_id`.
    pub category_id: Option<String>,
    /// `assigned_agent_id`.
    pub assigned_agent_id: Option<String>,
    /// `priority`.
    pub priority: Option<i64>,
}

/// Columns of `ticket_metrics` about the first reply.
#[derive(Debug, Clone, Default)]
pub struct FirstReply {
    /// `first_reply_at`.
    pub at: Option<i64>,
    /// `first_reply_agent_id`.
    pub agent_id: Option<String>,
    /// `first_reply_ms`.
    pub ms: Option<i64>,
    /// `first_reply_business_ms`.
    pub business_ms: Option<i64>,
}

/// Columns of `ticket_metrics` about resolutions.
#[derive(Debug, Clone, Default)]
pub struct Resolution {
    /// Whether `first_resolved_at` is set.
    pub was_resolved: bool,
    /// `last_resolved_at`.
    pub last_at: Option<i64>,
    /// `full_resolution_ms`.
    pub full_ms: Option<i64>,
    /// `reopen_count`.
    pub reopen_count: i64,
}

/// Other columns of `ticket_metrics`.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// `is_one_touch`.
    pub is_one_touch: bool,
    /// `is_ai_only`.
    pub is_ai_only: bool,
    /// `is_waiting_on_us`.
    pub is_waiting_on_us: bool,
    /// `tickets.csat`.
    pub csat: Option<i64>,
    /// `csat_last`.
    pub csat_last: Option<i64>,
    /// `customer_message_count`.
    pub customer_messages: Option<i64>,
    /// `public_reply_count`.
    pub replies: Option<i64>,
}

/// A row of `ticket_events`.
#[derive(Debug, Clone)]
pub struct Event {
    pub(super) kind: Kind,
    pub(super) from: Option<String>,
    pub(super) to: Option<String>,
    pub(super) at: i64,
    pub(super) not_before: Option<i64>,
    pub(super) is_audit: bool,
}

impl Event {
    /// Of `kind`, `from_value` and `to_value`, `occurred_at` and `not_before`, and `source`; none of a kind that
    /// nobody knows.
    pub fn new(
        kind: &str,
        (from, to): (Option<String>, Option<String>),
        (at, not_before): (i64, Option<i64>),
        source: &str,
    ) -> Option<Self> {
        Some(Self {
            kind: Kind::of(kind)?,
            from,
            to,
            at,
            not_before,
            is_audit: source == AUDIT,
        })
    }
}

impl Counted {
    /// Whether it is spam.
    pub(super) fn is_spam(&self) -> bool {
        self.status.as_deref() == Some(SPAM)
    }

    /// Whether it is open.
    pub(super) fn is_open(&self) -> bool {
        mava::is_open(self.status.as_deref())
    }

    /// Whether it is resolved.
    pub(super) fn is_resolved(&self) -> bool {
        mava::is_resolved(self.status.as_deref())
    }

    /// The values of one kind over time; `now` is what it has today.
    pub(super) fn timeline<'a>(&'a self, kind: Kind, now: Option<&'a str>) -> Timeline<'a> {
        let events = self.events.iter().filter(move |event| event.kind == kind);
        Timeline::of(
            events.map(|event| (event.at, event.from.as_deref(), event.to.as_deref())),
            now,
        )
    }

    /// When it was seen to be gone.
    pub(super) fn deletions(&self) -> impl Iterator<Item = i64> {
        let deletions = self
            .events
            .iter()
            .filter(|event| event.kind == Kind::Deletion && event.to.as_deref() == Some("1"));
        deletions.map(|event| event.at)
    }
}

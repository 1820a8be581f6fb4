//! A change of a ticket.

use std::borrow::Cow;

use crate::mava;
use crate::table::Instant;

/// What changed. The order is that of changes at one instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Status,
    Assignee,
    Priority,
    Category,
    Tag,
    Rating,
    Deletion,
}

impl Kind {
    const ALL: [Self; 7] = [
        Self::Status,
        Self::Assignee,
        Self::Priority,
        Self::Category,
        Self::Tag,
        Self::Rating,
        Self::Deletion,
    ];

    /// The kind of a word.
    pub(super) fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }

    /// The word in `ticket_events.kind`.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Assignee => "assignee",
            Self::Priority => "priority",
            Self::Category => "category",
            Self::Tag => "tag",
            Self::Rating => "rating",
            Self::Deletion => "deletion",
        }
    }
}

/// `ticket_events.source` of a change from the audit log.
pub(super) const AUDIT: &str = "audit";

/// Who made a change, by its audit entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Actor {
    Agent,
    Ai,
    Customer,
    System,
}

impl Actor {
    /// The word in `ticket_events.actor_type`.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Ai => "ai",
            Self::Customer => "customer",
            Self::System => "system",
        }
    }
}

/// What a change is known from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source<'a> {
    /// An entry of the audit log at this place of the thread.
    Audit {
        position: i64,
        actor: Option<Actor>,
        actor_id: Option<&'a str>,
    },
    /// Versions, and the resolution times in them.
    History,
}

/// A value before or after.
pub(super) type Value<'a> = Option<Cow<'a, str>>;

/// A change of a ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change<'a> {
    pub(super) kind: Kind,
    pub(super) from: Value<'a>,
    pub(super) to: Value<'a>,
    pub(super) at: Instant,
    /// None where `at` is exact.
    pub(super) not_before: Option<Instant>,
    pub(super) source: Source<'a>,
}

impl<'a> Change<'a> {
    /// A resolution that is known from a resolution time, and so exactly.
    pub(super) fn resolution(at: Instant) -> Self {
        Self {
            kind: Kind::Status,
            from: None,
            to: Some(Cow::Borrowed(mava::RESOLVED)),
            at,
            not_before: None,
            source: Source::History,
        }
    }

    /// Place among what happened at the same instant, by the thread; changes from history come last.
    pub(super) fn rank(&self) -> i64 {
        match self.source {
            Source::Audit { position, .. } => position,
            Source::History => i64::MAX,
        }
    }

    pub(super) fn is_audit(&self) -> bool {
        self.source != Source::History
    }

    pub(super) fn actor(&self) -> Option<Actor> {
        match self.source {
            Source::Audit { actor, .. } => actor,
            Source::History => None,
        }
    }

    pub(super) fn is_to_resolved(&self) -> bool {
        mava::is_resolved(self.to.as_deref())
    }

    pub(super) fn is_to_open(&self) -> bool {
        mava::is_open(self.to.as_deref())
    }

    /// Puts changes into the order of `ticket_events.position`.
    pub(super) fn sort(changes: &mut [Self]) {
        changes.sort_by(|one, other| {
            let place = |change: &Self| (change.at, !change.is_audit(), change.rank(), change.kind);
            let is_put_on = |change: &Self| change.to.is_some();
            place(one)
                .cmp(&place(other))
                .then_with(|| match one.kind {
                    Kind::Tag => is_put_on(one).cmp(&is_put_on(other)),
                    _ => std::cmp::Ordering::Equal,
                })
                .then_with(|| match one.kind {
                    Kind::Tag => (&one.from, &one.to).cmp(&(&other.from, &other.to)),
                    _ => std::cmp::Ordering::Equal,
                })
        });
    }
}

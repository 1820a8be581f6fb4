//! The truth about what changed.

use super::Ticket;
use crate::table::Instant;

/// What happened to a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChangeKind {
    /// It was created; whatever else happened to it in the same stretch is part of that.
    New,
    /// A message on an open ticket.
    Message,
    /// Open, Pending or Waiting became another of the three.
    Status,
    /// It was resolved.
    Resolved,
    /// It was opened again.
    Reopened,
    /// It was resolved, opened again and resolved again; messages and statuses between are part
    /// of that.
    ResolvedAgain,
    /// Its customer rated it.
    Rated,
    /// A private note on a resolved ticket.
    Note,
    /// An edit of a resolved ticket: of its priority, an attribute or a message.
    Edited,
    /// A campaign tagged it.
    Retagged,
    /// A campaign gave it another category.
    Recategorised,
    /// It was deleted while open.
    DeletedOpen,
    /// It was deleted while resolved.
    DeletedResolved,
}

impl ChangeKind {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::New,
        Self::Message,
        Self::Status,
        Self::Resolved,
        Self::Reopened,
        Self::ResolvedAgain,
        Self::Rated,
        Self::Note,
        Self::Edited,
        Self::Retagged,
        Self::Recategorised,
        Self::DeletedOpen,
        Self::DeletedResolved,
    ];

    /// Whether a campaign did it.
    pub fn is_campaign(self) -> bool {
        matches!(self, Self::Retagged | Self::Recategorised)
    }

    /// Whether the ticket is no longer there.
    pub fn is_deletion(self) -> bool {
        matches!(self, Self::DeletedOpen | Self::DeletedResolved)
    }
}

/// One change of a ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The ticket.
    pub ticket_id: String,
    /// Its creation.
    pub created_at: Instant,
    /// What happened.
    pub kind: ChangeKind,
    /// When: the ticket's `updated_at` is this or later from then on.
    pub at: Instant,
}

impl Change {
    pub(super) fn new(ticket: &Ticket, kind: ChangeKind, at: Instant) -> Self {
        Self {
            ticket_id: ticket.id.clone(),
            created_at: ticket.created_at,
            kind,
            at,
        }
    }
}

/// A customer whose attributes changed. Its tickets' `updated_at` stay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomerChange {
    /// The customer.
    pub customer_id: String,
    /// When.
    pub at: Instant,
}

/// What changed in a stretch of time, in the order of time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// Changes of tickets.
    pub tickets: Vec<Change>,
    /// Changes of customers.
    pub customers: Vec<CustomerChange>,
}

impl Changes {
    /// Adds what happened to a ticket that was there before and still is.
    pub(super) fn tell(
        &mut self,
        ticket: &Ticket,
        was_resolved: bool,
        happened: &[(Instant, ChangeKind)],
    ) {
        let is_again = was_resolved
            && ticket.status == "Resolved"
            && happened
                .iter()
                .any(|(_, kind)| *kind == ChangeKind::Reopened);
        let last_resolution = happened
            .iter()
            .rposition(|(_, kind)| *kind == ChangeKind::Resolved);
        for (place, (at, kind)) in happened.iter().enumerate() {
            let kind = match kind {
                ChangeKind::Resolved if is_again && Some(place) == last_resolution => {
                    ChangeKind::ResolvedAgain
                }
                ChangeKind::Message
                | ChangeKind::Status
                | ChangeKind::Resolved
                | ChangeKind::Reopened
                    if is_again =>
                {
                    continue;
                }
                kind => *kind,
            };
            self.tickets.push(Change::new(ticket, kind, *at));
        }
    }
}

//! The truth about what changed.

use serde::Serialize;

use super::Ticket;
use crate::table::{Instant, instant_text};

/// The kind that a line about a customer has.
const CUSTOMER: &str = "customer";

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
    /// A private note on a resolved ticket; on a desk at work, on any.
    Note,
    /// An edit of a resolved ticket: of its priority, an attribute or a message; on a desk at work, of any
    /// ticket, or its assigned agent, category, tags or AI status.
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

    /// Its word, where the truth is told.
    pub fn word(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Message => "message",
            Self::Status => "status",
            Self::Resolved => "resolved",
            Self::Reopened => "reopened",
            Self::ResolvedAgain => "resolved_again",
            Self::Rated => "rated",
            Self::Note => "note",
            Self::Edited => "edited",
            Self::Retagged => "retagged",
            Self::Recategorised => "recategorised",
            Self::DeletedOpen => "deleted_open",
            Self::DeletedResolved => "deleted_resolved",
        }
    }

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

/// A change as it is told, in this order.
#[derive(Serialize)]
struct Line<'a> {
    at: String,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    ticket_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    customer_id: Option<&'a str>,
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
    /// A line of JSON for each change, in the order of time: `at`, `kind`, `ticket_id` and `created_at` of a
    /// ticket; `at`, `kind` and `customer_id` of a customer, whose kind is `customer`.
    pub fn lines(&self) -> String {
        let tickets = self.tickets.iter().map(|change| {
            let line = Line {
                at: instant_text(change.at),
                kind: change.kind.word(),
                ticket_id: Some(&change.ticket_id),
                created_at: Some(instant_text(change.created_at)),
                customer_id: None,
            };
            (change.at, line)
        });
        let customers = self.customers.iter().map(|change| {
            let line = Line {
                at: instant_text(change.at),
                kind: CUSTOMER,
                ticket_id: None,
                created_at: None,
                customer_id: Some(&change.customer_id),
            };
            (change.at, line)
        });
        let mut told: Vec<_> = tickets.chain(customers).collect();
        told.sort_by_key(|(at, _)| *at);
        let lines = told
            .iter()
            .filter_map(|(_, line)| serde_json::to_string(line).ok());
        lines.map(|line| line + "\n").collect()
    }

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::parse_instant;

    fn at(text: &str) -> Instant {
        parse_instant(text).expect("an instant")
    }

    #[test]
    fn the_truth_is_a_line_of_json_for_each_change_in_the_order_of_time() {
        let change = |ticket_id: &str, kind, text: &str| Change {
            ticket_id: ticket_id.to_owned(),
            created_at: at("2025-01-01T00:00:00Z"),
            kind,
            at: at(text),
        };
        let changes = Changes {
            tickets: vec![
                change("a", ChangeKind::Message, "2025-01-02T09:00:00.001Z"),
                change("a", ChangeKind::Status, "2025-01-02T09:00:00.001Z"),
                change("b", ChangeKind::DeletedOpen, "2025-01-02T09:20:00Z"),
            ],
            customers: vec![CustomerChange {
                customer_id: "\"c\"\n".to_owned(),
                at: at("2025-01-02T09:10:00Z"),
            }],
        };
        let expected = concat!(
            r#"{"at":"2025-01-02T09:00:00.001Z","kind":"message","ticket_id":"a","created_at":"2025-01-01T00:00:00.000Z"}"#,
            "\n",
            r#"{"at":"2025-01-02T09:00:00.001Z","kind":"status","ticket_id":"a","created_at":"2025-01-01T00:00:00.000Z"}"#,
            "\n",
            r#"{"at":"2025-01-02T09:10:00.000Z","kind":"customer","customer_id":"\"c\"\n"}"#,
            "\n",
            r#"{"at":"2025-01-02T09:20:00.000Z","kind":"deleted_open","ticket_id":"b","created_at":"2025-01-01T00:00:00.000Z"}"#,
            "\n",
        );
        assert_eq!(changes.lines(), expected);
        assert_eq!(Changes::default().lines(), "");
    }

    #[test]
    fn every_kind_has_a_word_of_its_own() {
        let mut words = ChangeKind::ALL.map(ChangeKind::word).to_vec();
        words.push(CUSTOMER);
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), ChangeKind::ALL.len() + 1);
        let is_plain = |letter: char| letter.is_ascii_lowercase() || letter == '_';
        assert!(
            words.iter().all(|word| word.chars().all(is_plain)),
            "{words:?}"
        );
    }
}

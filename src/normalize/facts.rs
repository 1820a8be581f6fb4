//! What a ticket's columns say about its thread.

use crate::table::{Cell, Instant, Message, THREAD_FACTS, Ticket};

/// The sender types the API documents.
const CUSTOMER: &str = "customer";
const AGENT: &str = "agent";
const SYSTEM: &str = "system";

/// A message the customer can see; also the type of one that names none.
const EXTERNAL: &str = "ExternalMessage";
/// A private note.
const INTERNAL: &str = "InternalNote";

/// The facts of a thread whose messages come one by one, in their order. Messages that were deleted
/// are no part of any of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    ticket_created_at: Option<Instant>,
    messages: i64,
    by_customer: i64,
    by_agent: i64,
    by_system: i64,
    notes: i64,
    first_by_customer: Option<Instant>,
    first_reply: Option<Instant>,
    last_at: Option<Instant>,
    last_by: Option<String>,
}

/// As much of a message as the facts follow from.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sent<'a> {
    pub(crate) sender_type: Option<&'a str>,
    pub(crate) message_type: Option<&'a str>,
    pub(crate) created_at: Option<Instant>,
    /// Whether it was deleted from its thread.
    pub(crate) is_deleted: bool,
}

impl Facts {
    /// Of the thread of a ticket created then: without that, nothing is known to be a reply to it.
    pub(crate) fn since(ticket_created_at: Option<Instant>) -> Self {
        Self {
            ticket_created_at,
            ..Self::default()
        }
    }

    /// Of all the messages of a thread.
    fn of(messages: &[Message], ticket_created_at: Instant) -> Self {
        let mut facts = Self::since(Some(ticket_created_at));
        for message in messages {
            facts.add(&Sent {
                sender_type: message.sender_type.as_deref(),
                message_type: message.message_type.as_deref(),
                created_at: message.created_at,
                is_deleted: message.is_deleted == Some(true),
            });
        }
        facts
    }

    /// Adds the next message of the thread.
    pub(crate) fn add(&mut self, message: &Sent<'_>) {
        if message.is_deleted {
            return;
        }
        let sender_type = message.sender_type;
        let is_by_customer = sender_type == Some(CUSTOMER);
        let is_visible_by_agent =
            sender_type == Some(AGENT) && message.message_type.is_none_or(|kind| kind == EXTERNAL);
        self.messages += 1;
        self.by_customer += i64::from(is_by_customer);
        self.by_agent += i64::from(is_visible_by_agent);
        self.by_system += i64::from(sender_type == Some(SYSTEM));
        self.notes += i64::from(message.message_type == Some(INTERNAL));
        let Some(at) = message.created_at else {
            return;
        };
        if is_by_customer {
            self.first_by_customer = Some(self.first_by_customer.map_or(at, |first| first.min(at)));
        }
        // What an agent wrote in a channel before the ticket was made from it answers something else.
        let is_after_creation = self.ticket_created_at.is_some_and(|created| created <= at);
        if is_visible_by_agent && is_after_creation {
            self.first_reply = Some(self.first_reply.map_or(at, |first| first.min(at)));
        }
        // Of messages at the same instant the later in the thread is the last.
        if self.last_at.is_none_or(|last| last <= at) {
            self.last_at = Some(at);
            self.last_by = sender_type.map(str::to_owned);
        }
    }

    /// Messages that were not deleted.
    pub(crate) fn messages(&self) -> i64 {
        self.messages
    }

    /// Milliseconds from the creation of the ticket to the first reply.
    fn first_reply_ms(&self) -> Option<i64> {
        let (reply, created) = (self.first_reply?, self.ticket_created_at?);
        Some((reply - created).num_milliseconds())
    }

    /// The columns, in the order of [`THREAD_FACTS`].
    pub(crate) fn cells(&self) -> [Cell<'_>; THREAD_FACTS.len()] {
        fn instant<'a>(at: Option<Instant>) -> Cell<'a> {
            at.map_or(Cell::Null, Cell::Instant)
        }
        [
            Cell::Integer(self.messages),
            Cell::Integer(self.by_customer),
            Cell::Integer(self.by_agent),
            Cell::Integer(self.by_system),
            Cell::Integer(self.notes),
            instant(self.first_by_customer),
            instant(self.first_reply),
            self.first_reply_ms().map_or(Cell::Null, Cell::Integer),
            instant(self.last_at),
            self.last_by.as_deref().map_or(Cell::Null, Cell::Text),
        ]
    }
}

/// Fills in the ticket's thread facts.
pub(super) fn fill(ticket: &mut Ticket, messages: &[Message]) {
    let facts = Facts::of(messages, ticket.created_at);
    ticket.message_count = Some(facts.messages);
    ticket.customer_message_count = Some(facts.by_customer);
    ticket.agent_message_count = Some(facts.by_agent);
    ticket.system_message_count = Some(facts.by_system);
    ticket.private_note_count = Some(facts.notes);
    ticket.first_customer_message_at = facts.first_by_customer;
    ticket.first_agent_reply_at = facts.first_reply;
    ticket.first_reply_time_ms = facts.first_reply_ms();
    ticket.last_message_at = facts.last_at;
    ticket.last_message_sender_type = facts.last_by;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::Record;
    use crate::window::parse;

    #[test]
    fn the_cells_are_those_of_the_columns_in_their_order() {
        let at = |text: &str| parse(text).expect("an instant");
        let mut facts = Facts::since(Some(at("2026-01-01T09:00:00Z")));
        for (sender, kind, sent_at, is_deleted) in [
            ("customer", None, Some("10:00"), false),
            ("agent", Some("InternalNote"), None, false),
            ("agent", None, Some("08:00"), false),
            ("agent", None, Some("11:00"), false),
            ("system", None, Some("11:00"), false),
            ("agent", None, Some("09:30"), true),
        ] {
            facts.add(&Sent {
                sender_type: Some(sender),
                message_type: kind,
                created_at: sent_at.map(|time| at(&format!("2026-01-01T{time}:00Z"))),
                is_deleted,
            });
        }
        let mut ticket = ticket(at("2026-01-01T09:00:00Z"));
        ticket.message_count = Some(5);
        ticket.customer_message_count = Some(1);
        ticket.agent_message_count = Some(2);
        ticket.system_message_count = Some(1);
        ticket.private_note_count = Some(1);
        ticket.first_customer_message_at = Some(at("2026-01-01T10:00:00Z"));
        ticket.first_agent_reply_at = Some(at("2026-01-01T11:00:00Z"));
        ticket.first_reply_time_ms = Some(7_200_000);
        ticket.last_message_at = Some(at("2026-01-01T11:00:00Z"));
        ticket.last_message_sender_type = Some("system".to_owned());
        let mut columns = Ticket::TABLE.content.iter();
        let mut meant = Vec::new();
        ticket.each_cell(|cell| {
            if let Some(column) = columns.next()
                && let Some(place) = THREAD_FACTS.iter().position(|name| *name == column.name)
            {
                meant.push((place, format!("{cell:?}")));
            }
        });
        meant.sort();
        let made: Vec<(usize, String)> = (0..)
            .zip(facts.cells())
            .map(|(place, cell)| (place, format!("{cell:?}")))
            .collect();
        assert_eq!(made, meant);
    }

    fn ticket(created_at: Instant) -> Ticket {
        Ticket {
            id: "t1".to_owned(),
            status: None,
            priority: None,
            source_type: None,
            category_id: None,
            assigned_agent_id: None,
            customer_id: None,
            email_subject: None,
            created_at,
            updated_at: None,
            resolved_at: None,
            resolution_time_ms: None,
            csat: None,
            ai_status: None,
            message_count: None,
            customer_message_count: None,
            agent_message_count: None,
            system_message_count: None,
            private_note_count: None,
            first_customer_message_at: None,
            first_agent_reply_at: None,
            first_reply_time_ms: None,
            last_message_at: None,
            last_message_sender_type: None,
            extra_json: None,
        }
    }
}

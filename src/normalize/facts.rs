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

/// The facts of a thread whose messages come one by one, in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    messages: i64,
    by_customer: i64,
    by_agent: i64,
    by_system: i64,
    notes: i64,
    first_by_customer: Option<Instant>,
    first_by_agent: Option<Instant>,
    first_reply_ms: Option<i64>,
    last_at: Option<Instant>,
    last_by: Option<String>,
}

impl Facts {
    /// Of all the messages of a thread.
    fn of(messages: &[Message], ticket_created_at: Instant) -> Self {
        let mut facts = Self::default();
        for message in messages {
            facts.add(
                message.sender_type.as_deref(),
                message.message_type.as_deref(),
                message.created_at,
            );
        }
        facts.answered_since(ticket_created_at);
        facts
    }

    /// Adds the next message of the thread.
    pub(crate) fn add(
        &mut self,
        sender_type: Option<&str>,
        message_type: Option<&str>,
        created_at: Option<Instant>,
    ) {
        let is_by_customer = sender_type == Some(CUSTOMER);
        let is_visible_by_agent =
            sender_type == Some(AGENT) && message_type.is_none_or(|kind| kind == EXTERNAL);
        self.messages += 1;
        self.by_customer += i64::from(is_by_customer);
        self.by_agent += i64::from(is_visible_by_agent);
        self.by_system += i64::from(sender_type == Some(SYSTEM));
        self.notes += i64::from(message_type == Some(INTERNAL));
        let Some(at) = created_at else {
            return;
        };
        if is_by_customer {
            self.first_by_customer = Some(self.first_by_customer.map_or(at, |first| first.min(at)));
        }
        if is_visible_by_agent {
            self.first_by_agent = Some(self.first_by_agent.map_or(at, |first| first.min(at)));
        }
        // Of messages at the same instant the later in the thread is the last.
        if self.last_at.is_none_or(|last| last <= at) {
            self.last_at = Some(at);
            self.last_by = sender_type.map(str::to_owned);
        }
    }

    /// Counts the first reply from the creation of the ticket, once all messages are in.
    pub(crate) fn answered_since(&mut self, ticket_created_at: Instant) {
        self.first_reply_ms = self
            .first_by_agent
            .map(|reply| (reply - ticket_created_at).num_milliseconds())
            .filter(|waited| *waited >= 0);
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
            instant(self.first_by_agent),
            self.first_reply_ms.map_or(Cell::Null, Cell::Integer),
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
    ticket.first_agent_reply_at = facts.first_by_agent;
    ticket.first_reply_time_ms = facts.first_reply_ms;
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
        let at = |text| parse(text).expect("an instant");
        let mut facts = Facts::default();
        facts.add(Some("customer"), None, Some(at("2026-01-01T10:00:00Z")));
        facts.add(Some("agent"), Some("InternalNote"), None);
        facts.add(Some("agent"), None, Some(at("2026-01-01T11:00:00Z")));
        facts.add(Some("system"), None, Some(at("2026-01-01T11:00:00Z")));
        facts.answered_since(at("2026-01-01T09:00:00Z"));
        let mut ticket = ticket(at("2026-01-01T09:00:00Z"));
        ticket.message_count = Some(4);
        ticket.customer_message_count = Some(1);
        ticket.agent_message_count = Some(1);
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

//! What a ticket's columns say about its thread.

use crate::table::{Instant, Message, Ticket};

/// The sender types the API documents.
const CUSTOMER: &str = "customer";
const AGENT: &str = "agent";
const SYSTEM: &str = "system";

/// A message the customer can see; also the type of one that names none.
const EXTERNAL: &str = "ExternalMessage";
/// A private note.
const INTERNAL: &str = "InternalNote";

/// Fills in the ticket's thread facts.
pub(super) fn fill(ticket: &mut Ticket, messages: &[Message]) {
    let count = |is_counted: fn(&Message) -> bool| {
        i64::try_from(
            messages
                .iter()
                .filter(|message| is_counted(message))
                .count(),
        )
        .ok()
    };
    let first = |is_counted: fn(&Message) -> bool| -> Option<Instant> {
        messages
            .iter()
            .filter(|message| is_counted(message))
            .filter_map(|message| message.created_at)
            .min()
    };
    // Of messages at the same instant the later in the thread is the last.
    let last = messages
        .iter()
        .filter(|message| message.created_at.is_some())
        .max_by_key(|message| message.created_at);

    ticket.message_count = count(|_| true);
    ticket.customer_message_count = count(is_by_customer);
    ticket.agent_message_count = count(is_visible_by_agent);
    ticket.system_message_count = count(|message| is_by(message, SYSTEM));
    ticket.private_note_count = count(|message| message.message_type.as_deref() == Some(INTERNAL));
    ticket.first_customer_message_at = first(is_by_customer);
    ticket.first_agent_reply_at = first(is_visible_by_agent);
    ticket.first_reply_time_ms = ticket
        .first_agent_reply_at
        .map(|reply| (reply - ticket.created_at).num_milliseconds())
        .filter(|waited| *waited >= 0);
    ticket.last_message_at = last.and_then(|message| message.created_at);
    ticket.last_message_sender_type = last.and_then(|message| message.sender_type.clone());
}

fn is_by(message: &Message, sender_type: &str) -> bool {
    message.sender_type.as_deref() == Some(sender_type)
}

fn is_by_customer(message: &Message) -> bool {
    is_by(message, CUSTOMER)
}

fn is_visible_by_agent(message: &Message) -> bool {
    is_by(message, AGENT)
        && message
            .message_type
            .as_deref()
            .is_none_or(|kind| kind == EXTERNAL)
}

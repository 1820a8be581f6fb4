//! A thread: who wrote what, in which order.

use super::input::{Message, Ticket};
use super::words::{Ai, ai};
use crate::table::Instant;

/// `message_type` of what the customer sees, and of a private note.
const EXTERNAL: &str = "ExternalMessage";
const NOTE: &str = "InternalNote";

/// Values of `sender_type`.
pub(super) const CUSTOMER: &str = "customer";
pub(super) const AGENT: &str = "agent";
pub(super) const SYSTEM: &str = "system";

/// `sender_reference_type` of people who work for the desk.
pub(super) const MEMBER: &str = "ClientMember";

/// How humans are told from the AI in a thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    ReferenceType,
    SenderType,
}

impl Rule {
    /// The word in `ticket_metrics.reply_rule`.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::ReferenceType => "reference_type",
            Self::SenderType => "sender_type",
        }
    }
}

/// Who wrote a public message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Customer,
    Human,
    Ai,
}

/// A public message.
#[derive(Debug, Clone, Copy)]
pub(super) struct Said<'a> {
    pub(super) at: Instant,
    pub(super) position: i64,
    pub(super) side: Side,
    pub(super) sender_id: Option<&'a str>,
}

/// A thread that was read.
#[derive(Debug)]
pub(super) struct Thread<'a> {
    /// None of a thread without messages.
    pub(super) rule: Option<Rule>,
    /// Public messages whose instant is known, in order.
    pub(super) said: Vec<Said<'a>>,
    /// Audit entries that were not deleted and whose instant is known, in order.
    pub(super) entries: Vec<(Instant, Message<'a>)>,
    pub(super) customer_messages: i64,
    pub(super) notes: i64,
}

/// What a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Deleted,
    Note,
    Entry,
    Automation,
    Said(Side),
}

/// How messages of agents are told apart.
#[derive(Debug, Clone, Copy)]
enum Agents {
    ByReference,
    Human,
    Ai,
    HumanWithId,
}

impl<'a> Thread<'a> {
    pub(super) fn read(ticket: &Ticket<'_>, messages: &[Message<'a>]) -> Self {
        let has_reference = messages
            .iter()
            .any(|message| message.sender_reference_type.is_some());
        let rule = match has_reference {
            true => Rule::ReferenceType,
            false => Rule::SenderType,
        };
        let agents = agents(rule, ticket.ai_status, messages);
        let mut thread = Self {
            rule: (!messages.is_empty()).then_some(rule),
            said: Vec::with_capacity(messages.len()),
            entries: Vec::new(),
            customer_messages: 0,
            notes: 0,
        };
        for message in messages {
            thread.add(class(message, agents), message);
        }
        thread.said.sort_by_key(|said| (said.at, said.position));
        thread
            .entries
            .sort_by_key(|(at, message)| (*at, message.position));
        thread
    }

    fn add(&mut self, class: Class, message: &Message<'a>) {
        self.customer_messages += i64::from(class == Class::Said(Side::Customer));
        self.notes += i64::from(class == Class::Note);
        let Some(at) = message.created_at else {
            return;
        };
        match class {
            Class::Entry => self.entries.push((at, *message)),
            Class::Said(side) => self.said.push(Said {
                at,
                position: message.position,
                side,
                sender_id: message.sender_id,
            }),
            Class::Deleted | Class::Note | Class::Automation => {}
        }
    }

    /// Whether a public message by the customer has this sender.
    pub(super) fn is_customer(&self, id: &str) -> bool {
        let mut said = self.said.iter();
        said.any(|said| said.side == Side::Customer && said.sender_id == Some(id))
    }

    /// Public messages, without those that agents and the AI wrote in the channel before the ticket.
    pub(super) fn since(&self, created_at: Instant) -> impl Iterator<Item = &Said<'a>> + Clone {
        let is_of_ticket =
            move |said: &&Said<'a>| said.side == Side::Customer || said.at >= created_at;
        self.said.iter().filter(is_of_ticket)
    }
}

/// Whether a message that is not deleted is one that the customer sees.
fn is_external(message: &Message<'_>) -> bool {
    message.message_type.is_none_or(|kind| kind == EXTERNAL)
}

fn agents(rule: Rule, ai_status: Option<&str>, messages: &[Message<'_>]) -> Agents {
    if rule == Rule::ReferenceType {
        return Agents::ByReference;
    }
    let has_id = |message: &Message<'_>| {
        let is_by_agent = message.sender_type == Some(AGENT) && !message.is_deleted;
        is_by_agent && is_external(message) && message.sender_id.is_some()
    };
    match ai(ai_status) {
        Ai::Solved => Agents::Ai,
        Ai::HandedOver if messages.iter().any(has_id) => Agents::HumanWithId,
        Ai::HandedOver | Ai::Other => Agents::Human,
    }
}

fn class(message: &Message<'_>, agents: Agents) -> Class {
    if message.is_deleted {
        return Class::Deleted;
    }
    if message.message_type == Some(NOTE) {
        return Class::Note;
    }
    if !is_external(message) {
        return Class::Entry;
    }
    let is_member = message.sender_reference_type == Some(MEMBER);
    match (message.sender_type, agents) {
        (Some(CUSTOMER), _) => Class::Said(Side::Customer),
        (_, Agents::ByReference) if is_member => Class::Said(Side::Human),
        (Some(AGENT), Agents::Human) => Class::Said(Side::Human),
        (Some(AGENT), Agents::HumanWithId) if message.sender_id.is_some() => {
            Class::Said(Side::Human)
        }
        (Some(AGENT), _) => Class::Said(Side::Ai),
        _ => Class::Automation,
    }
}

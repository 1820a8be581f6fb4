//! What each thing that happens makes of the ticket, as a desk shows it.

use rand::seq::IndexedRandom;

use super::happening::{Actor, Happening, Id, What};
use super::story::Story;
use crate::simulator::world::Directory;
use crate::simulator::world::source::Source;
use crate::simulator::world::text;
use crate::simulator::world::thread::attachments;
use crate::simulator::world::ticket::{Message, Reference, Ticket, Word};
use crate::table::Instant;

/// How many messages have no sender.
const NAMELESS: f64 = 0.02;

/// Ids of a ticket's things are this many apart from the next ticket's.
const IDS: u64 = 1 << 16;

/// From here on, of the ids of a ticket, those of what is opened with it come.
const OPENED: u64 = 1 << 15;

/// The randomness that a ticket is opened and planned from.
pub(super) fn source(seed: u64, number: u64) -> Source {
    Source::apart(seed, number, number * IDS + OPENED)
}

impl Story {
    /// The randomness of what one thing looks like.
    fn look(&self, one: &Happening) -> Source {
        let number = self.number * IDS + u64::from(one.number);
        Source::apart(!self.number, number, number.saturating_sub(1))
    }

    fn message_id(&self, one: &Happening) -> String {
        self.look(one).id(one.at)
    }

    /// The ticket as it was created, before anything happened to it.
    pub(in crate::simulator::world) fn created(&self) -> Ticket {
        self.opened.clone()
    }

    /// Lets something happen to the ticket.
    pub(in crate::simulator::world) fn show(
        &self,
        one: &Happening,
        ticket: &mut Ticket,
        directory: &Directory,
    ) {
        let id = |id: &Option<Id>| id.as_deref().map(str::to_owned);
        match &one.what {
            What::Message | What::Note => self.write(one, ticket, directory),
            What::MessageEdited(number) => self.edit(*number, ticket, |message| {
                let mut source = self.look(one);
                message.content = Some(text::message(&mut source.random));
                message.is_edited = true;
                message.updated_at = Some(one.at);
            }),
            What::MessageDeleted(number) => self.edit(*number, ticket, |message| {
                message.is_deleted = true;
                message.updated_at = Some(one.at);
            }),
            What::Status { to, .. } => set_status(ticket, to, one.at),
            What::Assignee { to, .. } => ticket.assigned_agent_id = id(to),
            What::Priority { to, .. } => ticket.priority = *to,
            What::Category { to, .. } => ticket.category_id = id(to),
            What::TagAdded(tag) => ticket.tag_ids.push(tag.to_string()),
            What::TagRemoved(tag) => ticket.tag_ids.retain(|one| **one != **tag),
            What::Rating { to, .. } => ticket.csat = *to,
            What::AiStatus { to, .. } => ticket.ai_status = to.map(Word::from),
            What::Created | What::Deleted | What::Merged(_) | What::Hidden => {}
        }
        self.log(one, ticket, directory);
        ticket.updated_at = ticket.updated_at.max(Some(one.at));
    }

    /// Changes the message with this number.
    fn edit(&self, number: u32, ticket: &mut Ticket, change: impl FnOnce(&mut Message)) {
        let written = self.happenings.iter().find(|one| one.number == number);
        let id = written.map(|one| self.message_id(one));
        if let Some(message) = ticket.messages.iter_mut().find(|one| one.id == id) {
            change(message);
        }
    }

    fn write(&self, one: &Happening, ticket: &mut Ticket, directory: &Directory) {
        if !one.is_shown {
            return;
        }
        let mut source = self.look(one);
        let id = source.id(one.at);
        let mut message = Message::new(id, one.at, text::message(&mut source.random));
        let is_nameless = source.chance(NAMELESS);
        message.sender_id = one.by.id().filter(|_| !is_nameless).map(str::to_owned);
        message.sender_type = match one.by {
            Actor::Customer(_) => "customer",
            Actor::Ai if !self.manner.is_ai_agent => "system",
            _ => "agent",
        }
        .into();
        if one.by == Actor::Ai {
            message.reference = Reference::Absent;
        }
        if one.what == What::Note {
            message.message_type = "InternalNote".into();
        }
        if ticket.origin == "discord" {
            message.sender_name = discord_name(&one.by, directory);
        }
        if source.chance(0.06) {
            message.attachments = attachments(&mut source);
        }
        if source.chance(0.05) {
            let before = ticket.messages.last();
            message.replied_to = before.and_then(|before| before.id.clone());
        }
        if source.chance(0.04) {
            let emoji = ["👍", "❤️", "🪁"].choose(&mut source.random).copied();
            message.reactions.extend(emoji.map(str::to_owned));
        }
        if let Some(name) = &message.sender_name
            && !ticket.discord_users.contains(name)
        {
            ticket.discord_users.push(name.clone());
        }
        ticket.messages.push(message);
    }

    /// The entry of the audit log, where there is one.
    fn log(&self, one: &Happening, ticket: &mut Ticket, directory: &Directory) {
        let (content, kind) = match one.what {
            What::Status { .. } => ("Status changed", "StatusChanged"),
            What::Assignee { .. } => ("Assignee changed", "AssigneeChanged"),
            What::Priority { .. } => ("Priority changed", "PriorityChanged"),
            What::Category { .. } => ("Category changed", "CategoryChanged"),
            _ => return,
        };
        if !one.is_shown {
            return;
        }
        let mut entry = Message::new(self.message_id(one), one.at, content);
        entry.sender_type = "system".into();
        entry.message_type = kind.into();
        if let Actor::Agent(agent) = &one.by {
            entry.sender_id = Some(agent.to_string());
        }
        let name = |value: String| match self.manner.has_names {
            true => named(&value, directory).unwrap_or(value),
            false => value,
        };
        let (from, to) = one.what.values();
        entry.action_log_from = from.map(name);
        entry.action_log_to = to.map(name);
        ticket.messages.push(entry);
    }
}

fn set_status(ticket: &mut Ticket, to: &'static str, at: Instant) {
    if to == "Resolved" {
        ticket.resolve(at);
        return;
    }
    if ticket.status == "Resolved" {
        ticket.reopen(at);
    }
    ticket.status = to.into();
}

/// The name of an agent or a category.
fn named(id: &str, directory: &Directory) -> Option<String> {
    let agent = directory.agents.iter().find(|one| one.id == id);
    let category = directory.categories.iter().find(|one| one.id == id);
    let name = agent.and_then(|one| one.username.clone());
    name.or_else(|| category.map(|one| one.name.clone()))
}

fn discord_name(by: &Actor, directory: &Directory) -> Option<String> {
    let name = match by {
        Actor::Customer(id) => directory.customers.get(id.as_deref()?)?.name.as_deref()?,
        Actor::Ai => "oracle of kites",
        _ => "helper of kites",
    };
    Some(name.to_lowercase().replace(' ', "_"))
}

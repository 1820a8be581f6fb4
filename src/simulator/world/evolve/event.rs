//! What each event does to its ticket.

use std::sync::Arc;

use chrono::Duration;
use rand::RngExt;
use rand::seq::IndexedRandom;

use super::life::Life;
use super::{Campaign, ChangeKind, Recasting, Stretch, Ticket};
use crate::simulator::world::source::Source;
use crate::simulator::world::text::{self, pick};
use crate::simulator::world::thread::{Cast, change, message, private_note};
use crate::simulator::world::{Directory, opening};
use crate::table::Instant;

/// The statuses of an open ticket.
const OPEN: [&str; 3] = ["Open", "Pending", "Waiting"];

/// What events draw from.
pub(super) struct Desk<'a> {
    pub(super) source: &'a mut Source,
    directory: Arc<Directory>,
    campaign: Option<&'a Campaign>,
    until: Instant,
    has_messages: bool,
}

impl<'a> Desk<'a> {
    pub(super) fn new(
        source: &'a mut Source,
        directory: Arc<Directory>,
        stretch: &Stretch<'a>,
    ) -> Self {
        Self {
            source,
            directory,
            campaign: stretch.spec.campaign.as_ref(),
            until: stretch.until,
            has_messages: stretch.spec.has_messages,
        }
    }

    /// Lets the events happen, each a millisecond after the last change at least; returns those
    /// that did. Events that would come after the end of the stretch do not.
    pub(super) fn happen(
        &mut self,
        ticket: &mut Ticket,
        life: &Life,
    ) -> Vec<(Instant, ChangeKind)> {
        let mut happened = Vec::with_capacity(life.events.len());
        for (at, kind) in &life.events {
            let last = ticket.updated_at.unwrap_or(ticket.created_at);
            let at = (*at).max(last + Duration::milliseconds(1));
            if at >= self.until {
                break;
            }
            self.happens(ticket, *kind, at);
            ticket.updated_at = Some(at);
            happened.push((at, *kind));
        }
        happened
    }

    fn happens(&mut self, ticket: &mut Ticket, kind: ChangeKind, at: Instant) {
        match kind {
            ChangeKind::Message => self.write(ticket, at, 1),
            ChangeKind::Status => {
                let others: Vec<&str> = OPEN
                    .into_iter()
                    .filter(|status| *status != ticket.status)
                    .collect();
                let status = pick(&mut self.source.random, &others).to_owned();
                self.log(ticket, at, "Status changed", &status);
                ticket.status = status.into();
            }
            ChangeKind::Resolved => {
                self.log(ticket, at, "Status changed", "Resolved");
                ticket.resolve(at);
            }
            ChangeKind::Reopened => {
                self.log(ticket, at, "Status changed", "Open");
                ticket.reopen(at);
            }
            ChangeKind::Rated => ticket.csat = opening::rating(&mut self.source.random),
            ChangeKind::Note => {
                if self.has_messages {
                    let agent_id = ticket.assigned_agent_id.clone();
                    ticket
                        .messages
                        .push(private_note(self.source, at, agent_id));
                }
            }
            ChangeKind::Edited => self.edit(ticket, at),
            ChangeKind::Retagged | ChangeKind::Recategorised => self.recast(ticket),
            // These are no events in a ticket's life, or follow from several.
            ChangeKind::New
            | ChangeKind::ResolvedAgain
            | ChangeKind::DeletedOpen
            | ChangeKind::DeletedResolved => {}
        }
    }

    /// Writes the message that opens a ticket.
    pub(super) fn open(&mut self, ticket: &mut Ticket) {
        self.write(ticket, ticket.created_at, 0);
    }

    fn write(&mut self, ticket: &mut Ticket, at: Instant, number: i64) {
        if !self.has_messages {
            return;
        }
        let customer = ticket.customer_id.as_ref();
        let cast = Cast {
            customer: customer.and_then(|id| self.directory.customers.get(id)),
            agent_id: ticket.assigned_agent_id.clone(),
            until: at,
        };
        let written = message(
            self.source,
            ticket,
            &cast,
            at,
            number,
            ticket.messages.last(),
        );
        if let Some(name) = &written.sender_name
            && !ticket.discord_users.contains(name)
        {
            ticket.discord_users.push(name.clone());
        }
        ticket.messages.push(written);
    }

    fn log(&mut self, ticket: &mut Ticket, at: Instant, what: &str, status: &str) {
        if self.has_messages {
            let line = change(self.source, at, what, (&ticket.status, status));
            ticket.messages.push(line);
        }
    }

    /// Changes the text of a message, an attribute or the priority.
    fn edit(&mut self, ticket: &mut Ticket, at: Instant) {
        let what: u32 = self.source.random.random_range(0..3);
        if what == 0
            && self.has_messages
            && let Some(message) = ticket.messages.first_mut()
        {
            message.content = Some(text::message(&mut self.source.random));
            message.is_edited = true;
            message.updated_at = Some(at);
            return;
        }
        if what == 1
            && self.has_messages
            && let Some(attribute) = self.directory.attributes.choose(&mut self.source.random)
        {
            let value = opening::value(self.source, attribute);
            if !ticket.attributes.contains(&value) {
                ticket
                    .attributes
                    .retain(|one| one.attribute_id != value.attribute_id);
                ticket.attributes.push(value);
                return;
            }
        }
        ticket.priority = Some(ticket.priority.map_or(1, |priority| priority % 4 + 1));
    }

    fn recast(&self, ticket: &mut Ticket) {
        match self.campaign.map(|campaign| &campaign.recasting) {
            Some(Recasting::Tag(tag_id)) => ticket.tag_ids.push(tag_id.clone()),
            Some(Recasting::Category { to: id, .. }) => ticket.category_id = Some(id.clone()),
            None => {}
        }
    }
}

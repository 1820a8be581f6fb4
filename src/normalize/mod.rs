//! JSON in, rows out: pure.
//!
//! Strict about identity, tolerant about everything else. A ticket without an id or an instant of
//! creation is one [`Outcome::Reject`], its JSON kept. Any other ticket gives [`TicketRows`]: a
//! value that its column cannot hold leaves the column NULL, becomes a reject with its path, and
//! stays in the row's `extra_json`, together with every field that has no column.
//!
//! `extra_json` holds what is left of an object once its columns are taken out: a field under its
//! own key; of a nested object or array that is read into rows of its own (`category`, `tags`,
//! `attachments`, …) only what those rows could not take, array items in their places after
//! nulls. Nulls are left out, so that a missing field and a null one are the same.

mod attribute;
mod customer;
mod facts;
mod hash;
mod marks;
mod thread;
mod ticket;
mod twin;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

pub use hash::seal;
pub use ticket::ticket;
pub use twin::Twin;
pub(crate) use twin::{marked, recounted};

pub(crate) use facts::{Facts, Sent};
pub(crate) use hash::Sum;
pub(crate) use marks::{Moved, Moving, is_marked_deleted};

use crate::table;

/// What one ticket comes to.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// Its rows.
    Rows(Box<TicketRows>),
    /// Nothing but its raw JSON: it lacks an identity or cannot be read.
    Reject(table::Reject),
}

/// A content hash: equal content, equal hash, whatever order the API sent its keys in.
pub type Hash = [u8; 16];

/// A customer as one ticket showed it.
#[derive(Debug, Clone, PartialEq)]
pub struct CustomerRows {
    /// The customer.
    pub customer: table::Customer,
    /// Its custom attributes, by position.
    pub attributes: Vec<table::CustomerAttribute>,
    /// Over both.
    pub hash: Hash,
}

/// A ticket's thread.
#[derive(Debug, Clone, PartialEq)]
pub struct ThreadRows {
    /// Its messages, by position.
    pub messages: Vec<table::Message>,
    /// Their attachments.
    pub attachments: Vec<table::MessageAttachment>,
    /// Over both.
    pub hash: Hash,
}

/// Everything one ticket gives: its row, what belongs to it, and what it refers to.
#[derive(Debug, Clone, PartialEq)]
pub struct TicketRows {
    /// The ticket. Its thread facts are `None` when `thread` is.
    pub ticket: table::Ticket,
    /// `None` where the run did not ask for messages.
    pub thread: Option<ThreadRows>,
    /// Custom attributes, by position.
    pub attributes: Vec<table::TicketAttribute>,
    /// Tags it has; `name` is `None` where only the id was sent.
    pub tags: Vec<table::Tag>,
    /// Discord users, by position.
    pub discord_users: Vec<table::TicketDiscordUser>,
    /// Its customer, as this ticket showed it; `None` also where only the id was sent.
    pub customer: Option<CustomerRows>,
    /// Its category as this ticket showed it; all but `id` is `None` where only the id was sent.
    pub category: Option<table::Category>,
    /// Its agent as this ticket showed it; all but `id` is `None` where only the id was sent.
    pub agent: Option<table::Agent>,
    /// Values of this ticket that could not be represented.
    pub rejects: Vec<table::Reject>,
    /// Characters stored as U+FFFD.
    pub replaced_characters: i64,
    /// Over the ticket's own columns without the thread facts, its attributes, tags and Discord
    /// users. The thread has its own hash, so that a run without messages compares what it read.
    pub head_hash: Hash,
}

impl TicketRows {
    /// Which tags it has, by id, each once.
    pub(crate) fn ticket_tags(&self) -> Vec<table::TicketTag> {
        let tags = self.tags.iter().map(|tag| table::TicketTag {
            ticket_id: self.ticket.id.clone(),
            tag_id: tag.id.clone(),
        });
        let mut tags: Vec<table::TicketTag> = tags.collect();
        tags.sort_unstable_by(|one, other| one.tag_id.cmp(&other.tag_id));
        tags.dedup();
        tags
    }
}

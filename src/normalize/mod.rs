//! JSON in, rows out: pure.

use crate::table;

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

/// Everything one ticket gives: its row, what hangs on it, and what it refers to.
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
    /// Its customer, as this ticket showed it.
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

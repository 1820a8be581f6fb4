//! What happens to a ticket, and who does it.

use std::sync::Arc;

use crate::table::Instant;

/// The id of an agent, a customer, a category, a tag or a ticket.
pub type Id = Arc<str>;

/// Who does something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// A customer; without an id in a group.
    Customer(Option<Id>),
    /// A human agent.
    Agent(Id),
    /// The AI.
    Ai,
    /// A rule of the desk: assigns by turns, resolves what is idle.
    Automation,
    /// A program, by the API: it opens tickets without a message, and files many at once.
    Program,
}

impl Actor {
    /// Its word, where the truth is told.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Customer(_) => "customer",
            Self::Agent(_) => "agent",
            Self::Ai => "ai",
            Self::Automation => "automation",
            Self::Program => "program",
        }
    }

    /// The id of a person.
    pub fn id(&self) -> Option<&str> {
        match self {
            Self::Customer(id) => id.as_deref(),
            Self::Agent(id) => Some(id),
            Self::Ai | Self::Automation | Self::Program => None,
        }
    }
}

/// One thing that happens to a ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// It is created.
    Created,
    /// A public message of the customer, a human agent or the AI, as the actor says. One before the
    /// creation is of the channel that the ticket was made from.
    Message,
    /// A private note.
    Note,
    /// The author of the message with this number edits it.
    MessageEdited(u32),
    /// The author of the message with this number deletes it.
    MessageDeleted(u32),
    /// The status changes, to one of the four or to `Spam`.
    Status {
        /// Before.
        from: &'static str,
        /// After.
        to: &'static str,
    },
    /// The assigned agent changes.
    Assignee {
        /// Before.
        from: Option<Id>,
        /// After; `None` where it is taken from everybody.
        to: Option<Id>,
    },
    /// The priority changes.
    Priority {
        /// Before.
        from: Option<i64>,
        /// After.
        to: Option<i64>,
    },
    /// The category changes.
    Category {
        /// Before.
        from: Option<Id>,
        /// After.
        to: Option<Id>,
    },
    /// It gets a tag.
    TagAdded(Id),
    /// It loses a tag.
    TagRemoved(Id),
    /// The customer rates it, or rates it anew.
    Rating {
        /// Before.
        from: Option<i64>,
        /// After.
        to: Option<i64>,
    },
    /// What the AI did with it changes.
    AiStatus {
        /// Before.
        from: Option<&'static str>,
        /// After.
        to: Option<&'static str>,
    },
    /// It is deleted, and in no list any more.
    Deleted,
    /// It is merged into this ticket, and in no list any more.
    Merged(Id),
    /// It is moved to spam, on a desk whose spam is in no list.
    Hidden,
}

/// A value as the truth tells it.
fn text<T: ToString>(value: Option<&T>) -> Option<String> {
    value.map(ToString::to_string)
}

impl What {
    /// Its word, where the truth is told.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Message => "message",
            Self::Note => "note",
            Self::MessageEdited(_) => "message_edited",
            Self::MessageDeleted(_) => "message_deleted",
            Self::Status { .. } => "status",
            Self::Assignee { .. } => "assignee",
            Self::Priority { .. } => "priority",
            Self::Category { .. } => "category",
            Self::TagAdded(_) => "tag_added",
            Self::TagRemoved(_) => "tag_removed",
            Self::Rating { .. } => "rating",
            Self::AiStatus { .. } => "ai_status",
            Self::Deleted => "deleted",
            Self::Merged(_) => "merged",
            Self::Hidden => "hidden",
        }
    }

    /// What was before, and what is after, as text; numbers as digits.
    pub fn values(&self) -> (Option<String>, Option<String>) {
        match self {
            Self::Status { from, to } => (text(Some(from)), text(Some(to))),
            Self::Assignee { from, to } | Self::Category { from, to } => {
                (text(from.as_ref()), text(to.as_ref()))
            }
            Self::Priority { from, to } | Self::Rating { from, to } => {
                (text(from.as_ref()), text(to.as_ref()))
            }
            Self::AiStatus { from, to } => (text(from.as_ref()), text(to.as_ref())),
            Self::TagAdded(id) | Self::Merged(id) => (None, text(Some(id))),
            Self::TagRemoved(id) => (text(Some(id)), None),
            Self::MessageEdited(number) | Self::MessageDeleted(number) => {
                (text(Some(number)), None)
            }
            Self::Created | Self::Message | Self::Note | Self::Deleted | Self::Hidden => {
                (None, None)
            }
        }
    }

    /// Whether the ticket is in no list any more.
    pub fn is_end(&self) -> bool {
        matches!(self, Self::Deleted | Self::Merged(_) | Self::Hidden)
    }
}

/// Something that happens to a ticket at an instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Happening {
    /// When.
    pub at: Instant,
    /// Its number on its ticket, from 1 on; not always in the order of time.
    pub number: u32,
    /// What.
    pub what: What,
    /// By whom.
    pub by: Actor,
    /// Whether the thread shows it, as a message or as an entry of the audit log.
    pub is_shown: bool,
}

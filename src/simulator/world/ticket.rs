//! The plain data of a simulated desk.

use std::borrow::Cow;

use chrono::Duration;

use crate::table::Instant;

/// A word of a small set, or any other text.
pub type Word = Cow<'static, str>;

/// An id in the form of a Mongo ObjectId: eight digits of Unix seconds, sixteen of `number`.
pub fn object_id(created_at: Instant, number: u64) -> String {
    format!(
        "{:08x}{number:016x}",
        created_at.timestamp().clamp(0, i64::from(u32::MAX))
    )
}

/// A ticket. References are ids into the [`Directory`](super::Directory).
#[derive(Debug, Clone, PartialEq)]
pub struct Ticket {
    /// Twenty-four hex digits; any other text is served as it is.
    pub id: String,
    /// Creation, to the millisecond.
    pub created_at: Instant,
    /// Last change, where the desk tells it.
    pub updated_at: Option<Instant>,
    /// `Open`, `Pending`, `Waiting`, `Resolved` or another.
    pub status: Word,
    /// 1 low to 4 urgent.
    pub priority: Option<i64>,
    /// `web`, `discord`, `telegram`, `telegram-group`, `email` or another.
    pub origin: Word,
    /// Category.
    pub category_id: Option<String>,
    /// Assigned agent.
    pub assigned_agent_id: Option<String>,
    /// Customer; `None` for `telegram-group`.
    pub customer_id: Option<String>,
    /// Tags, in the order served.
    pub tag_ids: Vec<String>,
    /// Milliseconds between creation and resolution, once resolved.
    pub resolution_time_ms: Option<i64>,
    /// Milliseconds between creation and first resolution, which a reopening does not clear;
    /// served only where [`ResolutionTime::First`](crate::simulator::ResolutionTime) is asked for.
    pub first_resolution_time_ms: Option<i64>,
    /// Last reopening; not served.
    pub reopened_at: Option<Instant>,
    /// Rating 1 to 5.
    pub csat: Option<i64>,
    /// What the AI did with it.
    pub ai_status: Option<Word>,
    /// Discord users who took part.
    pub discord_users: Vec<String>,
    /// Subject, for `email`.
    pub email_subject_line: Option<String>,
    /// Custom attributes, in the order served.
    pub attributes: Vec<AttributeValue>,
    /// Thread, oldest first.
    pub messages: Vec<Message>,
}

impl Ticket {
    /// An open web ticket of medium priority with nothing on it.
    pub fn new(id: impl Into<String>, created_at: Instant) -> Self {
        Self {
            id: id.into(),
            created_at,
            updated_at: Some(created_at),
            status: "Open".into(),
            priority: Some(2),
            origin: "web".into(),
            category_id: None,
            assigned_agent_id: None,
            customer_id: None,
            tag_ids: Vec::new(),
            resolution_time_ms: None,
            first_resolution_time_ms: None,
            reopened_at: None,
            csat: None,
            ai_status: None,
            discord_users: Vec::new(),
            email_subject_line: None,
            attributes: Vec::new(),
            messages: Vec::new(),
        }
    }

    /// When it was last resolved, as long as it is.
    pub fn resolved_at(&self) -> Option<Instant> {
        self.resolution_time_ms
            .map(|time| self.created_at + Duration::milliseconds(time))
    }

    /// Resolves it.
    pub fn resolve(&mut self, at: Instant) {
        let time = (at - self.created_at).num_milliseconds();
        self.status = "Resolved".into();
        self.resolution_time_ms = Some(time);
        self.first_resolution_time_ms.get_or_insert(time);
        self.updated_at = Some(at);
    }

    /// Opens it again.
    pub fn reopen(&mut self, at: Instant) {
        self.status = "Open".into();
        self.resolution_time_ms = None;
        self.reopened_at = Some(at);
        self.updated_at = Some(at);
    }

    /// When the first message of this sender type was written.
    pub fn first_message_at(&self, sender_type: &str) -> Option<Instant> {
        self.messages
            .iter()
            .find(|message| message.sender_type == sender_type)
            .map(|message| message.created_at)
    }
}

/// What a message says of the kind of its sender.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Reference {
    /// What belongs to its sender type: `ClientMember`, `Customer` or `DiscordUser`; nothing for the system.
    #[default]
    BySender,
    /// Nothing, as for an AI that has no account.
    Absent,
}

/// A message of a thread.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// `None` is served without an id.
    pub id: Option<String>,
    /// Text.
    pub content: Option<String>,
    /// `customer`, `agent`, `system` or another.
    pub sender_type: Word,
    /// Discord user name.
    pub sender_name: Option<String>,
    /// Customer or agent.
    pub sender_id: Option<String>,
    /// What it says of the kind of its sender.
    pub reference: Reference,
    /// `ExternalMessage`, `InternalNote` or a kind of audit log.
    pub message_type: Word,
    /// When it was written.
    pub created_at: Instant,
    /// When it was last edited.
    pub updated_at: Option<Instant>,
    /// Files.
    pub attachments: Vec<Attachment>,
    /// Whether it was edited.
    pub is_edited: bool,
    /// Whether it was deleted by its author; the text stays.
    pub is_deleted: bool,
    /// The message it answers.
    pub replied_to: Option<String>,
    /// Emoji left on it.
    pub reactions: Vec<String>,
    /// Old value, for an audit log.
    pub action_log_from: Option<String>,
    /// New value, for an audit log.
    pub action_log_to: Option<String>,
}

impl Message {
    /// The kind of its sender on a ticket of this origin.
    pub fn sender_reference_type(&self, origin: &str) -> Option<&'static str> {
        match (&self.reference, self.sender_type.as_ref(), origin) {
            (Reference::Absent, ..) => None,
            (_, "agent", _) => Some("ClientMember"),
            (_, "customer", "discord") => Some("DiscordUser"),
            (_, "customer", _) => Some("Customer"),
            _ => None,
        }
    }

    /// A customer's public message.
    pub fn new(id: impl Into<String>, created_at: Instant, content: impl Into<String>) -> Self {
        Self {
            id: Some(id.into()),
            content: Some(content.into()),
            sender_type: "customer".into(),
            sender_name: None,
            sender_id: None,
            reference: Reference::BySender,
            message_type: "ExternalMessage".into(),
            created_at,
            updated_at: Some(created_at),
            attachments: Vec::new(),
            is_edited: false,
            is_deleted: false,
            replied_to: None,
            reactions: Vec::new(),
            action_log_from: None,
            action_log_to: None,
        }
    }
}

/// A file of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// File name.
    pub file_name: Option<String>,
    /// Where it lies.
    pub url: Option<String>,
    /// Media type.
    pub file_type: Option<String>,
}

/// A value of a custom attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttributeValue {
    /// Its definition.
    pub attribute_id: String,
    /// The value.
    pub content: String,
}

/// The definition of a custom attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// Id.
    pub id: String,
    /// Label.
    pub name: String,
    /// Kind of value: `text`, `number`, `boolean`.
    pub kind: Word,
}

/// A customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Customer {
    /// Id.
    pub id: String,
    /// Name.
    pub name: Option<String>,
    /// E-mail address.
    pub email: Option<String>,
    /// Wallet.
    pub wallet_address: Option<String>,
    /// Discord account.
    pub discord_author_id: Option<String>,
    /// Telegram account.
    pub telegram_author_id: Option<String>,
    /// Roles on Discord.
    pub discord_roles: Vec<String>,
    /// Picture.
    pub avatar_url: Option<String>,
    /// First seen.
    pub created_at: Option<Instant>,
    /// Last change.
    pub updated_at: Option<Instant>,
    /// Custom attributes, in the order served.
    pub attributes: Vec<AttributeValue>,
}

impl Customer {
    /// A customer of whom only the id is known.
    pub fn new(id: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            name: None,
            email: None,
            wallet_address: None,
            discord_author_id: None,
            telegram_author_id: None,
            discord_roles: Vec::new(),
            avatar_url: None,
            created_at: None,
            updated_at: None,
            attributes: Vec::new(),
        }
    }
}

/// A category.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Category {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
    /// Archived ones are missing from `/api/categories` but stay on their tickets.
    pub is_archived: bool,
}

impl Category {
    /// An active category.
    pub fn new(id: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            name: name.into(),
            is_archived: false,
        }
    }
}

/// An agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent {
    /// Id.
    pub id: String,
    /// User name.
    pub username: Option<String>,
    /// E-mail address.
    pub email: Option<String>,
    /// Wallet.
    pub wallet_address: Option<String>,
    /// Archived ones are missing from `/api/agents` but stay on their tickets.
    pub is_archived: bool,
}

impl Agent {
    /// An active agent with a user name.
    pub fn new(id: impl Into<String>, username: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            username: Some(username.into()),
            email: None,
            wallet_address: None,
            is_archived: false,
        }
    }
}

/// A tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
}

impl Tag {
    /// A tag.
    pub fn new(id: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            name: name.into(),
        }
    }
}

//! What belongs to a ticket: its thread, and lists of its own.

use std::sync::LazyLock;

use rusqlite::Connection;

use crate::normalize::{ThreadRows, TicketRows};
use crate::store::children::{self, Children};
use crate::table::{Message, MessageAttachment, TicketAttribute, TicketDiscordUser, TicketTag};

static MESSAGES: LazyLock<children::Sql> = LazyLock::new(children::Sql::new::<Message>);
static ATTACHMENTS: LazyLock<children::Sql> =
    LazyLock::new(children::Sql::new::<MessageAttachment>);
static ATTRIBUTES: LazyLock<children::Sql> = LazyLock::new(children::Sql::new::<TicketAttribute>);
static TAGS: LazyLock<children::Sql> = LazyLock::new(children::Sql::new::<TicketTag>);
static USERS: LazyLock<children::Sql> = LazyLock::new(children::Sql::new::<TicketDiscordUser>);

/// What belongs to the tickets that one page brings.
pub(super) struct Lists<'c> {
    messages: Children<'c>,
    attachments: Children<'c>,
    attributes: Children<'c>,
    tags: Children<'c>,
    users: Children<'c>,
}

impl<'c> Lists<'c> {
    pub(super) fn new(connection: &'c Connection) -> rusqlite::Result<Self> {
        Ok(Self {
            messages: Children::new(connection, &MESSAGES)?,
            attachments: Children::new(connection, &ATTACHMENTS)?,
            attributes: Children::new(connection, &ATTRIBUTES)?,
            tags: Children::new(connection, &TAGS)?,
            users: Children::new(connection, &USERS)?,
        })
    }

    pub(super) fn replace_head(&mut self, rows: &TicketRows) -> rusqlite::Result<()> {
        for children in [&mut self.attributes, &mut self.tags, &mut self.users] {
            children.delete(&rows.ticket.id)?;
        }
        self.attach_head(rows)
    }

    pub(super) fn replace_thread(&mut self, id: &str, thread: &ThreadRows) -> rusqlite::Result<()> {
        self.attachments.delete(id)?;
        self.messages.delete(id)?;
        self.attach_thread(thread)
    }

    pub(super) fn attach_head(&mut self, rows: &TicketRows) -> rusqlite::Result<()> {
        self.attributes.insert(&rows.attributes)?;
        self.users.insert(&rows.discord_users)?;
        self.tags.insert(&rows.ticket_tags())
    }

    pub(super) fn attach_thread(&mut self, thread: &ThreadRows) -> rusqlite::Result<()> {
        self.messages.insert(&thread.messages)?;
        self.attachments.insert(&thread.attachments)
    }
}

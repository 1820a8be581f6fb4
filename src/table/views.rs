//! Views of SQLite: the columns of a table, and what follows from them.

use super::column::{Column, Record, Table, Type};
use super::{Customer, Message, Ticket};

const SNAPSHOT_ID: Column = Column {
    name: "snapshot_id",
    kind: Type::Integer,
    is_nullable: false,
    description: "The snapshot that last changed this ticket or anything that belongs to it.",
};

const fn flag(name: &'static str, description: &'static str) -> Column {
    Column {
        name,
        kind: Type::Boolean,
        is_nullable: false,
        description,
    }
}

/// Tickets that are there.
pub const LIVE_TICKETS: &Table = &Table {
    name: "live_tickets",
    description: "The columns of `tickets`, of tickets with `deleted_at` NULL. Spam is in it.",
    key: Ticket::TABLE.key,
    content: Ticket::TABLE.content,
    bookkeeping: &[
        SNAPSHOT_ID,
        Column {
            name: "deleted_at",
            kind: Type::Instant,
            is_nullable: true,
            description: "NULL.",
        },
        flag(
            "is_open",
            "Whether the ticket is open. Trap: Not `status <> 'Resolved'`.",
        ),
        flag("is_spam", "Whether it is spam."),
    ],
};

/// Messages that are there.
pub const LIVE_MESSAGES: &Table = &Table {
    name: "live_messages",
    description: "The columns of `messages`, of messages that were not deleted, of tickets that were not.",
    key: Message::TABLE.key,
    content: Message::TABLE.content,
    bookkeeping: &[
        flag(
            "is_public",
            "Whether it is by the customer, a human or the AI. Trap: Automation is not, nor is a note.",
        ),
        flag(
            "is_human",
            "Whether it is human. Where `is_public` = 1 and `sender_type` is not `customer`, 0 is the AI.",
        ),
    ],
};

const fn name(name: &'static str, description: &'static str) -> Column {
    Column {
        name,
        kind: Type::Text,
        is_nullable: true,
        description,
    }
}

/// Tickets with a column for each custom attribute, which follow these.
pub const TICKETS_WIDE: &Table = &Table {
    name: "tickets_wide",
    description: "Tickets that are there, with names and a column for each custom attribute.",
    key: Ticket::TABLE.key,
    content: Ticket::TABLE.content,
    bookkeeping: &[
        SNAPSHOT_ID,
        Column {
            name: "deleted_at",
            kind: Type::Instant,
            is_nullable: true,
            description: "NULL: a deleted ticket has no row.",
        },
        name("category_name", "Name of the category, else its id."),
        name("agent_name", "Name of the agent, else e-mail, else id."),
        name(
            "customer_name",
            "Name of the customer, else e-mail, else id.",
        ),
        name(
            "tag_names",
            "Names of the tags, else ids, sorted, with a comma and a space between.",
        ),
    ],
};

/// Customers with a column for each custom attribute, which follow these.
pub const CUSTOMERS_WIDE: &Table = &Table {
    name: "customers_wide",
    description: "Customers, with a column for each custom attribute.",
    key: Customer::TABLE.key,
    content: Customer::TABLE.content,
    bookkeeping: Customer::TABLE.bookkeeping,
};

/// What a column of a custom attribute begins with, in the wide views.
pub const ATTRIBUTE_PREFIX: &str = "attr_";

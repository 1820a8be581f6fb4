//! The one schema: every table for people, its columns, their types and what they mean.
//!
//! SQLite types, Arrow types and `docs/tables.md` all follow from the [`Table`] constants here; a
//! test holds the migrated database against them. Each table also has a struct with one field per
//! content column, which is what the normaliser makes and the store binds, so a column cannot be
//! forgotten on the way.
//!
//! *Content* columns come from the API. *Bookkeeping* columns (`snapshot_id`, `deleted_at`) are
//! set by the store and follow the content columns.

mod column;
mod document;
mod instant;
mod internal;
mod kind;
mod outcome;

use self::column::Field;
pub use column::{Cell, Column, Record, Table, Type};
pub use document::document;
pub use instant::{Instant, OLDEST_DESK_MS, instant_text, parse_instant};
pub use internal::{INTERNAL_PREFIX, INTERNAL_TABLES};
pub use kind::RunKind;
pub use outcome::{Ending, Outcome, ending};

/// Defines a record struct and its [`Table`] from one list of columns; the doc comments become
/// the descriptions.
macro_rules! table {
    (
        $(#[doc = $table_doc:literal])+
        $name:literal $record:ident key($($key:literal),+) {
            $( $(#[doc = $doc:literal])+ $field:ident: $rust:ty as $kind:ident, )+
        }
        $( bookkeeping {
            $( $(#[doc = $extra_doc:literal])+ $extra:ident: $extra_rust:ty as $extra_kind:ident, )+
        } )?
    ) => {
        $(#[doc = $table_doc])+
        #[derive(Debug, Clone, PartialEq)]
        pub struct $record {
            $( $(#[doc = $doc])+ pub $field: $rust, )+
        }

        impl Record for $record {
            const TABLE: &'static Table = &Table {
                name: $name,
                description: concat!($($table_doc),+),
                key: &[$($key),+],
                content: &[$( Column {
                    name: stringify!($field),
                    kind: Type::$kind,
                    is_nullable: <$rust as Field>::IS_NULLABLE,
                    description: concat!($($doc),+),
                } ),+],
                bookkeeping: &[$($( Column {
                    name: stringify!($extra),
                    kind: Type::$extra_kind,
                    is_nullable: <$extra_rust as Field>::IS_NULLABLE,
                    description: concat!($($extra_doc),+),
                } ),+)?],
            };

            fn each_cell<'a>(&'a self, mut take: impl FnMut(Cell<'a>)) {
                $( take(self.$field.cell()); )+
            }
        }
    };
}

// Below the macro that they use.
mod lists;
mod metrics;
mod metrics_document;
mod totals;
mod views;

pub use lists::{TABLES, TOTALS, VIEWS, all_tables};
pub use metrics::{SlaResult, TicketEvent, TicketMetrics, TicketSla};
pub use metrics_document::metrics_document;
pub use totals::{
    AgentDay, AgentPeriod, CategoryPeriod, CustomerTotals, DailyMetrics, HourVolume, LocalDay,
    LocalHour, TagPeriod,
};
pub use views::{ATTRIBUTE_PREFIX, CUSTOMERS_WIDE, LIVE_MESSAGES, LIVE_TICKETS, TICKETS_WIDE};

table! {
    /// One row per ticket.
    "tickets" Ticket key("id") {
        /// The ticket's id.
        id: String as Id,
        /// `Open`, `Pending`, `Waiting`, `Resolved`, `Spam`, or a word the API adds later.
        status: Option<String> as Enumeration,
        /// 1 low, 2 medium, 3 high, 4 urgent.
        priority: Option<i64> as Integer,
        /// Where the ticket came from: `web`, `discord`, `telegram`, `telegram-group`, `email`.
        source_type: Option<String> as Enumeration,
        /// The category (`categories.id`).
        category_id: Option<String> as Id,
        /// The agent it is assigned to (`agents.id`); NULL when unassigned.
        assigned_agent_id: Option<String> as Id,
        /// The customer (`customers.id`); NULL for telegram groups.
        customer_id: Option<String> as Id,
        /// Subject line of an e-mail ticket.
        email_subject: Option<String> as Text,
        /// When the ticket was created.
        created_at: Instant as Instant,
        /// When the API says it last changed; often absent.
        updated_at: Option<Instant> as Instant,
        /// When it was resolved: `created_at` + `resolution_time_ms`; NULL while unresolved, and where
        /// syncs found that the API's resolution times do not lead to it.
        resolved_at: Option<Instant> as Instant,
        /// Milliseconds from creation to resolution, as the API says; NULL while unresolved.
        resolution_time_ms: Option<i64> as Integer,
        /// The customer's rating, 1 to 5; NULL without one.
        csat: Option<i64> as Integer,
        /// What the AI agent did with it, as the API words it.
        ai_status: Option<String> as Enumeration,
        /// Messages in the thread, of every kind, without deleted ones; NULL where the thread was never sent.
        message_count: Option<i64> as Integer,
        /// Messages by the customer, without deleted ones.
        customer_message_count: Option<i64> as Integer,
        /// Messages by agents that the customer can see, without deleted ones.
        agent_message_count: Option<i64> as Integer,
        /// Messages by the system (audit log and automation), without deleted ones.
        system_message_count: Option<i64> as Integer,
        /// Private notes (`message_type` = `InternalNote`), without deleted ones.
        private_note_count: Option<i64> as Integer,
        /// First message by the customer that was not deleted.
        first_customer_message_at: Option<Instant> as Instant,
        /// The first reply: the first message by an agent (a person or the AI) that the customer can see, sent at `created_at` or later
        /// and not deleted. What an agent wrote in the channel before the ticket is no reply. NULL without one.
        first_agent_reply_at: Option<Instant> as Instant,
        /// Milliseconds from creation to `first_agent_reply_at`; NULL without one.
        first_reply_time_ms: Option<i64> as Integer,
        /// Latest message of any kind that was not deleted.
        last_message_at: Option<Instant> as Instant,
        /// Who sent that message: `customer`, `agent` or `system`.
        last_message_sender_type: Option<String> as Enumeration,
        /// Fields the API sent that have no column here, as JSON.
        extra_json: Option<String> as Json,
    }
    bookkeeping {
        /// The snapshot that last changed this ticket or anything that belongs to it.
        snapshot_id: i64 as Integer,
        /// When the ticket was found gone from the API; NULL while it is there.
        deleted_at: Option<Instant> as Instant,
    }
}

/// The columns of [`Ticket`] that follow from its thread: NULL where it was not read, and no part
/// of what tells whether the ticket itself changed.
pub const THREAD_FACTS: [&str; 10] = [
    "message_count",
    "customer_message_count",
    "agent_message_count",
    "system_message_count",
    "private_note_count",
    "first_customer_message_at",
    "first_agent_reply_at",
    "first_reply_time_ms",
    "last_message_at",
    "last_message_sender_type",
];

table! {
    /// One row per message of a ticket's thread, private notes, audit log and deleted messages included.
    "messages" Message key("ticket_id", "id") {
        /// The message's id, unique within its ticket; `made-…` where the API sent none.
        id: String as Id,
        /// The ticket it belongs to (`tickets.id`).
        ticket_id: String as Id,
        /// Place in the thread, from 0, oldest first.
        position: i64 as Integer,
        /// `customer`, `agent` or `system`.
        sender_type: Option<String> as Enumeration,
        /// What kind of sender the API says it is: `ClientMember` (an agent), `Customer`, `DiscordUser`, or a word it adds later; NULL
        /// where it says nothing.
        sender_reference_type: Option<String> as Enumeration,
        /// The sender's name, where the API gives one.
        sender_name: Option<String> as Text,
        /// The sender's id, where the API gives one.
        sender_id: Option<String> as Id,
        /// `ExternalMessage`, `InternalNote`, or a kind of audit-log entry.
        message_type: Option<String> as Enumeration,
        /// The text.
        content: Option<String> as Text,
        /// When it was sent.
        created_at: Option<Instant> as Instant,
        /// When it was last edited.
        updated_at: Option<Instant> as Instant,
        /// Whether it was edited; NULL where the API does not say.
        is_edited: Option<bool> as Boolean,
        /// Whether it was deleted from its thread; NULL where the API does not say. `is_deleted IS NOT TRUE` leaves those out.
        is_deleted: Option<bool> as Boolean,
        /// Of an audit-log entry, the value before the change, such as `Open`; of an object or a list its JSON, and `extra_json` has the
        /// value as it was sent. NULL where the API gives none.
        action_log_from: Option<String> as Text,
        /// Of an audit-log entry, the value after the change, in the same form.
        action_log_to: Option<String> as Text,
        /// Fields the API sent that have no column here, as JSON.
        extra_json: Option<String> as Json,
    }
}

table! {
    /// One row per file attached to a message.
    "message_attachments" MessageAttachment key("ticket_id", "message_id", "position") {
        /// The ticket (`tickets.id`).
        ticket_id: String as Id,
        /// The message (`messages.id` within the ticket).
        message_id: String as Id,
        /// Place among the message's attachments, from 0.
        position: i64 as Integer,
        /// File name.
        file_name: Option<String> as Text,
        /// Where the file lies.
        url: Option<String> as Text,
        /// Its type as the API gives it.
        file_type: Option<String> as Text,
    }
}

table! {
    /// One row per customer seen on a ticket; the newest observation wins.
    "customers" Customer key("id") {
        /// The customer's id.
        id: String as Id,
        /// Name.
        name: Option<String> as Text,
        /// E-mail address.
        email: Option<String> as Text,
        /// Wallet address.
        wallet_address: Option<String> as Text,
        /// The customer's Discord id.
        discord_author_id: Option<String> as Id,
        /// The customer's Telegram id.
        telegram_author_id: Option<String> as Id,
        /// When the customer was created.
        created_at: Option<Instant> as Instant,
        /// When the API says the customer last changed.
        updated_at: Option<Instant> as Instant,
        /// Fields the API sent that have no column here, as JSON.
        extra_json: Option<String> as Json,
    }
    bookkeeping {
        /// The snapshot that last changed this customer or its attributes.
        snapshot_id: i64 as Integer,
    }
}

table! {
    /// One row per custom attribute of a ticket.
    "ticket_attributes" TicketAttribute key("ticket_id", "position") {
        /// The ticket (`tickets.id`).
        ticket_id: String as Id,
        /// Place among the ticket's attributes, from 0.
        position: i64 as Integer,
        /// The attribute's id, where the API gives one.
        attribute_id: Option<String> as Id,
        /// The attribute's label, where the API gives one.
        label: Option<String> as Text,
        /// The value; anything but a string as its JSON text.
        value: Option<String> as Text,
    }
}

table! {
    /// One row per custom attribute of a customer.
    "customer_attributes" CustomerAttribute key("customer_id", "position") {
        /// The customer (`customers.id`).
        customer_id: String as Id,
        /// Place among the customer's attributes, from 0.
        position: i64 as Integer,
        /// The attribute's id, where the API gives one.
        attribute_id: Option<String> as Id,
        /// The attribute's label, where the API gives one.
        label: Option<String> as Text,
        /// The value; anything but a string as its JSON text.
        value: Option<String> as Text,
    }
}

table! {
    /// One row per tag seen on a ticket.
    "tags" Tag key("id") {
        /// The tag's id.
        id: String as Id,
        /// Its name, where the API gives one; else the one in `[names.tags]` of the configuration.
        name: Option<String> as Text,
    }
    bookkeeping {
        /// The snapshot that last changed this tag.
        snapshot_id: i64 as Integer,
    }
}

table! {
    /// Which ticket has which tag.
    "ticket_tags" TicketTag key("ticket_id", "tag_id") {
        /// The ticket (`tickets.id`).
        ticket_id: String as Id,
        /// The tag (`tags.id`).
        tag_id: String as Id,
    }
}

table! {
    /// Discord user names that take part in a ticket.
    "ticket_discord_users" TicketDiscordUser key("ticket_id", "position") {
        /// The ticket (`tickets.id`).
        ticket_id: String as Id,
        /// Place in the ticket's list, from 0.
        position: i64 as Integer,
        /// The Discord user name.
        user_name: String as Text,
    }
}

table! {
    /// One row per category listed by the API or seen on a ticket.
    "categories" Category key("id") {
        /// The category's id.
        id: String as Id,
        /// Its name; NULL while only its id was seen.
        name: Option<String> as Text,
        /// Whether it is archived; NULL while unknown.
        is_archived: Option<bool> as Boolean,
    }
    bookkeeping {
        /// The snapshot that last changed this category.
        snapshot_id: i64 as Integer,
    }
}

table! {
    /// One row per agent listed by the API or seen on a ticket.
    "agents" Agent key("id") {
        /// The agent's id.
        id: String as Id,
        /// Name; NULL while only the id was seen.
        name: Option<String> as Text,
        /// E-mail address.
        email: Option<String> as Text,
        /// Wallet address.
        wallet_address: Option<String> as Text,
    }
    bookkeeping {
        /// The snapshot that last changed this agent.
        snapshot_id: i64 as Integer,
    }
}

table! {
    /// One row per version of a ticket's tracked fields, as this copy saw them.
    "ticket_history" TicketVersion key("ticket_id", "valid_from") {
        /// The ticket (`tickets.id`).
        ticket_id: String as Id,
        /// When this copy first saw the version.
        valid_from: Instant as Instant,
        /// When this copy saw the next one; NULL for the current version.
        valid_until: Option<Instant> as Instant,
        /// Status.
        status: Option<String> as Enumeration,
        /// Priority.
        priority: Option<i64> as Integer,
        /// Category (`categories.id`).
        category_id: Option<String> as Id,
        /// Agent (`agents.id`).
        assigned_agent_id: Option<String> as Id,
        /// Ids of the tags, sorted, as a JSON array.
        tags_json: String as Json,
        /// Rating.
        csat: Option<i64> as Integer,
        /// What the AI agent did.
        ai_status: Option<String> as Enumeration,
        /// Milliseconds from creation to resolution.
        resolution_time_ms: Option<i64> as Integer,
        /// Messages in the thread, without deleted ones. A version that ended before the store was brought to schema 12 counts those too.
        message_count: Option<i64> as Integer,
        /// Whether the ticket was gone from the API.
        is_deleted: bool as Boolean,
    }
    bookkeeping {
        /// The snapshot that saw this version first.
        snapshot_id: i64 as Integer,
    }
}

table! {
    /// One row per run, resumed runs included: what was asked for and what came of it.
    "snapshots" Snapshot key("id") {
        /// Number of the run, from 1.
        id: i64 as Integer,
        /// The command: `backfill`, `sync`, `verify` for a repair, or `demo` for an invented desk; `metrics` where metrics of tickets
        /// that are stored were computed anew, for whom `tickets_read` and `tickets_changed` count.
        kind: String as Enumeration,
        /// `running`, `complete`, `complete_with_rejects`, `incomplete` (something is not proven), `superseded`.
        outcome: String as Enumeration,
        /// When the run began.
        started_at: Instant as Instant,
        /// When it ended; NULL while it is unfinished.
        finished_at: Option<Instant> as Instant,
        /// Start of the range asked for, inclusive.
        range_from: Instant as Instant,
        /// End of the range asked for, exclusive.
        range_until: Instant as Instant,
        /// The filters of a filtered export as a JSON object; NULL when unfiltered.
        filters_json: Option<String> as Json,
        /// Whether message threads were asked for.
        has_messages: bool as Boolean,
        /// Requests sent, retries included.
        requests: i64 as Integer,
        /// Tickets read.
        tickets_read: i64 as Integer,
        /// Tickets that were not in the store before.
        tickets_new: i64 as Integer,
        /// Tickets whose content had changed.
        tickets_changed: i64 as Integer,
        /// Tickets found gone from the API.
        tickets_deleted: i64 as Integer,
        /// Slices of the range that could not be proven complete.
        unverified_slices: i64 as Integer,
        /// Values and tickets that it met and that could not be stored as they were sent; see `rejects`.
        rejects: i64 as Integer,
        /// Characters that no database can hold (NUL, halves of surrogate pairs, bytes that are no UTF-8), stored as U+FFFD.
        replaced_characters: i64 as Integer,
        /// What may have changed on the desk without being seen by a sync, as a JSON array: `what`, `tickets`, `created_from`,
        /// `created_until`, `since`; `[]` where it read everything. NULL of other runs and while it is unfinished.
        may_be_unseen_json: Option<String> as Json,
    }
}

table! {
    /// What could not be represented, kept raw: a whole ticket or one value of it.
    "rejects" Reject key("id") {
        /// Made from ticket, path and raw value, so that the same reject is kept once.
        id: String as Id,
        /// The ticket's id; NULL when that is what is missing.
        ticket_id: Option<String> as Id,
        /// Where in the ticket: a path such as `messages[3].content`; empty for the whole ticket.
        path: String as Text,
        /// Why, in words.
        reason: String as Text,
        /// The value as received, up to 1 MiB: where more was cut off, `reason` and its end say so. Bytes that are no UTF-8 are
        /// written as `\udc` and two hex digits.
        raw_json: String as Json,
        /// When the ticket was created, of a whole ticket; NULL of a value, and where that is what is missing.
        created_at: Option<Instant> as Instant,
    }
    bookkeeping {
        /// The snapshot that first met it.
        snapshot_id: i64 as Integer,
        /// When somebody said that it is known and no reason to stop: see `mava-export accept`.
        accepted_at: Option<Instant> as Instant,
    }
}

impl Snapshot {
    /// Whether its run came to its end; one that was given up did not.
    pub fn has_ended(&self) -> bool {
        Outcome::of(&self.outcome).is_some_and(Outcome::is_end)
    }

    /// Whether its run proved that it read all that it was to read; rejects that stand leave nothing unread.
    pub fn is_proven(&self) -> bool {
        Outcome::of(&self.outcome).is_some_and(Outcome::is_proven)
    }
}

impl Reject {
    /// What a ticket without an id is known by: `raw-` and the reject's own id.
    pub fn stand_in(&self) -> String {
        format!("raw-{}", self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_thread_fact_is_a_column_of_tickets_that_may_be_null() {
        for name in THREAD_FACTS {
            let column = Ticket::TABLE.content.iter().find(|it| it.name == name);
            assert!(column.is_some_and(|column| column.is_nullable), "{name}");
        }
    }
}

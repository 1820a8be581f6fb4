//! All tables and views for people.

use super::column::{Record, Table};
use super::{
    Agent, AgentDay, AgentPeriod, CUSTOMERS_WIDE, Category, CategoryPeriod, Customer,
    CustomerAttribute, CustomerTotals, DailyMetrics, HourVolume, LIVE_MESSAGES, LIVE_TICKETS,
    LocalDay, LocalHour, Message, MessageAttachment, Reject, SlaResult, Snapshot, TICKETS_WIDE,
    Tag, TagPeriod, Ticket, TicketAttribute, TicketDiscordUser, TicketEvent, TicketMetrics,
    TicketTag, TicketVersion,
};

/// Every table for people whose rows are a ticket's, or stand for themselves, in the order of the documentation.
pub const TABLES: &[&Table] = &[
    Ticket::TABLE,
    Message::TABLE,
    MessageAttachment::TABLE,
    Customer::TABLE,
    TicketAttribute::TABLE,
    CustomerAttribute::TABLE,
    Tag::TABLE,
    TicketTag::TABLE,
    TicketDiscordUser::TABLE,
    Category::TABLE,
    Agent::TABLE,
    TicketVersion::TABLE,
    TicketMetrics::TABLE,
    TicketEvent::TABLE,
    Snapshot::TABLE,
    Reject::TABLE,
];

/// Tables that are made of all others where a run ends.
pub const TOTALS: &[&Table] = &[
    LocalDay::TABLE,
    DailyMetrics::TABLE,
    AgentDay::TABLE,
    AgentPeriod::TABLE,
    CategoryPeriod::TABLE,
    TagPeriod::TABLE,
    CustomerTotals::TABLE,
    HourVolume::TABLE,
];

/// Views of SQLite.
pub const VIEWS: &[&Table] = &[
    LocalHour::TABLE,
    LIVE_TICKETS,
    LIVE_MESSAGES,
    TICKETS_WIDE,
    CUSTOMERS_WIDE,
    SlaResult::TABLE,
];

/// All that people can ask and that snapshots have, in the order of the documentation.
pub fn all_tables() -> impl Iterator<Item = &'static Table> + Clone {
    let lists = [TABLES, TOTALS, VIEWS].into_iter();
    lists.flat_map(|list| list.iter().copied())
}

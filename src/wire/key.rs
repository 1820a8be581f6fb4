//! What tells a ticket from all others.

use crate::table::Instant;

/// What paging needs of a ticket.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TicketKey {
    /// Its id; `None` without a usable one: a text that is not empty, and no longer than ids are.
    pub id: Option<String>,
    /// When it was created, to the millisecond; `None` without a usable instant.
    pub created_at: Option<Instant>,
}

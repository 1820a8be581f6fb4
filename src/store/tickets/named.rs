//! What a ticket names: its customer, its category, its agent and its tags.

use crate::normalize::TicketRows;
use crate::store::customers::Customers;
use crate::store::references::References;

/// Writes what the tickets of one page name.
pub(super) struct Named<'c> {
    pub(super) references: References<'c>,
    pub(super) customers: Customers<'c>,
}

impl Named<'_> {
    /// Everything the ticket refers to is there before it is.
    pub(super) fn write(&mut self, rows: &TicketRows) -> rusqlite::Result<()> {
        let ticket = &rows.ticket;
        if let Some(customer) = &rows.customer {
            self.customers.write(customer)?;
        }
        let shown = rows.customer.as_ref().map(|rows| &rows.customer.id);
        if let Some(id) = other(&ticket.customer_id, shown) {
            self.customers.id(id)?;
        }
        if let Some(category) = &rows.category {
            self.references.category(category)?;
        }
        if let Some(id) = other(
            &ticket.category_id,
            rows.category.as_ref().map(|row| &row.id),
        ) {
            self.references.category_id(id)?;
        }
        if let Some(agent) = &rows.agent {
            self.references.agent(agent)?;
        }
        if let Some(id) = other(
            &ticket.assigned_agent_id,
            rows.agent.as_ref().map(|row| &row.id),
        ) {
            self.references.agent_id(id)?;
        }
        rows.tags
            .iter()
            .try_for_each(|tag| self.references.tag(tag))
    }
}

/// The id a ticket names, unless that is the row it showed.
fn other<'a>(named: &'a Option<String>, shown: Option<&String>) -> Option<&'a str> {
    named
        .as_deref()
        .filter(|id| shown.is_none_or(|shown| shown != id))
}

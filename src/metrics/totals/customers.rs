//! Numbers by customer.

use std::collections::BTreeMap;

use super::percentile::median;
use super::{Counted, DisplayNames, number};
use crate::table::{CustomerTotals, Instant};

/// A ticket so soon after the customer's last one, in milliseconds, is a repeated contact.
const WEEK: i64 = 604_800_000;

/// Counts by customer.
#[derive(Debug, Default)]
pub(super) struct Customers(BTreeMap<String, Sums>);

#[derive(Debug, Default)]
struct Sums {
    /// Instants of creation.
    tickets: Vec<i64>,
    open: i64,
    resolved: i64,
    messages: Option<i64>,
    replies: Option<i64>,
    rated: i64,
    csat: i64,
    first_replies: Vec<i64>,
}

impl Customers {
    pub(super) fn add(&mut self, ticket: &Counted) {
        let Some(customer) = &ticket.customer_id else {
            return;
        };
        let sums = match self.0.get_mut(customer) {
            Some(sums) => sums,
            None => self.0.entry(customer.clone()).or_default(),
        };
        sums.tickets.push(ticket.created_at);
        sums.open += i64::from(ticket.is_open());
        sums.resolved += i64::from(ticket.is_resolved());
        add(&mut sums.messages, ticket.tally.customer_messages);
        add(&mut sums.replies, ticket.tally.replies);
        sums.rated = sums
            .rated
            .saturating_add(i64::from(ticket.tally.csat.is_some()));
        sums.csat = sums
            .csat
            .saturating_add(ticket.tally.csat.unwrap_or_default());
        sums.first_replies.extend(ticket.first_reply.ms);
    }

    pub(super) fn rows(self, names: &DisplayNames) -> Vec<CustomerTotals> {
        let row = |(id, mut sums): (String, Sums)| {
            // Of tickets created at one instant the ids decide which is the repetition: the count is one either way.
            sums.tickets.sort_unstable();
            let pairs = sums.tickets.windows(2);
            let repeats = pairs.filter(|pair| matches!(pair, [one, next] if next - one <= WEEK));
            let repeats = number(repeats.count());
            let instant = |at: Option<&i64>| Instant::from_timestamp_millis(*at?);
            Some(CustomerTotals {
                customer_name: Some(
                    names
                        .customers
                        .get(&id)
                        .cloned()
                        .unwrap_or_else(|| id.clone()),
                ),
                customer_id: id,
                tickets: number(sums.tickets.len()),
                open: sums.open,
                resolved: sums.resolved,
                repeats_within_a_week: repeats,
                first_ticket_at: instant(sums.tickets.first())?,
                last_ticket_at: instant(sums.tickets.last())?,
                customer_messages: sums.messages,
                public_replies: sums.replies,
                rated: sums.rated,
                csat_sum: sums.csat,
                median_first_reply_ms: median(&mut sums.first_replies),
            })
        };
        self.0.into_iter().filter_map(row).collect()
    }
}

/// A sum, none of nothing.
fn add(sum: &mut Option<i64>, more: Option<i64>) {
    if let Some(more) = more {
        *sum = Some(sum.unwrap_or_default().saturating_add(more));
    }
}

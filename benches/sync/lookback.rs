//! The usual way: every night all tickets created in the last days. Replayed after the nights, so
//! that a look-back can be asked for that costs what a sync turned out to cost.

use std::collections::{HashMap, HashSet};

use mava_export::mava::LONGEST_DAYS;
use mava_export::simulator::Changes;
use mava_export::table::Instant;

use super::desk::Desk;
use super::outcome::Strategy;

const DAY_MS: u64 = 86_400_000;

/// The nights of some desks, as many of each.
pub(crate) struct Past(Vec<History>);

impl Past {
    pub(crate) fn new(desks: Vec<History>) -> Self {
        Self(desks)
    }

    /// What reading the tickets of the last days costs and sees.
    pub(crate) fn look_back(&self, days: usize) -> Strategy {
        let desks = self.0.iter().map(|desk| desk.look_back(days));
        desks
            .reduce(|mut pooled, desk| {
                pooled.pool(desk);
                pooled
            })
            .expect("a desk at least")
    }

    /// Days whose tickets cost so many requests a night, as closely as whole days allow: the most of them.
    pub(crate) fn days_for(&self, requests: f64) -> usize {
        let longest = self.0.iter().map(History::longest).max();
        (1..=longest.unwrap_or(1))
            .rev()
            .min_by(|one, other| {
                let distance = |days: &usize| (self.mean_requests(*days) - requests).abs();
                distance(one).total_cmp(&distance(other))
            })
            .expect("a day at least")
    }

    fn mean_requests(&self, days: usize) -> f64 {
        let nights = self.0.iter().flat_map(|desk| &desk.nights);
        let sum: u64 = nights.clone().map(|night| night.requests(days)).sum();
        sum as f64 / nights.count().max(1) as f64
    }
}

/// What happened on a desk, night by night.
#[derive(Default)]
pub(crate) struct History {
    nights: Vec<Night>,
    /// Customers that have changed.
    changed: HashSet<String>,
}

struct Night {
    now: Instant,
    changes: Changes,
    /// How many tickets were created in the last days, by the number of days.
    created: Vec<u64>,
    /// The creation of the newest ticket of each customer that has changed by now.
    newest: HashMap<String, Instant>,
}

impl History {
    /// Keeps what a night brought.
    pub(crate) fn add(&mut self, desk: &Desk, changes: Changes) {
        let changed = changes.customers.iter();
        self.changed
            .extend(changed.map(|change| change.customer_id.clone()));
        let now = desk.now();
        let (mut created, mut newest) = (Vec::new(), HashMap::new());
        desk.with_tickets(|ticket| {
            let age_ms = u64::try_from((now - ticket.created_at).num_milliseconds());
            let days = age_ms.expect("a past").max(1).div_ceil(DAY_MS);
            let days = usize::try_from(days).expect("fits");
            if created.len() <= days {
                created.resize(days + 1, 0);
            }
            if let Some(count) = created.get_mut(days) {
                *count += 1;
            }
            let customer = ticket.customer_id.as_ref();
            if let Some(id) = customer.filter(|id| self.changed.contains(*id)) {
                let newest = newest.entry(id.clone()).or_insert(ticket.created_at);
                *newest = ticket.created_at.max(*newest);
            }
        });
        let mut sum = 0;
        for count in &mut created {
            sum += *count;
            *count = sum;
        }
        self.nights.push(Night {
            now,
            changes,
            created,
            newest,
        });
    }

    /// Days that reach the first ticket on every night.
    fn longest(&self) -> usize {
        let days = self.nights.iter().map(|night| night.created.len());
        days.max().unwrap_or(1).saturating_sub(1).max(1)
    }

    /// Reads the last days' tickets; sees those exactly, the deleted among them too.
    fn look_back(&self, days: usize) -> Strategy {
        let mut strategy = Strategy::new(format!("look back {days} d"), self.nights.len());
        for (night, past) in (1..).zip(&self.nights) {
            let from = past.now - chrono::Duration::days(i64::try_from(days).expect("fits"));
            let changes = &past.changes;
            strategy.requests.add(night, past.requests(days));
            strategy.watch.expect(night, &changes.tickets);
            strategy
                .watch
                .look(night, |change, _| change.created_at >= from);
            strategy
                .customers
                .night(night, &changes.customers, |change| {
                    let newest = past.newest.get(&change.customer_id);
                    newest.is_some_and(|created_at| *created_at >= from)
                });
        }
        strategy
    }
}

impl Night {
    /// Pages of a hundred of each window of a year at most, and the answer that ends a window.
    fn requests(&self, days: usize) -> u64 {
        let longest = usize::try_from(LONGEST_DAYS).expect("fits");
        let mut requests = 0;
        let mut from = days;
        while from > 0 {
            let until = from.saturating_sub(longest);
            requests += (self.created_within(from) - self.created_within(until)).div_ceil(100) + 1;
            from = until;
        }
        requests
    }

    fn created_within(&self, days: usize) -> u64 {
        let count = self.created.get(days).or(self.created.last());
        count.copied().unwrap_or(0)
    }
}

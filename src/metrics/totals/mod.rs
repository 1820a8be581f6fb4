//! Totals: what all tickets come to by day, agent, category, tag, customer and hour. Pure: tickets in, one after the
//! other; rows out.
//!
//! Every definition stands in `docs/metrics.md`.

mod agents;
mod backlog;
mod calendar;
mod cohorts;
mod customers;
mod daily;
mod hours;
mod outcomes;
mod percentile;
mod ticket;

#[cfg(test)]
mod tests;

use std::collections::HashMap;

use self::agents::Agents;
pub use self::calendar::Calendar;
use self::cohorts::Cohorts;
use self::customers::Customers;
use self::daily::Daily;
pub use self::daily::{DailyIter, DailyRows};
use self::hours::Hourly;
use self::outcomes::Outcomes;
pub use self::ticket::{Counted, Event, FirstReply, Group, Resolution, Tally};
use crate::table::{
    AgentDay, AgentPeriod, CategoryPeriod, CustomerTotals, HourVolume, Instant, LocalHour,
    TagPeriod,
};

/// What people call agents, categories, tags and customers, by id.
#[derive(Debug, Clone, Default)]
pub struct DisplayNames {
    /// Of `agents`: name, else e-mail.
    pub agents: HashMap<String, String>,
    /// Of `categories`.
    pub categories: HashMap<String, String>,
    /// Of `tags`.
    pub tags: HashMap<String, String>,
    /// Of `customers`: name, else e-mail.
    pub customers: HashMap<String, String>,
}

/// How far totals go.
#[derive(Debug, Clone, Copy)]
pub struct Span {
    /// When the last finished run began.
    pub last_run: Instant,
    /// When a ticket was first seen by a sync (`ticket_history.valid_from`); none without a version.
    pub first_seen: Option<Instant>,
}

/// The rows, each table's in the order of its key.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Totals {
    /// `daily_metrics`.
    pub daily: DailyRows,
    /// `agent_daily`.
    pub agent_days: Vec<AgentDay>,
    /// `agent_metrics`.
    pub agents: Vec<AgentPeriod>,
    /// `category_metrics`.
    pub categories: Vec<CategoryPeriod>,
    /// `tag_metrics`.
    pub tags: Vec<TagPeriod>,
    /// `customer_metrics`.
    pub customers: Vec<CustomerTotals>,
    /// `hourly_volume`.
    pub hours: Vec<HourVolume>,
}

/// Counts tickets one by one.
#[derive(Debug)]
pub struct Counter<'c> {
    calendar: &'c Calendar,
    daily: Daily,
    agents: Agents,
    categories: Cohorts,
    tags: Cohorts,
    customers: Customers,
    hourly: Hourly<'c>,
}

impl<'c> Counter<'c> {
    /// No ticket yet. `hours` are those of which there is to be a row.
    pub fn new(calendar: &'c Calendar, hours: &'c [LocalHour], span: Span) -> Self {
        Self {
            calendar,
            daily: Daily::new(calendar, span),
            agents: Agents::default(),
            categories: Cohorts::default(),
            tags: Cohorts::default(),
            customers: Customers::default(),
            hourly: Hourly::new(hours, span.last_run),
        }
    }

    /// Counts a ticket. Spam is in no total, and what was deleted only in those of its days.
    pub fn add(&mut self, ticket: &Counted) {
        if ticket.is_spam() {
            return;
        }
        let outcomes = Outcomes::of(ticket);
        self.daily.add(ticket, &outcomes, self.calendar);
        if ticket.is_deleted {
            return;
        }
        self.agents.add(ticket, &outcomes, self.calendar);
        let date = self.calendar.date(ticket.created_at);
        self.categories
            .add(ticket.group.category_id.as_deref(), date, ticket);
        for tag in &ticket.tags {
            self.tags.add(Some(tag), date, ticket);
        }
        self.customers.add(ticket);
        self.hourly.add(ticket);
    }

    /// The rows of all tickets that were counted.
    pub fn rows(self, names: &DisplayNames) -> Totals {
        let (agent_days, agents) = self.agents.rows(names);
        Totals {
            daily: self.daily.rows(),
            agent_days,
            agents,
            categories: self.categories.category_rows(names),
            tags: self.tags.tag_rows(names),
            customers: self.customers.rows(names),
            hours: self.hourly.rows(),
        }
    }
}

/// The periods that a date is in: kind and first date, which is none of `all`.
fn periods(date: i64) -> [(Period, Option<i64>); 3] {
    [
        (Period::All, None),
        (Period::Month, Some(calendar::month(date))),
        (Period::Week, Some(calendar::week(date))),
    ]
}

/// Kinds of periods, in the order of their words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Period {
    All,
    Month,
    Week,
}

impl Period {
    fn word(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Month => "month",
            Self::Week => "week",
        }
    }
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

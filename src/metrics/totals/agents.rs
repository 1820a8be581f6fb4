//! Numbers by agent: of each day, and of each period.

use std::collections::HashMap;

use super::calendar::{self, Calendar};
use super::outcomes::Outcomes;
use super::percentile::{median, p90};
use super::{Counted, DisplayNames, Period, number, periods};
use crate::table::{AgentDay, AgentPeriod};

/// Counts by agent.
#[derive(Debug, Default)]
pub(super) struct Agents {
    days: HashMap<(String, i64), Sums>,
    periods: HashMap<(String, Period, Option<i64>), Sums>,
    /// Tickets so far.
    tickets: usize,
}

/// What an agent did in a day or a period.
#[derive(Debug, Default)]
struct Sums {
    replies: i64,
    replied: i64,
    /// The last ticket among them.
    last_replied: usize,
    resolved: i64,
    reopened: i64,
    rated: i64,
    csat: i64,
    first_replies: Vec<i64>,
    business: Vec<i64>,
    resolutions: Vec<i64>,
    open: i64,
    waiting: i64,
}

impl Agents {
    /// Counts a ticket that is there.
    pub(super) fn add(&mut self, ticket: &Counted, outcomes: &Outcomes<'_>, calendar: &Calendar) {
        let at = |at| (calendar.date(at), outcomes.group(at).assigned_agent_id);
        self.tickets += 1;
        let ticket_number = self.tickets;
        for (at, agent) in &ticket.activity.replies {
            self.each(agent.as_deref(), calendar.date(*at), |sums| {
                sums.replies += 1;
                sums.replied += i64::from(sums.last_replied != ticket_number);
                sums.last_replied = ticket_number;
            });
        }
        let first = &ticket.first_reply;
        if let (Some(at), Some(ms)) = (first.at, first.ms) {
            self.each(first.agent_id.as_deref(), calendar.date(at), |sums| {
                sums.first_replies.push(ms);
                sums.business.extend(first.business_ms);
            });
        }
        for (date, agent) in outcomes.resolved.iter().copied().map(at) {
            self.each(agent, date, |sums| sums.resolved += 1);
        }
        for (date, agent) in outcomes.reopened.iter().copied().map(at) {
            self.each(agent, date, |sums| sums.reopened += 1);
        }
        if let Some(rated) = &outcomes.rated {
            self.each(rated.agent_id, calendar.date(rated.at), |sums| {
                sums.rated += 1;
                sums.csat = sums.csat.saturating_add(rated.csat);
            });
        }
        if let (Some(resolved_at), Some(ms)) =
            (ticket.resolution.last_at, ticket.resolution.full_ms)
        {
            let (date, agent) = at(resolved_at);
            self.each_period(agent, date, |sums| sums.resolutions.push(ms));
        }
        if let (true, Some(agent)) = (ticket.is_open(), &ticket.group.assigned_agent_id) {
            let all = (agent.clone(), Period::All, None);
            let sums = self.periods.entry(all).or_default();
            sums.open += 1;
            sums.waiting += i64::from(ticket.tally.is_waiting_on_us);
        }
    }

    fn each(&mut self, agent: Option<&str>, date: i64, count: impl Fn(&mut Sums)) {
        let Some(agent) = agent else {
            return;
        };
        count(self.days.entry((agent.to_owned(), date)).or_default());
        self.each_period(Some(agent), date, count);
    }

    fn each_period(&mut self, agent: Option<&str>, date: i64, count: impl Fn(&mut Sums)) {
        let Some(agent) = agent else {
            return;
        };
        for (period, starts_on) in periods(date) {
            let key = (agent.to_owned(), period, starts_on);
            count(self.periods.entry(key).or_default());
        }
    }

    pub(super) fn rows(self, names: &DisplayNames) -> (Vec<AgentDay>, Vec<AgentPeriod>) {
        let name = |id: &str| {
            names
                .agents
                .get(id)
                .cloned()
                .unwrap_or_else(|| id.to_owned())
        };
        let mut days: Vec<_> = self.days.into_iter().collect();
        days.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        let days = days.into_iter().map(|((agent, date), sums)| {
            let name = name(&agent);
            sums.day(agent, name, date)
        });
        let mut periods: Vec<_> = self.periods.into_iter().collect();
        periods.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        let periods = periods.into_iter().map(|(key, sums)| {
            let name = name(&key.0);
            sums.period(key, name)
        });
        (days.collect(), periods.collect())
    }
}

impl Sums {
    fn day(mut self, agent_id: String, name: String, date: i64) -> AgentDay {
        AgentDay {
            agent_id,
            agent_name: Some(name),
            day: calendar::date_text(date),
            week: calendar::date_text(calendar::week(date)),
            public_replies: self.replies,
            tickets_replied: self.replied,
            first_replies: number(self.first_replies.len()),
            resolved: self.resolved,
            reopened: self.reopened,
            rated: self.rated,
            csat_sum: self.csat,
            median_first_reply_ms: median(&mut self.first_replies),
            median_first_reply_business_ms: median(&mut self.business),
        }
    }

    fn period(
        mut self,
        (agent_id, period, starts_on): (String, Period, Option<i64>),
        name: String,
    ) -> AgentPeriod {
        let is_all = period == Period::All;
        AgentPeriod {
            agent_id,
            agent_name: Some(name),
            period: period.word().to_owned(),
            starts_on: starts_on.map(calendar::date_text),
            public_replies: self.replies,
            tickets_replied: self.replied,
            first_replies: number(self.first_replies.len()),
            resolved: self.resolved,
            reopened: self.reopened,
            rated: self.rated,
            csat_sum: self.csat,
            median_first_reply_ms: median(&mut self.first_replies),
            p90_first_reply_ms: p90(&mut self.first_replies),
            median_first_reply_business_ms: median(&mut self.business),
            p90_first_reply_business_ms: p90(&mut self.business),
            median_full_resolution_ms: median(&mut self.resolutions),
            open: is_all.then_some(self.open),
            waiting_on_us: is_all.then_some(self.waiting),
        }
    }
}

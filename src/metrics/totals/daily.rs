//! Numbers by local day, origin, category, agent and priority.

use std::collections::HashMap;

use super::backlog;
use super::calendar::{self, Calendar};
use super::outcomes::{GroupAt, Outcomes};
use super::percentile::{median, p90};
use super::ticket::Group;
use super::{Counted, Span};
use crate::table::DailyMetrics;

/// Counts by date and group.
#[derive(Debug)]
pub(super) struct Daily {
    last: i64,
    first_seen: Option<i64>,
    /// The date of the first ticket that is no spam.
    first: Option<i64>,
    groups: Groups,
    sums: HashMap<(i64, usize), Sums>,
    /// Of each group, by date, how many tickets come to the three backlogs and leave them.
    moves: HashMap<usize, HashMap<i64, [i64; 3]>>,
}

/// What happened on one day to one group.
#[derive(Debug, Default)]
struct Sums {
    created: i64,
    resolved: i64,
    reopened: i64,
    deleted: i64,
    backlog: [i64; 3],
    replies: i64,
    rated: i64,
    csat: i64,
    first_replies: Vec<i64>,
    resolutions: Vec<i64>,
}

/// Groups by a number each.
#[derive(Debug, Default)]
struct Groups {
    known: HashMap<Group, usize>,
    all: Vec<Group>,
}

impl Groups {
    fn number(&mut self, group: GroupAt<'_>) -> usize {
        let group = Group {
            source_type: group.source_type.map(str::to_owned),
            category_id: group.category_id.map(str::to_owned),
            assigned_agent_id: group.assigned_agent_id.map(str::to_owned),
            priority: group.priority,
        };
        if let Some(number) = self.known.get(&group) {
            return *number;
        }
        let number = self.all.len();
        self.all.push(group.clone());
        self.known.insert(group, number);
        number
    }
}

impl Daily {
    pub(super) fn new(calendar: &Calendar, span: Span) -> Self {
        let date = |at: crate::table::Instant| calendar.date(at.timestamp_millis());
        Self {
            last: date(span.last_run),
            first_seen: span.first_seen.map(date),
            first: None,
            groups: Groups::default(),
            sums: HashMap::new(),
            moves: HashMap::new(),
        }
    }

    pub(super) fn add(&mut self, ticket: &Counted, outcomes: &Outcomes<'_>, calendar: &Calendar) {
        let date = |at| calendar.date(at);
        let created = date(ticket.created_at);
        self.first = Some(self.first.map_or(created, |first| first.min(created)));
        self.add_backlog(ticket, outcomes, calendar);
        if ticket.is_deleted {
            for at in ticket.deletions() {
                self.at(date(at), outcomes.group(at)).deleted += 1;
            }
            return;
        }
        self.at(created, outcomes.group(ticket.created_at)).created += 1;
        for at in &outcomes.resolved {
            self.at(date(*at), outcomes.group(*at)).resolved += 1;
        }
        for at in &outcomes.reopened {
            self.at(date(*at), outcomes.group(*at)).reopened += 1;
        }
        for (at, _) in &ticket.activity.replies {
            self.at(date(*at), outcomes.group(*at)).replies += 1;
        }
        if let Some(rated) = &outcomes.rated {
            let group = GroupAt {
                assigned_agent_id: rated.agent_id,
                ..outcomes.group(rated.at)
            };
            let sums = self.at(date(rated.at), group);
            sums.rated += 1;
            sums.csat = sums.csat.saturating_add(rated.csat);
        }
        if let (Some(at), Some(ms)) = (ticket.first_reply.at, ticket.first_reply.ms) {
            self.at(date(at), outcomes.group(at)).first_replies.push(ms);
        }
        if let (Some(at), Some(ms)) = (ticket.resolution.last_at, ticket.resolution.full_ms) {
            self.at(date(at), outcomes.group(at)).resolutions.push(ms);
        }
    }

    fn at(&mut self, date: i64, group: GroupAt<'_>) -> &mut Sums {
        let group = self.groups.number(group);
        self.sums.entry((date, group)).or_default()
    }

    fn add_backlog(&mut self, ticket: &Counted, outcomes: &Outcomes<'_>, calendar: &Calendar) {
        let end = |date| calendar.end(date);
        for stretch in backlog::stretches(ticket, |at| calendar.date(at), end) {
            let counts = [stretch.is_open, stretch.is_surely_open, stretch.may_be_open];
            let counts = counts.map(i64::from);
            let group = self.groups.number(outcomes.group(stretch.at));
            let moves = self.moves.entry(group).or_default();
            add(moves.entry(stretch.from).or_default(), counts);
            if let Some(until) = stretch.until {
                let left = counts.map(i64::wrapping_neg);
                add(moves.entry(until).or_default(), left);
            }
        }
    }

    pub(super) fn rows(mut self) -> Vec<DailyMetrics> {
        for (group, moves) in std::mem::take(&mut self.moves) {
            let mut moves: Vec<(i64, [i64; 3])> = moves.into_iter().collect();
            moves.sort_unstable();
            let ends = moves.iter().skip(1).map(|(date, _)| *date);
            let ends: Vec<i64> = ends.chain([self.last + 1]).collect();
            let mut backlog = [0; 3];
            for ((from, change), until) in moves.into_iter().zip(ends) {
                add(&mut backlog, change);
                if backlog == [0; 3] {
                    continue;
                }
                for date in from..until.min(self.last + 1) {
                    self.sums.entry((date, group)).or_default().backlog = backlog;
                }
            }
        }
        let first = self.first.unwrap_or(i64::MAX);
        let (last, first_seen) = (self.last, self.first_seen);
        let within = self.sums.into_iter();
        let within = within.filter(|((date, _), _)| (first..=last).contains(date));
        let groups = &self.groups.all;
        let rows = within.filter_map(|((date, group), sums)| {
            let is_seen = first_seen.is_some_and(|seen| date >= seen);
            Some(sums.row(date, groups.get(group)?, is_seen))
        });
        let mut rows: Vec<DailyMetrics> = rows.collect();
        rows.sort_unstable_by(|one, other| key(one).cmp(&key(other)));
        rows
    }
}

/// The key of a row.
fn key(row: &DailyMetrics) -> impl Ord + '_ {
    (
        &row.day,
        &row.source_type,
        &row.category_id,
        &row.assigned_agent_id,
        row.priority,
    )
}

fn add(sum: &mut [i64; 3], more: [i64; 3]) {
    for (sum, more) in sum.iter_mut().zip(more) {
        *sum += more;
    }
}

impl Sums {
    fn row(mut self, date: i64, group: &Group, is_seen: bool) -> DailyMetrics {
        let [backlog, backlog_low, backlog_high] = self.backlog;
        let source = match is_seen {
            true => "history",
            false => "resolution_times",
        };
        DailyMetrics {
            day: calendar::date_text(date),
            source_type: group.source_type.clone(),
            category_id: group.category_id.clone(),
            assigned_agent_id: group.assigned_agent_id.clone(),
            priority: group.priority,
            created: self.created,
            resolved: self.resolved,
            reopened: self.reopened,
            deleted: self.deleted,
            backlog,
            backlog_low,
            backlog_high,
            public_replies: self.replies,
            rated: self.rated,
            csat_sum: self.csat,
            median_first_reply_ms: median(&mut self.first_replies),
            p90_first_reply_ms: p90(&mut self.first_replies),
            median_full_resolution_ms: median(&mut self.resolutions),
            p90_full_resolution_ms: p90(&mut self.resolutions),
            backlog_source: source.to_owned(),
        }
    }
}

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
    happened: Vec<Entry<What>>,
    /// How many tickets come to the three backlogs, or leave them.
    moves: Vec<Entry<[i64; 3]>>,
}

/// What is of a date and a group.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Entry<T> {
    date: i64,
    /// Its number.
    group: usize,
    of: T,
}

impl<T> Entry<T> {
    fn place(&self) -> (i64, usize) {
        (self.date, self.group)
    }
}

/// What happened to a ticket.
#[derive(Debug, Clone, Copy, PartialEq)]
enum What {
    Created,
    Resolved,
    Reopened,
    Deleted,
    Reply,
    Rated(i64),
    FirstReply(i64),
    Resolution(i64),
}

/// Groups by a number each.
#[derive(Debug, Default)]
struct Groups {
    texts: HashMap<String, usize>,
    known: HashMap<[Option<i64>; 4], usize>,
    all: Vec<Group>,
}

impl Groups {
    fn number(&mut self, group: GroupAt<'_>) -> usize {
        let key = [
            self.text(group.source_type),
            self.text(group.category_id),
            self.text(group.assigned_agent_id),
            group.priority,
        ];
        let all = &mut self.all;
        *self.known.entry(key).or_insert_with(|| {
            all.push(Group {
                source_type: group.source_type.map(str::to_owned),
                category_id: group.category_id.map(str::to_owned),
                assigned_agent_id: group.assigned_agent_id.map(str::to_owned),
                priority: group.priority,
            });
            all.len() - 1
        })
    }

    /// The number of a text.
    fn text(&mut self, text: Option<&str>) -> Option<i64> {
        let text = text?;
        let number = match self.texts.get(text) {
            Some(number) => *number,
            None => {
                let number = self.texts.len();
                self.texts.insert(text.to_owned(), number);
                number
            }
        };
        i64::try_from(number).ok()
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
            happened: Vec::new(),
            moves: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, ticket: &Counted, outcomes: &Outcomes<'_>, calendar: &Calendar) {
        let created = calendar.date(ticket.created_at);
        self.first = Some(self.first.map_or(created, |first| first.min(created)));
        self.add_backlog(ticket, outcomes, calendar);
        let mut note = |at: i64, group: GroupAt<'_>, of: What| {
            let date = calendar.date(at);
            if date <= self.last {
                let group = self.groups.number(group);
                self.happened.push(Entry { date, group, of });
            }
        };
        if ticket.is_deleted {
            for at in ticket.deletions() {
                note(at, outcomes.group(at), What::Deleted);
            }
            return;
        }
        let mut at_its_group = |at: i64, of: What| note(at, outcomes.group(at), of);
        at_its_group(ticket.created_at, What::Created);
        for at in &outcomes.resolved {
            at_its_group(*at, What::Resolved);
        }
        for at in &outcomes.reopened {
            at_its_group(*at, What::Reopened);
        }
        for (at, _) in &ticket.activity.replies {
            at_its_group(*at, What::Reply);
        }
        if let (Some(at), Some(ms)) = (ticket.first_reply.at, ticket.first_reply.ms) {
            at_its_group(at, What::FirstReply(ms));
        }
        if let (Some(at), Some(ms)) = (ticket.resolution.last_at, ticket.resolution.full_ms) {
            at_its_group(at, What::Resolution(ms));
        }
        if let Some(rated) = &outcomes.rated {
            let group = GroupAt {
                assigned_agent_id: rated.agent_id,
                ..outcomes.group(rated.at)
            };
            note(rated.at, group, What::Rated(rated.csat));
        }
    }

    fn add_backlog(&mut self, ticket: &Counted, outcomes: &Outcomes<'_>, calendar: &Calendar) {
        let end = |date| calendar.end(date);
        for stretch in backlog::stretches(ticket, |at| calendar.date(at), end) {
            let counts = [stretch.is_open, stretch.is_surely_open, stretch.may_be_open];
            let of = counts.map(i64::from);
            let group = self.groups.number(outcomes.group(stretch.at));
            let date = stretch.from;
            self.moves.push(Entry { date, group, of });
            if let Some(date) = stretch.until {
                let of = of.map(i64::wrapping_neg);
                self.moves.push(Entry { date, group, of });
            }
        }
    }

    pub(super) fn rows(self) -> DailyRows {
        let mut groups: Vec<(Group, usize)> = self.groups.all.into_iter().zip(0..).collect();
        groups.sort_unstable();
        let mut places = vec![0; groups.len()];
        for (place, (_, number)) in groups.iter().enumerate() {
            if let Some(of_group) = places.get_mut(*number) {
                *of_group = place;
            }
        }
        let first = self.first.unwrap_or(i64::MAX);
        DailyRows {
            groups: groups.into_iter().map(|(group, _)| group).collect(),
            happened: sorted(self.happened, &places, first),
            moves: sorted(self.moves, &places, i64::MIN),
            first,
            last: self.last,
            first_seen: self.first_seen,
        }
    }
}

/// Entries from a date on in the order of the rows, each group by its place.
fn sorted<T>(mut entries: Vec<Entry<T>>, places: &[usize], first: i64) -> Vec<Entry<T>> {
    entries.retain(|entry| entry.date >= first);
    for entry in &mut entries {
        entry.group = places.get(entry.group).copied().unwrap_or_default();
    }
    // In which order those of one day and group come does not matter.
    entries.sort_unstable_by_key(Entry::place);
    entries
}

/// Rows of `daily_metrics` in the order of their key, made one after the other: a large desk has a million, nearly all
/// of them days on which nothing but the backlog is to be told.
#[derive(Debug, Clone, PartialEq)]
pub struct DailyRows {
    groups: Vec<Group>,
    happened: Vec<Entry<What>>,
    moves: Vec<Entry<[i64; 3]>>,
    first: i64,
    last: i64,
    first_seen: Option<i64>,
}

impl Default for DailyRows {
    /// None.
    fn default() -> Self {
        Self {
            groups: Vec::new(),
            happened: Vec::new(),
            moves: Vec::new(),
            first: i64::MAX,
            last: i64::MIN,
            first_seen: None,
        }
    }
}

impl DailyRows {
    /// All rows.
    pub fn iter(&self) -> DailyIter<'_> {
        DailyIter {
            rows: self,
            date: self.first,
            day: None,
            group: 0,
            backlogs: vec![[0; 3]; self.groups.len()],
            happened: &self.happened,
            moves: &self.moves,
        }
    }
}

/// See [`DailyRows::iter`].
#[derive(Debug)]
pub struct DailyIter<'r> {
    rows: &'r DailyRows,
    /// The date of the next row, and its text once its backlogs are known.
    date: i64,
    day: Option<String>,
    /// The next group of it.
    group: usize,
    /// Of each group.
    backlogs: Vec<[i64; 3]>,
    /// What is to come.
    happened: &'r [Entry<What>],
    moves: &'r [Entry<[i64; 3]>],
}

impl Iterator for DailyIter<'_> {
    type Item = DailyMetrics;

    fn next(&mut self) -> Option<DailyMetrics> {
        while self.date <= self.rows.last {
            let day = match &self.day {
                Some(day) => day.clone(),
                None => {
                    self.begin_date();
                    self.day.insert(calendar::date_text(self.date)).clone()
                }
            };
            while let Some(group) = self.rows.groups.get(self.group) {
                let sums = self.sums();
                self.group += 1;
                if let Some(sums) = sums {
                    let is_seen = self.rows.first_seen.is_some_and(|seen| self.date >= seen);
                    return Some(sums.row(day, group, is_seen));
                }
            }
            self.date += 1;
            self.day = None;
            self.group = 0;
        }
        None
    }
}

impl DailyIter<'_> {
    fn begin_date(&mut self) {
        while let Some((next, rest)) = self.moves.split_first()
            && next.date <= self.date
        {
            if let Some(backlog) = self.backlogs.get_mut(next.group) {
                for (sum, more) in backlog.iter_mut().zip(next.of) {
                    *sum += more;
                }
            }
            self.moves = rest;
        }
    }

    /// What the next group comes to; none where all is 0.
    fn sums(&mut self) -> Option<Sums> {
        let place = (self.date, self.group);
        let count = self
            .happened
            .iter()
            .take_while(|entry| entry.place() == place);
        let (happened, rest) = self.happened.split_at_checked(count.count())?;
        self.happened = rest;
        let backlog = self.backlogs.get(self.group).copied().unwrap_or_default();
        if happened.is_empty() && backlog == [0; 3] {
            return None;
        }
        let mut sums = Sums {
            backlog,
            ..Sums::default()
        };
        for entry in happened {
            sums.add(entry.of);
        }
        Some(sums)
    }
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

impl Sums {
    fn add(&mut self, what: What) {
        match what {
            What::Created => self.created += 1,
            What::Resolved => self.resolved += 1,
            What::Reopened => self.reopened += 1,
            What::Deleted => self.deleted += 1,
            What::Reply => self.replies += 1,
            What::Rated(csat) => {
                self.rated += 1;
                self.csat = self.csat.saturating_add(csat);
            }
            What::FirstReply(ms) => self.first_replies.push(ms),
            What::Resolution(ms) => self.resolutions.push(ms),
        }
    }

    fn row(mut self, day: String, group: &Group, is_seen: bool) -> DailyMetrics {
        let [backlog, backlog_low, backlog_high] = self.backlog;
        let source = match is_seen {
            true => "history",
            false => "resolution_times",
        };
        DailyMetrics {
            day,
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

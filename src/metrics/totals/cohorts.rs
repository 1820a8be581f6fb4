//! Numbers of the tickets created in a period, by category or by tag.

use std::collections::HashMap;

use super::calendar;
use super::percentile::median;
use super::{Counted, DisplayNames, Period, periods};
use crate::mava::TELEGRAM_GROUP;
use crate::table::{CategoryPeriod, TagPeriod};

/// Counts by id and period.
#[derive(Debug, Default)]
pub(super) struct Cohorts(HashMap<Key, Sums>);

/// Id, kind of period, its first date.
type Key = (Option<String>, Period, Option<i64>);

/// What became of the tickets created in a period.
#[derive(Debug, Default)]
struct Sums {
    created: i64,
    resolved: i64,
    reopened: i64,
    touches: Touches,
    open: i64,
    ratings: Ratings,
    first_replies: Vec<i64>,
    business: Vec<i64>,
    resolutions: Vec<i64>,
}

#[derive(Debug, Default)]
struct Touches {
    one: i64,
    ai_only: i64,
}

#[derive(Debug, Default)]
struct Ratings {
    rated: i64,
    csat: i64,
    ratable: i64,
}

impl Cohorts {
    /// Counts a ticket that was created on a date.
    pub(super) fn add(&mut self, id: Option<&str>, date: i64, ticket: &Counted) {
        for (period, starts_on) in periods(date) {
            let key = (id.map(str::to_owned), period, starts_on);
            self.0.entry(key).or_default().add(ticket);
        }
    }

    /// Rows of `category_metrics`.
    pub(super) fn category_rows(self, names: &DisplayNames) -> Vec<CategoryPeriod> {
        let row = |((id, period, starts_on), mut sums): (Key, Sums)| CategoryPeriod {
            category_name: name(&names.categories, id.as_deref()),
            category_id: id,
            period: period.word().to_owned(),
            starts_on: starts_on.map(calendar::date_text),
            created: sums.created,
            resolved: sums.resolved,
            reopened: sums.reopened,
            one_touch: sums.touches.one,
            ai_only: sums.touches.ai_only,
            open: sums.open,
            rated: sums.ratings.rated,
            csat_sum: sums.ratings.csat,
            ratable: sums.ratings.ratable,
            median_first_reply_ms: median(&mut sums.first_replies),
            median_first_reply_business_ms: median(&mut sums.business),
            median_full_resolution_ms: median(&mut sums.resolutions),
        };
        self.sorted().map(row).collect()
    }

    /// Rows of `tag_metrics`.
    pub(super) fn tag_rows(self, names: &DisplayNames) -> Vec<TagPeriod> {
        let row = |((id, period, starts_on), mut sums): (Key, Sums)| {
            Some(TagPeriod {
                tag_name: name(&names.tags, id.as_deref()),
                tag_id: id?,
                period: period.word().to_owned(),
                starts_on: starts_on.map(calendar::date_text),
                created: sums.created,
                resolved: sums.resolved,
                reopened: sums.reopened,
                open: sums.open,
                rated: sums.ratings.rated,
                csat_sum: sums.ratings.csat,
                ratable: sums.ratings.ratable,
                median_first_reply_ms: median(&mut sums.first_replies),
                median_full_resolution_ms: median(&mut sums.resolutions),
            })
        };
        self.sorted().filter_map(row).collect()
    }

    fn sorted(self) -> impl Iterator<Item = (Key, Sums)> {
        let mut sums: Vec<(Key, Sums)> = self.0.into_iter().collect();
        sums.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        sums.into_iter()
    }
}

/// A name, else the id.
fn name(names: &HashMap<String, String>, id: Option<&str>) -> Option<String> {
    let id = id?;
    Some(names.get(id).cloned().unwrap_or_else(|| id.to_owned()))
}

impl Sums {
    fn add(&mut self, ticket: &Counted) {
        let is_ratable = ticket.resolution.was_resolved
            && ticket.group.source_type.as_deref() != Some(TELEGRAM_GROUP);
        self.created += 1;
        self.resolved += i64::from(ticket.is_resolved());
        self.reopened += i64::from(ticket.resolution.reopen_count > 0);
        self.touches.one += i64::from(ticket.tally.is_one_touch);
        self.touches.ai_only += i64::from(ticket.tally.is_ai_only);
        self.open += i64::from(ticket.is_open());
        self.ratings.rated = self
            .ratings
            .rated
            .saturating_add(i64::from(ticket.tally.csat.is_some()));
        self.ratings.csat = self
            .ratings
            .csat
            .saturating_add(ticket.tally.csat.unwrap_or_default());
        self.ratings.ratable += i64::from(is_ratable);
        self.first_replies.extend(ticket.first_reply.ms);
        self.business.extend(ticket.first_reply.business_ms);
        self.resolutions.extend(ticket.resolution.full_ms);
    }
}

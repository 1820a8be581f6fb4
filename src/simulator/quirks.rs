//! Ways in which the API may not behave as its page reads.

use std::hash::{DefaultHasher, Hash, Hasher};

use chrono::{DurationRound, TimeDelta};

use super::world::Ticket;
use crate::table::Instant;

/// In which order tickets are served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// As the request asks.
    #[default]
    AsAsked,
    /// Newest first, whatever the request asks.
    NewestFirst,
    /// In another random order on every request.
    Random,
}

/// To what `startDate` is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Start {
    /// Exact to the millisecond.
    #[default]
    Exact,
    /// The second it falls into.
    Second,
    /// The day it falls into, in UTC.
    Day,
}

impl Start {
    pub(super) fn truncate(self, instant: Instant) -> Instant {
        let step = match self {
            Self::Exact => return instant,
            Self::Second => TimeDelta::seconds(1),
            Self::Day => TimeDelta::days(1),
        };
        instant.duration_trunc(step).unwrap_or(instant)
    }
}

/// What `resolutionTime` means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ResolutionTime {
    /// Milliseconds from the creation to the last resolution.
    #[default]
    Last,
    /// Milliseconds from the creation to the first resolution.
    First,
    /// Whole seconds from the creation to the last resolution.
    Seconds,
    /// Milliseconds from the creation to the last resolution that fall on Monday to Friday, from
    /// 9:00 to 17:00 UTC.
    BusinessHours,
}

impl ResolutionTime {
    /// What a ticket is served and sorted with; `None` as long as it is not resolved.
    pub fn of(self, ticket: &Ticket) -> Option<i64> {
        let last = ticket.resolution_time_ms?;
        Some(match self {
            Self::Last => last,
            Self::First => ticket.first_resolution_time_ms.unwrap_or(last),
            Self::Seconds => last.div_euclid(1_000),
            Self::BusinessHours => {
                let created_ms = ticket.created_at.timestamp_millis();
                worked_ms(created_ms.saturating_add(last)) - worked_ms(created_ms)
            }
        })
    }
}

/// Milliseconds of business hours from some Monday before the epoch to this Unix time.
fn worked_ms(at_ms: i64) -> i64 {
    const DAY_MS: i64 = 86_400_000;
    const OPENS_MS: i64 = 9 * 3_600_000;
    const HOURS_MS: i64 = 8 * 3_600_000;
    // The epoch was a Thursday.
    let since_monday = at_ms.saturating_add(3 * DAY_MS);
    let (day, time_ms) = (
        since_monday.div_euclid(DAY_MS),
        since_monday.rem_euclid(DAY_MS),
    );
    let (week, weekday) = (day.div_euclid(7), day.rem_euclid(7));
    let today = if weekday < 5 {
        (time_ms - OPENS_MS).clamp(0, HOURS_MS)
    } else {
        0
    };
    (week * 5 + weekday.min(5)) * HOURS_MS + today
}

/// Ways in which the API may not behave as its page reads. The default has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Quirks {
    /// What becomes of `startDate`.
    pub start: Start,
    /// What becomes of the sort.
    pub order: Order,
    /// Whether tickets that sort equal come in another order on every request.
    pub has_shuffled_ties: bool,
    /// Whether every filter is ignored.
    pub has_filters_ignored: bool,
    /// Names of parameters that are ignored, such as `csatValues` or `sortBy`.
    pub ignored: &'static [&'static str],
    /// What `resolutionTime` means, when served and when sorted by.
    pub resolution_time: ResolutionTime,
    /// Whether tickets without a `resolutionTime` come first in both orders, not only when
    /// ascending.
    pub has_nulls_first: bool,
    /// Whether the range filters on the last change.
    pub has_range_on_updated_at: bool,
    /// Whether `hasMore` is absent.
    pub has_no_has_more: bool,
    /// Whether the workspace is served as if it held no tickets.
    pub is_empty: bool,
    /// The most tickets a page holds, whatever limit the request asks for.
    pub largest_page: Option<usize>,
    /// Of about so many tickets, one is counted and never listed.
    pub unlisted: Option<u64>,
    /// Whether others take their place on a page.
    pub has_full_pages: bool,
}

impl Quirks {
    /// Whether a ticket is counted and never listed.
    pub fn is_unlisted(&self, id: &str) -> bool {
        self.unlisted
            .is_some_and(|number| mix(number, id).is_multiple_of(number))
    }
}

/// A number that looks random and depends on both alone.
pub(super) fn mix(number: u64, text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (number, text).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{instant_text, parse_instant};

    #[test]
    fn a_start_is_cut_down_never_up() {
        let instant = parse_instant("2024-01-31T23:59:59.999Z").expect("an instant");
        for (start, expected) in [
            (Start::Exact, "2024-01-31T23:59:59.999Z"),
            (Start::Second, "2024-01-31T23:59:59.000Z"),
            (Start::Day, "2024-01-31T00:00:00.000Z"),
        ] {
            assert_eq!(instant_text(start.truncate(instant)), expected);
        }
    }

    #[test]
    fn a_resolution_time_is_what_it_is_said_to_mean() {
        // A Thursday, 16:00, to the Monday after the next, 10:00.
        let created_at = parse_instant("2024-02-01T16:00:00.000Z").expect("an instant");
        let resolved_at = parse_instant("2024-02-12T10:00:00.999Z").expect("an instant");
        let mut ticket = Ticket::new("a", created_at);
        let all = [
            ResolutionTime::Last,
            ResolutionTime::First,
            ResolutionTime::Seconds,
            ResolutionTime::BusinessHours,
        ];
        assert_eq!(all.map(|meaning| meaning.of(&ticket)), [None; 4]);
        ticket.resolve(created_at + TimeDelta::hours(1));
        ticket.reopen(created_at + TimeDelta::hours(2));
        assert_eq!(all.map(|meaning| meaning.of(&ticket)), [None; 4]);
        ticket.resolve(resolved_at);
        let (hour_ms, elapsed_ms) = (3_600_000, 258 * 3_600_000 + 999);
        assert_eq!(
            all.map(|meaning| meaning.of(&ticket)),
            [
                Some(elapsed_ms),
                Some(hour_ms),
                Some(258 * 3_600),
                Some((1 + 8 + 5 * 8 + 1) * hour_ms + 999),
            ]
        );
    }
}

//! Ways in which the API may not behave as its page reads.

use std::hash::{DefaultHasher, Hash, Hasher};

use chrono::{DurationRound, TimeDelta};

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
    /// Whether the range filters on the last change.
    pub has_range_on_updated_at: bool,
    /// Whether `hasMore` is absent.
    pub has_no_has_more: bool,
    /// Whether the workspace is served as if it held no tickets.
    pub is_empty: bool,
    /// The most tickets a page holds, whatever limit the request asks for.
    pub largest_page: Option<usize>,
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
}

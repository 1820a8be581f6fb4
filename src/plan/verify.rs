//! What a verification counts, and what its counts mean: pure.

use chrono::TimeDelta;

use crate::settings::Filters;
use crate::table::{Instant, Snapshot};
use crate::window::Window;

/// The `csatValues` of tickets without a rating.
pub const NO_RATING: &str = "no-rating";

/// The `assignedTo` of tickets without an agent.
pub const UNASSIGNED: &str = "Unassigned";

/// The kind of the runs that a verification's repair makes. They re-read slices, so that their
/// range says nothing about what the store holds.
pub const KIND: &str = "verify";

/// A run claims nothing about tickets created later than so long before it began: what the clocks
/// of two machines may differ by, and what the API may take to show a new ticket.
const SETTLING: TimeDelta = TimeDelta::minutes(10);

/// By what tickets are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    /// By nothing: all of a window.
    All,
    /// By status.
    Status,
    /// By rating, or none.
    Rating,
    /// By category.
    Category,
    /// By tag.
    Tag,
    /// By agent, or none.
    Assignee,
    /// By origin.
    Origin,
}

impl Group {
    /// The groups that are a filter of the API.
    pub const FILTERS: [Self; 6] = [
        Self::Status,
        Self::Rating,
        Self::Category,
        Self::Tag,
        Self::Assignee,
        Self::Origin,
    ];

    /// The word for people and in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Status => "status",
            Self::Rating => "rating",
            Self::Category => "category",
            Self::Tag => "tag",
            Self::Assignee => "assignee",
            Self::Origin => "origin",
        }
    }
}

/// The tickets of one value of a group.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subset {
    /// The group.
    pub group: Group,
    /// The value as the API's filter takes it; empty for [`Group::All`].
    pub value: String,
}

impl Subset {
    /// Every ticket.
    pub fn all() -> Self {
        Self {
            group: Group::All,
            value: String::new(),
        }
    }

    /// The filters that ask the API for it, but for a rating.
    pub fn filters(&self) -> Filters {
        let value = vec![self.value.clone()];
        let mut filters = Filters::default();
        match self.group {
            Group::All | Group::Rating => {}
            Group::Status => filters.status = value,
            Group::Category => filters.category = value,
            Group::Tag => filters.tag = value,
            Group::Assignee => filters.assigned_to = value,
            Group::Origin => filters.origin = value,
        }
        filters
    }

    /// The `csatValues` that ask the API for it.
    pub fn csat_values(&self) -> Vec<String> {
        match self.group {
            Group::Rating => vec![self.value.clone()],
            _ => Vec::new(),
        }
    }
}

/// One count on both sides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    /// The range of creation.
    pub window: Window,
    /// What was counted in it.
    pub subset: Subset,
    /// Tickets in the store.
    pub store: u64,
    /// Tickets the API counts.
    pub api: u64,
}

impl Tally {
    /// Whether the two sides disagree.
    pub fn is_different(&self) -> bool {
        self.store != self.api
    }

    /// How many more tickets the API counts than the store.
    pub fn difference(&self) -> i64 {
        self.api.cast_signed() - self.store.cast_signed()
    }
}

/// The counts of one group as the API answered them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// The count.
    pub tally: Tally,
    /// What the API counts in the same window without a filter.
    pub total: u64,
    /// Whether tickets came that the filter excludes.
    pub has_strays: bool,
}

/// Whether the API does not filter by this group at all: each of its counts is that of the whole
/// window, and tickets came that do not have the value asked for.
pub fn is_ignored(group: &[Answered]) -> bool {
    group.iter().any(|answered| answered.has_strays)
        && group
            .iter()
            .all(|answered| answered.tally.api == answered.total)
}

/// The newest instant before which a finished run claims to have read every ticket of its range.
pub fn settled_until(snapshot: &Snapshot) -> Instant {
    snapshot.range_until.min(snapshot.started_at - SETTLING)
}

/// Whether a run claims to have read its range: it ended, without filters.
pub fn is_claim(snapshot: &Snapshot) -> bool {
    snapshot.has_ended() && snapshot.filters_json.is_none() && snapshot.kind != KIND
}

/// The history that a store claims to hold: what its finished, unfiltered runs cover, up to `now`. A
/// run whose clock ran ahead claims a future that nobody has read.
pub fn covered(snapshots: &[Snapshot], now: Instant) -> Vec<Window> {
    let claims = snapshots.iter().filter(|snapshot| is_claim(snapshot));
    merged(claims.filter_map(|claim| {
        Window::new(claim.range_from, settled_until(claim).min(now - SETTLING))
    }))
}

/// Windows that neither overlap nor touch and cover the same time, oldest first.
pub fn merged(windows: impl IntoIterator<Item = Window>) -> Vec<Window> {
    let mut sorted: Vec<Window> = windows.into_iter().collect();
    sorted.sort_by_key(Window::from);
    let mut merged: Vec<Window> = Vec::new();
    for window in sorted {
        match merged.last_mut() {
            Some(last) if window.from() <= last.until() => *last = last.hull(window),
            _ => merged.push(window),
        }
    }
    merged
}

/// Where to cut a slice in two: at `middle`, the creation of its middle ticket, if that leaves
/// something on both sides. `None` for a single millisecond.
pub fn cut(window: Window, middle: Option<Instant>) -> Option<(Window, Window)> {
    let tick = TimeDelta::milliseconds(1);
    if window.length() <= tick {
        return None;
    }
    let half = TimeDelta::milliseconds(window.length().num_milliseconds() / 2);
    let at = middle
        .unwrap_or(window.from() + half)
        .max(window.from() + tick);
    Some((
        Window::new(window.from(), at)?,
        Window::new(at, window.until())?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::window::parse;
    use proptest::prelude::*;

    fn at(text: &str) -> Instant {
        parse(text).expect("a test's own instant")
    }

    fn window(from_ms: i64, until_ms: i64) -> Window {
        let at = |ms| Instant::from_timestamp_millis(ms).expect("in range");
        Window::new(at(from_ms), at(until_ms)).expect("not empty")
    }

    fn run(kind: &str, outcome: &str, from: &str, until: &str, began: &str) -> Snapshot {
        Snapshot {
            id: 1,
            kind: kind.to_owned(),
            outcome: outcome.to_owned(),
            started_at: at(began),
            finished_at: None,
            range_from: at(from),
            range_until: at(until),
            filters_json: None,
            has_messages: true,
            requests: 0,
            tickets_read: 0,
            tickets_new: 0,
            tickets_changed: 0,
            tickets_deleted: 0,
            unverified_slices: 0,
            rejects: 0,
            replaced_characters: 0,
        }
    }

    #[test]
    fn what_finished_unfiltered_runs_cover_is_covered_and_nothing_else() {
        let filtered = Snapshot {
            filters_json: Some("{}".to_owned()),
            ..run(
                "backfill",
                "complete",
                "2019-01-01",
                "2020-01-01",
                "2025-01-01",
            )
        };
        let runs = [
            run(
                "backfill",
                "complete",
                "2022-01-01",
                "2023-01-01",
                "2025-01-01",
            ),
            run(
                "backfill",
                "incomplete",
                "2023-01-01",
                "2026-01-01",
                "2025-01-01",
            ),
            run(
                "backfill",
                "superseded",
                "2018-01-01",
                "2019-01-01",
                "2025-01-01",
            ),
            run(
                "backfill",
                "running",
                "2018-01-01",
                "2019-01-01",
                "2025-01-01",
            ),
            run(
                "verify",
                "complete",
                "2018-01-01",
                "2019-01-01",
                "2025-01-01",
            ),
            run(
                "backfill",
                "complete",
                "2020-01-01",
                "2021-01-01",
                "2025-01-01",
            ),
            filtered,
        ];
        let shown: Vec<String> = covered(&runs, at("2025-06-01"))
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            shown,
            [
                "[2020-01-01, 2021-01-01)",
                "[2022-01-01, 2024-12-31T23:50:00Z)"
            ]
        );
    }

    #[test]
    fn a_filter_is_ignored_only_where_everything_comes_back() {
        let answered = |api, total, has_strays| Answered {
            tally: Tally {
                window: window(0, 10),
                subset: Subset::all(),
                store: 3,
                api,
            },
            total,
            has_strays,
        };
        assert!(is_ignored(&[answered(9, 9, true), answered(4, 4, false)]));
        // Every ticket may well have the one value there is.
        assert!(!is_ignored(&[answered(9, 9, false)]));
        assert!(!is_ignored(&[answered(9, 9, true), answered(3, 9, false)]));
        assert!(!is_ignored(&[]));
    }

    proptest! {
        #[test]
        fn merged_windows_cover_the_same_time_once(
            spans in proptest::collection::vec((0i64..60, 1i64..9), 0..12),
        ) {
            let windows: Vec<Window> =
                spans.iter().map(|(from, length)| window(*from, from + length)).collect();
            let merged = merged(windows.clone());
            for pair in merged.windows(2) {
                prop_assert!(pair[0].until() < pair[1].from());
            }
            for ms in 0..70 {
                let instant = Instant::from_timestamp_millis(ms).expect("in range");
                let covers = |windows: &[Window]| {
                    windows.iter().filter(|window| window.contains(instant)).count()
                };
                prop_assert_eq!(covers(&merged), usize::from(covers(&windows) > 0));
            }
        }

        #[test]
        fn a_cut_makes_two_windows_of_one_however_its_tickets_lie(
            length in 1i64..40,
            middle in proptest::option::of(0i64..40),
        ) {
            let whole = window(0, length);
            let middle = middle.map(|ms| Instant::from_timestamp_millis(ms % length).expect("in range"));
            match cut(whole, middle) {
                None => prop_assert_eq!(length, 1),
                Some((left, right)) => {
                    prop_assert_eq!(left.until(), right.from());
                    prop_assert_eq!(left.hull(right), whole);
                }
            }
        }
    }
}

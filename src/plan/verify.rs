//! What a verification counts, and what its counts mean: pure.

use chrono::TimeDelta;

use crate::mava::Filters;
use crate::table::Instant;
use crate::window::Window;

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

    /// Whether nothing is there now, as in the store, where something was `before`: an answer that is empty by
    /// mistake looks the same.
    pub fn is_emptied(&self, before: &Self) -> bool {
        self.api == 0 && before.api > 0 && self.store == 0
    }

    /// Whether it is part of what `whole` counts.
    pub fn lies_in(&self, whole: &Self) -> bool {
        self.subset == whole.subset && whole.window.hull(self.window) == whole.window
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
    use proptest::prelude::*;

    fn window(from_ms: i64, until_ms: i64) -> Window {
        let at = |ms| Instant::from_timestamp_millis(ms).expect("in range");
        Window::new(at(from_ms), at(until_ms)).expect("not empty")
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

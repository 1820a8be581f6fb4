//! A backfill, a sync and a verification, as meant.

use super::spend::Spend;
use super::store::StoreSettings;
use crate::mava::Filters;
use crate::refresh::{Limits, Whole};
use crate::table::{Instant, RunKind};
use crate::window::Window;

/// A backfill, as meant.
#[derive(Debug, Clone)]
pub struct Backfill {
    /// A backfill of a desk or of an invented one.
    pub kind: RunKind,
    /// Start of the range.
    pub since: Instant,
    /// End of the range; `None` for now.
    pub until: Option<Instant>,
    /// What to fetch.
    pub filters: Filters,
    /// Whether to fetch message threads.
    pub has_messages: bool,
    /// At most so many pages in flight.
    pub max_lanes: usize,
    /// Mark tickets deleted even when suspiciously many are gone.
    pub allow_deletions: bool,
    /// The store.
    pub store: StoreSettings,
}

/// A sync, as meant.
#[derive(Debug, Clone)]
pub struct Sync {
    /// What reads a store that holds nothing yet.
    pub kind: RunKind,
    /// Where the history begins, for a store that holds none.
    pub since: Option<Instant>,
    /// When to read the whole desk.
    pub whole: Whole,
    /// What may be spent.
    pub spend: Spend,
    /// Whether to fetch message threads.
    pub has_messages: bool,
    /// At most so many pages in flight.
    pub max_lanes: usize,
    /// Mark tickets deleted even when suspiciously many are gone.
    pub allow_deletions: bool,
    /// The store.
    pub store: StoreSettings,
}

impl Sync {
    /// What it is held to.
    pub fn limits(&self) -> Limits {
        Limits {
            whole: self.whole,
            allowance: self.spend.requests,
        }
    }
}

impl Backfill {
    /// The range as a window, given what "now" is.
    pub fn window(&self, now: Instant) -> Option<Window> {
        Window::new(self.since, self.until.unwrap_or(now))
    }
}

/// A verification, as meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verify {
    /// The store.
    pub store: StoreSettings,
    /// Whether to hold the store against itself too.
    pub is_deep: bool,
    /// Whether to re-read what differs.
    pub is_repair: bool,
    /// Mark tickets deleted even when suspiciously many are gone.
    pub allow_deletions: bool,
}

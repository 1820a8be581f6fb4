//! A backfill, a sync and a verification, as meant.

use super::store::StoreSettings;
use crate::mava::Filters;
use crate::refresh::Effort;
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
    /// How much to spend on what is not certain to be found.
    pub effort: Effort,
    /// Days within which every ticket is read again.
    pub refresh_within_days: u32,
    /// A desk that can be read as a whole for so many requests is.
    pub full_below: u64,
    /// Whether to read the whole desk whatever it costs.
    pub is_full: bool,
    /// Requests after which optional steps stop; `None` for a share of a full read.
    pub max_requests: Option<u64>,
    /// Whether to fetch message threads.
    pub has_messages: bool,
    /// At most so many pages in flight.
    pub max_lanes: usize,
    /// Mark tickets deleted even when suspiciously many are gone.
    pub allow_deletions: bool,
    /// The store.
    pub store: StoreSettings,
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

//! What a run works with, resolved once from flags, environment, configuration file and defaults.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;
use serde::Serialize;

use crate::window::Window;

/// How to reach the API and how hard to try.
#[derive(Debug, Clone)]
pub struct Connection {
    /// The gateway, `https://gateway.mava.app` unless overridden; `http` only on loopback.
    pub base_url: reqwest::Url,
    /// The API key; prints as `[REDACTED]`.
    pub api_key: SecretString,
    /// What may be sent.
    pub budget: BudgetSettings,
    /// When to give up waiting.
    pub timeouts: Timeouts,
    /// How to try again.
    pub retry: RetrySettings,
    /// A response body above this many bytes is refused.
    pub max_body_bytes: u64,
}

/// The request budget.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BudgetSettings {
    /// The limit; `None` lifts it.
    pub rate_limit: Option<RateLimit>,
    /// The share of the limit this tool may use, 1 to 100 percent.
    pub share_percent: u32,
    /// Added to the period, for network jitter.
    pub margin: Duration,
    /// Where the ledgers lie.
    pub state_dir: Option<PathBuf>,
}

/// So many requests in any window of a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// Requests.
    pub requests: u32,
    /// The window's length.
    pub period: Duration,
}

/// When to give up waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// For a connection.
    pub connect: Duration,
    /// For the next byte, of the headers or of the body.
    pub read: Duration,
}

/// How to try again after a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetrySettings {
    /// Tries of one request in all, the first included.
    pub attempts: u32,
    /// Time from the first try after which no further one starts.
    pub total: Duration,
    /// The first pause's upper bound; it doubles from try to try.
    pub pause: Duration,
}

/// What to fetch.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Filters {
    /// `status`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub status: Vec<String>,
    /// `origin`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub origin: Vec<String>,
    /// `category`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub category: Vec<String>,
    /// `tags`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tag: Vec<String>,
    /// `assignedTo`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub assigned_to: Vec<String>,
}

impl Filters {
    /// Whether nothing is filtered out.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A backfill, as meant.
#[derive(Debug, Clone)]
pub struct Backfill {
    /// Start of the range.
    pub since: crate::table::Instant,
    /// End of the range; `None` for now.
    pub until: Option<crate::table::Instant>,
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

/// Where the store lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreSettings {
    /// The SQLite file.
    pub path: PathBuf,
    /// Permissions of the file and its side files.
    pub file_mode: u32,
}

impl Backfill {
    /// The range as a window, given what "now" is.
    pub fn window(&self, now: crate::table::Instant) -> Option<Window> {
        Window::new(self.since, self.until.unwrap_or(now))
    }
}

//! What a run works with, resolved once from flags, environment, configuration file and defaults.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::ValueEnum;
use clap_complete::Shell;
use secrecy::SecretString;
use serde::Serialize;
use tracing::level_filters::LevelFilter;

use crate::clock::Clock;
pub use crate::refresh::Effort;
use crate::table::{Instant, RunKind};
use crate::window::Window;

/// The store's name in a directory that it is published to.
pub const STORE_FILE: &str = "store.sqlite";

/// A command, as meant.
#[derive(Debug, Clone)]
pub enum Command {
    /// Copy the desk's history into a store.
    Backfill {
        /// The API.
        connection: Connection,
        /// What to copy.
        backfill: Backfill,
    },
    /// Show what a backfill would do.
    PlanBackfill {
        /// The API.
        connection: Connection,
        /// What would be copied.
        backfill: Backfill,
    },
    /// Bring a store up to date.
    Sync {
        /// The API.
        connection: Connection,
        /// How.
        sync: Sync,
    },
    /// Show what a sync would do.
    PlanSync {
        /// What may be sent.
        budget: BudgetSettings,
        /// How.
        sync: Sync,
    },
    /// Show what a store holds.
    Status(StoreSettings),
    /// Count the API against a store.
    Verify {
        /// The API; `None` where no key is given and none is needed.
        connection: Option<Connection>,
        /// What to compare.
        verify: Verify,
    },
    /// Publish a store.
    Publish(StoreSettings),
    /// Ask a store.
    Query(Query),
    /// Accept rejects.
    Accept(Accept),
    /// Compare an answer of the API with what we expect.
    Probe(Connection),
    /// A simulated desk, a backfill, a look at the result.
    Demo(Demo),
    /// The simulated Mava alone.
    Simulate(Simulation),
    /// Print a completion script.
    Completions(Shell),
}

impl Command {
    /// The directory of snapshots that was named, of a command that was given one.
    pub fn directory(&self) -> Option<&Path> {
        let store = match self {
            Self::Backfill { backfill, .. } | Self::PlanBackfill { backfill, .. } => {
                &backfill.store
            }
            Self::Sync { sync, .. } | Self::PlanSync { sync, .. } => &sync.store,
            Self::Verify { verify, .. } => &verify.store,
            Self::Status(store) | Self::Publish(store) => store,
            Self::Query(query) => return query.directory.as_deref(),
            Self::Accept(accept) => &accept.store,
            Self::Probe(_) | Self::Demo(_) | Self::Simulate(_) | Self::Completions(_) => {
                return None;
            }
        };
        let target = store.publish.as_ref()?;
        Some(&target.directory)
    }

    /// How it reaches the API, where it does.
    pub fn connection(&self) -> Option<&Connection> {
        match self {
            Self::Backfill { connection, .. }
            | Self::PlanBackfill { connection, .. }
            | Self::Sync { connection, .. }
            | Self::Probe(connection) => Some(connection),
            Self::Verify { connection, .. } => connection.as_ref(),
            Self::PlanSync { .. }
            | Self::Status(_)
            | Self::Publish(_)
            | Self::Query(_)
            | Self::Accept(_)
            | Self::Demo(_)
            | Self::Simulate(_)
            | Self::Completions(_) => None,
        }
    }
}

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
    /// Ours.
    pub clock: Clock,
    /// The API's clock is believed when it is at most so far from ours.
    pub clock_tolerance: Duration,
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

impl BudgetSettings {
    /// Requests that this tool may send in one period: its share of the limit, rounded down;
    /// `None` when the limit is lifted.
    pub fn requests(&self) -> Option<u32> {
        let limit = self.rate_limit?;
        let share = u64::from(limit.requests) * u64::from(self.share_percent) / 100;
        Some(u32::try_from(share).unwrap_or(u32::MAX))
    }

    /// The stretch of time that [`requests`](Self::requests) are counted over: the limit's period
    /// and the margin.
    pub fn period(&self) -> Option<Duration> {
        Some(self.rate_limit?.period.saturating_add(self.margin))
    }
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

/// Where the store lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreSettings {
    /// The SQLite file.
    pub path: PathBuf,
    /// Permissions of its files, and of those published from it; `None`: those it remembers.
    pub file_mode: Option<u32>,
    /// Where it is published after each run, if anywhere.
    pub publish: Option<PublishSettings>,
}

/// Where a store is published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishSettings {
    /// The directory of the snapshots.
    pub directory: PathBuf,
    /// Snapshots kept, the current one included; at least 1.
    pub keep_snapshots: usize,
    /// Whether to write all of the next one, whatever the current one holds.
    pub is_whole: bool,
}

/// A question to a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// The SQLite file.
    pub path: PathBuf,
    /// The directory that was named, where it lies in one.
    pub directory: Option<PathBuf>,
    /// What is asked.
    pub question: Question,
    /// How the answer is written.
    pub form: AnswerForm,
    /// The file that the answer is written to; `None`: stdout.
    pub output: Option<PathBuf>,
    /// Whether a file that lies there already is replaced.
    pub is_overwriting: bool,
    /// Rows that are given at most.
    pub max_rows: Option<usize>,
    /// Characters of a cell that are given at most.
    pub max_cell: Option<usize>,
    /// The time after which it gives up.
    pub timeout: Option<Duration>,
}

/// Where a question stands: one statement that only reads, or a command that begins with a dot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// On the command line.
    Text(String),
    /// On stdin.
    Stdin,
    /// In a file.
    File(PathBuf),
}

/// Rejects to accept, as meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accept {
    /// The store.
    pub store: StoreSettings,
    /// Which.
    pub selection: RejectSelection,
    /// Whether to take it back.
    pub is_undo: bool,
    /// Whether to do it, and not only show it.
    pub is_meant: bool,
}

/// Some of the rejects of a store: those that are met by each list with something in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RejectSelection {
    /// Ids of their tickets.
    pub tickets: Vec<String>,
    /// Paths in the ticket, `[]` for any place.
    pub paths: Vec<String>,
    /// Words of their reasons.
    pub reasons: Vec<String>,
    /// Whether all of them are meant where nothing is named.
    pub is_every: bool,
}

impl RejectSelection {
    /// Whether none are named.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// How the answer to a query is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum QueryFormat {
    /// For people.
    Table,
    /// Comma-separated, with a line of names.
    Csv,
    /// An array of objects.
    Json,
    /// An object a line.
    #[value(alias = "jsonl")]
    Ndjson,
}

/// The form of an answer, with what belongs to one form alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerForm {
    /// For people.
    Table,
    /// Comma-separated, with a line of names.
    Csv {
        /// Whether no text may be run as a formula by a spreadsheet.
        is_safe: bool,
    },
    /// An array of objects.
    Json,
    /// An object a line.
    Ndjson,
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

/// A demo, as meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Demo {
    /// Its store.
    pub store: StoreSettings,
    /// The simulated desk.
    pub world: World,
}

/// A simulated desk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct World {
    /// Tickets.
    pub tickets: u32,
    /// The same seed gives the same desk.
    pub seed: u64,
}

/// The simulated Mava alone, as meant.
#[derive(Debug, Clone, PartialEq)]
pub struct Simulation {
    /// Port on loopback; 0 takes a free one.
    pub port: u16,
    /// The desk.
    pub world: World,
    /// Start of the range of creation; `None` for the simulator's own.
    pub since: Option<Instant>,
    /// End of the range of creation; `None` for now.
    pub until: Option<Instant>,
    /// Time that an answer takes.
    pub latency: Duration,
    /// The limit it enforces; `None` for none.
    pub rate_limit: Option<RateLimit>,
    /// Share of answers that are faults, 0 to 1.
    pub fault_rate: f64,
    /// Whether all pages are rendered before the first request.
    pub is_prerendered: bool,
    /// Messages of a ticket, on average.
    pub mean_messages: f64,
}

/// How a command says what it has to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Output {
    /// Whether results are JSON: asked for, or because log lines are.
    pub is_json: bool,
    /// Whether the end of a run is told only where something is wrong.
    pub is_quiet: bool,
    /// The form of log lines.
    pub log_format: LogFormat,
    /// What to log.
    pub log_level: LogLevel,
    /// Steps above (`-v`) or below (`-q`) that level.
    pub log_steps: i16,
    /// Colours.
    pub color: When,
    /// Progress display.
    pub progress: When,
}

impl Output {
    /// What to log, given whether a progress display is shown. Steps down end at errors: only
    /// [`LogLevel::Off`] hides those.
    pub fn level(&self, is_progress_shown: bool) -> LevelFilter {
        const LADDER: [LevelFilter; 5] = [
            LevelFilter::ERROR,
            LevelFilter::WARN,
            LevelFilter::INFO,
            LevelFilter::DEBUG,
            LevelFilter::TRACE,
        ];
        let rung: i16 = match self.log_level {
            LogLevel::Off => return LevelFilter::OFF,
            LogLevel::Error => 0,
            LogLevel::Auto if is_progress_shown => 1,
            LogLevel::Warn => 1,
            LogLevel::Auto | LogLevel::Info => 2,
            LogLevel::Debug => 3,
            LogLevel::Trace => 4,
        };
        let rung = usize::try_from(rung.saturating_add(self.log_steps)).unwrap_or(0);
        LADDER.get(rung).copied().unwrap_or(LevelFilter::TRACE)
    }
}

/// The form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

/// What to log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogLevel {
    /// Warnings while a progress display is shown, else information.
    Auto,
    /// Nothing.
    Off,
    /// Errors.
    Error,
    /// And warnings.
    Warn,
    /// And information.
    Info,
    /// And what helps to find a fault.
    Debug,
    /// And everything else.
    Trace,
}

/// When to use something that only a terminal can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum When {
    /// On a terminal.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_of_the_budget_is_rounded_down() {
        let of = |requests, share_percent| BudgetSettings {
            rate_limit: Some(RateLimit {
                requests,
                period: Duration::from_secs(30),
            }),
            share_percent,
            margin: Duration::from_millis(300),
            state_dir: None,
        };
        assert_eq!(of(90, 100).requests(), Some(90));
        assert_eq!(of(90, 80).requests(), Some(72));
        assert_eq!(of(90, 1).requests(), Some(0));
        assert_eq!(of(u32::MAX, 100).requests(), Some(u32::MAX));
        assert_eq!(of(90, 100).period(), Some(Duration::from_millis(30_300)));
        assert_eq!(
            BudgetSettings {
                rate_limit: None,
                ..of(1, 1)
            }
            .requests(),
            None
        );
    }

    #[test]
    fn verbosity_moves_the_level() {
        for (log_level, log_steps, is_progress_shown, expected) in [
            (LogLevel::Auto, 0, true, LevelFilter::WARN),
            (LogLevel::Auto, 0, false, LevelFilter::INFO),
            (LogLevel::Auto, 1, true, LevelFilter::INFO),
            (LogLevel::Auto, 1, false, LevelFilter::DEBUG),
            (LogLevel::Auto, 9, false, LevelFilter::TRACE),
            (LogLevel::Auto, -1, false, LevelFilter::WARN),
            (LogLevel::Auto, -9, false, LevelFilter::ERROR),
            (LogLevel::Off, 2, false, LevelFilter::OFF),
            (LogLevel::Debug, -1, true, LevelFilter::INFO),
        ] {
            let output = Output {
                is_json: false,
                is_quiet: false,
                log_format: LogFormat::Text,
                log_level,
                log_steps,
                color: When::Auto,
                progress: When::Auto,
            };
            assert_eq!(output.level(is_progress_shown), expected, "{output:?}");
        }
    }
}

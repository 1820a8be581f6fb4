//! The options, in groups that several commands share.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args, value_parser};

use super::value::{self, Origin, Rate, Status, Target};
use crate::settings::{Effort, LogFormat, LogLevel, Output, When};
use crate::table::Instant;

/// How a command says what it has to say: options of every command.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Output")]
pub struct OutputArgs {
    /// Configuration file, read alone [default: those of the working directory, the user and /etc, if they exist]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Print the result on stdout as JSON
    #[arg(long, global = true, value_name = "BOOL", num_args = 0..=1, require_equals = true, action = ArgAction::Set,
        default_value = "false", default_missing_value = "true", hide_default_value = true, hide_possible_values = true,
        value_parser = BoolishValueParser::new())]
    pub json: bool,
    /// The form of log lines on stderr: text or json. With json, results are JSON too, each on one line
    #[arg(
        long,
        global = true,
        value_name = "FORMAT",
        default_value = "text",
        hide_possible_values = true
    )]
    pub log_format: LogFormat,
    /// What to log: off, error, warn, info, debug, trace, or auto: warn beside a progress display, else info
    #[arg(
        long,
        global = true,
        value_name = "LEVEL",
        default_value = "auto",
        hide_possible_values = true
    )]
    pub log_level: LogLevel,
    /// Log more; repeat for more still
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,
    /// Say nothing while all is well: no result of a run that ends with exit code 0, fewer log lines;
    /// repeat for fewer still
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub quiet: u8,
    /// Colours: always, never, or auto: on a terminal, unless NO_COLOR is set
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        default_value = "auto",
        hide_possible_values = true
    )]
    pub color: When,
    /// Progress display: always, never, or auto: on a terminal, else a log line every 10 s
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        default_value = "auto",
        hide_possible_values = true
    )]
    pub progress: When,
}

impl OutputArgs {
    /// Whether results are JSON: whoever reads log lines by machine has no use for a table beside them.
    pub fn is_json(&self) -> bool {
        self.json || self.log_format == LogFormat::Json
    }

    /// What they mean.
    pub fn resolve(&self) -> Output {
        Output {
            is_json: self.is_json(),
            // What was asked for by name is printed.
            is_quiet: self.quiet > 0 && !self.json,
            log_format: self.log_format,
            log_level: self.log_level,
            log_steps: i16::from(self.verbose) - i16::from(self.quiet),
            color: self.color,
            progress: self.progress,
        }
    }
}

/// The range of creation.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Range")]
pub struct RangeArgs {
    /// Start of the range of creation, inclusive: 2023-01-31 or 2023-01-31T09:00:00+02:00; UTC
    /// where no offset is given
    #[arg(long, value_name = "DATE", value_parser = value::moment)]
    pub since: Option<Instant>,
    /// End of the range, exclusive [default: now]
    #[arg(long, value_name = "DATE", value_parser = value::moment)]
    pub until: Option<Instant>,
}

/// The store.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Store")]
pub struct StoreArgs {
    /// The store, sqlite:FILE, or parquet:DIR: a store in that directory, and Parquet snapshots of it
    #[arg(long, value_name = "STORE", value_parser = value::target)]
    pub to: Option<Target>,
    /// Permissions of the store, of the files beside it and of snapshots, octal. The store remembers
    /// them; a new one is for its owner alone, 0600
    #[arg(long, value_name = "MODE", value_parser = value::mode)]
    pub file_mode: Option<u32>,
}

/// What a store is read from.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Store")]
pub struct FromArgs {
    /// The store to read, sqlite:FILE or parquet:DIR
    #[arg(long, value_name = "STORE", value_parser = value::target)]
    pub from: Option<Target>,
}

/// The snapshots of a directory.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Parquet snapshots (with --to parquet:DIR)")]
pub struct SnapshotArgs {
    /// Parquet snapshots kept, the current one included; older ones are removed
    #[arg(long, value_name = "N", default_value = "7", value_parser = value::keep)]
    pub keep_snapshots: usize,
}

/// How a snapshot is written.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Parquet snapshots (with --to parquet:DIR)")]
pub struct WritingArgs {
    /// Write every file of the snapshot again, also where nothing changed: mends a damaged one
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, action = ArgAction::Set,
        default_value = "false", default_missing_value = "true", hide_default_value = true, hide_possible_values = true,
        value_parser = BoolishValueParser::new())]
    pub whole: bool,
}

/// How to fetch.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Fetching")]
pub struct FetchArgs {
    /// Leave out the message threads
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, action = ArgAction::Set,
        default_value = "false", default_missing_value = "true", hide_default_value = true, hide_possible_values = true,
        value_parser = BoolishValueParser::new())]
    pub no_messages: bool,
    /// At most so many pages in flight, 1 to 16
    #[arg(long, value_name = "N", default_value = "16", value_parser = value_parser!(u8).range(1..=16))]
    pub lanes: u8,
    /// Flag tickets as deleted even when suspiciously many are gone, and go on where the desk is not recognised
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, action = ArgAction::Set,
        default_value = "false", default_missing_value = "true", hide_default_value = true, hide_possible_values = true,
        value_parser = BoolishValueParser::new())]
    pub allow_deletions: bool,
}

/// What a sync may spend.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Syncing")]
pub struct SyncingArgs {
    /// Where the history begins, for a store that holds none yet: 2023-01-31, or an instant
    #[arg(long, value_name = "DATE", value_parser = value::moment)]
    pub since: Option<Instant>,
    /// How much to spend on what is not certain to be found: thrifty, default, thorough
    #[arg(
        long,
        value_name = "EFFORT",
        default_value = "default",
        hide_possible_values = true
    )]
    pub effort: Effort,
    /// Read every ticket again within so many days
    #[arg(long, value_name = "DAYS", default_value = "360", value_parser = value_parser!(u32).range(2..=3650))]
    pub refresh_within: u32,
    /// Read the whole desk when that takes no more requests than this
    #[arg(long, value_name = "N", default_value = "60")]
    pub full_below: u64,
    /// Read the whole desk, whatever that takes
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, action = ArgAction::Set,
        default_value = "false", default_missing_value = "true", hide_default_value = true, hide_possible_values = true,
        value_parser = BoolishValueParser::new())]
    pub full: bool,
    /// Optional steps stop at so many requests [default: 3 % of a full read, at least 40, and what --refresh-within takes]
    #[arg(long, value_name = "N")]
    pub max_requests: Option<u64>,
}

/// What a verification looks at.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Verifying")]
pub struct DepthArgs {
    /// Check the file and every row against its hash before counting; without a key, only that
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, action = ArgAction::Set,
        default_value = "false", default_missing_value = "true", hide_default_value = true, hide_possible_values = true,
        value_parser = BoolishValueParser::new())]
    pub deep: bool,
}

/// What to do about differences.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Repair")]
pub struct RepairArgs {
    /// Read again what differs or is damaged (it looks as --deep does), flag what is gone, and count again
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, action = ArgAction::Set,
        default_value = "false", default_missing_value = "true", hide_default_value = true, hide_possible_values = true,
        value_parser = BoolishValueParser::new())]
    pub repair: bool,
    /// Flag tickets as deleted even when suspiciously many are gone
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, action = ArgAction::Set,
        default_value = "false", default_missing_value = "true", hide_default_value = true, hide_possible_values = true,
        value_parser = BoolishValueParser::new())]
    pub allow_deletions: bool,
}

/// Options of `accept` that neither the environment nor the configuration file can give.
pub(super) const SAID_EACH_TIME: [&str; 6] = ["ticket", "path", "reason", "all", "undo", "yes"];

/// Which rejects, and what of them.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Rejects (repeat an option for several)")]
pub struct RejectArgs {
    /// Those of this ticket (its id)
    #[arg(long, value_name = "ID")]
    pub ticket: Vec<String>,
    /// Those at this path, such as priority or messages[].content; [] is any place, "" the whole ticket
    #[arg(long, value_name = "PATH")]
    pub path: Vec<String>,
    /// Those whose reason has these words
    #[arg(long, value_name = "WORDS")]
    pub reason: Vec<String>,
    /// All of them
    #[arg(long)]
    pub all: bool,
    /// Take it back: they count again
    #[arg(long)]
    pub undo: bool,
    /// Do it; without, it is only shown
    #[arg(long)]
    pub yes: bool,
}

/// What to fetch: repeat an option or separate its values by commas.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Filters (a filtered export never flags a ticket as deleted)")]
pub struct FilterArgs {
    /// Only tickets with this status: Open, Pending, Waiting, Resolved
    #[arg(
        long,
        value_name = "STATUS",
        value_delimiter = ',',
        ignore_case = true,
        hide_possible_values = true
    )]
    pub status: Vec<Status>,
    /// Only tickets from this channel: web, discord, telegram, telegram-group, email
    #[arg(
        long,
        value_name = "ORIGIN",
        value_delimiter = ',',
        ignore_case = true,
        hide_possible_values = true
    )]
    pub origin: Vec<Origin>,
    /// Only tickets of this category (its id)
    #[arg(long, value_name = "ID", value_delimiter = ',', value_parser = value::id)]
    pub category: Vec<String>,
    /// Only tickets with this tag (its id)
    #[arg(long, value_name = "ID", value_delimiter = ',', value_parser = value::id)]
    pub tag: Vec<String>,
    /// Only tickets of this agent (the id, or Unassigned)
    #[arg(long, value_name = "ID", value_delimiter = ',', value_parser = value::agent)]
    pub assigned_to: Vec<String>,
}

/// The API. The key is not here: it comes from `MAVA_API_KEY`, a file or stdin.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "API (the key comes from MAVA_API_KEY or --api-key-file)")]
pub struct ApiArgs {
    /// File that holds the API key; - reads it from stdin
    #[arg(long, value_name = "PATH")]
    pub api_key_file: Option<PathBuf>,
    /// Base URL of the API [env: MAVA_BASE_URL]
    #[arg(long, value_name = "URL", default_value = "https://gateway.mava.app")]
    pub base_url: String,
    /// Requests allowed in any stretch of time, or none to lift the limit
    #[arg(long, value_name = "N/TIME", default_value = "90/30s", value_parser = value::rate)]
    pub rate_limit: Rate,
    /// Share of the limit to use; the rest is left to other tools with the same key
    #[arg(long, value_name = "PERCENT", default_value = "100%", value_parser = value::share)]
    pub budget_share: u32,
    /// Added to the limit's time, against jitter of the network
    #[arg(long, value_name = "TIME", default_value = "300ms", value_parser = value::duration)]
    pub rate_margin: Duration,
    /// Give up on a connection after
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = value::positive_duration)]
    pub connect_timeout: Duration,
    /// Give up on a response that is silent for
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = value::positive_duration)]
    pub read_timeout: Duration,
    /// Tries of one request in all; 429s are not counted, but bounded by --retry-for
    #[arg(long, value_name = "N", default_value = "10", value_parser = value_parser!(u32).range(1..=1000))]
    pub retry_attempts: u32,
    /// No further try of a request after; a longer pause that the API asks for ends the run
    #[arg(long, value_name = "TIME", default_value = "15m", value_parser = value::duration)]
    pub retry_for: Duration,
    /// Longest first pause between tries; it doubles from try to try
    #[arg(long, value_name = "TIME", default_value = "500ms", value_parser = value::positive_duration)]
    pub retry_pause: Duration,
    /// Go by the API's clock when it is at most so far from this machine's
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = value::duration)]
    pub clock_tolerance: Duration,
    /// Refuse a response body larger than
    #[arg(long, value_name = "SIZE", default_value = "256MiB", value_parser = value::size)]
    pub max_body: u64,
    /// Where the request ledgers lie; processes of several users share a budget by naming the same [default: the user's state directory]
    #[arg(long, value_name = "DIR", value_parser = value::directory)]
    pub state_dir: Option<PathBuf>,
}

/// The simulated desk.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Simulated desk")]
pub struct WorldArgs {
    /// Tickets
    #[arg(long, value_name = "N", default_value = "5000")]
    pub tickets: u32,
    /// Seed: the same one gives the same desk
    #[arg(long, value_name = "N", default_value = "1")]
    pub seed: u64,
}

/// How the simulated Mava answers.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Simulated API")]
pub struct ServerArgs {
    /// Port on loopback; 0 takes a free one
    #[arg(long, value_name = "PORT", default_value = "8090")]
    pub port: u16,
    /// Time that an answer takes
    #[arg(long, value_name = "TIME", default_value = "60ms", value_parser = value::duration)]
    pub latency: Duration,
    /// Requests allowed in any stretch of time, or none
    #[arg(long, value_name = "N/TIME", default_value = "90/30s", value_parser = value::rate)]
    pub rate_limit: Rate,
    /// Share of answers that are faults, 0 to 1
    #[arg(long, value_name = "SHARE", default_value = "0", value_parser = value::fraction)]
    pub fault_rate: f64,
    /// Render all pages before the first request, to measure a client alone
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, action = ArgAction::Set,
        default_value = "false", default_missing_value = "true", hide_default_value = true, hide_possible_values = true,
        value_parser = BoolishValueParser::new())]
    pub prerender: bool,
    /// Messages of a ticket, on average
    #[arg(long, value_name = "N", default_value = "10", value_parser = value::mean)]
    pub mean_messages: f64,
}

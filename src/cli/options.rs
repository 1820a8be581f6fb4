//! The options, in groups that several commands share.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args};

use super::target::{self, Target};
use super::value::{self, Origin, Rate, Status};
use crate::settings::{LogFormat, LogLevel, Output, When};
use crate::table::Instant;

/// How a command says what it has to say: options of every command.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Output")]
pub struct OutputArgs {
    /// Read this configuration file and no other [default: those of the working directory, the user and /etc, where they exist]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Print the result on stdout as JSON
    #[arg(long, global = true, value_name = "BOOL", num_args = 0..=1, require_equals = true, action = ArgAction::Set,
        default_value = "false", default_missing_value = "true", hide_default_value = true, hide_possible_values = true,
        value_parser = value::switch)]
    pub json: bool,
    /// Form of the log lines on stderr: text or json. With json, the result is one line of JSON too
    #[arg(
        long,
        global = true,
        value_name = "FORMAT",
        default_value = "text",
        hide_possible_values = true
    )]
    pub log_format: LogFormat,
    /// How much to log: off, error, warn, info, debug, trace, or auto: warn while progress is shown, else info
    #[arg(
        long,
        global = true,
        value_name = "LEVEL",
        default_value = "auto",
        hide_possible_values = true
    )]
    pub log_level: LogLevel,
    /// Log more; repeat it to log even more
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,
    /// Print nothing when all is well, no summary either, and log less; status and query still answer
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub quiet: u8,
    /// Colours: always, never, or auto: on a terminal where NO_COLOR is not set
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        default_value = "auto",
        hide_possible_values = true
    )]
    pub color: When,
    /// Progress display: always, never, or auto: on a terminal; elsewhere a log line every 10 s
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
    /// Tickets created at or after this time: 2023-01-31 or 2023-01-31T09:00:00+02:00, in UTC
    /// where no offset is given
    #[arg(long, value_name = "DATE", value_parser = value::moment)]
    pub since: Option<Instant>,
    /// Tickets created before this time [default: now]
    #[arg(long, value_name = "DATE", value_parser = value::moment)]
    pub until: Option<Instant>,
}

/// The store.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Store")]
pub struct StoreArgs {
    /// The store: sqlite:FILE, or parquet:DIR for a store in that directory and Parquet snapshots of it
    #[arg(long, value_name = "STORE", value_parser = target::target)]
    pub to: Option<Target>,
    /// Permissions of the store, of the files beside it and of snapshots, such as 0640. The store
    /// remembers them [default: 0600, for its owner alone]
    #[arg(long, value_name = "MODE", value_parser = value::mode)]
    pub file_mode: Option<u32>,
}

/// What a store is read from.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Store")]
pub struct FromArgs {
    /// The store to read: sqlite:FILE or parquet:DIR
    #[arg(long, value_name = "STORE", value_parser = target::target)]
    pub from: Option<Target>,
}

/// The snapshots of a directory.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Parquet snapshots (with --to parquet:DIR)")]
pub struct SnapshotArgs {
    /// How many Parquet snapshots to keep, the current one included; older ones are removed
    #[arg(long, value_name = "N", default_value = "7", value_parser = value::keep)]
    pub keep_snapshots: usize,
}

/// How a snapshot is written.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Parquet snapshots (with --to parquet:DIR)")]
pub struct WritingArgs {
    /// Write every file of the snapshot again, even where nothing changed: this repairs a damaged snapshot
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, action = ArgAction::Set,
        default_value = "false", default_missing_value = "true", hide_default_value = true, hide_possible_values = true,
        value_parser = value::switch)]
    pub whole: bool,
}

/// How to fetch.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Fetching")]
pub struct FetchArgs {
    /// Copy tickets without their messages
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, action = ArgAction::Set,
        default_value = "false", default_missing_value = "true", hide_default_value = true, hide_possible_values = true,
        value_parser = value::switch)]
    pub no_messages: bool,
    /// How many pages to fetch at once at most, 1 to 16
    #[arg(long, value_name = "N", default_value = "16", value_parser = value::whole(1..=16_u8))]
    pub lanes: u8,
    /// Believe that tickets are deleted even when suspiciously many are gone, and go on where the desk looks like another one
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, action = ArgAction::Set,
        default_value = "false", default_missing_value = "true", hide_default_value = true, hide_possible_values = true,
        value_parser = value::switch)]
    pub allow_deletions: bool,
}

/// What a sync may spend.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Syncing")]
pub struct SyncingArgs {
    /// For a new store: copy tickets created at or after this time, such as 2023-01-31
    #[arg(long, value_name = "DATE", value_parser = value::moment)]
    pub since: Option<Instant>,
    /// How much of the API's limit this sync may use, as time at the full rate. It reads the whole desk where that fits
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = value::duration)]
    pub spend: Duration,
    /// At most so many requests, in place of --spend
    #[arg(long, value_name = "N", value_parser = value::whole(0..=u64::MAX))]
    pub max_requests: Option<u64>,
    /// Read the whole desk, however many requests that takes
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, action = ArgAction::Set,
        default_value = "false", default_missing_value = "true", hide_default_value = true, hide_possible_values = true,
        value_parser = value::switch)]
    pub full: bool,
    /// Ignored since --spend took its place.
    #[arg(long, value_name = "EFFORT", hide = true)]
    pub effort: Option<String>,
    /// Ignored since --spend took its place.
    #[arg(long, value_name = "DAYS", hide = true)]
    pub refresh_within: Option<String>,
    /// Ignored since --spend took its place.
    #[arg(long, value_name = "N", hide = true)]
    pub full_below: Option<String>,
}

impl SyncingArgs {
    /// The options that were given and say nothing any more.
    pub fn ignored(&self) -> impl Iterator<Item = &'static str> {
        let given = [
            ("--effort", &self.effort),
            ("--refresh-within", &self.refresh_within),
            ("--full-below", &self.full_below),
        ];
        let given = given.into_iter().filter(|(_, value)| value.is_some());
        given.map(|(option, _)| option)
    }
}

/// What a verification looks at.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Verifying")]
pub struct DepthArgs {
    /// First check the file, and every row against the hash it was stored with; without a key, only that
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, action = ArgAction::Set,
        default_value = "false", default_missing_value = "true", hide_default_value = true, hide_possible_values = true,
        value_parser = value::switch)]
    pub deep: bool,
}

/// What to do about differences.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Repair")]
pub struct RepairArgs {
    /// Find what differs or is damaged, as --deep does, read it again and correct it; flag deleted tickets
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, action = ArgAction::Set,
        default_value = "false", default_missing_value = "true", hide_default_value = true, hide_possible_values = true,
        value_parser = value::switch)]
    pub repair: bool,
    /// Believe that tickets are deleted even when suspiciously many are gone
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, action = ArgAction::Set,
        default_value = "false", default_missing_value = "true", hide_default_value = true, hide_possible_values = true,
        value_parser = value::switch)]
    pub allow_deletions: bool,
}

/// Options of `accept` that neither the environment nor the configuration file can give.
pub(super) const SAID_EACH_TIME: [&str; 6] = ["ticket", "path", "reason", "all", "undo", "yes"];

/// Which rejects, and what of them.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Rejects (repeat an option for several)")]
pub struct RejectArgs {
    /// Rejects of this ticket (its id)
    #[arg(long, value_name = "ID")]
    pub ticket: Vec<String>,
    /// Rejects of this field, such as priority or messages[].content; "" is a whole ticket
    #[arg(long, value_name = "PATH")]
    pub path: Vec<String>,
    /// Rejects whose reason contains these words
    #[arg(long, value_name = "WORDS")]
    pub reason: Vec<String>,
    /// All rejects
    #[arg(long)]
    pub all: bool,
    /// Take an acceptance back
    #[arg(long)]
    pub undo: bool,
    /// Do it; without this, it is only shown
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
    /// Only tickets of this category: its name or its id
    #[arg(long, value_name = "NAME", value_delimiter = ',', value_parser = value::name)]
    pub category: Vec<String>,
    /// Only tickets with this tag: its id, or its name where the store knows the tag already
    #[arg(long, value_name = "NAME", value_delimiter = ',', value_parser = value::name)]
    pub tag: Vec<String>,
    /// Only tickets of this agent: the name or the id, or Unassigned
    #[arg(long, value_name = "NAME", value_delimiter = ',', value_parser = value::agent)]
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
    /// The API's limit: requests in any stretch of time, or none for no limit
    #[arg(long, value_name = "N/TIME", default_value = "90/30s", value_parser = value::rate)]
    pub rate_limit: Rate,
    /// Share of the limit to use; the rest is left for other tools that use the same key
    #[arg(long, value_name = "PERCENT", default_value = "100%", value_parser = value::share)]
    pub budget_share: u32,
    /// Extra time added to the limit's stretch, because the network does not always take equally long
    #[arg(long, value_name = "TIME", default_value = "300ms", value_parser = value::duration)]
    pub rate_margin: Duration,
    /// Longest wait for a connection
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = value::positive_duration)]
    pub connect_timeout: Duration,
    /// Longest wait for the next part of a response
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = value::positive_duration)]
    pub read_timeout: Duration,
    /// How often to try one request; refusals because of the limit (429) do not count
    #[arg(long, value_name = "N", default_value = "10", value_parser = value::whole(1..=1000_u32))]
    pub retry_attempts: u32,
    /// Stop trying a request after this time; if the API asks for a longer pause, the run ends
    #[arg(long, value_name = "TIME", default_value = "15m", value_parser = value::duration)]
    pub retry_for: Duration,
    /// Longest pause before the second try; it doubles with each further try
    #[arg(long, value_name = "TIME", default_value = "500ms", value_parser = value::positive_duration)]
    pub retry_pause: Duration,
    /// Use the API's clock when it differs from this machine's by at most this time
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = value::duration)]
    pub clock_tolerance: Duration,
    /// Largest response to accept
    #[arg(long, value_name = "SIZE", default_value = "256MiB", value_parser = value::size)]
    pub max_body: u64,
    /// Directory of the request ledgers; users who name the same one share the limit [default: the user's state directory]
    #[arg(long, value_name = "DIR", value_parser = target::directory)]
    pub state_dir: Option<PathBuf>,
}

/// The simulated desk.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Simulated desk")]
pub struct WorldArgs {
    /// How many tickets the desk has
    #[arg(long, value_name = "N", default_value = "5000", value_parser = value::whole(0..=u32::MAX))]
    pub tickets: u32,
    /// Start of the random numbers: the same one makes the same desk, of the same size and days
    #[arg(long, value_name = "N", default_value = "1", value_parser = value::whole(0..=u64::MAX))]
    pub seed: u64,
}

/// How the simulated Mava answers.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Simulated API")]
pub struct ServerArgs {
    /// Port on this machine; 0 takes a free one
    #[arg(long, value_name = "PORT", default_value = "8090", value_parser = value::whole(0..=u16::MAX))]
    pub port: u16,
    /// How long each answer takes
    #[arg(long, value_name = "TIME", default_value = "60ms", value_parser = value::duration)]
    pub latency: Duration,
    /// Requests to allow in any stretch of time, or none for no limit
    #[arg(long, value_name = "N/TIME", default_value = "90/30s", value_parser = value::rate)]
    pub rate_limit: Rate,
    /// Share of requests that fail, 0 to 1: with errors, broken answers and 429
    #[arg(long, value_name = "SHARE", default_value = "0", value_parser = value::fraction)]
    pub fault_rate: f64,
    /// Prepare all pages before the first request, to measure how fast a client is
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, action = ArgAction::Set,
        default_value = "false", default_missing_value = "true", hide_default_value = true, hide_possible_values = true,
        value_parser = value::switch)]
    pub prerender: bool,
    /// How many messages a ticket has on average
    #[arg(long, value_name = "N", default_value = "10", value_parser = value::mean)]
    pub mean_messages: f64,
    /// Let people, an AI and rules work on the tickets: they assign, answer, hand over, resolve, and threads show it. --mean-messages is ignored then
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, action = ArgAction::Set,
        default_value = "false", default_missing_value = "true", hide_default_value = true, hide_possible_values = true,
        value_parser = value::switch)]
    pub at_work: bool,
}

/// Options of `simulate` that neither the environment nor the configuration file can give.
pub(super) const FILES_OF_SIMULATE: [&str; 1] = ["truth"];

/// How the desk lives on.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "A desk that lives on")]
pub struct LiveArgs {
    /// Let days pass on the desk: tickets come, change and are deleted. They begin to pass at --until [default: 2025-01-01]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, action = ArgAction::Set,
        default_value = "false", default_missing_value = "true", hide_default_value = true, hide_possible_values = true,
        value_parser = value::switch)]
    pub live: bool,
    /// With --live: how long a day of the desk takes, from 1s to 24h
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = value::day_every)]
    pub day_every: Duration,
    /// Whether `--day-every` was typed, so that it has to fit.
    #[arg(skip)]
    pub has_typed_day_every: bool,
    /// With --live: write each change to this new file, as a line of JSON
    #[arg(long, value_name = "FILE")]
    pub truth: Option<PathBuf>,
}

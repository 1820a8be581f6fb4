//! The commands, and what each takes as typed.

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use clap_complete::Shell;

use super::options::{
    ApiArgs, DepthArgs, FetchArgs, FilterArgs, FromArgs, LiveArgs, OutputArgs, RangeArgs,
    RejectArgs, RepairArgs, ServerArgs, SnapshotArgs, StoreArgs, SyncingArgs, WorldArgs,
    WritingArgs,
};
use super::query::{QueryArgs, SourceArgs};
use super::{help, target};
use crate::settings::MetricsSettings;

/// The command line.
#[derive(Debug, Clone, Parser)]
#[command(
    name = "mava-export",
    version,
    about = "Keeps a complete, queryable copy of a Mava support desk in SQLite",
    long_about = help::ABOUT,
    after_help = help::AFTER,
    after_long_help = help::AFTER_LONG,
    arg_required_else_help = true,
    subcommand_required = true,
    max_term_width = 100
)]
pub struct Args {
    /// How to say it.
    #[command(flatten)]
    pub output: OutputArgs,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Whether `--api-key-file` was typed, so that it goes before `MAVA_API_KEY`.
    #[arg(skip)]
    pub has_typed_key_file: bool,
    /// The configuration files that were read, the nearest first.
    #[arg(skip)]
    pub files: Vec<PathBuf>,
    /// What they say of metrics.
    #[arg(skip)]
    pub metrics: MetricsSettings,
}

/// What to do.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Copy the desk's history into a store; run again to resume
    ///
    /// Reads every ticket created from --since until before --until, with its messages, attributes,
    /// tags and customer. Every page is stored as it comes. If the run is interrupted, killed or
    /// loses the network, run the same command again and it goes on from there.
    #[command(after_help = help::BACKFILL)]
    Backfill(BackfillArgs),
    /// Bring a store up to date with what is new, changed or deleted; run it every night
    ///
    /// The API does not say what changed, so a sync has to look. A desk that can be read within --spend
    /// is read in full. Of a larger one a sync reads new tickets, everything that is not resolved and what
    /// was resolved since, counts the others, and spends what is left on tickets that are likely to have
    /// changed and on those that have gone unread for longest. At the end it says what it may not have seen.
    #[command(after_help = help::SYNC)]
    Sync(SyncArgs),
    /// Show what a command would do before it does it: tickets, requests, minutes
    #[command(subcommand_required = true, arg_required_else_help = true, after_help = help::PLAN)]
    Plan {
        /// The command to plan.
        #[command(subcommand)]
        command: PlanCommand,
    },
    /// Show what a store holds, how fresh it is, and what is missing
    #[command(after_help = help::STATUS)]
    Status(StatusArgs),
    /// Count the desk against the store and say where they differ
    ///
    /// Counts every window of up to 365 days that the store covers: all tickets, then tickets by
    /// status, rating, category, tag, agent and channel. Where desk and store differ, it counts
    /// smaller and smaller slices until it can say where. Tickets that changed since the last run
    /// differ too, above all in status.
    #[command(after_help = help::VERIFY)]
    Verify(VerifyArgs),
    /// Write what the store holds as Parquet files: a snapshot
    ///
    /// With --to parquet:DIR, backfill, sync and verify --repair do this by themselves after each run.
    /// A snapshot is a plain directory, and DIR/current leads to the newest one. Files of months in
    /// which nothing changed are shared with the snapshot before.
    #[command(
        after_help = help::PUBLISH,
        mut_arg("to", |to| to.value_name("DIR").help(help::PUBLISH_TO))
    )]
    Publish(PublishArgs),
    /// Ask a store in SQL: a table, CSV, JSON or NDJSON, on stdout or in a file
    ///
    /// Only reads: a statement that would write, open another file or change a setting is refused.
    #[command(after_help = help::QUERY)]
    Query(QueryArgs),
    /// Print the tags and custom attributes that have no name, ready for the configuration file
    ///
    /// The API often gives them as bare ids. Fill in the names that you know, paste the lines into the
    /// configuration file, and the next backfill, sync or publish writes them into the store.
    #[command(after_help = help::NAMES)]
    Names(NamesArgs),
    /// Show what could not be stored, and accept what is known
    ///
    /// A reject is a value, or a whole ticket, that could not be stored as it was sent. While one is
    /// there, every run ends with exit code 3, until the ticket is read without it or you accept it.
    /// If the value changes, it is another reject, which nobody has accepted.
    #[command(after_help = help::ACCEPT)]
    Accept(AcceptArgs),
    /// Send one request with your key, and say whether the answer looks as expected
    ///
    /// It prints names and types of fields, never what is in them.
    #[command(after_help = help::PROBE)]
    Probe(ProbeArgs),
    /// Try it without a key: a simulated Mava on this machine, a backfill, a look at the result
    #[command(after_help = help::DEMO)]
    Demo(DemoArgs),
    /// Run only the simulated Mava, to develop against it
    ///
    /// It answers on this machine like the documented API, with all parameters, filters, sorts and
    /// errors. It takes one key: simulated-key. With --live, days pass on the desk.
    #[command(after_help = help::SIMULATE)]
    Simulate(SimulateArgs),
    /// Print a completion script for a shell
    #[command(after_help = help::COMPLETIONS)]
    Completions {
        /// The shell.
        shell: Shell,
    },
}

impl Command {
    /// Whether it does the same whatever the time.
    pub fn is_timeless(&self) -> bool {
        matches!(
            self,
            Self::Query(_) | Self::Names(_) | Self::Completions { .. }
        )
    }
}

/// What to plan.
#[derive(Debug, Clone, Subcommand)]
pub enum PlanCommand {
    /// Plan a backfill: takes the options of `backfill`, and sends one request per window to count
    Backfill(BackfillArgs),
    /// Plan a sync: takes the options of `sync`, and sends nothing
    Sync(SyncArgs),
}

/// `sync` as typed.
#[derive(Debug, Clone, clap::Args)]
pub struct SyncArgs {
    /// The store.
    #[command(flatten)]
    pub store: StoreArgs,
    /// What it may spend.
    #[command(flatten)]
    pub syncing: SyncingArgs,
    /// How to fetch.
    #[command(flatten)]
    pub fetch: FetchArgs,
    /// The API.
    #[command(flatten)]
    pub api: ApiArgs,
    /// The snapshots that are published.
    #[command(flatten)]
    pub snapshots: SnapshotArgs,
}

/// `backfill` as typed.
#[derive(Debug, Clone, clap::Args)]
pub struct BackfillArgs {
    /// The range.
    #[command(flatten)]
    pub range: RangeArgs,
    /// The store.
    #[command(flatten)]
    pub store: StoreArgs,
    /// Its snapshots.
    #[command(flatten)]
    pub snapshots: SnapshotArgs,
    /// How to fetch.
    #[command(flatten)]
    pub fetch: FetchArgs,
    /// What to fetch.
    #[command(flatten)]
    pub filters: FilterArgs,
    /// The API.
    #[command(flatten)]
    pub api: ApiArgs,
}

/// `status` as typed.
#[derive(Debug, Clone, clap::Args)]
pub struct StatusArgs {
    /// The store, where it is not in the directory of --to.
    #[command(flatten)]
    pub from: FromArgs,
    /// The store, or the directory it is published to.
    #[command(flatten)]
    pub store: StoreArgs,
}

/// `verify` as typed.
#[derive(Debug, Clone, clap::Args)]
pub struct VerifyArgs {
    /// The store.
    #[command(flatten)]
    pub store: StoreArgs,
    /// What to look at.
    #[command(flatten)]
    pub depth: DepthArgs,
    /// What to do about it.
    #[command(flatten)]
    pub repair: RepairArgs,
    /// The API.
    #[command(flatten)]
    pub api: ApiArgs,
    /// The snapshots that a repair publishes.
    #[command(flatten)]
    pub snapshots: SnapshotArgs,
}

/// `publish` as typed.
#[derive(Debug, Clone, clap::Args)]
pub struct PublishArgs {
    /// The store, where it is not in the directory.
    #[command(flatten)]
    pub from: FromArgs,
    /// The directory.
    #[command(flatten)]
    pub store: StoreArgs,
    /// Its snapshots.
    #[command(flatten)]
    pub snapshots: SnapshotArgs,
    /// How to write the next.
    #[command(flatten)]
    pub writing: WritingArgs,
}

/// `names` as typed.
#[derive(Debug, Clone, clap::Args)]
pub struct NamesArgs {
    /// The store.
    #[command(flatten)]
    pub source: SourceArgs,
}

/// `accept` as typed.
#[derive(Debug, Clone, clap::Args)]
pub struct AcceptArgs {
    /// The store.
    #[command(flatten)]
    pub store: StoreArgs,
    /// Which rejects.
    #[command(flatten)]
    pub rejects: RejectArgs,
}

/// `probe` as typed.
#[derive(Debug, Clone, clap::Args)]
pub struct ProbeArgs {
    /// The API.
    #[command(flatten)]
    pub api: ApiArgs,
}

/// `demo` as typed.
#[derive(Debug, Clone, clap::Args)]
pub struct DemoArgs {
    /// The demo's store, sqlite:FILE
    ///
    /// Only from the flag: a demo must never write its made-up tickets into the store that the
    /// environment or the configuration file names.
    #[arg(long, value_name = "STORE", default_value = "sqlite:demo.sqlite", value_parser = target::store)]
    pub to: PathBuf,
    /// The simulated desk.
    #[command(flatten)]
    pub world: WorldArgs,
}

/// `simulate` as typed.
#[derive(Debug, Clone, clap::Args)]
pub struct SimulateArgs {
    /// The simulated desk.
    #[command(flatten)]
    pub world: WorldArgs,
    /// Its range of creation.
    #[command(flatten)]
    pub range: RangeArgs,
    /// How it answers.
    #[command(flatten)]
    pub server: ServerArgs,
    /// How it lives on.
    #[command(flatten)]
    pub live: LiveArgs,
}

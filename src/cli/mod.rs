//! The command line as typed.
//!
//! Each option is defined once, here: its flag, its default, its help and the parser of its value.
//! Its environment variable (`MAVA_EXPORT_` and the flag) and its key in the configuration file
//! (the flag with `_`) follow from the flag, and a value from the file is read by the same parser:
//! it takes the place of the default. So the order flags, environment, file, default is clap's own,
//! and no option can exist in one place and be missing from another.

mod help;
mod options;
mod query;
mod typed;
mod value;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::Resettable;
use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

pub use options::{
    ApiArgs, DepthArgs, FetchArgs, FilterArgs, FromArgs, OutputArgs, RangeArgs, RejectArgs,
    RepairArgs, ServerArgs, SnapshotArgs, StoreArgs, SyncingArgs, WorldArgs, WritingArgs,
};
pub use query::{AnswerArgs, QueryArgs};
pub(crate) use value::word;
pub use value::{Limit, Origin, Rate, Status, Target};

use crate::config;
use crate::error::Error;

/// The prefix of every environment variable but those that Mava's other tools know too.
const ENVIRONMENT_PREFIX: &str = "MAVA_EXPORT_";

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
    /// The API does not say what changed, so a sync has to find out. It reads new tickets, everything
    /// unresolved, what was resolved or rated since, what was deleted, and older tickets that are
    /// likely to have changed. On a large desk that takes a few percent of the requests of a full
    /// read; a small one is read in full. At the end it says what it may have missed.
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
    /// errors. It takes one key: simulated-key.
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
        matches!(self, Self::Query(_) | Self::Completions { .. })
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
    #[arg(long, value_name = "STORE", default_value = "sqlite:demo.sqlite", value_parser = value::store)]
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
}

/// Why there are no [`Args`]: the text to show instead.
#[derive(Debug)]
pub enum Stop {
    /// Help or the version, asked for, or a command line that cannot be read.
    Text(clap::Error),
    /// A configuration file that cannot be read, or a secret where none belongs.
    Error(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

/// Reads the command line (the program's name first), the environment and the configuration files.
///
/// # Errors
/// What to show instead of running: help, the version, or what is wrong.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Args, Stop> {
    let arguments: Vec<OsString> = arguments.into_iter().map(unmistakable).collect();
    read_all(&arguments).map_err(typed::without_key)
}

fn read_all(arguments: &[OsString]) -> Result<Args, Stop> {
    let args = read(command(), arguments)?;
    let files = config::locate(args.output.config.as_deref())?;
    if files.is_empty() {
        return Ok(args);
    }
    let mut command = command();
    // The nearest is applied last, over the others.
    for file in files.iter().rev() {
        command = file.apply(command)?;
    }
    let mut args = read(command, arguments)?;
    args.files = files.iter().map(|file| file.path().to_owned()).collect();
    Ok(args)
}

/// SQL that begins with a comment, with a blank before it: it is no flag, of which none has a blank
/// in its name.
fn unmistakable(argument: OsString) -> OsString {
    let is_comment = argument.to_str().is_some_and(|text| {
        let name = text.strip_prefix("--").unwrap_or_default();
        let name = name.split_once('=').map_or(name, |(name, _)| name);
        name.contains(char::is_whitespace)
    });
    match is_comment {
        true => {
            let mut sql = OsString::from(" ");
            sql.push(argument);
            sql
        }
        false => argument,
    }
}

/// The completion script for a shell.
pub fn completions(shell: Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command(), "mava-export", &mut script);
    let script = String::from_utf8_lossy(&script).into_owned();
    match shell {
        // The generator writes the hyphen of our name in two ways: one where a word leads to a command,
        // another where the command's own words are looked up, so that they are never found.
        Shell::Bash => script.replace("mava__subcmd__export", "mava__export"),
        // Its words for values leave out those without a flag.
        Shell::Fish => {
            let shells = Shell::value_variants().iter().map(Shell::to_string);
            let shells = shells.collect::<Vec<_>>().join(" ");
            format!(
                "{script}complete -c mava-export -n \"__fish_mava_export_using_subcommand completions\" -f -a \"{shells}\"\n"
            )
        }
        _ => script,
    }
}

/// One option as the documentation lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptionEntry {
    /// `--rate-limit`.
    pub flag: String,
    /// `MAVA_EXPORT_RATE_LIMIT`, where it has one.
    pub environment: Option<String>,
    /// `rate_limit`, where the configuration file may hold it.
    pub key: Option<String>,
    /// The default as one types it; empty where there is none, several values comma-separated.
    pub default: String,
    /// The first line of its help.
    pub help: String,
    /// The commands that take it; empty for an option of every command.
    pub commands: Vec<String>,
}

/// Every option with a long flag, in the order of the help. An option of several commands is
/// listed once.
pub fn options() -> Vec<OptionEntry> {
    let mut entries: Vec<OptionEntry> = Vec::new();
    visit(&command(), "", &mut |path, argument| {
        let Some(flag) = argument.get_long() else {
            return;
        };
        let entry = OptionEntry {
            flag: format!("--{flag}"),
            environment: argument
                .get_env()
                .map(|name| name.to_string_lossy().into_owned()),
            key: config_key(argument),
            default: argument
                .get_default_values()
                .iter()
                .map(|value| value.to_string_lossy())
                .collect::<Vec<_>>()
                .join(","),
            help: argument
                .get_help()
                .map(ToString::to_string)
                .unwrap_or_default(),
            commands: (!path.is_empty())
                .then(|| path.to_owned())
                .into_iter()
                .collect(),
        };
        match entries.iter_mut().find(|known| {
            known.flag == entry.flag && known.key == entry.key && known.default == entry.default
        }) {
            Some(known) => known.commands.extend(entry.commands),
            None => entries.push(entry),
        }
    });
    entries
}

/// The key that holds this option in the configuration file.
pub(crate) fn config_key(argument: &clap::Arg) -> Option<String> {
    let flag = argument.get_long()?;
    (argument.get_env().is_some() && flag != "config").then(|| flag.replace('-', "_"))
}

/// Calls `see` with the command's path and each argument, of all commands.
pub(crate) fn visit(command: &clap::Command, path: &str, see: &mut impl FnMut(&str, &clap::Arg)) {
    for argument in command.get_arguments() {
        see(path, argument);
    }
    for child in command.get_subcommands() {
        let path = format!("{path} {}", child.get_name());
        visit(child, path.trim_start(), see);
    }
}

/// The command line's definition, with the environment variables.
pub(crate) fn command() -> clap::Command {
    with_environment(Args::command())
}

fn with_environment(command: clap::Command) -> clap::Command {
    let is_demo = command.get_name() == "demo";
    let said_each_time = match command.get_name() {
        "accept" => &options::SAID_EACH_TIME[..],
        "query" => &query::SAID_EACH_TIME,
        _ => &[],
    };
    command
        .mut_args(|argument| {
            let Some(flag) = argument.get_long().map(str::to_owned) else {
                return argument;
            };
            let is_counted = matches!(argument.get_action(), clap::ArgAction::Count);
            // What is accepted, and the files of a query, are said each time.
            let is_said = said_each_time.contains(&flag.as_str());
            if is_counted || is_said || (is_demo && flag == "to") {
                return argument;
            }
            argument
                .env(variable(&flag))
                .hide_env(true)
                .hide_env_values(true)
        })
        .mut_subcommands(with_environment)
}

/// The environment variable of a flag, which is given without its hyphens.
fn variable(flag: &str) -> String {
    match flag {
        "base-url" => "MAVA_BASE_URL".to_owned(),
        _ => format!(
            "{ENVIRONMENT_PREFIX}{}",
            flag.replace('-', "_").to_uppercase()
        ),
    }
}

/// An empty variable is one that is not set.
#[expect(
    clippy::disallowed_methods,
    reason = "the environment is read once, here"
)]
fn without_empty(command: clap::Command) -> clap::Command {
    command
        .mut_args(|argument| {
            let value = argument.get_env().and_then(std::env::var_os);
            match value {
                Some(value) if value.is_empty() => argument.env(Resettable::Reset),
                _ => argument,
            }
        })
        .mut_subcommands(without_empty)
}

fn read(command: clap::Command, arguments: &[OsString]) -> Result<Args, Stop> {
    let command = without_empty(command);
    let matches =
        command
            .try_get_matches_from(arguments)
            .map_err(|error| match typed::refuse(error) {
                Stop::Text(error) => Stop::Text(typed::from_environment(error, arguments)),
                stop => stop,
            })?;
    let mut args = Args::from_arg_matches(&matches).map_err(Stop::Text)?;
    args.has_typed_key_file = has_typed(&matches, "api_key_file");
    if let Command::Query(query) = &mut args.command {
        query.settle(|id| has_typed(&matches, id))?;
    }
    Ok(args)
}

/// Whether an option stood on the command line itself.
fn has_typed(matches: &ArgMatches, id: &str) -> bool {
    matches.try_contains_id(id).is_ok()
        && matches.value_source(id) == Some(clap::parser::ValueSource::CommandLine)
        || matches
            .subcommand()
            .is_some_and(|(_, child)| has_typed(child, id))
}

#[cfg(test)]
mod tests;

//! `query` as typed.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args};

use super::options::FromArgs;
use super::target::{self, Target};
use super::value::{self, Limit};
use crate::error::{Error, Result};
use crate::settings::QueryFormat;

/// Options of `query` that neither the environment nor the configuration file can give: they say what
/// is asked, name files, or say that one may be replaced.
pub(super) const SAID_EACH_TIME: [&str; 4] = ["file", "named", "output", "overwrite"];

/// `query` as typed.
#[derive(Debug, Clone, Args)]
pub struct QueryArgs {
    /// One SELECT statement in quotes, or - to read it from stdin; or .tables, or .schema and the name of a table
    pub sql: Vec<OsString>,
    /// Read the statement from this file
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Answer the query of this name, of those that come with the program; without a name, list them
    #[arg(long, value_name = "NAME", num_args = 0..=1)]
    pub named: Option<Option<String>>,
    /// The store.
    #[command(flatten)]
    pub source: SourceArgs,
    /// The answer.
    #[command(flatten)]
    pub answer: AnswerArgs,
}

/// The store that a command reads, whichever option names it.
#[derive(Debug, Clone, Args)]
pub struct SourceArgs {
    /// The store.
    #[command(flatten)]
    pub from: FromArgs,
    /// Another name for --from, as the other commands have it
    #[arg(long, value_name = "STORE", value_parser = target::target)]
    pub to: Option<Target>,
}

impl SourceArgs {
    /// Settles what depends on whether an option was typed. A store that was typed goes before one of the
    /// environment or of a file, whatever it is called there.
    ///
    /// # Errors
    /// Two stores were typed.
    pub(super) fn settle(&mut self, command: &str, has_typed: impl Fn(&str) -> bool) -> Result<()> {
        match (has_typed("from"), has_typed("to")) {
            (true, true) => {
                return Err(Error::usage(format!(
                    "--from and --to both name a store, and {command} reads one"
                ))
                .help("leave one of them out"));
            }
            (false, true) => self.from.from = None,
            _ => {}
        }
        Ok(())
    }

    /// The store that is meant, if one was named.
    pub(crate) fn target(self) -> Option<Target> {
        self.from.from.or(self.to)
    }
}

/// What the answer is to be.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Answer")]
pub struct AnswerArgs {
    /// The form of the answer: table, csv, json or ndjson [default: by the ending of --output, else a
    /// table, or json with --json]
    #[arg(long, value_name = "FORMAT", hide_possible_values = true)]
    pub format: Option<QueryFormat>,
    /// Write the answer to this file, whole or not at all; - is stdout
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Replace the file of --output where it exists
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, action = ArgAction::Set,
        default_value = "false", default_missing_value = "true", hide_default_value = true, hide_possible_values = true,
        value_parser = value::switch)]
    pub overwrite: bool,
    /// In CSV, put an apostrophe before text that a spreadsheet would run as a formula
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, action = ArgAction::Set,
        default_value = "false", default_missing_value = "true", hide_default_value = true, hide_possible_values = true,
        value_parser = value::switch)]
    pub csv_safe: bool,
    /// Whether `--csv-safe` was typed, so that it has to fit the form.
    #[arg(skip)]
    pub has_typed_csv_safe: bool,
    /// Show at most so many rows, or none for no limit [default: 1000 in a table, else none]
    #[arg(long, value_name = "N", value_parser = value::most)]
    pub max_rows: Option<Limit<usize>>,
    /// Show at most so many characters of a cell, or none for no limit [default: 1000 in a table,
    /// else none]
    #[arg(long, value_name = "N", value_parser = value::most)]
    pub max_cell: Option<Limit<usize>>,
    /// Give up when there is no whole answer after this time, such as 30s [default: none]
    #[arg(long, value_name = "TIME", value_parser = value::time_limit)]
    pub timeout: Option<Limit<Duration>>,
}

impl QueryArgs {
    /// Settles what depends on whether an option was typed.
    ///
    /// # Errors
    /// See [`SourceArgs::settle`].
    pub(super) fn settle(&mut self, has_typed: impl Fn(&str) -> bool) -> Result<()> {
        self.answer.has_typed_csv_safe = has_typed("csv_safe");
        self.source.settle("query", has_typed)
    }
}

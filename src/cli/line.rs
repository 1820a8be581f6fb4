//! The words of one command line.

use std::ffi::OsString;

use clap::{ArgMatches, FromArgMatches};

use super::commands::{Args, Command};
use super::environment::without_empty;
use super::stop::Stop;
use super::typed;

/// The words that were typed, the program's name first.
#[derive(Debug)]
pub struct Line(Vec<OsString>);

impl Line {
    /// The line of these words.
    pub fn of(words: impl IntoIterator<Item = OsString>) -> Self {
        Self(words.into_iter().map(unmistakable).collect())
    }

    /// Reads the line as `command` defines it, and the environment.
    ///
    /// # Errors
    /// What to show instead of running: help, the version, or what is wrong.
    pub(crate) fn read(&self, command: clap::Command) -> Result<Args, Stop> {
        read(command, &self.0)
    }
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

pub(super) fn read(command: clap::Command, arguments: &[OsString]) -> Result<Args, Stop> {
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
    if let Command::Names(names) = &mut args.command {
        names.source.settle("names", |id| has_typed(&matches, id))?;
    }
    if let Command::Simulate(simulate) = &mut args.command {
        simulate.live.has_typed_day_every = has_typed(&matches, "day_every");
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

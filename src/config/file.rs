//! A configuration file: TOML, one key per option, and sections about metrics, promises and names.
//!
//! Its values become the defaults of the command line, so that flags and the environment go
//! before them and one parser reads all three.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::metrics::{self, Section};
use super::{names, sla};
use crate::cli;
use crate::error::{Error, Result};
use crate::settings::{Names, Policy};
use crate::spelling::nearest;

/// Keys under which people put the API key.
const SECRET_KEYS: [&str; 6] = [
    "api_key",
    "apikey",
    "api-key",
    "mava_api_key",
    "MAVA_API_KEY",
    "token",
];

/// Keys that the working directory's file may hold: whoever made the directory may have made the
/// file. None of them names an address, a key, a command or a file but the store, and none says who
/// may read the copy. A key that is not here is refused there.
pub const WORKING_DIRECTORY_KEYS: &[&str] = &[
    "allow_deletions",
    "assigned_to",
    "at_work",
    "budget_share",
    "category",
    "clock_tolerance",
    "color",
    "connect_timeout",
    "csv_safe",
    "day_every",
    "deep",
    "effort",
    "fault_rate",
    "format",
    "full",
    "full_below",
    "json",
    "keep_snapshots",
    "lanes",
    "latency",
    "live",
    "log_format",
    "log_level",
    "max_body",
    "max_cell",
    "max_requests",
    "max_rows",
    "mean_messages",
    "no_messages",
    "origin",
    "port",
    "prerender",
    "progress",
    "rate_limit",
    "rate_margin",
    "read_timeout",
    "refresh_within",
    "repair",
    "retry_attempts",
    "retry_for",
    "retry_pause",
    "seed",
    "since",
    "spend",
    "status",
    "tag",
    "tickets",
    "timeout",
    "to",
    "until",
    "whole",
];

/// A configuration file as read: known keys, values not yet parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    path: PathBuf,
    values: BTreeMap<String, Vec<String>>,
    metrics: Section,
    names: Names,
    sla: Option<Vec<Policy>>,
}

impl File {
    /// Reads the text of the file at `path`.
    ///
    /// # Errors
    /// A usage error that names the file and the key, never a value.
    pub fn parse(path: &Path, text: &str) -> Result<Self> {
        let table: toml::Table = toml::from_str(text).map_err(|error| {
            // Not the excerpt that TOML's error shows: a secret may stand in that line.
            let before = error.span().and_then(|span| text.get(..span.start));
            let line = before.map_or(1, |before| before.matches('\n').count() + 1);
            Error::usage(format!(
                "{}: line {line}: {}",
                path.display(),
                error.message().replace('\n', ", ")
            ))
        })?;
        let known = keys();
        let mut values = BTreeMap::new();
        let mut metrics = Section::default();
        let mut names = Names::default();
        let mut policies = None;
        for (key, value) in table {
            let place = format!("{}: {key}", path.display());
            if SECRET_KEYS.contains(&key.as_str()) {
                return Err(
                    Error::usage(format!("{place}: the API key does not belong in this file"))
                        .help("set MAVA_API_KEY, or name a file that holds only the key: api_key_file = \"…\""),
                );
            }
            if key == metrics::SECTION {
                metrics = Section::read(&place, value)?;
                continue;
            }
            if key == names::SECTION {
                names = names::read(&place, value)?;
                continue;
            }
            if key == sla::KEY {
                policies = Some(sla::read(&place, value)?);
                continue;
            }
            if !known.contains(&key) {
                return Err(unknown(&place, &key, &known));
            }
            values.insert(key, texts(&place, value)?);
        }
        Ok(Self {
            path: path.to_owned(),
            values,
            metrics,
            names,
            sla: policies,
        })
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it says of metrics.
    pub(super) fn metrics(&self) -> &Section {
        &self.metrics
    }

    /// The names that it gives.
    pub(super) fn names(&self) -> &Names {
        &self.names
    }

    /// What it promises, if it says so.
    pub(super) fn policies(&self) -> Option<&[Policy]> {
        self.sla.as_deref()
    }

    /// The first key that is none of these.
    pub(super) fn key_beside(&self, allowed: &[&str]) -> Option<&str> {
        let mut keys = self.values.keys().map(String::as_str);
        keys.find(|key| !allowed.contains(key))
    }

    /// Makes the file's values the defaults of `command` and its subcommands.
    ///
    /// # Errors
    /// A usage error that names the file and the key whose value is not accepted, and the value if it is
    /// too short to be a secret.
    pub fn apply(&self, command: clap::Command) -> Result<clap::Command> {
        let mut refused = None;
        cli::visit(&command, "", &mut |_, argument| {
            let values = cli::config_key(argument).and_then(|key| self.values.get_key_value(&key));
            if let Some((key, values)) = values
                && refused.is_none()
                && let Err(reason) = check(argument, values)
            {
                let shown = match values.as_slice() {
                    [value] if may_be_shown(value) => {
                        format!("{value:?} is not accepted: ")
                    }
                    _ => String::new(),
                };
                let path = self.path.display();
                refused = Some(Error::usage(format!("{path}: {key}: {shown}{reason}")));
            }
        });
        match refused {
            Some(error) => Err(error),
            None => Ok(self.with_defaults(command)),
        }
    }

    fn with_defaults(&self, command: clap::Command) -> clap::Command {
        command
            .mut_args(|argument| {
                let values = cli::config_key(&argument).and_then(|key| self.values.get(&key));
                match values {
                    Some(values) if !values.is_empty() => argument.default_values(values.clone()),
                    _ => argument,
                }
            })
            .mut_subcommands(|child| self.with_defaults(child))
    }
}

/// Whether a value may be repeated in an error: a short word or number, such as nobody has for a secret.
fn may_be_shown(value: &str) -> bool {
    const LONGEST: usize = 8;
    let is_word = value.chars().all(char::is_alphabetic);
    let is_number =
        value.starts_with(|first: char| first.is_ascii_digit() || "+-.".contains(first));
    value.chars().count() <= LONGEST && (is_word || is_number)
}

/// Every key that a file may hold.
pub(super) fn keys() -> Vec<String> {
    let mut keys = Vec::new();
    cli::visit(&cli::command(), "", &mut |_, argument| {
        keys.extend(cli::config_key(argument).filter(|key| !keys.contains(key)));
    });
    keys
}

/// What the keys are called.
const KEYS: &str = "a key is the name of an option with _ for -, such as rate_limit for --rate-limit: \
    mava-export backfill --help lists those of a backfill";

fn unknown(place: &str, key: &str, known: &[String]) -> Error {
    let error = Error::usage(format!("{place}: unknown key"));
    let key = key.replace('-', "_");
    let nearest = nearest(&key, known.iter().map(String::as_str));
    error.help(match nearest {
        Some(name) => format!("did you mean {name}?"),
        None => KEYS.to_owned(),
    })
}

/// A value as it would be typed; several for an array.
fn texts(place: &str, value: toml::Value) -> Result<Vec<String>> {
    let text = match value {
        toml::Value::Array(items) => {
            let items = items.into_iter().map(|item| texts(place, item));
            return Ok(items
                .collect::<Result<Vec<_>>>()?
                .into_iter()
                .flatten()
                .collect());
        }
        toml::Value::Table(_) => {
            return Err(Error::usage(format!(
                "{place}: a section; the only ones are [metrics], [names] and [[sla]], so write every other key at the top"
            )));
        }
        toml::Value::String(text) => text,
        toml::Value::Integer(number) => number.to_string(),
        toml::Value::Float(number) => number.to_string(),
        toml::Value::Boolean(is_set) => is_set.to_string(),
        toml::Value::Datetime(instant) => instant.to_string(),
    };
    Ok(vec![text])
}

/// Holds a value against the option's own parser; the error says what is accepted.
fn check(argument: &clap::Arg, values: &[String]) -> std::result::Result<(), String> {
    if values.len() > 1 && !matches!(argument.get_action(), clap::ArgAction::Append) {
        return Err("takes one value, not several".into());
    }
    let flag = argument.get_long().unwrap_or_default();
    let parsed = clap::Command::new("config")
        .no_binary_name(true)
        .disable_help_flag(true)
        .arg(argument.clone())
        .try_get_matches_from(values.iter().map(|value| format!("--{flag}={value}")));
    match parsed {
        Ok(_) => Ok(()),
        Err(error) => Err(reason(&error)),
    }
}

fn reason(error: &clap::Error) -> String {
    match (error.kind(), error.get(ContextKind::ValidValue)) {
        (ErrorKind::InvalidValue, Some(ContextValue::Strings(words))) if !words.is_empty() => {
            format!("write one of {}", words.join(", "))
        }
        _ => std::error::Error::source(error)
            .map_or_else(|| "the value is missing".into(), ToString::to_string),
    }
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;

//! What was typed and cannot be read, repeated without a key in it, and without anything that
//! steers a terminal.
#![expect(
    clippy::disallowed_methods,
    reason = "knows the key of the environment, so as not to repeat it"
)]

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use secrecy::SecretString;

use super::environment::{KEY_VARIABLE, variable};
use super::stop::Stop;
use crate::error::Error;
use crate::redact::{self, Redactor, looks_like_key};

/// Stray words up to this length are repeated in the error: more than the longest command has.
const LONGEST_WORD: usize = 15;

/// What stands for a value that may be a key.
const NOT_SHOWN: &str = "(not shown: it may be a key)";

/// A key on the command line gets its own answer; everything else is clap's, with what it repeats
/// made harmless.
pub(super) fn refuse(error: clap::Error) -> Stop {
    match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(flag)) if flag.starts_with("--api-key") && flag != "--api-key-file <PATH>" => {
            Stop::Error(
                Error::usage("the API key is never given as a flag: every user of the machine could read it there, and the shell keeps it")
                    .help("set MAVA_API_KEY, or give --api-key-file PATH (- reads it from stdin)"),
            )
        }
        Some(ContextValue::String(word)) if may_be_key(word) => hidden(),
        _ => match error.get(ContextKind::InvalidSubcommand) {
            Some(ContextValue::String(word)) if may_be_key(word) => hidden(),
            _ => Stop::Text(harmless(error)),
        },
    }
}

/// This error, naming the variable where the value did not come from the command line: what the
/// configuration files say is looked at before.
pub(super) fn from_environment(mut error: clap::Error, arguments: &[OsString]) -> clap::Error {
    let is_of_value = matches!(
        error.kind(),
        ErrorKind::InvalidValue | ErrorKind::ValueValidation
    );
    let Some(ContextValue::String(shown)) =
        error.get(ContextKind::InvalidArg).filter(|_| is_of_value)
    else {
        return error;
    };
    let Some(flag) = shown
        .split([' ', '=', '['])
        .next()
        .and_then(|flag| flag.strip_prefix("--"))
    else {
        return error;
    };
    let is_typed = arguments
        .iter()
        .filter_map(|typed| typed.to_str())
        .any(|typed| {
            let typed = typed.strip_prefix("--").unwrap_or_default();
            typed.split('=').next() == Some(flag)
        });
    if !is_typed {
        let told = format!("{} ({shown})", variable(flag));
        error.insert(ContextKind::InvalidArg, ContextValue::String(told));
    }
    error
}

/// Whether a stray word may be a key, or hold one: no command or option looks like that.
fn may_be_key(word: &str) -> bool {
    !word.starts_with('-') && (word.contains('=') || word.len() > LONGEST_WORD)
        || looks_like_key(word.trim_start_matches('-'))
}

fn hidden() -> Stop {
    Stop::Error(
        Error::usage(
            "a word was given that is no option or command; it is not shown, since it may hold a key",
        )
        .help("set MAVA_API_KEY in the environment, before the command; see mava-export --help"),
    )
}

/// This error, with what was typed shown on one line, as far as it may be.
fn harmless(mut error: clap::Error) -> clap::Error {
    let redactor = redactor();
    let shown = |text: &str| {
        let text = redact::on_one_line(text);
        match &redactor {
            Some(redactor) => redactor.own(&text).into_owned(),
            None => text,
        }
    };
    let typed: Vec<(ContextKind, ContextValue)> = error
        .context()
        .map(|(kind, value)| (kind, value.clone()))
        .collect();
    for (kind, value) in typed {
        match value {
            ContextValue::String(text) if kind == ContextKind::InvalidValue => {
                let text = match looks_like_key(&text) {
                    true => NOT_SHOWN.to_owned(),
                    false => shown(&text),
                };
                error.insert(kind, ContextValue::String(text));
            }
            ContextValue::String(text) => {
                error.insert(kind, ContextValue::String(shown(&text)));
            }
            ContextValue::Strings(texts) => {
                let texts = texts.iter().map(|text| shown(text)).collect();
                error.insert(kind, ContextValue::Strings(texts));
            }
            // Hints that would repeat it: nobody means a word like that.
            ContextValue::StyledStr(text) if shown(&text.to_string()) != text.to_string() => {
                error.remove(kind);
            }
            ContextValue::StyledStrs(texts) => {
                let same =
                    |text: &clap::builder::StyledStr| shown(&text.to_string()) == text.to_string();
                // A command that takes a word of any form would take an option as one.
                let is_meant =
                    |text: &clap::builder::StyledStr| !text.to_string().starts_with("to pass ");
                let texts = texts.into_iter().filter(same).filter(is_meant).collect();
                error.insert(kind, ContextValue::StyledStrs(texts));
            }
            _ => {}
        }
    }
    error
}

impl Stop {
    /// An error of our own without the key of the environment, which may have been typed in the place
    /// of a path.
    pub(crate) fn without_key(self) -> Self {
        let (Self::Error(error), Some(redactor)) = (&self, redactor()) else {
            return self;
        };
        let text = error.to_string();
        if matches!(redactor.own(&text), std::borrow::Cow::Borrowed(_)) {
            return self;
        }
        let shown = Error::new(error.kind(), redactor.own(&text));
        Self::Error(match error.help_text() {
            Some(help) => shown.help(redactor.own(help)),
            None => shown,
        })
    }
}

/// Finds the key of the environment.
fn redactor() -> Option<Redactor> {
    let key = std::env::var(KEY_VARIABLE).ok()?;
    (!key.is_empty()).then(|| Redactor::new(&SecretString::from(key)))
}

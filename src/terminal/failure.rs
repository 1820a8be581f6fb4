//! How it is told that something failed.

use std::borrow::Cow;
use std::sync::atomic::Ordering;

use serde::Serialize;

use super::{Printer, style, summary};
use crate::error::{Error, ExitCode};
use crate::report::{Stopped, Summary};
use crate::settings::LogFormat;

/// An error for machines.
#[derive(Serialize)]
pub(super) struct Failed<'a> {
    /// What the run keeps.
    #[serde(flatten)]
    pub(super) kept: Option<&'a Summary>,
    pub(super) error: String,
    pub(super) help: Option<Cow<'a, str>>,
    pub(super) exit_code: u8,
}

impl<'a> Failed<'a> {
    pub(super) fn of(error: &'a Error, kept: Option<&'a Summary>) -> Self {
        Self {
            kept,
            error: error.to_string(),
            help: error.help_text().map(Cow::Borrowed),
            exit_code: ExitCode::from(error.kind()).number(),
        }
    }
}

impl Printer {
    /// Prints what a run that failed keeps, on stdout, if it had begun; as JSON with the error and
    /// the way out.
    pub fn kept(&self, stopped: &Stopped) {
        let printed = match stopped.kept.as_deref() {
            None => return,
            kept @ Some(_) if self.output.is_json => self.json(&Failed::of(&stopped.error, kept)),
            Some(kept) => self.text(&format!("{}\n", summary::text(kept).trim_end())),
        };
        // The error itself still goes to stderr.
        let _ = printed;
    }

    /// Where a result was to be JSON and there is none, the error in its place.
    pub fn failure(&self, error: &Error) {
        if self.output.is_json && !self.has_result.load(Ordering::Relaxed) {
            // The error itself still goes to stderr.
            let _ = self.json(&Failed::of(error, None));
        }
    }

    /// Prints an error and the way out on stderr; as a log line where those are JSON.
    pub fn error(&self, error: &Error) {
        match self.output.log_format {
            LogFormat::Text => self.to_stderr(&error_text(error)),
            LogFormat::Json => {
                tracing::error!(
                    exit_code = ExitCode::from(error.kind()).number(),
                    help = error.help_text(),
                    "{error}"
                );
            }
        }
    }
}

pub(super) fn error_text(error: &Error) -> String {
    let label = style::paint(style::BAD, "error:");
    let mut text = format!("{label} {}\n", style::plain(&error.to_string()));
    if let Some(help) = error.help_text() {
        let label = style::paint(style::BOLD, "help:");
        text.push_str(&format!("{label} {}\n", style::plain(help)));
    }
    text
}

#[cfg(test)]
mod tests {
    use std::io::{self, ErrorKind};

    use super::*;

    #[test]
    fn an_error_is_its_message_its_cause_and_the_way_out() {
        let error = Error::failed(
            "GET /api/tickets failed 10 times in 4m 12s, window [2023-01-01, 2024-01-01)",
        )
        .because(io::Error::new(
            ErrorKind::ConnectionReset,
            "connection\u{1b}[2J reset",
        ))
        .help("run the same command again to go on");
        insta::assert_snapshot!(anstream::adapter::strip_str(&error_text(&error)), @r#"
        error: GET /api/tickets failed 10 times in 4m 12s, window [2023-01-01, 2024-01-01): connection�[2J reset
        help: run the same command again to go on
        "#);
        assert!(error_text(&error).starts_with("\u{1b}[1m\u{1b}[31merror:\u{1b}[0m "));
    }
}

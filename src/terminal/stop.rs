//! Why there is nothing to run.

use std::ffi::OsString;
use std::io::{self, Write};

use anstream::{AutoStream, ColorChoice};

use super::failure::{Failed, error_text};
use super::streams::write_stderr;
use super::style;
use crate::cli::Stop;
use crate::error::ExitCode;
use crate::redact;

/// Shows why there is nothing to run: help and the version on stdout, what is wrong on stderr, and
/// as JSON on stdout too where `arguments`, as typed, ask for that.
pub fn stop(stop: &Stop, arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let is_json = asks_for_json(arguments);
    match stop {
        Stop::Text(text) => {
            let shown = style::harmless(&text.render().ansi().to_string());
            if !text.use_stderr() {
                let mut stdout = AutoStream::new(io::stdout(), ColorChoice::Auto).lock();
                // As with everything printed last: nobody is left to tell that it failed.
                let _ = stdout.write_all(shown.as_bytes());
                return ExitCode::Complete;
            }
            write_stderr(&shown, ColorChoice::Auto);
            if is_json {
                print(&refused(&text.to_string()));
            }
            ExitCode::Usage
        }
        Stop::Error(error) => {
            write_stderr(&error_text(error), ColorChoice::Auto);
            if is_json {
                print(&Failed::of(error, None));
            }
            error.kind().into()
        }
    }
}

/// Whether `--json` is among the arguments. The last one counts; what follows `--` is no option.
fn asks_for_json(arguments: impl IntoIterator<Item = OsString>) -> bool {
    let typed = arguments
        .into_iter()
        .take_while(|argument| argument != "--")
        .filter_map(
            |argument| match argument.to_str()?.strip_prefix("--json")? {
                "" => Some(true),
                value => value.strip_prefix('=').map(is_on),
            },
        );
    typed.last().unwrap_or(false)
}

/// Whether the value of a switch turns it on.
fn is_on(value: &str) -> bool {
    let value = value.to_lowercase();
    ["y", "yes", "t", "true", "on", "1"].contains(&value.as_str())
}

/// A command line that cannot be read, for machines: of the text for people what is wrong, and as
/// the way out its tips, or else its last words.
fn refused(text: &str) -> Failed<'static> {
    let mut paragraphs = text.trim().split("\n\n").map(in_one_line);
    let error = paragraphs.next().unwrap_or_default();
    let tips: Vec<&str> = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("tip: "))
        .collect();
    let help = match tips.is_empty() {
        true => paragraphs.last(),
        false => Some(tips.join("; ")),
    };
    Failed {
        kept: None,
        error: error.strip_prefix("error: ").unwrap_or(&error).to_owned(),
        help: help.map(Into::into),
        exit_code: ExitCode::Usage.number(),
    }
}

fn in_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Nothing is left to say when stdout is gone.
fn print(failed: &Failed<'_>) {
    if let Ok(text) = serde_json::to_string_pretty(failed) {
        let text = redact::escape_hidden(&text);
        let _ = writeln!(io::stdout().lock(), "{text}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_asked_for_by_an_option_that_is_on() {
        for (arguments, is_asked) in [
            (&["sync", "--json", "--bogus"][..], true),
            (&["--json=true", "frob"], true),
            (&["--json=false", "frob"], false),
            (&["--json", "frob", "--json=off"], false),
            (&["answer", "--", "--json"], false),
            (&["sync", "--jsonx", "json"], false),
        ] {
            let typed = arguments.iter().map(OsString::from);
            assert_eq!(asks_for_json(typed), is_asked, "{arguments:?}");
        }
    }

    #[test]
    fn what_is_wrong_and_the_way_out_are_taken_from_the_text() {
        let text = "error: unexpected argument '--sinse' found\n\n  tip: a similar argument exists: \
                    '--since'\n\nUsage: sync\n\nFor more information, try '--help'.\n";
        let failed = refused(text);
        assert_eq!(failed.error, "unexpected argument '--sinse' found");
        let help = "a similar argument exists: '--since'";
        assert_eq!(failed.help.as_deref(), Some(help));
        let text = "error: invalid value 'x' for '--origin'\n  [possible values: web]\n\nFor more \
                    information, try '--help'.\n";
        let failed = refused(text);
        let error = "invalid value 'x' for '--origin' [possible values: web]";
        assert_eq!(failed.error, error);
        let help = "For more information, try '--help'.";
        assert_eq!(failed.help.as_deref(), Some(help));
    }
}

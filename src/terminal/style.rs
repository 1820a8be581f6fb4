//! How things look: styles, numbers, times. Text is always styled; what writes it takes the
//! styles away where nobody wants them.

use std::time::Duration;

use anstyle::{AnsiColor, Style};
use chrono::Timelike;
use indicatif::{HumanBytes, HumanCount};

use crate::table::Instant;

/// Headings.
pub(super) const BOLD: Style = Style::new().bold();
/// What is beside the point.
pub(super) const FAINT: Style = Style::new().dimmed();
/// What went well.
pub(super) const GOOD: Style = AnsiColor::Green.on_default().bold();
/// What needs a look.
pub(super) const WARNING: Style = AnsiColor::Yellow.on_default().bold();
/// What went wrong.
pub(super) const BAD: Style = AnsiColor::Red.on_default().bold();

/// `text` in `style`.
pub(super) fn paint(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}

/// Text from elsewhere without what could steer the terminal.
pub(super) fn plain(text: &str) -> String {
    text.chars()
        .map(|character| match character {
            '\n' | '\t' => ' ',
            control if control.is_control() => '\u{fffd}',
            other => other,
        })
        .collect()
}

/// Text of several lines without what could steer the terminal.
pub(super) fn harmless(text: &str) -> String {
    let replaced = |character: char| match character {
        '\n' | '\t' => character,
        control if control.is_control() => '\u{fffd}',
        other => other,
    };
    text.chars().map(replaced).collect()
}

/// `1,234,567`.
pub(super) fn count(number: impl TryInto<u64>) -> String {
    HumanCount(number.try_into().unwrap_or_default()).to_string()
}

/// `1 ticket`, `1,234 tickets`.
pub(super) fn counted<N: TryInto<u64>>(number: N, noun: &str) -> String {
    let number = number.try_into().unwrap_or_default();
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", HumanCount(number))
}

/// How many rejects are kept, and how many of them somebody accepted; `None` without any.
pub(super) fn rejects(standing: i64, accepted: i64) -> Option<String> {
    let text = counted(standing + accepted, "reject");
    match (standing, accepted) {
        (0, 0) => None,
        (_, 0) => Some(text),
        (0, _) => Some(format!("{text}, accepted")),
        _ => Some(format!("{text}, {} of them accepted", count(accepted))),
    }
}

/// `1.43 MiB`.
pub(super) fn bytes(number: u64) -> String {
    HumanBytes(number).to_string()
}

/// `3.2s`, `5m 41s`, `2h 3m`: no more precise than anyone cares.
pub(super) fn duration(duration: Duration) -> String {
    if duration < Duration::from_secs(10) {
        return format!("{:.1}s", duration.as_secs_f64());
    }
    let seconds = duration.as_secs();
    let coarse = match seconds {
        0..3_600 => seconds,
        3_600..86_400 => seconds - seconds % 60,
        _ => seconds - seconds % 3_600,
    };
    humantime::format_duration(Duration::from_secs(coarse)).to_string()
}

/// `2023-01-01` at midnight, else `2023-01-01 09:05 UTC`.
pub(super) fn moment(instant: Instant) -> String {
    let form = match instant.num_seconds_from_midnight() {
        0 => "%Y-%m-%d",
        _ => "%Y-%m-%d %H:%M UTC",
    };
    instant.format(form).to_string()
}

/// `2023-01-01`.
pub(super) fn day(instant: Instant) -> String {
    instant.format("%Y-%m-%d").to_string()
}

/// Filters as `status Open, Pending · origin web`.
pub(super) fn filters(filters: &serde_json::Value) -> String {
    let Some(fields) = filters.as_object() else {
        return plain(&filters.to_string());
    };
    let words = |value: &serde_json::Value| match value {
        serde_json::Value::Array(items) => items
            .iter()
            .map(|item| {
                item.as_str()
                    .map_or_else(|| item.to_string(), str::to_owned)
            })
            .collect::<Vec<_>>()
            .join(", "),
        other => other.to_string(),
    };
    let fields: Vec<String> = fields
        .iter()
        .map(|(name, value)| format!("{} {}", name.replace('_', " "), words(value)))
        .collect();
    plain(&fields.join(" · "))
}

/// Lines `  label   text` under each other; a text of several lines is indented as a whole.
pub(super) fn fields(fields: &[(&str, String)]) -> String {
    const LABEL_WIDTH: usize = 11;
    let mut out = String::new();
    for (label, text) in fields {
        let label = format!("{label:<LABEL_WIDTH$}");
        let indent = format!("\n  {:LABEL_WIDTH$}", "");
        out.push_str(&format!(
            "  {}{}\n",
            paint(FAINT, &label),
            text.replace('\n', &indent)
        ));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_times_are_for_people() {
        assert_eq!(count(1_234_567_i64), "1,234,567");
        assert_eq!(count(-1_i64), "0");
        assert_eq!(counted(1_u64, "ticket"), "1 ticket");
        assert_eq!(counted(0_usize, "ticket"), "0 tickets");
        assert_eq!(bytes(1_500_000), "1.43 MiB");
        for (milliseconds, text) in [
            (0, "0.0s"),
            (3_240, "3.2s"),
            (61_900, "1m 1s"),
            (7_384_000, "2h 3m"),
            (90_061_000, "1day 1h"),
        ] {
            assert_eq!(duration(Duration::from_millis(milliseconds)), text);
        }
    }

    #[test]
    fn what_could_steer_the_terminal_is_taken_away() {
        assert_eq!(plain("a\u{1b}[31mb\nc\u{9b}d"), "a\u{fffd}[31mb c\u{fffd}d");
    }
}

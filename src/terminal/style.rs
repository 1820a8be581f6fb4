//! How things look: styles, numbers, times. Text is always styled; what writes it takes the
//! styles away where nobody wants them.

use std::time::Duration;

use anstyle::{AnsiColor, Style};
use chrono::Timelike;
use indicatif::{HumanBytes, HumanCount};

use crate::redact;
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

/// Text from elsewhere on one line, without what could steer the terminal.
pub(super) fn plain(text: &str) -> String {
    redact::on_one_line(text)
}

/// Styled text with text from elsewhere in it, without what could steer the terminal but the
/// styles.
pub(super) fn harmless(text: &str) -> String {
    const ESCAPE: char = '\u{1b}';
    let mut parts = text.split(ESCAPE);
    let mut harmless = redact::without_hidden(parts.next().unwrap_or_default());
    for part in parts {
        // `[1;31m`: colours and the like (ECMA-48, 8.3.117).
        let parameters = part.strip_prefix('[').and_then(|part| {
            let rest =
                part.trim_start_matches(|digit: char| digit.is_ascii_digit() || digit == ';');
            rest.starts_with('m').then_some(())
        });
        harmless.push(match parameters {
            Some(()) => ESCAPE,
            None => char::REPLACEMENT_CHARACTER,
        });
        harmless.push_str(&redact::without_hidden(part));
    }
    harmless
}

/// `1,234,567`.
pub(super) fn count(number: impl TryInto<u64>) -> String {
    HumanCount(number.try_into().unwrap_or_default()).to_string()
}

/// `1 ticket`, `1,234 tickets`.
pub(crate) fn counted<N: TryInto<u64>>(number: N, noun: &str) -> String {
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

/// What is the same told once, with all that it is told of, in the order in which each comes first.
pub(super) fn folded<T: PartialEq, Of>(
    facts: impl IntoIterator<Item = (T, Of)>,
) -> Vec<(T, Vec<Of>)> {
    let mut folded: Vec<(T, Vec<Of>)> = Vec::new();
    for (fact, of) in facts {
        match folded.iter_mut().find(|(known, _)| *known == fact) {
            Some((_, all)) => all.push(of),
            None => folded.push((fact, vec![of])),
        }
    }
    folded
}

/// Columns of a label and the blanks behind it.
pub(super) const LABEL_WIDTH: usize = 11;

/// Lines `  label   text` under each other; a text of several lines is indented as a whole.
pub(super) fn fields(fields: &[(&str, String)]) -> String {
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
        assert_eq!(
            plain("a\u{202e}b\u{7f}c\u{200b}d"),
            "a\u{fffd}b\u{fffd}c\u{fffd}d"
        );
    }

    #[test]
    fn styles_are_left_and_no_other_sequence() {
        let styled = paint(BAD, "error:");
        assert_eq!(harmless(&styled), styled);
        assert_eq!(
            harmless("a\u{1b}[2Jb\u{1b}]0;x\u{7}c\u{9b}1m\n\u{1b}[1;31mred\u{1b}"),
            "a\u{fffd}[2Jb\u{fffd}]0;x\u{fffd}c\u{fffd}1m\n\u{1b}[1;31mred\u{fffd}"
        );
    }
}

//! The end of a run, for people.

use super::style::{
    self, BOLD, FAINT, GOOD, WARNING, bytes, count, counted, duration, fields, paint, plain,
};
use crate::refresh::SyncStep;
use crate::report::{CountedWindow, Summary, WindowStep};
use crate::table::{Ending, Outcome, RunKind, ending};

/// Slices that could not be proven complete and are listed; the rest is counted.
const LISTED: usize = 5;

/// The summary as text, styled.
pub(super) fn text(summary: &Summary) -> String {
    let mut blocks = vec![heading(summary), fields(&facts(summary))];
    if !summary.unverified.is_empty() {
        blocks.push(unverified(summary));
    }
    if !summary.remarks.is_empty() {
        blocks.push(
            summary
                .remarks
                .iter()
                .map(|remark| format!("  {} {}\n", paint(WARNING, "note:"), plain(remark)))
                .collect(),
        );
    }
    let next = next(summary);
    if !next.is_empty() {
        blocks.push(next);
    }
    blocks.join("\n")
}

fn heading(summary: &Summary) -> String {
    let mut kind = summary.kind.word().to_owned();
    if let Some(first) = kind.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    let style = match summary.outcome {
        Ending::Over(Outcome::Complete) => GOOD,
        _ => WARNING,
    };
    let heading = paint(style, &format!("{kind} {}", ending(summary.outcome.word())));
    let resumed = match summary.is_resumed {
        true => paint(FAINT, " (went on from an interrupted run)"),
        false => String::new(),
    };
    format!("{heading}{resumed}\n")
}

fn facts(summary: &Summary) -> Vec<(&'static str, String)> {
    let mut facts = vec![(
        "range",
        format!(
            "{} until {}",
            range_end(&summary.range_from),
            range_end(&summary.range_until)
        ),
    )];
    if let Some(filters) = &summary.filters {
        facts.push(("only", style::filters(filters)));
    }
    facts.push(("tickets", read(summary)));
    facts.extend(counts(summary).map(|counts| ("counted", counts)));
    facts.push(("API", requests(summary)));
    facts.push(("time", time(summary)));
    facts.extend(rejects(summary).map(|text| ("rejects", text)));
    if summary.replaced_characters > 0 {
        facts.push((
            "text",
            format!(
                "{} no database can hold, replaced by U+FFFD",
                counted(summary.replaced_characters, "character")
            ),
        ));
    }
    facts.push((
        "store",
        format!(
            "{} with {} and {}, {}",
            paint(BOLD, &plain(&summary.store)),
            counted(summary.tickets_stored, "ticket"),
            counted(summary.messages_stored, "message"),
            bytes(summary.store_bytes)
        ),
    ));
    facts
}

/// What became of the tickets that were read.
fn read(summary: &Summary) -> String {
    let before = match summary.is_resumed {
        true => format!(
            " ({} before the interruption)",
            count(summary.tickets_resumed)
        ),
        false => String::new(),
    };
    let mut read = format!(
        "{} read{before}: {} new, {} changed, {} unchanged",
        counted(summary.tickets_read, "ticket"),
        count(summary.tickets_new),
        count(summary.tickets_changed),
        count(summary.tickets_unchanged())
    );
    if summary.tickets_deleted > 0 {
        read.push_str(&format!(
            "\n{} gone from the desk, flagged as deleted",
            counted(summary.tickets_deleted, "ticket")
        ));
    }
    read
}

/// What was asked of the API.
fn requests(summary: &Summary) -> String {
    let mut requests = counted(summary.requests, "request");
    if summary.retries > 0 {
        requests.push_str(&format!(", {} of them retries", count(summary.retries)));
    }
    if summary.requests_limited > 0 {
        requests.push_str(&format!(
            ", {} answered 429",
            count(summary.requests_limited)
        ));
    }
    let since = match summary.is_resumed {
        true => ", since it went on",
        false => "",
    };
    format!("{requests}, {}{since}", bytes(summary.bytes))
}

/// What this run met, and what stands in the store.
fn rejects(summary: &Summary) -> Option<String> {
    let met = (summary.rejects > 0).then(|| {
        format!(
            "{} could not be represented and {} kept raw",
            counted(summary.rejects, "value"),
            if summary.rejects == 1 { "is" } else { "are" }
        )
    });
    let standing = style::rejects(summary.rejects_standing, summary.rejects_accepted);
    let standing = standing.map(|text| format!("in the store: {text}"));
    let lines: Vec<String> = met.into_iter().chain(standing).collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// What the API counted at the end of the windows, and what is stored of them.
fn counts(summary: &Summary) -> Option<String> {
    let sum = |of: fn(&CountedWindow) -> u64| summary.windows.iter().map(of).sum::<u64>();
    let (rejected, stored) = (sum(|window| window.rejected), sum(|window| window.stored));
    let is_part = summary.kind == RunKind::Sync
        && !summary
            .windows
            .iter()
            .any(|window| window.step == WindowStep::Sync(SyncStep::Full));
    let mut text = format!(
        "{}{} by the API, {} stored",
        count(sum(|window| window.counted)),
        if is_part { " new or unresolved" } else { "" },
        count(stored)
    );
    if rejected > 0 {
        text.push_str(&format!(", {} only in rejects", count(rejected)));
    }
    (!summary.windows.is_empty()).then_some(text)
}

/// The date alone at midnight.
fn range_end(text: &str) -> String {
    crate::table::parse_instant(text).map_or_else(|| plain(text), style::moment)
}

fn time(summary: &Summary) -> String {
    let elapsed = duration(summary.elapsed());
    let since = match summary.is_resumed {
        true => ", since it went on",
        false => "",
    };
    if summary.elapsed_s < 1.0 {
        return format!("{elapsed}{since}");
    }
    // A resumed run read a part of its tickets in another process.
    let read = summary.tickets_read.saturating_sub(summary.tickets_resumed);
    let read = i32::try_from(read).map_or(f64::from(i32::MAX), f64::from);
    format!(
        "{elapsed}, {:.0} tickets/s{since}",
        read / summary.elapsed_s
    )
}

fn unverified(summary: &Summary) -> String {
    let mut text = format!("  {}\n", paint(WARNING, "not proven complete"));
    for slice in summary.unverified.iter().take(LISTED) {
        text.push_str(&format!(
            "    {}  {}\n",
            plain(&slice.window),
            plain(&slice.reason)
        ));
    }
    let rest = summary.unverified.len().saturating_sub(LISTED);
    if rest > 0 {
        text.push_str(&format!("    and {} more: --json lists all\n", count(rest)));
    }
    text
}

/// What to do now.
fn next(summary: &Summary) -> String {
    let mut steps = Vec::new();
    match summary.outcome {
        Ending::Interrupted | Ending::Failed if summary.tickets_read == 0 => {
            steps.push("run the same command again to begin".to_owned());
        }
        Ending::Interrupted => {
            steps.push("what was read is kept; run the same command again to go on".to_owned());
        }
        Ending::Failed => steps.push(
            "what was read is kept; once the cause is gone, run the same command again to go on"
                .to_owned(),
        ),
        _ if !summary.unverified.is_empty() => steps.push(read_again(summary)),
        _ => {}
    }
    if summary.rejects_standing > 0 {
        steps.push(format!(
            "look at the rejects, and accept those that are known:\n{}\n\
             mava-export accept --to sqlite:{}",
            sql(
                summary,
                "SELECT ticket_id, path, reason FROM rejects WHERE accepted_at IS NULL"
            ),
            shell_word(&plain(&summary.store))
        ));
    }
    if summary.outcome == Ending::Over(Outcome::Complete) {
        steps.push(format!(
            "mava-export query --named by-status --from sqlite:{}",
            shell_word(&plain(&summary.store))
        ));
    }
    let steps: Vec<(&str, String)> = steps
        .into_iter()
        .enumerate()
        .map(|(index, step)| (if index == 0 { "next" } else { "" }, step))
        .collect();
    fields(&steps)
}

/// How to read the ranges again that were not proven complete, and no more than those.
fn read_again(summary: &Summary) -> String {
    let (how, before, after) = match summary.kind.is_backfill() {
        true => (
            "read those ranges again, and only those: the same command with",
            "",
            String::new(),
        ),
        false => (
            "read those ranges again",
            "mava-export backfill ",
            format!(" --to sqlite:{}", shell_word(&plain(&summary.store))),
        ),
    };
    let mut text = format!("{how}:");
    for slice in summary.unverified.iter().take(LISTED) {
        let window = plain(&slice.window);
        let ends = window.trim_matches(['[', ')']).split_once(", ");
        if let Some((since, until)) = ends {
            text.push_str(&format!("\n{before}--since {since} --until {until}{after}"));
        }
    }
    if summary.unverified.len() > LISTED {
        text.push_str("\nand so on");
    }
    text
}

fn sql(summary: &Summary, query: &str) -> String {
    let store = shell_word(&plain(&summary.store));
    format!("mava-export query \"{query}\" --from sqlite:{store}")
}

/// A path as a shell takes it.
fn shell_word(path: &str) -> String {
    let is_plain = |character: char| character.is_alphanumeric() || "/._-+".contains(character);
    match path.chars().all(is_plain) {
        true => path.to_owned(),
        false => format!("'{}'", path.replace('\'', "'\\''")),
    }
}

#[cfg(test)]
#[path = "summary_tests.rs"]
mod tests;

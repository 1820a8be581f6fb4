//! What a publish does and did, for people.

use std::cell::Cell;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::grid::grid;
use super::progress::{LOG_APART, bar, inner, width};
use super::style::{
    BOLD, FAINT, GOOD, WARNING, bytes, count, counted, duration, fields, paint, plain,
};
use super::wrap::{self, Width};
use crate::report::{Published, PublishedSnapshot, Publishing};

/// What to do with a snapshot that is not as it was written.
const DAMAGED: &str = "damaged: a file is missing, was cut or is a link; publish --whole writes the store's state again, \
     whole; an older snapshot can only be removed";

/// Characters of the bar.
const BAR_WIDTH: usize = 30;

/// Shows how publishing goes until it is dropped.
#[derive(Debug)]
pub struct PublishView {
    shown: Shown,
}

#[derive(Debug)]
enum Shown {
    Display { bar: ProgressBar, has_color: bool },
    Log { last: Cell<Duration> },
}

impl PublishView {
    /// A display on `bars`.
    pub(super) fn display(bars: &MultiProgress, has_color: bool) -> Self {
        let bar = bars.add(ProgressBar::no_length());
        if let Ok(style) = ProgressStyle::with_template("{msg}") {
            bar.set_style(style);
        }
        Self {
            shown: Shown::Display { bar, has_color },
        }
    }

    /// Log lines, the first after some time.
    pub(super) fn log() -> Self {
        Self {
            shown: Shown::Log {
                last: Cell::new(Duration::ZERO),
            },
        }
    }

    /// Shows `progress`, `elapsed` after publishing began.
    pub fn update(&self, progress: &Publishing, elapsed: Duration) {
        match &self.shown {
            Shown::Display { bar, has_color } => {
                let line = line(progress, width());
                bar.set_message(match has_color {
                    true => line,
                    false => anstream::adapter::strip_str(&line).to_string(),
                });
            }
            Shown::Log { last } => {
                if progress.files > 0 && elapsed >= last.get() + LOG_APART {
                    last.set(elapsed);
                    tracing::info!(
                        files = progress.files,
                        done = progress.files_done,
                        rows = progress.rows,
                        "publishing"
                    );
                }
            }
        }
    }
}

impl Drop for PublishView {
    fn drop(&mut self) {
        if let Shown::Display { bar, .. } = &self.shown {
            bar.finish_and_clear();
        }
    }
}

fn line(progress: &Publishing, width: usize) -> String {
    let width = inner(width);
    let folded = |text: &str| wrap::fold(text, width, true).join("\n");
    if progress.files == 0 {
        return folded("Publish  looking at what changed");
    }
    let (done, files) = (progress.files_done, progress.files);
    let figures = format!(
        "{} of {} files, {}",
        count(u64::try_from(done).unwrap_or(0)),
        count(u64::try_from(files).unwrap_or(0)),
        counted(progress.rows, "row")
    );
    if figures.chars().count() + BAR_WIDTH + 13 > width {
        return folded(&format!("Publish  {figures}"));
    }
    let share = |of: u64| {
        let part = |number: usize| u64::try_from(number).unwrap_or(0);
        part(done).saturating_mul(of) / part(files).max(1)
    };
    let bar = bar(share, BAR_WIDTH, ("━", "─"), GOOD);
    format!("{}  {bar}  {figures}", paint(BOLD, "Publish"))
}

/// What a publish did, styled.
pub(super) fn text(published: &Published) -> String {
    let heading = match (published.is_new, published.has_changes) {
        (true, true) => format!("Published snapshot {}", plain(&published.snapshot)),
        (true, false) => format!(
            "Published snapshot {}: nothing changed on the desk since {}",
            plain(&published.snapshot),
            published.parent.as_deref().map_or_else(String::new, plain)
        ),
        (false, _) => format!(
            "Nothing changed since snapshot {}: nothing was written",
            plain(&published.snapshot)
        ),
    };
    let mut blocks = vec![
        format!("{}\n", paint(GOOD, &heading)),
        fields(&facts(published)),
    ];
    if !published.remarks.is_empty() {
        let remarks = published.remarks.iter();
        blocks.push(
            remarks
                .map(|remark| format!("  {} {}\n", paint(WARNING, "note:"), plain(remark)))
                .collect(),
        );
    }
    format!("\n{}", blocks.join("\n"))
}

fn facts(published: &Published) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    if published.is_new {
        facts.push((
            "written",
            format!(
                "{}, {}",
                counted(published.files_written, "file"),
                bytes(published.bytes_written)
            ),
        ));
        if published.files_unchanged > 0 {
            let how = match published.is_linked {
                true => "shared with",
                false => "copied from",
            };
            facts.push((
                "unchanged",
                format!(
                    "{}, {}, {how} {}",
                    counted(published.files_unchanged, "file"),
                    bytes(published.bytes_unchanged),
                    published.parent.as_deref().map_or_else(String::new, plain)
                ),
            ));
        }
        if !published.changes.is_empty() {
            facts.push(("changes", changes(published)));
        }
        facts.push(("rows", count(published.rows)));
    }
    if !published.removed.is_empty() {
        facts.push(("removed", plain(&published.removed.join(", "))));
    }
    if published.is_new {
        facts.push(("time", duration(elapsed(published))));
    }
    let leads = match published.current.ends_with(".json") {
        true => "names",
        false => "leads to",
    };
    facts.push((
        "current",
        format!(
            "{} {leads} snapshots/{}",
            paint(BOLD, &plain(&published.current)),
            plain(&published.snapshot)
        ),
    ));
    facts
}

fn elapsed(published: &Published) -> Duration {
    Duration::try_from_secs_f64(published.elapsed_s).unwrap_or_default()
}

fn changes(published: &Published) -> String {
    let lines: Vec<String> = published
        .changes
        .iter()
        .map(|table| {
            let parts: Vec<String> = [
                (table.inserted, "inserted"),
                (table.updated, "updated"),
                (table.deleted, "deleted"),
            ]
            .into_iter()
            .filter(|(number, _)| *number > 0)
            .map(|(number, what)| format!("{} {what}", count(number)))
            .collect();
            format!("{}: {}", plain(&table.table), parts.join(", "))
        })
        .collect();
    lines.join("\n")
}

/// The snapshots of a directory as a table, styled.
pub(super) fn listing(snapshots: &[PublishedSnapshot], width: Width) -> String {
    let rows: Vec<Vec<String>> = snapshots
        .iter()
        .map(|snapshot| {
            let mark = if snapshot.is_current { " current" } else { "" };
            vec![
                format!("{}{mark}", snapshot.snapshot),
                state(snapshot),
                count(snapshot.rows),
                bytes(snapshot.bytes),
                bytes(snapshot.bytes_own),
                bytes(snapshot.bytes_shared),
            ]
        })
        .collect();
    let headers = ["published", "at", "rows", "size", "own", "shared"];
    let note = "own: what removing it would free; shared: files that other snapshots have too";
    let mut text = format!("{}{}\n", grid(&headers, &rows, width), paint(FAINT, note));
    if snapshots.iter().any(|snapshot| snapshot.damaged.is_some()) {
        text.push_str(&format!("{}\n", paint(WARNING, DAMAGED)));
    }
    text
}

/// When a snapshot was published, or what is missing from it.
fn state(snapshot: &PublishedSnapshot) -> String {
    match (&snapshot.damaged, &snapshot.created_at) {
        (Some(path), _) => format!("damaged: {path}"),
        (None, Some(created_at)) => created_at.clone(),
        (None, None) => String::new(),
    }
}

#[cfg(test)]
#[path = "published_tests.rs"]
mod tests;

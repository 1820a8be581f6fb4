//! How a run goes, while it goes: a display on a terminal, log lines elsewhere.

use std::time::Duration;

use anstyle::Style;
use indicatif::{HumanDuration, HumanFloatCount, MultiProgress, ProgressBar, ProgressStyle};

use super::estimate::Estimate;
use super::style::{BOLD, GOOD, WARNING, count, counted, paint, plain};
use super::wrap;
use crate::report::Progress;
use crate::settings::BudgetSettings;

/// At most one log line in this time.
pub(super) const LOG_APART: Duration = Duration::from_secs(10);

/// Characters of the budget's gauge.
const GAUGE_WIDTH: usize = 10;

/// The bar is no shorter and no longer.
const BAR_WIDTHS: std::ops::RangeInclusive<usize> = 10..=40;

/// Shows the progress of one run until it is dropped.
#[derive(Debug)]
pub struct ProgressView {
    run: i64,
    title: String,
    period: Option<Duration>,
    estimate: Estimate,
    shown: Shown,
}

#[derive(Debug)]
enum Shown {
    Display { bar: ProgressBar, has_color: bool },
    Log { last: Option<Duration> },
}

impl ProgressView {
    /// A display on `bars`.
    pub(super) fn display(
        bars: &MultiProgress,
        has_color: bool,
        run: i64,
        title: &str,
        budget: &BudgetSettings,
    ) -> Self {
        let bar = bars.add(ProgressBar::no_length());
        if let Ok(style) = ProgressStyle::with_template("{msg}") {
            bar.set_style(style);
        }
        Self::new(run, title, budget, Shown::Display { bar, has_color })
    }

    /// Log lines.
    pub(super) fn log(run: i64, title: &str, budget: &BudgetSettings) -> Self {
        Self::new(run, title, budget, Shown::Log { last: None })
    }

    fn new(run: i64, title: &str, budget: &BudgetSettings, shown: Shown) -> Self {
        Self {
            run,
            title: plain(title),
            period: budget.rate_limit.map(|limit| limit.period),
            estimate: Estimate::new(budget.period()),
            shown,
        }
    }

    /// Shows `progress`, `elapsed` after the run began in this process. To be called at least once
    /// a second, also when nothing moves; several times a second looks better.
    pub fn update(&mut self, progress: &Progress, elapsed: Duration) {
        self.estimate.observe(elapsed, progress);
        match &mut self.shown {
            Shown::Display { bar, has_color } => {
                let speed = self.estimate.speed();
                let left = self.estimate.remaining(progress);
                let lines = frame(&self.title, progress, self.period, speed, left, width());
                let text = lines.join("\n");
                bar.set_message(match has_color {
                    true => text,
                    false => anstream::adapter::strip_str(&text).to_string(),
                });
            }
            Shown::Log { last } => {
                if last.is_some_and(|last| elapsed < last + LOG_APART) {
                    return;
                }
                *last = Some(elapsed);
                log(self.run, progress, self.estimate.remaining(progress));
            }
        }
    }
}

impl Drop for ProgressView {
    fn drop(&mut self) {
        if let Shown::Display { bar, .. } = &self.shown {
            bar.finish_and_clear();
        }
    }
}

fn log(run: i64, progress: &Progress, left: Option<Duration>) {
    let budget = match progress.budget_limit {
        Some(limit) => format!("{}/{limit}", progress.budget_used),
        None => "none".to_owned(),
    };
    tracing::info!(
        run,
        tickets = progress.tickets_read,
        tickets_resumed = (progress.tickets_resumed > 0).then_some(progress.tickets_resumed),
        expected = progress.tickets_expected,
        requests = progress.requests,
        budget,
        lanes = progress.lanes,
        eta_s = left.map(|left| left.as_secs()),
        waiting = progress.waiting,
        "reading"
    );
}

/// Columns of the terminal.
pub(super) fn width() -> usize {
    terminal_size::terminal_size_of(std::io::stderr())
        .map_or(80, |(terminal_size::Width(width), _)| usize::from(width))
}

/// The display's lines, styled, none longer than `width` leaves room for: what a narrow terminal has no
/// room for in one line stands in the next.
fn frame(
    title: &str,
    progress: &Progress,
    period: Option<Duration>,
    speed: Option<f64>,
    left: Option<Duration>,
    width: usize,
) -> Vec<String> {
    let width = inner(width);
    let mut lines = tickets(title, progress, width);
    lines.extend(pace(progress, period, speed, left, width));
    if let Some(waiting) = &progress.waiting {
        let text = format!("waiting: {}", plain(waiting));
        let folded = wrap::fold(&text, width.saturating_sub(2).max(1), true);
        lines.extend(
            folded
                .iter()
                .map(|line| paint(WARNING, &format!("  {line}"))),
        );
    }
    lines
}

/// Columns that a display uses: the last stays free, since some terminals wrap after it.
pub(super) fn inner(width: usize) -> usize {
    wrap::room(width.saturating_sub(1))
}

fn tickets(title: &str, progress: &Progress, width: usize) -> Vec<String> {
    let read = progress.tickets_read;
    let Some(expected) = progress.tickets_expected else {
        let text = format!("{title}  {}, still counting", counted(read, "ticket"));
        let lines = wrap::fold(&text, width, true).into_iter();
        return lines.map(|line| paint(BOLD, &line)).collect();
    };
    // More may come than was announced: the desk lives.
    let share = |of: u64| match expected {
        0 => of,
        _ => read.min(expected).saturating_mul(of) / expected,
    };
    let figures = format!(
        "{:>width$} of {} tickets  {:>3} %",
        count(read),
        count(expected),
        share(100),
        width = count(expected).len()
    );
    let taken = title.chars().count() + figures.chars().count() + 4;
    let room = width.saturating_sub(taken);
    if room >= *BAR_WIDTHS.start() {
        let bar = bar(share, room.min(*BAR_WIDTHS.end()), ("━", "─"), GOOD);
        return vec![format!("{}  {bar}  {figures}", paint(BOLD, title))];
    }
    let short = figures.split_whitespace().collect::<Vec<_>>().join(" ");
    let lines = wrap::fold(&format!("{title} {short}"), width, true).into_iter();
    lines.map(|line| paint(BOLD, &line)).collect()
}

fn pace(
    progress: &Progress,
    period: Option<Duration>,
    speed: Option<f64>,
    left: Option<Duration>,
    width: usize,
) -> Vec<String> {
    let mut parts = Vec::new();
    if let Some(speed) = speed {
        parts.push(format!("{:.0} tickets/s", HumanFloatCount(speed)));
    }
    match left {
        None => {}
        Some(Duration::ZERO) => parts.push("finishing".into()),
        Some(left) if left < Duration::from_secs(5) => parts.push("a few seconds left".into()),
        Some(left) => parts.push(format!("about {} left", HumanDuration(left))),
    }
    parts.push(counted(progress.lanes, "lane"));
    let mut gauge = String::new();
    if let Some(limit) = progress.budget_limit {
        let used = progress.budget_used;
        let of = |cells: u64| u64::from(used.min(limit)) * cells / u64::from(limit.max(1));
        gauge = format!(" {}", bar(of, GAUGE_WIDTH, ("▰", "▱"), Style::new()));
        let period = period.map_or_else(String::new, |period| {
            format!(" in {}", humantime::format_duration(period))
        });
        parts.push(format!("{used} of {limit} requests{period}"));
    }
    let mut text = wrap::flow(&parts, 2, width);
    // Narrow terminals do without the gauge, not without the figure.
    let last = text.lines().last().map_or(0, wrap::columns);
    if last + wrap::columns(&gauge) <= width {
        text.push_str(&gauge);
    }
    let lines = text
        .lines()
        .flat_map(|line| match wrap::columns(line) <= width {
            true => vec![line.to_owned()],
            false => wrap::fold(line, width, true),
        });
    lines.collect()
}

/// A bar of `cells` characters; `share` says how much of a number is done.
pub(super) fn bar(
    share: impl Fn(u64) -> u64,
    cells: usize,
    (full, empty): (&str, &str),
    style: Style,
) -> String {
    let whole = u64::try_from(cells).unwrap_or(0);
    let done = usize::try_from(share(whole)).unwrap_or(cells).min(cells);
    let full = full.repeat(done);
    let done_part = match style == Style::new() {
        true => full,
        false => paint(style, &full),
    };
    format!("{done_part}{}", empty.repeat(cells - done))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress() -> Progress {
        Progress {
            tickets_read: 12_400,
            tickets_expected: Some(100_234),
            requests: 130,
            budget_used: 57,
            budget_limit: Some(90),
            lanes: 4,
            slices_sealed: 1,
            slices: 6,
            ..Progress::default()
        }
    }

    fn shown(progress: &Progress, left: Option<u64>, width: usize) -> String {
        let lines = frame(
            "Backfill",
            progress,
            Some(Duration::from_secs(30)),
            Some(297.6),
            left.map(Duration::from_secs),
            width,
        );
        let text = anstream::adapter::strip_str(&lines.join("\n")).to_string();
        for line in text.lines() {
            assert!(wrap::columns(line) < width, "{width}: {line}");
        }
        text
    }

    #[test]
    fn a_run_under_way() {
        insta::assert_snapshot!(shown(&progress(), Some(295), 100), @r#"
        Backfill  ━━━━────────────────────────────────────   12,400 of 100,234 tickets   12 %
          298 tickets/s · about 5 minutes left · 4 lanes · 57 of 90 requests in 30s ▰▰▰▰▰▰▱▱▱▱
        "#);
        insta::assert_snapshot!(shown(&progress(), Some(295), 60), @r#"
        Backfill  ━─────────────   12,400 of 100,234 tickets   12 %
          298 tickets/s · about 5 minutes left · 4 lanes
          57 of 90 requests in 30s ▰▰▰▰▰▰▱▱▱▱
        "#);
    }

    #[test]
    fn a_narrow_terminal_shows_all_of_it_on_more_lines() {
        let waiting = Progress {
            waiting: Some("the API asked for a pause of 12 s".into()),
            ..progress()
        };
        insta::assert_snapshot!(shown(&waiting, Some(295), 40), @r#"
        Backfill 12,400 of 100,234 tickets 12 %
          298 tickets/s · about 5 minutes left
          4 lanes · 57 of 90 requests in 30s
          waiting: the API asked for a pause of
          12 s
        "#);
        let letters = |text: &str| text.split_whitespace().collect::<String>();
        for width in 22..120 {
            let text = letters(&shown(&waiting, Some(295), width));
            for fact in [
                "12,400of100,234tickets12%",
                "298tickets/s",
                "about5minutesleft",
                "4lanes",
                "57of90requestsin30s",
                "waiting:theAPIaskedforapauseof12s",
            ] {
                assert!(text.contains(fact), "{width}: {fact} in {text}");
            }
        }
    }

    #[test]
    fn a_run_that_waits_says_why() {
        let waiting = Progress {
            waiting: Some("the API asked for a pause of 12 s".into()),
            budget_used: 90,
            ..progress()
        };
        insta::assert_snapshot!(shown(&waiting, Some(3_700), 100), @r#"
        Backfill  ━━━━────────────────────────────────────   12,400 of 100,234 tickets   12 %
          298 tickets/s · about 62 minutes left · 4 lanes · 90 of 90 requests in 30s ▰▰▰▰▰▰▰▰▰▰
          waiting: the API asked for a pause of 12 s
        "#);
    }

    #[test]
    fn a_run_that_still_counts_shows_no_bar() {
        let counting = Progress {
            tickets_expected: None,
            budget_limit: None,
            lanes: 1,
            ..progress()
        };
        insta::assert_snapshot!(shown(&counting, None, 100), @r#"
        Backfill  12,400 tickets, still counting
          298 tickets/s · 1 lane
        "#);
    }

    #[test]
    fn more_tickets_than_announced_or_none_at_all_is_all() {
        for (read, expected) in [(0, 0), (101, 100), (u64::MAX, u64::MAX)] {
            let progress = Progress {
                tickets_read: read,
                tickets_expected: Some(expected),
                ..progress()
            };
            for width in [0, 1, 20, 79, 80, 500] {
                let lines = frame(
                    "Backfill",
                    &progress,
                    None,
                    None,
                    Some(Duration::ZERO),
                    width,
                );
                assert!(
                    width < 80 || lines[0].contains("100 %") || read == u64::MAX,
                    "{lines:?}"
                );
            }
        }
    }

    #[test]
    fn log_lines_are_at_least_ten_seconds_apart() {
        let budget = BudgetSettings {
            rate_limit: None,
            share_percent: 100,
            margin: Duration::ZERO,
            state_dir: None,
        };
        let mut view = ProgressView::log(7, "backfill", &budget);
        let mut logged_at = Vec::new();
        for second in 0..=31 {
            view.update(&progress(), Duration::from_secs(second));
            if let Shown::Log { last: Some(last) } = view.shown
                && logged_at.last() != Some(&last.as_secs())
            {
                logged_at.push(last.as_secs());
            }
        }
        assert_eq!(logged_at, [0, 10, 20, 30]);
    }
}

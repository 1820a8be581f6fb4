//! What is found by the time that a night may spend, look-backs at equal cost beside it.

use mava_export::simulator::ChangeKind;

use super::asked::{Asked, REQUESTS_A_MINUTE};
use super::drawing::{Line, Mark, Picture};
use super::lookback::Past;
use super::outcome::{Outcome, Strategy};
use super::tables::{self, nights, percent, seen};

/// One amount, and the look-back that costs as many requests a night as whole days allow.
pub(crate) struct Point {
    pub(crate) outcome: Outcome,
    pub(crate) days: usize,
    pub(crate) lookback: Strategy,
}

pub(crate) fn points(outcomes: Vec<Outcome>, past: &Past) -> Vec<Point> {
    let points = outcomes.into_iter().map(|outcome| {
        let days = past.days_for(outcome.sync.requests.mean());
        Point {
            outcome,
            days,
            lookback: past.look_back(days),
        }
    });
    points.collect()
}

pub(crate) fn print(points: &[Point]) {
    println!("### What is found, by the time that a night may spend\n");
    println!("Seen the next morning / within 7 nights more, in percent.\n");
    println!(
        "| spend | requests a night | of a full read | all kinds but bulk | bulk, within 7 nights | \
         notes, next morning | customers | rows wrong in the end | oldest row, nights | falsely \
         deleted |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    for point in points {
        let outcome = &point.outcome;
        println!(
            "| {} | {} | {} | {} | {} |",
            outcome.amount,
            finds(outcome, &outcome.sync),
            outcome.wrong(),
            nights(outcome.oldest_nights),
            outcome.falsely_deleted,
        );
        println!(
            "| {} | {} | {} | | |",
            point.lookback.name,
            finds(outcome, &point.lookback),
            point.lookback.watch.wrong(),
        );
    }
    let outcomes: Vec<&Outcome> = points.iter().map(|point| &point.outcome).collect();
    tables::steps(&outcomes);
}

/// The columns that a sync and a look-back have in common.
fn finds(outcome: &Outcome, strategy: &Strategy) -> String {
    let watch = &strategy.watch;
    format!(
        "{:.1} | {:.2} % | {} | {} | {} | {}",
        strategy.requests.mean(),
        outcome.percent_of_full(&strategy.requests),
        seen(watch.ordinary()),
        percent(watch.bulk().within_week_percent()),
        percent(watch.tally(ChangeKind::Note).next_morning_percent()),
        seen(strategy.customers.tally),
    )
}

/// The picture of these points.
pub(crate) fn picture(asked: &Asked, points: &[Point]) -> Picture {
    let syncs = points.iter().map(|point| {
        let label = point.outcome.amount.to_string();
        mark(label, &point.outcome.sync)
    });
    let lookbacks = points
        .iter()
        .map(|point| mark(format!("{} d", point.days), &point.lookback));
    Picture {
        title: "What a nightly sync has found by the next morning".to_owned(),
        subtitle: format!(
            "Simulated desk with {} tickets a day for {} years, {} nights; bulk changes left out",
            asked.size.tickets_a_day(),
            asked.size.years(),
            asked.nights
        ),
        sync: Line {
            name: "sync, by --spend".to_owned(),
            marks: merged(syncs),
        },
        lookbacks: Line {
            name: "reading the last days again, by days".to_owned(),
            marks: merged(lookbacks),
        },
    }
}

fn mark(label: String, strategy: &Strategy) -> Mark {
    let tally = strategy.watch.ordinary();
    Mark {
        label,
        minutes: strategy.requests.mean() / REQUESTS_A_MINUTE,
        changes: tally.changes,
        missed: tally.missed(),
    }
}

/// From left to right; those that cost the same are one, named by the first.
fn merged(marks: impl Iterator<Item = Mark>) -> Vec<Mark> {
    let mut marks: Vec<Mark> = marks.collect();
    marks.sort_by(|one, other| one.minutes.total_cmp(&other.minutes));
    marks.dedup_by(|later, first| later.minutes < 1.02 * first.minutes);
    marks
}

//! The measurements of one amount as Markdown.

use mava_export::simulator::ChangeKind;

use super::outcome::{Outcome, Strategy};
use super::watch::Tally;

pub(crate) fn print(outcome: &Outcome, lookbacks: &[Strategy]) {
    let strategies: Vec<&Strategy> = std::iter::once(&outcome.sync).chain(lookbacks).collect();
    requests(&strategies, outcome);
    steps(&[outcome]);
    recall(&strategies);
    rows(outcome, lookbacks);
}

fn requests(strategies: &[&Strategy], outcome: &Outcome) {
    let full: u64 = outcome.full.iter().sum();
    println!("### Requests a night\n");
    println!("| | mean | p95 | max | of a full read | ordinary nights: mean | p95 | max |");
    println!("|---|---|---|---|---|---|---|---|");
    for strategy in strategies {
        let (all, ordinary) = (&strategy.requests, strategy.requests.ordinary());
        println!(
            "| {} | {:.1} | {} | {} | {:.2} % | {:.1} | {} | {} |",
            strategy.name,
            all.mean(),
            all.percentile(95),
            all.percentile(100),
            outcome.percent_of_full(all),
            ordinary.mean(),
            ordinary.percentile(95),
            ordinary.percentile(100),
        );
    }
    println!(
        "\nA full read: {:.0} requests on average.",
        full as f64 / outcome.full.len().max(1) as f64
    );
}

/// Of one amount, or of several beside each other.
pub(crate) fn steps(outcomes: &[&Outcome]) {
    println!("\n### Requests by step, mean of a night\n");
    let amounts: Vec<String> = outcomes.iter().map(|one| one.amount.to_string()).collect();
    println!("| step | {} |", amounts.join(" | "));
    println!("|---|{}", "---|".repeat(outcomes.len()));
    let mut names: Vec<&str> = Vec::new();
    for (step, _) in outcomes.iter().flat_map(|one| &one.steps) {
        if !names.contains(&step.as_str()) {
            names.push(step);
        }
    }
    for step in names {
        let means = outcomes.iter().map(|one| one.mean_of_step(step));
        let means: Vec<String> = means
            .map(|mean| mean.map_or_else(|| "–".to_owned(), |mean| format!("{mean:.1}")))
            .collect();
        println!("| {step} | {} |", means.join(" | "));
    }
}

fn recall(strategies: &[&Strategy]) {
    println!("\n### Seen the next morning / within 7 nights more, in percent\n");
    let names: Vec<&str> = strategies.iter().map(|one| one.name.as_str()).collect();
    println!("| change | changes | {} |", names.join(" | "));
    println!("|---|---|{}", "---|".repeat(names.len()));
    let line = |name: &str, of: &dyn Fn(&Strategy) -> Tally| {
        let cells: Vec<String> = strategies
            .iter()
            .map(|strategy| seen(of(strategy)))
            .collect();
        let changes = strategies.first().map_or(0, |one| of(one).changes);
        println!("| {name} | {changes} | {} |", cells.join(" | "));
    };
    for kind in ChangeKind::ALL {
        line(&format!("{kind:?}"), &|one| one.watch.tally(kind));
    }
    line("all but campaigns", &|one| one.watch.ordinary());
    line("customers", &|one| one.customers.tally);
}

/// The next morning, and within a week of it.
pub(crate) fn seen(tally: Tally) -> String {
    let next_morning = percent(tally.next_morning_percent());
    format!("{next_morning} / {}", percent(tally.within_week_percent()))
}

/// Rounded, but for what would look like everything and is not.
pub(crate) fn percent(percent: Option<f64>) -> String {
    let Some(percent) = percent else {
        return "–".to_owned();
    };
    let shown = if percent < 100.0 {
        percent.min(99.99)
    } else {
        percent
    };
    format!("{shown:.2}")
}

pub(crate) fn nights(nights: Option<f64>) -> String {
    nights.map_or_else(|| "not kept".to_owned(), |nights| format!("{nights:.1}"))
}

fn rows(outcome: &Outcome, lookbacks: &[Strategy]) {
    println!("\n### Rows wrong outside campaigns\n");
    println!("| after night | rows | wrong | ppm | falsely deleted |\n|---|---|---|---|---|");
    for point in &outcome.checkpoints {
        println!(
            "| {} | {} | {} | {:.0} | {} |",
            point.night,
            point.rows,
            point.wrong,
            point.wrong_ppm(),
            point.falsely_deleted
        );
    }
    println!();
    for strategy in lookbacks {
        println!(
            "- {}: {} wrong in the end",
            strategy.name,
            strategy.watch.wrong()
        );
    }
    println!(
        "- nights since the oldest row was read, at most: {}",
        nights(outcome.oldest_nights)
    );
    println!(
        "- nights that did not end complete: {:?}",
        outcome.incomplete
    );
}

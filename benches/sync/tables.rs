//! The measurements as Markdown.

use mava_export::simulator::ChangeKind;

use super::{Outcome, Strategy};

pub(crate) fn print(outcome: &Outcome) {
    let strategies: Vec<&Strategy> = std::iter::once(&outcome.sync)
        .chain(&outcome.lookbacks)
        .collect();
    requests(&strategies, outcome);
    steps(outcome);
    recall(&strategies);
    rows(outcome);
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
            100.0 * all.sum() as f64 / full as f64,
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

fn steps(outcome: &Outcome) {
    println!("\n### Requests by step, mean\n");
    println!("| step | requests |\n|---|---|");
    for (step, requests) in &outcome.steps {
        let mean = *requests as f64 / outcome.full.len().max(1) as f64;
        println!("| {step} | {mean:.1} |");
    }
}

fn recall(strategies: &[&Strategy]) {
    println!("\n### Seen the next morning / within 7 nights more, in percent\n");
    let names: Vec<&str> = strategies.iter().map(|one| one.name.as_str()).collect();
    println!("| change | changes | {} |", names.join(" | "));
    println!("|---|---|{}", "---|".repeat(names.len()));
    let line = |name: &str, of: &dyn Fn(&Strategy) -> super::watch::Tally| {
        let cells: Vec<String> = strategies
            .iter()
            .map(|strategy| {
                let tally = of(strategy);
                format!(
                    "{} / {}",
                    shown(tally.next_morning_percent()),
                    shown(tally.within_week_percent())
                )
            })
            .collect();
        let changes = strategies.first().map_or(0, |one| of(one).changes);
        println!("| {name} | {changes} | {} |", cells.join(" | "));
    };
    for kind in ChangeKind::ALL {
        line(&format!("{kind:?}"), &|one| one.watch.tally(kind));
    }
    line("all but campaigns", &|one| one.watch.ordinary());
}

fn shown(percent: Option<f64>) -> String {
    percent.map_or_else(|| "–".to_owned(), |percent| format!("{percent:.2}"))
}

fn rows(outcome: &Outcome) {
    println!("\n### Rows wrong outside campaigns\n");
    println!("| after night | rows | wrong | ppm | falsely deleted |\n|---|---|---|---|---|");
    for point in &outcome.checkpoints {
        println!(
            "| {} | {} | {} | {:.0} | {} |",
            point.night,
            point.rows,
            point.wrong,
            1e6 * point.wrong as f64 / point.rows.max(1) as f64,
            point.falsely_deleted
        );
    }
    println!();
    for strategy in &outcome.lookbacks {
        println!(
            "- {}: {} wrong in the end",
            strategy.name,
            strategy.watch.wrong()
        );
    }
    let customers = outcome.customers;
    println!(
        "- customers changed: {}, seen the next morning / within 7 nights more: {} / {} %",
        customers.changes,
        shown(customers.next_morning_percent()),
        shown(customers.within_week_percent())
    );
    println!(
        "- oldest verification on any night: {}",
        outcome.oldest_nights.map_or_else(
            || "not kept".to_owned(),
            |nights| format!("{nights:.1} nights")
        )
    );
    println!(
        "- nights that did not end complete: {:?}",
        outcome.incomplete
    );
}

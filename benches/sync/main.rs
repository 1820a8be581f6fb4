//! Measures nightly syncs: a simulated desk lives on for sixty nights, a store follows it, and
//! every change is looked for in the store the next morning.
//!
//! ```text
//! cargo bench --bench sync -- small        # 20 tickets a day, two years; seeds 1 to 8, pooled
//! cargo bench --bench sync -- medium       # 300 a day, three years; the default
//! cargo bench --bench sync -- large        # 2,000 a day, three years: takes several GiB
//! cargo bench --bench sync -- medium --nights 60 --spend 1m --seed 2
//! cargo bench --bench sync -- medium --max-requests 60
//! cargo bench --bench sync -- medium curve # from 20 seconds a night to a full read, in one table
//! cargo bench --bench sync -- medium curve --draw  # and into docs/sync-curve.svg
//! ```
//!
//! `--spend` and `--max-requests` may be given several times: a store of its own follows the same
//! nights for each. The nights are replayed for tools that look back so many days by creation: 7, 30
//! and 90, and as many as cost what the sync did. The exit code tells whether every goal was met.
#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    clippy::cast_precision_loss,
    clippy::disallowed_methods,
    reason = "a measurement prints, writes files of its own, and stops where it cannot measure"
)]

mod asked;
mod curve;
mod desk;
mod drawing;
mod follower;
mod goals;
mod lookback;
mod measure;
mod outcome;
mod requests;
mod run;
mod tables;
mod watch;

use std::process::ExitCode;

use self::asked::Asked;
use self::lookback::Past;
use self::outcome::{Outcome, Strategy};

/// Nights on which a campaign runs.
const CAMPAIGN_NIGHTS: [usize; 3] = [7, 27, 47];

/// How many nights a campaign is felt.
const AFTERMATH: usize = 7;

/// Days that tools look back, whatever a sync may spend.
const USUAL_LOOKBACKS: [usize; 3] = [7, 30, 90];

/// Where the curve is drawn.
const DRAWN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/sync-curve.svg");

fn main() -> ExitCode {
    let asked = Asked::read(std::env::args().skip(1));
    println!("## Sync: {asked}\n");
    let (outcomes, past) = measure_all(&asked);
    if asked.is_curve {
        let points = curve::points(outcomes, &past);
        curve::print(&points);
        if asked.is_drawn {
            let svg = drawing::draw(&curve::picture(&asked, &points)).expect("a drawing");
            std::fs::write(DRAWN, svg).expect("a place for the drawing");
        }
        return verdict(&asked, points.iter().map(|point| &point.outcome));
    }
    for outcome in &outcomes {
        let as_much = past.days_for(outcome.sync.requests.mean());
        let days = USUAL_LOOKBACKS.into_iter().chain([as_much]);
        let lookbacks: Vec<Strategy> = days.map(|days| past.look_back(days)).collect();
        tables::print(outcome, &lookbacks);
    }
    verdict(&asked, outcomes.iter())
}

/// Every desk that was asked for, pooled.
fn measure_all(asked: &Asked) -> (Vec<Outcome>, Past) {
    let desks = asked.seeds().into_iter();
    let (outcomes, past): (Vec<_>, Vec<_>) =
        desks.map(|seed| measure::measure(asked, seed)).unzip();
    let pooled = outcomes.into_iter().reduce(|mut pooled, desk| {
        for (one, other) in pooled.iter_mut().zip(desk) {
            one.pool(other);
        }
        pooled
    });
    (pooled.expect("a seed at least"), Past::new(past))
}

/// Prints the goals that were missed.
fn verdict<'a>(asked: &Asked, outcomes: impl Iterator<Item = &'a Outcome>) -> ExitCode {
    let failures: Vec<String> = outcomes
        .flat_map(|outcome| {
            let failures = goals::failures(asked.size, outcome).into_iter();
            failures.map(|failure| format!("{}: {failure}", outcome.amount))
        })
        .collect();
    if failures.is_empty() {
        return ExitCode::SUCCESS;
    }
    println!("\n### Missed\n");
    for failure in failures {
        println!("- {failure}");
    }
    ExitCode::FAILURE
}

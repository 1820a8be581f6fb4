//! What the measurements have to reach.

use super::asked::{Amount, Size};
use super::outcome::Outcome;
use mava_export::simulator::ChangeKind;

/// Rows wrong outside campaigns, in ppm, at most.
const WRONG_PPM: f64 = 500.0;

/// Goals for one size of desk and one amount of requests.
struct Goals {
    /// All kinds but bulk, seen the next morning, in percent.
    all: f64,
    /// Nights within which every row is read again.
    nights: Option<f64>,
}

impl Goals {
    /// Those of the amounts that have some.
    fn of(size: Size, amount: Amount) -> Option<Self> {
        let Amount::Requests(requests) = amount else {
            return Some(Self {
                all: 100.0,
                nights: Some(1.0),
            });
        };
        let (all, nights) = match (size, requests) {
            (Size::Small, 900) => (100.0, Some(1.0)),
            (Size::Medium, 60) => (98.95, None),
            (Size::Medium, 180) => (99.6, None),
            (Size::Medium, 900) => (99.95, Some(6.0)),
            (Size::Large, 360) => (98.9, None),
            (Size::Large, 900) => (99.5, Some(60.0)),
            (Size::Large, 3_600) => (99.9, Some(12.0)),
            _ => return None,
        };
        Some(Self { all, nights })
    }
}

/// The goals missed: those of the amount that a sync may spend, and those that hold for any.
pub(crate) fn failures(size: Size, outcome: &Outcome) -> Vec<String> {
    let mut failures = Failures(Vec::new());
    for point in &outcome.checkpoints {
        failures.at_most("falsely deleted", point.falsely_deleted as f64, 0.0);
    }
    failures.at_most(
        "falsely deleted, any night",
        outcome.falsely_deleted as f64,
        0.0,
    );
    if let Some(goals) = Goals::of(size, outcome.amount) {
        let all = outcome.sync.watch.ordinary().next_morning_percent();
        failures.at_least("all kinds but bulk", all, goals.all);
        if let (Some(nights), Some(oldest)) = (goals.nights, outcome.oldest_nights) {
            failures.at_most("nights since the oldest row was read", oldest, nights);
        }
    }
    failures.recall(outcome);
    failures.0
}

struct Failures(Vec<String>);

impl Failures {
    fn at_most(&mut self, what: &str, measured: f64, allowed: f64) {
        if measured > allowed {
            self.0
                .push(format!("{what}: {measured:.2}, at most {allowed} allowed"));
        }
    }

    /// What never happened misses nothing.
    fn at_least(&mut self, what: &str, measured: Option<f64>, wanted: f64) {
        if let Some(measured) = measured
            && measured < wanted
        {
            self.0.push(format!(
                "{what}: {measured:.2} %, at least {wanted} % wanted"
            ));
        }
    }

    /// What every sync finds, however little it may spend; and rows wrong.
    fn recall(&mut self, outcome: &Outcome) {
        let watch = &outcome.sync.watch;
        for kind in [
            ChangeKind::New,
            ChangeKind::Message,
            ChangeKind::Status,
            ChangeKind::Resolved,
            ChangeKind::Reopened,
            ChangeKind::ResolvedAgain,
            ChangeKind::DeletedOpen,
        ] {
            let measured = watch.tally(kind).next_morning_percent();
            self.at_least(&format!("{kind:?}, next morning"), measured, 100.0);
        }
        for point in &outcome.checkpoints {
            let what = format!("ppm wrong after night {}", point.night);
            self.at_most(&what, point.wrong_ppm(), WRONG_PPM);
        }
    }
}

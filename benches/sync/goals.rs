//! What the measurements have to reach.

use mava_export::simulator::ChangeKind;

use mava_export::refresh::Effort;

use super::{Asked, Outcome, Size};

/// Rows wrong outside campaigns, in ppm, at most.
const WRONG_PPM: f64 = 500.0;

/// Within how many days every ticket is read again by default.
const USUAL_REFRESH_DAYS: u32 = 360;

/// Goals for one size of desk, in percent but for the requests.
struct Goals {
    share: f64,
    p95: u64,
    again: f64,
    all: f64,
}

impl Goals {
    fn of(size: Size) -> Self {
        match size {
            Size::Small => Self {
                share: 10.0,
                p95: 20,
                again: 95.0,
                all: 99.3,
            },
            Size::Medium => Self {
                share: 2.0,
                p95: 85,
                again: 98.0,
                all: 98.8,
            },
            Size::Large => Self {
                share: 1.75,
                p95: 420,
                again: 99.0,
                all: 98.8,
            },
        }
    }
}

/// The thresholds missed: those of the default effort, the two of a thorough medium desk, and
/// those that hold at any effort.
pub(crate) fn failures(asked: Asked, outcome: &Outcome) -> Vec<String> {
    let mut failures = Failures(Vec::new());
    for point in &outcome.checkpoints {
        failures.at_most("falsely deleted", point.falsely_deleted as f64, 0.0);
    }
    failures.at_most(
        "falsely deleted, any night",
        outcome.falsely_deleted as f64,
        0.0,
    );
    failures.at_most("incomplete nights", outcome.incomplete.len() as f64, 0.0);
    if let Some(oldest) = outcome.oldest_nights {
        let allowed = f64::from(asked.refresh_within_days);
        failures.at_most("nights since the oldest verification", oldest, allowed);
    }
    let full: u64 = outcome.full.iter().sum();
    let share = 100.0 * outcome.sync.requests.sum() as f64 / full as f64;
    let all = outcome.sync.watch.ordinary().next_morning_percent();
    match (asked.effort, asked.size) {
        (Effort::Default, size) => {
            let goals = Goals::of(size);
            // Reading everything again sooner costs what it costs.
            if asked.refresh_within_days >= USUAL_REFRESH_DAYS {
                failures.at_most("percent of a full read", share, goals.share);
                let p95 = outcome.sync.requests.ordinary().percentile(95);
                failures.at_most("p95 of ordinary nights", p95 as f64, goals.p95 as f64);
            }
            failures.at_least("all kinds", all, goals.all);
            failures.recall(outcome, &goals);
        }
        (Effort::Thorough, Size::Medium) => {
            failures.at_most("percent of a full read", share, 2.9);
            failures.at_least("all kinds", all, 99.3);
        }
        (Effort::Thorough | Effort::Thrifty, _) => {}
    }
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

    /// Recall by kind, and rows wrong, at the default effort.
    fn recall(&mut self, outcome: &Outcome, goals: &Goals) {
        let next_morning = [
            (ChangeKind::New, 100.0),
            (ChangeKind::Message, 100.0),
            (ChangeKind::Status, 100.0),
            (ChangeKind::Resolved, 100.0),
            (ChangeKind::Reopened, 100.0),
            (ChangeKind::DeletedOpen, 100.0),
            (ChangeKind::ResolvedAgain, goals.again),
            (ChangeKind::Rated, 96.0),
            (ChangeKind::DeletedResolved, 95.0),
        ];
        let watch = &outcome.sync.watch;
        for (kind, wanted) in next_morning {
            let measured = watch.tally(kind).next_morning_percent();
            self.at_least(&format!("{kind:?}, next morning"), measured, wanted);
        }
        let within_week = [
            (ChangeKind::Rated, 99.5),
            (ChangeKind::DeletedResolved, 100.0),
            (ChangeKind::Note, 65.0),
            (ChangeKind::Retagged, 100.0),
        ];
        for (kind, wanted) in within_week {
            let measured = watch.tally(kind).within_week_percent();
            self.at_least(&format!("{kind:?}, within 7 nights"), measured, wanted);
        }
        for point in &outcome.checkpoints {
            let ppm = 1e6 * point.wrong as f64 / point.rows.max(1) as f64;
            let what = format!("ppm wrong after night {}", point.night);
            self.at_most(&what, ppm, WRONG_PPM);
        }
    }
}

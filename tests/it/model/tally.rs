//! Cases, carried out one after the other, and what came of them in all.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::case::{Case, Command, Kind};
use super::run::{self, End, Outcome};

/// Lines of what happened that are shown of a case that went wrong.
const SHOWN: usize = 160;

/// Ends that were not complete shown by their words.
const TOLD: usize = 8;

/// What came of the cases of one command and kind.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) cases: usize,
    pub(crate) complete: usize,
    /// Not complete, for a reason that lies in the desk.
    pub(crate) excused: usize,
    /// Not complete, for no such reason.
    pub(crate) cautious: usize,
    pub(crate) wrong: usize,
    pub(crate) untold: usize,
    pub(crate) evened_out: usize,
    pub(crate) requests: usize,
}

impl Counts {
    fn add(&mut self, other: &Self) {
        self.cases += other.cases;
        self.complete += other.complete;
        self.excused += other.excused;
        self.cautious += other.cautious;
        self.wrong += other.wrong;
        self.untold += other.untold;
        self.evened_out += other.evened_out;
        self.requests += other.requests;
    }
}

/// What came of many cases.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) counts: BTreeMap<(Command, Kind), Counts>,
    /// What went wrong, with how to run it again.
    pub(crate) wrong: Vec<String>,
    /// Ends that were not complete.
    pub(crate) cautious: Vec<String>,
}

impl Tally {
    /// Carries out one case.
    pub(crate) fn of(command: Command, seed: u64) -> Self {
        let mut tally = Self::default();
        tally.run(command, seed);
        tally
    }

    fn run(&mut self, command: Command, seed: u64) {
        let case = Case::draw(command, seed);
        let outcome = catch_unwind(AssertUnwindSafe(|| block_on(run::check(&case))));
        let counts = self.counts.entry((command, case.kind)).or_default();
        counts.cases += 1;
        match outcome {
            Ok(outcome) => {
                note(counts, &outcome);
                if !outcome.wrong.is_empty() {
                    self.wrong.push(account(&case, &outcome));
                }
                if let (None, End::Incomplete(words) | End::Failed(words)) =
                    (outcome.excuse, &outcome.end)
                {
                    self.cautious.push(match is_alone() {
                        true => account(&case, &outcome),
                        false => format!("{case}: {words}"),
                    });
                }
            }
            Err(panic) => {
                counts.wrong += 1;
                let words = panic.downcast_ref::<String>().cloned();
                let words =
                    words.or_else(|| panic.downcast_ref::<&str>().map(|&text| text.to_owned()));
                let (again, words) = (again(&case), words.unwrap_or_default());
                self.wrong
                    .push(format!("{case} panicked: {words}\nagain: {again}"));
            }
        }
    }

    pub(crate) fn add(&mut self, other: Self) {
        for (key, counts) in &other.counts {
            self.counts.entry(*key).or_default().add(counts);
        }
        self.wrong.extend(other.wrong);
        self.cautious.extend(other.cautious);
    }

    /// How many cases there were.
    pub(crate) fn cases(&self) -> usize {
        self.counts.values().map(|counts| counts.cases).sum()
    }

    /// The counts of each command and kind, as a table.
    pub(crate) fn table(&self) -> String {
        let mut table = format!(
            "{:<9} {:<16} {:>7} {:>9} {:>8} {:>9} {:>6} {:>7} {:>11} {:>9}\n",
            "command",
            "kind",
            "cases",
            "complete",
            "excused",
            "cautious",
            "wrong",
            "untold",
            "evened out",
            "requests"
        );
        for ((command, kind), counts) in &self.counts {
            let _written = writeln!(
                table,
                "{:<9} {:<16} {:>7} {:>9} {:>8} {:>9} {:>6} {:>7} {:>11} {:>9}",
                command.word(),
                kind.word(),
                counts.cases,
                counts.complete,
                counts.excused,
                counts.cautious,
                counts.wrong,
                counts.untold,
                counts.evened_out,
                counts.requests
            );
        }
        table
    }

    /// What is not as it should be: anything wrong, and more caution than is granted.
    pub(crate) fn faults(&self) -> Vec<String> {
        let mut faults = self.wrong.clone();
        for has_copies in [false, true] {
            let (granted, name) = match has_copies {
                true => (10, "with copies that lag"),
                false => (1, "without copies"),
            };
            let of = |(key, _): &(&(Command, Kind), &Counts)| {
                key.1.has_copies() == has_copies && key.1 != Kind::Rest
            };
            let counts = self.counts.iter().filter(of).map(|(_, counts)| counts);
            let (mut cases, mut cautious) = (0, 0);
            for one in counts {
                cases += one.cases - one.excused;
                cautious += one.cautious;
            }
            // Of a few cases chance alone may make some more.
            let slack = (cases * granted).isqrt() / 4 + 1;
            let most = cases * granted / 100 + if cases < 5_000 { slack } else { 0 };
            if cautious > most {
                let lines = self.cautious.iter().take(TOLD).cloned().collect::<Vec<_>>();
                faults.push(format!(
                    "{name}, {cautious} of {cases} cases did not end complete, more than {most}:\n{}",
                    lines.join("\n")
                ));
            }
        }
        faults
    }
}

fn note(counts: &mut Counts, outcome: &Outcome) {
    match (&outcome.end, outcome.excuse) {
        (End::Complete, _) => counts.complete += 1,
        (_, Some(_)) => counts.excused += 1,
        (_, None) => counts.cautious += 1,
    }
    counts.wrong += usize::from(!outcome.wrong.is_empty());
    counts.untold += outcome.untold;
    counts.evened_out += outcome.evened_out;
    counts.requests += outcome.requests;
}

/// What went wrong with a case, what happened in it, and how to run it again.
fn account(case: &Case, outcome: &Outcome) -> String {
    let wrong: Vec<String> = outcome
        .wrong
        .iter()
        .take(8)
        .map(|line| format!("  {line}"))
        .collect();
    let more = outcome.wrong.len().saturating_sub(wrong.len());
    let lines: Vec<&str> = outcome.trace.lines().collect();
    let first = lines.len().saturating_sub(SHOWN);
    format!(
        "{case}:\n{}\n  and {more} more\nagain: {}\n{case:?}\n{}",
        wrong.join("\n"),
        again(case),
        lines[first..].join("\n")
    )
}

/// Whether one case is run by itself, and all of it is to be told.
#[expect(
    clippy::disallowed_methods,
    reason = "it is asked for by the environment"
)]
fn is_alone() -> bool {
    std::env::var("MAVA_MODEL_CASES").is_ok_and(|cases| cases == "1")
}

/// The line that runs one case again.
pub(crate) fn again(case: &Case) -> String {
    let (seed, command) = (case.seed, case.command.word());
    format!(
        "MAVA_MODEL_SEED={seed} MAVA_MODEL_CASES=1 cargo test --test it model::tests::{command}"
    )
}

/// Runs a future to its end on a thread of its own making.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(future)
}

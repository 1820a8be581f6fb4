//! Measures nightly syncs: a simulated desk lives on for sixty nights, a store follows it, and
//! every change is looked for in the store the next morning.
//!
//! ```text
//! cargo bench --bench sync -- small        # 20 tickets a day, two years; seeds 1 to 8, pooled
//! cargo bench --bench sync -- medium       # 300 a day, three years; the default
//! cargo bench --bench sync -- large        # 2,000 a day, three years: takes several GiB
//! cargo bench --bench sync -- medium --nights 60 --effort thorough --seed 2 --refresh-within 40
//! ```
//!
//! The same nights are replayed for tools that look back 7, 30 and 90 days by creation. The exit
//! code tells whether every threshold of the default effort was met.
#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    clippy::cast_precision_loss,
    reason = "a measurement prints, and stops where it cannot measure"
)]

mod desk;
mod goals;
mod lookback;
mod requests;
mod run;
mod tables;
mod watch;

use std::process::ExitCode;
use std::time::Instant as Moment;

use mava_export::refresh::Effort;

use self::desk::Desk;
use self::lookback::Lookback;
use self::requests::Requests;
use self::watch::{Customers, Tally, Watch};

/// Nights on which a campaign runs.
const CAMPAIGN_NIGHTS: [usize; 3] = [7, 27, 47];

/// How many nights a campaign is felt.
const AFTERMATH: usize = 7;

/// Nights after which all rows are compared.
const CHECKPOINTS: [usize; 4] = [15, 30, 45, 60];

/// How large a desk is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Size {
    Small,
    Medium,
    Large,
}

impl Size {
    fn tickets_a_day(self) -> u32 {
        match self {
            Self::Small => 20,
            Self::Medium => 300,
            Self::Large => 2_000,
        }
    }

    fn years(self) -> u32 {
        match self {
            Self::Small => 2,
            Self::Medium | Self::Large => 3,
        }
    }
}

/// What was asked for.
#[derive(Debug, Clone, Copy)]
struct Asked {
    size: Size,
    nights: usize,
    effort: Effort,
    /// The desk's; of a small one, `None` takes eight, since one has too few changes to judge by.
    seed: Option<u64>,
    refresh_within_days: u32,
}

impl Asked {
    fn read(mut arguments: impl Iterator<Item = String>) -> Self {
        let mut asked = Self {
            size: Size::Medium,
            nights: 60,
            effort: Effort::Default,
            seed: None,
            refresh_within_days: 360,
        };
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().expect("a value after the flag");
            match argument.as_str() {
                "small" => asked.size = Size::Small,
                "medium" => asked.size = Size::Medium,
                "large" => asked.size = Size::Large,
                "--nights" => asked.nights = value().parse().expect("a number of nights"),
                "--seed" => asked.seed = Some(value().parse().expect("a number as seed")),
                "--refresh-within" => {
                    asked.refresh_within_days = value().parse().expect("a number of days");
                }
                "--effort" => {
                    asked.effort = match value().as_str() {
                        "thrifty" => Effort::Thrifty,
                        "thorough" => Effort::Thorough,
                        _ => Effort::Default,
                    }
                }
                // What cargo adds by itself.
                "--bench" => {}
                other => println!("ignored: {other}"),
            }
        }
        asked
    }

    fn seeds(self) -> Vec<u64> {
        match (self.seed, self.size) {
            (Some(seed), _) => vec![seed],
            (None, Size::Small) => (1..=8).collect(),
            (None, Size::Medium | Size::Large) => vec![1],
        }
    }
}

/// Wrong rows at one checkpoint.
#[derive(Debug, Clone, Copy)]
struct Checkpoint {
    night: usize,
    rows: usize,
    wrong: usize,
    falsely_deleted: usize,
}

/// All that was measured.
struct Outcome {
    sync: Strategy,
    lookbacks: Vec<Strategy>,
    full: Vec<u64>,
    steps: Vec<(String, u64)>,
    checkpoints: Vec<Checkpoint>,
    falsely_deleted: usize,
    oldest_nights: Option<f64>,
    customers: Tally,
    incomplete: Vec<usize>,
}

impl Outcome {
    /// Adds the nights of another desk; every desk had as many.
    fn pool(&mut self, other: Self) {
        self.sync.pool(other.sync);
        for (one, other) in self.lookbacks.iter_mut().zip(other.lookbacks) {
            one.pool(other);
        }
        self.full.extend(other.full);
        for (step, requests) in other.steps {
            match self.steps.iter_mut().find(|(known, _)| *known == step) {
                Some((_, sum)) => *sum += requests,
                None => self.steps.push((step, requests)),
            }
        }
        for (one, other) in self.checkpoints.iter_mut().zip(other.checkpoints) {
            one.rows += other.rows;
            one.wrong += other.wrong;
            one.falsely_deleted += other.falsely_deleted;
        }
        self.falsely_deleted += other.falsely_deleted;
        self.oldest_nights = match (self.oldest_nights, other.oldest_nights) {
            (Some(one), Some(other)) => Some(one.max(other)),
            (one, other) => one.or(other),
        };
        self.customers.add(other.customers);
        self.incomplete.extend(other.incomplete);
    }
}

/// What a way of keeping a copy cost and saw.
struct Strategy {
    name: String,
    requests: Requests,
    watch: Watch,
}

impl Strategy {
    fn pool(&mut self, other: Self) {
        self.requests.pool(other.requests);
        self.watch.pool(other.watch);
    }
}

fn main() -> ExitCode {
    let asked = Asked::read(std::env::args().skip(1));
    println!("## Sync, {asked:?}\n");
    let outcome = asked
        .seeds()
        .into_iter()
        .map(|seed| measure(asked, seed))
        .reduce(|mut pooled, outcome| {
            pooled.pool(outcome);
            pooled
        })
        .expect("a seed at least");
    tables::print(&outcome);
    let failures = goals::failures(asked, &outcome);
    if failures.is_empty() {
        return ExitCode::SUCCESS;
    }
    println!("\n### Missed\n");
    for failure in failures {
        println!("- {failure}");
    }
    ExitCode::FAILURE
}

fn measure(asked: Asked, seed: u64) -> Outcome {
    let began = Moment::now();
    let mut desk = Desk::open(asked, seed);
    println!(
        "Seed {seed}: {} tickets copied after {:.0} s\n",
        desk.tickets(),
        began.elapsed().as_secs_f64()
    );
    let mut lookbacks = [7, 30, 90].map(|days| Lookback::new(days, asked.nights));
    let mut sync = Strategy {
        name: "sync".to_owned(),
        requests: Requests::default(),
        watch: Watch::new(asked.nights),
    };
    let mut steps: Vec<(String, u64)> = Vec::new();
    let mut oldest_nights: Option<f64> = None;
    let mut full = Vec::new();
    let mut checkpoints = Vec::new();
    let mut customers = Customers::new(asked.nights);
    let mut falsely_deleted = 0;
    let mut incomplete = Vec::new();
    let (mut evolving, mut syncing) = (0.0, 0.0);
    for night in 1..=asked.nights {
        let moment = Moment::now();
        let changes = desk.evolve(night);
        evolving += moment.elapsed().as_secs_f64();
        let moment = Moment::now();
        let run = desk.sync();
        syncing += moment.elapsed().as_secs_f64();
        if !run.is_complete {
            incomplete.push(night);
        }
        sync.requests.add(night, desk.requests_sent());
        for (step, requests) in run.steps {
            match steps.iter_mut().find(|(known, _)| *known == step) {
                Some((_, sum)) => *sum += requests,
                None => steps.push((step, requests)),
            }
        }
        full.push(desk.full_read());
        let store = desk.store();
        sync.watch.expect(night, &changes.tickets);
        sync.watch
            .look(night, |change, is_gone| store.has_seen(change, is_gone));
        falsely_deleted += store.falsely_deleted(&sync.watch);
        customers.night(night, &changes.customers, |change| {
            store.has_seen_customer(change)
        });
        let oldest = store.oldest_nights(desk.now());
        oldest_nights = [oldest, oldest_nights]
            .into_iter()
            .flatten()
            .reduce(f64::max);
        for lookback in &mut lookbacks {
            lookback.night(night, &desk, &changes);
        }
        if CHECKPOINTS.contains(&night) || night == asked.nights {
            checkpoints.push(desk.compare(night, &sync.watch));
        }
    }
    println!("{evolving:.1} s of evolving, {syncing:.1} s of syncing\n");
    Outcome {
        oldest_nights,
        sync,
        lookbacks: lookbacks.into_iter().map(Lookback::into_strategy).collect(),
        full,
        steps,
        checkpoints,
        falsely_deleted,
        customers: customers.tally,
        incomplete,
    }
}

//! A case: a desk, a run over it, and what happens meanwhile. All of it follows from one number.

use std::fmt;

use mava_export::settings::{Spend, Whole};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};

/// What is run while things happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Command {
    Backfill,
    Sync,
    Verify,
    Repair,
}

impl Command {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Backfill => "backfill",
            Self::Sync => "sync",
            Self::Verify => "verify",
            Self::Repair => "repair",
        }
    }
}

fn whole(random: &mut StdRng) -> Whole {
    let whole = pick(random, &[Whole::Never, Whole::Never, Whole::IfItFits]);
    match random.random_bool(0.1) {
        true => Whole::Always,
        false => whole,
    }
}

fn spend(random: &mut StdRng) -> Spend {
    match random.random_bool(0.4) {
        true => Spend::requests(random.random_range(0..40)),
        false => Spend::ALL,
    }
}

/// What happens during the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// Nothing.
    Rest,
    /// Tickets come, go and change.
    Changes,
    /// Some answers are empty.
    Empty,
    /// Some answers belong to other requests of the run.
    Swapped,
    /// The three before at once.
    Mixed,
    /// Tickets come, go and change, and each answer is from one of three copies that lag.
    Copies,
    /// All at once.
    Storm,
}

impl Kind {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Rest => "at rest",
            Self::Changes => "changes",
            Self::Empty => "empty answers",
            Self::Swapped => "swapped answers",
            Self::Mixed => "all three",
            Self::Copies => "copies that lag",
            Self::Storm => "all at once",
        }
    }

    pub(crate) fn has_changes(self) -> bool {
        !matches!(self, Self::Rest | Self::Empty | Self::Swapped)
    }

    pub(crate) fn has_copies(self) -> bool {
        matches!(self, Self::Copies | Self::Storm)
    }

    fn has_empty(self) -> bool {
        matches!(self, Self::Empty | Self::Mixed | Self::Storm)
    }

    fn has_swapped(self) -> bool {
        matches!(self, Self::Swapped | Self::Mixed | Self::Storm)
    }
}

/// The desk before anything happens.
#[derive(Debug, Clone)]
pub(crate) struct DeskSpec {
    pub(crate) tickets: usize,
    /// Days from the first creation to the last.
    pub(crate) days: i64,
    /// Tickets created in one millisecond, several times over.
    pub(crate) bursts: Vec<usize>,
    /// Whether it has categories, agents, tags and customers.
    pub(crate) has_directory: bool,
    pub(crate) has_shuffled_ties: bool,
    pub(crate) largest_page: Option<usize>,
}

/// How it changes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Changes {
    /// Between the last run and this one.
    pub(crate) between: usize,
    /// In the minute before the run.
    pub(crate) just_before: usize,
    /// Per thousand requests.
    pub(crate) rate: u32,
    /// The most of them during the run.
    pub(crate) most: usize,
    /// Whether many tickets may come or go at once.
    pub(crate) has_bulk: bool,
    /// Whether most of it happens where many tickets share a millisecond.
    pub(crate) has_crowds: bool,
}

/// Copies of the desk, of which one gives each answer.
#[derive(Debug, Clone)]
pub(crate) struct Copies {
    /// How far each lags, in milliseconds: always so much, and up to so much more until it catches
    /// up. Together a minute at most.
    pub(crate) lags: [(i64, i64); 3],
    /// Whether a connection always reaches the same one.
    pub(crate) is_sticky: bool,
}

/// Requests from this one on, counted from 1, that get empty answers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outage {
    pub(crate) from: u64,
    pub(crate) length: u64,
}

/// An answer that belongs to another request of the run.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Mixup {
    /// This request gets the answer to another recent one.
    Stray { at: u64, back: usize },
    /// This request gets the answer to the one before, which arrived again, and the next gets its.
    Crossed { at: u64 },
    /// From this request on, so many on its connection get the answer to the one before there.
    Late { at: u64, length: u64 },
}

/// What somebody did to the store by hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Damage {
    None,
    /// Rows deleted.
    Lost(usize),
    /// Statuses edited.
    Edited(usize),
    /// Tickets flagged as deleted.
    Flagged(usize),
}

#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) seed: u64,
    pub(crate) command: Command,
    pub(crate) kind: Kind,
    pub(crate) desk: DeskSpec,
    /// The range's edges, in thousandths of the desk's time; the ends lie beyond it.
    pub(crate) range: (i64, i64),
    /// Whether a run at rest has filled the store before.
    pub(crate) is_again: bool,
    pub(crate) lanes: usize,
    pub(crate) latency_ms: u64,
    /// How much time passes on the desk from one request to the next.
    pub(crate) step_ms: i64,
    pub(crate) changes: Changes,
    pub(crate) copies: Option<Copies>,
    pub(crate) outages: Vec<Outage>,
    pub(crate) mixups: Vec<Mixup>,
    pub(crate) damage: Damage,
    /// For a sync: when it reads the whole desk.
    pub(crate) whole: Whole,
    /// For a sync: what it may spend.
    pub(crate) spend: Spend,
}

impl Case {
    /// The case of this number.
    pub(crate) fn draw(command: Command, seed: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let kind = kind(&mut random, command);
        let is_again = command != Command::Backfill || random.random_bool(0.4);
        let random = &mut random;
        Self {
            seed,
            command,
            kind,
            desk: desk(random),
            range: match command == Command::Backfill && random.random_bool(0.4) {
                true => (random.random_range(0..500), random.random_range(501..1_000)),
                false => (-10, 1_000),
            },
            is_again,
            lanes: match random.random_bool(0.3) {
                true => 1,
                false => random.random_range(2..17),
            },
            latency_ms: match random.random_bool(0.7) {
                true => 0,
                false => random.random_range(1..5),
            },
            step_ms: pick(random, &[333, 1_000, 3_000, 10_000]),
            changes: changes(random, command, kind, is_again),
            copies: kind.has_copies().then(|| copies(random)),
            outages: match kind.has_empty() {
                true => (0..random.random_range(1..4))
                    .map(|_| outage(random, command))
                    .collect(),
                false => Vec::new(),
            },
            mixups: match kind.has_swapped() {
                true => (0..random.random_range(1..4))
                    .map(|_| mixup(random, command))
                    .collect(),
                false => Vec::new(),
            },
            damage: match command {
                Command::Verify | Command::Repair => damage(random),
                Command::Backfill | Command::Sync => Damage::None,
            },
            whole: whole(random),
            spend: spend(random),
        }
    }

    /// Its own source of randomness for one of the things that follow from it.
    pub(crate) fn random(&self, what: u64) -> StdRng {
        StdRng::seed_from_u64(self.seed ^ (what + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }
}

impl fmt::Display for Case {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (command, kind) = (self.command.word(), self.kind.word());
        write!(out, "{command} of seed {} ({kind})", self.seed)
    }
}

fn pick<T: Copy>(random: &mut StdRng, values: &[T]) -> T {
    *values.choose(random).expect("some")
}

fn kind(random: &mut StdRng, command: Command) -> Kind {
    // Counts of a desk that changes differ rightly, which says little.
    if command == Command::Verify && random.random_bool(0.5) {
        return pick(random, &[Kind::Rest, Kind::Empty, Kind::Swapped]);
    }
    pick(
        random,
        &[
            Kind::Rest,
            Kind::Changes,
            Kind::Changes,
            Kind::Changes,
            Kind::Empty,
            Kind::Empty,
            Kind::Swapped,
            Kind::Swapped,
            Kind::Mixed,
            Kind::Mixed,
            Kind::Copies,
            Kind::Copies,
            Kind::Copies,
            Kind::Storm,
        ],
    )
}

fn desk(random: &mut StdRng) -> DeskSpec {
    let tickets = match random.random_range(0..8) {
        0 | 1 => random.random_range(0..5),
        2 | 3 => random.random_range(90..110),
        4..=6 => random.random_range(0..900),
        _ => random.random_range(900..1_500),
    };
    let days = match random.random_range(0..3) {
        0 => 1,
        1 => random.random_range(2..400),
        _ => random.random_range(700..1_000),
    };
    let bursts = (0..random.random_range(0..4)).map(|_| match random.random_range(0..3) {
        0 => random.random_range(2..99),
        1 => random.random_range(99..103),
        _ => random.random_range(0..400),
    });
    DeskSpec {
        tickets,
        days,
        bursts: bursts.collect(),
        has_directory: random.random_bool(0.9),
        has_shuffled_ties: random.random_bool(0.5),
        largest_page: random
            .random_bool(0.2)
            .then(|| random.random_range(20..100)),
    }
}

fn changes(random: &mut StdRng, command: Command, kind: Kind, is_again: bool) -> Changes {
    // What changes between a run and a count of it differs rightly.
    let is_counted = matches!(command, Command::Verify | Command::Repair);
    let has_past = is_again && !(is_counted && random.random_bool(0.7));
    let has_bulk = random.random_bool(0.15);
    let (before, rate, most) = match kind.has_changes() {
        true => (
            random.random_range(0..8),
            random.random_range(100..1_001),
            if is_counted { 12 } else { 45 },
        ),
        false => (0, 0, 0),
    };
    Changes {
        between: match has_past {
            true => random.random_range(0..30),
            false => 0,
        },
        just_before: before,
        rate,
        most: match most {
            0 => 0,
            most => random.random_range(1..most),
        },
        has_bulk,
        has_crowds: random.random_bool(0.4),
    }
}

fn copies(random: &mut StdRng) -> Copies {
    let mut lag = || {
        let always = random.random_range(0..60_000);
        let more = random.random_range(0..60_000 - always + 1);
        (always, more)
    };
    let mut lags = [lag(), lag(), lag()];
    if random.random_bool(0.5) {
        lags[0] = (0, 0);
    }
    Copies {
        lags,
        is_sticky: random.random_bool(0.4),
    }
}

/// A request of the run: often an early one.
fn request(random: &mut StdRng, command: Command) -> u64 {
    let most = match command {
        Command::Backfill | Command::Sync => 60,
        Command::Verify | Command::Repair => 160,
    };
    match random.random_bool(0.5) {
        true => random.random_range(1..13),
        false => random.random_range(1..most),
    }
}

fn outage(random: &mut StdRng, command: Command) -> Outage {
    let from = request(random, command);
    let length = match random.random_range(0..10) {
        0..5 => 1,
        5..9 => random.random_range(2..6),
        _ => random.random_range(6..13),
    };
    Outage { from, length }
}

fn mixup(random: &mut StdRng, command: Command) -> Mixup {
    let at = request(random, command);
    match random.random_range(0..3) {
        0 => Mixup::Stray {
            at,
            back: random.random_range(1..9),
        },
        1 => Mixup::Crossed { at },
        _ => Mixup::Late {
            at,
            length: random.random_range(1..7),
        },
    }
}

fn damage(random: &mut StdRng) -> Damage {
    let most = pick(random, &[2, 5, 40]);
    let count = random.random_range(1..most + 1);
    match random.random_range(0..6) {
        0..3 => Damage::None,
        3 => Damage::Lost(count),
        4 => Damage::Edited(count),
        _ => Damage::Flagged(count),
    }
}

//! What is measured, as it was asked for.

use std::fmt;
use std::time::Duration;

use mava_export::settings::Spend;

/// How large a desk is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Size {
    Small,
    Medium,
    Large,
}

impl Size {
    pub(crate) fn tickets_a_day(self) -> u32 {
        match self {
            Self::Small => 20,
            Self::Medium => 300,
            Self::Large => 2_000,
        }
    }

    pub(crate) fn years(self) -> u32 {
        match self {
            Self::Small => 2,
            Self::Medium | Self::Large => 3,
        }
    }

    pub(crate) fn days(self) -> u32 {
        365 * self.years()
    }

    fn word(self) -> &'static str {
        match self {
            Self::Small => "small",
            Self::Medium => "medium",
            Self::Large => "large",
        }
    }
}

/// Requests in a minute at the usual limit of 90 in 30 seconds.
pub(crate) const REQUESTS_A_MINUTE: f64 = 180.0;

/// What a sync may spend in a night.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Amount {
    Requests(u64),
    /// As much as it takes to read everything.
    All,
}

impl Amount {
    /// So much time at the usual limit.
    fn time(text: &str) -> Self {
        let time = humantime::parse_duration(text).expect("a time, such as 5m");
        Self::Requests(time.as_secs() * 3)
    }

    pub(crate) fn spend(self) -> Spend {
        match self {
            Self::Requests(requests) => Spend::requests(requests),
            Self::All => Spend::ALL,
        }
    }
}

/// The time, as `--spend` takes it; requests where they are no whole seconds.
impl fmt::Display for Amount {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Requests(requests) if requests % 3 == 0 => {
                let time = humantime::format_duration(Duration::from_secs(requests / 3));
                out.write_str(&time.to_string().replace(' ', ""))
            }
            Self::Requests(requests) => write!(out, "{requests} requests"),
            Self::All => out.write_str("all"),
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) size: Size,
    pub(crate) nights: usize,
    /// Each is measured over the same nights.
    pub(crate) amounts: Vec<Amount>,
    /// One table of all amounts, and not all tables of each.
    pub(crate) is_curve: bool,
    /// Whether the curve is drawn into `docs/`.
    pub(crate) is_drawn: bool,
    /// The desk's; of a small one, `None` takes eight, since one has too few changes to judge by.
    seed: Option<u64>,
}

impl Asked {
    pub(crate) fn read(mut arguments: impl Iterator<Item = String>) -> Self {
        let mut asked = Self {
            size: Size::Medium,
            nights: 60,
            amounts: Vec::new(),
            is_curve: false,
            is_drawn: false,
            seed: None,
        };
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().expect("a value after the flag");
            match argument.as_str() {
                "small" => asked.size = Size::Small,
                "medium" => asked.size = Size::Medium,
                "large" => asked.size = Size::Large,
                "curve" => asked.is_curve = true,
                "--draw" => asked.is_drawn = true,
                "--nights" => asked.nights = value().parse().expect("a number of nights"),
                "--seed" => asked.seed = Some(value().parse().expect("a number as seed")),
                "--max-requests" => {
                    let requests = value().parse().expect("a number of requests");
                    asked.amounts.push(Amount::Requests(requests));
                }
                "--spend" => asked.amounts.push(Amount::time(&value())),
                // What cargo adds by itself.
                "--bench" => {}
                other => println!("ignored: {other}"),
            }
        }
        assert!(
            asked.is_curve || !asked.is_drawn,
            "--draw draws a curve: say `curve` too"
        );
        if asked.amounts.is_empty() {
            asked.amounts = asked.usual_amounts();
        }
        asked
    }

    /// A sync's default; of a curve, from less than what every sync needs to everything.
    fn usual_amounts(&self) -> Vec<Amount> {
        let times: &[&str] = match (self.is_curve, self.size) {
            (false, _) => return vec![Amount::time("5m")],
            (true, Size::Small | Size::Medium) => &["20s", "40s", "1m", "2m", "5m", "10m"],
            (true, Size::Large) => &["20s", "40s", "1m", "2m", "5m", "10m", "20m"],
        };
        let times = times.iter().map(|time| Amount::time(time));
        times.chain([Amount::All]).collect()
    }

    pub(crate) fn seeds(&self) -> Vec<u64> {
        match (self.seed, self.size) {
            (Some(seed), _) => vec![seed],
            (None, Size::Small) => (1..=8).collect(),
            (None, Size::Medium | Size::Large) => vec![1],
        }
    }
}

impl fmt::Display for Asked {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seeds: Vec<String> = self.seeds().iter().map(u64::to_string).collect();
        write!(
            out,
            "{} desk, {} tickets a day for {} years, {} nights, seed {}",
            self.size.word(),
            self.size.tickets_a_day(),
            self.size.years(),
            self.nights,
            seeds.join(" ")
        )
    }
}

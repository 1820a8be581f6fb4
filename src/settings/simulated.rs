//! A simulated desk, as meant.

use std::path::PathBuf;
use std::time::Duration;

use super::connection::RateLimit;
use super::store::StoreSettings;
use crate::table::Instant;

/// A demo, as meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Demo {
    /// Its store.
    pub store: StoreSettings,
    /// The simulated desk.
    pub world: World,
}

/// A simulated desk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct World {
    /// Tickets.
    pub tickets: u32,
    /// What the desk is made from: equal seeds make equal desks.
    pub seed: u64,
}

/// The simulated Mava alone, as meant.
#[derive(Debug, Clone, PartialEq)]
pub struct Simulation {
    /// Port on loopback; 0 takes a free one.
    pub port: u16,
    /// The desk.
    pub world: World,
    /// Start of the range of creation; `None` for the simulator's own.
    pub since: Option<Instant>,
    /// End of the range of creation; `None` for now.
    pub until: Option<Instant>,
    /// Time that an answer takes.
    pub latency: Duration,
    /// The limit it enforces; `None` for none.
    pub rate_limit: Option<RateLimit>,
    /// Share of answers that are faults, 0 to 1.
    pub fault_rate: f64,
    /// Whether all pages are rendered before the first request.
    pub is_prerendered: bool,
    /// Messages of a ticket, on average.
    pub mean_messages: f64,
    /// Whether people, an AI and rules work on the tickets.
    pub is_at_work: bool,
    /// How the desk lives on; `None` where it stays as it is.
    pub live: Option<Live>,
}

/// How a simulated desk lives on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Live {
    /// Real time that a day of the desk takes.
    pub day_every: Duration,
    /// The file that tells what changed, if one is wanted.
    pub truth: Option<PathBuf>,
}

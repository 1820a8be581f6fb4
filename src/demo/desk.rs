//! The invented desk of the demo, and the runs over it.

use std::collections::HashSet;
use std::time::Duration;

use chrono::TimeDelta;
use secrecy::SecretString;

use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::settings::{
    self, Backfill, BudgetSettings, Connection, Filters, RateLimit, RetrySettings, Simulation,
    Spend, StoreSettings, Sync, Timeouts, Whole,
};
use crate::simulator::{
    self, API_KEY, Evolution, Simulator, SimulatorSpec, WorkSpec, World, WorldSpec,
};
use crate::table::{Instant, RunKind};
use crate::window::{self, Window};

/// The invented desk's first day. Fixed, so that the same seed gives the same desk on any day.
const FIRST_DAY: &str = "2023-01-01";

/// The day after its last.
const LAST_DAY: &str = "2026-01-01";

/// How long the simulated API takes for a page in the demo.
const LATENCY: Duration = Duration::from_millis(40);

/// Days between the two.
const DAYS: f64 = 1_096.0;

/// Messages of a ticket of the demo, on average.
const MEAN_MESSAGES: f64 = 6.0;

/// An invented desk, behind a simulated Mava within the real limit.
pub(crate) struct Desk {
    simulator: Simulator,
    world: settings::World,
    from: Instant,
    until: Instant,
}

impl Desk {
    /// Opens the desk on its last day.
    ///
    /// # Errors
    /// The simulated Mava cannot listen.
    pub(crate) async fn open(world: settings::World) -> Result<Self> {
        let (from, until) = (first_day()?, window::parse(LAST_DAY)?);
        let simulator = Simulator::start(SimulatorSpec {
            rate_limit: Some(simulator::RateLimit::documented()),
            latency: LATENCY,
            ..SimulatorSpec::new(self::world(world, from, until, MEAN_MESSAGES))
        })
        .await?;
        simulator.set_now(Some(until));
        Ok(Self {
            simulator,
            world,
            from,
            until,
        })
    }

    /// How the desk is reached.
    ///
    /// # Errors
    /// The simulator has no address.
    pub(crate) fn connection(&self) -> Result<Connection> {
        let base_url = self
            .simulator
            .base_url()
            .parse()
            .map_err(|error| Error::failed("the simulator has no address").because(error))?;
        Ok(Connection {
            base_url,
            api_key: SecretString::from(API_KEY),
            budget: BudgetSettings {
                rate_limit: Some(RateLimit {
                    requests: 90,
                    period: Duration::from_secs(30),
                }),
                share_percent: 100,
                margin: Duration::from_millis(300),
                // Each demo has a desk, and so a budget, of its own.
                state_dir: None,
            },
            timeouts: Timeouts {
                connect: Duration::from_secs(5),
                read: Duration::from_secs(30),
            },
            retry: RetrySettings {
                attempts: 5,
                total: Duration::from_secs(120),
                pause: Duration::from_millis(200),
            },
            clock: Clock::default(),
            // The simulated desk lives on days of its own.
            clock_tolerance: Duration::MAX,
            max_body_bytes: 256 << 20,
        })
    }

    /// A backfill of all of its days.
    pub(crate) fn backfill(&self, store: &StoreSettings) -> Backfill {
        Backfill {
            kind: RunKind::Demo,
            since: self.from,
            until: Some(self.until),
            filters: Filters::default(),
            has_messages: true,
            max_lanes: 16,
            allow_deletions: true,
            store: store.clone(),
        }
    }

    /// A sync of what changed.
    pub(crate) fn sync(&self, store: &StoreSettings) -> Sync {
        Sync {
            kind: RunKind::Demo,
            since: None,
            whole: Whole::IfItFits,
            spend: Spend::ALL,
            has_messages: true,
            max_lanes: 4,
            allow_deletions: true,
            store: store.clone(),
        }
    }

    /// Lets a day pass. Gives the number of tickets that change on it.
    pub(crate) fn pass_a_day(&self) -> usize {
        let until = self.until + TimeDelta::days(1);
        let evolution = Evolution {
            seed: self.world.seed,
            rate: f64::from(self.world.tickets) / DAYS,
            ..Evolution::default()
        };
        let changes = self
            .simulator
            .with_world(|world| world.evolve(&evolution, self.until, until));
        self.simulator.set_now(Some(until));
        let changed = changes
            .tickets
            .iter()
            .map(|change| change.ticket_id.as_str());
        changed.collect::<HashSet<_>>().len()
    }

    /// Whether a ticket is on the desk.
    pub(super) fn has_ticket(&self, id: &str) -> bool {
        self.simulator
            .with_world(|world| world.ticket(id).is_some())
    }
}

/// The start of the demo's first day, from which on a simulated desk has tickets.
///
/// # Errors
/// None: the day is a date.
pub(crate) fn first_day() -> Result<Instant> {
    window::parse(FIRST_DAY)
}

/// The world that is simulated for others.
pub(crate) fn simulated(simulation: &Simulation, range: Window) -> World {
    if simulation.is_at_work {
        return World::at_work(&WorkSpec {
            seed: simulation.world.seed,
            tickets: usize::try_from(simulation.world.tickets).unwrap_or(usize::MAX),
            from: range.from(),
            until: range.until(),
            ..WorkSpec::default()
        });
    }
    let mean_messages = simulation.mean_messages;
    self::world(simulation.world, range.from(), range.until(), mean_messages)
}

/// The world of a desk that opens on one day and has tickets up to another.
fn world(world: settings::World, from: Instant, until: Instant, mean_messages: f64) -> World {
    World::generate(&WorldSpec {
        seed: world.seed,
        tickets: usize::try_from(world.tickets).unwrap_or(usize::MAX),
        from,
        until,
        mean_messages,
    })
}

//! Commands that fill a store: backfill, sync and repair.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use chrono::TimeDelta;
use mava_export::simulator::{Evolution, RateLimit, Simulator, SimulatorSpec};
use mava_export::table::{Instant, TABLES};
use mava_export::window;
use rand::RngExt;
use rand::rngs::StdRng;

use super::stored::{assert_same, assert_sound, rows};
use super::support::{Place, Running, run, wait_for, watch, world};
use super::{Victim, copy, request};

const TICKETS: usize = 3_000;
const LATENCY_MS: u64 = 4;

/// Requests that the server takes, and in how many milliseconds.
const LIMIT: (usize, u64) = (30, 300);

/// A range that holds the desk, and how every command is told to send.
const BACKFILL: &str = "backfill --since 2024-01-01 --until 2024-07-01 --lanes 2";
const SENDING: &str = "--to sqlite:support.db --rate-limit 30/300ms --retry-pause 5ms \
     --clock-tolerance 100000h --json";

type Tables = BTreeMap<String, Vec<String>>;

/// Every row of the tables for people, but for which run wrote it and when.
fn people(path: &Path) -> Tables {
    let mut tables = rows(path);
    tables.retain(|name, _| TABLES.iter().any(|table| table.name == name));
    tables
}

/// A command with the store that it begins with.
struct Filled {
    simulator: Simulator,
    words: String,
    template: Place,
    /// What an undisturbed run leaves.
    expected: Tables,
    /// Requests of an undisturbed run.
    requests: usize,
}

impl Filled {
    /// A desk, a place that `prepare` has made ready, and what the command undisturbed leaves.
    fn new(words: &str, prepare: impl FnOnce(&Simulator, &Place)) -> Self {
        let (requests, period_ms) = LIMIT;
        let simulator = Simulator::start_apart(SimulatorSpec {
            latency: Duration::from_millis(LATENCY_MS),
            rate_limit: Some(RateLimit::new(requests, Duration::from_millis(period_ms))),
            is_prerendered: true,
            ..SimulatorSpec::new(world(TICKETS))
        })
        .expect("a simulator");
        let template = Place::new();
        prepare(&simulator, &template);
        let words = format!("{words} {SENDING}");
        let undisturbed = copy(&template);
        simulator.clear_requests();
        run(&mut undisturbed.command_at(&simulator, &words)).expect(0);
        let requests = simulator.requests().len();
        Self {
            expected: people(&undisturbed.path("support.db")),
            simulator,
            words,
            template,
            requests,
        }
    }

    fn kill(&mut self, random: &mut StdRng, number: usize) -> bool {
        let place = copy(&self.template);
        let path = place.path("support.db");
        let request = request(random, number, self.requests);
        let moment_us = match request {
            Some(_) => random.random_range(0..2_500 * LATENCY_MS),
            None => random.random_range(0..200_000),
        };
        self.simulator.clear_requests();
        let arrivals = watch(&self.simulator, |_, _| None);
        let mut running = Running::start(&mut place.command_at(&self.simulator, &self.words));
        if let Some(request) = request {
            wait_for(&arrivals, request);
        }
        std::thread::sleep(Duration::from_micros(moment_us));
        running.kill();
        let was_killed = running.end().code().is_none();
        self.simulator.clear_hook();
        let what = format!("killed {moment_us} us after request {request:?}");
        if path.exists() {
            assert_sound(&path);
        }
        run(&mut place.command_at(&self.simulator, &self.words)).expect(0);
        assert_same(&people(&path), &self.expected, &what);
        assert_sound(&path);
        let limited = self.simulator.count_429();
        assert_eq!(limited, 0, "{what}: {limited} requests beyond the limit");
        was_killed
    }
}

/// The instant at which the desk's history ends, and a night later.
fn evening() -> Instant {
    window::parse("2024-07-01").expect("a date")
}

fn backfill(simulator: &Simulator, place: &Place) {
    simulator.set_now(Some(evening()));
    let words = format!("{BACKFILL} {SENDING}");
    run(&mut place.command_at(simulator, &words)).expect(0);
}

pub(super) struct Backfill(Filled);

impl Victim for Backfill {
    const NAME: &'static str = "backfill";

    fn new() -> Self {
        let nothing = |simulator: &Simulator, _: &Place| simulator.set_now(Some(evening()));
        Self(Filled::new(BACKFILL, nothing))
    }

    fn kill(&mut self, random: &mut StdRng, number: usize) -> bool {
        self.0.kill(random, number)
    }
}

pub(super) struct Sync(Filled);

impl Victim for Sync {
    const NAME: &'static str = "sync";

    fn new() -> Self {
        Self(Filled::new(
            "sync --full-below 0 --lanes 2",
            |simulator, place| {
                backfill(simulator, place);
                let morning = evening() + TimeDelta::days(1);
                let spec = Evolution {
                    rate: 60.0,
                    ..Evolution::default()
                };
                simulator.with_world(|world| {
                    world.evolve(&spec, evening(), morning);
                });
                simulator.set_now(Some(morning));
            },
        ))
    }

    fn kill(&mut self, random: &mut StdRng, number: usize) -> bool {
        self.0.kill(random, number)
    }
}

pub(super) struct Repair(Filled);

impl Victim for Repair {
    const NAME: &'static str = "verify --repair";

    fn new() -> Self {
        Self(Filled::new("verify --repair", |simulator, place| {
            backfill(simulator, place);
            let store = rusqlite::Connection::open(place.path("support.db")).expect("a store");
            store
                .pragma_update(None, "foreign_keys", false)
                .expect("a pragma");
            // As somebody's hand would: rows lost, statuses edited, a flag set.
            store
                .execute_batch(
                    "DELETE FROM messages WHERE ticket_id IN (SELECT id FROM tickets WHERE rowid % 100 = 7);
                     DELETE FROM tickets WHERE rowid % 100 = 7;
                     UPDATE tickets SET status = 'Waiting' WHERE rowid % 150 = 9;
                     UPDATE tickets SET deleted_at = '2024-06-01T00:00:00.000Z' WHERE rowid = 800;",
                )
                .expect("SQL");
        }))
    }

    fn kill(&mut self, random: &mut StdRng, number: usize) -> bool {
        self.0.kill(random, number)
    }
}

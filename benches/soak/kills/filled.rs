//! Commands that fill a store: backfill, sync and repair.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::time::{self, Duration};

use chrono::TimeDelta;
use mava_export::simulator::{Evolution, RateLimit, Simulator, SimulatorSpec};
use mava_export::table::{Instant, TABLES};
use mava_export::window;
use rand::RngExt;
use rand::rngs::StdRng;

use super::stored::{assert_same, assert_sound, copied, dangling, look, rows, texts};
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

/// Every row of the tables for people, but for which run wrote it and when; and the tickets that are
/// flagged as deleted.
fn people(path: &Path) -> Tables {
    let mut tables = rows(path);
    tables.retain(|name, _| TABLES.iter().any(|table| table.name == name));
    let deleted = "SELECT id FROM tickets WHERE deleted_at IS NOT NULL ORDER BY id";
    tables.insert("deleted tickets".to_owned(), texts(&look(path), deleted));
    tables
}

/// How often each row of a table is there.
fn counted(rows: &[String]) -> HashMap<&str, usize> {
    let mut counted = HashMap::new();
    for row in rows {
        *counted.entry(row.as_str()).or_default() += 1;
    }
    counted
}

/// What a store held before the command, as far as there was one.
#[derive(Default)]
struct Before {
    tables: Tables,
    /// Rows that name one that is not there.
    dangling: Vec<String>,
}

impl Before {
    fn of(path: &Path) -> Self {
        match path.exists() {
            false => Self::default(),
            true => Self {
                tables: people(path),
                dangling: dangling(&look(path)),
            },
        }
    }
}

/// A command with the store that it begins with.
struct Filled {
    simulator: Simulator,
    words: String,
    template: Place,
    before: Before,
    /// What an undisturbed run leaves.
    expected: Tables,
    /// Requests of an undisturbed run, and how long it takes.
    requests: usize,
    whole: Duration,
    /// The request from which on it writes: most kills come after it.
    writes_from: usize,
    /// Whether the command only brings back what was there: each row is then as it was, or as it will be.
    is_repair: bool,
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
        let began = time::Instant::now();
        run(&mut undisturbed.command_at(&simulator, &words)).expect(0);
        let whole = began.elapsed();
        let requests = simulator.requests().len();
        Self {
            before: Before::of(&template.path("support.db")),
            expected: people(&undisturbed.path("support.db")),
            simulator,
            words,
            template,
            requests,
            whole,
            writes_from: 1,
            is_repair: false,
        }
    }

    fn kill(&mut self, random: &mut StdRng, number: usize) -> bool {
        let place = copy(&self.template);
        let path = place.path("support.db");
        let request = request(random, number, self.writes_from, self.requests);
        let moment_us = match request {
            Some(_) => random.random_range(0..2_500 * LATENCY_MS),
            None => u64::try_from(self.whole.mul_f64(random.random()).as_micros()).expect("short"),
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
        let damaged = match path.exists() {
            true => self.assert_under_way(&path, &what),
            false => 0,
        };
        let ended = run(&mut place.command_at(&self.simulator, &self.words)).expect(0);
        assert_same(&people(&path), &self.expected, &what);
        assert_sound(&path);
        // Every row is the one that was written, too. Without a key it sends nothing.
        run(&mut place.command("verify --to sqlite:support.db --deep")).expect(0);
        let open = "SELECT kind || ' ' || id FROM snapshots WHERE finished_at IS NULL";
        assert_eq!(texts(&look(&path), open), [""; 0], "{what}: unfinished");
        if self.is_repair {
            // What was mended before the kill is not mended again.
            let mended = ended.json()["repair"]["tickets_mended"].as_u64();
            let mended = mended.unwrap_or_default();
            assert_eq!(
                mended, damaged,
                "{what}: of so many tickets still damaged, mended"
            );
        }
        let limited = self.simulator.count_429();
        assert_eq!(limited, 0, "{what}: {limited} requests beyond the limit");
        was_killed
    }

    /// What has to be true of a store that the command has not come to the end of: it can be read, and
    /// no row names one that is not there but those that did before. In a repair each row is as it was or
    /// as it will be; gives how many tickets are not yet as they will be.
    #[track_caller]
    fn assert_under_way(&self, path: &Path, what: &str) -> u64 {
        let (_directory, copy) = copied(path);
        let dangling = dangling(&look(&copy));
        let (new, known) = (counted(&dangling), counted(&self.before.dangling));
        for (row, count) in new {
            let before = known.get(row).copied().unwrap_or_default();
            assert!(
                count <= before,
                "{what}: {row}: {count} name nothing, before {before}"
            );
        }
        if !self.is_repair {
            return 0;
        }
        let tables = people(&copy);
        for (table, found) in &tables {
            let (before, after) = (&self.before.tables[table], &self.expected[table]);
            assert_between(found, before, after, &format!("{what}: {table}"));
        }
        let flags = "deleted tickets";
        let [tickets, flagged] = ["tickets", flags].map(|name| counted(&tables[name]));
        let lost = self.expected["tickets"].iter();
        let lost = lost.filter(|row| !tickets.contains_key(row.as_str()));
        let kept = self.expected[flags].iter();
        let kept = kept.filter(|id| flagged.contains_key(id.as_str()));
        u64::try_from(lost.count() + flagged.len() - kept.count()).expect("few")
    }
}

/// That each row found is one of before or of after, and that those of both are there.
#[track_caller]
fn assert_between(found: &[String], before: &[String], after: &[String], what: &str) {
    let [found, before, after] = [found, before, after].map(counted);
    let of = |rows: &HashMap<&str, usize>, row: &str| rows.get(row).copied().unwrap_or_default();
    for (row, count) in &found {
        let most = of(&before, row).max(of(&after, row));
        assert!(*count <= most, "{what}: neither before nor after: {row}");
    }
    for (row, count) in &before {
        let least = of(&after, row).min(*count);
        assert!(of(&found, row) >= least, "{what}: gone: {row}");
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
            "sync --max-requests 20 --lanes 2",
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
        let mut whole = Tables::new();
        let mut filled = Filled::new("verify --repair", |simulator, place| {
            backfill(simulator, place);
            let path = place.path("support.db");
            whole = people(&path);
            let store = rusqlite::Connection::open(path).expect("a store");
            store
                .pragma_update(None, "foreign_keys", false)
                .expect("a pragma");
            // As somebody's hand would, in a few places: rows lost, statuses edited, a flag set.
            store
                .execute_batch(
                    "CREATE TEMP TABLE lost AS SELECT id FROM tickets
                         WHERE rowid / 100 IN (5, 14, 22) AND rowid % 10 = 7;
                     DELETE FROM messages WHERE ticket_id IN (SELECT id FROM lost);
                     DELETE FROM tickets WHERE id IN (SELECT id FROM lost);
                     UPDATE tickets SET status = 'Waiting'
                         WHERE rowid / 100 IN (8, 14, 27) AND rowid % 25 = 9;
                     UPDATE tickets SET deleted_at = '2024-06-01T00:00:00.000Z' WHERE rowid = 800;",
                )
                .expect("SQL");
        });
        assert_same(&filled.expected, &whole, "undisturbed");
        assert!(
            !filled.before.dangling.is_empty(),
            "there is nothing to repair"
        );
        filled.is_repair = true;
        // It counts with filters, reads pages without, and counts what it read with a ticket.
        let log = filled.simulator.requests();
        let closing = log
            .iter()
            .position(|sent| sent.query.split('&').any(|one| one == "limit=1"))
            .expect("a count of what was read");
        let pages = log[..closing].iter().rev();
        let pages = pages.take_while(|sent| sent.query.ends_with("includeMessages=true"));
        filled.writes_from = closing - pages.count();
        assert!(filled.writes_from < closing, "it reads nothing");
        Self(filled)
    }

    fn kill(&mut self, random: &mut StdRng, number: usize) -> bool {
        self.0.kill(random, number)
    }
}

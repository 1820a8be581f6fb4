//! A simulated desk that lives on, and the stores that follow it.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use mava_export::api::Client;
use mava_export::clock::Clock;
use mava_export::report::Progress;
use mava_export::run::Context;
use mava_export::settings::{
    BudgetSettings, Connection, MetricsSettings, RetrySettings, StoreSettings, Timeouts,
};
use mava_export::simulator::{
    Campaign, Change, Changes, CustomerChange, Evolution, Simulator, SimulatorSpec, Ticket, World,
    WorldSpec,
};
use mava_export::table::{Instant, instant_text};
use mava_export::window::{self, Window};
use rusqlite::{Connection as Sqlite, OptionalExtension, params};
use secrecy::SecretString;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::CAMPAIGN_NIGHTS;
use super::asked::{Amount, Size};
use super::outcome::Checkpoint;
use super::run::{self, Run};
use super::watch::Watch;

/// When the history begins: a Monday, at the hour of the nightly run.
const FIRST_NIGHT: &str = "2023-01-02T02:00:00Z";

/// Tags and categories that campaigns use, by their place in a generated directory: two rare
/// tags, and two common categories.
const CAMPAIGN_TAGS: [usize; 2] = [10, 11];
const CAMPAIGN_CATEGORIES: (usize, usize) = (2, 3);

pub(crate) struct Desk {
    size: Size,
    seed: u64,
    simulator: Simulator,
    runtime: Runtime,
    connection: Connection,
    first_copy: StoreSettings,
    since: Instant,
    now: Instant,
    directory: TempDir,
}

impl Desk {
    /// Generates the desk and copies it.
    pub(crate) fn open(size: Size, seed: u64) -> Self {
        let days = size.days();
        let since = window::parse(FIRST_NIGHT).expect("an instant");
        let now = since + chrono::Duration::days(i64::from(days));
        let tickets = size.tickets_a_day() * days;
        let world = World::generate(&WorldSpec {
            seed,
            tickets: usize::try_from(tickets).expect("fits"),
            from: since,
            until: now,
            mean_messages: 0.0,
        });
        let simulator = Simulator::start_apart(SimulatorSpec::new(world)).expect("a simulator");
        simulator.set_now(Some(now));
        let directory = tempfile::tempdir().expect("a directory");
        let connection = connection(&simulator, directory.path());
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let first_copy = store_at(&directory, "first");
        let copied = runtime.block_on(mava_export::run::backfill(
            &context(&connection),
            &run::backfill(since, now, &first_copy),
        ));
        copied.expect("a first copy");
        Self {
            size,
            seed,
            simulator,
            runtime,
            connection,
            first_copy,
            since,
            now,
            directory,
        }
    }

    /// A store of its own for each name, as the first copy left it.
    pub(crate) fn stores(&self, names: &[String]) -> Vec<StoreSettings> {
        let stores = names.iter().map(|name| {
            let store = store_at(&self.directory, name);
            std::fs::copy(&self.first_copy.path, &store.path).expect("room for a store");
            store
        });
        let stores = stores.collect();
        std::fs::remove_file(&self.first_copy.path).expect("a first copy");
        stores
    }

    pub(crate) fn now(&self) -> Instant {
        self.now
    }

    pub(crate) fn tickets(&self) -> usize {
        self.simulator.with_world(|world| world.len())
    }

    pub(crate) fn with_tickets(&self, look: impl FnMut(&Ticket)) {
        self.simulator
            .with_world(|world| world.tickets().for_each(look));
    }

    /// Lets a day pass.
    pub(crate) fn evolve(&mut self, night: usize) -> Changes {
        let from = self.now;
        self.now = from + chrono::Duration::days(1);
        let spec = Evolution {
            seed: self.seed,
            rate: f64::from(self.size.tickets_a_day()),
            campaign: self.campaign(night),
            has_messages: false,
        };
        let until = self.now;
        let changes = self
            .simulator
            .with_world(|world| world.evolve(&spec, from, until));
        self.simulator.set_now(Some(until));
        changes
    }

    fn campaign(&self, night: usize) -> Option<Campaign> {
        let number = CAMPAIGN_NIGHTS.iter().position(|one| *one == night)?;
        self.simulator.with_world(|world| {
            let directory = world.directory();
            let tag = |place: usize| directory.tags.get(place).map(|tag| Campaign::tag(&tag.id));
            let [first, second] = CAMPAIGN_TAGS;
            let (from, to) = CAMPAIGN_CATEGORIES;
            match number {
                0 => tag(first),
                1 => {
                    let from = directory.categories.get(from)?;
                    let to = directory.categories.get(to)?;
                    Some(Campaign::category(&from.id, &to.id))
                }
                _ => tag(second),
            }
        })
    }

    /// Runs tonight's sync of a store.
    pub(crate) fn sync(&self, amount: Amount, store: &StoreSettings) -> Run {
        // Each night is a process of its own.
        let context = context(&self.connection);
        let run = run::run_sync(&context, amount, store);
        self.runtime.block_on(run)
    }

    pub(crate) fn forget_requests(&self) {
        self.simulator.clear_requests();
    }

    /// Requests since they were forgotten.
    pub(crate) fn requests_sent(&self) -> u64 {
        u64::try_from(self.simulator.requests().len()).expect("fits")
    }

    /// What reading the whole desk costs.
    pub(crate) fn full_read(&self) -> u64 {
        let range = Window::new(self.since, self.now).expect("a range");
        self.pages(&range.split_by_year())
    }

    /// Pages of a hundred that hold the tickets of these windows.
    fn pages(&self, windows: &[Window]) -> u64 {
        self.simulator.with_world(|world| {
            let mut counts = vec![0_u64; windows.len()];
            for ticket in world.tickets() {
                let held = windows.iter().zip(&mut counts);
                for (_, count) in held.filter(|(window, _)| window.contains(ticket.created_at)) {
                    *count += 1;
                }
            }
            counts.iter().map(|count| count.div_ceil(100)).sum()
        })
    }

    /// Compares every row's last change with the desk's.
    pub(crate) fn compare(&self, night: usize, store: &Store, watch: &Watch) -> Checkpoint {
        let rows = store.rows();
        let campaign_only = watch.campaign_only();
        let (mut wrong, mut falsely_deleted) = (HashSet::new(), 0);
        self.simulator.with_world(|world| {
            let mut alive = HashSet::new();
            for ticket in world.tickets() {
                alive.insert(ticket.id.as_str());
                match rows.get(&ticket.id) {
                    Some((updated_at, false))
                        if *updated_at == ticket.updated_at.map(instant_text) => {}
                    found => {
                        falsely_deleted += usize::from(found.is_some_and(|(_, is_gone)| *is_gone));
                        wrong.insert(ticket.id.clone());
                    }
                }
            }
            let kept = rows.iter().filter(|(_, (_, is_gone))| !is_gone);
            let kept = kept.filter(|(id, _)| !alive.contains(id.as_str()));
            wrong.extend(kept.map(|(id, _)| id.clone()));
        });
        wrong.retain(|id| !campaign_only.contains(id.as_str()));
        Checkpoint {
            night,
            rows: rows.len(),
            wrong: wrong.len(),
            falsely_deleted,
        }
    }
}

/// The store as a reader sees it.
pub(crate) struct Store(Sqlite);

impl Store {
    pub(crate) fn open(settings: &StoreSettings) -> Self {
        Self(Sqlite::open(&settings.path).expect("the store opens"))
    }

    /// Whether a ticket is stored as it was after the change, or flagged as deleted where it is gone
    /// by now.
    pub(crate) fn has_seen(&self, change: &Change, is_gone: bool) -> bool {
        let mut statement = self
            .0
            .prepare_cached("SELECT updated_at, deleted_at IS NOT NULL FROM tickets WHERE id = ?1")
            .expect("a query");
        let row = statement
            .query_row(params![change.ticket_id], |row| {
                Ok((row.get::<_, Option<String>>(0)?, row.get::<_, bool>(1)?))
            })
            .optional()
            .expect("runs");
        match row {
            None => false,
            Some((_, true)) => is_gone,
            Some((updated_at, false)) => {
                !change.kind.is_deletion() && updated_at >= Some(instant_text(change.at))
            }
        }
    }

    pub(crate) fn has_seen_customer(&self, change: &CustomerChange) -> bool {
        let mut statement = self
            .0
            .prepare_cached("SELECT updated_at FROM customers WHERE id = ?1")
            .expect("a query");
        let updated_at: Option<Option<String>> = statement
            .query_row(params![change.customer_id], |row| row.get(0))
            .optional()
            .expect("runs");
        updated_at.flatten() >= Some(instant_text(change.at))
    }

    /// Tickets flagged deleted that no change deleted.
    pub(crate) fn falsely_deleted(&self, watch: &Watch) -> usize {
        let mut statement = self
            .0
            .prepare("SELECT id FROM tickets WHERE deleted_at IS NOT NULL")
            .expect("a query");
        let ids = statement
            .query_map([], |row| row.get::<_, String>(0))
            .expect("runs");
        ids.filter(|id| !watch.is_deleted(id.as_ref().expect("an id")))
            .count()
    }

    fn rows(&self) -> HashMap<String, (Option<String>, bool)> {
        let mut statement = self
            .0
            .prepare("SELECT id, updated_at, deleted_at IS NOT NULL FROM tickets")
            .expect("a query");
        statement
            .query_map([], |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?))))
            .expect("runs")
            .collect::<rusqlite::Result<_>>()
            .expect("rows")
    }

    /// How many nights ago the row that was verified longest ago was; `None` where the store does
    /// not keep that.
    pub(crate) fn oldest_nights(&self, now: Instant) -> Option<f64> {
        let sql = "SELECT min(verified_at_ms) FROM _ticket_index WHERE is_deleted = 0";
        let mut statement = self.0.prepare(sql).ok()?;
        let oldest: i64 = statement.query_row([], |row| row.get(0)).ok()?;
        Some((now.timestamp_millis() - oldest) as f64 / 86_400_000.0)
    }
}

fn store_at(directory: &TempDir, name: &str) -> StoreSettings {
    StoreSettings {
        path: directory.path().join(format!("{name}.db")),
        file_mode: None,
        publish: None,
        metrics: MetricsSettings::default(),
    }
}

fn context(connection: &Connection) -> Context {
    Context {
        client: Arc::new(Client::new(connection, rand::random).expect("a client")),
        cancel: CancellationToken::new(),
        progress: watch::Sender::new(Progress::default()),
    }
}

fn connection(simulator: &Simulator, directory: &Path) -> Connection {
    Connection {
        base_url: simulator.base_url().parse().expect("a URL"),
        api_key: SecretString::from(simulator.api_key().to_owned()),
        budget: BudgetSettings {
            rate_limit: None,
            share_percent: 100,
            margin: Duration::from_millis(300),
            state_dir: Some(directory.join("state")),
        },
        timeouts: Timeouts {
            connect: Duration::from_secs(5),
            read: Duration::from_secs(60),
        },
        retry: RetrySettings {
            attempts: 3,
            total: Duration::from_secs(120),
            pause: Duration::from_millis(50),
        },
        clock: Clock::default(),
        // The simulated desk lives on days of its own.
        clock_tolerance: Duration::MAX,
        max_body_bytes: 64 << 20,
    }
}

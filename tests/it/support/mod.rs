//! What the integration tests share: a desk behind a simulated API, and a store to fill from it.

mod clock;
pub(crate) mod earlier;
mod expected;
pub(crate) mod nights;
mod rows;

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mava_export::api::Client;
use mava_export::clock::Clock;
use mava_export::error::{ExitCode, Result};
use mava_export::report::{Progress, Summary};
use mava_export::run::{self, Context};
use mava_export::settings::{
    Backfill, BudgetSettings, Connection, Filters, MetricsSettings, RetrySettings, StoreSettings,
    Timeouts,
};
use mava_export::simulator::{Quirks, Shape, Simulator, SimulatorSpec, World, WorldSpec};
use mava_export::store::{Audit, Store};
use mava_export::table::{Instant, RunKind};
use mava_export::window;
use rusqlite::Connection as Sqlite;
use secrecy::SecretString;
use tempfile::TempDir;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// What the migration after which syncs say what may be unseen added, taken away again.
pub(crate) const BEFORE_UNSEEN: &str = "ALTER TABLE snapshots DROP COLUMN may_be_unseen_json;
    ALTER TABLE _sync_outcomes DROP COLUMN syncs_for_all;
    ALTER TABLE _sync_outcomes ADD COLUMN refresh_within_days INTEGER NOT NULL DEFAULT 360;
    ALTER TABLE _sync_outcomes ADD COLUMN ratings_counted INTEGER;";

pub(crate) use self::clock::WallClock;
pub(crate) use self::earlier::{MARKS, before_marks, before_marks_sent, twin_before_marks};
pub(crate) use self::expected::{expected, expected_without_messages};
pub(crate) use self::rows::Rows;

/// Loses a ticket from a store without a trace: `ID` stands for its id.
pub(crate) const LOSE: &str = "DELETE FROM message_attachments WHERE ticket_id = 'ID';
     DELETE FROM messages WHERE ticket_id = 'ID';
     DELETE FROM ticket_attributes WHERE ticket_id = 'ID';
     DELETE FROM ticket_tags WHERE ticket_id = 'ID';
     DELETE FROM ticket_discord_users WHERE ticket_id = 'ID';
     DELETE FROM ticket_history WHERE ticket_id = 'ID';
     DELETE FROM ticket_metrics WHERE ticket_id = 'ID';
     DELETE FROM ticket_events WHERE ticket_id = 'ID';
     DELETE FROM _ticket_index WHERE id = 'ID';
     DELETE FROM tickets WHERE id = 'ID';";

/// A run that sends no request for so long hangs, however slow the machine.
const HANG: Duration = Duration::from_secs(100);

/// What comes of it in the end; `None` where it hangs, going by a count of what it has sent so far.
pub(crate) async fn end_of<T>(
    sent: impl Fn() -> usize,
    future: impl Future<Output = T>,
) -> Option<T> {
    let mut future = std::pin::pin!(future);
    let mut before = None;
    loop {
        if let Ok(end) = tokio::time::timeout(HANG, &mut future).await {
            return Some(end);
        }
        let now = Some(sent());
        if now == before {
            return None;
        }
        before = now;
    }
}

/// Now, for every test: a Wednesday, 14:30 UTC. Desks are built around it, the simulator and the program
/// take it for the present, and no outcome depends on when or how fast a test runs.
pub(crate) const NOW: Instant = match Instant::from_timestamp_millis(1_750_257_000_000) {
    Some(now) => now,
    None => panic!("an instant"),
};

/// A desk of the first half of 2024 with short threads.
pub(crate) fn generated(tickets: usize) -> World {
    World::generate(&WorldSpec {
        tickets,
        mean_messages: 2.5,
        ..WorldSpec::default()
    })
}

/// A simulated Mava, and a directory with the store that is filled from it.
pub(crate) struct Desk {
    pub(crate) simulator: Simulator,
    /// How the simulator departs from what is documented.
    pub(crate) quirks: Quirks,
    /// The present, by the program's clock.
    now: Mutex<Instant>,
    _directory: TempDir,
    pub(crate) connection: Connection,
    pub(crate) settings: Backfill,
    pub(crate) cancel: CancellationToken,
}

impl Desk {
    /// The desk that `spec` describes, and settings to copy all of it: no limit, short
    /// pauses, and an answer is waited for.
    pub(crate) async fn open(spec: SimulatorSpec) -> Self {
        let quirks = spec.quirks;
        Self::around(Simulator::start(spec).await.expect("a simulator"), quirks)
    }

    /// The same with the simulator on a thread of its own.
    pub(crate) fn open_apart(spec: SimulatorSpec) -> Self {
        let quirks = spec.quirks;
        Self::around(Simulator::start_apart(spec).expect("a simulator"), quirks)
    }

    fn around(simulator: Simulator, quirks: Quirks) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let connection = Connection {
            base_url: simulator.base_url().parse().expect("a URL"),
            api_key: SecretString::from(simulator.api_key().to_owned()),
            budget: BudgetSettings {
                rate_limit: None,
                share_percent: 100,
                margin: Duration::from_millis(300),
                state_dir: Some(directory.path().join("state")),
            },
            // An answer that is late on a busy machine is waited for, not asked for again.
            timeouts: Timeouts {
                connect: Duration::from_secs(5),
                read: Duration::from_secs(20),
            },
            retry: RetrySettings {
                attempts: 8,
                total: Duration::from_secs(20),
                pause: Duration::from_millis(2),
            },
            clock: Clock::at(NOW),
            // The simulated desk lives on days of its own.
            clock_tolerance: Duration::MAX,
            max_body_bytes: 64 << 20,
        };
        let settings = Backfill {
            kind: RunKind::Backfill,
            since: window::parse("2022-01-01").expect("a date"),
            until: Some(window::parse("2025-01-01").expect("a date")),
            filters: Filters::default(),
            has_messages: true,
            max_lanes: 16,
            allow_deletions: false,
            store: StoreSettings {
                path: directory.path().join("support.db"),
                file_mode: None,
                publish: None,
                metrics: MetricsSettings::default(),
            },
        };
        simulator.set_now(Some(NOW));
        Self {
            simulator,
            quirks,
            now: Mutex::new(NOW),
            _directory: directory,
            connection,
            settings,
            cancel: CancellationToken::new(),
        }
    }

    /// The same store, filled from another simulator from now on.
    pub(crate) async fn served_by(mut self, spec: SimulatorSpec) -> Self {
        self.quirks = spec.quirks;
        self.simulator = Simulator::start(spec).await.expect("a simulator");
        self.simulator.set_now(Some(self.now()));
        self.connection.base_url = self.simulator.base_url().parse().expect("a URL");
        self
    }

    /// Sets the API's clock and the program's.
    pub(crate) fn set_now(&self, now: Instant) {
        self.simulator.set_now(Some(now));
        *self.now.lock().expect("a clock") = now;
    }

    /// What both say.
    pub(crate) fn now(&self) -> Instant {
        *self.now.lock().expect("a clock")
    }

    /// What a command gets that is run against the desk now.
    pub(crate) fn context(&self) -> Result<Context> {
        let connection = Connection {
            clock: Clock::at(self.now()),
            ..self.connection.clone()
        };
        Ok(Context {
            client: Arc::new(Client::new(&connection, rand::random)?),
            cancel: self.cancel.clone(),
            progress: watch::Sender::new(Progress::default()),
        })
    }

    /// Where the store lies.
    pub(crate) fn path(&self) -> PathBuf {
        self.settings.store.path.clone()
    }

    /// Runs one backfill to its end, which must come.
    pub(crate) async fn backfill(&self) -> Result<(Summary, ExitCode)> {
        self.backfill_with(&self.settings).await
    }

    /// The same with other settings.
    pub(crate) async fn backfill_with(&self, settings: &Backfill) -> Result<(Summary, ExitCode)> {
        let context = self.context()?;
        let sent = || self.simulator.requests().len();
        end_of(sent, run::backfill(&context, settings))
            .await
            .expect("a backfill that ends")
    }

    /// Changes the store by hand, whatever refers to what is changed.
    pub(crate) fn meddle(&self, sql: &str) {
        let sqlite = self.sqlite();
        sqlite
            .pragma_update(None, "foreign_keys", false)
            .expect("a pragma");
        sqlite
            .execute_batch(&format!("BEGIN; {sql} COMMIT"))
            .expect("SQL");
    }

    /// The store, for looking at.
    pub(crate) fn sqlite(&self) -> Sqlite {
        Sqlite::open(self.path()).expect("the store opens")
    }

    /// A column of text or integers, as text, in the query's order.
    pub(crate) fn column(&self, sql: &str) -> Vec<String> {
        let sqlite = self.sqlite();
        let mut statement = sqlite.prepare(sql).expect("a query");
        let rows = statement.query_map([], |row| row.get::<_, rusqlite::types::Value>(0));
        rows.expect("runs")
            .map(|value| match value.expect("a value") {
                rusqlite::types::Value::Text(text) => text,
                rusqlite::types::Value::Integer(number) => number.to_string(),
                other => format!("{other:?}"),
            })
            .collect()
    }

    /// The data tables as they are stored; every reference in them holds.
    pub(crate) fn rows(&self) -> Rows {
        let sqlite = self.sqlite();
        let mut statement = sqlite.prepare("PRAGMA foreign_key_check").expect("SQL");
        assert!(!statement.exists([]).expect("runs"), "a reference dangles");
        drop(statement);
        Rows::read(&sqlite)
    }

    /// The store held against itself.
    pub(crate) fn audit(&self) -> Audit {
        let store = Store::open_read_only(&self.path()).expect("the store opens");
        store.audit(&|_| true).expect("an audit")
    }

    /// The desk's rows, served as documented, and the store's are the same in every table; and each is
    /// as it was written.
    #[track_caller]
    pub(crate) fn assert_whole(&self, what: &str) {
        let audit = self.audit();
        assert!(audit.is_whole(), "{what}: {audit:?}");
        let expected = expected(&self.simulator.world(), Shape::default());
        self.rows().assert_equal(&expected, what);
    }

    /// The first column of the first row, an integer.
    pub(crate) fn number(&self, sql: &str) -> i64 {
        let number = self.sqlite().query_row(sql, [], |row| row.get(0));
        number.expect("a number")
    }

    /// Ids of the tickets stored and not deleted, sorted.
    pub(crate) fn live_ids(&self) -> Vec<String> {
        self.column("SELECT id FROM tickets WHERE deleted_at IS NULL ORDER BY id")
    }

    /// Ids of the tickets on the desk, sorted.
    pub(crate) fn world_ids(&self) -> Vec<String> {
        self.simulator.with_world(|world| {
            let mut ids: Vec<String> = world.tickets().map(|ticket| ticket.id.clone()).collect();
            ids.sort();
            ids
        })
    }
}

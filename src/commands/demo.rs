//! `demo` and `simulate`: a simulated Mava, with a backfill of it or alone.
#![expect(clippy::disallowed_methods, reason = "the demo removes its own store")]

use std::time::Duration;
use std::{fs, io};

use chrono::TimeDelta;
use rusqlite::types::ValueRef;
use secrecy::SecretString;
use serde::Serialize;

use super::drive;
use crate::clock::{self, Clock};
use crate::error::{Error, ExitCode, Result};
use crate::redact;
use crate::refresh::DAY_MS;
use crate::report::{Summary, SyncSummary};
use crate::run::desk;
use crate::settings::{
    Backfill, BudgetSettings, Connection, Demo, Effort, Filters, RateLimit, RetrySettings,
    Simulation, Sync, Timeouts,
};
use crate::simulator::{
    self, API_KEY, Evolution, Faults, Simulator, SimulatorSpec, World, WorldSpec,
};
use crate::store::{OpenOptions, Store};
use crate::table::{Instant, RunKind};
use crate::terminal::Printer;
use crate::window;

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

/// What the demo asks the store in the end: a heading, and a query that a person may well have.
const QUESTIONS: [(&str, &str); 3] = [
    (
        "Tickets by origin: how many, how many open, median minutes to the first reply",
        "WITH replies AS (
           SELECT source_type, first_reply_time_ms,
                  row_number() OVER (PARTITION BY source_type ORDER BY first_reply_time_ms) AS place,
                  count(*) OVER (PARTITION BY source_type) AS replied
           FROM tickets WHERE first_reply_time_ms IS NOT NULL AND deleted_at IS NULL)
         SELECT source_type AS origin, count(*) AS tickets, sum(status IN ('Open', 'Pending', 'Waiting')) AS open,
                (SELECT first_reply_time_ms / 60000 FROM replies
                 WHERE replies.source_type = tickets.source_type
                   AND place = (replied + 1) / 2) AS median_reply_min
         FROM tickets WHERE deleted_at IS NULL GROUP BY source_type ORDER BY tickets DESC",
    ),
    (
        "Categories: their tickets and ratings",
        "SELECT coalesce(name, '(archived)') AS category, count(*) AS tickets, count(csat) AS rated,
                round(avg(csat), 2) AS mean_rating, sum(message_count) AS messages
         FROM tickets JOIN categories ON categories.id = tickets.category_id
         WHERE deleted_at IS NULL
         GROUP BY name ORDER BY tickets DESC LIMIT 5",
    ),
    (
        "The thread of one ticket",
        "SELECT position AS n, sender_type AS sender, message_type AS kind, created_at, content
         FROM messages WHERE coalesce(extra_json ->> 'isDeleted', 0) = 0 AND ticket_id = (
           SELECT id FROM tickets WHERE deleted_at IS NULL AND message_count BETWEEN 4 AND 6
           ORDER BY id LIMIT 1)
         ORDER BY position",
    ),
];

/// Copies a simulated desk into a store, within the real limit, and shows what can be asked of it.
pub(super) async fn demo(demo: &Demo, printer: &Printer) -> Result<ExitCode> {
    let (from, until) = (window::parse(FIRST_DAY)?, window::parse(LAST_DAY)?);
    printer.note(&format!(
        "Simulating a support desk with {} tickets; nothing leaves this machine.",
        demo.world.tickets
    ));
    let simulator = Simulator::start(SimulatorSpec {
        rate_limit: Some(simulator::RateLimit::documented()),
        latency: LATENCY,
        ..SimulatorSpec::new(world(demo.world, from, until, MEAN_MESSAGES))
    })
    .await?;
    let base_url = simulator
        .base_url()
        .parse()
        .map_err(|error| Error::failed("the simulator has no address").because(error))?;
    let connection = Connection {
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
    };
    let settings = Backfill {
        kind: RunKind::Demo,
        since: from,
        until: Some(until),
        filters: Filters::default(),
        has_messages: true,
        max_lanes: 16,
        allow_deletions: true,
        store: demo.store.clone(),
    };
    simulator.set_now(Some(until));
    begin_anew(demo, &simulator, printer)?;
    let (summary, exit_code) = drive::backfill_quietly(&connection, &settings, printer).await?;
    let is_over = exit_code == ExitCode::Complete;
    if printer.is_json() {
        let later = match is_over {
            true => Some(a_day_later(demo, &simulator, &connection, until, printer).await?),
            false => None,
        };
        let exit_code = later
            .as_ref()
            .map_or(exit_code, |(_, exit_code)| *exit_code);
        printer.json(&Told {
            backfill: summary,
            sync: later.map(|(summary, _)| summary),
        })?;
        return Ok(exit_code);
    }
    printer.summary(&summary)?;
    if !is_over {
        return Ok(exit_code);
    }
    look(demo, printer)?;
    let (summary, exit_code) = a_day_later(demo, &simulator, &connection, until, printer).await?;
    printer.sync(&summary)?;
    farewell(demo, printer)?;
    Ok(exit_code)
}

/// A whole demo as one JSON value.
#[derive(Serialize)]
struct Told {
    backfill: Summary,
    /// `None` where the backfill was interrupted.
    sync: Option<SyncSummary>,
}

/// Removes the desk of an earlier demo, so that each shows the same day on the same desk. One whose
/// backfill of this very desk was interrupted is gone on with.
fn begin_anew(demo: &Demo, simulator: &Simulator, printer: &Printer) -> Result<()> {
    let path = &demo.store.path;
    if fs::metadata(path).map_or(0, |found| found.len()) == 0 {
        return Ok(());
    }
    // Held, so that no run is under way in it.
    let options = OpenOptions {
        file_mode: demo.store.file_mode,
        now: clock::now()?,
    };
    let store = Store::open(path, &options)?;
    desk::refuse_other_desk(&store, RunKind::Demo, path)?;
    let is_begun = desk::holds_demo(&store)?.is_some();
    if !is_begun || is_interrupted_here(&store, simulator)? {
        return Ok(());
    }
    printer.note(&format!(
        "{} holds an earlier demo: it begins anew.",
        path.display()
    ));
    store.require_in_place()?;
    // The log first: without it the file is whole, as of an earlier moment.
    for ending in ["-wal", "-shm", ""] {
        let mut file = store.path().as_os_str().to_owned();
        file.push(ending);
        match fs::remove_file(&file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(Error::usage(format!("cannot remove {}", path.display()))
                    .help("name another file with --to")
                    .because(error));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Whether the store holds an unfinished backfill of the simulator's desk.
fn is_interrupted_here(store: &Store, simulator: &Simulator) -> Result<bool> {
    let is_backfill = store
        .progress()?
        .is_some_and(|progress| progress.snapshot.is_of(RunKind::Demo));
    if !is_backfill {
        return Ok(false);
    }
    let (_, rows) = ask(store, "SELECT id FROM tickets")
        .map_err(|error| Error::failed("cannot query the demo's store").because(error))?;
    Ok(simulator.with_world(|world| rows.iter().flatten().all(|id| world.ticket(id).is_some())))
}

/// Lets a day pass on the desk, and syncs.
async fn a_day_later(
    demo: &Demo,
    simulator: &Simulator,
    connection: &Connection,
    from: Instant,
    printer: &Printer,
) -> Result<(SyncSummary, ExitCode)> {
    let until = from + TimeDelta::days(1);
    let evolution = Evolution {
        seed: demo.world.seed,
        rate: f64::from(demo.world.tickets) / DAYS,
        ..Evolution::default()
    };
    let changes = simulator.with_world(|world| world.evolve(&evolution, from, until));
    simulator.set_now(Some(until));
    let changed = changes
        .tickets
        .iter()
        .map(|change| change.ticket_id.as_str());
    let changed = changed.collect::<std::collections::HashSet<_>>().len();
    let tickets = if changed == 1 {
        "ticket changes"
    } else {
        "tickets change"
    };
    let words = format!(
        "\nA day passes on the desk: {changed} {tickets}. The API does not say which; a sync finds them.\n\n"
    );
    if !printer.is_json() {
        printer.text(&words)?;
    }
    let sync = Sync {
        kind: RunKind::Demo,
        since: None,
        effort: Effort::default(),
        refresh_within_days: 360,
        // A desk of this size would be read as a whole; this shows what a larger one gets.
        full_below: 0,
        is_full: false,
        max_requests: None,
        has_messages: true,
        max_lanes: 4,
        allow_deletions: true,
        store: demo.store.clone(),
    };
    drive::sync_quietly(connection, &sync, printer).await
}

/// Asks the store the [`QUESTIONS`].
fn look(demo: &Demo, printer: &Printer) -> Result<()> {
    let store = Store::open_read_only(&demo.store.path)?;
    for (heading, sql) in QUESTIONS {
        let (columns, rows) = ask(&store, sql)
            .map_err(|error| Error::failed("cannot query the demo's store").because(error))?;
        let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
        printer.text("\n")?;
        printer.rows(heading, &columns, &rows)?;
    }
    Ok(())
}

/// Says how to go on.
fn farewell(demo: &Demo, printer: &Printer) -> Result<()> {
    let path = redact::on_one_line(&demo.store.path.display().to_string());
    printer.text(&format!(
        "\nTry it yourself:\n  \
         mava-export query \"SELECT * FROM tickets ORDER BY created_at DESC LIMIT 5\" --from sqlite:{path}\n  \
         mava-export query \"SELECT date(created_at) AS day, count(*) FROM tickets WHERE deleted_at IS NULL GROUP BY day ORDER BY day DESC LIMIT 7\" --from sqlite:{path}\n  \
         mava-export query \"SELECT status, count(*) AS tickets FROM tickets WHERE deleted_at IS NULL GROUP BY status\" --from sqlite:{path}\n\
         The sqlite3 command opens it too, from version 3.37 on; median and REGEXP are only in query.\n\
         Then with your own desk:\n  \
         MAVA_API_KEY=… mava-export backfill --since 2023-01-01 --to sqlite:support.db\n  \
         MAVA_API_KEY=… mava-export sync --to sqlite:support.db\n"
    ))
}

/// The result of a query as text: column names and rows.
fn ask(store: &Store, sql: &str) -> rusqlite::Result<(Vec<String>, Vec<Vec<String>>)> {
    let mut statement = store.connection().prepare(sql)?;
    let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
    let rows = statement
        .query_map([], |row| {
            (0..columns.len())
                .map(|index| row.get_ref(index).map(shown))
                .collect()
        })?
        .collect::<rusqlite::Result<_>>()?;
    Ok((columns, rows))
}

fn shown(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => String::new(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => number.to_string(),
        ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
        ValueRef::Blob(bytes) => format!("{} bytes", bytes.len()),
    }
}

/// Serves a simulated Mava until interrupted.
pub(super) async fn simulate(simulation: &Simulation, printer: &Printer) -> Result<ExitCode> {
    let from = match simulation.since {
        Some(since) => since,
        None => window::parse(FIRST_DAY)?,
    };
    let until = match simulation.until {
        Some(until) => until,
        None => today(clock::now()?),
    };
    let spec = SimulatorSpec {
        rate_limit: simulation.rate_limit.map(|limit| {
            let requests = usize::try_from(limit.requests).unwrap_or(usize::MAX);
            simulator::RateLimit::new(requests, limit.period)
        }),
        latency: simulation.latency,
        port: simulation.port,
        is_prerendered: simulation.is_prerendered,
        ..SimulatorSpec::new(world(
            simulation.world,
            from,
            until,
            simulation.mean_messages,
        ))
    };
    drive::interruptible(async |cancel| {
        simulator::serve_until(spec, cancel.cancelled(), |simulator| {
            if simulation.fault_rate > 0.0 {
                simulator.set_hook(Faults::random(simulation.world.seed, simulation.fault_rate));
            }
            announce(simulation, simulator, [from, until], printer);
        })
        .await?;
        Ok(ExitCode::Interrupted)
    })
    .await
}

/// The start of a day, so that a desk that is started again on it is the same.
fn today(now: Instant) -> Instant {
    let ms = now.timestamp_millis();
    Instant::from_timestamp_millis(ms - ms.rem_euclid(DAY_MS)).unwrap_or(now)
}

/// What has to be known to talk to a simulated Mava, for machines.
#[derive(Serialize)]
struct Listening {
    base_url: String,
    api_key: &'static str,
}

/// Says where the simulator listens, and how to use it.
fn announce(
    simulation: &Simulation,
    simulator: &Simulator,
    [from, until]: [Instant; 2],
    printer: &Printer,
) {
    if printer.is_json() {
        // Nobody left to read it: it serves all the same.
        let _ = printer.json(&Listening {
            base_url: simulator.base_url(),
            api_key: API_KEY,
        });
        return;
    }
    printer.note(&format!(
        "A simulated Mava with {} tickets, created {} to {}, listens. In another terminal:\n  \
         export MAVA_BASE_URL={} MAVA_API_KEY={API_KEY}\n  \
         mava-export backfill --since {} --to sqlite:simulated.db\n\
         Ctrl-C ends it.",
        simulation.world.tickets,
        from.date_naive(),
        until.date_naive(),
        simulator.base_url(),
        from.date_naive(),
    ));
}

fn world(
    world: crate::settings::World,
    from: Instant,
    until: Instant,
    mean_messages: f64,
) -> World {
    World::generate(&WorldSpec {
        seed: world.seed,
        tickets: usize::try_from(world.tickets).unwrap_or(usize::MAX),
        from,
        until,
        mean_messages,
    })
}

//! What metrics cost, and how long their tables and views take to answer: `cargo bench --bench metrics`
//!
//! `-- 20000` makes a desk of so many tickets.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measurement prints, and stops where it cannot measure"
)]

#[path = "desk/mod.rs"]
mod desk;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use mava_export::clock;
use mava_export::metrics::schedule::Span;
use mava_export::metrics::{Policy, SlaMetric};
use mava_export::settings::{Hours, MetricsSettings};
use mava_export::simulator::{Simulator, SimulatorSpec, WorkSpec, World};
use mava_export::store::{OpenOptions, Outcome, RunSpec, Store};
use mava_export::table::{RunKind, all_tables};
use mava_export::window::{self, Window};
use rusqlite::Connection;

/// Each is asked so often; the best counts.
const TIMES: usize = 3;

fn main() {
    let tickets = std::env::args()
        .skip(1)
        .find_map(|word| word.parse().ok())
        .unwrap_or(100_000);
    let folder = tempfile::tempdir().unwrap();
    let until = window::parse("2026-01-01").unwrap();
    let simulator = Simulator::start_apart(SimulatorSpec::new(World::at_work(&WorkSpec {
        tickets,
        from: window::parse("2023-01-01").unwrap(),
        until,
        ..WorkSpec::default()
    })))
    .unwrap();
    let path = folder.path().join("support.db");
    let metrics = office();
    let (_, seconds) = timed(|| desk::backfill(&simulator, &path, metrics.clone()));
    let sqlite = Connection::open(&path).unwrap();
    let count = |table: &str| -> i64 {
        let sql = format!("SELECT count(*) FROM {table}");
        sqlite.query_row(&sql, [], |row| row.get(0)).unwrap()
    };
    println!(
        "{tickets} tickets, {} messages, {} promises: {seconds:.2} s",
        count("messages"),
        count("_ticket_slas")
    );
    cost(&path, &metrics);
    println!("\n| table or view | rows | seconds |\n|---|---|---|");
    for table in all_tables() {
        let (rows, seconds) = best(|| scan(&sqlite, table.name));
        println!("| {} | {rows} | {seconds:.3} |", table.name);
    }
    for name in [
        "backlog",
        "first-reply-by-agent",
        "resolution-by-day",
        "time-in-status",
    ] {
        let (_, seconds) = best(|| named(&path, name));
        println!("| query --named {name} | | {seconds:.3} |");
    }
}

/// Office hours in Berlin, and two promises.
fn office() -> MetricsSettings {
    let spans = ["09:00-12:30", "13:30-17:00"];
    let parsed = spans.map(|span| Span::parse(span).unwrap());
    let on_workdays = |day: usize| day < 5;
    let policy = |name: &str, metric, hours: i64| Policy {
        name: name.to_owned(),
        metric,
        within_ms: hours * 3_600_000,
        priority: Vec::new(),
        category: Vec::new(),
    };
    MetricsSettings {
        time_zone: chrono_tz::Tz::Europe__Berlin,
        hours: Some(Hours {
            week: std::array::from_fn(|day| match on_workdays(day) {
                true => parsed.to_vec(),
                false => Vec::new(),
            }),
            written: std::array::from_fn(|day| match on_workdays(day) {
                true => spans.map(str::to_owned).to_vec(),
                false => Vec::new(),
            }),
            holidays: Default::default(),
        }),
        policies: vec![
            policy("first reply", SlaMetric::FirstReply, 4),
            policy("resolution", SlaMetric::Resolution, 24),
        ],
        ..MetricsSettings::default()
    }
}

/// What is computed, apart from the backfill that it is a part of.
fn cost(path: &Path, metrics: &MetricsSettings) {
    let now = window::parse("2026-01-01").unwrap();
    let mut store = Store::open(path, &OpenOptions::new(now)).unwrap();
    store.measure_by(metrics.schedule(), metrics.fingerprint());
    store.count_days_in(metrics.time_zone);
    store.promise_by(metrics.policies.clone());
    let later = clock::now().unwrap() + chrono::TimeDelta::hours(2);
    let spec = RunSpec {
        kind: RunKind::Sync,
        range: Window::new(now, later).unwrap(),
        is_until_open: false,
        filters_json: None,
        has_messages: true,
    };
    let run = store.begin(&spec, later).unwrap().snapshot_id;
    let (_, seconds) = timed(|| store.finish(run, Outcome::Complete, later).unwrap());
    println!(
        "the end of a run that changed nothing: {:.1} ms",
        1_000.0 * seconds
    );
    let (_, seconds) = timed(|| store.remake_totals().unwrap());
    println!("totals made anew: {seconds:.2} s");
    store.promise_by(Vec::new());
    let (renewed, seconds) = timed(|| store.renew_metrics(now, &|_, _| true).unwrap());
    println!(
        "metrics of all {} tickets computed anew, totals included: {seconds:.2} s",
        renewed.unwrap().tickets
    );
    store.promise_by(metrics.policies.clone());
    store.renew_metrics(now, &|_, _| true).unwrap();
}

/// Reads all rows, each with all its columns.
fn scan(sqlite: &Connection, table: &str) -> usize {
    let mut statement = sqlite.prepare(&format!("SELECT * FROM {table}")).unwrap();
    let width = statement.column_count();
    let mut rows = statement.query([]).unwrap();
    let mut count = 0;
    while let Some(row) = rows.next().unwrap() {
        for column in 0..width {
            std::hint::black_box(row.get_ref(column).unwrap());
        }
        count += 1;
    }
    count
}

/// A query of the program, in a process of its own.
fn named(path: &Path, name: &str) {
    let status = Command::new(env!("CARGO_BIN_EXE_mava-export"))
        .args(["query", "--named", name, "--json", "--quiet", "--from"])
        .arg(format!("sqlite:{}", path.display()))
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success());
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let began = Instant::now();
    let done = work();
    (done, began.elapsed().as_secs_f64())
}

fn best<T>(mut work: impl FnMut() -> T) -> (T, f64) {
    let mut best = timed(&mut work);
    for _ in 1..TIMES {
        let next = timed(&mut work);
        if next.1 < best.1 {
            best = next;
        }
    }
    best
}

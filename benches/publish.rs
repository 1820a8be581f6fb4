//! What a publish takes, held against DuckDB's own copy of the same file, and what a nightly
//! snapshot costs: `cargo bench --bench publish`
//!
//! `-- 20000` makes a desk of so many tickets. For the comparison, the Python that
//! `DUCKDB_PYTHON` names needs duckdb 1.5.5 and duckdb-extension-sqlite-scanner.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a measurement prints, and stops where it cannot measure"
)]

#[path = "desk/mod.rs"]
mod desk;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use mava_export::settings::MetricsSettings;
use mava_export::simulator::{Simulator, SimulatorSpec, World, WorldSpec};
use mava_export::window;

use self::desk::backfill;

const RUNS: usize = 3;

fn main() {
    let tickets = std::env::args()
        .skip(1)
        .find_map(|word| word.parse().ok())
        .unwrap_or(100_000);
    let folder = tempfile::tempdir().unwrap();
    let until = window::parse("2026-01-01").unwrap();
    let simulator = Simulator::start_apart(SimulatorSpec::new(World::generate(&WorldSpec {
        tickets,
        from: window::parse("2023-01-01").unwrap(),
        until,
        mean_messages: 10.0,
        ..WorldSpec::default()
    })))
    .unwrap();
    let store = folder.path().join("support.db");
    backfill(&simulator, &store, MetricsSettings::default());
    let size = std::fs::metadata(&store).unwrap().len();
    println!("{tickets} tickets, {size} bytes of SQLite");

    let mut ours = f64::MAX;
    let mut bytes = 0;
    for run in 0..RUNS {
        let directory = folder.path().join(format!("desk-{run}"));
        let (published, seconds, peak) = publish(&store, &directory);
        bytes = published["bytes_written"].as_u64().unwrap();
        ours = ours.min(seconds);
        println!(
            "publish: {seconds:.2} s, {bytes} bytes, {} rows, peak {} MB",
            published["rows"],
            peak / 1000
        );
    }
    if let Some(python) = std::env::var_os("DUCKDB_PYTHON") {
        for variant in ["plain", "typed"] {
            let mut theirs = f64::MAX;
            let mut size = 0.0;
            for run in 0..RUNS {
                let directory = folder.path().join(format!("duckdb-{variant}-{run}"));
                let output = Command::new(&python)
                    .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/duckdb_copy.py"))
                    .args([store.as_path(), &directory])
                    .arg(variant)
                    .stderr(Stdio::inherit())
                    .output()
                    .unwrap();
                let text = String::from_utf8(output.stdout).unwrap();
                let numbers: Vec<f64> = text
                    .split(' ')
                    .filter_map(|one| one.trim().parse().ok())
                    .collect();
                theirs = theirs.min(numbers[0]);
                size = numbers[1];
                println!(
                    "DuckDB, {variant}: {:.2} s, {size} bytes, peak {:.0} MB",
                    numbers[0],
                    numbers[2] / 1000.0
                );
            }
            println!(
                "  best of {RUNS}: time {:.2} x, size {:.2} x",
                ours / theirs,
                bytes as f64 / size
            );
        }
    }

    // Half a percent of all tickets changed, all of them of the last 60 days.
    let since = until - chrono::TimeDelta::days(60);
    let changed = simulator.with_world(|world| {
        let ids: Vec<String> = world
            .tickets()
            .filter(|ticket| ticket.created_at >= since)
            .map(|ticket| ticket.id.clone())
            .collect();
        let step = (ids.len() / (tickets / 200)).max(1);
        let ids: Vec<&String> = ids.iter().step_by(step).take(tickets / 200).collect();
        for id in &ids {
            world.edit(id, |ticket| {
                ticket.status = "Reopened".into();
                ticket.messages.pop();
            });
        }
        ids.len()
    });
    backfill(&simulator, &store, MetricsSettings::default());
    let directory = folder.path().join("desk-0");
    let (published, seconds, peak) = publish(&store, &directory);
    let written = published["bytes_written"].as_u64().unwrap();
    let unchanged = published["bytes_unchanged"].as_u64().unwrap();
    println!(
        "{changed} tickets changed: {seconds:.2} s, {written} of {} bytes written ({:.1} %), peak {} MB",
        written + unchanged,
        100.0 * written as f64 / (written + unchanged) as f64,
        peak / 1000
    );
    backfill(&simulator, &store, MetricsSettings::default());
    let (published, seconds, _) = publish(&store, &directory);
    println!(
        "nothing changed: {seconds:.2} s, {} bytes written",
        published["bytes_written"]
    );
}

/// The command in a process of its own: what it says, its seconds, and its peak memory in kB.
fn publish(store: &Path, directory: &Path) -> (serde_json::Value, f64, u64) {
    let began = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_mava-export"))
        .args(["publish", "--json", "--quiet", "--from"])
        .arg(format!("sqlite:{}", store.display()))
        .arg("--to")
        .arg(format!("parquet:{}", directory.display()))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let number = line.and_then(|line| line.trim().split(' ').next()?.parse().ok());
        peak = peak.max(number.unwrap_or(0));
        std::thread::sleep(Duration::from_millis(5));
    }
    let seconds = began.elapsed().as_secs_f64();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    (
        serde_json::from_slice(&output.stdout).unwrap(),
        seconds,
        peak,
    )
}

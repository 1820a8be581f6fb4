//! Measures whole backfills, and syncs of what they copied: the real binary as a child process against the simulated API in this
//! one, over loopback.
//!
//! ```text
//! cargo bench --bench backfill                # engine and requests: about two minutes
//! cargo bench --bench backfill -- engine      # limit lifted: tickets/s, MB/s, memory, processor time
//! cargo bench --bench backfill -- history     # a long history: memory must not grow with it
//! cargo bench --bench backfill -- unchanged   # a sync of 100,000 tickets with threads, nothing changed
//! cargo bench --bench backfill -- requests    # what paging costs against the least possible
//! cargo bench --bench backfill -- budget      # the real limit at 50 ms and at 1.5 s: six minutes
//! ```
#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    reason = "a measurement prints, and stops where it cannot measure"
)]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use mava_export::simulator::{RateLimit, Simulator, SimulatorSpec, World, WorldSpec};
use mava_export::window;

/// Start of the simulated desk.
const SINCE: &str = "2023-01-01";

/// Its end.
const UNTIL: &str = "2026-01-01";

/// The command that copies it.
const BACKFILL: &[&str] = &["backfill", "--since", SINCE, "--until", UNTIL];

fn main() {
    let asked: Vec<String> = std::env::args()
        .skip(1)
        .filter(|arg| !arg.starts_with("--"))
        .collect();
    let wants = |name: &str, by_default: bool| {
        if asked.is_empty() {
            by_default
        } else {
            asked.iter().any(|arg| arg == name)
        }
    };
    if wants("engine", true) {
        engine();
    }
    if wants("requests", true) {
        requests();
    }
    if wants("history", false) {
        history();
    }
    if wants("unchanged", false) {
        unchanged();
    }
    if wants("budget", false) {
        budget(Duration::from_millis(50));
        budget(Duration::from_millis(1_500));
    }
}

/// 20,000 tickets into a fresh store with the limit lifted, pages rendered beforehand.
fn engine() {
    println!("engine: limit lifted, pages rendered beforehand, five runs");
    let simulator = simulator(world(20_000, 6.0), |spec| spec.is_prerendered = true);
    for _ in 0..5 {
        measure(&simulator, &["--rate-limit", "none"]).print();
    }
}

/// A quarter and the whole of 100,000 tickets with a million messages.
fn history() {
    println!("history: limit lifted, pages rendered beforehand");
    for tickets in [25_000, 100_000] {
        let simulator = simulator(world(tickets, 10.0), |spec| spec.is_prerendered = true);
        measure(&simulator, &["--rate-limit", "none"]).print();
    }
}

/// A full read by a sync of 100,000 tickets with half a million messages, and with a million, of which none
/// has changed.
fn unchanged() {
    for mean_messages in [5.0, 10.0] {
        println!(
            "unchanged: 100,000 tickets with {mean_messages} messages, limit lifted, pages rendered beforehand"
        );
        let simulator = simulator(world(100_000, mean_messages), |spec| {
            spec.is_prerendered = true;
        });
        let copy = Copy::new();
        copy.run(&simulator, BACKFILL, &["--rate-limit", "none"])
            .print();
        for _ in 0..3 {
            copy.run(&simulator, &["sync"], &["--rate-limit", "none"])
                .print();
        }
    }
}

/// Requests for 100,000 tickets over three years, against one per hundred tickets and two per
/// window; with a latency that keeps all lanes busy.
fn requests() {
    println!("requests: 100,000 tickets over three years, without messages, 16 lanes");
    let simulator = simulator(world(100_000, 1.0), |spec| {
        spec.latency = Duration::from_millis(30);
    });
    let run = measure(
        &simulator,
        &["--rate-limit", "9000/1s", "--lanes", "16", "--no-messages"],
    );
    let range = window::Window::new(at(SINCE), at(UNTIL)).expect("a range");
    let windows = range.split_by_year();
    let least: usize = windows
        .iter()
        .map(|window| {
            let held = simulator.with_world(|world| {
                world
                    .tickets()
                    .filter(|ticket| window.contains(ticket.created_at))
                    .count()
            });
            held.div_ceil(100)
        })
        .sum();
    let allowed = 1.03 * least as f64 + 3.0 * windows.len() as f64;
    println!(
        "  {} requests; least possible {least}; 1.03 × that + 3 per window = {allowed:.0}",
        run.requests
    );
}

/// The documented limit over a long stretch at one latency.
fn budget(latency: Duration) {
    let tickets = 44_000;
    println!("budget: 90 requests in 30 s, latency {latency:?}, {tickets} tickets");
    let simulator = simulator(world(tickets, 1.0), |spec| {
        spec.rate_limit = Some(RateLimit::documented());
        spec.latency = latency;
    });
    measure(&simulator, &["--rate-limit", "90/30s"]).print();
    let arrivals: Vec<Instant> = simulator
        .requests()
        .into_iter()
        .map(|request| request.arrived_at)
        .collect();
    let first = *arrivals.first().expect("requests were sent");
    // The request that opens the last whole span marks how long the spans before it took.
    let spans = (arrivals.len() - 1) / 90;
    let took = *arrivals.get(spans * 90).expect("counted") - first;
    let share = 30.0 * spans as f64 / took.as_secs_f64();
    println!(
        "  {} requests, {} answered 429; {spans} spans of 90 took {:.2} s: {:.2} % of what the limit allows",
        arrivals.len(),
        simulator.count_429(),
        took.as_secs_f64(),
        100.0 * share
    );
}

fn world(tickets: usize, mean_messages: f64) -> World {
    World::generate(&WorldSpec {
        seed: 1,
        tickets,
        from: at(SINCE),
        until: at(UNTIL),
        mean_messages,
    })
}

fn at(text: &str) -> mava_export::table::Instant {
    window::parse(text).expect("an instant")
}

fn simulator(world: World, change: impl FnOnce(&mut SimulatorSpec)) -> Simulator {
    let mut spec = SimulatorSpec::new(world);
    change(&mut spec);
    Simulator::start_apart(spec).expect("a simulator")
}

/// One measured run.
struct Run {
    seconds: f64,
    tickets: u64,
    rows: i64,
    bytes: f64,
    requests: u64,
    peak_kib: u64,
    threads: BTreeMap<String, f64>,
}

impl Run {
    fn print(&self) {
        let threads: Vec<String> = self
            .threads
            .iter()
            .map(|(name, seconds)| format!("{name} {seconds:.2} s"))
            .collect();
        println!(
            "  {:.2} s: {} tickets, {} rows, {:.1} MB; {:.0} tickets/s, {:.1} MB/s, peak {:.1} MB; processor time: {}",
            self.seconds,
            self.tickets,
            self.rows,
            self.bytes / 1e6,
            self.tickets as f64 / self.seconds,
            self.bytes / 1e6 / self.seconds,
            self.peak_kib as f64 * 1_024.0 / 1e6,
            threads.join(", "),
        );
    }
}

/// Runs a backfill into a fresh store and watches the process.
fn measure(simulator: &Simulator, flags: &[&str]) -> Run {
    Copy::new().run(simulator, BACKFILL, flags)
}

/// A place for a store, and for what the runs into it share.
struct Copy(tempfile::TempDir);

impl Copy {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a directory"))
    }

    /// Runs a command into the store and watches the process.
    fn run(&self, simulator: &Simulator, words: &[&str], flags: &[&str]) -> Run {
        simulator.clear_requests();
        let store = self.0.path().join("support.db");
        let began = Instant::now();
        let child = Command::new(env!("CARGO_BIN_EXE_mava-export"))
            .args(words)
            .args(["--json", "-qq"])
            .args(flags)
            .arg("--to")
            .arg(format!("sqlite:{}", store.display()))
            .env_clear()
            .env("MAVA_BASE_URL", simulator.base_url())
            .env("MAVA_API_KEY", simulator.api_key())
            .env("MAVA_EXPORT_STATE_DIR", self.0.path().join("state"))
            .stdout(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let (peak_kib, threads) = watch(&child);
        let output = child.wait_with_output().expect("the binary ends");
        let seconds = began.elapsed().as_secs_f64();
        assert!(
            output.status.success(),
            "{words:?} ended with {}",
            output.status
        );
        let summary: serde_json::Value = serde_json::from_slice(&output.stdout).expect("a summary");
        let number = |name: &str| {
            summary
                .get(name)
                .and_then(serde_json::Value::as_u64)
                .unwrap_or(0)
        };
        Run {
            seconds,
            tickets: number("tickets_stored"),
            rows: rows(&store),
            bytes: number("bytes") as f64,
            requests: number("requests"),
            peak_kib,
            threads,
        }
    }
}

/// Rows in the tables for people.
fn rows(store: &Path) -> i64 {
    let sqlite = rusqlite::Connection::open(store).expect("the store opens");
    mava_export::table::TABLES
        .iter()
        .map(|table| {
            let sql = format!("SELECT count(*) FROM {}", table.name);
            sqlite
                .query_row(&sql, [], |row| row.get::<_, i64>(0))
                .expect("a count")
        })
        .sum()
}

/// Peak memory in KiB and processor seconds by thread name, from `/proc`, until the child ends.
fn watch(child: &Child) -> (u64, BTreeMap<String, f64>) {
    let process = Path::new("/proc").join(child.id().to_string());
    let mut peak_kib = 0;
    let mut threads: BTreeMap<String, f64> = BTreeMap::new();
    loop {
        let status = std::fs::read_to_string(process.join("status")).unwrap_or_default();
        let Some(peak) = status.lines().find_map(|line| line.strip_prefix("VmHWM:")) else {
            // A process that has ended has no memory.
            return (peak_kib, threads);
        };
        let peak = peak.trim().trim_end_matches(" kB").parse().unwrap_or(0);
        peak_kib = peak_kib.max(peak);
        // A thread that has ended keeps the last figure seen of it.
        threads.extend(processor_seconds(&process).unwrap_or_default());
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// `utime` + `stime` of each thread, summed by name, at the usual 100 ticks a second.
fn processor_seconds(process: &Path) -> Option<BTreeMap<String, f64>> {
    let mut threads = BTreeMap::new();
    for task in std::fs::read_dir(process.join("task")).ok()? {
        let stat = std::fs::read_to_string(task.ok()?.path().join("stat")).ok()?;
        let (name, rest) = stat.split_once('(')?.1.rsplit_once(") ")?;
        let ticks: f64 = rest
            .split(' ')
            .skip(11)
            .take(2)
            .filter_map(|field| field.parse::<f64>().ok())
            .sum();
        *threads.entry(name.to_owned()).or_insert(0.0) += ticks / 100.0;
    }
    (!threads.is_empty()).then_some(threads)
}

//! Long runs that look for what short ones do not meet: `make soak`, or a part of it.
//!
//! ```text
//! cargo bench --bench soak -- all       # the three parts, one after the other
//! cargo bench --bench soak -- kills     # SIGKILLs of backfill, sync, publish and repair, 200 each
//! cargo bench --bench soak -- fuzz      # pages, mutated, through decoding and normalising: one CPU-hour
//! cargo bench --bench soak -- model     # cases of the model test
//! cargo bench --bench soak -- replay FILE…    # inputs that failed, once more
//! ```
//!
//! `SOAK_MINUTES` bounds the whole, 90 unless set. Each part says how much it did; the exit code
//! is 1 where anything failed.
#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test that is its own program"
)]

mod cases;
mod fuzz;
mod kills;
mod model;
mod store;

#[path = "../../tests/it/support/mod.rs"]
#[expect(dead_code, unused_imports, reason = "what the tests need besides")]
mod support;

use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Minutes that everything takes at most, unless told otherwise.
const MINUTES: u64 = 90;

/// Processor time of the fuzzing, at most.
const FUZZ: Duration = Duration::from_secs(3_600);

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with("--"))
        .collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let began = Instant::now();
    let whole = minutes();
    let failures = match words.as_slice() {
        ["fuzz-process", rest @ ..] => return fuzz::process(rest),
        ["replay", files @ ..] => fuzz::replay(files),
        ["kills"] => kills::run(began + whole),
        ["fuzz"] => fuzz::run(FUZZ.min(whole * 2)),
        ["model"] => cases::run(began + whole),
        ["all"] => {
            kills::run(began + whole / 3)
                + fuzz::run(FUZZ.min(whole * 2 / 3))
                + cases::run(began + whole)
        }
        _ => {
            println!("soak: name a part: all, kills, fuzz, model, or replay FILE");
            return ExitCode::SUCCESS;
        }
    };
    let minutes = began.elapsed().as_secs_f64() / 60.0;
    println!("soak: {failures} failures in {minutes:.1} minutes");
    match failures {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

fn minutes() -> Duration {
    let given = std::env::var("SOAK_MINUTES").ok();
    let minutes = given.map_or(MINUTES, |text| {
        text.parse().expect("SOAK_MINUTES is a number")
    });
    Duration::from_secs(60 * minutes)
}

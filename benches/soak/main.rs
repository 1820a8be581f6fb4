//! Long runs that look for what short ones do not meet: `make soak`, or a part of it.
//!
//! ```text
//! cargo bench --bench soak -- all       # the four parts, one after the other
//! cargo bench --bench soak -- kills     # SIGKILLs of backfill, sync, publish and repair, 200 each
//! cargo bench --bench soak -- kills repair 20     # of one of them, 20
//! cargo bench --bench soak -- fuzz      # pages, mutated, through decoding and normalising: one CPU-hour
//! cargo bench --bench soak -- model     # cases of the model test
//! cargo bench --bench soak -- nights    # desks of 5,000 and 50,000 tickets, thirty nights of each
//! cargo bench --bench soak -- replay FILE…    # inputs that failed, once more
//! ```
//!
//! `SOAK_MINUTES` bounds the whole, 90 unless set. `SOAK_AT_ONCE` says how many threads kill and how many
//! processes fuzz at once, 2 unless set. Each part says how much it did; the exit code is 1 where
//! anything failed.
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

#[path = "../../tests/it/nights.rs"]
mod nights;

#[path = "../../tests/it/support/mod.rs"]
#[expect(dead_code, unused_imports, reason = "what the tests need besides")]
mod support;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Minutes that everything takes at most, unless told otherwise.
const MINUTES: u64 = 90;

/// Threads that kill and processes that fuzz at once, unless told otherwise.
const AT_ONCE: u64 = 2;

/// Tickets of the desks that are followed night after night.
const NIGHTLY_TICKETS: [usize; 2] = [5_000, 50_000];

/// Processor time of the fuzzing, at most.
const FUZZ: Duration = Duration::from_secs(3_600);

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with("--"))
        .collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let began = Instant::now();
    let whole = Duration::from_secs(60 * number("SOAK_MINUTES", MINUTES));
    let at_once = u32::try_from(number("SOAK_AT_ONCE", AT_ONCE)).expect("few");
    let failures = match words.as_slice() {
        ["fuzz-process", rest @ ..] => return fuzz::process(rest),
        ["replay", files @ ..] => Some(fuzz::replay(files)),
        ["kills", words @ ..] => kills::run(words, began + whole, at_once),
        ["fuzz"] => Some(fuzz::run(FUZZ.min(whole * at_once), at_once)),
        ["model"] => Some(cases::run(began + whole)),
        ["nights"] => Some(follow(began + whole)),
        ["all"] => kills::run(&[], began + whole / 3, at_once).map(|failures| {
            failures
                + fuzz::run(FUZZ.min(whole * at_once / 3), at_once)
                + follow(began + whole)
                + cases::run(began + whole)
        }),
        _ => None,
    };
    let Some(failures) = failures else {
        println!(
            "soak: name a part: all, kills (and backfill, sync, publish or repair, and how often), fuzz, \
             model, nights, or replay FILE"
        );
        // All benches at once come without words.
        return match words.is_empty() {
            true => ExitCode::SUCCESS,
            false => ExitCode::FAILURE,
        };
    };
    let minutes = began.elapsed().as_secs_f64() / 60.0;
    println!("soak: {failures} failures in {minutes:.1} minutes");
    match failures {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

/// Follows desks for thirty nights each, as long as there is time; gives how many went wrong.
fn follow(deadline: Instant) -> usize {
    let mut failures = 0;
    for tickets in NIGHTLY_TICKETS {
        if Instant::now() >= deadline {
            println!("nights: no time is left for {tickets} tickets");
            continue;
        }
        let began = Instant::now();
        let desk = nights::Nights {
            seed: 1,
            tickets,
            days: 700,
            nights: 30,
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let followed = AssertUnwindSafe(|| runtime.block_on(desk.follow()));
        let end = match catch_unwind(followed) {
            Ok(deleted) => format!("equal after each of 30 nights, {deleted} deleted"),
            Err(_) => {
                failures += 1;
                "not equal, see above".to_owned()
            }
        };
        let seconds = began.elapsed().as_secs_f64();
        println!("nights: {tickets} tickets: {end}, {seconds:.0} s");
    }
    failures
}

/// The number in a variable, from 1 on.
fn number(variable: &str, unless_set: u64) -> u64 {
    let given = std::env::var(variable).ok();
    let number = given.map_or(unless_set, |text| {
        text.parse()
            .unwrap_or_else(|_| panic!("{variable} is a number"))
    });
    assert!(number > 0, "{variable} is not 0");
    number
}

//! Cases of the model test, as many as fit.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::model::case::Command;
use crate::model::tally::Tally;

const COMMANDS: [Command; 4] = [
    Command::Backfill,
    Command::Sync,
    Command::Verify,
    Command::Repair,
];

/// How often it says how far it is.
const TELL_EVERY: Duration = Duration::from_secs(300);

/// Cases that went wrong told in full.
const SHOWN: usize = 20;

/// Carries out cases until the time is over; gives how many faults there were.
pub(crate) fn run(deadline: Instant) -> usize {
    let seed = std::env::var("MAVA_MODEL_SEED").ok();
    let seed: u64 = seed.map_or_else(rand::random, |text| text.parse().expect("a number"));
    let only = std::env::var("MAVA_MODEL_COMMAND").ok();
    let commands: Vec<Command> = COMMANDS
        .into_iter()
        .filter(|command| only.as_deref().is_none_or(|only| only == command.word()))
        .collect();
    assert!(!commands.is_empty(), "MAVA_MODEL_COMMAND names no command");
    let most = std::env::var("MAVA_MODEL_CASES").ok();
    let most: u64 = most.map_or(u64::MAX, |text| text.parse().expect("a number"));
    let began = Instant::now();
    // Some wait while others work.
    let workers = std::thread::available_parallelism().map_or(1, usize::from) + 1;
    let (next, tally) = (AtomicU64::new(0), Mutex::new(Tally::default()));
    let told = Mutex::new(began);
    println!("model: cases from seed {seed} on, {workers} at a time");
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while Instant::now() < deadline {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= most {
                        break;
                    }
                    let place = number % commands.len() as u64;
                    let place = usize::try_from(place).expect("small");
                    let one = Tally::of(commands[place], seed.wrapping_add(number));
                    let mut tally = tally.lock().expect("no panic before");
                    if tally.wrong.len() < SHOWN {
                        one.wrong.iter().for_each(|wrong| println!("{wrong}\n"));
                    }
                    tally.add(one);
                    let mut told = told.lock().expect("no panic before");
                    if told.elapsed() >= TELL_EVERY {
                        *told = Instant::now();
                        println!(
                            "model: {} cases so far, {} wrong",
                            tally.cases(),
                            tally.wrong.len()
                        );
                    }
                }
            });
        }
    });
    let tally = tally.into_inner().expect("no panic before");
    let minutes = began.elapsed().as_secs_f64() / 60.0;
    println!(
        "model: {} cases in {minutes:.1} minutes\n{}",
        tally.cases(),
        tally.table()
    );
    for line in tally.cautious.iter().take(SHOWN) {
        println!("not complete: {line}");
    }
    let faults = tally.faults();
    for fault in faults.iter().skip(tally.wrong.len()) {
        println!("{fault}");
    }
    for fault in &tally.wrong {
        println!(
            "{}",
            fault
                .lines()
                .find(|line| line.starts_with("again"))
                .unwrap_or(fault)
        );
    }
    faults.len()
}

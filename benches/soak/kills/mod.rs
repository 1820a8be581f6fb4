//! SIGKILL at any point, then the same command again: as if nothing had happened.
//!
//! After each kill the file must be readable, and no row may name one that is not there but those that
//! did before: a repair that is killed has not mended all yet. The next run must end complete, every row of
//! every table for people must be that of an undisturbed run and the one that was written, the server
//! must have seen no request beyond its limit, and the snapshot that `current` names must be whole.

mod filled;
mod publish;

#[path = "../../../tests/it/publish/support.rs"]
#[expect(dead_code, reason = "what the tests need besides")]
mod images;
#[path = "../../../tests/it/process/stored.rs"]
mod stored;
#[path = "../../../tests/it/process/support.rs"]
#[expect(dead_code, reason = "what the tests need besides")]
mod support;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Command;
use std::sync::Mutex;
use std::time::Instant;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use self::support::Place;

/// Kills of each command, unless told otherwise.
const KILLS: usize = 200;

/// What came of a command's kills.
#[derive(Debug, Default)]
struct Told {
    done: usize,
    /// Of them, before the command had ended by itself.
    killed: usize,
    failures: Vec<String>,
}

/// A command that is killed again and again.
trait Victim: Sized {
    const NAME: &'static str;

    /// Makes what each kill begins with, and runs the command undisturbed.
    fn new() -> Self;

    /// Kills once and looks at what is left; gives whether it was killed before its end.
    ///
    /// # Panics
    /// Where anything is not as it should be.
    fn kill(&mut self, random: &mut StdRng, number: usize) -> bool;
}

/// How a command is killed again and again, until then and by so many at once.
type Killing = fn(Instant, u32, usize) -> usize;

/// The commands, each with the word for it.
const COMMANDS: [(&str, Killing); 4] = [
    ("backfill", kill::<filled::Backfill>),
    ("sync", kill::<filled::Sync>),
    ("publish", kill::<publish::Publish>),
    ("repair", kill::<filled::Repair>),
];

/// Kills each command, or those that are named, as often as a number among the words says, by so many
/// threads at once, each on a desk of its own; gives how many kills failed. `None` where a word is neither.
pub(crate) fn run(words: &[&str], deadline: Instant, at_once: u32) -> Option<usize> {
    let (mut kills, mut chosen) = (KILLS, Vec::new());
    for word in words {
        match COMMANDS.iter().find(|(name, _)| name == word) {
            Some(command) => chosen.push(command),
            None => kills = word.parse().ok()?,
        }
    }
    if chosen.is_empty() {
        chosen = COMMANDS.iter().collect();
    }
    let mut failures = 0;
    for (place, (_, killing)) in chosen.iter().enumerate() {
        // What is left over when one is done early is the others'.
        let now = Instant::now();
        let left = u32::try_from(chosen.len() - place).expect("few");
        let share = deadline.saturating_duration_since(now) / left;
        failures += killing(now + share, at_once, kills);
    }
    Some(failures)
}

fn kill<V: Victim>(deadline: Instant, at_once: u32, kills: usize) -> usize {
    let threads = usize::try_from(at_once).expect("few");
    let seed: u64 = rand::random();
    let began = Instant::now();
    let told = Mutex::new(Told::default());
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let told = &told;
            scope.spawn(move || {
                let mine = (0..kills).filter(|number| number % threads == thread);
                let Some(mut victim) = caught(V::NAME, told, "to begin with", V::new) else {
                    return;
                };
                for number in mine {
                    if Instant::now() >= deadline {
                        break;
                    }
                    let seed = seed.wrapping_add(number as u64);
                    let mut random = StdRng::seed_from_u64(seed);
                    let what = format!("kill {number} of seed {seed}");
                    let ended = caught(V::NAME, told, &what, || victim.kill(&mut random, number));
                    let mut told = told.lock().expect("no panic before");
                    told.done += 1;
                    told.killed += usize::from(ended == Some(true));
                }
            });
        }
    });
    let mut told = told.into_inner().expect("no panic before");
    // Else it is the ends of commands that were looked at.
    if told.killed * 2 < told.done {
        let words = format!("{} of {} kills came before its end", told.killed, told.done);
        println!("kills: {}: {words}", V::NAME);
        told.failures.push(words);
    }
    println!(
        "kills: {}: {} of {kills} kills in {:.0} s, {} before its end, {} failures",
        V::NAME,
        told.done,
        began.elapsed().as_secs_f64(),
        told.killed,
        told.failures.len()
    );
    told.failures.len()
}

/// What `act` gives; where it panics, that is told and kept as a failure.
fn caught<T>(name: &str, told: &Mutex<Told>, what: &str, act: impl FnOnce() -> T) -> Option<T> {
    let panic = match catch_unwind(AssertUnwindSafe(act)) {
        Ok(value) => return Some(value),
        Err(panic) => panic,
    };
    let words = panic.downcast_ref::<String>().cloned();
    let words = words.or_else(|| panic.downcast_ref::<&str>().map(|&text| text.to_owned()));
    let words = words.unwrap_or_else(|| "it panicked".to_owned());
    println!("kills: {name}, {what}: {words}");
    told.lock().expect("no panic before").failures.push(words);
    None
}

/// A place that holds what another does.
fn copy(place: &Place) -> Place {
    let copied = Place::new();
    let status = Command::new("cp")
        .arg("-a")
        .arg(place.root().join("."))
        .arg(copied.root())
        .status();
    assert!(status.expect("cp starts").success());
    copied
}

/// A tenth of the kills comes at any moment from the start on, the rest after a request: most of them
/// after one `from` which on the command writes, others after any.
fn request(random: &mut StdRng, number: usize, from: usize, until: usize) -> Option<u64> {
    let from = match number % 10 {
        1 | 2 => 1,
        _ => from,
    };
    let request = random.random_range(from..until.max(from + 1));
    (!number.is_multiple_of(10)).then(|| u64::try_from(request).expect("few"))
}

//! Limits that the system sets to a process (`ulimit`): looked at before anything is begun, since
//! libraries below end the process where they meet one.
#![expect(
    clippy::disallowed_methods,
    reason = "files are opened to see whether they can be"
)]

use std::fs::File;
use std::io;
use std::panic::PanicHookInfo;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, mpsc};
use std::thread::Builder;

use rustix::fs::statvfs;

use crate::error::{Error, Result};

/// Files that the smallest command holds open: the store with its side files, and those of a library.
const FILES: usize = 16;

/// Files of a command that talks to the API or publishes: sixteen lanes, the store, the ledger and a
/// few of the runtime; or the files of two tables with those of the parent.
const FILES_OF_RUN: usize = 64;

/// Threads beside those of the runtime: the writer, looking up of names, two that publish, and those
/// that do what blocks.
const THREADS: usize = 8;

/// Memory that has to be left beside the threads: what a run of a few tickets takes. With less, whichever
/// library asks next ends the process, and not every one says why.
const ROOM_BYTES: usize = 32 << 20;

/// The stack of the main thread, whatever `ulimit -s` says of the one that the system made.
const STACK_BYTES: usize = 8 << 20;

/// A process or the whole system has no file left to open: `EMFILE`, `ENFILE`.
const NO_FILES: [i32; 2] = [24, 23];

/// Set once a file met the limit on its size.
static FILE_SIZE_MET: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// From now on a write beyond `ulimit -f` fails like any other: the signal that goes with it would
/// end the process without a word.
pub fn outlive_file_size() {
    let met = Arc::clone(FILE_SIZE_MET.get_or_init(Arc::default));
    #[cfg(unix)]
    // Where the system refuses, it stays as it was.
    let _ = signal_hook::flag::register(signal_hook::consts::SIGXFSZ, met);
    #[cfg(not(unix))]
    drop(met);
}

/// Whether a file met the limit on its size.
pub fn is_file_size_met() -> bool {
    FILE_SIZE_MET
        .get()
        .is_some_and(|met| met.load(Ordering::Relaxed))
}

/// Why a file system takes no more of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Full {
    /// All its space is taken.
    Space,
    /// It has space, but no inode for another file.
    Files,
    /// What one user may take of it is taken.
    Quota,
}

impl Full {
    /// Why `error` came of writing the file at `path`; `None` where it is another matter.
    pub(crate) fn of(path: &Path, error: &io::Error) -> Option<Self> {
        match error.kind() {
            io::ErrorKind::QuotaExceeded => Some(Self::Quota),
            io::ErrorKind::StorageFull if lacks_inodes(path) => Some(Self::Files),
            io::ErrorKind::StorageFull => Some(Self::Space),
            _ => None,
        }
    }

    /// That the file at `path` cannot be written because of it.
    pub(crate) fn message(self, path: &Path) -> String {
        let shown = path.display();
        match self {
            Self::Space => format!("no space left to write {shown}"),
            Self::Files => format!(
                "no inode left to write {shown}: the file system holds as many files as it can, although it has space"
            ),
            Self::Quota => format!("the disk quota leaves no space to write {shown}"),
        }
    }

    /// What makes room again.
    pub(crate) fn way_out(self) -> &'static str {
        match self {
            Self::Space => "free some disk space",
            Self::Files => {
                "remove files that nobody needs from that file system (df -i shows how many it can hold)"
            }
            Self::Quota => {
                "free some space of this user's, or have the quota raised (quota -s shows it)"
            }
        }
    }
}

/// Whether the file system that `path` is or would be on has no inode left. One that makes them as it
/// needs them says it has none at all.
pub(crate) fn lacks_inodes(path: &Path) -> bool {
    let mut places = path
        .ancestors()
        .map(|place| match place.as_os_str().is_empty() {
            true => Path::new("."),
            false => place,
        });
    let found = places.find_map(|place| statvfs(place).ok());
    found.is_some_and(|found| found.f_files > 0 && found.f_favail == 0)
}

/// Runs `work` on a thread with room enough, and returns what it comes to.
///
/// # Errors
/// The system gives no thread, or `work` broke down.
pub fn on_main_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    std::panic::set_hook(Box::new(|broken| tracing::error!("{}", breakdown(broken))));
    let thread = Builder::new()
        .name("main".to_owned())
        .stack_size(STACK_BYTES)
        .spawn(work)
        .map_err(no_threads)?;
    thread.join().map_err(|_| {
        Error::failed("mava-export stopped because of a mistake in the program")
            .help("what was stored is safe: run the same command again")
    })
}

/// That so few files as any command needs can be opened.
///
/// # Errors
/// They cannot.
pub fn check_files() -> Result<()> {
    files(FILES)
}

/// That a command with a runtime gets its files, its threads, and some memory beside them.
///
/// # Errors
/// It does not.
pub(crate) fn check_run(workers: usize) -> Result<()> {
    files(FILES_OF_RUN)?;
    threads(workers.saturating_add(THREADS))
}

/// What is logged of a part that broke down: where, and in a library's or our own words why.
fn breakdown(broken: &PanicHookInfo<'_>) -> String {
    let place = broken.location().map_or_else(String::new, |place| {
        format!(" at {}:{}", place.file(), place.line())
    });
    let why = broken.payload_as_str().unwrap_or("no reason given");
    format!("a part of mava-export broke down{place}: {why}")
}

fn files(least: usize) -> Result<()> {
    let mut open = Vec::with_capacity(least);
    for _ in 0..least {
        match File::open(Path::new("/dev/null")) {
            Ok(file) => open.push(file),
            Err(error)
                if error
                    .raw_os_error()
                    .is_some_and(|code| NO_FILES.contains(&code)) =>
            {
                return Err(Error::usage(format!(
                    "only {} more files may be opened, and mava-export needs {least}",
                    open.len()
                ))
                .because(error)
                .help("raise the limit before the command: ulimit -n 256"));
            }
            // Not our question.
            Err(_) => return Ok(()),
        }
    }
    Ok(())
}

/// Starts so many threads that wait for each other, as a runtime would, and looks for room beside them.
fn threads(least: usize) -> Result<()> {
    let (end, ended) = mpsc::channel::<()>();
    let ended = Mutex::new(ended);
    let mut has_room = Ok(());
    std::thread::scope(|scope| {
        let started = (0..least).try_for_each(|_| {
            Builder::new()
                .spawn_scoped(scope, || {
                    // An error: nobody is left to send.
                    let _ = ended.lock().unwrap_or_else(PoisonError::into_inner).recv();
                })
                .map(drop)
        });
        has_room = room(ROOM_BYTES);
        drop(end);
        started
    })
    .map_err(no_threads)?;
    has_room
}

/// That so many bytes can be had. They are given back.
fn room(bytes: usize) -> Result<()> {
    let mut room = Vec::<u8>::new();
    // Kept from being left out, since nobody uses it.
    std::hint::black_box(&mut room)
        .try_reserve_exact(bytes)
        .map_err(|error| {
            Error::usage("the system gives mava-export too little memory")
                .because(error)
                .help("raise the limit before the command: ulimit -v (memory)")
        })
}

fn no_threads(error: io::Error) -> Error {
    Error::usage("the system gives mava-export no more threads")
        .because(error)
        .help("raise the limits before the command: ulimit -u (processes) and ulimit -v (memory)")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn too_little_memory_is_told_and_not_died_of() {
        room(ROOM_BYTES).expect("there is so much");
        let error = room(isize::MAX.unsigned_abs()).expect_err("nobody has so much");
        assert_eq!(error.kind(), ErrorKind::Usage);
        assert!(
            error
                .help_text()
                .is_some_and(|help| help.contains("ulimit -v"))
        );
    }
}

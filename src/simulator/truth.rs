//! The truth on disk: a file that tells each change of a desk that lives on.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use chrono::{TimeDelta, Timelike};

use super::world::{Changes, World};
use crate::derived::{self, Refusal};
use crate::error::{Error, Result};
use crate::limits::Full;
use crate::table::Instant;

/// Permissions before the umask: nothing in it is of a real desk.
const MODE: u32 = 0o666;

/// A file of lines of JSON. Only whole lines are in it.
#[derive(Debug)]
pub struct Truth {
    path: PathBuf,
    file: File,
    /// Bytes of whole lines.
    length: u64,
    /// What happened before is told.
    until: Instant,
}

impl Truth {
    /// Begins the file at `path`, where nothing lies or an empty file.
    ///
    /// # Errors
    /// Something else lies there, another process writes to it, or the file cannot be made.
    pub fn begin(path: &Path) -> Result<Self> {
        let (file, _) =
            derived::open_or_create(path, MODE).map_err(|error| refused(path, error))?;
        let is_taken = matches!(file.try_lock(), Err(std::fs::TryLockError::WouldBlock));
        let found = file.metadata().map_err(|error| refused(path, error))?;
        if is_taken || found.len() > 0 {
            return Err(exists(path));
        }
        Ok(Self {
            path: path.to_owned(),
            file,
            length: 0,
            until: Instant::MIN_UTC,
        })
    }

    /// Adds a line for each change, in the order of time; they are in the file when this returns.
    ///
    /// # Errors
    /// The disk is full or failed. The lines before stay, whole.
    pub fn add(&mut self, changes: &Changes) -> Result<()> {
        self.write(&changes.lines())
    }

    /// Adds what happened before a desk at work begins to live on: a line for each thing, and its backlog at
    /// `until`, its present. Of another desk nothing is told.
    ///
    /// # Errors
    /// As for [`Truth::add`].
    pub fn open(&mut self, world: &World, until: Instant) -> Result<()> {
        self.until = until;
        let lines = world
            .work()
            .map(|work| work.lines(Instant::MIN_UTC, until) + &work.backlog_line(until));
        lines.map_or(Ok(()), |lines| self.write(&lines))
    }

    /// Adds what happened in the next hour of a desk, which the world has behind it. Of a desk at work these
    /// are the lines of [`Work::lines`](super::Work::lines), the changes of customers, and at the end of a day
    /// its backlog; of another, a line for each change.
    ///
    /// # Errors
    /// As for [`Truth::add`].
    pub fn hour(&mut self, world: &World, changes: &Changes) -> Result<()> {
        let from = self.until;
        self.until = from + TimeDelta::hours(1);
        let Some(work) = world.work() else {
            return self.add(changes);
        };
        let customers = Changes {
            tickets: Vec::new(),
            customers: changes.customers.clone(),
        };
        let mut lines = work.lines(from, self.until) + &customers.lines();
        if self.until.num_seconds_from_midnight() == 0 {
            lines += &work.backlog_line(self.until);
        }
        self.write(&lines)
    }

    fn write(&mut self, lines: &str) -> Result<()> {
        if let Err(error) = self.file.write_all(lines.as_bytes()) {
            // What else could be done about half a line?
            let _ = self.file.set_len(self.length);
            return Err(failed(&self.path, error));
        }
        self.length += u64::try_from(lines.len()).unwrap_or(0);
        Ok(())
    }
}

fn exists(path: &Path) -> Error {
    Error::usage(format!(
        "{} exists already and is not empty",
        path.display()
    ))
    .help("name a new file with --truth, or remove this one first")
}

/// Why a file was not begun.
fn refused(path: &Path, error: io::Error) -> Error {
    let shown = path.display();
    if let Some(refusal) = derived::refusal(&error) {
        let help = match refusal {
            Refusal::Directory => format!(
                "name a file in it, such as --truth {}",
                path.join("truth.ndjson").display()
            ),
            _ => "name a new file with --truth".to_owned(),
        };
        return Error::usage(format!("cannot write {shown}: {refusal}")).help(help);
    }
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
            let directory = match path.parent() {
                Some(parent) if !parent.as_os_str().is_empty() => parent,
                _ => Path::new("."),
            };
            let directory = directory.display();
            Error::usage(format!(
                "cannot write {shown}: {directory} is no directory that exists"
            ))
            .help(format!("make it first: mkdir -p {directory}"))
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            Error::usage(format!("cannot write {shown}"))
                .help(
                    "check the permissions of its directory, or name a file elsewhere with --truth",
                )
                .because(error)
        }
        _ => failed(path, error),
    }
}

/// Why a file cannot be gone on with.
fn failed(path: &Path, error: io::Error) -> Error {
    let shown = path.display();
    if let Some(full) = Full::of(path, &error) {
        return Error::failed(format!(
            "{}: the simulation ends, and what the file tells is whole",
            full.message(path)
        ))
        .help(format!(
            "{}, or name a file on another disk with --truth, and start again",
            full.way_out()
        ))
        .because(error);
    }
    match error.kind() {
        io::ErrorKind::FileTooLarge => Error::failed(format!(
            "the limit on the size of files keeps {shown} from being written: the simulation ends"
        ))
        .help("raise it (ulimit -f unlimited), name a new file with --truth, and start again")
        .because(error),
        _ => Error::failed(format!("cannot write {shown}: the simulation ends"))
            .help("name a file on another disk with --truth, and start again")
            .because(error),
    }
}

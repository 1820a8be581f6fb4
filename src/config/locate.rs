//! Which configuration files there are, and which of them may set what.

use std::fs;
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::file::{File, WORKING_DIRECTORY_KEYS};
use super::{open, state};
use crate::error::{Error, Result};
use crate::redact::looks_like_key;

/// The file of the working directory.
const WORKING_DIRECTORY: &str = "config/mava-export.toml";

/// The file of the machine.
const MACHINE: &str = "/etc/mava-export/config.toml";

/// No configuration is longer.
const LONGEST_BYTES: u64 = 1 << 20;

/// Write permission of the group and of all others.
const OTHERS_WRITE: u32 = 0o022;

/// Where configuration files are looked for, the nearest first.
#[derive(Debug)]
struct Places {
    working_directory: PathBuf,
    user: Option<PathBuf>,
    machine: PathBuf,
}

/// Who a file is taken from, and what it may set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trust {
    /// The user alone, and only what is in [`WORKING_DIRECTORY_KEYS`].
    Little,
    /// The user or root, and everything.
    Full,
}

/// Reads the configuration files, the nearest first: the one that is named alone, or else those of
/// the working directory, of the user and of the machine, as far as they exist.
///
/// # Errors
/// A usage error that names the file and what is wrong with it, never a value.
pub(super) fn locate(named: Option<&Path>) -> Result<Vec<File>> {
    let user = rustix::process::geteuid().as_raw();
    if let Some(path) = named {
        return read(path, Trust::Full, user)?
            .map_err(|error| unreadable(path, error))
            .map(|file| vec![file]);
    }
    let places = Places {
        working_directory: PathBuf::from(WORKING_DIRECTORY),
        user: state::configuration(),
        machine: PathBuf::from(MACHINE),
    };
    places.read(user)
}

impl Places {
    /// The files that exist, read as the user with this number.
    fn read(&self, user: u32) -> Result<Vec<File>> {
        let places = [
            (Some(&self.working_directory), Trust::Little),
            (self.user.as_ref(), Trust::Full),
            (Some(&self.machine), Trust::Full),
        ];
        let mut files = Vec::new();
        for (path, trust) in places {
            let Some(path) = path else {
                continue;
            };
            match read(path, trust, user)? {
                Ok(file) => {
                    self.hold_to(&file, trust)?;
                    files.push(file);
                }
                Err(error) if is_absence(&error) => {}
                Err(error) => {
                    return Err(unreadable(path, error).help(
                        "correct that, or name another file with --config: then no other is read",
                    ));
                }
            }
        }
        Ok(files)
    }

    /// Refuses what a file that is trusted a little may not set.
    fn hold_to(&self, file: &File, trust: Trust) -> Result<()> {
        let key = match trust {
            Trust::Little => file.key_beside(WORKING_DIRECTORY_KEYS),
            Trust::Full => None,
        };
        let Some(key) = key else {
            return Ok(());
        };
        let path = file.path().display();
        let elsewhere = match &self.user {
            Some(user) => format!("{} or {}", user.display(), self.machine.display()),
            None => self.machine.display().to_string(),
        };
        Err(Error::usage(format!(
            "{path}: {key}: the file of the working directory may not set this, since whoever made the directory may \
             have made the file"
        ))
        .help(format!(
            "move the line to {elsewhere}; or, where you know the file, give --config {path}"
        )))
    }
}

/// What the system says of a link that is not to be followed.
fn is_link(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error())
}

fn is_absence(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

/// A path that may be a key, given by mistake, is not shown.
fn unreadable(path: &Path, error: io::Error) -> Error {
    let name = match path.to_str().is_some_and(looks_like_key) {
        true => String::new(),
        false => format!(" {}", path.display()),
    };
    Error::usage(format!("the configuration file{name} cannot be read")).because(error)
}

/// Opens a file once, judges what was opened, and reads it. The inner error is the system's.
fn read(path: &Path, trust: Trust, user: u32) -> Result<io::Result<File>> {
    let (file, metadata) = match open::to_read(path, trust == Trust::Full) {
        Ok(opened) => opened,
        Err(error) if trust == Trust::Little && is_link(&error) => {
            return Err(Error::usage(format!("{} is a link", path.display()))
                .help("put the file itself there, or name it with --config"));
        }
        Err(error) => return Ok(Err(error)),
    };
    judge(path, &metadata, trust, user)?;
    let mut bytes = Vec::new();
    if let Err(error) = file.take(LONGEST_BYTES + 1).read_to_end(&mut bytes) {
        return Ok(Err(error));
    }
    let wrong = |what: &str| Error::usage(format!("{} {what}", path.display()));
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > LONGEST_BYTES {
        return Err(wrong("is larger than 1 MiB: no configuration is"));
    }
    let text = String::from_utf8(bytes).map_err(|_| wrong("is not text in UTF-8"))?;
    File::parse(path, &text).map(Ok)
}

/// Refuses what is no file, and a file that others can write or have written.
fn judge(path: &Path, metadata: &fs::Metadata, trust: Trust, user: u32) -> Result<()> {
    let path = path.display();
    if let Some(kind) = open::kind(metadata) {
        return Err(
            Error::usage(format!("the configuration file {path} is {kind}"))
                .help("a configuration is read from a file only"),
        );
    }
    let owner = metadata.uid();
    let is_trusted = owner == user || (trust == Trust::Full && owner == 0);
    if !is_trusted {
        let whose = match trust {
            Trust::Little => "you",
            Trust::Full => "you or root",
        };
        return Err(Error::usage(format!(
            "the configuration file {path} belongs to another user (number {owner}): it could send your key elsewhere"
        ))
        .help(format!(
            "it has to belong to {whose}: copy it if you know what is in it, or work in another directory"
        )));
    }
    let mode = metadata.mode() & 0o7777;
    if mode & OTHERS_WRITE != 0 {
        return Err(Error::usage(format!(
            "the configuration file {path} can be written by others (permissions {mode:04o})"
        ))
        .help(format!("look at what is in it, then: chmod go-w {path}")));
    }
    Ok(())
}

#[cfg(test)]
#[path = "locate_tests.rs"]
mod tests;

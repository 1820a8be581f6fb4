//! Files whose paths we derive from the one that the user named: locks, side files, ledgers, and what
//! a publish writes.
//!
//! The path that was named may lead through links: that is the user's choice. A path that we derive from
//! it is nobody's choice, and whoever may write to the directory could make it lead to any file of the
//! user's. So what lies there is opened without following a link, is a regular file, and has no second
//! name where it is to be written. Nothing here waits: a pipe is refused, not opened.
//!
//! Each function gives an [`io::Error`]; [`refusal`] tells those that say what lies there from those of
//! the system.

use std::fmt;
use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use rustix::fs::OFlags;

use crate::error::Error;
use crate::limits::Full;

/// Bytes of a small file that is read as a whole: more than any that we write.
const MOST_BYTES: u64 = 64 << 20;

/// What lies in the place of a file of ours and is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// A symbolic link.
    Link,
    /// A file that has another name too, so that writing to it would alter what that one names.
    SecondName,
    /// A directory.
    Directory,
    /// A pipe.
    Pipe,
    /// A socket or a device.
    Special,
    /// A file that holds something that we do not write there.
    Foreign,
    /// A file that is larger than any that we write there.
    Large,
}

impl fmt::Display for Refusal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Link => "it is a symbolic link",
            Self::SecondName => "it has a second name, a hard link",
            Self::Directory => "it is a directory",
            Self::Pipe => "it is a named pipe",
            Self::Special => "it is a socket or a device",
            Self::Foreign => "it holds something that mava-export did not write",
            Self::Large => "it is larger than any file that mava-export writes there",
        })
    }
}

impl std::error::Error for Refusal {}

impl From<Refusal> for io::Error {
    fn from(refusal: Refusal) -> Self {
        Self::new(io::ErrorKind::InvalidInput, refusal)
    }
}

/// What lies there, where that is why a file was not opened.
pub(crate) fn refusal(error: &io::Error) -> Option<Refusal> {
    error.get_ref()?.downcast_ref().copied()
}

/// The error for people of a path whose file was refused; `None` of any other error.
pub(crate) fn explain(path: &Path, error: &io::Error) -> Option<Error> {
    if let Some(full) = Full::of(path, error) {
        return Some(Error::failed(full.message(path)).help(format!(
            "{}, then run the same command again",
            full.way_out()
        )));
    }
    let refusal = refusal(error)?;
    let shown = path.display();
    Some(
        Error::usage(format!("cannot use {shown}: {refusal}")).help(match refusal {
            Refusal::SecondName => format!(
                "mava-export writes only to files that have one name: remove the other name of {shown}, or put a copy in its place"
            ),
            _ => format!(
                "this file is mava-export's own, and must be a regular one: move away what lies at {shown}, then run the same command again"
            ),
        }),
    )
}

/// How many names a file may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Names {
    /// One: it is to be written.
    One,
    /// Any number: it is only read, or snapshots share it.
    Any,
}

/// What tells a file from all others for as long as somebody has it open: its device and its number
/// there.
pub(crate) type Identity = (u64, u64);

/// The identity of a file.
pub(crate) fn identity(found: &Metadata) -> Identity {
    (found.dev(), found.ino())
}

/// What lies at `path` itself, links not followed; `None` where nothing does.
///
/// # Errors
/// The path cannot be reached.
pub(crate) fn look(path: &Path) -> io::Result<Option<Metadata>> {
    match fs::symlink_metadata(path) {
        Ok(found) => Ok(Some(found)),
        Err(error) if is_missing(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether an error says that nothing lies at a path.
pub(crate) fn is_missing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

/// Looks whether nothing lies at `path`, or a file that may be used. For files that another library
/// opens by their path: whoever may write to the directory can still put another there afterwards.
///
/// # Errors
/// A [`Refusal`], or the path cannot be reached.
pub(crate) fn check(path: &Path, names: Names) -> io::Result<()> {
    match look(path)? {
        Some(found) => judge(&found, names).map_err(io::Error::from),
        None => Ok(()),
    }
}

/// Opens the file at `path` for reading.
///
/// # Errors
/// A [`Refusal`], or the system's.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.read(true);
    open_with(path, &mut options, Names::Any)
}

/// Opens the file at `path` for reading and writing, as it is.
///
/// # Errors
/// A [`Refusal`], or the system's.
pub(crate) fn open_to_write(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.read(true).write(true);
    open_with(path, &mut options, Names::One)
}

/// Makes a file where nothing lies. Its permissions are `mode` without the umask: see [`set_mode`].
///
/// # Errors
/// [`AlreadyExists`](io::ErrorKind::AlreadyExists) where anything lies there, or the system's.
pub(crate) fn create(path: &Path, mode: u32) -> io::Result<File> {
    File::options()
        .read(true)
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
}

/// Opens the file at `path` for reading and writing as it is, or makes it; whether it is new.
///
/// # Errors
/// A [`Refusal`], or the system's.
pub(crate) fn open_or_create(path: &Path, mode: u32) -> io::Result<(File, bool)> {
    match create(path, mode) {
        Ok(file) => Ok((file, true)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            open_to_write(path).map(|file| (file, false))
        }
        Err(error) => Err(error),
    }
}

/// Gives an open file or directory exactly these permissions.
///
/// # Errors
/// The system's.
pub(crate) fn set_mode(file: &File, mode: u32) -> io::Result<()> {
    file.set_permissions(fs::Permissions::from_mode(mode))
}

/// Opens the directory at `path`, which is no link.
///
/// # Errors
/// [`Refusal::Link`], or the system's.
pub(crate) fn open_directory(path: &Path) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::DIRECTORY | OFlags::NOCTTY;
    if look(path)?.is_some_and(|found| found.is_symlink()) {
        return Err(Refusal::Link.into());
    }
    File::options()
        .read(true)
        .custom_flags(bits(flags))
        .open(path)
}

/// The text of a small file, what is no text in it replaced; `None` where nothing lies at `path`.
///
/// # Errors
/// A [`Refusal`], or the system's.
pub(crate) fn read(path: &Path) -> io::Result<Option<String>> {
    let file = match open(path) {
        Ok(file) => file,
        Err(error) if is_missing(&error) => return Ok(None),
        Err(error) => return Err(error),
    };
    if file.metadata()?.len() > MOST_BYTES {
        return Err(Refusal::Large.into());
    }
    let mut bytes = Vec::new();
    io::Read::read_to_end(&mut io::Read::take(file, MOST_BYTES), &mut bytes)?;
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}

/// What lies below `directory`, no part of whose path there is a link; `None` where nothing does.
/// `relative` has no part but names.
///
/// # Errors
/// [`Refusal::Link`], or a part cannot be reached.
pub(crate) fn look_below(directory: &Path, relative: &Path) -> io::Result<Option<Metadata>> {
    let mut path = directory.to_owned();
    let mut last = None;
    for part in relative.components() {
        path.push(part);
        match look(&path)? {
            Some(found) if found.is_symlink() => return Err(Refusal::Link.into()),
            found => last = found,
        }
    }
    Ok(last)
}

fn open_with(path: &Path, options: &mut fs::OpenOptions, names: Names) -> io::Result<File> {
    // Opening a device may already do something.
    let found = fs::symlink_metadata(path)?;
    judge(&found, names)?;
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = match options.custom_flags(bits(flags)).open(path) {
        // Put there since.
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => {
            return Err(Refusal::Link.into());
        }
        opened => opened?,
    };
    judge(&file.metadata()?, names)?;
    Ok(file)
}

fn bits(flags: OFlags) -> i32 {
    flags.bits().cast_signed()
}

/// Whether a file may be used, by what the system says of it.
fn judge(found: &Metadata, names: Names) -> Result<(), Refusal> {
    let kind = found.file_type();
    if kind.is_symlink() {
        Err(Refusal::Link)
    } else if kind.is_dir() {
        Err(Refusal::Directory)
    } else if kind.is_fifo() {
        Err(Refusal::Pipe)
    } else if !kind.is_file() {
        Err(Refusal::Special)
    } else if names == Names::One && found.nlink() > 1 {
        Err(Refusal::SecondName)
    } else {
        Ok(())
    }
}

#[cfg(test)]
#[path = "derived_tests.rs"]
mod tests;

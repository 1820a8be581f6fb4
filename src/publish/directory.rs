//! What publishing does to files and directories.
#![expect(
    clippy::disallowed_methods,
    reason = "publishing is an edge: it owns its directory"
)]

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use super::failure::Failure;
use super::mode;
use super::refusal::{NOT_PERMITTED, unless_refused};
use crate::derived::{self, Names};
use crate::error::{Error, ErrorKind, Result};

/// The lock that a publish holds.
pub(super) const LOCK: &str = ".publish-lock";

/// How links are made: what a filesystem may lack.
#[derive(Debug, Clone, Copy)]
pub struct Filesystem {
    /// Gives the file at the first path a second name.
    pub hard_link: fn(&Path, &Path) -> io::Result<()>,
    /// Makes a link at the second path that leads to the first.
    pub symlink: fn(&Path, &Path) -> io::Result<()>,
    /// Gives the file at the path these permissions.
    pub set_mode: fn(&Path, u32) -> io::Result<()>,
}

impl Default for Filesystem {
    fn default() -> Self {
        Self {
            hard_link: |file, name| fs::hard_link(file, name),
            symlink: |target, name| std::os::unix::fs::symlink(target, name),
            set_mode: mode::set,
        }
    }
}

/// Makes the directory at `path` and those above it where they are missing, with the permissions
/// that go with files of `file_mode`, whatever the umask.
///
/// # Errors
/// It cannot be made.
pub(super) fn create_directory(path: &Path, file_mode: u32) -> Result<()> {
    let is_missing = |path: &&Path| !path.as_os_str().is_empty() && !path.is_dir();
    let missing: Vec<&Path> = path.ancestors().take_while(is_missing).collect();
    let mode = mode::of_directory(file_mode);
    for path in missing.into_iter().rev() {
        match DirBuilder::new().mode(mode).create(path) {
            Ok(()) => unless_refused(mode::set(path, mode)).map(drop),
            // Another process was first.
            Err(_) if path.is_dir() => Ok(()),
            Err(error) => Err(error),
        }
        .map_err(|error| Failure::io(path, error))?;
    }
    Ok(())
}

/// Makes a file where none is, and its directory.
///
/// # Errors
/// It cannot be made.
pub(super) fn create_file(path: &Path, file_mode: u32) -> Result<File> {
    if let Some(parent) = path.parent() {
        create_directory(parent, file_mode)?;
    }
    // Whatever the umask.
    derived::create(path, file_mode)
        .and_then(|file| {
            unless_refused(derived::set_mode(&file, file_mode))?;
            Ok(file)
        })
        .map_err(|error| Failure::io(path, error))
}

/// Opens a file for reading.
///
/// # Errors
/// It cannot be opened.
pub(super) fn open_file(path: &Path) -> Result<File> {
    derived::open(path).map_err(|error| Failure::open(path, error))
}

/// A file that takes nothing, as on a full disk.
#[cfg(test)]
pub(super) fn open_full() -> io::Result<File> {
    File::options().write(true).open("/dev/full")
}

/// Waits until a file is on disk and returns how long it is.
///
/// # Errors
/// The disk is full or failed.
pub(super) fn sync_file(file: &File, path: &Path) -> Result<u64> {
    file.sync_all()
        .and_then(|()| file.metadata())
        .map(|metadata| metadata.len())
        .map_err(|error| Failure::io(path, error))
}

/// Waits until the entries of a directory, and of those below it, are on disk.
///
/// # Errors
/// The disk failed.
pub(super) fn sync_tree(path: &Path) -> Result<()> {
    for (child, is_directory) in entries(path)? {
        if is_directory {
            sync_tree(&child)?;
        }
    }
    sync_directory(path)
}

/// Waits until the entries of a directory are on disk.
///
/// # Errors
/// The disk failed.
pub(super) fn sync_directory(path: &Path) -> Result<()> {
    File::open(path)
        .and_then(|directory| directory.sync_all())
        .map_err(|error| Failure::io(path, error))
}

/// The entries of a directory with their paths, sorted, and whether each is a directory itself; a
/// link is none. Nothing where there is no directory.
///
/// # Errors
/// It cannot be read.
pub(super) fn entries(path: &Path) -> Result<Vec<(PathBuf, bool)>> {
    let listing = match fs::read_dir(path) {
        Ok(listing) => listing,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Failure::look(path, error)),
    };
    let mut entries = listing
        .map(|entry| {
            let entry = entry?;
            Ok((entry.path(), entry.file_type()?.is_dir()))
        })
        .collect::<io::Result<Vec<_>>>()
        .map_err(|error| Failure::look(path, error))?;
    entries.sort();
    Ok(entries)
}

/// Writes a small file whole and waits until it is on disk.
///
/// # Errors
/// The disk is full or failed.
pub(super) fn write(path: &Path, text: &str, file_mode: u32) -> Result<()> {
    let mut file = create_file(path, file_mode)?;
    io::Write::write_all(&mut file, text.as_bytes()).map_err(|error| Failure::io(path, error))?;
    sync_file(&file, path).map(drop)
}

/// The text of a small file; `None` where there is none.
///
/// # Errors
/// Something else lies there, or it cannot be read.
pub(super) fn read(path: &Path) -> Result<Option<String>> {
    derived::read(path).map_err(|error| Failure::open(path, error))
}

/// The text of a file of a snapshot; `None` also where something else lies there.
///
/// # Errors
/// It cannot be read.
pub(super) fn read_if_any(path: &Path) -> Result<Option<String>> {
    match derived::read(path) {
        Err(error) if derived::refusal(&error).is_some() => Ok(None),
        read => read.map_err(|error| Failure::open(path, error)),
    }
}

/// How a file came to have a second name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Linked {
    /// As a link.
    Yes,
    /// As a copy: the filesystem has no such links.
    Lacking,
    /// As a copy: it belongs to another user, whose files the system does not let be linked
    /// (`fs.protected_hardlinks`).
    Foreign,
}

/// Gives the file at `from` the name `to` as well, or copies it where it cannot be linked. The file
/// has `file_mode` then, under all its names.
///
/// # Errors
/// Neither can be made.
pub(super) fn link(
    from: &Path,
    to: &Path,
    filesystem: &Filesystem,
    file_mode: u32,
) -> Result<Linked> {
    if let Some(parent) = to.parent() {
        create_directory(parent, file_mode)?;
    }
    let linking = (filesystem.hard_link)(from, to);
    let is_permission =
        matches!(&linking, Err(error) if error.raw_os_error() == Some(NOT_PERMITTED));
    if unless_refused(linking).map_err(|error| Failure::io(to, error))? {
        derived::check(to, Names::Any).map_err(|error| Failure::io(to, error))?;
        if mode::of(to) != Some(file_mode) {
            unless_refused(mode::set(to, file_mode)).map_err(|error| Failure::io(to, error))?;
        }
        return Ok(Linked::Yes);
    }
    let mut source = open_file(from)?;
    let mut copy = create_file(to, file_mode)?;
    io::copy(&mut source, &mut copy).map_err(|error| Failure::io(to, error))?;
    sync_file(&copy, to)?;
    // What we made is ours.
    let is_foreign = is_permission && owner(&source) != owner(&copy);
    Ok(match is_foreign {
        true => Linked::Foreign,
        false => Linked::Lacking,
    })
}

fn owner(file: &File) -> Option<u32> {
    let metadata = file.metadata().ok()?;
    Some(std::os::unix::fs::MetadataExt::uid(&metadata))
}

/// Makes a link at `link` that leads to `target`; `false` where the filesystem has none.
///
/// # Errors
/// It cannot be made.
pub(super) fn symlink(target: &Path, link: &Path, filesystem: &Filesystem) -> Result<bool> {
    unless_refused((filesystem.symlink)(target, link)).map_err(|error| Failure::io(link, error))
}

/// Renames within a directory's filesystem.
///
/// # Errors
/// It cannot be renamed.
pub(super) fn rename(from: &Path, to: &Path) -> Result<()> {
    fs::rename(from, to).map_err(|error| Failure::io(to, error))
}

/// Removes a file, a link, or a directory with all that is in it; nothing is fine too.
///
/// # Errors
/// It cannot be removed.
pub(super) fn remove(path: &Path) -> Result<()> {
    let removed = match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if !derived::is_missing(&error) => Err(Failure::io(path, error)),
        _ => Ok(()),
    }
}

/// Removes a file or a link, never a directory; nothing is fine too.
///
/// # Errors
/// It cannot be removed.
pub(super) fn remove_file(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if !derived::is_missing(&error) => Err(Failure::io(path, error)),
        _ => Ok(()),
    }
}

/// Where a symbolic link leads; `None` where there is no link.
///
/// # Errors
/// Something else lies there, or it cannot be read.
pub(super) fn target(path: &Path) -> Result<Option<PathBuf>> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_symlink() => fs::read_link(path)
            .map(Some)
            .map_err(|error| Failure::look(path, error)),
        Ok(_) => Err(Failure::foreign(path, "is no link of ours")),
        Err(error) if derived::is_missing(&error) => Ok(None),
        Err(error) => Err(Failure::look(path, error)),
    }
}

/// What one name of a file weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Weight {
    pub(super) bytes: u64,
    /// Whether another name leads to the same file.
    pub(super) is_shared: bool,
}

/// Length and names of a file; `None` where there is none, or a link.
pub(super) fn weight(path: &Path) -> Option<Weight> {
    let metadata = derived::look(path).ok()?.filter(fs::Metadata::is_file)?;
    Some(Weight {
        bytes: metadata.len(),
        is_shared: std::os::unix::fs::MetadataExt::nlink(&metadata) > 1,
    })
}

/// The one path of what lies at `path`, whatever links lead there; `None` where nothing does.
pub(super) fn canonical(path: &Path) -> Option<PathBuf> {
    fs::canonicalize(path).ok()
}

/// Whether something lies at `path` that is no directory; links are followed.
pub(super) fn is_file(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| !found.is_dir())
}

/// Whether a link lies at `path` that leads to nothing.
pub(super) fn is_dangling(path: &Path) -> bool {
    let is_link = derived::look(path).is_ok_and(|found| found.is_some_and(|it| it.is_symlink()));
    is_link && fs::metadata(path).is_err_and(|error| derived::is_missing(&error))
}

/// Whether something lies at `path`.
pub(super) fn exists(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

/// Whether a directory lies at `path` itself, and no link to one.
pub(super) fn is_directory(path: &Path) -> bool {
    derived::look(path).is_ok_and(|found| found.is_some_and(|found| found.is_dir()))
}

/// Keeps every other publish out of a directory until it is dropped. The file stays, as the
/// store's does.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock of `directory`.
    ///
    /// # Errors
    /// [`StoreBusy`](ErrorKind::StoreBusy) while another publish has it.
    pub(super) fn take(directory: &Path, file_mode: u32) -> Result<Self> {
        let path = directory.join(LOCK);
        let file = derived::open_or_create(&path, file_mode)
            .and_then(|(file, is_new)| {
                if is_new {
                    unless_refused(derived::set_mode(&file, file_mode))?;
                }
                Ok(file)
            })
            .map_err(|error| Failure::io(&path, error))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(fs::TryLockError::WouldBlock) => Err(Error::new(
                ErrorKind::StoreBusy,
                format!("another run publishes to {}", directory.display()),
            )
            .help("wait until it ends")),
            Err(fs::TryLockError::Error(error)) => Err(Failure::io(&path, error)),
        }
    }
}

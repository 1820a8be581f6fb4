//! Permissions of what a publish makes, and of what it takes over.
//!
//! They are given to what was opened, never to a path: what a link leads to is somebody else's.

use std::collections::BTreeSet;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::failure::Failure;
use super::layout;
use super::manifest::{self, Manifest};
use super::refusal::{NOT_PERMITTED, unless_refused};
use crate::derived::{self, Names};
use crate::error::Result;

/// Permissions of a directory that holds files of `file_mode`: who may read them may list it.
pub(super) fn of_directory(file_mode: u32) -> u32 {
    file_mode | ((file_mode & 0o444) >> 2)
}

/// The permissions of the file or directory at `path`; `None` where a link lies there, or nothing.
pub(super) fn of(path: &Path) -> Option<u32> {
    let found = derived::look(path).ok()??;
    let is_ours = found.is_file() || found.is_dir();
    is_ours.then(|| found.permissions().mode() & 0o7777)
}

/// Gives the file or directory at `path` these permissions.
///
/// # Errors
/// Something else lies there, or they cannot be set.
pub(super) fn set(path: &Path, mode: u32) -> io::Result<()> {
    let is_directory = derived::look(path)?.is_some_and(|found| found.is_dir());
    let opened = match is_directory {
        true => derived::open_directory(path),
        false => derived::open(path),
    };
    let file = opened.map_err(|error| match error.kind() {
        // Another user's, who alone may set them.
        io::ErrorKind::PermissionDenied => io::Error::from_raw_os_error(NOT_PERMITTED),
        _ => error,
    })?;
    derived::set_mode(&file, mode)
}

/// Whether the filesystem of this file refuses to set permissions.
///
/// # Errors
/// They cannot be set for another reason.
pub(super) fn is_refused(
    path: &Path,
    file_mode: u32,
    set_mode: fn(&Path, u32) -> io::Result<()>,
) -> Result<bool> {
    unless_refused(set_mode(path, file_mode))
        .map(|is_set| !is_set)
        .map_err(|error| Failure::io(path, error))
}

/// Gives a directory the permissions that go with files of `file_mode`, if it has those that go
/// with files of the mode `before`.
///
/// # Errors
/// They cannot be set.
pub(super) fn change_directory(path: &Path, before: u32, file_mode: u32) -> Result<()> {
    if before != file_mode && of(path) == Some(of_directory(before)) {
        unless_refused(set(path, of_directory(file_mode)))
            .map_err(|error| Failure::io(path, error))?;
    }
    Ok(())
}

/// Gives the files that a snapshot's manifest lists, the manifest, and their directories the permissions
/// that go with files of `file_mode`, where they have those that go with files of the mode `before`;
/// whether any file has others now. Whatever else lies there is somebody else's.
///
/// # Errors
/// They cannot be set.
pub(super) fn change_snapshot(
    snapshot: &Path,
    manifest: &Manifest,
    before: u32,
    file_mode: u32,
) -> Result<bool> {
    let mut is_changed = false;
    let mut directories: BTreeSet<PathBuf> = BTreeSet::new();
    let mut change = |path: &Path| -> Result<()> {
        if before != file_mode && of(path) == Some(before) {
            is_changed |=
                unless_refused(set(path, file_mode)).map_err(|error| Failure::io(path, error))?;
        }
        Ok(())
    };
    directories.insert(snapshot.join(layout::CHANGES));
    for path in manifest.paths() {
        if derived::look_below(snapshot, path).is_ok_and(|found| found.is_some()) {
            change(&snapshot.join(path))?;
            let folders = path.ancestors().skip(1);
            directories.extend(folders.map(|folder| snapshot.join(folder)));
        }
    }
    let own = snapshot.join(manifest::NAME);
    // No snapshot shares it.
    if derived::check(&own, Names::One).is_ok() {
        change(&own)?;
    }
    for folder in directories {
        change_directory(&folder, before, file_mode)?;
    }
    Ok(is_changed)
}

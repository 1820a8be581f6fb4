//! The file of a store and those that SQLite puts beside it: which they are, and that they stay where
//! they were.
//!
//! SQLite opens them by their path and writes to what it opened, wherever that lies by then. A run whose
//! file was moved away would end well, and leave another file under the name that it tells.

use std::fs::Metadata;
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Gid, Uid};

use super::lock::beside;
use crate::derived::{self, Identity, Names, Refusal};
use crate::error::{Error, Result};

/// The write-ahead log, its index, and the journal that stands in for them where the file system cannot
/// have a log.
pub(super) const SIDES: [&str; 3] = ["-wal", "-shm", "-journal"];

/// What a rollback journal begins with: <https://www.sqlite.org/fileformat2.html#the_rollback_journal>.
const JOURNAL: &[u8] = &[0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];

/// What a write-ahead log begins with, but for the lowest bit, which says in which order its checksums
/// were made: <https://www.sqlite.org/fileformat2.html#the_write_ahead_log>.
const LOG: &[u8] = &[0x37, 0x7f, 0x06];

/// What the log's index begins with, in this machine's order of bytes:
/// <https://www.sqlite.org/walformat.html#the_wal_index_file_format>.
const INDEX: [u8; 4] = 3_007_000_u32.to_ne_bytes();

/// Refuses side files that SQLite would follow, wait for, or share with another name.
///
/// # Errors
/// [`Usage`](crate::error::ErrorKind::Usage).
pub(super) fn check_sides(path: &Path) -> Result<()> {
    for side in SIDES.map(|ending| beside(path, ending)) {
        derived::check(&side, Names::One).map_err(|error| unusable(&side, error))?;
    }
    Ok(())
}

/// Refuses side files that hold something else than SQLite writes there, which it would write over or
/// remove. Only where nobody else has them open: the system gives up a process's locks on a file when any
/// of its descriptors is closed.
///
/// # Errors
/// [`Usage`](crate::error::ErrorKind::Usage).
pub(super) fn check_contents(path: &Path) -> Result<()> {
    for (ending, beginning) in [
        ("-wal", LOG),
        ("-shm", INDEX.as_slice()),
        ("-journal", JOURNAL),
    ] {
        let side = beside(path, ending);
        let is_ours = match begins_with(&side, beginning) {
            Ok(is_ours) => is_ours,
            Err(error) if derived::is_missing(&error) => true,
            Err(error) => return Err(unusable(&side, error)),
        };
        if !is_ours {
            return Err(unusable(&side, Refusal::Foreign.into()));
        }
    }
    Ok(())
}

/// Gives what lies beside the store its owner, its group and its permissions: these files stay, so who may
/// read the store must be able to read them too, also after a `chmod` of the store or a run of root's. Only
/// where nobody else has them open, as with [`check_contents`].
pub(super) fn share_owner_and_mode(path: &Path) {
    let Ok(Some(store)) = derived::look(path) else {
        return;
    };
    for side in ["-wal", "-shm", "-lock"].map(|ending| beside(path, ending)) {
        let Ok(Some(found)) = derived::look(&side) else {
            continue;
        };
        if let Err(error) = share_with(&side, &found, &store) {
            tracing::warn!(
                "{} cannot be given the owner and the permissions of {}: {error}; \
                 who may read the store may not be able to open it",
                side.display(),
                path.display()
            );
        }
    }
}

fn share_with(side: &Path, found: &Metadata, store: &Metadata) -> io::Result<()> {
    let is_owned = (found.uid(), found.gid()) == (store.uid(), store.gid());
    if is_owned && mode(found) == mode(store) {
        return Ok(());
    }
    let file = derived::open_to_write(side)?;
    if !is_owned {
        // Only root gives files away; their owner gives them to a group of his own.
        let (uid, gid) = (Uid::from_raw(store.uid()), Gid::from_raw(store.gid()));
        let given = rustix::fs::fchown(&file, Some(uid), Some(gid))
            .or_else(|_| rustix::fs::fchown(&file, None, Some(gid)));
        if let Err(error) = given {
            tracing::debug!(error = %error, "the owner of {} stays", side.display());
        }
    }
    // After the owner, whose change may take some away.
    derived::set_mode(&file, mode(store))
}

/// The permissions of a file: for its owner, its group and all others.
pub(super) fn mode(found: &Metadata) -> u32 {
    found.permissions().mode() & 0o777
}

/// Whether a file begins so, is cut before that, or begins with zeros, as after a power cut.
fn begins_with(path: &Path, beginning: &[u8]) -> io::Result<bool> {
    let length = u64::try_from(beginning.len()).unwrap_or(u64::MAX);
    let mut found = Vec::new();
    derived::open(path)?.take(length).read_to_end(&mut found)?;
    Ok(beginning.starts_with(&found) || found.iter().all(|byte| *byte == 0))
}

fn unusable(path: &Path, error: io::Error) -> Error {
    derived::explain(path, &error).unwrap_or_else(|| {
        Error::usage(format!("cannot reach {}", path.display()))
            .help("check the permissions of the file and of its directory")
            .because(error)
    })
}

/// Files that a connection has open, by the paths that it opened them at. Their identities are theirs
/// alone for as long as it does.
#[derive(Debug)]
pub(super) struct Files {
    known: Vec<(PathBuf, Identity)>,
}

impl Files {
    /// The store's own file as it is now.
    ///
    /// # Errors
    /// There is none.
    pub(super) fn of(path: &Path) -> Result<Self> {
        match identity(path)? {
            Some(identity) => Ok(Self {
                known: vec![(path.to_owned(), identity)],
            }),
            None => Err(moved(path, path, None)),
        }
    }

    /// Takes those in that SQLite has made beside it.
    ///
    /// # Errors
    /// They cannot be looked at.
    pub(super) fn add_sides(&mut self, path: &Path) -> Result<()> {
        for side in SIDES.map(|ending| beside(path, ending)) {
            // A journal comes and goes with each transaction.
            if side.as_os_str().as_encoded_bytes().ends_with(b"-journal") {
                continue;
            }
            if let Some(identity) = identity(&side)? {
                self.known.push((side, identity));
            }
        }
        Ok(())
    }

    /// That each still lies where it was opened.
    ///
    /// # Errors
    /// [`Failed`](crate::error::ErrorKind::Failed), naming the one that does not.
    pub(super) fn require_in_place(&self) -> Result<()> {
        let Some((store, own)) = self.known.first() else {
            return Ok(());
        };
        for (path, known) in &self.known {
            let found = identity(path)?;
            if found == Some(*known) {
                continue;
            }
            // All of them may have gone with their directory, between two looks: then it is the store
            // that is named.
            let now = identity(store)?;
            return Err(match now == Some(*own) {
                true => moved(store, path, found),
                false => moved(store, store, now),
            });
        }
        Ok(())
    }
}

fn identity(path: &Path) -> Result<Option<Identity>> {
    match derived::look(path) {
        Ok(found) => Ok(found.map(|found| derived::identity(&found))),
        Err(error) => Err(Error::failed(format!("cannot reach {}", path.display()))
            .help("check the permissions of the file and of its directory")
            .because(error)),
    }
}

/// What has happened to a file, and what to do now.
fn moved(store: &Path, path: &Path, found: Option<Identity>) -> Error {
    let shown = path.display();
    let message = match found {
        Some(_) => format!(
            "another file lies at {shown} now: the one that this run opened there was replaced meanwhile"
        ),
        None => format!(
            "{shown} is gone: the file was moved away or deleted while this run had it open"
        ),
    };
    let help = if path == store {
        format!(
            "nothing more was written or published; what this run read is in the file that lay at {shown} before: \
             put that back if it still exists, and run the same command again"
        )
    } else {
        format!(
            "nothing more was written or published; leave alone what lies beside {}, and run the same command again",
            store.display()
        )
    };
    Error::failed(message).help(help)
}

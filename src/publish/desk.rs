//! What a directory is not for: a second store beside its own, an invented desk in place of a real
//! one. Either would make `current` lead to the one and the other by turns.

use std::path::{Path, PathBuf};

use super::directory;
use super::failure::Failure;
use super::place::Place;
use crate::derived::{self, Names, Refusal};
use crate::error::{Error, Result};
use crate::settings::STORE_FILE;
use crate::store::Store;
use crate::table::RunKind;
use crate::table::{Snapshot, instant_text};

/// Whether a store holds the demo's invented desk.
pub(super) fn is_demo(store: &Store) -> Result<bool> {
    // Syncs and repairs say nothing about whose desk it is.
    let runs = store.snapshots(u32::MAX)?;
    Ok(runs.iter().any(|run| run.is_of(RunKind::Demo)))
}

/// Refuses a path at which a file lies, or one of the directories above is a file.
///
/// # Errors
/// [`Usage`](crate::error::ErrorKind::Usage).
pub(super) fn refuse_file(directory: &Path) -> Result<()> {
    if let Some(link) = directory
        .ancestors()
        .find(|path| directory::is_dangling(path))
    {
        return Err(
            Error::usage(format!("{} is a link to nothing", link.display())).help(
                "make the directory that it should lead to, or name another with --to parquet:DIR",
            ),
        );
    }
    match directory.ancestors().find(|path| directory::is_file(path)) {
        None => Ok(()),
        Some(file) => Err(
            Error::usage(format!("{} is a file, not a directory", file.display()))
                .help("name a directory, or a path where nothing lies yet, with --to parquet:DIR"),
        ),
    }
}

/// Refuses a link, or anything else that is no file, in the place of the directory's own store.
///
/// # Errors
/// [`Usage`](crate::error::ErrorKind::Usage).
pub(super) fn refuse_linked_store(place: &Place) -> Result<()> {
    let path = place.root().join(STORE_FILE);
    match derived::check(&path, Names::Any) {
        Err(error) if derived::refusal(&error) == Some(Refusal::Link) => {
            let root = place.root().display();
            Err(Error::usage(format!(
                "{} is a symbolic link: the store of a directory lies in it",
                path.display()
            ))
            .help(format!(
                "move the link away and name the store itself: run with --to sqlite:FILE, then \
                 publish --from sqlite:FILE --to parquet:{root}"
            )))
        }
        Err(error) => Err(Failure::open(&path, error)),
        Ok(()) => Ok(()),
    }
}

/// The store in the directory, unless it is nobody's: no run ended on it, none read a ticket, and
/// none holds it now. A run that failed at its first request, as with a wrong key, leaves such a one.
fn own_store(place: &Place) -> Option<PathBuf> {
    let path = directory::canonical(&place.root().join(STORE_FILE))?;
    let is_unread = |runs: &[Snapshot]| {
        let mut runs = runs.iter();
        runs.all(|run| run.finished_at.is_none() && run.tickets_read == 0)
    };
    let is_nobodys = directory::weight(&path).is_some_and(|weight| weight.bytes == 0)
        || Store::open_read_only(&path).is_ok_and(|store| {
            !store.is_held() && store.snapshots(u32::MAX).is_ok_and(|runs| is_unread(&runs))
        });
    (!is_nobodys).then_some(path)
}

/// Whether a snapshot was published from a run of the store in the directory.
fn is_of_own_store(place: &Place, name: &str) -> Result<bool> {
    let Some(manifest) = place.manifest(name)? else {
        return Ok(false);
    };
    let runs = Store::open_read_only(&place.root().join(STORE_FILE))
        .and_then(|store| store.snapshots(u32::MAX))
        .unwrap_or_default();
    Ok(runs
        .iter()
        .any(|run| instant_text(run.started_at) == manifest.run.started_at))
}

/// Refuses a directory whose snapshots are of a store that lies elsewhere: a run whose store lies
/// in it would put another in their place.
///
/// # Errors
/// [`Usage`](crate::error::ErrorKind::Usage), or the directory cannot be read.
pub(super) fn refuse_store_elsewhere(place: &Place) -> Result<()> {
    let Some(name) = place.current()? else {
        return Ok(());
    };
    if own_store(place).is_some()
        || !directory::exists(&place.snapshot(&name))
        || is_of_own_store(place, &name)?
    {
        return Ok(());
    }
    let root = place.root().display();
    Err(Error::usage(format!(
        "{root} holds snapshots of a store that lies elsewhere: those of {root}/{STORE_FILE} must not replace them"
    ))
    .help(format!(
        "name another directory with --to; after a run on that store, publish --from sqlite:FILE --to parquet:{root}; \
         if it is lost, remove {root}/current first"
    )))
}

/// Refuses a store that is not the one in the directory.
///
/// # Errors
/// [`Usage`](crate::error::ErrorKind::Usage).
pub(super) fn refuse_other_store(place: &Place, store: &Path) -> Result<()> {
    // Opening the file that is open would give up the system's locks on it.
    let own = place.root().join(STORE_FILE);
    if directory::canonical(&own).as_deref() == Some(store) {
        return Ok(());
    }
    let root = place.root().display();
    match own_store(place) {
        Some(_) => Err(Error::usage(format!(
            "{root} holds a store of its own, {STORE_FILE}, and {} is another",
            store.display()
        ))
        .help(format!(
            "name another directory with --to, or publish the one in it: publish --to parquet:{root}"
        ))),
        None => Ok(()),
    }
}

/// Refuses an invented desk where a real one was published, and the other way round.
///
/// # Errors
/// [`Usage`](crate::error::ErrorKind::Usage), or the directory cannot be read.
pub(super) fn refuse_other_desk(place: &Place, is_demo: bool) -> Result<()> {
    let Some(name) = place.current()? else {
        return Ok(());
    };
    let root = place.root().display();
    let what = match place.manifest(&name)? {
        Some(manifest) if manifest.is_demo && !is_demo => {
            format!("{root} holds snapshots of the demo's invented desk")
        }
        Some(manifest) if !manifest.is_demo && is_demo => {
            format!("{root} holds snapshots of a real desk, which the demo's must not replace")
        }
        _ => return Ok(()),
    };
    Err(Error::usage(what).help("name another directory with --to"))
}

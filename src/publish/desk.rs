//! What a directory is not for: a second store beside its own, an invented desk in place of a real
//! one. Either would make `current` lead to the one and the other by turns.

use std::path::Path;

use super::directory;
use super::place::Place;
use crate::error::{Error, Result};
use crate::settings::{RunKind, STORE_FILE};
use crate::store::Store;

/// Whether a store holds the demo's invented desk.
pub(super) fn is_demo(store: &Store) -> Result<bool> {
    // Syncs and repairs say nothing about whose desk it is.
    let runs = store.snapshots(u32::MAX)?;
    Ok(runs.iter().any(|run| run.kind == RunKind::Demo.word()))
}

/// Refuses a store that is not the one in the directory.
///
/// # Errors
/// [`Usage`](crate::error::ErrorKind::Usage).
pub(super) fn refuse_other_store(place: &Place, store: &Path) -> Result<()> {
    let root = place.root().display();
    match directory::canonical(&place.root().join(STORE_FILE)) {
        Some(own) if own != store => Err(Error::usage(format!(
            "{root} holds a store of its own, {STORE_FILE}, and {} is another",
            store.display()
        ))
        .help(format!(
            "name another directory with --to, or publish the one in it: publish --to parquet:{root}"
        ))),
        _ => Ok(()),
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

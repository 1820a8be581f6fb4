//! The desk of an earlier demo, which a new one removes.
#![expect(clippy::disallowed_methods, reason = "the demo removes its own store")]

use std::path::Path;
use std::{fs, io};

use super::desk::Desk;
use super::questions;
use crate::clock;
use crate::error::{Error, Result};
use crate::run::desk;
use crate::settings::StoreSettings;
use crate::store::{OpenOptions, Store};
use crate::table::RunKind;

/// The store of an earlier demo, which is to be removed so that each demo shows the same day on the same
/// desk. `None` where there is none, and of one whose backfill of this very desk was interrupted: it is
/// gone on with.
///
/// # Errors
/// The store cannot be opened, is in use, or holds a real desk.
pub(crate) fn earlier(settings: &StoreSettings, desk: &Desk) -> Result<Option<Store>> {
    let path = &settings.path;
    if fs::metadata(path).map_or(0, |found| found.len()) == 0 {
        return Ok(None);
    }
    // Held, so that no run is under way in it.
    let options = OpenOptions {
        file_mode: settings.file_mode,
        now: clock::now()?,
    };
    let store = Store::open(path, &options)?;
    desk::refuse_other_desk(&store, RunKind::Demo, path)?;
    let is_begun = desk::holds_demo(&store)?.is_some();
    if !is_begun || is_interrupted_here(&store, desk)? {
        return Ok(None);
    }
    Ok(Some(store))
}

/// Removes the store of an earlier demo, which was named as `path`.
///
/// # Errors
/// It is not in its place any more, or cannot be removed.
pub(crate) fn remove(store: &Store, path: &Path) -> Result<()> {
    store.require_in_place()?;
    // The log first: without it the file is whole, as of an earlier moment.
    for ending in ["-wal", "-shm", ""] {
        let mut file = store.path().as_os_str().to_owned();
        file.push(ending);
        match fs::remove_file(&file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(Error::usage(format!("cannot remove {}", path.display()))
                    .help("name another file with --to")
                    .because(error));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Whether the store holds an unfinished backfill of this desk.
fn is_interrupted_here(store: &Store, desk: &Desk) -> Result<bool> {
    let is_backfill = store
        .progress()?
        .is_some_and(|progress| progress.snapshot.is_of(RunKind::Demo));
    if !is_backfill {
        return Ok(false);
    }
    let ids = questions::ask(store, "SELECT id FROM tickets")?;
    Ok(ids.rows.iter().flatten().all(|id| desk.has_ticket(id)))
}

//! Whose desk a store holds.

use std::path::Path;

use super::place;
use crate::error::{Error, Result};
use crate::settings::StoreSettings;
use crate::store::Store;
use crate::table::{Instant, RunKind};

/// Opens the store that a run of this kind writes, unless it holds another desk.
///
/// # Errors
/// See [`place::open`]; or the store holds another desk.
pub(crate) fn open(settings: &StoreSettings, kind: RunKind, now: Instant) -> Result<Store> {
    let store = place::open(settings, now)?;
    refuse_other_desk(&store, kind, &settings.path)?;
    Ok(store)
}

/// An invented desk's rows must not mix with a real one's.
pub(crate) fn refuse_other_desk(store: &Store, kind: RunKind, path: &Path) -> Result<()> {
    let Some(holds_demo) = holds_demo(store)? else {
        return Ok(());
    };
    let path = path.display();
    match kind {
        RunKind::Backfill if holds_demo => Err(Error::usage(format!(
            "{path} holds the demo's invented desk"
        ))
        .help("name another file with --to")),
        RunKind::Demo if !holds_demo => Err(Error::usage(format!(
            "{path} holds a real desk, which the demo must not touch"
        ))
        .help("name another file with --to")),
        _ => Ok(()),
    }
}

/// Whether an invented desk's rows are in the store; `None` where no run has written any.
pub(crate) fn holds_demo(store: &Store) -> Result<Option<bool>> {
    // Syncs and repairs say nothing about whose desk it is.
    let kinds = store.kinds()?;
    let is_demo = kinds.iter().any(|kind| kind == RunKind::Demo.word());
    Ok((!kinds.is_empty()).then_some(is_demo))
}

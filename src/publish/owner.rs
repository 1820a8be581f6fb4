//! Whose a snapshot is: what the store that is published knows of itself, held against a manifest.

use std::collections::HashMap;

use super::manifest::Origin;
use crate::error::Result;
use crate::store::Store;
use crate::table::{Snapshot, instant_text};

/// A store, as its snapshots name it.
#[derive(Debug)]
pub(super) struct Owner {
    id: Option<String>,
    /// When its runs began, by their number.
    runs: HashMap<i64, String>,
}

impl Owner {
    /// That of a store.
    ///
    /// # Errors
    /// The store cannot be read.
    pub(super) fn of(store: &Store) -> Result<Self> {
        let runs = store.snapshots(u32::MAX)?;
        let first = runs.iter().min_by_key(|run| run.id);
        Ok(Self {
            id: first.map(identity),
            runs: runs
                .iter()
                .map(|run| (run.id, instant_text(run.started_at)))
                .collect(),
        })
    }

    /// What no other store is called; `None` of one that no run has written to.
    pub(super) fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// Whether a snapshot is of this store. Of one whose manifest does not name its store yet, the run
    /// tells.
    pub(super) fn has(&self, origin: &Origin) -> bool {
        match &origin.store {
            Some(store) => self.id() == Some(store),
            None => self.runs.get(&origin.snapshot_id) == Some(&origin.run.started_at),
        }
    }
}

/// A store's first run is its own, to the millisecond, and stays as it began whatever is restored or
/// read later.
fn identity(first: &Snapshot) -> String {
    let mut hasher = blake3::Hasher::new_derive_key("mava-export store identity v1");
    for part in [
        &first.kind,
        &instant_text(first.started_at),
        &instant_text(first.range_from),
    ] {
        hasher.update(part.as_bytes());
        hasher.update(b"\0");
    }
    hasher.finalize().to_hex().chars().take(32).collect()
}

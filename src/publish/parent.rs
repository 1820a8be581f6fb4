//! The snapshot that the next one is told apart from, and whose files it shares.

use std::path::{Path, PathBuf};

use super::manifest::{Damage, File, Lack, Manifest, Run};
use super::owner::Owner;
use super::place::Place;
use super::{layout, schema};
use crate::derived;
use crate::error::Result;

/// The current snapshot, whole and of the same store.
#[derive(Debug)]
pub(super) struct Parent {
    pub(super) manifest: Manifest,
    directory: PathBuf,
}

/// Whether there is a parent, and why not.
#[derive(Debug)]
pub(super) enum Found {
    Parent(Box<Parent>),
    /// Nothing was published yet.
    None,
    /// What lies there cannot be told apart from: a sentence that says why.
    Unusable(String),
}

/// Looks at the current snapshot. `run` gives the store's account of the run of a number.
///
/// # Errors
/// The directory cannot be read.
pub(super) fn find(
    place: &Place,
    owner: &Owner,
    run: impl FnOnce(i64) -> Result<Option<Run>>,
) -> Result<Found> {
    let Some(name) = place.current()? else {
        return Ok(Found::None);
    };
    let unusable = |why: &str| Ok(Found::Unusable(format!("snapshot {name} {why}")));
    let Some(manifest) = place.manifest(&name)? else {
        return unusable("has no manifest that can be read");
    };
    if manifest.schema != schema::fingerprint() {
        return unusable(
            "was written with other columns, with columns of another meaning, or in another form",
        );
    }
    let is_others = manifest
        .store
        .as_deref()
        .is_some_and(|id| owner.id() != Some(id));
    let now = run(manifest.snapshot_id)?;
    if is_others || !now.is_some_and(|now| manifest.run.leads_to(&now)) {
        return unusable("is of another store, or of a later state of this one");
    }
    let parent = Parent {
        directory: place.snapshot(&name),
        manifest,
    };
    match parent.manifest.damage(&parent.directory) {
        Some(Damage { path, what }) => unusable(&format!("is damaged: {path} {what}")),
        None if !parent.is_placed_so() => {
            unusable("is damaged: its manifest names a file that this version does not make")
        }
        None => Ok(Found::Parent(Box::new(parent))),
    }
}

impl Parent {
    /// Its name.
    pub(super) fn name(&self) -> &str {
        &self.manifest.snapshot
    }

    /// Whether the filesystem was known to lack this.
    pub(super) fn lacks(&self, lack: Lack) -> bool {
        self.manifest.lacks.contains(&lack)
    }

    /// Whether each of its files lies where this version puts it: what is unchanged is taken over as it is.
    fn is_placed_so(&self) -> bool {
        let mut files = self.manifest.files.iter();
        files.all(|file| {
            layout::is_placed_so(&file.table, file.created_month.as_deref(), &file.path)
        })
    }

    /// Whether one of its files is still there, as long as it was written, and no link.
    pub(super) fn has(&self, file: &File) -> bool {
        derived::look_below(&self.directory, Path::new(&file.path)).is_ok_and(|found| {
            found.is_some_and(|found| found.is_file() && found.len() == file.bytes)
        })
    }

    /// Where one of its files lies.
    pub(super) fn path(&self, file: &File) -> PathBuf {
        self.directory.join(&file.path)
    }

    /// The file of a table and month, unless it is there only because the table has no row.
    pub(super) fn file(&self, table: &str, month: Option<&str>) -> Option<&File> {
        self.manifest
            .files
            .iter()
            .find(|file| file.table == table && file.created_month.as_deref() == month)
    }
}

//! Parquet snapshots of a store: a plain directory that every engine reads.
//!
//! ```text
//!  store ──► readers ──► jobs, two at a time ──► files of what changed ─┐
//!            1 instant   a table and a month      links to the rest ────┴─► rename ──► current
//!                            ▲
//!                       parent's file, row by row ──► changes/
//! ```
//!
//! A snapshot is built where nobody looks, synced to disk, renamed into place, and only then does
//! `current` lead to it: a reader sees the old one or the new one, whole. Months in which no ticket
//! changed since the parent are links to the parent's files.

mod batch;
mod build;
mod cell;
mod changes;
mod directory;
mod failure;
mod file;
mod job;
mod layout;
mod listing;
mod manifest;
mod months;
mod old;
mod parent;
mod place;
mod schema;
mod work;

use std::path::PathBuf;

use tokio_util::sync::CancellationToken;

use self::build::{Build, Built};
use self::failure::Stop;
use self::parent::{Found, Parent};
use self::place::Place;
use crate::error::{Error, Result};
use crate::report::{Published, Publishing, TableChanges};
use crate::store::Store;
use crate::table::Instant;

pub use directory::Filesystem;
pub use listing::list;
pub use manifest::{ChangesFile, File, Manifest, Run};
pub use schema::OPERATION;

/// Where and how to publish.
#[derive(Debug, Clone)]
pub struct Options {
    /// The directory; made where it is missing.
    pub directory: PathBuf,
    /// Snapshots kept, the current one included.
    pub keep_snapshots: usize,
    /// Permissions of the files made.
    pub file_mode: u32,
    /// How links are made.
    pub filesystem: Filesystem,
    /// Files made side by side.
    pub workers: usize,
    /// Now: what the manifest says.
    pub now: Instant,
}

/// Makes the directory that a store and its snapshots are to lie in.
///
/// # Errors
/// It cannot be made.
pub fn create_directory(options: &Options) -> Result<()> {
    directory::create_directory(&options.directory, options.file_mode)
}

/// Publishes the store as it is now. Blocks; tells `progress` from several threads.
///
/// # Errors
/// [`Interrupted`](crate::error::ErrorKind::Interrupted) when cancelled,
/// [`StoreBusy`](crate::error::ErrorKind::StoreBusy) while another publish writes to the directory,
/// and whatever keeps the store from being read or the directory from being written. `current` and
/// the store are then as they were.
pub fn publish(
    store: &Store,
    options: &Options,
    cancel: &CancellationToken,
    progress: &(dyn Fn(Publishing) + Sync),
) -> Result<Published> {
    create_directory(options)?;
    let place = Place::new(&options.directory, options.file_mode);
    let _lock = directory::Lock::take(place.root(), options.file_mode)?;
    place.clean()?;
    let Some(latest) = store.snapshots(1)?.pop() else {
        return Err(Error::usage(format!(
            "{} holds no run to publish",
            store.path().display()
        ))
        .help("run a backfill first"));
    };
    let mut remarks = Vec::new();
    let mut parent = parent(&place, store, &mut remarks)?;
    if let Some(parent) = &parent
        && parent.manifest.snapshot_id == latest.id
        && !parent.manifest.is_unfinished()
    {
        // A run that is over changes nothing any more.
        let removed = place.retain(options.keep_snapshots, parent.name())?;
        return Ok(unchanged(options, parent, removed, remarks));
    }
    let name = place.free_name(latest.id);
    let build = Build {
        place: &place,
        store,
        options,
        latest: &latest,
        name: &name,
        cancel,
        progress,
    };
    let built = loop {
        match build.run(parent.as_ref()) {
            Ok(built) => break built,
            Err(Stop::Damaged(error)) if parent.is_some() => {
                remarks.push(without_parent(&format!("{error}")));
                parent = None;
            }
            Err(Stop::Damaged(error) | Stop::Failed(error)) => {
                // What is left is removed by the next publish at the latest.
                let _ = place.clean();
                return Err(error);
            }
        }
    };
    if let Some(parent) = &parent
        && built.is_same_as(parent)
    {
        place.clean()?;
        let removed = place.retain(options.keep_snapshots, parent.name())?;
        return Ok(unchanged(options, parent, removed, remarks));
    }
    let is_linked = place.install(&built.directory, &name, &options.filesystem);
    let is_linked = is_linked.inspect_err(|_| drop(place.clean()))?;
    if !is_linked {
        remarks.push(
            "the filesystem has no symbolic links: current.json names the newest snapshot".into(),
        );
    }
    if built.copied > 0 {
        remarks.push(
            "the filesystem has no hard links: unchanged files were copied, and each snapshot takes its full size"
                .into(),
        );
    }
    place.clean()?;
    let removed = place.retain(options.keep_snapshots, &name)?;
    Ok(published(options, &built, removed, remarks))
}

fn parent(place: &Place, store: &Store, remarks: &mut Vec<String>) -> Result<Option<Parent>> {
    Ok(match parent::find(place, |id| months::run(store, id))? {
        Found::Parent(parent) => Some(*parent),
        Found::None => None,
        Found::Unusable(why) => {
            remarks.push(without_parent(&why));
            None
        }
    })
}

fn without_parent(why: &str) -> String {
    format!("{why}; this snapshot was written whole, without changes/: consumers load it all")
}

fn published(
    options: &Options,
    built: &Built,
    removed: Vec<String>,
    remarks: Vec<String>,
) -> Published {
    let manifest = &built.manifest;
    let count = |is_unchanged: bool| {
        let files = manifest
            .files
            .iter()
            .filter(move |file| file.is_unchanged == is_unchanged);
        files.fold((0, 0), |(count, bytes), file| {
            (count + 1, bytes + file.bytes)
        })
    };
    let (files_written, bytes_written) = count(false);
    let (files_unchanged, bytes_unchanged) = count(true);
    Published {
        directory: options.directory.display().to_string(),
        snapshot: manifest.snapshot.clone(),
        snapshot_id: manifest.snapshot_id,
        parent: manifest.parent.clone(),
        is_new: true,
        has_changes: manifest.parent.is_none() || built.has_data_changes(),
        rows: manifest.files.iter().map(|file| file.rows).sum(),
        files_written,
        bytes_written,
        files_unchanged,
        bytes_unchanged,
        is_linked: built.copied == 0,
        changes: manifest
            .changes
            .iter()
            .map(|file| TableChanges {
                table: file.table.clone(),
                inserted: file.inserted,
                updated: file.updated,
                deleted: file.deleted,
            })
            .collect(),
        removed,
        remarks,
        elapsed_s: 0.0,
    }
}

/// Nothing was written: the store is as `current` has it.
fn unchanged(
    options: &Options,
    current: &Parent,
    removed: Vec<String>,
    remarks: Vec<String>,
) -> Published {
    let manifest = &current.manifest;
    Published {
        directory: options.directory.display().to_string(),
        snapshot: manifest.snapshot.clone(),
        snapshot_id: manifest.snapshot_id,
        parent: manifest.parent.clone(),
        is_new: false,
        has_changes: false,
        rows: manifest.files.iter().map(|file| file.rows).sum(),
        files_written: 0,
        bytes_written: 0,
        files_unchanged: u64::try_from(manifest.files.len()).unwrap_or(u64::MAX),
        bytes_unchanged: manifest.files.iter().map(|file| file.bytes).sum(),
        is_linked: true,
        changes: Vec::new(),
        removed,
        remarks,
        elapsed_s: 0.0,
    }
}

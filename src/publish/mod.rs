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
//! `current` lead to it: a reader sees the old one or the new one, whole. Files of months in
//! which nothing changed since the parent are links to the parent's.

mod batch;
mod build;
mod cell;
mod changes;
mod desk;
mod directory;
mod failure;
mod file;
mod job;
mod layout;
mod listing;
mod manifest;
mod mode;
mod months;
mod old;
mod owner;
mod parent;
mod place;
mod refusal;
mod relation;
mod schema;
mod tally;
mod work;

use std::path::{Path, PathBuf};

use tokio_util::sync::CancellationToken;

use self::build::{Build, Built};
use self::failure::Stop;
use self::owner::Owner;
use self::parent::{Found, Parent};
use self::place::Place;
use crate::error::{Error, Result};
use crate::report::{Published, Publishing, TableChanges};
use crate::store::{Standing, Store};
use crate::table::{Instant, Snapshot};

pub use directory::Filesystem;
pub use listing::list;
pub use manifest::{ChangesFile, File, Lack, Manifest, Run};
pub use schema::OPERATION;

/// Permissions of files, where none are made.
const OWNERS_ONLY: u32 = 0o600;

/// Why a snapshot has no parent that could have been one.
const AS_ASKED: &str = "this snapshot was written whole, as --whole asks";

/// What that is for those who read `changes/`.
const WITHOUT_CHANGES: &str = "without changes/: consumers load it all";

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
    /// Random: what tells the snapshot from any other.
    pub token: u128,
    /// Whether to write all of it, whatever the current snapshot holds.
    pub is_whole: bool,
}

/// Looks whether a real desk's store and its snapshots may lie in this directory. Makes nothing.
///
/// # Errors
/// It is a file, or holds snapshots of an invented desk or of a store that lies elsewhere, or a link in
/// the place of its store or of its snapshots.
pub fn check_directory(directory: &Path) -> Result<()> {
    desk::refuse_file(directory)?;
    let place = Place::new(directory, OWNERS_ONLY);
    place.check()?;
    desk::refuse_linked_store(&place)?;
    desk::refuse_other_desk(&place, false)?;
    desk::refuse_store_elsewhere(&place)
}

/// Makes the directory that a real desk's store and its snapshots are to lie in.
///
/// # Errors
/// It cannot be made, [`StoreBusy`](crate::error::ErrorKind::StoreBusy) while another store is
/// published to it, or see [`check_directory`].
pub fn create_directory(directory: &Path, file_mode: u32) -> Result<()> {
    check_directory(directory)?;
    directory::create_directory(directory, file_mode)?;
    // Better now than after a run: a first publish from elsewhere makes the directory its own.
    directory::Lock::take(directory, file_mode).map(drop)
}

/// Whether the file at `path`, which may not exist, is one that a publish writes into `directory`.
pub fn owns(directory: &Path, path: &Path) -> bool {
    let names = [place::CURRENT, place::CURRENT_JSON, directory::LOCK];
    path.starts_with(directory.join(place::SNAPSHOTS))
        || names.iter().any(|name| path == directory.join(name))
}

/// Refuses a path at which a file lies.
///
/// # Errors
/// [`Usage`](crate::error::ErrorKind::Usage).
pub fn refuse_file(directory: &Path) -> Result<()> {
    desk::refuse_file(directory)
}

/// Refuses a directory in which a link has the name of its store: what is written by that name would be
/// written elsewhere.
///
/// # Errors
/// [`Usage`](crate::error::ErrorKind::Usage).
pub fn refuse_linked_store(directory: &Path) -> Result<()> {
    desk::refuse_linked_store(&Place::new(directory, OWNERS_ONLY))
}

/// Publishes the store as it is now. Blocks; tells `progress` from several threads.
///
/// # Errors
/// [`Interrupted`](crate::error::ErrorKind::Interrupted) when cancelled,
/// [`StoreBusy`](crate::error::ErrorKind::StoreBusy) while another publish writes to the directory,
/// [`Usage`](crate::error::ErrorKind::Usage) where the directory is another store's,
/// [`Failed`](crate::error::ErrorKind::Failed) where another file has come to lie in the store's place,
/// and whatever keeps the store from being read or the directory from being written. `current` and
/// the store are then as they were.
pub fn publish(
    store: &Store,
    options: &Options,
    cancel: &CancellationToken,
    progress: &(dyn Fn(Publishing) + Sync),
) -> Result<Published> {
    let place = Place::new(&options.directory, options.file_mode);
    let is_demo = desk::is_demo(store)?;
    refuse(&place, store, is_demo)?;
    directory::create_directory(&place.snapshots_directory(), options.file_mode)?;
    let _lock = directory::Lock::take(place.root(), options.file_mode)?;
    let owner = Owner::of(store)?;
    let mut remarks = Vec::new();
    remarks.extend(place.clean(&owner)?.map(|name| left_behind(&name)));
    let before = place.adopt_mode()?;
    let latest = latest(store)?;
    let parent = match options.is_whole {
        true => {
            remarks.push(format!("{AS_ASKED}, {WITHOUT_CHANGES}"));
            None
        }
        false => parent(&place, store, &owner, &mut remarks)?,
    };
    if parent.is_none() {
        remarks.extend(others(&place.others(&owner)?));
    }
    if let Some(parent) = &parent
        && parent.manifest.snapshot_id == latest.id
        && !parent.manifest.is_unfinished()
        && parent.manifest.totals == store.totals_made_of()?
        && store.standing()? == Standing::default()
    {
        // A run that is over changes nothing any more, but rejects may be accepted after it, and totals made anew.
        if let Some(before) = before {
            remarks.extend(other_mode(&place, parent, before, options.file_mode)?);
        }
        return unchanged(options, &place, &owner, parent, remarks);
    }
    if latest.finished_at.is_none() {
        remarks.push(unfinished(&latest));
    }
    let name = place.next_name(latest.id)?;
    let build = Build {
        place: &place,
        store,
        owner: &owner,
        options,
        latest: &latest,
        name: &name,
        is_demo,
        lacks_modes: place.lacks_modes(&options.filesystem)?,
        cancel,
        progress,
    };
    build_and_install(&build, parent, remarks)
}

/// The store's latest run.
fn latest(store: &Store) -> Result<Snapshot> {
    store.snapshots(1)?.pop().ok_or_else(|| {
        Error::usage(format!(
            "{} holds no run to publish",
            store.path().display()
        ))
        .help("run a backfill first, or name the store that has one with --from sqlite:FILE")
    })
}

/// Refuses a directory that is not this store's, and a store that is not where it was opened.
fn refuse(place: &Place, store: &Store, is_demo: bool) -> Result<()> {
    desk::refuse_file(place.root())?;
    place.check()?;
    desk::refuse_linked_store(place)?;
    store.require_in_place()?;
    desk::refuse_other_store(place, store.path())?;
    desk::refuse_other_desk(place, is_demo)
}

/// Builds a snapshot and makes it current, unless it tells the same as its parent.
fn build_and_install(
    build: &Build<'_>,
    mut parent: Option<Parent>,
    mut remarks: Vec<String>,
) -> Result<Published> {
    let (place, options) = (build.place, build.options);
    let built = loop {
        match build.run(parent.as_ref()) {
            Ok(built) => break built,
            Err(Stop::Damaged(error)) if parent.is_some() => {
                remarks.push(without_parent(&format!("{error}")));
                parent = None;
            }
            Err(Stop::Damaged(error) | Stop::Failed(error)) => {
                // What is left is removed by the next publish at the latest.
                let _ = place.clean(build.owner);
                return Err(error);
            }
        }
    };
    // What was read is still what lies at the store's path.
    let in_place = build.store.require_in_place();
    in_place.inspect_err(|_| drop(place.clean(build.owner)))?;
    if let Some(parent) = &parent
        && built.is_same_as(parent)
    {
        place.clean(build.owner)?;
        return unchanged(options, place, build.owner, parent, remarks);
    }
    let had_no_links = place.is_named_by_json();
    let is_linked = place.install(&built.directory, &built.manifest, &options.filesystem);
    let is_linked = is_linked.inspect_err(|_| drop(place.clean(build.owner)))?;
    if !is_linked && !had_no_links {
        remarks.push(
            "the filesystem has no symbolic links: current.json names the newest snapshot".into(),
        );
    }
    if built.foreign > 0 {
        remarks.push(foreign(built.foreign));
    }
    remarks.extend(
        built
            .manifest
            .lacks
            .iter()
            .filter(|lack| !parent.as_ref().is_some_and(|parent| parent.lacks(**lack)))
            .map(|lack| lacks(*lack).to_owned()),
    );
    place.clean(build.owner)?;
    let removed = place.retain(options.keep_snapshots, build.name, build.owner)?;
    Ok(published(options, place, &built, removed, remarks))
}

fn left_behind(name: &str) -> String {
    format!(
        "snapshot {name} was removed: the publish that made it ended before it became the current one"
    )
}

/// Gives a snapshot that stays as it is the permissions asked for, and says so.
fn other_mode(
    place: &Place,
    current: &Parent,
    before: u32,
    file_mode: u32,
) -> Result<Option<String>> {
    let name = current.name();
    let (snapshot, manifest) = (place.snapshot(name), &current.manifest);
    let is_changed = mode::change_snapshot(&snapshot, manifest, before, file_mode)?;
    Ok(is_changed.then(|| {
        format!(
            "the files of snapshot {name} now have the permissions {file_mode:04o}, also where older snapshots share them"
        )
    }))
}

/// Says what retention leaves alone, where a store takes a directory over.
fn others(names: &[String]) -> Option<String> {
    let what = match names {
        [] => return None,
        [name] => format!("snapshot {name} is of another store and stays"),
        [first, .., last] => format!(
            "{} snapshots, {first} to {last}, are of another store and stay",
            names.len()
        ),
    };
    Some(format!(
        "{what}: remove them by hand once nobody reads them"
    ))
}

fn unfinished(run: &Snapshot) -> String {
    format!(
        "run {} ({}) is not finished: the snapshot holds what it had read so far",
        run.id, run.kind
    )
}

fn foreign(files: usize) -> String {
    let what = match files {
        1 => "1 unchanged file belongs".to_owned(),
        _ => format!("{files} unchanged files belong"),
    };
    format!(
        "{what} to another user and could not be linked but only copied: publish as one user, or give that one the directory with chown -R"
    )
}

fn lacks(lack: Lack) -> &'static str {
    match lack {
        Lack::HardLinks => {
            "the filesystem has no hard links: unchanged files were copied, and each snapshot takes its full size"
        }
        Lack::Permissions => {
            "the filesystem refuses to set permissions: files have those that it gives them"
        }
    }
}

fn parent(
    place: &Place,
    store: &Store,
    owner: &Owner,
    remarks: &mut Vec<String>,
) -> Result<Option<Parent>> {
    Ok(
        match parent::find(place, owner, |id| months::run(store, id))? {
            Found::Parent(parent) => Some(*parent),
            Found::None => None,
            Found::Unusable(why) => {
                remarks.push(without_parent(&why));
                None
            }
        },
    )
}

fn without_parent(why: &str) -> String {
    format!("{why}; this snapshot was written whole, {WITHOUT_CHANGES}")
}

fn published(
    options: &Options,
    place: &Place,
    built: &Built,
    removed: Vec<String>,
    remarks: Vec<String>,
) -> Published {
    let manifest = &built.manifest;
    let changes = manifest.changes.iter().map(|file| file.bytes);
    let images = manifest.files.iter();
    let written = images.filter(|file| !file.is_unchanged);
    let (files, bytes) = changes
        .chain(written.map(|file| file.bytes))
        .chain([built.manifest_bytes])
        .fold((0, 0), |(count, sum), bytes| (count + 1, sum + bytes));
    Published {
        is_new: true,
        has_changes: manifest.parent.is_none() || built.has_data_changes(),
        files_written: files,
        bytes_written: bytes,
        is_linked: built.copied + built.foreign == 0,
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
        ..told(options, place, manifest)
    }
}

/// Nothing was written: the store is as `current` has it.
fn unchanged(
    options: &Options,
    place: &Place,
    owner: &Owner,
    current: &Parent,
    remarks: Vec<String>,
) -> Result<Published> {
    let manifest = &current.manifest;
    Ok(Published {
        files_unchanged: u64::try_from(manifest.files.len()).unwrap_or(u64::MAX),
        bytes_unchanged: manifest.files.iter().map(|file| file.bytes).sum(),
        removed: place.retain(options.keep_snapshots, current.name(), owner)?,
        remarks,
        ..told(options, place, manifest)
    })
}

/// What a manifest alone tells.
fn told(options: &Options, place: &Place, manifest: &Manifest) -> Published {
    let unchanged = manifest.files.iter().filter(|file| file.is_unchanged);
    let (files_unchanged, bytes_unchanged) =
        unchanged.fold((0, 0), |(count, sum), file| (count + 1, sum + file.bytes));
    let current = match place.is_named_by_json() {
        true => place::CURRENT_JSON,
        false => place::CURRENT,
    };
    Published {
        directory: options.directory.display().to_string(),
        current: options.directory.join(current).display().to_string(),
        snapshot: manifest.snapshot.clone(),
        id: manifest.id.clone(),
        snapshot_id: manifest.snapshot_id,
        parent: manifest.parent.clone(),
        parent_id: manifest.parent_id.clone(),
        is_new: false,
        has_changes: false,
        rows: manifest.files.iter().map(|file| file.rows).sum(),
        files_written: 0,
        bytes_written: 0,
        files_unchanged,
        bytes_unchanged,
        is_linked: true,
        changes: Vec::new(),
        removed: Vec::new(),
        remarks: Vec::new(),
        elapsed_s: 0.0,
    }
}

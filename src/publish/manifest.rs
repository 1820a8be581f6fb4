//! `manifest.json`: what a snapshot holds, for people, for consumers, and for the next publish.

use std::collections::BTreeSet;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::layout;
use crate::derived::{self, Refusal};
use crate::report::PartialRange;
use crate::table::Snapshot;

/// The file's name within a snapshot.
pub(super) const NAME: &str = "manifest.json";

/// A snapshot's own account of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The snapshot's directory, such as `000042`.
    pub snapshot: String,
    /// What no other snapshot has, whatever its directory is called.
    pub id: String,
    /// The store that it is a snapshot of; `None` in a manifest of before this was told.
    #[serde(default)]
    pub store: Option<String>,
    /// The store's last run (`snapshots.id`).
    pub snapshot_id: i64,
    /// When it was published.
    pub created_at: String,
    /// The snapshot that `changes/` starts from; `None` where the whole image is to be loaded.
    pub parent: Option<String>,
    /// The `id` of that one.
    pub parent_id: Option<String>,
    /// The store's schema: how many migrations it has seen.
    pub schema_version: i32,
    /// A hash over tables, columns, their types and meaning, and how files are written.
    pub schema: String,
    /// What the store's totals were made of, and up to when; `None` before any were.
    #[serde(default)]
    pub totals: Option<String>,
    /// Whether the desk is the demo's invented one.
    pub is_demo: bool,
    /// The run that the store's state belongs to.
    pub run: Run,
    /// Ranges that a run began and that neither it nor a later one has read in full.
    #[serde(default)]
    pub partial: Vec<PartialRange>,
    /// What the filesystem turned out to lack, so that it is said once.
    pub lacks: Vec<Lack>,
    /// Every file of the image, table by table, oldest month first.
    pub files: Vec<File>,
    /// Every file of `changes/`.
    pub changes: Vec<ChangesFile>,
}

/// A file of a snapshot that is not as it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Damage<'a> {
    /// Where it lies within the snapshot.
    pub(super) path: &'a str,
    /// What is wrong with it.
    pub(super) what: &'static str,
}

/// As much of a manifest of any version as tells whose its snapshot is.
#[derive(Debug, Deserialize)]
pub(super) struct Origin {
    /// The name that it gives itself.
    pub(super) snapshot: String,
    /// See [`Manifest::store`].
    #[serde(default)]
    pub(super) store: Option<String>,
    /// See [`Manifest::snapshot_id`].
    pub(super) snapshot_id: i64,
    /// See [`Manifest::run`].
    pub(super) run: Began,
}

/// As much of a run as no later one shares.
#[derive(Debug, Deserialize)]
pub(super) struct Began {
    /// See [`Run::started_at`].
    pub(super) started_at: String,
}

/// What a filesystem may lack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lack {
    /// Unchanged files are copied.
    HardLinks,
    /// Files have the permissions that the filesystem gives them.
    Permissions,
}

/// Tells a store from another, and a run from its continuation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// What it was: `backfill`, `sync`, `verify` or `demo`.
    pub kind: String,
    /// How it ended: `complete`, `complete_with_rejects`, `incomplete` or `superseded`; `running` where
    /// it was published unfinished.
    pub outcome: String,
    /// When it began.
    pub started_at: String,
    /// When it ended; `None` where it was published unfinished.
    pub finished_at: Option<String>,
    /// Requests it had sent.
    pub requests: i64,
    /// Tickets it had read.
    pub tickets_read: i64,
}

/// One file of the image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// The table.
    pub table: String,
    /// Where it lies within the snapshot.
    pub path: String,
    /// The month in which its tickets were created, of a table that is cut by month; `None` also
    /// where the file is only there because the table has no row.
    pub created_month: Option<String>,
    /// Its rows.
    pub rows: u64,
    /// Its bytes.
    pub bytes: u64,
    /// When the first of its tickets was created.
    pub first_created_at: Option<String>,
    /// When the last of its tickets was created.
    pub last_created_at: Option<String>,
    /// The run that last changed one of its tickets, of the files of `tickets`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_change: Option<i64>,
    /// Whether it is the parent's, unchanged.
    pub is_unchanged: bool,
}

/// One file of `changes/`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangesFile {
    /// The table.
    pub table: String,
    /// Where it lies within the snapshot.
    pub path: String,
    /// Its bytes.
    pub bytes: u64,
    /// Rows that the parent does not have.
    pub inserted: u64,
    /// Rows that the parent has with other values.
    pub updated: u64,
    /// Rows of the parent that are no more.
    pub deleted: u64,
}

impl Run {
    /// What a run looks like in the store.
    pub(super) fn of(snapshot: &Snapshot) -> Self {
        let text = crate::table::instant_text;
        Self {
            kind: snapshot.kind.clone(),
            outcome: snapshot.outcome.clone(),
            started_at: text(snapshot.started_at),
            finished_at: snapshot.finished_at.map(text),
            requests: snapshot.requests,
            tickets_read: snapshot.tickets_read,
        }
    }

    /// Whether `self`, published before, can have become `now` in the same store.
    pub(super) fn leads_to(&self, now: &Self) -> bool {
        self.started_at == now.started_at
            && match self.finished_at {
                Some(_) => self == now,
                None => self.requests <= now.requests && self.tickets_read <= now.tickets_read,
            }
    }
}

impl Manifest {
    /// Where all its files lie within the snapshot.
    pub(super) fn paths(&self) -> impl Iterator<Item = &Path> {
        let files = self.files.iter().map(|file| file.path.as_str());
        let changes = self.changes.iter().map(|file| file.path.as_str());
        files.chain(changes).map(Path::new)
    }

    /// What is wrong with the snapshot in this directory, as far as the system tells without a file
    /// being read: one that is missing, a link, or of another length than it was written with; or a
    /// manifest that names what no publish makes.
    pub(super) fn damage(&self, directory: &Path) -> Option<Damage<'_>> {
        let (files, changes) = (self.files.iter(), self.changes.iter());
        let mut seen = BTreeSet::new();
        let is_made = files.clone().all(|file| {
            let month = file.created_month.as_deref();
            layout::is_image_path(&file.table, month, &file.path)
        }) && changes
            .clone()
            .all(|file| layout::is_changes_path(&file.table, &file.path))
            && self.paths().all(|path| seen.insert(path));
        if !is_made {
            return Some(Damage {
                path: NAME,
                what: "names a file that no publish makes",
            });
        }
        let files = files.map(|file| (&file.path, file.bytes));
        let changes = changes.map(|file| (&file.path, file.bytes));
        files.chain(changes).find_map(|(path, bytes)| {
            let what = match derived::look_below(directory, Path::new(path)) {
                Ok(Some(found)) if found.is_file() && found.len() == bytes => return None,
                Err(error) if derived::refusal(&error) == Some(Refusal::Link) => {
                    "is a link, or lies behind one"
                }
                _ => "is missing or was cut",
            };
            Some(Damage { path, what })
        })
    }

    /// Whether its run had not ended: then rows may have changed under the same number since.
    pub(super) fn is_unfinished(&self) -> bool {
        self.run.finished_at.is_none()
    }
}

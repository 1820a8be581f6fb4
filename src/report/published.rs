//! What a publish did, and what lies in the directory it writes to.

use serde::Serialize;

/// A publish at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Publishing {
    /// Files made or found unchanged so far, of those that had to be looked at.
    pub files_done: usize,
    /// Files that have to be looked at; those of unchanged months are not among them.
    pub files: usize,
    /// Rows written.
    pub rows: u64,
}

/// What one publish did.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Published {
    /// The directory.
    pub directory: String,
    /// What leads to the newest snapshot: `current` in it, or `current.json` where there are no links.
    pub current: String,
    /// The snapshot that it leads to.
    pub snapshot: String,
    /// What no other snapshot has.
    pub id: String,
    /// The store's last run (`snapshots.id`).
    pub snapshot_id: i64,
    /// The snapshot that `changes/` starts from; `None` where the whole image is to be loaded.
    pub parent: Option<String>,
    /// The `id` of that one.
    pub parent_id: Option<String>,
    /// Whether a snapshot was written; `false` where the store is as it was published.
    pub is_new: bool,
    /// Whether any row differs from the parent, the runs' own records and what is made of all others aside.
    pub has_changes: bool,
    /// Rows of the image.
    pub rows: u64,
    /// Files that were written: of the image, of `changes/`, and the manifest.
    pub files_written: u64,
    /// Their bytes.
    pub bytes_written: u64,
    /// Files of the image that are the parent's.
    pub files_unchanged: u64,
    /// Their bytes.
    pub bytes_unchanged: u64,
    /// Whether those are links, and so cost nothing; `false` for copies.
    pub is_linked: bool,
    /// Rows that differ from the parent, by table; tables without any are left out.
    pub changes: Vec<TableChanges>,
    /// Snapshots that were removed, since more are not kept.
    pub removed: Vec<String>,
    /// What the reader should know: a parent that could not be used, a run that is not finished, a
    /// snapshot that another publish left unfinished, what the filesystem lacks.
    pub remarks: Vec<String>,
    /// Seconds it took.
    pub elapsed_s: f64,
}

/// How the rows of one table differ from the parent's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TableChanges {
    /// Its name.
    pub table: String,
    /// Rows that were added.
    pub inserted: u64,
    /// Rows with other values.
    pub updated: u64,
    /// Rows that are no more.
    pub deleted: u64,
}

/// One snapshot that lies in a directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PublishedSnapshot {
    /// Its name.
    pub snapshot: String,
    /// Whether `current` leads to it.
    pub is_current: bool,
    /// When it was published; `None` where it has no manifest.
    pub created_at: Option<String>,
    /// The first of its files that is missing, not as long as it was written, or behind a link, the
    /// manifest included: also where that names what no publish makes.
    pub damaged: Option<String>,
    /// Rows of its image.
    pub rows: u64,
    /// Files of its image.
    pub files: u64,
    /// Bytes of all its files.
    pub bytes: u64,
    /// Of those, bytes that no other snapshot has: what removing it would free.
    pub bytes_own: u64,
    /// Of those, bytes shared with other snapshots.
    pub bytes_shared: u64,
}

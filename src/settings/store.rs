//! A store, where it is published, and what is said of its rejects.

use std::path::PathBuf;

use super::metrics::MetricsSettings;

/// The store's name in a directory that it is published to.
pub const STORE_FILE: &str = "store.sqlite";

/// Where the store lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreSettings {
    /// The SQLite file.
    pub path: PathBuf,
    /// Permissions of its files, and of those published from it; `None`: those it remembers.
    pub file_mode: Option<u32>,
    /// Where it is published after each run, if anywhere.
    pub publish: Option<PublishSettings>,
    /// How the metrics of its tickets are computed.
    pub metrics: MetricsSettings,
}

/// Where a store is published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishSettings {
    /// The directory of the snapshots.
    pub directory: PathBuf,
    /// Snapshots kept, the current one included; at least 1.
    pub keep_snapshots: usize,
    /// Whether to write all of the next one, whatever the current one holds.
    pub is_whole: bool,
}

/// Rejects to accept, as meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accept {
    /// The store.
    pub store: StoreSettings,
    /// Which.
    pub selection: RejectSelection,
    /// Whether to take it back.
    pub is_undo: bool,
    /// Whether to do it, and not only show it.
    pub is_meant: bool,
}

/// Some of the rejects of a store: those that are met by each list with something in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RejectSelection {
    /// Ids of their tickets.
    pub tickets: Vec<String>,
    /// Paths in the ticket, `[]` for any place.
    pub paths: Vec<String>,
    /// Words of their reasons.
    pub reasons: Vec<String>,
    /// Whether all of them are meant where nothing is named.
    pub is_every: bool,
}

impl RejectSelection {
    /// Whether none are named.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

//! How a store is opened for writing.

use crate::table::Instant;

/// Permissions of a new store that nobody asked others for: for its owner's eyes only.
pub const OWNERS_ONLY: u32 = 0o600;

/// How to open a store for writing.
#[derive(Debug, Clone, Copy)]
pub struct OpenOptions {
    /// Unix permissions of the store and of the files beside it, whatever the umask. `None`: those
    /// that the store remembers, and of a new one [`OWNERS_ONLY`].
    pub file_mode: Option<u32>,
    /// Now: what a second run is told this one holds the store since.
    pub now: Instant,
}

impl OpenOptions {
    /// Files with the permissions that the store remembers.
    pub fn new(now: Instant) -> Self {
        Self {
            file_mode: None,
            now,
        }
    }
}

//! What jobs that are done side by side share, and what they know of each other.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use tokio_util::sync::CancellationToken;

use super::failure::Stop;
use crate::error::{Error, ErrorKind};
use crate::report::Publishing;

type Result<T> = std::result::Result<T, Stop>;

/// What all jobs share.
#[derive(Clone, Copy)]
pub(super) struct Shared<'a> {
    pub(super) file_mode: u32,
    pub(super) cancel: &'a CancellationToken,
    pub(super) progress: &'a (dyn Fn(Publishing) + Sync),
}

/// What the threads know of each other.
pub(super) struct Tally<'a> {
    shared: Shared<'a>,
    files: usize,
    files_done: AtomicUsize,
    rows: AtomicU64,
    has_stopped: AtomicBool,
}

impl<'a> Tally<'a> {
    pub(super) fn of(shared: Shared<'a>, files: usize) -> Self {
        Self {
            shared,
            files,
            files_done: AtomicUsize::new(0),
            rows: AtomicU64::new(0),
            has_stopped: AtomicBool::new(false),
        }
    }

    pub(super) fn file_mode(&self) -> u32 {
        self.shared.file_mode
    }

    /// Rows were written. An error where no more are to be.
    pub(super) fn add(&self, rows: u64) -> Result<()> {
        self.rows.fetch_add(rows, Ordering::Relaxed);
        self.tell();
        if self.shared.cancel.is_cancelled() {
            return Err(Error::new(ErrorKind::Interrupted, "interrupted while publishing").into());
        }
        if self.has_stopped.load(Ordering::Relaxed) {
            return Err(Error::failed("another file could not be written").into());
        }
        Ok(())
    }

    /// A file is done.
    pub(super) fn finish_file(&self) {
        self.files_done.fetch_add(1, Ordering::Relaxed);
        self.tell();
    }

    /// Lets no thread go on; whether that was said before.
    pub(super) fn stop(&self) -> bool {
        self.has_stopped.swap(true, Ordering::Relaxed)
    }

    fn tell(&self) {
        (self.shared.progress)(Publishing {
            files_done: self.files_done.load(Ordering::Relaxed),
            files: self.files,
            rows: self.rows.load(Ordering::Relaxed),
        });
    }
}

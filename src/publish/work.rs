//! Does jobs side by side, a thread a reader. The only module of publishing that has threads.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use tokio_util::sync::CancellationToken;

use super::failure::Stop;
use super::job::{self, Done, Job};
use crate::error::{Error, ErrorKind};
use crate::report::Publishing;
use crate::store::Reader;

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

impl Tally<'_> {
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

    fn tell(&self) {
        (self.shared.progress)(Publishing {
            files_done: self.files_done.load(Ordering::Relaxed),
            files: self.files,
            rows: self.rows.load(Ordering::Relaxed),
        });
    }
}

/// Does all jobs; what came of them, in their order.
///
/// # Errors
/// The first that any of them met.
pub(super) fn all(jobs: &[Job], readers: Vec<Reader>, shared: Shared<'_>) -> Result<Vec<Done>> {
    let tally = Tally {
        shared,
        files: jobs.len(),
        files_done: AtomicUsize::new(0),
        rows: AtomicU64::new(0),
        has_stopped: AtomicBool::new(false),
    };
    // First what takes longest, so that no thread is left with it alone in the end.
    let mut order: Vec<(usize, &Job)> = jobs.iter().enumerate().collect();
    order.sort_by_key(|(_, job)| job.table.name != "messages");
    let next = AtomicUsize::new(0);
    let results: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = readers
            .into_iter()
            .map(|reader| scope.spawn(|| some(&order, &next, reader, &tally)))
            .collect();
        threads.into_iter().map(|thread| thread.join()).collect()
    });
    let mut done = Vec::new();
    let mut failures = Vec::new();
    for result in results {
        match result {
            Ok(Ok(came)) => done.extend(came),
            Ok(Err((number, stop))) => failures.push((number, stop)),
            Err(_) => return Err(Error::failed("a thread that publishes broke down").into()),
        }
    }
    // What stopped the others says why; the others only that they were stopped.
    failures.sort_by_key(|(number, _)| *number);
    if let Some((_, stop)) = failures.into_iter().next() {
        return Err(stop);
    }
    done.sort_by_key(|(index, _)| *index);
    Ok(done.into_iter().map(|(_, done)| done).collect())
}

type Came = std::result::Result<Vec<(usize, Done)>, (usize, Stop)>;

/// Does jobs until none is left. A failure comes with 0 from the thread that failed first.
fn some(order: &[(usize, &Job)], next: &AtomicUsize, reader: Reader, tally: &Tally<'_>) -> Came {
    let mut done = Vec::new();
    while let Some((index, job)) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
        let came = tally.add(0).and_then(|()| job::run(job, &reader, tally));
        match came {
            Ok(came) => done.push((*index, came)),
            Err(stop) => {
                let was_stopped = tally.has_stopped.swap(true, Ordering::Relaxed);
                return Err((usize::from(was_stopped), stop));
            }
        }
        tally.files_done.fetch_add(1, Ordering::Relaxed);
        tally.tell();
    }
    Ok(done)
}

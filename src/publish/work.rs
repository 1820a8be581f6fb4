//! Does jobs side by side, a thread a reader. The only module of publishing that has threads.

use std::collections::BTreeSet;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::Builder;

use super::failure::Stop;
use super::job::{self, Done, Job};
use super::tally::{Shared, Tally};
use crate::error::Error;
use crate::store::{Damage, Reader};
use crate::table::{DailyMetrics, LIVE_MESSAGES, Message, Record};

type Result<T> = std::result::Result<T, Stop>;

/// Does all jobs; what came of them, in their order.
///
/// # Errors
/// The first that any of them met.
pub(super) fn all(jobs: &[Job<'_>], readers: Vec<Reader>, shared: Shared<'_>) -> Result<Vec<Done>> {
    let tally = Tally::of(shared, jobs.len());
    // First what takes longest, so that no thread is left with it alone in the end.
    let mut order: Vec<(usize, &Job<'_>)> = jobs.iter().enumerate().collect();
    let longest = [Message::TABLE, LIVE_MESSAGES, DailyMetrics::TABLE].map(|table| table.name);
    order.sort_by_key(|(_, job)| !longest.contains(&job.relation.name()));
    let (done, _) = side_by_side(&order, readers, &tally, |job, reader, tally| {
        let done = job::run(job, reader, tally)?;
        tally.finish_file();
        Ok(done)
    })?;
    Ok(done)
}

/// Looks at all rows that the jobs would write; those that are not as they were written.
///
/// # Errors
/// The first that any of them met.
pub(super) fn check(
    jobs: &[Job<'_>],
    readers: Vec<Reader>,
    shared: Shared<'_>,
) -> Result<(Vec<Damage>, Vec<Reader>)> {
    let tally = Tally::of(shared, jobs.len());
    // Tables that are not cut by month are all written each time: one look for them. What is made of a month's
    // tickets needs a look at them, too.
    let months: BTreeSet<&str> = jobs.iter().filter_map(|job| job.month.as_deref()).collect();
    let mut looks: Vec<Option<&str>> = vec![None];
    looks.extend(months.into_iter().map(Some));
    let order: Vec<(usize, &Option<&str>)> = looks.iter().enumerate().collect();
    let (found, readers) = side_by_side(&order, readers, &tally, |look, reader, tally| {
        let told = || tally.add(0).is_ok();
        Ok(match look {
            Some(month) => reader.damaged_tickets(month, &told)?,
            None => reader.damaged_rows(&told)?,
        })
    })?;
    Ok((found.into_iter().flatten().collect(), readers))
}

type Came<T> = std::result::Result<(Vec<(usize, T)>, Reader), (usize, Stop)>;

/// Does `work` on all items, some at a time, and gives the readers back.
fn side_by_side<I: Sync, T: Send>(
    order: &[(usize, &I)],
    readers: Vec<Reader>,
    tally: &Tally<'_>,
    work: impl Fn(&I, &Reader, &Tally<'_>) -> Result<T> + Sync,
) -> Result<(Vec<T>, Vec<Reader>)> {
    let next = AtomicUsize::new(0);
    let (next, work) = (&next, &work);
    let results: Result<Vec<_>> = std::thread::scope(|scope| {
        let started: io::Result<Vec<_>> = readers
            .into_iter()
            .map(|reader| {
                Builder::new().spawn_scoped(scope, move || some(order, next, reader, tally, work))
            })
            .collect();
        let threads = started.inspect_err(|_| {
            tally.stop();
        });
        let threads = threads.map_err(|error| {
            Error::failed("the system gives no thread to publish with").because(error)
        })?;
        Ok(threads.into_iter().map(|thread| thread.join()).collect())
    });
    let mut done = Vec::new();
    let mut failures = Vec::new();
    let mut readers = Vec::new();
    for result in results? {
        match result {
            Ok(Ok((came, reader))) => {
                done.extend(came);
                readers.push(reader);
            }
            Ok(Err((number, stop))) => failures.push((number, stop)),
            Err(_) => {
                return Err(Error::failed("a thread that publishes broke down")
                    .help(
                        "where memory ran out, raise the limit (ulimit -v) and publish again; the last \
                         snapshot is as it was",
                    )
                    .into());
            }
        }
    }
    // What stopped the others says why; the others only that they were stopped.
    failures.sort_by_key(|(number, _)| *number);
    if let Some((_, stop)) = failures.into_iter().next() {
        return Err(stop);
    }
    done.sort_by_key(|(index, _)| *index);
    Ok((done.into_iter().map(|(_, done)| done).collect(), readers))
}

/// Does `work` on items until none is left. A failure comes with 0 from the thread that failed first.
fn some<I, T>(
    order: &[(usize, &I)],
    next: &AtomicUsize,
    reader: Reader,
    tally: &Tally<'_>,
    work: &(impl Fn(&I, &Reader, &Tally<'_>) -> Result<T> + Sync),
) -> Came<T> {
    let mut done = Vec::new();
    while let Some((index, item)) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
        let came = tally.add(0).and_then(|()| work(item, &reader, tally));
        match came {
            Ok(came) => done.push((*index, came)),
            Err(stop) => {
                let was_stopped = tally.stop();
                return Err((usize::from(was_stopped), stop));
            }
        }
    }
    Ok((done, reader))
}

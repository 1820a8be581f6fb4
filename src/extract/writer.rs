//! The writer: one thread that owns the store while pages come in.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;

use tokio::sync::mpsc;

use crate::api::Held;
use crate::error::{Error, Result};
use crate::normalize::TicketRows;
use crate::plan::{Slice, Told};
use crate::store::{PageCommit, Rejected, Store};
use crate::table::{Instant, Reject};
use crate::window::Window;

/// Pages that may wait for the writer. Few: each holds a page's rows in memory.
const WAITING_PAGES: usize = 2;

/// What the writer is told, in the order it has to be stored.
#[derive(Debug)]
pub enum Event {
    /// A page's rows, its slice's new cursor and the requests since the last page.
    Page {
        /// The slice as it stands after the page.
        slice: Slice,
        /// Its tickets.
        tickets: Vec<TicketRows>,
        /// Tickets that gave no rows.
        rejects: Vec<Reject>,
        /// Where those stand.
        placed: Vec<Rejected>,
        /// Requests since the last event that counted any.
        requests: i64,
        /// When it was read.
        read_at: Instant,
        /// The memory that its tickets take.
        held: Held,
    },
    /// A part of another slice is read once more, as this one.
    Added(Slice),
    /// What answers said of how many tickets a stretch holds.
    Announced {
        /// The stretch.
        window: Window,
        /// What was said.
        told: Told,
    },
    /// A slice gave its later half away.
    Split {
        /// What it kept.
        shrunk: Slice,
        /// What it gave.
        added: Slice,
    },
}

/// A thread that stores events, and the way to it.
#[derive(Debug)]
pub struct Writer {
    events: mpsc::Sender<Event>,
    read_again: Arc<AtomicU64>,
    thread: JoinHandle<(Store, Result<()>)>,
}

impl Writer {
    /// Starts the thread; it takes the store and gives it back in [`Writer::finish`].
    ///
    /// # Errors
    /// Where the system gives no thread.
    pub fn start(store: Store, snapshot_id: i64) -> Result<Self> {
        let (events, inbox) = mpsc::channel(WAITING_PAGES);
        let read_again = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&read_again);
        let thread = std::thread::Builder::new()
            .name("writer".to_owned())
            .spawn(move || write(store, snapshot_id, inbox, &counter))
            .map_err(|error| Error::failed("cannot start the writer's thread").because(error))?;
        Ok(Self {
            events,
            read_again,
            thread,
        })
    }

    /// Tickets stored so far that the run had read before: where a run that was interrupted goes on,
    /// its slices begin with tickets that it has.
    pub fn read_again(&self) -> u64 {
        self.read_again.load(Ordering::Relaxed)
    }

    /// Hands an event over, waiting while the writer is behind. `false` when the writer has ended,
    /// which it only does over an error: [`Writer::finish`] has it.
    pub async fn send(&self, event: Event) -> bool {
        self.events.send(event).await.is_ok()
    }

    /// Waits until everything handed over is stored, and gives the store back with the error that
    /// ended the writer early, if one did.
    ///
    /// # Errors
    /// Where the thread itself came to grief.
    pub async fn finish(self) -> Result<(Store, Result<()>)> {
        drop(self.events);
        tokio::task::spawn_blocking(move || self.thread.join())
            .await
            .map_err(|error| Error::failed("cannot wait for the writer").because(error))?
            .map_err(|_| Error::failed("the writer ended unexpectedly"))
    }
}

fn write(
    mut store: Store,
    snapshot_id: i64,
    mut inbox: mpsc::Receiver<Event>,
    read_again: &AtomicU64,
) -> (Store, Result<()>) {
    while let Some(event) = inbox.blocking_recv() {
        match apply(&mut store, snapshot_id, &event) {
            Ok(again) => read_again.fetch_add(again, Ordering::Relaxed),
            Err(error) => return (store, Err(error)),
        };
    }
    (store, Ok(()))
}

/// Stores an event; how many of its tickets the run had read before.
fn apply(store: &mut Store, snapshot_id: i64, event: &Event) -> Result<u64> {
    match event {
        Event::Page {
            slice,
            tickets,
            rejects,
            placed,
            requests,
            read_at,
            held: _,
        } => {
            let page = PageCommit {
                snapshot_id,
                slice,
                tickets,
                rejects,
                requests: *requests,
                read_at: *read_at,
            };
            let counts = store.commit_page_with(&page, placed)?;
            let read = usize::try_from(counts.read).unwrap_or(0);
            let again = tickets.len().saturating_sub(read);
            return Ok(u64::try_from(again).unwrap_or(0));
        }
        Event::Announced { window, told } => store.commit_announced(snapshot_id, *window, *told),
        Event::Split { shrunk, added } => store.commit_split(snapshot_id, shrunk, added),
        Event::Added(slice) => store.commit_slice(snapshot_id, slice),
    }?;
    Ok(0)
}

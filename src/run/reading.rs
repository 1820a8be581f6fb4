//! A reading: the slices of a run that are still open, read by the lanes while the writer has the store.

use std::sync::Arc;

use super::running::Running;
use crate::error::Result;
use crate::extract::{Ended, Extraction, Scope, Work, Writer};
use crate::store::Store;

/// All open slices of a run, and how they are to be read. The store is lent to the writer meanwhile.
#[derive(Debug)]
pub(crate) struct Reading<'a> {
    pub(crate) run: &'a Running<'a>,
    /// What every page is asked with.
    pub(crate) scope: Arc<Scope>,
    /// At most so many pages in flight.
    pub(crate) max_lanes: usize,
    /// See [`Extraction::is_listing`].
    pub(crate) is_listing: bool,
    /// See [`Extraction::is_cautious`].
    pub(crate) is_cautious: bool,
    /// Tickets that the run has read already.
    pub(crate) tickets_resumed: i64,
}

/// What a reading gives back.
#[derive(Debug)]
pub(crate) struct ReadBack {
    /// The store that was lent.
    pub(crate) store: Store,
    /// How the lanes ended; an error where the store itself could not be read or written.
    pub(crate) ended: Result<Ended>,
}

impl Reading<'_> {
    /// Reads until every slice is done, or the run is cancelled, or something fails. Requests that no
    /// page was stored with are the caller's to enter.
    ///
    /// # Errors
    /// The writer did not start or did not end, and the store is lost with it.
    pub(crate) async fn run(self, store: Store) -> Result<ReadBack> {
        let Running {
            context,
            snapshot_id,
            ..
        } = *self.run;
        let slices = match store.slices(snapshot_id) {
            Ok(slices) => slices,
            Err(error) => {
                return Ok(ReadBack {
                    store,
                    ended: Err(error),
                });
            }
        };
        let extraction = Extraction {
            client: Arc::clone(&context.client),
            scope: self.scope,
            max_lanes: self.max_lanes,
            is_listing: self.is_listing,
            is_cautious: self.is_cautious,
            processors: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            cancel: context.cancel.clone(),
            progress: context.progress.clone(),
        };
        let work = Work {
            snapshot_id,
            slices,
            tickets_resumed: u64::try_from(self.tickets_resumed).unwrap_or(0),
            account: self.run.account.clone(),
        };
        let writer = Writer::start(store, snapshot_id)?;
        let ended = extraction.run(work, &writer).await;
        let (store, written) = writer.finish().await?;
        Ok(ReadBack {
            store,
            ended: written.map(|()| ended),
        })
    }
}

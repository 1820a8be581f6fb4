//! Lists by creation: everything new, the open set, or the whole desk, through the lanes of a backfill.

use std::sync::Arc;

use chrono::TimeDelta;

use super::super::mend;
use super::night::Night;
use crate::api;
use crate::clock;
use crate::error::{Error, ErrorKind, Result};
use crate::extract::{Extraction, Scope, Work, Writer};
use crate::plan::SliceState;
use crate::settings::Filters;
use crate::window::Window;

/// How far past the server's clock a list of new tickets reaches: what a clock may be behind.
const AHEAD: TimeDelta = TimeDelta::days(1);

impl Night<'_> {
    /// Step 0: the whole desk.
    pub(super) async fn full(&mut self) -> Result<()> {
        if self.is_thorough {
            self.prepare_mending().await?;
        }
        let until = self.desk.began_at + AHEAD;
        let windows = self.desk.windows_until(until);
        self.list(&windows, Filters::default()).await?;
        if let (true, Some(range)) = (
            self.failures.is_empty(),
            Window::new(self.desk.first, until),
        ) {
            let snapshot_id = self.snapshot_id;
            let missing = self.store()?.unseen(snapshot_id, &range)?;
            self.settle(missing).await?;
            if !self.is_suspicious {
                self.store()?.forget_unmet(snapshot_id, &range)?;
            }
        }
        if let Some(remark) = mend::told(self.store()?.mended()) {
            self.remark(remark);
        }
        // Last, so that a run that goes on with this one counts nothing twice.
        self.prove_all()
    }

    /// From now on rows that were damaged or edited by hand are written again where they are read.
    async fn prepare_mending(&mut self) -> Result<()> {
        let Some(store) = self.store.take() else {
            return Err(Error::failed("the store was lost with its writer"));
        };
        let (store, remarks) = mend::prepare(store, clock::now()?).await?;
        self.store = Some(store);
        remarks.into_iter().for_each(|remark| self.remark(remark));
        Ok(())
    }

    /// Step 1: created since the last complete sync.
    pub(super) async fn new_tickets(&mut self) -> Result<()> {
        let Some(window) = Window::new(self.desk.since, self.desk.began_at + AHEAD) else {
            return Ok(());
        };
        self.list(&window.split_by_year(), Filters::default())
            .await?;
        if self.failures.is_empty() {
            let snapshot_id = self.snapshot_id;
            self.store()?.forget_unmet(snapshot_id, &window)?;
        }
        Ok(())
    }

    /// Step 2: everything that is not resolved. A window in which nothing is open locally is looked
    /// into every seventh night.
    pub(super) async fn open_set(&mut self) -> Result<()> {
        let mut windows = Vec::new();
        for (number, window) in self.desk.windows().into_iter().enumerate() {
            if self.store()?.open_count(&window)? > 0 || self.desk.is_turn(number) {
                windows.push(window);
            }
        }
        let open: Vec<String> = api::STATUSES
            .iter()
            .filter(|status| **status != "Resolved")
            .map(ToString::to_string)
            .collect();
        let filters = Filters {
            status: open,
            ..Filters::default()
        };
        self.list(&windows, filters).await
    }

    /// Reads these windows to their end, or goes on where an earlier part of the run stopped.
    async fn list(&mut self, windows: &[Window], filters: Filters) -> Result<()> {
        let snapshot_id = self.snapshot_id;
        let is_filtered = !filters.is_empty();
        let store = self.store()?;
        let is_begun = store
            .slices(snapshot_id)?
            .iter()
            .any(|slice| slice.state == SliceState::Open);
        if !is_begun {
            store.plan_slices(snapshot_id, windows)?;
        }
        let slices = store.slices(snapshot_id)?;
        let read = store.snapshot(snapshot_id)?.tickets_read;
        let extraction = Extraction {
            client: Arc::clone(&self.context.client),
            scope: Arc::new(Scope {
                filters,
                has_messages: self.scope.has_messages,
            }),
            max_lanes: self.settings.max_lanes,
            is_listing: is_filtered,
            is_cautious: false,
            processors: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            cancel: self.context.cancel.clone(),
            progress: self.context.progress.clone(),
        };
        let work = Work {
            snapshot_id,
            slices,
            tickets_resumed: u64::try_from(read).unwrap_or(0),
            requests_accounted: self.accounted(),
        };
        let Some(store) = self.store.take() else {
            return Err(Error::failed("the store was lost with its writer"));
        };
        let writer = Writer::start(store, snapshot_id)?;
        let ended = extraction.run(work, &writer).await;
        let (store, written) = writer.finish().await?;
        self.store = Some(store);
        written?;
        self.set_accounted(ended.requests_accounted);
        for remark in ended.remarks {
            self.remark(remark);
        }
        if ended.lacks_threads && !is_filtered {
            let windows = windows
                .first()
                .map_or_else(String::new, ToString::to_string);
            let reason = "no ticket came with messages, although they were asked for";
            self.fail(windows, reason.to_owned());
        }
        if let Some(failure) = ended.failure {
            return Err(failure);
        }
        let mut failures = Vec::new();
        for slice in self.store()?.slices(snapshot_id)? {
            match slice.state {
                SliceState::Open => {
                    return Err(Error::new(ErrorKind::Interrupted, "interrupted"));
                }
                SliceState::Unverified { reason } => {
                    failures.push((slice.window.to_string(), reason));
                }
                SliceState::Sealed => {}
            }
        }
        for (window, reason) in failures {
            self.fail(window, reason);
        }
        Ok(())
    }
}

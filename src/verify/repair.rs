//! The repair: slices that differ or hold damaged rows are read again, whatever their hashes say.

use std::sync::Arc;

use crate::error::Result;
use crate::extract::{self, Scope};
use crate::plan::losses::young_from;
use crate::plan::{Slice, SliceState};
use crate::run::closing::{self, Step};
use crate::run::gone::{self, Search};
use crate::run::reading::{ReadBack, Reading};
use crate::run::{Running, lookups, twins};
use crate::settings::Filters;
use crate::store::{Outcome, RunSpec, Store, WindowStep};
use crate::table::{RunKind, Snapshot};
use crate::window::Window;

/// Pages in flight at most.
const LANES: usize = 16;

/// A repair under way.
pub(super) struct Repairing<'a> {
    /// The run; it has no snapshot before it is begun.
    pub(super) run: Running<'a>,
    /// Whether threads are asked for.
    pub(super) has_messages: bool,
    /// All that the store covers: what the guard against mass deletions is held against.
    pub(super) covered: &'a [Window],
    /// Whether what was read and flagged is all there was to read and flag.
    pub(super) is_whole: bool,
    /// What the user should know.
    pub(super) remarks: Vec<String>,
}

impl Repairing<'_> {
    /// Begins the run, whose range holds all the slices. One that was cut short is given up: what it
    /// read is stored, and the slices of this one follow from what is wrong now.
    pub(super) fn begin(&mut self, store: &mut Store, range: Window) -> Result<()> {
        let spec = RunSpec {
            kind: RunKind::Verify,
            range,
            is_until_open: false,
            filters_json: None,
            has_messages: self.has_messages,
        };
        self.run.snapshot_id = store
            .begin_anew(&spec, self.run.context.client.now()?)?
            .snapshot_id;
        tracing::info!(run = self.run.snapshot_id, window = %range, "repair begins");
        Ok(())
    }

    /// Reads the lists of categories and agents.
    pub(super) async fn lists(&mut self, store: &mut Store) -> Result<()> {
        let lookups = extract::lookups(&self.run.context.client, &self.run.context.cancel).await?;
        lookups::commit(&self.run, store, &lookups)?;
        lookups
            .remarks
            .into_iter()
            .for_each(|remark| self.remark(remark));
        Ok(())
    }

    /// Reads `windows` again and flags what is gone from them; gives the store back, and whether
    /// it came to its end. What is read is held against the rows themselves.
    pub(super) async fn read(
        &mut self,
        mut store: Store,
        windows: &[Window],
    ) -> Result<(Store, bool)> {
        let pieces: Vec<Window> = windows.iter().flat_map(Window::split_by_year).collect();
        let added = store.plan_slices(self.run.snapshot_id, &pieces)?;
        let first_slice = added.first().map_or(0, |slice| slice.number);
        store.compare_rows();
        let mut store = self.extract(store).await?;
        let slices = store.slices(self.run.snapshot_id)?;
        if slices.iter().any(|slice| slice.state == SliceState::Open) {
            return Ok((store, false));
        }
        let ended = match self.flag(&mut store, &slices).await {
            Ok(remark) => self.close(&mut store, &pieces, first_slice, remark).await,
            Err(error) => Err(error),
        };
        match ended {
            Ok(()) => Ok((store, true)),
            Err(error) if error.is_interruption() => Ok((store, false)),
            Err(error) => Err(error),
        }
    }

    /// Ends each piece with a count.
    async fn close(
        &mut self,
        store: &mut Store,
        pieces: &[Window],
        first_slice: i64,
        unsettled: Option<String>,
    ) -> Result<()> {
        // What an earlier round settled is counted again, since it was read again.
        let of = WindowStep::Round(first_slice);
        store.plan_windows(self.run.snapshot_id, &of, pieces)?;
        let step = Step {
            of,
            scope: self.scope(),
            first_slice,
            covered: self.covered,
        };
        let closed = closing::close(&self.run, &step, store).await;
        self.run.enter_requests(store)?;
        let closed = closed?;
        self.is_whole &= closed.is_settled;
        if closed.disbelieved > 0 {
            self.remark(gone::disbelief(closed.disbelieved));
        }
        // What was missed at first may have come since.
        for piece in pieces {
            let unseen = store.unseen(self.run.snapshot_id, piece)?;
            if let (false, Some(remark)) = (unseen.is_empty(), &unsettled) {
                self.is_whole = false;
                if closed.disbelieved == 0 {
                    self.remark(remark.clone());
                }
            }
        }
        for remark in closed.remarks {
            self.remark(remark);
        }
        for slice in store.slices(self.run.snapshot_id)? {
            if let SliceState::Unverified { reason } = &slice.state {
                self.remark(format!(
                    "{} was not proven complete: {reason}",
                    slice.window
                ));
            }
        }
        Ok(())
    }

    async fn extract(&mut self, mut store: Store) -> Result<Store> {
        self.run.enter_requests(&mut store)?;
        let reading = Reading {
            run: &self.run,
            scope: self.scope(),
            max_lanes: LANES,
            is_listing: false,
            // What was read is counted again afterwards.
            is_cautious: false,
            tickets_resumed: 0,
        };
        let ReadBack { mut store, ended } = reading.run(store).await?;
        let ended = ended?;
        ended
            .remarks
            .into_iter()
            .for_each(|remark| self.remark(remark));
        if ended.lacks_threads {
            self.is_whole = false;
            self.remark(
                "no ticket came with messages, although they were asked for; threads in the store \
                 were left as they are"
                    .to_owned(),
            );
        }
        self.run.enter_requests(&mut store)?;
        match ended.failure {
            Some(failure) if !failure.is_interruption() => Err(failure),
            _ => Ok(store),
        }
    }

    /// What every page is asked with.
    fn scope(&self) -> Arc<Scope> {
        Arc::new(Scope {
            filters: Filters::default(),
            has_messages: self.has_messages,
        })
    }

    /// Flags what is gone from the slices that were read to their end. A remark where that is not
    /// settled.
    async fn flag(&mut self, store: &mut Store, slices: &[Slice]) -> Result<Option<String>> {
        let mut missing = Vec::new();
        let mut range: Option<Window> = None;
        let sealed = slices.iter();
        for slice in sealed.filter(|slice| slice.state == SliceState::Sealed) {
            missing.extend(store.unseen(self.run.snapshot_id, &slice.window)?);
            range = Some(range.map_or(slice.window, |range| range.hull(slice.window)));
        }
        let Some(range) = range else {
            return Ok(None);
        };
        missing.sort_by(|one, other| (one.1, &one.0).cmp(&(other.1, &other.0)));
        // A second round reads what the first one did.
        missing.dedup();
        let search = Search {
            run: &self.run,
            has_messages: self.has_messages,
            range,
            slice: slices.first(),
            covered: self.covered,
            // What is covered ends ten minutes before the run that read it.
            young_from: range.until().min(young_from(self.run.began_at)),
        };
        let flagged = search.flag(store, &missing).await;
        self.run.enter_requests(store)?;
        flagged
    }

    /// Ends the run.
    pub(super) fn finish(&mut self, store: &mut Store, is_equal: bool) -> Result<Snapshot> {
        self.run.enter_requests(store)?;
        let outcome = match is_equal && self.is_whole {
            true => Outcome::Complete,
            false => Outcome::Incomplete,
        };
        let snapshot = store.finish(
            self.run.snapshot_id,
            outcome,
            self.run.context.client.now()?,
        )?;
        if let Some(remark) = twins::remark(store)? {
            self.remark(remark);
        }
        Ok(snapshot)
    }

    /// Says something once, in however many rounds.
    pub(super) fn remark(&mut self, remark: String) {
        if !self.remarks.contains(&remark) {
            self.remarks.push(remark);
        }
    }
}

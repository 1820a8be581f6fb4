//! Lists by creation: everything new, the open set, or the whole desk, through the lanes of a backfill.

use std::sync::Arc;

use chrono::TimeDelta;

use super::night::Night;
use crate::error::{Error, Result};
use crate::extract::{Extraction, Scope, Work, Writer};
use crate::mava::OPEN;
use crate::plan::SliceState;
use crate::refresh::SyncStep;
use crate::run::closing;
use crate::run::{Running, mend};
use crate::settings::Filters;
use crate::store::WindowState;
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
        self.list(SyncStep::Full, &windows, Filters::default())
            .await?;
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
        let (store, remarks) = mend::prepare(store, self.context.client.now()?).await?;
        self.store = Some(store);
        remarks.into_iter().for_each(|remark| self.remark(remark));
        Ok(())
    }

    /// Step 1: created since the last complete sync.
    pub(super) async fn new_tickets(&mut self) -> Result<()> {
        let Some(window) = Window::new(self.desk.since, self.desk.began_at + AHEAD) else {
            return Ok(());
        };
        self.list(SyncStep::New, &window.split_by_year(), Filters::default())
            .await
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
        let filters = Filters {
            status: OPEN.map(str::to_owned).to_vec(),
            ..Filters::default()
        };
        self.list(SyncStep::Open, &windows, filters).await
    }

    /// Reads these windows to their end, or goes on where an earlier part of the run stopped, and
    /// closes each with a count of it up to the start of the sync.
    async fn list(&mut self, step: SyncStep, windows: &[Window], filters: Filters) -> Result<()> {
        let snapshot_id = self.snapshot_id;
        let is_filtered = !filters.is_empty();
        let store = self.store()?;
        let slices = store.slices(snapshot_id)?;
        let open = slices
            .iter()
            .filter(|slice| slice.state == SliceState::Open);
        let first_slice = match open.map(|slice| slice.number).min() {
            Some(begun) => begun,
            None => {
                let added = store.plan_slices(snapshot_id, windows)?;
                added.first().map_or(0, |slice| slice.number)
            }
        };
        let scope = Arc::new(Scope {
            filters,
            has_messages: self.scope.has_messages,
        });
        let is_lacking_threads = self.read_slices(Arc::clone(&scope), is_filtered).await?;
        if is_lacking_threads && !is_filtered {
            let windows = windows
                .first()
                .map_or_else(String::new, ToString::to_string);
            let reason = "no ticket came with messages, although they were asked for";
            self.fail(windows, reason.to_owned());
        }
        let slices = self.store()?.slices(snapshot_id)?;
        if slices.iter().any(|slice| slice.state == SliceState::Open) {
            return Err(Error::interrupted());
        }
        let ended = self.plan_ends(step, windows)?;
        if step != SyncStep::New || !self.is_nothing(&ended)? {
            self.close(step, scope, first_slice).await?;
        }
        self.tell_unverified(0)
    }

    /// What of the slices from this one on is not proven.
    fn tell_unverified(&mut self, first_slice: i64) -> Result<()> {
        let snapshot_id = self.snapshot_id;
        let slices = self.store()?.slices(snapshot_id)?.into_iter();
        for slice in slices.filter(|slice| slice.number >= first_slice) {
            if let SliceState::Unverified { reason } = slice.state {
                self.fail(slice.window.to_string(), reason);
            }
        }
        Ok(())
    }

    /// Whether a list showed nothing, and nothing of it is stored: an API that is out answers like
    /// that, and its count a moment later would be as empty.
    fn is_nothing(&mut self, ended: &[Window]) -> Result<bool> {
        let snapshot_id = self.snapshot_id;
        let store = self.store()?;
        for window in ended {
            let held = store.held_count(snapshot_id, *window, &Filters::default())?;
            if held.all() > 0 || !store.disturbed(snapshot_id, *window, true, 0)?.is_empty() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Counts the list of new tickets where it was empty, now that other lists have been read.
    pub(super) async fn close_new(&mut self) -> Result<()> {
        let snapshot_id = self.snapshot_id;
        let windows = self.store()?.windows(snapshot_id)?.into_iter();
        let mut open = windows
            .filter(|row| row.step == SyncStep::New.word() && row.state == WindowState::Open);
        if open.next().is_none() {
            return Ok(());
        }
        let scope = Arc::new(Scope {
            filters: Filters::default(),
            has_messages: self.scope.has_messages,
        });
        let slices = self.store()?.slices(snapshot_id)?.into_iter();
        let numbers = slices.map(|slice| slice.number + 1);
        let first_slice = numbers.max().unwrap_or(0);
        self.close(SyncStep::New, scope, first_slice).await?;
        self.tell_unverified(first_slice)
    }

    /// Reads all open slices; gives back whether no ticket came with the threads asked for.
    async fn read_slices(&mut self, scope: Arc<Scope>, is_filtered: bool) -> Result<bool> {
        let snapshot_id = self.snapshot_id;
        let slices = self.store()?.slices(snapshot_id)?;
        let read = self.store()?.snapshot(snapshot_id)?.tickets_read;
        let extraction = Extraction {
            client: Arc::clone(&self.context.client),
            scope,
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
            account: self.account.clone(),
        };
        let Some(store) = self.store.take() else {
            return Err(Error::failed("the store was lost with its writer"));
        };
        let writer = Writer::start(store, snapshot_id)?;
        let ended = extraction.run(work, &writer).await;
        let (store, written) = writer.finish().await?;
        self.store = Some(store);
        written?;
        for remark in ended.remarks {
            self.remark(remark);
        }
        ended.failure.map_or(Ok(ended.lacks_threads), Err)
    }

    /// The windows of a list that end with a count. What is created after the start of the sync belongs
    /// to the next one.
    fn plan_ends(&mut self, step: SyncStep, windows: &[Window]) -> Result<Vec<Window>> {
        let (snapshot_id, began_at) = (self.snapshot_id, self.desk.began_at);
        let ended: Vec<Window> = windows
            .iter()
            .filter_map(|window| Window::new(window.from(), window.until().min(began_at)))
            .collect();
        self.enter_requests()?;
        self.store()?
            .plan_windows(snapshot_id, step.word(), &ended)?;
        Ok(ended)
    }

    /// Ends each window of a list with a count.
    async fn close(&mut self, step: SyncStep, scope: Arc<Scope>, first_slice: i64) -> Result<()> {
        let (snapshot_id, began_at) = (self.snapshot_id, self.desk.began_at);
        let covered = self.desk.windows_until(began_at);
        let run = Running {
            context: self.context,
            snapshot_id,
            began_at,
            allow_deletions: self.settings.allow_deletions,
            account: self.account.clone(),
        };
        let step = closing::Step {
            name: step.word(),
            scope,
            first_slice,
            covered: &covered,
        };
        let closed = closing::close(&run, &step, self.store()?).await;
        self.enter_requests()?;
        let closed = closed?;
        self.deleted = self.store()?.snapshot(snapshot_id)?.tickets_deleted;
        for remark in closed.remarks {
            self.remark(remark);
        }
        if closed.disbelieved > 0 {
            return self.disbelieve(closed.disbelieved + self.deleted);
        }
        self.is_doubted |= !closed.is_settled;
        Ok(())
    }
}

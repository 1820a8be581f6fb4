//! `backfill`: the history of a desk into a store.

mod keeping;

use std::sync::Arc;

use chrono::TimeDelta;
use tokio::time::Instant as Moment;

pub(crate) use self::keeping::{Keeping, keep_up};
use super::closing::{self, Step};
use super::context::Context;
use super::gone::{self, Search};
use super::reading::{ReadBack, Reading};
use super::running::Running;
use super::summary::{Known, summary};
use super::{desk, filters, lookups, metrics, recognise, twins};
use crate::api::Account;
use crate::error::{Error, ExitCode, Result};
use crate::extract::{self, Scope};
use crate::plan::losses::young_from;
use crate::plan::{Slice, SliceState};
use crate::report::{Stopped, Summary, Unverified};
use crate::settings::Backfill;
use crate::store::{self, Run, RunSpec, Store, WindowStep};
use crate::table::{Ending, Instant, Snapshot, instant_text};
use crate::window::Window;

/// A resumed run whose range ends "now" is extended when its recorded end is this far behind.
const LEAST_EXTENSION: TimeDelta = TimeDelta::minutes(10);

/// Copies the range into the store, or goes on with an unfinished run of the same settings.
///
/// # Errors
/// What ended the run early; what had arrived is in the store, and the same call goes on from
/// there. An interruption is no error: the summary's outcome is `interrupted`.
pub async fn backfill(context: &Context, settings: &Backfill) -> Result<(Summary, ExitCode)> {
    let (summary, exit_code, _) = backfill_keeping(context, settings).await?;
    Ok((summary, exit_code))
}

/// Copies the range, and gives back the store, still held: for what follows before another may begin.
///
/// # Errors
/// See [`backfill`].
pub async fn backfill_keeping(
    context: &Context,
    settings: &Backfill,
) -> std::result::Result<(Summary, ExitCode, Store), Stopped> {
    carry_out(context, settings, None).await
}

async fn carry_out(
    context: &Context,
    settings: &Backfill,
    keeps_up: Option<Keeping<'_>>,
) -> std::result::Result<(Summary, ExitCode, Store), Stopped> {
    let began = Moment::now();
    let now = context.client.now()?;
    let store = desk::open(&settings.store, settings.kind, now)?;
    let mut store = metrics::renew_for(context, store, now).await?;
    let (client, cancel) = (&context.client, &context.cancel);
    let named = filters::resolve(client, cancel, Some(&store), &settings.filters).await?;
    let settings = &Backfill {
        filters: named.filters,
        ..settings.clone()
    };
    let spec = spec(settings, now)?;
    if !settings.allow_deletions {
        recognise::recognise(context, &store, None, now).await?;
    }
    let begun = store.begin(&spec, now)?;
    let mut part = Part {
        run: Running {
            context,
            snapshot_id: begun.snapshot_id,
            began_at: now,
            allow_deletions: settings.allow_deletions,
            account: Account::of(&context.client),
        },
        settings,
        begun,
        remarks: Vec::new(),
        lacks_threads: false,
        lookups: named.lookups,
        keeps_up,
    };
    part.remark_superseded();
    tracing::info!(
        run = part.run.snapshot_id,
        window = %part.begun.range,
        resumed = part.begun.is_resumed,
        "backfill begins"
    );
    let (mut store, failure) = part.extract(store, &spec).await?;
    let ended = match failure {
        Some(failure) => Err(failure),
        None => part.end(&mut store, began).await,
    };
    match ended {
        Ok((summary, exit_code)) => Ok((summary, exit_code, store)),
        Err(error) => Err(part.failed(&store, error, began)),
    }
}

fn spec(settings: &Backfill, now: Instant) -> Result<RunSpec> {
    let range = settings
        .window(now)
        .ok_or_else(|| Error::usage("the range is empty: --since is not before --until"))?;
    let filters_json = if settings.filters.is_empty() {
        None
    } else {
        let json = serde_json::to_string(&settings.filters)
            .map_err(|error| Error::failed("cannot write the filters as JSON").because(error))?;
        Some(json)
    };
    Ok(RunSpec {
        kind: settings.kind,
        range,
        is_until_open: settings.until.is_none(),
        filters_json,
        has_messages: settings.has_messages,
    })
}

/// What a reader has to know of an unfinished run that another one superseded.
fn superseded(run: &Snapshot) -> String {
    let (from, until) = (instant_text(run.range_from), instant_text(run.range_until));
    let filtered = match run.filters_json {
        Some(_) => ", filtered",
        None => "",
    };
    format!(
        "run {} ({} of {from} until {until}{filtered}) was not finished, and this run takes its place: the \
         tickets that it had read ({}) stay, the rest of its range was not read; to read the rest, run that command \
         again after this one",
        run.id, run.kind, run.tickets_read
    )
}

fn unverified(slices: &[Slice]) -> Vec<Unverified> {
    let named = slices.iter().filter_map(|slice| match &slice.state {
        SliceState::Unverified { reason } => Some(Unverified {
            window: slice.window.to_string(),
            reason: reason.clone(),
        }),
        SliceState::Open | SliceState::Sealed => None,
    });
    named.collect()
}

/// The part of a run that this process does.
struct Part<'a> {
    run: Running<'a>,
    settings: &'a Backfill,
    /// The run as it was found or made.
    begun: Run,
    remarks: Vec<String>,
    /// Whether no ticket came with the messages asked for.
    lacks_threads: bool,
    /// The lists of categories and agents, where they have come already.
    lookups: Option<extract::Lookups>,
    /// How tickets that the filters select no longer are read again, where they are.
    keeps_up: Option<Keeping<'a>>,
}

impl Part<'_> {
    /// Names the runs that end because this one began: what they had still to read, nobody will.
    fn remark_superseded(&mut self) {
        self.remarks
            .extend(self.begun.superseded.iter().map(superseded));
    }

    /// Reads categories, agents and all open slices; gives the store back, with what ended it early
    /// unless that was an interruption.
    async fn extract(
        &mut self,
        mut store: Store,
        spec: &RunSpec,
    ) -> Result<(Store, Option<Error>)> {
        if let Err(error) = self.prepare(&mut store, spec).await {
            let failure = self.enter(&mut store, Some(error));
            return Ok((store, failure));
        }
        let reading = Reading {
            run: &self.run,
            scope: self.scope(),
            max_lanes: self.settings.max_lanes,
            is_listing: false,
            is_cautious: true,
            tickets_resumed: self.begun.snapshot.tickets_read,
        };
        let ReadBack { mut store, ended } = reading.run(store).await?;
        let ended = match ended {
            Ok(ended) => ended,
            Err(error) => return Ok((store, Some(error))),
        };
        self.remarks.extend(ended.remarks);
        self.lacks_threads = ended.lacks_threads;
        self.tell_stored(&store);
        let failure = self.enter(&mut store, ended.failure);
        Ok((store, failure))
    }

    /// What every page is asked with.
    fn scope(&self) -> Arc<Scope> {
        Arc::new(Scope {
            filters: self.settings.filters.clone(),
            has_messages: self.settings.has_messages,
        })
    }

    /// Tells how many tickets the run has read, now that all of them are stored: while pages were on
    /// their way, some that were read again counted twice.
    fn tell_stored(&self, store: &Store) {
        let Ok(Some(progress)) = store.progress() else {
            return;
        };
        let stored = u64::try_from(progress.snapshot.tickets_read).unwrap_or(0);
        self.run.context.progress.send_modify(|told| {
            let twice = told.tickets_read.saturating_sub(stored);
            told.tickets_read = stored;
            told.tickets_expected = told
                .tickets_expected
                .map(|expected| expected.saturating_sub(twice));
        });
    }

    /// Enters the requests sent, and gives what ended the run early, unless that was an
    /// interruption.
    fn enter(&mut self, store: &mut Store, failure: Option<Error>) -> Option<Error> {
        let entered = self.run.enter_requests(store);
        match failure {
            Some(failure) if !failure.is_interruption() => Some(failure),
            _ => entered.err(),
        }
    }

    /// Categories, agents, and the windows of the range. A range without an end ends at the server's
    /// clock, so that nothing is created in it any more.
    async fn prepare(&mut self, store: &mut Store, spec: &RunSpec) -> Result<()> {
        let snapshot_id = self.run.snapshot_id;
        let mut server_time = None;
        if !self.begun.has_lookups {
            let lookups = match self.lookups.take() {
                Some(lookups) => lookups,
                None => {
                    extract::lookups(&self.run.context.client, &self.run.context.cancel).await?
                }
            };
            lookups::commit(&self.run, store, &lookups)?;
            self.remarks.extend(lookups.remarks);
            for remark in filters::unknown(store, &self.settings.filters)? {
                tracing::warn!(run = snapshot_id, "{remark}");
                self.remarks.push(remark);
            }
            server_time = lookups.server_time;
        }
        self.run.began_at =
            store.fix_server_time(snapshot_id, server_time.unwrap_or(self.run.began_at))?;
        let step = &WindowStep::Run(self.settings.kind);
        if self.begun.slices.is_empty() {
            if spec.is_until_open {
                self.begun.range = store.end_range(snapshot_id, self.run.began_at)?;
            }
            let windows = self.begun.range.split_by_year();
            store.plan_slices(snapshot_id, &windows)?;
            return store.plan_windows(snapshot_id, step, &windows);
        }
        // One that an earlier version began has none.
        if store.windows(snapshot_id)?.is_empty() {
            store.plan_windows(snapshot_id, step, &self.begun.range.split_by_year())?;
        }
        let is_late = spec.range.until() - self.begun.range.until() >= LEAST_EXTENSION;
        if spec.is_until_open && is_late {
            let client = &self.run.context.client;
            let now = match server_time {
                Some(server_time) => server_time,
                None => extract::server_time(client, &self.run.context.cancel)
                    .await?
                    .unwrap_or(spec.range.until()),
            };
            let added = store.extend_range(snapshot_id, now)?;
            let added: Vec<Window> = added.iter().map(|slice| slice.window).collect();
            store.plan_windows(snapshot_id, step, &added)?;
        }
        Ok(())
    }

    /// Looks for what is gone, closes the run, and sums it up.
    async fn end(&mut self, store: &mut Store, began: Moment) -> Result<(Summary, ExitCode)> {
        let snapshot_id = self.run.snapshot_id;
        let slices = store.slices(snapshot_id)?;
        let is_over =
            !slices.is_empty() && slices.iter().all(|slice| slice.state != SliceState::Open);
        if !is_over {
            return self.interrupted(store, began);
        }
        let mut outcome = store::Outcome::Complete;
        if self.lacks_threads {
            outcome = store::Outcome::Incomplete;
            self.remarks.push(
                "no ticket came with messages, although they were asked for; threads in the store \
                 were left as they are"
                    .to_owned(),
            );
        }
        let is_settled = match self.close(store, unverified(&slices).is_empty()).await {
            Err(error) if error.is_interruption() => {
                return self.interrupted(store, began);
            }
            closed => closed?,
        };
        if !is_settled {
            outcome = store::Outcome::Incomplete;
        }
        let unverified = unverified(&store.slices(snapshot_id)?);
        self.run.enter_requests(store)?;
        if let Some(keeping) = self.keeps_up {
            let unseen = (keeping.unseen)(store, snapshot_id)?;
            store.store_unseen(snapshot_id, &unseen)?;
        }
        let snapshot = store.finish(snapshot_id, outcome, self.run.context.client.now()?)?;
        let exit_code = ExitCode::from(&snapshot);
        self.remarks.extend(twins::remark(store)?);
        let summary = self.summary(store, &snapshot, Ending::of(&snapshot), unverified, began)?;
        Ok((summary, exit_code))
    }

    fn interrupted(&self, store: &Store, began: Moment) -> Result<(Summary, ExitCode)> {
        let summary = self.cut_short(store, Ending::Interrupted, began)?;
        Ok((summary, ExitCode::Interrupted))
    }

    /// `error` with what the run keeps, where the store can still tell and is where it was.
    fn failed(&self, store: &Store, error: Error, began: Moment) -> Stopped {
        let in_place = store.require_in_place();
        let kept = in_place.and_then(|()| self.cut_short(store, Ending::Failed, began));
        Stopped {
            error,
            kept: kept.ok().map(Box::new),
        }
    }

    /// The summary of a run that is not over.
    fn cut_short(&self, store: &Store, outcome: Ending, began: Moment) -> Result<Summary> {
        let slices = store.slices(self.run.snapshot_id)?;
        let snapshot = store
            .progress()?
            .map_or_else(|| self.begun.snapshot.clone(), |progress| progress.snapshot);
        self.summary(store, &snapshot, outcome, unverified(&slices), began)
    }

    /// Flags what is gone and ends each window with a count. `false` where a window is not settled, or
    /// it is not settled whether tickets are gone.
    async fn close(&mut self, store: &mut Store, is_sealed: bool) -> Result<bool> {
        let is_unfiltered = self.settings.filters.is_empty();
        let mut left = Vec::new();
        let unsettled = match (is_sealed, self.keeps_up) {
            (true, _) if is_unfiltered => {
                let marked = self.mark_gone(store).await;
                self.run.enter_requests(store)?;
                marked?
            }
            (true, Some(keeping)) => {
                let read = self.read_left(store, keeping.most).await;
                self.run.enter_requests(store)?;
                left = read?;
                None
            }
            _ => None,
        };
        let range = self.range(store)?;
        let step = Step {
            of: WindowStep::Run(self.settings.kind),
            scope: self.scope(),
            first_slice: 0,
            covered: range.as_slice(),
        };
        let closed = closing::close(&self.run, &step, store).await;
        self.run.enter_requests(store)?;
        let closed = closed?;
        let is_said = closed.disbelieved > 0;
        if is_said {
            self.remarks.push(gone::disbelief(closed.disbelieved));
        }
        self.remarks.extend(closed.remarks);
        // What was missed at first may have come since.
        let is_missed = unsettled.is_some() && self.has_unseen(store)?;
        self.remarks
            .extend(unsettled.filter(|_| is_missed && !is_said));
        let is_kept_up = left.is_empty();
        self.remarks.extend(left);
        Ok(closed.is_settled && !is_missed && is_kept_up)
    }

    /// All that the run reads.
    fn range(&self, store: &Store) -> Result<Vec<Window>> {
        let slices = store.slices(self.run.snapshot_id)?.into_iter();
        let windows = slices.map(|slice| slice.window);
        let range = windows.reduce(|one, other| one.hull(other));
        Ok(range.into_iter().collect())
    }

    /// Whether tickets are stored that this run did not meet and did not flag, and should have.
    fn has_unseen(&self, store: &Store) -> Result<bool> {
        let young_from = young_from(self.run.began_at);
        for range in self.range(store)? {
            let unseen = store.unseen(self.run.snapshot_id, &range)?;
            if unseen.iter().any(|(_, at)| *at < young_from) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Flags tickets of the range that the store holds and this run did not meet, after a second
    /// look. A remark where that is not settled: so many are missing that none of it is believed, or
    /// the second look proved nothing about some.
    async fn mark_gone(&mut self, store: &mut Store) -> Result<Option<String>> {
        let snapshot_id = self.run.snapshot_id;
        let slices = store.slices(snapshot_id)?;
        let Some(range) = self.range(store)?.into_iter().next() else {
            return Ok(None);
        };
        let missing = store.unseen(snapshot_id, &range)?;
        self.search(range, slices.first(), &[range])
            .flag(store, &missing)
            .await
    }

    fn search<'s>(
        &'s self,
        range: Window,
        slice: Option<&'s Slice>,
        covered: &'s [Window],
    ) -> Search<'s> {
        Search {
            run: &self.run,
            has_messages: self.settings.has_messages,
            range,
            slice,
            covered,
            young_from: young_from(self.run.began_at),
        }
    }

    fn summary(
        &self,
        store: &Store,
        snapshot: &Snapshot,
        outcome: Ending,
        unverified: Vec<Unverified>,
        began: Moment,
    ) -> Result<Summary> {
        let known = Known {
            kind: self.settings.kind,
            outcome,
            is_resumed: self.begun.is_resumed,
            tickets_resumed: self.begun.snapshot.tickets_read,
            unverified,
            remarks: self.remarks.clone(),
            began,
        };
        summary(&self.run, store, snapshot, known)
    }
}

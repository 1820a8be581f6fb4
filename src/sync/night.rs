//! One sync: what it knows, in which order it asks, and when it stops.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use tokio::time::Instant as Moment;

use super::{OVERLAP, summary};
use crate::api::{Account, FailureKind};
use crate::error::{Error, ErrorKind, ExitCode, Result};
use crate::extract::Scope;
use crate::plan::{self, SliceState};
use crate::refresh::{Desk, Effort, Index, KEPT_MS, SyncStep};
use crate::report::{SyncSummary, Unverified};
use crate::run::{Context, twins};
use crate::settings::{self, Filters};
use crate::store::{Coverage, Outcome, Proofs, Rejected, Run, StepRow, Store, SyncOutcome};
use crate::table::{Ending, Instant, instant_text};
use crate::window::{EARLIEST, Window};

/// Requests that the optional steps may bring a sync to: this share of a full read, in percent, and
/// at least so many; and those that reading everything within `--refresh-within` takes a night.
const SHARE_PERCENT: u64 = 3;
const LEAST_REQUESTS: u64 = 40;

/// Requests left to the optional steps, however much the others took.
const LEAST_OPTIONAL: u64 = 20;

/// Requests beside the steps: categories and agents.
pub(super) const LOOKUPS: u64 = 2;

/// Optional steps that may end without an answer before the rest is left to the next sync.
const MOST_UNANSWERED: usize = 2;

/// A sync under way.
pub(super) struct Night<'a> {
    pub(super) context: &'a Context,
    pub(super) settings: &'a settings::Sync,
    /// With the writer while a list is read.
    pub(super) store: Option<Store>,
    pub(super) snapshot_id: i64,
    pub(super) is_resumed: bool,
    /// Tickets it had read then.
    pub(super) tickets_resumed: i64,
    /// Whether threads are stored that this sync leaves as they are.
    lacks_messages: bool,
    /// Whether the whole desk is read and held against the rows themselves.
    pub(super) is_thorough: bool,
    /// Whether the last page asked for was too heavy to be had.
    pub(super) is_weak: bool,
    /// Whether a page came twice without the threads asked for, so that no other is asked for again.
    pub(super) is_threadless: bool,
    pub(super) scope: Arc<Scope>,
    /// What is planned by.
    pub(super) desk: Desk,
    pub(super) remarks: Vec<String>,
    /// Those of the steps that are done, which a run that goes on with this one does not do again.
    kept: Vec<String>,
    /// What is not proven complete, and why.
    pub(super) failures: Vec<Unverified>,
    /// Whether the steps that must succeed did.
    is_covered: bool,
    /// What the API did with the request that ended a step, if one did.
    pub(super) failing: Option<FailureKind>,
    /// Optional steps that ended without an answer.
    unanswered: usize,
    /// Whether resolution times are what they are taken for.
    pub(super) is_time_trusted: bool,
    /// Whether so many tickets are missing that none of it is believed.
    pub(super) is_suspicious: bool,
    /// Whether a window ended without its count being what is stored, or a ticket came twice.
    pub(super) is_doubted: bool,
    /// Missing tickets that were said not to be believed gone.
    pub(super) disbelieved: i64,
    /// Tickets that this run has flagged, its earlier parts included.
    pub(super) deleted: i64,
    /// How resolution times proved.
    pub(super) proofs: Proofs,
    /// Counts of everything in a window that this sync came by.
    pub(super) counted: Vec<(Window, u64)>,
    /// Rated tickets of the last year, as the API counts them.
    pub(super) rated: Option<u64>,
    /// Tickets that the API shows and that have no row, by id.
    pub(super) rejected: HashMap<String, Rejected>,
    /// Tickets that no page had shown for some days, shown by the pages that located losses.
    pub(super) reread: usize,
    /// Requests that earlier parts of this run sent.
    sent_earlier: u64,
    pub(super) account: Account,
    /// Requests at which optional steps stop.
    pub(super) most_requests: u64,
    /// Pages a night that reading everything in time takes.
    pub(super) floor_share: u64,
}

impl<'a> Night<'a> {
    pub(super) fn new(
        context: &'a Context,
        settings: &'a settings::Sync,
        store: Store,
        run: &Run,
        coverage: &Coverage,
        began_at: Instant,
        account: Account,
    ) -> Result<Self> {
        let proofs = store.proofs()?;
        let known = store.outcome(run.snapshot_id)?.unwrap_or_default();
        let rejected = store.rejected()?.into_iter();
        Ok(Self {
            context,
            settings,
            snapshot_id: run.snapshot_id,
            is_resumed: run.is_resumed,
            tickets_resumed: run.snapshot.tickets_read,
            lacks_messages: coverage.has_messages && !run.snapshot.has_messages,
            is_thorough: settings.is_full,
            is_weak: false,
            is_threadless: false,
            scope: Arc::new(Scope {
                filters: Filters::default(),
                has_messages: run.snapshot.has_messages,
            }),
            desk: desk(&store, coverage, began_at)?,
            remarks: known.remarks.clone(),
            kept: known.remarks,
            failures: Vec::new(),
            is_covered: false,
            failing: None,
            unanswered: 0,
            is_time_trusted: super::proofs::are_trusted(proofs),
            is_suspicious: false,
            is_doubted: false,
            disbelieved: 0,
            deleted: run.snapshot.tickets_deleted,
            proofs,
            counted: Vec::new(),
            rated: known
                .ratings_counted
                .and_then(|counted| u64::try_from(counted).ok()),
            rejected: rejected.map(|one| (one.id.clone(), one)).collect(),
            reread: 0,
            sent_earlier: u64::try_from(run.snapshot.requests).unwrap_or(0),
            account,
            most_requests: 0,
            floor_share: 0,
            store: Some(store),
        })
    }

    /// All steps, and keeps what was learnt, however far they came.
    pub(super) async fn run(&mut self) -> Result<()> {
        let outcome = self.steps().await;
        if self.store.is_some() {
            let mut hazards = std::mem::take(&mut self.desk.hazards);
            self.store()?.commit_hazards(&mut hazards)?;
        }
        outcome
    }

    /// All steps, in order of value.
    async fn steps(&mut self) -> Result<()> {
        let snapshot_id = self.snapshot_id;
        let steps = self.store()?.steps(snapshot_id)?;
        let begun = |which| steps.iter().any(|step| step.step == which);
        let done: HashSet<SyncStep> = steps
            .iter()
            .filter(|step| step.is_done)
            .map(|step| step.step)
            .collect();
        let full = self.full_requests()?;
        self.floor_share = self
            .desk
            .floor_share(self.settings.refresh_within_days, full);
        self.most_requests = most_requests(self.settings, full, self.floor_share, 0);
        let is_small = full <= self.settings.full_below && steps.is_empty();
        // An earlier part of the run may have been asked to.
        self.is_thorough |= begun(SyncStep::Full);
        if self.settings.is_full || is_small || begun(SyncStep::Full) {
            self.step(SyncStep::Full, &done, async |night| night.full().await)
                .await?;
            self.is_covered = self.failures.is_empty();
            return Ok(());
        }
        self.step(SyncStep::New, &done, async |night| {
            night.new_tickets().await
        })
        .await?;
        self.step(SyncStep::Open, &done, async |night| night.open_set().await)
            .await?;
        self.load()?;
        self.step(SyncStep::Resolved, &done, async |night| {
            night.resolved().await
        })
        .await?;
        self.step(SyncStep::Confirm, &done, async |night| {
            night.confirm().await
        })
        .await?;
        self.close_new().await?;
        self.is_covered = self.failures.is_empty();
        let needed = self.needed_requests()?;
        self.most_requests = most_requests(self.settings, full, self.floor_share, needed);
        self.optional(SyncStep::Ratings, &done, async |night| {
            night.ratings().await
        })
        .await?;
        self.optional(SyncStep::Pages, &done, async |night| night.pages().await)
            .await?;
        self.optional(SyncStep::Deletions, &done, async |night| {
            night.deletions().await
        })
        .await?;
        self.optional(SyncStep::Refresh, &done, async |night| {
            night.refresh().await
        })
        .await?;
        self.optional(SyncStep::Campaigns, &done, async |night| {
            night.campaigns().await
        })
        .await
    }

    /// Runs a step that may fail: what the API did is said, and the rest goes on. An interruption,
    /// a refused key, a pause that is too long to wait for and a store that cannot be written end the
    /// sync all the same.
    async fn optional(
        &mut self,
        which: SyncStep,
        done: &HashSet<SyncStep>,
        work: impl AsyncFnOnce(&mut Self) -> Result<()>,
    ) -> Result<()> {
        if self.unanswered >= MOST_UNANSWERED {
            let word = which.word();
            self.remark(format!("{word} was left to the next sync"));
            return Ok(());
        }
        self.failing = None;
        let outcome = self.step(which, done, work).await;
        match (outcome, self.failing.take()) {
            // Paused, the steps after this one would be sent nothing either.
            (outcome, Some(FailureKind::Paused)) => outcome,
            (Err(error), Some(failing)) if error.kind() == ErrorKind::Failed => {
                let is_refused = matches!(failing, FailureKind::Refused { .. });
                self.unanswered += usize::from(!is_refused);
                let word = which.word();
                self.remark(format!("{word} ended early: {error}"));
                Ok(())
            }
            (outcome, _) => outcome,
        }
    }

    /// Runs one step, unless an earlier part of the run did, and notes what it took and brought.
    async fn step(
        &mut self,
        which: SyncStep,
        done: &HashSet<SyncStep>,
        work: impl AsyncFnOnce(&mut Self) -> Result<()>,
    ) -> Result<()> {
        if done.contains(&which) {
            return Ok(());
        }
        self.stop_if_cancelled()?;
        self.enter_requests()?;
        let snapshot_id = self.snapshot_id;
        let before = self.store()?.snapshot(snapshot_id)?;
        let earlier = self
            .store()?
            .steps(snapshot_id)?
            .into_iter()
            .find(|step| step.step == which)
            .unwrap_or_else(|| StepRow::begun(which));
        self.store()?.commit_step(
            snapshot_id,
            &StepRow {
                is_done: false,
                ..earlier
            },
        )?;
        let (failures, said) = (self.failures.len(), self.remarks.len());
        let outcome = work(self).await;
        if self.store.is_none() {
            return outcome;
        }
        self.enter_requests()?;
        let proofs = self.proofs;
        self.store()?.commit_proofs(proofs)?;
        let after = self.store()?.snapshot(snapshot_id)?;
        let changed =
            |of: &crate::table::Snapshot| of.tickets_new + of.tickets_changed + of.tickets_deleted;
        // What failed is done again by a run that goes on with this one.
        let has_failed = self.failures.len() > failures || self.is_suspicious;
        let is_done = outcome.is_ok() && !has_failed;
        if is_done {
            self.kept.extend(self.remarks.iter().skip(said).cloned());
        }
        self.commit_outcome(self.kept.clone())?;
        self.store()?.commit_step(
            snapshot_id,
            &StepRow {
                step: which,
                is_done,
                requests: earlier.requests + after.requests - before.requests,
                tickets_read: earlier.tickets_read + after.tickets_read - before.tickets_read,
                tickets_changed: (earlier.tickets_changed + changed(&after) - changed(&before))
                    .max(0),
            },
        )?;
        tracing::info!(
            run = snapshot_id,
            requests = after.requests - before.requests,
            "{} done",
            which.word()
        );
        outcome
    }

    /// Whether the API refused the request that ended the work before: another may well be answered.
    pub(super) fn is_refused(&self) -> bool {
        matches!(self.failing, Some(FailureKind::Refused { .. }))
    }

    pub(super) fn load(&mut self) -> Result<()> {
        let snapshot_id = self.snapshot_id;
        let effort = self.settings.effort;
        let Some(store) = &self.store else {
            return Ok(());
        };
        let rejected = store.rejected()?.into_iter();
        self.rejected = rejected.map(|one| (one.id.clone(), one)).collect();
        load(&mut self.desk, store, snapshot_id, effort)
    }

    /// Requests of what no cap keeps a sync from, all parts of the run together.
    fn needed_requests(&mut self) -> Result<u64> {
        let snapshot_id = self.snapshot_id;
        let steps = self.store()?.steps(snapshot_id)?;
        let needed = steps.iter().filter(|step| step.step.is_needed());
        let requests: i64 = needed.map(|step| step.requests).sum();
        Ok(LOOKUPS + u64::try_from(requests).unwrap_or(0))
    }

    /// Requests that reading the whole desk takes.
    fn full_requests(&mut self) -> Result<u64> {
        let windows = self.desk.windows_until(self.desk.began_at);
        let mut requests = 0;
        for window in windows {
            let tickets = self.store()?.live_count(&window)?;
            let tickets = u64::try_from(tickets).unwrap_or(0);
            requests += plan::requests(tickets, crate::mava::PAGE_LIMIT) + super::plan::COUNT;
        }
        Ok(requests)
    }

    pub(super) fn store(&mut self) -> Result<&mut Store> {
        self.store
            .as_mut()
            .ok_or_else(|| Error::failed("the store was lost with its writer"))
    }

    pub(super) fn stop_if_cancelled(&self) -> Result<()> {
        if self.context.cancel.is_cancelled() {
            return Err(Error::interrupted());
        }
        Ok(())
    }

    /// Requests this sync has sent.
    pub(super) fn sent(&self) -> u64 {
        self.account.sent()
    }

    /// Requests that optional steps may still send, all parts of the run together.
    pub(super) fn allowance(&self) -> u64 {
        self.most_requests
            .saturating_sub(self.sent_earlier + self.sent())
    }

    /// Puts every request sent so far into the run's account.
    pub(super) fn enter_requests(&mut self) -> Result<()> {
        let requests = self.account.newly_sent();
        let snapshot_id = self.snapshot_id;
        match &mut self.store {
            Some(store) => store.commit_requests(snapshot_id, requests),
            None => Ok(()),
        }
    }

    /// Says something once.
    pub(super) fn remark(&mut self, remark: String) {
        if !self.remarks.contains(&remark) {
            tracing::warn!("{remark}");
            self.remarks.push(remark);
        }
    }

    /// A step did not come to its end, as to these tickets.
    pub(super) fn fail(&mut self, window: String, reason: String) {
        let failure = Unverified { window, reason };
        if !self.failures.contains(&failure) {
            tracing::warn!(window = %failure.window, error = %failure.reason, "not proven complete");
            self.failures.push(failure);
        }
    }

    pub(super) fn end(mut self, began: Moment) -> Result<(SyncSummary, ExitCode, Option<Store>)> {
        if self.lacks_messages {
            let since = instant_text(self.desk.since);
            self.remark(format!(
                "threads were left as they are: messages are complete until {since} only, and so is what \
                 this store holds, until a sync without --no-messages"
            ));
        }
        let outcome = if self.failures.is_empty() && !self.is_suspicious && !self.is_doubted {
            Outcome::Complete
        } else {
            Outcome::Incomplete
        };
        let (snapshot_id, now) = (self.snapshot_id, self.context.client.now()?);
        let slices = self.store()?.slices(snapshot_id)?;
        let is_sealed = slices.iter().all(|slice| slice.state == SliceState::Sealed);
        let is_complete =
            self.is_covered && !self.is_suspicious && is_sealed && !self.lacks_messages;
        // What is created next may be dated by a clock that is behind.
        let behind = chrono::TimeDelta::from_std(self.context.client.clock_behind());
        let complete_at = match behind {
            Ok(behind) if is_complete => self.desk.began_at.checked_sub_signed(behind),
            _ => None,
        };
        self.judge_resolutions()?;
        self.commit_outcome(self.remarks.clone())?;
        self.tell_unread_threads()?;
        self.tell_partial()?;
        let snapshot = self
            .store()?
            .finish_sync(snapshot_id, outcome, complete_at, now)?;
        let exit_code = ExitCode::from(&snapshot);
        let twins = twins::remark(self.store()?)?;
        self.remarks.extend(twins);
        let ending = Ending::of(&snapshot);
        let summary = summary::of(&mut self, &snapshot, ending, began)?;
        Ok((summary, exit_code, self.store))
    }

    /// Says what earlier runs did not prove complete. That is known without a sync, so it is not kept, and no
    /// quiet run tells it.
    fn tell_partial(&mut self) -> Result<()> {
        let snapshot_id = self.snapshot_id;
        let partial = self.store()?.partial()?.into_iter();
        let earlier = partial.filter(|range| range.snapshot_id < snapshot_id);
        let ranges = match earlier.count() {
            0 => return Ok(()),
            1 => "1 range of an earlier run is".to_owned(),
            count => format!("{count} ranges of earlier runs are"),
        };
        self.remarks.push(format!(
            "{ranges} not proven complete: status lists them, and a backfill of each reads it again"
        ));
        Ok(())
    }

    /// Stores what there is to say beside the counts.
    fn commit_outcome(&mut self, remarks: Vec<String>) -> Result<()> {
        let number = |ratings| i64::try_from(ratings).unwrap_or(i64::MAX);
        let known = SyncOutcome {
            ratings_outstanding: self.ratings_outstanding().map(number),
            ratings_counted: self.rated.map(number),
            refresh_within_days: self.settings.refresh_within_days,
            remarks,
        };
        let snapshot_id = self.snapshot_id;
        self.store()?.commit_outcome(snapshot_id, &known)
    }

    /// Says how many threads are missing. That is known without a sync, so it is not kept.
    fn tell_unread_threads(&mut self) -> Result<()> {
        if !self.scope.has_messages {
            return Ok(());
        }
        let unread = self.store()?.threads_unread()?;
        if unread > 0 {
            let tickets = match unread {
                1 => "1 ticket is stored without its thread".to_owned(),
                _ => format!("{unread} tickets are stored without their threads"),
            };
            self.remark(format!(
                "{tickets}, which no run has read: sync --full reads what is missing"
            ));
        }
        Ok(())
    }

    pub(super) fn interrupted(
        mut self,
        began: Moment,
    ) -> Result<(SyncSummary, ExitCode, Option<Store>)> {
        self.enter_requests()?;
        let snapshot_id = self.snapshot_id;
        let snapshot = self.store()?.snapshot(snapshot_id)?;
        let summary = summary::of(&mut self, &snapshot, Ending::Interrupted, began)?;
        Ok((summary, ExitCode::Interrupted, self.store))
    }
}

/// Requests at which the optional steps of a sync stop, on a desk whose full read takes `full` and
/// where the others took `needed`. However much that is, something is left to the optional ones.
pub(super) fn most_requests(
    settings: &settings::Sync,
    full: u64,
    floor_share: u64,
    needed: u64,
) -> u64 {
    let usual = (full * SHARE_PERCENT / 100).max(LEAST_REQUESTS);
    let least = needed + LEAST_OPTIONAL;
    settings
        .max_requests
        .unwrap_or(usual.max(least) + floor_share)
}

/// Whether the last complete sync went by a clock that ran ahead: nobody knows what it had seen then.
pub(super) fn is_ahead(coverage: &Coverage, began_at: Instant) -> bool {
    coverage.complete_at > began_at + OVERLAP
}

/// What a sync that begins at `began_at` plans by, without its index.
pub(super) fn desk(store: &Store, coverage: &Coverage, began_at: Instant) -> Result<Desk> {
    // A store may cover years before any desk, which nothing is to be counted in.
    let first = coverage.range.from().max(EARLIEST);
    Ok(Desk {
        first,
        since: match is_ahead(coverage, began_at) {
            true => first,
            false => (coverage.complete_at - OVERLAP).max(first),
        },
        began_at,
        index: Index::default(),
        hazards: store.hazards()?,
        price: 1.0,
        unswept: store.unswept()?,
    })
}

/// Reads the index, with what former sweeps vouched for.
pub(super) fn load(desk: &mut Desk, store: &Store, snapshot_id: i64, effort: Effort) -> Result<()> {
    let latest = desk.began_at + OVERLAP;
    desk.index = store.index(snapshot_id, latest)?;
    store
        .vouches(desk.began_ms() - KEPT_MS, latest.timestamp_millis())?
        .apply(&mut desk.index);
    desk.price = effort.price(desk.index.tickets().len());
    Ok(())
}

//! The course of a sync: which step comes next, and what its report changes.

use std::collections::HashSet;

use super::allowance::Allowance;
use super::answers::Answers;
use super::plan::limits;
use super::report::{Counted, Findings, StepReport};
use super::session::{Session, StepResult};
use super::steps::lists::{self, Listed};
use super::steps::{campaigns, confirm, deletions, pages, ratings, resolved};
use super::undo::{self, Losses};
use crate::api::FailureKind;
use crate::error::{ErrorKind, Result};
use crate::refresh::{LOOKUPS, SyncStep, full_requests, most_requests};
use crate::store::{Coverage, Run, StepRow, Store, SyncOutcome};
use crate::table::Snapshot;

/// Optional steps that may end without an answer before the rest is left to the next sync.
const MOST_UNANSWERED: usize = 2;

/// What a sync has come to so far.
#[derive(Debug)]
pub(super) struct Course {
    pub(super) resume: Resume,
    /// Whether the whole desk is read, instead of all other steps.
    is_full: bool,
    /// Whether what is read is held against the rows themselves.
    is_thorough: bool,
    /// Whether threads are stored that this sync leaves as they are.
    pub(super) lacks_messages: bool,
    /// Whether the steps that must succeed did.
    pub(super) is_covered: bool,
    pub(super) findings: Findings,
    pub(super) losses: Losses,
    pub(super) census: Census,
    /// Optional steps that ended without an answer.
    unanswered: usize,
}

/// What earlier parts of a run left to go on with.
#[derive(Debug)]
pub(super) struct Resume {
    pub(super) is_resumed: bool,
    /// Tickets that they read.
    pub(super) tickets_read: i64,
    /// Requests that they sent.
    requests: u64,
    /// Whether they had begun a step.
    has_begun: bool,
    /// Steps that need not be done again.
    done: HashSet<SyncStep>,
    /// Remarks of those steps; those of this part's steps that are done come to them.
    kept: Vec<String>,
}

/// What the API counts.
#[derive(Debug, Default)]
pub(super) struct Census {
    /// Counts of everything in a window that this sync came by.
    counted: Vec<Counted>,
    /// Rated tickets of the last year.
    pub(super) rated: Option<u64>,
    /// Tickets that no page had shown for some days, shown by the pages that located losses.
    reread: usize,
}

/// A step that has begun.
#[derive(Debug)]
struct Begun {
    row: StepRow,
    before: Snapshot,
}

impl Course {
    pub(super) fn new(
        session: &Session<'_>,
        store: &Store,
        run: &Run,
        coverage: &Coverage,
    ) -> Result<Self> {
        let known = store.outcome(run.snapshot_id)?.unwrap_or_default();
        let steps = store.steps(run.snapshot_id)?;
        let has_begun_full = steps.iter().any(|step| step.step == SyncStep::Full);
        let done = steps.iter().filter(|step| step.is_done);
        let settings = session.settings;
        let mut findings = Findings::default();
        findings.remarks.clone_from(&known.remarks);
        Ok(Self {
            // An earlier part of the run may have been asked to.
            is_thorough: settings.is_full || has_begun_full,
            is_full: settings.is_full || has_begun_full,
            resume: Resume {
                is_resumed: run.is_resumed,
                tickets_read: run.snapshot.tickets_read,
                requests: u64::try_from(run.snapshot.requests).unwrap_or(0),
                has_begun: !steps.is_empty(),
                done: done.map(|step| step.step).collect(),
                kept: known.remarks,
            },
            lacks_messages: coverage.has_messages && !run.snapshot.has_messages,
            is_covered: false,
            findings,
            losses: Losses::default(),
            census: Census {
                rated: known
                    .ratings_counted
                    .and_then(|counted| u64::try_from(counted).ok()),
                ..Census::default()
            },
            unanswered: 0,
        })
    }

    /// Takes all steps, and keeps what was learnt, however far they came. The writer comes back with
    /// what ended them early.
    ///
    /// # Errors
    /// The store was lost with the thread that wrote it.
    pub(super) async fn run<'s>(
        &mut self,
        answers: Answers<'s>,
    ) -> Result<(Answers<'s>, StepResult<()>)> {
        let full = requests_of_all(&answers)?;
        let limits = limits(answers.session.settings);
        self.is_full |= !self.resume.has_begun && limits.reads_all(full);
        let (mut answers, mut ended) = self.lists(answers).await?;
        if ended.is_ok() {
            ended = match self.is_full {
                true => {
                    self.is_covered = self.findings.failures.is_empty();
                    Ok(())
                }
                false => self.rest(&mut answers, full).await,
            };
        }
        let mut hazards = std::mem::take(&mut answers.desk.hazards);
        answers.store.commit_hazards(&mut hazards)?;
        Ok((answers, ended))
    }

    /// Takes the steps that lend the store to the writer's thread.
    async fn lists<'s>(&mut self, answers: Answers<'s>) -> Result<(Answers<'s>, StepResult<()>)> {
        let is_thorough = self.is_thorough;
        if self.is_full {
            return self
                .list(answers, SyncStep::Full, async |answers| {
                    lists::full(answers, is_thorough).await
                })
                .await;
        }
        let (answers, ended) = self.list(answers, SyncStep::New, lists::new).await?;
        match ended {
            Ok(()) => self.list(answers, SyncStep::Open, lists::open).await,
            Err(stop) => Ok((answers, Err(stop))),
        }
    }

    /// Takes the steps that follow the lists, in order of value.
    async fn rest(&mut self, answers: &mut Answers<'_>, full: u64) -> StepResult<()> {
        answers.load()?;
        self.step(answers, SyncStep::Resolved, async |answers| {
            resolved::run(answers).await
        })
        .await?;
        let counted = self.census.counted.clone();
        let is_proven = self.findings.failures.is_empty();
        let is_refused = self.losses.is_suspicious;
        self.step(answers, SyncStep::Confirm, async |answers| {
            confirm::run(answers, counted, is_proven, is_refused).await
        })
        .await?;
        if let Some(report) = lists::close_new(answers).await? {
            self.fold(answers, SyncStep::New, &report)?;
            report.ended?;
        }
        self.is_covered = self.findings.failures.is_empty();
        let allowance = self.allowance(answers, full)?;
        self.optional_steps(answers, &allowance).await
    }

    /// Takes the steps that a sync is complete without.
    async fn optional_steps(
        &mut self,
        answers: &mut Answers<'_>,
        allowance: &Allowance,
    ) -> StepResult<()> {
        self.optional(answers, SyncStep::Ratings, async |answers| {
            ratings::run(answers, allowance).await
        })
        .await?;
        let outstanding = answers.ratings_outstanding(self.census.rated);
        self.optional(answers, SyncStep::Pages, async |answers| {
            pages::worthwhile(answers, allowance, outstanding).await
        })
        .await?;
        let counted = self.census.counted.clone();
        let is_refused = self.losses.is_suspicious;
        self.optional(answers, SyncStep::Deletions, async |answers| {
            deletions::run(answers, allowance, counted, is_refused).await
        })
        .await?;
        let reread = self.census.reread;
        self.optional(answers, SyncStep::Refresh, async |answers| {
            pages::floor(answers, allowance, reread).await
        })
        .await?;
        self.optional(answers, SyncStep::Campaigns, async |answers| {
            campaigns::run(answers, allowance).await
        })
        .await
    }

    /// What the optional steps may send, now that the others are over.
    fn allowance(&self, answers: &Answers<'_>, full: u64) -> Result<Allowance> {
        let session = answers.session;
        let within = session.settings.refresh_within_days;
        let floor_share = answers.desk.floor_share(within, full);
        let steps = answers.store.steps(session.run.snapshot_id)?;
        let needed = steps.iter().filter(|step| step.step.is_needed());
        let requests: i64 = needed.map(|step| step.requests).sum();
        let needed = LOOKUPS + u64::try_from(requests).unwrap_or(0);
        Ok(Allowance {
            account: session.run.account.clone(),
            sent_earlier: self.resume.requests,
            most: most_requests(session.settings.max_requests, full, floor_share, needed),
            floor_share,
        })
    }

    /// Takes a step that lends the store, unless an earlier part of the run did.
    async fn list<'s>(
        &mut self,
        mut answers: Answers<'s>,
        step: SyncStep,
        work: impl AsyncFnOnce(Answers<'s>) -> Result<Listed<'s>>,
    ) -> Result<(Answers<'s>, StepResult<()>)> {
        let begun = match self.begin(&mut answers, step) {
            Ok(Some(begun)) => begun,
            Ok(None) => return Ok((answers, Ok(()))),
            Err(stop) => return Ok((answers, Err(stop))),
        };
        let (mut answers, report) = work(answers).await?;
        let ended = self.end(&mut answers, begun, report);
        Ok((answers, ended))
    }

    /// Takes a step, unless an earlier part of the run did.
    async fn step<'s>(
        &mut self,
        answers: &mut Answers<'s>,
        step: SyncStep,
        work: impl AsyncFnOnce(&mut Answers<'s>) -> StepReport,
    ) -> StepResult<()> {
        let Some(begun) = self.begin(answers, step)? else {
            return Ok(());
        };
        let report = work(answers).await;
        self.end(answers, begun, report)
    }

    /// Takes a step that may fail: what the API did is said, and the rest goes on. An interruption,
    /// a refused key, a pause that is too long to wait for and a store that cannot be written end the
    /// sync all the same.
    async fn optional<'s>(
        &mut self,
        answers: &mut Answers<'s>,
        step: SyncStep,
        work: impl AsyncFnOnce(&mut Answers<'s>) -> StepReport,
    ) -> StepResult<()> {
        let word = step.word();
        if self.unanswered >= MOST_UNANSWERED {
            self.findings
                .remark(format!("{word} was left to the next sync"));
            return Ok(());
        }
        match self.step(answers, step, work).await {
            // Paused, the steps after this one would be sent nothing either.
            Err(stop) if stop.failure == Some(FailureKind::Paused) => Err(stop),
            Err(stop) if stop.failure.is_some() && stop.error.kind() == ErrorKind::Failed => {
                self.unanswered += usize::from(!stop.is_refused());
                self.findings
                    .remark(format!("{word} ended early: {}", stop.error));
                Ok(())
            }
            ended => ended,
        }
    }

    /// Enters a step as begun; `None` of one that is done.
    fn begin(&self, answers: &mut Answers<'_>, step: SyncStep) -> StepResult<Option<Begun>> {
        if self.resume.done.contains(&step) {
            return Ok(None);
        }
        answers.session.stop_if_cancelled()?;
        answers.enter_requests()?;
        let snapshot_id = answers.session.run.snapshot_id;
        let before = answers.store.snapshot(snapshot_id)?;
        let rows = answers.store.steps(snapshot_id)?.into_iter();
        let earlier = rows.into_iter().find(|row| row.step == step);
        let row = StepRow {
            is_done: false,
            ..earlier.unwrap_or_else(|| StepRow::begun(step))
        };
        answers.store.commit_step(snapshot_id, &row)?;
        answers.reread = 0;
        Ok(Some(Begun { row, before }))
    }

    /// Enters what a step took and brought.
    fn end(
        &mut self,
        answers: &mut Answers<'_>,
        begun: Begun,
        report: StepReport,
    ) -> StepResult<()> {
        let Begun { row, before } = begun;
        let snapshot_id = answers.session.run.snapshot_id;
        answers.enter_requests()?;
        answers.store.commit_proofs(answers.trust.proofs)?;
        let failures = self.findings.failures.len();
        let said = self.fold(answers, row.step, &report)?;
        let has_failed = self.findings.failures.len() > failures || self.losses.is_suspicious;
        // What failed is done again by a run that goes on with this one.
        let is_done = report.ended.is_ok() && !has_failed;
        if is_done {
            self.resume.kept.extend(said);
        }
        self.commit_outcome(answers, self.resume.kept.clone())?;
        let after = answers.store.snapshot(snapshot_id)?;
        let requests = after.requests - before.requests;
        let step = row.step.word();
        answers
            .store
            .commit_step(snapshot_id, &brought(row, is_done, &before, &after))?;
        tracing::info!(run = snapshot_id, requests, "{step} done");
        report.ended
    }

    /// Adds what a step reports; gives back what it said that had not been said.
    fn fold(
        &mut self,
        answers: &mut Answers<'_>,
        step: SyncStep,
        report: &StepReport,
    ) -> Result<Vec<String>> {
        let mut said = self.findings.add(answers.findings.take());
        self.losses.is_doubted |= report.is_doubted;
        self.census.rated = report.rated.or(self.census.rated);
        self.census.add(&report.counted);
        if step == SyncStep::Deletions {
            self.census.reread = answers.reread;
        }
        if let Some(missing) = report.disbelieved {
            self.losses.is_suspicious = true;
            said.extend(undo::tell(&mut self.findings, &mut self.losses, missing));
            undo::take_back(answers)?;
        }
        Ok(said)
    }

    /// Stores what there is to say beside the counts.
    pub(super) fn commit_outcome(
        &self,
        answers: &mut Answers<'_>,
        remarks: Vec<String>,
    ) -> Result<()> {
        let number = |ratings| i64::try_from(ratings).unwrap_or(i64::MAX);
        let outstanding = answers.ratings_outstanding(self.census.rated);
        let known = SyncOutcome {
            ratings_outstanding: outstanding.map(number),
            ratings_counted: self.census.rated.map(number),
            refresh_within_days: answers.session.settings.refresh_within_days,
            remarks,
        };
        let snapshot_id = answers.session.run.snapshot_id;
        answers.store.commit_outcome(snapshot_id, &known)
    }
}

impl Census {
    fn add(&mut self, counted: &[Counted]) {
        for one in counted {
            if !self.counted.contains(one) {
                self.counted.push(*one);
            }
        }
    }
}

/// A step with what it took and brought since it began.
fn brought(row: StepRow, is_done: bool, before: &Snapshot, after: &Snapshot) -> StepRow {
    let changed = |of: &Snapshot| of.tickets_new + of.tickets_changed + of.tickets_deleted;
    StepRow {
        step: row.step,
        is_done,
        requests: row.requests + after.requests - before.requests,
        tickets_read: row.tickets_read + after.tickets_read - before.tickets_read,
        tickets_changed: (row.tickets_changed + changed(after) - changed(before)).max(0),
    }
}

/// Requests that reading the whole desk takes.
fn requests_of_all(answers: &Answers<'_>) -> Result<u64> {
    let windows = answers.desk.windows_until(answers.desk.began_at);
    let mut live = Vec::with_capacity(windows.len());
    for window in windows {
        let tickets = answers.store.live_count(&window)?;
        live.push(u64::try_from(tickets).unwrap_or(0));
    }
    Ok(full_requests(live))
}

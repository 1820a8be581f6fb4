//! The course of a sync: which step comes next, and what its report changes.

use std::collections::HashSet;

use super::allowance::Allowance;
use super::answers::Answers;
use super::report::{Counted, Findings, Rated, StepReport};
use super::session::{Session, StepResult};
use super::steps::lists::{self, Listed};
use super::steps::{campaigns, confirm, deletions, pages, ratings, resolved};
use super::undo::{self, Losses};
use crate::api::FailureKind;
use crate::error::{ErrorKind, Result};
use crate::refresh::{self, LOOKUPS, SyncStep, full_requests};
use crate::settings::Whole;
use crate::store::{Coverage, Run, StepRow, Store, SyncOutcome};
use crate::table::Snapshot;
use crate::window::Window;

/// Optional steps that may end without an answer before the rest is left to the next sync.
const MOST_UNANSWERED: usize = 2;

/// What a sync has come to so far.
#[derive(Debug)]
pub(super) struct Course {
    pub(super) resume: Resume,
    /// Whether the whole desk is read, instead of all other steps.
    pub(super) is_full: bool,
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
    /// In how many syncs like this one every ticket is read again by what is read by age.
    by_age: Option<u64>,
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
    /// Rated tickets.
    pub(super) rated: Rated,
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
        // What ratings were counted is not kept.
        let done = steps
            .iter()
            .filter(|row| row.is_done && row.step != SyncStep::Ratings);
        let settings = session.settings;
        let mut findings = Findings::default();
        findings.remarks.clone_from(&known.remarks);
        Ok(Self {
            // An earlier part of the run may have been asked to.
            is_thorough: settings.whole == Whole::Always || has_begun_full,
            is_full: has_begun_full,
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
            census: Census::default(),
            unanswered: 0,
            by_age: None,
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
        let full = LOOKUPS + requests_of_all(&answers)?;
        let limits = answers.session.settings.limits();
        self.is_full |= !self.resume.has_begun && limits.reads_all(full);
        let (mut answers, mut ended) = self.lists(answers).await?;
        if ended.is_ok() {
            ended = match self.is_full {
                true => {
                    self.is_covered = self.findings.failures.is_empty();
                    Ok(())
                }
                false => self.rest(&mut answers).await,
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
    async fn rest(&mut self, answers: &mut Answers<'_>) -> StepResult<()> {
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
            self.fold(answers, &report)?;
            report.ended?;
        }
        self.is_covered = self.findings.failures.is_empty();
        let allowance = self.allowance(answers);
        self.optional_steps(answers, &allowance).await
    }

    /// Takes the steps that follow, now that all that is new, open or resolved since is known: counts, whatever
    /// may be sent, and then what is left of that.
    async fn optional_steps(
        &mut self,
        answers: &mut Answers<'_>,
        allowance: &Allowance,
    ) -> StepResult<()> {
        self.counts(answers, allowance).await?;
        self.tell_overspent(answers)?;
        let outstanding = answers.ratings_outstanding(&self.census.rated);
        self.optional(answers, SyncStep::Pages, async |answers| {
            pages::by_finds(answers, allowance, outstanding).await
        })
        .await?;
        self.optional(answers, SyncStep::Campaigns, async |answers| {
            campaigns::run(answers, allowance).await
        })
        .await?;
        self.optional(answers, SyncStep::Refresh, async |answers| {
            pages::by_age(answers, allowance).await
        })
        .await?;
        let steps = answers.store.steps(answers.session.run.snapshot_id)?;
        let refresh = steps.iter().find(|row| row.step == SyncStep::Refresh);
        let by_age = refresh.map_or(0, |row| number(row.tickets_read));
        self.by_age = refresh::syncs_for_all(unread(answers) + by_age, by_age);
        Ok(())
    }

    /// Counts ratings and tickets, and finds what is missing. Where that comes to no end, what was known to be
    /// missing before is not known to be found.
    async fn counts(&mut self, answers: &mut Answers<'_>, allowance: &Allowance) -> StepResult<()> {
        let snapshot_id = answers.session.run.snapshot_id;
        let were_missing = answers.store.were_ratings_missing(snapshot_id)?;
        let is_over = self
            .optional(answers, SyncStep::Ratings, async |answers| {
                ratings::run(answers, allowance, were_missing).await
            })
            .await?;
        let is_known = is_over && answers.ratings_outstanding(&self.census.rated).is_some();
        if were_missing && !is_known {
            let reason = "ratings that were missing before could not be counted again";
            self.fail_history(answers, reason.to_owned());
        }
        let (counted, rated) = (self.census.counted.clone(), self.census.rated.clone());
        let is_refused = self.losses.is_suspicious;
        let is_over = self
            .optional(answers, SyncStep::Deletions, async |answers| {
                let mut report = deletions::run(answers, allowance, counted, is_refused).await;
                if report.ended.is_ok() && report.disbelieved.is_none() {
                    report.ended = ratings::settle(answers, allowance, &rated).await;
                }
                report
            })
            .await?;
        if !is_over && !answers.resolved.is_nothing_missing() {
            let reason =
                "tickets were not counted to the end, so that nobody knows whether some are gone";
            self.fail_history(answers, reason.to_owned());
        }
        Ok(())
    }

    /// Says of all that was read before that it is not proven complete.
    pub(super) fn fail_history(&mut self, answers: &Answers<'_>, reason: String) {
        if let Some(history) = Window::new(answers.desk.first, answers.desk.since) {
            self.findings.fail(history.to_string(), reason);
        }
    }

    /// What may still be sent, now that the steps are over that are taken whatever may be.
    fn allowance(&self, answers: &Answers<'_>) -> Allowance {
        let session = answers.session;
        Allowance {
            account: session.run.account.clone(),
            sent_earlier: self.resume.requests,
            most: session.settings.spend.requests,
        }
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
    /// sync all the same. Gives back whether the step came to its end.
    async fn optional<'s>(
        &mut self,
        answers: &mut Answers<'s>,
        step: SyncStep,
        work: impl AsyncFnOnce(&mut Answers<'s>) -> StepReport,
    ) -> StepResult<bool> {
        let word = step.word();
        if self.unanswered >= MOST_UNANSWERED {
            self.findings
                .remark(format!("{word} was left to the next sync"));
            return Ok(false);
        }
        match self.step(answers, step, work).await {
            // Paused, the steps after this one would be sent nothing either.
            Err(stop) if stop.failure == Some(FailureKind::Paused) => Err(stop),
            Err(stop) if stop.failure.is_some() && stop.error.kind() == ErrorKind::Failed => {
                self.unanswered += usize::from(!stop.is_refused());
                self.findings
                    .remark(format!("{word} ended early: {}", stop.error));
                Ok(false)
            }
            ended => ended.map(|()| true),
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
        let said = self.fold(answers, &report)?;
        let has_failed = self.findings.failures.len() > failures
            || self.losses.is_suspicious
            || !answers.still_unclear()?.is_empty();
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
    fn fold(&mut self, answers: &mut Answers<'_>, report: &StepReport) -> Result<Vec<String>> {
        let mut said = self.findings.add(answers.findings.take());
        self.losses.is_doubted |= report.is_doubted;
        if let Some(rated) = &report.rated {
            self.census.rated = rated.clone();
        }
        self.census.add(&report.counted);
        if let Some(missing) = report.disbelieved {
            self.losses.is_suspicious = true;
            said.extend(undo::tell(&mut self.findings, &mut self.losses, missing));
            undo::take_back(answers)?;
        }
        Ok(said)
    }

    /// Whether every ticket of the desk was read, so that nothing may be unseen.
    pub(super) fn has_read_all(&self) -> bool {
        self.is_full && self.is_covered && !self.losses.is_suspicious && !self.losses.is_doubted
    }

    /// In how many syncs like this one every ticket is read again; `None` where never.
    pub(super) fn syncs_for_all(&self) -> Option<u64> {
        match self.has_read_all() {
            true => Some(1),
            false => self.by_age,
        }
    }

    /// Says how much more was sent than may be, by the lists and counts that are taken all the same.
    fn tell_overspent(&mut self, answers: &Answers<'_>) -> Result<()> {
        let spend = answers.session.settings.spend;
        let (Some(most), Some(option)) = (spend.requests, spend.option()) else {
            return Ok(());
        };
        let steps = answers.store.steps(answers.session.run.snapshot_id)?;
        let lists = steps.iter().filter(|row| row.step <= SyncStep::Confirm);
        let lists: u64 = lists.map(|row| number(row.requests)).sum();
        let windows = match answers.resolved.are_all {
            true => 0,
            false => answers.desk.windows().len(),
        };
        let counts = windows + self.census.rated.counted.len();
        let needed = LOOKUPS + lists + u64::try_from(counts).unwrap_or(0);
        if needed > most {
            let more = needed - most;
            let enough = spend.option_for(needed);
            self.findings.remark(format!(
                "the steps that every sync takes took {needed} requests, {more} more than {option} allows: allow at least {enough}"
            ));
        }
        Ok(())
    }

    /// Stores what there is to say beside the counts.
    pub(super) fn commit_outcome(
        &self,
        answers: &mut Answers<'_>,
        remarks: Vec<String>,
    ) -> Result<()> {
        let number = |ratings| i64::try_from(ratings).unwrap_or(i64::MAX);
        let outstanding = answers.ratings_outstanding(&self.census.rated);
        let known = SyncOutcome {
            ratings_outstanding: outstanding.map(number),
            syncs_for_all: self.syncs_for_all().map(number),
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

fn number(count: i64) -> u64 {
    u64::try_from(count).unwrap_or(0)
}

/// Tickets from before the last sync that this one has not read.
fn unread(answers: &Answers<'_>) -> u64 {
    let desk = &answers.desk;
    let unseen = desk.index.unseen(desk.first_ms(), desk.since_ms());
    u64::try_from(unseen).unwrap_or(u64::MAX)
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

//! Lists by creation: everything new, the open set, or the whole desk, through the lanes of a backfill.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::extract::Scope;
use crate::mava::OPEN;
use crate::plan::SliceState;
use crate::refresh::{self, SyncStep};
use crate::run::reading::{ReadBack, Reading};
use crate::run::{closing, mend};
use crate::settings::Filters;
use crate::store::{Store, WindowState, WindowStep};
use crate::sync::answers::Answers;
use crate::sync::report::StepReport;
use crate::sync::session::{StepResult, Stop};
use crate::window::Window;

/// What a list gives back: the writer, which it had lent to a thread of its own, and how it went.
pub(in crate::sync) type Listed<'a> = (Answers<'a>, StepReport);

/// A list of some windows.
#[derive(Debug)]
struct List {
    step: SyncStep,
    windows: Vec<Window>,
    filters: Filters,
}

/// Step 0: the whole desk. A thorough one holds each row against what comes.
///
/// # Errors
/// The store was lost with the thread that wrote it.
pub(in crate::sync) async fn full(
    mut answers: Answers<'_>,
    is_thorough: bool,
) -> Result<Listed<'_>> {
    if is_thorough {
        answers = prepare_mending(answers).await?;
    }
    let list = List {
        step: SyncStep::Full,
        windows: refresh::full_windows(&answers.desk),
        filters: Filters::default(),
    };
    let (mut answers, mut report) = read(answers, list).await?;
    if report.ended.is_ok() {
        if let Some(remark) = mend::told(answers.store.mended()) {
            answers.findings.remark(remark);
        }
        // Last, so that a run that goes on with this one counts nothing twice.
        report.ended = answers.prove_all().map_err(Stop::from);
    }
    Ok((answers, report))
}

/// Step 1: created since the last complete sync.
///
/// # Errors
/// The store was lost with the thread that wrote it.
pub(in crate::sync) async fn new(answers: Answers<'_>) -> Result<Listed<'_>> {
    let windows = refresh::new_windows(&answers.desk);
    if windows.is_empty() {
        return Ok((answers, StepReport::default()));
    }
    let list = List {
        step: SyncStep::New,
        windows,
        filters: Filters::default(),
    };
    read(answers, list).await
}

/// Step 2: everything that is not resolved.
///
/// # Errors
/// The store was lost with the thread that wrote it.
pub(in crate::sync) async fn open(answers: Answers<'_>) -> Result<Listed<'_>> {
    let list = List {
        step: SyncStep::Open,
        windows: answers.desk.windows(),
        filters: Filters {
            status: OPEN.map(str::to_owned).to_vec(),
            ..Filters::default()
        },
    };
    read(answers, list).await
}

/// From now on rows that were damaged or edited by hand are written again where they are read.
async fn prepare_mending(answers: Answers<'_>) -> Result<Answers<'_>> {
    let Answers { store, .. } = answers;
    let (store, remarks) = mend::prepare(store, answers.session.run.context.client.now()?).await?;
    let mut answers = Answers { store, ..answers };
    remarks
        .into_iter()
        .for_each(|remark| answers.findings.remark(remark));
    Ok(answers)
}

/// Reads the windows of a list to their end, or goes on where an earlier part of the run stopped, and
/// closes each with a count of it up to the start of the sync.
async fn read(mut answers: Answers<'_>, list: List) -> Result<Listed<'_>> {
    let first_slice = plan_slices(&mut answers, &list.windows)?;
    let scope = Arc::new(Scope {
        filters: list.filters.clone(),
        has_messages: answers.session.scope.has_messages,
    });
    let is_filtered = !list.filters.is_empty();
    let (mut answers, read) = read_slices(answers, Arc::clone(&scope), is_filtered).await?;
    let mut report = StepReport::default();
    report.ended = match read {
        Ok(is_lacking_threads) => {
            if is_lacking_threads && !is_filtered {
                tell_threads(&mut answers, &list.windows);
            }
            close_list(&mut answers, &mut report, &list, scope, first_slice).await
        }
        Err(stop) => Err(stop),
    };
    Ok((answers, report))
}

/// Adds the slices of a list, unless an earlier part of the run did; gives back the number of the
/// first.
fn plan_slices(answers: &mut Answers<'_>, windows: &[Window]) -> Result<i64> {
    let snapshot_id = answers.session.run.snapshot_id;
    let slices = answers.store.slices(snapshot_id)?;
    let open = slices
        .iter()
        .filter(|slice| slice.state == SliceState::Open);
    if let Some(begun) = open.map(|slice| slice.number).min() {
        return Ok(begun);
    }
    let added = answers.store.plan_slices(snapshot_id, windows)?;
    Ok(added.first().map_or(0, |slice| slice.number))
}

fn tell_threads(answers: &mut Answers<'_>, windows: &[Window]) {
    let window = windows
        .first()
        .map_or_else(String::new, ToString::to_string);
    let reason = "no ticket came with messages, although they were asked for";
    answers.findings.fail(window, reason.to_owned());
}

/// Reads all open slices; gives back whether no ticket came with the threads asked for.
async fn read_slices(
    answers: Answers<'_>,
    scope: Arc<Scope>,
    is_filtered: bool,
) -> Result<(Answers<'_>, StepResult<bool>)> {
    let Answers { store, .. } = answers;
    let (run, settings) = (&answers.session.run, answers.session.settings);
    let reading = Reading {
        run,
        scope,
        max_lanes: settings.max_lanes,
        is_listing: is_filtered,
        is_cautious: false,
        tickets_resumed: store.snapshot(run.snapshot_id)?.tickets_read,
    };
    let ReadBack { store, ended } = reading.run(store).await?;
    let mut answers = Answers { store, ..answers };
    let ended = match ended {
        Ok(ended) => ended,
        Err(error) => return Ok((answers, Err(error.into()))),
    };
    for remark in ended.remarks {
        answers.findings.remark(remark);
    }
    let failure = ended.failure.map(Stop::from);
    Ok((answers, failure.map_or(Ok(ended.lacks_threads), Err)))
}

/// Ends each window of a list with a count.
async fn close_list(
    answers: &mut Answers<'_>,
    report: &mut StepReport,
    list: &List,
    scope: Arc<Scope>,
    first_slice: i64,
) -> StepResult<()> {
    let slices = answers.store.slices(answers.session.run.snapshot_id)?;
    if slices.iter().any(|slice| slice.state == SliceState::Open) {
        return Err(Error::interrupted().into());
    }
    let ended = plan_ends(answers, list)?;
    if list.step != SyncStep::New || !is_nothing(answers, &ended)? {
        close(answers, report, list.step, scope, first_slice).await?;
    }
    Ok(tell_unverified(answers, 0)?)
}

/// The windows of a list that end with a count. What is created after the start of the sync belongs
/// to the next one.
fn plan_ends(answers: &mut Answers<'_>, list: &List) -> Result<Vec<Window>> {
    let began_at = answers.desk.began_at;
    let windows = list.windows.iter();
    let ended: Vec<Window> = windows
        .filter_map(|window| Window::new(window.from(), window.until().min(began_at)))
        .collect();
    answers.enter_requests()?;
    let snapshot_id = answers.session.run.snapshot_id;
    answers
        .store
        .plan_windows(snapshot_id, &WindowStep::Sync(list.step), &ended)?;
    Ok(ended)
}

/// Whether a list showed nothing, and nothing of it is stored: an API that is out answers like
/// that, and its count a moment later would be as empty.
fn is_nothing(answers: &Answers<'_>, ended: &[Window]) -> Result<bool> {
    let (store, snapshot_id) = (&answers.store, answers.session.run.snapshot_id);
    for window in ended {
        let held = store.held_count(snapshot_id, *window, &Filters::default())?;
        if held.all() > 0 || !store.disturbed(snapshot_id, *window, true, 0)?.is_empty() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Says what of the slices from this one on is not proven.
fn tell_unverified(answers: &mut Answers<'_>, first_slice: i64) -> Result<()> {
    let slices = answers.store.slices(answers.session.run.snapshot_id)?;
    for slice in slices
        .into_iter()
        .filter(|slice| slice.number >= first_slice)
    {
        if let SliceState::Unverified { reason } = slice.state {
            answers.findings.fail(slice.window.to_string(), reason);
        }
    }
    Ok(())
}

/// Counts the list of new tickets where it was empty, now that other lists have been read. `None`
/// where it was not.
pub(in crate::sync) async fn close_new(answers: &mut Answers<'_>) -> Result<Option<StepReport>> {
    let snapshot_id = answers.session.run.snapshot_id;
    if !has_open_new(&answers.store, snapshot_id)? {
        return Ok(None);
    }
    let scope = Arc::clone(&answers.session.scope);
    let slices = answers.store.slices(snapshot_id)?.into_iter();
    let numbers = slices.map(|slice| slice.number + 1);
    let first_slice = numbers.max().unwrap_or(0);
    let mut report = StepReport::default();
    report.ended = close(answers, &mut report, SyncStep::New, scope, first_slice).await;
    if report.ended.is_ok() {
        tell_unverified(answers, first_slice)?;
    }
    Ok(Some(report))
}

fn has_open_new(store: &Store, snapshot_id: i64) -> Result<bool> {
    let windows = store.windows(snapshot_id)?;
    let is_open = windows
        .iter()
        .any(|row| row.step == WindowStep::Sync(SyncStep::New) && row.state == WindowState::Open);
    Ok(is_open)
}

/// Ends the windows of a step with a count each, and what is missing from them.
async fn close(
    answers: &mut Answers<'_>,
    report: &mut StepReport,
    step: SyncStep,
    scope: Arc<Scope>,
    first_slice: i64,
) -> StepResult<()> {
    let run = &answers.session.run;
    let covered = answers.desk.windows_until(answers.desk.began_at);
    let step = closing::Step {
        of: WindowStep::Sync(step),
        scope,
        first_slice,
        covered: &covered,
    };
    let closed = closing::close(run, &step, &mut answers.store).await;
    answers.enter_requests()?;
    let closed = closed?;
    for remark in closed.remarks {
        answers.findings.remark(remark);
    }
    let deleted = answers.store.snapshot(run.snapshot_id)?.tickets_deleted;
    match closed.disbelieved {
        0 => report.is_doubted = !closed.is_settled,
        missing => report.disbelieved = Some(missing + deleted),
    }
    Ok(())
}

//! How a sync ends: what it proved, what there is left to say, and its summary.

use tokio::time::Instant as Moment;

use super::answers::Answers;
use super::course::Course;
use super::steps;
use super::summary;
use crate::error::{Error, ExitCode, Result};
use crate::plan::SliceState;
use crate::refresh::{self, Facts, Unseen};
use crate::report::SyncSummary;
use crate::run::twins;
use crate::store::{Outcome, Store};
use crate::table::{Ending, Instant, Snapshot, instant_text};

/// What a sync gives back.
pub(super) type Ended = (SyncSummary, ExitCode, Option<Store>);

/// Closes the run.
pub(super) fn end(mut course: Course, mut answers: Answers<'_>, began: Moment) -> Result<Ended> {
    if course.lacks_messages {
        course.findings.remark(threads_left(answers.desk.since));
    }
    answers.judge_resolutions()?;
    steps::gone::tell_unclear(&mut answers)?;
    course.is_covered &= answers.still_unclear()?.is_empty();
    course.findings.add(answers.findings.take());
    tell_ratings(&mut course, &answers);
    let unseen = unseen(&course, &mut answers)?;
    let remarks = course.findings.remarks.clone();
    course.commit_outcome(&mut answers, remarks)?;
    tell_unread_threads(&mut course, &answers)?;
    tell_partial(&mut course, &answers)?;
    let snapshot = finish(&course, &mut answers, &unseen)?;
    let exit_code = ExitCode::from(&snapshot);
    let twins = twins::remark(&answers.store)?;
    course.findings.remarks.extend(twins);
    let ending = Ending::of(&snapshot);
    let summary = summary::of(course, &answers, &snapshot, ending, began)?;
    let summary = SyncSummary {
        may_be_unseen: Some(unseen),
        ..summary
    };
    Ok((summary, exit_code, Some(answers.store)))
}

/// That no thread was read.
pub(super) fn threads_left(since: Instant) -> String {
    let since = instant_text(since);
    format!(
        "threads were left as they are: messages are complete until {since} only, and so is what \
         this store holds, until a sync without --no-messages"
    )
}

/// Ends the run with its outcome, and with the instant up to which it has seen everything.
fn finish(course: &Course, answers: &mut Answers<'_>, unseen: &[Unseen]) -> Result<Snapshot> {
    let losses = &course.losses;
    let is_proven = course.findings.failures.is_empty();
    let outcome = match is_proven && !losses.is_suspicious && !losses.is_doubted {
        true => Outcome::Complete,
        false => Outcome::Incomplete,
    };
    let now = answers.session.run.context.client.now()?;
    let complete_at = complete_at(course, answers)?;
    let unseen = serde_json::to_string(unseen).map_err(|error| {
        Error::failed(format!(
            "what may be unseen could not be written as JSON: {error}"
        ))
    })?;
    let snapshot_id = answers.session.run.snapshot_id;
    answers
        .store
        .finish_sync(snapshot_id, outcome, complete_at, &unseen, now)
}

/// What may have changed without being seen, from what was and was not read.
fn unseen(course: &Course, answers: &mut Answers<'_>) -> Result<Vec<Unseen>> {
    let is_full = course.has_read_all();
    // A sync that was to read all of it has no index yet.
    if course.is_full && (!is_full || course.lacks_messages) {
        answers.load()?;
    }
    let facts = Facts {
        is_full,
        lacks_messages: course.lacks_messages,
        // Of tickets that are gone and were not found, some may be rated: late ratings stand in for theirs.
        ratings_outstanding: answers
            .ratings_outstanding(&course.census.rated)
            .filter(|ratings| *ratings > 0 || course.findings.unexplained.is_empty()),
        counted: course.findings.unexplained.clone(),
    };
    Ok(refresh::unseen(&answers.desk, &facts))
}

/// Ratings that were counted and not found are known to be missing.
fn tell_ratings(course: &mut Course, answers: &Answers<'_>) {
    let outstanding = answers.ratings_outstanding(&course.census.rated);
    if let Some(ratings @ 1..) = outstanding {
        let reason = format!(
            "the API counts {ratings} more ratings than are stored, and whose they are was not found out"
        );
        course.fail_history(answers, reason);
    }
}

/// Up to when everything has been seen, if that moved.
fn complete_at(course: &Course, answers: &Answers<'_>) -> Result<Option<Instant>> {
    let session = answers.session;
    let slices = answers.store.slices(session.run.snapshot_id)?;
    let is_sealed = slices.iter().all(|slice| slice.state == SliceState::Sealed);
    let is_complete =
        course.is_covered && !course.losses.is_suspicious && is_sealed && !course.lacks_messages;
    // What is created next may be dated by a clock that is behind.
    let behind = chrono::TimeDelta::from_std(session.run.context.client.clock_behind());
    Ok(match behind {
        Ok(behind) if is_complete => answers.desk.began_at.checked_sub_signed(behind),
        _ => None,
    })
}

/// Says what earlier runs did not prove complete. That is known without a sync, so it is not kept, and no
/// quiet run tells it.
fn tell_partial(course: &mut Course, answers: &Answers<'_>) -> Result<()> {
    let snapshot_id = answers.session.run.snapshot_id;
    let partial = answers.store.partial()?.into_iter();
    let earlier = partial.filter(|range| range.snapshot_id < snapshot_id);
    let ranges = match earlier.count() {
        0 => return Ok(()),
        1 => "1 range of an earlier run is".to_owned(),
        count => format!("{count} ranges of earlier runs are"),
    };
    course.findings.remarks.push(format!(
        "{ranges} not proven complete: status lists them, and a backfill of each reads it again"
    ));
    Ok(())
}

/// Says how many threads are missing. That is known without a sync, so it is not kept.
fn tell_unread_threads(course: &mut Course, answers: &Answers<'_>) -> Result<()> {
    if !answers.session.scope.has_messages {
        return Ok(());
    }
    let unread = answers.store.threads_unread()?;
    if unread > 0 {
        let tickets = match unread {
            1 => "1 ticket is stored without its thread".to_owned(),
            _ => format!("{unread} tickets are stored without their threads"),
        };
        course.findings.remark(format!(
            "{tickets}, which no run has read: sync --full reads what is missing"
        ));
    }
    Ok(())
}

/// Leaves the run to be gone on with.
pub(super) fn interrupted(
    mut course: Course,
    mut answers: Answers<'_>,
    began: Moment,
) -> Result<Ended> {
    answers.enter_requests()?;
    course.findings.add(answers.findings.take());
    let snapshot = answers.store.snapshot(answers.session.run.snapshot_id)?;
    let summary = summary::of(course, &answers, &snapshot, Ending::Interrupted, began)?;
    Ok((summary, ExitCode::Interrupted, Some(answers.store)))
}

//! What is missing, flagged as deleted where a second look does not find it either.

use chrono::TimeDelta;

use super::total::total;
use crate::error::Result;
use crate::extract::{self, Missing};
use crate::plan::losses::{Evidence, Losses, Verdict, young_from};
use crate::run::gone;
use crate::sync::answers::Answers;
use crate::sync::report::Counted;
use crate::sync::session::StepResult;
use crate::window::Window;

/// Tickets that did not come.
#[derive(Debug, Default)]
pub(super) struct Absent {
    /// A page shows that they are not there.
    pub(super) missing: Vec<Missing>,
    /// No page shows whether they are: they are looked for as well, and count as missing only where
    /// that does not find them.
    pub(super) unproven: Vec<Missing>,
}

/// Flags tickets as deleted that a second look does not find either. Gives back the number of those
/// missing where it is so high that none of it is believed.
pub(super) async fn settle(
    answers: &mut Answers<'_>,
    counted: &mut Vec<Counted>,
    absent: Absent,
) -> StepResult<Option<i64>> {
    let Some(range) = whole(answers) else {
        return Ok(None);
    };
    let missing = not_seen(answers, absent.missing)?;
    let mut sought = not_seen(answers, absent.unproven)?;
    let count = missing.len();
    sought.extend(missing);
    sought.sort_by_key(|(_, at)| *at);
    if sought.is_empty() {
        return Ok(None);
    }
    let lost = missing_in_newest_year(answers, counted).await?;
    if let Verdict::Refused { missing } = losses(answers, count.max(lost))?.verdict(Evidence::List)
    {
        return Ok(Some(missing));
    }
    look(answers, &sought, range).await
}

/// Looks for tickets once more, and flags those that do not come. What stays open is told at the end: a step
/// that follows may find their neighbours gone as well, and then them.
async fn look(
    answers: &mut Answers<'_>,
    sought: &[Missing],
    range: Window,
) -> StepResult<Option<i64>> {
    let session = answers.session;
    let (context, snapshot_id) = (session.run.context, session.run.snapshot_id);
    let began_at = answers.desk.began_at;
    let young_from = young_from(began_at);
    let until = range.until();
    let batches = gone::batches(&answers.store, snapshot_id, sought, until, young_from)?;
    let look =
        extract::look_again(&context.client, &session.scope, &batches, &context.cancel).await?;
    answers.take_rows(&look.found, &[], began_at)?;
    // Some of which nothing was known may be missing as well.
    if let Verdict::Refused { missing } = losses(answers, look.gone.len())?.verdict(Evidence::Look)
    {
        return Ok(Some(missing));
    }
    answers
        .store
        .mark_deleted(snapshot_id, &look.gone, began_at)?;
    for (id, created_at) in sought {
        if look.gone.contains(id) {
            let created_ms = created_at.timestamp_millis();
            answers.desk.index.forget(id, created_ms);
        }
    }
    let unclear = sought.iter().filter(|(id, _)| look.unclear.contains(id));
    answers.unclear.extend(unclear.cloned());
    Ok(None)
}

/// So many missing tickets as a loss of the whole desk.
pub(super) fn losses(answers: &Answers<'_>, missing: usize) -> Result<Losses> {
    let whole = whole(answers);
    let snapshot_id = answers.session.run.snapshot_id;
    let losses = gone::losses(&answers.store, snapshot_id, whole.as_slice(), missing)?;
    Ok(Losses {
        is_allowed: answers.session.settings.allow_deletions,
        ..losses
    })
}

/// Counts the newest year before anything is believed to be gone: a few missing tickets may be
/// the first sign of an API that shows another desk, or none. Returns how many of it are not there.
async fn missing_in_newest_year(
    answers: &mut Answers<'_>,
    counted: &mut Vec<Counted>,
) -> StepResult<usize> {
    let Some(window) = answers.desk.windows().first().copied() else {
        return Ok(0);
    };
    total(answers, counted, window).await?;
    let Some((_, remote)) = counted.iter().find(|(known, _)| *known == window) else {
        return Ok(0);
    };
    let remote = i64::try_from(*remote).unwrap_or(i64::MAX);
    let missing = answers.store.live_count(&window)? - remote;
    Ok(usize::try_from(missing).unwrap_or(0))
}

/// Says how many tickets are neither there nor known to be gone, now that all steps are over.
///
/// # Errors
/// The store cannot be read.
pub(in crate::sync) fn tell_unclear(answers: &mut Answers<'_>) -> Result<()> {
    let unclear = answers.still_unclear()?.len();
    if let (1.., Some(range)) = (unclear, whole(answers)) {
        answers.findings.fail(
            range.to_string(),
            format!("a second look could not tell whether {unclear} tickets are gone"),
        );
    }
    Ok(())
}

/// From the first ticket to past the start of this sync.
fn whole(answers: &Answers<'_>) -> Option<Window> {
    let desk = &answers.desk;
    Window::new(desk.first, desk.began_at + TimeDelta::days(1))
}

/// Those of them that this run has not seen, and that are old enough to be missed by it.
fn not_seen(answers: &Answers<'_>, tickets: Vec<Missing>) -> Result<Vec<Missing>> {
    let snapshot_id = answers.session.run.snapshot_id;
    let young_from = young_from(answers.desk.began_at);
    let mut tickets = answers.store.not_seen(snapshot_id, tickets)?;
    tickets.retain(|(_, at)| *at < young_from);
    Ok(tickets)
}

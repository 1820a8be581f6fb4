//! What a sync says at its end.

use tokio::time::Instant as Moment;

use super::answers::Answers;
use super::course::Course;
use crate::error::Result;
use crate::refresh::SyncStep;
use crate::report::{Freshness, Step, Summary, SyncSummary};
use crate::run::summary::{Known, summary};
use crate::store::{StepRow, Store};
use crate::table::{Ending, RunKind, Snapshot, instant_text};

/// The summary of a run that is over, or was interrupted.
pub(super) fn of(
    course: Course,
    answers: &Answers<'_>,
    snapshot: &Snapshot,
    outcome: Ending,
    began: Moment,
) -> Result<SyncSummary> {
    let store = &answers.store;
    let fresh = store.freshness(answers.desk.began_at)?;
    let coverage = store.coverage()?;
    let complete_at = coverage.map_or(answers.desk.since, |coverage| coverage.complete_at);
    let (ratings_outstanding, syncs_for_all) = (
        answers.ratings_outstanding(&course.census.rated),
        course.syncs_for_all(),
    );
    let known = Known {
        kind: RunKind::Sync,
        outcome,
        is_resumed: course.resume.is_resumed,
        tickets_resumed: course.resume.tickets_read,
        unverified: course.findings.failures,
        remarks: course.findings.remarks,
        began,
    };
    Ok(SyncSummary {
        complete_until: instant_text(complete_at),
        steps: steps(store, snapshot.id)?,
        ratings_outstanding,
        may_be_unseen: None,
        syncs_for_all,
        tickets: fresh.live,
        freshness: Freshness::shares(fresh.within(), fresh.live),
        summary: summary(&answers.session.run, store, snapshot, known)?,
    })
}

/// The steps of a run, in order.
pub(crate) fn steps(store: &Store, snapshot_id: i64) -> Result<Vec<Step>> {
    let mut steps = store.steps(snapshot_id)?;
    steps.sort_by_key(|step| step.step);
    Ok(steps.iter().map(step).collect())
}

fn step(row: &StepRow) -> Step {
    let count = |value: i64| u64::try_from(value).unwrap_or(0);
    Step {
        step: row.step,
        requests: count(row.requests),
        read: count(row.tickets_read),
        changed: count(row.tickets_changed),
    }
}

/// A sync of a store without history is a backfill.
pub(super) fn of_backfill(summary: Summary) -> SyncSummary {
    let tickets = summary.tickets_stored;
    SyncSummary {
        complete_until: summary.range_until.clone(),
        steps: vec![Step {
            step: SyncStep::Full,
            requests: summary.requests,
            read: u64::try_from(summary.tickets_read).unwrap_or(0),
            changed: u64::try_from(summary.tickets_new + summary.tickets_changed).unwrap_or(0),
        }],
        ratings_outstanding: None,
        may_be_unseen: matches!(summary.outcome, Ending::Over(outcome) if outcome.is_proven())
            .then(Vec::new),
        syncs_for_all: Some(1),
        tickets,
        freshness: Freshness::shares([tickets; 4], tickets),
        summary,
    }
}

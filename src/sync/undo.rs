//! What a sync takes back: deletions that it flagged before so much was missing that none is believed.

use super::answers::Answers;
use super::report::Findings;
use crate::error::Result;
use crate::run::gone;
use crate::store::StepRow;

/// What is believed of losses.
#[derive(Debug, Default)]
pub(super) struct Losses {
    /// Whether so many tickets are missing that none of it is believed.
    pub(super) is_suspicious: bool,
    /// Whether a window ended without its count being what is stored, or a ticket came twice.
    pub(super) is_doubted: bool,
    /// Missing tickets that were said not to be believed gone.
    pub(super) disbelieved: i64,
}

/// Says once a run that `missing` tickets are not believed to be gone, with the highest number.
/// Gives back what was said.
pub(super) fn tell(findings: &mut Findings, losses: &mut Losses, missing: i64) -> Option<String> {
    if missing <= losses.disbelieved {
        return None;
    }
    let before = gone::disbelief(losses.disbelieved);
    findings.remarks.retain(|remark| *remark != before);
    losses.disbelieved = missing;
    let said = gone::disbelief(missing);
    findings.remark(said.clone());
    Some(said)
}

/// Takes back what this run has flagged as deleted, in whichever of its parts. The steps that did are
/// to be done again.
pub(super) fn take_back(answers: &mut Answers<'_>) -> Result<()> {
    let snapshot_id = answers.session.run.snapshot_id;
    let store = &mut answers.store;
    if store.snapshot(snapshot_id)?.tickets_deleted == 0 {
        return Ok(());
    }
    let mut unmarked = store.unmark_deleted(snapshot_id)?;
    for step in store.steps(snapshot_id)? {
        if step.is_done && step.step.flags_deletions() {
            let undone = unmarked.min(step.tickets_changed);
            unmarked -= undone;
            let undone = StepRow {
                is_done: false,
                tickets_changed: step.tickets_changed - undone,
                ..step
            };
            store.commit_step(snapshot_id, &undone)?;
        }
    }
    answers.load()
}

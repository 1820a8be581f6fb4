//! Step 3: resolved since the last sync, by sweeps over lists sorted by resolution time.

use super::sweeps::{Swept, sweep};
use crate::refresh::{Kind, Segment};
use crate::sync::answers::Answers;
use crate::sync::report::StepReport;
use crate::sync::session::StepResult;
use crate::window::Window;

/// Sweeps down to the start of the last sync, unless the times mean nothing.
pub(in crate::sync) async fn run(answers: &mut Answers<'_>) -> StepReport {
    sweep_all(answers).await.into()
}

async fn sweep_all(answers: &mut Answers<'_>) -> StepResult<()> {
    if !answers.trust.holds_again() {
        answers.tell_first_resolutions();
    }
    if !answers.trust.is_given {
        answers.findings.remark(
            "resolution times have not matched the resolutions seen; tickets that left the open \
             set are read one by one, and those resolved again overnight may be seen late"
                .to_owned(),
        );
        return Ok(());
    }
    let sought = answers.desk.sought();
    let planned = answers.desk.resolution_sweep(&sought);
    let (first_ms, since_ms) = (answers.desk.first_ms(), answers.desk.since_ms());
    let mut are_all = planned.tiles(first_ms, since_ms) && answers.desk.strays().is_empty();
    for segment in planned.segments {
        let swept = sweep(answers, &segment, since_ms, None).await?;
        are_all &= swept == Swept::Whole;
        match swept {
            // Tickets that are resolved again may be seen late, which is told; the others are read
            // by the next step.
            Swept::Whole | Swept::Torn if !answers.trust.holds_again() => {}
            Swept::Whole => {
                let window = (segment.from_ms, segment.until_ms);
                answers.assure(Kind::Resolution, window, i64::MIN)?;
            }
            Swept::Torn => owe(
                answers,
                &segment,
                "tickets entered and left the list by resolution time while it was paged, so that some may \
                 be on none of its pages",
            ),
            Swept::Broken if answers.trust.is_given => owe(
                answers,
                &segment,
                "the list by resolution time could not be read to its end",
            ),
            Swept::Broken => {}
        }
        if !answers.trust.is_given {
            return Ok(());
        }
    }
    answers.resolved.are_all = are_all && answers.resolved.unclear == 0;
    Ok(())
}

/// A list was not read to its end, because of this. The sync does not count as complete then, so that the
/// next one reads it down to the same instant.
fn owe(answers: &mut Answers<'_>, segment: &Segment, reason: &str) {
    if let Some(window) = Window::from_millis(segment.from_ms, segment.until_ms) {
        answers.findings.fail(window.to_string(), reason.to_owned());
    }
}

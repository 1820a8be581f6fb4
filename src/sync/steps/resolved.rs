//! Step 3: resolved since the last sync, by sweeps over lists sorted by resolution time.

use super::sweeps::{Swept, sweep};
use crate::error::Result;
use crate::refresh::{Kind, Segment};
use crate::sync::answers::Answers;
use crate::sync::report::StepReport;
use crate::sync::session::StepResult;
use crate::window::Window;

/// Sweeps down to the start of the last sync, unless plain pages are cheaper or the times mean nothing.
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
    let Some(planned) = answers.desk.resolution_sweep(&sought) else {
        return Ok(());
    };
    let since_ms = answers.desk.since_ms();
    for segment in planned.segments {
        match sweep(answers, &segment, since_ms, None).await? {
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
            )?,
            Swept::Broken if answers.trust.is_given => owe(
                answers,
                &segment,
                "the list by resolution time could not be read to its end",
            )?,
            Swept::Broken => {}
        }
        if !answers.trust.is_given {
            break;
        }
    }
    Ok(())
}

/// A list was not read to its end, because of this: the next sync reads it again, down to the same
/// instant.
fn owe(answers: &mut Answers<'_>, segment: &Segment, reason: &str) -> Result<()> {
    let Some(window) = Window::from_millis(segment.from_ms, segment.until_ms) else {
        return Ok(());
    };
    answers.findings.fail(window.to_string(), reason.to_owned());
    answers.store.commit_unswept(window)
}

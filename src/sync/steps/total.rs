//! Counts of everything in a window, each once a sync.

use crate::plan::losses::{Evidence, Losses, Verdict};
use crate::sync::answers::Answers;
use crate::sync::report::Counted;
use crate::sync::session::StepResult;
use crate::window::Window;

/// How often a count is asked for again that lacks so many tickets that a loss of that size would not be
/// believed: an empty answer looks just so.
const MOST_RECOUNTS: usize = 3;

/// Whether a count of this very window is known.
pub(super) fn is_counted(counted: &[Counted], window: &Window) -> bool {
    counted.iter().any(|(known, _)| known == window)
}

/// Adds the API's count of everything in a window, unless it is known.
pub(super) async fn total(
    answers: &mut Answers<'_>,
    counted: &mut Vec<Counted>,
    window: Window,
) -> StepResult<()> {
    if is_counted(counted, &window) {
        return Ok(());
    }
    let query = answers.session.newest_first(window).alone();
    let Some(seen) = answers.read(&query).await? else {
        return Ok(());
    };
    let (Some(mut count), false) = (seen.count, seen.is_foreign) else {
        return Ok(());
    };
    let local = answers.store.live_count(&window)?;
    for _ in 0..MOST_RECOUNTS {
        let losses = Losses {
            missing: local - i64::try_from(count).unwrap_or(i64::MAX),
            live: local,
            is_allowed: answers.session.settings.allow_deletions,
            ..Losses::default()
        };
        if losses.verdict(Evidence::Count) != Verdict::AskAgain {
            break;
        }
        let again = answers.count_alone(&query).await?;
        count = again.map_or(count, |again| count.max(again));
    }
    counted.push((window, count));
    Ok(())
}

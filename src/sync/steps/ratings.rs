//! Step 6: ratings that came after the resolution.

use super::sweeps::{Swept, sweep};
use crate::api::TicketsQuery;
use crate::mava::{PAGE, RATINGS};
use crate::refresh::{self, Kind};
use crate::sync::allowance::Allowance;
use crate::sync::answers::Answers;
use crate::sync::report::{Rated, StepReport};
use crate::sync::session::StepResult;
use crate::window::Window;

/// Of the allowance, the share that ratings leave to the steps after them, in percent.
const LEFT_PERCENT: u64 = 25;

/// Counts the ratings of every window, or of some in turn; where some are not known, looks for them.
/// `were_missing` says whether that was so at the end of the last sync.
pub(in crate::sync) async fn run(
    answers: &mut Answers<'_>,
    allowance: &Allowance,
    were_missing: bool,
) -> StepReport {
    let mut report = StepReport::default();
    let mut rated = Rated::default();
    report.ended = look(answers, allowance, were_missing, &mut rated).await;
    report.rated = Some(rated);
    report
}

async fn look(
    answers: &mut Answers<'_>,
    allowance: &Allowance,
    were_missing: bool,
    rated: &mut Rated,
) -> StepResult<()> {
    let windows = refresh::rated_windows(&answers.desk, allowance.left(), were_missing);
    for (number, window) in windows.iter().enumerate() {
        let query = rated_in(answers, *window);
        let Some(remote) = count(answers, &query, allowance).await? else {
            continue;
        };
        rated.counted.push((*window, remote));
        if outstanding(answers, window, remote) > 0 && number == 0 && answers.trust.is_given {
            sweep_rated(answers, allowance, window, remote).await?;
        }
        if outstanding(answers, window, remote) > 0 {
            locate(answers, allowance, *window, remote).await?;
        }
        let missing = outstanding(answers, window, remote);
        rated.missing.push(missing);
    }
    rated.are_all = rated.counted.len() == answers.desk.windows().len();
    Ok(())
}

/// Looks once more where rated tickets turned out to be gone since: as many late ratings had stood in for
/// them. Where none is missing, and no difference of counts hides one, all are known.
pub(in crate::sync) async fn settle(
    answers: &mut Answers<'_>,
    allowance: &Allowance,
    rated: &Rated,
) -> StepResult<()> {
    for ((window, remote), missing) in rated.counted.iter().zip(&rated.missing) {
        if outstanding(answers, window, *remote) > *missing {
            locate(answers, allowance, *window, *remote).await?;
        }
        let mut unexplained = answers.findings.unexplained.iter();
        let is_explained = !unexplained.any(|one| one.window.overlaps(window));
        if is_explained && outstanding(answers, window, *remote) == 0 {
            answers.assure(Kind::Rating, range(window), i64::MIN)?;
        }
    }
    Ok(())
}

/// The list of rated tickets of a window, newest first.
fn rated_in(answers: &Answers<'_>, window: Window) -> TicketsQuery {
    TicketsQuery {
        csat_values: RATINGS.map(str::to_owned).to_vec(),
        // The count is what this step goes by.
        is_alone: true,
        ..answers.session.newest_first(window)
    }
}

fn range(window: &Window) -> (i64, i64) {
    let (from, until) = (window.from(), window.until());
    (from.timestamp_millis(), until.timestamp_millis())
}

/// Finds ratings by halves of a window: only where the API counts more than are known is it looked into,
/// and each count comes with a page.
async fn locate(
    answers: &mut Answers<'_>,
    allowance: &Allowance,
    window: Window,
    remote: u64,
) -> StepResult<()> {
    let reserve = allowance.share(LEFT_PERCENT);
    let page = u64::try_from(PAGE).unwrap_or(u64::MAX);
    let mut parts = vec![(window, remote)];
    while let Some((part, remote)) = parts.pop() {
        if outstanding(answers, &part, remote) == 0 {
            continue;
        }
        if allowance.left() <= reserve {
            break;
        }
        let cut = Some(middle_ms(answers, &part)).filter(|_| remote > page);
        let (from_ms, until_ms) = range(&part);
        let older = cut.and_then(|cut_ms| Window::from_millis(from_ms, cut_ms));
        let query = rated_in(answers, older.unwrap_or(part));
        let Some(seen) = answers.read(&query).await? else {
            continue;
        };
        let (Some(count), false) = (seen.count, seen.is_foreign) else {
            break;
        };
        let newer = cut.and_then(|cut_ms| Window::from_millis(cut_ms, until_ms));
        if let (Some(older), Some(newer)) = (older, newer) {
            parts.push((older, count));
            parts.push((newer, remote.saturating_sub(count)));
        }
    }
    Ok(())
}

/// Where a window is cut: half of the ratings known in it are of tickets created before, and it holds
/// more than one millisecond on either side where it is longer than one.
fn middle_ms(answers: &Answers<'_>, window: &Window) -> i64 {
    let (from_ms, until_ms) = range(window);
    let rated: Vec<i64> = answers
        .desk
        .index
        .created_in(from_ms, until_ms)
        .iter()
        .filter(|known| known.is_rated && !known.is_gone)
        .map(|known| known.created_ms)
        .collect();
    let middle = rated.get(rated.len() / 2).copied();
    middle
        .unwrap_or(i64::midpoint(from_ms, until_ms))
        .clamp(from_ms + 1, until_ms)
}

/// How many rated tickets the API counts; `None` where it does not.
async fn count(
    answers: &mut Answers<'_>,
    query: &TicketsQuery,
    allowance: &Allowance,
) -> StepResult<Option<u64>> {
    let Some(seen) = answers.read(query).await? else {
        return Ok(None);
    };
    if seen.is_foreign {
        answers.findings.remark(
            "the API ignores the filter by csatValues: late ratings are found only as \
             their tickets are read again"
                .to_owned(),
        );
        return Ok(None);
    }
    let Some(remote) = seen.count else {
        return Ok(None);
    };
    // Ratings are rarely taken back: a count below what is known has to repeat.
    let (from_ms, until_ms) = range(&query.window);
    if answers.ratings_in(from_ms, until_ms) > remote && !allowance.is_spent() {
        let again = answers.count_alone(query).await?;
        return Ok(Some(again.map_or(remote, |again| again.max(remote))));
    }
    Ok(Some(remote))
}

/// Sweeps lists of rated tickets of the newest year until as many ratings are known as the API counts.
async fn sweep_rated(
    answers: &mut Answers<'_>,
    allowance: &Allowance,
    year: &Window,
    remote: u64,
) -> StepResult<()> {
    let reserve = allowance.share(LEFT_PERCENT);
    let sought = outstanding(answers, year, remote);
    let (planned, slack_ms) = answers.desk.rating_sweep(sought);
    let since_ms = answers.desk.since_ms() - slack_ms;
    for segment in planned.segments {
        if outstanding(answers, year, remote) == 0 || allowance.left() <= reserve {
            break;
        }
        match sweep(answers, &segment, since_ms, Some(allowance)).await? {
            Swept::Whole => {
                let window = (segment.from_ms, segment.until_ms);
                answers.assure(Kind::Rating, window, since_ms)?;
            }
            // What was missed is looked for by halves.
            Swept::Torn => {}
            Swept::Broken => break,
        }
    }
    Ok(())
}

/// Ratings that the API counts in a window and that are not known.
fn outstanding(answers: &Answers<'_>, window: &Window, remote: u64) -> u64 {
    let (from_ms, until_ms) = range(window);
    remote.saturating_sub(answers.ratings_in(from_ms, until_ms))
}

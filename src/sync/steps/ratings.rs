//! Step 5: ratings that came after the resolution.

use super::sweeps::{Swept, sweep};
use crate::api::TicketsQuery;
use crate::mava::RATINGS;
use crate::refresh::Kind;
use crate::sync::allowance::Allowance;
use crate::sync::answers::Answers;
use crate::sync::report::StepReport;
use crate::sync::session::StepResult;
use crate::window::Window;

/// Of the allowance, the share that ratings leave to the steps after them, in percent.
const LEFT_PERCENT: u64 = 50;

/// Counts the ratings of the newest year; where some are not known, looks for them.
pub(in crate::sync) async fn run(answers: &mut Answers<'_>, allowance: &Allowance) -> StepReport {
    let mut report = StepReport::default();
    report.ended = look(answers, allowance, &mut report.rated).await;
    report
}

async fn look(
    answers: &mut Answers<'_>,
    allowance: &Allowance,
    rated: &mut Option<u64>,
) -> StepResult<()> {
    if allowance.is_spent() {
        answers.findings.remark(
            "the limit of --max-requests was reached before ratings were counted".to_owned(),
        );
        return Ok(());
    }
    let (from_ms, until_ms) = (answers.desk.year_ms(), answers.desk.since_ms());
    let Some(window) = Window::from_millis(from_ms, until_ms) else {
        return Ok(());
    };
    let query = TicketsQuery {
        csat_values: RATINGS.map(str::to_owned).to_vec(),
        // The count is what this step goes by.
        is_alone: true,
        ..answers.session.newest_first(window)
    };
    let Some(remote) = count(answers, &query, allowance).await? else {
        return Ok(());
    };
    *rated = Some(remote);
    if outstanding(answers, remote) > 0 && answers.trust.is_given {
        sweep_rated(answers, allowance, remote, until_ms).await?;
    }
    if outstanding(answers, remote) == 0 {
        answers.assure(Kind::Rating, (from_ms, until_ms), i64::MIN)?;
    }
    Ok(())
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
    if answers.known_ratings() > remote && !allowance.is_spent() {
        let again = answers.count_alone(query).await?;
        return Ok(Some(again.map_or(remote, |again| again.max(remote))));
    }
    Ok(Some(remote))
}

/// Sweeps lists of rated tickets until as many ratings are known as the API counts.
async fn sweep_rated(
    answers: &mut Answers<'_>,
    allowance: &Allowance,
    remote: u64,
    until_ms: i64,
) -> StepResult<()> {
    let reserve = allowance.left() * LEFT_PERCENT / 100;
    let (planned, slack_ms) = answers.desk.rating_sweep(outstanding(answers, remote));
    let since_ms = until_ms - slack_ms;
    for segment in planned.segments {
        if outstanding(answers, remote) == 0 || allowance.left() <= reserve {
            break;
        }
        match sweep(answers, &segment, since_ms, Some(allowance)).await? {
            Swept::Whole => {
                let window = (segment.from_ms, segment.until_ms);
                answers.assure(Kind::Rating, window, since_ms)?;
            }
            Swept::Torn => answers.findings.remark(
                "tickets entered and left the list of rated tickets while it was paged: late ratings \
                 that were missed are found as their tickets are read again"
                    .to_owned(),
            ),
            Swept::Broken => break,
        }
    }
    Ok(())
}

/// Ratings that the API counts and that are not known.
fn outstanding(answers: &Answers<'_>, remote: u64) -> u64 {
    answers.ratings_outstanding(Some(remote)).unwrap_or(0)
}

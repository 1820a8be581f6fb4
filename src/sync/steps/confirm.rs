//! Step 4: what is no longer unresolved and was not found resolved; and whether what is missing is gone.

use chrono::TimeDelta;

use super::gone::{Absent, settle};
use crate::error::Result;
use crate::extract::Missing;
use crate::refresh::{Known, LONGEST_MS};
use crate::settings::Filters;
use crate::sync::answers::{Answers, Seen};
use crate::sync::report::{Counted, StepReport};
use crate::sync::session::StepResult;
use crate::table::Instant;
use crate::window::Window;

/// Instants that stay unproven before no more are read to their end: what is sought in the others is
/// left to the second look.
const MOST_UNPROVEN: usize = 2;

/// Reads pages over what the lists before should have shown and did not. `is_proven` says that all of
/// them are proven complete; with `is_refused`, so much is missing that nothing is believed gone.
pub(in crate::sync) async fn run(
    answers: &mut Answers<'_>,
    counted: Vec<Counted>,
    is_proven: bool,
    is_refused: bool,
) -> StepReport {
    let mut report = StepReport {
        counted,
        ..StepReport::default()
    };
    report.ended = look(answers, &mut report, is_proven, is_refused).await;
    report
}

async fn look(
    answers: &mut Answers<'_>,
    report: &mut StepReport,
    is_proven: bool,
    is_refused: bool,
) -> StepResult<()> {
    let mut absent = Absent::default();
    if is_proven {
        absent.missing = missing_new(answers)?;
    }
    let mut failures = 0;
    let mut sought = answers.desk.sought();
    sought.reverse();
    // Oldest first, from the end.
    while let Some(known) = sought.pop() {
        let Some((window, seen)) = read_from(answers, &known).await? else {
            continue;
        };
        // What shares the last instant may go on with the next page.
        let spanned = seen.spans.filter(|until| *until > window.from());
        let until_ms = spanned.map_or(known.created_ms + 1, |until| until.timestamp_millis());
        let from_ms = known.created_ms;
        let mut not_shown = not_among(known, &mut sought, &seen, until_ms);
        // What comes after a whole page of one instant is not missing.
        let is_shown = spanned.is_some()
            || not_shown.is_empty()
            || failures < MOST_UNPROVEN && find_in(answers, from_ms, &mut not_shown).await?;
        match is_shown {
            true => absent.missing.extend(not_shown),
            false => {
                failures += 1;
                absent.unproven.extend(not_shown);
            }
        }
    }
    // Once so much was missing that none of it is believed, nothing is.
    if !is_refused {
        report.disbelieved = settle(answers, &mut report.counted, absent).await?;
    }
    Ok(())
}

/// Takes those created before `until_ms` from what is still sought, `known` first, and gives back those
/// that a page does not show.
fn not_among(known: Known, sought: &mut Vec<Known>, seen: &Seen, until_ms: i64) -> Vec<Missing> {
    let mut absent = Vec::new();
    let mut next = Some(known);
    while let Some(known) = next.take_if(|known| known.created_ms < until_ms) {
        if !seen.ids.contains(known.id.as_ref()) {
            absent.extend(
                Instant::from_timestamp_millis(known.created_ms)
                    .map(|at| (known.id.to_string(), at)),
            );
        }
        next = sought.pop();
    }
    sought.extend(next);
    absent
}

/// A page that begins with this ticket, and the window it is of; by the ticket's own instant where
/// the page is too heavy to be had. `None` where there is none, which is told.
async fn read_from(answers: &mut Answers<'_>, known: &Known) -> StepResult<Option<(Window, Seen)>> {
    let from_ms = known.created_ms;
    let until_ms = (from_ms + LONGEST_MS).min(answers.desk.began_ms());
    let Some(window) = Window::from_millis(from_ms, until_ms) else {
        return Ok(None);
    };
    let query = answers.session.query(window);
    if let Some(seen) = answers.read_believable(&query).await? {
        return Ok(Some((window, seen)));
    }
    if let Some(alone) = Window::from_millis(from_ms, from_ms + 1) {
        let query = answers.session.query(alone);
        if let Some(seen) = answers.read_believable(&query).await? {
            return Ok(Some((alone, seen)));
        }
    }
    answers
        .findings
        .fail(window.to_string(), "the page could not be read".to_owned());
    Ok(None)
}

/// Looks for tickets of one instant on all of its pages, and leaves those that did not come. Whether
/// it is proven that none of them is there.
async fn find_in(
    answers: &mut Answers<'_>,
    at_ms: i64,
    absent: &mut Vec<Missing>,
) -> StepResult<bool> {
    answers
        .read_instant(at_ms, &Filters::default(), |seen| {
            absent.retain(|(id, _)| !seen.ids.contains(id));
            absent.is_empty()
        })
        .await
}

/// Created since the last sync by what is stored, and not in the list of new tickets.
fn missing_new(answers: &Answers<'_>) -> Result<Vec<Missing>> {
    let desk = &answers.desk;
    match Window::new(desk.since, desk.began_at + TimeDelta::days(1)) {
        Some(window) => answers
            .store
            .unseen(answers.session.run.snapshot_id, &window),
        None => Ok(Vec::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(id: &str, created_ms: i64) -> Known {
        Known {
            id: id.into(),
            created_ms,
            verified_ms: 0,
            rating_known_ms: 0,
            resolution_known_ms: 0,
            resolution_ms: None,
            is_resolved: false,
            is_open: true,
            is_rated: false,
            is_seen: false,
            is_gone: false,
        }
    }

    #[test]
    fn a_page_says_what_is_missing_up_to_where_it_reaches_and_the_rest_stays_sought() {
        for (until_ms, shown, missing, left) in [
            (11, vec!["a"], vec![], vec!["c", "b"]),
            (25, vec!["a"], vec!["b"], vec!["c"]),
            (99, vec![], vec!["a", "b", "c"], vec![]),
            (99, vec!["c"], vec!["a", "b"], vec![]),
        ] {
            let mut sought = vec![known("c", 30), known("b", 20)];
            let seen = Seen {
                ids: shown.iter().map(|id: &&str| (*id).to_owned()).collect(),
                ..Seen::default()
            };
            let absent = not_among(known("a", 10), &mut sought, &seen, until_ms);
            let ids: Vec<&str> = absent.iter().map(|(id, _)| id.as_str()).collect();
            assert_eq!(ids, missing, "{until_ms} {shown:?}");
            let rest: Vec<&str> = sought.iter().map(|known| known.id.as_ref()).collect();
            assert_eq!(rest, left, "{until_ms} {shown:?}");
        }
    }
}

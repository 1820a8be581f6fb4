//! Step 7: tickets that are gone, found by counting.

use std::collections::HashSet;

use chrono::TimeDelta;

use super::gone::{Absent, losses, settle};
use super::total::{is_counted, total};
use crate::error::Result;
use crate::extract::{Missing, Proof, Sightings};
use crate::mava::PAGE;
use crate::plan::losses::{Evidence, Verdict};
use crate::refresh;
use crate::sync::allowance::Allowance;
use crate::sync::answers::Answers;
use crate::sync::report::{Counted, StepReport};
use crate::sync::session::StepResult;
use crate::table::Instant;
use crate::window::Window;

/// What a look into a gap brought.
#[derive(Debug, Default)]
struct Located {
    /// What should have shown there and did not.
    missing: Vec<Missing>,
    /// The API's counts of parts of it, to go on with.
    parts: Vec<(Window, u64)>,
}

/// At most this many requests locate losses, and at most this share of a full read in permille.
const LEAST_PROBES: u64 = 30;
const PROBES_PERMILLE: u64 = 6;

/// A millisecond of more than a page of tickets is read so many times at most, since they may come in
/// another order on every request.
const TIE_ROUNDS: usize = 3;

/// Counts the windows whose turn it is, locates what is missing where the counts differ, and flags what
/// a second look does not find. With `is_refused`, so much is missing that nothing is believed gone.
pub(in crate::sync) async fn run(
    answers: &mut Answers<'_>,
    allowance: &Allowance,
    counted: Vec<Counted>,
    is_refused: bool,
) -> StepReport {
    let mut report = StepReport {
        counted,
        ..StepReport::default()
    };
    report.ended = look(answers, allowance, &mut report, is_refused).await;
    report
}

async fn look(
    answers: &mut Answers<'_>,
    allowance: &Allowance,
    report: &mut StepReport,
    is_refused: bool,
) -> StepResult<()> {
    let windows = answers.desk.windows();
    count_windows(answers, allowance, &mut report.counted).await?;
    let gaps = gaps(answers, &windows, &report.counted);
    let mut missing = locate(answers, allowance, gaps).await?;
    if is_refused {
        return Ok(());
    }
    missing.sort_by_key(|(_, at): &Missing| *at);
    missing.dedup();
    let most = usize::try_from(allowance.left().saturating_sub(1)).unwrap_or(usize::MAX);
    // Of so many that none is believed, a cap must not make fewer that are.
    if missing.len() > most
        && losses(answers, missing.len())?.verdict(Evidence::List) == Verdict::AskAgain
    {
        answers.findings.remark(format!(
            "the limit of --max-requests was reached before {} missing tickets were looked for once more; the \
             next sync will",
            missing.len() - most
        ));
        missing.truncate(most);
    }
    let absent = Absent {
        missing,
        unproven: Vec::new(),
    };
    report.disbelieved = settle(answers, &mut report.counted, absent).await?;
    Ok(())
}

/// Counts the newest window, and the others whose turn it is.
async fn count_windows(
    answers: &mut Answers<'_>,
    allowance: &Allowance,
    counted: &mut Vec<Counted>,
) -> StepResult<()> {
    let cap = answers.session.settings.max_requests;
    for (window, is_exempt) in refresh::counted_windows(&answers.desk, cap) {
        if is_counted(counted, &window) {
            continue;
        }
        if allowance.is_spent() && !is_exempt {
            answers.findings.remark(
                "the limit of --max-requests was reached before missing tickets were looked for by counting"
                    .to_owned(),
            );
            break;
        }
        total(answers, counted, window).await?;
    }
    Ok(())
}

/// What is missing where the counts of both sides differ. A gap that stays unexplained is told.
async fn locate(
    answers: &mut Answers<'_>,
    allowance: &Allowance,
    mut gaps: Vec<Counted>,
) -> StepResult<Vec<Missing>> {
    let pages = u64::try_from(answers.desk.index.tickets().len() / PAGE).unwrap_or(0);
    let mut probes = LEAST_PROBES.max(pages * PROBES_PERMILLE / 1_000);
    let mut missing = Vec::new();
    while let Some((gap, count)) = gaps.pop() {
        let local = answers.local(&gap);
        if local == count {
            continue;
        }
        // What is missing so far is to be looked for once more, and the desk to be counted.
        let second_looks = u64::try_from(missing.len()).unwrap_or(u64::MAX);
        if probes == 0 || allowance.left() <= second_looks + 1 {
            tell(answers, gap, count);
            continue;
        }
        probes -= 1;
        let located = if local.max(count) < u64::try_from(PAGE).unwrap_or(0) {
            absent(answers, gap).await?
        } else if gap.length() <= TimeDelta::milliseconds(1) {
            absent_of_tie(answers, allowance, gap).await?
        } else {
            halve(answers, gap, count).await?
        };
        match located {
            Some(located) => {
                missing.extend(located.missing);
                gaps.extend(located.parts);
            }
            None => tell(answers, gap, count),
        }
    }
    Ok(missing)
}

/// Says where the two sides disagree.
fn tell(answers: &mut Answers<'_>, gap: Window, count: u64) {
    let local = answers.local(&gap);
    answers.findings.remark(format!(
        "the API counts {count} tickets created in {gap} where the store has {local}; the next sync or \
         verify will look closer"
    ));
}

/// Ranges between the counts that this sync came by, whose counts differ from the store's.
fn gaps(answers: &mut Answers<'_>, windows: &[Window], all: &[Counted]) -> Vec<Counted> {
    let mut gaps = Vec::new();
    for window in windows {
        let mut counted: Vec<(Instant, u64)> = all
            .iter()
            .filter(|(range, _)| range.from() == window.from() && range.until() <= window.until())
            .map(|(range, count)| (range.until(), *count))
            .collect();
        counted.sort_unstable();
        counted.dedup_by_key(|(until, _)| *until);
        let (mut from, mut before) = (window.from(), 0);
        let mut contradicted = None;
        for (until, count) in counted {
            let Some(gap) = Window::new(from, until) else {
                continue;
            };
            // Counts taken one after the other may contradict each other: left to the next.
            let Some(inside) = count.checked_sub(before) else {
                contradicted = Some(gap);
                continue;
            };
            contradicted = None;
            if inside != answers.local(&gap) {
                gaps.push((gap, inside));
            }
            (from, before) = (until, count);
        }
        if let Some(gap) = contradicted {
            answers.findings.remark(format!(
                "the API's counts around {gap} contradict each other; the next sync counts again"
            ));
        }
    }
    gaps
}

/// Reads a gap that fits on a page, and says what is missing from it.
async fn absent(answers: &mut Answers<'_>, gap: Window) -> StepResult<Option<Located>> {
    let query = answers.session.query(gap).alone();
    let Some(seen) = answers.read_believable(&query).await? else {
        return Ok(None);
    };
    let (Some(until), Some(count)) = (seen.spans, seen.count) else {
        return Ok(None);
    };
    let Some(spanned) = Window::new(gap.from(), until) else {
        return Ok(None);
    };
    Ok(absent_among(answers, spanned, gap, &seen.ids, count)?)
}

/// Reads a millisecond of more than a page of tickets by offsets, until all that an answer counts
/// are proven to have come.
async fn absent_of_tie(
    answers: &mut Answers<'_>,
    allowance: &Allowance,
    gap: Window,
) -> StepResult<Option<Located>> {
    let mut query = answers.session.query(gap).alone();
    let mut ids = HashSet::new();
    let mut sightings = Sightings::default();
    for _ in 0..TIE_ROUNDS {
        query.skip = 0;
        while allowance.left() > 1 {
            let Some(seen) = answers.read(&query).await? else {
                return Ok(None);
            };
            let Some(count) = seen.count.filter(|_| !seen.is_foreign) else {
                return Ok(None);
            };
            let received = u64::from(query.skip) + seen.received();
            // Without a filter, whatever changes of a ticket, it stays where it is.
            let came = seen.ids.iter().map(|id| (id.as_str(), 0));
            let proof = sightings.take(came, Some(count));
            ids.extend(seen.ids);
            if let Proof::Whole { count, .. } = proof {
                return Ok(absent_among(answers, gap, gap, &ids, count)?);
            }
            if seen.keys.is_empty() || received >= count {
                break;
            }
            query.skip = u32::try_from(received).unwrap_or(u32::MAX);
        }
    }
    Ok(None)
}

/// What is missing among the ids that came of all of `spanned`. Where that does not make up for what
/// the API counts in all of `gap`, that is told.
fn absent_among(
    answers: &mut Answers<'_>,
    spanned: Window,
    gap: Window,
    ids: &HashSet<String>,
    count: u64,
) -> Result<Option<Located>> {
    let from_ms = spanned.from().timestamp_millis();
    let until_ms = spanned.until().timestamp_millis();
    let gone: Vec<String> = answers
        .rejected
        .values()
        .filter(|rejected| (from_ms..until_ms).contains(&rejected.created_ms))
        .filter(|rejected| !ids.contains(&rejected.id))
        .map(|rejected| rejected.id.clone())
        .collect();
    answers.rejected.retain(|id, _| !gone.contains(id));
    let snapshot_id = answers.session.run.snapshot_id;
    answers.store.forget_rejected(snapshot_id, &gone)?;
    let missing = not_among(answers, from_ms, until_ms, ids);
    let absent = u64::try_from(missing.len()).unwrap_or(u64::MAX);
    if answers.local(&gap).checked_sub(absent) != Some(count) {
        tell(answers, gap, count);
    }
    Ok(Some(Located {
        missing,
        parts: Vec::new(),
    }))
}

/// Counts the older half of a gap. The page beside the cut comes for nothing: what it should show
/// and does not is missing, and counted out of the halves.
async fn halve(answers: &mut Answers<'_>, gap: Window, count: u64) -> StepResult<Option<Located>> {
    let from_ms = gap.from().timestamp_millis();
    let until_ms = gap.until().timestamp_millis();
    let tickets = answers.desk.index.created_in(from_ms, until_ms);
    let middle_ms = tickets
        .get(tickets.len() / 2)
        .map_or((from_ms + until_ms) / 2, |known| known.created_ms)
        // Most of them may share the first millisecond.
        .max(from_ms + 1);
    let older = Window::from_millis(from_ms, middle_ms);
    let newer = Window::from_millis(middle_ms, until_ms);
    let (Some(older), Some(newer)) = (older, newer) else {
        return Ok(None);
    };
    let query = answers.session.newest_first(older).alone();
    let Some(seen) = answers.read_believable(&query).await? else {
        return Ok(None);
    };
    let Some(left) = seen.count.filter(|_| !seen.is_foreign) else {
        return Ok(None);
    };
    let Some(right) = count.checked_sub(left) else {
        return Ok(None);
    };
    // In another order than asked for, the page shows no stretch.
    if !seen.created_ms().is_sorted_by(|one, next| one >= next) {
        return Ok(None);
    }
    let is_whole = seen.received() == left;
    let oldest_ms = seen.created_ms().last();
    // What shares the oldest instant may have been cut off.
    let shown_ms = match (is_whole, oldest_ms) {
        (true, _) => from_ms,
        (false, Some(oldest)) => oldest + 1,
        (false, None) => middle_ms,
    };
    let missing = not_among(answers, shown_ms, middle_ms, &seen.ids);
    for (id, at) in &missing {
        answers.desk.index.forget(id, at.timestamp_millis());
    }
    Ok(Some(Located {
        missing,
        parts: vec![(older, left), (newer, right)],
    }))
}

/// Live tickets of the index created in `[from_ms, until_ms)` that are not among `ids`.
fn not_among(
    answers: &Answers<'_>,
    from_ms: i64,
    until_ms: i64,
    ids: &HashSet<String>,
) -> Vec<Missing> {
    answers
        .desk
        .index
        .created_in(from_ms, until_ms)
        .iter()
        .filter(|known| !known.is_gone && !ids.contains(known.id.as_ref()))
        .filter_map(|known| {
            let at = Instant::from_timestamp_millis(known.created_ms)?;
            Some((known.id.to_string(), at))
        })
        .collect()
}

//! Step 7: tickets that are gone, found by counting: by the lists of resolved tickets, or every window.

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

/// A millisecond of more than a page of tickets is read so many times at most, since they may come in
/// another order on every request.
const TIE_ROUNDS: usize = 16;

/// Counts every window unless the lists of resolved tickets have, locates what is missing where the counts
/// differ, as long as the allowance lasts, and flags what a second look does not find. With `is_refused`, so much
/// is missing that nothing is believed gone.
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
    let is_counted_by_lists = answers.resolved.are_all;
    for window in windows.iter().filter(|_| !is_counted_by_lists) {
        total(answers, &mut report.counted, *window).await?;
        if !is_counted(&report.counted, window) {
            let reason = "the API gave no count, so that nobody knows whether tickets are gone";
            answers.findings.fail(window.to_string(), reason.to_owned());
        }
    }
    let before = answers.store.unexplained(answers.session.run.snapshot_id)?;
    let gaps = match is_counted_by_lists {
        true => fewer_in(answers, &answers.resolved.fewer),
        false => gaps(answers, &windows, &report.counted),
    };
    let asked = gaps.clone();
    let gaps = gaps.into_iter();
    let gaps = gaps.flat_map(|gap| narrowed(answers, gap, &answers.resolved.fewer));
    let gaps = gaps
        .flat_map(|gap| narrowed(answers, gap, &before))
        .collect();
    find(answers, allowance, report, gaps, is_refused).await?;
    if is_refused || report.disbelieved.is_some() {
        return Ok(());
    }
    let differing = still_differing(answers, &windows, &asked).await?;
    // Where tickets were missing before, they need not be now.
    answers.findings.unexplained.clear();
    find(answers, allowance, report, differing.clone(), is_refused).await?;
    if report.disbelieved.is_none() {
        tell(answers, &differing);
    }
    Ok(())
}

/// Locates what is missing in gaps, and flags what a second look does not find.
async fn find(
    answers: &mut Answers<'_>,
    allowance: &Allowance,
    report: &mut StepReport,
    gaps: Vec<Counted>,
    is_refused: bool,
) -> StepResult<()> {
    if gaps.is_empty() {
        return Ok(());
    }
    let mut missing = locate(answers, allowance, gaps).await?;
    if is_refused {
        return Ok(());
    }
    missing.sort_by_key(|(_, at): &Missing| *at);
    missing.dedup();
    // A page that does not show them is no proof: they count until they are flagged.
    for (id, at) in &missing {
        answers.desk.index.recall(id, at.timestamp_millis());
    }
    let snapshot_id = answers.session.run.snapshot_id;
    let unseen = answers.store.not_seen(snapshot_id, missing.clone())?;
    let went = missing.iter().filter(|one| !unseen.contains(one)).cloned();
    answers.resolved.went.extend(went);
    let most = usize::try_from(allowance.left().saturating_sub(1)).unwrap_or(usize::MAX);
    // Of so many that none is believed, a cap must not make fewer that are.
    if missing.len() > most
        && losses(answers, missing.len())?.verdict(Evidence::List) == Verdict::AskAgain
    {
        leave(answers, &missing.split_off(most));
    }
    let absent = Absent {
        missing,
        unproven: Vec::new(),
    };
    report.disbelieved = settle(answers, &mut report.counted, absent).await?;
    Ok(())
}

/// Leaves tickets that are missing to the next sync: nothing is left to look for them once more.
fn leave(answers: &mut Answers<'_>, missing: &[Missing]) {
    let range = missing.first().zip(missing.last());
    let range = range.and_then(|((_, first), (_, last))| {
        Window::new(*first, *last + TimeDelta::milliseconds(1))
    });
    if let Some(window) = range {
        let left = u64::try_from(missing.len()).unwrap_or(u64::MAX);
        note(answers, window, answers.local(&window).saturating_sub(left));
    }
}

/// What was counted while tickets came and went may differ for a moment: each window into which a gap that was
/// `asked` for reaches and is left, or a difference that was noted, is counted once more. Gives back those that
/// still differ, with their count.
async fn still_differing(
    answers: &mut Answers<'_>,
    windows: &[Window],
    asked: &[Counted],
) -> StepResult<Vec<Counted>> {
    let mut differing = Vec::new();
    for window in windows {
        let mut noted = answers.findings.unexplained.iter();
        let is_noted = noted.any(|one| window.overlaps(&one.window));
        let mut left = asked.iter().filter(|(gap, _)| window.overlaps(gap));
        if !is_noted && left.all(|(gap, count)| answers.local(gap) == *count) {
            continue;
        }
        let query = answers.session.newest_first(*window);
        match answers.count_alone(&query).await? {
            Some(there) if is_explained(answers, window, there) => {}
            Some(there) => differing.push((*window, there)),
            None => {
                let reason = "the API gave no count, so that nobody knows whether tickets are gone";
                answers.findings.fail(window.to_string(), reason.to_owned());
            }
        }
    }
    Ok(differing)
}

/// Whether a count is what is stored, without tickets that this sync read and that went meanwhile: those are the
/// next one's to flag, which is told.
fn is_explained(answers: &mut Answers<'_>, window: &Window, there: u64) -> bool {
    let here = answers.local(window);
    let went = answers.resolved.went.iter();
    let went: HashSet<&Missing> = went.filter(|(_, at)| window.contains(*at)).collect();
    let went = u64::try_from(went.len()).unwrap_or(u64::MAX);
    let is_explained = here.saturating_sub(went) <= there && there <= here;
    if is_explained && there < here {
        answers.findings.remark(format!(
            "{} tickets created in {window} went while this sync read them; the next one flags them",
            here - there
        ));
    }
    is_explained
}

/// Says which windows still differ from what was counted, and where in them, as far as what was noted adds up.
fn tell(answers: &mut Answers<'_>, differing: &[Counted]) {
    let noted = std::mem::take(&mut answers.findings.unexplained);
    for (window, there) in differing {
        if is_explained(answers, window, *there) {
            continue;
        }
        let here = answers.local(window);
        answers.findings.fail(
            window.to_string(),
            format!(
                "the API counts {there} where the store has {here}, and which tickets differ was not found out"
            ),
        );
        // One that reaches into another window says nothing of this one alone.
        let inside = noted.iter().filter(|one| window.holds(&one.window));
        // Some of what was missing when it was noted has been flagged since.
        let inside: Vec<_> = inside
            .map(|one| refresh::Counted {
                here: answers.local(&one.window),
                ..*one
            })
            .filter(|one| one.here != one.there)
            .collect();
        let difference = |there: u64, here: u64| i128::from(here) - i128::from(there);
        let sum: i128 = inside
            .iter()
            .map(|one| difference(one.there, one.here))
            .sum();
        match sum == difference(*there, here) {
            true => answers.findings.unexplained.extend(inside),
            false => note(answers, *window, *there),
        }
    }
}

/// What is missing where the counts of both sides differ. A gap that stays unexplained is noted.
async fn locate(
    answers: &mut Answers<'_>,
    allowance: &Allowance,
    mut gaps: Vec<Counted>,
) -> StepResult<Vec<Missing>> {
    let mut missing = Vec::new();
    while let Some((gap, count)) = gaps.pop() {
        let local = answers.local(&gap);
        if local == count {
            continue;
        }
        // What is missing so far is to be looked for once more, and the desk to be counted.
        let second_looks = u64::try_from(missing.len()).unwrap_or(u64::MAX);
        if allowance.left() <= second_looks + 1 {
            note(answers, gap, count);
            continue;
        }
        let located = if local.max(count) < u64::try_from(PAGE).unwrap_or(0) {
            absent(answers, allowance, gap).await?
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
            None => note(answers, gap, count),
        }
    }
    Ok(missing)
}

/// Notes where the two sides disagree.
fn note(answers: &mut Answers<'_>, window: Window, there: u64) {
    let here = answers.local(&window);
    answers.findings.unexplained.push(refresh::Counted {
        window,
        there,
        here,
    });
}

/// The windows whose counts differ from what is stored.
fn gaps(answers: &Answers<'_>, windows: &[Window], counted: &[Counted]) -> Vec<Counted> {
    let differing =
        |(window, count): &&Counted| windows.contains(window) && answers.local(window) != *count;
    counted.iter().filter(differing).copied().collect()
}

/// Where in a gap tickets are missing, by what is known of ranges inside it, if that is all that is missing.
fn narrowed(answers: &Answers<'_>, gap: Counted, known: &[(Window, u64)]) -> Vec<Counted> {
    let (window, count) = gap;
    let inside: Vec<_> = known
        .iter()
        .filter(|(range, _)| window.holds(range))
        .copied()
        .collect();
    let fewer: u64 = inside.iter().map(|(_, fewer)| fewer).sum();
    match answers.local(&window).checked_sub(count) {
        Some(missing @ 1..) if missing == fewer => fewer_in(answers, &inside),
        _ => vec![gap],
    }
}

/// Ranges with what is counted in them, which is so many fewer than are stored.
fn fewer_in(answers: &Answers<'_>, ranges: &[(Window, u64)]) -> Vec<Counted> {
    let counted =
        |(range, fewer): &(Window, u64)| (*range, answers.local(range).saturating_sub(*fewer));
    ranges.iter().map(counted).collect()
}

/// Reads a gap that fits on a page, and says what is missing from it.
async fn absent(
    answers: &mut Answers<'_>,
    allowance: &Allowance,
    gap: Window,
) -> StepResult<Option<Located>> {
    let query = answers.session.query(gap).alone();
    let Some(seen) = answers.read_believable(&query).await? else {
        return Ok(None);
    };
    let (Some(until), Some(count)) = (seen.spans, seen.count) else {
        return Ok(None);
    };
    let Some(spanned) = Window::new(gap.from(), until) else {
        // More tickets of the first millisecond than such a page holds.
        return match gap.length() <= TimeDelta::milliseconds(1) {
            true => absent_of_tie(answers, allowance, gap).await,
            false => halve(answers, gap, count).await,
        };
    };
    let Some(rest) = Window::new(until, gap.until()) else {
        return Ok(absent_among(answers, spanned, gap, &seen.ids, count)?);
    };
    // Pages may be shorter than asked for: what follows is looked at next.
    let until_ms = until.timestamp_millis();
    let shown = seen.created_ms().filter(|at_ms| *at_ms < until_ms).count();
    let shown = u64::try_from(shown).unwrap_or(u64::MAX);
    Ok(Some(Located {
        missing: missing_from(answers, spanned, &seen.ids)?,
        parts: vec![(rest, count.saturating_sub(shown))],
    }))
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
    let missing = missing_from(answers, spanned, ids)?;
    let absent = u64::try_from(missing.len()).unwrap_or(u64::MAX);
    if answers.local(&gap).checked_sub(absent) != Some(count) {
        note(answers, gap, count);
    }
    Ok(Some(Located {
        missing,
        parts: Vec::new(),
    }))
}

/// Live tickets of a range of which all that is there came with these `ids`. Tickets without a row that did
/// not come are forgotten.
fn missing_from(
    answers: &mut Answers<'_>,
    spanned: Window,
    ids: &HashSet<String>,
) -> Result<Vec<Missing>> {
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
    Ok(not_among(answers, from_ms, until_ms, ids))
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

//! Sweeps: lists by resolution time, longest first, read down to a threshold.

use crate::api::TicketsQuery;
use crate::mava::{RATINGS, RESOLVED};
use crate::refresh::{Course, Descent, Segment, Stretch, Time};
use crate::settings::Filters;
use crate::sync::allowance::Allowance;
use crate::sync::answers::{Answers, Seen};
use crate::sync::session::StepResult;
use crate::window::Window;

/// How often a list is read whose pages do not join, or of which an answer counted fewer tickets than
/// there are.
const MOST_READINGS: usize = 3;

/// Parts that a window is cut into at most where more tickets have one resolution time than a page
/// holds.
const MOST_CUTS: usize = 40;

/// How a sweep ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Swept {
    /// Down to its threshold.
    Whole,
    /// Read, but tickets may have slipped through between two pages.
    Torn,
    /// Broken off.
    Broken,
}

/// How a part of a sweep ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    As(Swept),
    /// On more tickets of one resolution time than a page holds, half of which were created before
    /// this instant.
    Tied(i64),
}

/// Reads one list down to the first ticket that was resolved before `since_ms`; with an allowance, of
/// rated tickets only, and no longer than it lasts. Where more tickets have one resolution time than a
/// page holds, their order may change with each request; halves of the window, by creation, hold fewer
/// of them.
pub(super) async fn sweep(
    answers: &mut Answers<'_>,
    segment: &Segment,
    since_ms: i64,
    rated: Option<&Allowance>,
) -> StepResult<Swept> {
    let mut parts = vec![*segment];
    let mut cuts = 0;
    let mut swept = Swept::Whole;
    while let Some(part) = parts.pop() {
        let middle_ms = match sweep_part(answers, &part, since_ms, rated).await? {
            Ended::As(Swept::Whole) => continue,
            Ended::As(Swept::Torn) => {
                swept = Swept::Torn;
                continue;
            }
            Ended::As(Swept::Broken) => return Ok(Swept::Broken),
            Ended::Tied(middle_ms) => middle_ms,
        };
        cuts += 1;
        if cuts > MOST_CUTS {
            return Ok(Swept::Torn);
        }
        if let Some(halves) = halves(&part, middle_ms) {
            parts.extend(halves);
        } else if rated.is_some()
            || !answers
                .read_instant(part.from_ms, &resolved(), |_| false)
                .await?
        {
            swept = Swept::Torn;
        }
    }
    Ok(swept)
}

/// Reads a part of a list. Where its answers count just what is stored by then, and nothing that may be in it
/// is still sought, it is known whole. Else it is counted once more, on a connection of its own: where an
/// answer counted fewer, it was none about the list, which is read again.
async fn sweep_part(
    answers: &mut Answers<'_>,
    part: &Segment,
    since_ms: i64,
    rated: Option<&Allowance>,
) -> StepResult<Ended> {
    let Some(window) = Window::from_millis(part.from_ms, part.until_ms) else {
        return Ok(Ended::As(Swept::Whole));
    };
    let mut query = answers.session.slowest_first(window);
    match rated {
        Some(_) => query.csat_values = RATINGS.map(str::to_owned).to_vec(),
        None => query.filters = resolved(),
    }
    let mut swept = Swept::Broken;
    for _ in 0..MOST_READINGS {
        let mut descent = Descent::new(part.threshold_ms(since_ms), part.requests);
        match descend(answers, query.clone(), &mut descent, rated).await? {
            Ended::As(Swept::Whole) => swept = Swept::Broken,
            Ended::As(Swept::Torn) => {
                tracing::info!(window = %window, "the pages of a list do not join, reading it again");
                swept = Swept::Torn;
                continue;
            }
            ended => return Ok(ended),
        }
        let stored = match rated {
            Some(_) => Some(answers.ratings_in(part.from_ms, part.until_ms)),
            None => answers.resolved_in(part.from_ms, part.until_ms),
        };
        if stored.is_some_and(|stored| descent.is_always(stored)) {
            return Ok(Ended::As(Swept::Whole));
        }
        if rated.is_some_and(Allowance::is_spent) {
            return Ok(Ended::As(Swept::Broken));
        }
        let count = answers.count_alone(&query).await?;
        if count.is_none_or(|count| descent.least().is_none_or(|least| count <= least)) {
            match (stored, count) {
                _ if rated.is_some() => {}
                (Some(stored), Some(count)) if count < stored => {
                    answers.resolved.fewer.push((window, stored - count));
                }
                _ => answers.resolved.unclear += 1,
            }
            return Ok(Ended::As(Swept::Whole));
        }
        tracing::info!(window = %window, "a list was shorter than its count, reading it again");
    }
    Ok(Ended::As(swept))
}

/// Reads the list once.
async fn descend(
    answers: &mut Answers<'_>,
    mut query: TicketsQuery,
    descent: &mut Descent,
    rated: Option<&Allowance>,
) -> StepResult<Ended> {
    loop {
        if rated.is_some_and(Allowance::is_spent) {
            return Ok(Ended::As(Swept::Broken));
        }
        let Some(seen) = read_sorted(answers, &query, rated.is_some()).await? else {
            return Ok(Ended::As(Swept::Broken));
        };
        let course = descent.take(Stretch {
            skip: query.skip,
            count: seen.count,
            times: &seen.times,
        });
        return Ok(match course {
            Course::Next(skip) => {
                query.skip = skip;
                continue;
            }
            Course::Over => Ended::As(Swept::Whole),
            Course::Torn => Ended::As(Swept::Torn),
            Course::Endless => Ended::As(Swept::Broken),
            Course::Tied(time_ms) => Ended::Tied(middle_ms(&seen, time_ms)),
            Course::Timeless => {
                answers
                    .distrust("the API puts tickets without a resolution time before all others");
                Ended::As(Swept::Broken)
            }
        });
    }
}

/// One page of a list by resolution time; `None` where there is none, or where it is not what was
/// asked for, which is told.
async fn read_sorted(
    answers: &mut Answers<'_>,
    query: &TicketsQuery,
    is_rated: bool,
) -> StepResult<Option<Seen>> {
    let seen = match answers.read(query).await {
        Err(stop) if stop.is_refused() => {
            let error = stop.error;
            answers.distrust(&format!(
                "the API refused a list by resolution time: {error}"
            ));
            return Ok(None);
        }
        outcome => outcome?,
    };
    let Some(seen) = seen else {
        return Ok(None);
    };
    if seen.is_foreign {
        let what = if is_rated { "csatValues" } else { "status" };
        answers.distrust(&format!("the API ignores the filter by {what}"));
        return Ok(None);
    }
    let times = seen.times.iter().filter_map(|time| match time {
        Time::Ms(time) => Some(*time),
        Time::None | Time::Unread => None,
    });
    if !times.is_sorted_by(|one, next| one >= next) {
        answers.distrust("the API does not sort by resolution time");
        return Ok(None);
    }
    if seen.times.contains(&Time::None) && !is_rated {
        answers
            .findings
            .remark("resolved tickets came without a resolution time".to_owned());
    }
    Ok(Some(seen))
}

/// What lists of resolved tickets are filtered by.
fn resolved() -> Filters {
    Filters {
        status: vec![RESOLVED.to_owned()],
        ..Filters::default()
    }
}

/// The creation in the middle of those of the tickets that have this resolution time.
fn middle_ms(seen: &Seen, time_ms: i64) -> i64 {
    let tied = seen.keys.iter().zip(&seen.times);
    let mut created_ms: Vec<i64> = tied
        .filter(|(_, time)| **time == Time::Ms(time_ms))
        .filter_map(|(key, _)| Some(key.created_at?.timestamp_millis()))
        .collect();
    created_ms.sort_unstable();
    let middle = created_ms.get(created_ms.len() / 2);
    middle.copied().unwrap_or(i64::MIN)
}

/// A part cut in two by creation, the older one last; `None` where it is one millisecond.
fn halves(part: &Segment, middle_ms: i64) -> Option<[Segment; 2]> {
    let cut_ms = middle_ms.max(part.from_ms + 1);
    (cut_ms < part.until_ms).then_some([
        Segment {
            from_ms: cut_ms,
            ..*part
        },
        Segment {
            until_ms: cut_ms,
            ..*part
        },
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_cut_between_the_tickets_of_a_tie_until_it_is_one_millisecond() {
        for ((from_ms, until_ms), middle_ms, expected) in [
            ((0, 100), 40, Some([(40, 100), (0, 40)])),
            ((0, 100), 0, Some([(1, 100), (0, 1)])),
            ((0, 100), 99, Some([(99, 100), (0, 99)])),
            ((0, 100), i64::MIN, Some([(1, 100), (0, 1)])),
            ((0, 1), 0, None),
        ] {
            let part = Segment {
                from_ms,
                until_ms,
                requests: 3,
            };
            let cut = halves(&part, middle_ms);
            let cut = cut.map(|halves| halves.map(|half| (half.from_ms, half.until_ms)));
            assert_eq!(cut, expected, "{from_ms} to {until_ms} at {middle_ms}");
        }
    }
}

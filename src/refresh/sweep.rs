//! Windows for a list sorted by resolution time, longest first.
//!
//! A ticket created in `[a, b)` and resolved at or after `P` has a resolution time of more than
//! `P − b`: paging down until the first that has not shows every such ticket, and, as waste, those
//! resolved up to `b − a` earlier. Long windows save requests, short ones save waste; which are best
//! follows from what is stored.

use super::descent::pages;
use super::{DAY_MS, LONGEST_MS, days, real};

/// Tickets between two possible edges of young windows, so that a page is not cut finer.
const TICKETS_A_STEP: f64 = 25.0;

/// The longest step, and until which age steps are of that kind, in days.
const YOUNG_STEP: f64 = 0.5;
const YOUNG: f64 = 3.0;

/// Beyond, a step is this share of the age.
const STEP_SHARE: f64 = 0.035;

/// A window is at most so many times as long as its youngest ticket is old: longer ones are waste.
const LONGEST_RATIO: i64 = 9;

/// The tickets created between two neighbouring edges, as far as planning needs them.
#[derive(Debug, Clone, Default)]
pub struct Cell {
    /// Resolution times of those that the list would show, in milliseconds, longest first.
    pub listed_ms: Vec<i64>,
    /// Whether one of them has to be found, so that the cell cannot be skipped.
    pub is_sought: bool,
    /// Changes expected that a sweep finds only if it reaches down to their ticket's resolution
    /// time: time and expectation, shortest time first.
    pub expected_at_ms: Vec<(i64, f64)>,
}

/// One window to sweep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    /// Start of creation.
    pub from_ms: i64,
    /// Its end, exclusive.
    pub until_ms: i64,
    /// Requests expected.
    pub requests: usize,
}

/// What to sweep.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sweep {
    /// Newest first.
    pub segments: Vec<Segment>,
    /// Requests expected, and what is left unfound in requests' worth.
    pub cost: f64,
}

impl Segment {
    /// The shortest resolution time, in milliseconds, of a ticket of the window that was resolved at or
    /// after `since_ms`.
    pub fn threshold_ms(&self, since_ms: i64) -> i64 {
        threshold_ms(self.until_ms, since_ms)
    }
}

/// The threshold of a window that ends at `until_ms`, exclusive.
fn threshold_ms(until_ms: i64, since_ms: i64) -> i64 {
    since_ms - until_ms + 1
}

impl Sweep {
    /// Whether its windows leave no gap between the two instants, so that their lists count every resolved
    /// ticket created there.
    pub fn tiles(&self, from_ms: i64, until_ms: i64) -> bool {
        let mut edge_ms = until_ms;
        for segment in &self.segments {
            if segment.until_ms != edge_ms {
                return false;
            }
            edge_ms = segment.from_ms;
        }
        edge_ms == from_ms
    }

    /// Requests expected.
    pub fn requests(&self) -> usize {
        self.segments.iter().map(|segment| segment.requests).sum()
    }
}

/// Possible edges from `until_ms` back to `from_ms`, oldest first, finer where tickets are young.
/// `now_ms` is when ages are counted from; `tickets_a_day` how many tickets recent days brought.
pub fn grid(from_ms: i64, until_ms: i64, now_ms: i64, tickets_a_day: f64) -> Vec<i64> {
    let young = (TICKETS_A_STEP / tickets_a_day.max(0.01)).min(YOUNG_STEP);
    let mut edges = vec![until_ms];
    let mut at = until_ms;
    while at > from_ms {
        let age = days(now_ms - at);
        let step = if age < YOUNG { young } else { age * STEP_SHARE };
        at = (at - milliseconds(step).max(60_000)).max(from_ms);
        edges.push(at);
    }
    edges.reverse();
    edges
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a few hundred days in milliseconds"
)]
fn milliseconds(days: f64) -> i64 {
    (days * real(usize::try_from(DAY_MS).unwrap_or(1))) as i64
}

/// The cheapest windows over `cells`, which lie between neighbouring `edges` (one more), so that
/// every ticket resolved at or after `since_ms` is shown in those that are not skipped. A find is
/// worth so many requests.
pub fn sweep(edges: &[i64], cells: &[Cell], since_ms: i64, now_ms: i64, worth: f64) -> Sweep {
    let mut best: Vec<(f64, Choice)> = vec![(0.0, Choice::Start)];
    for (end, until) in edges.iter().enumerate().skip(1) {
        let mut choice = (f64::INFINITY, Choice::Start);
        if let Some((cell, (cost, _))) = cells.get(end - 1).zip(best.get(end - 1))
            && !cell.is_sought
        {
            choice = (cost + cell.all_expected() * worth, Choice::Skip);
        }
        let longest = LONGEST_MS.min(
            (now_ms - until)
                .max(DAY_MS / 2)
                .saturating_mul(LONGEST_RATIO),
        );
        let threshold = threshold_ms(*until, since_ms);
        let (mut listed, mut missed) = (0, 0.0);
        for start in (0..end).rev() {
            let (Some(from), Some(cell), Some((cost, _))) =
                (edges.get(start), cells.get(start), best.get(start))
            else {
                break;
            };
            if until - from > longest && start + 1 < end {
                break;
            }
            listed += cell.listed(threshold);
            missed += cell.missed(threshold);
            let requests = pages(listed);
            let total = cost + real(requests) + missed * worth;
            if total < choice.0 {
                choice = (total, Choice::Window { start, requests });
            }
        }
        best.push(choice);
    }
    retrace(edges, &best)
}

#[derive(Debug, Clone, Copy)]
enum Choice {
    Start,
    Skip,
    Window { start: usize, requests: usize },
}

fn retrace(edges: &[i64], best: &[(f64, Choice)]) -> Sweep {
    let mut segments = Vec::new();
    let mut end = best.len().saturating_sub(1);
    let cost = best.get(end).map_or(0.0, |(cost, _)| *cost);
    while let Some((_, choice)) = best.get(end) {
        match choice {
            Choice::Start => break,
            Choice::Skip => end -= 1,
            Choice::Window { start, requests } => {
                if let (Some(from), Some(until)) = (edges.get(*start), edges.get(end)) {
                    segments.push(Segment {
                        from_ms: *from,
                        until_ms: *until,
                        requests: *requests,
                    });
                }
                end = *start;
            }
        }
    }
    Sweep { segments, cost }
}

impl Cell {
    /// Makes its lists ready to be counted in.
    pub fn sorted(mut self) -> Self {
        self.listed_ms
            .sort_unstable_by(|left, right| right.cmp(left));
        self.expected_at_ms.sort_unstable_by_key(|(at, _)| *at);
        let mut sum = 0.0;
        for (_, expected) in &mut self.expected_at_ms {
            sum += *expected;
            *expected = sum;
        }
        self
    }

    /// How many tickets a list down to `threshold` shows.
    fn listed(&self, threshold: i64) -> usize {
        self.listed_ms.partition_point(|time| *time >= threshold)
    }

    /// Changes expected among tickets that a list down to `threshold` does not reach.
    fn missed(&self, threshold: i64) -> f64 {
        let below = self
            .expected_at_ms
            .partition_point(|(time, _)| *time < threshold);
        below
            .checked_sub(1)
            .and_then(|last| self.expected_at_ms.get(last))
            .map_or(0.0, |(_, sum)| *sum)
    }

    fn all_expected(&self) -> f64 {
        self.expected_at_ms.last().map_or(0.0, |(_, sum)| *sum)
    }
}

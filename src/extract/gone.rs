//! Tickets that a complete listing did not show: read again in the company of their neighbours,
//! before anybody believes they are gone.

use std::collections::HashSet;
use std::sync::Arc;

use chrono::Duration;
use tokio_util::sync::CancellationToken;

use super::page::{self, Page, Scope};
use super::pager::{Answer, Ask, Key, Narrowing, PAGE_LIMIT, Pager, Step};
use crate::api::Client;
use crate::error::Result;
use crate::normalize::{Outcome, TicketRows};
use crate::plan::{Slice, SliceState};
use crate::store::Neighbour;
use crate::table::Instant;
use crate::window::{LONGEST_DAYS, Window};

/// Live neighbours before the first ticket of a batch: an answer that shows none of them is no
/// answer about the batch.
pub const BEFORE: usize = 20;

/// Live tickets of a batch's window, those looked for included: a page holds them and a few that
/// are new.
pub const MOST: usize = 90;

/// Batches in a row that could not be had; after that the API is taken to be down.
const MOST_FAILURES: usize = 2;

/// A ticket that may be gone: its id and its creation.
pub type Missing = (String, Instant);

/// What a second look at missing tickets gives.
#[derive(Debug, Default)]
pub struct SecondLook {
    /// Absent from an answer that counts as many tickets as it shows, their neighbours among them.
    pub gone: Vec<String>,
    /// There after all.
    pub found: Vec<TicketRows>,
    /// Neither: the answers proved nothing about them.
    pub unclear: usize,
}

/// Missing tickets that one page settles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// What the page spans: the missing tickets and live ones around them.
    window: Window,
    sought: Vec<Missing>,
    /// Live tickets of the window that were stored before, those that are missing left out.
    neighbours: HashSet<String>,
}

impl Batch {
    /// Batches of `missing` (by creation). `around` gives, by creation, at most [`MOST`] live
    /// tickets by what is stored: up to [`BEFORE`] created before an instant, and those that follow.
    ///
    /// # Errors
    /// Those of `around`.
    pub fn of(
        missing: &[Missing],
        until: Instant,
        mut around: impl FnMut(Instant) -> Result<Vec<Neighbour>>,
    ) -> Result<Vec<Self>> {
        let mut batches = Vec::new();
        let mut left = missing;
        while let Some((_, first_at)) = left.first() {
            let live = around(*first_at)?;
            let longest = Duration::days(LONGEST_DAYS);
            let earliest = *first_at - longest / 2;
            let mut created = live.iter().map(|neighbour| neighbour.created_at);
            let from = created.find(|at| *at >= earliest);
            let from = from.map_or(*first_at, |from| from.min(*first_at));
            let end = match live.last() {
                // The last one may share its instant with others.
                Some(last) if live.len() >= MOST => last.created_at,
                _ => until,
            };
            let end = end.min(from + longest);
            let taken = left.iter().take_while(|(_, at)| *at < end).count();
            let (window, taken) = match Window::new(from, end) {
                Some(window) if taken > 0 => (window, taken),
                // A whole page of one instant, or one of the future: by itself.
                _ => {
                    let Some(window) =
                        Window::new(*first_at, *first_at + Duration::milliseconds(1))
                    else {
                        break;
                    };
                    let tied = left.iter().take_while(|(_, at)| at == first_at).count();
                    (window, tied)
                }
            };
            let (sought, rest) = left.split_at(taken);
            let missing: HashSet<&str> = missing.iter().map(|(id, _)| id.as_str()).collect();
            let neighbours = live.into_iter().filter(|neighbour| {
                neighbour.is_known
                    && window.contains(neighbour.created_at)
                    && !missing.contains(neighbour.id.as_str())
            });
            batches.push(Self {
                window,
                sought: sought.to_vec(),
                neighbours: neighbours.map(|neighbour| neighbour.id).collect(),
            });
            left = rest;
        }
        Ok(batches)
    }
}

/// Looks again for missing tickets, a page for each batch. `scope` is the run's, which has no
/// filters.
///
/// # Errors
/// Whatever ends a request for good.
pub async fn look_again(
    client: &Arc<Client>,
    scope: &Arc<Scope>,
    batches: &[Batch],
    cancel: &CancellationToken,
) -> Result<SecondLook> {
    let looking = Looking {
        client,
        scope,
        cancel,
    };
    let mut look = SecondLook::default();
    let mut failures = 0;
    for batch in batches {
        if failures >= MOST_FAILURES {
            look.unclear += batch.sought.len();
            continue;
        }
        let ask = Ask {
            window: batch.window,
            skip: 0,
            limit: PAGE_LIMIT,
            narrowing: Narrowing::default(),
        };
        match looking.fetch(ask).await? {
            Some(page) => {
                failures = 0;
                looking.judge(batch, page, &mut look).await?;
            }
            None => {
                failures += 1;
                look.unclear += batch.sought.len();
            }
        }
    }
    Ok(look)
}

struct Looking<'a> {
    client: &'a Arc<Client>,
    scope: &'a Arc<Scope>,
    cancel: &'a CancellationToken,
}

impl Looking<'_> {
    /// `None` where a page is too heavy to be had, which leaves its tickets unclear and not the
    /// whole run.
    async fn fetch(&self, ask: Ask) -> Result<Option<Page>> {
        let window = ask.window;
        let query = page::query(self.scope, ask);
        match page::fetch_without_threads_at_worst(self.client, &query, self.cancel).await {
            Err(failure) if failure.is_weight || failure.is_too_large => {
                tracing::warn!(window = %window, error = %failure.error, "a second look failed");
                Ok(None)
            }
            fetched => Ok(Some(fetched?.0)),
        }
    }

    async fn judge(&self, batch: &Batch, page: Page, look: &mut SecondLook) -> Result<()> {
        let is_neighbour = |key: &&Key| batch.neighbours.contains(&key.id);
        let shown = page.keys.iter().filter(is_neighbour).count();
        if page.is_whole(batch.window) {
            // An answer without the neighbours is one about another desk, or none.
            match shown.saturating_mul(2) >= batch.neighbours.len() {
                true => look.settle(&batch.sought, &page.keys, page.outcomes),
                false => look.unclear += batch.sought.len(),
            }
            return Ok(());
        }
        // It does not add up, or more tickets are there than a page holds: each instant by itself.
        let mut left = batch.sought.as_slice();
        while let Some((_, at)) = left.first() {
            let tied = left.iter().take_while(|(_, other)| other == at).count();
            let (tied, rest) = left.split_at(tied);
            match self.whole_millisecond(*at).await? {
                Some((keys, outcomes)) => look.settle(tied, &keys, outcomes),
                None => look.unclear += tied.len(),
            }
            left = rest;
        }
        Ok(())
    }

    /// The keys of all tickets of one millisecond, and what became of them; `None` where the API's
    /// answers do not prove that they are all.
    async fn whole_millisecond(&self, at: Instant) -> Result<Option<(Vec<Key>, Vec<Outcome>)>> {
        let Some(window) = Window::new(at, at + Duration::milliseconds(1)) else {
            return Ok(None);
        };
        let mut pager = Pager::new(Slice::new(0, window), &self.scope.filters).cautious();
        let mut keys = Vec::new();
        let mut outcomes = Vec::new();
        while let Some(ask) = pager.ask() {
            let Some(page) = self.fetch(ask).await? else {
                return Ok(None);
            };
            let taken = pager.take(Answer {
                count: page.count,
                has_more: page.has_more,
                keys: &page.keys,
            });
            if matches!(taken.step, Step::Again(_) | Step::Confirm) {
                continue;
            }
            keys.extend(page.keys);
            outcomes.extend(page.outcomes);
        }
        let is_sealed = pager.slice().state == SliceState::Sealed;
        Ok(is_sealed.then_some((keys, outcomes)))
    }
}

impl SecondLook {
    /// Sorts `sought` by whether they are among `keys`, the whole of what spans them. One of
    /// several that came without an id may be any of them, so then nothing is gone for sure.
    fn settle(&mut self, sought: &[Missing], keys: &[Key], outcomes: Vec<Outcome>) {
        let here: HashSet<&str> = keys.iter().map(|key| key.id.as_str()).collect();
        let absent = sought.iter().filter(|(id, _)| !here.contains(id.as_str()));
        if keys.iter().all(|key| key.has_id) {
            self.gone.extend(absent.map(|(id, _)| id.clone()));
        } else {
            self.unclear += absent.count();
        }
        let sought: HashSet<&str> = sought.iter().map(|(id, _)| id.as_str()).collect();
        let rows = outcomes.into_iter().filter_map(|outcome| match outcome {
            Outcome::Rows(rows) if sought.contains(rows.ticket.id.as_str()) => Some(*rows),
            Outcome::Rows(_) | Outcome::Reject(_) => None,
        });
        self.found.extend(rows);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Instant {
        Instant::from_timestamp_millis(ms).expect("in range")
    }

    fn missing(creations: &[i64]) -> Vec<Missing> {
        let missing = creations.iter();
        missing.map(|ms| (ms.to_string(), at(*ms))).collect()
    }

    /// Batches among live tickets created at `live`; windows in milliseconds.
    fn batches(live: &[i64], sought: &[i64], until: i64) -> Vec<(i64, i64, usize, usize)> {
        let around = |from: Instant| {
            let first = live.partition_point(|ms| at(*ms) < from);
            let shown = live.iter().skip(first.saturating_sub(BEFORE)).take(MOST);
            let mut last = None;
            let known = shown.enumerate().map(|(number, ms)| Neighbour {
                id: match last.replace(ms) == Some(ms) {
                    true => format!("{ms}, {number}"),
                    false => ms.to_string(),
                },
                created_at: at(*ms),
                is_known: true,
            });
            Ok(known.collect())
        };
        let batches = Batch::of(&missing(sought), at(until), around).expect("batches");
        let millis = |instant: Instant| instant.timestamp_millis();
        batches
            .iter()
            .map(|batch| {
                let window = batch.window;
                let sought = batch.sought.len();
                (
                    millis(window.from()),
                    millis(window.until()),
                    sought,
                    batch.neighbours.len(),
                )
            })
            .collect()
    }

    #[test]
    fn each_is_looked_for_among_neighbours_that_fit_on_a_page() {
        let live: Vec<i64> = (0..1_000).map(|number| number * 10).collect();
        assert_eq!(
            batches(&live, &[5_000, 5_010, 5_690, 5_700, 9_990], 20_000),
            [
                (4_800, 5_690, 2, 87),
                (5_490, 6_380, 2, 87),
                (9_790, 20_000, 1, 20)
            ]
        );
    }

    #[test]
    fn a_crowded_instant_is_looked_at_by_itself_and_a_desk_without_neighbours_has_none() {
        let crowd = vec![500; 300];
        assert_eq!(batches(&crowd, &[500, 500], 1_000), [(500, 501, 2, 89)]);
        assert_eq!(batches(&[7], &[7], 1_000), [(7, 1_000, 1, 0)]);
        assert_eq!(batches(&[], &[7], 1_000), [(7, 1_000, 1, 0)]);
    }

    #[test]
    fn no_window_is_longer_than_the_api_takes() {
        let year = LONGEST_DAYS * 86_400_000;
        let live = [0, year, 2 * year, 3 * year];
        for (from, until, ..) in batches(&live, &live, 5 * year) {
            assert!(until - from <= year);
        }
        let sought: usize = batches(&live, &live, 5 * year)
            .iter()
            .map(|batch| batch.2)
            .sum();
        assert_eq!(sought, 4);
    }
}

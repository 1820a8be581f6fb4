//! Missing tickets in batches, each with the stored tickets around it that an answer has to show: pure.

use std::collections::{HashMap, HashSet};

use chrono::Duration;

use super::super::pager::{Ask, Narrowing};
use super::Missing;
use crate::error::Result;
use crate::mava::{LONGEST_DAYS, PAGE_LIMIT};
use crate::plan::losses::{Company, Shown};
use crate::store::Neighbour;
use crate::table::Instant;
use crate::window::Window;

/// Live neighbours before the first ticket of a batch: an answer that shows none of them is no
/// answer about the batch.
pub const BEFORE: usize = 20;

/// Live tickets of a batch's window, those looked for included: a page holds them and a few that
/// are new.
pub const MOST: usize = 90;

/// Missing tickets that one page settles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// What the page spans: the missing tickets and live ones around them.
    pub(super) window: Window,
    pub(super) sought: Vec<Missing>,
    /// Live tickets of the window that were stored before, those that are missing left out, with
    /// their creation.
    pub(super) neighbours: HashMap<String, Instant>,
    /// Other live tickets of the window, which need not come: those that do speak for an answer, too.
    pub(super) newcomers: HashMap<String, Instant>,
    /// The nearest live tickets beyond the window, on one side of it, if there are any: what says that the API
    /// answers at all, where there are no neighbours.
    pub(super) beyond: Option<Window>,
}

/// The creation of each, by its id.
fn named(ones: Vec<Neighbour>) -> HashMap<String, Instant> {
    let ones = ones.into_iter();
    ones.map(|one| (one.id, one.created_at)).collect()
}

impl Batch {
    pub(super) fn ask(&self) -> Ask {
        Ask {
            window: self.window,
            skip: 0,
            limit: PAGE_LIMIT,
            narrowing: Narrowing::default(),
        }
    }

    /// The neighbours of what was created at `at`, and those of them that are among `shown`. An answer
    /// that reaches up to `reach` should show those that were created before that, and those that share
    /// the instant, which is asked for by itself.
    pub(super) fn company(&self, at: Instant, shown: &HashSet<&str>, reach: Instant) -> Company {
        let mut company = Company::default();
        let came = |id: &String| shown.contains(id.as_str());
        let newcomers = self.newcomers.iter().filter(|(id, _)| came(id));
        for (id, created_at) in self.neighbours.iter().chain(newcomers) {
            if *created_at != at && *created_at >= reach {
                continue;
            }
            let came = usize::from(came(id));
            let add = |shown: &mut Shown| {
                shown.expected += 1;
                shown.came += came;
            };
            add(&mut company.all);
            // One of the same instant speaks for both sides.
            if *created_at <= at {
                add(&mut company.before);
            }
            if *created_at >= at {
                add(&mut company.after);
            }
        }
        company
    }

    /// Batches of `missing` (by creation). What was created from `young_from` on need not be shown, so
    /// it is no neighbour. `around` gives, by creation, at most [`MOST`] live tickets by what is stored: up to
    /// [`BEFORE`] created before an instant, and those that follow.
    ///
    /// # Errors
    /// Those of `around`.
    pub fn of(
        missing: &[Missing],
        until: Instant,
        young_from: Instant,
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
            let is_expected = |one: &Neighbour| one.is_known && one.created_at < young_from;
            let (within, beyond_it): (Vec<_>, Vec<_>) = live
                .into_iter()
                .filter(|neighbour| !missing.contains(neighbour.id.as_str()))
                .partition(|neighbour| window.contains(neighbour.created_at));
            let others = beyond_it.iter().filter(|one| is_expected(one));
            let others: Vec<Instant> = others.map(|other| other.created_at).collect();
            let (neighbours, newcomers) = within.into_iter().partition(is_expected);
            batches.push(Self {
                window,
                sought: sought.to_vec(),
                neighbours: named(neighbours),
                newcomers: named(newcomers),
                beyond: beyond(&others, *first_at),
            });
            left = rest;
        }
        Ok(batches)
    }
}

/// A range with the tickets created at `others` that lie nearest to `at`, on one side of it and within a year.
fn beyond(others: &[Instant], at: Instant) -> Option<Window> {
    let nearest = *others.iter().min_by_key(|other| (**other - at).abs())?;
    let longest = Duration::days(LONGEST_DAYS);
    let tick = Duration::milliseconds(1);
    let is_there =
        |other: &&Instant| (**other < at) == (nearest < at) && (**other - nearest).abs() < longest;
    let there = || others.iter().filter(is_there);
    Window::new(*there().min()?, *there().max()? + tick)
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
        let batches =
            Batch::of(&missing(sought), at(until), Instant::MAX_UTC, around).expect("batches");
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
    fn what_lies_beyond_is_on_the_nearer_side_and_within_a_year() {
        const DAY: i64 = 86_400_000;
        let of = |others: &[i64], ms: i64| {
            let others: Vec<Instant> = others.iter().map(|ms| at(*ms)).collect();
            let window = beyond(&others, at(ms))?;
            let millis = |instant: Instant| instant.timestamp_millis();
            Some((millis(window.from()), millis(window.until())))
        };
        assert_eq!(of(&[], 0), None);
        assert_eq!(
            of(&[5 * DAY, 7 * DAY, 100 * DAY], 50 * DAY),
            Some((5 * DAY, 7 * DAY + 1))
        );
        assert_eq!(
            of(&[5 * DAY, 60 * DAY, 100 * DAY], 50 * DAY),
            Some((60 * DAY, 100 * DAY + 1))
        );
        assert_eq!(
            of(&[DAY, 400 * DAY], 500 * DAY),
            Some((400 * DAY, 400 * DAY + 1))
        );
        assert_eq!(of(&[DAY, 365 * DAY], 500 * DAY), Some((DAY, 365 * DAY + 1)));
    }

    /// What an answer shows of neighbours created at 100, 200 (two of them) and 300, and of one that need not come,
    /// created at 400, with those of these ids among it: in all, before and after a ticket created at `at`, each expected and come.
    fn company(ms: i64, shown: &[&str], reach: i64) -> [(usize, usize); 3] {
        let neighbours = [("a", 100), ("b", 200), ("c", 200), ("d", 300)];
        let batch = Batch {
            window: Window::new(at(0), at(1_000)).expect("not empty"),
            sought: Vec::new(),
            neighbours: neighbours
                .map(|(id, ms)| (id.to_owned(), at(ms)))
                .into_iter()
                .collect(),
            newcomers: [("new".to_owned(), at(400))].into(),
            beyond: None,
        };
        let shown = shown.iter().copied().collect();
        let company = batch.company(at(ms), &shown, at(reach));
        [company.all, company.before, company.after].map(|shown| (shown.expected, shown.came))
    }

    #[test]
    fn neighbours_are_expected_up_to_where_an_answer_reaches_and_counted_by_side() {
        let all = ["a", "b", "c", "d", "another"];
        for (at, shown, reach, expected) in [
            (150, &all[..], 1_000, [(4, 4), (1, 1), (3, 3)]),
            (150, &["a", "c"], 1_000, [(4, 2), (1, 1), (3, 1)]),
            // One that need not come speaks for its side where it comes.
            (350, &["a"], 1_000, [(4, 1), (4, 1), (0, 0)]),
            (350, &["a", "new"], 1_000, [(5, 2), (4, 1), (1, 1)]),
            // Those of its instant are on both sides.
            (200, &["b", "d"], 1_000, [(4, 2), (3, 1), (3, 2)]),
            // What shares the last instant of a page may go on.
            (150, &all, 300, [(3, 3), (1, 1), (2, 2)]),
            (150, &all, 100, [(0, 0), (0, 0), (0, 0)]),
            // Its own instant is asked for by itself, however far the page reaches.
            (200, &["b"], 100, [(2, 1), (2, 1), (2, 1)]),
        ] {
            assert_eq!(
                company(at, shown, reach),
                expected,
                "{at}, {shown:?}, {reach}"
            );
        }
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

//! Tickets that a complete listing did not show: read again in the company of their neighbours,
//! before anybody believes they are gone.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chrono::Duration;
use tokio_util::sync::CancellationToken;

use super::page::{self, Page, Scope};
use super::pager::{Answer, Ask, Key, Narrowing, Pager, Step};
use crate::api::{Client, FetchError};
use crate::error::Result;
use crate::mava::{LONGEST_DAYS, PAGE_LIMIT};
use crate::normalize::{Outcome, TicketRows};
use crate::plan::losses::{Company, Shown, Witness};
use crate::plan::{Slice, SliceState};
use crate::store::Neighbour;
use crate::table::Instant;
use crate::window::Window;

/// Live neighbours before the first ticket of a batch: an answer that shows none of them is no
/// answer about the batch.
pub const BEFORE: usize = 20;

/// Live tickets of a batch's window, those looked for included: a page holds them and a few that
/// are new.
pub const MOST: usize = 90;

/// Batches in a row that could not be had; after that the API is taken to be down.
const MOST_FAILURES: usize = 2;

type Looked<T> = std::result::Result<T, FetchError>;

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
    pub unclear: Vec<String>,
    /// Ids of those that came, also of those that could not be stored.
    came: HashSet<String>,
    /// Whether a ticket came without an id, which may be any of them.
    has_nameless: bool,
}

/// Missing tickets that one page settles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// What the page spans: the missing tickets and live ones around them.
    window: Window,
    sought: Vec<Missing>,
    /// Live tickets of the window that were stored before, those that are missing left out, with
    /// their creation.
    neighbours: HashMap<String, Instant>,
    /// The nearest live tickets beyond the window, on one side of it, if there are any: what says that the API
    /// answers at all, where there are no neighbours.
    beyond: Option<Window>,
}

impl Batch {
    fn ask(&self) -> Ask {
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
    fn company(&self, at: Instant, shown: &HashSet<&str>, reach: Instant) -> Company {
        let mut company = Company::default();
        for (id, created_at) in &self.neighbours {
            if *created_at != at && *created_at >= reach {
                continue;
            }
            let came = usize::from(shown.contains(id.as_str()));
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

    /// Batches of `missing` (by creation). What was created from `young_from` on need not be shown, so it is no
    /// neighbour. `around` gives, by creation, at most [`MOST`] live
    /// tickets by what is stored: up to [`BEFORE`] created before an instant, and those that follow.
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
            let (neighbours, others): (Vec<_>, Vec<_>) = live
                .into_iter()
                .filter(|neighbour| {
                    neighbour.is_known
                        && neighbour.created_at < young_from
                        && !missing.contains(neighbour.id.as_str())
                })
                .partition(|neighbour| window.contains(neighbour.created_at));
            let others: Vec<Instant> = others.iter().map(|other| other.created_at).collect();
            batches.push(Self {
                window,
                sought: sought.to_vec(),
                neighbours: neighbours
                    .into_iter()
                    .map(|neighbour| (neighbour.id, neighbour.created_at))
                    .collect(),
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
) -> Looked<SecondLook> {
    let looking = Looking {
        client,
        scope,
        cancel,
    };
    let mut look = SecondLook::default();
    let mut failures = 0;
    for batch in batches {
        if failures >= MOST_FAILURES {
            look.leave(&batch.sought);
            continue;
        }
        match looking.fetch(batch.ask()).await? {
            Some(page) => {
                failures = 0;
                let mut first = SecondLook::default();
                looking.judge(batch, page, &mut first).await?;
                // Such an answer may be empty or short by mistake.
                let again = match first.unclear.is_empty() {
                    true => None,
                    false => looking.fetch(batch.ask()).await?,
                };
                match again {
                    Some(page) => {
                        let mut second = SecondLook::default();
                        looking.judge(batch, page, &mut second).await?;
                        look.add(first.or(second));
                    }
                    None => look.add(first),
                }
            }
            None => {
                failures += 1;
                look.leave(&batch.sought);
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
    async fn fetch(&self, ask: Ask) -> Looked<Option<Page>> {
        let window = ask.window;
        let query = page::query(self.scope, ask).alone();
        match page::fetch_without_threads_at_worst(self.client, &query, self.cancel).await {
            Err(failure) if failure.may_be_weight() => {
                tracing::warn!(window = %window, error = %failure.error, "a second look failed");
                Ok(None)
            }
            fetched => Ok(Some(fetched?.0)),
        }
    }

    /// Settles what is there and what is not by a page over all of a batch. It has to show the
    /// neighbours: an answer without them is one about another desk, or none. Where there are none to
    /// show, it has to come twice.
    async fn judge(&self, batch: &Batch, page: Page, look: &mut SecondLook) -> Looked<()> {
        if page.is_whole(batch.window) {
            let is_repeated = batch.neighbours.is_empty()
                && self.is_awake(batch).await?
                && self.is_repeated(batch, &page).await?;
            let shown = page.keys.iter().map(|key| key.id.as_str()).collect();
            let reach = batch.window.until();
            let is_answer = |at| match batch.company(at, &shown, reach).witness() {
                Witness::Shown => true,
                Witness::Nobody => is_repeated,
                Witness::Missing => false,
            };
            look.settle(&batch.sought, &page.keys, page.outcomes, is_answer);
            return Ok(());
        }
        // It does not add up, or more tickets are there than a page holds: each instant by itself,
        // with the neighbours that the page spans; with all of them where it contradicts itself, so that
        // nobody knows how far it reaches.
        let until = batch.window.until();
        let reach = page.spans(batch.window).unwrap_or(until);
        let mut left = batch.sought.as_slice();
        while let Some((_, at)) = left.first() {
            let tied = left.iter().take_while(|(_, other)| other == at).count();
            let (tied, rest) = left.split_at(tied);
            match self.whole_millisecond(*at).await? {
                Some((keys, outcomes)) => {
                    let shown = page.keys.iter().chain(&keys);
                    let shown = shown.map(|key| key.id.as_str()).collect();
                    let is_answer = match batch.company(*at, &shown, reach).witness() {
                        Witness::Shown => true,
                        Witness::Nobody if self.is_awake(batch).await? => {
                            let again = self.whole_millisecond(*at).await?;
                            again.is_some_and(|(again, _)| again == keys)
                        }
                        Witness::Nobody => false,
                        Witness::Missing => false,
                    };
                    look.settle(tied, &keys, outcomes, |_| is_answer);
                }
                None => look.leave(tied),
            }
            left = rest;
        }
        Ok(())
    }

    /// Whether the API shows a ticket beyond the window, where there is one: empty answers that come twice may be
    /// all that it has to give for a while.
    async fn is_awake(&self, batch: &Batch) -> Looked<bool> {
        let Some(window) = batch.beyond else {
            return Ok(true);
        };
        let ask = Ask {
            window,
            ..batch.ask()
        };
        let page = self.fetch(ask).await?;
        Ok(page.is_some_and(|page| !page.keys.is_empty()))
    }

    /// Whether the same answer comes once more.
    async fn is_repeated(&self, batch: &Batch, page: &Page) -> Looked<bool> {
        let again = self.fetch(batch.ask()).await?;
        Ok(again.is_some_and(|again| again.is_whole(batch.window) && again.keys == page.keys))
    }

    /// The keys of all tickets of one millisecond, and what became of them; `None` where the API's
    /// answers do not prove that they are all.
    async fn whole_millisecond(&self, at: Instant) -> Looked<Option<(Vec<Key>, Vec<Outcome>)>> {
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
    /// Takes what another batch gave.
    fn add(&mut self, other: Self) {
        self.gone.extend(other.gone);
        self.found.extend(other.found);
        self.unclear.extend(other.unclear);
    }

    /// What a look and the one after it, at the same tickets, give together: what came in either is
    /// there, and what the first did not settle is as the second has it.
    fn or(mut self, again: Self) -> Self {
        let id = |rows: &TicketRows| rows.ticket.id.clone();
        let first: HashSet<String> = self.found.iter().map(id).collect();
        let open: HashSet<String> = self.unclear.drain(..).collect();
        let new = again.found.into_iter();
        self.found
            .extend(new.filter(|rows| !first.contains(&rows.ticket.id)));
        self.gone.retain(|id| !again.came.contains(id));
        if again.has_nameless {
            self.unclear.append(&mut self.gone);
        }
        let gone = again.gone.into_iter();
        self.gone.extend(gone.filter(|id| open.contains(id)));
        let unclear = again.unclear.into_iter();
        self.unclear.extend(unclear.filter(|id| open.contains(id)));
        self
    }

    /// Sorts `sought` by whether they are among `keys`, the whole of what spans them. What came is there.
    /// What did not is gone only where the answer is one about tickets of its creation. One of
    /// several that came without an id may be any of them, so then nothing is gone for sure.
    fn settle(
        &mut self,
        sought: &[Missing],
        keys: &[Key],
        outcomes: Vec<Outcome>,
        is_answer: impl Fn(Instant) -> bool,
    ) {
        let kept = self.keep(sought, outcomes);
        let here: HashSet<&str> = keys.iter().map(|key| key.id.as_str()).collect();
        let has_ids = keys.iter().all(|key| key.has_id);
        let is_here = |id: &str| here.contains(id) || kept.contains(id);
        let came = sought.iter().filter(|(id, _)| is_here(id));
        self.came.extend(came.map(|(id, _)| id.clone()));
        self.has_nameless |= !has_ids;
        for (id, at) in sought.iter().filter(|(id, _)| !is_here(id)) {
            match has_ids && is_answer(*at) {
                true => self.gone.push(id.clone()),
                false => self.unclear.push(id.clone()),
            }
        }
    }

    /// Nothing is known about these.
    fn leave(&mut self, sought: &[Missing]) {
        self.unclear.extend(sought.iter().map(|(id, _)| id.clone()));
    }

    /// Keeps the rows of those of `sought` that came, and gives back which did.
    fn keep(&mut self, sought: &[Missing], outcomes: Vec<Outcome>) -> HashSet<String> {
        let sought: HashSet<&str> = sought.iter().map(|(id, _)| id.as_str()).collect();
        let mut here = HashSet::new();
        for outcome in outcomes {
            let id = match &outcome {
                Outcome::Rows(rows) => Some(rows.ticket.id.clone()),
                Outcome::Reject(reject) => reject.ticket_id.clone(),
            };
            let Some(id) = id.filter(|id| sought.contains(id.as_str())) else {
                continue;
            };
            here.insert(id);
            if let Outcome::Rows(rows) = outcome {
                self.found.push(*rows);
            }
        }
        here
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
    fn what_a_look_does_not_settle_is_as_the_next_one_has_it() {
        let look = |gone: &str, unclear: &str| SecondLook {
            gone: gone.chars().map(String::from).collect(),
            found: Vec::new(),
            unclear: unclear.chars().map(String::from).collect(),
            ..SecondLook::default()
        };
        let came = |ids: &str, look: SecondLook| SecondLook {
            came: ids.chars().map(String::from).collect(),
            ..look
        };
        let nameless = |look: SecondLook| SecondLook {
            has_nameless: true,
            ..look
        };
        for (first, again, gone, unclear) in [
            (look("", "abc"), look("a", "b"), "a", "b"),
            (look("a", "b"), look("", "ab"), "a", "b"),
            // What came and could not be stored is neither gone nor unclear.
            (look("", "b"), look("ab", ""), "b", ""),
            (look("", "ab"), look("", "ab"), "", "ab"),
            // Nor is it gone where only the second answer shows it, or may show it without its id.
            (look("a", "b"), came("a", look("b", "")), "b", ""),
            (look("a", "b"), nameless(look("", "b")), "", "ab"),
        ] {
            let both = first.or(again);
            assert_eq!(
                (both.gone.concat(), both.unclear.concat()),
                (gone.to_owned(), unclear.to_owned())
            );
        }
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

    /// What an answer shows of neighbours created at 100, 200 (two of them) and 300, with those of these
    /// ids among it: in all, before and after a ticket created at `at`, each expected and come.
    fn company(ms: i64, shown: &[&str], reach: i64) -> [(usize, usize); 3] {
        let neighbours = [("a", 100), ("b", 200), ("c", 200), ("d", 300)];
        let batch = Batch {
            window: Window::new(at(0), at(1_000)).expect("not empty"),
            sought: Vec::new(),
            neighbours: neighbours
                .map(|(id, ms)| (id.to_owned(), at(ms)))
                .into_iter()
                .collect(),
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
    fn what_came_is_there_and_what_did_not_is_gone_only_where_the_answer_is_about_it() {
        let key = |id: &str, has_id| Key {
            id: id.to_owned(),
            created_at: Some(at(5)),
            has_id,
            version: 0,
        };
        let settled = |keys: &[Key]| {
            let mut look = SecondLook::default();
            let is_answer = |instant| instant < at(20);
            look.settle(&missing(&[1, 5, 19, 20]), keys, Vec::new(), is_answer);
            (look.gone.join(" "), look.unclear.join(" "))
        };
        let told = |gone: &str, unclear: &str| (gone.to_owned(), unclear.to_owned());
        assert_eq!(settled(&[]), told("1 5 19", "20"));
        assert_eq!(
            settled(&[key("5", true), key("20", true)]),
            told("1 19", "")
        );
        // It may be any of them.
        assert_eq!(
            settled(&[key("5", true), key("?", false)]),
            told("", "1 19 20")
        );
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

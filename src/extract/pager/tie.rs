//! A millisecond with more tickets than a page holds.
//!
//! Nothing orders tickets within it, and their order may change from one request to the next, so an
//! offset proves nothing there. What does is that every ticket of one answer's count was seen both
//! before and after it ([`Sightings`]); two passes by offset show that where nothing happens. In an
//! order that changes, parts are asked for by origin and by status between the passes, since a part
//! that fits on a page is seen whole at once. What is in no part that we know, or moves between parts,
//! is missed by them and not by the proof, which is about the whole alone.

use std::collections::{HashSet, VecDeque};

use chrono::Duration;

use super::sightings::{Proof, Sightings};
use super::{Answer, Key, Left, Mode, Narrowing, Pager, Step, Taken};
use crate::mava::Filters;
use crate::plan::{Position, SliceState};
use crate::table::Instant;
use crate::window::Window;

/// Every so many passes the parts are asked for, even if the order does not seem to change.
const PASSES_BEFORE_PARTS: u32 = 4;

/// So many times they are asked for after each pass in an order that changes; what is not proven then
/// may be in no part, so that passes over the whole are what it takes.
const ROUNDS_OF_PARTS: u32 = 2;

/// A pass on which one in so many tickets had come before on it is in an order that changes.
const REPEATED: usize = 8;

/// Requests for one millisecond before it is given up, apart from those that its size explains.
const MOST_ASKS: u64 = 160;

/// Requests for each page of its tickets that its size explains: in an order that is another at
/// every request, n pages are seen whole after about n × ln(tickets) of them, and have to be twice.
const ASKS_PER_PAGE: u64 = 40;

/// How often answers may contradict each other: what lags a little catches up.
const MOST_TORN: u32 = 20;

/// Requests in a row that bring nothing new and no other count before it is given up, and for each page of tickets:
/// a ticket of n pages that come in random order is not seen on 10 n of them once in 20,000 times.
const MOST_BARREN: u64 = 40;
const BARREN_PER_PAGE: u64 = 10;

/// Tickets of one millisecond that are read at most: an API that invents others for ever ends here.
const MOST_TICKETS: usize = 100_000;

/// Different tickets for each one counted, and apart from that, before the same is taken for granted.
const MOST_PER_COUNTED: u64 = 3;
const MOST_UNCOUNTED: u64 = 300;

/// What became of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Progress {
    Continue,
    /// All was seen of what lived throughout: so many tickets at one moment.
    Settled(u64),
    GaveUp(String),
}

#[derive(Debug, Clone)]
pub(super) struct Tie {
    at: Instant,
    /// Ids handed on.
    handed_on: HashSet<String>,
    /// Tickets from this millisecond on, as the page before it counted them.
    counted: Option<u64>,
    sightings: Sightings,
    part: Part,
    waiting: VecDeque<Narrowing>,
    /// Passes over the whole.
    passes: u32,
    /// Rounds over the parts.
    rounds: u32,
    counts: Counts,
    /// Whether the pass under way looks once more at what is proven.
    is_confirming: bool,
    spent: Spent,
    /// Tickets in the largest answer: the API may hold less on a page than is asked for.
    largest_page: u64,
}

/// The counts of the whole so far.
#[derive(Debug, Clone, Default)]
struct Counts {
    largest: Option<u64>,
    last: Option<u64>,
}

/// What was spent on it, and how near that came to a proof.
#[derive(Debug, Clone)]
struct Spent {
    asks: u64,
    /// How often answers contradicted each other.
    torn: u32,
    /// Requests in a row that brought nothing new.
    barren: u64,
    /// The fewest tickets that were missing to a proof.
    missing: u64,
}

/// What is being paged through by offset: the whole, or a part.
#[derive(Debug, Clone, Default)]
struct Part {
    narrowing: Narrowing,
    skip: u32,
    /// Tickets that came on this pass, and different ones among them.
    received: usize,
    ids: HashSet<String>,
}

impl Part {
    fn take(&mut self, keys: &[Key]) {
        let received = u32::try_from(keys.len()).unwrap_or(u32::MAX);
        self.skip = self.skip.saturating_add(received);
        self.received += keys.len();
        self.ids.extend(keys.iter().map(|key| key.id.clone()));
    }

    /// Whether many tickets came twice, so that others cannot have come.
    fn is_shuffled(&self) -> bool {
        (self.received - self.ids.len()) * REPEATED > self.received
    }
}

impl Tie {
    /// A tied millisecond of which `handed_on` have been handed on already, those of `shown`
    /// included: the page that led here. It counted `counted` tickets from this millisecond on, if it
    /// can be believed.
    pub(super) fn new(
        at: Instant,
        handed_on: HashSet<String>,
        shown: &[Key],
        counted: Option<u64>,
        filters: &Filters,
    ) -> Self {
        let mut tie = Self {
            at,
            handed_on,
            counted,
            sightings: Sightings::under(filters),
            part: Part::default(),
            waiting: VecDeque::new(),
            passes: 0,
            rounds: 0,
            counts: Counts::default(),
            is_confirming: false,
            spent: Spent {
                asks: 0,
                torn: 0,
                barren: 0,
                missing: u64::MAX,
            },
            largest_page: 0,
        };
        // That page counts what comes after this millisecond too.
        let came = shown.iter().map(Key::sighting);
        tie.sightings.take(came, None);
        tie.part.take(shown);
        tie
    }

    pub(super) fn at(&self) -> Instant {
        self.at
    }

    pub(super) fn window(&self) -> Option<Window> {
        Window::new(self.at, self.at + Duration::milliseconds(1))
    }

    /// Whether more came than the `there` that were there at one moment.
    fn has_lost(&self, there: u64) -> bool {
        self.handed_on.len() as u64 > there
    }

    /// Tickets after this millisecond, of which there are `here` in it.
    pub(super) fn beyond(&self, here: u64) -> Option<u64> {
        self.counted.map(|counted| counted.saturating_sub(here))
    }

    /// Reads it from its start, whatever was shown before.
    pub(super) fn begun_anew(mut self) -> Self {
        self.part = Part::default();
        self
    }

    pub(super) fn skip(&self) -> u32 {
        self.part.skip
    }

    pub(super) fn narrowing(&self) -> Narrowing {
        self.part.narrowing.clone()
    }

    pub(super) fn take(
        &mut self,
        answer: Answer<'_>,
        statuses: &[String],
        origins: &[String],
    ) -> (Vec<bool>, Progress) {
        self.spent.asks += 1;
        let known = self.handed_on.len();
        let fresh = answer.keys.iter();
        let fresh = fresh
            .map(|key| {
                let is_here = key.created_at.is_none_or(|at| at == self.at);
                is_here && self.handed_on.insert(key.id.clone())
            })
            .collect();
        self.largest_page = self.largest_page.max(answer.keys.len() as u64);
        let is_whole = self.part.narrowing == Narrowing::default();
        let count = answer.count.filter(|_| is_whole);
        self.counts.largest = self.counts.largest.max(count);
        let came = answer.keys.iter().map(Key::sighting);
        let missing = match self.sightings.take(came, count) {
            Proof::Whole { count, is_steady } => {
                if is_steady || self.is_confirming && is_whole && self.ends_part(answer) {
                    return (fresh, Progress::Settled(count));
                }
                if !self.is_confirming {
                    self.is_confirming = true;
                    self.waiting.clear();
                    self.part = Part::default();
                    return (fresh, Progress::Continue);
                }
                0
            }
            Proof::Open(missing) => missing.unwrap_or(u64::MAX),
            Proof::Torn => {
                self.spent.torn += 1;
                u64::MAX
            }
        };
        self.is_confirming &= missing == 0;
        let is_moving = count.is_some() && count != self.counts.last;
        self.counts.last = count.or(self.counts.last);
        match missing < self.spent.missing || is_moving || self.handed_on.len() > known {
            true => self.spent.barren = 0,
            false => self.spent.barren += 1,
        }
        self.spent.missing = self.spent.missing.min(missing);
        if let Some(reason) = self.gave_up() {
            return (fresh, Progress::GaveUp(reason));
        }
        self.go_on(answer, statuses, origins);
        (fresh, Progress::Continue)
    }

    /// Whether this answer is the last one of the part.
    fn ends_part(&self, answer: Answer<'_>) -> bool {
        let received = u32::try_from(answer.keys.len()).unwrap_or(u32::MAX);
        let seen = u64::from(self.part.skip.saturating_add(received));
        received == 0 || answer.count.is_some_and(|count| seen >= count)
    }

    fn gave_up(&self) -> Option<String> {
        let seen = self.handed_on.len();
        let pages = (seen as u64).div_ceil(self.largest_page.max(1));
        let counted = self.counts.largest;
        if seen > MOST_TICKETS
            || counted.is_some_and(|count| {
                seen as u64 > count.saturating_mul(MOST_PER_COUNTED) + MOST_UNCOUNTED
            })
        {
            let count = counted.map_or_else(
                || "without a count".to_owned(),
                |count| format!("with a count of {count} at most"),
            );
            return Some(format!(
                "{seen} different tickets of one millisecond came {count}"
            ));
        }
        if counted.is_none() && self.passes > 1 {
            return Some("the answer has no count".to_owned());
        }
        let is_over = self.spent.torn > MOST_TORN
            || self.spent.asks > MOST_ASKS + ASKS_PER_PAGE * pages
            || self.spent.barren > MOST_BARREN + BARREN_PER_PAGE * pages;
        is_over.then(|| match self.spent.torn {
            0 => "the tickets of one millisecond did not settle to their count".to_owned(),
            _ => "answers about one millisecond contradict each other, as from copies of the desk that \
                  lag behind"
                .to_owned(),
        })
    }

    /// Moves on to the next page of the part, or to the next part where it ends.
    fn go_on(&mut self, answer: Answer<'_>, statuses: &[String], origins: &[String]) {
        let is_first = self.part.skip == 0;
        let is_end = self.ends_part(answer);
        self.part.take(answer.keys);
        match (&self.part.narrowing.origin, &self.part.narrowing.status) {
            // Larger than a page: in the order that led here it would not be seen whole.
            (Some(origin), None) if !is_end && is_first => {
                let narrower = statuses.iter().map(|status| Narrowing {
                    origin: Some(origin.clone()),
                    status: Some(status.clone()),
                });
                for narrowing in narrower.rev().collect::<Vec<_>>() {
                    self.waiting.push_front(narrowing);
                }
            }
            _ if !is_end => return,
            (None, None) => {
                self.passes += 1;
                let is_early = self.rounds < ROUNDS_OF_PARTS;
                if (is_early && self.part.is_shuffled())
                    || self.passes.is_multiple_of(PASSES_BEFORE_PARTS)
                {
                    self.rounds += 1;
                    let parts = origins.iter().map(|origin| Narrowing {
                        origin: Some(origin.clone()),
                        status: None,
                    });
                    self.waiting.extend(parts);
                }
            }
            _ => {}
        }
        self.part = Part {
            narrowing: self.waiting.pop_front().unwrap_or_default(),
            ..Part::default()
        };
    }
}

impl Pager {
    /// Judges an answer about a tied millisecond.
    pub(super) fn take_tie(&mut self, answer: Answer<'_>) -> Taken {
        let Mode::Tie(tie) = &mut self.mode else {
            return self.inconsistent();
        };
        let (fresh, progress) = tie.take(answer, &self.within.statuses, &self.within.origins);
        let at = tie.at();
        let ended = match progress {
            Progress::Continue => None,
            Progress::Settled(count) => {
                self.vanished = tie.window().filter(|_| tie.has_lost(count));
                Some((None, tie.beyond(count)))
            }
            Progress::GaveUp(reason) => Some((Some(reason), None)),
        };
        if let Some((doubt, remaining)) = ended {
            self.slice.doubt = self.slice.doubt.take().or(doubt);
            let next = at + Duration::milliseconds(1);
            self.slice.position = Position::Key(next);
            self.left = Left {
                tickets: remaining,
                is_guessed: false,
                is_shown: false,
            };
            self.mode = Mode::at(next);
            if next >= self.slice.window.until() {
                self.finish(SliceState::Sealed);
                return Taken {
                    fresh,
                    step: Step::Done,
                };
            }
        }
        Taken {
            fresh,
            step: Step::Next,
        }
    }
}

#[cfg(test)]
#[path = "tie_steps_tests.rs"]
mod tests;

//! A millisecond with more tickets than a page holds.
//!
//! Nothing orders tickets within it, and their order may change from one request to the next, so
//! an offset proves nothing there. It is read in passes by offset until the ids seen equal the
//! count; where two passes do not settle that, it is taken apart by origin, which a ticket never
//! changes, and those parts by status. A part that one page holds is complete at that very moment,
//! so tickets that come and go meanwhile disturb nobody else. In the end the whole is counted once
//! more: the parts together must hold that many.

use std::collections::{HashSet, VecDeque};

use chrono::Duration;

use super::{Answer, Narrowing};
use crate::table::Instant;
use crate::window::Window;

/// Passes over a part before it is taken apart.
const PASSES: u32 = 2;

/// Requests for one millisecond before it is given up, apart from those that its size explains.
const MOST_ASKS: u64 = 160;

/// Requests for each page of its tickets that its size explains: in an order that is another at
/// every request, n pages are seen whole after about n × ln(tickets) of them.
const ASKS_PER_PAGE: u64 = 12;

/// What became of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Progress {
    Continue,
    Settled,
    GaveUp(String),
}

#[derive(Debug, Clone)]
pub(super) struct Tie {
    at: Instant,
    /// Ids handed on.
    handed_on: HashSet<String>,
    part: Part,
    waiting: VecDeque<Narrowing>,
    /// Ids seen in any part since the whole was last begun.
    union: HashSet<String>,
    /// Whether the whole has been taken apart, and how finely.
    parted: Parted,
    /// The whole's count when it was.
    total: Option<u64>,
    asks: u64,
    /// Tickets in the largest answer: the API may hold less on a page than is asked for.
    largest_page: u32,
}

/// How finely a millisecond has been taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Parted {
    Not,
    ByOrigin,
    /// A ticket may have moved from a status not yet listed to one that was.
    ByStatus,
}

#[derive(Debug, Clone, Default)]
struct Part {
    narrowing: Narrowing,
    count: Option<u64>,
    ids: HashSet<String>,
    skip: u32,
    passes: u32,
}

impl Tie {
    /// A crowded millisecond of which `handed_on` have been handed on already.
    pub(super) fn new(at: Instant, handed_on: HashSet<String>) -> Self {
        Self {
            at,
            handed_on,
            part: Part::default(),
            waiting: VecDeque::new(),
            union: HashSet::new(),
            parted: Parted::Not,
            total: None,
            asks: 0,
            largest_page: 0,
        }
    }

    pub(super) fn at(&self) -> Instant {
        self.at
    }

    pub(super) fn window(&self) -> Option<Window> {
        Window::new(self.at, self.at + Duration::milliseconds(1))
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
        self.asks += 1;
        let fresh = answer
            .keys
            .iter()
            .map(|key| self.handed_on.insert(key.id.clone()))
            .collect();
        (fresh, self.judge(answer, statuses, origins))
    }

    fn judge(&mut self, answer: Answer<'_>, statuses: &[String], origins: &[String]) -> Progress {
        let received = u32::try_from(answer.keys.len()).unwrap_or(u32::MAX);
        let count = answer.count.unwrap_or(u64::MAX);
        self.largest_page = self.largest_page.max(received);
        let pages = self.handed_on.len() as u64 / u64::from(self.largest_page.max(1));
        if self.asks > MOST_ASKS + ASKS_PER_PAGE * pages {
            return Progress::GaveUp(
                "the tickets of one millisecond did not settle to their count".to_owned(),
            );
        }
        let is_whole = self.part.narrowing == Narrowing::default();
        let is_moved = self.part.count.is_some_and(|known| known != count);
        let ids = || answer.keys.iter().map(|key| key.id.clone());
        if is_moved && !(is_whole && self.parts_hold(ids(), count)) {
            // What was seen under another count proves nothing.
            self.begin_part_again(is_whole);
        }
        self.part.count = Some(count);
        self.union.extend(ids());
        self.part.ids.extend(ids());
        if self.part.ids.len() as u64 >= count {
            return if is_whole {
                Progress::Settled
            } else {
                self.next_part()
            };
        }
        self.part.skip = self.part.skip.saturating_add(received);
        if received == 0 || u64::from(self.part.skip) >= count {
            self.part.skip = 0;
            self.part.passes += 1;
        }
        if self.part.passes >= PASSES && self.take_apart(statuses, origins) {
            return self.next_part();
        }
        Progress::Continue
    }

    /// Whether parts that were each complete at their moment hold, with `ids`, as many tickets as
    /// the whole counts now.
    fn parts_hold(&mut self, ids: impl Iterator<Item = String>, count: u64) -> bool {
        if self.parted != Parted::ByOrigin {
            return false;
        }
        self.union.extend(ids);
        self.union.len() as u64 >= count
    }

    fn begin_part_again(&mut self, is_whole: bool) {
        self.part.ids.clear();
        self.part.skip = 0;
        self.part.passes += 1;
        if is_whole {
            self.union.clear();
            self.parted = Parted::Not;
        }
    }

    /// Puts narrower parts in line in place of the current one; `false` where it is as narrow as
    /// it can be, or the whole has been taken apart since it was last begun.
    fn take_apart(&mut self, statuses: &[String], origins: &[String]) -> bool {
        match (&self.part.narrowing.origin, &self.part.narrowing.status) {
            (None, None) if self.parted == Parted::Not => {
                self.parted = Parted::ByOrigin;
                self.total = self.part.count;
                self.waiting = origins
                    .iter()
                    .map(|origin| Narrowing {
                        origin: Some(origin.clone()),
                        status: None,
                    })
                    .collect();
                true
            }
            (Some(origin), None) => {
                self.parted = Parted::ByStatus;
                let narrower = statuses.iter().map(|status| Narrowing {
                    origin: Some(origin.clone()),
                    status: Some(status.clone()),
                });
                for narrowing in narrower.rev().collect::<Vec<_>>() {
                    self.waiting.push_front(narrowing);
                }
                true
            }
            _ => false,
        }
    }

    /// Goes on with the next part in line; with none left, back to the whole, which settles if
    /// the parts together hold what it counts: at any moment where each of them was complete by
    /// itself, else only if its count is still the one they began under.
    fn next_part(&mut self) -> Progress {
        self.part = match self.waiting.pop_front() {
            Some(narrowing) => Part {
                narrowing,
                ..Part::default()
            },
            None => Part {
                count: self.total,
                ids: self.union.clone(),
                ..Part::default()
            },
        };
        Progress::Continue
    }
}

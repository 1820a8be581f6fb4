//! A millisecond with more tickets than a page holds.
//!
//! Nothing orders tickets within it, and their order may change from one request to the next, so
//! an offset proves nothing there. It is read in passes by offset until the ids seen equal the
//! count; where two passes do not settle that, it is taken apart by status, then by origin, and in
//! the end the whole is counted once more. Whenever a count moves, what was seen under the old one
//! proves nothing any more and its collection begins again.

use std::collections::{HashSet, VecDeque};

use chrono::Duration;

use super::{Answer, Narrowing};
use crate::table::Instant;
use crate::window::Window;

/// Passes over a part before it is taken apart.
const PASSES: u32 = 2;

/// Requests for one millisecond before it is given up, apart from those that its size explains.
const MOST_ASKS: u64 = 160;

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
    /// Ids seen under `total`, in any part.
    union: HashSet<String>,
    /// The whole millisecond's count when it was taken apart.
    total: Option<u64>,
    asks: u64,
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
            total: None,
            asks: 0,
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
        limit: u32,
        statuses: &[String],
        origins: &[String],
    ) -> (Vec<bool>, Progress) {
        self.asks += 1;
        let fresh = answer
            .keys
            .iter()
            .map(|key| self.handed_on.insert(key.id.clone()))
            .collect();
        (fresh, self.judge(answer, limit, statuses, origins))
    }

    fn judge(
        &mut self,
        answer: Answer<'_>,
        limit: u32,
        statuses: &[String],
        origins: &[String],
    ) -> Progress {
        let received = u32::try_from(answer.keys.len()).unwrap_or(u32::MAX);
        let count = answer.count.unwrap_or(u64::MAX);
        let pages = count.min(1 << 20) / u64::from(limit.max(1));
        if self.asks > MOST_ASKS + 4 * pages {
            return Progress::GaveUp(
                "the tickets of one millisecond did not settle to their count".to_owned(),
            );
        }
        let is_whole = self.part.narrowing == Narrowing::default();
        if self.part.count.is_some_and(|known| known != count) {
            self.part.ids.clear();
            self.part.skip = 0;
            if is_whole {
                self.union.clear();
                self.total = None;
                self.part.passes = 0;
            }
        }
        self.part.count = Some(count);
        let ids = answer.keys.iter().map(|key| key.id.clone());
        self.union.extend(ids.clone());
        self.part.ids.extend(ids);
        if self.part.ids.len() as u64 >= count {
            return self.part_is_settled(is_whole);
        }
        self.part.skip = self.part.skip.saturating_add(received);
        if received == 0 || u64::from(self.part.skip) >= count {
            self.part.skip = 0;
            self.part.passes += 1;
            if self.part.passes >= PASSES && self.take_apart(statuses, origins) {
                return self.next_part();
            }
        }
        Progress::Continue
    }

    fn part_is_settled(&mut self, is_whole: bool) -> Progress {
        if is_whole {
            Progress::Settled
        } else {
            self.next_part()
        }
    }

    /// Puts narrower parts in line in place of the current one; `false` where it is as narrow as
    /// it can be, or the whole has been taken apart under this very count.
    fn take_apart(&mut self, statuses: &[String], origins: &[String]) -> bool {
        let narrowing = &self.part.narrowing;
        match (&narrowing.status, &narrowing.origin) {
            (None, None) if self.total.is_none() => {
                self.total = self.part.count;
                self.waiting = statuses
                    .iter()
                    .map(|status| Narrowing {
                        status: Some(status.clone()),
                        origin: None,
                    })
                    .collect();
                true
            }
            (Some(status), None) => {
                let narrower = origins.iter().map(|origin| Narrowing {
                    status: Some(status.clone()),
                    origin: Some(origin.clone()),
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
    /// the parts together hold what it counts.
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

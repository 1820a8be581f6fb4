//! The fall-back: documented `skip` paging, with an overlap of one ticket between pages.
//!
//! Used only where the API breaks what keys rest on. Each page must begin with a ticket of the
//! page before; where it does not, the collection shifted under us and the offset steps back until
//! it does. That is no proof: an order that changes from page to page can join at every seam and
//! still lose some, and one that came after its place was passed makes up in the count for one that
//! was never seen. So what is more than a page is read twice ([`Sightings`]).

use std::collections::HashSet;

use super::answer::is_range_broken;
use super::sightings::{Proof, Sightings};
use super::{Answer, Key, Mode, Pager, Step, Taken, again};
use crate::mava::Filters;
use crate::plan::{Position, SliceState};

/// How often in a pass a shifted seam is stepped back over before the rest is read as it comes.
const MOST_STUMBLES: u32 = 12;

/// Passes over the slice before it is given up; without a disturbance, two are enough.
const MOST_PASSES: u32 = 6;

/// Pages in a row that bring no ticket that is new to the pass before the slice is given up: stepping
/// back may bring one, an API that does not look at the offset brings nothing else.
const MOST_BARREN_PAGES: u32 = 3;

/// Different tickets of one slice before it is given up: no desk has as many in a year, and an API that
/// invents them has no end.
const MOST_TICKETS: usize = 2_000_000;

/// A desk does not grow by more than this share of what it counted when a pass began, in percent, and
/// this number, while the pass goes on.
const MOST_GROWTH_PERCENT: u64 = 50;
const MOST_GROWTH: u64 = 10_000;

/// What became of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Progress {
    Continue,
    /// The last page; with a reason where the slice cannot be proven complete.
    End(Option<String>),
}

#[derive(Debug, Clone)]
pub(super) struct Offset {
    skip: u32,
    before: Before,
    pass: Pass,
    /// What the first page of this pass counted.
    counted: Option<u64>,
    handed_on: HashSet<String>,
    sightings: Sightings,
    passes: u32,
    /// The pass on which it was proven that everything was seen.
    proven_in: Option<u32>,
    remaining: Option<u64>,
}

/// The page before, with which the next one has to overlap.
#[derive(Debug, Clone, Default)]
struct Before {
    /// Its last ticket.
    overlap_id: Option<String>,
    /// All of its tickets.
    tail: HashSet<String>,
}

/// The pass under way.
#[derive(Debug, Clone, Default)]
struct Pass {
    /// All of its tickets.
    ids: HashSet<String>,
    barren_pages: u32,
    stumbles: u32,
    doubt: Option<String>,
}

impl Offset {
    /// From the start of a slice of tickets that pass `filters`.
    pub(super) fn under(filters: &Filters) -> Self {
        Self {
            skip: 0,
            before: Before::default(),
            pass: Pass::default(),
            counted: None,
            handed_on: HashSet::new(),
            sightings: Sightings::under(filters),
            passes: 0,
            proven_in: None,
            remaining: None,
        }
    }

    pub(super) fn skip(&self) -> u32 {
        self.skip
    }

    /// Whether more came than the `there` that the last answer counts.
    fn has_lost(&self, there: u64) -> bool {
        self.handed_on.len() as u64 > there
    }

    pub(super) fn overlap_id(&self) -> Option<String> {
        self.before.overlap_id.clone()
    }

    pub(super) fn remaining(&self) -> Option<u64> {
        self.remaining
    }

    /// Which tickets of the answer were not handed on yet, and how it goes on.
    pub(super) fn take(&mut self, answer: Answer<'_>, limit: u32) -> (Vec<bool>, Progress) {
        let came = answer.keys.iter().map(Key::sighting);
        let proof = self.sightings.take(came, answer.count);
        let keys = answer.keys.iter();
        let fresh = keys
            .map(|key| self.handed_on.insert(key.identity()))
            .collect();
        let is_settled = match proof {
            Proof::Whole { is_steady, .. } => {
                self.proven_in.get_or_insert(self.passes);
                is_steady
            }
            Proof::Open(_) | Proof::Torn => {
                self.proven_in = None;
                false
            }
        };
        let progress = if is_settled {
            Progress::End(None)
        } else if self.steps_back(answer, limit) {
            Progress::Continue
        } else {
            self.go_on(answer)
        };
        (fresh, progress)
    }

    /// Steps back where the page does not begin with a ticket of the page before: the collection
    /// shifted.
    fn steps_back(&mut self, answer: Answer<'_>, limit: u32) -> bool {
        let first = answer.keys.first();
        let is_joined = self.before.tail.is_empty()
            || first.is_some_and(|key| self.before.tail.contains(&key.identity()));
        if is_joined || self.skip == 0 {
            return false;
        }
        self.pass.stumbles += 1;
        if self.pass.stumbles <= MOST_STUMBLES {
            self.skip = self.skip.saturating_sub(limit.saturating_sub(1).max(1));
            return true;
        }
        let reason = "a page did not begin with a ticket of the page before";
        self.pass.doubt.get_or_insert_with(|| reason.to_owned());
        false
    }

    fn go_on(&mut self, answer: Answer<'_>) -> Progress {
        if self.skip == 0 {
            self.counted = answer.count;
        }
        let known = self.pass.ids.len();
        self.pass.ids.extend(answer.keys.iter().map(Key::identity));
        self.pass.barren_pages = if self.pass.ids.len() > known {
            0
        } else {
            self.pass.barren_pages + 1
        };
        let received = u32::try_from(answer.keys.len()).unwrap_or(u32::MAX);
        let seen = u64::from(self.skip) + u64::from(received);
        let left = answer.count.map(|count| count.saturating_sub(seen));
        // What is read again has been handed on.
        self.remaining = if self.passes == 0 { left } else { Some(0) };
        let has_more = answer
            .has_more
            .unwrap_or_else(|| left.is_some_and(|left| left > 0));
        if has_more && is_endless(self.pass.ids.len(), self.counted) {
            let reason = format!(
                "{} different tickets came and still more were announced",
                self.pass.ids.len()
            );
            return Progress::End(Some(self.pass.doubt.take().unwrap_or(reason)));
        }
        if has_more && received > 0 && self.pass.barren_pages <= MOST_BARREN_PAGES {
            if received == 1 {
                // Nothing is left to overlap with.
                let reason = "tickets could only be paged one at a time".to_owned();
                self.pass.doubt.get_or_insert(reason);
            }
            self.skip = self.skip.saturating_add(received.saturating_sub(1).max(1));
            self.before.overlap_id = answer.keys.last().map(|key| key.id.clone());
            self.before.tail = answer.keys.iter().map(Key::identity).collect();
            return Progress::Continue;
        }
        self.passes += 1;
        // One more pass than the one that brought the proof.
        if self.proven_in.is_some_and(|pass| self.passes > pass + 1) {
            return Progress::End(None);
        }
        if has_more || answer.count.is_none() || self.passes >= MOST_PASSES {
            return Progress::End(Some(self.shortfall(answer.count)));
        }
        self.skip = 0;
        self.before = Before::default();
        self.pass = Pass::default();
        Progress::Continue
    }

    /// Why the slice is not proven complete.
    fn shortfall(&mut self, count: Option<u64>) -> String {
        let different = self.pass.ids.len() as u64;
        let Some(count) = count else {
            return "the answer has no count".to_owned();
        };
        self.pass
            .doubt
            .take()
            .unwrap_or_else(|| match different == count {
                true => format!(
                    "tickets came and went while {count} were paged {} times by offset",
                    self.passes
                ),
                false => {
                    format!("{different} different tickets were paged with a count of {count}")
                }
            })
    }
}

impl Pager {
    /// Judges a page by offset.
    pub(super) fn take_by_offset(&mut self, answer: Answer<'_>) -> Taken {
        let Mode::Offset(offset) = &mut self.mode else {
            return self.inconsistent();
        };
        let (fresh, progress) = offset.take(answer, self.page.limit);
        self.left.tickets = offset.remaining();
        let has_lost = answer.count.is_some_and(|count| offset.has_lost(count));
        self.slice.position = Position::Offset {
            skip: offset.skip(),
            overlap_id: offset.overlap_id(),
        };
        if is_range_broken(answer.keys, self.slice.window) {
            self.doubt("tickets came that were created on other days than those asked for");
        }
        match progress {
            Progress::Continue => Taken {
                fresh,
                step: Step::Next,
            },
            Progress::End(doubt) => {
                self.vanished = has_lost.then_some(self.slice.window);
                self.slice.doubt = self.slice.doubt.take().or(doubt);
                self.finish(SliceState::Sealed);
                Taken {
                    fresh,
                    step: Step::Done,
                }
            }
        }
    }

    /// From here on by offset, from the start of the slice: what was passed over by key may not
    /// have been complete.
    pub(super) fn fall_back(&mut self, reason: String) -> Taken {
        self.slice.position = Position::Offset {
            skip: 0,
            overlap_id: None,
        };
        self.mode = Mode::Offset(Offset::under(&self.within.filters));
        self.fell_back = Some(reason.clone());
        again(reason)
    }
}

/// Whether more different tickets came than any desk has, or than one of which `counted` were counted
/// can have got meanwhile.
fn is_endless(different: usize, counted: Option<u64>) -> bool {
    let most = counted.map(|counted| {
        let growth = counted.saturating_mul(MOST_GROWTH_PERCENT) / 100;
        counted.saturating_add(growth).saturating_add(MOST_GROWTH)
    });
    different > MOST_TICKETS || most.is_some_and(|most| different as u64 > most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_desk_has_millions_of_tickets_in_a_year_or_grows_by_half_while_it_is_read() {
        for (different, counted, expected) in [
            (2_000_000, None, false),
            (2_000_001, None, true),
            (2_000_001, Some(u64::MAX), true),
            (10_000, Some(0), false),
            (10_001, Some(0), true),
            (160_000, Some(100_000), false),
            (160_001, Some(100_000), true),
        ] {
            let is_over = is_endless(different, counted);
            assert_eq!(is_over, expected, "{different} of {counted:?}");
        }
    }
}

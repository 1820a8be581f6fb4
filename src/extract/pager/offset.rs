//! The fall-back: documented `skip` paging, with an overlap of one ticket between pages.
//!
//! Used only where the API breaks what keys rest on. Each page must begin with a ticket of the
//! page before; where it does not, the collection shifted under us and the offset steps back until
//! it does. A pass proves the slice complete only if as many different tickets came as the last
//! page counts: an order that changes from page to page can join at every seam and still lose some.

use std::collections::HashSet;

use super::{Answer, Key};

/// How often a shifted seam is stepped back over before the rest is read under a doubt.
const MOST_STUMBLES: u32 = 12;

/// Passes over the slice before its last count is reported as not met.
const MOST_PASSES: u32 = 3;

/// Pages in a row that bring no new ticket before the slice is given up: stepping back may bring
/// one, an API that does not look at the offset brings nothing else.
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
    /// The collection shifted: store nothing, the offset has stepped back.
    StepBack(String),
    /// The last page; with a reason where the slice cannot be proven complete.
    End(Option<String>),
}

#[derive(Debug, Clone, Default)]
pub(super) struct Offset {
    skip: u32,
    /// The last ticket of the page before.
    overlap_id: Option<String>,
    /// All tickets of the page before.
    tail: HashSet<String>,
    /// All tickets of this pass.
    ids: HashSet<String>,
    /// What the first page of this pass counted.
    counted: Option<u64>,
    passes: u32,
    barren_pages: u32,
    stumbles: u32,
    doubt: Option<String>,
    remaining: Option<u64>,
}

impl Offset {
    pub(super) fn skip(&self) -> u32 {
        self.skip
    }

    pub(super) fn overlap_id(&self) -> Option<String> {
        self.overlap_id.clone()
    }

    pub(super) fn doubt(&self) -> Option<String> {
        self.doubt.clone()
    }

    pub(super) fn remaining(&self) -> Option<u64> {
        self.remaining
    }

    pub(super) fn take(&mut self, answer: Answer<'_>, limit: u32) -> Progress {
        let first = answer.keys.first();
        let is_joined =
            self.tail.is_empty() || first.is_some_and(|key| self.tail.contains(&key.identity()));
        if !is_joined && self.skip > 0 && self.doubt.is_none() {
            let reason = "a page did not begin with a ticket of the page before".to_owned();
            self.stumbles += 1;
            if self.stumbles <= MOST_STUMBLES {
                self.skip = self.skip.saturating_sub(limit.saturating_sub(1).max(1));
                return Progress::StepBack(reason);
            }
            self.doubt = Some(reason);
        }
        if self.skip == 0 {
            self.counted = answer.count;
        }
        let known = self.ids.len();
        self.ids.extend(answer.keys.iter().map(Key::identity));
        self.barren_pages = if self.ids.len() > known {
            0
        } else {
            self.barren_pages + 1
        };
        let received = u32::try_from(answer.keys.len()).unwrap_or(u32::MAX);
        let seen = u64::from(self.skip) + u64::from(received);
        self.remaining = answer.count.map(|count| count.saturating_sub(seen));
        let has_more = answer
            .has_more
            .unwrap_or_else(|| answer.count.is_some_and(|count| seen < count));
        if has_more && is_endless(self.ids.len(), self.counted) {
            let reason = format!(
                "{} different tickets came and still more were announced",
                self.ids.len()
            );
            return Progress::End(Some(self.doubt.take().unwrap_or(reason)));
        }
        if has_more && received > 0 && self.barren_pages <= MOST_BARREN_PAGES {
            if received == 1 {
                // Nothing is left to overlap with.
                let reason = "tickets could only be paged one at a time".to_owned();
                self.doubt = self.doubt.take().or(Some(reason));
            }
            self.skip = self.skip.saturating_add(received.saturating_sub(1).max(1));
            self.overlap_id = answer.keys.last().map(|key| key.id.clone());
            self.tail = answer.keys.iter().map(Key::identity).collect();
            return Progress::Continue;
        }
        let different = self.ids.len() as u64;
        let shortfall = match answer.count {
            Some(count) if count == different && !has_more => None,
            Some(count) => Some(format!(
                "{different} different tickets were paged with a count of {count}"
            )),
            None => Some("the answer has no count".to_owned()),
        };
        self.passes += 1;
        let is_worth_another = self.doubt.is_none() && !has_more && answer.count.is_some();
        if shortfall.is_some() && is_worth_another && self.passes < MOST_PASSES {
            self.skip = 0;
            self.overlap_id = None;
            self.tail.clear();
            self.ids.clear();
            return Progress::Continue;
        }
        Progress::End(self.doubt.take().or(shortfall))
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

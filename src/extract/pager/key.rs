//! Pages by key: each begins at the creation of the last ticket received.

use std::collections::HashSet;

use super::answer::{announced, in_order};
use super::seam::Passed;
use super::tie::Tie;
use super::{Answer, Key, Left, Mode, Pager, Step, Taken, again};
use crate::plan::{Position, SliceState};
use crate::table::Instant;

impl Pager {
    pub(super) fn take_by_key(&mut self, cursor: Instant, answer: Answer<'_>) -> Taken {
        let until = self.slice.window.until();
        if let Err(reason) = in_order(answer.keys, cursor, until) {
            return self.again_or(reason, |pager, reason| pager.fall_back(reason));
        }
        let received = answer.keys.len() as u64;
        let last = answer.keys.iter().rev().find_map(|key| key.created_at);
        let is_full = received >= u64::from(self.page.limit);
        let announced = announced(answer);
        if let Ok(left) = announced
            && self.has_shrunk(received + left)
        {
            return again("the count fell by more than the tickets read".to_owned());
        }
        match announced {
            Ok(0) if !is_full || last.is_none_or(|last| last <= cursor) => {
                self.seal_by_key(received, answer)
            }
            // A full page that claims to be the last one: the next begins at its last ticket and
            // has to hold that one at least, so a false claim does not end the slice.
            Ok(left) => self.advance(cursor, last, left, answer),
            Err(reason) => self.again_or(reason, |pager, reason| {
                let is_more_announced =
                    answer.has_more == Some(true) || answer.count.is_some_and(|all| all > received);
                let is_end = !is_full && !is_more_announced;
                let can_move = last.is_some_and(|last| last > cursor);
                if is_end || !(can_move || is_full) {
                    let fresh = pager.fresh_at_cursor(answer.keys);
                    pager.finish(SliceState::Unverified { reason });
                    return Taken {
                        fresh,
                        step: Step::Done,
                    };
                }
                pager.most_tries = 1;
                pager.doubt(&reason);
                pager.advance(cursor, last, 0, answer)
            }),
        }
    }

    /// The answer holds all that its own count announces.
    fn seal_by_key(&mut self, received: u64, answer: Answer<'_>) -> Taken {
        let Mode::Key { seen, .. } = &self.mode else {
            return self.inconsistent();
        };
        let known = seen.len() as u64;
        let is_announced = self.left.tickets.is_some() && !self.left.is_guessed;
        if !is_announced && self.is_cautious {
            self.left = Left {
                tickets: Some(received.saturating_sub(known)),
                is_guessed: false,
                is_shown: true,
            };
            return Taken {
                fresh: Vec::new(),
                step: Step::Confirm,
            };
        }
        let fresh = self.fresh_at_cursor(answer.keys);
        self.finish(SliceState::Sealed);
        Taken {
            fresh,
            step: Step::Done,
        }
    }

    /// Whether an answer that counts `count` tickets counts fewer than were left, for the first
    /// time here: then what was passed over before it is looked at again, and the answer asked for
    /// once more.
    pub(super) fn has_shrunk(&mut self, count: u64) -> bool {
        let expected = self.left.tickets.filter(|_| !self.left.is_guessed);
        let Mode::Key {
            cursor,
            seen,
            passed,
            is_shrinkage_confirmed,
        } = &mut self.mode
        else {
            return false;
        };
        let known = seen.len() as u64;
        let is_short = expected.is_some_and(|left| count < left + known);
        if !is_short || *is_shrinkage_confirmed {
            return false;
        }
        *is_shrinkage_confirmed = true;
        if self.slice.doubt.is_none() {
            self.seam = passed
                .as_ref()
                .and_then(|passed| passed.again(*cursor, None));
        }
        true
    }

    /// Goes on among the tickets of one millisecond, after a page that ends within it.
    fn begin_tie(&mut self, at: Instant, counted: u64, keys: &[Key]) {
        let mut seen = match &mut self.mode {
            Mode::Key { seen, .. } => std::mem::take(seen),
            Mode::Tie(_) | Mode::Offset(_) => HashSet::new(),
        };
        seen.extend(keys.iter().map(|key| key.id.clone()));
        let counted = (self.slice.doubt.is_none()).then_some(counted);
        let tie = Tie::new(at, seen, keys, counted, &self.within.filters);
        self.mode = Mode::Tie(match self.is_light() {
            // What is to be had only without its thread is not gone past yet.
            true => tie.begun_anew(),
            false => tie,
        });
    }

    /// Moves the cursor to the last creation instant received.
    pub(super) fn advance(
        &mut self,
        cursor: Instant,
        last: Option<Instant>,
        left: u64,
        answer: Answer<'_>,
    ) -> Taken {
        let fresh = self.fresh_at_cursor(answer.keys);
        self.left = Left {
            tickets: Some(left),
            is_guessed: false,
            is_shown: false,
        };
        match last {
            Some(last) if last > cursor => {
                let passed_on = Passed::new(cursor, answer.keys);
                let received = answer.keys.len() as u64;
                let is_short = left > 0 && received < self.page.length.min(self.page.limit.into());
                self.seam = match is_short && self.slice.doubt.is_none() {
                    true => passed_on.again(last, Some(received)),
                    false => None,
                };
                // Where it is taken up if the process ends meanwhile.
                self.slice.position = match self.seam {
                    Some(_) => Position::Key(cursor),
                    None => Position::Key(last),
                };
                let mut mode = Mode::at(last);
                if let Mode::Key { seen, passed, .. } = &mut mode {
                    *passed = Some(passed_on);
                    let at_last = answer
                        .keys
                        .iter()
                        .filter(|key| key.created_at == Some(last));
                    seen.extend(at_last.map(|key| key.id.clone()));
                }
                self.mode = mode;
            }
            Some(at) => {
                let counted = left + answer.keys.len() as u64;
                self.begin_tie(at, counted, answer.keys);
            }
            // Tickets without a creation instant fill the page: nothing to page by.
            None => {
                let reason = "a whole page of tickets without createdAt".to_owned();
                return self.again_or(reason, |pager, reason| pager.fall_back(reason));
            }
        }
        Taken {
            fresh,
            step: Step::Next,
        }
    }

    pub(super) fn fresh_at_cursor(&self, keys: &[Key]) -> Vec<bool> {
        match &self.mode {
            Mode::Key { seen, .. } => keys.iter().map(|key| !seen.contains(&key.id)).collect(),
            Mode::Tie(_) | Mode::Offset(_) => vec![true; keys.len()],
        }
    }
}

//! Paging through one slice: a state machine, pure.
//!
//! It says what to ask for next ([`Pager::ask`]), judges each answer ([`Pager::take`]) and knows
//! when the slice is sealed. Offsets over a live collection lose tickets, so pages go by key: sort
//! by creation, and begin the next page at the last creation instant received. The answer's own
//! `count` says how many tickets remain from there on, so a slice is proven complete by its last
//! page and costs no request more.
//!
//! Four things leave that path: more tickets in one millisecond than a page holds ([`tie`]), an
//! answer that contradicts itself (asked again, then reported as unverified), one that counts fewer
//! than the page before announced ([`seam`]), and an API that breaks the assumptions behind keys
//! ([`offset`]).

mod answer;
mod key;
mod offset;
mod seam;
mod sightings;
#[cfg(test)]
mod tests;
mod tie;
#[cfg(test)]
mod tie_tests;

use std::collections::HashSet;

use chrono::Duration;

use crate::mava::{Filters, PAGE_LIMIT};
use crate::plan::{Position, Slice, SliceState};
use crate::table::Instant;
use crate::window::Window;
pub use answer::{Answer, Key};
use offset::Offset;
use seam::{Passed, Seam};
pub(crate) use sightings::{Proof, Sightings};
use tie::Tie;

/// How often an answer that contradicts itself is asked for before it is taken as it is.
const MOST_TRIES: u32 = 4;

/// One request for a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// `startDate` and `endDate`.
    pub window: Window,
    /// `skip`.
    pub skip: u32,
    /// `limit`.
    pub limit: u32,
    /// A filter on top of the run's own, used only to take apart a tied millisecond.
    pub narrowing: Narrowing,
}

/// A filter by one status, one origin, or both.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Narrowing {
    /// The one `status`.
    pub status: Option<String>,
    /// The one `origin`.
    pub origin: Option<String>,
}

/// What became of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// For each ticket of the answer, whether it is to be stored; `false` where this slice has
    /// handed it on already. Empty when the page is asked for again.
    pub fresh: Vec<bool>,
    /// What comes next.
    pub step: Step,
}

/// What comes after an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Store the fresh tickets and ask for the next page.
    Next,
    /// Store nothing and ask again, because of this.
    Again(String),
    /// Store nothing and ask again: no answer before this one told how many tickets to expect, so
    /// it has to repeat before it ends the slice.
    Confirm,
    /// Store the fresh tickets: the slice is done, sealed or unverified.
    Done,
}

/// A slice being paged through.
#[derive(Debug, Clone)]
pub struct Pager {
    slice: Slice,
    mode: Mode,
    page: Size,
    /// Tickets handed on.
    handed_on: u64,
    left: Left,
    /// Whether an answer that nothing announced has to repeat before it seals the slice.
    is_cautious: bool,
    /// Tries of the current page that contradicted themselves.
    tries: u32,
    most_tries: u32,
    /// The part that is looked at again before anything else.
    seam: Option<Seam>,
    /// Why it fell back to offsets, until somebody takes it to tell the user.
    fell_back: Option<String>,
    /// Where fewer tickets were proven to be there than were handed on, until somebody takes it.
    vanished: Option<Window>,
    within: Within,
}

/// How large the next page is.
#[derive(Debug, Clone)]
struct Size {
    limit: u32,
    /// How long the API makes its pages where more follow.
    length: u64,
    /// Whether tickets are asked for one by one and without their threads, up to the end of this
    /// instant if one came.
    light: Option<Option<Instant>>,
}

/// How many tickets are left.
#[derive(Debug, Clone)]
struct Left {
    /// After the last answer, by its own count.
    tickets: Option<u64>,
    /// Whether that is only a guess, since a part was given away.
    is_guessed: bool,
    /// Whether the last answer showed all of them, and is asked for once more.
    is_shown: bool,
}

/// The tickets that the run asks for: its filters, and the words into which they are taken apart.
#[derive(Debug, Clone)]
struct Within {
    filters: Filters,
    statuses: Vec<String>,
    origins: Vec<String>,
}

#[derive(Debug, Clone)]
enum Mode {
    Key {
        cursor: Instant,
        /// Ids handed on whose creation is the cursor's very instant.
        seen: HashSet<String>,
        /// What the page before handed on.
        passed: Option<Passed>,
        /// Whether an answer counted fewer tickets than were left, and has been asked for again
        /// because of it.
        is_shrinkage_confirmed: bool,
    },
    Tie(Tie),
    Offset(Offset),
}

impl Pager {
    /// Takes a slice up where it stands. `filters` are the run's own: a tied millisecond is
    /// only taken apart within them.
    pub fn new(slice: Slice, filters: &Filters) -> Self {
        let mode = match &slice.position {
            Position::Key(cursor) => Mode::at(*cursor),
            // From its start again: which tickets came before the interruption is not known.
            Position::Offset { .. } => Mode::Offset(Offset::under(filters)),
        };
        let words = |own: &[String], documented: &[&str]| {
            if own.is_empty() {
                documented.iter().map(ToString::to_string).collect()
            } else {
                own.to_vec()
            }
        };
        let fell_back = match &slice.position {
            Position::Key(_) => None,
            Position::Offset { .. } => Some("an earlier part of the run had to".to_owned()),
        };
        Self {
            slice,
            mode,
            page: Size {
                limit: PAGE_LIMIT,
                length: u64::from(PAGE_LIMIT),
                light: None,
            },
            handed_on: 0,
            left: Left {
                tickets: None,
                is_guessed: false,
                is_shown: false,
            },
            is_cautious: false,
            tries: 0,
            most_tries: MOST_TRIES,
            seam: None,
            fell_back,
            vanished: None,
            within: Within {
                filters: filters.clone(),
                statuses: words(&filters.status, &crate::mava::STATUSES),
                origins: words(&filters.origin, &crate::mava::ORIGINS),
            },
        }
    }

    /// An answer that would seal the slice without any before it having told how many tickets to
    /// expect (the first one, the first after a split or after an interruption) is asked for twice:
    /// one that is cut short, or empty by mistake, adds up in itself.
    #[must_use]
    pub fn cautious(mut self) -> Self {
        self.is_cautious = true;
        self
    }

    /// The slice as it stands, to be kept with the rows of the answer just taken.
    pub fn slice(&self) -> &Slice {
        &self.slice
    }

    /// Tickets still to come, as far as the API has said.
    pub fn remaining(&self) -> Option<u64> {
        match self.slice.state {
            SliceState::Open => self.left.tickets,
            SliceState::Sealed | SliceState::Unverified { .. } => Some(0),
        }
    }

    /// Tickets handed on since this process took the slice up.
    pub fn handed_on(&self) -> u64 {
        self.handed_on
    }

    /// Why the slice fell back to paging by offset, said once.
    pub fn take_fall_back(&mut self) -> Option<String> {
        self.fell_back.take()
    }

    /// Where tickets that were handed on are not there any more, by what ended it, said once: what is there may
    /// be more than was shown, since empty answers prove that nothing is.
    pub fn take_vanished(&mut self) -> Option<Window> {
        self.vanished.take()
    }

    /// The next request; `None` when the slice is done.
    pub fn ask(&self) -> Option<Ask> {
        if self.slice.state != SliceState::Open {
            return None;
        }
        if let Some(seam) = &self.seam {
            return Some(seam.ask(self.page.limit));
        }
        let (window, skip, narrowing) = match &self.mode {
            Mode::Key { cursor, .. } => (
                Window::new(*cursor, self.slice.window.until())?,
                0,
                Narrowing::default(),
            ),
            Mode::Tie(tie) => (tie.window()?, tie.skip(), tie.narrowing()),
            Mode::Offset(offset) => (self.slice.window, offset.skip(), Narrowing::default()),
        };
        Some(Ask {
            window,
            skip,
            limit: self.page.limit,
            narrowing,
        })
    }

    /// The last page could not be had at its size (too large, or the API failed on it again and
    /// again): asks for a quarter as many tickets from now on, growing back with every page.
    /// `false` when it is down to one ticket already.
    pub fn shrink(&mut self) -> bool {
        let is_shrinkable = self.page.limit > 1;
        self.page.limit = (self.page.limit / 4).max(1);
        is_shrinkable
    }

    /// The next ticket could not be had by itself: asks for it without its thread. `false` when
    /// that was tried already.
    pub fn lighten(&mut self) -> bool {
        if self.page.light.is_some() {
            return false;
        }
        self.page.light = Some(None);
        self.page.limit = 1;
        true
    }

    /// Whether the next page is to be asked for without threads.
    pub fn is_light(&self) -> bool {
        self.page.light.is_some()
    }

    /// Whether to ask the last page again, whose tickets lack what they should have; a few times.
    pub fn retry(&mut self) -> bool {
        self.tries += 1;
        self.tries < self.most_tries
    }

    /// The page just passed and how many tickets it announced from where the next one begins, which
    /// are all that the next count has to hold; `None` where nothing is to be proven by it.
    pub fn announced(&self) -> Option<(Window, u64)> {
        let Mode::Key {
            cursor,
            seen,
            passed,
            ..
        } = &self.mode
        else {
            return None;
        };
        let left = self.left.tickets.filter(|_| !self.left.is_guessed)?;
        let part = passed.as_ref()?.window(*cursor)?;
        (self.slice.doubt.is_none()).then_some((part, left + seen.len() as u64))
    }

    /// How many tickets an answer showed that held all of what its slice has left, and that is asked for
    /// once more.
    pub fn shown(&self) -> Option<u64> {
        self.left_alone().filter(|_| self.left.is_shown)
    }

    /// How many tickets are left beside those of a tied millisecond, which was the last that was read.
    pub fn reckoned(&self) -> Option<u64> {
        self.left_alone().filter(|_| !self.left.is_shown)
    }

    /// How many tickets are left where no page was passed before them.
    fn left_alone(&self) -> Option<u64> {
        let Mode::Key { passed: None, .. } = &self.mode else {
            return None;
        };
        self.left.tickets.filter(|_| !self.left.is_guessed)
    }

    /// Whether the next answer counts all that is left of the slice.
    pub fn is_counting(&self) -> bool {
        self.seam.is_none() && matches!(self.mode, Mode::Key { .. })
    }

    /// Gives away the later half of what is left, in time, as a window for another lane; the
    /// slice keeps the earlier half. `None` when that cannot be split.
    pub fn split(&mut self) -> Option<Window> {
        let Mode::Key { cursor, .. } = &self.mode else {
            return None;
        };
        if self.slice.state != SliceState::Open {
            return None;
        }
        let until = self.slice.window.until();
        let half_ms = (until - *cursor).num_milliseconds() / 2;
        let middle = cursor.checked_add_signed(Duration::milliseconds(half_ms))?;
        if middle <= *cursor {
            return None;
        }
        let given = Window::new(middle, until)?;
        self.slice.window = Window::new(self.slice.window.from(), middle)?;
        self.left.tickets = self.left.tickets.map(|count| count / 2);
        self.left.is_guessed = true;
        Some(given)
    }

    /// The slice cannot end as sealed any more, because of this.
    pub fn doubt(&mut self, reason: &str) {
        self.slice.doubt.get_or_insert_with(|| reason.to_owned());
    }

    /// The slice is read no further, because of this.
    pub fn give_up(&mut self, reason: &str) {
        self.slice.state = SliceState::Unverified {
            reason: reason.to_owned(),
        };
    }

    /// Judges the answer to [`Pager::ask`].
    pub fn take(&mut self, answer: Answer<'_>) -> Taken {
        let taken = match (self.seam.take(), &self.mode) {
            (Some(seam), _) => self.take_seam(seam, answer),
            (None, Mode::Key { cursor, .. }) => self.take_by_key(*cursor, answer),
            (None, Mode::Tie(_)) => self.take_tie(answer),
            (None, Mode::Offset(_)) => self.take_by_offset(answer),
        };
        if !matches!(taken.step, Step::Again(_) | Step::Confirm) {
            if self.seam.is_none() {
                self.tries = 0;
            }
            self.page.limit = self.page.limit.saturating_mul(2).min(PAGE_LIMIT);
            self.stay_light(answer.keys);
            self.handed_on += taken.fresh.iter().filter(|is_fresh| **is_fresh).count() as u64;
        }
        taken
    }

    /// What came without its thread is passed before pages are whole again: the next page begins
    /// with it.
    fn stay_light(&mut self, keys: &[Key]) {
        let Some(light) = &mut self.page.light else {
            return;
        };
        let came = keys.iter().rev().find_map(|key| key.created_at);
        let at = *light.get_or_insert(came.unwrap_or(self.slice.window.from()));
        let is_past = match &self.mode {
            Mode::Key { cursor, .. } => *cursor > at,
            Mode::Tie(tie) => tie.at() > at,
            Mode::Offset(_) => true,
        };
        match is_past {
            true => self.page.light = None,
            false => self.page.limit = 1,
        }
    }

    /// Asks the page again, up to a few times; then does `otherwise`.
    fn again_or(
        &mut self,
        reason: String,
        otherwise: impl FnOnce(&mut Self, String) -> Taken,
    ) -> Taken {
        self.tries += 1;
        if self.tries < self.most_tries {
            return again(reason);
        }
        self.tries = 0;
        otherwise(self, reason)
    }

    /// Ends the slice; a doubt outweighs a seal.
    fn finish(&mut self, state: SliceState) {
        self.slice.state = match self.slice.doubt.take() {
            Some(reason) => SliceState::Unverified { reason },
            None => state,
        };
    }

    /// The mode changed between dispatch and use, which the borrow rules cannot exclude but the
    /// code does: asks again rather than losing the page.
    fn inconsistent(&self) -> Taken {
        again("the page was taken in another mode than it was asked in".to_owned())
    }
}

impl Mode {
    fn at(cursor: Instant) -> Self {
        Self::Key {
            cursor,
            seen: HashSet::new(),
            passed: None,
            is_shrinkage_confirmed: false,
        }
    }
}

fn again(reason: String) -> Taken {
    Taken {
        fresh: Vec::new(),
        step: Step::Again(reason),
    }
}

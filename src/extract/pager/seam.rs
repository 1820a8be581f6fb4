//! A part that was passed over and may hold more than it showed: looked at once more, by itself.
//!
//! A page by key says how many tickets follow. Where the next one counts fewer, some were deleted
//! meanwhile, or the part between the two holds tickets that are counted and never listed. The
//! same where a page is shorter than asked for although more follow. Asked for by itself, the part
//! has to show as many as it counts, whatever comes and goes elsewhere.

use std::collections::HashSet;

use super::answer::{Answer, Key, announced, in_order};
use super::{Ask, Mode, Narrowing, Pager, Step, Taken, again};
use crate::plan::Position;
use crate::table::Instant;
use crate::window::Window;

/// What became of the answer to a part.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// It shows all that it counts.
    Whole,
    /// It goes on after a page.
    Continue,
    /// It does not, for this reason.
    Lacking(String),
}

/// What a page by key handed on before the last creation instant on it.
#[derive(Debug, Clone)]
pub(super) struct Passed {
    from: Instant,
    ids: HashSet<String>,
}

impl Passed {
    /// A page that began at `from`.
    pub(super) fn new(from: Instant, keys: &[Key]) -> Self {
        Self {
            from,
            ids: keys.iter().map(Key::identity).collect(),
        }
    }

    /// From its begin to `until`, where the next page begins.
    pub(super) fn window(&self, until: Instant) -> Option<Window> {
        Window::new(self.from, until)
    }

    /// A look at it again, up to `until`, where the next page begins.
    pub(super) fn again(&self, until: Instant, page_length: Option<u64>) -> Option<Seam> {
        let window = self.window(until)?;
        Some(Seam {
            window,
            rest: window,
            expected: None,
            ids: self.ids.clone(),
            page_length,
        })
    }
}

/// A part that is looked at again.
#[derive(Debug, Clone)]
pub(super) struct Seam {
    window: Window,
    /// What is asked for next: the window, or what a page left of it.
    rest: Window,
    /// How many tickets the rest has to hold; `None` of the window itself.
    expected: Option<u64>,
    /// Tickets of it that were handed on.
    ids: HashSet<String>,
    /// The length of the short page that led here: where its part is whole, pages of this length
    /// are as long as the API makes them.
    page_length: Option<u64>,
}

impl Seam {
    pub(super) fn page_length(&self) -> Option<u64> {
        self.page_length
    }

    pub(super) fn ask(&self, limit: u32) -> Ask {
        Ask {
            window: self.rest,
            skip: 0,
            limit,
            narrowing: Narrowing::default(),
        }
    }

    /// Which tickets of the answer were not handed on yet; they are now.
    pub(super) fn fresh(&mut self, answer: Answer<'_>) -> Vec<bool> {
        let keys = answer.keys.iter();
        keys.map(|key| self.ids.insert(key.identity())).collect()
    }

    pub(super) fn take(&mut self, answer: Answer<'_>) -> Seen {
        let (from, until) = (self.rest.from(), self.rest.until());
        let received = answer.keys.len() as u64;
        let left = match in_order(answer.keys, from, until).and_then(|()| announced(answer)) {
            Ok(left) => left,
            Err(reason) => return self.lacking(reason),
        };
        if self.expected.is_some_and(|least| received + left < least) {
            return self.lacking("the count fell by more than the tickets read".to_owned());
        }
        if left == 0 {
            return Seen::Whole;
        }
        // More came into the part than a page holds, or pages are short.
        let last = answer.keys.iter().rev().find_map(|key| key.created_at);
        let last = last.filter(|last| *last > from);
        let Some((last, rest)) = last.and_then(|last| Some((last, Window::new(last, until)?)))
        else {
            return self.lacking(format!(
                "only {received} of {} tickets created in {} came",
                left + received,
                self.rest
            ));
        };
        let at_last = answer
            .keys
            .iter()
            .filter(|key| key.created_at == Some(last));
        self.expected = Some(left + at_last.count() as u64);
        self.rest = rest;
        Seen::Continue
    }

    /// From its start again.
    fn lacking(&mut self, reason: String) -> Seen {
        (self.rest, self.expected) = (self.window, None);
        Seen::Lacking(reason)
    }
}

impl Pager {
    /// Judges a part that is looked at again.
    pub(super) fn take_seam(&mut self, mut seam: Seam, answer: Answer<'_>) -> Taken {
        let seen = seam.take(answer);
        if let Seen::Lacking(reason) = &seen {
            self.tries += 1;
            if self.tries < self.most_tries {
                self.seam = Some(seam);
                return again(reason.clone());
            }
            self.doubt(reason);
        }
        let fresh = seam.fresh(answer);
        match seen {
            Seen::Continue => {
                self.seam = Some(seam);
                return Taken {
                    fresh,
                    step: Step::Next,
                };
            }
            Seen::Whole => self.page.length = seam.page_length().unwrap_or(self.page.length),
            Seen::Lacking(_) => {}
        }
        self.tries = 0;
        if let Mode::Key { cursor, .. } = &self.mode {
            self.slice.position = Position::Key(*cursor);
        }
        Taken {
            fresh,
            step: Step::Next,
        }
    }
}

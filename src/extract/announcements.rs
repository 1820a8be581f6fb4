//! What is known of a slice and of a request for it, before and after an answer.

use super::page::Page;
use super::pager::Pager;
use crate::plan::{Expected, Position};
use crate::table::Instant;
use crate::window::Window;

/// What is known of one slice, for the progress and for choosing what to split.
#[derive(Debug, Clone, Copy)]
pub(super) struct Standing {
    pub(super) handed_on: u64,
    pub(super) remaining: Option<u64>,
}

impl Standing {
    pub(super) fn of(pager: &Pager) -> Self {
        Self {
            handed_on: pager.handed_on(),
            remaining: pager.remaining(),
        }
    }
}

/// What is known of a request before its answer is judged.
#[derive(Debug)]
pub(super) struct Begun {
    /// Where its list begins.
    pub(super) from: Instant,
    /// What the answer before it passed over.
    pub(super) passed: Option<Window>,
    /// What that said of how many tickets follow.
    pub(super) expected: Option<Expected>,
    /// What its answer counts, where that counts all that is left and the answer adds up.
    pub(super) count: Option<u64>,
}

impl Begun {
    pub(super) fn of(pager: &Pager, page: &Page) -> Self {
        let slice = pager.slice();
        let from = match slice.position {
            Position::Key(at) => at,
            Position::Offset { .. } => slice.window.from(),
        };
        let announced = pager.announced();
        let passed = announced.map(|(part, _)| part);
        let expected = match announced {
            Some((_, tickets)) => Some(Expected::Announced(tickets)),
            None => pager
                .shown()
                .map(Expected::Shown)
                .or(pager.reckoned().map(Expected::Reckoned)),
        };
        let start = passed.map_or(from, |part| part.until());
        let is_sound = Window::new(start, slice.window.until())
            .is_some_and(|window| page.left(window).is_ok());
        Self {
            from,
            passed,
            expected,
            count: page.count.filter(|_| pager.is_counting() && is_sound),
        }
    }
}

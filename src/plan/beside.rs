//! A window in which nothing is held, counted together with what is held just before it: pure.
//!
//! An API that is out counts nothing, like one that has nothing. An answer that shows a ticket which is
//! known to be there comes from one that is not out.

use crate::mava::{LONGEST_DAYS, PAGE_LIMIT};
use crate::table::Instant;
use crate::window::Window;

/// Empty answers in a row after which all that was held beside a window may be gone.
const OFTEN: u32 = 3;

/// What is held before a window, and how often it was counted with it in vain.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Beside {
    /// Creations in milliseconds since 1970, in order; none is in the window.
    created_ms: Vec<i64>,
    /// Answers that showed none of it.
    in_vain: u32,
}

/// A window together with what is held just before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wider {
    /// What is asked for.
    pub window: Window,
    /// Where the window itself begins, in milliseconds since 1970.
    from_ms: i64,
    /// How many are held before that.
    held: u64,
}

impl Beside {
    /// Where the API takes no longer range, this much before `window` can be asked for with it.
    pub fn reach(window: Window) -> Option<Window> {
        let from = window.until() - chrono::Duration::days(LONGEST_DAYS);
        Window::new(from, window.from())
    }

    /// These are held within [`reach`](Self::reach), in order.
    pub fn new(created_ms: Vec<i64>) -> Self {
        Self {
            created_ms,
            in_vain: 0,
        }
    }

    /// `window` with the nearest that are held before it: one at first, and twice as many each time that
    /// none of them came, since those may be gone. `None` where nothing is held there.
    pub fn wider(&self, window: Window) -> Option<Wider> {
        let first = self.created_ms.len().saturating_sub(self.many());
        let at_ms = *self.created_ms.get(first)?;
        let first = self.created_ms.partition_point(|created| *created < at_ms);
        let from = Instant::from_timestamp_millis(at_ms)?;
        Some(Wider {
            window: Window::new(from, window.until())?,
            from_ms: window.from().timestamp_millis(),
            held: u64::try_from(self.created_ms.len() - first).unwrap_or(u64::MAX),
        })
    }

    /// An answer showed none of those that were asked for. Gives back whether that is to be believed: all that is
    /// held there was asked for, and it came often enough.
    pub fn in_vain(&mut self) -> bool {
        let are_all = self.many() >= self.created_ms.len();
        self.in_vain = self.in_vain.saturating_add(1);
        are_all && self.in_vain >= OFTEN
    }

    /// How many are asked for next.
    fn many(&self) -> usize {
        1_usize.checked_shl(self.in_vain).unwrap_or(usize::MAX)
    }
}

impl Wider {
    /// Tickets to ask for: those that are held, and one that comes after them.
    pub fn limit(&self) -> u32 {
        let limit = u32::try_from(self.held.saturating_add(1)).unwrap_or(PAGE_LIMIT);
        limit.min(PAGE_LIMIT)
    }

    /// How many tickets of the window itself are in a count of both, of which the answer shows the first
    /// ones, created then in milliseconds since 1970. `None` where it shows nothing, so that it proves nothing.
    pub fn inside(&self, count: u64, shown_ms: &[i64]) -> Option<u64> {
        let before = shown_ms.partition_point(|created| *created < self.from_ms);
        let is_all_before = before == shown_ms.len();
        let before = u64::try_from(before).unwrap_or(u64::MAX);
        match count {
            0 => None,
            // More of those before it may follow.
            _ if is_all_before && before < count => {
                Some(count.saturating_sub(before.max(self.held)))
            }
            _ => Some(count.saturating_sub(before)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window() -> Window {
        Window::from_millis(1_000, 2_000).expect("not empty")
    }

    #[test]
    fn nothing_beside_a_window_means_no_wider_one() {
        assert_eq!(Beside::new(Vec::new()).wider(window()), None);
    }

    #[test]
    fn each_answer_in_vain_doubles_what_is_asked_for_and_a_millisecond_is_asked_for_whole() {
        let mut beside = Beside::new(vec![10, 20, 30, 30, 30, 40]);
        let mut asked = Vec::new();
        for _ in 0..40 {
            let wider = beside.wider(window()).expect("held");
            assert_eq!(wider.window.until(), window().until());
            asked.push((
                wider.window.from().timestamp_millis(),
                wider.held,
                wider.limit(),
            ));
            beside.in_vain();
        }
        assert_eq!(asked[..4], [(40, 1, 2), (30, 4, 5), (30, 4, 5), (10, 6, 7)]);
        assert_eq!(asked[39], (10, 6, 7));
    }

    #[test]
    fn empty_answers_are_believed_once_all_that_is_held_was_asked_for_and_not_before_the_third() {
        for (held, expected) in [(1, 3), (2, 3), (4, 3), (5, 4), (8, 4), (9, 5), (2_048, 12)] {
            let mut beside = Beside::new((0..held).collect());
            let answers = (1..).find(|_| beside.in_vain());
            assert_eq!(answers, Some(expected), "{held}");
        }
    }

    #[test]
    fn only_an_answer_that_shows_something_tells_how_many_are_inside() {
        let beside = Beside::new(vec![10, 20, 30]);
        let one = beside.wider(window()).expect("held");
        for (count, shown, inside) in [
            // An API that is out, or the ticket beside it is gone and nothing came since.
            (0, vec![], None),
            (1, vec![30], Some(0)),
            (30, vec![30, 1_500], Some(29)),
            // The ticket beside it is gone, and as many came.
            (1, vec![1_500], Some(1)),
            (2, vec![1_500, 1_501], Some(2)),
            // A page that is shorter than it was asked for.
            (30, vec![30], Some(29)),
        ] {
            assert_eq!(one.inside(count, &shown), inside, "{count} {shown:?}");
        }
    }

    #[test]
    fn of_those_beside_it_as_many_count_as_are_shown() {
        let mut beside = Beside::new((0..150).collect());
        assert!((0..8).all(|_| !beside.in_vain()));
        let all = beside.wider(window()).expect("held");
        assert_eq!((all.held, all.limit()), (150, 100));
        let page: Vec<i64> = (0..100).collect();
        assert_eq!(all.inside(150, &page), Some(0));
        assert_eq!(all.inside(155, &page), Some(5));
        // Some of them are gone, more than have come since: that is for the parts to tell.
        assert_eq!(all.inside(140, &page), Some(0));
        let mut half: Vec<i64> = (0..50).collect();
        half.extend([1_000, 1_001]);
        assert_eq!(all.inside(60, &half), Some(10));
    }

    #[test]
    fn what_can_be_asked_for_with_a_window_is_a_year_in_all() {
        let reach = Beside::reach(window()).expect("shorter than a year");
        assert_eq!(reach.until(), window().from());
        assert_eq!(
            window().until() - reach.from(),
            chrono::Duration::days(LONGEST_DAYS)
        );
        let year = Window::new(
            window().from(),
            window().from() + chrono::Duration::days(LONGEST_DAYS),
        );
        assert_eq!(Beside::reach(year.expect("not empty")), None);
    }
}

//! A slice: the piece of a window that one lane pages through, and its place in it.

use crate::table::Instant;
use crate::window::Window;

/// Where the next page of a slice begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Position {
    /// By key: the next page starts at this creation instant, inclusive.
    Key(Instant),
    /// By offset, the fall-back for an API that breaks the assumptions behind keys: the next page
    /// skips so many tickets of the slice and must begin with the last ticket of the page before.
    Offset {
        /// Tickets to skip.
        skip: u32,
        /// The ticket that the next page must begin with; `None` on the first page.
        overlap_id: Option<String>,
    },
}

/// How a slice stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SliceState {
    /// Pages are left to read.
    Open,
    /// Read to its end, proven by the last page's own count.
    Sealed,
    /// Read as far as possible, but the API's answers do not add up.
    Unverified {
        /// Why, in words.
        reason: String,
    },
}

/// One slice of a run as the store keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slice {
    /// Its number within the run, from 0.
    pub number: i64,
    /// The creation range it covers.
    pub window: Window,
    /// Where its next page begins.
    pub position: Position,
    /// How it stands.
    pub state: SliceState,
    /// Why it cannot end as sealed, whatever its last page proves; kept with its position, so that
    /// an interruption does not forget it.
    pub doubt: Option<String>,
}

impl Slice {
    /// A slice of which nothing has been read.
    pub fn new(number: i64, window: Window) -> Self {
        Self {
            number,
            window,
            position: Position::Key(window.from()),
            state: SliceState::Open,
            doubt: None,
        }
    }
}

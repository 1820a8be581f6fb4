//! A present that is not the real one.

use chrono::TimeDelta;

use crate::table::Instant;

/// The clock of a desk: where it was set, it goes on with requests and not with time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    set_to: Instant,
    /// Requests admitted until it was set.
    admitted: u64,
    /// How much later it is with each request admitted since.
    step: TimeDelta,
}

impl Clock {
    /// A clock that is set to `set_to` after so many requests were admitted.
    pub(super) fn new(set_to: Instant, admitted: u64, step: TimeDelta) -> Self {
        Self {
            set_to,
            admitted,
            step,
        }
    }

    /// What it says once so many requests were admitted; `None` beyond the end of time.
    pub(super) fn at(&self, admitted: u64) -> Option<Instant> {
        let since = i32::try_from(admitted.saturating_sub(self.admitted)).unwrap_or(i32::MAX);
        self.step.checked_mul(since).map(|gone| self.set_to + gone)
    }
}

//! The rate limit: a true sliding window over arrivals.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How the limit's 429 says when to come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Hint {
    /// Not at all.
    #[default]
    Absent,
    /// In whole seconds, rounded up.
    Seconds,
    /// As an HTTP date, rounded up.
    Date,
}

/// At most this many requests in any window of this length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// How many.
    pub requests: usize,
    /// In how long.
    pub period: Duration,
    /// What the refusal says.
    pub hint: Hint,
    /// Whether refused requests count too.
    pub counts_refused: bool,
}

impl RateLimit {
    /// A limit that counts what it admits and gives no hint.
    pub fn new(requests: usize, period: Duration) -> Self {
        Self {
            requests,
            period,
            hint: Hint::Absent,
            counts_refused: false,
        }
    }

    /// The documented limit: 90 requests in 30 seconds.
    pub fn documented() -> Self {
        Self::new(90, Duration::from_secs(30))
    }
}

/// The arrivals that still count.
#[derive(Debug, Default)]
pub(super) struct Arrivals(VecDeque<Instant>);

impl Arrivals {
    /// Admits an arrival, or says how long until one would be.
    pub(super) fn admit(&mut self, now: Instant, limit: &RateLimit) -> Result<(), Duration> {
        while self
            .0
            .front()
            .is_some_and(|first| now.saturating_duration_since(*first) >= limit.period)
        {
            self.0.pop_front();
        }
        if self.0.len() < limit.requests {
            self.0.push_back(now);
            return Ok(());
        }
        if limit.counts_refused {
            self.0.push_back(now);
        }
        let blocking = self.0.len().saturating_sub(limit.requests);
        let leaves = self.0.get(blocking).map(|at| *at + limit.period);
        Err(leaves.map_or(limit.period, |at| at.saturating_duration_since(now)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_slides_with_each_arrival() {
        let limit = RateLimit::new(2, Duration::from_millis(100));
        let mut arrivals = Arrivals::default();
        let start = Instant::now();
        let mut at = |ms: u64| arrivals.admit(start + Duration::from_millis(ms), &limit);
        assert_eq!(at(0), Ok(()));
        assert_eq!(at(60), Ok(()));
        assert_eq!(at(99), Err(Duration::from_millis(1)));
        assert_eq!(at(100), Ok(()));
        assert_eq!(at(101), Err(Duration::from_millis(59)));
        assert_eq!(at(160), Ok(()));
        assert_eq!(at(161), Err(Duration::from_millis(39)));
    }

    #[test]
    fn refused_requests_keep_a_strict_limit_shut() {
        let limit = RateLimit {
            counts_refused: true,
            ..RateLimit::new(1, Duration::from_millis(100))
        };
        let mut arrivals = Arrivals::default();
        let start = Instant::now();
        let mut at = |ms: u64| arrivals.admit(start + Duration::from_millis(ms), &limit);
        assert_eq!(at(0), Ok(()));
        assert_eq!(at(50), Err(Duration::from_millis(100)));
        assert_eq!(at(100), Err(Duration::from_millis(100)));
        assert_eq!(at(200), Ok(()));
    }
}

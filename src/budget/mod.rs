//! The request budget: never more than the limit in any window of its period, across lanes,
//! restarts and the processes of one user that share a key.
//!
//! [`Limit`] is the arithmetic, pure. [`Ledger`] keeps the send instants in a file per key
//! fingerprint. [`Gate`] is what a request passes before it is sent.

mod file;
mod gate;
mod ledger;
mod own;
mod pause;

use std::time::Duration;

pub use gate::{Barred, Gate, Pass};
pub use ledger::{Ledger, fingerprint};
pub use pause::Pause;
pub(crate) use pause::{instant_words, time_words};

use crate::settings::BudgetSettings;

/// The longest period a limit may have. No API counts over more, and the ledger keeps every
/// instant of a period.
pub const LONGEST_PERIOD: Duration = Duration::from_secs(24 * 60 * 60);

/// How long a process waits for a pause that the API asked for, unless it says otherwise: the default of
/// `--retry-for`.
const LONGEST_WAIT: Duration = Duration::from_secs(15 * 60);

/// One request, as far as a limit is concerned; instants in milliseconds on one clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request {
    /// When it was let through.
    pub sent_ms: i64,
    /// When it was answered or given up; `None` while it may still be on its way.
    pub answered_ms: Option<i64>,
}

/// So many sends in any half-open window of `span_ms`.
///
/// `span_ms` is the API's period plus a margin. The API counts when a request arrives, we when it
/// leaves, and the difference from one request to another must not make 91 arrivals of 90 sends: a
/// small difference is what the margin is for, and a large one shows in a late answer, from which
/// such a request is counted (see [`Limit::counts_at`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// Sends allowed in one span.
    pub requests: usize,
    /// The API's period, in milliseconds.
    pub period_ms: i64,
    /// The period plus the margin, in milliseconds.
    pub span_ms: i64,
}

impl Limit {
    /// The limit that `settings` ask for; `None` when it is lifted. A share always leaves at
    /// least one request.
    pub fn of(settings: &BudgetSettings) -> Option<Self> {
        let rate = settings.rate_limit?;
        let period_ms = millis(rate.period);
        Some(Self {
            requests: usize::try_from(settings.requests()?)
                .unwrap_or(usize::MAX)
                .max(1),
            period_ms,
            span_ms: period_ms.saturating_add(millis(settings.margin)),
        })
    }

    /// The instant from which `request` is counted, where the swiftest answer takes `swiftest_ms`.
    ///
    /// What was answered at `t` had arrived by `t - swiftest_ms`, and that is its instant where it
    /// lies later than the send by more than half the margin: a connection had to be made, a packet
    /// was lost, the machine was busy. What was not answered yet may have arrived just now.
    pub fn counts_at(&self, request: &Request, swiftest_ms: i64, now_ms: i64) -> i64 {
        let slack_ms = self.span_ms.saturating_sub(self.period_ms) / 2;
        let answered_ms = request.answered_ms.unwrap_or(now_ms);
        request.sent_ms.max(
            answered_ms
                .saturating_sub(swiftest_ms)
                .saturating_sub(slack_ms),
        )
    }

    /// When the next send may happen, given earlier ones in ascending order: `now` or later.
    pub fn earliest(&self, sends_ms: &[i64], now_ms: i64) -> i64 {
        sends_ms
            .len()
            .checked_sub(self.requests)
            .and_then(|index| sends_ms.get(index))
            .map_or(now_ms, |blocking| {
                now_ms.max(blocking.saturating_add(self.span_ms))
            })
    }

    /// Seconds until the last of so many sends, the budget being whole at the start: what fits
    /// into one span goes at once, the rest waits for whole spans.
    pub fn seconds_for(&self, sends: u64) -> u64 {
        let per_span = u64::try_from(self.requests).unwrap_or(u64::MAX).max(1);
        let spans = sends.saturating_sub(1) / per_span;
        let span_ms = u64::try_from(self.span_ms).unwrap_or(0);
        spans.saturating_mul(span_ms).div_ceil(1_000)
    }

    /// Sends per second that the limit allows over a long stretch.
    pub fn rate(&self) -> f64 {
        let requests = u32::try_from(self.requests).unwrap_or(u32::MAX);
        let span = Duration::from_millis(u64::try_from(self.span_ms).unwrap_or(1).max(1));
        f64::from(requests) / span.as_secs_f64()
    }
}

/// The pause after the `n`th 429 in a row (from 0) that names no `Retry-After`: doubling from one
/// second up to one period, of which a random part between a half and the whole is taken so that
/// processes do not come back in step. `random` lies in `[0, 1)`.
pub fn penalty(n: u32, period: Duration, random: f64) -> Duration {
    let ceiling = Duration::from_secs(1)
        .saturating_mul(1u32.checked_shl(n.min(16)).unwrap_or(u32::MAX))
        .min(period.max(Duration::from_millis(100)));
    ceiling.mul_f64(0.5 + random.clamp(0.0, 1.0) / 2.0)
}

/// A duration in whole milliseconds.
pub(crate) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_share_is_cut_down_and_never_to_nothing() {
        let settings = |requests, share_percent| BudgetSettings {
            rate_limit: Some(crate::settings::RateLimit {
                requests,
                period: Duration::from_secs(30),
            }),
            share_percent,
            margin: Duration::from_millis(300),
            state_dir: None,
        };
        let requests = |requests, share| Limit::of(&settings(requests, share)).map(|l| l.requests);
        assert_eq!(requests(90, 100), Some(90));
        assert_eq!(requests(90, 80), Some(72));
        assert_eq!(requests(90, 33), Some(29));
        assert_eq!(requests(2, 10), Some(1));
    }

    #[test]
    fn what_fits_into_one_span_takes_no_time_and_the_rest_whole_spans() {
        let limit = Limit {
            requests: 90,
            period_ms: 30_000,
            span_ms: 30_300,
        };
        let seconds = [0, 1, 90, 91, 180, 181, 1_000].map(|sends| limit.seconds_for(sends));
        assert_eq!(seconds, [0, 0, 0, 31, 31, 61, 334]);
    }

    #[test]
    fn penalties_double_up_to_the_period() {
        let period = Duration::from_secs(30);
        let whole: Vec<u64> = (0..7).map(|n| penalty(n, period, 1.0).as_secs()).collect();
        assert_eq!(whole, [1, 2, 4, 8, 16, 30, 30]);
        assert_eq!(penalty(1, period, 0.0), Duration::from_secs(1));
        assert_eq!(penalty(99, period, 1.0), period);
    }

    proptest! {
        /// Whoever sends whenever allowed, after any idle times, never exceeds the limit.
        #[test]
        fn no_window_of_the_span_holds_more_than_the_limit(
            requests in 1usize..12,
            span_ms in 1i64..500,
            idles in prop::collection::vec(0i64..300, 1..120),
        ) {
            let limit = Limit { requests, period_ms: span_ms, span_ms };
            let mut sends: Vec<i64> = Vec::new();
            let mut now = 0;
            for idle in idles {
                now += idle;
                now = limit.earliest(&sends, now);
                sends.push(now);
            }
            for (index, start) in sends.iter().enumerate() {
                let inside = sends[index..].iter().filter(|at| **at < start + span_ms).count();
                prop_assert!(inside <= requests);
            }
        }

        /// Nobody waits longer than needed.
        #[test]
        fn one_millisecond_earlier_would_exceed_it(
            requests in 1usize..6,
            span_ms in 2i64..200,
            count in 0usize..30,
        ) {
            let limit = Limit { requests, period_ms: span_ms, span_ms };
            let mut sends: Vec<i64> = Vec::new();
            for _ in 0..count {
                sends.push(limit.earliest(&sends, 0));
            }
            let next = limit.earliest(&sends, 0);
            if next > 0 {
                let inside = sends.iter().filter(|at| **at > next - 1 - span_ms).count();
                prop_assert!(inside >= requests);
            }
        }

        /// Requests may be held up on their way as long as they like: the API still never sees more
        /// than the limit, with answers that take `work_ms` and a little more.
        #[test]
        fn late_arrivals_never_exceed_the_limit(
            requests in 1usize..6,
            period_ms in 60i64..400,
            work_ms in 0i64..50,
            lanes in 1usize..8,
            trips in prop::collection::vec((0i64..300, prop::bool::weighted(0.3), 0i64..5), 1..120),
        ) {
            let slack_ms = 10;
            let limit = Limit { requests, period_ms, span_ms: period_ms + 2 * slack_ms };
            let mut known: Vec<Request> = Vec::new();
            let mut answers: Vec<i64> = Vec::new();
            let mut arrivals: Vec<i64> = Vec::new();
            let mut now = 0;
            for (delay, is_late, jitter) in trips {
                loop {
                    let seen: Vec<Request> = known.iter().zip(&answers).map(|(request, answered)| Request {
                        answered_ms: (*answered <= now).then_some(*answered),
                        ..*request
                    }).collect();
                    let in_flight = seen.iter().filter(|one| one.answered_ms.is_none()).count();
                    let mut counted: Vec<i64> =
                        seen.iter().map(|one| limit.counts_at(one, work_ms, now)).collect();
                    counted.sort_unstable();
                    if in_flight < lanes && limit.earliest(&counted, now) <= now {
                        break;
                    }
                    now += 1;
                }
                known.push(Request { sent_ms: now, answered_ms: None });
                let arrival = now + if is_late { delay } else { 0 };
                arrivals.push(arrival);
                answers.push(arrival + work_ms + jitter);
            }
            arrivals.sort_unstable();
            for (index, start) in arrivals.iter().enumerate() {
                let inside = arrivals[index..].iter().filter(|at| **at < start + period_ms).count();
                prop_assert!(inside <= requests);
            }
        }
    }
}

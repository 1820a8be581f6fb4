//! How fast a run is and how long it will still take: pure, time handed in.
//!
//! A budget of 90 requests in 30 s is spent in a burst and then waited for, so the speed of the
//! last few seconds says nothing. The estimate is the larger of two: what is left at the speed
//! over whole periods of the budget, and the time that the budget needs to let the requests
//! through which are left. During the first burst only the second is right.

use std::collections::VecDeque;
use std::time::Duration;

use crate::report::Progress;

/// Speed is measured over at least this long.
const SHORTEST_HORIZON: Duration = Duration::from_secs(10);

/// Two samples closer than this are one.
const SAMPLE_APART: Duration = Duration::from_millis(500);

/// The largest page the API serves.
const PAGE: f64 = crate::mava::PAGE_LIMIT as f64;

/// What [`Progress`] was when, as far back as it matters.
#[derive(Debug)]
pub(super) struct Estimate {
    period: Option<Duration>,
    horizon: Duration,
    samples: VecDeque<(Duration, u64)>,
    /// How far the run was when the end was last reckoned, and when it was to come.
    reckoned: Option<(u64, u64, Option<u64>, Duration)>,
    now: Duration,
}

impl Estimate {
    /// For a budget that counts over `period`, or none.
    pub(super) fn new(period: Option<Duration>) -> Self {
        // Whole periods, so that each horizon holds the same number of bursts.
        let horizon = period.map_or(SHORTEST_HORIZON, |period| {
            let mut horizon = period.saturating_mul(2);
            if !period.is_zero() {
                while horizon < SHORTEST_HORIZON {
                    horizon = horizon.saturating_add(period);
                }
            }
            horizon
        });
        Self {
            period,
            horizon,
            samples: VecDeque::new(),
            reckoned: None,
            now: Duration::ZERO,
        }
    }

    /// Takes in how far the run is, `elapsed` after this process began it.
    pub(super) fn observe(&mut self, elapsed: Duration, progress: &Progress) {
        if self.samples.is_empty() {
            self.samples
                .push_back((Duration::ZERO, progress.tickets_resumed));
        }
        // The newest sample moves along until it is far enough from the one before it.
        let is_close = self
            .samples
            .iter()
            .rev()
            .nth(1)
            .is_some_and(|(before, _)| elapsed < *before + SAMPLE_APART);
        if is_close {
            self.samples.pop_back();
        }
        self.samples.push_back((elapsed, progress.tickets_read));
        let edge = elapsed.saturating_sub(self.horizon);
        while self.samples.get(1).is_some_and(|(at, _)| *at <= edge) {
            self.samples.pop_front();
        }
        self.now = elapsed;
        self.reckon(progress);
    }

    /// Reckons the end anew where something has moved, or it should have come. While the run waits for
    /// the limit nothing moves but the clock: the end stays where it was, so that what is left counts down.
    fn reckon(&mut self, progress: &Progress) {
        let (read, requests) = (progress.tickets_read, progress.requests);
        let expected = progress.tickets_expected;
        let stands = |known: (u64, u64, Option<u64>, Duration)| {
            (known.0, known.1, known.2) == (read, requests, expected) && known.3 > self.now
        };
        if self.reckoned.is_some_and(stands) {
            return;
        }
        let end = self
            .whole(progress)
            .and_then(|left| self.now.checked_add(left));
        self.reckoned = end.map(|end| (read, requests, expected, end));
    }

    /// Tickets per second over the horizon.
    pub(super) fn speed(&self) -> Option<f64> {
        let (first_at, first) = self.samples.front()?;
        let (last_at, last) = self.samples.back()?;
        let seconds = last_at.checked_sub(*first_at)?.as_secs_f64();
        (seconds > 0.0).then(|| float(last.saturating_sub(*first)) / seconds)
    }

    /// What is left to wait; `None` while it cannot be told.
    pub(super) fn remaining(&self, progress: &Progress) -> Option<Duration> {
        let left = progress
            .tickets_expected?
            .saturating_sub(progress.tickets_read);
        if left == 0 {
            return Some(Duration::ZERO);
        }
        let (.., end) = self.reckoned?;
        Some(end.saturating_sub(self.now))
    }

    /// How long the rest takes, as of now.
    fn whole(&self, progress: &Progress) -> Option<Duration> {
        let left = progress
            .tickets_expected?
            .saturating_sub(progress.tickets_read);
        let speed = self.speed().filter(|speed| *speed > 0.0)?;
        let seconds = (float(left) / speed).max(self.budget_seconds(left, progress));
        Duration::try_from_secs_f64(seconds).ok()
    }

    /// How long the budget takes to let through what `left` tickets need.
    fn budget_seconds(&self, left: u64, progress: &Progress) -> f64 {
        let (Some(period), Some(limit)) = (self.period, progress.budget_limit) else {
            return 0.0;
        };
        let read = progress
            .tickets_read
            .saturating_sub(progress.tickets_resumed);
        let page = (float(read) / float(progress.requests.max(1))).clamp(1.0, PAGE);
        let requests = (float(left) / page).ceil();
        let free = f64::from(limit.saturating_sub(progress.budget_used));
        (requests - free).max(0.0) / f64::from(limit.max(1)) * period.as_secs_f64()
    }
}

/// Exact up to 2^32, which no desk reaches.
fn float(number: u64) -> f64 {
    u32::try_from(number).map_or(f64::from(u32::MAX), f64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERIOD: Duration = Duration::from_secs(30);

    fn progress(tickets_read: u64, used: u32) -> Progress {
        Progress {
            tickets_read,
            tickets_expected: Some(90_000),
            requests: tickets_read / 100,
            budget_used: used,
            budget_limit: Some(90),
            ..Progress::default()
        }
    }

    /// A run that sends 90 requests in the first 5 s of every 30 s: 9,000 tickets a period, 300
    /// a second.
    fn bursts(second: u64) -> Progress {
        let (periods, within) = (second / 30, (second % 30).min(5));
        progress(
            periods * 9_000 + within * 1_800,
            u32::try_from(within * 18).expect("small"),
        )
    }

    #[test]
    fn bursts_do_not_make_the_estimate_jump() {
        let mut estimate = Estimate::new(Some(PERIOD));
        for second in 1..=290_u64 {
            let now = bursts(second);
            estimate.observe(Duration::from_secs(second), &now);
            let remaining = estimate.remaining(&now).expect("known").as_secs();
            let truth = 300 - second;
            assert!(
                remaining.abs_diff(truth) <= 30,
                "second {second}: {remaining} s, truth {truth} s"
            );
        }
        assert!((estimate.speed().expect("known") - 300.0).abs() < 30.0);
    }

    #[test]
    fn what_is_left_counts_down_while_the_run_waits_for_the_limit() {
        let mut estimate = Estimate::new(Some(PERIOD));
        let mut told = Vec::new();
        for second in 1..=60_u64 {
            let now = bursts(second);
            estimate.observe(Duration::from_secs(second), &now);
            told.push(estimate.remaining(&now).expect("known").as_secs());
        }
        // A burst takes five seconds, then 25 go by without a request.
        for pair in told[6..29].windows(2).chain(told[36..59].windows(2)) {
            assert_eq!(pair[0], pair[1] + 1, "{told:?}");
        }
        // Nothing comes for longer than was reckoned: it never says that the run is over.
        let stuck = bursts(60);
        for second in 61..=2_000_u64 {
            estimate.observe(Duration::from_secs(second), &stuck);
            let left = estimate.remaining(&stuck);
            assert!(left.is_none_or(|left| left > Duration::ZERO), "{second}");
        }
    }

    #[test]
    fn a_slow_api_is_measured_not_the_budget() {
        let mut estimate = Estimate::new(Some(PERIOD));
        let mut now = progress(0, 0);
        for second in 1..=100 {
            now = progress(second * 20, 6);
            estimate.observe(Duration::from_secs(second), &now);
        }
        let remaining = estimate.remaining(&now).expect("known").as_secs();
        assert_eq!(remaining, (90_000 - 2_000) / 20);
    }

    #[test]
    fn tickets_of_an_earlier_part_of_the_run_are_not_speed() {
        let mut estimate = Estimate::new(None);
        let now = Progress {
            tickets_read: 50_100,
            tickets_resumed: 50_000,
            tickets_expected: Some(50_200),
            ..Progress::default()
        };
        estimate.observe(Duration::from_secs(1), &now);
        assert_eq!(estimate.speed(), Some(100.0));
        assert_eq!(estimate.remaining(&now), Some(Duration::from_secs(1)));
    }

    #[test]
    fn what_cannot_be_told_is_not_told() {
        let mut estimate = Estimate::new(Some(PERIOD));
        assert_eq!(estimate.speed(), None);
        assert_eq!(estimate.remaining(&progress(0, 0)), None);
        estimate.observe(Duration::ZERO, &progress(0, 0));
        assert_eq!(estimate.remaining(&progress(0, 0)), None);
        let counting = Progress {
            tickets_expected: None,
            ..progress(500, 5)
        };
        estimate.observe(Duration::from_secs(1), &counting);
        assert_eq!(estimate.remaining(&counting), None);
        let done = progress(90_000, 90);
        estimate.observe(Duration::from_secs(2), &done);
        assert_eq!(estimate.remaining(&done), Some(Duration::ZERO));
    }

    #[test]
    fn samples_stay_few_and_odd_periods_do_no_harm() {
        for period in [
            Some(PERIOD),
            Some(Duration::from_millis(1)),
            Some(Duration::ZERO),
            Some(Duration::MAX),
            None,
        ] {
            let mut estimate = Estimate::new(period);
            for step in 0..20_000_u64 {
                estimate.observe(Duration::from_millis(step * 10), &progress(step, 1));
            }
            assert!(
                estimate.samples.len() < 500,
                "{period:?}: {}",
                estimate.samples.len()
            );
            let _ = estimate.remaining(&progress(20_000, 1));
        }
    }
}

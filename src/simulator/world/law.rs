//! The laws a ticket lives by: how likely each thing befalls it, and after how long.
//!
//! All of them can be asked from any age on: what has not happened yet is drawn on the condition
//! that it has not, so that a desk can be carried on from its plain data, night by night.

use chrono::{DateTime, Duration};
use rand::RngExt;
use rand::rngs::StdRng;

use super::source::milliseconds;
use crate::table::Instant;

/// From a resolution to the reopening.
pub(super) const REOPENING: Law = Law::new(
    0.06,
    Delay::Exponential {
        mean: 4.0,
        most: 365.0,
    },
);

/// From the first resolution to the rating.
pub(super) const RATING: Law = Law::new(
    0.35,
    Delay::Lognormal {
        median: 5.0 / 24.0,
        sigma: 1.7,
        most: 14.0,
    },
);

/// From a resolution to a private note.
pub(super) const NOTE: Law = Law::new(
    0.03,
    Delay::Exponential {
        mean: 15.0,
        most: 60.0,
    },
);

/// From a resolution to the one edit that follows it.
pub(super) const EDIT: Law = Law::new(
    0.01,
    Delay::Exponential {
        mean: 5.0,
        most: 365.0,
    },
);

/// From the creation to a deletion as spam or the like.
pub(super) const EARLY_DELETION: Law = Law::new(0.0015, Delay::Uniform { most: 2.0 });

/// From the creation to a deletion on request.
pub(super) const LATE_DELETION: Law = Law::new(0.0015, Delay::Uniform { most: 365.0 });

/// From a creation or reopening to the resolution, for all but the long tickets.
const RESOLUTION: Delay = Delay::Lognormal {
    median: 6.0 / 24.0,
    sigma: 1.8,
    most: 60.0,
};

/// How many tickets stay open for more than [`LONG_DAYS`].
const LONG: f64 = 0.08;

/// How many of those the weekly batch resolves.
const BATCH: f64 = 0.7;

/// How long a long ticket is open at least.
const LONG_DAYS: f64 = 30.0;

/// How much longer it is open, on average, where a person resolves it.
const LONG_MEAN_DAYS: f64 = 30.0;

/// How much longer it takes, on average, until the batch calls it idle.
const IDLE_MEAN_DAYS: f64 = 12.0;

/// A week, and the first Saturday 18:48 UTC after the epoch: when the batch runs.
const WEEK_MS: i64 = 604_800_000;
const BATCH_MS: i64 = 2 * 86_400_000 + 67_680_000;

/// Days as the laws count them.
pub(super) fn days(from: Instant, until: Instant) -> f64 {
    (until - from).as_seconds_f64() / 86_400.0
}

/// So many days later.
pub(super) fn after(from: Instant, days: f64) -> Instant {
    from + milliseconds(days * 86_400_000.0)
}

/// How long something takes, in days.
#[derive(Debug, Clone, Copy)]
pub(super) enum Delay {
    /// Log-normal; what would take longer than `most` is spread evenly over the last four fifths.
    Lognormal { median: f64, sigma: f64, most: f64 },
    /// Exponential; what would take longer than `most` is spread evenly.
    Exponential { mean: f64, most: f64 },
    /// Evenly spread.
    Uniform { most: f64 },
}

impl Delay {
    /// The share that has passed after so many days.
    fn passed(self, days: f64) -> f64 {
        let days = days.max(0.0);
        let (passed, least, most): (&dyn Fn(f64) -> f64, f64, f64) = match self {
            Self::Lognormal {
                median,
                sigma,
                most,
            } => (
                &move |days| normal((days / median).ln() / sigma),
                0.2 * most,
                most,
            ),
            Self::Exponential { mean, most } => (&move |days| -(-days / mean).exp_m1(), 0.0, most),
            Self::Uniform { most } => (&move |days| days / most, 0.0, most),
        };
        if days >= most {
            return 1.0;
        }
        let spread = ((days - least) / (most - least)).max(0.0);
        passed(days) + (1.0 - passed(most)) * spread
    }

    /// After how many days `share` of what passes between two ages has passed.
    fn between(self, share: f64, from: f64, until: f64) -> f64 {
        const HALVINGS: usize = 44;
        let wanted = self.passed(from) * (1.0 - share) + self.passed(until) * share;
        let (mut low, mut high) = (from, until);
        for _ in 0..HALVINGS {
            let middle = f64::midpoint(low, high);
            if self.passed(middle) < wanted {
                low = middle;
            } else {
                high = middle;
            }
        }
        high
    }

    /// The most days it takes.
    fn most(self) -> f64 {
        match self {
            Self::Lognormal { most, .. }
            | Self::Exponential { most, .. }
            | Self::Uniform { most } => most,
        }
    }
}

/// What befalls a share of tickets, and how long it takes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Law {
    share: f64,
    delay: Delay,
}

impl Law {
    const fn new(share: f64, delay: Delay) -> Self {
        Self { share, delay }
    }

    /// When it happens in `[from, until)`, if it has not before; counted from `anchor`.
    pub(super) fn draw(
        self,
        random: &mut StdRng,
        anchor: Instant,
        from: Instant,
        until: Instant,
    ) -> Option<Instant> {
        let most = self.delay.most();
        let age = days(anchor, from).max(0.0);
        if age >= most || from >= until {
            return None;
        }
        let end = days(anchor, until).min(most);
        let before = self.delay.passed(age);
        let chance = self.share * (self.delay.passed(end) - before) / (1.0 - self.share * before);
        if random.random::<f64>() >= chance {
            return None;
        }
        let at = after(anchor, self.delay.between(random.random(), age, end));
        (at < until).then(|| at.max(from))
    }
}

/// How an open phase ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Resolution {
    pub(super) at: Instant,
    /// Whether it is one of the long ones, on which people come back now and then.
    pub(super) is_long: bool,
}

/// When a ticket that has never been resolved is, given that it was not before `now`.
pub(super) fn first_resolution(
    random: &mut StdRng,
    created_at: Instant,
    now: Instant,
) -> Resolution {
    let age = days(created_at, now).max(0.0);
    let idle_at = after(created_at, LONG_DAYS);
    let last_batch = now - until_batch_before(now);
    let overdue = days(idle_at, last_batch).max(0.0);
    let short = (1.0 - LONG) * (1.0 - RESOLUTION.passed(age)).max(0.0);
    let slow = LONG * (1.0 - BATCH) * (-(age - LONG_DAYS).max(0.0) / LONG_MEAN_DAYS).exp();
    let batch = LONG * BATCH * (-overdue / IDLE_MEAN_DAYS).exp();
    let drawn = random.random::<f64>() * (short + slow + batch);
    if drawn < short {
        let most = RESOLUTION.most();
        return Resolution {
            at: after(created_at, RESOLUTION.between(random.random(), age, most)).max(now),
            is_long: false,
        };
    }
    let at = if drawn < short + slow {
        after(idle_at.max(now), LONG_MEAN_DAYS * exponential(random))
    } else {
        let idle_from = idle_at.max(last_batch + Duration::milliseconds(1));
        batch_from(after(idle_from, IDLE_MEAN_DAYS * exponential(random)))
    };
    Resolution { at, is_long: true }
}

/// When a reopened ticket is resolved again, given that it was not before `now`.
pub(super) fn next_resolution(
    random: &mut StdRng,
    reopened_at: Instant,
    now: Instant,
) -> Resolution {
    let age = days(reopened_at, now).max(0.0);
    let most = RESOLUTION.most();
    let at = if age < most {
        after(reopened_at, RESOLUTION.between(random.random(), age, most))
    } else {
        after(now, LONG_MEAN_DAYS * exponential(random))
    };
    Resolution {
        at: at.max(now),
        is_long: false,
    }
}

/// How long ago the last weekly batch before `now` was.
fn until_batch_before(now: Instant) -> Duration {
    Duration::milliseconds((now.timestamp_millis() - 1 - BATCH_MS).rem_euclid(WEEK_MS) + 1)
}

/// The first weekly batch from `at` on.
fn batch_from(at: Instant) -> Instant {
    let milliseconds = at.timestamp_millis();
    let wait = (BATCH_MS - milliseconds).rem_euclid(WEEK_MS);
    DateTime::from_timestamp_millis(milliseconds + wait).unwrap_or(at)
}

/// An exponentially distributed number with mean 1.
pub(super) fn exponential(random: &mut StdRng) -> f64 {
    -(1.0 - random.random::<f64>()).ln()
}

/// The points of a Poisson process of this rate in `[from, until)`.
pub(super) fn points(random: &mut StdRng, rate: f64, from: f64, until: f64) -> Vec<f64> {
    let mut points = Vec::new();
    if rate <= 0.0 {
        return points;
    }
    let mut at = from + exponential(random) / rate;
    while at < until {
        points.push(at);
        at += exponential(random) / rate;
    }
    points
}

/// The normal distribution, to seven digits: Abramowitz and Stegun, 26.2.17.
fn normal(x: f64) -> f64 {
    const FACTORS: [f64; 5] = [
        0.319_381_530,
        -0.356_563_782,
        1.781_477_937,
        -1.821_255_978,
        1.330_274_429,
    ];
    if x == f64::NEG_INFINITY {
        return 0.0;
    }
    let term = 1.0 / (1.0 + 0.231_641_9 * x.abs());
    let sum = FACTORS
        .iter()
        .rev()
        .fold(0.0, |sum, factor| (sum + factor) * term);
    let density = (-x * x / 2.0).exp() / std::f64::consts::TAU.sqrt();
    if x < 0.0 {
        density * sum
    } else {
        1.0 - density * sum
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    fn at(days: i64) -> Instant {
        // A Monday, 02:00 UTC.
        DateTime::from_timestamp(1_672_624_800, 0).expect("in range") + Duration::days(days)
    }

    #[test]
    fn delays_pass_their_medians_and_ends() {
        for (delay, days, expected) in [
            (RESOLUTION, 0.25, 0.5),
            (RESOLUTION, 5.0, 0.952),
            (RESOLUTION, 60.0, 1.0),
            (RESOLUTION, 0.0, 0.0),
            (NOTE.delay, 15.0, 0.637),
            (NOTE.delay, 60.0, 1.0),
            (LATE_DELETION.delay, 73.0, 0.2),
        ] {
            let passed = delay.passed(days);
            assert!(
                (passed - expected).abs() < 0.002,
                "{delay:?} {days} {passed}"
            );
        }
    }

    #[test]
    fn what_is_drawn_night_by_night_is_distributed_as_what_is_drawn_at_once() {
        let mut random = StdRng::seed_from_u64(1);
        for law in [REOPENING, RATING, NOTE] {
            let mut at_once = Vec::new();
            let mut nightly = Vec::new();
            for _ in 0..20_000 {
                at_once.extend(law.draw(&mut random, at(0), at(0), at(400)));
                let nights = (0..20).map(|day| (at(day), at(day + 1)));
                nightly.extend(
                    nights
                        .chain([(at(20), at(400))])
                        .find_map(|(from, until)| law.draw(&mut random, at(0), from, until)),
                );
            }
            let expected = law.share * 20_000.0;
            for mut drawn in [at_once, nightly] {
                drawn.sort_unstable();
                let count = f64::from(u32::try_from(drawn.len()).expect("few"));
                let deviation = (count - expected).abs() / expected.sqrt();
                assert!(deviation < 4.0, "{law:?} {count}");
                let median = days(at(0), drawn[drawn.len() / 2]);
                let passed = law.delay.passed(median);
                assert!((passed - 0.5).abs() < 0.06, "{law:?} {median}");
            }
        }
    }

    #[test]
    fn resolutions_drawn_again_every_night_are_distributed_as_those_drawn_once() {
        let mut random = StdRng::seed_from_u64(2);
        let tickets = 20_000;
        let mut once = Vec::new();
        let mut nightly = Vec::new();
        for number in 0..tickets {
            let created_at = at(number % 7);
            let first = first_resolution(&mut random, created_at, created_at);
            once.push(days(created_at, first.at));
            let mut now = created_at;
            let resolved_at = loop {
                let drawn = first_resolution(&mut random, created_at, now);
                assert!(drawn.at >= now);
                if drawn.at < now + Duration::days(1) {
                    break drawn.at;
                }
                now += Duration::days(1);
            };
            nightly.push(days(created_at, resolved_at));
        }
        once.sort_by(f64::total_cmp);
        nightly.sort_by(f64::total_cmp);
        for share in [0.25, 0.5, 0.75, 0.9, 0.95, 0.98] {
            let place = usize::try_from(super::super::source::whole(
                share * f64::from(u32::try_from(tickets).expect("few")),
            ))
            .expect("few");
            let (once, nightly) = (once[place], nightly[place]);
            assert!(
                (once / nightly - 1.0).abs() < 0.12,
                "{share}: {once} {nightly}"
            );
        }
    }

    #[test]
    fn the_batch_runs_on_saturday_evenings() {
        let batch = batch_from(at(0));
        assert_eq!(batch.to_rfc3339(), "2023-01-07T18:48:00+00:00");
        assert_eq!(batch_from(batch), batch);
        assert_eq!(until_batch_before(batch), Duration::weeks(1));
        assert_eq!(
            until_batch_before(batch + Duration::hours(1)),
            Duration::hours(1)
        );
    }
}

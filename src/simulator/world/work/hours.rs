//! When people work, and when customers sleep.

use chrono::{Datelike, Duration, NaiveTime, Timelike};
use rand::RngExt;
use rand::rngs::StdRng;

use crate::simulator::world::source::milliseconds;
use crate::table::Instant;

/// The hours of agents in UTC, Monday first: from, until. Nobody works on Sunday.
const SHIFTS: [(u32, u32); 7] = [
    (7, 19),
    (7, 19),
    (7, 19),
    (7, 19),
    (7, 17),
    (10, 14),
    (0, 0),
];

/// Until which hour customers sleep.
const MORNING: u32 = 6;

/// How many wait until then.
const SLEEPERS: f64 = 0.8;

/// An hour, in milliseconds.
const HOUR_MS: f64 = 3_600_000.0;

/// Whether agents work.
pub(super) fn is_on_duty(at: Instant) -> bool {
    let (from, until) = shift(at);
    (from..until).contains(&at.hour())
}

fn shift(at: Instant) -> (u32, u32) {
    let day = usize::try_from(at.weekday().num_days_from_monday()).unwrap_or(0);
    SHIFTS.get(day).copied().unwrap_or_default()
}

/// An instant of work: `at` itself, or one in the first hour of the next shift.
pub(super) fn on_duty(random: &mut StdRng, at: Instant) -> Instant {
    if is_on_duty(at) {
        return at;
    }
    let mut day = midnight(at);
    // A week has a shift.
    for _ in 0..8 {
        let (from, until) = shift(day);
        let opens = day + Duration::hours(i64::from(from));
        if from < until && opens > at {
            return opens + milliseconds(HOUR_MS * random.random::<f64>());
        }
        day += Duration::days(1);
    }
    at
}

/// An instant at which a customer writes: `at` itself by day, mostly one in the morning by night.
pub(super) fn awake(random: &mut StdRng, at: Instant) -> Instant {
    if at.hour() >= MORNING || !random.random_bool(SLEEPERS) {
        return at;
    }
    let morning = midnight(at) + Duration::hours(i64::from(MORNING));
    morning + milliseconds(3.0 * HOUR_MS * random.random::<f64>())
}

fn midnight(at: Instant) -> Instant {
    at.date_naive().and_time(NaiveTime::MIN).and_utc()
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;
    use crate::table::parse_instant;

    #[test]
    fn what_agents_do_is_done_in_their_hours() {
        let mut random = StdRng::seed_from_u64(1);
        for (at, day) in [
            ("2024-03-04T12:00:00.001Z", "2024-03-04T12:00:00.001"),
            ("2024-03-04T06:59:59.999Z", "2024-03-04T07:"),
            ("2024-03-04T19:00:00Z", "2024-03-05T07:"),
            ("2024-03-08T17:00:00Z", "2024-03-09T10:"),
            ("2024-03-09T14:00:00Z", "2024-03-11T07:"),
            ("2024-03-10T12:00:00Z", "2024-03-11T07:"),
        ] {
            let at = parse_instant(at).expect("an instant");
            let done = on_duty(&mut random, at);
            assert!(
                crate::table::instant_text(done).starts_with(day),
                "{at} {done}"
            );
            assert!(is_on_duty(done) && done >= at);
        }
    }
}

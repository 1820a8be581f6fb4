//! How busy a desk is, by weekday and hour.

use chrono::{Datelike, Timelike};

use crate::table::Instant;

/// How busy each weekday is, Monday first; 1 on average.
const WEEKDAYS: [f64; 7] = [1.2, 1.2, 1.15, 1.1, 1.05, 0.65, 0.65];

/// How busy each hour is, in UTC.
const HOURS: [f64; 24] = [
    0.5, 0.4, 0.35, 0.3, 0.35, 0.45, 0.6, 0.9, 1.3, 1.5, 1.6, 1.5, 1.4, 1.5, 1.6, 1.6, 1.5, 1.4,
    1.2, 1.1, 1.0, 0.9, 0.8, 0.6,
];

/// The mean of [`HOURS`].
const MEAN_HOUR: f64 = 24.35 / 24.0;

/// How busy the busiest hour is, against the average one.
pub(super) const BUSIEST: f64 = 1.2 * 1.6 / MEAN_HOUR;

/// How busy the desk is, against the busiest hour: 0 to 1.
pub(super) fn busyness(at: Instant) -> f64 {
    let day = usize::try_from(at.weekday().num_days_from_monday()).unwrap_or(0);
    let hour = usize::try_from(at.hour()).unwrap_or(0);
    let weight = WEEKDAYS.get(day).unwrap_or(&1.0) * HOURS.get(hour).unwrap_or(&1.0);
    (weight / MEAN_HOUR / BUSIEST).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_and_maxima_are_those_of_the_tables() {
        assert!((HOURS.iter().sum::<f64>() / 24.0 - MEAN_HOUR).abs() < 1e-9);
        assert!((WEEKDAYS.iter().sum::<f64>() - 7.0).abs() < 1e-9);
    }
}

//! When the desk is open, as metrics count business time.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use chrono_tz::{IANA_TZDB_VERSION, Tz};

use crate::metrics::schedule::Week;
use crate::metrics::{Names, Policy, Schedule};

/// The weekdays as a configuration names them, Monday first.
pub const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// What `[metrics]`, `[[sla]]` and `[names]` in the configuration say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricsSettings {
    /// The zone of local times and dates.
    pub time_zone: Tz,
    /// When the desk is open; `None` around the clock.
    pub hours: Option<Hours>,
    /// Names of tags and attributes that the API gives as bare ids.
    pub names: Names,
    /// What is promised, in the order of their names, which are unique.
    pub policies: Vec<Policy>,
}

/// Hours of a desk that is not always open.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hours {
    /// The spans of each weekday, Monday first.
    pub week: Week,
    /// Those spans as they are written, in order.
    pub written: [Vec<String>; 7],
    /// Local dates on which it is closed.
    pub holidays: BTreeSet<NaiveDate>,
}

impl Default for MetricsSettings {
    fn default() -> Self {
        Self {
            time_zone: Tz::UTC,
            hours: None,
            names: Names::default(),
            policies: Vec::new(),
        }
    }
}

impl MetricsSettings {
    /// The schedule that business time is counted by.
    pub fn schedule(&self) -> Schedule {
        match &self.hours {
            Some(hours) => Schedule::weekly(self.time_zone, &hours.week, &hours.holidays),
            None => Schedule::round_the_clock(),
        }
    }

    /// What tells this schedule from others: with the version of the zones' tables, since another one may
    /// count otherwise. Around the clock no zone matters.
    pub fn fingerprint(&self) -> String {
        let Some(hours) = &self.hours else {
            return "24/7".to_owned();
        };
        let days: Vec<String> = WEEKDAYS
            .iter()
            .zip(&hours.written)
            .map(|(day, spans)| format!("{day} {}", spans.join(" ")))
            .collect();
        let holidays: Vec<String> = hours.holidays.iter().map(NaiveDate::to_string).collect();
        format!(
            "{} {IANA_TZDB_VERSION}; {}; {}",
            self.time_zone.name(),
            days.join(", "),
            holidays.join(" ")
        )
    }
}

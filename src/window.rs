//! Half-open ranges of time and how a long one is cut into windows the API accepts.

use std::fmt;

use chrono::{DateTime, Duration, NaiveDate, NaiveDateTime, SecondsFormat};

use crate::error::{Error, Result};
use crate::mava::LONGEST_DAYS;
use crate::table::{Instant, parse_instant};

/// No desk has tickets from before: Mava is younger. Years before it would be counted one by one.
pub const EARLIEST: Instant = match DateTime::from_timestamp(1_262_304_000, 0) {
    Some(instant) => instant,
    None => DateTime::UNIX_EPOCH,
};

/// A half-open range `[from, until)`, never empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Window {
    from: Instant,
    until: Instant,
}

impl Window {
    /// `[from, until)`, or `None` where that is empty or reversed.
    pub fn new(from: Instant, until: Instant) -> Option<Self> {
        (from < until).then_some(Self { from, until })
    }

    /// A window from milliseconds since 1970; `None` also where no instant has such a number.
    pub fn from_millis(from_ms: i64, until_ms: i64) -> Option<Self> {
        let instant = Instant::from_timestamp_millis;
        Self::new(instant(from_ms)?, instant(until_ms)?)
    }

    /// Start, inclusive.
    pub fn from(&self) -> Instant {
        self.from
    }

    /// End, exclusive.
    pub fn until(&self) -> Instant {
        self.until
    }

    /// Whether `instant` lies in it.
    pub fn contains(&self, instant: Instant) -> bool {
        self.from <= instant && instant < self.until
    }

    /// The shortest window that holds both.
    pub fn hull(&self, other: Self) -> Self {
        Self {
            from: self.from.min(other.from),
            until: self.until.max(other.until),
        }
    }

    /// The part of it that can hold tickets; `None` where none of it can.
    pub fn since_earliest(&self) -> Option<Self> {
        Self::new(self.from.max(EARLIEST), self.until)
    }

    /// Whether all of the other lies in it.
    pub fn holds(&self, other: &Self) -> bool {
        self.from <= other.from && other.until <= self.until
    }

    /// Whether an instant lies in both.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.from < other.until && other.from < self.until
    }

    /// How long it is.
    pub fn length(&self) -> Duration {
        self.until - self.from
    }

    /// Cuts it into windows of at most [`LONGEST_DAYS`], oldest first, that touch and cover it
    /// exactly. The last one takes the remainder.
    pub fn split_by_year(&self) -> Vec<Self> {
        let mut windows = Vec::new();
        let mut from = self.from;
        while from < self.until {
            let until = from
                .checked_add_signed(Duration::days(LONGEST_DAYS))
                .map_or(self.until, |end| end.min(self.until));
            windows.push(Self { from, until });
            from = until;
        }
        windows
    }

    /// Cuts it into windows of at most [`LONGEST_DAYS`], newest first, that touch and cover it
    /// exactly. The oldest one takes the remainder.
    pub fn split_by_year_from_end(&self) -> Vec<Self> {
        let mut windows = Vec::new();
        let mut until = self.until;
        while self.from < until {
            let from = until
                .checked_sub_signed(Duration::days(LONGEST_DAYS))
                .map_or(self.from, |start| start.max(self.from));
            windows.push(Self { from, until });
            until = from;
        }
        windows
    }
}

impl fmt::Display for Window {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "[{}, {})", brief(self.from), brief(self.until))
    }
}

/// An instant for people: the date alone at midnight, else without a fraction that is zero.
fn brief(instant: Instant) -> String {
    if instant.timestamp_millis().rem_euclid(86_400_000) == 0 {
        instant.format("%Y-%m-%d").to_string()
    } else if instant.timestamp_subsec_millis() == 0 {
        instant.to_rfc3339_opts(SecondsFormat::Secs, true)
    } else {
        instant.to_rfc3339_opts(SecondsFormat::Millis, true)
    }
}

/// Reads what a person types for an instant: a date (midnight UTC), an RFC 3339 instant with an
/// offset, or a date and time without one (UTC). Precision below a millisecond is cut off.
///
/// # Errors
/// A usage error that names the text and the accepted forms.
pub fn parse(text: &str) -> Result<Instant> {
    let trimmed = text.trim();
    let instant = NaiveDate::parse_from_str(trimmed, "%Y-%m-%d")
        .ok()
        .and_then(|date| date.and_hms_opt(0, 0, 0))
        .map(|naive| naive.and_utc())
        .or_else(|| parse_instant(trimmed))
        .or_else(|| {
            ["%Y-%m-%dT%H:%M%:z", "%Y-%m-%d %H:%M:%S%.f%:z"]
                .iter()
                .find_map(|form| DateTime::parse_from_str(trimmed, form).ok())
                .map(|instant| instant.to_utc())
        })
        .or_else(|| {
            [
                "%Y-%m-%dT%H:%M:%S%.f",
                "%Y-%m-%d %H:%M:%S%.f",
                "%Y-%m-%dT%H:%M",
            ]
            .iter()
            .find_map(|form| NaiveDateTime::parse_from_str(trimmed, form).ok())
            .map(|naive| naive.and_utc())
        });
    instant
        .and_then(|instant| Instant::from_timestamp_millis(instant.timestamp_millis()))
        .filter(|instant| (0..=9999).contains(&chrono::Datelike::year(instant)))
        .ok_or_else(|| {
            Error::usage(format!("{text:?} is not a date or an instant"))
                .help("write 2023-01-31, 2023-01-31T09:00:00Z or 2023-01-31T09:00:00+02:00")
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(text: &str) -> Instant {
        parse(text).expect("a test's own instant")
    }

    #[test]
    fn a_leap_year_is_cut_at_365_days() {
        let windows = Window::new(at("2024-01-01"), at("2025-01-01"))
            .expect("not empty")
            .split_by_year();
        let shown: Vec<String> = windows.iter().map(ToString::to_string).collect();
        assert_eq!(
            shown,
            ["[2024-01-01, 2024-12-31)", "[2024-12-31, 2025-01-01)"]
        );
    }

    #[test]
    fn what_lies_before_2010_holds_no_tickets() {
        assert_eq!(EARLIEST, at("2010-01-01"));
        let of = |from, until| {
            Window::new(at(from), at(until))
                .expect("not empty")
                .since_earliest()
        };
        assert_eq!(
            of("0001-01-01", "2012-01-01"),
            Window::new(at("2010-01-01"), at("2012-01-01"))
        );
        assert_eq!(
            of("2011-01-01", "2012-01-01"),
            Window::new(at("2011-01-01"), at("2012-01-01"))
        );
        assert_eq!(of("0001-01-01", "2010-01-01"), None);
    }

    #[test]
    fn empty_and_reversed_ranges_are_no_windows() {
        assert_eq!(Window::new(at("2024-01-01"), at("2024-01-01")), None);
        assert_eq!(Window::new(at("2024-01-02"), at("2024-01-01")), None);
    }

    #[test]
    fn offsets_are_read_and_sub_millisecond_digits_cut() {
        assert_eq!(at("2024-01-01T02:00:00+02:00"), at("2024-01-01"));
        assert_eq!(at("2024-01-01T02:00+02:00"), at("2024-01-01"));
        assert_eq!(
            at("2024-01-01T00:00:00.0019Z"),
            at("2024-01-01T00:00:00.001Z")
        );
        assert_eq!(at("2024-01-01T00:00:00"), at("2024-01-01"));
    }

    #[test]
    fn what_is_no_instant_is_named_with_the_way_out() {
        for text in [
            "",
            "yesterday",
            "2023-02-30",
            "01/02/2023",
            "2023-13-01",
            "+12023-01-01T00:00:00Z",
        ] {
            let error = parse(text).expect_err(text);
            assert!(error.to_string().contains(&format!("{text:?}")), "{error}");
            assert!(error.help_text().is_some());
        }
    }

    proptest! {
        #[test]
        fn the_cut_covers_the_range_exactly_in_legal_windows(
            from_ms in -2_000_000_000_000i64..4_000_000_000_000,
            length_ms in 1i64..400_000_000_000,
        ) {
            let from = Instant::from_timestamp_millis(from_ms).expect("in range");
            let until = Instant::from_timestamp_millis(from_ms + length_ms).expect("in range");
            let whole = Window::new(from, until).expect("not empty");
            let mut from_end = whole.split_by_year_from_end();
            let newest = from_end.first().map(Window::length);
            from_end.reverse();
            let from_start = whole.split_by_year();
            prop_assert_eq!(newest, from_start.first().map(Window::length));
            let shortest = (length_ms + LONGEST_DAYS * 86_400_000 - 1) / (LONGEST_DAYS * 86_400_000);
            for windows in [from_start, from_end] {
                let mut edge = from;
                for window in &windows {
                    prop_assert_eq!(window.from(), edge);
                    prop_assert!(window.length() <= Duration::days(LONGEST_DAYS));
                    edge = window.until();
                }
                prop_assert_eq!(edge, until);
                prop_assert_eq!(i64::try_from(windows.len()).expect("few"), shortest);
            }
        }
    }
}

//! Local days and hours, by which totals are told apart.

use std::collections::BTreeMap;

use chrono::{Datelike, Days, NaiveDate, Weekday};
use chrono_tz::Tz;

use super::super::schedule::{self, DAY};
use crate::table::{Instant, LocalDay, LocalHour};

const HOUR: i64 = 3_600_000;

/// Local days of a zone, without gaps: each ends with the last instant of its date.
#[derive(Debug, Clone)]
pub struct Calendar {
    zone: Tz,
    /// When each begins, in milliseconds since 1970, and its date as days since 1970; in order.
    days: Vec<(i64, i64)>,
    until: i64,
}

impl Calendar {
    /// The days in which anything between two instants lies, the second included.
    pub fn new(zone: Tz, from: Instant, until: Instant) -> Self {
        let (from, until) = (from.timestamp_millis(), until.timestamp_millis());
        // Whole local days, wherever the zone is.
        let mut ends: BTreeMap<i64, i64> = BTreeMap::new();
        for (begin, end, offset) in pieces(zone, from - 2 * DAY, until.max(from) + 2 * DAY) {
            let (first, last) = (begin + offset, end + offset - 1);
            for date in first.div_euclid(DAY)..=last.div_euclid(DAY) {
                ends.insert(date, end.min((date + 1) * DAY - offset));
            }
        }
        let (mut days, mut over) = (Vec::with_capacity(ends.len()), from);
        // The first of all is cut where the pieces begin.
        for ((_, begin), (date, end)) in ends.iter().zip(ends.iter().skip(1)) {
            if *end > from && *begin <= until.max(from) {
                days.push((*begin, *date));
                over = *end;
            }
        }
        Self {
            zone,
            days,
            until: over,
        }
    }

    /// The date of an instant, as days since 1970.
    pub(super) fn date(&self, at: i64) -> i64 {
        let begun = self.days.partition_point(|(begin, _)| *begin <= at);
        let last = begun.checked_sub(1).and_then(|place| self.days.get(place));
        match last {
            Some((_, date)) if at < self.until => *date,
            // Beyond the days that are known nothing has to be without gaps.
            _ => (at + schedule::offset(self.zone, at)).div_euclid(DAY),
        }
    }

    /// The last instant of a date.
    pub(super) fn end(&self, date: i64) -> i64 {
        let place = self.days.partition_point(|(_, known)| *known <= date);
        let is_known = self.days.first().is_some_and(|(_, first)| *first <= date);
        match self.days.get(place) {
            Some((next, _)) if is_known => *next - 1,
            None if self.days.last().is_some_and(|(_, last)| *last == date) => self.until - 1,
            _ => {
                let midnight = (date + 1) * DAY;
                midnight - schedule::offset(self.zone, midnight) - 1
            }
        }
    }

    /// Rows of `days`.
    pub fn day_rows(&self) -> Vec<LocalDay> {
        let ends = self.days.iter().skip(1).map(|(begin, _)| *begin);
        let days = self.days.iter().zip(ends.chain([self.until]));
        let row = |((begin, date), end): (&(i64, i64), i64)| {
            Some(LocalDay {
                day: date_text(*date),
                starts_at: Instant::from_timestamp_millis(*begin)?,
                ends_at: Instant::from_timestamp_millis(end)?,
                week: date_text(week(*date)),
                month: date_text(month(*date)),
                weekday: weekday(*date),
            })
        };
        days.filter_map(row).collect()
    }

    /// Rows of `hours`. What a change of clocks leaves of an hour is one,
    /// too.
    pub fn hour_rows(&self) -> Vec<LocalHour> {
        let Some((from, _)) = self.days.first() else {
            return Vec::new();
        };
        let mut hours = Vec::new();
        for (begin, end, offset) in pieces(self.zone, *from, self.until) {
            let mut at = begin;
            while at < end {
                let local = at + offset;
                let over = end.min((local.div_euclid(HOUR) + 1) * HOUR - offset);
                hours.extend(self.hour(at, over, local));
                at = over;
            }
        }
        hours
    }

    fn hour(&self, begin: i64, end: i64, local: i64) -> Option<LocalHour> {
        let date = local.div_euclid(DAY);
        Some(LocalHour {
            starts_at: Instant::from_timestamp_millis(begin)?,
            ends_at: Instant::from_timestamp_millis(end)?,
            day: date_text(date),
            weekday: weekday(date),
            hour: local.rem_euclid(DAY) / HOUR,
        })
    }
}

/// Stretches of time with one offset each: beginning, end, offset.
fn pieces(zone: Tz, from: i64, until: i64) -> Vec<(i64, i64, i64)> {
    let mut pieces: Vec<(i64, i64, i64)> = Vec::new();
    let mut at = from;
    while at < until {
        let next = until.min((at.div_euclid(DAY) + 1) * DAY);
        for piece in schedule::pieces(zone, at, next) {
            match pieces.last_mut() {
                Some(last) if last.2 == piece.2 => last.1 = piece.1,
                _ => pieces.push(piece),
            }
        }
        at = next;
    }
    pieces
}

fn date(number: i64) -> NaiveDate {
    let first = NaiveDate::default();
    let days = Days::new(number.unsigned_abs());
    let date = match number < 0 {
        true => first.checked_sub_days(days),
        false => first.checked_add_days(days),
    };
    date.unwrap_or_default()
}

/// `2026-01-31`.
pub(super) fn date_text(number: i64) -> String {
    date(number).to_string()
}

fn weekday(number: i64) -> i64 {
    i64::from(date(number).weekday().number_from_monday())
}

/// The Monday of a date's week.
pub(super) fn week(number: i64) -> i64 {
    number - i64::from(date(number).weekday().days_since(Weekday::Mon))
}

/// The first of a date's month.
pub(super) fn month(number: i64) -> i64 {
    number - i64::from(date(number).day0())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{instant_text, parse_instant};

    fn calendar(zone: &str, from: &str, until: &str) -> Calendar {
        let at = |text: &str| parse_instant(text).expect("an instant");
        Calendar::new(zone.parse().expect("a zone"), at(from), at(until))
    }

    /// Each day with when it begins and how many hours it has.
    fn days(calendar: &Calendar) -> Vec<String> {
        let rows = calendar.day_rows().into_iter();
        rows.map(|row| {
            let hours = (row.ends_at - row.starts_at).as_seconds_f64() / 3_600.0;
            let starts_at = instant_text(row.starts_at);
            format!("{} {} {hours}", row.day, &starts_at[5..16])
        })
        .collect()
    }

    #[test]
    fn days_begin_at_local_midnight_or_where_that_is_left_out_after_it() {
        for (zone, from, until, expected) in [
            (
                "Europe/Berlin",
                "2024-03-30T23:00:00Z",
                "2024-03-31T22:00:00Z",
                &["2024-03-31 03-30T23:00 23", "2024-04-01 03-31T22:00 24"][..],
            ),
            (
                "Europe/Berlin",
                "2024-10-27T12:00:00Z",
                "2024-10-27T12:00:00Z",
                &["2024-10-27 10-26T22:00 25"],
            ),
            // No midnight: clocks go from 24:00 to 01:00.
            (
                "Africa/Cairo",
                "2024-04-25T21:59:59.999Z",
                "2024-04-25T22:00:00Z",
                &["2024-04-25 04-24T22:00 24", "2024-04-26 04-25T22:00 23"],
            ),
            // Clocks go back from 24:00 to 23:00: the date ends once.
            (
                "Africa/Cairo",
                "2024-10-31T20:30:00Z",
                "2024-10-31T21:30:00Z",
                &["2024-10-31 10-30T21:00 25"],
            ),
            // A date that the zone left out.
            (
                "Pacific/Apia",
                "2011-12-29T12:00:00Z",
                "2011-12-30T12:00:00Z",
                &["2011-12-29 12-29T10:00 24", "2011-12-31 12-30T10:00 24"],
            ),
            (
                "Asia/Kathmandu",
                "2024-02-28T18:14:59.999Z",
                "2024-02-28T18:15:00Z",
                &["2024-02-28 02-27T18:15 24", "2024-02-29 02-28T18:15 24"],
            ),
        ] {
            assert_eq!(
                days(&calendar(zone, from, until)),
                expected,
                "{zone} {from}"
            );
        }
    }

    #[test]
    fn an_hour_that_comes_twice_is_two_rows_and_one_that_is_left_out_is_none() {
        for (day, count, twice) in [("2024-10-27", 25, 2), ("2024-03-31", 23, 0)] {
            let noon = format!("{day}T12:00:00Z");
            let hours = calendar("Europe/Berlin", &noon, &noon).hour_rows();
            assert_eq!(hours.len(), count, "{day}");
            assert!(
                hours
                    .iter()
                    .all(|hour| hour.day == day && hour.weekday == 7)
            );
            assert_eq!(hours.iter().filter(|hour| hour.hour == 2).count(), twice);
            let ends = hours.iter().map(|hour| hour.ends_at);
            let starts = hours.iter().skip(1).map(|hour| hour.starts_at);
            assert!(ends.zip(starts).all(|(end, start)| end == start));
        }
        // Half an hour is left of the one in which clocks change by half an hour.
        let day = "2024-04-06T16:00:00Z";
        let hours = calendar("Australia/Lord_Howe", day, day).hour_rows();
        let halves = hours
            .iter()
            .filter(|hour| (hour.ends_at - hour.starts_at).num_minutes() == 30);
        assert_eq!(halves.count(), 1);
    }

    #[test]
    fn dates_have_their_weeks_and_months_also_beyond_the_days_that_are_known() {
        let calendar = calendar(
            "Europe/Berlin",
            "2024-02-29T12:00:00Z",
            "2024-02-29T12:00:00Z",
        );
        for (at, day, begins, month_begins) in [
            (
                "2024-02-28T22:59:59.999Z",
                "2024-02-28",
                "2024-02-26",
                "2024-02-01",
            ),
            (
                "2024-02-28T23:00:00Z",
                "2024-02-29",
                "2024-02-26",
                "2024-02-01",
            ),
            (
                "2024-03-03T23:00:00Z",
                "2024-03-04",
                "2024-03-04",
                "2024-03-01",
            ),
            (
                "1969-12-31T23:00:00Z",
                "1970-01-01",
                "1969-12-29",
                "1970-01-01",
            ),
            (
                "1969-12-30T12:00:00Z",
                "1969-12-30",
                "1969-12-29",
                "1969-12-01",
            ),
        ] {
            let date = calendar.date(parse_instant(at).expect("an instant").timestamp_millis());
            let found = [date, week(date), month(date)].map(date_text);
            assert_eq!(found, [day, begins, month_begins], "{at}");
        }
    }
}

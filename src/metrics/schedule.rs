//! Business time: how long a desk was open between two instants.
//!
//! An instant is business time if its local time of day lies in a span of its local weekday, and its local
//! date is no holiday. All that follows is the measure of that set: where a change of clocks cuts a span, the
//! rest counts, and where it repeats one, it counts twice.

use std::collections::BTreeSet;

use chrono::{NaiveDate, Offset, TimeZone};
use chrono_tz::Tz;

use super::{later, milliseconds};
use crate::table::Instant;

pub(super) const DAY: i64 = 86_400_000;

/// The years in which hours are known, the second exclusive, as days since 1970-01-01. Mava began in 2021.
const KNOWN: (i64, i64) = (10_957, 47_482);

/// The last instant that can be written with a year of four digits.
pub(super) const LAST: i64 = 253_402_300_799_999;

/// Weekday of 1970-01-01, a Thursday, from Monday on.
const FIRST_WEEKDAY: i64 = 3;

/// A span of a local day, `[from, until)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    from: i64,
    until: i64,
}

impl Span {
    /// Reads `09:00-17:30`. The end can be `24:00` and has to be later than the beginning: a span that
    /// goes past midnight is two.
    pub fn parse(text: &str) -> Option<Self> {
        let (from, until) = text.split_once('-')?;
        let (from, until) = (time_of_day(from.trim())?, time_of_day(until.trim())?);
        (from < until).then_some(Self { from, until })
    }
}

/// Milliseconds since midnight of `HH:MM`.
fn time_of_day(text: &str) -> Option<i64> {
    let (hour, minute) = text.split_once(':')?;
    let number = |text: &str| -> Option<i64> {
        let is_number = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| text.parse().ok()).flatten()
    };
    let (hour, minute) = (number(hour)?, number(minute)?);
    let is_time = minute < 60 && (hour < 24 || (hour, minute) == (24, 0));
    is_time.then(|| (hour * 60 + minute) * 60_000)
}

/// Spans of each weekday, Monday first.
pub type Week = [Vec<Span>; 7];

/// When a desk is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule(Hours);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Hours {
    RoundTheClock,
    /// In order, without touching one another.
    Known(Vec<Open>),
}

/// A stretch of business time, in milliseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Open {
    from: i64,
    until: i64,
    /// Business time before it.
    before: i64,
}

impl Schedule {
    /// Always open: plain elapsed time, which asks for no local time.
    pub fn round_the_clock() -> Self {
        Self(Hours::RoundTheClock)
    }

    /// Open in these spans of local time, but for holidays, from 2000 to 2099. A week that is open
    /// throughout, without a holiday, is [`Schedule::round_the_clock`].
    pub fn weekly(zone: Tz, week: &Week, holidays: &BTreeSet<NaiveDate>) -> Self {
        let week = week.each_ref().map(|spans| joined(spans));
        let all_day = Span {
            from: 0,
            until: DAY,
        };
        if holidays.is_empty() && week.iter().all(|spans| *spans == [all_day]) {
            return Self::round_the_clock();
        }
        let holidays = holidays.iter().map(|date| days(*date)).collect();
        let mut builder = Builder {
            week,
            holidays,
            open: Vec::new(),
        };
        let (first, end) = KNOWN;
        for day in first..end {
            for (from, until, offset) in pieces(zone, day * DAY, (day + 1) * DAY) {
                builder.add(from, until, offset);
            }
        }
        Self(Hours::Known(builder.open))
    }

    /// Milliseconds of business time from one instant to another; 0 where the second is not later.
    pub fn between(&self, from: Instant, until: Instant) -> i64 {
        let Some(elapsed) = milliseconds(from, until) else {
            return 0;
        };
        match &self.0 {
            Hours::RoundTheClock => elapsed,
            Hours::Known(open) => {
                let worked = |at: Instant| worked_before(open, at.timestamp_millis());
                worked(until).saturating_sub(worked(from))
            }
        }
    }

    /// The first instant at which so many milliseconds of business time are over; `from` itself for none.
    /// None where they never are.
    pub fn after(&self, from: Instant, milliseconds: i64) -> Option<Instant> {
        if milliseconds <= 0 {
            return Some(from);
        }
        match &self.0 {
            Hours::RoundTheClock => later(from, milliseconds),
            Hours::Known(open) => {
                let worked = worked_before(open, from.timestamp_millis());
                let wanted = worked.checked_add(milliseconds)?;
                let place = open.partition_point(|one| one.worked_after() < wanted);
                let found = open.get(place)?;
                Instant::from_timestamp_millis(found.from + (wanted - found.before))
            }
        }
    }
}

/// A stretch of business time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opening {
    /// Its first instant.
    pub starts_at: Instant,
    /// The instant after it.
    pub ends_at: Instant,
    /// Milliseconds of business time before it.
    pub before_ms: i64,
}

impl Schedule {
    /// Whether it is always open.
    pub fn is_round_the_clock(&self) -> bool {
        self.0 == Hours::RoundTheClock
    }

    /// All stretches that begin before `until`, in order. One that is always open is one stretch, of all instants that
    /// can be written with a year of four digits.
    pub fn openings(&self, until: Instant) -> Vec<Opening> {
        const ALL: Open = Open {
            from: -62_135_596_800_000,
            until: LAST,
            before: 0,
        };
        let open = match &self.0 {
            Hours::RoundTheClock => &[ALL][..],
            Hours::Known(open) => {
                let begun = open.partition_point(|one| one.from < until.timestamp_millis());
                open.get(..begun).unwrap_or_default()
            }
        };
        let opening = |one: &Open| {
            Some(Opening {
                starts_at: Instant::from_timestamp_millis(one.from)?,
                ends_at: Instant::from_timestamp_millis(one.until)?,
                before_ms: one.before,
            })
        };
        open.iter().filter_map(opening).collect()
    }
}

impl Open {
    fn worked_after(&self) -> i64 {
        self.before + (self.until - self.from)
    }
}

fn worked_before(open: &[Open], at: i64) -> i64 {
    let begun = open.partition_point(|one| one.from <= at);
    let last = begun.checked_sub(1).and_then(|place| open.get(place));
    last.map_or(0, |one| one.before + (at.min(one.until) - one.from))
}

/// Spans in order, those that overlap or touch as one.
fn joined(spans: &[Span]) -> Vec<Span> {
    let mut sorted = spans.to_vec();
    sorted.sort_unstable();
    let mut joined: Vec<Span> = Vec::with_capacity(sorted.len());
    for span in sorted {
        match joined.last_mut() {
            Some(last) if span.from <= last.until => last.until = last.until.max(span.until),
            _ => joined.push(span),
        }
    }
    joined
}

/// Days since 1970-01-01.
fn days(date: NaiveDate) -> i64 {
    date.signed_duration_since(NaiveDate::default()).num_days()
}

/// Milliseconds by which local time is ahead of UTC.
pub(super) fn offset(zone: Tz, at: i64) -> i64 {
    Instant::from_timestamp_millis(at).map_or(0, |at| {
        let offset = zone.offset_from_utc_datetime(&at.naive_utc()).fix();
        i64::from(offset.local_minus_utc()) * 1_000
    })
}

/// A stretch of time cut where clocks change: beginning, end, offset. No zone changes its clocks there and
/// back within a day.
pub(super) fn pieces(zone: Tz, from: i64, until: i64) -> Vec<(i64, i64, i64)> {
    let last = offset(zone, until - 1);
    let mut pieces = Vec::with_capacity(1);
    let mut at = from;
    while at < until {
        let own = offset(zone, at);
        let (mut inside, mut outside) = (at, until);
        if own == last {
            inside = until - 1;
        }
        while outside - inside > 1 {
            let middle = inside + (outside - inside) / 2;
            match offset(zone, middle) == own {
                true => inside = middle,
                false => outside = middle,
            }
        }
        pieces.push((at, outside, own));
        at = outside;
    }
    pieces
}

/// Collects business time in order.
struct Builder {
    week: Week,
    holidays: BTreeSet<i64>,
    open: Vec<Open>,
}

impl Builder {
    /// Adds what is business time of a stretch with one offset.
    fn add(&mut self, from: i64, until: i64, offset: i64) {
        let (from, until) = (from + offset, until + offset);
        for day in from.div_euclid(DAY)..=(until - 1).div_euclid(DAY) {
            if self.holidays.contains(&day) {
                continue;
            }
            let weekday = usize::try_from((day + FIRST_WEEKDAY).rem_euclid(7)).unwrap_or_default();
            let spans = self.week.get(weekday).map_or(&[][..], Vec::as_slice);
            for span in spans {
                let begin = from.max(day * DAY + span.from);
                let end = until.min(day * DAY + span.until);
                if begin < end {
                    push(&mut self.open, begin - offset, end - offset);
                }
            }
        }
    }
}

fn push(open: &mut Vec<Open>, from: i64, until: i64) {
    match open.last_mut() {
        Some(last) if last.until == from => last.until = until,
        last => {
            let before = last.map_or(0, |last| last.worked_after());
            open.push(Open {
                from,
                until,
                before,
            });
        }
    }
}

#[cfg(test)]
#[path = "schedule_tests.rs"]
mod schedule_tests;

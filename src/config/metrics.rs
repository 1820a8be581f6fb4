//! `[metrics]` of a configuration file: when the desk is open.

use std::collections::BTreeSet;
use std::str::FromStr;

use chrono::NaiveDate;
use chrono_tz::{TZ_VARIANTS, Tz};
use toml::Value;

use crate::error::{Error, Result};
use crate::metrics::schedule::{Span, Week};
use crate::settings::{Hours, MetricsSettings, WEEKDAYS};
use crate::spelling::nearest;

/// The section's name.
pub(super) const SECTION: &str = "metrics";

/// Its keys.
const KEYS: [&str; 3] = ["time_zone", "business_hours", "holidays"];

/// Hours of a desk that is always open.
const ALWAYS: &str = "24/7";

/// What one file says of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Section {
    time_zone: Option<Tz>,
    /// Inside, `None` is around the clock.
    business_hours: Option<Option<WrittenWeek>>,
    /// With the place where they stand.
    holidays: Option<(String, BTreeSet<NaiveDate>)>,
}

/// Spans of each weekday, and as they are written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct WrittenWeek {
    week: Week,
    written: [Vec<String>; 7],
}

impl Section {
    /// Reads the section that stands at `place`.
    ///
    /// # Errors
    /// A usage error that names the file, the key and the way out.
    pub(super) fn read(place: &str, value: Value) -> Result<Self> {
        let Value::Table(table) = value else {
            return Err(Error::usage(format!("{place}: not a section"))
                .help("write [metrics] on a line of its own, and its keys below"));
        };
        let mut section = Self::default();
        for (key, value) in table {
            let place = format!("{place}.{key}");
            match key.as_str() {
                "time_zone" => section.time_zone = Some(time_zone(&place, &value)?),
                "business_hours" => section.business_hours = Some(business_hours(&place, value)?),
                "holidays" => {
                    let dates = holidays(&place, &value)?;
                    section.holidays = Some((place, dates));
                }
                _ => return Err(unknown(&place, "key", &key, &KEYS)),
            }
        }
        Ok(section)
    }

    /// What it says, and where it says nothing, what `other` does.
    pub(super) fn or(self, other: Self) -> Self {
        Self {
            time_zone: self.time_zone.or(other.time_zone),
            business_hours: self.business_hours.or(other.business_hours),
            holidays: self.holidays.or(other.holidays),
        }
    }

    /// What is meant, of all files together.
    ///
    /// # Errors
    /// A usage error: holidays of a desk that is always open.
    pub(super) fn settings(self) -> Result<MetricsSettings> {
        let time_zone = self.time_zone.unwrap_or(Tz::UTC);
        let hours = match (self.business_hours.flatten(), self.holidays) {
            (Some(WrittenWeek { week, written }), holidays) => Some(Hours {
                week,
                written,
                holidays: holidays.map(|(_, dates)| dates).unwrap_or_default(),
            }),
            (None, Some((place, dates))) if !dates.is_empty() => {
                return Err(Error::usage(format!(
                    "{place}: a desk that is open 24/7 has no holidays"
                ))
                .help(
                    "say when it is open, such as business_hours = { mon = [\"00:00-24:00\"] } with each \
                     weekday, or take the line out",
                ));
            }
            (None, _) => None,
        };
        Ok(MetricsSettings {
            time_zone,
            hours,
            ..MetricsSettings::default()
        })
    }
}

pub(super) fn unknown(place: &str, what: &str, word: &str, known: &[&'static str]) -> Error {
    let meant = nearest(&word.replace('-', "_"), known.iter().copied());
    let help = match meant {
        Some(name) => format!("did you mean {name}?"),
        None => format!("write one of {}", known.join(", ")),
    };
    Error::usage(format!("{place}: unknown {what}")).help(help)
}

fn time_zone(place: &str, value: &Value) -> Result<Tz> {
    let example = "write a name of the IANA database, such as \"Europe/Berlin\"";
    let Some(name) = value.as_str() else {
        return Err(Error::usage(format!("{place}: not a text")).help(example));
    };
    Tz::from_str(name.trim()).map_err(|_| {
        let help = match nearest_zone(name.trim()) {
            Some(zone) => format!("did you mean {zone}?"),
            None => example.to_owned(),
        };
        Error::usage(format!("{place}: {name:?} is no time zone")).help(help)
    })
}

/// The zone that was probably meant: its name in another case, its city alone, or mistyped.
fn nearest_zone(name: &str) -> Option<&'static str> {
    let city = name.replace(' ', "_");
    let names = || TZ_VARIANTS.iter().map(|zone| zone.name());
    let is_city = |zone: &&str| {
        let last = zone.rsplit('/').next();
        last.is_some_and(|last| last.eq_ignore_ascii_case(&city))
    };
    names()
        .find(|zone| zone.eq_ignore_ascii_case(&city))
        .or_else(|| names().find(is_city))
        .or_else(|| nearest(&city, names()))
}

/// `None` around the clock.
fn business_hours(place: &str, value: Value) -> Result<Option<WrittenWeek>> {
    let help = "write \"24/7\", or the weekdays on which the desk is open: \
        business_hours = { mon = [\"09:00-17:00\"], tue = [\"09:00-17:00\"] }";
    let days = match value {
        Value::String(text) if text.trim() == ALWAYS => return Ok(None),
        Value::Table(days) if !days.is_empty() => days,
        _ => return Err(Error::usage(format!("{place}: no hours of weekdays")).help(help)),
    };
    let mut hours = WrittenWeek::default();
    for (day, value) in days {
        let place = format!("{place}.{day}");
        let Some(number) = WEEKDAYS.iter().position(|known| *known == day) else {
            // Monday, Mon and mo mean mon.
            let short: String = day.to_lowercase().chars().take(2).collect();
            let meant = WEEKDAYS.iter().find(|known| known.starts_with(&short));
            let help = match meant {
                Some(meant) if short.len() == 2 => format!("did you mean {meant}?"),
                _ => format!("write one of {}", WEEKDAYS.join(", ")),
            };
            return Err(Error::usage(format!("{place}: unknown weekday")).help(help));
        };
        let (spans, written) = spans(&place, &value)?;
        if let (Some(week), Some(words)) =
            (hours.week.get_mut(number), hours.written.get_mut(number))
        {
            *week = spans;
            *words = written;
        }
    }
    Ok(Some(hours))
}

/// The spans of a day in order, and as they are written.
fn spans(place: &str, value: &Value) -> Result<(Vec<Span>, Vec<String>)> {
    let example =
        "write times of day such as [\"09:00-12:30\", \"13:30-17:00\"]; [] where it is closed";
    let single = [value.clone()];
    let items = match value {
        Value::Array(items) => items.as_slice(),
        _ => &single,
    };
    let mut spans: Vec<(Span, String)> = Vec::new();
    for item in items {
        let text = item
            .as_str()
            .ok_or_else(|| Error::usage(format!("{place}: not a text")).help(example))?;
        spans.push((span(place, text, example)?, written(text)));
    }
    spans.sort();
    for pair in spans.windows(2) {
        // Times of two digits each compare as texts do.
        if let [(_, one), (_, other)] = pair
            && let (Some((_, until)), Some((from, _))) =
                (one.split_once('-'), other.split_once('-'))
            && from < until
        {
            return Err(Error::usage(format!("{place}: {one} and {other} overlap"))
                .help("write each time of day once"));
        }
    }
    Ok(spans.into_iter().unzip())
}

fn span(place: &str, text: &str, example: &str) -> Result<Span> {
    if let Some(span) = Span::parse(text) {
        return Ok(span);
    }
    let ends = written(text);
    if let Some((from, until)) = ends.split_once('-')
        && from >= until
        // Each of the two is a time of day.
        && Span::parse(&format!("{from}-24:00")).is_some()
        && (until == "00:00" || Span::parse(&format!("00:00-{until}")).is_some())
    {
        let help = format!(
            "one that goes past midnight is two: {from}-24:00 and, on the next day, 00:00-{until}"
        );
        return Err(Error::usage(format!("{place}: {text:?} ends before it begins")).help(help));
    }
    Err(Error::usage(format!("{place}: {text:?} is no span of a day")).help(example))
}

/// A span without blanks.
fn written(text: &str) -> String {
    text.chars().filter(|char| !char.is_whitespace()).collect()
}

fn holidays(place: &str, value: &Value) -> Result<BTreeSet<NaiveDate>> {
    let example = "write dates such as [\"2026-12-25\"]";
    let Value::Array(items) = value else {
        return Err(Error::usage(format!("{place}: not a list")).help(example));
    };
    let date = |item: &Value| {
        let text = match item {
            Value::String(text) => text.trim().to_owned(),
            Value::Datetime(date) => date.to_string(),
            other => other.to_string(),
        };
        let is_whole = text.len() == "2026-12-25".len();
        NaiveDate::parse_from_str(&text, "%Y-%m-%d")
            .ok()
            .filter(|_| is_whole)
            .ok_or_else(|| Error::usage(format!("{place}: {text:?} is no date")).help(example))
    };
    items.iter().map(date).collect()
}

#[cfg(test)]
#[path = "metrics_tests.rs"]
mod tests;

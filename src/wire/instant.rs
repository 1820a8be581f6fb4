//! Instants as the wire writes them.

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, Utc};

use crate::table::{Instant, OLDEST_DESK_MS, parse_instant};

/// Cuts to the millisecond; `None` outside the years 0 to 9999, whose text would not sort.
fn fit(instant: Instant) -> Option<Instant> {
    from_millis(instant.timestamp_millis())
}

/// The instant `millis` after 1970, within the years 0 to 9999.
pub(crate) fn from_millis(millis: i64) -> Option<Instant> {
    Instant::from_timestamp_millis(millis).filter(|instant| (0..=9999).contains(&instant.year()))
}

/// 2100, in milliseconds since 1970.
const END_MS: i64 = 4_102_444_800_000;

/// The instant that a number means: milliseconds since 1970, or seconds.
pub(crate) fn from_number(number: i64) -> Option<Instant> {
    match seconds(number) {
        Some(millis) => from_millis(millis),
        None => from_millis(number),
    }
}

/// The milliseconds of a number that can only count seconds: as milliseconds it would lead to before any desk, and as seconds it
/// leads to [2010, 2100).
fn seconds(number: i64) -> Option<i64> {
    (OLDEST_DESK_MS / 1_000..END_MS / 1_000)
        .contains(&number)
        .then(|| number * 1_000)
}

/// The instant that digits mean, with a fraction or without, if it lies in [2010, 2100): a day or a
/// year may be written in digits too. Precision below a millisecond is cut off.
pub(crate) fn from_digits(text: &str) -> Option<Instant> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_digits(whole) || !is_digits(fraction) {
        return None;
    }
    let number: i64 = whole.parse().ok()?;
    let millis = match seconds(number) {
        Some(millis) => {
            let thousandths: String = fraction.chars().chain("000".chars()).take(3).collect();
            millis + thousandths.parse::<i64>().ok()?
        }
        None => Some(number).filter(|millis| (OLDEST_DESK_MS..END_MS).contains(millis))?,
    };
    from_millis(millis)
}

/// The instant `millis` after `instant`, within the years 0 to 9999.
pub(crate) fn after(instant: Instant, millis: i64) -> Option<Instant> {
    from_millis(instant.timestamp_millis().checked_add(millis)?)
}

/// Reads an ISO 8601 instant with or without a fraction and an offset, or a date; without an
/// offset it is UTC. Precision below a millisecond is cut off.
pub(crate) fn parse(text: &str) -> Option<Instant> {
    usual(text)
        .or_else(|| parse_instant(text))
        .or_else(|| unusual(text))
        .and_then(fit)
}

/// `2026-01-31T09:05:00.123Z`, the form of nearly every instant, read without a general parser.
/// Nothing else is: one instant has one such text.
pub(crate) fn usual(text: &str) -> Option<Instant> {
    let &[
        y1,
        y2,
        y3,
        y4,
        b'-',
        m1,
        m2,
        b'-',
        d1,
        d2,
        b'T',
        ref time @ ..,
    ] = text.as_bytes()
    else {
        return None;
    };
    let &[h1, h2, b':', n1, n2, b':', s1, s2, b'.', f1, f2, f3, b'Z'] = time else {
        return None;
    };
    let year = i32::try_from(digits(&[y1, y2, y3, y4])?).ok()?;
    NaiveDate::from_ymd_opt(year, digits(&[m1, m2])?, digits(&[d1, d2])?)?
        .and_hms_milli_opt(
            digits(&[h1, h2])?,
            digits(&[n1, n2])?,
            digits(&[s1, s2])?,
            digits(&[f1, f2, f3])?,
        )
        .map(|naive| naive.and_utc())
}

fn digits(ascii: &[u8]) -> Option<u32> {
    ascii.iter().try_fold(0, |number, digit| {
        digit
            .is_ascii_digit()
            .then(|| number * 10 + u32::from(digit - b'0'))
    })
}

fn unusual(text: &str) -> Option<Instant> {
    let with_offset = |form| {
        DateTime::parse_from_str(text, form)
            .ok()
            .map(|instant| instant.with_timezone(&Utc))
    };
    let without_offset = |form| {
        NaiveDateTime::parse_from_str(text, form)
            .ok()
            .map(|naive| naive.and_utc())
    };
    with_offset("%Y-%m-%dT%H:%M:%S%.f%z")
        .or_else(|| without_offset("%Y-%m-%dT%H:%M:%S%.f"))
        .or_else(|| without_offset("%Y-%m-%d %H:%M:%S%.f"))
        .or_else(|| {
            NaiveDate::parse_from_str(text, "%Y-%m-%d")
                .ok()?
                .and_hms_opt(0, 0, 0)
                .map(|naive| naive.and_utc())
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::instant_text;
    use proptest::prelude::*;

    #[test]
    fn a_number_that_no_instant_has_is_none_however_large() {
        for number in [i64::MIN, i64::MIN / 1_000, 65_992_215_793_478_584, i64::MAX] {
            assert_eq!(from_number(number), None, "{number}");
            assert_eq!(from_digits(&number.to_string()), None, "{number}");
        }
        let second = from_number(END_MS / 1_000 - 1).map(instant_text);
        assert_eq!(second.as_deref(), Some("2099-12-31T23:59:59.000Z"));
    }

    #[test]
    fn every_usual_form_is_read() {
        for (text, expected) in [
            ("2026-01-31T09:05:00.123Z", "2026-01-31T09:05:00.123Z"),
            ("2026-01-31T09:05:00Z", "2026-01-31T09:05:00.000Z"),
            ("2026-01-31T09:05:00.1239Z", "2026-01-31T09:05:00.123Z"),
            ("2026-01-31T09:05:00.123456789Z", "2026-01-31T09:05:00.123Z"),
            ("2026-01-31T11:05:00.123+02:00", "2026-01-31T09:05:00.123Z"),
            ("2026-01-31T11:05:00+0200", "2026-01-31T09:05:00.000Z"),
            ("2026-01-31T09:05:00", "2026-01-31T09:05:00.000Z"),
            ("2026-01-31 09:05:00.5", "2026-01-31T09:05:00.500Z"),
            ("2026-01-31", "2026-01-31T00:00:00.000Z"),
            ("2016-12-31T23:59:60.000Z", "2017-01-01T00:00:00.000Z"),
            ("0000-01-01T00:00:00.000Z", "0000-01-01T00:00:00.000Z"),
            ("9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(
                parse(text).map(instant_text).as_deref(),
                Some(expected),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_instant_or_outside_the_years_0_to_9999_is_not_read() {
        for text in [
            "",
            "soon",
            "2026-02-30T00:00:00.000Z",
            "2026-01-31T25:00:00.000Z",
            "31/01/2026",
            "1769850300123",
            "0000-01-01T00:00:00+02:00",
            "9999-12-31T23:59:59-02:00",
            "+12026-01-31T00:00:00.000Z",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(from_millis(i64::MAX), None);
        assert_eq!(from_millis(253_402_300_800_000), None);
    }

    #[test]
    fn seconds_are_told_from_milliseconds() {
        for (text, expected) in [
            ("1769850300123", Some("2026-01-31T09:05:00.123Z")),
            ("1769850300", Some("2026-01-31T09:05:00.000Z")),
            ("1262304000", Some("2010-01-01T00:00:00.000Z")),
            ("4102444799", Some("2099-12-31T23:59:59.000Z")),
            ("1769850300.1239", Some("2026-01-31T09:05:00.123Z")),
            ("1769850300.5", Some("2026-01-31T09:05:00.500Z")),
            ("1769850300123.9", Some("2026-01-31T09:05:00.123Z")),
            ("1262303999", None),
            ("4102444800", None),
            ("2026", None),
            ("20260131", None),
            ("20260131090500", None),
            ("-1769850300", None),
            ("", None),
            (".5", None),
        ] {
            assert_eq!(
                from_digits(text).map(instant_text).as_deref(),
                expected,
                "{text}"
            );
        }
        for (number, expected) in [
            (1_769_850_300, "2026-01-31T09:05:00.000Z"),
            (1_769_850_300_123, "2026-01-31T09:05:00.123Z"),
            (1_262_303_999, "1970-01-15T14:38:23.999Z"),
            (0, "1970-01-01T00:00:00.000Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(
                from_number(number).map(instant_text).as_deref(),
                Some(expected)
            );
        }
    }

    proptest! {
        #[test]
        fn the_short_way_agrees_with_the_general_parser(millis in -62_167_219_200_000i64..253_402_300_800_000) {
            let text = instant_text(from_millis(millis).expect("within the years"));
            prop_assert_eq!(usual(&text), parse_instant(&text));
            prop_assert_eq!(parse(&text).map(|instant| instant.timestamp_millis()), Some(millis));
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,30}") {
            let _ = parse(&text);
        }
    }
}

//! Instants as the wire writes them.

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, Utc};

use crate::table::{Instant, parse_instant};

/// Cuts to the millisecond; `None` outside the years 0 to 9999, whose text would not sort.
fn fit(instant: Instant) -> Option<Instant> {
    from_millis(instant.timestamp_millis())
}

/// The instant `millis` after 1970, within the years 0 to 9999.
pub(crate) fn from_millis(millis: i64) -> Option<Instant> {
    Instant::from_timestamp_millis(millis).filter(|instant| (0..=9999).contains(&instant.year()))
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

//! A row on its way from SQLite or Parquet into a file, borrowed from where it came.

use rusqlite::Row;
use rusqlite::types::ValueRef;

use crate::table::{Instant, Type, parse_instant};

/// One value, in Arrow's terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cell<'a> {
    Null,
    /// An integer, a boolean as 0 or 1, or an instant in milliseconds after 1970.
    Integer(i64),
    Text(&'a str),
}

/// The cells of a row, one a column.
pub(super) type Cells<'a> = Vec<Cell<'a>>;

/// A value that outlives where it came from.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Owned {
    Null,
    Integer(i64),
    Text(String),
}

impl Cell<'_> {
    pub(super) fn owned(self) -> Owned {
        match self {
            Self::Null => Owned::Null,
            Self::Integer(number) => Owned::Integer(number),
            Self::Text(text) => Owned::Text(text.to_owned()),
        }
    }
}

impl Owned {
    pub(super) fn cell(&self) -> Cell<'_> {
        match self {
            Self::Null => Cell::Null,
            Self::Integer(number) => Cell::Integer(*number),
            Self::Text(text) => Cell::Text(text),
        }
    }
}

/// The columns of a row as SQLite gives them.
///
/// # Errors
/// A value is not of its column's type, which only a hand other than ours can have brought about.
pub(super) fn from_sqlite<'r>(row: &'r Row<'_>, kinds: &[Type]) -> rusqlite::Result<Cells<'r>> {
    let read = |(index, kind): (usize, &Type)| {
        let value = row.get_ref(index)?;
        read(value, *kind).ok_or_else(|| {
            let error = format!("the value is no {}", kind.word());
            rusqlite::Error::FromSqlConversionFailure(index, value.data_type(), error.into())
        })
    };
    kinds.iter().enumerate().map(read).collect()
}

fn read(value: ValueRef<'_>, kind: Type) -> Option<Cell<'_>> {
    match (value, kind) {
        (ValueRef::Null, _) => Some(Cell::Null),
        (ValueRef::Integer(number), Type::Integer) => Some(Cell::Integer(number)),
        (ValueRef::Integer(number @ 0..=1), Type::Boolean) => Some(Cell::Integer(number)),
        (ValueRef::Text(text), Type::Instant) => millis(text).map(Cell::Integer),
        (ValueRef::Text(text), Type::Id | Type::Enumeration | Type::Text | Type::Json) => {
            std::str::from_utf8(text).ok().map(Cell::Text)
        }
        _ => None,
    }
}

/// The store's text of an instant as milliseconds after 1970. There are millions of them, so the
/// form that [`instant_text`](crate::table::instant_text) writes is read without a general parser.
pub(super) fn millis(text: &[u8]) -> Option<i64> {
    usual(text).or_else(|| {
        let text = std::str::from_utf8(text).ok()?;
        parse_instant(text).map(|instant: Instant| instant.timestamp_millis())
    })
}

fn usual(text: &[u8]) -> Option<i64> {
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
        h1,
        h2,
        b':',
        n1,
        n2,
        b':',
        s1,
        s2,
        b'.',
        f1,
        f2,
        f3,
        b'Z',
    ] = text
    else {
        return None;
    };
    let year = number(&[y1, y2, y3, y4])?;
    let month = number(&[m1, m2]).filter(|month| (1..=12).contains(month))?;
    let day = number(&[d1, d2]).filter(|day| (1..=31).contains(day))?;
    let hour = number(&[h1, h2]).filter(|hour| *hour < 24)?;
    let minute = number(&[n1, n2]).filter(|minute| *minute < 60)?;
    let second = number(&[s1, s2]).filter(|second| *second < 60)?;
    let milli = number(&[f1, f2, f3])?;
    let seconds = ((days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
    Some(seconds * 1000 + milli)
}

fn number(ascii: &[u8]) -> Option<i64> {
    ascii.iter().try_fold(0, |number, digit| {
        digit
            .is_ascii_digit()
            .then(|| number * 10 + i64::from(digit - b'0'))
    })
}

/// Days from 1970-01-01 to a date of the Gregorian calendar
/// (<https://howardhinnant.github.io/date_algorithms.html#days_from_civil>).
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::table::instant_text;

    proptest! {
        #[test]
        fn an_instant_of_the_store_is_read_as_it_was_written(
            ms in -62_167_219_200_000i64..253_402_300_800_000,
        ) {
            let text = instant_text(Instant::from_timestamp_millis(ms).expect("in range"));
            prop_assert_eq!(usual(text.as_bytes()), Some(ms));
            prop_assert_eq!(millis(text.as_bytes()), Some(ms));
        }
    }

    #[test]
    fn what_is_no_instant_is_none() {
        for wrong in [
            "",
            "2026-01-31",
            "2026-13-01T00:00:00.000Z",
            "2026-01-01T24:00:00.000Z",
        ] {
            assert_eq!(millis(wrong.as_bytes()), None, "{wrong}");
        }
        assert_eq!(millis(b"1970-01-01T01:00:00.5+01:00"), Some(500));
    }
}

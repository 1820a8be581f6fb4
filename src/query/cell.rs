//! A value of an answer, as it is given: texts as texts, bytes in hexadecimal, and cut where that was
//! asked for. What is not given as it is stored is counted.

use std::borrow::Cow;

use rusqlite::types::ValueRef;

/// NULL in a table.
const NULL: &str = "NULL";

/// Stands at the end of what was cut.
const CUT: char = '…';

/// A value as it is given.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell<'a> {
    Null,
    Integer(i64),
    Real(f64),
    /// Text, and bytes in hexadecimal.
    Text(Cow<'a, str>),
}

/// How many cells are not as they are stored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Altered {
    /// Cut at the limit.
    pub(super) cut: u64,
    /// Texts with bytes in them that are not UTF-8.
    pub(super) not_utf8: u64,
}

impl<'a> Cell<'a> {
    /// A value with at most so many characters.
    pub(super) fn new(value: ValueRef<'a>, most: Option<usize>, altered: &mut Altered) -> Self {
        let text = match value {
            ValueRef::Null => return Self::Null,
            ValueRef::Integer(number) => return Self::Integer(number),
            ValueRef::Real(number) => return Self::Real(number),
            ValueRef::Text(bytes) => String::from_utf8_lossy(bytes),
            ValueRef::Blob(bytes) => {
                // One byte more than can be shown tells that it is cut.
                let shown = most.map_or(bytes.len(), |most| bytes.len().min(most / 2 + 1));
                Cow::Owned(hex(bytes.get(..shown).unwrap_or_default()))
            }
        };
        if matches!((&text, value), (Cow::Owned(_), ValueRef::Text(_))) {
            altered.not_utf8 += 1;
        }
        let end = most.and_then(|most| Some(text.char_indices().nth(most)?.0));
        Self::Text(match end {
            None => text,
            Some(end) => {
                altered.cut += 1;
                Cow::Owned(format!("{}{CUT}", text.get(..end).unwrap_or_default()))
            }
        })
    }

    /// As text; `None` for NULL.
    pub(super) fn text(&self) -> Option<Cow<'_, str>> {
        Some(match self {
            Self::Null => return None,
            Self::Integer(number) => number.to_string().into(),
            Self::Real(number) => real(*number).into(),
            Self::Text(text) => Cow::Borrowed(text),
        })
    }

    /// As a person reads it.
    pub(super) fn plain(&self) -> String {
        self.text().map_or_else(|| NULL.to_owned(), Cow::into_owned)
    }

    /// As JSON.
    pub(super) fn json(&self) -> serde_json::Value {
        match self {
            Self::Null => serde_json::Value::Null,
            Self::Integer(number) => (*number).into(),
            Self::Real(number) if number.is_finite() => (*number).into(),
            // JSON has no such number.
            Self::Real(number) => real(*number).into(),
            Self::Text(text) => text.as_ref().into(),
        }
    }
}

/// A real number with a point or an exponent, so that it is told from an integer, and with no more
/// digits than it takes to read the same one again.
fn real(number: f64) -> String {
    if number.is_finite() {
        format!("{number:?}")
    } else if number > 0.0 {
        "Infinity".to_owned()
    } else {
        "-Infinity".to_owned()
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(value: ValueRef<'_>, most: Option<usize>) -> (String, Altered) {
        let mut altered = Altered::default();
        let text = Cell::new(value, most, &mut altered).plain();
        (text, altered)
    }

    #[test]
    fn what_is_not_given_as_it_is_stored_is_counted() {
        let text = |text: &'static str| ValueRef::Text(text.as_bytes());
        for (value, most, expected, cut, not_utf8) in [
            (text("äöü"), None, "äöü", 0, 0),
            (text("äöü"), Some(3), "äöü", 0, 0),
            (text("äöü"), Some(2), "äö…", 1, 0),
            (text(""), Some(1), "", 0, 0),
            (ValueRef::Text(b"a\xffb"), None, "a\u{fffd}b", 0, 1),
            (ValueRef::Text(b"a\xffb"), Some(1), "a…", 1, 1),
            (ValueRef::Blob(&[0, 255]), None, "00ff", 0, 0),
            (ValueRef::Blob(&[0, 255]), Some(4), "00ff", 0, 0),
            (ValueRef::Blob(&[0, 255]), Some(3), "00f…", 1, 0),
            (ValueRef::Blob(&[0; 1000]), Some(2), "00…", 1, 0),
            // A number that is cut would be another number.
            (ValueRef::Integer(123_456), Some(2), "123456", 0, 0),
            (
                ValueRef::Real(0.1 + 0.2),
                Some(2),
                "0.30000000000000004",
                0,
                0,
            ),
            (ValueRef::Null, Some(2), "NULL", 0, 0),
        ] {
            let (found, altered) = cell(value, most);
            assert_eq!(found, expected);
            assert_eq!(altered, Altered { cut, not_utf8 }, "{expected}");
        }
    }
}

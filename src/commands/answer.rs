//! The answer to a query as CSV or JSON, row by row.

use std::collections::HashSet;

use rusqlite::types::ValueRef;

use crate::error::{Error, Result};
use crate::redact;

/// NULL in a table.
const NULL: &str = "NULL";

/// What is written of an answer and not yet taken.
pub(super) struct Answer {
    form: Form,
    bytes: Vec<u8>,
}

enum Form {
    Csv,
    Json {
        /// The columns as JSON strings.
        names: Vec<String>,
        has_rows: bool,
    },
}

impl Answer {
    /// Comma-separated, the columns' names first. NULL is an empty field and an empty text a quoted
    /// one; in an answer of one column both are quoted, since readers skip empty lines.
    pub(super) fn csv(columns: &[String]) -> Self {
        let mut answer = Self {
            form: Form::Csv,
            bytes: Vec::new(),
        };
        answer.record(columns.iter().map(|column| Some(column.clone())));
        answer
    }

    /// An array with an object a row, each on a line of its own, what is hidden in texts escaped. Columns of one name are told apart
    /// by a number: an object has each key once.
    pub(super) fn json(columns: &[String]) -> Result<Self> {
        let names = distinct(columns);
        let names = names.iter().map(|name| {
            serde_json::to_string(name).map(|name| redact::escape_hidden(&name).into_owned())
        });
        Ok(Self {
            form: Form::Json {
                names: names
                    .collect::<serde_json::Result<_>>()
                    .map_err(unwritten)?,
                has_rows: false,
            },
            bytes: b"[".to_vec(),
        })
    }

    /// Adds a row.
    pub(super) fn row(&mut self, cells: &[ValueRef<'_>]) -> Result<()> {
        let (names, has_rows) = match &mut self.form {
            Form::Csv => {
                self.record(cells.iter().map(|cell| plain(*cell)));
                return Ok(());
            }
            Form::Json { names, has_rows } => (names, has_rows),
        };
        let before: &[u8] = if *has_rows { b",\n{" } else { b"\n{" };
        *has_rows = true;
        self.bytes.extend_from_slice(before);
        for (index, (name, cell)) in names.iter().zip(cells).enumerate() {
            if index > 0 {
                self.bytes.extend_from_slice(b", ");
            }
            self.bytes.extend_from_slice(name.as_bytes());
            self.bytes.extend_from_slice(b": ");
            let value = serde_json::to_string(&json(*cell)).map_err(unwritten)?;
            self.bytes
                .extend_from_slice(redact::escape_hidden(&value).as_bytes());
        }
        self.bytes.push(b'}');
        Ok(())
    }

    /// Bytes not yet taken.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// What is written so far.
    pub(super) fn take(&mut self) -> Result<String> {
        String::from_utf8(std::mem::take(&mut self.bytes)).map_err(unwritten)
    }

    /// What is left, to the end of the answer.
    pub(super) fn end(mut self) -> Result<String> {
        if let Form::Json { has_rows, .. } = self.form {
            let end: &[u8] = if has_rows { b"\n]\n" } else { b"]\n" };
            self.bytes.extend_from_slice(end);
        }
        self.take()
    }

    /// A line of fields (<https://www.rfc-editor.org/rfc/rfc4180>); `None` for NULL.
    fn record(&mut self, fields: impl ExactSizeIterator<Item = Option<String>>) {
        let is_alone = fields.len() == 1;
        for (index, field) in fields.enumerate() {
            if index > 0 {
                self.bytes.push(b',');
            }
            match field {
                None if !is_alone => {}
                None => self.bytes.extend_from_slice(b"\"\""),
                Some(text) if text.is_empty() || text.contains([',', '"', '\n', '\r']) => {
                    let quoted = text.replace('"', "\"\"");
                    self.bytes.push(b'"');
                    self.bytes.extend_from_slice(quoted.as_bytes());
                    self.bytes.push(b'"');
                }
                Some(text) => self.bytes.extend_from_slice(text.as_bytes()),
            }
        }
        self.bytes.push(b'\n');
    }
}

/// `id`, `id_1`, `id_2` where all three are called `id`.
fn distinct(columns: &[String]) -> Vec<String> {
    let mut taken: HashSet<String> = columns.iter().cloned().collect();
    let mut seen = HashSet::new();
    columns
        .iter()
        .map(|column| match seen.insert(column) {
            true => column.clone(),
            false => (1..)
                .map(|number: u32| format!("{column}_{number}"))
                .find(|name| taken.insert(name.clone()))
                .unwrap_or_else(|| column.clone()),
        })
        .collect()
}

/// A value as a person reads it.
pub(super) fn text(value: ValueRef<'_>) -> String {
    plain(value).unwrap_or_else(|| NULL.to_owned())
}

/// A value as text; `None` for NULL.
fn plain(value: ValueRef<'_>) -> Option<String> {
    Some(match value {
        ValueRef::Null => return None,
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => real(number),
        ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
        ValueRef::Blob(bytes) => hex(bytes),
    })
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

fn json(value: ValueRef<'_>) -> serde_json::Value {
    match value {
        ValueRef::Null => serde_json::Value::Null,
        ValueRef::Integer(number) => number.into(),
        ValueRef::Real(number) if number.is_finite() => number.into(),
        // JSON has no such number.
        ValueRef::Real(number) => real(number).into(),
        ValueRef::Text(text) => String::from_utf8_lossy(text).into(),
        ValueRef::Blob(bytes) => hex(bytes).into(),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unwritten(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::failed("the answer cannot be written").because(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROWS: [[ValueRef<'_>; 3]; 2] = [
        [
            ValueRef::Integer(-7),
            ValueRef::Text("a, \"b\"\nc".as_bytes()),
            ValueRef::Null,
        ],
        [
            ValueRef::Real(0.5),
            ValueRef::Text("\u{1b}[31m\u{9b}\u{202e}".as_bytes()),
            ValueRef::Blob(&[0, 255]),
        ],
    ];

    fn whole(mut answer: Answer) -> String {
        for row in ROWS {
            answer.row(&row).expect("a row");
        }
        answer.end().expect("an end")
    }

    fn columns() -> Vec<String> {
        ["n", "text", "x y"].map(str::to_owned).into()
    }

    #[test]
    fn columns_of_one_name_are_told_apart() {
        let names = ["id", "id_1", "id", "n", "id"].map(str::to_owned);
        assert_eq!(distinct(&names), ["id", "id_1", "id_2", "n", "id_3"]);
    }

    #[test]
    fn csv_quotes_what_needs_it() {
        assert_eq!(
            whole(Answer::csv(&columns())),
            "n,text,x y\n-7,\"a, \"\"b\"\"\nc\",\n0.5,\u{1b}[31m\u{9b}\u{202e},00ff\n"
        );
    }

    /// A row of these cells after one of names.
    fn csv_of(cells: &[ValueRef<'_>]) -> String {
        let names: Vec<String> = cells.iter().map(|_| "c".to_owned()).collect();
        let mut answer = Answer::csv(&names);
        answer.row(cells).expect("a row");
        let text = answer.end().expect("an end");
        text.split_once('\n').expect("a line").1.to_owned()
    }

    #[test]
    fn null_is_told_from_an_empty_text() {
        let (null, empty) = (ValueRef::Null, ValueRef::Text(b""));
        assert_eq!(csv_of(&[null, empty, null]), ",\"\",\n");
        // Readers skip an empty line.
        assert_eq!(csv_of(&[null]), "\"\"\n");
        assert_eq!((text(null), text(empty)), ("NULL".into(), String::new()));
    }

    #[test]
    fn a_real_is_told_from_an_integer_and_infinity_from_null() {
        for (number, written) in [
            (1.0, "1.0"),
            (-0.0, "-0.0"),
            (0.1 + 0.2, "0.30000000000000004"),
            (1e300, "1e300"),
            (1e-7, "1e-7"),
            (f64::INFINITY, "Infinity"),
            (f64::NEG_INFINITY, "-Infinity"),
        ] {
            let value = ValueRef::Real(number);
            assert_eq!(text(value), written);
            assert_eq!(csv_of(&[value]), format!("{written}\n"));
            assert_eq!(written.parse(), Ok(number));
            match json(value) {
                serde_json::Value::String(text) => assert_eq!(text, written),
                json => {
                    assert!(json.is_f64() && json.to_string().contains(['.', 'e']));
                    assert_eq!(json.as_f64(), Some(number));
                }
            }
        }
        assert_eq!(text(ValueRef::Integer(1)), "1");
    }

    #[test]
    fn json_is_an_array_with_a_row_a_line() {
        let answer = Answer::json(&columns()).expect("columns");
        let text = whole(answer);
        let value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(value[0]["text"], "a, \"b\"\nc");
        assert_eq!(value[0]["x y"], serde_json::Value::Null);
        assert_eq!(value[1]["n"], 0.5);
        assert_eq!(value[1]["text"], "\u{1b}[31m\u{9b}\u{202e}");
        assert!(text.contains("\\u009b\\u202e"), "{text}");
        assert_eq!(text.lines().count(), 4);
        let none = Answer::json(&columns()).and_then(Answer::end);
        assert_eq!(none.expect("an end"), "[]\n");
    }
}

//! The answer to a query as CSV or JSON, row by row.

use std::collections::HashSet;

use rusqlite::types::ValueRef;

use crate::error::{Error, Result};

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
    /// Comma-separated, the columns' names first; NULL is an empty field.
    pub(super) fn csv(columns: &[String]) -> Result<Self> {
        let mut answer = Self {
            form: Form::Csv,
            bytes: Vec::new(),
        };
        answer.record(columns.iter().map(String::as_bytes))?;
        Ok(answer)
    }

    /// An array with an object a row, each on a line of its own. Columns of one name are told apart
    /// by a number: an object has each key once.
    pub(super) fn json(columns: &[String]) -> Result<Self> {
        let names = distinct(columns);
        let names = names.iter().map(serde_json::to_string);
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
                let texts: Vec<Vec<u8>> = cells.iter().map(|cell| bytes(*cell)).collect();
                return self.record(texts.iter().map(Vec::as_slice));
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
            serde_json::to_writer(&mut self.bytes, &json(*cell)).map_err(unwritten)?;
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

    fn record<'a>(&mut self, fields: impl Iterator<Item = &'a [u8]>) -> Result<()> {
        let mut writer = csv::Writer::from_writer(&mut self.bytes);
        writer.write_record(fields).map_err(unwritten)?;
        writer.flush().map_err(unwritten)
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

/// A value as a person reads it; NULL is nothing.
pub(super) fn text(value: ValueRef<'_>) -> String {
    String::from_utf8_lossy(&bytes(value)).into_owned()
}

fn bytes(value: ValueRef<'_>) -> Vec<u8> {
    match value {
        ValueRef::Null => Vec::new(),
        ValueRef::Integer(number) => number.to_string().into_bytes(),
        ValueRef::Real(number) => number.to_string().into_bytes(),
        ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned().into_bytes(),
        ValueRef::Blob(bytes) => hex(bytes).into_bytes(),
    }
}

fn json(value: ValueRef<'_>) -> serde_json::Value {
    match value {
        ValueRef::Null => serde_json::Value::Null,
        ValueRef::Integer(number) => number.into(),
        ValueRef::Real(number) => number.into(),
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
            ValueRef::Text("\u{1b}[31m".as_bytes()),
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
        let answer = Answer::csv(&columns()).expect("columns");
        assert_eq!(
            whole(answer),
            "n,text,x y\n-7,\"a, \"\"b\"\"\nc\",\n0.5,\u{1b}[31m,00ff\n"
        );
    }

    #[test]
    fn json_is_an_array_with_a_row_a_line() {
        let answer = Answer::json(&columns()).expect("columns");
        let text = whole(answer);
        let value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(value[0]["text"], "a, \"b\"\nc");
        assert_eq!(value[0]["x y"], serde_json::Value::Null);
        assert_eq!(value[1]["n"], 0.5);
        assert_eq!(text.lines().count(), 4);
        let none = Answer::json(&columns()).and_then(Answer::end);
        assert_eq!(none.expect("an end"), "[]\n");
    }
}

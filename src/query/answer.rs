//! The answer to a query as CSV, JSON or NDJSON, row by row.

use std::borrow::Cow;
use std::collections::HashSet;

use crate::error::{Error, Result};
use crate::redact;
use crate::settings::AnswerForm;

use super::cell::Cell;

/// What spreadsheets take for the beginning of a formula, or leave out before one.
const FORMULA: [char; 11] = [
    '=', '+', '-', '@', '\t', '\r', '\n', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}',
];

/// What spreadsheets show as it is, without this sign.
const LITERAL: char = '\'';

/// What is written of an answer and not yet taken.
pub(super) struct Answer {
    form: Form,
    bytes: Vec<u8>,
}

enum Form {
    Csv {
        is_safe: bool,
    },
    Json {
        /// The columns as JSON strings.
        names: Vec<String>,
        /// `false`: an object a line.
        is_array: bool,
        has_rows: bool,
    },
}

impl Answer {
    /// An answer with these columns; `None` of a form for people.
    pub(super) fn new(form: AnswerForm, columns: &[String]) -> Result<Option<Self>> {
        Ok(match form {
            AnswerForm::Table => None,
            AnswerForm::Csv { is_safe } => Some(Self::csv(columns, is_safe)),
            AnswerForm::Json => Some(Self::json(columns, true)?),
            AnswerForm::Ndjson => Some(Self::json(columns, false)?),
        })
    }

    /// Comma-separated, the columns' names first. NULL is an empty field and an empty text a quoted
    /// one; in an answer of one column both are quoted, since readers skip empty lines.
    fn csv(columns: &[String], is_safe: bool) -> Self {
        let mut answer = Self {
            form: Form::Csv { is_safe },
            bytes: Vec::new(),
        };
        let names = columns.iter().map(|name| Cell::Text(name.into()));
        answer.record(&names.collect::<Vec<_>>(), is_safe);
        answer
    }

    /// Objects, each on a line of its own, what is hidden in texts escaped. Columns of one name are
    /// told apart by a number: an object has each key once.
    fn json(columns: &[String], is_array: bool) -> Result<Self> {
        let names = distinct(columns);
        let names = names.iter().map(|name| {
            serde_json::to_string(name).map(|name| redact::escape_hidden(&name).into_owned())
        });
        Ok(Self {
            form: Form::Json {
                names: names
                    .collect::<serde_json::Result<_>>()
                    .map_err(unwritten)?,
                is_array,
                has_rows: false,
            },
            bytes: if is_array { b"[".to_vec() } else { Vec::new() },
        })
    }

    /// Adds a row.
    pub(super) fn row(&mut self, cells: &[Cell<'_>]) -> Result<()> {
        let (names, is_array, has_rows) = match &mut self.form {
            Form::Csv { is_safe } => {
                let is_safe = *is_safe;
                self.record(cells, is_safe);
                return Ok(());
            }
            Form::Json {
                names,
                is_array,
                has_rows,
            } => (names, *is_array, has_rows),
        };
        let before: &[u8] = match (is_array, *has_rows) {
            (true, true) => b",\n{",
            (true, false) => b"\n{",
            (false, _) => b"{",
        };
        *has_rows = true;
        self.bytes.extend_from_slice(before);
        for (index, (name, cell)) in names.iter().zip(cells).enumerate() {
            if index > 0 {
                self.bytes.extend_from_slice(b", ");
            }
            self.bytes.extend_from_slice(name.as_bytes());
            self.bytes.extend_from_slice(b": ");
            let value = serde_json::to_string(&cell.json()).map_err(unwritten)?;
            self.bytes
                .extend_from_slice(redact::escape_hidden(&value).as_bytes());
        }
        let after: &[u8] = if is_array { b"}" } else { b"}\n" };
        self.bytes.extend_from_slice(after);
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
        if let Form::Json {
            is_array: true,
            has_rows,
            ..
        } = self.form
        {
            let end: &[u8] = if has_rows { b"\n]\n" } else { b"]\n" };
            self.bytes.extend_from_slice(end);
        }
        self.take()
    }

    /// A line of fields (<https://www.rfc-editor.org/rfc/rfc4180>).
    fn record(&mut self, cells: &[Cell<'_>], is_safe: bool) {
        let is_alone = cells.len() == 1;
        for (index, cell) in cells.iter().enumerate() {
            if index > 0 {
                self.bytes.push(b',');
            }
            let field = match cell {
                Cell::Text(text) if is_safe => Some(literal(text)),
                cell => cell.text(),
            };
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

/// Text that no spreadsheet runs.
fn literal(text: &str) -> Cow<'_, str> {
    match text.starts_with(FORMULA) {
        true => Cow::Owned(format!("{LITERAL}{text}")),
        false => Cow::Borrowed(text),
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

fn unwritten(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::failed("the answer cannot be written").because(error)
}

#[cfg(test)]
#[path = "answer_tests.rs"]
mod tests;

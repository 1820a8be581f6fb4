//! Where an answer goes: onto stdout or into a file, in its form and within its limits. What is left
//! out is told.

use rusqlite::types::ValueRef;

use super::answer::Answer;
use super::cell::{Altered, Cell};
use super::guard::Watch;
use super::output::Output;
use crate::error::Result;
use crate::settings::Query;
use crate::terminal::{Printer, counted};

/// Bytes that are gathered before they are written.
const CHUNK: usize = 64 << 10;

/// Takes an answer row by row.
pub(super) struct Sink<'a> {
    printer: &'a Printer,
    watch: &'a Watch,
    output: Option<Output>,
    form: Form,
    max_rows: Option<usize>,
    max_cell: Option<usize>,
    rows: usize,
    has_more_rows: bool,
    altered: Altered,
    is_gone: bool,
}

enum Form {
    Table {
        columns: Vec<String>,
        rows: Vec<Vec<String>>,
    },
    Stream(Answer),
}

/// What a sink wants next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    Row,
    /// The limit is reached, or nobody reads any more.
    End,
}

impl<'a> Sink<'a> {
    /// One for an answer with these columns.
    pub(super) fn new(
        asked: &Query,
        columns: Vec<String>,
        output: Option<Output>,
        watch: &'a Watch,
        printer: &'a Printer,
    ) -> Result<Self> {
        Ok(Self {
            printer,
            watch,
            output,
            form: match Answer::new(asked.form, &columns)? {
                Some(answer) => Form::Stream(answer),
                None => Form::Table {
                    columns,
                    rows: Vec::new(),
                },
            },
            max_rows: asked.max_rows,
            max_cell: asked.max_cell,
            rows: 0,
            has_more_rows: false,
            altered: Altered::default(),
            is_gone: false,
        })
    }

    /// Takes a row, unless there were enough.
    pub(super) fn row(&mut self, values: &[ValueRef<'_>]) -> Result<Next> {
        if self.max_rows.is_some_and(|most| self.rows >= most) {
            self.has_more_rows = true;
            return Ok(Next::End);
        }
        self.rows += 1;
        let altered = &mut self.altered;
        let cells = values
            .iter()
            .map(|value| Cell::new(*value, self.max_cell, altered))
            .collect::<Vec<_>>();
        match &mut self.form {
            Form::Table { rows, .. } => rows.push(cells.iter().map(Cell::plain).collect()),
            Form::Stream(answer) => {
                answer.row(&cells)?;
                if answer.len() >= CHUNK {
                    let text = answer.take()?;
                    self.write(&text)?;
                }
            }
        }
        Ok(if self.is_gone { Next::End } else { Next::Row })
    }

    fn write(&mut self, text: &str) -> Result<()> {
        match &mut self.output {
            Some(output) => output.write(text),
            None => {
                self.is_gone = !self.printer.chunk(text, || self.watch.check())?;
                Ok(())
            }
        }
    }

    /// Ends the answer.
    pub(super) fn end(mut self, remark: Option<&str>) -> Result<()> {
        if self.is_gone {
            return Ok(());
        }
        let notes = self.notes();
        let notes = notes.iter().map(String::as_str).chain(remark);
        let form = std::mem::replace(
            &mut self.form,
            Form::Table {
                columns: Vec::new(),
                rows: Vec::new(),
            },
        );
        match (form, &mut self.output) {
            (Form::Table { columns, rows }, None) => {
                let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
                let notes = notes.collect::<Vec<_>>().join("\n");
                let notes = (!notes.is_empty()).then_some(notes.as_str());
                return self.printer.table(&columns, &rows, notes);
            }
            (Form::Table { columns, rows }, Some(output)) => {
                let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
                output.write(&self.printer.table_text(&columns, &rows))?;
            }
            (Form::Stream(answer), _) => {
                let text = answer.end()?;
                self.write(&text)?;
            }
        }
        for note in notes {
            tracing::warn!("{note}");
        }
        if let Some(output) = self.output.take() {
            let path = output.path().display().to_string();
            output.place()?;
            let rows = counted(self.rows, "row");
            self.printer.note(&format!("{rows} written to {path}"));
        }
        Ok(())
    }

    /// What the reader has to know of the answer.
    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if let Some(most) = self.max_rows
            && self.has_more_rows
        {
            let rows = counted(most, "row");
            notes.push(format!(
                "Only the first {rows} are given, and there are more: --max-rows none gives all."
            ));
        }
        if let Some(most) = self.max_cell
            && self.altered.cut > 0
        {
            let (verb, cells) = match self.altered.cut {
                1 => ("is", "1 cell".to_owned()),
                cut => ("are", counted(cut, "cell")),
            };
            let characters = counted(most, "character");
            notes.push(format!(
                "{cells} {verb} cut after {characters}, where … stands: --max-cell none gives all."
            ));
        }
        if self.altered.not_utf8 > 0 {
            let (verb, texts) = match self.altered.not_utf8 {
                1 => ("is", "1 text".to_owned()),
                texts => ("are", counted(texts, "text")),
            };
            notes.push(format!(
                "{texts} {verb} not UTF-8, and \u{fffd} stands for the bytes that are not: hex(column) gives them."
            ));
        }
        notes
    }
}

//! `query`: a question to a store in SQL, for a first look without any other tool. Reads only.

use rusqlite::{ErrorCode, Rows};

use super::answer::{self, Answer};
use crate::error::{Error, ExitCode, Result};
use crate::settings::{Query, QueryFormat};
use crate::store::Store;
use crate::terminal::{self, Printer};

/// Rows of a table on the terminal: its columns are as wide as the widest cell, so all of it has to
/// be there before the first line.
const TABLE_ROWS: usize = 1_000;

/// What the SQL of a question is refused with; anything else is the store's or the disk's.
const REFUSED: [ErrorCode; 5] = [
    ErrorCode::Unknown,
    ErrorCode::TypeMismatch,
    ErrorCode::TooBig,
    ErrorCode::ParameterOutOfRange,
    ErrorCode::ReadOnly,
];

/// Bytes that are gathered before they are written.
const CHUNK: usize = 64 << 10;

/// Asks the store and writes the answer as it comes.
pub(super) fn query(asked: &Query, printer: &Printer) -> Result<ExitCode> {
    let store = Store::open_read_only(&asked.path)?;
    let failed = |error| explain(&store, error);
    let connection = store.connection();
    connection
        .pragma_update(None, "query_only", true)
        .map_err(failed)?;
    let mut statement = connection.prepare(&asked.sql).map_err(failed)?;
    if statement.expanded_sql().is_none() {
        return Err(Error::usage("there is no statement to answer")
            .help("write one SELECT, such as \"SELECT count(*) FROM tickets\""));
    }
    // One statement that has an answer and writes nothing, on a connection that could not.
    if !statement.readonly() || statement.column_count() == 0 {
        return Err(
            Error::usage("query only reads: the statement would write or set something")
                .help("write one SELECT; only backfill, sync, verify and accept write the store"),
        );
    }
    let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
    let rows = statement.query([]).map_err(failed)?;
    let asking = Asking {
        store: &store,
        rows,
        width: columns.len(),
    };
    match asked.format {
        QueryFormat::Table => asking.table(&columns, printer)?,
        QueryFormat::Csv => asking.stream(Answer::csv(&columns), printer)?,
        QueryFormat::Json => asking.stream(Answer::json(&columns)?, printer)?,
    }
    Ok(ExitCode::Complete)
}

/// What SQLite said of the question, or of the store.
fn explain(store: &Store, error: rusqlite::Error) -> Error {
    match error.sqlite_error_code() {
        Some(code) if !REFUSED.contains(&code) => store.unread("answer the query", error),
        _ => Error::usage("the query cannot be answered")
            .because(error)
            .help("docs/tables.md lists tables and columns; SQL is that of SQLite"),
    }
}

/// An answer that is being read.
struct Asking<'a> {
    store: &'a Store,
    rows: Rows<'a>,
    width: usize,
}

impl Asking<'_> {
    /// The first rows as a table; cells are cut as they come, so that what is held stays small.
    fn table(mut self, columns: &[String], printer: &Printer) -> Result<()> {
        let failed = |error| explain(self.store, error);
        let mut shown = Vec::new();
        let mut note = None;
        while let Some(row) = self.rows.next().map_err(failed)? {
            if shown.len() == TABLE_ROWS {
                note = Some(format!(
                    "Only the first {TABLE_ROWS} rows are shown: --format csv or json writes all."
                ));
                break;
            }
            let cells = (0..self.width).map(|index| {
                let value = row.get_ref(index)?;
                Ok(terminal::cut(&answer::text(value)))
            });
            shown.push(cells.collect::<rusqlite::Result<_>>().map_err(failed)?);
        }
        let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
        printer.table(&columns, &shown, note.as_deref())
    }

    /// Rows are written as they come, until the last or until nobody reads them any more.
    fn stream(mut self, mut answer: Answer, printer: &Printer) -> Result<()> {
        let failed = |error| explain(self.store, error);
        while let Some(row) = self.rows.next().map_err(failed)? {
            let cells = (0..self.width).map(|index| row.get_ref(index));
            let cells = cells.collect::<rusqlite::Result<Vec<_>>>();
            answer.row(&cells.map_err(failed)?)?;
            if answer.len() >= CHUNK && !printer.chunk(&answer.take()?)? {
                return Ok(());
            }
        }
        printer.chunk(&answer.end()?).map(drop)
    }
}

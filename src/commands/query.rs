//! `query`: a question to a store in SQL, for a first look without any other tool. Reads only.

use rusqlite::{Connection, Statement};

use super::answer::{self, Answer};
use crate::error::{Error, ExitCode, Result};
use crate::settings::{Query, QueryFormat};
use crate::store::Store;
use crate::terminal::Printer;

/// Rows of a table on the terminal: its columns are as wide as the widest cell, so all of it has to
/// be there before the first line.
const TABLE_ROWS: usize = 1_000;

/// Bytes that are gathered before they are written.
const CHUNK: usize = 64 << 10;

/// Asks the store and writes the answer as it comes.
pub(super) fn query(asked: &Query, printer: &Printer) -> Result<ExitCode> {
    let store = Store::open_read_only(&asked.path)?;
    let mut statement = prepare(store.connection(), &asked.sql)?;
    let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
    match asked.format {
        QueryFormat::Table => table(&mut statement, &columns, printer)?,
        QueryFormat::Csv => stream(&mut statement, Answer::csv(&columns)?, printer)?,
        QueryFormat::Json => stream(&mut statement, Answer::json(&columns)?, printer)?,
    }
    Ok(ExitCode::Complete)
}

/// One statement that has an answer and writes nothing, on a connection that could not.
fn prepare<'c>(connection: &'c Connection, sql: &str) -> Result<Statement<'c>> {
    connection
        .pragma_update(None, "query_only", true)
        .map_err(refused)?;
    let statement = connection.prepare(sql).map_err(refused)?;
    if !statement.readonly() || statement.column_count() == 0 {
        return Err(
            Error::usage("query only reads: the statement would write or set something")
                .help("write one SELECT; only backfill, sync and verify write the store"),
        );
    }
    Ok(statement)
}

fn refused(error: rusqlite::Error) -> Error {
    let error = Error::usage("the query cannot be answered").because(error);
    error.help("docs/tables.md lists tables and columns; SQL is that of SQLite")
}

fn table(statement: &mut Statement<'_>, columns: &[String], printer: &Printer) -> Result<()> {
    let mut shown = Vec::new();
    let mut rows = statement.query([]).map_err(refused)?;
    while let Some(row) = rows.next().map_err(refused)? {
        if shown.len() == TABLE_ROWS {
            printer.note(&format!(
                "Only the first {TABLE_ROWS} rows are shown: --format csv or json writes all."
            ));
            break;
        }
        let cells = (0..columns.len()).map(|index| row.get_ref(index).map(answer::text));
        shown.push(cells.collect::<rusqlite::Result<_>>().map_err(refused)?);
    }
    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    printer.table(&columns, &shown)
}

/// Rows are written as they come, until the last or until nobody reads them any more.
fn stream(statement: &mut Statement<'_>, mut answer: Answer, printer: &Printer) -> Result<()> {
    let width = statement.column_count();
    let mut rows = statement.query([]).map_err(refused)?;
    while let Some(row) = rows.next().map_err(refused)? {
        let cells = (0..width).map(|index| row.get_ref(index));
        let cells = cells.collect::<rusqlite::Result<Vec<_>>>();
        answer.row(&cells.map_err(refused)?)?;
        if answer.len() >= CHUNK && !printer.chunk(&answer.take()?)? {
            return Ok(());
        }
    }
    printer.chunk(&answer.end()?).map(drop)
}

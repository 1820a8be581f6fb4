//! A question to a store in SQL, for a first look without any other tool: what it asks, and how its
//! answer is shown. Reads only.

mod answer;
mod cell;
mod explain;
mod functions;
mod guard;
mod named;
mod output;
mod question;
mod schema;
mod sink;

use rusqlite::types::ValueRef;

use self::explain::Explainer;
use self::guard::{ReadOnly, Watch, only_reads};
pub(crate) use self::named::{NAMED, named};
use self::output::Output;
use self::question::Request;
use self::schema::Listing;
use self::sink::{Next, Sink};
use crate::error::{Error, Result};
use crate::publish;
use crate::settings::{Query, Question};
use crate::store::Store;
use crate::terminal::Printer;

/// Asks the store and writes the answer as it comes.
///
/// # Errors
/// There is no such store, the question is refused, or the answer cannot be written.
pub(crate) fn ask(asked: &Query, printer: &Printer) -> Result<()> {
    let Some(question) = &asked.question else {
        return list_names(asked, printer);
    };
    // Nothing is waited for that could not be answered.
    if let (None, Question::Stdin | Question::File(_)) = (&asked.path, question) {
        return Err(no_store());
    }
    let request = question::read(question, printer)?;
    let mut store = open(asked)?;
    for words in store.behind(
        (&asked.metrics.fingerprint(), asked.metrics.time_zone),
        &asked.metrics.policies,
        &asked.metrics.names,
    )? {
        printer.note(words);
    }
    let watch = Watch::start(asked.timeout)?;
    let unheld = |error, store: &Store| store.unread("prepare the query", error);
    let read_only =
        ReadOnly::hold(store.connection_mut()).map_err(|error| unheld(error, &store))?;
    watch
        .hold(store.connection_mut())
        .map_err(|error| unheld(error, &store))?;
    functions::add(store.connection()).map_err(|error| unheld(error, &store))?;
    let asking = Asking {
        asked,
        printer,
        explainer: Explainer {
            store: &store,
            read_only: &read_only,
            watch: &watch,
        },
    };
    match request {
        Request::Sql(sql) => asking.answer(&sql)?,
        Request::Tables { is_all } => {
            let listing = schema::list_tables(store.connection(), is_all);
            asking.list(&listing.map_err(|error| asking.explainer.explain(error))?)?;
        }
        Request::Schema(table) => {
            let failed = |error| asking.explainer.explain(error);
            let listing = schema::list_columns(store.connection(), table.as_deref(), failed)?;
            asking.list(&listing)?;
        }
    }
    Ok(())
}

/// Lists the named queries. Opens no store, but to keep its files from being written over.
fn list_names(asked: &Query, printer: &Printer) -> Result<()> {
    let path = asked.path.as_deref().filter(|path| path.exists());
    let path = path.filter(|_| asked.output.is_some());
    let store = path.map(Store::open_read_only).transpose()?;
    let watch = Watch::start(asked.timeout)?;
    let listing = named::list();
    let sink = sink(
        asked,
        listing.columns.clone(),
        store.as_ref(),
        &watch,
        printer,
    )?;
    list(sink, &listing)
}

fn no_store() -> Error {
    Error::usage("--from is missing").help(
        "give --from sqlite:support.db, or set MAVA_EXPORT_FROM or MAVA_EXPORT_TO, or from or to in the \
         configuration file",
    )
}

/// The store, or what lies in the place of one.
fn open(asked: &Query) -> Result<Store> {
    let path = asked.path.as_deref().ok_or_else(no_store)?;
    if let Some(directory) = asked.directory.as_deref()
        && !path.exists()
    {
        let shown = directory.display();
        if !directory.is_dir() {
            return Err(
                Error::usage(format!("there is no directory {shown}")).help(format!(
                    "check the path; a backfill --to parquet:{shown} makes it, with a store in it"
                )),
            );
        }
        let has_snapshots = !publish::list(directory)?.is_empty();
        return Err(match has_snapshots {
            true => Error::usage(format!(
                "{shown} has snapshots but no store, and query asks a store"
            ))
            .help(format!(
                "name the store that it was published from, --from sqlite:FILE; or read the files with another \
                 tool, such as DuckDB: SELECT * FROM read_parquet('{shown}/current/tickets/*/*.parquet')"
            )),
            false => Error::usage(format!("there is no store in {shown}")).help(format!(
                "name a store with --from sqlite:FILE; a backfill --to parquet:{shown} makes one there"
            )),
        });
    }
    Store::open_read_only(path)
}

/// A question that is being answered.
struct Asking<'a> {
    asked: &'a Query,
    printer: &'a Printer,
    explainer: Explainer<'a>,
}

impl Asking<'_> {
    /// One statement that has an answer and writes nothing, on a connection that could not.
    fn answer(&self, sql: &str) -> Result<()> {
        let failed = |error| self.explainer.explain(error);
        // An empty statement before the first would count as one.
        let sql = match sql.trim_start().starts_with(';') {
            true => sql.trim_start_matches(|sign: char| sign == ';' || sign.is_whitespace()),
            false => sql,
        };
        let mut statement = self
            .explainer
            .store
            .connection()
            .prepare(sql)
            .map_err(failed)?;
        if statement.expanded_sql().is_none() {
            return Err(Error::usage("there is no statement to answer")
                .help("write one SELECT, such as \"SELECT count(*) FROM customers\""));
        }
        if !statement.readonly() || statement.column_count() == 0 {
            return Err(only_reads("the statement would write or set something"));
        }
        if statement.parameter_count() > 0 {
            return Err(Error::usage(
                "the statement has a placeholder such as ? or :name, and nothing to put there",
            )
            .help("write the value itself, text in single quotes"));
        }
        let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
        let width = columns.len();
        let mut sink = self.sink(columns)?;
        let mut rows = statement.query([]).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            self.explainer.watch.check()?;
            let values = (0..width)
                .map(|index| row.get_ref(index))
                .collect::<rusqlite::Result<Vec<ValueRef<'_>>>>()
                .map_err(failed)?;
            if sink.row(&values)? == Next::End {
                break;
            }
        }
        sink.end(None)
    }

    /// A listing in the form of an answer.
    fn list(&self, listing: &Listing) -> Result<()> {
        list(self.sink(listing.columns.clone())?, listing)
    }

    fn sink(&self, columns: Vec<String>) -> Result<Sink<'_>> {
        let Explainer { store, watch, .. } = self.explainer;
        sink(self.asked, columns, Some(store), watch, self.printer)
    }
}

/// Where an answer with these columns goes, away from the files of `store`.
fn sink<'a>(
    asked: &Query,
    columns: Vec<String>,
    store: Option<&Store>,
    watch: &'a Watch,
    printer: &'a Printer,
) -> Result<Sink<'a>> {
    let output = asked.output.as_deref();
    let output = output.map(|path| Output::begin(path, asked.is_overwriting, store));
    Sink::new(asked, columns, output.transpose()?, watch, printer)
}

/// Writes a listing.
fn list(mut sink: Sink<'_>, listing: &Listing) -> Result<()> {
    for row in &listing.rows {
        let values: Vec<ValueRef<'_>> = row.iter().map(ValueRef::from).collect();
        if sink.row(&values)? == Next::End {
            break;
        }
    }
    sink.end(listing.remark.as_deref())
}

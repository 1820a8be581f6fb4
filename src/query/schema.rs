//! What can be asked: `.tables` and `.schema`, and the names that SQL may use.

use rusqlite::Connection;
use rusqlite::types::Value;

use crate::error::{Error, Result};
use crate::spelling::nearest;
use crate::table::{INTERNAL_PREFIX, INTERNAL_TABLES, Table, all_tables};

/// An answer that is all there.
pub(super) struct Listing {
    pub(super) columns: Vec<String>,
    pub(super) rows: Vec<Vec<Value>>,
    /// What the reader has to know besides.
    pub(super) remark: Option<String>,
}

/// A table of the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) name: String,
    description: String,
}

impl Held {
    fn is_internal(&self) -> bool {
        self.name.starts_with(INTERNAL_PREFIX)
    }

    /// What the schema says of it, of a table or a view for people.
    fn documented(&self) -> Option<&'static Table> {
        all_tables().find(|table| table.name == self.name)
    }
}

/// Tables and views, in the order of the documentation, internal ones last.
pub(super) fn tables(connection: &Connection) -> rusqlite::Result<Vec<Held>> {
    let mut statement = connection.prepare(
        "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
    )?;
    let names = statement.query_map([], |row| row.get::<_, String>(0))?;
    let mut tables = names
        .map(|name| name.map(held))
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let place = |table: &Held| {
        let documented = all_tables().position(|known| known.name == table.name);
        (
            table.is_internal(),
            documented.unwrap_or(usize::MAX),
            table.name.clone(),
        )
    };
    tables.sort_by_cached_key(place);
    Ok(tables)
}

fn held(name: String) -> Held {
    let documented = all_tables().find(|table| table.name == name);
    let internal = INTERNAL_TABLES.iter().find(|(table, _)| *table == name);
    let description = match (documented, internal) {
        (Some(table), _) => sentence(table.description),
        (_, Some((_, row))) => format!("Internal: {row}."),
        (None, None) => "Not made by mava-export.".to_owned(),
    };
    Held { name, description }
}

/// The first sentence, without the marks of Markdown.
fn sentence(text: &str) -> String {
    let text = text.trim();
    let end = text.find(". ").map_or(text.len(), |end| end + 1);
    text.get(..end).unwrap_or(text).replace('`', "")
}

/// `.tables`: the tables for people, and the internal ones where all are asked for.
pub(super) fn list_tables(connection: &Connection, is_all: bool) -> rusqlite::Result<Listing> {
    let (internal, shown): (Vec<Held>, Vec<Held>) = tables(connection)?
        .into_iter()
        .partition(|table| table.is_internal() && !is_all);
    let remark = format!(
        "{} internal tables, whose names begin with {INTERNAL_PREFIX}, are left out: .tables all lists them too.",
        internal.len()
    );
    Ok(Listing {
        columns: ["name", "what it holds"].map(str::to_owned).into(),
        rows: shown
            .into_iter()
            .map(|table| vec![Value::Text(table.name), Value::Text(table.description)])
            .collect(),
        remark: (!internal.is_empty()).then_some(remark),
    })
}

/// `.schema`: the columns of one table, or of all tables for people.
///
/// # Errors
/// There is no such table.
pub(super) fn list_columns(
    connection: &Connection,
    table: Option<&str>,
    failed: impl Fn(rusqlite::Error) -> Error,
) -> Result<Listing> {
    let tables = tables(connection).map_err(&failed)?;
    let (is_one, described): (bool, Vec<&Held>) = match table {
        None => (
            false,
            tables.iter().filter(|table| !table.is_internal()).collect(),
        ),
        Some(name) => {
            let mut found = tables.iter();
            let found = found.find(|table| table.name.eq_ignore_ascii_case(name));
            (true, vec![found.ok_or_else(|| no_table(name, &tables))?])
        }
    };
    let mut rows = Vec::new();
    for table in described {
        for row in columns(connection, table).map_err(&failed)? {
            rows.push(match is_one {
                true => row,
                false => std::iter::once(Value::Text(table.name.clone()))
                    .chain(row)
                    .collect(),
            });
        }
    }
    let mut columns = vec!["table", "column", "type", "null", "meaning"];
    if is_one {
        columns.remove(0);
    }
    Ok(Listing {
        columns: columns.into_iter().map(str::to_owned).collect(),
        rows,
        remark: None,
    })
}

fn no_table(name: &str, tables: &[Held]) -> Error {
    let names = tables.iter().map(|table| table.name.as_str());
    let error = Error::usage(format!("there is no table {name}"));
    error.help(match nearest(name, names) {
        Some(near) => format!("did you mean {near}? .tables lists all"),
        None => ".tables lists all tables".to_owned(),
    })
}

/// Name, type, whether it may be NULL, and meaning of each column.
fn columns(connection: &Connection, table: &Held) -> rusqlite::Result<Vec<Vec<Value>>> {
    let documented = table.documented();
    let mut statement = connection
        .prepare("SELECT name, type, \"notnull\" FROM pragma_table_info(?1) ORDER BY cid")?;
    let rows = statement.query_map([&table.name], |row| {
        let (name, kind, is_needed): (String, String, bool) =
            (row.get(0)?, row.get(1)?, row.get(2)?);
        let mut known = documented.into_iter().flat_map(Table::columns);
        let known = known.find(|column| column.name == name);
        // SQLite does not know it of the columns of views.
        let may_be_null = known.map_or(!is_needed, |column| column.is_nullable);
        Ok(vec![
            Value::Text(name),
            Value::Text(known.map_or(kind.to_lowercase(), |column| column.kind.word().to_owned())),
            Value::Text(if may_be_null { "yes" } else { "no" }.to_owned()),
            known.map_or(Value::Null, |column| {
                Value::Text(column.description.trim().replace('`', ""))
            }),
        ])
    })?;
    rows.collect()
}

/// The names of a table's columns.
pub(super) fn column_names(connection: &Connection, table: &str) -> rusqlite::Result<Vec<String>> {
    let mut statement =
        connection.prepare("SELECT name FROM pragma_table_info(?1) ORDER BY cid")?;
    let names = statement.query_map([table], |row| row.get(0))?;
    names.collect()
}

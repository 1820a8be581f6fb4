//! What is wrong with a question, and the name that was probably meant.

use std::collections::BTreeSet;

use rusqlite::{Connection, Error as Sqlite, ErrorCode};

use super::guard::{ReadOnly, Watch};
use super::schema;
use crate::error::Error;
use crate::spelling::nearest;
use crate::store::Store;

/// What a question is refused with; anything else is the store's or the disk's.
const REFUSED: [ErrorCode; 6] = [
    ErrorCode::Unknown,
    ErrorCode::TypeMismatch,
    ErrorCode::TooBig,
    ErrorCode::ParameterOutOfRange,
    ErrorCode::ReadOnly,
    ErrorCode::AuthorizationForStatementDenied,
];

/// The way out where no other is known.
const SYNTAX: &str = "SQL is that of SQLite: https://sqlite.org/lang_select.html; .tables and .schema list the names that there are";

/// Tells why there is no answer.
pub(super) struct Explainer<'a> {
    pub(super) store: &'a Store,
    pub(super) read_only: &'a ReadOnly,
    pub(super) watch: &'a Watch,
}

impl Explainer<'_> {
    /// What SQLite said of the question, or of the store.
    pub(super) fn explain(&self, error: Sqlite) -> Error {
        if error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted)
            && let Some(stopped) = self.watch.stopped()
        {
            return stopped;
        }
        if error.to_string().contains("not authorized")
            && let Some(refusal) = self.read_only.refusal()
        {
            return refusal;
        }
        match &error {
            Sqlite::MultipleStatement => {
                return Error::usage("there is more than one statement").help(
                    "query answers one: run it once for each, or join them by WITH or UNION ALL",
                );
            }
            Sqlite::SqlInputError {
                msg, sql, offset, ..
            } => {
                let place = usize::try_from(*offset)
                    .ok()
                    .and_then(|offset| place(sql, offset));
                return self.refused(msg, sql, place);
            }
            _ => {}
        }
        match error.sqlite_error_code() {
            Some(code) if !REFUSED.contains(&code) => self.store.unread("answer the query", error),
            _ => match error {
                Sqlite::SqliteFailure(_, Some(message)) => self.refused(&message, "", None),
                // In the words of SQLite's code: it gave none of its own.
                error => self.refused(&error.to_string(), "", None),
            },
        }
    }

    fn refused(&self, message: &str, sql: &str, place: Option<(usize, usize)>) -> Error {
        // What SQLite says of a name in double quotes is said below, with the text itself.
        let message = message
            .split_once(" - should this be a string literal")
            .map_or(message, |(message, _)| message);
        let place = place.map_or_else(String::new, |(line, column)| {
            format!(" (line {line}, column {column})")
        });
        let error = Error::usage(format!("the query cannot be answered: {message}{place}"));
        // A store that cannot be read has no names to offer.
        let help = advice(self.store.connection(), message, sql).unwrap_or_default();
        error.help(help.unwrap_or_else(|| SYNTAX.to_owned()))
    }
}

/// Line and column of a byte, both from 1 on.
fn place(sql: &str, offset: usize) -> Option<(usize, usize)> {
    let before = sql.get(..offset)?;
    let line = before.rsplit('\n').next().unwrap_or_default();
    Some((before.matches('\n').count() + 1, line.chars().count() + 1))
}

/// The way out, from SQLite's words.
fn advice(connection: &Connection, message: &str, sql: &str) -> rusqlite::Result<Option<String>> {
    let after = |start: &str| message.strip_prefix(start).map(unquoted);
    if let Some(name) = after("no such table: ") {
        return table(connection, last_part(name)).map(Some);
    }
    if let Some(name) = after("no such column: ") {
        let advice = column(connection, name, sql)?;
        return Ok(Some(match message.ends_with('"') {
            true => format!("text stands in single quotes, '{name}'; for a name: {advice}"),
            false => advice,
        }));
    }
    if let Some(name) = after("no such function: ") {
        return function(connection, name).map(Some);
    }
    Ok(match message {
        "incomplete input" => {
            Some("the statement ends too early: a bracket, a quote or a part of it is missing".into())
        }
        _ if message.starts_with("ambiguous column name: ") => {
            Some("write the table before the column, as in tickets.id".into())
        }
        _ if message.starts_with("unrecognized token: ") && message.contains(['\'', '"']) => {
            Some("a quote is not closed; a quote in text is written twice: 'it''s'".into())
        }
        _ if message.starts_with("the pattern of REGEXP") => Some(
            "a sign such as ( or ? that stands for itself needs a \\ before it: https://docs.rs/regex/latest/regex/#syntax"
                .into(),
        ),
        _ if message.contains("malformed JSON") => Some(
            "a value is no JSON: leave it out with WHERE json_valid(column); .schema names the columns that hold JSON"
                .into(),
        ),
        _ => None,
    })
}

fn unquoted(name: &str) -> &str {
    name.trim_matches(['"', '`', '[', ']'])
}

/// `status` of `t.status`.
fn last_part(name: &str) -> &str {
    unquoted(name.rsplit('.').next().unwrap_or(name))
}

fn table(connection: &Connection, name: &str) -> rusqlite::Result<String> {
    let tables = schema::tables(connection)?;
    let names = tables.iter().map(|table| table.name.as_str());
    Ok(match nearest(name, names) {
        Some(near) => format!("did you mean {near}? .tables lists all"),
        None => ".tables lists all tables".to_owned(),
    })
}

/// Looks for the column in the tables that the statement names, then in all.
fn column(connection: &Connection, name: &str, sql: &str) -> rusqlite::Result<String> {
    let wanted = last_part(name);
    let tables = schema::tables(connection)?;
    // The table before the column, where it stands there by its own name; else all that are named.
    let before = name
        .split_once('.')
        .map_or("", |(table, _)| unquoted(table));
    let is_table = tables
        .iter()
        .any(|table| table.name.eq_ignore_ascii_case(before));
    let words: BTreeSet<String> = match is_table {
        true => BTreeSet::from([before.to_lowercase()]),
        false => sql
            .split(|character: char| !(character.is_alphanumeric() || character == '_'))
            .map(str::to_lowercase)
            .collect(),
    };
    let mut named = Vec::new();
    let mut others = Vec::new();
    for table in tables {
        let columns = schema::column_names(connection, &table.name)?;
        match words.contains(&table.name) {
            true => named.push((table.name, columns)),
            false => others.push((table.name, columns)),
        }
    }
    let names = named.iter().flat_map(|(_, columns)| columns);
    if let Some(near) = nearest(wanted, names.map(String::as_str)) {
        return Ok(match near.eq_ignore_ascii_case(wanted) {
            // The name before it is none of a table that is read.
            true => format!(
                "{near} is there, but not as {name}: write the name of its table, or its alias, before it"
            ),
            false => format!("did you mean {near}?"),
        });
    }
    let holds = |(_, columns): &&(String, Vec<String>)| {
        columns
            .iter()
            .any(|column| column.eq_ignore_ascii_case(wanted))
    };
    if let Some((table, _)) = others.iter().find(holds) {
        return Ok(format!(
            "{table} has a column {wanted}: add that table with FROM or JOIN"
        ));
    }
    Ok(match &named[..] {
        [(table, _)] => format!(".schema {table} lists its columns"),
        _ => ".schema lists the columns of all tables".to_owned(),
    })
}

fn function(connection: &Connection, name: &str) -> rusqlite::Result<String> {
    let mut statement = connection.prepare("SELECT DISTINCT name FROM pragma_function_list")?;
    let names = statement.query_map([], |row| row.get::<_, String>(0))?;
    let names = names.collect::<rusqlite::Result<Vec<_>>>()?;
    let of_sqlite = "functions are those of SQLite (https://sqlite.org/lang_corefunc.html), and median, percentile and REGEXP";
    Ok(match nearest(name, names.iter().map(String::as_str)) {
        Some(near) => format!("did you mean {near}()? {of_sqlite}"),
        None => of_sqlite.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection() -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        connection
            .execute_batch(
                "CREATE TABLE tickets (id, status, created_at, subject);
                 CREATE TABLE messages (id, ticket_id, content);
                 CREATE TABLE _runs (id)",
            )
            .unwrap();
        connection
    }

    fn advised(message: &str, sql: &str) -> String {
        advice(&connection(), message, sql)
            .unwrap()
            .unwrap_or_default()
    }

    #[test]
    fn the_nearest_name_is_offered() {
        for (message, sql, expected) in [
            (
                "no such table: tikets",
                "SELECT * FROM tikets",
                "did you mean tickets?",
            ),
            (
                "no such table: main.Ticket",
                "SELECT * FROM main.Ticket",
                "did you mean tickets?",
            ),
            (
                "no such table: invoices",
                "SELECT * FROM invoices",
                ".tables lists",
            ),
            (
                "no such column: staus",
                "SELECT staus FROM tickets",
                "did you mean status?",
            ),
            (
                "no such column: t.createdat",
                "SELECT t.createdat FROM tickets t",
                "did you mean created_at?",
            ),
            (
                "no such column: \"Status \"",
                "SELECT \"Status \" FROM tickets",
                "single quotes, 'Status '; for a name: did you mean status?",
            ),
            (
                "no such column: \"Open\"",
                "SELECT \"Open\" FROM tickets",
                "single quotes, 'Open'; for a name: .schema",
            ),
            ("the pattern of REGEXP is not valid: x", "", "docs.rs/regex"),
            (
                "no such column: content",
                "SELECT content FROM tickets",
                "messages has a column content",
            ),
            (
                "no such column: x.status",
                "SELECT x.status FROM tickets",
                "not as x.status",
            ),
            (
                "no such column: wombat",
                "SELECT wombat FROM tickets",
                ".schema tickets lists",
            ),
            ("no such column: wombat", "SELECT wombat", ".schema lists"),
            (
                "no such function: cuont",
                "SELECT cuont(*)",
                "did you mean count()?",
            ),
            (
                "no such function: date_trunc",
                "SELECT date_trunc()",
                "functions are those of SQLite",
            ),
            ("incomplete input", "SELECT (", "ends too early"),
            ("unrecognized token: \"'abc\"", "SELECT 'abc", "not closed"),
            ("ambiguous column name: id", "SELECT id", "tickets.id"),
        ] {
            let advice = advised(message, sql);
            assert!(advice.contains(expected), "{message}: {advice}");
        }
    }

    #[test]
    fn a_place_is_a_line_and_a_column() {
        let sql = "SELECT 'ä',\n  staus FROM tickets";
        let offset = sql.find("staus").unwrap();
        assert_eq!(place(sql, offset), Some((2, 3)));
        assert_eq!(place(sql, sql.find(",").unwrap()), Some((1, 11)));
        assert_eq!(place(sql, 1_000), None);
    }
}

//! Rows that nobody sends any more, made readable: what a value cannot be is replaced by the nearest
//! that it can, and the rest stays as it was found.

use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use rusqlite::{Connection, Row, ToSql, params_from_iter};

use super::bind;
use super::sums::{self, select_sql};
use crate::table::{Cell, Column, Instant, Record, Table, TicketVersion, Type};
use crate::wire::usual_instant;

/// A value as it lies in the file, of text that may not be UTF-8 too.
#[derive(Debug, Clone)]
enum Raw {
    Text(Vec<u8>),
    Other(Value),
}

impl ToSql for Raw {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        match self {
            Self::Text(bytes) => Ok(ToSqlOutput::Borrowed(ValueRef::Text(bytes))),
            Self::Other(value) => value.to_sql(),
        }
    }
}

impl Raw {
    fn of(value: ValueRef<'_>) -> Self {
        match value {
            ValueRef::Text(bytes) => Self::Text(bytes.to_owned()),
            ValueRef::Null => Self::Other(Value::Null),
            ValueRef::Integer(number) => Self::Other(Value::Integer(number)),
            ValueRef::Real(number) => Self::Other(Value::Real(number)),
            ValueRef::Blob(bytes) => Self::Other(Value::Blob(bytes.to_owned())),
        }
    }
}

/// Makes the rows of `table` in which `column` is `id` readable. Rows whose key cannot be are
/// removed. `instant` stands for an instant that must be there.
pub(super) fn clean(
    connection: &Connection,
    table: &Table,
    column: &str,
    id: &str,
    instant: Instant,
) -> rusqlite::Result<()> {
    let mut updates: Vec<(String, Vec<Raw>)> = Vec::new();
    let mut select = connection.prepare(&select_sql(table, &format!("WHERE {column} = ?1")))?;
    let mut rows = select.query([id])?;
    while let Some(row) = rows.next()? {
        updates.extend(cleaning(row, table, instant)?);
    }
    drop(rows);
    for (sql, values) in updates {
        connection.execute(&sql, params_from_iter(values))?;
    }
    Ok(())
}

/// What makes one row readable, where it is not.
fn cleaning(
    row: &Row<'_>,
    table: &Table,
    instant: Instant,
) -> rusqlite::Result<Option<(String, Vec<Raw>)>> {
    let mut set = Vec::new();
    let mut values = Vec::new();
    let mut is_key_bad = false;
    for (index, column) in table.columns().enumerate() {
        let value = row.get_ref(index)?;
        let fits = sums::cell(value, column.kind)
            .is_some_and(|cell| column.is_nullable || cell != Cell::Null);
        if fits {
            continue;
        }
        is_key_bad |= table.key.contains(&column.name);
        values.push(Raw::Other(replaced(value, column, instant)));
        set.push(format!("{} = ?{}", column.name, values.len()));
    }
    if values.is_empty() {
        return Ok(None);
    }
    if is_key_bad {
        values.clear();
    }
    let mut keys = Vec::new();
    for (index, column) in table.columns().enumerate() {
        if table.key.contains(&column.name) {
            values.push(Raw::of(row.get_ref(index)?));
            keys.push(format!("{} IS ?{}", column.name, values.len()));
        }
    }
    let keys = keys.join(" AND ");
    let sql = match is_key_bad {
        true => format!("DELETE FROM {} WHERE {keys}", table.name),
        false => format!("UPDATE {} SET {} WHERE {keys}", table.name, set.join(", ")),
    };
    Ok(Some((sql, values)))
}

/// The nearest that a column can hold.
fn replaced(value: ValueRef<'_>, column: &Column, instant: Instant) -> Value {
    let text = match value {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
            Some(String::from_utf8_lossy(bytes).into_owned())
        }
        _ => None,
    };
    match column.kind {
        Type::Instant if column.is_nullable => Value::Null,
        Type::Instant => Value::Text(crate::table::instant_text(instant)),
        Type::Id | Type::Enumeration | Type::Text | Type::Json => match text {
            Some(text) => Value::Text(text),
            None if column.is_nullable => Value::Null,
            None => Value::Text(String::new()),
        },
        Type::Integer | Type::Boolean if column.is_nullable => Value::Null,
        Type::Integer | Type::Boolean => Value::Integer(0),
    }
}

/// The versions of a ticket that can be read, each with the run that saw it first: one follows the
/// other without a gap, and names only rows that are there.
pub(super) fn versions(
    connection: &Connection,
    ticket_id: &str,
) -> rusqlite::Result<Vec<(TicketVersion, i64)>> {
    let mut select = connection.prepare_cached(&select_sql(
        TicketVersion::TABLE,
        "WHERE ticket_id = ?1 ORDER BY valid_from",
    ))?;
    let mut rows = select.query([ticket_id])?;
    let mut versions = Vec::new();
    while let Some(row) = rows.next()? {
        versions.extend(version(connection, ticket_id, row)?);
    }
    let mut next: Option<Instant> = None;
    for (version, _) in versions.iter_mut().rev() {
        version.valid_until = next;
        next = Some(version.valid_from);
    }
    Ok(versions)
}

fn version(
    connection: &Connection,
    ticket_id: &str,
    row: &Row<'_>,
) -> rusqlite::Result<Option<(TicketVersion, i64)>> {
    let text = |column: &str| -> rusqlite::Result<Option<String>> {
        Ok(match row.get_ref(column)? {
            ValueRef::Text(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
            _ => None,
        })
    };
    let number =
        |column: &str| -> rusqlite::Result<Option<i64>> { Ok(row.get_ref(column)?.as_i64().ok()) };
    let named = |column: &str, table: &str| -> rusqlite::Result<Option<String>> {
        let Some(id) = text(column)? else {
            return Ok(None);
        };
        let is_there: bool = connection
            .prepare_cached(&format!(
                "SELECT EXISTS (SELECT 1 FROM {table} WHERE id = ?1)"
            ))?
            .query_row([&id], |row| row.get(0))?;
        Ok(is_there.then_some(id))
    };
    let Some(valid_from) = text("valid_from")?.as_deref().and_then(usual_instant) else {
        return Ok(None);
    };
    let snapshot_id = number("snapshot_id")?.unwrap_or(0);
    Ok(Some((
        TicketVersion {
            ticket_id: ticket_id.to_owned(),
            valid_from,
            valid_until: None,
            status: text("status")?,
            priority: number("priority")?,
            category_id: named("category_id", "categories")?,
            assigned_agent_id: named("assigned_agent_id", "agents")?,
            tags_json: text("tags_json")?.unwrap_or_else(|| "[]".to_owned()),
            csat: number("csat")?,
            ai_status: text("ai_status")?,
            resolution_time_ms: number("resolution_time_ms")?,
            message_count: number("message_count")?,
            is_deleted: number("is_deleted")?.unwrap_or(0) != 0,
        },
        snapshot_id,
    )))
}

/// Puts these in the place of all versions of a ticket. One that names a run which is not there is
/// given to the run `snapshot_id`.
pub(super) fn replace_versions(
    connection: &Connection,
    ticket_id: &str,
    versions: &[(TicketVersion, i64)],
    snapshot_id: i64,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached("DELETE FROM ticket_history WHERE ticket_id = ?1")?
        .execute([ticket_id])?;
    let mut insert = connection.prepare_cached(&bind::insert_sql(TicketVersion::TABLE))?;
    let mut is_run =
        connection.prepare_cached("SELECT EXISTS (SELECT 1 FROM snapshots WHERE id = ?1)")?;
    for (version, run) in versions {
        let is_there: bool = is_run.query_row([run], |row| row.get(0))?;
        let count = bind::bind(&mut insert, version)?;
        insert.raw_bind_parameter(count + 1, if is_there { *run } else { snapshot_id })?;
        insert.raw_execute()?;
    }
    Ok(())
}

//! Hashes of a store that an earlier version wrote, over its rows as they are: what was damaged by
//! then cannot be told any more, unless an older hash tells, but what is damaged from now on can.

use rusqlite::{CachedStatement, Connection, OptionalExtension, params};

use super::audit::CustomerAudit;
use super::failure::Failure;
use super::read::optional_instant;
use super::sums::{self, RowHashes, Versions};
use crate::normalize::Hash;
use crate::table::{Agent, Category, Column, Customer, Record, Reject, Table, Tag, Type};

type Attempt<T> = std::result::Result<T, Failure>;

/// Rows taken at a time: the statement that gives them must not see what is written meanwhile.
const ROWS: i64 = 1_000;

/// Gives every row its hash. One that cannot be read gets none, which tells.
pub(super) fn all(connection: &Connection) -> Attempt<()> {
    tickets(connection)?;
    customers(connection)?;
    for table in [Tag::TABLE, Category::TABLE, Agent::TABLE] {
        let ids = format!("SELECT id FROM {}", table.name);
        rows(&mut RowHashes::new(connection, table)?, connection, &ids)?;
    }
    rows(
        &mut RowHashes::new(connection, &EARLIER_RUNS)?,
        connection,
        ENDED_RUNS,
    )?;
    rejects(connection)?;
    values(connection)
}

/// Calls `work` with each id of a table, in their order.
pub(super) fn each_id(
    connection: &Connection,
    table: &str,
    mut work: impl FnMut(&str) -> rusqlite::Result<()>,
) -> Attempt<()> {
    let mut select = connection.prepare(&format!(
        "SELECT id FROM {table} WHERE id > ?1 ORDER BY id LIMIT ?2"
    ))?;
    let mut last = String::new();
    loop {
        let ids = page(&mut select, &last)?;
        let Some(newest) = ids.last() else {
            return Ok(());
        };
        last.clone_from(newest);
        for id in &ids {
            work(id)?;
        }
    }
}

fn page(select: &mut rusqlite::Statement<'_>, after: &str) -> rusqlite::Result<Vec<String>> {
    select
        .query_map(params![after, ROWS], |row| row.get(0))?
        .collect()
}

fn tickets(connection: &Connection) -> Attempt<()> {
    let mut versions = Versions::new(connection)?;
    let mut flags =
        connection.prepare("SELECT snapshot_id, deleted_at FROM tickets WHERE id = ?1")?;
    let mut note = connection
        .prepare("UPDATE _ticket_index SET flags_hash = ?2, history_hash = ?3 WHERE id = ?1")?;
    each_id(connection, "_ticket_index", |id| {
        let flags = flags
            .query_row([id], |row| {
                Ok(sums::flags(
                    row.get(0)?,
                    optional_instant(row, "deleted_at")?,
                ))
            })
            .ok();
        note.execute(params![id, flags, versions.sum(id)?])
            .map(drop)
    })
}

fn customers(connection: &Connection) -> Attempt<()> {
    let mut look = CustomerAudit::new(connection)?;
    let mut note =
        connection.prepare("UPDATE _customer_index SET flags_hash = ?2 WHERE id = ?1")?;
    each_id(connection, "_customer_index", |id| {
        let flags = look.sums(id)?.map(|(_, flags)| flags);
        note.execute(params![id, flags]).map(drop)
    })?;
    rows(
        &mut RowHashes::new(connection, Customer::TABLE)?,
        connection,
        "SELECT id FROM customers WHERE id NOT IN (SELECT id FROM _customer_index)",
    )
}

fn rows(hashes: &mut RowHashes<'_>, connection: &Connection, sql: &str) -> Attempt<()> {
    for id in ids(connection, sql)? {
        hashes.seal(&id, true)?;
    }
    Ok(())
}

fn ids(connection: &Connection, sql: &str) -> rusqlite::Result<Vec<String>> {
    let mut select = connection.prepare(sql)?;
    select.query_map([], |row| row.get(0))?.collect()
}

/// `rejects` as it was when rows got their hashes, before it got more columns.
static EARLIER_REJECTS: Table = Table {
    name: "rejects",
    description: "",
    key: &["id"],
    content: &[
        column("id", Type::Id, false),
        column("ticket_id", Type::Id, true),
        column("path", Type::Text, false),
        column("reason", Type::Text, false),
        column("raw_json", Type::Json, false),
    ],
    bookkeeping: &[column("snapshot_id", Type::Integer, false)],
};

pub(super) const fn column(name: &'static str, kind: Type, is_nullable: bool) -> Column {
    Column {
        name,
        kind,
        is_nullable,
        description: "",
    }
}

fn rejects(connection: &Connection) -> Attempt<()> {
    let mut look = RowHashes::new(connection, &EARLIER_REJECTS)?;
    let mut note: CachedStatement<'_> = connection.prepare_cached(NOTE_REJECT)?;
    each_id(connection, "rejects", |id| {
        let sum: Option<Hash> = look.sum(id)?;
        note.execute(params![id, sum]).map(drop)
    })
}

const NOTE_REJECT: &str = "UPDATE _rejects_met SET hash = ?2 WHERE reject_id = ?1";

/// The rejects that are as they were written, before their table gets more columns.
pub(super) fn whole_rejects(connection: &Connection) -> Attempt<Vec<String>> {
    let mut look = RowHashes::new(connection, &EARLIER_REJECTS)?;
    let mut known = connection.prepare("SELECT hash FROM _rejects_met WHERE reject_id = ?1")?;
    let mut whole = Vec::new();
    each_id(connection, "rejects", |id| {
        let known = known.query_row([id], |row| sums::hash(row, 0)).optional()?;
        let known = known.flatten();
        if known.is_some() && look.sum(id)? == known {
            whole.push(id.to_owned());
        }
        Ok(())
    })?;
    Ok(whole)
}

/// Gives these rejects their hash anew, after it.
pub(super) fn seal_rejects(connection: &Connection, ids: &[String]) -> Attempt<()> {
    let mut look = RowHashes::new(connection, Reject::TABLE)?;
    let mut note = connection.prepare(NOTE_REJECT)?;
    for id in ids {
        let sum: Option<Hash> = look.sum(id)?;
        note.execute(params![id, sum])?;
    }
    Ok(())
}

/// `snapshots` as it was when rows got their hashes, before it got another column, which is part of a hash only
/// where it holds something.
static EARLIER_RUNS: Table = Table {
    name: "snapshots",
    description: "",
    key: &["id"],
    content: &[
        column("id", Type::Integer, false),
        column("kind", Type::Enumeration, false),
        column("outcome", Type::Enumeration, false),
        column("started_at", Type::Instant, false),
        column("finished_at", Type::Instant, true),
        column("range_from", Type::Instant, false),
        column("range_until", Type::Instant, false),
        column("filters_json", Type::Json, true),
        column("has_messages", Type::Boolean, false),
        column("requests", Type::Integer, false),
        column("tickets_read", Type::Integer, false),
        column("tickets_new", Type::Integer, false),
        column("tickets_changed", Type::Integer, false),
        column("tickets_deleted", Type::Integer, false),
        column("unverified_slices", Type::Integer, false),
        column("rejects", Type::Integer, false),
        column("replaced_characters", Type::Integer, false),
    ],
    bookkeeping: &[],
};

/// The runs whose rows have a hash.
const ENDED_RUNS: &str = "SELECT CAST(id AS TEXT) FROM snapshots WHERE finished_at IS NOT NULL";

fn values(connection: &Connection) -> Attempt<()> {
    let values: Vec<(String, i64)> = connection
        .prepare("SELECT name, value FROM _sync")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    for (name, value) in values {
        sums::seal_value(connection, &name, value)?;
    }
    Ok(())
}

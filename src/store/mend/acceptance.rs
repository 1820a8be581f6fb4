//! What the desk does not send any more, kept as it is found: rows get the hashes of what they hold.

use rusqlite::{Connection, OptionalExtension, params};

use super::super::audit::{CustomerAudit, TicketAudit};
use super::super::read::{instant, optional_instant};
use super::super::rejects::RejectHashes;
use super::super::sums::{self, RowHashes, Versions};
use super::super::{facts, salvage};
use super::{Attempt, UNNAMED};
use crate::table::{
    Customer, CustomerAttribute, Instant, Message, MessageAttachment, Record, Reject, Table, Tag,
    Ticket, TicketAttribute, TicketDiscordUser, TicketTag, TicketVersion, instant_text,
};

/// Sets everything that follows from other rows, and the hashes over what is there.
pub(super) fn accept_ticket(
    connection: &Connection,
    snapshot_id: i64,
    id: &str,
    now: Instant,
) -> Attempt<bool> {
    let known: Option<(i64, bool)> = connection
        .query_row(
            "SELECT created_at_ms, is_deleted FROM _ticket_index WHERE id = ?1",
            [id],
            |row| Ok((row.get_ref(0)?.as_i64().unwrap_or(0), row.get(1)?)),
        )
        .optional()?;
    let Some((created_ms, is_deleted)) = known else {
        return Ok(false);
    };
    let created_at = Instant::from_timestamp_millis(created_ms).unwrap_or(now);
    let versions = salvage::versions(connection, id)?.versions;
    let is_there: bool = connection.query_row(
        "SELECT EXISTS (SELECT 1 FROM tickets WHERE id = ?1)",
        [id],
        |row| row.get(0),
    )?;
    if !is_there {
        let last = versions.last().map(|(last, _)| last);
        insert_again(connection, snapshot_id, id, created_at, last)?;
    }
    // Only now: SQLite counts rows that belong to nothing as they come, but not as they go.
    salvage::replace_versions(connection, id, &versions, snapshot_id)?;
    salvage::clean(connection, Ticket::TABLE, "id", id, created_at)?;
    for table in [
        Message::TABLE,
        MessageAttachment::TABLE,
        TicketAttribute::TABLE,
        TicketTag::TABLE,
        TicketDiscordUser::TABLE,
        Reject::TABLE,
    ] {
        salvage::clean(connection, table, "ticket_id", id, created_at)?;
    }
    if is_deleted {
        // When it was found gone, its last version says.
        let last = versions.last().filter(|(last, _)| last.is_deleted);
        let gone_at = last.map_or(now, |(last, _)| last.valid_from);
        connection.execute(
            "UPDATE tickets SET deleted_at = coalesce(deleted_at, ?2) WHERE id = ?1",
            params![id, instant_text(gone_at)],
        )?;
    }
    connection.execute(
        "UPDATE tickets SET snapshot_id = ?2 WHERE id = ?1",
        [&id as &dyn rusqlite::ToSql, &snapshot_id],
    )?;
    seal_ticket(connection, id)?;
    Ok(true)
}

/// The row of a ticket that has none, from its last version.
fn insert_again(
    connection: &Connection,
    snapshot_id: i64,
    id: &str,
    created_at: Instant,
    last: Option<&TicketVersion>,
) -> rusqlite::Result<()> {
    connection.execute(
        "INSERT INTO tickets (id, status, priority, category_id, assigned_agent_id, created_at,
             csat, ai_status, resolution_time_ms, snapshot_id)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        params![
            id,
            last.and_then(|last| last.status.as_deref()),
            last.and_then(|last| last.priority),
            last.and_then(|last| last.category_id.as_deref()),
            last.and_then(|last| last.assigned_agent_id.as_deref()),
            instant_text(created_at),
            last.and_then(|last| last.csat),
            last.and_then(|last| last.ai_status.as_deref()),
            last.and_then(|last| last.resolution_time_ms),
            snapshot_id
        ],
    )?;
    Ok(())
}

/// Facts, instants and hashes of a ticket as they follow from its rows.
fn seal_ticket(connection: &Connection, id: &str) -> Attempt<()> {
    let mut look = TicketAudit::new(connection)?;
    let has_thread: bool = connection.query_row(
        "SELECT thread_hash IS NOT NULL FROM _ticket_index WHERE id = ?1",
        [id],
        |row| row.get(0),
    )?;
    let Some(found) = look.found(id, has_thread)? else {
        return Ok(());
    };
    facts::write(connection, id, found.facts())?;
    connection.execute(
        "UPDATE tickets SET resolved_at = ?2 WHERE id = ?1",
        params![id, found.resolved_at.map(instant_text)],
    )?;
    let (snapshot_id, created_at, deleted_at) = connection.query_row(
        "SELECT snapshot_id, created_at, deleted_at FROM tickets WHERE id = ?1",
        [id],
        |row| {
            Ok((
                row.get::<_, i64>(0)?,
                instant(row, "created_at")?,
                optional_instant(row, "deleted_at")?,
            ))
        },
    )?;
    connection.execute(
        "UPDATE _ticket_index SET head_hash = ?2, thread_hash = ?3, flags_hash = ?4,
             history_hash = ?5, created_at_ms = ?6, is_deleted = ?7 WHERE id = ?1",
        params![
            id,
            found.head,
            found.thread,
            sums::flags(snapshot_id, deleted_at),
            Versions::new(connection)?.sum(id)?,
            created_at.timestamp_millis(),
            deleted_at.is_some()
        ],
    )?;
    Ok(())
}

pub(super) fn accept_customer(
    connection: &Connection,
    snapshot_id: i64,
    id: &str,
    now: Instant,
) -> Attempt<bool> {
    let is_indexed: bool = connection.query_row(
        "SELECT EXISTS (SELECT 1 FROM _customer_index WHERE id = ?1)",
        [id],
        |row| row.get(0),
    )?;
    connection.execute(
        "INSERT INTO customers (id, snapshot_id) VALUES (?1, ?2)
         ON CONFLICT (id) DO UPDATE SET snapshot_id = excluded.snapshot_id",
        params![id, snapshot_id],
    )?;
    if !is_indexed {
        // Of one of whom only the id was sent, nothing else can be known.
        let empty: Vec<String> = Customer::TABLE
            .content
            .iter()
            .filter(|column| column.is_nullable)
            .map(|column| format!("{} = NULL", column.name))
            .collect();
        connection.execute(
            &format!("UPDATE customers SET {} WHERE id = ?1", empty.join(", ")),
            [id],
        )?;
        connection.execute(
            "DELETE FROM customer_attributes WHERE customer_id = ?1",
            [id],
        )?;
        RowHashes::new(connection, Customer::TABLE)?.seal(id, true)?;
        return Ok(true);
    }
    salvage::clean(connection, Customer::TABLE, "id", id, now)?;
    salvage::clean(connection, CustomerAttribute::TABLE, "customer_id", id, now)?;
    if let Some((content, flags)) = CustomerAudit::new(connection)?.sums(id)? {
        connection.execute(
            "UPDATE _customer_index SET hash = ?2, flags_hash = ?3 WHERE id = ?1",
            params![id, content, flags],
        )?;
    }
    Ok(true)
}

pub(super) fn accept_reject(connection: &Connection, id: &str, now: Instant) -> Attempt<bool> {
    salvage::clean(connection, Reject::TABLE, "id", id, now)?;
    connection.execute(
        "INSERT OR IGNORE INTO _rejects_met (reject_id, snapshot_id)
         SELECT id, snapshot_id FROM rejects WHERE id = ?1",
        [id],
    )?;
    RejectHashes::new(connection)?.seal(id)?;
    Ok(true)
}

pub(super) fn accept_row(
    connection: &Connection,
    snapshot_id: i64,
    table: &'static Table,
    id: &str,
    now: Instant,
) -> Attempt<bool> {
    let name = table.name;
    let unnamed = UNNAMED.iter().find(|(table, _)| *table == name);
    let is_unnamed: bool = match unnamed {
        Some((_, unnamed)) => connection.query_row(
            &format!("SELECT {unnamed} FROM (SELECT ?1 AS id) AS row"),
            [id],
            |row| row.get(0),
        )?,
        None => false,
    };
    let mut hashes = RowHashes::new(connection, table)?;
    let is_there = hashes.stored::<Tag>(id, None)?.is_some();
    if !is_there && is_unnamed {
        connection.execute(
            "DELETE FROM _row_hashes WHERE table_name = ?1 AND id = ?2",
            [name, id],
        )?;
        return Ok(true);
    }
    connection.execute(
        &format!(
            "INSERT INTO {name} (id, snapshot_id) VALUES (?1, ?2)
             ON CONFLICT (id) DO UPDATE SET snapshot_id = excluded.snapshot_id"
        ),
        params![id, snapshot_id],
    )?;
    salvage::clean(connection, table, "id", id, now)?;
    hashes.seal(id, true)?;
    Ok(true)
}

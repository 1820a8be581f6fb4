//! What a repair does beside reading again: before it, so that it can; after it, with what no read
//! brings back.

mod acceptance;
mod records;

use std::collections::BTreeSet;

use rusqlite::{Connection, params};

use super::Store;
use super::audit::{self, Damage};
use super::failure::Failure;
use super::metrics::Metrics;
use super::sums;
use crate::error::Result;
use crate::mava::PAGE;
use crate::table::{Agent, Category, Instant, Record, Tag};
use crate::window::Window;

type Attempt<T> = std::result::Result<T, Failure>;

/// Tables whose rows belong to a ticket, those that belong to others of them first.
const CHILDREN: [&str; 10] = [
    "message_attachments",
    "messages",
    "ticket_attributes",
    "ticket_tags",
    "ticket_discord_users",
    "ticket_history",
    "ticket_metrics",
    "ticket_events",
    "_ticket_slas",
    "_ticket_activity",
];

/// Tables of rows that tickets name: the table, the condition under which nothing names `row`.
const UNNAMED: [(&str, &str); 4] = [
    (
        "customers",
        "NOT EXISTS (SELECT 1 FROM tickets WHERE customer_id = row.id)
         AND NOT EXISTS (SELECT 1 FROM _customer_index AS known WHERE known.id = row.id)",
    ),
    (
        "categories",
        "NOT EXISTS (SELECT 1 FROM tickets WHERE category_id = row.id)
         AND NOT EXISTS (SELECT 1 FROM ticket_history WHERE category_id = row.id)",
    ),
    (
        "agents",
        "NOT EXISTS (SELECT 1 FROM tickets WHERE assigned_agent_id = row.id)
         AND NOT EXISTS (SELECT 1 FROM ticket_history WHERE assigned_agent_id = row.id)",
    ),
    (
        "tags",
        "NOT EXISTS (SELECT 1 FROM ticket_tags WHERE tag_id = row.id)",
    ),
];

impl Store {
    /// Makes a file whole that SQLite finds damaged: builds indexes again, and tables whose rows lie in
    /// the tree of their key. Returns whether there was anything to do.
    ///
    /// # Errors
    /// What is left is damage that rows cannot be got out of.
    pub fn rebuild(&mut self) -> Result<bool> {
        let attempt = |connection: &Connection| -> Attempt<bool> {
            if audit::integrity(connection)?.is_empty() {
                return Ok(false);
            }
            // Rows are moved, not changed: which row names which is none of this.
            connection.pragma_update(None, "foreign_keys", false)?;
            let transaction = connection.unchecked_transaction()?;
            let moved = rebuild(&transaction);
            match moved {
                Ok(()) => transaction.commit()?,
                Err(_) => transaction.rollback()?,
            }
            connection.pragma_update(None, "foreign_keys", true)?;
            moved?;
            let left = audit::integrity(connection)?;
            // A value of another type than its column's is a row's affair: it is read again.
            match left.into_iter().find(|line| !line.contains(" value in ")) {
                Some(line) => Err(Failure::Damaged(line)),
                None => Ok(true),
            }
        };
        let attempt = |connection: &Connection| -> Attempt<bool> {
            let is_rebuilt = attempt(connection)?;
            // Reading again writes rows, not tables.
            match audit::foreign_tables(connection)?.first() {
                Some(table) => Err(Failure::Damaged(audit::foreign(table))),
                None => Ok(is_rebuilt),
            }
        };
        attempt(&self.connection).map_err(|failure| self.failed("rebuild the file", failure))
    }

    /// Clears away what stands in the way of reading again: rows that belong to nothing, tickets and
    /// runs that cannot be read, numbers that syncs would go by wrongly. Returns what the user should
    /// know of it.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn clear_debris(&mut self, now: Instant) -> Result<Vec<String>> {
        self.in_transaction("make way for a repair", |connection| {
            let remarks = records::mend_runs(connection, now)?;
            forget_values(connection)?;
            adopt_tickets(connection)?;
            // When a ticket was found gone, its last version says too.
            connection.execute(
                "UPDATE tickets SET deleted_at = last.valid_from FROM ticket_history AS last
                 WHERE last.ticket_id = tickets.id AND last.valid_until IS NULL
                     AND last.is_deleted = 1 AND tickets.deleted_at IS NULL
                     AND tickets.id IN (SELECT id FROM _ticket_index WHERE is_deleted = 1)",
                [],
            )?;
            for table in CHILDREN {
                connection.execute(
                    &format!(
                        "DELETE FROM {table} WHERE ticket_id NOT IN (SELECT id FROM tickets)
                             AND ticket_id NOT IN (SELECT id FROM _ticket_index)"
                    ),
                    [],
                )?;
            }
            for (table, unnamed) in UNNAMED {
                connection.execute(
                    &format!(
                        "DELETE FROM {table} AS row WHERE {unnamed} AND NOT EXISTS (
                             SELECT 1 FROM _row_hashes AS known
                             WHERE known.table_name = '{table}' AND known.id = row.id)"
                    ),
                    [],
                )?;
            }
            // An entry without a row, which nothing names and to which nothing belongs, is no customer's.
            connection.execute(
                "DELETE FROM _customer_index AS known
                 WHERE NOT EXISTS (SELECT 1 FROM customers WHERE id = known.id)
                     AND NOT EXISTS (SELECT 1 FROM tickets WHERE customer_id = known.id)
                     AND NOT EXISTS (SELECT 1 FROM customer_attributes WHERE customer_id = known.id)",
                [],
            )?;
            connection.execute(
                "DELETE FROM customer_attributes
                 WHERE customer_id NOT IN (SELECT id FROM customers)
                     AND customer_id NOT IN (SELECT id FROM _customer_index)",
                [],
            )?;
            Ok(remarks)
        })
    }

    /// The windows that hold the tickets created at these instants (in milliseconds since 1970), each
    /// with about as many tickets as one request brings.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn windows_around(&self, created_ms: &BTreeSet<i64>) -> Result<Vec<Window>> {
        let read = || -> rusqlite::Result<Vec<Window>> {
            let mut count = self.connection.prepare(
                "SELECT count(*) FROM _ticket_index WHERE created_at_ms BETWEEN ?1 AND ?2",
            )?;
            let mut spans: Vec<(i64, i64)> = Vec::new();
            for at in created_ms {
                if let Some((from, until)) = spans.last_mut() {
                    let tickets: i64 = count.query_row([*from, *at], |row| row.get(0))?;
                    if usize::try_from(tickets).is_ok_and(|tickets| tickets <= PAGE) {
                        *until = *at;
                        continue;
                    }
                }
                spans.push((*at, *at));
            }
            let windows = spans
                .into_iter()
                .filter_map(|(from, until)| Window::from_millis(from, until.saturating_add(1)));
            Ok(windows.collect())
        };
        read().map_err(|error| self.failed("read the index", error))
    }

    /// Takes what is damaged and what nobody sends any more as it was found, made readable; it
    /// matches its hashes then. Returns what that was.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn accept(
        &mut self,
        snapshot_id: i64,
        damaged: &[Damage],
        now: Instant,
    ) -> Result<Vec<(&'static str, String)>> {
        let measuring = self.measuring.clone();
        self.in_transaction("keep what cannot be read again", |connection| {
            let mut metrics = Metrics::new(connection, snapshot_id, &measuring)?;
            let mut accepted = Vec::new();
            for damage in damaged {
                let id = damage.id.as_str();
                let is_done = match damage.table {
                    "tickets" => {
                        let is_done = acceptance::accept_ticket(connection, snapshot_id, id, now)?;
                        metrics.refresh(id)?;
                        is_done
                    }
                    "customers" => acceptance::accept_customer(connection, snapshot_id, id, now)?,
                    "rejects" => acceptance::accept_reject(connection, id, now)?,
                    _ => match [Tag::TABLE, Category::TABLE, Agent::TABLE]
                        .into_iter()
                        .find(|table| table.name == damage.table)
                    {
                        Some(table) => {
                            acceptance::accept_row(connection, snapshot_id, table, id, now)?
                        }
                        None => false,
                    },
                };
                if is_done {
                    accepted.push((damage.table, damage.id.clone()));
                }
            }
            Ok(accepted)
        })
    }
}

fn rebuild(connection: &Connection) -> Attempt<()> {
    connection.execute_batch("REINDEX")?;
    let mut names = connection.prepare(
        "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND wr = 1",
    )?;
    let tables: Vec<String> = names
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    for table in tables {
        let mut columns =
            connection.prepare("SELECT name, type FROM pragma_table_xinfo(?1) ORDER BY cid")?;
        // A row whose values are not of its columns' types cannot be put back.
        let fits: Vec<String> = columns
            .query_map([&table], |row| {
                let (name, kind): (String, String) = (row.get(0)?, row.get(1)?);
                let kinds = match kind.as_str() {
                    "INTEGER" => "'integer', 'null'",
                    "REAL" => "'real', 'integer', 'null'",
                    "BLOB" => "'blob', 'null'",
                    _ => "'text', 'null'",
                };
                Ok(format!("typeof(\"{name}\") IN ({kinds})"))
            })?
            .collect::<rusqlite::Result<_>>()?;
        connection.execute_batch(&format!(
            "CREATE TEMP TABLE moved AS SELECT * FROM main.\"{table}\";
             DELETE FROM main.\"{table}\";
             INSERT OR IGNORE INTO main.\"{table}\" SELECT * FROM moved WHERE {};
             DROP TABLE moved",
            fits.join(" AND ")
        ))?;
    }
    Ok(())
}

/// Numbers of syncs that are not as they were written: without them, the next sync knows less and
/// reads more.
fn forget_values(connection: &Connection) -> Attempt<()> {
    let names: Vec<(String, Option<i64>, Option<crate::normalize::Hash>)> = connection
        .prepare(
            "SELECT name, value, hash FROM _sync
             LEFT JOIN _row_hashes ON table_name = ?1 AND id = name",
        )?
        .query_map([sums::SYNC], |row| {
            Ok((
                String::from_utf8_lossy(row.get_ref(0)?.as_bytes().unwrap_or_default())
                    .into_owned(),
                row.get_ref(1)?.as_i64().ok(),
                sums::hash(row, 2)?,
            ))
        })?
        .collect::<rusqlite::Result<_>>()?;
    for (name, value, hash) in names {
        let found = value.map(|value| sums::value_sum(&name, value));
        if found.is_none() || found != hash {
            connection.execute("DELETE FROM _sync WHERE name = ?1", [&name])?;
        }
    }
    connection.execute(
        "DELETE FROM _row_hashes WHERE table_name = ?1 AND id NOT IN (SELECT name FROM _sync)",
        [sums::SYNC],
    )?;
    Ok(())
}

/// Tickets that the index does not know, and entries of the index that name no ticket. On what is
/// ours something depends, at least a version; what nothing belongs to is an id that is none.
fn adopt_tickets(connection: &Connection) -> Attempt<()> {
    let is_used = |id: &str| {
        let some: Vec<String> = CHILDREN
            .iter()
            .map(|table| format!("EXISTS (SELECT 1 FROM {table} WHERE ticket_id = {id})"))
            .collect();
        format!("({})", some.join(" OR "))
    };
    connection.execute(
        &format!(
            "DELETE FROM tickets WHERE id NOT IN (SELECT id FROM _ticket_index) AND NOT {}",
            is_used("tickets.id")
        ),
        [],
    )?;
    connection.execute(
        &format!(
            "DELETE FROM _ticket_index WHERE id NOT IN (SELECT id FROM tickets) AND NOT {}",
            is_used("_ticket_index.id")
        ),
        [],
    )?;
    index_strays(connection)?;
    // What a ticket names has to be there, if only by its id, before the ticket can be written.
    for (table, column) in [
        ("customers", "customer_id"),
        ("categories", "category_id"),
        ("agents", "assigned_agent_id"),
    ] {
        connection.execute(
            &format!(
                "UPDATE tickets SET {column} = NULL
                 WHERE {column} IS NOT NULL AND {column} NOT IN (SELECT id FROM {table})
                     AND id IN (SELECT id FROM _ticket_index WHERE is_deleted = 1)"
            ),
            [],
        )?;
    }
    Ok(())
}

/// Tickets that the index lacks are entered into it as damaged.
fn index_strays(connection: &Connection) -> Attempt<()> {
    let strays: Vec<(String, Option<String>, bool)> = connection
        .prepare(
            "SELECT id, created_at, deleted_at IS NOT NULL FROM tickets
             WHERE id NOT IN (SELECT id FROM _ticket_index)",
        )?
        .query_map([], |row| {
            let text = row.get_ref(1)?.as_str().ok().map(str::to_owned);
            Ok((row.get(0)?, text, row.get(2)?))
        })?
        .collect::<rusqlite::Result<_>>()?;
    let mut insert = connection.prepare(
        "INSERT INTO _ticket_index (id, created_at_ms, head_hash, thread_hash, verified_at_ms,
             seen_snapshot, is_deleted)
         SELECT ?1, ?2, ?3, CASE WHEN message_count IS NOT NULL OR EXISTS (
             SELECT 1 FROM messages WHERE ticket_id = ?1) THEN ?3 END, 0, 0, ?4
         FROM tickets WHERE id = ?1",
    )?;
    for (id, created_at, is_deleted) in strays {
        let created_ms = created_at
            .as_deref()
            .and_then(crate::wire::usual_instant)
            .map_or(0, |at| at.timestamp_millis());
        insert.execute(params![id, created_ms, sums::DAMAGED, is_deleted])?;
    }
    Ok(())
}

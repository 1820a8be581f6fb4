//! Customers as tickets show them: the newest observation wins.

use std::sync::LazyLock;

use rusqlite::{CachedStatement, Connection, OptionalExtension, params};

use super::audit::CustomerAudit;
use super::bind;
use super::children::{self, Children};
use super::sums::{self, RowHashes};
use crate::normalize::{CustomerRows, Hash};
use crate::table::{Customer, CustomerAttribute, Record};

static ADD: LazyLock<String> =
    LazyLock::new(|| bind::insert_sql(Customer::TABLE) + " ON CONFLICT (id) DO NOTHING");
static UPSERT: LazyLock<String> = LazyLock::new(|| bind::upsert_sql(Customer::TABLE));
static ATTRIBUTES: LazyLock<children::Sql> = LazyLock::new(children::Sql::new::<CustomerAttribute>);

/// Writes what the tickets of one page show of their customers.
pub(super) struct Customers<'c> {
    snapshot_id: i64,
    read_at_ms: i64,
    look: CachedStatement<'c>,
    add: CachedStatement<'c>,
    upsert: CachedStatement<'c>,
    stub: CachedStatement<'c>,
    index: CachedStatement<'c>,
    attributes: Children<'c>,
    hashes: RowHashes<'c>,
    /// Looks at the rows of each customer that is read, where that is asked for.
    audit: Option<CustomerAudit<'c>>,
}

impl<'c> Customers<'c> {
    pub(super) fn new(
        connection: &'c Connection,
        snapshot_id: i64,
        read_at_ms: i64,
        is_thorough: bool,
    ) -> rusqlite::Result<Self> {
        Ok(Self {
            snapshot_id,
            read_at_ms,
            look: connection.prepare_cached(
                "SELECT hash, observed_at_ms, seen_snapshot FROM _customer_index WHERE id = ?1",
            )?,
            add: connection.prepare_cached(&ADD)?,
            upsert: connection.prepare_cached(&UPSERT)?,
            stub: connection.prepare_cached(
                "INSERT INTO customers (id, snapshot_id) VALUES (?1, ?2) ON CONFLICT (id) DO NOTHING",
            )?,
            index: connection.prepare_cached(
                "INSERT INTO _customer_index (id, hash, observed_at_ms, seen_snapshot, flags_hash)
                 VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (id) DO UPDATE SET hash = excluded.hash,
                     flags_hash = coalesce(excluded.flags_hash, flags_hash),
                     observed_at_ms = excluded.observed_at_ms,
                     seen_snapshot = excluded.seen_snapshot",
            )?,
            attributes: Children::new(connection, &ATTRIBUTES)?,
            hashes: RowHashes::new(connection, Customer::TABLE)?,
            audit: is_thorough
                .then(|| CustomerAudit::new(connection))
                .transpose()?,
        })
    }

    /// A customer of whom only the id was sent.
    pub(super) fn id(&mut self, id: &str) -> rusqlite::Result<()> {
        match self.stub.execute(params![id, self.snapshot_id])? {
            0 => Ok(()),
            _ => self.hashes.seal(id, true),
        }
    }

    /// A customer as a ticket showed it.
    pub(super) fn write(&mut self, rows: &CustomerRows) -> rusqlite::Result<()> {
        let id = rows.customer.id.as_str();
        let known: Option<(Option<Hash>, i64, i64)> = self
            .look
            .query_row([id], |row| {
                Ok((sums::hash(row, 0)?, row.get(1)?, row.get(2)?))
            })
            .optional()?;
        let is_seen = known.is_some_and(|(_, _, run)| run == self.snapshot_id);
        let is_damaged = match &mut self.audit {
            Some(audit) if known.is_some() && !is_seen => !audit.is_whole(id)?,
            _ => false,
        };
        let (is_known, is_moved) = match known {
            // Within a run, lanes may bring in a later read before an earlier one. Between runs
            // the clock is no judge: one that ran ahead would freeze the customer.
            Some((_, observed, run)) if run == self.snapshot_id && observed > self.read_at_ms => {
                return Ok(());
            }
            Some((hash, observed, run)) if hash == Some(rows.hash) && !is_damaged => {
                if run == self.snapshot_id && observed == self.read_at_ms {
                    return Ok(());
                }
                (true, false)
            }
            Some(_) => (true, true),
            None => (false, true),
        };
        if is_moved {
            // SQLite keeps a copy of each page that an upsert touches, as it may update many rows.
            let snapshot_id = self.snapshot_id;
            if is_known || !put(&mut self.add, &rows.customer, snapshot_id)? {
                put(&mut self.upsert, &rows.customer, snapshot_id)?;
                self.attributes.delete(id)?;
            }
            self.attributes.insert(&rows.attributes)?;
        }
        let flags = is_moved.then(|| sums::flags(self.snapshot_id, None));
        self.index
            .execute(params![
                id,
                rows.hash,
                self.read_at_ms,
                self.snapshot_id,
                flags
            ])
            .map(drop)
    }
}

/// Whether the row went in.
fn put(
    statement: &mut CachedStatement<'_>,
    customer: &Customer,
    snapshot_id: i64,
) -> rusqlite::Result<bool> {
    let count = bind::bind(statement, customer)?;
    statement.raw_bind_parameter(count + 1, snapshot_id)?;
    statement.raw_execute().map(|changed| changed > 0)
}

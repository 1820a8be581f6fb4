//! One customer: its row and its attributes against its hash.

use rusqlite::{CachedStatement, Connection, OptionalExtension};

use super::super::bind;
use super::super::sums::{self, RowHashes};
use crate::normalize::{Hash, Sum};
use crate::table::{Customer, CustomerAttribute, Record};

/// Looks at customers one by one.
pub(in crate::store) struct CustomerAudit<'c> {
    known: CachedStatement<'c>,
    customer: CachedStatement<'c>,
    attributes: CachedStatement<'c>,
    /// Of customers of whom only the id is known.
    stubs: RowHashes<'c>,
}

impl<'c> CustomerAudit<'c> {
    pub(in crate::store) fn new(connection: &'c Connection) -> rusqlite::Result<Self> {
        Ok(Self {
            known: connection
                .prepare_cached("SELECT hash, flags_hash FROM _customer_index WHERE id = ?1")?,
            customer: connection
                .prepare_cached(&sums::select_sql(Customer::TABLE, "WHERE id = ?1"))?,
            attributes: connection.prepare_cached(&bind::select_sql(
                CustomerAttribute::TABLE,
                "WHERE customer_id = ?1 ORDER BY position",
            ))?,
            stubs: RowHashes::new(connection, Customer::TABLE)?,
        })
    }

    /// Whether the rows are as they were written.
    pub(in crate::store) fn is_whole(&mut self, id: &str) -> rusqlite::Result<bool> {
        let known = self
            .known
            .query_row([id], |row| Ok((sums::hash(row, 0)?, sums::hash(row, 1)?)))
            .optional()?;
        let Some((content, flags)) = known else {
            let has_none = matches!(self.attributes(id)?, Some((0, _)));
            return Ok(has_none && self.stubs.is_whole(id)?);
        };
        let found = self.sums(id)?;
        Ok(found.is_some() && found == content.zip(flags))
    }

    /// Over the content and over what the store sets; `None` where a row is missing or cannot be
    /// read.
    pub(in crate::store) fn sums(&mut self, id: &str) -> rusqlite::Result<Option<(Hash, Hash)>> {
        let columns = Customer::TABLE.content.len();
        let own = self
            .customer
            .query_row([id], |row| {
                let mut sum = Sum::default();
                let is_readable = sums::add(&mut sum, row, 0, Customer::TABLE.content.iter())?;
                let flags = row.get_ref(columns)?.as_i64().ok();
                Ok(flags.filter(|_| is_readable).map(|flags| (sum, flags)))
            })
            .optional()?
            .flatten();
        let Some((mut sum, snapshot_id)) = own else {
            return Ok(None);
        };
        let Some((count, cells)) = self.attributes(id)? else {
            return Ok(None);
        };
        sum.items(count, &cells.unwrap_or_default());
        Ok(Some((sum.hash(), sums::flags(snapshot_id, None))))
    }

    /// How many there are, and their cells if any; `None` where one cannot be read.
    fn attributes(&mut self, id: &str) -> rusqlite::Result<Option<(usize, Option<Sum>)>> {
        let mut cells: Option<Sum> = None;
        let mut count = 0;
        let mut rows = self.attributes.query([id])?;
        while let Some(row) = rows.next()? {
            let cells = cells.get_or_insert_default();
            if !sums::add(cells, row, 0, CustomerAttribute::TABLE.content.iter())? {
                return Ok(None);
            }
            count += 1;
        }
        Ok(Some((count, cells)))
    }
}

//! What is published: each table and view, with the columns that it has in the store.

use super::cell::Cell;
use crate::table::{CUSTOMERS_WIDE, TICKETS_WIDE, Table, Type};

/// A table or view, with its columns.
#[derive(Debug, Clone)]
pub(super) struct Relation {
    pub(super) table: &'static Table,
    /// Columns of custom attributes, which follow those of the schema.
    pub(super) attributes: Vec<String>,
    /// What its rows are read from, in SQL.
    pub(super) source: String,
}

/// A column as files have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Column<'r> {
    pub(super) name: &'r str,
    pub(super) kind: Type,
    pub(super) is_nullable: bool,
    pub(super) description: &'r str,
}

impl Relation {
    /// A table without custom attributes, or as it is before there are any.
    pub(super) fn of(table: &'static Table) -> Self {
        Self {
            table,
            attributes: Vec::new(),
            source: table.name.to_owned(),
        }
    }

    /// Whether it has columns of custom attributes.
    pub(super) fn is_wide(&self) -> bool {
        [TICKETS_WIDE.name, CUSTOMERS_WIDE.name].contains(&self.name())
    }

    pub(super) fn name(&self) -> &'static str {
        self.table.name
    }

    /// Its columns in order.
    pub(super) fn columns(&self) -> impl Iterator<Item = Column<'_>> {
        let known = self.table.columns().map(|column| Column {
            name: column.name,
            kind: column.kind,
            is_nullable: column.is_nullable,
            description: column.description.trim(),
        });
        let attributes = self.attributes.iter().map(|name| Column {
            name,
            kind: Type::Text,
            is_nullable: true,
            description: "The first value of a custom attribute.",
        });
        known.chain(attributes)
    }

    /// The cells of a row's key.
    pub(super) fn key<'c, 'r>(&self, row: &'r [Cell<'c>]) -> impl Iterator<Item = &'r Cell<'c>> {
        let columns = self.table.columns().zip(row);
        let keys = columns.filter(|(column, _)| self.table.key.contains(&column.name));
        keys.map(|(_, cell)| cell)
    }
}

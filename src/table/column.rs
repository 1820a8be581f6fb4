//! What a table is: columns of a type each, and records whose fields fill them.

use super::instant::Instant;

/// What a column holds, independent of any engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// An opaque identifier.
    Id,
    /// One of a small set of words; unknown words pass through.
    Enumeration,
    /// Free text.
    Text,
    /// A JSON document as text.
    Json,
    /// A signed 64-bit integer.
    Integer,
    /// True or false (0 or 1 in SQLite).
    Boolean,
    /// An instant: UTC text in SQLite, `timestamp(ms, UTC)` in Arrow.
    Instant,
}

impl Type {
    /// The declared type in SQLite's STRICT tables.
    pub fn sqlite(self) -> &'static str {
        match self {
            Self::Integer | Self::Boolean => "INTEGER",
            Self::Id | Self::Enumeration | Self::Text | Self::Json | Self::Instant => "TEXT",
        }
    }

    /// The type in Parquet, in the words of `docs/tables.md`.
    pub fn parquet(self) -> &'static str {
        match self {
            Self::Id | Self::Enumeration | Self::Text | Self::Json => "string",
            Self::Integer => "int64",
            Self::Boolean => "boolean",
            Self::Instant => "timestamp(ms, UTC)",
        }
    }

    /// The word used in `docs/tables.md`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Enumeration => "enumeration",
            Self::Text => "text",
            Self::Json => "json",
            Self::Integer => "integer",
            Self::Boolean => "boolean",
            Self::Instant => "instant",
        }
    }
}

/// One column of a [`Table`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Name in SQL and Parquet.
    pub name: &'static str,
    /// What it holds.
    pub kind: Type,
    /// Whether it can be NULL.
    pub is_nullable: bool,
    /// What it means, for people.
    pub description: &'static str,
}

/// One table for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Table {
    /// Name in SQL and Parquet.
    pub name: &'static str,
    /// What one row is.
    pub description: &'static str,
    /// Names of the primary key's columns, in order.
    pub key: &'static [&'static str],
    /// Columns that come from the API, in order.
    pub content: &'static [Column],
    /// Columns that the store sets, after the content.
    pub bookkeeping: &'static [Column],
}

impl Table {
    /// All columns in their documented order.
    pub fn columns(&self) -> impl Iterator<Item = &'static Column> {
        self.content.iter().chain(self.bookkeeping)
    }
}

/// A column's value, borrowed from its record.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cell<'a> {
    /// SQL NULL.
    Null,
    /// An integer or a boolean.
    Integer(i64),
    /// Text of any kind but an instant.
    Text(&'a str),
    /// An instant, not yet rendered for an engine.
    Instant(Instant),
}

/// A struct that is one row of a table's content columns.
pub trait Record {
    /// The table it belongs to.
    const TABLE: &'static Table;
    /// Calls `take` with each content column's value, in column order.
    fn each_cell<'a>(&'a self, take: impl FnMut(Cell<'a>));
}

/// What a record's field gives its column.
pub(super) trait Field {
    const IS_NULLABLE: bool;
    fn cell(&self) -> Cell<'_>;
}

impl Field for String {
    const IS_NULLABLE: bool = false;
    fn cell(&self) -> Cell<'_> {
        Cell::Text(self)
    }
}

impl Field for i64 {
    const IS_NULLABLE: bool = false;
    fn cell(&self) -> Cell<'_> {
        Cell::Integer(*self)
    }
}

impl Field for bool {
    const IS_NULLABLE: bool = false;
    fn cell(&self) -> Cell<'_> {
        Cell::Integer(i64::from(*self))
    }
}

impl Field for Instant {
    const IS_NULLABLE: bool = false;
    fn cell(&self) -> Cell<'_> {
        Cell::Instant(*self)
    }
}

impl<T: Field> Field for Option<T> {
    const IS_NULLABLE: bool = true;
    fn cell(&self) -> Cell<'_> {
        self.as_ref().map_or(Cell::Null, Field::cell)
    }
}

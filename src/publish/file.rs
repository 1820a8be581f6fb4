//! One Parquet file: made, filled, synced to disk.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_schema::SchemaRef;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::metadata::SortingColumn;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use super::batch::Batch;
use super::cell::Cell;
use super::directory;
use super::failure::Failure;
use super::relation::{Column, Relation};
use super::{layout, schema};
use crate::error::Result;
use crate::table::{LIVE_MESSAGES, Message, Record, Type};

/// Rows of a row group at most: a scan reads a few large ranges, and engines give each of their
/// threads some groups of this size.
const GROUP_ROWS: usize = 131_072;

/// Bytes of a row group, encoded, after which the next begins, so that a writer's memory does not
/// grow with what a month holds.
const GROUP_BYTES: usize = 16 << 20;

/// zstd's own default.
const ZSTD_LEVEL: i32 = 3;

/// Who wrote a file, in the form that Parquet's Java readers parse: `APPLICATION version VERSION`.
/// In a file whose writer they cannot make out, they take delta-encoded strings for those of a
/// writer that was broken (PARQUET-246) and refuse to read them.
const CREATED_BY: &str = concat!("mava-export version ", env!("CARGO_PKG_VERSION"));

/// What a file holds once it is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Closed {
    pub(super) rows: u64,
    pub(super) bytes: u64,
}

/// A Parquet file that is being written. Memory: one batch and one row group.
pub(super) struct TableFile {
    path: PathBuf,
    batch: Batch,
    writer: ArrowWriter<File>,
    rows: u64,
}

impl TableFile {
    /// A file for rows of `relation` at `path`, whose directory is made where it is missing.
    ///
    /// # Errors
    /// The file or its directory cannot be made.
    pub(super) fn create(path: &Path, relation: &Relation, file_mode: u32) -> Result<Self> {
        let file = directory::create_file(path, file_mode)?;
        let properties = properties(relation, layout::sorted_by(relation.table));
        Self::over(file, path, schema::schema(relation), properties)
    }

    /// Begins a file for the changes of `relation`, in any order.
    ///
    /// # Errors
    /// See [`TableFile::create`].
    pub(super) fn create_changes(path: &Path, relation: &Relation, file_mode: u32) -> Result<Self> {
        let file = directory::create_file(path, file_mode)?;
        let properties = properties(relation, &[]);
        Self::over(file, path, schema::changes_schema(relation), properties)
    }

    /// One over an open file.
    fn over(
        file: File,
        path: &Path,
        schema: SchemaRef,
        properties: WriterProperties,
    ) -> Result<Self> {
        let writer = ArrowWriter::try_new(file, Arc::clone(&schema), Some(properties))
            .map_err(|error| Failure::write(path, error))?;
        Ok(Self {
            path: path.to_owned(),
            batch: Batch::new(schema),
            writer,
            rows: 0,
        })
    }

    /// Adds a row.
    ///
    /// # Errors
    /// The disk is full or failed.
    pub(super) fn push<'a>(&mut self, cells: impl IntoIterator<Item = Cell<'a>>) -> Result<()> {
        self.batch
            .push(cells)
            .map_err(|error| Failure::write(&self.path, error))?;
        self.rows += 1;
        match self.batch.is_full() {
            true => self.flush(),
            false => Ok(()),
        }
    }

    fn flush(&mut self) -> Result<()> {
        self.batch
            .take()
            .and_then(|batch| self.writer.write(&batch))
            .map_err(|error| Failure::write(&self.path, error))
    }

    /// Writes what is left and waits until the file is on disk.
    ///
    /// # Errors
    /// The disk is full or failed.
    pub(super) fn close(mut self) -> Result<Closed> {
        if !self.batch.is_empty() {
            self.flush()?;
        }
        // Not `into_inner`, which makes a text of what its last flush met.
        self.writer
            .finish()
            .map_err(|error| Failure::write(&self.path, error))?;
        let bytes = directory::sync_file(self.writer.inner(), &self.path)?;
        Ok(Closed {
            rows: self.rows,
            bytes,
        })
    }
}

/// Whether nearly each row of a table has a value of its own in this column: ids of what the table
/// is about, not of what its rows refer to.
fn is_unique(relation: &Relation, column: Column<'_>) -> bool {
    let table = relation.table;
    let is_message = [Message::TABLE, LIVE_MESSAGES]
        .iter()
        .any(|known| known.name == table.name);
    let is_own = table.key == [column.name] || is_message;
    is_own && table.key.last() == Some(&column.name) && column.kind == Type::Id
}

/// Whether a column holds texts that are long and hardly ever the same: a dictionary of them would grow past
/// any bound. Then a file has values in both forms, which fastparquet reads as missing ones.
fn is_long(column: Column<'_>) -> bool {
    ["content", "raw_json"].contains(&column.name)
}

/// How the files of a table are written whose rows come sorted by these columns.
fn properties(relation: &Relation, sorted_by: &[&str]) -> WriterProperties {
    let level = ZstdLevel::try_new(ZSTD_LEVEL).unwrap_or_default();
    let mut properties = WriterProperties::builder()
        .set_created_by(CREATED_BY.to_owned())
        .set_compression(Compression::ZSTD(level))
        // Statistics of each page, which make the page index.
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_sorting_columns(sorting(relation, sorted_by))
        // Room for what a row group can hold, so that no column is written in two forms.
        .set_dictionary_page_size_limit(GROUP_BYTES)
        .set_max_row_group_row_count(Some(GROUP_ROWS))
        .set_max_row_group_bytes(Some(GROUP_BYTES));
    for column in relation.columns() {
        let path = ColumnPath::from(column.name);
        // A dictionary pays where values come again. Deltas would save little after zstd, and many readers
        // do not know them: Spark before 3.3, fastparquet.
        if is_unique(relation, column) || is_long(column) || column.kind == Type::Instant {
            properties = properties
                .set_column_dictionary_enabled(path.clone(), false)
                .set_column_encoding(path, Encoding::PLAIN);
        }
    }
    properties.build()
}

/// The order of the rows as a file declares it; `None` where there is none to declare.
fn sorting(relation: &Relation, sorted_by: &[&str]) -> Option<Vec<SortingColumn>> {
    let columns: Vec<SortingColumn> = sorted_by
        .iter()
        .filter_map(|name| relation.columns().position(|column| column.name == *name))
        .filter_map(|index| i32::try_from(index).ok())
        .map(|column_idx| SortingColumn {
            column_idx,
            descending: false,
            nulls_first: true,
        })
        .collect();
    (!columns.is_empty()).then_some(columns)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{Tag, all_tables};

    /// A file on a disk that is full from the first byte on.
    fn full() -> TableFile {
        let file = directory::open_full().expect("/dev/full");
        let path = Path::new("tags/tags.parquet");
        let tags = Relation::of(Tag::TABLE);
        let schema = schema::schema(&tags);
        TableFile::over(file, path, schema, properties(&tags, &[])).expect("a file")
    }

    #[test]
    fn a_full_disk_is_named_as_such_whenever_it_is_met() {
        for rows in [0, 1, 20_000] {
            let mut file = full();
            let mut outcome = Ok(());
            for row in 0..rows {
                let id = blake3::hash(&i64::to_le_bytes(row)).to_string();
                let cells = [Cell::Text(&id), Cell::Null, Cell::Integer(1)];
                outcome = outcome.and_then(|()| file.push(cells));
            }
            let error = outcome.and_then(|()| file.close()).expect_err("no space");
            let told = error.to_string();
            assert!(
                told.starts_with("no space left to write tags/tags.parquet"),
                "{rows} rows: {told}"
            );
            let help = error.help_text().expect("a way out");
            assert!(help.contains("publish again"), "{help}");
        }
    }

    #[test]
    fn only_ids_that_do_not_repeat_go_without_a_dictionary() {
        let relations: Vec<Relation> = all_tables().map(Relation::of).collect();
        let columns = relations
            .iter()
            .flat_map(|relation| relation.columns().map(move |column| (relation, column)));
        let unique: Vec<String> = columns
            .filter(|(relation, column)| is_unique(relation, *column))
            .map(|(relation, column)| format!("{}.{}", relation.name(), column.name))
            .collect();
        assert_eq!(
            unique,
            [
                "tickets.id",
                "messages.id",
                "customers.id",
                "tags.id",
                "categories.id",
                "agents.id",
                "ticket_metrics.ticket_id",
                "rejects.id",
                "customer_metrics.customer_id",
                "live_tickets.id",
                "live_messages.id",
                "tickets_wide.id",
                "customers_wide.id"
            ]
        );
    }
}

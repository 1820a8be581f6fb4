//! The rows of a published file, one after the other.

use std::path::{Path, PathBuf};

use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, TimestampMillisecondType};
use arrow_array::{
    Array, BooleanArray, Int64Array, RecordBatch, StringArray, TimestampMillisecondArray,
};
use arrow_schema::DataType;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

use super::cell::{Cell, Cells};
use super::directory;
use super::failure::{Failure, Stop};
use super::relation::Relation;
use crate::error::Error;

type Result<T> = std::result::Result<T, Stop>;

/// Bytes of a batch, as far as the file's own account of its row groups tells.
const BATCH_BYTES: i64 = 1 << 20;

/// Rows of a batch, whatever they weigh.
const BATCH_ROWS: std::ops::RangeInclusive<i64> = 1..=4_096;

/// A published file that is read from its beginning. Memory: a page a column, and one batch.
pub(super) struct Old {
    path: PathBuf,
    reader: ParquetRecordBatchReader,
    /// Where each column that was asked for stands among those that are read; none of one that the file lacks.
    places: Vec<Option<usize>>,
    /// The names of the file's columns.
    fields: Vec<String>,
    /// Whether it has other columns of custom attributes than the relation.
    has_others: bool,
    columns: Vec<Column>,
    row: usize,
    rows: usize,
}

enum Column {
    Text(StringArray),
    Integer(Int64Array),
    Boolean(BooleanArray),
    Instant(TimestampMillisecondArray),
}

impl Old {
    /// All columns of a file of `relation`. Those of custom attributes that were first seen since then are NULL.
    ///
    /// # Errors
    /// The file cannot be read, or has other columns.
    pub(super) fn open(path: &Path, relation: &Relation) -> Result<Self> {
        let names: Vec<&str> = relation.columns().map(|column| column.name).collect();
        let least = relation.table.columns().count();
        let mut old = Self::open_at_least(path, &names, least)?;
        let mut fields = old.fields.iter();
        let is_other = |name: &String| relation.is_wide() && !names.contains(&name.as_str());
        old.has_others = old.places.contains(&None) || fields.any(is_other);
        Ok(old)
    }

    /// These columns of a file, which come in the file's order.
    ///
    /// # Errors
    /// See [`Old::open`].
    pub(super) fn open_columns(path: &Path, names: &[&str]) -> Result<Self> {
        Self::open_at_least(path, names, names.len())
    }

    fn open_at_least(path: &Path, names: &[&str], least: usize) -> Result<Self> {
        let file = directory::open_file(path).map_err(Stop::Damaged)?;
        let builder = ParquetRecordBatchReaderBuilder::try_new(file)
            .map_err(|error| Stop::Damaged(Failure::read(path, error)))?;
        let fields = builder.schema().fields().iter();
        let fields: Vec<String> = fields.map(|field| field.name().clone()).collect();
        // What is read comes in the file's order.
        let read: Vec<&String> = fields
            .iter()
            .filter(|name| names.contains(&name.as_str()))
            .collect();
        let places = names
            .iter()
            .map(|name| read.iter().position(|field| field == name));
        let places: Vec<Option<usize>> = places.collect();
        if places.iter().take(least).any(Option::is_none) {
            let path = path.display();
            return Err(Stop::Damaged(Error::failed(format!(
                "{path} has other columns than it was written with"
            ))));
        }
        let mask = ProjectionMask::columns(builder.parquet_schema(), names.iter().copied());
        // A group of few heavy rows is read in small batches.
        let heaviest = builder
            .metadata()
            .row_groups()
            .iter()
            .map(|group| group.total_byte_size() / group.num_rows().max(1));
        let rows = BATCH_BYTES / heaviest.max().unwrap_or(0).max(1);
        let rows = rows.clamp(*BATCH_ROWS.start(), *BATCH_ROWS.end());
        let reader = builder
            .with_projection(mask)
            .with_batch_size(usize::try_from(rows).unwrap_or(1))
            .build()
            .map_err(|error| Stop::Damaged(Failure::read(path, error)))?;
        let mut old = Self {
            path: path.to_owned(),
            reader,
            fields,
            places,
            has_others: false,
            columns: Vec::new(),
            row: 0,
            rows: 0,
        };
        old.fill()?;
        Ok(old)
    }

    /// The row to come; `None` after the last.
    pub(super) fn row(&self) -> Option<Cells<'_>> {
        if self.row >= self.rows {
            return None;
        }
        let cell = |place: &Option<usize>| {
            let column = place.and_then(|place| self.columns.get(place));
            column.map_or(Cell::Null, |column| column.cell(self.row))
        };
        Some(self.places.iter().map(cell).collect())
    }

    /// Whether it has other columns of custom attributes than the relation.
    pub(super) fn has_others(&self) -> bool {
        self.has_others
    }

    /// Goes on to the next row.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(super) fn advance(&mut self) -> Result<()> {
        self.row += 1;
        if self.row >= self.rows {
            self.fill()?;
        }
        Ok(())
    }

    fn fill(&mut self) -> Result<()> {
        self.row = 0;
        self.rows = 0;
        while self.rows == 0 {
            let Some(batch) = self.reader.next() else {
                self.columns.clear();
                return Ok(());
            };
            let batch = batch.map_err(|error| Stop::Damaged(Failure::read(&self.path, error)))?;
            self.rows = batch.num_rows();
            self.columns = columns(&batch);
            if self.columns.len() != self.places.iter().flatten().count() {
                let path = self.path.display();
                return Err(Stop::Damaged(Error::failed(format!(
                    "{path} has other columns than it was written with"
                ))));
            }
        }
        Ok(())
    }
}

fn columns(batch: &RecordBatch) -> Vec<Column> {
    batch
        .columns()
        .iter()
        .filter_map(|array| {
            Some(match array.data_type() {
                DataType::Int64 => Column::Integer(array.as_primitive_opt::<Int64Type>()?.clone()),
                DataType::Boolean => Column::Boolean(array.as_boolean_opt()?.clone()),
                DataType::Timestamp(..) => Column::Instant(
                    array
                        .as_primitive_opt::<TimestampMillisecondType>()?
                        .clone(),
                ),
                _ => Column::Text(array.as_string_opt::<i32>()?.clone()),
            })
        })
        .collect()
}

impl Column {
    fn cell(&self, row: usize) -> Cell<'_> {
        match self {
            Self::Text(array) if array.is_valid(row) => Cell::Text(array.value(row)),
            Self::Integer(array) if array.is_valid(row) => Cell::Integer(array.value(row)),
            Self::Boolean(array) if array.is_valid(row) => {
                Cell::Integer(i64::from(array.value(row)))
            }
            Self::Instant(array) if array.is_valid(row) => Cell::Integer(array.value(row)),
            _ => Cell::Null,
        }
    }
}

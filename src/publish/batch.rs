//! Rows gathered into Arrow's columns, a bounded number of bytes at a time.

use std::sync::Arc;

use arrow_array::builder::{
    BooleanBuilder, Int64Builder, StringBuilder, TimestampMillisecondBuilder,
};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, SchemaRef};
use parquet::errors::{ParquetError, Result};

use super::cell::Cell;

/// Rows of a batch at most.
const ROWS: usize = 4_096;

/// Bytes of text after which a batch is full. A message may hold megabytes, so rows alone bound
/// nothing.
const BYTES: usize = 1 << 20;

/// Rows on their way into a file.
pub(super) struct Batch {
    schema: SchemaRef,
    columns: Vec<Builder>,
    rows: usize,
    bytes: usize,
}

enum Builder {
    Text(StringBuilder),
    Integer(Int64Builder),
    Boolean(BooleanBuilder),
    Instant(TimestampMillisecondBuilder),
}

impl Batch {
    pub(super) fn new(schema: SchemaRef) -> Self {
        let columns = schema
            .fields()
            .iter()
            .map(|field| match field.data_type() {
                DataType::Int64 => Builder::Integer(Int64Builder::new()),
                DataType::Boolean => Builder::Boolean(BooleanBuilder::new()),
                DataType::Timestamp(..) => Builder::Instant(
                    TimestampMillisecondBuilder::new().with_data_type(field.data_type().clone()),
                ),
                _ => Builder::Text(StringBuilder::new()),
            })
            .collect();
        Self {
            schema,
            columns,
            rows: 0,
            bytes: 0,
        }
    }

    /// Adds a row: one cell a column, in order.
    pub(super) fn push<'a>(&mut self, cells: impl IntoIterator<Item = Cell<'a>>) -> Result<()> {
        for (column, cell) in self.columns.iter_mut().zip(cells) {
            self.bytes += column.push(cell)?;
        }
        self.rows += 1;
        Ok(())
    }

    pub(super) fn is_full(&self) -> bool {
        self.rows >= ROWS || self.bytes >= BYTES
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// What was gathered; the batch is empty after it.
    pub(super) fn take(&mut self) -> Result<RecordBatch> {
        self.rows = 0;
        self.bytes = 0;
        let columns = self.columns.iter_mut().map(Builder::take).collect();
        Ok(RecordBatch::try_new(Arc::clone(&self.schema), columns)?)
    }
}

impl Builder {
    /// Adds a value and returns how many bytes of text it has.
    fn push(&mut self, cell: Cell<'_>) -> Result<usize> {
        match (self, cell) {
            (Self::Text(column), Cell::Text(text)) => {
                column.append_value(text);
                return Ok(text.len());
            }
            (Self::Text(column), Cell::Null) => column.append_null(),
            (Self::Integer(column), Cell::Integer(number)) => column.append_value(number),
            (Self::Integer(column), Cell::Null) => column.append_null(),
            (Self::Boolean(column), Cell::Integer(number)) => column.append_value(number != 0),
            (Self::Boolean(column), Cell::Null) => column.append_null(),
            (Self::Instant(column), Cell::Integer(number)) => column.append_value(number),
            (Self::Instant(column), Cell::Null) => column.append_null(),
            _ => return Err(ParquetError::General("a value is not of its column".into())),
        }
        Ok(0)
    }

    fn take(&mut self) -> ArrayRef {
        match self {
            Self::Text(column) => Arc::new(column.finish()),
            Self::Integer(column) => Arc::new(column.finish()),
            Self::Boolean(column) => Arc::new(column.finish()),
            Self::Instant(column) => Arc::new(column.finish()),
        }
    }
}

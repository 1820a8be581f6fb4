//! The Arrow schema that follows from the one schema in `table`.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};

use super::relation::{Column, Relation};
use crate::table::{Type, all_tables};

/// The column that says what a row of `changes/` is: `insert`, `update` or `delete`.
pub const OPERATION: &str = "_op";

/// Raised when files are written in another way than before: sorted, cut or encoded otherwise.
/// Files of another layout are never linked.
const LAYOUT: u32 = 4;

/// Raised when columns come to mean something else, with the migration that makes them anew: rows are
/// others then, and no run tells which.
const DEFINITIONS: u32 = 1;

/// What a column holds in Arrow. Strings are plain: whether a file stores them in a dictionary is
/// a matter of Parquet's encoding, which every engine undoes, while Arrow's dictionary type
/// becomes a categorical in some engines and not in others.
pub(super) fn arrow(kind: Type) -> DataType {
    match kind {
        Type::Id | Type::Enumeration | Type::Text | Type::Json => DataType::Utf8,
        Type::Integer => DataType::Int64,
        Type::Boolean => DataType::Boolean,
        Type::Instant => DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())),
    }
}

/// The schema of a table's files.
pub(super) fn schema(relation: &Relation) -> SchemaRef {
    let fields = relation.columns().map(field).collect::<Vec<_>>();
    Arc::new(Schema::new_with_metadata(fields, metadata(relation)))
}

/// The schema of a table's changes: its columns, and the operation.
pub(super) fn changes_schema(relation: &Relation) -> SchemaRef {
    let operation = Field::new(OPERATION, DataType::Utf8, false).with_metadata(HashMap::from([(
        "description".to_owned(),
        "`insert`, `update` or `delete`; a deleted row is as it was.".to_owned(),
    )]));
    let fields = relation.columns().map(field).chain([operation]);
    Arc::new(Schema::new_with_metadata(
        fields.collect::<Vec<_>>(),
        metadata(relation),
    ))
}

fn field(column: Column<'_>) -> Field {
    let mut metadata = HashMap::from([("description".to_owned(), column.description.to_owned())]);
    if column.kind == Type::Json {
        // Not Arrow's extension type nor Parquet's logical type: pandas and Polars then no longer
        // see a string.
        metadata.insert("format".to_owned(), "json".to_owned());
    }
    Field::new(column.name, arrow(column.kind), column.is_nullable).with_metadata(metadata)
}

fn metadata(relation: &Relation) -> HashMap<String, String> {
    HashMap::from([
        (
            "description".to_owned(),
            relation.table.description.trim().to_owned(),
        ),
        ("schema".to_owned(), fingerprint()),
    ])
}

/// Tells whether two images have the same tables, columns, types, definitions and layout, whatever columns there are of custom
/// attributes.
pub(super) fn fingerprint() -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&LAYOUT.to_le_bytes());
    hasher.update(&DEFINITIONS.to_le_bytes());
    for table in all_tables() {
        hasher.update(table.name.as_bytes());
        for column in table.columns() {
            let line = format!(
                "\n{} {} {}",
                column.name,
                column.kind.word(),
                column.is_nullable
            );
            hasher.update(line.as_bytes());
        }
        hasher.update(format!("\n{}\n", table.key.join(" ")).as_bytes());
    }
    hasher.finalize().to_hex().chars().take(16).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_type_is_the_one_written() {
        for table in all_tables() {
            let schema = schema(&Relation::of(table));
            for (field, column) in schema.fields().iter().zip(table.columns()) {
                let word = match field.data_type() {
                    DataType::Utf8 => "string",
                    DataType::Int64 => "int64",
                    DataType::Boolean => "boolean",
                    DataType::Timestamp(TimeUnit::Millisecond, Some(zone)) if &**zone == "UTC" => {
                        "timestamp(ms, UTC)"
                    }
                    other => panic!("{other}"),
                };
                assert_eq!(word, column.kind.parquet(), "{}", column.name);
                assert_eq!(field.name(), column.name);
                assert_eq!(field.is_nullable(), column.is_nullable);
                assert!(!field.metadata()["description"].is_empty());
                let is_json = field.metadata().contains_key("format");
                assert_eq!(is_json, column.kind == Type::Json, "{}", column.name);
            }
            assert_eq!(schema.fields().len(), table.columns().count());
        }
    }
}

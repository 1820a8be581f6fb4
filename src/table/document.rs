//! `docs/tables.md`, written from the schema.

use std::fmt::Write;

use super::{TABLES, Table};

const PREAMBLE: &str = "\
<!-- Written from src/table.rs; see docs/contributing.md. -->
# Tables

The tables of the store. What a type is in SQLite stands in the first table; the Parquet column says what it becomes once
the store is published, which this version does not do yet. In SQLite all tables are `STRICT`; tables whose names begin with `_`
are internal and may change with any version.

| type | SQLite | Parquet | holds |
|---|---|---|---|
| id | `TEXT` | string | an opaque identifier |
| enumeration | `TEXT` | string | one of a small set of words; words the API adds later pass through |
| text | `TEXT` | string | free text |
| json | `TEXT` | string | a JSON document |
| integer | `INTEGER` | int64 | a signed 64-bit integer |
| boolean | `INTEGER` | boolean | in SQLite 0 or 1 |
| instant | `TEXT` | timestamp(ms, UTC) | in SQLite `2026-01-31T09:05:00.123Z`, so that text order is time order |
";

/// The text of `docs/tables.md`.
pub fn document() -> String {
    let mut text = PREAMBLE.to_owned();
    for table in TABLES {
        text.push_str(&section(table));
    }
    text
}

fn section(table: &Table) -> String {
    let mut text = format!(
        "\n## {}\n\n{}\n\nKey: `{}`.\n\n| column | type | NULL | meaning |\n|---|---|---|---|\n",
        table.name,
        table.description.trim(),
        table.key.join("`, `")
    );
    for column in table.columns() {
        // Writing to a `String` cannot fail.
        let _ = writeln!(
            text,
            "| `{}` | {} | {} | {} |",
            column.name,
            column.kind.word(),
            if column.is_nullable { "yes" } else { "" },
            column.description.trim().replace('|', "\\|")
        );
    }
    text
}

//! `docs/tables.md`, written from the schema.

use std::fmt::Write;

use super::{TABLES, Table, Type};

const PREAMBLE: &str = "\
<!-- Written from src/table.rs; see docs/contributing.md. -->
# Tables

The tables of the store and of its Parquet snapshots. What a type is in either stands in the first table. In SQLite all tables are `STRICT`; tables whose names begin with `_`
are internal and may change with any version.

| type | SQLite | Parquet | holds |
|---|---|---|---|
";

/// What each type holds.
const TYPES: [(Type, &str); 7] = [
    (Type::Id, "an opaque identifier"),
    (
        Type::Enumeration,
        "one of a small set of words; words the API adds later pass through",
    ),
    (Type::Text, "free text"),
    (Type::Json, "a JSON document"),
    (Type::Integer, "a signed 64-bit integer"),
    (Type::Boolean, "in SQLite 0 or 1"),
    (
        Type::Instant,
        "in SQLite `2026-01-31T09:05:00.123Z`, so that text order is time order",
    ),
];

/// The text of `docs/tables.md`.
pub fn document() -> String {
    let mut text = PREAMBLE.to_owned();
    for (kind, holds) in TYPES {
        let (word, sqlite, parquet) = (kind.word(), kind.sqlite(), kind.parquet());
        // Writing to a `String` cannot fail.
        let _ = writeln!(text, "| {word} | `{sqlite}` | {parquet} | {holds} |");
    }
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

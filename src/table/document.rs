//! `docs/tables.md`, written from the schema.

use std::fmt::Write;

use super::{Column, INTERNAL_TABLES, TABLES, TOTALS, Table, Type, VIEWS};

const PREAMBLE: &str = "\
<!-- Written from src/table.rs; see docs/contributing.md. -->
# Tables

The tables of the store and of its Parquet snapshots. What a type is in either stands in the first table. In SQLite all tables are `STRICT`; tables whose names begin with `_`
are [internal](#internal-tables).

| type | SQLite | Parquet | holds |
|---|---|---|---|
";

/// What the files of a snapshot have besides.
const PARQUET: &str = "
In Parquet:

- `created_month` is a folder's name, not a column of a file. Engines that read such names give it as one more column of the tables that are cut by
  month: `tickets` and what belongs to them. It is the month in which the ticket was created, in UTC; a table without a row has one file, in
  `created_month=1970-01`.
- `_op` is the last column of the files in `changes/`: `insert`, `update` or `delete`. A ticket that is gone from the desk stays in the store and
  comes as an `update` that sets `deleted_at`, never as a `delete`. A `delete` is a row that the store itself has no more, such as a tag taken off a ticket or
  a message gone from its thread.
- Rows of `tickets` are sorted by `created_at`, then `id`, those of tables that are not cut by month by their key; row groups say so. What belongs to tickets is
  in the order in which its tickets were created, then in that of the thread's `position`, or else of its key.
";

/// What the tables are that nobody else should build on.
const INTERNAL: &str = "
## Internal tables

What the program keeps for itself, in names that begin with `_`: how far a run is, what tells a changed ticket from one read again, hashes that show damage.
They lie in the same file since rows and progress are committed together: after a crash neither is ahead of the other. They are in no snapshot, and may change with any
version. `mava-export query .tables` leaves them out; `.tables all` lists them.

| table | one row is |
|---|---|
";

/// What is made of the tables.
const MADE: &str = "
## Totals and views

Made of the tables above, so that the usual questions are short; [metrics.md](metrics.md) has their columns. Totals are tables, made anew where a run ends; the others are views of the
store. Snapshots have both as tables.

| name | holds |
|---|---|
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
    text.push_str(PARQUET);
    for table in TABLES {
        text.push_str(&section(table));
    }
    text.push_str(MADE);
    for table in TOTALS.iter().chain(VIEWS) {
        let holds = table.description.trim();
        let end = holds.find(". ").map_or(holds.len(), |end| end + 1);
        let holds = holds.get(..end).unwrap_or(holds);
        // Writing to a `String` cannot fail.
        let _ = writeln!(text, "| [{0}](metrics.md#{0}) | {holds} |", table.name);
    }
    text.push_str(INTERNAL);
    for (table, row) in INTERNAL_TABLES {
        // Writing to a `String` cannot fail.
        let _ = writeln!(text, "| `{table}` | {row} |");
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
            definition(column).replace('|', "\\|")
        );
    }
    text
}

/// What a column means. Its trap is told where it is defined.
fn definition(column: &Column) -> &str {
    let description = column.description.trim();
    let (definition, _) = description
        .split_once(" Trap: ")
        .unwrap_or((description, ""));
    definition
}

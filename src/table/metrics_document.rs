//! `docs/metrics.md`: its words in `metrics_page.md`, and the columns of each table from the schema.

use std::fmt::Write;

use super::{Column, Table, all_tables};

const PAGE: &str = include_str!("metrics_page.md");

const PREAMBLE: &str = "<!-- Written from src/table/metrics_page.md and the tables in src/table; see docs/contributing.md. -->\n";

/// What parts a definition from its trap, in the description of a column.
const TRAP: &str = " Trap: ";

/// The text of `docs/metrics.md`.
pub fn metrics_document() -> String {
    let mut text = format!("{PREAMBLE}{PAGE}");
    for table in all_tables() {
        let place = format!("{{{{{}}}}}\n", table.name);
        if text.contains(&place) {
            text = text.replace(&place, &columns(table));
        }
    }
    text
}

/// The columns of a table that are not those of another one.
fn columns(table: &Table) -> String {
    let mut text =
        "| column | type | NULL | definition | trap |\n|---|---|---|---|---|\n".to_owned();
    let others = all_tables().filter(|other| other.name != table.name);
    let is_lent = others
        .clone()
        .any(|other| std::ptr::eq(other.content, table.content));
    let own = table.columns().filter(|column| {
        !is_lent
            || !others
                .clone()
                .any(|other| other.columns().any(|known| known == *column))
    });
    for column in own {
        let (definition, trap) = parts(column);
        // Writing to a `String` cannot fail.
        let _ = writeln!(
            text,
            "| `{}` | {} | {} | {} | {} |",
            column.name,
            column.kind.word(),
            if column.is_nullable { "yes" } else { "" },
            definition.replace('|', "\\|"),
            trap.replace('|', "\\|"),
        );
    }
    text
}

/// A column's definition and its trap, which may be empty.
fn parts(column: &Column) -> (&'static str, &'static str) {
    let description = column.description.trim();
    description.split_once(TRAP).unwrap_or((description, ""))
}

//! Tables as plain rows, read from a store and compared.

use std::collections::BTreeMap;
use std::fmt::Write;

use mava_export::table::TABLES;
use rusqlite::Connection;
use rusqlite::types::ValueRef;
use serde_json::Value;

/// A row: its columns by name.
pub(crate) type Row = BTreeMap<String, Value>;

/// Tables that hold what the API sent.
const DATA: [&str; 11] = [
    "tickets",
    "messages",
    "message_attachments",
    "customers",
    "ticket_attributes",
    "customer_attributes",
    "tags",
    "ticket_tags",
    "ticket_discord_users",
    "categories",
    "agents",
];

/// Differences shown before the rest is only counted.
const SHOWN: usize = 6;

/// The data tables, each row under the text of its key.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rows(BTreeMap<&'static str, BTreeMap<String, Row>>);

impl Default for Rows {
    fn default() -> Self {
        Self(DATA.map(|name| (name, BTreeMap::new())).into())
    }
}

/// An object's entries as a row.
pub(crate) fn row(columns: Value) -> Row {
    match columns {
        Value::Object(entries) => entries.into_iter().collect(),
        other => panic!("{other} is no row"),
    }
}

impl Rows {
    /// What a store holds: content columns alone, JSON parsed.
    pub(crate) fn read(store: &Connection) -> Self {
        let mut rows = Self::default();
        for name in DATA {
            let sql = format!("SELECT * FROM {name}");
            let mut statement = store.prepare(&sql).expect("a table");
            let names: Vec<String> = statement.column_names().map(str::to_owned).collect();
            let mut found = statement.query([]).expect("runs");
            while let Some(read) = found.next().expect("a row") {
                let columns = names
                    .iter()
                    .enumerate()
                    .filter(|(_, name)| !["snapshot_id", "deleted_at"].contains(&name.as_str()))
                    .map(|(place, name)| {
                        let value = read.get_ref(place).expect("a column");
                        (name.clone(), cell(name, value))
                    });
                rows.add(name, columns.collect());
            }
        }
        rows
    }

    /// Adds a row. One of the same key there already is a mistake of the test.
    pub(crate) fn add(&mut self, table: &'static str, row: Row) {
        let definition = TABLES.iter().find(|one| one.name == table);
        let key: Vec<String> = definition
            .expect("a table for people")
            .key
            .iter()
            .map(|column| row[*column].to_string())
            .collect();
        let key = key.join(" ");
        let rows = self.0.get_mut(table).expect("a data table");
        let replaced = rows.insert(key.clone(), row);
        assert!(replaced.is_none(), "two rows {key} in {table}");
    }

    /// Drops a column of every table that has it.
    pub(crate) fn without_column(mut self, column: &str) -> Self {
        for row in self.0.values_mut().flat_map(BTreeMap::values_mut) {
            row.remove(column);
        }
        self
    }

    /// Drops whole tables.
    pub(crate) fn without_tables(mut self, tables: &[&str]) -> Self {
        self.0.retain(|name, _| !tables.contains(name));
        self
    }

    /// Drops every row of or about these tickets.
    pub(crate) fn without_tickets(mut self, ids: &[String]) -> Self {
        for (table, rows) in &mut self.0 {
            let column = if *table == "tickets" {
                "id"
            } else {
                "ticket_id"
            };
            rows.retain(|_, row| {
                let id = row.get(column).and_then(Value::as_str);
                *table == "customers" || id.is_none_or(|id| ids.iter().all(|one| one != id))
            });
        }
        self
    }

    /// Drops these customers, with their attributes.
    pub(crate) fn without_customers(mut self, ids: &[String]) -> Self {
        for (table, column) in [("customers", "id"), ("customer_attributes", "customer_id")] {
            let rows = self.0.get_mut(table).expect("a data table");
            rows.retain(|_, row| {
                let id = row.get(column).and_then(Value::as_str);
                id.is_none_or(|id| ids.iter().all(|one| one != id))
            });
        }
        self
    }

    /// How many rows a table has.
    pub(crate) fn count(&self, table: &str) -> usize {
        self.0.get(table).map_or(0, BTreeMap::len)
    }

    /// Panics with the first few differences where these rows are not the expected ones.
    #[track_caller]
    pub(crate) fn assert_equal(&self, expected: &Self, what: &str) {
        let differences = self.differences(expected);
        if !differences.is_empty() {
            let mut text = String::new();
            for difference in differences.iter().take(SHOWN) {
                let _written = writeln!(text, "  {difference}");
            }
            let count = differences.len();
            panic!("{what}: {count} rows differ from what is expected\n{text}");
        }
    }

    /// A line for each row that differs.
    fn differences(&self, expected: &Self) -> Vec<String> {
        let mut lines = Vec::new();
        let none = BTreeMap::new();
        for name in DATA {
            let here = self.0.get(name).unwrap_or(&none);
            let there = expected.0.get(name).unwrap_or(&none);
            for (key, row) in there {
                match here.get(key) {
                    None => lines.push(format!("{name} {key}: missing")),
                    Some(found) if found != row => lines.push(format!(
                        "{name} {key}: {}",
                        columns_that_differ(found, row).join(", ")
                    )),
                    Some(_) => {}
                }
            }
            let unasked = here.keys().filter(|key| !there.contains_key(*key));
            lines.extend(unasked.map(|key| format!("{name} {key}: not expected")));
        }
        lines
    }
}

fn columns_that_differ(found: &Row, expected: &Row) -> Vec<String> {
    let mut names: Vec<&String> = found.keys().chain(expected.keys()).collect();
    names.sort();
    names.dedup();
    let show = |value: Option<&Value>| match value {
        None => "nothing".to_owned(),
        Some(value) => value.to_string().chars().take(160).collect(),
    };
    names
        .into_iter()
        .map(|name| (name, found.get(name), expected.get(name)))
        .filter(|(_, found, expected)| found != expected)
        .map(|(name, found, expected)| {
            format!("{name} is {} and not {}", show(found), show(expected))
        })
        .collect()
}

fn cell(name: &str, value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => number.into(),
        ValueRef::Text(text) => {
            let text = std::str::from_utf8(text).expect("UTF-8");
            if name.ends_with("_json") {
                serde_json::from_str(text).expect("JSON")
            } else {
                text.into()
            }
        }
        ValueRef::Real(_) | ValueRef::Blob(_) => panic!("{name} is neither integer nor text"),
    }
}

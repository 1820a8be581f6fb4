//! What a store holds, compared with another.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags};
use tempfile::TempDir;

/// Every row of every table for people, as sorted text, and of the ticket index. Left out is what
/// depends on when and in how many runs it was written.
pub(super) fn rows(path: &Path) -> BTreeMap<String, Vec<String>> {
    const MOMENTARY: [&str; 10] = [
        "snapshot_id",
        "valid_from",
        "valid_until",
        "deleted_at",
        "verified_at_ms",
        "observed_at_ms",
        "seen_snapshot",
        "flags_hash",
        "history_hash",
        "metrics_hash",
    ];
    /// Records of runs, and totals that go to the hour or the day of the last one.
    const OTHERS: [&str; 10] = [
        "snapshots",
        "_runs",
        "_slices",
        "_row_hashes",
        "_totals",
        "days",
        "daily_metrics",
        "hourly_volume",
        "agent_daily",
        "agent_metrics",
    ];
    let sqlite = look(path);
    let names = texts(
        &sqlite,
        "SELECT name FROM sqlite_schema WHERE type = 'table'",
    );
    let tables = names
        .into_iter()
        .filter(|name| !name.starts_with("sqlite_"))
        .filter(|name| !OTHERS.contains(&name.as_str()));
    tables
        .map(|table| {
            let columns: Vec<String> = texts(
                &sqlite,
                &format!("SELECT name FROM pragma_table_info('{table}')"),
            )
            .into_iter()
            .filter(|column| !MOMENTARY.contains(&column.as_str()))
            // Over the run that met it first too.
            .filter(|column| table != "_rejects_met" || column != "hash")
            // When a run looked, of what is not known more exactly.
            .map(|column| match (table.as_str(), column.as_str()) {
                ("ticket_events", "occurred_at") => {
                    "iif(not_before IS NULL, occurred_at, '')".to_owned()
                }
                _ => column,
            })
            .collect();
            let mut statement = sqlite
                .prepare(&format!("SELECT {} FROM {table}", columns.join(", ")))
                .unwrap();
            let mut rows: Vec<String> = statement
                .query_map([], |row| {
                    let values = (0..columns.len()).map(|index| row.get::<_, Value>(index));
                    Ok(format!("{:?}", values.collect::<Result<Vec<_>, _>>()?))
                })
                .unwrap()
                .collect::<Result<_, _>>()
                .unwrap();
            rows.sort();
            (table, rows)
        })
        .collect()
}

/// That two stores hold the same, or the first row that tells them apart.
#[track_caller]
pub(super) fn assert_same(
    found: &BTreeMap<String, Vec<String>>,
    expected: &BTreeMap<String, Vec<String>>,
    what: &str,
) {
    for (table, rows) in expected {
        let apart = found[table]
            .iter()
            .zip(rows)
            .find(|(one, other)| one != other);
        assert_eq!(apart, None, "{what}: {table}");
        assert_eq!(found[table].len(), rows.len(), "{what}: {table}");
    }
}

/// A copy of a store, for looking at what a run that was killed left: opening the store itself would
/// mend it for the next one. It lies in the directory, which goes away.
pub(super) fn copied(path: &Path) -> (TempDir, PathBuf) {
    let directory = TempDir::new().unwrap();
    let copy = directory.path().join("copy.db");
    fs::copy(path, &copy).unwrap();
    let log = |path: &Path| PathBuf::from(format!("{}-wal", path.display()));
    if log(path).exists() {
        fs::copy(log(path), log(&copy)).unwrap();
    }
    // What the log holds goes into the file, so that it can be looked at without writing.
    let sqlite = Connection::open(&copy).unwrap();
    assert_eq!(texts(&sqlite, "PRAGMA integrity_check"), ["ok"]);
    (directory, copy)
}

/// Rows of a store that name one that is not there: their table, and the table of what they name.
pub(super) fn dangling(sqlite: &Connection) -> Vec<String> {
    let sql = "SELECT \"table\" || ' ' || parent || ' ' || coalesce(rowid, '-')
               FROM pragma_foreign_key_check";
    texts(sqlite, sql)
}

/// That SQLite finds nothing wrong with a copy of a store.
#[track_caller]
pub(super) fn assert_sound(path: &Path) {
    let (_directory, copy) = copied(path);
    let dangling = dangling(&look(&copy));
    assert!(dangling.is_empty(), "{dangling:?}");
}

/// The store, for looking at.
pub(super) fn look(path: &Path) -> Connection {
    Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap()
}

/// The first column of a query, as text.
pub(super) fn texts(sqlite: &Connection, sql: &str) -> Vec<String> {
    let mut statement = sqlite.prepare(sql).unwrap();
    let rows = statement
        .query_map([], |row| row.get::<_, Value>(0))
        .unwrap();
    rows.map(|value| match value.unwrap() {
        Value::Text(text) => text,
        Value::Integer(number) => number.to_string(),
        other => format!("{other:?}"),
    })
    .collect()
}

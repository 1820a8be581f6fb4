//! Every table, every column: an edit is found, and a repair or a full sync brings it back.

use mava_export::error::ExitCode;
use mava_export::table::{TABLES, Table, Type};
use rusqlite::Connection;

use super::{Kept, audit, copied, full_sync, meddle, strange, verify};
use crate::support::{Desk, Rows};

/// Internal tables and their columns that tell a changed row from one read again.
const INTERNAL: [(&str, &[&str]); 5] = [
    (
        "_ticket_index",
        &[
            "id",
            "created_at_ms",
            "head_hash",
            "thread_hash",
            "flags_hash",
            "history_hash",
            "is_deleted",
        ],
    ),
    ("_customer_index", &["id", "hash", "flags_hash"]),
    ("_rejects_met", &["reject_id", "hash"]),
    ("_row_hashes", &["table_name", "id", "hash"]),
    ("_sync", &["name", "value"]),
];

/// What is done to a value: always another one.
fn edits(kind: Type, is_nullable: bool) -> Vec<&'static str> {
    let mut edits = match kind {
        Type::Integer => vec!["coalesce({c}, 0) + 1"],
        Type::Boolean => vec!["1 - coalesce({c}, 0)"],
        Type::Instant => vec![
            // Another instant, the same in other words, and none at all.
            "strftime('%Y-%m-%dT%H:%M:%fZ', coalesce({c}, '2024-02-03T04:05:06.007Z'), '+1 hours')",
            "replace(coalesce({c}, '2024-02-03T04:05:06.007Z'), 'T', 't')",
            "substr(coalesce({c}, '2024-02-03T04:05:06.007Z'), 2)",
        ],
        Type::Id | Type::Enumeration | Type::Text | Type::Json => vec![
            "coalesce({c}, '') || 'x'",
            // Text that is not UTF-8.
            "CAST(CAST(coalesce({c}, 'a') AS BLOB) || x'E4' AS TEXT)",
        ],
    };
    if is_nullable {
        edits.push("CASE WHEN {c} IS NULL THEN {other} END");
    }
    edits
}

/// One row of a table: by its rowid, or by its key where it has none.
fn one(sqlite: &Connection, table: &str, which: i64) -> String {
    let has_rowid: bool = sqlite
        .query_row(
            "SELECT wr = 0 FROM pragma_table_list WHERE name = ?1 AND schema = 'main'",
            [table],
            |row| row.get(0),
        )
        .unwrap();
    let keys = match has_rowid {
        true => "rowid".to_owned(),
        false => sqlite
            .query_row(
                "SELECT group_concat(name) FROM pragma_table_xinfo(?1) WHERE pk > 0",
                [table],
                |row| row.get(0),
            )
            .unwrap(),
    };
    format!(
        "({keys}) = (SELECT {keys} FROM {table} LIMIT 1 OFFSET (SELECT count(*) FROM {table}) * {which} / 10)"
    )
}

/// Every edit of every column of a table, as SQL.
fn all(sqlite: &Connection, table: &Table, which: i64) -> Vec<String> {
    let row = one(sqlite, table.name, which);
    let mut all = Vec::new();
    for column in table.columns() {
        let other = match column.kind {
            Type::Integer | Type::Boolean => "1",
            Type::Instant => "'2024-02-03T04:05:06.007Z'",
            _ => "'other'",
        };
        for edit in edits(column.kind, column.is_nullable) {
            let value = edit.replace("{c}", column.name).replace("{other}", other);
            all.push(format!(
                "UPDATE OR REPLACE {} SET {} = {value} WHERE {row}",
                table.name, column.name
            ));
        }
    }
    all.push(format!("DELETE FROM {} WHERE {row}", table.name));
    all
}

fn internal(sqlite: &Connection, which: i64) -> Vec<String> {
    let mut all = Vec::new();
    for (table, columns) in INTERNAL {
        let row = one(sqlite, table, which);
        for column in columns {
            let value = match *column {
                name if name.ends_with("hash") => {
                    format!("CAST(x'00' || substr({name}, 2) AS BLOB)")
                }
                name if name.ends_with("_ms") || name == "value" => format!("{name} + 4096"),
                "is_deleted" => "1 - is_deleted".to_owned(),
                "table_name" => "'tagz'".to_owned(),
                name => format!("{name} || 'x'"),
            };
            all.push(format!(
                "UPDATE OR REPLACE {table} SET {column} = {value} WHERE {row}"
            ));
        }
    }
    all
}

#[tokio::test]
async fn an_edit_of_any_column_of_a_first_row_is_found() {
    each_edit_of_a_row_is_found(0).await;
}

#[tokio::test]
async fn an_edit_of_any_column_of_a_row_in_the_middle_is_found() {
    each_edit_of_a_row_is_found(4).await;
}

#[tokio::test]
async fn an_edit_of_any_column_of_a_late_row_is_found() {
    each_edit_of_a_row_is_found(9).await;
}

/// Edits the row that lies so many tenths down each table.
async fn each_edit_of_a_row_is_found(which: i64) {
    let desk = strange().await;
    let kept = Kept::of(&desk);
    let path = desk.path();
    assert!(audit(&path).unwrap().is_whole(), "{:?}", audit(&path));
    let sqlite = Connection::open(&path).unwrap();
    let mut edits: Vec<String> = Vec::new();
    for table in TABLES {
        let count: i64 = sqlite
            .query_row(&format!("SELECT count(*) FROM {}", table.name), [], |row| {
                row.get(0)
            })
            .unwrap();
        assert!(count > 0, "{} is empty", table.name);
        edits.extend(all(&sqlite, table, which));
    }
    edits.extend(internal(&sqlite, which));
    drop(sqlite);
    assert!(edits.len() > 170, "{}", edits.len());
    for edit in edits {
        kept.put_back(&path);
        assert_eq!(meddle_if_it_can(&path, &edit), Some(1), "{edit}");
        match audit(&path) {
            Ok(found) => assert!(!found.is_whole(), "not found: {edit}"),
            Err(error) => panic!("{edit}: {error}"),
        }
    }
}

/// Rows changed, two where one was replaced; `None` where SQLite refuses.
fn meddle_if_it_can(path: &std::path::Path, sql: &str) -> Option<usize> {
    let sqlite = Connection::open(path).unwrap();
    sqlite.pragma_update(None, "foreign_keys", false).unwrap();
    sqlite.execute(sql, []).ok()
}

/// Edits that damage one class of columns each, on rows of their own. None touches what only the
/// store knows.
const MENDABLE: [&str; 24] = [
    "UPDATE tickets SET status = 'Spam' WHERE rowid = 3",
    "UPDATE tickets SET priority = 9 WHERE rowid = 13",
    "UPDATE tickets SET created_at = '2024-01-09T00:00:00.000Z' WHERE rowid = 23",
    "UPDATE tickets SET email_subject = CAST(x'C328' AS TEXT) WHERE rowid = 33",
    "UPDATE tickets SET resolved_at = '2031-01-01T00:00:00.000Z' WHERE rowid = 43",
    "UPDATE tickets SET message_count = 999, last_message_at = NULL WHERE rowid = 53",
    "UPDATE tickets SET extra_json = '{\"made\":\"up\"}' WHERE rowid = 63",
    "UPDATE tickets SET snapshot_id = 1, deleted_at = '2024-06-01T00:00:00.000Z' WHERE rowid = 73",
    "UPDATE messages SET content = content || '!' WHERE ticket_id = (SELECT id FROM tickets WHERE rowid = 83)",
    "DELETE FROM messages WHERE ticket_id = (SELECT id FROM tickets WHERE rowid = 93)",
    "UPDATE messages SET position = position + 7 WHERE ticket_id = (SELECT id FROM tickets WHERE rowid = 103)",
    "DELETE FROM ticket_tags WHERE ticket_id = (SELECT ticket_id FROM ticket_tags LIMIT 1 OFFSET 20)",
    "UPDATE _ticket_index SET head_hash = zeroblob(16) WHERE id = (SELECT id FROM tickets WHERE rowid = 113)",
    "UPDATE _ticket_index SET thread_hash = x'0102' WHERE id = (SELECT id FROM tickets WHERE rowid = 123)",
    "UPDATE _ticket_index SET created_at_ms = created_at_ms + 86400000 WHERE id = (SELECT id FROM tickets WHERE rowid = 133)",
    "DELETE FROM _ticket_index WHERE id = (SELECT id FROM tickets WHERE rowid = 143)",
    "DELETE FROM tickets WHERE rowid = 153",
    "UPDATE customers SET name = 'somebody', email = NULL WHERE rowid = 5",
    "DELETE FROM customers WHERE rowid = 15",
    "UPDATE tags SET name = name || 'x' WHERE id = (SELECT tag_id FROM ticket_tags LIMIT 1)",
    "DELETE FROM categories WHERE id = (SELECT category_id FROM tickets WHERE category_id IS NOT NULL LIMIT 1)",
    "UPDATE agents SET email = 'x' WHERE id = (SELECT assigned_agent_id FROM tickets WHERE assigned_agent_id IS NOT NULL LIMIT 1)",
    "UPDATE ticket_history SET status = 'Spam' WHERE ticket_id = (SELECT id FROM tickets WHERE rowid = 163)",
    "UPDATE ticket_history SET valid_until = '2024-01-01T00:00:00.000Z' WHERE ticket_id = (SELECT id FROM tickets WHERE rowid = 173)",
];

async fn damaged() -> (Desk, Rows) {
    let desk = copied(400).await;
    let before = desk.rows();
    desk.assert_whole("before");
    for edit in MENDABLE {
        assert!(meddle(&desk.path(), edit) > 0, "{edit}");
        assert!(!audit(&desk.path()).unwrap().is_whole(), "{edit}");
    }
    (desk, before)
}

#[tokio::test]
async fn a_repair_brings_back_what_was_edited_in_any_way() {
    let (desk, before) = damaged().await;
    let (told, exit_code) = verify(&desk, true, false).await.expect("ends");
    assert_eq!(exit_code, ExitCode::Incomplete);
    assert!(told.deep.expect("looked").damaged.len() >= MENDABLE.len() - 2);
    let (mended, exit_code) = verify(&desk, false, true).await.expect("ends");
    assert_eq!(exit_code, ExitCode::Complete, "{mended:#?}");
    assert_eq!(mended.outcome.word(), "repaired");
    assert!(mended.repair.expect("a repair").tickets_mended > 10);
    desk.rows().assert_equal(&before, "after the repair");
    desk.assert_whole("after the repair");
    let versions = desk
        .number("SELECT max(n) FROM (SELECT count(*) AS n FROM ticket_history GROUP BY ticket_id)");
    assert_eq!(versions, 1);
    let (found, exit_code) = verify(&desk, true, false).await.expect("ends");
    assert_eq!(
        (found.outcome.word(), exit_code),
        ("equal", ExitCode::Complete)
    );
}

#[tokio::test]
async fn a_full_sync_brings_back_what_was_edited_in_any_way() {
    let (desk, before) = damaged().await;
    let (summary, exit_code) = full_sync(&desk).await.expect("ends");
    assert_eq!(exit_code, ExitCode::Complete, "{summary:#?}");
    let told = summary.summary.remarks.iter();
    assert!(
        told.clone().any(|remark| remark.contains("edited by hand")),
        "{told:?}"
    );
    desk.rows().assert_equal(&before, "after the sync");
    desk.assert_whole("after the sync");
}

#[tokio::test]
async fn an_ordinary_run_over_the_same_desk_leaves_rows_that_are_right_alone() {
    let desk = copied(300).await;
    let (summary, exit_code) = full_sync(&desk).await.expect("ends");
    assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
    let counts = summary.summary;
    assert_eq!((counts.tickets_changed, counts.tickets_new), (0, 0));
    let changed = desk.number("SELECT count(*) FROM tickets WHERE snapshot_id <> 1");
    assert_eq!(changed, 0);
    let (found, _) = verify(&desk, false, true).await.expect("ends");
    assert_eq!(found.outcome.word(), "equal");
    assert!(found.repair.is_none());
}

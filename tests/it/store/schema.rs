//! The migrated file is the schema, both ways.

use std::collections::BTreeSet;

use mava_export::table::{INTERNAL_PREFIX, INTERNAL_TABLES, TABLES, TOTALS, VIEWS};

use super::world::Desk;

#[test]
fn the_migrated_tables_are_those_of_the_schema() {
    let desk = Desk::new();
    let look = desk.look();
    for table in TABLES.iter().chain(TOTALS) {
        // A key of which a part may be NULL is none of SQLite's.
        let has_key = table
            .columns()
            .all(|column| !table.key.contains(&column.name) || !column.is_nullable);
        let mut statement = look
            .prepare("SELECT name, type, \"notnull\", pk FROM pragma_table_info(?1) ORDER BY cid")
            .unwrap();
        let made: Vec<(String, String, bool, i64)> = statement
            .query_map([table.name], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
            })
            .unwrap()
            .map(Result::unwrap)
            .collect();
        let meant: Vec<(String, String, bool, i64)> = table
            .columns()
            .map(|column| {
                let place = table.key.iter().position(|key| *key == column.name);
                (
                    column.name.to_owned(),
                    column.kind.sqlite().to_owned(),
                    !column.is_nullable,
                    place
                        .filter(|_| has_key)
                        .map_or(0, |place| i64::try_from(place).unwrap() + 1),
                )
            })
            .collect();
        assert_eq!(made, meant, "{}", table.name);
    }
}

#[test]
fn rejects_of_an_earlier_version_are_kept_with_the_run_that_met_them() {
    const EARLIER: [&str; 7] = [
        include_str!("../../../migrations/0001_create_tables.sql"),
        include_str!("../../../migrations/0002_add_sync.sql"),
        include_str!("../../../migrations/0003_add_rejects_met.sql"),
        include_str!("../../../migrations/0004_add_sync_outcomes.sql"),
        include_str!("../../../migrations/0005_add_rejected.sql"),
        include_str!("../../../migrations/0006_add_categories_listed.sql"),
        include_str!("../../../migrations/0007_add_ratings_counted.sql"),
    ];
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("support.db");
    let earlier = rusqlite::Connection::open(&path).unwrap();
    for sql in EARLIER {
        earlier.execute_batch(sql).unwrap();
    }
    earlier
        .execute_batch(
            "INSERT INTO snapshots VALUES (1, 'backfill', 'incomplete', '2026-01-01T00:00:00.000Z',
                 '2026-01-01T00:00:01.000Z', '2025-01-01T00:00:00.000Z', '2025-07-01T00:00:00.000Z',
                 NULL, 1, 1, 1, 1, 0, 0, 0, 2, 0);
             INSERT INTO rejects VALUES ('a', 't1', 'priority', 'because', '\"high\"', 1),
                 ('b', NULL, '', 'no id', '{}', 1);
             INSERT INTO _rejects_met VALUES ('a', 1), ('b', 1);",
        )
        .unwrap();
    let version = i64::try_from(EARLIER.len()).unwrap();
    earlier
        .pragma_update(None, "user_version", version)
        .unwrap();
    let id = mava_export::store::APPLICATION_ID;
    earlier.pragma_update(None, "application_id", id).unwrap();
    drop(earlier);
    let store = super::world::open(&path).unwrap();
    assert_eq!(store.standing().unwrap().open, 2);
    let rows: String = store
        .connection()
        .query_row(
            "SELECT group_concat(id || raw_json || rejects.snapshot_id || met.snapshot_id, ' ')
             FROM rejects JOIN _rejects_met AS met ON met.reject_id = id",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(rows, r#"a"high"11 b{}11"#);
    assert_eq!(
        store.standees().unwrap()[0].ticket_id.as_deref(),
        Some("t1")
    );
}

#[test]
fn a_thread_that_the_release_before_wrote_is_what_this_one_makes_of_it() {
    const EARLIER: [&str; 13] = [
        include_str!("../../../migrations/0001_create_tables.sql"),
        include_str!("../../../migrations/0002_add_sync.sql"),
        include_str!("../../../migrations/0003_add_rejects_met.sql"),
        include_str!("../../../migrations/0004_add_sync_outcomes.sql"),
        include_str!("../../../migrations/0005_add_rejected.sql"),
        include_str!("../../../migrations/0006_add_categories_listed.sql"),
        include_str!("../../../migrations/0007_add_ratings_counted.sql"),
        include_str!("../../../migrations/0008_add_row_hashes.sql"),
        include_str!("../../../migrations/0009_add_acceptance.sql"),
        include_str!("../../../migrations/0010_add_windows.sql"),
        include_str!("../../../migrations/0011_add_file_mode.sql"),
        include_str!("../../../migrations/0012_recount_threads.sql"),
        include_str!("../../../migrations/0013_add_may_be_unseen.sql"),
    ];
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("support.db");
    let earlier = rusqlite::Connection::open(&path).unwrap();
    earlier.pragma_update(None, "foreign_keys", false).unwrap();
    for sql in EARLIER {
        earlier.execute_batch(sql).unwrap();
    }
    // The rows and the hash that it made of the ticket in `a_whole_ticket_fills_every_table`.
    earlier
        .execute_batch(
            r#"INSERT INTO tickets (id, created_at, snapshot_id) VALUES ('t1', '2026-01-31T09:00:00.000Z', 1);
             INSERT INTO _ticket_index (id, created_at_ms, head_hash, thread_hash, verified_at_ms, seen_snapshot, is_deleted)
                 VALUES ('t1', 1769850000000, x'00', x'6e49520c6aa40e5a6aeea8c3760cc850', 0, 1, 0);
             INSERT INTO messages (id, ticket_id, position, sender_type, sender_name, sender_id, message_type, content, created_at, extra_json) VALUES
                 ('m1', 't1', 0, 'customer', 'Bo', NULL, NULL, 'help', '2026-01-31T09:00:01.000Z', '{"attachments":[{"size":3}]}'),
                 ('m2', 't1', 1, 'agent', NULL, NULL, 'InternalNote', 'note', '2026-01-31T09:00:02.000Z', NULL),
                 ('m3', 't1', 2, 'agent', 'Ana', 'a1', NULL, 'hi', '2026-01-31T09:00:05.000Z',
                     '{"isRead":true,"reactions":[],"sender":{"email":"ana@example.com"},"senderReferenceType":"ClientMember"}'),
                 ('m4', 't1', 3, 'system', NULL, NULL, 'StatusChange', NULL, '2026-01-31T09:01:00.000Z', NULL);
             INSERT INTO message_attachments VALUES ('t1', 'm1', 0, 'a.png', 'https://example.com/a', 'image/png');"#,
        )
        .unwrap();
    earlier.pragma_update(None, "user_version", 13).unwrap();
    let id = mava_export::store::APPLICATION_ID;
    earlier.pragma_update(None, "application_id", id).unwrap();
    drop(earlier);
    let store = super::world::open(&path).unwrap();
    let made: (String, String, String) = store
        .connection()
        .query_row(
            "SELECT lower(hex(thread_hash)), sender_reference_type, extra_json
             FROM _ticket_index JOIN messages ON ticket_id = _ticket_index.id WHERE messages.id = 'm3'",
            [],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )
        .unwrap();
    assert_eq!(made.0, "9c2a1286db3620ec8efbd9f8145f326e");
    assert_eq!(made.1, "ClientMember");
    assert_eq!(
        made.2,
        r#"{"isRead":true,"reactions":[],"sender":{"email":"ana@example.com"}}"#
    );
}

#[test]
fn every_table_is_strict_and_documented_or_internal() {
    let desk = Desk::new();
    let look = desk.look();
    let mut statement = look
        .prepare("SELECT name, strict FROM pragma_table_list WHERE type = 'table' AND schema = 'main' AND name NOT LIKE 'sqlite%'")
        .unwrap();
    let made: Vec<(String, bool)> = statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    for (name, is_strict) in &made {
        assert!(is_strict, "{name}");
    }
    let people: BTreeSet<&str> = made
        .iter()
        .map(|(name, _)| name.as_str())
        .filter(|name| !name.starts_with('_'))
        .collect();
    let tables = TABLES.iter().chain(TOTALS);
    assert_eq!(people, tables.map(|table| table.name).collect());
    let internal: Vec<&str> = made
        .iter()
        .map(|(name, _)| name.as_str())
        .filter(|name| name.starts_with(INTERNAL_PREFIX))
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    assert_eq!(internal, INTERNAL_TABLES.map(|(name, _)| name));
}

#[test]
fn every_id_that_names_a_row_is_a_foreign_key() {
    let desk = Desk::new();
    let look = desk.look();
    let mut statement = look
        .prepare(
            "SELECT t.name || '.' || f.\"from\" || ' -> ' || f.\"table\" || '.' || f.\"to\"
             FROM pragma_table_list t, pragma_foreign_key_list(t.name) f
             WHERE t.name NOT LIKE '\\_%' ESCAPE '\\' AND f.\"table\" <> 'snapshots'",
        )
        .unwrap();
    let keys: BTreeSet<String> = statement
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let meant = [
        "customer_attributes.customer_id -> customers.id",
        "message_attachments.message_id -> messages.id",
        "message_attachments.ticket_id -> messages.ticket_id",
        "message_attachments.ticket_id -> tickets.id",
        "messages.ticket_id -> tickets.id",
        "ticket_attributes.ticket_id -> tickets.id",
        "ticket_discord_users.ticket_id -> tickets.id",
        "ticket_events.ticket_id -> tickets.id",
        "ticket_history.assigned_agent_id -> agents.id",
        "ticket_history.category_id -> categories.id",
        "ticket_history.ticket_id -> tickets.id",
        "ticket_metrics.ticket_id -> tickets.id",
        "ticket_tags.tag_id -> tags.id",
        "ticket_tags.ticket_id -> tickets.id",
        "tickets.assigned_agent_id -> agents.id",
        "tickets.category_id -> categories.id",
        "tickets.customer_id -> customers.id",
    ];
    assert_eq!(keys, meant.map(str::to_owned).into());
    let rests: i64 = look
        .query_row(
            "SELECT count(*) FROM pragma_table_list t, pragma_foreign_key_list(t.name) f
             WHERE f.\"from\" = 'snapshot_id' AND t.name NOT LIKE '\\_%' ESCAPE '\\'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    let with_snapshot = TABLES
        .iter()
        .filter(|table| table.columns().any(|column| column.name == "snapshot_id"));
    assert_eq!(usize::try_from(rests).unwrap(), with_snapshot.count());
}

#[test]
fn views_have_the_columns_of_the_schema() {
    let desk = Desk::new();
    let look = desk.look();
    for view in VIEWS {
        let statement = look
            .prepare(&format!("SELECT * FROM {}", view.name))
            .unwrap();
        let meant: Vec<&str> = view.columns().map(|column| column.name).collect();
        let made: Vec<&str> = statement.column_names().collect();
        assert_eq!(made, meant, "{}", view.name);
    }
}

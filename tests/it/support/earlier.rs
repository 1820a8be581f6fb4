//! Stores as earlier versions wrote them, made of one that this version wrote: messages without the
//! columns that came later, with all of it in `extra_json`, and the hashes that went with that.

use std::collections::BTreeMap;
use std::path::Path;

use mava_export::table::parse_instant;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, params};
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// The columns that came later, and what the API calls them.
pub(crate) const MARKS: [(&str, &str); 5] = [
    ("sender_reference_type", "senderReferenceType"),
    ("is_edited", "isEdited"),
    ("is_deleted", "isDeleted"),
    ("action_log_from", "actionLogFrom"),
    ("action_log_to", "actionLogTo"),
];

/// Takes totals and the views beside them away.
pub(crate) const WITHOUT_TOTALS: &str = "
    DROP VIEW tickets_wide; DROP VIEW customers_wide; DROP TABLE _wide_columns;
    DROP VIEW live_tickets; DROP VIEW live_messages; DROP VIEW hours; DROP TABLE days;
    DROP TABLE daily_metrics; DROP TABLE agent_daily; DROP TABLE agent_metrics;
    DROP TABLE category_metrics; DROP TABLE tag_metrics; DROP TABLE customer_metrics;
    DROP TABLE hourly_volume; DROP TABLE _ticket_activity; DROP TABLE _totals;";

/// The columns of a message before that.
const EARLIER: [&str; 11] = [
    "id",
    "ticket_id",
    "position",
    "sender_type",
    "sender_name",
    "sender_id",
    "message_type",
    "content",
    "created_at",
    "updated_at",
    "extra_json",
];

/// Takes the columns of messages away again: what they hold goes back into `extra_json`, as the API sends it.
pub(crate) fn before_marks(path: &Path) {
    before_marks_sent(path, |_| None);
}

/// The same where messages of these ids were sent with these marks: each a key and its JSON, as `extra_json` has it.
pub(crate) fn before_marks_sent(path: &Path, sent: impl Fn(&str) -> Option<Vec<(String, String)>>) {
    let sqlite = Connection::open(path).unwrap();
    sqlite.pragma_update(None, "foreign_keys", false).unwrap();
    sqlite.execute_batch(WITHOUT_TOTALS).unwrap();
    sqlite
        .execute_batch(
            "DROP VIEW sla_results; DROP TABLE _ticket_slas; DROP TABLE _openings; DROP TABLE ticket_events; DROP TABLE ticket_metrics; DROP TABLE _metrics; DROP TABLE _named_tags;
             ALTER TABLE _ticket_index DROP COLUMN metrics_hash",
        )
        .unwrap();
    let whole: Vec<String> = column(&sqlite, "SELECT id FROM _ticket_index");
    sqlite
        .execute_batch(
            "CREATE TABLE earlier (
                 id TEXT NOT NULL,
                 ticket_id TEXT NOT NULL REFERENCES tickets (id) DEFERRABLE INITIALLY DEFERRED,
                 position INTEGER NOT NULL, sender_type TEXT, sender_name TEXT, sender_id TEXT,
                 message_type TEXT, content TEXT, created_at TEXT, updated_at TEXT, extra_json TEXT,
                 PRIMARY KEY (ticket_id, id)) STRICT;",
        )
        .unwrap();
    let names = EARLIER.join(", ");
    sqlite
        .execute_batch(&format!("INSERT INTO earlier SELECT {names} FROM messages"))
        .unwrap();
    let mut select = sqlite.prepare("SELECT * FROM messages").unwrap();
    let mut rows = select.query([]).unwrap();
    while let Some(row) = rows.next().unwrap() {
        let id: String = row.get("id").unwrap();
        let marks = sent(&id).unwrap_or_else(|| {
            let told = MARKS.map(|(column, key)| {
                let json = match row.get_ref(column).unwrap() {
                    ValueRef::Null => "null".to_owned(),
                    ValueRef::Integer(number) => (number == 1).to_string(),
                    other => serde_json::to_string(other.as_str().unwrap()).unwrap(),
                };
                (key.to_owned(), json)
            });
            told.into()
        });
        let left: Option<String> = row.get("extra_json").unwrap();
        let ticket_id: String = row.get("ticket_id").unwrap();
        sqlite
            .execute(
                "UPDATE earlier SET extra_json = ?3 WHERE ticket_id = ?1 AND id = ?2",
                params![ticket_id, id, merged(left.as_deref(), marks)],
            )
            .unwrap();
    }
    drop(rows);
    drop(select);
    // Which of them did not fit a column no earlier version knew.
    let unfit = MARKS.map(|(_, key)| format!("path LIKE 'messages[%].{key}'"));
    let unfit = unfit.join(" OR ");
    sqlite
        .execute_batch(&format!(
            "DROP TABLE messages; ALTER TABLE earlier RENAME TO messages;
             DELETE FROM rejects WHERE reason LIKE 'expected %' AND ({unfit});
             DELETE FROM _rejects_met WHERE reject_id NOT IN (SELECT id FROM rejects);"
        ))
        .unwrap();
    for id in whole {
        let hash = thread_hash(&sqlite, &id);
        sqlite
            .execute(
                "UPDATE _ticket_index SET thread_hash = ?2 WHERE id = ?1 AND thread_hash IS NOT NULL",
                params![id, hash],
            )
            .unwrap();
    }
}

/// Takes the columns of messages out of a second ticket of an id, as it is kept in `rejects`. Its id and its hash stay those of
/// the text before.
pub(crate) fn twin_before_marks(raw_json: &str) -> String {
    let Ordered(tables) = serde_json::from_str(raw_json).unwrap();
    let tables = tables.into_iter().map(|(table, rows)| {
        if table != "messages" {
            return format!("\"{table}\":{}", rows.get());
        }
        let rows: Vec<Ordered> = serde_json::from_str(rows.get()).unwrap();
        let rows: Vec<String> = rows.into_iter().map(twin_row).collect();
        format!("\"messages\":[{}]", rows.join(","))
    });
    format!("{{{}}}", tables.collect::<Vec<_>>().join(","))
}

fn twin_row(Ordered(cells): Ordered) -> String {
    let mut marks = Vec::new();
    let mut left: Option<String> = None;
    let mut kept = Vec::new();
    for (name, value) in cells {
        let key = MARKS.iter().find(|(column, _)| *column == name);
        match (key, name.as_str(), value.get()) {
            (Some((_, key)), "is_edited" | "is_deleted", number) => {
                marks.push(((*key).to_owned(), (number == "1").to_string()));
            }
            (Some((_, key)), _, text) => marks.push(((*key).to_owned(), text.to_owned())),
            (None, "extra_json", text) => left = serde_json::from_str(text).unwrap(),
            (None, _, value) => kept.push(format!("\"{name}\":{value}")),
        }
    }
    if let Some(text) = merged(left.as_deref(), marks) {
        let text = serde_json::to_string(&text).unwrap();
        kept.push(format!("\"extra_json\":{text}"));
    }
    format!("{{{}}}", kept.join(","))
}

/// An object's entries in their order.
struct Ordered(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Ordered {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Ordered;

            fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                out.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Ordered, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Ordered(entries))
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

/// `extra_json` with these keys in it; those that are null are left out.
fn merged(extra_json: Option<&str>, marks: Vec<(String, String)>) -> Option<String> {
    let mut entries: BTreeMap<String, Box<RawValue>> =
        serde_json::from_str(extra_json.unwrap_or("{}")).unwrap();
    for (key, json) in marks {
        match json.as_str() {
            "null" => entries.remove(&key),
            _ => entries.insert(key, RawValue::from_string(json).unwrap()),
        };
    }
    (!entries.is_empty()).then(|| serde_json::to_string(&entries).unwrap())
}

/// Over a thread's messages, attachments and rejects: each value is a letter for its type, then its bytes, texts after their
/// length, lists after theirs.
fn thread_hash(sqlite: &Connection, ticket_id: &str) -> [u8; 16] {
    let lists = [
        format!(
            "SELECT {} FROM messages WHERE ticket_id = ?1 ORDER BY position",
            EARLIER.join(", ")
        ),
        "SELECT file.ticket_id, message_id, file.position, file_name, url, file_type
         FROM message_attachments AS file JOIN messages ON messages.ticket_id = file.ticket_id AND messages.id = message_id
         WHERE file.ticket_id = ?1 ORDER BY messages.position, file.position"
            .to_owned(),
        "SELECT path, raw_json FROM rejects WHERE ticket_id = ?1
         AND (path LIKE 'messages[%' OR path LIKE 'messages.%') ORDER BY path, raw_json"
            .to_owned(),
    ];
    let mut bytes = Vec::new();
    for sql in lists {
        let mut cells = Vec::new();
        let mut count: u64 = 0;
        let mut select = sqlite.prepare_cached(&sql).unwrap();
        let names: Vec<String> = select.column_names().map(str::to_owned).collect();
        let mut rows = select.query([ticket_id]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            count += 1;
            for (place, name) in names.iter().enumerate() {
                match row.get_ref(place).unwrap() {
                    ValueRef::Null => cells.push(b'0'),
                    ValueRef::Integer(number) => {
                        cells.push(b'i');
                        cells.extend(number.to_le_bytes());
                    }
                    ValueRef::Text(text) if name.ends_with("_at") => {
                        let text = std::str::from_utf8(text).unwrap();
                        let at = parse_instant(text).expect("an instant");
                        cells.push(b't');
                        cells.extend(at.timestamp_millis().to_le_bytes());
                    }
                    ValueRef::Text(text) => {
                        cells.push(b's');
                        cells.extend(u64::try_from(text.len()).unwrap().to_le_bytes());
                        cells.extend(text);
                    }
                    other => panic!("{other:?}"),
                }
            }
        }
        bytes.push(b'n');
        bytes.extend(count.to_le_bytes());
        bytes.extend(cells);
    }
    let mut hash = [0; 16];
    blake3::Hasher::new()
        .update(&bytes)
        .finalize_xof()
        .fill(&mut hash);
    hash
}

fn column(sqlite: &Connection, sql: &str) -> Vec<String> {
    let mut select = sqlite.prepare(sql).unwrap();
    let found = select.query_map([], |row| row.get(0)).unwrap();
    found.map(Result::unwrap).collect()
}

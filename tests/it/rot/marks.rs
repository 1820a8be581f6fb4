//! A store of the release before, which left in `extra_json` whether a message was edited or deleted, what kind
//! of sender it has, and what an entry of the audit log says: taken out of its own rows, and read again without a change.

use std::collections::HashMap;
use std::fs;

use mava_export::error::{ErrorKind, ExitCode};
use mava_export::publish::Manifest;
use mava_export::simulator::{Fault, SimulatorSpec};
use mava_export::store::{OpenOptions, Store};
use mava_export::window;
use serde_json::{Value, json};

use super::published::publish_to;
use super::{audit, full_sync, meddle, verify};
use crate::support::{Desk, MARKS, before_marks, before_marks_sent, generated};

/// A key, what is sent under it, and what `extra_json` of the release before had of it.
type Mark = (&'static str, &'static str, &'static str);

/// What messages of some tickets are sent with, one after the other.
const SHAPES: [&[Mark]; 14] = [
    &[],
    &[("isDeleted", "true", "true")],
    &[("isDeleted", r#""true""#, r#""true""#)],
    &[("isDeleted", r#""perhaps""#, r#""perhaps""#)],
    &[("isDeleted", "1", "1"), ("isEdited", "0", "0")],
    &[("isEdited", "null", "null")],
    &[(
        "isEdited",
        "1234567890123456789012345",
        "1234567890123456789012345",
    )],
    &[(
        "isEdited",
        r#"{"by":{"id":"a1"}, "at":[1.50]}"#,
        r#"{"at":[1.50],"by":{"id":"a1"}}"#,
    )],
    &[("senderReferenceType", r#""Robot""#, r#""Robot""#)],
    &[("senderReferenceType", "[7]", "[7]")],
    &[(
        "actionLogFrom",
        "1234567890123456789012345",
        "1234567890123456789012345",
    )],
    &[(
        "actionLogTo",
        r#"{"name":"Ana","_id":"a1"}"#,
        r#"{"_id":"a1","name":"Ana"}"#,
    )],
    &[
        ("actionLogFrom", r#""{\"a\":1}""#, r#""{\"a\":1}""#),
        (
            "actionLogTo",
            r#"[[[[[["deep"]]]]]]"#,
            r#"[[[[[["deep"]]]]]]"#,
        ),
    ],
    // Text that no database holds: kept raw in rejects by every version.
    &[
        ("isDeleted", r#""no\u0000""#, "\"no\u{fffd}\""),
        ("actionLogTo", r#""\ud800""#, "\"\u{fffd}\""),
    ],
];

/// Puts these marks in the place of those that the desk has.
fn mark(message: &mut Value, shape: &[Mark]) {
    let message = message.as_object_mut().expect("a message");
    for (_, key) in MARKS {
        message.remove(key);
    }
    for (key, sent, _) in shape {
        // Replaced in the text, since numbers keep their digits only there.
        message.insert((*key).to_owned(), json!(format!("@{sent}@")));
    }
}

/// The text of a page in which the marks stand as they are to be sent.
fn unquoted(page: &Value) -> String {
    let mut text = page.to_string();
    for (_, sent, _) in SHAPES.iter().copied().flatten() {
        let quoted = serde_json::to_string(&format!("@{sent}@")).unwrap();
        text = text.replace(&quoted, sent);
    }
    text
}

/// A desk with such messages, copied twice: between the two some tickets changed, and some are gone. In some threads
/// something stands that is no message.
async fn copied() -> (Desk, Vec<String>) {
    let world = generated(160);
    let ids: Vec<String> = world.tickets().map(|ticket| ticket.id.clone()).collect();
    let odd: Vec<String> = ids.iter().step_by(3).cloned().collect();
    let mut desk = Desk::open(SimulatorSpec::new(world)).await;
    desk.settings.since = window::parse("2024-01-01").unwrap();
    desk.settings.until = Some(window::parse("2024-07-01").unwrap());
    let marked = odd.clone();
    desk.simulator.set_hook(Box::new(move |request, _| {
        let marked = marked.clone();
        request.is_for_tickets().then(|| {
            Fault::edit_text(move |page| {
                let mut page: Value = serde_json::from_str(&page).expect("a page");
                for ticket in page["tickets"].as_array_mut().expect("an array") {
                    let which = marked.iter().position(|id| ticket["id"] == json!(id));
                    let messages = ticket["messages"].as_array_mut();
                    if let (Some(which), Some(messages)) = (which, messages) {
                        for (place, message) in messages.iter_mut().enumerate() {
                            mark(message, SHAPES[(which + place) % SHAPES.len()]);
                        }
                        if which % 2 == 0 && !messages.is_empty() {
                            messages.insert(1, json!("no message"));
                        }
                    }
                }
                unquoted(&page)
            })
        })
    }));
    desk.backfill().await.expect("ends");
    desk.simulator.with_world(|world| {
        for id in ids.iter().skip(3).step_by(6) {
            world.edit(id, |ticket| ticket.csat = Some(1));
        }
        for id in ids.iter().step_by(24).take(6) {
            world.remove(id);
        }
    });
    desk.backfill().await.expect("ends");
    full_sync(&desk).await.expect("ends");
    let gone = desk.number("SELECT count(*) FROM tickets WHERE deleted_at IS NOT NULL");
    assert_eq!(gone, 6);
    (desk, odd)
}

/// Makes the store one of the release before.
fn downgrade(desk: &Desk, odd: &[String]) {
    let sqlite = rusqlite::Connection::open(desk.path()).unwrap();
    let mut shapes = HashMap::new();
    for (which, id) in odd.iter().enumerate() {
        let sql = "SELECT id, position FROM messages WHERE ticket_id = ?1";
        let mut select = sqlite.prepare(sql).unwrap();
        let messages = select.query_map([id], |row| Ok((row.get(0)?, row.get(1)?)));
        for message in messages.unwrap() {
            let (message, place): (String, i64) = message.unwrap();
            let place = usize::try_from(place).unwrap();
            shapes.insert(message, SHAPES[(which + place) % SHAPES.len()]);
        }
    }
    drop(sqlite);
    before_marks_sent(&desk.path(), |message| {
        let shape = shapes.get(message)?;
        let kept = shape
            .iter()
            .map(|(key, _, kept)| ((*key).to_owned(), (*kept).to_owned()));
        Some(kept.collect())
    });
    meddle(&desk.path(), "PRAGMA user_version = 13");
}

fn open(desk: &Desk) -> Store {
    let now = window::parse("2026-01-01").unwrap();
    Store::open(&desk.path(), &OpenOptions::new(now)).expect("opens")
}

/// All that tells a changed row from one read again, and what could not be represented.
fn told(desk: &Desk) -> Vec<Vec<String>> {
    [
        "SELECT id || ' ' || hex(head_hash) || ' ' || hex(thread_hash) || ' ' || hex(flags_hash)
             || ' ' || hex(history_hash) FROM _ticket_index ORDER BY id",
        "SELECT ticket_id || valid_from || ifnull(valid_until, '') || ifnull(message_count, '') || is_deleted
             || snapshot_id FROM ticket_history ORDER BY ticket_id, valid_from",
        "SELECT rejects.id || ' ' || ticket_id || ' ' || path || ' ' || reason || ' ' || raw_json
             FROM rejects JOIN _rejects_met ON reject_id = id ORDER BY rejects.id",
        "SELECT id || ' ' || ticket_id || ' ' || ifnull(extra_json, 'none') FROM messages ORDER BY 1",
    ]
    .map(|sql| desk.column(sql))
    .into()
}

#[track_caller]
fn assert_audited(desk: &Desk) {
    let audit = audit(&desk.path()).expect("can be read");
    assert!(audit.is_whole(), "{audit:?}");
}

#[tokio::test]
async fn columns_are_taken_out_of_the_rows_without_a_request_and_read_again_without_a_change() {
    let (desk, odd) = copied().await;
    let (rows, before) = (desk.rows(), told(&desk));
    for (column, _) in MARKS {
        let filled = format!("SELECT count(*) FROM messages WHERE {column} IS NOT NULL");
        assert!(desk.number(&filled) > 10, "{column}");
    }
    let unfit = "SELECT count(DISTINCT path) FROM rejects WHERE reason LIKE 'expected a%'
        AND (path LIKE '%.isEdited' OR path LIKE '%.isDeleted')";
    assert!(desk.number(unfit) > 5);
    downgrade(&desk, &odd);
    assert_eq!(desk.number(unfit), 0);
    let columns = "SELECT count(*) FROM pragma_table_info('messages')";
    assert_eq!(desk.number(columns), 11);
    // Only looked at, it is left as it is.
    let error = verify(&desk, true, false).await.expect_err("is refused");
    assert_eq!(error.kind(), ErrorKind::Usage);
    assert_eq!(desk.number("PRAGMA user_version"), 13);

    let requests = desk.simulator.requests().len();
    drop(open(&desk));
    assert_eq!(desk.simulator.requests().len(), requests);
    assert_eq!(desk.number(columns), 16);
    for run in ["opened", "a backfill", "a full sync", "a second backfill"] {
        let summary = match run {
            "opened" => None,
            "a full sync" => Some(full_sync(&desk).await.expect("ends").0.summary),
            _ => Some(desk.backfill().await.expect("ends").0),
        };
        if let Some(summary) = summary {
            let changed = (summary.tickets_changed, summary.tickets_new);
            assert_eq!(changed, (0, 0), "{run}: {summary:?}");
        }
        desk.rows().assert_equal(&rows, run);
        for (now, before) in told(&desk).iter().zip(&before) {
            assert_eq!(now, before, "{run}");
        }
        assert_audited(&desk);
        assert_eq!(
            desk.number("SELECT count(*) FROM pragma_foreign_key_check"),
            0
        );
    }
    let (verification, _) = verify(&desk, false, true).await.expect("ends");
    assert!(verification.repair.is_none(), "{verification:?}");
    assert_eq!(told(&desk), before);
}

#[tokio::test]
async fn a_plain_store_ends_complete_as_before() {
    let desk = super::copied(120).await;
    let (rows, before) = (desk.rows(), told(&desk));
    before_marks(&desk.path());
    let in_json = "SELECT count(*) FROM messages WHERE extra_json ->> 'isDeleted' = 1";
    assert!(desk.number(in_json) > 0);
    meddle(&desk.path(), "PRAGMA user_version = 13");
    let (summary, code) = desk.backfill().await.expect("ends");
    assert_eq!(code, ExitCode::Complete, "{summary:?}");
    assert_eq!(summary.tickets_changed, 0, "{summary:?}");
    desk.rows().assert_equal(&rows, "read again");
    assert_eq!(told(&desk), before);
    assert_audited(&desk);
}

#[tokio::test]
async fn what_was_damaged_before_is_found_and_mended_and_no_message_is_lost() {
    let desk = super::copied(160).await;
    let rows = desk.rows();
    before_marks(&desk.path());
    let count = "SELECT count(*) FROM messages";
    let messages = desk.number(count);
    let ids = desk
        .column("SELECT ticket_id FROM messages GROUP BY ticket_id HAVING count(*) > 2 LIMIT 6");
    let [text, mark, broken, bytes, unknown, key] = ids.as_slice() else {
        panic!("{ids:?}")
    };
    let first = |id: &str| format!("ticket_id = '{id}' AND position = 1");
    meddle(
        &desk.path(),
        &format!(
            "UPDATE messages SET content = 'flipped' WHERE {};
             UPDATE messages SET extra_json = replace(extra_json, '\"isDeleted\":false', '\"isDeleted\":true') WHERE {};
             UPDATE messages SET extra_json = '{{\"isDeleted\":tru' WHERE {};
             UPDATE messages SET extra_json = CAST(x'7BC328' AS TEXT), content = CAST(x'C328' AS TEXT) WHERE {};
             DELETE FROM _ticket_index WHERE id = '{unknown}';
             UPDATE messages SET id = CAST(x'C328' AS TEXT) WHERE {};
             PRAGMA user_version = 13;",
            first(text),
            first(mark),
            first(broken),
            first(bytes),
            first(key),
        ),
    );
    drop(open(&desk));
    assert_eq!(desk.number(count), messages);
    // A key that is no text is kept too. To be mended it has to be one.
    let key_bytes = "UPDATE messages SET id = 'mended' WHERE id = CAST(x'C328' AS TEXT)";
    assert_eq!(meddle(&desk.path(), key_bytes), 1);
    let as_it_was =
        "SELECT hex(extra_json) FROM messages WHERE extra_json = CAST(x'7BC328' AS TEXT)";
    assert_eq!(desk.column(as_it_was), ["7BC328"]);
    let found = audit(&desk.path()).expect("can be read").damaged;
    let mut damaged: Vec<&String> = found.iter().map(|damage| &damage.id).collect();
    damaged.sort();
    damaged.dedup();
    let mut meant: Vec<&String> = ids.iter().collect();
    meant.sort();
    assert_eq!(damaged, meant);
    verify(&desk, false, true).await.expect("ends");
    desk.rows().assert_equal(&rows, "repaired");
    assert_audited(&desk);
}

#[tokio::test]
async fn a_store_without_threads_is_brought_up_to_date_too() {
    let mut desk = Desk::open(SimulatorSpec::new(generated(60))).await;
    desk.settings.has_messages = false;
    desk.backfill().await.expect("completes");
    let (rows, before) = (desk.rows(), told(&desk));
    before_marks(&desk.path());
    meddle(&desk.path(), "PRAGMA user_version = 13");
    drop(open(&desk));
    desk.rows().assert_equal(&rows, "opened");
    assert_eq!(told(&desk), before);
    assert_audited(&desk);
}

#[tokio::test]
async fn a_store_whose_first_run_was_interrupted_goes_on_and_counts_what_does_not_fit_once() {
    let (desk, odd) = copied().await;
    let of_run = "SELECT rejects FROM snapshots ORDER BY id DESC LIMIT 1";
    let met =
        "SELECT count(*) FROM _rejects_met WHERE snapshot_id = (SELECT max(id) FROM snapshots)";
    let (counted, before) = (desk.number(of_run), desk.number(met));
    assert_eq!(counted, before);
    downgrade(&desk, &odd);
    // The last run is one that goes on, and has counted what it met by then.
    meddle(
        &desk.path(),
        &format!(
            "UPDATE snapshots SET finished_at = NULL, outcome = 'running', rejects = ({met})
             WHERE id = (SELECT max(id) FROM snapshots)"
        ),
    );
    assert!(desk.number(of_run) < counted);
    drop(open(&desk));
    assert_eq!(desk.number(of_run), counted);
    assert_eq!(desk.number(met), before);
}

#[tokio::test]
async fn the_next_snapshot_is_whole_and_the_one_after_it_is_not() {
    /// What the release before wrote into manifests as its schema.
    const SCHEMA: &str = "90a591ef91ba13d3";
    let desk = super::copied(120).await;
    let place = tempfile::tempdir().unwrap();
    let directory = place.path().join("desk");
    publish_to(&desk, &directory, false).expect("publishes");
    let manifest = directory.join("current/manifest.json");
    let text = fs::read_to_string(&manifest).unwrap();
    let ours = serde_json::from_str::<Manifest>(&text).unwrap().schema;
    assert_ne!(ours, SCHEMA);
    fs::write(&manifest, text.replace(&ours, SCHEMA)).unwrap();
    before_marks(&desk.path());
    meddle(&desk.path(), "PRAGMA user_version = 13");

    let published = publish_to(&desk, &directory, false).expect("publishes");
    assert!(
        published.is_new && published.parent.is_none(),
        "{published:?}"
    );
    let why = "was written with other columns";
    assert!(
        published.remarks.iter().any(|remark| remark.contains(why)),
        "{published:?}"
    );
    desk.backfill().await.expect("completes");
    let published = publish_to(&desk, &directory, false).expect("publishes");
    assert!(published.parent.is_some(), "{published:?}");
}

//! A store of the release before, which counted deleted messages and took what agents wrote before a
//! ticket for its first reply: made anew from its own rows, and read again without a change.

use std::collections::BTreeSet;
use std::fs;

use mava_export::error::{ErrorKind, ExitCode};
use mava_export::publish::Manifest;
use mava_export::simulator::{Fault, Message, SimulatorSpec, World};
use mava_export::store::{Damage, OpenOptions, Store};
use mava_export::window;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rusqlite::Connection;
use serde_json::json;

use super::published::publish_to;
use super::{Kept, assert_told, audit, full_sync, meddle, verify};
use crate::support::{BEFORE_UNSEEN, Desk, before_marks, generated, twin_before_marks};

/// Message counts of versions as the release before wrote them.
const VERSIONS: &str = "
    UPDATE ticket_history SET message_count = (
        SELECT count(*) FROM messages WHERE messages.ticket_id = ticket_history.ticket_id);";

/// The columns about threads as the release before filled them, told in SQL.
const FACTS: &str = "
    CREATE TEMP VIEW sent AS SELECT *, sender_type = 'agent'
        AND coalesce(message_type, 'ExternalMessage') = 'ExternalMessage' AS is_reply FROM messages;
    UPDATE tickets SET
        message_count = (SELECT count(*) FROM sent WHERE ticket_id = tickets.id),
        customer_message_count = (
            SELECT count(*) FROM sent WHERE ticket_id = tickets.id AND sender_type = 'customer'),
        agent_message_count = (SELECT count(*) FROM sent WHERE ticket_id = tickets.id AND is_reply),
        system_message_count = (
            SELECT count(*) FROM sent WHERE ticket_id = tickets.id AND sender_type = 'system'),
        private_note_count = (
            SELECT count(*) FROM sent WHERE ticket_id = tickets.id AND message_type = 'InternalNote'),
        first_customer_message_at = (
            SELECT min(created_at) FROM sent WHERE ticket_id = tickets.id AND sender_type = 'customer'),
        first_agent_reply_at = (
            SELECT min(created_at) FROM sent WHERE ticket_id = tickets.id AND is_reply),
        last_message_at = (SELECT max(created_at) FROM sent WHERE ticket_id = tickets.id),
        last_message_sender_type = (SELECT sender_type FROM sent WHERE ticket_id = tickets.id
            ORDER BY created_at DESC, position DESC LIMIT 1);
    UPDATE tickets SET first_reply_time_ms = CASE WHEN first_agent_reply_at >= created_at
        THEN CAST(round((julianday(first_agent_reply_at) - julianday(created_at)) * 86400000) AS INTEGER) END;
    DROP VIEW sent;";

/// Tickets gone from the desk in these tests.
const GONE: usize = 6;

/// Half a year in which messages were deleted, and tickets were made of what was said in a channel.
fn talkative() -> World {
    let mut world = generated(160);
    let ids: Vec<String> = world.tickets().map(|ticket| ticket.id.clone()).collect();
    for (number, id) in ids.iter().enumerate() {
        world.edit(id, |ticket| {
            if number % 5 == 0 {
                let hour = chrono::TimeDelta::hours(1);
                let mut before =
                    Message::new(format!("channel-{number}"), ticket.created_at - hour, "Hi");
                before.sender_type = "agent".into();
                ticket.messages.insert(0, before);
            }
            if number % 3 == 0 {
                for message in ticket.messages.iter_mut().skip(number % 2).step_by(2) {
                    message.is_deleted = true;
                }
            }
        });
    }
    world
}

/// That desk, copied twice: between the two some tickets changed, and some are gone.
async fn copied() -> Desk {
    let world = talkative();
    let ids: Vec<String> = world.tickets().map(|ticket| ticket.id.clone()).collect();
    let mut desk = Desk::open(SimulatorSpec::new(world)).await;
    desk.settings.since = window::parse("2024-01-01").unwrap();
    desk.settings.until = Some(window::parse("2024-07-01").unwrap());
    desk.backfill().await.expect("completes");
    desk.simulator.with_world(|world| {
        for id in ids.iter().skip(3).step_by(6) {
            world.edit(id, |ticket| ticket.csat = Some(1));
        }
        for id in ids.iter().step_by(24).take(GONE) {
            world.remove(id);
        }
    });
    desk.backfill().await.expect("completes");
    let gone = desk.number("SELECT count(*) FROM tickets WHERE deleted_at IS NOT NULL");
    assert_eq!(usize::try_from(gone).unwrap(), GONE);
    // What syncs go by.
    full_sync(&desk).await.expect("ends");
    desk
}

fn open(desk: &Desk) -> Store {
    let now = window::parse("2026-01-01").unwrap();
    Store::open(&desk.path(), &OpenOptions::new(now)).expect("opens")
}

/// Gives these rows the hashes that belong to them as they are.
fn seal(desk: &Desk, table: &'static str, ids: Vec<String>) {
    let damaged: Vec<Damage> = ids
        .into_iter()
        .map(|id| Damage {
            table,
            id,
            what: Vec::new(),
            created_ms: Vec::new(),
        })
        .collect();
    let run = desk.number("SELECT max(id) FROM snapshots");
    let now = window::parse("2026-01-01").unwrap();
    let sealed = open(desk).accept(run, &damaged, now).expect("is written");
    assert_eq!(sealed.len(), damaged.len());
}

/// Makes the store one of the release before.
fn downgrade(desk: &Desk) {
    meddle(
        &desk.path(),
        "UPDATE snapshots SET may_be_unseen_json = NULL",
    );
    let now = window::parse("2026-01-01").unwrap();
    let resealed = open(desk).clear_debris(now).expect("is written");
    assert_eq!(resealed.len(), 1, "{resealed:?}");
    meddle(&desk.path(), VERSIONS);
    seal(desk, "tickets", desk.column("SELECT id FROM tickets"));
    meddle(&desk.path(), FACTS);
    to_schema_11(desk);
}

/// Takes away what later schemas added.
fn to_schema_11(desk: &Desk) {
    before_marks(&desk.path());
    meddle(
        &desk.path(),
        &format!("{BEFORE_UNSEEN} PRAGMA user_version = 11"),
    );
}

/// Versions whose message count is not that of the thread's live messages.
fn otherwise_counted(desk: &Desk, which: &str) -> i64 {
    desk.number(&format!(
        "SELECT count(*) FROM ticket_history AS version JOIN tickets ON tickets.id = ticket_id
         WHERE version.message_count IS NOT tickets.message_count AND {which}"
    ))
}

#[track_caller]
fn assert_audited(desk: &Desk) {
    let audit = audit(&desk.path()).expect("can be read");
    assert!(audit.is_whole(), "{audit:?}");
}

#[tokio::test]
async fn threads_are_counted_anew_without_a_request_and_read_again_without_a_change() {
    let desk = copied().await;
    let rows = desk.rows();
    downgrade(&desk);
    let differing = desk.number(
        "SELECT count(*) FROM tickets WHERE message_count <> (SELECT count(*) FROM messages
             WHERE ticket_id = tickets.id AND coalesce(extra_json ->> 'isDeleted', 0) = 0)",
    );
    assert!(differing > 40, "{differing}");
    let early = "SELECT count(*) FROM tickets WHERE first_agent_reply_at < created_at";
    assert!(desk.number(early) > 20);
    let versions = desk.column(
        "SELECT ticket_id || valid_from || ifnull(valid_until, '') || ifnull(status, '')
             || is_deleted || snapshot_id FROM ticket_history ORDER BY 1",
    );
    // Only looked at, it is left as it is.
    let error = verify(&desk, true, false).await.expect_err("is refused");
    assert_eq!(error.kind(), ErrorKind::Usage);
    assert_eq!(desk.number("PRAGMA user_version"), 11);

    let requests = desk.simulator.requests().len();
    drop(open(&desk));
    assert_eq!(desk.simulator.requests().len(), requests);
    let is_made_anew = |what: &str| {
        desk.rows().assert_equal(&rows, what);
        assert_eq!(otherwise_counted(&desk, "valid_until IS NULL"), 0, "{what}");
        // A ticket that turns out to be there goes on with the version before it was gone.
        let of_gone = otherwise_counted(&desk, "tickets.deleted_at IS NOT NULL");
        assert_eq!(of_gone, 0, "{what}");
        // What the thread was when an earlier version ended is not known any more.
        let ended = otherwise_counted(&desk, "valid_until IS NOT NULL");
        assert!(ended > 5, "{what}: {ended}");
        let now = desk.column(
            "SELECT ticket_id || valid_from || ifnull(valid_until, '') || ifnull(status, '')
                 || is_deleted || snapshot_id FROM ticket_history ORDER BY 1",
        );
        assert_eq!(now, versions, "{what}");
        assert_audited(&desk);
    };
    is_made_anew("opened");
    for run in ["a backfill", "a full sync", "a second backfill"] {
        let (summary, code) = match run {
            "a full sync" => {
                let (summary, code) = full_sync(&desk).await.expect("ends");
                (summary.summary, code)
            }
            _ => desk.backfill().await.expect("ends"),
        };
        assert_eq!(code, ExitCode::Complete, "{run}: {summary:?}");
        let changed = (summary.tickets_changed, summary.tickets_new);
        assert_eq!(changed, (0, 0), "{run}");
        is_made_anew(run);
    }
    let (verification, code) = verify(&desk, false, true).await.expect("ends");
    assert_eq!(code, ExitCode::Complete, "{verification:?}");
    is_made_anew("a repair");
}

#[tokio::test]
async fn what_was_damaged_before_is_found_and_mended() {
    let desk = copied().await;
    let rows = desk.rows();
    let versions = "SELECT count(*) FROM ticket_history";
    let before = desk.number(versions);
    downgrade(&desk);
    // Live tickets with deleted messages, one for each damage.
    let ids = desk.column(
        "SELECT DISTINCT tickets.id FROM tickets JOIN messages ON messages.ticket_id = tickets.id
         WHERE deleted_at IS NULL AND messages.extra_json ->> 'isDeleted' LIMIT 4",
    );
    let [text, mark, history, facts] = ids.as_slice() else {
        panic!("{ids:?}")
    };
    meddle(
        &desk.path(),
        &format!(
            "UPDATE messages SET content = 'flipped' WHERE ticket_id = '{text}' AND position = 0;
             UPDATE messages SET extra_json = NULL WHERE ticket_id = '{mark}';
             UPDATE ticket_history SET status = 'Spam' WHERE ticket_id = '{history}';
             UPDATE tickets SET message_count = 77 WHERE id = '{facts}';"
        ),
    );
    drop(open(&desk));
    // The last follows from the messages, which are whole.
    let damaged: Vec<String> = audit(&desk.path())
        .expect("can be read")
        .damaged
        .into_iter()
        .map(|damage| damage.id)
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    let mut meant = [text, mark, history].map(String::clone);
    meant.sort();
    assert_eq!(damaged, meant);
    verify(&desk, false, true).await.expect("ends");
    desk.rows().assert_equal(&rows, "repaired");
    assert_audited(&desk);
    assert_eq!(otherwise_counted(&desk, "valid_until IS NULL"), 0);
    let (summary, _) = desk.backfill().await.expect("ends");
    assert_eq!(summary.tickets_changed, 0, "{summary:?}");
    // Which messages were deleted was lost where the marks were, so that one was seen to change.
    assert_eq!(desk.number(versions), before + 1);
}

#[tokio::test]
async fn the_next_snapshot_is_whole_and_the_one_after_it_is_not() {
    /// What the release before wrote into manifests as its schema.
    const SCHEMA: &str = "244548baaa72f34e";
    let desk = copied().await;
    downgrade(&desk);
    let place = tempfile::tempdir().unwrap();
    let directory = place.path().join("desk");
    publish_to(&desk, &directory, false).expect("publishes");
    let manifest = directory.join("current/manifest.json");
    let text = fs::read_to_string(&manifest).unwrap();
    let ours = serde_json::from_str::<Manifest>(&text).unwrap().schema;
    assert_ne!(ours, SCHEMA);
    fs::write(&manifest, text.replace(&ours, SCHEMA)).unwrap();

    let published = publish_to(&desk, &directory, false).expect("publishes");
    assert!(
        published.is_new && published.parent.is_none(),
        "{published:?}"
    );
    let why = "columns of another meaning";
    assert!(
        published.remarks.iter().any(|remark| remark.contains(why)),
        "{published:?}"
    );
    assert!(
        !publish_to(&desk, &directory, false)
            .expect("publishes")
            .is_new
    );
    desk.backfill().await.expect("completes");
    let published = publish_to(&desk, &directory, false).expect("publishes");
    assert!(published.parent.is_some(), "{published:?}");
}

#[tokio::test]
async fn a_second_ticket_of_an_id_that_was_accepted_still_is() {
    let world = talkative();
    let [id, other] = [20, 30].map(|place| world.id_at(place).expect("a ticket"));
    let desk = Desk::open(SimulatorSpec::new(world)).await;
    let name = id.clone();
    desk.simulator.set_hook(Box::new(move |request, _| {
        let (from, to) = (other.clone(), name.clone());
        request.is_for_tickets().then(|| {
            Fault::edit_tickets(move |ticket| {
                if ticket["id"] == json!(from) {
                    ticket["id"] = json!(to);
                }
            })
        })
    }));
    desk.backfill().await.expect("ends");
    let kept = desk.column("SELECT id FROM rejects");
    let [reject] = kept.as_slice() else {
        panic!("{kept:?}")
    };
    let at = window::parse("2026-01-01").unwrap();
    open(&desk)
        .accept_rejects(&[reject.as_str()], Some(at))
        .expect("is written");
    let shown = "SELECT id || ' ' || raw_json || ' ' || ifnull(accepted_at, 'not accepted') || ' '
        || rejects.snapshot_id || ' ' || met.place_ms
        FROM rejects JOIN _rejects_met AS met ON met.reject_id = id";
    let before = desk.column(shown);
    assert!(before[0].contains("channel-30"), "{before:?}");

    // Under other counts, and with other columns, it was another text, and so another reject.
    let text = &desk.column("SELECT raw_json FROM rejects")[0];
    let earlier = twin_before_marks(text).replace("\"message_count\":", "\"message_count\":1");
    assert!(earlier.contains("isDeleted") && !earlier.contains("is_deleted"));
    let edit = format!(
        "UPDATE rejects SET id = 'earlier', raw_json = '{}' WHERE id = '{reject}';
         UPDATE _rejects_met SET reject_id = 'earlier' WHERE reject_id = '{reject}';",
        earlier.replace('\'', "''")
    );
    assert_eq!(meddle(&desk.path(), &edit), 2);
    seal(&desk, "rejects", vec!["earlier".to_owned()]);
    to_schema_11(&desk);
    drop(open(&desk));
    assert_eq!(desk.column(shown), before);
    assert_audited(&desk);
    for _ in 0..2 {
        let (summary, code) = desk.backfill().await.expect("ends");
        assert_eq!(code, ExitCode::Complete, "{summary:?}");
        assert_eq!(summary.tickets_changed, 0, "{summary:?}");
        assert_eq!(desk.column(shown), before);
    }

    // One that a hand changed stays as it is, and is found.
    before_marks(&desk.path());
    meddle(
        &desk.path(),
        &format!(
            "{BEFORE_UNSEEN} UPDATE rejects SET raw_json = replace(raw_json, '\"message_count\":', '\"message_count\":1');
             PRAGMA user_version = 11"
        ),
    );
    drop(open(&desk));
    let damaged = audit(&desk.path()).expect("can be read").damaged;
    assert_eq!(damaged.len(), 1, "{damaged:?}");
    assert_eq!(damaged[0].table, "rejects");
}

#[tokio::test]
async fn a_store_without_threads_is_brought_up_to_date_too() {
    let mut desk = Desk::open(SimulatorSpec::new(talkative())).await;
    desk.settings.has_messages = false;
    desk.backfill().await.expect("completes");
    let rows = desk.rows();
    to_schema_11(&desk);
    drop(open(&desk));
    desk.rows().assert_equal(&rows, "opened");
    assert_audited(&desk);
    let connection = Connection::open(desk.path()).unwrap();
    let sql = "SELECT count(*) FROM tickets WHERE message_count IS NOT NULL";
    let counted: i64 = connection.query_row(sql, [], |row| row.get(0)).unwrap();
    assert_eq!(counted, 0);
}

#[tokio::test]
async fn a_flipped_bit_does_not_keep_a_store_of_the_release_before_from_being_repaired() {
    let desk = super::copied(120).await;
    let before = desk.rows();
    meddle(&desk.path(), FACTS);
    to_schema_11(&desk);
    let kept = Kept::of(&desk);
    let mut random = StdRng::seed_from_u64(12);
    let (mut mended, mut refused) = (0, 0);
    for _ in 0..25 {
        let at = random.random_range(0..kept.bytes.len());
        let mut bytes = kept.bytes.clone();
        bytes[at] ^= 1 << random.random_range(0..8u8);
        kept.write(&desk.path(), &bytes);
        let what = format!("byte {at}");
        match verify(&desk, false, true).await {
            Ok(_) => {
                let left = audit(&desk.path()).unwrap();
                assert!(left.is_whole(), "{what}: {left:?}");
                desk.rows().assert_equal(&before, &what);
                mended += 1;
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Usage, "{what}: {error}");
                assert_told(&error, &what);
                refused += 1;
            }
        }
    }
    assert!(mended >= 18, "{mended} mended, {refused} refused");
}

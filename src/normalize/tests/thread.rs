//! Threads: messages, senders and the facts drawn from them.

use super::super::{Outcome, TicketRows, ticket};
use super::{shown, with};
use crate::table::instant_text;
use crate::wire::RawTicket;

#[test]
fn an_id_met_twice_in_one_thread_is_a_reject_but_not_in_two_tickets() {
    let messages =
        r#""messages":[{"id":"m1","content":"a"},{"_id":"m1","content":"b"},{"id":"m2"}]"#;
    let rows = with(messages);
    assert_eq!(
        shown(&rows.rejects),
        [
            r#"messages[1]: a message with this id came before it in the thread: {"_id":"m1","content":"b"}"#
        ]
    );
    let thread = rows.thread.expect("asked for");
    let kept: Vec<_> = thread
        .messages
        .iter()
        .map(|message| (message.id.as_str(), message.position))
        .collect();
    assert_eq!(kept, [("m1", 0), ("m2", 1)]);

    let other = super::rows(r#"{"id":"t2","createdAt":0,"messages":[{"id":"m1"}]}"#);
    assert_eq!(other.rejects, []);
}

#[test]
fn a_message_without_an_id_gets_the_same_one_every_time() {
    let messages = r#""messages":[{"content":"a","createdAt":1},{"content":"a","createdAt":1},{"content":"b","createdAt":1},{"id":"","content":"a","createdAt":2}]"#;
    let ids = |rows: TicketRows| -> Vec<String> {
        let messages = rows.thread.expect("asked for").messages;
        messages.into_iter().map(|message| message.id).collect()
    };
    let first = ids(with(messages));
    assert_eq!(first, ids(with(messages)));
    assert!(
        first
            .iter()
            .all(|id| id.starts_with("made-") && id.len() == 21)
    );
    let distinct: std::collections::HashSet<_> = first.iter().collect();
    assert_eq!(distinct.len(), 4);
    // A message that comes before does not change the ids of those after it.
    let later = ids(with(&messages.replacen('[', r#"[{"content":"new"},"#, 1)));
    assert_eq!(later[1..], first);
}

#[test]
fn a_message_of_two_megabytes_is_one_row() {
    let content = "long \\\"text\\\" ".repeat(160_000);
    let rows = with(&format!(
        r#""messages":[{{"id":"m1","content":"{content}"}}]"#
    ));
    let thread = rows.thread.expect("asked for");
    assert_eq!(
        thread.messages[0].content.as_deref().map(str::len),
        Some("long \"text\" ".len() * 160_000)
    );
}

#[test]
fn threads_are_told_apart_from_threads_that_did_not_come() {
    for (fields, with_messages, count) in [
        ("", true, None),
        (r#","messages":null"#, true, None),
        (r#","messages":[]"#, true, Some(0)),
        (r#","messages":[{"id":"m1"}]"#, true, Some(1)),
        (r#","messages":"none""#, true, None),
        ("", false, None),
        (r#","messages":[{"id":"m1"}]"#, false, None),
        (r#","messages":"none""#, false, None),
    ] {
        let json = format!(r#"{{"id":"t1","createdAt":0{fields}}}"#);
        let Outcome::Rows(rows) = ticket(&RawTicket::new(json), with_messages) else {
            panic!("{fields}")
        };
        assert_eq!(rows.ticket.message_count, count, "{fields}");
        assert_eq!(rows.thread.is_some(), count.is_some(), "{fields}");
    }
    let unusable = with(r#""messages":"none""#);
    assert_eq!(
        shown(&unusable.rejects),
        [r#"messages: expected an array, got text: "none""#]
    );
}

#[test]
fn the_sender_is_found_in_every_shape() {
    let some = |text: &str| Some(text.to_owned());
    for (fields, sender_type, sender_name, sender_id, extra_json) in [
        (
            r#""senderType":"agent","sender":"a1","senderName":"Ana""#,
            some("agent"),
            some("Ana"),
            some("a1"),
            None,
        ),
        (
            r#""senderType":"bot","fromCustomer":true"#,
            some("bot"),
            None,
            None,
            some(r#"{"fromCustomer":true}"#),
        ),
        (
            r#""senderType":null,"fromCustomer":true"#,
            some("customer"),
            None,
            None,
            some(r#"{"fromCustomer":true}"#),
        ),
        (
            r#""fromCustomer":false"#,
            None,
            None,
            None,
            some(r#"{"fromCustomer":false}"#),
        ),
        (
            r#""senderReferenceType":"DiscordUser""#,
            some("customer"),
            None,
            None,
            None,
        ),
        (
            r#""senderReferenceType":"ClientMember","fromCustomer":false"#,
            some("agent"),
            None,
            None,
            some(r#"{"fromCustomer":false}"#),
        ),
        (
            r#""sender":{"_id":"a1","name":"Ana","email":"a@example.com"}"#,
            None,
            some("Ana"),
            some("a1"),
            some(r#"{"sender":{"email":"a@example.com"}}"#),
        ),
        (
            r#""sender":{"username":"ana"},"senderName":"Ana""#,
            None,
            some("Ana"),
            None,
            some(r#"{"sender":{"name":"ana"}}"#),
        ),
        (r#""sender":{"$oid":"a1"}"#, None, None, some("a1"), None),
    ] {
        let rows = with(&format!(r#""messages":[{{"id":"m1",{fields}}}]"#));
        assert_eq!(rows.rejects, [], "{fields}");
        let message = rows.thread.expect("asked for").messages.remove(0);
        assert_eq!(
            (
                message.sender_type,
                message.sender_name,
                message.sender_id,
                message.extra_json
            ),
            (sender_type, sender_name, sender_id, extra_json),
            "{fields}"
        );
    }
}

#[test]
fn thread_facts_count_what_the_customer_could_see() {
    let rows = with(
        r#""messages":[
        {"id":"1","senderType":"agent","createdAt":"2026-01-31T08:00:00Z","messageType":"InternalNote"},
        {"id":"2","senderType":"customer","createdAt":"2026-01-31T09:30:00Z"},
        {"id":"3","senderType":"customer","createdAt":"2026-01-31T09:10:00Z"},
        {"id":"4","senderType":"agent","createdAt":"2026-01-31T09:20:00Z","messageType":"ExternalMessage"},
        {"id":"5","senderType":"agent"},
        {"id":"6","senderType":"agent","createdAt":"2026-01-31T09:05:00Z","messageType":"AssigneeChange"},
        {"id":"7","senderType":"system","createdAt":"2026-01-31T09:30:00Z"}]"#,
    );
    let facts = rows.ticket;
    assert_eq!(facts.message_count, Some(7));
    assert_eq!(facts.customer_message_count, Some(2));
    assert_eq!(facts.agent_message_count, Some(2));
    assert_eq!(facts.system_message_count, Some(1));
    assert_eq!(facts.private_note_count, Some(1));
    assert_eq!(
        facts.first_customer_message_at.map(instant_text).as_deref(),
        Some("2026-01-31T09:10:00.000Z")
    );
    assert_eq!(
        facts.first_agent_reply_at.map(instant_text).as_deref(),
        Some("2026-01-31T09:20:00.000Z")
    );
    assert_eq!(facts.first_reply_time_ms, Some(20 * 60 * 1000));
    assert_eq!(
        facts.last_message_at.map(instant_text).as_deref(),
        Some("2026-01-31T09:30:00.000Z")
    );
    assert_eq!(facts.last_message_sender_type.as_deref(), Some("system"));

    let early = with(
        r#""messages":[{"id":"1","senderType":"agent","createdAt":"2026-01-31T08:59:59.999Z"}]"#,
    );
    assert_eq!(early.ticket.first_agent_reply_at, None);
    assert_eq!(early.ticket.first_reply_time_ms, None);
    assert_eq!(early.ticket.agent_message_count, Some(1));
}

#[test]
fn the_first_reply_is_the_first_one_since_the_ticket_was_created() {
    // The ticket was created at 09:00; before that stands what was said in the channel.
    for (times, waited_ms) in [
        (&["08:59:59.999"][..], None),
        (&["08:00:00", "09:30:00"], Some(30 * 60 * 1000)),
        (&["09:30:00", "08:00:00", "09:20:00"], Some(20 * 60 * 1000)),
        (&["08:00:00", "09:00:00", "09:10:00"], Some(0)),
        (&[], None),
    ] {
        let messages: Vec<String> = times
            .iter()
            .map(|time| {
                format!(r#"{{"senderType":"agent","content":"{time}","createdAt":"2026-01-31T{time}Z"}}"#)
            })
            .collect();
        let ticket = with(&format!(r#""messages":[{}]"#, messages.join(","))).ticket;
        assert_eq!(ticket.first_reply_time_ms, waited_ms, "{times:?}");
        let waited = ticket
            .first_agent_reply_at
            .map(|reply| (reply - ticket.created_at).num_milliseconds());
        assert_eq!(waited, waited_ms, "{times:?}");
        let count = i64::try_from(times.len()).expect("few");
        assert_eq!(ticket.agent_message_count, Some(count), "{times:?}");
    }
}

#[test]
fn deleted_messages_are_in_no_count_and_stop_no_clock() {
    let sent = |mark: &str| {
        let messages = [
            ("customer", "ExternalMessage", "09:01"),
            ("agent", "ExternalMessage", "09:02"),
            ("agent", "InternalNote", "09:03"),
            ("system", "StatusChanged", "09:04"),
        ]
        .map(|(sender, kind, time)| {
            format!(
                r#"{{"id":"{time}","senderType":"{sender}","messageType":"{kind}",
                    "createdAt":"2026-01-31T{time}:00Z"{mark}}}"#
            )
        });
        with(&format!(r#""messages":[{}]"#, messages.join(",")))
    };
    for (mark, is_deleted) in [
        (r#","isDeleted":true"#, true),
        (r#", "isDeleted" : true"#, true),
        (r#","isDel\u0065ted":true"#, true),
        (r#","isDeleted":"true""#, true),
        (r#","isDeleted":1"#, true),
        (r#","isDeleted":true,"note":"\"isDeleted\":false""#, true),
        (r#","repliedTo":{"isDeleted":false},"isDeleted":true"#, true),
        ("", false),
        (r#","isDeleted":false"#, false),
        (r#","isDeleted":null"#, false),
        (r#","isDeleted":"perhaps""#, false),
        (r#","isDeleted":{"by":"a1"}"#, false),
        (r#","isDeletedByBot":true"#, false),
        (r#","repliedTo":{"isDeleted":true}"#, false),
        (r#","content":"{\"isDeleted\":true}""#, false),
    ] {
        let rows = sent(mark);
        let ticket = &rows.ticket;
        let counts = [
            ticket.message_count,
            ticket.customer_message_count,
            ticket.agent_message_count,
            ticket.system_message_count,
            ticket.private_note_count,
        ];
        let instants = [
            ticket.first_customer_message_at,
            ticket.first_agent_reply_at,
            ticket.last_message_at,
        ];
        let meant = match is_deleted {
            true => [0; 5],
            false => [4, 1, 1, 1, 1],
        };
        assert_eq!(counts, meant.map(Some), "{mark}");
        assert!(
            instants.iter().all(|at| at.is_none() == is_deleted),
            "{mark}: {instants:?}"
        );
        assert_eq!(ticket.first_reply_time_ms.is_none(), is_deleted, "{mark}");
        assert_eq!(
            ticket.last_message_sender_type.is_none(),
            is_deleted,
            "{mark}"
        );
        // They are kept all the same.
        assert_eq!(rows.thread.expect("asked for").messages.len(), 4, "{mark}");
    }
}

//! What the API says of a message beside its text, in every type; and the same taken out of the
//! `extra_json` of an earlier version.

use proptest::prelude::*;

use super::{rows, shown, with};
use crate::normalize::{Moving, TicketRows};
use crate::table::Message;

/// The keys that are columns, and what they were called to be left over as an earlier version left them.
const KEYS: [(&str, &str); 5] = [
    ("senderReferenceType", "senderReferenceType!"),
    ("isEdited", "isEdited!"),
    ("isDeleted", "isDeleted!"),
    ("actionLogFrom", "actionLogFrom!"),
    ("actionLogTo", "actionLogTo!"),
];

fn message(fields: &str) -> (Message, Vec<String>) {
    let rows = with(&format!(r#""messages":[{{"id":"m1",{fields}}}]"#));
    let rejects = shown(&rows.rejects);
    (rows.thread.expect("asked for").messages.remove(0), rejects)
}

#[test]
fn true_and_false_are_read_in_every_form_and_anything_else_is_a_reject_that_stays() {
    for (value, meant, is_kept) in [
        ("true", Some(true), false),
        ("false", Some(false), false),
        (r#""true""#, Some(true), false),
        (r#""False""#, Some(false), false),
        ("1", Some(true), false),
        ("0", Some(false), false),
        (r#""1""#, Some(true), false),
        ("null", None, false),
        ("2", None, true),
        ("1.0", None, true),
        ("1234567890123456789012345", None, true),
        (r#""perhaps""#, None, true),
        (r#""""#, None, true),
        ("[]", None, true),
        (r#"{"by":"a1"}"#, None, true),
    ] {
        for key in ["isDeleted", "isEdited"] {
            let (message, rejects) = message(&format!(r#""{key}":{value}"#));
            let found = match key {
                "isDeleted" => [message.is_deleted, message.is_edited],
                _ => [message.is_edited, message.is_deleted],
            };
            assert_eq!(found, [meant, None], "{key} {value}");
            let kept = is_kept.then(|| format!(r#"{{"{key}":{value}}}"#));
            assert_eq!(message.extra_json, kept, "{key} {value}");
            let told: Vec<&String> = rejects.iter().collect();
            assert_eq!(told.len(), usize::from(is_kept), "{key} {value}: {told:?}");
            let path = format!("messages[0].{key}: expected a boolean, got ");
            assert!(told.iter().all(|one| one.starts_with(&path)), "{told:?}");
            assert!(told.iter().all(|one| one.ends_with(value)), "{told:?}");
        }
    }
}

#[test]
fn before_and_after_are_text_and_what_is_none_is_kept_as_it_was_sent() {
    for (value, meant, is_kept) in [
        (r#""Open""#, Some("Open"), false),
        (r#""""#, Some(""), false),
        ("null", None, false),
        ("3", Some("3"), false),
        (
            "1234567890123456789012345",
            Some("1234567890123456789012345"),
            false,
        ),
        ("true", Some("true"), false),
        (
            r#"{"name":"Ana","_id":"a1"}"#,
            Some(r#"{"_id":"a1","name":"Ana"}"#),
            true,
        ),
        (r#"["bug","vip"]"#, Some(r#"["bug","vip"]"#), true),
        ("[]", Some("[]"), true),
        // Text that looks like an object is told from one.
        (r#""[]""#, Some("[]"), false),
    ] {
        let (message, rejects) = message(&format!(r#""actionLogFrom":{value}"#));
        assert_eq!(message.action_log_from.as_deref(), meant, "{value}");
        assert_eq!(message.action_log_to, None, "{value}");
        let kept = meant.filter(|_| is_kept);
        let kept = kept.map(|kept| format!(r#"{{"actionLogFrom":{kept}}}"#));
        assert_eq!(message.extra_json, kept, "{value}");
        assert_eq!(rejects, [""; 0], "{value}");
    }
    let (message, _) = message(r#""actionLogFrom":"Open","actionLogTo":{"to":[1]}"#);
    assert_eq!(message.action_log_from.as_deref(), Some("Open"));
    assert_eq!(message.action_log_to.as_deref(), Some(r#"{"to":[1]}"#));
}

#[test]
fn a_kind_of_sender_is_a_word_and_still_says_who_sent_a_message_that_does_not() {
    for (value, kind, sender_type, rejected) in [
        (r#""ClientMember""#, Some("ClientMember"), Some("agent"), 0),
        (r#""DiscordUser""#, Some("DiscordUser"), Some("customer"), 0),
        (r#""TelegramUser""#, Some("TelegramUser"), None, 0),
        ("7", Some("7"), None, 0),
        ("null", None, None, 0),
        (r#"{"kind":"Customer"}"#, None, None, 1),
    ] {
        let (message, rejects) = message(&format!(r#""senderReferenceType":{value}"#));
        assert_eq!(message.sender_reference_type.as_deref(), kind, "{value}");
        assert_eq!(message.sender_type.as_deref(), sender_type, "{value}");
        assert_eq!(rejects.len(), rejected, "{value}: {rejects:?}");
        assert_eq!(message.extra_json.is_some(), rejected == 1, "{value}");
    }
}

/// The rows of the ticket, and its messages as an earlier version wrote them: with all of it in
/// `extra_json`. `sender_type` is that of now, since it follows from what is hidden here.
fn now_and_earlier(json: &str) -> (TicketRows, Vec<Message>, Vec<(String, String)>) {
    let now = rows(json);
    let mut hidden = json.to_owned();
    for (key, other) in KEYS {
        hidden = hidden.replace(&format!("\"{key}\":"), &format!("\"{other}\":"));
    }
    let shown = |text: &str| {
        let names = KEYS.iter();
        names.fold(text.to_owned(), |text, (key, other)| {
            text.replace(other, key)
        })
    };
    let earlier = rows(&hidden);
    let mut messages = earlier.thread.expect("asked for").messages;
    let of_now = now.thread.as_ref().expect("asked for").messages.iter();
    assert_eq!(messages.len(), of_now.len(), "{json}");
    for (message, of_now) in messages.iter_mut().zip(of_now) {
        message.extra_json = message.extra_json.as_deref().map(shown);
        message.sender_type.clone_from(&of_now.sender_type);
        assert_eq!(message.is_deleted, None);
    }
    let rejects = earlier.rejects.iter();
    let rejects = rejects.map(|one| (shown(&one.path), shown(&one.raw_json)));
    (now, messages, rejects.collect())
}

/// Holds what is made of the rows of an earlier version against what is made of the ticket now.
fn assert_moved(json: &str) {
    let (now, earlier, known) = now_and_earlier(json);
    let paths = known.iter().map(|(path, _)| path.as_str());
    let mut moving = Moving::of("t1", paths);
    let moved: Vec<Message> = earlier
        .into_iter()
        .map(|message| {
            let moved = moving.next(message.extra_json.as_deref());
            Message {
                sender_reference_type: moved.marks.sender_reference_type,
                is_edited: moved.marks.is_edited,
                is_deleted: moved.marks.is_deleted,
                action_log_from: moved.marks.action_log_from,
                action_log_to: moved.marks.action_log_to,
                extra_json: moved.extra_json,
                ..message
            }
        })
        .collect();
    assert_eq!(now.thread.expect("asked for").messages, moved, "{json}");
    let new = moving.into_rejects(&known);
    for reject in &new {
        assert!(now.rejects.contains(reject), "{json}: {reject:?}");
    }
    let mut rejects = known;
    rejects.extend(new.into_iter().map(|one| (one.path, one.raw_json)));
    rejects.sort();
    let meant = now.rejects.into_iter();
    let mut meant: Vec<(String, String)> = meant.map(|one| (one.path, one.raw_json)).collect();
    meant.sort();
    assert_eq!(rejects, meant, "{json}");
}

fn ticket_of(items: &[String]) -> String {
    format!(
        r#"{{"id":"t1","createdAt":"2026-01-31T09:00:00.000Z","messages":[{}]}}"#,
        items.join(",")
    )
}

/// Values of every type.
fn any_value() -> impl Strategy<Value = String> {
    let deep = format!("{}7{}", "[".repeat(60), "]".repeat(60));
    let values = [
        "null",
        "true",
        "false",
        r#""true""#,
        r#""FALSE""#,
        "1",
        "0",
        r#""1""#,
        r#""1.0""#,
        "1.0",
        "-0",
        "1.10",
        "1E5",
        "2",
        "9007199254740993",
        "18446744073709551615",
        "1234567890123456789012345",
        r#""""#,
        r#""perhaps""#,
        r#""ClientMember""#,
        r#""Customer""#,
        r#""\u00e9\n\"""#,
        r#""\ud83d""#,
        r#""a\u0000b""#,
        "[]",
        "{}",
        r#"{"b":1,"a":[{"c":null}]}"#,
        r#"{"a":1,"a":2}"#,
        r#"{"isDeleted":true,"actionLogFrom":"x"}"#,
        r#"[1,"two",3.50]"#,
        r#""{\"isDeleted\":true}""#,
        &deep,
    ];
    proptest::sample::select(values.map(str::to_owned).to_vec())
}

/// Values that only what was before and after can hold as they are.
fn any_change() -> impl Strategy<Value = String> {
    let strange = Just(r#"{"name":"\u0000","to":["\udc00"]}"#.to_owned());
    prop_oneof![8 => any_value(), 1 => strange]
}

/// One field of a message; the same key may come twice.
fn any_field() -> impl Strategy<Value = String> {
    let of = |keys: &[&str]| {
        let keys: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
        proptest::sample::select(keys)
    };
    prop_oneof![
        (
            of(&["senderReferenceType", "isEdited", "isDeleted"]),
            any_value()
        ),
        (of(&["actionLogFrom", "actionLogTo"]), any_change()),
        (
            of(&[
                "isDeletedByBot",
                "isRead",
                "actionLog",
                "zeta",
                "a",
                "fromCustomer",
                "content",
                "senderType",
                "sender",
                "attachments",
                "updatedAt",
            ]),
            any_value(),
        ),
    ]
    .prop_map(|(key, value)| format!("\"{key}\":{value}"))
}

/// An item of a thread, which may be no message.
fn any_item() -> impl Strategy<Value = String> {
    let id = proptest::sample::select(vec!["", r#""id":"m1""#, r#""id":"m2""#, r#""_id":"m3""#]);
    let fields = proptest::collection::vec(any_field(), 0..6);
    let object = (id, fields).prop_map(|(id, mut fields)| {
        if !id.is_empty() {
            fields.insert(0, id.to_owned());
        }
        format!("{{{}}}", fields.join(" , "))
    });
    let none = proptest::sample::select(vec!["null", "3", r#""\u0000""#, "[]"]);
    prop_oneof![6 => object, 1 => none.prop_map(str::to_owned)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn what_is_taken_out_of_earlier_rows_is_what_the_ticket_makes_now(
        items in proptest::collection::vec(any_item(), 0..6),
    ) {
        assert_moved(&ticket_of(&items));
    }
}

#[test]
fn each_of_the_columns_alone_is_taken_out_whatever_it_holds() {
    let values = [
        "null",
        "true",
        r#""true""#,
        "7",
        "1234567890123456789012345",
        r#"{"b":1,"a":2}"#,
        r#""x""#,
    ];
    for (key, _) in KEYS {
        for value in values {
            let alone = format!(r#"{{"id":"m1","{key}":{value}}}"#);
            let twice = format!(r#"{{"id":"m2","{key}":"first","{key}":{value},"zeta":1}}"#);
            assert_moved(&ticket_of(&[alone, "null".to_owned(), twice]));
        }
    }
}

#[test]
fn more_values_that_do_not_fit_than_are_kept_one_by_one_are_the_same_ones() {
    let items: Vec<String> = (0..700)
        .map(|number| {
            format!(r#"{{"id":"m{number}","isEdited":"{number}?","isDeleted":[{number}]}}"#)
        })
        .collect();
    assert_moved(&ticket_of(&items));
}

#[test]
fn what_no_version_wrote_into_extra_json_stays_as_it_is() {
    for text in ["", "{", "[true]", "7", r#""isDeleted""#] {
        let moved = Moving::default().next(Some(text));
        assert_eq!(moved.extra_json.as_deref(), Some(text));
        assert_eq!(moved.marks, Default::default());
    }
}

//! Properties of the normaliser, over tickets of any content.

use proptest::prelude::*;
use serde_json::Value;

use super::{Outcome, TicketRows, ticket};
use crate::table::{Cell, Record};
use crate::wire::RawTicket;

/// Values that fields may hold, fitting or not, small enough to meet often.
fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-3i64..4).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        prop_oneof![
            Just("a"),
            Just(""),
            Just("7"),
            Just("agent"),
            Just("customer"),
            Just("2026-01-31T09:00:00.000Z"),
            Just("\0"),
        ]
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 48, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::vec((any_key(), inner), 0..6)
                .prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

/// Keys that the normaliser knows, and some it does not.
fn any_key() -> impl Strategy<Value = String> {
    prop_oneof![
        proptest::sample::select(vec![
            "id",
            "_id",
            "name",
            "username",
            "email",
            "status",
            "priority",
            "sourceType",
            "origin",
            "category",
            "assignedTo",
            "tags",
            "createdAt",
            "updatedAt",
            "resolutionTime",
            "csat",
            "discordUsers",
            "customer",
            "attributes",
            "customAttributes",
            "attribute",
            "label",
            "content",
            "value",
            "messages",
            "sender",
            "senderType",
            "senderName",
            "attachments",
            "url",
            "fileType",
            "type",
            "messageType",
            "senderReferenceType",
            "isEdited",
            "isDeleted",
            "actionLogFrom",
            "actionLogTo",
            "isArchived",
            "$oid",
            "__v",
            "walletAddress",
        ])
        .prop_map(str::to_owned),
        "[a-c]{1,2}",
    ]
}

/// A ticket with an identity and any other content, its interesting fields often there.
fn any_ticket() -> impl Strategy<Value = Value> {
    let entries = proptest::collection::vec((any_key(), any_value()), 0..12);
    let messages = proptest::collection::vec(any_value(), 0..5);
    (entries, messages, any_value(), any_value()).prop_map(|(entries, messages, tags, customer)| {
        let mut ticket: serde_json::Map<String, Value> = entries.into_iter().collect();
        ticket.insert("tags".into(), Value::from(vec![tags]));
        ticket.insert("customer".into(), customer);
        ticket.insert("messages".into(), Value::from(messages));
        ticket.insert("id".into(), "t1".into());
        ticket.insert("createdAt".into(), "2026-01-31T09:00:00.000Z".into());
        Value::Object(ticket)
    })
}

/// JSON text with each object's entries in an order drawn from `seed`.
fn shuffled(value: &Value, seed: &mut u64, out: &mut String) {
    match value {
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                shuffled(item, seed, out);
            }
            out.push(']');
        }
        Value::Object(entries) => {
            let mut entries: Vec<_> = entries.iter().collect();
            out.push('{');
            while !entries.is_empty() {
                *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let place = usize::try_from(*seed >> 40).expect("24 bits") % entries.len();
                let (key, value) = entries.swap_remove(place);
                out.push_str(&Value::from(key.as_str()).to_string());
                out.push_str(": ");
                shuffled(value, seed, out);
                if !entries.is_empty() {
                    out.push_str(" ,\n");
                }
            }
            out.push('}');
        }
        leaf => out.push_str(&leaf.to_string()),
    }
}

fn rows(json: impl Into<String>) -> Option<TicketRows> {
    match ticket(&RawTicket::new(json.into()), true) {
        Outcome::Rows(rows) => Some(*rows),
        Outcome::Reject(_) => None,
    }
}

/// JSON text with a scalar of its own in each place: `#` where one goes, and in some places keys that
/// come twice.
fn any_text() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        4 => prop_oneof![
            Just("\"#\""), Just("#"), Just("-#.50"), Just("#e1"), Just("9999999999999999#"),
            Just("\"\\u0000#\""), Just("\"\\ud83d#\""),
        ].prop_map(str::to_owned),
        // Longer than ids are.
        1 => Just(format!("\"#{}\"", "x".repeat(1_100))),
        1 => prop_oneof![Just("null"), Just("{}"), Just("[]")].prop_map(str::to_owned),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        let key = prop_oneof![9 => any_key(), 1 => Just("#".to_owned()), 1 => Just("\\u0000#".to_owned())];
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5)
                .prop_map(|items| format!("[{}]", items.join(","))),
            proptest::collection::vec((key, inner), 0..7).prop_map(|entries| {
                let entries: Vec<String> = entries
                    .iter()
                    .map(|(key, value)| match value.as_str() {
                        // Nulls are left out, and their names with them.
                        "null" => "\"a\":null".to_owned(),
                        _ => format!("\"{key}\":{value}"),
                    })
                    .collect();
                format!("{{{}}}", entries.join(","))
            }),
        ]
    })
}

/// A ticket with an identity and these values in the fields that are read into rows of their own.
fn any_full_ticket() -> impl Strategy<Value = String> {
    let fields = proptest::collection::vec((any_key(), any_text()), 0..12);
    // Under one key an id that is one, under the other anything.
    let ids = (
        prop_oneof![Just(["id", "_id"]), Just(["_id", "id"])],
        any_text(),
    );
    (fields, any_text(), any_text(), any_text(), ids).prop_map(
        |(fields, tag, message, customer, ([one, other], id))| {
            let fields: Vec<String> = fields
                .iter()
                .map(|(key, value)| format!("\"{key}\":{value},"))
                .collect();
            format!(
                "{{{}\"tags\":[{tag}],\"customer\":{customer},\"messages\":[{message}],\
                 \"{one}\":{id},\"{other}\":\"t1\",\"createdAt\":0}}",
                fields.concat()
            )
        },
    )
}

/// The text with a number of its own for each `#`, and those numbers.
fn numbered(text: &str) -> (String, Vec<String>) {
    let mut parts = text.split('#');
    let mut json = parts.next().unwrap_or_default().to_owned();
    let mut numbers = Vec::new();
    for (part, number) in parts.zip(7_000_001..) {
        numbers.push(format!("{number}"));
        json.push_str(&format!("{number}{part}"));
    }
    (json, numbers)
}

/// Everything that a ticket's rows hold, as text, each value on a line of its own.
fn everything(rows: &TicketRows) -> String {
    fn add<T: Record>(out: &mut String, records: &[T]) {
        for record in records {
            record.each_cell(|cell| {
                out.push_str(&match cell {
                    Cell::Null => return,
                    Cell::Integer(number) => number.to_string(),
                    Cell::Text(text) => text.to_owned(),
                    // As numbers of milliseconds and of seconds.
                    Cell::Instant(instant) => format!("{}", instant.timestamp_millis()),
                });
                out.push('\n');
            });
        }
    }
    let mut out = String::new();
    add(&mut out, std::slice::from_ref(&rows.ticket));
    if let Some(thread) = &rows.thread {
        add(&mut out, &thread.messages);
        add(&mut out, &thread.attachments);
    }
    if let Some(customer) = &rows.customer {
        add(&mut out, std::slice::from_ref(&customer.customer));
        add(&mut out, &customer.attributes);
    }
    add(&mut out, rows.category.as_slice());
    add(&mut out, rows.agent.as_slice());
    add(&mut out, &rows.attributes);
    add(&mut out, &rows.tags);
    add(&mut out, &rows.discord_users);
    add(&mut out, &rows.rejects);
    out
}

/// Keys of a table's rows, which must be distinct for the store to take them.
fn are_distinct<T: Record, K: Ord>(records: &[T], key: impl Fn(&T) -> K) -> bool {
    let mut keys: Vec<K> = records.iter().map(key).collect();
    keys.sort();
    keys.windows(2).all(|pair| pair[0] != pair[1])
}

proptest! {
    #[test]
    fn every_scalar_that_was_sent_is_in_the_rows_with_its_digits(text in any_full_ticket()) {
        let (json, numbers) = numbered(&text);
        let all = everything(&rows(json.as_str()).expect("it has an identity"));
        for number in numbers {
            prop_assert!(all.contains(&number), "{number} of {json} is not in {all}");
        }
        // Longer than any number that a double holds, so in the digits that were sent.
        for digits in json.split(|character: char| !character.is_ascii_digit()) {
            let is_long = digits.len() > 20;
            prop_assert!(!is_long || all.contains(digits), "{digits} of {json} is not in {all}");
        }
    }

    #[test]
    fn a_ticket_with_an_identity_gives_rows_the_store_can_take(value in any_ticket()) {
        let rows = rows(value.to_string()).expect("it has an identity");
        let thread = rows.thread.expect("an array was sent");
        prop_assert!(are_distinct(&thread.messages, |row| row.id.clone()));
        prop_assert!(are_distinct(&thread.attachments, |row| (row.message_id.clone(), row.position)));
        prop_assert!(are_distinct(&rows.tags, |row| row.id.clone()));
        prop_assert!(are_distinct(&rows.attributes, |row| row.position));
        prop_assert!(are_distinct(&rows.rejects, |row| row.id.clone()));
        if let Some(customer) = &rows.customer {
            prop_assert_eq!(rows.ticket.customer_id.as_ref(), Some(&customer.customer.id));
        }
        for reject in &rows.rejects {
            prop_assert_eq!(reject.ticket_id.as_deref(), Some("t1"));
            prop_assert!(serde_json::from_str::<Value>(&reject.raw_json).is_ok(), "{}", reject.raw_json);
        }
        let extras = thread.messages.iter().map(|row| &row.extra_json).chain([&rows.ticket.extra_json]);
        for extra in extras.flatten() {
            let extra: Value = serde_json::from_str(extra).expect("JSON");
            prop_assert!(extra.as_object().is_some_and(|extra| !extra.is_empty()));
        }
        let items = value["messages"].as_array().expect("an array").len();
        let whole = rows.rejects.iter().filter(|reject| {
            reject.path.starts_with("messages[") && reject.path.ends_with(']') && reject.path.matches(['[', '.']).count() == 1
        });
        prop_assert_eq!(thread.messages.len() + whole.count(), items);
    }

    #[test]
    fn the_order_of_keys_does_not_matter(value in any_ticket(), mut seed in any::<u64>()) {
        let mut json = String::new();
        shuffled(&value, &mut seed, &mut json);
        prop_assert_eq!(rows(json), rows(value.to_string()));
    }

    #[test]
    fn no_text_and_no_json_makes_it_panic(text in "\\PC{0,40}", value in any_value()) {
        let _ = rows(text);
        let _ = rows(value.to_string());
    }

    #[test]
    fn a_missing_field_and_a_null_one_give_the_same_rows(value in any_ticket(), key in any_key()) {
        let mut with_null = value.clone();
        let object = with_null.as_object_mut().expect("an object");
        if object.get(&key).is_none() {
            object.insert(key, Value::Null);
        }
        prop_assert_eq!(rows(with_null.to_string()), rows(value.to_string()));
    }

    #[test]
    fn the_shapes_of_a_reference_give_the_same_row(
        id in "[0-9a-f]{1,24}", key in proptest::sample::select(vec!["category", "assignedTo", "tags"]),
    ) {
        let of = |reference: String| {
            let reference = if key == "tags" { format!("[{reference}]") } else { reference };
            rows(format!(r#"{{"id":"t1","createdAt":0,"{key}":{reference}}}"#)).expect("an identity")
        };
        let plain = of(format!(r#""{id}""#));
        prop_assert!(plain.ticket.extra_json.is_none() && plain.rejects.is_empty());
        for shape in [
            format!(r#"{{"id":"{id}"}}"#),
            format!(r#"{{"_id":"{id}","name":null}}"#),
            format!(r#"{{"_id":"{id}","id":"{id}"}}"#),
            format!(r#"{{"$oid":"{id}"}}"#),
            format!(r#"{{"_id":{{"$oid":"{id}"}}}}"#),
        ] {
            prop_assert_eq!(&of(shape), &plain);
        }
        let named = of(format!(r#"{{"id":"{id}","name":"n"}}"#));
        prop_assert_eq!(named.head_hash, plain.head_hash);
    }

    #[test]
    fn no_nul_is_left_in_any_cell(value in any_ticket()) {
        let rows = rows(value.to_string()).expect("an identity");
        let mut is_clean = true;
        let mut look = |cell: crate::table::Cell<'_>| {
            if let crate::table::Cell::Text(text) = cell {
                is_clean &= !text.contains('\0');
            }
        };
        rows.ticket.each_cell(&mut look);
        let thread = rows.thread.expect("an array was sent");
        thread.messages.iter().for_each(|row| row.each_cell(&mut look));
        rows.attributes.iter().for_each(|row| row.each_cell(&mut look));
        rows.tags.iter().for_each(|row| row.each_cell(&mut look));
        rows.rejects.iter().for_each(|row| row.each_cell(&mut look));
        prop_assert!(is_clean);
    }
}

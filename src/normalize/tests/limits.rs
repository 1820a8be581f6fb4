//! Lists beyond all measure: all of one is stored, or it is kept as one value; never slowly.

use super::super::{Outcome, TicketRows, ticket};
use crate::wire::{MOST_ITEMS, RawTicket};

/// More than any desk has, and far too many to look through once for each.
const MANY: usize = 100_000;

fn rows(fields: &str) -> TicketRows {
    let json = format!(r#"{{"id":"t1","createdAt":"2026-01-31",{fields}}}"#);
    match ticket(&RawTicket::new(json), true) {
        Outcome::Rows(rows) => *rows,
        Outcome::Reject(reject) => panic!("{}", reject.reason),
    }
}

/// `[…]` of so many items.
fn list(count: usize, item: impl Fn(usize) -> String) -> String {
    let items: Vec<String> = (0..count).map(item).collect();
    format!("[{}]", items.join(","))
}

fn thread(rows: &TicketRows) -> (usize, usize) {
    let thread = rows.thread.as_ref().expect("a thread");
    (thread.messages.len(), thread.attachments.len())
}

#[test]
fn a_hundred_thousand_of_anything_are_read_one_by_one() {
    let tags = rows(&format!(
        r#""tags":{}"#,
        list(MANY, |n| format!(r#""g{n}""#))
    ));
    assert_eq!(tags.tags.len(), MANY);
    let again = list(MANY, |n| {
        format!(r#"{{"id":"g{}","name":"n{n}"}}"#, n % 40_000)
    });
    let tags = rows(&format!(r#""tags":{again}"#));
    assert_eq!(tags.tags.len(), 40_000);
    assert_eq!(tags.tags[39_999].name.as_deref(), Some("n39999"));
    let users = rows(&format!(
        r#""discordUsers":{}"#,
        list(MANY, |n| format!(r#""u{n}""#))
    ));
    assert_eq!(users.discord_users.len(), MANY);
    let attribute = |n| format!(r#"{{"label":"l{n}","value":{n}}}"#);
    let attributes = rows(&format!(r#""attributes":{}"#, list(MANY, attribute)));
    assert_eq!(attributes.attributes.len(), MANY);
    let labels = list(MANY, |n| format!(r#""l{n}":{n}"#))
        .replace('[', "{")
        .replace(']', "}");
    let by_label = rows(&format!(r#""attributes":{labels}"#));
    assert_eq!(by_label.attributes.len(), MANY);
    for unknown in [
        format!(r#""mentions":{}"#, list(MANY, |n| n.to_string())),
        format!(r#""mentions":{labels}"#),
        labels.trim_matches(['{', '}']).to_owned(),
    ] {
        let extra = rows(&unknown).ticket.extra_json.expect("left over");
        assert!(extra.len() > MANY, "{}", extra.len());
    }
}

#[test]
fn a_hundred_thousand_messages_are_read_one_by_one_whatever_their_ids() {
    let named = rows(&format!(
        r#""messages":{}"#,
        list(MANY, |n| format!(r#"{{"id":"m{n}"}}"#))
    ));
    assert_eq!(thread(&named), (MANY, 0));
    let alike = rows(&format!(
        r#""messages":{}"#,
        list(MANY, |_| "{}".to_owned())
    ));
    assert_eq!(thread(&alike), (MANY, 0));
    // One is stored, and of the others a thousand are kept one by one.
    let twins = list(MANY, |n| format!(r#"{{"id":"m","content":"c{n}"}}"#));
    let twins = rows(&format!(r#""messages":{twins}"#));
    assert_eq!((thread(&twins), twins.rejects.len()), ((1, 0), 1_001));
    let rest = twins.rejects.last().expect("the rest");
    assert!(
        rest.reason
            .starts_with("this and the 98998 values after it"),
        "{}",
        rest.reason
    );
    let attached = list(MANY, |n| format!(r#"{{"url":"u{n}"}}"#));
    let attached = rows(&format!(
        r#""messages":[{{"id":"m","attachments":{attached}}}]"#
    ));
    assert_eq!(thread(&attached), (1, MANY));
}

#[test]
fn a_longer_list_is_one_value_that_does_not_fit_and_the_ticket_is_stored() {
    let long = list(MOST_ITEMS + 1, |n| format!(r#"{{"label":"l{n}"}}"#));
    for key in ["tags", "discordUsers", "attributes", "messages"] {
        let rows = rows(&format!(r#""status":"Open","{key}":{long}"#));
        assert_eq!(rows.ticket.status.as_deref(), Some("Open"));
        assert_eq!(rows.rejects.len(), 1, "{key}");
        let reject = &rows.rejects[0];
        assert_eq!(reject.path, key);
        assert!(
            reject.raw_json.len() <= 1 << 20,
            "{}",
            reject.raw_json.len()
        );
        let told = "expected a list of at most 250000 items, got an array; only the first";
        assert!(reject.reason.starts_with(told), "{}", reject.reason);
        assert!(
            rows.ticket
                .extra_json
                .is_some_and(|extra| extra.len() > long.len())
        );
        assert!(rows.thread.is_none());
    }
    let half = list(MOST_ITEMS / 2 + 1, |_| "{}".to_owned());
    let spread = rows(&format!(
        r#""messages":[{{"id":"m1","attachments":{half}}},{{"id":"m2","attachments":{half}}}]"#
    ));
    assert_eq!(thread(&spread), (2, MOST_ITEMS / 2 + 1));
    assert_eq!(spread.rejects[0].path, "messages[1].attachments");
}

#[test]
fn an_id_that_every_row_would_repeat_is_not_taken_where_it_is_far_too_long() {
    let long = "x".repeat(1_025);
    let json = format!(r#"{{"id":"{long}","createdAt":"2026-01-31"}}"#);
    let Outcome::Reject(reject) = ticket(&RawTicket::new(json), true) else {
        panic!("it has no usable id");
    };
    assert_eq!(reject.reason, "an id of more than 1024 bytes");
    let rows = rows(&format!(
        r#""customer":{{"id":"{long}"}},"tags":["{long}"],"messages":[{{"id":"{long}","content":"hi"}}]"#
    ));
    let paths: Vec<&str> = rows
        .rejects
        .iter()
        .map(|reject| reject.path.as_str())
        .collect();
    assert_eq!(paths, ["customer", "messages[0].id"]);
    let thread = rows.thread.expect("a thread");
    assert!(thread.messages[0].id.starts_with("made-"));
    // A tag's id is in one row for each ticket.
    assert_eq!(rows.tags.len(), 1);
}

#[test]
fn of_two_ids_the_one_that_is_far_too_long_makes_way_and_is_kept() {
    let long = "x".repeat(1_025);
    let broken = format!("{}\\u0000", "y".repeat(1_020));
    for (long, ids) in [
        (&long, ["id", "_id"]),
        (&long, ["_id", "id"]),
        (&broken, ["id", "_id"]),
    ] {
        let [one, other] = ids;
        let of = |short: &str| format!(r#""{one}":"{long}","{other}":"{short}""#);
        let json = format!(
            r#"{{{},"createdAt":0,"customer":{{{}}},"messages":[{{{}}},{{{}}}]}}"#,
            of("t1"),
            of("c1"),
            of("m1"),
            of("m1")
        );
        let raw = RawTicket::new(json.as_str());
        assert_eq!(raw.key().id.as_deref(), Some("t1"));
        let Outcome::Rows(rows) = ticket(&raw, true) else {
            panic!("{json}: it has a usable id");
        };
        assert_eq!(rows.ticket.id, "t1");
        assert_eq!(rows.ticket.customer_id.as_deref(), Some("c1"));
        let thread = rows.thread.expect("a thread");
        let messages: Vec<&str> = thread.messages.iter().map(|row| row.id.as_str()).collect();
        assert_eq!(messages, ["m1"]);
        // Where they stood, and nowhere under the name of the other.
        let mut paths: Vec<&str> = rows.rejects.iter().map(|row| row.path.as_str()).collect();
        paths.sort_unstable();
        paths.dedup();
        let [customer, first] = [format!("customer.{one}"), format!("messages[0].{one}")];
        let mut expected = vec![one, customer.as_str(), first.as_str(), "messages[1]"];
        let second = format!("messages[1].{one}");
        if long.contains('y') {
            expected.push(&second);
        }
        expected.sort_unstable();
        assert_eq!(paths, expected, "{json}");
        let raw_json = format!("\"{long}\"");
        for reject in rows.rejects.iter().filter(|row| row.path.ends_with("id")) {
            assert_eq!(reject.raw_json, raw_json);
        }
        let customer = rows.customer.expect("a customer").customer.extra_json;
        for extra in [
            &rows.ticket.extra_json,
            &customer,
            &thread.messages[0].extra_json,
        ] {
            let begin = format!("{{\"{one}\":\"{}", &long[..1_020]);
            assert!(
                extra
                    .as_ref()
                    .is_some_and(|extra| extra.starts_with(&begin)),
                "{extra:?}"
            );
        }
    }
}

#[test]
fn nesting_without_end_is_kept_raw_and_quickly() {
    let deep = format!("{}{}", "[".repeat(1_000_000), "]".repeat(1_000_000));
    let json = format!(r#"{{"id":"t1","createdAt":"2026-01-31","x":{deep}}}"#);
    let Outcome::Reject(reject) = ticket(&RawTicket::new(json), true) else {
        panic!("it cannot be read");
    };
    assert!(
        reject
            .reason
            .starts_with("nested too deeply; only the first"),
        "{}",
        reject.reason
    );
    assert_eq!(reject.ticket_id.as_deref(), Some("t1"));
}

//! Inputs of the long runs that failed once, and what their check sees.
#![expect(
    clippy::disallowed_methods,
    reason = "the check looks at the processor's clock"
)]

#[path = "../../benches/soak/fuzz/check/mod.rs"]
mod check;
#[path = "../../benches/soak/fuzz/found.rs"]
mod inputs;

use mava_export::normalize::{self, Outcome, TicketRows};
use mava_export::wire::RawTicket;
use serde_json::{Value, json};

use self::check::{Came, check};
use self::inputs::FOUND;

#[test]
fn what_the_long_runs_found_stays_mended() {
    for (name, body) in FOUND {
        let came = Came {
            is_page: true,
            rows: 1,
            rejects: 0,
        };
        assert_eq!(check(body.as_bytes(), true), Ok(came), "{name}");
    }
}

/// The rows of a ticket with these messages, and the ticket.
fn rows(messages: Value) -> (TicketRows, Value) {
    let ticket = json!({"id": "t1", "createdAt": 0, "messages": messages});
    match normalize::ticket(&RawTicket::new(ticket.to_string()), true) {
        Outcome::Rows(rows) => (*rows, ticket),
        Outcome::Reject(reject) => panic!("{}", reject.reason),
    }
}

#[test]
fn the_check_of_the_long_runs_sees_each_item_that_is_lost_of_a_thread() {
    let mut messages = vec![json!({"id": "m"}), json!({"_id": "n", "id": ""}), json!({})];
    messages.extend((0..1_200).map(|number| json!({"id": "m", "content": number})));
    messages.push(json!(7));
    let (whole, ticket) = rows(Value::from(messages));
    assert_eq!(check::thread::whole(&whole, &ticket), Ok(()));
    assert_eq!(whole.rejects.len(), 1_001);
    type Change = fn(&mut TicketRows);
    let changes: [(&str, Change); 7] = [
        ("2 messages of 3 items that are some", |rows| {
            rows.thread.as_mut().expect("a thread").messages.truncate(2);
        }),
        ("201 items are nowhere", |rows| drop(rows.rejects.pop())),
        ("1 of 1000 rejects stand for many", |rows| {
            rows.rejects.remove(500);
        }),
        ("200 values kept together, 201 told", |rows| {
            let rest = rows.rejects.last_mut().expect("the rest");
            rest.raw_json = rest.raw_json.replace(",7]", "]");
        }),
        ("1 items are not among those kept together", |rows| {
            let rest = rows.rejects.last_mut().expect("the rest");
            rest.raw_json = rest.raw_json.replace(",7]", ",8]");
        }),
        ("201 items are not among those kept together", |rows| {
            let rest = rows.rejects.last_mut().expect("the rest");
            rest.raw_json = rest.raw_json.replacen("1000,", "999,", 1);
        }),
        ("messages[0] is a reject, and a message", |rows| {
            rows.rejects[7].path = "messages[0]".to_owned();
        }),
    ];
    for (told, change) in changes {
        let mut changed = whole.clone();
        change(&mut changed);
        let seen = check::thread::whole(&changed, &ticket);
        assert_eq!(seen, Err(told.to_owned()));
    }
}

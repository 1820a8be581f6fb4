//! Holds one answer of the API against what we expect of the wire: names and types, never values.
//! Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::report::{Finding, Verdict};
use crate::table::{Instant, parse_instant};
use crate::window::Window;

/// What is known of one field.
struct Field {
    /// Its names on the wire; any of them will do.
    names: &'static [&'static str],
    /// JSON types it may have.
    types: &'static [&'static str],
    /// Whether every object has to have it.
    is_required: bool,
}

const fn required(names: &'static [&'static str], types: &'static [&'static str]) -> Field {
    Field {
        names,
        types,
        is_required: true,
    }
}

const fn optional(names: &'static [&'static str], types: &'static [&'static str]) -> Field {
    Field {
        names,
        types,
        is_required: false,
    }
}

impl Field {
    /// What the objects at a path say of it, which have it in these types.
    fn finding(
        &self,
        path: &str,
        objects: &[&Map<String, Value>],
        types: &BTreeSet<&str>,
    ) -> Finding {
        let what = format!("{path}{}", self.names.join(" or "));
        let expected = self.types.join(" or ");
        let lacking = objects
            .iter()
            .filter(|object| !self.names.iter().any(|name| object.contains_key(*name)))
            .count();
        // Every instant is a string, and any string will do where text is expected.
        let fits = types.iter().all(|seen| {
            self.types.contains(seen) || (*seen == "instant" && self.types.contains(&"string"))
        });
        let shown = types.iter().copied().collect::<Vec<_>>().join(" or ");
        if self.is_required && lacking > 0 {
            let seen = format!("missing in {lacking} of {}", objects.len());
            finding(Verdict::Differs, &what, &expected, &seen)
        } else if !fits {
            finding(Verdict::Differs, &what, &expected, &shown)
        } else if types.is_empty() {
            finding(
                Verdict::Unknown,
                &what,
                &expected,
                "not sent; nothing to do",
            )
        } else {
            finding(Verdict::Ok, &what, &expected, &shown)
        }
    }
}

const TEXT: &[&str] = &["string", "null"];
const NUMBER: &[&str] = &["integer", "null"];
const INSTANT: &[&str] = &["instant", "null"];
const LIST: &[&str] = &["array", "null"];
const REFERENCE: &[&str] = &["string", "object", "null"];
const MARK: &[&str] = &["boolean", "null"];
/// What a change was from and to: whatever the field that changed holds.
const ANY: &[&str] = &[
    "string", "integer", "number", "boolean", "array", "object", "null",
];

const ANSWER: &[Field] = &[
    required(&["tickets"], &["array"]),
    optional(&["count"], &["integer"]),
    required(&["pagination"], &["object"]),
];

const PAGINATION: &[Field] = &[
    optional(&["count"], &["integer"]),
    optional(&["skip"], &["integer"]),
    optional(&["limit"], &["integer"]),
    required(&["hasMore"], &["boolean"]),
];

const TICKET: &[Field] = &[
    required(&["id", "_id"], &["string"]),
    required(&["createdAt"], &["instant"]),
    optional(&["status"], TEXT),
    optional(&["priority"], NUMBER),
    optional(&["sourceType", "origin"], TEXT),
    optional(&["category"], REFERENCE),
    optional(&["assignedTo"], REFERENCE),
    optional(&["tags"], LIST),
    optional(&["updatedAt"], INSTANT),
    optional(&["resolutionTime"], NUMBER),
    optional(&["csat"], NUMBER),
    optional(&["aiStatus"], TEXT),
    optional(&["discordUsers"], LIST),
    optional(&["customer"], &["object", "null"]),
    optional(&["attributes"], LIST),
    optional(&["messages"], LIST),
    optional(&["emailSubjectLine"], TEXT),
];

const CUSTOMER: &[Field] = &[
    required(&["id", "_id"], &["string"]),
    optional(&["name"], TEXT),
    optional(&["email"], TEXT),
    optional(&["walletAddress"], TEXT),
    optional(&["discordAuthorId"], TEXT),
    optional(&["telegramAuthorId"], TEXT),
    optional(&["createdAt"], INSTANT),
    optional(&["updatedAt"], INSTANT),
    optional(
        &["attributes", "customAttributes"],
        &["array", "object", "null"],
    ),
];

const MESSAGE: &[Field] = &[
    required(&["id", "_id"], &["string"]),
    required(&["createdAt"], &["instant"]),
    optional(&["content"], TEXT),
    optional(&["senderType"], TEXT),
    optional(&["senderName"], TEXT),
    optional(&["messageType"], TEXT),
    optional(&["updatedAt"], INSTANT),
    optional(&["attachments"], LIST),
    optional(&["sender"], REFERENCE),
    optional(&["senderReferenceType"], TEXT),
    optional(&["isEdited"], MARK),
    optional(&["isDeleted"], MARK),
    optional(&["actionLogFrom"], ANY),
    optional(&["actionLogTo"], ANY),
];

/// Not documented, but seen on tickets of this API: no news, and not missed where they are not sent.
const SEEN_ON_TICKETS: &[&str] = &[
    "firstCustomerMessageCreatedAt",
    "firstAgentMessageCreatedAt",
    "discordThreadId",
    "isVisible",
    "disabled",
    "mentions",
    "__v",
];

/// Fields seen on customers.
const SEEN_ON_CUSTOMERS: &[&str] = &["discordRoles", "avatarURL", "__v"];

/// Fields seen on messages.
const SEEN_ON_MESSAGES: &[&str] = &[
    "fromCustomer",
    "isPicture",
    "isRead",
    "repliedTo",
    "reactions",
    "mentions",
    "readBy",
    "foreignIdentifier",
    "__v",
];

/// How many tickets, or messages of a thread, show an order.
const SHOWS_ORDER: usize = 2;

/// How many tickets an answer holds, of whatever kind they are.
pub fn tickets(answer: &Value) -> usize {
    let tickets = answer.get("tickets").and_then(Value::as_array);
    tickets.map_or(0, Vec::len)
}

/// Findings on an answer to `GET /api/tickets` for `window`, oldest first, with messages.
pub fn examine(answer: &Value, window: Window) -> Vec<Finding> {
    let mut findings = Vec::new();
    let Value::Object(top) = answer else {
        return vec![finding(Verdict::Differs, "answer", "object", kind(answer))];
    };
    fields(&mut findings, "", &[top], ANSWER, &[]);
    let pagination: Vec<&Map<String, Value>> = top
        .get("pagination")
        .and_then(Value::as_object)
        .into_iter()
        .collect();
    fields(&mut findings, "pagination.", &pagination, PAGINATION, &[]);
    let has_count = top
        .get("count")
        .or(pagination.first().and_then(|p| p.get("count")))
        .filter(|count| !count.is_null());
    findings.push(match has_count {
        Some(_) => finding(Verdict::Ok, "count", "at the top or in pagination", "there"),
        None => finding(
            Verdict::Differs,
            "count",
            "at the top or in pagination",
            "missing",
        ),
    });
    let tickets = objects(top.get("tickets"));
    let sent = self::tickets(answer);
    if tickets.len() < sent {
        let others = sent - tickets.len();
        findings.push(finding(
            Verdict::Differs,
            "tickets[]",
            "object",
            &format!("something else {others} times of {sent}"),
        ));
    }
    if sent == 0 {
        findings.push(finding(
            Verdict::Unknown,
            "tickets",
            "some to look at",
            &format!("none in {window}"),
        ));
        return findings;
    }
    inside(&mut findings, &tickets, window);
    findings
}

/// Looks into the tickets of the answer.
fn inside(findings: &mut Vec<Finding>, tickets: &[&Map<String, Value>], window: Window) {
    fields(findings, "tickets[].", tickets, TICKET, SEEN_ON_TICKETS);
    let customers: Vec<_> = tickets
        .iter()
        .filter_map(|ticket| ticket.get("customer")?.as_object())
        .collect();
    fields(
        findings,
        "tickets[].customer.",
        &customers,
        CUSTOMER,
        SEEN_ON_CUSTOMERS,
    );
    let threads: Vec<Vec<_>> = tickets
        .iter()
        .map(|ticket| objects(ticket.get("messages")))
        .collect();
    let messages: Vec<_> = threads.iter().flatten().copied().collect();
    fields(
        findings,
        "tickets[].messages[].",
        &messages,
        MESSAGE,
        SEEN_ON_MESSAGES,
    );
    behaviour(findings, tickets, &threads, window);
}

/// What we rely on beside the names: range, order, identity.
fn behaviour(
    findings: &mut Vec<Finding>,
    tickets: &[&Map<String, Value>],
    threads: &[Vec<&Map<String, Value>>],
    window: Window,
) {
    let created: Vec<Instant> = tickets
        .iter()
        .filter_map(|ticket| created_at(ticket))
        .collect();
    let outside = created.iter().filter(|at| !window.contains(**at)).count();
    let can_tell = created.len() >= SHOWS_ORDER;
    findings.push(judged(
        (can_tell || outside > 0).then_some(outside == 0),
        "the range filters on creation",
        "every createdAt in the range asked for",
        &format!("{outside} of {} outside", created.len()),
    ));
    findings.push(judged(
        can_tell.then(|| created.is_sorted()),
        "sorted by creation, oldest first",
        "no ticket older than the one before it",
        "another order",
    ));
    let ids: BTreeSet<&str> = tickets.iter().filter_map(|ticket| id(ticket)).collect();
    findings.push(judged(
        (tickets.len() >= SHOWS_ORDER).then_some(ids.len() == tickets.len()),
        "every ticket once",
        "no id twice on a page",
        &format!("{} ids on {} tickets", ids.len(), tickets.len()),
    ));
    let has_threads = threads.iter().any(|thread| thread.len() >= SHOWS_ORDER);
    let unsorted = threads
        .iter()
        .filter(|thread| {
            let sent: Vec<Instant> = thread.iter().filter_map(|one| created_at(one)).collect();
            !sent.is_sorted()
        })
        .count();
    findings.push(judged(
        has_threads.then_some(unsorted == 0),
        "threads oldest first",
        "no message older than the one before it",
        &format!("another order in {unsorted} of {} threads", threads.len()),
    ));
}

/// One finding per known field, and one per field that we neither know nor expect.
fn fields(
    findings: &mut Vec<Finding>,
    path: &str,
    objects: &[&Map<String, Value>],
    known: &[Field],
    expected: &[&str],
) {
    if objects.is_empty() {
        return;
    }
    let mut seen: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (name, value) in objects.iter().flat_map(|object| object.iter()) {
        seen.entry(name).or_default().insert(kind(value));
    }
    for field in known {
        let types: BTreeSet<&str> = field
            .names
            .iter()
            .filter_map(|name| seen.get(name))
            .flatten()
            .copied()
            .collect();
        findings.push(field.finding(path, objects, &types));
    }
    let is_known = |name: &str| {
        expected.contains(&name) || known.iter().any(|field| field.names.contains(&name))
    };
    for (name, types) in seen.iter().filter(|(name, _)| !is_known(name)) {
        let shown = types.iter().copied().collect::<Vec<_>>().join(" or ");
        findings.push(finding(
            Verdict::Unknown,
            &format!("{path}{name}"),
            "",
            &shown,
        ));
    }
}

fn objects(value: Option<&Value>) -> Vec<&Map<String, Value>> {
    let items = value.and_then(Value::as_array);
    items
        .into_iter()
        .flatten()
        .filter_map(Value::as_object)
        .collect()
}

fn id(object: &Map<String, Value>) -> Option<&str> {
    object.get("id").or_else(|| object.get("_id"))?.as_str()
}

fn created_at(object: &Map<String, Value>) -> Option<Instant> {
    parse_instant(object.get("createdAt")?.as_str()?)
}

/// The JSON type, integers told from other numbers and instants from other strings.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(text) if parse_instant(text).is_some() => "instant",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// `None`: too few came to tell.
fn judged(is_so: Option<bool>, what: &str, expected: &str, otherwise: &str) -> Finding {
    match is_so {
        Some(true) => finding(Verdict::Ok, what, expected, "so"),
        Some(false) => finding(Verdict::Differs, what, expected, otherwise),
        None => finding(Verdict::Unknown, what, expected, "too few to tell"),
    }
}

fn finding(verdict: Verdict, what: &str, expected: &str, seen: &str) -> Finding {
    Finding {
        verdict,
        what: what.to_owned(),
        expected: expected.to_owned(),
        seen: seen.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn window() -> Window {
        let at = |text| crate::window::parse(text).expect("an instant");
        Window::new(at("2024-01-01"), at("2024-12-31")).expect("not empty")
    }

    fn differing(answer: &Value) -> Vec<String> {
        examine(answer, window())
            .into_iter()
            .filter(|finding| finding.verdict == Verdict::Differs)
            .map(|finding| format!("{}: {} / {}", finding.what, finding.expected, finding.seen))
            .collect()
    }

    fn answer(tickets: Value) -> Value {
        json!({"count": 2, "tickets": tickets, "pagination": {"skip": 0, "limit": 100, "hasMore": false}})
    }

    #[test]
    fn an_answer_as_documented_differs_in_nothing() {
        let tickets = json!([
            {"id": "a", "createdAt": "2024-02-01T00:00:00.000Z", "status": "Open", "messages": [
                {"id": "m", "createdAt": "2024-02-01T00:00:01.000Z", "content": "2024-01-01T00:00:00Z"}]},
            {"_id": "b", "createdAt": "2024-02-02T00:00:00.000Z", "customer": {"_id": "c"}, "surprise": 1},
        ]);
        assert_eq!(differing(&answer(tickets.clone())), [""; 0]);
        let new: Vec<String> = examine(&answer(tickets), window())
            .into_iter()
            .filter(|finding| finding.expected.is_empty())
            .map(|finding| finding.what)
            .collect();
        assert_eq!(new, ["tickets[].surprise"]);
    }

    #[test]
    fn each_difference_is_named_without_a_value() {
        let tickets = json!([
            {"id": "a", "createdAt": "2025-02-01T00:00:00.000Z", "priority": "high"},
            {"createdAt": "2024-02-02T00:00:00.000Z", "customer": "someone"},
        ]);
        let body = json!({"tickets": tickets, "pagination": {}});
        assert_eq!(
            differing(&body),
            [
                "pagination.hasMore: boolean / missing in 1 of 1",
                "count: at the top or in pagination / missing",
                "tickets[].id or _id: string / missing in 1 of 2",
                "tickets[].priority: integer or null / string",
                "tickets[].customer: object or null / string",
                "the range filters on creation: every createdAt in the range asked for / 1 of 2 outside",
                "sorted by creation, oldest first: no ticket older than the one before it / another order",
                "every ticket once: no id twice on a page / 1 ids on 2 tickets",
            ]
        );
    }

    fn verdict_on(answer: &Value, what: &str) -> Verdict {
        let found = examine(answer, window());
        found
            .iter()
            .find(|finding| finding.what == what)
            .expect(what)
            .verdict
    }

    #[test]
    fn items_that_are_no_tickets_differ() {
        assert_eq!(
            differing(&answer(json!(["a", 7]))),
            ["tickets[]: object / something else 2 times of 2"]
        );
        let mixed = json!([{"id": "a", "createdAt": "2024-02-01T00:00:00Z"}, null]);
        assert_eq!(
            differing(&answer(mixed)),
            ["tickets[]: object / something else 1 times of 2"]
        );
    }

    #[test]
    fn one_ticket_shows_neither_order_nor_range() {
        let one = |created: &str| answer(json!([{"id": "a", "createdAt": created}]));
        for what in [
            "the range filters on creation",
            "sorted by creation, oldest first",
            "every ticket once",
            "threads oldest first",
        ] {
            assert_eq!(
                verdict_on(&one("2024-02-01T00:00:00Z"), what),
                Verdict::Unknown,
                "{what}"
            );
        }
        let outside = one("2023-02-01T00:00:00Z");
        assert_eq!(
            verdict_on(&outside, "the range filters on creation"),
            Verdict::Differs
        );
    }

    #[test]
    fn what_clients_have_seen_is_no_news() {
        let ticket = json!({"id": "a", "createdAt": "2024-02-01T00:00:00Z", "__v": 3,
            "discordThreadId": null, "customer": {"id": "c", "discordRoles": []},
            "messages": [{"id": "m", "createdAt": "2024-02-01T00:00:00Z", "reactions": [], "isRead": true}]});
        let news: Vec<String> = examine(&answer(json!([ticket])), window())
            .into_iter()
            .filter(|finding| finding.expected.is_empty())
            .map(|finding| finding.what)
            .collect();
        assert_eq!(news, [""; 0]);
    }

    #[test]
    fn what_is_said_of_a_message_beside_its_text_is_held_against_its_column() {
        let of = |marks: Value| {
            let mut message = json!({"id": "m", "createdAt": "2024-02-01T00:00:00Z"});
            for (key, value) in marks.as_object().expect("an object") {
                message[key] = value.clone();
            }
            let ticket =
                json!({"id": "a", "createdAt": "2024-02-01T00:00:00Z", "messages": [message]});
            differing(&answer(json!([ticket])))
        };
        let fitting = json!({"isDeleted": false, "isEdited": null, "senderReferenceType": "Customer",
            "actionLogFrom": {"id": "a1"}, "actionLogTo": "2024-02-01T00:00:00Z"});
        assert_eq!(of(fitting), [""; 0]);
        let others = json!({"isDeleted": "yes", "isEdited": 1, "senderReferenceType": {}});
        assert_eq!(
            of(others),
            [
                "tickets[].messages[].senderReferenceType: string or null / object",
                "tickets[].messages[].isEdited: boolean or null / integer",
                "tickets[].messages[].isDeleted: boolean or null / string",
            ]
        );
    }

    #[test]
    fn an_empty_desk_leaves_things_unknown() {
        let findings = examine(&answer(json!([])), window());
        assert!(
            findings
                .iter()
                .any(|finding| finding.verdict == Verdict::Unknown)
        );
        assert_eq!(differing(&answer(json!([]))), [""; 0]);
    }
}

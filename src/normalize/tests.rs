//! Tables of cases: what the wire may send, and the rows and rejects that come of it.

mod limits;
mod marks;
mod thread;
mod values;

use super::{Outcome, TicketRows, ticket};
use crate::table::{Cell, Record, Reject, instant_text};
use crate::wire::{Body, RawTicket, decode_page};

fn outcome(json: &str) -> Outcome {
    ticket(&RawTicket::new(json), true)
}

fn rows(json: &str) -> TicketRows {
    match outcome(json) {
        Outcome::Rows(rows) => *rows,
        Outcome::Reject(reject) => panic!("{json}: {}", reject.reason),
    }
}

/// A ticket with an identity and `fields`.
fn with(fields: &str) -> TicketRows {
    let comma = if fields.is_empty() { "" } else { "," };
    rows(&format!(
        r#"{{"id":"t1","createdAt":"2026-01-31T09:00:00.000Z"{comma}{fields}}}"#
    ))
}

fn shown(rejects: &[Reject]) -> Vec<String> {
    rejects
        .iter()
        .map(|reject| format!("{}: {}: {}", reject.path, reject.reason, reject.raw_json))
        .collect()
}

/// One line per row: its table and the cells that are not NULL.
fn lines(rows: &TicketRows) -> String {
    fn add<'r, T: Record + 'r>(out: &mut String, records: impl IntoIterator<Item = &'r T>) {
        for record in records {
            out.push_str(T::TABLE.name);
            let mut columns = T::TABLE.content.iter();
            record.each_cell(|cell| {
                let name = columns.next().map_or("?", |column| column.name);
                match cell {
                    Cell::Null => {}
                    Cell::Integer(value) => out.push_str(&format!(" {name}={value}")),
                    Cell::Text(value) => out.push_str(&format!(" {name}={value:?}")),
                    Cell::Instant(value) => {
                        out.push_str(&format!(" {name}={}", instant_text(value)));
                    }
                }
            });
            out.push('\n');
        }
    }
    let hex = |hash: super::Hash| format!("{:032x}\n", u128::from_be_bytes(hash));
    let mut out = String::new();
    add(&mut out, [&rows.ticket]);
    add(&mut out, &rows.attributes);
    add(&mut out, &rows.tags);
    add(&mut out, &rows.discord_users);
    add(&mut out, &rows.category);
    add(&mut out, &rows.agent);
    add(&mut out, &rows.rejects);
    out.push_str(&format!("head {}", hex(rows.head_hash)));
    if let Some(customer) = &rows.customer {
        add(&mut out, [&customer.customer]);
        add(&mut out, &customer.attributes);
        out.push_str(&format!("customer {}", hex(customer.hash)));
    }
    if let Some(thread) = &rows.thread {
        add(&mut out, &thread.messages);
        add(&mut out, &thread.attachments);
        out.push_str(&format!("thread {}", hex(thread.hash)));
    }
    out
}

#[test]
fn a_whole_ticket_fills_every_table() {
    let rows = rows(
        r#"{"_id":"t1","status":"Resolved","priority":"2","sourceType":"discord",
        "category":{"_id":"c1","name":"Billing","isArchived":true,"color":"red"},
        "assignedTo":{"id":"a1","username":"ana","email":"ana@example.com"},
        "tags":["g1",{"_id":"g2","name":"vip"},"g1",{"id":"g1","name":"bug"}],
        "createdAt":"2026-01-31T09:00:00Z","updatedAt":"","resolutionTime":60000.0,"csat":9,
        "aiStatus":"Resolved","discordUsers":["bo",null,"cy"],"emailSubjectLine":"Re: hello",
        "customer":{"id":"u1","name":"Bo","telegramAuthorId":77,"avatarURL":"https://example.com/bo",
            "discordRoles":["b","a"],"customAttributes":[{"label":"plan","value":"pro"}]},
        "attributes":[{"attribute":"d1","content":"x"}],
        "firstCustomerMessageCreatedAt":"2026-01-31T09:00:00Z","discordThreadId":"5","__v":3,"gone":null,
        "messages":[
            {"id":"m1","content":"help","senderType":"customer","senderName":"Bo","createdAt":"2026-01-31T09:00:01Z",
             "attachments":[{"fileName":"a.png","url":"https://example.com/a","type":"image/png","size":3}]},
            {"id":"m2","content":"note","senderType":"agent","messageType":"InternalNote","createdAt":"2026-01-31T09:00:02Z"},
            {"_id":"m3","content":"hi","senderReferenceType":"ClientMember","sender":{"_id":"a1","name":"Ana","email":"ana@example.com"},
             "createdAt":"2026-01-31T09:00:05Z","isRead":true,"reactions":[]},
            {"id":"m4","senderType":"system","messageType":"StatusChange","createdAt":"2026-01-31T09:01:00Z"}
        ]}"#,
    );
    insta::assert_snapshot!(lines(&rows), @r##"
    tickets id="t1" status="Resolved" priority=2 source_type="discord" category_id="c1" assigned_agent_id="a1" customer_id="u1" email_subject="Re: hello" created_at=2026-01-31T09:00:00.000Z resolved_at=2026-01-31T09:01:00.000Z resolution_time_ms=60000 csat=9 ai_status="Resolved" message_count=4 customer_message_count=1 agent_message_count=1 system_message_count=1 private_note_count=1 first_customer_message_at=2026-01-31T09:00:01.000Z first_agent_reply_at=2026-01-31T09:00:05.000Z first_reply_time_ms=5000 last_message_at=2026-01-31T09:01:00.000Z last_message_sender_type="system" extra_json="{\"__v\":3,\"category\":{\"color\":\"red\"},\"discordThreadId\":\"5\",\"firstCustomerMessageCreatedAt\":\"2026-01-31T09:00:00Z\"}"
    ticket_attributes ticket_id="t1" position=0 attribute_id="d1" value="x"
    tags id="g1" name="bug"
    tags id="g2" name="vip"
    ticket_discord_users ticket_id="t1" position=0 user_name="bo"
    ticket_discord_users ticket_id="t1" position=1 user_name="cy"
    categories id="c1" name="Billing" is_archived=1
    agents id="a1" name="ana" email="ana@example.com"
    head 2b6c634ddc3f52fdfa5925dbbf73c0b0
    customers id="u1" name="Bo" telegram_author_id="77" extra_json="{\"avatarURL\":\"https://example.com/bo\",\"discordRoles\":[\"b\",\"a\"]}"
    customer_attributes customer_id="u1" position=0 label="plan" value="pro"
    customer f304cea46357d4f52ea7ddc1603983b1
    messages id="m1" ticket_id="t1" position=0 sender_type="customer" sender_name="Bo" content="help" created_at=2026-01-31T09:00:01.000Z extra_json="{\"attachments\":[{\"size\":3}]}"
    messages id="m2" ticket_id="t1" position=1 sender_type="agent" message_type="InternalNote" content="note" created_at=2026-01-31T09:00:02.000Z
    messages id="m3" ticket_id="t1" position=2 sender_type="agent" sender_reference_type="ClientMember" sender_name="Ana" sender_id="a1" content="hi" created_at=2026-01-31T09:00:05.000Z extra_json="{\"isRead\":true,\"reactions\":[],\"sender\":{\"email\":\"ana@example.com\"}}"
    messages id="m4" ticket_id="t1" position=3 sender_type="system" message_type="StatusChange" created_at=2026-01-31T09:01:00.000Z
    message_attachments ticket_id="t1" message_id="m1" position=0 file_name="a.png" url="https://example.com/a" file_type="image/png"
    thread 9c2a1286db3620ec8efbd9f8145f326e
    "##);
}

#[test]
fn a_ticket_without_an_identity_is_kept_whole() {
    for (json, ticket_id, reason) in [
        (r#"{"createdAt":"2026-01-31"}"#, None, "no id"),
        (r#"{"id":"","createdAt":"2026-01-31"}"#, None, "no id"),
        (r#"{"id":42,"createdAt":"2026-01-31"}"#, None, "no id"),
        (r#""text""#, None, "not an object"),
        (
            r#"{"id":"t1","createdAt":null}"#,
            Some("t1"),
            "no usable instant of creation",
        ),
        (
            r#"{"id":"t1","createdAt":"soon"}"#,
            Some("t1"),
            "no usable instant of creation",
        ),
        (
            r#"{"id":"t1","createdAt":9e15}"#,
            Some("t1"),
            "no usable instant of creation",
        ),
        (
            r#"{"id":"t1","createdAt":0,"x":1e999}"#,
            Some("t1"),
            "holds a number out of range",
        ),
    ] {
        let Outcome::Reject(reject) = outcome(json) else {
            panic!("{json}")
        };
        assert_eq!(reject.ticket_id.as_deref(), ticket_id, "{json}");
        assert_eq!(reject.path, "");
        assert_eq!(reject.reason, reason, "{json}");
        assert_eq!(reject.raw_json, json);
        assert_eq!(reject.id.len(), 16);
    }
    let deep = format!(
        r#"{{"id":"t1","createdAt":0,"x":{}{}}}"#,
        "[".repeat(4000),
        "]".repeat(4000)
    );
    assert!(
        matches!(outcome(&deep), Outcome::Reject(reject) if reject.reason == "nested too deeply")
    );
}

/// The rows without their rejects.
fn without_rejects(mut rows: TicketRows) -> TicketRows {
    rows.rejects.clear();
    rows
}

#[test]
fn a_value_of_the_wrong_type_is_null_rejected_and_kept_in_extra_json() {
    let rows = with(
        r#""status":7,"priority":"high","sourceType":[],"csat":"great","aiStatus":{},
        "category":5,"assignedTo":{"name":"no id"},"customer":"u1","updatedAt":"soon","resolutionTime":300000000000000,
        "tags":["g1",42,{"id":"g2","name":1},""],"discordUsers":"bo","attributes":7,"emailSubjectLine":false,
        "messages":[{"id":"m1","content":42,"senderType":1,"createdAt":[],"attachments":["a.png",{"url":1}],"sender":true},
                    "text",{"id":42,"content":"x"},null]"#,
    );
    insta::assert_snapshot!(shown(&rows.rejects).join("\n"), @r#"
    resolutionTime: expected a time that ends in the years 0 to 9999, got a number: 300000000000000
    category: expected an id or an object with one, got a number: 5
    assignedTo: expected an id or an object with one, got an object: {"name":"no id"}
    tags[1]: expected an id or an object with one, got a number: 42
    tags[3]: expected an id or an object with one, got text: ""
    discordUsers: expected an array, got text: "bo"
    attributes: expected an array or an object, got a number: 7
    priority: expected an integer, got text: "high"
    sourceType: expected text, got an array: []
    updatedAt: expected an instant in the years 0 to 9999, got text: "soon"
    csat: expected an integer, got text: "great"
    aiStatus: expected text, got an object: {}
    messages[0].createdAt: expected an instant in the years 0 to 9999, got an array: []
    messages[0].sender: expected an id or an object, got a boolean: true
    messages[0].attachments[0]: expected an object, got text: "a.png"
    messages[1]: expected an object, got text: "text"
    messages[2].id: expected an id, got a number: 42
    messages[3]: expected an object, got null: null
    "#);
    insta::assert_snapshot!(lines(&without_rejects(rows)), @r#"
    tickets id="t1" status="7" customer_id="u1" email_subject="false" created_at=2026-01-31T09:00:00.000Z message_count=2 customer_message_count=0 agent_message_count=0 system_message_count=0 private_note_count=0 extra_json="{\"aiStatus\":{},\"assignedTo\":{\"name\":\"no id\"},\"attributes\":7,\"category\":5,\"csat\":\"great\",\"discordUsers\":\"bo\",\"priority\":\"high\",\"resolutionTime\":300000000000000,\"sourceType\":[],\"tags\":[null,42,null,\"\"],\"updatedAt\":\"soon\"}"
    tags id="g1"
    tags id="g2" name="1"
    head 23324c6c499ccd6daf9687abc5bfdb22
    messages id="m1" ticket_id="t1" position=0 sender_type="1" content="42" extra_json="{\"attachments\":[\"a.png\"],\"createdAt\":[],\"sender\":true}"
    messages id="made-d3150b2453b416ff" ticket_id="t1" position=1 content="x" extra_json="{\"id\":42}"
    message_attachments ticket_id="t1" message_id="m1" position=0 url="1"
    thread 09625ccb519ab08565c4c1cfff3af18d
    "#);
}

#[test]
fn a_customers_bad_values_stay_with_the_customer() {
    let rows = with(
        r#""customer":{"_id":"u1","name":[5],"email":null,"createdAt":"soon","attributes":[1,{"label":"a","value":2}]}"#,
    );
    assert_eq!(
        shown(&rows.rejects),
        [
            "customer.attributes[0]: expected an object with a label or an attribute, got a number: 1",
            "customer.name: expected text, got an array: [5]",
            "customer.createdAt: expected an instant in the years 0 to 9999, got text: \"soon\"",
        ]
    );
    let customer = rows.customer.expect("has an id");
    assert_eq!(
        customer.customer.extra_json.as_deref(),
        Some(r#"{"attributes":[1],"createdAt":"soon","name":[5]}"#)
    );
    assert_eq!(customer.attributes.len(), 1);
    assert_eq!(rows.ticket.extra_json, None);

    let without_id = with(r#""customer":{"name":"Bo"}"#);
    assert_eq!(
        shown(&without_id.rejects),
        [r#"customer: expected an id or an object with one, got an object: {"name":"Bo"}"#]
    );
    assert_eq!(without_id.ticket.customer_id, None);
    assert_eq!(
        without_id.ticket.extra_json.as_deref(),
        Some(r#"{"customer":{"name":"Bo"}}"#)
    );
}

#[test]
fn a_bare_id_is_a_customer_of_whom_nothing_else_is_said() {
    for shape in [r#""u1""#, r#"{"$oid":"u1"}"#] {
        let rows = with(&format!(r#""customer":{shape}"#));
        assert_eq!(rows.ticket.customer_id.as_deref(), Some("u1"));
        assert_eq!((rows.customer, rows.rejects), (None, vec![]));
        assert_eq!(rows.ticket.extra_json, None);
    }
    let object = with(r#""customer":{"id":"u1"}"#);
    assert_eq!(object.ticket.customer_id.as_deref(), Some("u1"));
    assert!(object.customer.is_some());
    assert_eq!(with(r#""customer":"""#).ticket.customer_id, None);
    let unfit = with(r#""customer":42"#);
    assert_eq!(
        unfit.rejects[0].reason,
        "expected an id or an object with one, got a number"
    );
}

#[test]
fn every_shape_of_attributes_gives_the_same_rows() {
    let read = |attributes: &str| {
        let ticket = with(attributes).attributes;
        let customer = with(&format!(r#""customer":{{"id":"u1",{attributes}}}"#));
        let customer = customer.customer.expect("has an id").attributes;
        let ticket: Vec<_> = ticket
            .into_iter()
            .map(|row| (row.position, row.attribute_id, row.label, row.value))
            .collect();
        let customer: Vec<_> = customer
            .into_iter()
            .map(|row| (row.position, row.attribute_id, row.label, row.value))
            .collect();
        assert_eq!(ticket, customer, "{attributes}");
        ticket
    };
    let some = |text: &str| Some(text.to_owned());
    let labelled = vec![
        (0, None, some("age"), some("7")),
        (1, None, some("plan"), some("pro")),
    ];
    for attributes in [
        r#""attributes":[{"label":"age","value":7},{"value":"pro","label":"plan"}]"#,
        r#""customAttributes":[{"label":"age","value":"7"},{"label":"plan","content":"pro"}]"#,
        r#""attributes":{"plan":"pro","age":7}"#,
        r#""customAttributes":{"age":7,"plan":"old","plan":"pro"},"attributes":null"#,
        r#""attributes":[{"label":"age","value":7}],"customAttributes":{"plan":"pro"}"#,
        r#""attributes":[null,{"attribute":{"name":"age"},"content":7},{"attribute":null,"label":"plan","content":"pro"}]"#,
    ] {
        assert_eq!(read(attributes), labelled, "{attributes}");
    }
    let by_id = vec![(0, some("d1"), None, some("{\"a\":1}"))];
    for attributes in [
        r#""attributes":[{"attribute":"d1","content":{"a":1}}]"#,
        r#""attributes":[{"attribute":{"_id":"d1","type":"json"},"content":{"a":1},"value":2}]"#,
        r#""attributes":[{"attribute":{"$oid":"d1"},"content":{"a":1}}]"#,
    ] {
        assert_eq!(read(attributes), by_id, "{attributes}");
    }
}

#[test]
fn the_resolution_time_leads_to_the_instant_of_resolution() {
    for (value, time_ms, resolved_at) in [
        ("60000", Some(60_000), Some("2026-01-31T09:01:00.000Z")),
        (r#""60000""#, Some(60_000), Some("2026-01-31T09:01:00.000Z")),
        ("0", Some(0), Some("2026-01-31T09:00:00.000Z")),
        ("-1000", Some(-1000), Some("2026-01-31T08:59:59.000Z")),
        ("null", None, None),
        ("9223372036854775807", None, None),
        ("300000000000000", None, None),
        ("1.5", None, None),
    ] {
        let ticket = with(&format!(r#""resolutionTime":{value}"#)).ticket;
        assert_eq!(ticket.resolution_time_ms, time_ms, "{value}");
        assert_eq!(
            ticket.resolved_at.map(instant_text).as_deref(),
            resolved_at,
            "{value}"
        );
    }
}

#[test]
fn both_spellings_are_read_and_what_they_disagree_on_is_kept() {
    for (fields, source_type, extra_json) in [
        (r#""origin":"web""#, Some("web"), None),
        (r#""origin":"web","sourceType":null"#, Some("web"), None),
        (r#""origin":"web","sourceType":"web""#, Some("web"), None),
        (
            r#""origin":"web","sourceType":"email""#,
            Some("email"),
            Some(r#"{"origin":"web"}"#),
        ),
        (
            r#""_id":"other","origin":"web""#,
            Some("web"),
            Some(r#"{"_id":"other"}"#),
        ),
    ] {
        let ticket = with(fields).ticket;
        assert_eq!(ticket.id, "t1");
        assert_eq!(ticket.source_type.as_deref(), source_type, "{fields}");
        assert_eq!(ticket.extra_json.as_deref(), extra_json, "{fields}");
    }
}

#[test]
fn the_last_of_equal_keys_counts_and_the_others_are_in_rejects() {
    let rows = with(
        r#""status":7,"status":"Open","x":1,"x":{"b":1,"a":2,"b":{"c":3,"c":4}},"y":1,"y":null,"z":2,"z":2,"w":null,"w":3,
        "tags":["a"],"tags":["b"],"customer":{"id":"u1","name":"Bo","name":"Cy"},
        "attributes":{"plan":"old","plan":"pro"},"messages":[{"id":"m0"}],
        "messages":[{"id":"m1","content":"first","content":"second","attachments":[{"url":"a","url":"b"}]}]"#,
    );
    assert_eq!(rows.ticket.status.as_deref(), Some("Open"));
    assert_eq!(rows.tags[0].id, "b");
    assert_eq!(rows.attributes[0].value.as_deref(), Some("pro"));
    assert_eq!(
        rows.ticket.extra_json.as_deref(),
        Some(r#"{"w":3,"x":{"a":2,"b":{"c":4}},"z":2}"#)
    );
    let thread = rows.thread.as_ref().expect("asked for");
    assert_eq!(thread.messages[0].content.as_deref(), Some("second"));
    insta::assert_snapshot!(shown(&rows.rejects).join("\n"), @r#"
    attributes.plan: this key comes again later in its object, where the value is another: "old"
    customer.name: this key comes again later in its object, where the value is another: "Bo"
    messages: this key comes again later in its object, where the value is another: [{"id":"m0"}]
    messages[0].attachments[0].url: this key comes again later in its object, where the value is another: "a"
    messages[0].content: this key comes again later in its object, where the value is another: "first"
    status: this key comes again later in its object, where the value is another: 7
    tags: this key comes again later in its object, where the value is another: ["a"]
    x: this key comes again later in its object, where the value is another: 1
    x.b: this key comes again later in its object, where the value is another: 1
    x.b.c: this key comes again later in its object, where the value is another: 3
    y: this key comes again later in its object, where the value is another: 1
    "#);
    // What was hidden in the thread is part of the thread.
    let others = with(r#""messages":[{"id":"m1","content":"second"}]"#);
    let twice = with(r#""messages":[{"id":"m1","content":"first","content":"second"}]"#);
    assert_eq!(others.head_hash, twice.head_hash);
    assert_ne!(
        others.thread.expect("one").hash,
        twice.thread.expect("one").hash
    );
    // Nobody asked for the thread.
    let json = r#"{"id":"t1","createdAt":0,"messages":[1],"messages":[],"x":1,"x":2}"#;
    let Outcome::Rows(rows) = ticket(&RawTicket::new(json), false) else {
        panic!("has an identity")
    };
    assert_eq!(rows.rejects.len(), 1);
}

#[test]
fn another_name_of_a_tag_is_left_over() {
    let rows = with(
        r#""tags":["a",{"id":"a","name":"x"},{"id":"a","name":"x","c":1},{"id":"a","name":"y","c":1}]"#,
    );
    assert_eq!(rows.tags[0].name.as_deref(), Some("x"));
    assert_eq!(
        rows.ticket.extra_json.as_deref(),
        Some(r#"{"tags":[null,null,{"c":1},{"c":1,"name":"y"}]}"#)
    );
}

#[test]
fn hashes_move_with_the_content_they_cover_and_with_nothing_else() {
    let plain = r#""status":"Open","tags":["a","b"],"customer":{"id":"u1"},"messages":[{"id":"1"},{"id":"2"}]"#;
    let base = with(plain);
    let hashes = |rows: &TicketRows| {
        (
            rows.head_hash,
            rows.thread.as_ref().map(|thread| thread.hash),
            rows.customer.as_ref().map(|customer| customer.hash),
        )
    };
    let (head, thread, customer) = hashes(&base);
    for (from, to, moves) in [
        (r#""Open""#, r#""Pending""#, (true, false, false)),
        (
            r#"["a","b"]"#,
            r#"["b",{"id":"a","name":"named"},"b"]"#,
            (false, false, false),
        ),
        (r#"["a","b"]"#, r#"["a"]"#, (true, false, false)),
        (r#"["a","b"]"#, r#"["a","b",7]"#, (true, false, false)),
        (
            r#"{"id":"u1"}"#,
            r#"{"id":"u1","name":"Bo"}"#,
            (false, false, true),
        ),
        (
            r#"{"id":"u1"}"#,
            r#"{"id":"u1","attributes":{"a":1}}"#,
            (false, false, true),
        ),
        (r#"{"id":"u1"}"#, r#"{"id":"u2"}"#, (true, false, true)),
        (
            r#"[{"id":"1"},{"id":"2"}]"#,
            r#"[{"id":"2"},{"id":"1"}]"#,
            (false, true, false),
        ),
        (
            r#"{"id":"2"}"#,
            r#"{"id":"2","isRead":true}"#,
            (false, true, false),
        ),
        (r#"{"id":"2"}"#, r#"{"id":"2"},7"#, (false, true, false)),
        (
            r#"{"id":"2"}"#,
            r#"{"id":"2","attachments":[{"url":"a"}]}"#,
            (false, true, false),
        ),
    ] {
        let other = with(&plain.replacen(from, to, 1));
        let (other_head, other_thread, other_customer) = hashes(&other);
        assert_eq!(
            (
                head != other_head,
                thread != other_thread,
                customer != other_customer
            ),
            moves,
            "{from} → {to}"
        );
    }
    let json = format!(r#"{{"id":"t1","createdAt":"2026-01-31T09:00:00Z",{plain}}}"#);
    let Outcome::Rows(without) = ticket(&RawTicket::new(json), false) else {
        panic!("has an identity")
    };
    assert_eq!(without.head_hash, head);
}

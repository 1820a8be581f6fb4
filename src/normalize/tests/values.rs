//! Values that are not of their column, or that no database holds as they were sent.

use super::*;

#[test]
fn text_that_no_database_can_hold_is_shown_with_replacements_and_kept_raw() {
    let rows = with(
        r#""status":"Op\u0000en","messages":[{"id":"m1","content":"\ude00 \ud83d\ude00 \\ud83d"}],
        "x":{"\u0000":"\ud83d","\ufffd":["a","\u0000"]},"priority":"\u0000","emailSubjectLine":"\n""#,
    );
    assert_eq!(rows.ticket.status.as_deref(), Some("Op\u{fffd}en"));
    assert_eq!(rows.ticket.email_subject.as_deref(), Some("\n"));
    let thread = rows.thread.as_ref().expect("asked for");
    assert_eq!(
        thread.messages[0].content.as_deref(),
        Some("\u{fffd} 😀 \\ud83d")
    );
    assert_eq!(rows.replaced_characters, 6);
    insta::assert_snapshot!(rows.ticket.extra_json.as_deref().expect("something"), @r#"{"priority":"�","x":{"json:\"\\u0000\"":"�","�":["a","�"]}}"#);
    insta::assert_snapshot!(shown(&rows.rejects).join("\n"), @r#"
    messages[0].content: holds half of a surrogate pair, which no database can hold: "\ude00 😀 \\ud83d"
    priority: holds NUL, which no database can hold: "\u0000"
    status: holds NUL, which no database can hold: "Op\u0000en"
    x.json:"\u0000": the name of this field is one that no database can hold: it is stored as json: and its JSON: "\u0000"
    x.json:"\u0000": holds half of a surrogate pair, which no database can hold: "\ud83d"
    x.�[1]: holds NUL, which no database can hold: "\u0000"
    "#);
}

#[test]
fn bytes_that_are_no_utf_8_are_in_rejects_as_they_came() {
    let body = b"{\"tickets\":[{\"id\":\"t1\",\"createdAt\":0,\"emailSubjectLine\":\"caf\xe9 \\ud83d\xe9\",
        \"customer\":{\"id\":\"c\xe9\",\"name\":\"Ren\xe9\"}},{\"createdAt\":0,\"x\":\"\xff\"}]}";
    let body = Body::new(body);
    let page = decode_page(&body).expect("a page");
    let Outcome::Rows(rows) = ticket(&page.tickets[0], true) else {
        panic!("has an identity")
    };
    assert_eq!(
        rows.ticket.email_subject.as_deref(),
        Some("caf\u{fffd} \u{fffd}\u{fffd}\u{fffd}\u{fffd}")
    );
    assert_eq!(
        rows.ticket.customer_id.as_deref(),
        Some(r#"json:"c\udce9""#)
    );
    let Outcome::Reject(whole) = ticket(&page.tickets[1], true) else {
        panic!("has no id")
    };
    let all = [rows.rejects, vec![whole]].concat();
    insta::assert_snapshot!(shown(&all).join("\n"), @r#"
    customer.id: holds bytes that are no UTF-8: each is written as \udc and its two hex digits: "c\udce9"
    customer.name: holds bytes that are no UTF-8: each is written as \udc and its two hex digits: "Ren\udce9"
    emailSubjectLine: holds bytes that are no UTF-8: each is written as \udc and its two hex digits: "caf\udce9 \udced\udca0\udcbd\udce9"
    : no id; bytes that are no UTF-8 are written as \udc and two hex digits: {"createdAt":0,"x":"\udcff"}
    "#);
}

#[test]
fn ids_that_cannot_be_stored_stay_apart() {
    let ids = [
        "c",
        r"c\u0000",
        r"c\ufffd",
        r"c\ud83d",
        r"c\ud83c",
        r#"json:\"c\\u0000\""#,
    ];
    let mut seen = std::collections::HashSet::new();
    for id in ids {
        let rows = with(&format!(
            r#""customer":"{id}","category":{{"_id":"{id}"}},"assignedTo":"{id}","tags":["{id}"],
            "attributes":[{{"attribute":"{id}"}}],"messages":[{{"id":"{id}","sender":"{id}"}}]"#
        ));
        let thread = rows.thread.expect("asked for");
        let stored = [
            rows.ticket.customer_id.expect("one"),
            rows.ticket.category_id.expect("one"),
            rows.ticket.assigned_agent_id.expect("one"),
            rows.tags[0].id.clone(),
            rows.attributes[0].attribute_id.clone().expect("one"),
            thread.messages[0].id.clone(),
            thread.messages[0].sender_id.clone().expect("one"),
        ];
        assert!(stored.iter().all(|other| *other == stored[0]), "{stored:?}");
        assert!(seen.insert(stored[0].clone()), "{stored:?}");
        let is_storable = !id.contains(r"\u") || id.contains("fffd") || id.starts_with("json");
        assert_eq!(rows.rejects.is_empty(), is_storable, "{:?}", rows.rejects);
    }
    // Tags of one ticket, messages of one thread, fields of one object.
    let rows = with(
        r#""tags":["c\u0000","c\ufffd"],"messages":[{"id":"c\u0000"},{"id":"c\ufffd"}],
        "x":{"c\u0000":1,"c\ufffd":2},"customAttributes":{"c\u0000":1,"c\ufffd":2}"#,
    );
    assert_eq!((rows.tags.len(), rows.attributes.len()), (2, 2));
    assert_eq!(rows.thread.expect("asked for").messages.len(), 2);
    assert_eq!(
        rows.ticket.extra_json.as_deref(),
        Some("{\"x\":{\"c\u{fffd}\":2,\"json:\\\"c\\\\u0000\\\"\":1}}")
    );
}

#[test]
fn numbers_keep_the_digits_that_were_sent() {
    let digits = "1234567890123456789012345";
    let rows = with(&format!(
        r#""x":{digits},"y":[1.10,1E+5,-0,0.00000001],"priority":{digits},"emailSubjectLine":{digits},
        "customer":{{"id":"u1","telegramAuthorId":{digits}}},"attributes":[{{"label":"a","value":{digits}}}],
        "messages":[{{"id":"m1","content":{digits},"createdAt":{digits}}}]"#
    ));
    assert_eq!(rows.ticket.email_subject.as_deref(), Some(digits));
    assert_eq!(rows.attributes[0].value.as_deref(), Some(digits));
    let customer = rows.customer.expect("has an id").customer;
    assert_eq!(customer.telegram_author_id.as_deref(), Some(digits));
    let message = &rows.thread.expect("asked for").messages[0];
    assert_eq!(message.content.as_deref(), Some(digits));
    assert_eq!(
        message.extra_json,
        Some(format!(r#"{{"createdAt":{digits}}}"#))
    );
    assert_eq!(
        rows.ticket.extra_json,
        Some(format!(
            r#"{{"priority":{digits},"x":{digits},"y":[1.10,1E+5,-0,0.00000001]}}"#
        ))
    );
    let raw: Vec<_> = rows.rejects.iter().map(|reject| &reject.raw_json).collect();
    assert_eq!(raw, [digits, digits]);
}

#[test]
fn a_scalar_in_a_text_field_is_its_json() {
    for (json, text) in [
        ("42", "42"),
        ("-0.50", "-0.50"),
        ("18446744073709551615", "18446744073709551615"),
        ("true", "true"),
        ("false", "false"),
        (r#""text""#, "text"),
    ] {
        let rows = with(&format!(
            r#""status":{json},"sourceType":{json},"aiStatus":{json},"emailSubjectLine":{json},"discordUsers":[{json}],
            "category":{{"id":"c1","name":{json}}},"assignedTo":{{"id":"a1","username":{json},"email":{json},"walletAddress":{json}}},
            "tags":[{{"id":"g1","name":{json}}}],"attributes":[{{"label":{json},"value":{json}}}],
            "customer":{{"id":"u1","name":{json},"email":{json},"walletAddress":{json}}},
            "messages":[{{"id":"m1","content":{json},"senderType":{json},"senderName":{json},"messageType":{json},
                "attachments":[{{"fileName":{json},"url":{json},"fileType":{json}}}]}}]"#
        ));
        assert_eq!(rows.rejects, [], "{json}");
        let lines = lines(&rows);
        assert_eq!(lines.matches(&format!("={text:?}")).count(), 22, "{lines}");
    }
    for json in ["{}", "[]", r#"{"a":1}"#] {
        let rows = with(&format!(
            r#""status":{json},"messages":[{{"id":"m1","content":{json}}}]"#
        ));
        let paths: Vec<_> = rows
            .rejects
            .iter()
            .map(|reject| reject.path.as_str())
            .collect();
        assert_eq!(paths, ["status", "messages[0].content"]);
    }
}

#[test]
fn seconds_since_1970_are_told_from_milliseconds_in_every_instant() {
    for (sent, stored) in [
        ("1769850300", "2026-01-31T09:05:00.000Z"),
        (r#""1769850300""#, "2026-01-31T09:05:00.000Z"),
        ("1769850300.123", "2026-01-31T09:05:00.123Z"),
        ("1769850300123", "2026-01-31T09:05:00.123Z"),
        (r#""1769850300123""#, "2026-01-31T09:05:00.123Z"),
        (r#"{"$date":1769850300}"#, "2026-01-31T09:05:00.000Z"),
        ("1.769850300e9", "2026-01-31T09:05:00.000Z"),
    ] {
        let rows = rows(&format!(
            r#"{{"id":"t1","createdAt":{sent},"updatedAt":{sent},"customer":{{"id":"u1","createdAt":{sent},"updatedAt":{sent}}},
            "messages":[{{"id":"m1","createdAt":{sent},"updatedAt":{sent}}}]}}"#
        ));
        assert_eq!(rows.rejects, [], "{sent}");
        let lines = lines(&rows);
        assert_eq!(
            lines.matches(&format!("_at={stored}")).count(),
            7,
            "{lines}"
        );
    }
    for sent in [
        r#""20260131""#,
        r#""2026""#,
        r#""-1769850300""#,
        r#""1262303999""#,
    ] {
        let rows = with(&format!(r#""updatedAt":{sent}"#));
        assert_eq!(rows.rejects.len(), 1, "{sent}");
    }
}

#[test]
fn a_boolean_in_other_words_is_understood() {
    for (sent, stored) in [
        ("true", Some(true)),
        (r#""true""#, Some(true)),
        (r#""FALSE""#, Some(false)),
        ("1", Some(true)),
        ("0", Some(false)),
        (r#""1""#, Some(true)),
        ("null", None),
        (r#""yes""#, None),
        ("2", None),
    ] {
        let rows = with(&format!(r#""category":{{"id":"c1","isArchived":{sent}}}"#));
        assert_eq!(rows.category.expect("one").is_archived, stored, "{sent}");
        let is_unfit = matches!(sent, r#""yes""# | "2");
        assert_eq!(rows.rejects.is_empty(), !is_unfit, "{sent}");
        let thread = with(&format!(r#""messages":[{{"fromCustomer":{sent}}}]"#)).thread;
        let sender = thread.expect("asked for").messages[0].sender_type.clone();
        assert_eq!(sender.is_some(), stored == Some(true), "{sent}");
    }
}

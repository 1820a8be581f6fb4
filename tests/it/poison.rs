//! Tickets that cannot be represented: every good row is there, every bad value is kept raw.

use mava_export::error::ExitCode;
use mava_export::simulator::{Customer, Fault, Hook, Message, Shape, SimulatorSpec, World};
use serde_json::{Value, json};

use crate::support::{Desk, expected, generated};

/// Stands for a lone surrogate until the page is text.
const SURROGATE: &str = "LONE-SURROGATE";

/// What becomes of a ticket on its way.
type Change = fn(&mut Value);

/// Serves the ticket `id` as `change` leaves it, every time.
fn poisoned(id: &str, change: Change) -> Hook {
    let id = id.to_owned();
    Box::new(move |request, _| {
        let id = id.clone();
        request.is_for_tickets().then(|| {
            Fault::edit_text(move |page| {
                let mut page: Value = serde_json::from_str(&page).expect("a page");
                let tickets = page["tickets"].as_array_mut().expect("an array");
                for ticket in tickets.iter_mut().filter(|one| one["id"] == json!(id)) {
                    change(ticket);
                }
                page.to_string().replace(SURROGATE, "\\ud83d")
            })
        })
    })
}

fn world() -> World {
    let mut world = generated(230);
    let id = world.id_at(100).expect("a ticket");
    let made = Customer::new("only-here");
    let customers = &mut world.directory_mut().customers;
    customers.insert("only-here".into(), made);
    world.edit(&id, |ticket| {
        ticket.customer_id = Some("only-here".into());
        let at = ticket.created_at;
        ticket.messages = ["first", "second"]
            .map(|name| Message::new(name, at, "well"))
            .to_vec();
    });
    world
}

/// One row of `rejects`.
#[derive(Debug, PartialEq)]
struct Kept {
    ticket_id: Option<String>,
    path: String,
    reason: String,
    raw: Value,
}

fn kept(desk: &Desk) -> Vec<Kept> {
    let sqlite = desk.sqlite();
    let sql = "SELECT ticket_id, path, reason, raw_json FROM rejects ORDER BY path";
    let mut statement = sqlite.prepare(sql).expect("SQL");
    let rows = statement.query_map([], |row| {
        let raw: String = row.get(3)?;
        Ok(Kept {
            ticket_id: row.get(0)?,
            path: row.get(1)?,
            reason: row.get(2)?,
            // Half of a surrogate pair is in JSON's grammar, and in no value of it here.
            raw: serde_json::from_str(&raw).unwrap_or(Value::String(raw)),
        })
    });
    rows.expect("runs").map(|row| row.expect("a row")).collect()
}

/// A desk whose hundredth ticket is served as `change` leaves it, after a backfill; and its id.
async fn after(change: Change) -> (Desk, String, ExitCode) {
    let desk = Desk::open(SimulatorSpec::new(world())).await;
    let id = desk
        .simulator
        .with_world(|world| world.id_at(100).expect("a ticket"));
    desk.simulator.set_hook(poisoned(&id, change));
    let (summary, exit_code) = desk.backfill().await.expect("ends");
    let rejects = i64::try_from(kept(&desk).len()).expect("few");
    assert_eq!(summary.rejects, rejects);
    assert!(summary.unverified.is_empty(), "{summary:?}");
    (desk, id, exit_code)
}

/// All other tickets are as the desk has them.
fn assert_others_whole(desk: &Desk, id: &str) {
    let ids = [id.to_owned()];
    let expected = expected(&desk.simulator.world(), Shape::default());
    let lists = ["customers", "customer_attributes", "tags", "categories"];
    let rows = desk.rows().without_tickets(&ids).without_tables(&lists);
    let expected = expected.without_tickets(&ids).without_tables(&lists);
    rows.assert_equal(&expected, "all but the poisoned ticket");
}

/// With the poison gone another run is complete and leaves no reject of the ticket.
async fn assert_mended(desk: &Desk) {
    desk.simulator.clear_hook();
    let (summary, exit_code) = desk.backfill().await.expect("completes");
    assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
    assert_eq!((summary.rejects, summary.rejects_standing), (0, 0));
    assert_eq!(kept(desk), []);
    desk.assert_whole("mended");
}

#[tokio::test]
async fn a_ticket_without_an_id_is_kept_whole_in_rejects() {
    let (desk, id, exit_code) = after(|ticket| {
        ticket.as_object_mut().expect("an object").remove("id");
    })
    .await;
    assert_eq!(exit_code, ExitCode::Incomplete);
    let kept = kept(&desk);
    assert_eq!(kept.len(), 1);
    assert_eq!(
        (kept[0].ticket_id.as_deref(), kept[0].path.as_str()),
        (None, "")
    );
    assert_eq!(kept[0].reason, "no id");
    assert_eq!(kept[0].raw["messages"][0]["id"], "first");
    assert_eq!(desk.live_ids().len(), 229);
    assert_others_whole(&desk, &id);
    assert_mended(&desk).await;
}

#[tokio::test]
async fn a_ticket_without_an_instant_of_creation_is_kept_whole_in_rejects() {
    let (desk, id, exit_code) = after(|ticket| ticket["createdAt"] = Value::Null).await;
    assert_eq!(exit_code, ExitCode::Incomplete);
    let kept = kept(&desk);
    assert_eq!(kept.len(), 1);
    assert_eq!(
        (kept[0].ticket_id.as_ref(), kept[0].path.as_str()),
        (Some(&id), "")
    );
    assert_eq!(kept[0].raw["id"], json!(id));
    assert_eq!(desk.live_ids().len(), 229);
    assert_others_whole(&desk, &id);
    assert_mended(&desk).await;
}

#[tokio::test]
async fn one_value_of_another_type_is_kept_and_the_rest_of_its_ticket_stored() {
    let cases: [(Change, &str, Value); 3] = [
        (
            |ticket| ticket["customer"] = json!(["somebody"]),
            "customer",
            json!(["somebody"]),
        ),
        (
            |ticket| ticket["messages"][1]["content"] = json!({"text": "well"}),
            "messages[1].content",
            json!({"text": "well"}),
        ),
        (
            |ticket| ticket["priority"] = json!("high"),
            "priority",
            json!("high"),
        ),
    ];
    for (change, path, raw) in cases {
        let (desk, id, exit_code) = after(change).await;
        assert_eq!(exit_code, ExitCode::Incomplete, "{path}");
        let kept = kept(&desk);
        assert_eq!(kept.len(), 1, "{kept:?}");
        assert_eq!(kept[0].ticket_id.as_ref(), Some(&id), "{path}");
        assert_eq!((kept[0].path.as_str(), &kept[0].raw), (path, &raw));
        assert!(kept[0].reason.starts_with("expected"), "{kept:?}");
        assert_eq!(desk.live_ids(), desk.world_ids());
        let messages = "SELECT id FROM messages WHERE id IN ('first', 'second') ORDER BY id";
        assert_eq!(desk.column(messages), ["first", "second"], "{path}");
        assert_others_whole(&desk, &id);
        assert_mended(&desk).await;
    }
}

#[tokio::test]
async fn scalars_of_another_type_are_stored_as_they_were_sent() {
    let (desk, id, exit_code) = after(|ticket| {
        ticket["customer"] = json!("only-here");
        ticket["messages"][0]["content"] = json!(42);
        ticket["messages"][1]["createdAt"] = json!(1_769_850_300);
    })
    .await;
    assert_eq!(exit_code, ExitCode::Complete);
    let message = |column: &str, id: &str| {
        desk.column(&format!("SELECT {column} FROM messages WHERE id = '{id}'"))
    };
    assert_eq!(message("content", "first"), ["42"]);
    assert_eq!(
        message("created_at", "second"),
        ["2026-01-31T09:05:00.000Z"]
    );
    let customer = "SELECT customers.id FROM tickets JOIN customers ON customers.id = customer_id";
    assert_eq!(
        desk.column(&format!("{customer} WHERE tickets.id = '{id}'")),
        ["only-here"]
    );
    assert_others_whole(&desk, &id);
    assert_mended(&desk).await;
}

#[tokio::test]
async fn a_bare_customer_id_takes_nothing_from_what_is_known() {
    let desk = Desk::open(SimulatorSpec::new(world())).await;
    desk.backfill().await.expect("completes");
    let customers = desk.column("SELECT id || ifnull(name, '') FROM customers ORDER BY id");
    desk.simulator.set_hook(Box::new(|request, _| {
        request.is_for_tickets().then(|| {
            Fault::edit_tickets(|ticket| {
                let id = ticket["customer"]["id"].clone();
                ticket["customer"] = id;
            })
        })
    }));
    let (summary, exit_code) = desk.backfill().await.expect("completes");
    assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
    assert_eq!(summary.tickets_changed, 0);
    assert_eq!(
        desk.column("SELECT id || ifnull(name, '') FROM customers ORDER BY id"),
        customers
    );
    desk.assert_whole("bare customer ids");
}

#[tokio::test]
async fn text_that_no_database_can_hold_is_kept_raw_and_told() {
    let (desk, id, exit_code) = after(|ticket| {
        ticket["messages"][0]["content"] = json!("a\0b");
        ticket["messages"][1]["content"] = json!(format!("c{SURROGATE}d"));
    })
    .await;
    assert_eq!(exit_code, ExitCode::Incomplete);
    let contents = "SELECT content FROM messages WHERE id IN ('first', 'second') ORDER BY id";
    assert_eq!(desk.column(contents), ["a\u{fffd}b", "c\u{fffd}d"]);
    assert_eq!(
        desk.column("SELECT replaced_characters FROM snapshots"),
        ["2"]
    );
    assert_eq!(
        desk.column("SELECT path || ' ' || raw_json FROM rejects ORDER BY path"),
        [
            r#"messages[0].content "a\u0000b""#,
            r#"messages[1].content "c\ud83dd""#
        ]
    );
    assert_others_whole(&desk, &id);
    assert_mended(&desk).await;
}

/// Serves each page with `café` in four bytes, as Latin-1 has it.
fn in_latin_1() -> Fault {
    Fault::edit_bytes(|page| {
        let parts: Vec<&[u8]> = page.split(LATIN).map(str::as_bytes).collect();
        parts.join(&b"caf\xe9"[..])
    })
}

/// Stands for a word in Latin-1 until the page is bytes.
const LATIN: &str = "LATIN-WORD";

#[tokio::test]
async fn an_answer_in_latin_1_is_kept_raw_and_told() {
    let mut world = world();
    let id = world.id_at(100).expect("a ticket");
    world.edit(&id, |ticket| {
        ticket.email_subject_line = Some(LATIN.into());
        ticket.messages[0].content = Some(format!("in the {LATIN}"));
    });
    let desk = Desk::open(SimulatorSpec::new(world)).await;
    desk.simulator.set_hook(Box::new(|request, _| {
        request.is_for_tickets().then(in_latin_1)
    }));
    let (summary, exit_code) = desk.backfill().await.expect("ends");
    assert_eq!(exit_code, ExitCode::Incomplete, "{summary:?}");
    assert_eq!(
        desk.column("SELECT path || ' ' || raw_json FROM rejects ORDER BY path"),
        [
            r#"emailSubjectLine "caf\udce9""#,
            r#"messages[0].content "in the caf\udce9""#
        ]
    );
    let subject = format!("SELECT email_subject FROM tickets WHERE id = '{id}'");
    assert_eq!(desk.column(&subject), ["caf\u{fffd}"]);
    desk.simulator.clear_hook();
    let (_, exit_code) = desk.backfill().await.expect("completes");
    assert_eq!(exit_code, ExitCode::Complete);
    desk.assert_whole("in UTF-8");
}

#[tokio::test]
async fn customers_and_tags_whose_ids_differ_in_what_no_database_holds_stay_apart() {
    let desk = Desk::open(SimulatorSpec::new(world())).await;
    desk.simulator.set_hook(Box::new(|request, _| {
        request.is_for_tickets().then(|| {
            let mut number = 0;
            Fault::edit_tickets(move |ticket| {
                number += 1;
                let id = ["c", "c\0", "c\u{fffd}"][number % 3];
                ticket["customer"] = json!({"id": id, "name": id.len()});
                ticket["tags"] = json!([id, {"id": format!("{id}!")}]);
            })
        })
    }));
    let (_, exit_code) = desk.backfill().await.expect("ends");
    assert_eq!(exit_code, ExitCode::Incomplete);
    assert_eq!(
        desk.column("SELECT id || ' ' || name FROM customers ORDER BY name"),
        ["c 1", r#"json:"c\u0000" 2"#, "c\u{fffd} 4"]
    );
    assert_eq!(desk.number("SELECT count(*) FROM tags"), 6);
    let reasons = desk.column("SELECT DISTINCT path || ' ' || reason FROM rejects ORDER BY 1");
    let nul = "holds NUL, which no database can hold";
    assert_eq!(
        reasons,
        [
            format!("customer.id {nul}"),
            format!("tags[0] {nul}"),
            format!("tags[1].id {nul}")
        ]
    );
}

#[tokio::test]
async fn what_a_ticket_says_twice_is_kept_and_told() {
    let desk = Desk::open(SimulatorSpec::new(world())).await;
    desk.simulator.set_hook(Box::new(|request, _| {
        request.is_for_tickets().then(|| {
            Fault::edit_text(|page| {
                page.replace(r#""content":"well""#, r#""content":"ill","content":"well""#)
            })
        })
    }));
    let (_, exit_code) = desk.backfill().await.expect("ends");
    assert_eq!(exit_code, ExitCode::Incomplete);
    assert_eq!(
        desk.column("SELECT path || ' ' || raw_json FROM rejects ORDER BY path"),
        [
            r#"messages[0].content "ill""#,
            r#"messages[1].content "ill""#
        ]
    );
    desk.assert_whole("the last of two values");
    assert_mended(&desk).await;
}

#[tokio::test]
async fn a_message_of_two_megabytes_is_stored_whole() {
    let (desk, _, exit_code) = after(|ticket| {
        ticket["messages"][0]["content"] = json!("kite 🪁 ".repeat(200_000));
    })
    .await;
    assert_eq!(exit_code, ExitCode::Complete);
    let length = "SELECT length(CAST(content AS BLOB)) FROM messages WHERE id = 'first'";
    let expected = i64::try_from("kite 🪁 ".len() * 200_000).expect("fits");
    assert_eq!(desk.number(length), expected);
    assert_mended(&desk).await;
}

#[tokio::test]
async fn the_same_message_id_in_two_tickets_is_two_messages() {
    let mut world = world();
    let twin = world.id_at(20).expect("a ticket");
    world.edit(&twin, |ticket| {
        let at = ticket.created_at;
        let message = Message::new("first", at, "another first");
        ticket.messages = vec![message];
    });
    let desk = Desk::open(SimulatorSpec::new(world)).await;
    let (summary, exit_code) = desk.backfill().await.expect("completes");
    assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
    let contents = "SELECT content FROM messages WHERE id = 'first' ORDER BY content";
    assert_eq!(desk.column(contents), ["another first", "well"]);
    desk.assert_whole("the same message id twice");
}

#[tokio::test]
async fn the_same_message_id_twice_in_one_ticket_keeps_the_second_in_rejects() {
    let (desk, id, exit_code) = after(|ticket| ticket["messages"][1]["id"] = json!("first")).await;
    assert_eq!(exit_code, ExitCode::Incomplete);
    let kept = kept(&desk);
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0].path, "messages[1]");
    assert_eq!(kept[0].ticket_id.as_ref(), Some(&id));
    assert_eq!(kept[0].raw["content"], "well");
    assert_mended(&desk).await;
}

//! How a world is written.

use mava_export::simulator::{
    Attachment, Attribute, AttributeValue, Customer, Message, Shape, SimulatorSpec, World,
    WorldSpec,
};
use serde_json::{Value, json};

use super::{at, desk, page, start};

/// [`desk`] with a customer, a thread and an attribute on ticket `b`.
fn furnished() -> World {
    let mut world = desk();
    let directory = world.directory_mut();
    directory.attributes.push(Attribute {
        id: "p1".into(),
        name: "Plan".into(),
        kind: "text".into(),
    });
    let plan = |content: &str| AttributeValue {
        attribute_id: "p1".into(),
        content: content.into(),
    };
    let mut customer = Customer::new("c1");
    customer.name = Some("Ada \"A\" שלום".into());
    customer.attributes = vec![plan("silver")];
    directory.customers.insert("c1".into(), customer);
    world.edit("b", |ticket| {
        ticket.customer_id = Some("c1".into());
        ticket.attributes = vec![plan("gold")];
        let mut message = Message::new("m1", at("2024-03-02T12:00:00Z"), "one\ntwo\u{0}");
        message.sender_id = Some("c1".into());
        message.attachments = vec![Attachment {
            file_name: Some("a.png".into()),
            url: Some("https://files.test/a.png".into()),
            file_type: Some("image/png".into()),
        }];
        let mut reply = Message::new("", at("2024-03-02T13:00:00.250Z"), "yes");
        reply.id = None;
        reply.sender_type = "agent".into();
        reply.sender_id = Some("g1".into());
        ticket.messages = vec![message, reply];
    });
    world
}

async fn ticket_b(shape: Shape) -> Value {
    let simulator = start(SimulatorSpec {
        shape,
        ..SimulatorSpec::new(furnished())
    })
    .await;
    page(&simulator, "csatValues=5&includeMessages=true").await["tickets"][0].clone()
}

fn named(name: &str) -> Shape {
    let found = Shape::variants().into_iter().find(|(one, _)| *one == name);
    found.expect("a variant").1
}

#[tokio::test]
async fn the_default_shape_is_as_documented() {
    let ticket = ticket_b(Shape::default()).await;
    let expected = r#"{
        "id": "b", "status": "Resolved", "priority": 1, "sourceType": "discord",
        "category": "k2", "assignedTo": "g1", "tags": ["t2"],
        "createdAt": "2024-03-02T12:00:00.500Z", "updatedAt": "2024-03-02T12:00:00.500Z",
        "resolutionTime": 500, "csat": 5, "aiStatus": null, "discordUsers": [],
        "customer": {
            "id": "c1", "name": "Ada \"A\" שלום", "email": null, "walletAddress": null,
            "discordAuthorId": null, "telegramAuthorId": null, "discordRoles": [],
            "avatarURL": null, "createdAt": null, "updatedAt": null,
            "attributes": [{"attribute": "p1", "content": "silver"}]
        },
        "attributes": [{"attribute": "p1", "content": "gold"}],
        "emailSubjectLine": null, "discordThreadId": "b", "isVisible": true,
        "disabled": false, "mentions": [], "__v": 0,
        "firstCustomerMessageCreatedAt": "2024-03-02T12:00:00.000Z",
        "firstAgentMessageCreatedAt": "2024-03-02T13:00:00.250Z",
        "messages": [
            {
                "id": "m1", "content": "one\ntwo\u0000", "senderType": "customer",
                "senderName": null, "messageType": "ExternalMessage",
                "createdAt": "2024-03-02T12:00:00.000Z",
                "updatedAt": "2024-03-02T12:00:00.000Z",
                "attachments": [{"fileName": "a.png", "url": "https://files.test/a.png",
                    "fileType": "image/png"}],
                "sender": "c1", "senderReferenceType": "DiscordUser", "fromCustomer": true,
                "isEdited": false, "isDeleted": false, "isPicture": false, "isRead": true,
                "repliedTo": null, "reactions": [], "mentions": [], "readBy": [],
                "actionLogFrom": null, "actionLogTo": null
            },
            {
                "content": "yes", "senderType": "agent", "senderName": null,
                "messageType": "ExternalMessage", "createdAt": "2024-03-02T13:00:00.250Z",
                "updatedAt": "2024-03-02T13:00:00.250Z", "attachments": [], "sender": "g1",
                "senderReferenceType": "ClientMember", "fromCustomer": false,
                "isEdited": false, "isDeleted": false, "isPicture": false, "isRead": true,
                "repliedTo": null, "reactions": [], "mentions": [], "readBy": [],
                "actionLogFrom": null, "actionLogTo": null
            }
        ]
    }"#;
    assert_eq!(
        ticket,
        serde_json::from_str::<Value>(expected).expect("JSON")
    );
}

#[tokio::test]
async fn each_variant_changes_what_its_name_says() {
    for (name, pointer, expected) in [
        ("ids as _id", "/_id", json!("b")),
        ("ids as _id", "/customer/_id", json!("c1")),
        ("ids as _id", "/messages/0/_id", json!("m1")),
        ("ids as both", "/id", json!("b")),
        ("ids as both", "/_id", json!("b")),
        (
            "references as objects",
            "/category",
            json!({"id": "k2", "name": "Lanterns", "isArchived": false}),
        ),
        (
            "references as objects",
            "/assignedTo",
            json!({"id": "g1", "username": "Gwen", "email": null}),
        ),
        (
            "references as objects",
            "/tags",
            json!([{"id": "t2", "name": "t2"}]),
        ),
        (
            "references as objects",
            "/attributes/0",
            json!({"attribute": {"id": "p1", "name": "Plan", "type": "text"}, "content": "gold"}),
        ),
        (
            "attributes by label",
            "/attributes",
            json!([{"label": "Plan", "value": "gold"}]),
        ),
        (
            "attributes by label",
            "/customer/customAttributes",
            json!([{"label": "Plan", "value": "silver"}]),
        ),
        (
            "attributes as an object",
            "/customer/customAttributes",
            json!({"Plan": "silver"}),
        ),
        (
            "attributes as an object",
            "/attributes",
            json!([{"label": "Plan", "value": "gold"}]),
        ),
        ("numbers as strings", "/priority", json!("1")),
        ("numbers as strings", "/csat", json!("5")),
        ("numbers as strings", "/resolutionTime", json!("500")),
        (
            "shortest instants",
            "/messages/0/createdAt",
            json!("2024-03-02T12:00:00Z"),
        ),
        (
            "shortest instants",
            "/createdAt",
            json!("2024-03-02T12:00:00.500Z"),
        ),
        (
            "instants with offset",
            "/createdAt",
            json!("2024-03-02T12:00:00.500+00:00"),
        ),
        (
            "senders as objects",
            "/messages/1/sender",
            json!({"id": "g1", "name": "Gwen", "email": null}),
        ),
        (
            "senders as contacts",
            "/messages/1/sender",
            json!({"name": "Gwen", "email": null}),
        ),
        (
            "attachments with type",
            "/messages/0/attachments/0/type",
            json!("image/png"),
        ),
        ("origin for sourceType", "/origin", json!("discord")),
        ("unknown fields", "/routing/queue", json!("second-line")),
        ("unknown fields", "/customer/locale", json!("eo")),
        (
            "unknown fields",
            "/messages/0/detectedLanguage",
            json!("eo"),
        ),
    ] {
        let ticket = ticket_b(named(name)).await;
        assert_eq!(
            ticket.pointer(pointer),
            Some(&expected),
            "{name} {pointer}: {ticket}"
        );
    }
    for (name, pointer) in [
        ("ids as _id", "/id"),
        ("absent fields missing", "/aiStatus"),
        ("absent fields missing", "/customer/email"),
        ("absent fields missing", "/messages/0/senderName"),
        ("attributes by label", "/customer/attributes"),
        ("documented fields alone", "/updatedAt"),
        ("documented fields alone", "/messages/0/sender"),
        ("origin for sourceType", "/sourceType"),
    ] {
        let ticket = ticket_b(named(name)).await;
        assert_eq!(ticket.pointer(pointer), None, "{name} {pointer}");
    }
}

#[tokio::test]
async fn the_count_can_stand_inside_the_pagination() {
    let simulator = start(SimulatorSpec {
        shape: named("count in pagination"),
        ..SimulatorSpec::new(desk())
    })
    .await;
    let page = page(&simulator, "limit=1").await;
    assert_eq!(
        (page.get("count"), page["pagination"]["count"].as_i64()),
        (None, Some(6))
    );
}

#[tokio::test]
async fn prerendered_pages_are_the_same_in_every_shape_and_follow_the_world() {
    let world = World::generate(&WorldSpec {
        tickets: 15,
        ..WorldSpec::default()
    });
    let serve = |shape, is_prerendered| {
        start(SimulatorSpec {
            shape,
            is_prerendered,
            ..SimulatorSpec::new(world.clone())
        })
    };
    for (name, shape) in Shape::variants() {
        let (direct, kept) = (serve(shape, false).await, serve(shape, true).await);
        let change = |world: &mut World| {
            let id = world.id_at(14).expect("fifteen");
            world.edit(&id, |ticket| ticket.status = "Spam".into());
            for customer in world.directory_mut().customers.values_mut() {
                customer.name = Some("Renamed".into());
            }
        };
        for parameters in ["limit=20&includeMessages=true", "limit=20"] {
            assert_eq!(
                page(&direct, parameters).await,
                page(&kept, parameters).await,
                "{name} {parameters}"
            );
        }
        direct.with_world(change);
        kept.with_world(change);
        let changed = page(&kept, "limit=20").await;
        assert_eq!(changed, page(&direct, "limit=20").await, "{name}");
        assert_eq!(changed["tickets"][0]["status"], "Spam");
        assert!(changed.to_string().contains("Renamed"));
    }
}

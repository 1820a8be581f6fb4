//! A ticket's thread: its messages and their attachments.

use std::collections::{HashMap, HashSet};

use super::ThreadRows;
use super::marks::{self, MESSAGES};
use crate::table::{Instant, Message, MessageAttachment};
use crate::wire::{
    Digest, Entries, Fields, Json, MOST_ITEMS, Path, Rejects, Unfit, own_short_id, slots,
};

/// Reads the messages in the order sent. What is no object, and a message whose id was already
/// met in this thread, is rejected.
pub(super) fn thread(ticket_id: &str, items: Vec<Json<'_>>, rejects: &mut Rejects) -> ThreadRows {
    let mut reader = Reader {
        ticket_id,
        ids: HashSet::with_capacity(items.len()),
        made: HashMap::new(),
        thread: ThreadRows {
            messages: Vec::with_capacity(items.len()),
            attachments: Vec::new(),
            hash: [0; 16],
        },
    };
    for (index, item) in items.into_iter().enumerate() {
        let path = Path::Item(&MESSAGES, index);
        match item {
            Json::Object(entries) => match own_short_id(&entries) {
                Some(id) if reader.ids.contains(id.as_ref()) => rejects.add(
                    path.to_string(),
                    "a message with this id came before it in the thread".to_owned(),
                    Json::Object(entries).raw().into(),
                ),
                _ => reader.message(rejects, path, entries),
            },
            other => {
                Unfit::new(other, "an object").report(rejects, path);
            }
        }
    }
    reader.thread
}

slots!(Slots {
    id: "id",
    mongo_id: "_id",
    content: "content",
    sender_type: "senderType",
    sender_name: "senderName",
    sender: "sender",
    message_type: "messageType",
    created_at: "createdAt",
    updated_at: "updatedAt",
    attachments: "attachments",
    reference_type: "senderReferenceType",
    from_customer: "fromCustomer",
    is_edited: "isEdited",
    is_deleted: "isDeleted",
    action_log_from: "actionLogFrom",
    action_log_to: "actionLogTo",
});

struct Reader<'t> {
    ticket_id: &'t str,
    ids: HashSet<String>,
    /// How often messages without an id, but with this instant and content, were met.
    made: HashMap<[u8; 16], i64>,
    thread: ThreadRows,
}

impl Reader<'_> {
    fn message(&mut self, rejects: &mut Rejects, path: Path<'_>, entries: Entries<'_>) {
        let mut fields = Fields::new(rejects, path);
        let slots = Slots::fill(entries, &mut fields);
        let derived = derived_sender_type(&slots.reference_type, &slots.from_customer);
        fields.leave("fromCustomer", slots.from_customer);

        let id = fields.short_id(slots.id, slots.mongo_id);
        let content = fields.text("content", slots.content);
        let created_at = fields.instant("createdAt", slots.created_at);
        let id = id.unwrap_or_else(|| self.made_id(created_at, content.as_deref()));
        let sender_type = fields
            .text("senderType", slots.sender_type)
            .or_else(|| derived.map(str::to_owned));
        let mut sender_name = fields.text("senderName", slots.sender_name);
        let sender_id = fields
            .nested("sender", slots.sender, |rejects, path, value| {
                sender(rejects, path, value, &mut sender_name)
            })
            .flatten();
        self.attachments(&mut fields, &id, slots.attachments);
        let message_type = fields.text("messageType", slots.message_type);
        let updated_at = fields.instant("updatedAt", slots.updated_at);
        let marks = marks::read(
            &mut fields,
            [
                slots.reference_type,
                slots.is_edited,
                slots.is_deleted,
                slots.action_log_from,
                slots.action_log_to,
            ],
        );

        self.ids.insert(id.clone());
        self.thread.messages.push(Message {
            id,
            ticket_id: self.ticket_id.to_owned(),
            position: i64::try_from(self.thread.messages.len()).unwrap_or(i64::MAX),
            sender_type,
            sender_reference_type: marks.sender_reference_type,
            sender_name,
            sender_id,
            message_type,
            content,
            created_at,
            updated_at,
            is_edited: marks.is_edited,
            is_deleted: marks.is_deleted,
            action_log_from: marks.action_log_from,
            action_log_to: marks.action_log_to,
            extra_json: fields.extra_json(),
        });
    }

    /// An id from ticket, instant, content, and how many such messages came before.
    fn made_id(&mut self, created_at: Option<Instant>, content: Option<&str>) -> String {
        let mut digest = Digest::default();
        digest.text(self.ticket_id);
        match created_at {
            Some(instant) => digest.instant(instant),
            None => digest.null(),
        }
        match content {
            Some(content) => digest.text(content),
            None => digest.null(),
        }
        let occurrence = self.made.entry(digest.hash()).or_default();
        loop {
            digest.integer(*occurrence);
            *occurrence += 1;
            let id = format!("made-{}", digest.hex());
            if !self.ids.contains(&id) {
                return id;
            }
        }
    }

    fn attachments<'a>(
        &mut self,
        fields: &mut Fields<'_, 'a>,
        message_id: &str,
        attachments: Json<'a>,
    ) {
        if let Json::Array(items) = &attachments
            && self.thread.attachments.len() + items.len() > MOST_ITEMS
        {
            return fields.unfit("attachments", Unfit::too_many(attachments));
        }
        let mut position = 0;
        fields.each_item("attachments", attachments, |rejects, path, item| {
            let Json::Object(entries) = item else {
                return Err(Unfit::new(item, "an object"));
            };
            let mut fields = Fields::new(rejects, path);
            let slots = AttachmentSlots::fill(entries, &mut fields);
            self.thread.attachments.push(MessageAttachment {
                ticket_id: self.ticket_id.to_owned(),
                message_id: message_id.to_owned(),
                position,
                file_name: fields.text("fileName", slots.file_name),
                url: fields.text("url", slots.url),
                file_type: fields.text_of([("fileType", slots.file_type), ("type", slots.kind)]),
            });
            position += 1;
            Ok(fields.left_over())
        });
    }
}

slots!(AttachmentSlots {
    file_name: "fileName",
    url: "url",
    file_type: "fileType",
    kind: "type",
});

/// Who sent a message that does not say so in `senderType`.
fn derived_sender_type(
    reference_type: &Json<'_>,
    from_customer: &Json<'_>,
) -> Option<&'static str> {
    match (reference_type, from_customer) {
        (Json::Text(kind), _) if kind == "ClientMember" => Some("agent"),
        (Json::Text(kind), _) if kind == "Customer" || kind == "DiscordUser" => Some("customer"),
        (_, from_customer) if from_customer.boolean() == Some(true) => Some("customer"),
        _ => None,
    }
}

slots!(SenderSlots {
    id: "id",
    mongo_id: "_id",
    name: "name",
    username: "username",
});

/// Reads the sender's id. The name of an object goes to `sender_name` where the message has none.
fn sender<'a>(
    rejects: &mut Rejects,
    path: Path<'_>,
    value: Json<'a>,
    sender_name: &mut Option<String>,
) -> Result<(Option<String>, Json<'a>), Unfit<'a>> {
    if let Some(id) = value.id() {
        return Ok((Some(id.into_owned()), Json::Null));
    }
    match value {
        Json::Null | Json::Text(_) => Ok((None, Json::Null)),
        Json::Object(entries) => {
            let mut fields = Fields::new(rejects, path);
            let slots = SenderSlots::fill(entries, &mut fields);
            let id = fields.id(slots.id, slots.mongo_id);
            let name = fields.text_of([("name", slots.name), ("username", slots.username)]);
            match (name, &sender_name) {
                (Some(name), Some(shown)) if name != *shown => {
                    fields.leave("name", Json::Text(name.into()));
                }
                (Some(name), None) => *sender_name = Some(name),
                _ => {}
            }
            Ok((id, fields.left_over()))
        }
        other => Err(Unfit::new(other, "an id or an object")),
    }
}

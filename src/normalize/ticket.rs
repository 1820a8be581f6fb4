//! A ticket: its own columns, and the order in which the rest of it is read.

use std::borrow::Cow;
use std::collections::HashMap;

use super::attribute::attributes;
use super::customer::{Shown, customer};
use super::thread::thread;
use super::{Outcome, TicketRows, seal};
use crate::table::{
    Agent, Category, Instant, Reject, Tag, Ticket, TicketAttribute, TicketDiscordUser,
};
use crate::wire::{
    Entries, Fields, Hidden, Json, MOST_ITEMS, Path, RawTicket, Rejects, TicketKey, Unfit,
    instant_after, is_of_thread, own_id, read_reference, read_text, slots, take_hidden,
    whole_reject, with_json,
};

/// Turns a ticket as sent into rows. `with_messages` says whether the run asked for threads:
/// without, `messages` is not looked at, and the thread facts are NULL.
pub fn ticket(raw: &RawTicket<'_>, with_messages: bool) -> Outcome {
    let read = with_json(&raw.raw, |mut read| {
        let hidden = match read.has_hidden {
            true => take_hidden(&mut read.value, "", raw.has_bytes)?,
            false => Vec::new(),
        };
        let Json::Object(entries) = read.value else {
            return Err("not an object");
        };
        let key = TicketKey::in_entries(&entries);
        let id = key.id.ok_or_else(|| lacking(&entries))?;
        let created_at = key.created_at.ok_or("no usable instant of creation")?;
        let sent = Sent {
            entries,
            hidden,
            replaced: read.replaced,
        };
        Ok(rows(&id, created_at, sent, with_messages))
    });
    match read {
        Ok(Ok(rows)) => Outcome::Rows(Box::new(rows)),
        Ok(Err(reason)) | Err(reason) => Outcome::Reject(whole(raw, reason)),
    }
}

/// Why there is no usable id.
fn lacking(entries: &Entries<'_>) -> &'static str {
    match own_id(entries) {
        Some(_) => "an id of more than 1024 bytes",
        None => "no id",
    }
}

fn whole(raw: &RawTicket<'_>, reason: &str) -> Reject {
    let reason = match raw.has_bytes {
        true => {
            format!("{reason}; bytes that are no UTF-8 are written as \\udc and two hex digits")
        }
        false => reason.to_owned(),
    };
    whole_reject(raw.key(), reason, Cow::Borrowed(&raw.raw))
}

/// A ticket's entries.
struct Sent<'a> {
    entries: Entries<'a>,
    /// What was sent and is not among the entries as it was sent.
    hidden: Vec<Hidden>,
    /// Characters that are U+FFFD in them.
    replaced: i64,
}

/// Tags that are looked through one by one.
const FEW_TAGS: usize = 32;

slots!(Slots {
    id: "id",
    mongo_id: "_id",
    status: "status",
    priority: "priority",
    source_type: "sourceType",
    origin: "origin",
    category: "category",
    assigned_to: "assignedTo",
    tags: "tags",
    created_at: "createdAt",
    updated_at: "updatedAt",
    resolution_time: "resolutionTime",
    csat: "csat",
    ai_status: "aiStatus",
    discord_users: "discordUsers",
    customer: "customer",
    attributes: "attributes",
    custom_attributes: "customAttributes",
    email_subject: "emailSubjectLine",
    messages: "messages",
});

fn rows(id: &str, created_at: Instant, sent: Sent<'_>, with_messages: bool) -> TicketRows {
    let mut rejects = Rejects::of(id);
    // What nobody asked for is not looked at.
    let asked = |hidden: &Hidden| with_messages || !is_of_thread(&hidden.path);
    rejects.add_hidden(sent.hidden.into_iter().filter(asked));
    let mut fields = Fields::new(&mut rejects, Path::Root);
    let mut slots = Slots::fill(sent.entries, &mut fields);
    let messages = messages(
        &mut fields,
        std::mem::take(&mut slots.messages),
        with_messages,
    );
    let mut rows = head(id, created_at, slots, fields);
    rows.thread = messages.map(|messages| thread(id, messages, &mut rejects));
    rows.rejects = rejects.into_found();
    rows.replaced_characters = sent.replaced;
    seal(&mut rows);
    rows
}

/// What a ticket names or has, each with rows of its own.
struct Related {
    category: Option<Category>,
    agent: Option<Agent>,
    customer: Shown,
    tags: Vec<Tag>,
    discord_users: Vec<TicketDiscordUser>,
    attributes: Vec<TicketAttribute>,
}

fn related<'a>(fields: &mut Fields<'_, 'a>, id: &str, slots: &mut Slots<'a>) -> Related {
    let category = fields
        .nested(
            "category",
            std::mem::take(&mut slots.category),
            read_reference,
        )
        .flatten();
    let agent = fields
        .nested(
            "assignedTo",
            std::mem::take(&mut slots.assigned_to),
            read_reference,
        )
        .flatten();
    let customer = fields
        .nested("customer", std::mem::take(&mut slots.customer), customer)
        .unwrap_or_default();
    let tags = tags(fields, std::mem::take(&mut slots.tags));
    let discord_users = discord_users(fields, id, std::mem::take(&mut slots.discord_users));
    let attributes = ticket_attributes(
        fields,
        id,
        [
            ("attributes", std::mem::take(&mut slots.attributes)),
            (
                "customAttributes",
                std::mem::take(&mut slots.custom_attributes),
            ),
        ],
    );
    Related {
        category,
        agent,
        customer,
        tags,
        discord_users,
        attributes,
    }
}

/// The thread's items; `None` where the run did not ask for them, or they did not come or are
/// unusable: what is known of the thread then stays as it is.
fn messages<'a>(
    fields: &mut Fields<'_, 'a>,
    value: Json<'a>,
    with_messages: bool,
) -> Option<Vec<Json<'a>>> {
    match value {
        _ if !with_messages => None,
        Json::Null => None,
        Json::Array(items) if items.len() > MOST_ITEMS => {
            fields.unfit("messages", Unfit::too_many(Json::Array(items)));
            None
        }
        Json::Array(items) => Some(items),
        other => {
            fields.unfit("messages", Unfit::new(other, "an array"));
            None
        }
    }
}

/// Everything but the thread.
fn head<'a>(
    id: &str,
    created_at: Instant,
    mut slots: Slots<'a>,
    mut fields: Fields<'_, 'a>,
) -> TicketRows {
    fields.short_id(
        std::mem::take(&mut slots.id),
        std::mem::take(&mut slots.mongo_id),
    );
    fields.instant("createdAt", std::mem::take(&mut slots.created_at));
    let (resolution_time_ms, resolved_at) = resolution(
        &mut fields,
        created_at,
        std::mem::take(&mut slots.resolution_time),
    );
    let related = related(&mut fields, id, &mut slots);
    let ticket = Ticket {
        id: id.to_owned(),
        status: fields.text("status", slots.status),
        priority: fields.integer("priority", slots.priority),
        source_type: fields.text_of([("sourceType", slots.source_type), ("origin", slots.origin)]),
        category_id: related.category.as_ref().map(|one| one.id.clone()),
        assigned_agent_id: related.agent.as_ref().map(|one| one.id.clone()),
        customer_id: related.customer.id,
        email_subject: fields.text("emailSubjectLine", slots.email_subject),
        created_at,
        updated_at: fields.instant("updatedAt", slots.updated_at),
        resolved_at,
        resolution_time_ms,
        csat: fields.integer("csat", slots.csat),
        ai_status: fields.text("aiStatus", slots.ai_status),
        message_count: None,
        customer_message_count: None,
        agent_message_count: None,
        system_message_count: None,
        private_note_count: None,
        first_customer_message_at: None,
        first_agent_reply_at: None,
        first_reply_time_ms: None,
        last_message_at: None,
        last_message_sender_type: None,
        extra_json: fields.extra_json(),
    };
    TicketRows {
        ticket,
        thread: None,
        attributes: related.attributes,
        tags: related.tags,
        discord_users: related.discord_users,
        customer: related.customer.rows,
        category: related.category,
        agent: related.agent,
        rejects: Vec::new(),
        replaced_characters: 0,
        head_hash: [0; 16],
    }
}

/// The time to resolution, and the instant it leads to; a time that leads out of the calendar is
/// unfit.
fn resolution<'a>(
    fields: &mut Fields<'_, 'a>,
    created_at: Instant,
    value: Json<'a>,
) -> (Option<i64>, Option<Instant>) {
    let instant_of = |time_ms| instant_after(created_at, time_ms);
    match value.integer() {
        Some(time_ms) => match instant_of(time_ms) {
            Some(instant) => (Some(time_ms), Some(instant)),
            None => {
                fields.unfit(
                    "resolutionTime",
                    Unfit::new(value, "a time that ends in the years 0 to 9999"),
                );
                (None, None)
            }
        },
        None => (fields.integer("resolutionTime", value), None),
    }
}

/// Tags, each once; a later mention may add the name. Another name than the first is left over.
fn tags<'a>(fields: &mut Fields<'_, 'a>, value: Json<'a>) -> Vec<Tag> {
    let mut tags: Vec<Tag> = Vec::new();
    // Where they are, once they are more than are quickly looked through.
    let mut places: HashMap<String, usize> = HashMap::new();
    fields.each_item("tags", value, |rejects, path, item| {
        if matches!(&item, Json::Text(id) if id.is_empty()) {
            return Err(Unfit::new(item, "an id or an object with one"));
        }
        let (tag, mut left) = read_reference::<Tag>(rejects, path, item)?;
        if let Some(tag) = tag {
            let place = match tags.len() {
                0..FEW_TAGS => tags.iter().position(|known| known.id == tag.id),
                FEW_TAGS => {
                    let known = tags.iter().enumerate();
                    places = known.map(|(place, tag)| (tag.id.clone(), place)).collect();
                    places.get(&tag.id).copied()
                }
                _ => places.get(&tag.id).copied(),
            };
            match place.and_then(|place| tags.get_mut(place)) {
                Some(known) if known.name.is_none() => known.name = tag.name,
                Some(known) if tag.name.is_some() && known.name != tag.name => {
                    left.add("name", tag.name);
                }
                Some(_) => {}
                None => {
                    if tags.len() >= FEW_TAGS {
                        places.insert(tag.id.clone(), tags.len());
                    }
                    tags.push(tag);
                }
            }
        }
        Ok(left)
    });
    tags
}

fn discord_users<'a>(
    fields: &mut Fields<'_, 'a>,
    ticket_id: &str,
    value: Json<'a>,
) -> Vec<TicketDiscordUser> {
    let mut users = Vec::new();
    fields.each_item("discordUsers", value, |_, _, item| {
        if let Some(user_name) = read_text(item)? {
            users.push(user_name);
        }
        Ok(Json::Null)
    });
    (0..)
        .zip(users)
        .map(|(position, user_name)| TicketDiscordUser {
            ticket_id: ticket_id.to_owned(),
            position,
            user_name,
        })
        .collect()
}

fn ticket_attributes<'a>(
    fields: &mut Fields<'_, 'a>,
    ticket_id: &str,
    spellings: [(&'static str, Json<'a>); 2],
) -> Vec<TicketAttribute> {
    (0..)
        .zip(attributes(fields, spellings))
        .map(|(position, attribute)| TicketAttribute {
            ticket_id: ticket_id.to_owned(),
            position,
            attribute_id: attribute.attribute_id,
            label: attribute.label,
            value: attribute.value,
        })
        .collect()
}

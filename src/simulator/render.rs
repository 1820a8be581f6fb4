//! Tickets, categories and agents as JSON, in a shape.

use hyper::body::Bytes;

use super::json::{self, Object};
use super::quirks::ResolutionTime;
use super::shape::{Attributes, CountPlace, References, Sender, Shape};
use super::world::{Agent, AttributeValue, Customer, Directory, Message, Ticket};

/// What a page says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Envelope {
    pub(super) count: Option<i64>,
    pub(super) skip: i64,
    pub(super) limit: i64,
    pub(super) has_more: Option<bool>,
}

/// A page of tickets that are already rendered.
pub(super) fn page(envelope: Envelope, tickets: &[Bytes], shape: Shape) -> Vec<u8> {
    let length: usize = tickets.iter().map(|ticket| ticket.len() + 1).sum();
    let mut out = Vec::with_capacity(length + 128);
    let mut page = Object::open(&mut out, shape);
    if let (CountPlace::Top, Some(count)) = (shape.count, envelope.count) {
        json::integer(page.key("count"), count);
    }
    page.array("tickets", tickets, |out, ticket| {
        out.extend_from_slice(ticket);
    });
    let mut pagination = Object::open(page.key("pagination"), shape);
    json::integer(pagination.key("skip"), envelope.skip);
    json::integer(pagination.key("limit"), envelope.limit);
    if let Some(has_more) = envelope.has_more {
        pagination.boolean("hasMore", has_more);
    }
    if let (CountPlace::Pagination, Some(count)) = (shape.count, envelope.count) {
        json::integer(pagination.key("count"), count);
    }
    pagination.close();
    page.close();
    out
}

/// A ticket, with or without its thread.
pub(super) fn ticket(
    ticket: &Ticket,
    directory: &Directory,
    shape: Shape,
    meaning: ResolutionTime,
    has_messages: bool,
) -> Bytes {
    let mut out = head(ticket, directory, shape, meaning);
    if has_messages {
        out.extend_from_slice(b",\"messages\":");
        json::array(&mut out, &ticket.messages, |out, one| {
            message(out, one, ticket, directory, shape);
        });
    }
    out.push(b'}');
    out.into()
}

/// A ticket's object without its closing brace.
fn head(ticket: &Ticket, directory: &Directory, shape: Shape, meaning: ResolutionTime) -> Vec<u8> {
    let mut out = Vec::with_capacity(1024);
    let mut object = Object::open(&mut out, shape);
    object.id(&ticket.id);
    object.text("status", &ticket.status);
    object.optional_number("priority", ticket.priority);
    let origin = if shape.has_origin {
        "origin"
    } else {
        "sourceType"
    };
    object.text(origin, &ticket.origin);
    references(&mut object, ticket, directory, shape);
    object.instant("createdAt", ticket.created_at);
    object.optional_number("resolutionTime", meaning.of(ticket));
    object.optional_number("csat", ticket.csat);
    object.optional_text("aiStatus", ticket.ai_status.as_deref());
    object.array("discordUsers", &ticket.discord_users, |out, name| {
        json::text(out, name)
    });
    let customer = ticket.customer_id.as_deref();
    object.optional("customer", customer, |out, id, shape| {
        match directory.customers.get(id) {
            Some(known) => write_customer(out, known, directory, shape),
            None => write_customer(out, &Customer::new(id), directory, shape),
        }
    });
    if shape.attributes == Attributes::ByReference {
        object.array("attributes", &ticket.attributes, |out, value| {
            by_reference(out, value, directory, shape);
        });
    } else {
        object.array("attributes", &ticket.attributes, |out, value| {
            by_label(out, value, directory, shape);
        });
    }
    if shape.has_seen_fields {
        seen_fields(&mut object, ticket);
    }
    if shape.has_unknown_fields {
        unknown_fields(&mut object, shape);
    }
    out
}

/// What a ticket is sorted under: its category, its agent and its tags.
fn references(object: &mut Object<'_>, ticket: &Ticket, directory: &Directory, shape: Shape) {
    object.optional(
        "category",
        ticket.category_id.as_deref(),
        |out, id, shape| {
            let found = directory.categories.iter().find(|one| one.id == id);
            reference(out, id, shape, |object| {
                if let Some(category) = found {
                    object.text("name", &category.name);
                    object.boolean("isArchived", category.is_archived);
                }
            });
        },
    );
    object.optional(
        "assignedTo",
        ticket.assigned_agent_id.as_deref(),
        |out, id, shape| {
            let found = directory.agents.iter().find(|one| one.id == id);
            reference(out, id, shape, |object| {
                if let Some(agent) = found {
                    object.optional_text("username", agent.username.as_deref());
                    object.optional_text("email", agent.email.as_deref());
                }
            });
        },
    );
    object.array("tags", &ticket.tag_ids, |out, id| {
        let found = directory.tags.iter().find(|one| &one.id == id);
        reference(out, id, shape, |object| {
            if let Some(tag) = found {
                object.text("name", &tag.name);
            }
        });
    });
}

/// Fields that nobody has documented or seen.
fn unknown_fields(object: &mut Object<'_>, shape: Shape) {
    object.key("sentimentScore").extend_from_slice(b"0.25");
    let mut nested = Object::open(object.key("routing"), shape);
    nested.text("queue", "second-line");
    json::integer(nested.key("hops"), 2);
    nested.close();
}

fn seen_fields(object: &mut Object<'_>, ticket: &Ticket) {
    object.optional_instant("updatedAt", ticket.updated_at);
    object.optional_text("emailSubjectLine", ticket.email_subject_line.as_deref());
    object.optional_instant(
        "firstCustomerMessageCreatedAt",
        ticket.first_message_at("customer"),
    );
    object.optional_instant(
        "firstAgentMessageCreatedAt",
        ticket.first_message_at("agent"),
    );
    let thread = (ticket.origin == "discord").then_some(ticket.id.as_str());
    object.optional_text("discordThreadId", thread);
    object.boolean("isVisible", true);
    object.boolean("disabled", false);
    object.array("mentions", std::iter::empty(), |_, ()| {});
    json::integer(object.key("__v"), 0);
}

/// A reference: its id, or an object with the id and what `fields` adds.
fn reference(out: &mut Vec<u8>, id: &str, shape: Shape, fields: impl FnOnce(&mut Object<'_>)) {
    match shape.references {
        References::Ids => json::text(out, id),
        References::Objects => {
            let mut object = Object::open(out, shape);
            object.id(id);
            fields(&mut object);
            object.close();
        }
    }
}

fn by_reference(out: &mut Vec<u8>, value: &AttributeValue, directory: &Directory, shape: Shape) {
    let found = directory
        .attributes
        .iter()
        .find(|one| one.id == value.attribute_id);
    let mut object = Object::open(out, shape);
    reference(
        object.key("attribute"),
        &value.attribute_id,
        shape,
        |object| {
            if let Some(attribute) = found {
                object.text("name", &attribute.name);
                object.text("type", &attribute.kind);
            }
        },
    );
    object.text("content", &value.content);
    object.close();
}

fn by_label(out: &mut Vec<u8>, value: &AttributeValue, directory: &Directory, shape: Shape) {
    let mut object = Object::open(out, shape);
    object.text("label", label(value, directory));
    object.text("value", &value.content);
    object.close();
}

fn label<'a>(value: &'a AttributeValue, directory: &'a Directory) -> &'a str {
    directory
        .attributes
        .iter()
        .find(|one| one.id == value.attribute_id)
        .map_or(value.attribute_id.as_str(), |one| one.name.as_str())
}

fn write_customer(out: &mut Vec<u8>, customer: &Customer, directory: &Directory, shape: Shape) {
    let mut object = Object::open(out, shape);
    object.id(&customer.id);
    object.optional_text("name", customer.name.as_deref());
    object.optional_text("email", customer.email.as_deref());
    object.optional_text("walletAddress", customer.wallet_address.as_deref());
    object.optional_text("discordAuthorId", customer.discord_author_id.as_deref());
    object.optional_text("telegramAuthorId", customer.telegram_author_id.as_deref());
    object.array("discordRoles", &customer.discord_roles, |out, role| {
        json::text(out, role)
    });
    object.optional_text("avatarURL", customer.avatar_url.as_deref());
    object.optional_instant("createdAt", customer.created_at);
    object.optional_instant("updatedAt", customer.updated_at);
    match shape.attributes {
        Attributes::ByReference => {
            object.array("attributes", &customer.attributes, |out, value| {
                by_reference(out, value, directory, shape);
            });
        }
        Attributes::ByLabel => {
            object.array("customAttributes", &customer.attributes, |out, value| {
                by_label(out, value, directory, shape);
            });
        }
        Attributes::Object => {
            let mut values = Object::open(object.key("customAttributes"), shape);
            for value in &customer.attributes {
                values.text(label(value, directory), &value.content);
            }
            values.close();
        }
    }
    if shape.has_unknown_fields {
        object.text("locale", "eo");
    }
    object.close();
}

fn message(
    out: &mut Vec<u8>,
    message: &Message,
    ticket: &Ticket,
    directory: &Directory,
    shape: Shape,
) {
    let mut object = Object::open(out, shape);
    if let Some(id) = &message.id {
        object.id(id);
    }
    object.optional_text("content", message.content.as_deref());
    object.text("senderType", &message.sender_type);
    object.optional_text("senderName", message.sender_name.as_deref());
    object.text("messageType", &message.message_type);
    object.instant("createdAt", message.created_at);
    let type_key = if shape.has_attachment_type {
        "type"
    } else {
        "fileType"
    };
    object.array("attachments", &message.attachments, |out, attachment| {
        let mut object = Object::open(out, shape);
        object.optional_text("fileName", attachment.file_name.as_deref());
        object.optional_text("url", attachment.url.as_deref());
        object.optional_text(type_key, attachment.file_type.as_deref());
        object.close();
    });
    if shape.has_seen_fields {
        object.optional_instant("updatedAt", message.updated_at);
        object.optional("sender", message.sender_id.as_deref(), |out, id, shape| {
            sender(out, id, directory, shape);
        });
        let kind = message.sender_reference_type(&ticket.origin);
        object.optional_text("senderReferenceType", kind);
        object.boolean("fromCustomer", message.sender_type == "customer");
        object.boolean("isEdited", message.is_edited);
        object.boolean("isDeleted", message.is_deleted);
        object.boolean("isPicture", false);
        object.boolean("isRead", true);
        object.optional_text("repliedTo", message.replied_to.as_deref());
        object.array("reactions", &message.reactions, |out, emoji| {
            json::text(out, emoji)
        });
        object.array("mentions", std::iter::empty(), |_, ()| {});
        object.array("readBy", std::iter::empty(), |_, ()| {});
        object.optional_text("actionLogFrom", message.action_log_from.as_deref());
        object.optional_text("actionLogTo", message.action_log_to.as_deref());
    }
    if shape.has_unknown_fields {
        object.text("detectedLanguage", "eo");
    }
    object.close();
}

fn sender(out: &mut Vec<u8>, id: &str, directory: &Directory, shape: Shape) {
    if shape.sender == Sender::Id {
        json::text(out, id);
        return;
    }
    let agent = directory.agents.iter().find(|one| one.id == id);
    let customer = directory.customers.get(id);
    let mut object = Object::open(out, shape);
    if shape.sender == Sender::Object {
        object.id(id);
    }
    let name = agent.map_or(customer.and_then(|one| one.name.as_deref()), |one| {
        one.username.as_deref()
    });
    let email = agent.map_or(customer.and_then(|one| one.email.as_deref()), |one| {
        one.email.as_deref()
    });
    object.optional_text("name", name);
    object.optional_text("email", email);
    object.close();
}

/// The active categories.
pub(super) fn categories(directory: &Directory, shape: Shape) -> Vec<u8> {
    let mut out = Vec::new();
    let active = directory.categories.iter().filter(|one| !one.is_archived);
    let write = |out: &mut Vec<u8>| {
        json::array(out, active.clone(), |out, category| {
            let mut object = Object::open(out, shape);
            object.id(&category.id);
            object.text("name", &category.name);
            object.boolean("isArchived", false);
            object.close();
        });
    };
    if shape.has_categories_key {
        let mut object = Object::open(&mut out, shape);
        write(object.key("categories"));
        object.close();
    } else {
        write(&mut out);
    }
    out
}

/// The active agents.
pub(super) fn agents(directory: &Directory, shape: Shape) -> Vec<u8> {
    let mut out = Vec::new();
    let mut object = Object::open(&mut out, shape);
    let active = directory.agents.iter().filter(|one| !one.is_archived);
    object.array("agents", active, |out, one: &Agent| {
        let mut object = Object::open(out, shape);
        object.id(&one.id);
        object.optional_text("email", one.email.as_deref());
        object.optional_text("username", one.username.as_deref());
        object.optional_text("walletAddress", one.wallet_address.as_deref());
        object.close();
    });
    object.close();
    out
}

/// `{"error": text}`.
pub(super) fn error(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut object = Object::open(&mut out, Shape::default());
    object.text("error", text);
    object.close();
    out
}

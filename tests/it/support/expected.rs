//! The rows that a store must hold, told from the simulated desk's own fields alone.

use std::collections::BTreeSet;

use chrono::{SecondsFormat, TimeDelta};
use mava_export::simulator::{
    AttributeValue, Attributes, Directory, Message, Reference, References, Sender, Shape, Ticket,
    World,
};
use mava_export::table::Instant;
use serde_json::{Map, Value, json};

use super::rows::{Rows, row};

/// Every table's rows after one backfill of the whole `world`, served in `shape`.
///
/// `extra_json` is that of the default shape.
pub(crate) fn expected(world: &World, shape: Shape) -> Rows {
    Expectation::new(world, shape, true).rows()
}

/// The same without threads.
pub(crate) fn expected_without_messages(world: &World) -> Rows {
    Expectation::new(world, Shape::default(), false).rows()
}

struct Expectation<'w> {
    world: &'w World,
    directory: &'w Directory,
    shape: Shape,
    has_messages: bool,
    rows: Rows,
}

impl<'w> Expectation<'w> {
    fn new(world: &'w World, shape: Shape, has_messages: bool) -> Self {
        Self {
            world,
            directory: world.directory(),
            shape,
            has_messages,
            rows: Rows::default(),
        }
    }

    fn rows(mut self) -> Rows {
        for ticket in self.world.tickets() {
            self.ticket(ticket);
        }
        self.customers();
        self.tags();
        self.categories();
        self.agents();
        self.rows
    }

    fn ticket(&mut self, ticket: &Ticket) {
        let mut columns = json!({
            "id": ticket.id,
            "status": ticket.status,
            "priority": ticket.priority,
            "source_type": ticket.origin,
            "category_id": ticket.category_id,
            "assigned_agent_id": ticket.assigned_agent_id,
            "customer_id": ticket.customer_id,
            "email_subject": self.seen(&ticket.email_subject_line),
            "created_at": instant(ticket.created_at),
            "updated_at": self.seen(&ticket.updated_at.map(instant)),
            "resolved_at": ticket.resolution_time_ms
                .map(|ms| instant(ticket.created_at + TimeDelta::milliseconds(ms))),
            "resolution_time_ms": ticket.resolution_time_ms,
            "csat": ticket.csat,
            "ai_status": ticket.ai_status,
            "extra_json": without_nulls(json!({
                "firstCustomerMessageCreatedAt": first(ticket, "customer").map(instant),
                "firstAgentMessageCreatedAt": first(ticket, "agent").map(instant),
                "discordThreadId": (ticket.origin == "discord").then_some(&ticket.id),
                "isVisible": true,
                "disabled": false,
                "mentions": [],
                "__v": 0,
            })),
        });
        for (name, value) in self.facts(ticket) {
            columns[name] = value;
        }
        self.rows.add("tickets", row(columns));
        if self.has_messages {
            for (position, message) in ticket.messages.iter().enumerate() {
                self.message(ticket, position, message);
            }
        }
        for (position, value) in ticket.attributes.iter().enumerate() {
            let mut columns = self.attribute(value, self.shape.attributes);
            columns["ticket_id"] = json!(ticket.id);
            columns["position"] = json!(position);
            self.rows.add("ticket_attributes", row(columns));
        }
        for tag in &ticket.tag_ids {
            let columns = json!({"ticket_id": ticket.id, "tag_id": tag});
            self.rows.add("ticket_tags", row(columns));
        }
        for (position, name) in ticket.discord_users.iter().enumerate() {
            let columns = json!({"ticket_id": ticket.id, "position": position, "user_name": name});
            self.rows.add("ticket_discord_users", row(columns));
        }
    }

    /// The columns that the thread fills.
    fn facts(&self, ticket: &Ticket) -> Vec<(&'static str, Value)> {
        let is_visible_reply = |message: &&Message| {
            message.sender_type == "agent" && message.message_type == "ExternalMessage"
        };
        let of = |kind: &'static str| {
            move |message: &&Message| -> bool { message.sender_type.as_ref() == kind }
        };
        let is_told_deleted = |message: &Message| self.shape.has_seen_fields && message.is_deleted;
        let messages = || ticket.messages.iter().filter(|one| !is_told_deleted(one));
        let earliest = |found: &mut dyn Iterator<Item = &Message>| {
            found.map(|message| message.created_at).min()
        };
        let reply_at = earliest(
            &mut messages()
                .filter(is_visible_reply)
                .filter(|reply| reply.created_at >= ticket.created_at),
        );
        let mut last: Option<&Message> = None;
        for message in messages() {
            if last.is_none_or(|last| message.created_at >= last.created_at) {
                last = Some(message);
            }
        }
        let facts = [
            ("message_count", json!(messages().count())),
            (
                "customer_message_count",
                json!(messages().filter(of("customer")).count()),
            ),
            (
                "agent_message_count",
                json!(messages().filter(is_visible_reply).count()),
            ),
            (
                "system_message_count",
                json!(messages().filter(of("system")).count()),
            ),
            (
                "private_note_count",
                json!(
                    messages()
                        .filter(|one| one.message_type == "InternalNote")
                        .count()
                ),
            ),
            (
                "first_customer_message_at",
                json!(earliest(&mut messages().filter(of("customer"))).map(instant)),
            ),
            ("first_agent_reply_at", json!(reply_at.map(instant))),
            (
                "first_reply_time_ms",
                json!(reply_at.map(|at| (at - ticket.created_at).num_milliseconds())),
            ),
            (
                "last_message_at",
                json!(last.map(|last| instant(last.created_at))),
            ),
            (
                "last_message_sender_type",
                json!(last.map(|last| last.sender_type.as_ref())),
            ),
        ];
        facts
            .into_iter()
            .map(|(name, value)| {
                let value = if self.has_messages {
                    value
                } else {
                    Value::Null
                };
                (name, value)
            })
            .collect()
    }

    fn message(&mut self, ticket: &Ticket, position: usize, message: &Message) {
        let id = message.id.as_ref().expect("generated messages have ids");
        let is_customer = message.sender_type == "customer";
        let kind = match message.sender_type.as_ref() {
            _ if message.reference == Reference::Absent => None,
            "agent" => Some("ClientMember"),
            "customer" if ticket.origin == "discord" => Some("DiscordUser"),
            "customer" => Some("Customer"),
            _ => None,
        };
        let (sender_id, sender_name) = self.sender(message);
        let columns = json!({
            "id": id,
            "ticket_id": ticket.id,
            "position": position,
            "sender_type": message.sender_type,
            "sender_reference_type": self.seen(&kind),
            "sender_name": sender_name,
            "sender_id": sender_id,
            "message_type": message.message_type,
            "content": message.content,
            "created_at": instant(message.created_at),
            "updated_at": self.seen(&message.updated_at.map(instant)),
            "is_edited": self.seen(&Some(i64::from(message.is_edited))),
            "is_deleted": self.seen(&Some(i64::from(message.is_deleted))),
            "action_log_from": self.seen(&message.action_log_from),
            "action_log_to": self.seen(&message.action_log_to),
            "extra_json": without_nulls(json!({
                "fromCustomer": is_customer,
                "isPicture": false,
                "isRead": true,
                "repliedTo": message.replied_to,
                "reactions": message.reactions,
                "mentions": [],
                "readBy": [],
            })),
        });
        self.rows.add("messages", row(columns));
        for (position, attachment) in message.attachments.iter().enumerate() {
            let columns = json!({
                "ticket_id": ticket.id,
                "message_id": id,
                "position": position,
                "file_name": attachment.file_name,
                "url": attachment.url,
                "file_type": attachment.file_type,
            });
            self.rows.add("message_attachments", row(columns));
        }
    }

    /// The id and the name of a message's sender, as far as the shape carries them.
    fn sender(&self, message: &Message) -> (Option<String>, Option<String>) {
        let Some(id) = message
            .sender_id
            .as_ref()
            .filter(|_| self.shape.has_seen_fields)
        else {
            return (None, message.sender_name.clone());
        };
        let agent = self.directory.agents.iter().find(|one| one.id == *id);
        let known = match agent {
            Some(agent) => agent.username.clone(),
            None => self
                .directory
                .customers
                .get(id)
                .and_then(|one| one.name.clone()),
        };
        let name = |known: Option<String>| message.sender_name.clone().or(known);
        match self.shape.sender {
            Sender::Id => (Some(id.clone()), name(None)),
            Sender::Object => (Some(id.clone()), name(known)),
            Sender::Contact => (None, name(known)),
        }
    }

    /// What a value of a custom attribute gives, without whose and where it is.
    fn attribute(&self, value: &AttributeValue, form: Attributes) -> Value {
        let label = self.label(value);
        let (id, label) = match (form, self.shape.references) {
            (Attributes::ByReference, References::Ids) => (Some(&value.attribute_id), None),
            (Attributes::ByReference, References::Objects) => {
                (Some(&value.attribute_id), Some(label))
            }
            (Attributes::ByLabel | Attributes::Object, _) => (None, Some(label)),
        };
        json!({"attribute_id": id, "label": label, "value": value.content})
    }

    fn label(&self, value: &AttributeValue) -> String {
        let mut definitions = self.directory.attributes.iter();
        let found = definitions.find(|one| one.id == value.attribute_id);
        found.expect("a defined attribute").name.clone()
    }

    fn customers(&mut self) {
        let ids: BTreeSet<&String> = self
            .world
            .tickets()
            .filter_map(|ticket| ticket.customer_id.as_ref())
            .collect();
        for id in ids {
            let customer = self.directory.customers.get(id).expect("a known customer");
            let columns = json!({
                "id": id,
                "name": customer.name,
                "email": customer.email,
                "wallet_address": customer.wallet_address,
                "discord_author_id": customer.discord_author_id,
                "telegram_author_id": customer.telegram_author_id,
                "created_at": customer.created_at.map(instant),
                "updated_at": customer.updated_at.map(instant),
                "extra_json": without_nulls(json!({
                    "discordRoles": customer.discord_roles,
                    "avatarURL": customer.avatar_url,
                })),
            });
            self.rows.add("customers", row(columns));
            let mut values: Vec<&AttributeValue> = customer.attributes.iter().collect();
            if self.shape.attributes == Attributes::Object {
                values.sort_by_key(|value| self.label(value));
            }
            for (position, value) in values.into_iter().enumerate() {
                let mut columns = self.attribute(value, self.shape.attributes);
                columns["customer_id"] = json!(id);
                columns["position"] = json!(position);
                self.rows.add("customer_attributes", row(columns));
            }
        }
    }

    fn has_objects(&self) -> bool {
        self.shape.references == References::Objects
    }

    /// What only the fields that nobody documents carry.
    fn seen<T: Clone>(&self, value: &Option<T>) -> Option<T> {
        value.clone().filter(|_| self.shape.has_seen_fields)
    }

    fn tags(&mut self) {
        let ids: BTreeSet<&String> = self
            .world
            .tickets()
            .flat_map(|ticket| &ticket.tag_ids)
            .collect();
        for id in ids {
            let tag = self.directory.tags.iter().find(|one| one.id == *id);
            let name = tag.filter(|_| self.has_objects()).map(|one| &one.name);
            self.rows.add("tags", row(json!({"id": id, "name": name})));
        }
    }

    /// Those listed, and archived ones as far as tickets show them.
    fn categories(&mut self) {
        let ids: BTreeSet<&String> = self
            .world
            .tickets()
            .filter_map(|ticket| ticket.category_id.as_ref())
            .collect();
        for category in &self.directory.categories {
            let is_known = !category.is_archived || self.has_objects();
            if !category.is_archived || ids.contains(&category.id) {
                let columns = json!({
                    "id": category.id,
                    "name": is_known.then_some(&category.name),
                    "is_archived": i64::from(category.is_archived),
                });
                self.rows.add("categories", row(columns));
            }
        }
    }

    /// Those listed, and archived ones as far as tickets show them.
    fn agents(&mut self) {
        let ids: BTreeSet<&String> = self
            .world
            .tickets()
            .filter_map(|ticket| ticket.assigned_agent_id.as_ref())
            .collect();
        for agent in &self.directory.agents {
            let is_listed = !agent.is_archived;
            let is_known = is_listed || self.has_objects();
            if is_listed || ids.contains(&agent.id) {
                let columns = json!({
                    "id": agent.id,
                    "name": agent.username.as_ref().filter(|_| is_known),
                    "email": agent.email.as_ref().filter(|_| is_known),
                    "wallet_address": agent.wallet_address.as_ref().filter(|_| is_listed),
                });
                self.rows.add("agents", row(columns));
            }
        }
    }
}

fn instant(instant: Instant) -> String {
    instant.to_rfc3339_opts(SecondsFormat::Millis, true)
}

fn first(ticket: &Ticket, sender_type: &str) -> Option<Instant> {
    let mut messages = ticket.messages.iter();
    let found = messages.find(|message| message.sender_type == sender_type);
    found.map(|message| message.created_at)
}

fn without_nulls(object: Value) -> Value {
    match object {
        Value::Object(entries) => {
            let left = entries.into_iter().filter(|(_, value)| !value.is_null());
            Value::Object(left.collect::<Map<_, _>>())
        }
        other => other,
    }
}

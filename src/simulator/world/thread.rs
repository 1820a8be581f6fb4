//! A ticket's thread: customer and agent in turn, notes, and the log of changes.

use chrono::Duration;
use rand::RngExt;

use super::law::exponential;
use super::source::{Source, milliseconds, whole};
use super::text::{self, pick};
use super::ticket::{Attachment, Customer, Message, Ticket};
use crate::table::Instant;

/// How many threads are very long, and how much longer.
const VERY_LONG: (f64, f64) = (0.004, 25.0);

/// Messages of the longest thread.
const MOST_MESSAGES: i64 = 2_000;

/// Who takes part, and the desk's present.
pub(super) struct Cast<'a> {
    pub(super) customer: Option<&'a Customer>,
    pub(super) agent_id: Option<String>,
    pub(super) until: Instant,
}

pub(super) fn thread(
    source: &mut Source,
    ticket: &Ticket,
    cast: &Cast<'_>,
    mean_messages: f64,
) -> Vec<Message> {
    let (share, factor) = VERY_LONG;
    let scale = if source.chance(share) { factor } else { 1.0 };
    // A half more, because the whole part of an exponential number is a half short on average.
    let more =
        (mean_messages - 1.0).max(0.0) * exponential(&mut source.random) * scale * 0.91 + 0.5;
    let length = 1 + whole(more).min(MOST_MESSAGES);
    let end = ticket.resolution_time_ms.map_or(cast.until, |time| {
        ticket.created_at + Duration::milliseconds(time)
    });
    let mut left = (end - ticket.created_at).max(Duration::zero());
    let mut at = ticket.created_at;
    let mut messages: Vec<Message> = Vec::new();
    for number in 0..length {
        if number > 0 {
            // Early messages come close together, and all come before the end.
            let share = source.random.random_range(0.0..0.4);
            let pause = milliseconds(left.as_seconds_f64() * 1_000.0 * share);
            at += pause;
            left -= pause;
        }
        let message = message(source, ticket, cast, at, number, messages.last());
        messages.push(message);
    }
    if ticket.resolution_time_ms.is_some() && source.chance(0.7) {
        messages.push(change(source, end, "Status changed", ("Open", "Resolved")));
    }
    messages
}

/// A note that customers do not see.
pub(super) fn private_note(source: &mut Source, at: Instant, agent_id: Option<String>) -> Message {
    let mut note = Message::new(source.id(at), at, text::message(&mut source.random));
    note.sender_type = "agent".into();
    note.sender_id = agent_id;
    note.message_type = "InternalNote".into();
    note
}

/// What the customer or an agent writes; `number` counts from 0, which is the customer's.
pub(super) fn message(
    source: &mut Source,
    ticket: &Ticket,
    cast: &Cast<'_>,
    at: Instant,
    number: i64,
    previous: Option<&Message>,
) -> Message {
    if number > 0 && source.chance(0.08) {
        return change(source, at, "Priority changed", ("1", "3"));
    }
    let is_agent = number > 0 && source.chance(0.5);
    let mut message = Message::new(source.id(at), at, text::message(&mut source.random));
    if is_agent {
        message.sender_type = "agent".into();
        message.sender_id.clone_from(&cast.agent_id);
        if source.chance(0.1) {
            message.message_type = "InternalNote".into();
        }
    } else {
        message.sender_id = cast.customer.map(|customer| customer.id.clone());
    }
    if ticket.origin == "discord" {
        message.sender_name = if is_agent {
            Some("helper_of_kites".to_owned())
        } else {
            cast.customer
                .and_then(|customer| customer.name.as_ref())
                .map(|name| name.to_lowercase().replace(' ', "_"))
        };
    }
    if source.chance(0.06) {
        message.attachments = attachments(source);
        if source.chance(0.3) {
            message.content = source.chance(0.5).then(String::new);
        }
    }
    if source.chance(0.04) {
        message.is_edited = true;
        message.updated_at = Some((at + Duration::seconds(90)).min(cast.until));
    }
    message.is_deleted = source.chance(0.01);
    if source.chance(0.05) {
        message.replied_to = previous.and_then(|previous| previous.id.clone());
    }
    if source.chance(0.04) {
        let emoji = pick(&mut source.random, &["👍", "❤️", "🪁"]);
        message.reactions.push(emoji.to_owned());
    }
    message
}

/// One to three files.
pub(super) fn attachments(source: &mut Source) -> Vec<Attachment> {
    let count = source.random.random_range(1..=3);
    (0..count)
        .map(|_| {
            let (name, media_type) = text::file(&mut source.random);
            let number: u32 = source.random.random();
            Attachment {
                file_name: Some(name.to_owned()),
                url: Some(format!("https://files.test/{number:08x}/{name}")),
                file_type: (!source.chance(0.1)).then(|| media_type.to_owned()),
            }
        })
        .collect()
}

/// A line of the audit log.
pub(super) fn change(
    source: &mut Source,
    at: Instant,
    what: &str,
    values: (&str, &str),
) -> Message {
    let mut message = Message::new(source.id(at), at, what);
    message.sender_type = "system".into();
    message.message_type = what.replace(" changed", "Changed").into();
    message.action_log_from = Some(values.0.to_owned());
    message.action_log_to = Some(values.1.to_owned());
    message
}

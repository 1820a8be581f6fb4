//! Changes that the audit log of a thread tells.

use std::borrow::Cow;

use super::change::{Actor, Change, Source};
use super::input::Message;
use super::thread::{AGENT, CUSTOMER, MEMBER, Rule, SYSTEM, Thread};
use super::words;

/// All changes of a thread's audit entries, in order.
pub(super) fn changes<'a>(thread: &Thread<'a>) -> Vec<Change<'a>> {
    let entries = thread.entries.iter();
    entries
        .filter_map(|(at, message)| {
            let values = [message.action_log_from, message.action_log_to];
            let kind = words::kind(message.message_type?, values)?;
            let [from, to] = values.map(|value| words::value(kind, value));
            (from != to).then(|| Change {
                kind,
                from: from.map(Cow::Borrowed),
                to: to.map(Cow::Borrowed),
                at: *at,
                not_before: None,
                source: Source::Audit {
                    position: message.position,
                    actor: actor(message, thread),
                    actor_id: message.sender_id,
                },
            })
        })
        .collect()
}

fn actor(message: &Message<'_>, thread: &Thread<'_>) -> Option<Actor> {
    match (message.sender_reference_type, message.sender_type) {
        (Some(MEMBER), _) => Some(Actor::Agent),
        (Some("Customer" | "DiscordUser"), _) | (_, Some(CUSTOMER)) => Some(Actor::Customer),
        // Mava writes it down, and somebody did it.
        (_, Some(SYSTEM)) => Some(match message.sender_id {
            None => Actor::System,
            Some(id) if thread.is_customer(id) => Actor::Customer,
            Some(_) => Actor::Agent,
        }),
        (_, Some(AGENT)) if thread.rule == Some(Rule::SenderType) => Some(Actor::Agent),
        (_, Some(AGENT)) => Some(Actor::Ai),
        _ => None,
    }
}

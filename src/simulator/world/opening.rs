//! A ticket as it is opened: who writes, where, and how it is filed.

use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

use super::Directory;
use super::law::exponential;
use super::source::{Source, whole};
use super::text::{self, pick};
use super::ticket::{Agent, Attribute, AttributeValue, Category, Customer, Tag, Ticket, Word};
use crate::table::Instant;

/// How many customers write for the first time.
const NEW_CUSTOMERS: f64 = 0.4;

/// How long ago a customer who comes back wrote last, on average.
const RETURN_DAYS: f64 = 30.0;

/// How many tickets have a category, so that each of the twelve has eight percent.
const CATEGORISED: f64 = 0.96;

/// Origins and their shares in percent.
const ORIGINS: [(&str, u32); 5] = [
    ("web", 34),
    ("discord", 30),
    ("telegram", 12),
    ("telegram-group", 8),
    ("email", 16),
];

const CATEGORIES: [&str; 12] = [
    "Account access",
    "Billing",
    "Bug report",
    "Feature request",
    "Payouts",
    "Lantern badges",
    "Partnerships",
    "Paper kites",
    "Privacy",
    "Mobile app",
    "Old: Summer fair",
    "Old: Beta island",
];
/// Tags, and the share of tickets that carry each; the last two are rare, for campaigns.
const TAGS: [(&str, f64); 12] = [
    ("vip", 0.06),
    ("refund", 0.06),
    ("duplicate", 0.06),
    ("needs-info", 0.06),
    ("escalated", 0.06),
    ("first-contact", 0.06),
    ("übersetzt", 0.06),
    ("bulk 🪁", 0.06),
    ("known-issue", 0.06),
    ("follow-up", 0.06),
    ("lantern-recall", 0.002),
    ("kite-week", 0.002),
];
const ATTRIBUTES: [(&str, &str); 8] = [
    ("Plan", "text"),
    ("Order number", "text"),
    ("App version", "text"),
    ("Region", "text"),
    ("Balance", "number"),
    ("Is partner", "boolean"),
    ("Notes \"internal\"", "text"),
    ("Lieblingsfarbe", "text"),
];

/// Agents, categories, tags and attribute definitions; no customers yet.
pub(super) fn directory(source: &mut Source, from: Instant) -> Directory {
    let mut directory = Directory::default();
    for number in 0..9 {
        let (name, email) = text::person(&mut source.random);
        directory.agents.push(Agent {
            id: source.id(from),
            username: (number != 7).then_some(name),
            email: (number != 6).then_some(email),
            wallet_address: (number == 7).then(|| "0xsimulated00000007".to_owned()),
            is_archived: number == 8,
        });
    }
    for name in CATEGORIES {
        directory.categories.push(Category {
            is_archived: name.starts_with("Old: "),
            ..Category::new(source.id(from), name)
        });
    }
    for (name, _) in TAGS {
        directory.tags.push(Tag::new(source.id(from), name));
    }
    for (name, kind) in ATTRIBUTES {
        directory.attributes.push(Attribute {
            id: source.id(from),
            name: name.to_owned(),
            kind: kind.into(),
        });
    }
    directory
}

/// How many tickets before this one its writer wrote last, counted from 1; `None` for somebody
/// new. `rate` is the desk's, in tickets a day.
pub(super) fn returning(source: &mut Source, rate: f64) -> Option<usize> {
    if source.chance(NEW_CUSTOMERS) {
        return None;
    }
    let back = whole(RETURN_DAYS * rate * exponential(&mut source.random));
    Some(usize::try_from(back).unwrap_or(0).saturating_add(1))
}

/// An open ticket. `earlier` is one by the same writer; a new writer enters the directory.
pub(super) fn opened(
    source: &mut Source,
    directory: &mut Directory,
    earlier: Option<&Ticket>,
    created_at: Instant,
    has_attributes: bool,
) -> Ticket {
    let origin = earlier.map_or_else(
        || {
            ORIGINS
                .choose_weighted(&mut source.random, |(_, share)| *share)
                .map_or("web", |(origin, _)| *origin)
                .into()
        },
        |earlier| earlier.origin.clone(),
    );
    let mut ticket = Ticket::new(source.id(created_at), created_at);
    ticket.origin = origin;
    ticket.priority = priority(&mut source.random);
    if ticket.origin != "telegram-group" {
        let known = earlier.and_then(|earlier| earlier.customer_id.clone());
        ticket.customer_id = Some(known.unwrap_or_else(|| {
            let attributes = if has_attributes {
                directory.attributes.as_slice()
            } else {
                &[]
            };
            let made = customer(source, attributes, &ticket.origin, created_at);
            let id = made.id.clone();
            directory.customers.insert(id.clone(), made);
            id
        }));
        ticket.ai_status = ai_status(&mut source.random);
    }
    if source.chance(CATEGORISED) {
        let category = directory.categories.choose(&mut source.random);
        ticket.category_id = category.map(|one| one.id.clone());
    }
    if source.chance(0.85) {
        let agent = directory.agents.choose(&mut source.random);
        ticket.assigned_agent_id = agent.map(|one| one.id.clone());
    }
    for (tag, (_, share)) in directory.tags.iter().zip(TAGS) {
        if source.chance(share) {
            ticket.tag_ids.push(tag.id.clone());
        }
    }
    if has_attributes {
        ticket.attributes = values(source, &directory.attributes, 0.12);
    }
    if ticket.origin == "email" {
        ticket.email_subject_line = Some(text::subject(&mut source.random));
    }
    ticket
}

/// A rating: mostly a good one.
pub(super) fn rating(random: &mut StdRng) -> Option<i64> {
    [5, 5, 5, 5, 4, 4, 3, 2, 1].choose(random).copied()
}

pub(super) fn priority(random: &mut StdRng) -> Option<i64> {
    let priorities = [
        Some(1),
        Some(2),
        Some(2),
        Some(2),
        Some(3),
        Some(3),
        Some(4),
        None,
    ];
    priorities.choose(random).copied().flatten()
}

fn ai_status(random: &mut StdRng) -> Option<Word> {
    let words = [Some("Solved"), Some("HandedOver"), Some("Disabled"), None];
    words.choose(random).copied().flatten().map(Word::from)
}

/// Somebody who writes for the first time.
fn customer(
    source: &mut Source,
    attributes: &[Attribute],
    origin: &str,
    created_at: Instant,
) -> Customer {
    let (name, email) = text::person(&mut source.random);
    let id = source.id(created_at);
    let number: u64 = source.random.random_range(1_000_000..9_999_999_999);
    let is_on = |channel: &str| origin == channel;
    Customer {
        name: (!source.chance(0.1)).then_some(name),
        email: (is_on("email") || is_on("web") && source.chance(0.7)).then_some(email),
        wallet_address: source
            .chance(0.2)
            .then(|| format!("0xsimulated{number:010}")),
        discord_author_id: is_on("discord").then(|| format!("90{number:016}")),
        telegram_author_id: is_on("telegram").then(|| number.to_string()),
        discord_roles: if is_on("discord") && source.chance(0.4) {
            vec!["Kite flyer".to_owned(), "Member".to_owned()]
        } else {
            Vec::new()
        },
        avatar_url: source
            .chance(0.3)
            .then(|| format!("https://pictures.test/{number}.png")),
        created_at: Some(created_at),
        updated_at: Some(created_at),
        attributes: values(source, attributes, 0.2),
        id,
    }
}

fn values(source: &mut Source, attributes: &[Attribute], share: f64) -> Vec<AttributeValue> {
    let mut values = Vec::new();
    for attribute in attributes {
        if source.chance(share) {
            values.push(value(source, attribute));
        }
    }
    values
}

/// A value of this attribute.
pub(super) fn value(source: &mut Source, attribute: &Attribute) -> AttributeValue {
    let content = match attribute.kind.as_ref() {
        "number" => source.random.random_range(0..100_000).to_string(),
        "boolean" => source.chance(0.5).to_string(),
        _ => pick(
            &mut source.random,
            &[
                "gold",
                "north-7",
                "v2.14.0",
                "",
                "grün",
                "paid \"late\"",
                "🪁",
                "A-0042",
            ],
        )
        .to_owned(),
    };
    AttributeValue {
        attribute_id: attribute.id.clone(),
        content,
    }
}

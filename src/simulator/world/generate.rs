//! A desk from a seed: when tickets come, who writes them, and what becomes of them.

use chrono::{DateTime, Datelike, Duration, Timelike};
use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

use super::source::Source;
use super::text::{self, pick};
use super::thread::{Cast, thread};
use super::ticket::{
    Agent, Attribute, AttributeValue, Category, Customer, Message, Tag, Ticket, Word,
};
use super::{Directory, World};
use crate::table::Instant;

/// How busy each weekday is, Monday first.
const WEEKDAYS: [f64; 7] = [1.2, 1.15, 1.1, 1.05, 1.0, 0.7, 0.65];

/// How busy each hour is, in UTC.
const HOURS: [f64; 24] = [
    0.5, 0.4, 0.35, 0.3, 0.35, 0.45, 0.6, 0.9, 1.3, 1.5, 1.6, 1.5, 1.4, 1.5, 1.6, 1.6, 1.5, 1.4,
    1.2, 1.1, 1.0, 0.9, 0.8, 0.6,
];

/// The product of the greatest weekday and hour.
const BUSIEST: f64 = 1.2 * 1.6;

/// How often a ticket shares its creation with the one before.
const SAME_INSTANT: f64 = 0.002;

/// How many customers write for the first time.
const NEW_CUSTOMERS: f64 = 0.4;

/// What is generated. The same values give the same desk.
#[derive(Debug, Clone, PartialEq)]
pub struct WorldSpec {
    /// Seed.
    pub seed: u64,
    /// How many tickets.
    pub tickets: usize,
    /// First instant a ticket can be created at.
    pub from: Instant,
    /// The desk's present: nothing on it is newer.
    pub until: Instant,
    /// Messages per ticket, on average.
    pub mean_messages: f64,
}

impl Default for WorldSpec {
    /// A thousand tickets over the first half of 2024.
    fn default() -> Self {
        Self {
            seed: 1,
            tickets: 1_000,
            from: DateTime::from_timestamp_secs(1_704_067_200).unwrap_or_default(),
            until: DateTime::from_timestamp_secs(1_719_792_000).unwrap_or_default(),
            mean_messages: 5.0,
        }
    }
}

impl World {
    /// The desk that a seed gives.
    pub fn generate(spec: &WorldSpec) -> Self {
        let mut source = Source::new(spec.seed);
        let mut directory = directory(&mut source, spec.from);
        let creations = creations(&mut source.random, spec);
        let mut tickets = Vec::with_capacity(creations.len());
        let mut people: Vec<Vec<String>> = vec![Vec::new(); ORIGINS.len()];
        for created_at in creations {
            tickets.push(ticket(
                &mut source,
                &mut directory,
                &mut people,
                created_at,
                spec,
            ));
        }
        World::new(directory, tickets)
    }
}

/// Origins and their shares in percent.
const ORIGINS: [(&str, u32); 5] = [
    ("web", 34),
    ("discord", 30),
    ("telegram", 12),
    ("telegram-group", 8),
    ("email", 16),
];

/// When tickets are created: by weekday and hour, in order, with some in the same millisecond.
fn creations(random: &mut StdRng, spec: &WorldSpec) -> Vec<Instant> {
    let (from, until) = (spec.from.timestamp_millis(), spec.until.timestamp_millis());
    if from >= until {
        return Vec::new();
    }
    let mut creations = Vec::with_capacity(spec.tickets);
    while creations.len() < spec.tickets {
        let at = random.random_range(from..until);
        let Some(at) = DateTime::from_timestamp_millis(at) else {
            break;
        };
        let day = usize::try_from(at.weekday().num_days_from_monday()).unwrap_or(0);
        let hour = usize::try_from(at.hour()).unwrap_or(0);
        let weight = WEEKDAYS.get(day).unwrap_or(&1.0) * HOURS.get(hour).unwrap_or(&1.0);
        if random.random_bool((weight / BUSIEST).min(1.0)) {
            creations.push(at);
        }
    }
    creations.sort_unstable();
    let mut previous = None;
    for at in &mut creations {
        if let Some(previous) = previous
            && random.random_bool(SAME_INSTANT)
        {
            *at = previous;
        }
        previous = Some(*at);
    }
    creations
}

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
const TAGS: [&str; 10] = [
    "vip",
    "refund",
    "duplicate",
    "needs-info",
    "escalated",
    "first-contact",
    "übersetzt",
    "bulk 🪁",
    "known-issue",
    "follow-up",
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
fn directory(source: &mut Source, from: Instant) -> Directory {
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
    for name in TAGS {
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

fn ticket(
    source: &mut Source,
    directory: &mut Directory,
    people: &mut [Vec<String>],
    created_at: Instant,
    spec: &WorldSpec,
) -> Ticket {
    let origin = ORIGINS
        .choose_weighted(&mut source.random, |(_, share)| *share)
        .map_or("web", |(origin, _)| *origin);
    let has_customer = origin != "telegram-group";
    let mut ticket = Ticket::new(source.id(created_at), created_at);
    ticket.origin = origin.into();
    ticket.priority = priority(&mut source.random);
    if has_customer {
        ticket.customer_id = Some(customer(source, directory, people, origin, created_at));
        ticket.ai_status = ai_status(&mut source.random);
    }
    if source.chance(0.8) {
        let category = directory.categories.choose(&mut source.random);
        ticket.category_id = category.map(|one| one.id.clone());
    }
    if source.chance(0.85) {
        let agent = directory.agents.choose(&mut source.random);
        ticket.assigned_agent_id = agent.map(|one| one.id.clone());
    }
    for tag in &directory.tags {
        if source.chance(0.06) {
            ticket.tag_ids.push(tag.id.clone());
        }
    }
    ticket.attributes = values(source, &directory.attributes, 0.12);
    if origin == "email" {
        ticket.email_subject_line = Some(text::subject(&mut source.random));
    }
    fate(source, &mut ticket, spec.until);
    if has_customer && ticket.resolution_time_ms.is_some() && source.chance(0.35) {
        let rating = [5, 5, 5, 5, 4, 4, 3, 2, 1].choose(&mut source.random);
        ticket.csat = rating.copied();
    }
    let customer = ticket
        .customer_id
        .as_ref()
        .and_then(|id| directory.customers.get(id));
    let cast = Cast {
        customer,
        agent_id: ticket.assigned_agent_id.clone(),
        until: spec.until,
    };
    ticket.messages = thread(source, &ticket, &cast, spec.mean_messages);
    if origin == "discord" {
        ticket.discord_users = discord_users(&ticket.messages);
    }
    ticket.updated_at = ticket
        .messages
        .iter()
        .map(|message| message.created_at)
        .chain(ticket.updated_at)
        .max();
    ticket
}

fn priority(random: &mut StdRng) -> Option<i64> {
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

/// Whether and when it was resolved, seen from the present.
fn fate(source: &mut Source, ticket: &mut Ticket, until: Instant) {
    let time = if source.chance(0.92) {
        source
            .lognormal(Duration::hours(6), 1.8)
            .min(Duration::days(60))
    } else {
        Duration::days(30) + source.lognormal(Duration::days(60), 0.9)
    };
    let resolved_at = ticket.created_at + time;
    if resolved_at < until {
        ticket.status = "Resolved".into();
        ticket.resolution_time_ms = Some(time.num_milliseconds());
        ticket.updated_at = Some(resolved_at);
    } else {
        let open = ["Open", "Open", "Pending", "Pending", "Waiting"];
        ticket.status = pick(&mut source.random, &open).to_owned().into();
    }
}

/// Who writes: mostly somebody who wrote before on the same channel.
fn customer(
    source: &mut Source,
    directory: &mut Directory,
    people: &mut [Vec<String>],
    origin: &str,
    created_at: Instant,
) -> String {
    let channel = ORIGINS
        .iter()
        .position(|(name, _)| *name == origin)
        .and_then(|place| people.get_mut(place));
    let is_new = source.chance(NEW_CUSTOMERS);
    let known = channel
        .as_ref()
        .and_then(|known| known.choose(&mut source.random));
    if let Some(id) = known
        && !is_new
    {
        return id.clone();
    }
    let (name, email) = text::person(&mut source.random);
    let id = source.id(created_at);
    let number: u64 = source.random.random_range(1_000_000..9_999_999_999);
    let is_on = |channel: &str| origin == channel;
    let made = Customer {
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
        attributes: values(source, &directory.attributes, 0.2),
        id: id.clone(),
    };
    directory.customers.insert(id.clone(), made);
    if let Some(channel) = channel {
        channel.push(id.clone());
    }
    id
}

fn values(source: &mut Source, attributes: &[Attribute], share: f64) -> Vec<AttributeValue> {
    let mut values = Vec::new();
    for attribute in attributes {
        if !source.chance(share) {
            continue;
        }
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
        values.push(AttributeValue {
            attribute_id: attribute.id.clone(),
            content,
        });
    }
    values
}

/// The Discord names in a thread, each once, in order of appearance.
fn discord_users(messages: &[Message]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for name in messages
        .iter()
        .filter_map(|message| message.sender_name.as_ref())
    {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet, HashSet};

    use super::*;

    fn world(seed: u64) -> World {
        World::generate(&WorldSpec {
            seed,
            ..WorldSpec::default()
        })
    }

    #[test]
    fn the_same_seed_gives_the_same_desk_and_another_seed_another() {
        let (first, again, other) = (world(1), world(1), world(2));
        assert_eq!(first.directory(), again.directory());
        assert!(first.tickets().eq(again.tickets()));
        assert!(!first.tickets().eq(other.tickets()));
    }

    #[test]
    fn a_seed_gives_the_same_desk_in_every_process() {
        let world = world(1);
        let ticket = world.tickets().next().expect("a thousand");
        insta::assert_snapshot!(
            format!("{} {} {} {}", ticket.id, ticket.origin, ticket.status, ticket.messages.len()),
            @"6592a11b52da540000000028 web Resolved 13"
        );
    }

    #[test]
    fn tickets_fill_the_range_in_order_with_distinct_ids_and_a_few_ties() {
        let spec = WorldSpec {
            tickets: 3_000,
            mean_messages: 1.0,
            ..WorldSpec::default()
        };
        let world = World::generate(&spec);
        assert_eq!(world.len(), 3_000);
        let ids: HashSet<&str> = world.tickets().map(|ticket| ticket.id.as_str()).collect();
        assert_eq!(ids.len(), 3_000);
        assert!(ids.iter().all(|id| id.len() == 24));
        let created: Vec<_> = world.tickets().map(|ticket| ticket.created_at).collect();
        assert!(created.is_sorted());
        assert!(
            created
                .iter()
                .all(|at| spec.from <= *at && *at < spec.until)
        );
        let ties = created.windows(2).filter(|pair| pair[0] == pair[1]).count();
        assert!((1..20).contains(&ties), "{ties}");
        let on = |day: u32| {
            let falls = |at: &&Instant| at.weekday().num_days_from_monday() == day;
            created.iter().filter(falls).count()
        };
        assert!(
            on(0) > on(4) && on(4) > on(6),
            "{} {} {}",
            on(0),
            on(4),
            on(6)
        );
    }

    #[test]
    fn no_range_gives_no_tickets() {
        let spec = WorldSpec::default();
        let world = World::generate(&WorldSpec {
            until: spec.from,
            ..spec
        });
        assert!(world.is_empty());
    }

    #[test]
    fn every_kind_of_ticket_occurs_and_is_consistent() {
        let world = world(3);
        let spec = WorldSpec::default();
        let mut kinds: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        let mut note = |kind, value: String| kinds.entry(kind).or_default().insert(value);
        for ticket in world.tickets() {
            note("status", ticket.status.to_string());
            note("origin", ticket.origin.to_string());
            note("priority", format!("{:?}", ticket.priority));
            note("csat", format!("{:?}", ticket.csat));
            let is_group = ticket.origin == "telegram-group";
            assert_eq!(ticket.customer_id.is_none(), is_group);
            assert!(!is_group || ticket.csat.is_none() && ticket.ai_status.is_none());
            assert_eq!(
                ticket.status == "Resolved",
                ticket.resolution_time_ms.is_some()
            );
            assert_eq!(
                ticket.email_subject_line.is_some(),
                ticket.origin == "email"
            );
            assert!(ticket.discord_users.is_empty() || ticket.origin == "discord");
            if let Some(id) = &ticket.customer_id {
                let customer = world.directory().customers.get(id).expect("known");
                assert!(customer.created_at <= Some(ticket.created_at));
            }
            let mut edge = ticket.created_at;
            for message in &ticket.messages {
                note("sender", message.sender_type.to_string());
                note("message", message.message_type.to_string());
                note("attached", (!message.attachments.is_empty()).to_string());
                assert!(edge <= message.created_at && message.created_at <= spec.until);
                edge = message.created_at;
            }
        }
        let shown: Vec<String> = kinds
            .iter()
            .map(|(kind, values)| format!("{kind}: {values:?}"))
            .collect();
        insta::assert_snapshot!(shown.join("\n"), @r#"
        attached: {"false", "true"}
        csat: {"None", "Some(1)", "Some(2)", "Some(3)", "Some(4)", "Some(5)"}
        message: {"ExternalMessage", "InternalNote", "PriorityChanged", "StatusChanged"}
        origin: {"discord", "email", "telegram", "telegram-group", "web"}
        priority: {"None", "Some(1)", "Some(2)", "Some(3)", "Some(4)"}
        sender: {"agent", "customer", "system"}
        status: {"Open", "Pending", "Resolved", "Waiting"}
        "#);
    }

    #[test]
    fn threads_are_mostly_short_with_a_few_very_long_ones() {
        let world = World::generate(&WorldSpec {
            tickets: 2_000,
            ..WorldSpec::default()
        });
        let mut lengths: Vec<usize> = world.tickets().map(|one| one.messages.len()).collect();
        lengths.sort_unstable();
        let sum: usize = lengths.iter().sum();
        assert!((8_500..13_000).contains(&sum), "{sum}");
        assert!(lengths[1_000] <= 5, "{}", lengths[1_000]);
        assert!(lengths[1_999] >= 60, "{}", lengths[1_999]);
    }

    #[test]
    fn customers_come_back_and_archived_categories_stay_on_tickets() {
        let world = world(1);
        let mut visits: BTreeMap<&str, usize> = BTreeMap::new();
        for id in world
            .tickets()
            .filter_map(|ticket| ticket.customer_id.as_deref())
        {
            *visits.entry(id).or_default() += 1;
        }
        assert_eq!(visits.len(), world.directory().customers.len());
        assert!(visits.values().any(|count| *count > 5));
        let archived = world
            .directory()
            .categories
            .iter()
            .filter(|one| one.is_archived);
        for category in archived {
            let id = Some(category.id.as_str());
            assert!(
                world
                    .tickets()
                    .any(|ticket| ticket.category_id.as_deref() == id)
            );
        }
    }
}

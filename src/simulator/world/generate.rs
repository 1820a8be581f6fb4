//! A desk from a seed: when tickets come, who writes them, and what becomes of them.

use chrono::{DateTime, Datelike, Duration, Timelike};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};

use super::text::{self, pick};
use super::thread::{Cast, thread};
use super::ticket::{
    Agent, Attribute, AttributeValue, Category, Customer, Message, Tag, Ticket, Word, object_id,
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

/// Randomness and fresh ids.
pub(super) struct Source {
    pub(super) random: StdRng,
    ids: u64,
}

impl Source {
    fn new(seed: u64) -> Self {
        Self {
            random: StdRng::seed_from_u64(seed),
            ids: 0,
        }
    }

    pub(super) fn id(&mut self, created_at: Instant) -> String {
        self.ids += 1;
        let machine: u64 = self.random.random_range(0..1 << 24);
        object_id(created_at, (machine << 40) | self.ids)
    }

    pub(super) fn chance(&mut self, probability: f64) -> bool {
        self.random.random_bool(probability)
    }

    /// An exponentially distributed number with mean 1.
    pub(super) fn exponential(&mut self) -> f64 {
        -(1.0 - self.random.random::<f64>()).ln()
    }

    /// A normally distributed number with mean 0 and deviation 1.
    fn normal(&mut self) -> f64 {
        let angle = std::f64::consts::TAU * self.random.random::<f64>();
        (2.0 * self.exponential()).sqrt() * angle.cos()
    }

    /// A log-normally distributed duration.
    fn lognormal(&mut self, median: Duration, sigma: f64) -> Duration {
        let factor = (sigma * self.normal()).exp();
        milliseconds(median.as_seconds_f64() * factor * 1_000.0)
    }
}

/// A duration of so many milliseconds, of ten years at most.
pub(super) fn milliseconds(value: f64) -> Duration {
    const TEN_YEARS_MS: f64 = 315_360_000_000.0;
    Duration::milliseconds(whole(value.clamp(0.0, TEN_YEARS_MS)))
}

/// The whole part.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the fraction is meant to go, and a float beyond the range saturates"
)]
pub(super) fn whole(value: f64) -> i64 {
    value as i64
}

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

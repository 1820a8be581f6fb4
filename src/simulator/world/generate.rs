//! A desk from a seed: when tickets come, who writes them, and what has become of them.

use chrono::{DateTime, Duration};
use rand::RngExt;
use rand::rngs::StdRng;

use super::source::Source;
use super::text::pick;
use super::thread::{Cast, private_note, thread};
use super::ticket::{Message, Ticket};
use super::{Directory, World, law, opening, season};
use crate::table::Instant;

/// How often a ticket shares its creation with the one before.
const SAME_INSTANT: f64 = 0.002;

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
    /// Messages per ticket, on average; 0 leaves out messages and custom attributes, so that
    /// millions of tickets fit into memory.
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

impl WorldSpec {
    /// Tickets a day.
    pub(super) fn rate(&self) -> f64 {
        let tickets = f64::from(u32::try_from(self.tickets).unwrap_or(u32::MAX));
        tickets / law::days(self.from, self.until).max(1.0)
    }

    fn is_lean(&self) -> bool {
        self.mean_messages <= 0.0
    }
}

impl World {
    /// The desk that a seed gives.
    pub fn generate(spec: &WorldSpec) -> Self {
        let mut source = Source::new(spec.seed);
        let mut directory = opening::directory(&mut source, spec.from);
        let creations = creations(&mut source.random, spec);
        let rate = spec.rate();
        let mut tickets: Vec<Ticket> = Vec::with_capacity(creations.len());
        for created_at in creations {
            let back = opening::returning(&mut source, rate);
            let earlier = back
                .and_then(|back| tickets.len().checked_sub(back))
                .and_then(|place| tickets.get(place));
            let mut ticket = opening::opened(
                &mut source,
                &mut directory,
                earlier,
                created_at,
                !spec.is_lean(),
            );
            live(&mut source, &directory, &mut ticket, spec);
            tickets.push(ticket);
        }
        World::new(directory, tickets)
    }
}

/// When tickets are created: by weekday and hour, in order, with some in the same millisecond.
pub(super) fn creations(random: &mut StdRng, spec: &WorldSpec) -> Vec<Instant> {
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
        if random.random_bool(season::busyness(at)) {
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

/// Lets a ticket live until the present.
fn live(source: &mut Source, directory: &Directory, ticket: &mut Ticket, spec: &WorldSpec) {
    let until = spec.until;
    fate(source, ticket, until);
    let mut noted_at = None;
    if let Some(resolved_at) = ticket.resolved_at() {
        noted_at = law::NOTE.draw(&mut source.random, resolved_at, resolved_at, until);
    }
    let mut rated_at = None;
    if ticket.origin != "telegram-group"
        && let Some(first) = ticket.first_resolution_time_ms
    {
        let resolved_at = ticket.created_at + Duration::milliseconds(first);
        rated_at = law::RATING.draw(&mut source.random, resolved_at, resolved_at, until);
    }
    if rated_at.is_some() {
        ticket.csat = opening::rating(&mut source.random);
    }
    if !spec.is_lean() {
        let customer = ticket
            .customer_id
            .as_ref()
            .and_then(|id| directory.customers.get(id));
        let cast = Cast {
            customer,
            agent_id: ticket.assigned_agent_id.clone(),
            until,
        };
        ticket.messages = thread(source, ticket, &cast, spec.mean_messages);
        if let Some(at) = noted_at {
            let note = private_note(source, at, ticket.assigned_agent_id.clone());
            ticket.messages.push(note);
        }
        if ticket.origin == "discord" {
            ticket.discord_users = discord_users(&ticket.messages);
        }
    }
    ticket.updated_at = ticket
        .messages
        .iter()
        .map(|message| message.created_at)
        .chain(ticket.updated_at)
        .chain(noted_at)
        .chain(rated_at)
        .max();
}

/// Whether and when it was resolved, reopened and resolved again, seen from the present.
fn fate(source: &mut Source, ticket: &mut Ticket, until: Instant) {
    let created_at = ticket.created_at;
    let open = ["Open", "Open", "Pending", "Pending", "Waiting"];
    let mut end = law::first_resolution(&mut source.random, created_at, created_at);
    loop {
        ticket.status = pick(&mut source.random, &open).to_owned().into();
        if end.at >= until {
            return;
        }
        ticket.resolve(end.at);
        let reopening = law::REOPENING.draw(&mut source.random, end.at, end.at, until);
        let Some(reopened_at) = reopening else {
            return;
        };
        ticket.reopen(reopened_at);
        end = law::next_resolution(&mut source.random, reopened_at, reopened_at);
    }
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

    use chrono::Datelike;

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
            @"6592a11bd7909f000000002a email Resolved 5"
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
        let pairs = [(0, 1), (3, 4), (5, 6)].map(|(one, other)| on(one) + on(other));
        assert!(pairs.is_sorted_by(|busy, idle| busy > idle), "{pairs:?}");
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

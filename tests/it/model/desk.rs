//! The desk of a case, and one thing that happens to it.

use std::borrow::Cow;

use chrono::TimeDelta;
use mava_export::simulator::{Directory, Message, Ticket, World, WorldSpec, object_id};
use mava_export::table::Instant;
use mava_export::window;
use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

use super::case::{Case, Command};
use super::chronicle::Chronicle;

/// First instant a ticket can be created at.
pub(crate) fn from() -> Instant {
    window::parse("2022-03-01").expect("a date")
}

/// When the desk's history as it is generated ends.
pub(crate) fn until(case: &Case) -> Instant {
    from() + TimeDelta::days(case.desk.days)
}

/// The desk before anything happens.
pub(crate) fn world(case: &Case) -> World {
    let random = &mut case.random(0);
    let spec = &case.desk;
    let mut world = World::generate(&WorldSpec {
        seed: case.seed,
        tickets: spec.tickets,
        from: from(),
        until: until(case),
        mean_messages: 1.5,
    });
    for (number, size) in spec.bursts.iter().enumerate() {
        let at = between(random, from(), until(case));
        for index in 0..*size {
            let id = format!("b{number}-{index:03}-{:08x}", random.random::<u32>());
            let mut ticket = Ticket::new(id.clone(), at);
            ticket.origin = word(random, &["web", "discord", "email"]);
            ticket.messages = vec![Message::new(format!("{id}-m"), at, "hello")];
            match word(random, &["Open", "Resolved", "Pending", "Spam"]) {
                Cow::Borrowed("Resolved") => ticket.resolve(at.min(until(case))),
                status => ticket.status = status,
            }
            world.insert(ticket);
        }
    }
    if !spec.has_directory {
        *world.directory_mut() = Directory::default();
    }
    world
}

fn between(random: &mut StdRng, from: Instant, until: Instant) -> Instant {
    let ms = random.random_range(from.timestamp_millis()..until.timestamp_millis());
    Instant::from_timestamp_millis(ms).expect("in range")
}

fn word(random: &mut StdRng, words: &[&'static str]) -> Cow<'static, str> {
    words[random.random_range(0..words.len())].into()
}

/// One thing happens to the desk at this instant.
pub(crate) fn change(case: &Case, random: &mut StdRng, chronicle: &mut Chronicle, at: Instant) {
    let world = chronicle.now();
    let victim = victim(case, random, world);
    if case.changes.has_bulk && random.random_bool(0.05) {
        return bulk(case, random, chronicle, at);
    }
    match (random.random_range(0..6), victim) {
        (0, Some(id)) => chronicle.change(at, |world| world.delete(&id)),
        (1 | 2, Some(id)) => chronicle.change(at, |world| {
            world.edit(&id, |ticket| settle(random, ticket, at));
        }),
        (3, Some(id)) => chronicle.change(at, |world| {
            let number = world.number();
            world.edit(&id, |ticket| {
                let message = Message::new(format!("late-{number}"), at, "one more thing");
                ticket.messages.push(message);
                ticket.updated_at = Some(at);
            });
        }),
        // In the very millisecond of another, anywhere, or as it happens.
        (4, Some(id)) if case.command == Command::Backfill => {
            let created_at = world.ticket(&id).expect("chosen from it").created_at;
            chronicle.change(at, |world| world.create(created_at, 1));
        }
        _ => {
            let created_at = created_at(case, random, at);
            chronicle.change(at, |world| world.create(created_at, 1));
        }
    }
}

/// A ticket to which something may happen: often one of a crowd.
fn victim(case: &Case, random: &mut StdRng, world: &World) -> Option<String> {
    if case.changes.has_crowds && random.random_bool(0.7) {
        let ids = world.tickets().map(|ticket| ticket.id.as_str());
        let crowd: Vec<&str> = ids.filter(|id| id.starts_with('b')).collect();
        if let Some(id) = crowd.choose(random) {
            return Some((*id).to_owned());
        }
    }
    match world.len() {
        0 => None,
        count => world.id_at(random.random_range(0..count)),
    }
}

/// When a new ticket is created: a backfill may meet any, a sync only what is honestly dated.
fn created_at(case: &Case, random: &mut StdRng, at: Instant) -> Instant {
    match case.command == Command::Backfill && random.random_bool(0.7) {
        true => between(random, from(), until(case)),
        false => at,
    }
}

/// Another status, in a way that desks go.
fn settle(random: &mut StdRng, ticket: &mut Ticket, at: Instant) {
    let next = word(random, &["Resolved", "Waiting", "Pending", "Open"]);
    match (ticket.status.as_ref(), next) {
        ("Resolved", _) => ticket.reopen(at),
        (_, Cow::Borrowed("Resolved")) => ticket.resolve(at),
        (_, next) => ticket.status = next,
    }
    ticket.updated_at = Some(at);
}

/// Many tickets come or go at once.
fn bulk(case: &Case, random: &mut StdRng, chronicle: &mut Chronicle, at: Instant) {
    let count = match random.random_bool(0.5) {
        true => random.random_range(2..30),
        false => random.random_range(30..250),
    };
    if random.random_bool(0.7) {
        let created_at = created_at(case, random, at);
        return chronicle.change(at, |world| world.create(created_at, count));
    }
    let most = chronicle.now().len();
    let first = random.random_range(0..most.max(1));
    let ids: Vec<String> = (first..most)
        .take(count)
        .filter_map(|number| chronicle.now().id_at(number))
        .collect();
    chronicle.change(at, |world| ids.iter().for_each(|id| world.delete(id)));
}

/// A ticket as it is created.
pub(crate) fn created(number: u64, at: Instant) -> Ticket {
    let id = object_id(at, 0xee00_0000 + number);
    let mut ticket = Ticket::new(id.clone(), at);
    ticket.messages = vec![Message::new(format!("{id}-m"), at, "new here")];
    ticket
}

//! The model test: whatever a desk looks like and whatever happens to it while it is paged, every
//! ticket that lived through the run is in the store once, with a thread that it had meanwhile.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::TimeDelta;
use mava_export::error::ExitCode;
use mava_export::settings::RateLimit;
use mava_export::simulator::{
    Faults, Message, Quirks, SimulatorSpec, Ticket, World, WorldSpec, object_id,
};
use mava_export::table::Instant;
use mava_export::window::{self, Window};
use proptest::prelude::*;
use proptest::test_runner::Config;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::support::Desk;

/// A desk, a run over it, and what happens meanwhile.
#[derive(Debug, Clone)]
struct Case {
    seed: u64,
    tickets: usize,
    /// Days from the first creation to the last.
    days: i64,
    /// Tickets created in one millisecond, several times over.
    bursts: Vec<usize>,
    has_shuffled_ties: bool,
    largest_page: Option<usize>,
    /// The range's edges, in thousandths of the desk's time; the ends lie beyond it.
    range: (i64, i64),
    lanes: usize,
    latency_ms: u64,
    /// Changes per thousand requests, and the most of them.
    change_rate: u32,
    most_changes: usize,
}

fn cases() -> impl Strategy<Value = Case> {
    let desk = (
        any::<u64>(),
        prop_oneof![2 => 0..5usize, 2 => 90..110usize, 3 => 0..900usize, 1 => 900..1_700usize],
        prop_oneof![Just(1), 2..400i64, 700..1_000i64],
        prop::collection::vec(prop_oneof![2..99usize, 99..103usize, 0..400usize], 0..4),
        any::<bool>(),
        prop_oneof![4 => Just(None), 1 => (20..100usize).prop_map(Some)],
    );
    let run = (
        prop_oneof![3 => Just((-10, 1_010)), 2 => (0..500i64, 501..1_000i64)],
        1..17usize,
        prop_oneof![Just(0u64), 1..12u64],
        prop_oneof![1 => Just(0u32), 3 => 100..1_001u32],
        0..45usize,
    );
    (desk, run).prop_map(|(desk, run)| Case {
        seed: desk.0,
        tickets: desk.1,
        days: desk.2,
        bursts: desk.3,
        has_shuffled_ties: desk.4,
        largest_page: desk.5,
        range: run.0,
        lanes: run.1,
        latency_ms: run.2,
        change_rate: run.3,
        most_changes: run.4,
    })
}

/// Everything that was ever true of the desk while it was paged.
#[derive(Debug, Default)]
struct Past {
    /// Each ticket's threads, as ids of messages, and its statuses.
    threads: HashMap<String, BTreeSet<Vec<String>>>,
    statuses: HashMap<String, BTreeSet<String>>,
    deleted: BTreeSet<String>,
    inserted: BTreeSet<String>,
}

impl Past {
    fn of(world: &World) -> Self {
        let mut past = Self::default();
        for ticket in world.tickets() {
            past.note(ticket);
        }
        past
    }

    fn note(&mut self, ticket: &Ticket) {
        let thread = ticket.messages.iter().filter_map(|one| one.id.clone());
        let threads = self.threads.entry(ticket.id.clone()).or_default();
        threads.insert(thread.collect());
        let statuses = self.statuses.entry(ticket.id.clone()).or_default();
        statuses.insert(ticket.status.clone().into_owned());
    }
}

const FROM: &str = "2022-03-01";

fn from() -> Instant {
    window::parse(FROM).expect("a date")
}

fn world(case: &Case, random: &mut StdRng) -> World {
    let until = from() + TimeDelta::days(case.days);
    let mut world = World::generate(&WorldSpec {
        seed: case.seed,
        tickets: case.tickets,
        from: from(),
        until,
        mean_messages: 1.5,
    });
    for (number, size) in case.bursts.iter().enumerate() {
        let at = between(random, from(), until);
        for index in 0..*size {
            let id = format!("b{number}-{index:03}-{:08x}", random.random::<u32>());
            let mut ticket = Ticket::new(id.clone(), at);
            ticket.status = word(random, &["Open", "Resolved", "Pending", "Spam"]);
            ticket.origin = word(random, &["web", "discord", "email"]);
            ticket.messages = vec![Message::new(format!("{id}-m"), at, "hello")];
            world.insert(ticket);
        }
    }
    world
}

fn between(random: &mut StdRng, from: Instant, until: Instant) -> Instant {
    let ms = random.random_range(from.timestamp_millis()..until.timestamp_millis());
    Instant::from_timestamp_millis(ms).expect("in range")
}

fn word(random: &mut StdRng, words: &[&'static str]) -> std::borrow::Cow<'static, str> {
    words[random.random_range(0..words.len())].into()
}

/// One thing happens to the desk.
fn change(case: &Case, random: &mut StdRng, world: &mut World, past: &mut Past, number: u64) {
    let victim = match world.len() {
        0 => None,
        count => world.id_at(random.random_range(0..count)),
    };
    match (random.random_range(0..5), victim) {
        (0, Some(id)) => {
            world.remove(&id);
            past.deleted.insert(id);
        }
        (1, Some(id)) => {
            world.edit(&id, |ticket| {
                ticket.status = word(random, &["Open", "Resolved", "Waiting"]);
                past.note(ticket);
            });
        }
        (2, Some(id)) => {
            world.edit(&id, |ticket| {
                let at = ticket.created_at + TimeDelta::hours(1);
                let message = Message::new(format!("late-{number}"), at, "one more thing");
                ticket.messages.push(message);
                past.note(ticket);
            });
        }
        // In the very millisecond of another, and anywhere.
        (3, Some(id)) => {
            let at = world.ticket(&id).expect("chosen from it").created_at;
            insert(world, past, at, number);
        }
        _ => {
            let at = between(random, from(), from() + TimeDelta::days(case.days));
            insert(world, past, at, number);
        }
    }
}

fn insert(world: &mut World, past: &mut Past, at: Instant, number: u64) {
    let id = object_id(at, 0xee00_0000 + number);
    let mut ticket = Ticket::new(id.clone(), at);
    ticket.messages = vec![Message::new(format!("{id}-m"), at, "new here")];
    past.note(&ticket);
    past.inserted.insert(id);
    world.insert(ticket);
}

async fn check(case: Case) -> Result<(), TestCaseError> {
    let mut random = StdRng::seed_from_u64(case.seed);
    let start = world(&case, &mut random);
    let mut desk = Desk::open(SimulatorSpec {
        quirks: Quirks {
            has_shuffled_ties: case.has_shuffled_ties,
            largest_page: case.largest_page,
            ..Quirks::default()
        },
        latency: Duration::from_millis(case.latency_ms),
        ..SimulatorSpec::new(start.clone())
    })
    .await;
    let edge = |share: i64| from() + TimeDelta::seconds(case.days * 86_400 * share / 1_000);
    desk.settings.since = edge(case.range.0);
    desk.settings.until = Some(edge(case.range.1));
    desk.settings.max_lanes = case.lanes;
    // Never reached: it is from the rate and the latency that lanes are counted.
    desk.connection.budget.rate_limit = Some(RateLimit {
        requests: 5_000,
        period: Duration::from_secs(1),
    });
    let range = Window::new(edge(case.range.0), edge(case.range.1)).expect("a range");

    let past = Arc::new(Mutex::new(Past::of(&start)));
    desk.simulator.set_hook(Faults::none_but({
        let (past, case) = (Arc::clone(&past), case.clone());
        let mut changes = 0;
        let mut number = 0;
        move |_, world| {
            let mut past = past.lock().expect("no panic before");
            while changes < case.most_changes && random.random_range(0..1_000) < case.change_rate {
                changes += 1;
                number += 1;
                change(&case, &mut random, world, &mut past, number);
                if random.random_bool(0.5) {
                    break;
                }
            }
        }
    }));
    let (summary, exit_code) = desk.backfill().await.expect("completes");
    desk.simulator.clear_hook();
    let past = std::mem::take(&mut *past.lock().expect("no panic before"));

    prop_assert_eq!(exit_code, ExitCode::Complete, "{:?}", summary);
    let stored: BTreeSet<String> = desk.live_ids().into_iter().collect();
    let mut created: BTreeMap<String, Instant> = BTreeMap::new();
    for ticket in start.tickets().chain(desk.simulator.world().tickets()) {
        created.insert(ticket.id.clone(), ticket.created_at);
    }
    for ticket in start.tickets() {
        let id = &ticket.id;
        if range.contains(ticket.created_at) && !past.deleted.contains(id) {
            prop_assert!(stored.contains(id), "{} is missing", id);
        }
    }
    let threads = threads(&desk);
    let statuses = statuses(&desk);
    for id in &stored {
        let thread = threads.get(id).cloned().unwrap_or_default();
        let ever = past.threads.get(id);
        prop_assert!(
            ever.is_some_and(|ever| ever.contains(&thread)),
            "{} never had the thread {:?}",
            id,
            thread
        );
        let status = &statuses[id];
        prop_assert!(
            past.statuses[id].contains(status),
            "{} never was {}",
            id,
            status
        );
        let is_inside = created.get(id).is_none_or(|at| range.contains(*at));
        prop_assert!(is_inside, "{} lies outside the range", id);
    }
    prop_assert_eq!(
        i64::try_from(stored.len()).expect("few"),
        summary.tickets_read - summary.tickets_deleted
    );

    // With the desk at rest, a second run leaves it as it is.
    let (summary, exit_code) = desk.backfill().await.expect("completes");
    prop_assert_eq!(exit_code, ExitCode::Complete, "{:?}", summary);
    let now: BTreeSet<String> = desk.simulator.with_world(|world| {
        let inside = world
            .tickets()
            .filter(|ticket| range.contains(ticket.created_at));
        inside.map(|ticket| ticket.id.clone()).collect()
    });
    let stored: BTreeSet<String> = desk.live_ids().into_iter().collect();
    let differ: Vec<&String> = stored.symmetric_difference(&now).collect();
    prop_assert!(differ.is_empty(), "{:?} after a second run", differ);
    Ok(())
}

fn threads(desk: &Desk) -> HashMap<String, Vec<String>> {
    let mut threads: HashMap<String, Vec<String>> = HashMap::new();
    for (ticket_id, id) in pairs(desk, "SELECT ticket_id, id FROM messages ORDER BY position") {
        threads.entry(ticket_id).or_default().push(id);
    }
    threads
}

fn statuses(desk: &Desk) -> HashMap<String, String> {
    pairs(desk, "SELECT id, status FROM tickets").collect()
}

fn pairs(desk: &Desk, sql: &str) -> impl Iterator<Item = (String, String)> {
    let sqlite = desk.sqlite();
    let mut statement = sqlite.prepare(sql).expect("SQL");
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
    let pairs: Vec<_> = rows
        .expect("runs")
        .map(|pair| pair.expect("a row"))
        .collect();
    pairs.into_iter()
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(future)
}

proptest! {
    #![proptest_config(Config { cases: 40, max_shrink_iters: 60, failure_persistence: None, ..Config::default() })]

    #[test]
    fn whatever_happens_while_paging_every_ticket_that_lived_through_it_is_stored_once(
        case in cases()
    ) {
        block_on(check(case))?;
    }
}

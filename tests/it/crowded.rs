//! Whole runs over desks on which the pager once lost a ticket while saying that it had all, each many
//! times over: what happens at which request makes the difference.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::TimeDelta;
use mava_export::error::ExitCode;
use mava_export::settings::RateLimit;
use mava_export::simulator::{
    Faults, Message, Quirks, SimulatorSpec, Ticket, World, WorldSpec, object_id,
};
use mava_export::table::Instant;
use mava_export::window;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::support::Desk;

/// Runs of one case, each with other changes. Those of the first are the ones with which it was found.
const TIMES: u64 = 20;

/// What a run says that does not believe how much is gone.
const TOO_MUCH: &str = "so many look like";

/// A desk, a run over it, and what happens meanwhile.
#[derive(Debug, Clone, Default)]
struct Case {
    seed: u64,
    tickets: usize,
    /// Days from the first creation to the last.
    days: i64,
    /// Tickets created in one millisecond, several times over.
    bursts: Vec<usize>,
    has_shuffled_ties: bool,
    largest_page: Option<usize>,
    lanes: usize,
    latency_ms: u64,
    /// Changes per thousand requests, and the most of them.
    change_rate: u32,
    most_changes: usize,
    /// Runs that may end without a proof, which they say: a desk of a few tickets that changes with every
    /// request is another one at each.
    unproven: usize,
}

/// How a run went that told the truth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Complete,
    Unproven,
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

/// One thing happens to the desk; returns the id of a ticket that is deleted by it.
fn change(case: &Case, random: &mut StdRng, world: &mut World, number: u64) -> Option<String> {
    let victim = match world.len() {
        0 => None,
        count => world.id_at(random.random_range(0..count)),
    };
    match (random.random_range(0..5), victim) {
        (0, Some(id)) => {
            world.remove(&id);
            return Some(id);
        }
        (1, Some(id)) => {
            world.edit(&id, |ticket| {
                ticket.status = word(random, &["Open", "Resolved", "Waiting"]);
            });
        }
        (2, Some(id)) => {
            world.edit(&id, |ticket| {
                let at = ticket.created_at + TimeDelta::hours(1);
                let message = Message::new(format!("late-{number}"), at, "one more thing");
                ticket.messages.push(message);
            });
        }
        // In the very millisecond of another, and anywhere.
        (3, Some(id)) => {
            let at = world.ticket(&id).expect("chosen from it").created_at;
            insert(world, at, number);
        }
        _ => {
            let at = between(random, from(), from() + TimeDelta::days(case.days));
            insert(world, at, number);
        }
    }
    None
}

fn insert(world: &mut World, at: Instant, number: u64) {
    let id = object_id(at, 0xee00_0000 + number);
    let mut ticket = Ticket::new(id.clone(), at);
    ticket.messages = vec![Message::new(format!("{id}-m"), at, "new here")];
    world.insert(ticket);
}

/// Runs a case for this time; what is wrong with it, if anything.
async fn check(case: &Case, time: u64) -> Result<End, String> {
    let mut random = StdRng::seed_from_u64(case.seed);
    let start = world(case, &mut random);
    if time > 0 {
        random = StdRng::seed_from_u64(case.seed ^ time);
    }
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
    desk.settings.since = from() - TimeDelta::days(1);
    desk.settings.until = Some(from() + TimeDelta::days(case.days + 1));
    desk.settings.max_lanes = case.lanes;
    // Never reached: it is from the rate and the latency that lanes are counted.
    desk.connection.budget.rate_limit = Some(RateLimit {
        requests: 5_000,
        period: Duration::from_secs(1),
    });
    let deleted: Arc<Mutex<BTreeSet<String>>> = Arc::default();
    desk.simulator.set_hook(Faults::none_but({
        let (deleted, case) = (Arc::clone(&deleted), case.clone());
        let mut changes = 0;
        move |_, world| {
            while changes < case.most_changes && random.random_range(0..1_000) < case.change_rate {
                changes += 1;
                let gone = change(&case, &mut random, world, changes as u64);
                deleted.lock().expect("no panic before").extend(gone);
                if random.random_bool(0.5) {
                    break;
                }
            }
        }
    }));
    let (summary, exit_code) = desk.backfill().await.map_err(|error| error.to_string())?;
    desk.simulator.clear_hook();
    let stored: BTreeSet<String> = desk.live_ids().into_iter().collect();
    let deleted = deleted.lock().expect("no panic before").clone();
    let is_loss_told = summary.remarks.iter().any(|one| one.contains(TOO_MUCH));
    // Where most of a small desk is deleted while it is read, that is not believed.
    let is_most = deleted.len() >= 2 && deleted.len() * 2 > stored.len();
    if exit_code == ExitCode::Incomplete && !summary.unverified.is_empty() {
        return Ok(End::Unproven);
    }
    if exit_code != ExitCode::Complete && !(is_loss_told && is_most) {
        return Err(format!("{summary:?}"));
    }
    for ticket in start.tickets() {
        if !deleted.contains(&ticket.id) && !stored.contains(&ticket.id) {
            return Err(format!("{} is missing", ticket.id));
        }
    }
    if i64::try_from(stored.len()) != Ok(summary.tickets_read - summary.tickets_deleted) {
        return Err(format!("{} stored: {summary:?}", stored.len()));
    }
    if time > 0 && case.tickets > 1 {
        return Ok(End::Complete);
    }
    // With the desk at rest, a second run leaves it as it is.
    let (summary, exit_code) = desk.backfill().await.map_err(|error| error.to_string())?;
    let is_whole = exit_code == ExitCode::Complete && desk.live_ids() == desk.world_ids();
    let is_loss_told = summary.remarks.iter().any(|one| one.contains(TOO_MUCH));
    match is_whole || is_loss_told {
        true => Ok(End::Complete),
        false => Err(format!("after a second run: {summary:?}")),
    }
}

/// Runs it again and again, and tells how often it failed and how at first.
fn again_and_again(case: &Case) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let (mut failures, mut unproven) = (Vec::new(), 0);
    for time in 0..TIMES {
        match runtime.block_on(check(case, time)) {
            Ok(End::Complete) => {}
            Ok(End::Unproven) => unproven += 1,
            Err(failure) => failures.push(failure),
        }
    }
    assert!(unproven <= case.unproven, "{unproven} runs proved nothing");
    let first = failures.first();
    assert!(
        failures.is_empty(),
        "{} of {TIMES} runs failed, first: {first:?}",
        failures.len()
    );
}

#[test]
fn two_crowded_milliseconds_on_short_pages_while_much_changes() {
    again_and_again(&Case {
        seed: 11_452_460_962_872_955_668,
        tickets: 1,
        days: 1,
        bursts: vec![249, 99],
        largest_page: Some(24),
        lanes: 12,
        change_rate: 626,
        most_changes: 34,
        ..Case::default()
    });
}

#[test]
fn a_crowded_millisecond_of_a_small_desk_while_much_changes() {
    again_and_again(&Case {
        seed: 12_250_737_675_630_232_199,
        tickets: 109,
        days: 866,
        bursts: vec![386, 3, 99],
        lanes: 7,
        change_rate: 879,
        most_changes: 25,
        ..Case::default()
    });
}

#[test]
fn a_crowded_millisecond_that_holds_most_of_a_desk_of_one_day() {
    again_and_again(&Case {
        seed: 13_503_010_878_602_729_727,
        tickets: 184,
        days: 1,
        bursts: vec![396],
        lanes: 8,
        latency_ms: 6,
        change_rate: 804,
        most_changes: 25,
        ..Case::default()
    });
}

#[test]
fn a_crowded_millisecond_in_changing_order_on_short_pages() {
    again_and_again(&Case {
        seed: 14_645_287_235_825_403_114,
        tickets: 94,
        days: 70,
        bursts: vec![82, 343],
        has_shuffled_ties: true,
        largest_page: Some(21),
        lanes: 1,
        change_rate: 403,
        most_changes: 35,
        ..Case::default()
    });
}

#[test]
fn a_desk_whose_only_ticket_was_replaced() {
    again_and_again(&Case {
        seed: 16_463_326_439_631_660_704,
        tickets: 1,
        days: 801,
        has_shuffled_ties: true,
        lanes: 9,
        change_rate: 970,
        most_changes: 42,
        unproven: 4,
        ..Case::default()
    });
}

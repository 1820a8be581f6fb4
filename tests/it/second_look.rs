//! A ticket is flagged as deleted only after a second look that shows its neighbours.

use mava_export::error::ExitCode;
use mava_export::simulator::{Fault, Message, SimulatorSpec, Ticket, World};
use mava_export::table::instant_text;
use mava_export::window;
use serde_json::{Value, json};

use crate::support::Desk;

/// Live tickets that a second look begins with, before the one it is about.
const BEFORE: usize = 20;

/// The place of the ticket that is deleted, among a page of neighbours.
const GONE: usize = 150;

/// One of the newest: ten come after it.
const LATE: usize = 289;

/// A copied desk of three hundred tickets, an hour apart, of which the one at this place was deleted since;
/// with the instants of all creations.
async fn desk(gone: usize) -> (Desk, Vec<String>) {
    let from = window::parse("2024-03-01").expect("a date");
    let world = World::regular(from, chrono::TimeDelta::hours(1), 300);
    let created = world
        .tickets()
        .map(|ticket| instant_text(ticket.created_at))
        .collect();
    let mut desk = Desk::open(SimulatorSpec::new(world)).await;
    desk.settings.since = window::parse("2024-01-01").expect("a date");
    desk.settings.until = Some(window::parse("2024-06-01").expect("a date"));
    let (_, exit_code) = desk.backfill().await.expect("completes");
    assert_eq!(exit_code, ExitCode::Complete);
    desk.simulator.with_world(|world| {
        let id = world.id_at(gone).expect("a ticket");
        world.remove(&id);
    });
    (desk, created)
}

/// An answer with these tickets of it, that counts so many.
fn only(kept: fn(usize) -> bool, count: Option<u64>) -> Fault {
    Fault::edit(move |page: &mut Value| {
        let tickets = page["tickets"].as_array_mut().expect("a page");
        let mut place = 0;
        tickets.retain(|_| {
            place += 1;
            kept(place - 1)
        });
        let length = u64::try_from(tickets.len()).expect("few");
        page["count"] = json!(count.unwrap_or(length));
        page["pagination"]["hasMore"] = json!(count.is_some_and(|count| count > length));
    })
}

#[tokio::test]
async fn a_second_look_that_shows_its_neighbours_is_believed() {
    let (desk, _) = desk(GONE).await;
    let (summary, exit_code) = desk.backfill().await.expect("completes");
    assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
    assert_eq!(summary.tickets_deleted, 1);
}

#[tokio::test]
async fn a_second_look_without_its_neighbours_flags_nothing() {
    let none: fn(usize) -> bool = |_| false;
    let few: fn(usize) -> bool = |place| place % 3 == 0;
    let older: fn(usize) -> bool = |place| place < BEFORE;
    let newer: fn(usize) -> bool = |place| place >= BEFORE;
    for (gone, kept, count) in [
        // Empty, and a third of the neighbours.
        (GONE, none, None),
        (GONE, few, None),
        // Most of them, but none on one side: as from a copy that lags, or one that lost its past.
        (LATE, older, None),
        (GONE, newer, None),
        // An answer that does not add up, so that the instant is looked at by itself.
        (GONE, none, Some(50)),
        // And one that contradicts itself, so that it should have shown all of them.
        (GONE, newer, Some(1)),
    ] {
        let (desk, created) = desk(gone).await;
        // Both looks begin with the neighbours.
        let begins = created[gone - BEFORE].clone();
        desk.simulator.set_hook(Box::new(move |request, _| {
            let is_look = request.parameter("startDate") == Some(begins.as_str());
            is_look.then(|| only(kept, count))
        }));
        let (summary, exit_code) = desk.backfill().await.expect("ends");
        assert_eq!(
            exit_code,
            ExitCode::Incomplete,
            "{gone}, {count:?}: {summary:?}"
        );
        assert_eq!(summary.tickets_deleted, 0, "{gone}, {count:?}: {summary:?}");
        let flagged = desk.number("SELECT count(*) FROM tickets WHERE deleted_at IS NOT NULL");
        assert_eq!(flagged, 0, "{gone}, {count:?}: {summary:?}");
        // With the neighbours shown again it is.
        desk.simulator.clear_hook();
        let (summary, exit_code) = desk.backfill().await.expect("ends");
        assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
        assert_eq!(summary.tickets_deleted, 1, "{summary:?}");
    }
}

#[tokio::test]
async fn neighbours_that_the_run_wrote_again_have_to_be_shown_as_well() {
    let (desk, created) = desk(GONE).await;
    desk.simulator.with_world(|world| {
        let ids: Vec<String> = world.tickets().map(|ticket| ticket.id.clone()).collect();
        for id in ids {
            world.edit(&id, |ticket| ticket.priority = Some(3));
        }
    });
    let begins = created[GONE - BEFORE].clone();
    desk.simulator.set_hook(Box::new(move |request, _| {
        let is_look = request.parameter("startDate") == Some(begins.as_str());
        is_look.then(|| only(|_| false, None))
    }));
    let (summary, exit_code) = desk.backfill().await.expect("ends");
    assert_eq!(exit_code, ExitCode::Incomplete, "{summary:?}");
    assert_eq!(summary.tickets_changed, 299, "{summary:?}");
    assert_eq!(summary.tickets_deleted, 0, "{summary:?}");
    desk.simulator.clear_hook();
    let (summary, exit_code) = desk.backfill().await.expect("ends");
    assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
    assert_eq!(summary.tickets_deleted, 1, "{summary:?}");
}

#[tokio::test]
async fn a_ticket_without_neighbours_is_looked_for_twice() {
    let mut world = World::empty();
    let at = window::parse("2024-03-01").expect("a date");
    let ticket = |number| {
        let id = mava_export::simulator::object_id(at, number);
        mava_export::simulator::Ticket::new(id, at)
    };
    world.insert(ticket(1));
    let desk = Desk::open(SimulatorSpec::new(world)).await;
    desk.backfill().await.expect("completes");
    desk.simulator.with_world(|world| *world = World::empty());
    let (summary, exit_code) = desk.backfill().await.expect("completes");
    assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
    assert_eq!(summary.tickets_deleted, 1);
}

/// The first answer to a second look belongs to another request, one without threads.
#[tokio::test]
async fn what_a_second_look_finds_comes_with_its_thread() {
    /// The place of the ticket that the list leaves out.
    const HIDDEN: usize = 140;
    // The one that is gone lies far away, so that what is compared for its sake is something else.
    let (desk, created) = desk(10).await;
    let id = desk.simulator.with_world(|world| {
        let is_hidden = |ticket: &&Ticket| instant_text(ticket.created_at) == created[HIDDEN];
        let ticket = world.tickets().find(is_hidden).expect("a ticket");
        let (id, at) = (ticket.id.clone(), ticket.created_at);
        world.edit(&id, |ticket| {
            ticket
                .messages
                .push(Message::new("late".to_owned(), at, "one more thing"));
        });
        id
    });
    let (begins, at) = (created[HIDDEN - BEFORE].clone(), created[HIDDEN].clone());
    let hidden = id.clone();
    let mut looks = 0;
    desk.simulator.set_hook(Box::new(move |request, _| {
        if request.parameter("startDate") == Some(begins.as_str()) {
            looks += 1;
            return (looks == 1).then(|| {
                Fault::edit(|page: &mut Value| {
                    for ticket in page["tickets"].as_array_mut().expect("a page") {
                        ticket.as_object_mut().expect("a ticket").remove("messages");
                    }
                })
            });
        }
        // The list itself leaves the ticket out, and counts as if it were not there.
        let is_within = request.parameter("startDate") <= Some(at.as_str())
            && request.parameter("endDate") > Some(at.as_str());
        let hidden = hidden.clone();
        (looks == 0 && is_within && request.is_for_tickets()).then(|| {
            Fault::edit(move |page: &mut Value| {
                let count = page["count"].as_u64().expect("a count");
                page["count"] = json!(count.saturating_sub(1));
                let tickets = page["tickets"].as_array_mut().expect("a page");
                tickets.retain(|ticket| !ticket.to_string().contains(&hidden));
            })
        })
    }));
    let (summary, _) = desk.backfill().await.expect("ends");
    let thread = desk.number(&format!(
        "SELECT count(*) FROM messages WHERE ticket_id = '{id}'"
    ));
    assert_eq!((thread, summary.retries), (1, 0), "{summary:?}");
}

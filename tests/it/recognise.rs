//! What tells the desk in the store from another one, once none of its tickets is there any more.

use chrono::TimeDelta;
use mava_export::error::{ErrorKind, ExitCode, Result};
use mava_export::settings::Verify;
use mava_export::simulator::{Agent, Category, Directory, SimulatorSpec, Ticket, World, object_id};
use mava_export::table::Instant;
use mava_export::verify;
use mava_export::window;

use crate::support::Desk;

fn from() -> Instant {
    window::parse("2024-03-01").expect("a date")
}

/// A few tickets, told from those of other numbers by their ids; the higher the number, the more.
fn tickets(number: u32) -> Vec<Ticket> {
    let tickets = (0..4 + number).map(|index| {
        let at = from() + TimeDelta::hours(index.into());
        Ticket::new(object_id(at, number.into()), at)
    });
    tickets.collect()
}

fn agents() -> Directory {
    Directory {
        agents: vec![Agent::new("64b000000000000000000001", "Kim")],
        ..Directory::default()
    }
}

fn categories() -> Directory {
    Directory {
        categories: vec![Category::new("64b000000000000000000002", "Bugs")],
        ..Directory::default()
    }
}

/// A desk that was copied, and then lost all its tickets and got as many others.
async fn replaced(directory: Directory, afterwards: Directory) -> Desk {
    let start = World::new(directory, tickets(1));
    let desk = Desk::open(SimulatorSpec::new(start)).await;
    let (summary, exit_code) = desk.backfill().await.expect("completes");
    assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
    let now = World::new(afterwards, tickets(2));
    desk.simulator.with_world(|world| *world = now);
    desk.simulator.clear_requests();
    desk
}

async fn repair(desk: &Desk) -> Result<()> {
    let context = desk.context()?;
    let settings = Verify {
        is_deep: false,
        store: desk.settings.store.clone(),
        is_repair: true,
        allow_deletions: false,
    };
    verify::verify(&context, &settings, &|_| {}).await.map(drop)
}

#[tokio::test]
async fn a_desk_whose_tickets_were_all_replaced_is_known_by_its_agents_or_its_categories() {
    for directory in [agents(), categories()] {
        for is_repair in [false, true] {
            let desk = replaced(directory.clone(), directory.clone()).await;
            match is_repair {
                true => repair(&desk).await.expect("goes on"),
                false => drop(desk.backfill().await.expect("goes on")),
            }
            for ticket in tickets(2) {
                assert!(desk.live_ids().contains(&ticket.id), "{is_repair}");
            }
        }
    }
}

#[tokio::test]
async fn a_desk_without_a_known_ticket_category_or_agent_is_refused() {
    let others = Directory {
        agents: vec![Agent::new("64b0000000000000000000f1", "Kim")],
        categories: vec![Category::new("64b0000000000000000000f2", "Bugs")],
        ..Directory::default()
    };
    for (directory, afterwards) in [
        (Directory::default(), Directory::default()),
        (agents(), Directory::default()),
        (agents(), categories()),
        (categories(), others.clone()),
        (agents(), others),
    ] {
        let desk = replaced(directory, afterwards).await;
        let before = desk.rows();
        for is_repair in [false, true] {
            let error = match is_repair {
                true => repair(&desk).await.expect_err("refused"),
                false => desk.backfill().await.expect_err("refused"),
            };
            assert_eq!(error.kind(), ErrorKind::Failed, "{error}");
            assert!(error.to_string().contains("nothing was stored"), "{error}");
            desk.rows()
                .assert_equal(&before, "after another desk's key");
        }
    }
}

#[tokio::test]
async fn a_desk_that_shows_a_known_ticket_is_asked_for_nothing_more() {
    let desk = replaced(Directory::default(), Directory::default()).await;
    let kept = tickets(1).remove(4);
    desk.simulator.with_world(|world| world.insert(kept));
    desk.backfill().await.expect("goes on");
    let requests = desk.simulator.requests();
    let lists = requests
        .iter()
        .filter(|request| request.path != "/api/tickets");
    // Those of the backfill itself.
    assert_eq!(lists.count(), 2);
}

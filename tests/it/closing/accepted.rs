//! A reject that somebody accepted stays accepted, whatever single answers leave out: it is forgotten only
//! where a count agrees that its ticket is gone.

use mava_export::error::ExitCode;
use mava_export::simulator::{Fault, Hook, Ticket, World};
use mava_export::store::{OpenOptions, Store};
use mava_export::window;

use super::{desk, part, world};
use crate::support::Desk;

/// The place of the ticket that comes without its creation.
const PLACE: usize = 500;

/// The world of each answer, by its number from 1 and whether it only counts. One of its tickets
/// always comes without its creation.
fn answers(id: &str, mut world_of: impl FnMut(u64, bool) -> World + Send + 'static) -> Hook {
    let id = id.to_owned();
    let mut answer = 0;
    Box::new(move |request, world| {
        if !request.is_for_tickets() {
            return None;
        }
        answer += 1;
        *world = world_of(answer, request.parameter("limit") == Some("1"));
        let id = id.clone();
        Some(Fault::edit_tickets(move |ticket| {
            if ticket["id"].as_str() == Some(&id) {
                ticket
                    .as_object_mut()
                    .expect("a ticket")
                    .remove("createdAt");
            }
        }))
    })
}

/// A desk with one reject, a whole ticket, that somebody accepted.
async fn accepted(all: &World) -> (Desk, String) {
    let desk = desk(all.clone()).await;
    let id = all
        .tickets()
        .nth(PLACE)
        .map(|ticket: &Ticket| ticket.id.clone());
    let id = id.expect("a ticket");
    let answered = all.clone();
    desk.simulator
        .set_hook(answers(&id, move |_, _| answered.clone()));
    let (summary, exit_code) = desk.backfill().await.expect("ends");
    assert_eq!(exit_code, ExitCode::Incomplete, "{summary:?}");
    assert_eq!(summary.rejects_standing, 1, "{summary:?}");
    let now = window::parse("2026-01-01").expect("a date");
    let mut store = Store::open(&desk.path(), &OpenOptions::new(now)).expect("a store");
    let standees = store.standees().expect("reads");
    let ids: Vec<&str> = standees.iter().map(|one| one.id.as_str()).collect();
    assert_eq!(store.accept_rejects(&ids, Some(now)).expect("writes"), 1);
    drop(store);
    (desk, id)
}

#[tokio::test]
async fn an_answer_that_leaves_out_an_accepted_reject_does_not_forget_it() {
    let all = world();
    let without = part(&all, |place| place != PLACE);
    // Ten pages and the count; with the ticket left out of one, it takes a few more.
    for answer in 1..=14 {
        let (desk, id) = accepted(&all).await;
        let (answered, without) = (all.clone(), without.clone());
        desk.simulator
            .set_hook(answers(&id, move |number, _| match number == answer {
                true => without.clone(),
                false => answered.clone(),
            }));
        let (summary, exit_code) = desk.backfill().await.expect("ends");
        assert_eq!(
            exit_code,
            ExitCode::Complete,
            "answer {answer}: {summary:?}"
        );
        assert_eq!(summary.rejects_accepted, 1, "answer {answer}: {summary:?}");
        assert_eq!(summary.rejects_standing, 0, "answer {answer}: {summary:?}");
    }
}

#[tokio::test]
async fn pages_that_all_leave_out_an_accepted_reject_do_not_forget_it_where_the_count_has_it() {
    let all = world();
    let (desk, id) = accepted(&all).await;
    let without = part(&all, |place| place != PLACE);
    let mut is_counted = false;
    desk.simulator.set_hook(answers(&id, move |_, is_count| {
        is_counted |= is_count;
        match is_counted {
            true => all.clone(),
            false => without.clone(),
        }
    }));
    let (summary, exit_code) = desk.backfill().await.expect("ends");
    assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
    assert_eq!(summary.rejects_accepted, 1, "{summary:?}");
    assert_eq!(summary.rejects_standing, 0, "{summary:?}");
}

#[tokio::test]
async fn an_accepted_reject_whose_ticket_is_gone_is_forgotten() {
    let all = world();
    let (desk, id) = accepted(&all).await;
    let without = part(&all, |place| place != PLACE);
    desk.simulator
        .set_hook(answers(&id, move |_, _| without.clone()));
    let (summary, exit_code) = desk.backfill().await.expect("ends");
    assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
    assert_eq!(summary.rejects_accepted, 0, "{summary:?}");
    assert_eq!(desk.number("SELECT count(*) FROM rejects"), 0);
}

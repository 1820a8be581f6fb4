//! An answer that is empty or short by mistake, at any request of a sync: nothing is missing from a sync
//! that calls itself complete.

use mava_export::simulator::{Directory, Fault, Hook, Quirks};
use mava_export::store::{OpenOptions, Store};

use super::*;

/// Yesterday's copy of a desk on which a day has passed: sixty new tickets, some resolved, some opened
/// again.
async fn a_day_later() -> Desk {
    let desk = copied(recent(2_000), Quirks::default()).await;
    let created = NOW - TimeDelta::hours(3);
    desk.simulator.with_world(|world| {
        for number in 0..60_u32 {
            let at = created + TimeDelta::minutes(number.into());
            let mut ticket = Ticket::new(object_id(at, number.into()), at);
            ticket.status = if number % 3 == 0 { "Resolved" } else { "Open" }.into();
            ticket.resolution_time_ms = (number % 3 == 0).then_some(60_000);
            world.insert(ticket);
        }
    });
    let open = ids(&desk, |ticket| {
        is_open(ticket) && ticket.created_at < created - TimeDelta::days(1)
    });
    for id in &open[..3] {
        edit(&desk, id, resolve);
    }
    for id in &ids(&desk, |ticket| is_resolved(ticket, 20, 250))[..3] {
        edit(&desk, id, |ticket| {
            ticket.status = "Open".into();
            ticket.resolution_time_ms = None;
        });
    }
    desk
}

/// One answer, counted from 1, is about another desk.
fn one_answer(number: usize, other: World, own: World) -> Hook {
    let mut answers = 0;
    Box::new(move |request, world| {
        if request.is_for_tickets() {
            answers += 1;
            if answers == number {
                *world = other.clone();
            } else if answers == number + 1 {
                *world = own.clone();
            }
        }
        None
    })
}

/// The store holds every ticket of the desk as it is, but for what a sync may see late.
#[track_caller]
fn assert_nothing_is_missing(desk: &Desk, what: &str) {
    assert_eq!(desk.live_ids(), desk.world_ids(), "{what}");
    let mut open = ids(desk, is_open);
    open.sort();
    let stored =
        "SELECT id FROM tickets WHERE deleted_at IS NULL AND status <> 'Resolved' ORDER BY id";
    assert_eq!(desk.column(stored), open, "{what}");
}

#[tokio::test]
async fn one_empty_or_short_answer_to_any_request_of_a_sync_hides_nothing() {
    let desk = a_day_later().await;
    let own = desk.simulator.world();
    let store = desk.path();
    let kept = store.with_extension("kept");
    copy(&store, &kept);
    desk.simulator.clear_requests();
    let (summary, exit_code) = sync(&desk).await;
    assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
    assert_nothing_is_missing(&desk, "undisturbed");
    let asked = desk.simulator.requests();
    let asked = asked
        .iter()
        .filter(|one| one.path == "/api/tickets")
        .count();
    let half = own.tickets().enumerate();
    let half = half.filter(|(place, _)| place % 2 == 0);
    let half: Vec<Ticket> = half.map(|(_, ticket)| ticket.clone()).collect();
    let others = [
        ("empty", World::empty()),
        ("short", World::new(Directory::default(), half)),
    ];
    for (name, other) in others {
        for number in 1..=asked {
            copy(&kept, &store);
            desk.simulator.with_world(|world| *world = own.clone());
            desk.simulator
                .set_hook(one_answer(number, other.clone(), own.clone()));
            let (summary, exit_code) = sync(&desk).await;
            desk.simulator.clear_hook();
            desk.simulator.with_world(|world| *world = own.clone());
            let what = format!("{name} answer {number} of {asked}: {exit_code:?} {summary:#?}");
            assert_eq!(exit_code, ExitCode::Complete, "{what}");
            assert_eq!(summary.summary.tickets_deleted, 0, "{what}");
            assert_nothing_is_missing(&desk, &what);
        }
    }
}

/// Two outages, each of some answers from this number on, counted from 1.
fn outages(first: usize, second: std::ops::Range<usize>) -> Hook {
    let mut answers = 0;
    Box::new(move |request, _| {
        answers += usize::from(request.is_for_tickets());
        let is_out = answers == first || second.contains(&answers);
        (request.is_for_tickets() && is_out).then_some(Fault::Empty)
    })
}

#[tokio::test]
async fn a_list_of_new_tickets_that_is_empty_by_mistake_is_not_proven_by_a_count_that_is_too() {
    let desk = a_day_later().await;
    let store = desk.path();
    let kept = store.with_extension("kept");
    copy(&store, &kept);
    desk.simulator.clear_requests();
    sync(&desk).await;
    let asked = desk.simulator.requests();
    let tickets = asked.iter().filter(|one| one.path == "/api/tickets");
    let lists: Vec<bool> = tickets
        .map(|one| !one.query.contains("status=") && one.query.contains("includeMessages=true"))
        .collect();
    let new = lists.iter().position(|is_list| *is_list).expect("a list") + 1;
    for length in [1, 2, 5] {
        // The last ones may come after all that the undisturbed sync asked for.
        for second in new + 1..lists.len() + 4 {
            copy(&kept, &store);
            desk.simulator
                .set_hook(outages(new, second..second + length));
            let (summary, exit_code) = sync(&desk).await;
            desk.simulator.clear_hook();
            let what = format!("{length} from {second} on: {exit_code:?} {summary:#?}");
            assert_eq!(summary.summary.tickets_deleted, 0, "{what}");
            if exit_code == ExitCode::Complete {
                assert_nothing_is_missing(&desk, &what);
            }
            // What is out for no more than two answers is made up for.
            assert!(length > 2 || exit_code == ExitCode::Complete, "{what}");
        }
    }
}

#[tokio::test]
async fn a_whole_read_by_a_sync_is_closed_as_a_backfill_is() {
    for number in 2..=4 {
        let desk = copied(recent(450), Quirks::default()).await;
        let own = desk.simulator.world();
        let full = Sync {
            whole: Whole::IfItFits,
            ..settings(&desk)
        };
        desk.simulator
            .set_hook(one_answer(number, World::empty(), own.clone()));
        let (summary, exit_code) = sync_with(&desk, &full).await.expect("a sync");
        assert_eq!(exit_code, ExitCode::Complete, "{number}: {summary:?}");
        assert_eq!(summary.summary.tickets_deleted, 0, "{number}: {summary:?}");
        desk.simulator.clear_hook();
        assert_current(&desk);
        let window = window_of(&summary, "full");
        assert_eq!((window.counted, window.stored), (450, 450), "{summary:?}");
    }
}

#[tokio::test]
async fn the_lists_of_a_sync_say_what_was_counted_up_to_its_start() {
    let desk = a_day_later().await;
    let (summary, exit_code) = sync(&desk).await;
    assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
    let new = window_of(&summary, "new");
    assert!(new.counted >= 60 && new.counted == new.stored, "{new:?}");
    let open = window_of(&summary, "open");
    assert!(open.counted > 3 && open.counted == open.stored, "{open:?}");
}

/// A ticket of the last minutes always comes without its identity; one answer, counted from 1, is empty.
fn without_identity(id: String, empty: Option<usize>, own: World) -> Hook {
    let mut answers = 0;
    Box::new(move |request, world| {
        if !request.is_for_tickets() {
            return None;
        }
        answers += 1;
        *world = match Some(answers) == empty {
            true => World::empty(),
            false => own.clone(),
        };
        let id = id.clone();
        Some(Fault::edit_tickets(move |ticket| {
            if ticket["id"].as_str() == Some(&id) {
                let fields = ticket.as_object_mut().expect("a ticket");
                fields.remove("id");
                fields.remove("_id");
            }
        }))
    })
}

#[tokio::test]
async fn an_empty_list_of_new_tickets_forgets_no_reject_that_was_accepted() {
    let desk = copied(recent(2_000), Quirks::default()).await;
    let at = NOW - TimeDelta::minutes(5);
    let ticket = Ticket::new(object_id(at, 1), at);
    let id = ticket.id.clone();
    desk.simulator.with_world(|world| world.insert(ticket));
    let own = desk.simulator.world();
    let hook = |empty| without_identity(id.clone(), empty, own.clone());
    desk.simulator.set_hook(hook(None));
    let (summary, exit_code) = sync(&desk).await;
    assert_eq!(exit_code, ExitCode::Incomplete, "{summary:?}");
    let mut store = Store::open(&desk.path(), &OpenOptions::new(NOW)).expect("a store");
    let standees = store.standees().expect("reads");
    let ids: Vec<&str> = standees.iter().map(|one| one.id.as_str()).collect();
    assert_eq!(ids.len(), 1, "{standees:?}");
    store.accept_rejects(&ids, Some(NOW)).expect("writes");
    drop(store);
    let store = desk.path();
    let kept = store.with_extension("kept");
    copy(&store, &kept);
    for number in 1..=8 {
        copy(&kept, &store);
        desk.simulator.set_hook(hook(Some(number)));
        let (summary, exit_code) = sync(&desk).await;
        let what = format!("answer {number}: {exit_code:?} {summary:#?}");
        assert_eq!(exit_code, ExitCode::Complete, "{what}");
        assert_eq!(summary.summary.rejects_accepted, 1, "{what}");
        assert_eq!(summary.summary.rejects_standing, 0, "{what}");
    }
}

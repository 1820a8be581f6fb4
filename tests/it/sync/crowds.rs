//! More tickets of one millisecond than a page holds, of which no list tells what became of them.

use std::collections::HashMap;

use mava_export::simulator::{Fault, Hook, Quirks, RequestInfo};

use super::*;

/// A copied desk of which so many tickets were created in one millisecond and have this status.
async fn crowded(count: usize, status: &'static str, quirks: Quirks) -> (Desk, Vec<String>) {
    let mut world = recent(1_500);
    let burst = world.insert_burst(NOW - TimeDelta::days(100), count);
    for id in &burst {
        world.edit(id, |ticket| ticket.status = status.into());
    }
    (copied(world, quirks).await, burst)
}

#[tokio::test]
async fn tickets_of_a_status_that_no_list_has_are_not_missing_beyond_the_first_page() {
    for (count, status, has_shuffled_ties, largest_page, most) in [
        (300, "Spam", false, None, 4),
        (300, "Snoozed", false, None, 4),
        (300, "Spam", true, None, 50),
        (300, "Spam", false, Some(40), 10),
        (1_000, "Spam", false, None, 11),
        (101, "Spam", false, None, 3),
        (100, "Spam", false, None, 1),
    ] {
        let quirks = Quirks {
            has_shuffled_ties,
            largest_page,
            ..Quirks::default()
        };
        let (desk, _) = crowded(count, status, quirks).await;
        for night in 0..3 {
            desk.set_now(NOW + TimeDelta::days(night));
            let (summary, exit_code) = sync(&desk).await;
            let what = format!("{count} {status} {quirks:?}, night {night}: {summary:?}");
            assert_eq!(exit_code, ExitCode::Complete, "{what}");
            assert_eq!(summary.summary.tickets_deleted, 0, "{what}");
            let requests = requests_of(&summary, "confirm");
            assert!(requests <= most, "{requests}: {what}");
        }
        assert_current(&desk);
    }
}

#[tokio::test]
async fn those_of_them_that_are_gone_are_flagged_and_no_others() {
    for has_shuffled_ties in [false, true] {
        let quirks = Quirks {
            has_shuffled_ties,
            ..Quirks::default()
        };
        let (desk, burst) = crowded(300, "Spam", quirks).await;
        for id in [&burst[20], &burst[250]] {
            desk.simulator.with_world(|world| world.remove(id));
        }
        let (summary, exit_code) = sync(&desk).await;
        assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
        assert_eq!(summary.summary.tickets_deleted, 2, "{summary:?}");
        assert_current(&desk);
    }
}

#[tokio::test]
async fn so_many_of_them_that_are_gone_at_once_are_not_believed_gone() {
    let (desk, burst) = crowded(300, "Spam", Quirks::default()).await;
    for id in &burst[10..200] {
        desk.simulator.with_world(|world| world.remove(id));
    }
    let (summary, exit_code) = sync(&desk).await;
    assert_eq!(exit_code, ExitCode::Incomplete, "{summary:?}");
    assert_eq!(summary.summary.tickets_deleted, 0, "{summary:?}");
    let allowed = Sync {
        allow_deletions: true,
        ..settings(&desk)
    };
    let (summary, exit_code) = sync_with(&desk, &allowed).await.expect("a sync");
    assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
    assert_eq!(summary.summary.tickets_deleted, 190, "{summary:?}");
    assert_current(&desk);
}

/// Does this to answers on connections that other requests came over before: those of a second look come over
/// one of their own.
fn on_shared_connections(
    mut fault: impl FnMut(&RequestInfo) -> Option<Fault> + Send + 'static,
) -> Hook {
    let mut used: HashMap<u64, u32> = HashMap::new();
    Box::new(move |request, _| {
        let uses = used.entry(request.connection).or_default();
        *uses += 1;
        let is_shared = *uses > 1 && request.is_for_tickets();
        if is_shared { fault(request) } else { None }
    })
}

#[tokio::test]
async fn what_no_page_of_their_instant_shows_is_looked_for_and_not_missing_before() {
    let (desk, burst) = crowded(300, "Spam", Quirks::default()).await;
    let hidden = burst[100..160].to_vec();
    desk.simulator.set_hook(on_shared_connections(move |_| {
        let hidden = hidden.clone();
        Some(Fault::edit(move |page| {
            let tickets = page["tickets"].as_array_mut().expect("a page");
            tickets.retain(|ticket| hidden.iter().all(|id| ticket["id"] != id.as_str()));
        }))
    }));
    let needed = Sync {
        spend: Spend::requests(0),
        ..settings(&desk)
    };
    let (summary, exit_code) = sync_with(&desk, &needed).await.expect("a sync");
    assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
    assert_eq!(summary.summary.tickets_deleted, 0, "{summary:?}");
    assert!(requests_of(&summary, "confirm") <= 150, "{summary:?}");
    assert_current(&desk);
}

/// Older than a year, so that the count of the newest one says nothing of them.
#[tokio::test]
async fn so_many_of_them_that_only_the_second_look_does_not_find_are_not_believed_gone() {
    let at = NOW - TimeDelta::days(400);
    let mut world = recent(1_500);
    let burst = world.insert_burst(at, 300);
    for id in &burst {
        world.edit(id, |ticket| ticket.status = "Spam".into());
    }
    let mut desk = Desk::open(SimulatorSpec::new(world)).await;
    desk.set_now(NOW - TimeDelta::days(1));
    desk.settings.since = NOW - TimeDelta::days(500);
    desk.settings.until = None;
    let (_, exit_code) = desk.backfill().await.expect("a backfill");
    assert_eq!(exit_code, ExitCode::Complete);
    desk.set_now(NOW);
    for id in &burst[100..160] {
        desk.simulator.with_world(|world| world.remove(id));
    }
    let start = instant_text(at);
    desk.simulator
        .set_hook(on_shared_connections(move |request| {
            let is_here = request.parameter("startDate") == Some(start.as_str());
            is_here.then_some(Fault::CountLies(7))
        }));
    let needed = Sync {
        spend: Spend::requests(0),
        ..settings(&desk)
    };
    let (summary, exit_code) = sync_with(&desk, &needed).await.expect("a sync");
    assert_eq!(exit_code, ExitCode::Incomplete, "{summary:?}");
    assert_eq!(summary.summary.unverified, [], "{summary:?}");
    let remarks = &summary.summary.remarks;
    let is_told = |remark: &String| remark.contains("none was flagged as deleted");
    assert!(remarks.iter().any(is_told), "{summary:?}");
    let flagged = desk.number("SELECT count(*) FROM tickets WHERE deleted_at IS NOT NULL");
    assert_eq!(flagged, 0);
}

/// Each answer of the step by itself, and what counts the newest year before a loss is believed.
#[tokio::test]
async fn one_empty_answer_to_a_page_of_such_tickets_is_asked_for_again() {
    let (desk, burst) = crowded(160, "Spam", Quirks::default()).await;
    let lost = burst[30].clone();
    desk.simulator.with_world(|world| world.remove(&lost));
    let (world, store) = (desk.simulator.world(), desk.path());
    let kept = store.with_extension("kept");
    copy(&store, &kept);
    let needed = Sync {
        spend: Spend::requests(0),
        ..settings(&desk)
    };
    for place in 0.. {
        copy(&kept, &store);
        desk.simulator.with_world(|now| *now = world.clone());
        let mut left = place;
        let (told, empty) = std::sync::mpsc::channel();
        desk.simulator.set_hook(Box::new(move |request, _| {
            // Neither a list of the open set, nor of what is new, nor one by resolution time.
            let is_plain = request.is_for_tickets()
                && request.parameter("status").is_none()
                && request.parameter("startDate") < Some(&instant_text(NOW - TimeDelta::days(3)));
            if !is_plain {
                return None;
            }
            left -= 1;
            (left == -1).then(|| {
                told.send(()).expect("heard");
                Fault::Empty
            })
        }));
        let (summary, exit_code) = sync_with(&desk, &needed).await.expect("a sync");
        desk.simulator.clear_hook();
        let what = format!("plain answer {place}: {summary:?}");
        assert_eq!(exit_code, ExitCode::Complete, "{what}");
        assert_eq!(summary.summary.tickets_deleted, 1, "{what}");
        if empty.try_recv().is_err() {
            assert!(place > 5, "{what}");
            break;
        }
    }
}

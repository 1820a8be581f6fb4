//! Lists by resolution time are read while tickets enter and leave them: what a sync that calls itself
//! complete has to have seen.

use mava_export::simulator::{Fault, Hook, Quirks, RequestInfo};

use super::*;

/// Tickets of a day ago that were all resolved last night.
const TICKETS: u32 = 330;

/// Of them so many, one by one, were unresolved before; the others were resolved once more.
const FIRST: usize = 10;

/// Tickets on a page.
const PAGE: usize = 100;

/// A list by resolution time, as it was yesterday and as it is now.
struct List {
    desk: Desk,
    /// Its tickets, longest resolution time first.
    ids: Vec<String>,
    /// Unresolved tickets of the same window, which may enter it.
    spare: Vec<String>,
}

impl List {
    /// Of tickets that take `time_ms` from creation to resolution, by their number and their creation,
    /// created so many milliseconds apart.
    async fn new(apart_ms: u32, quirks: Quirks, time_ms: impl Fn(u32, Instant) -> i64) -> Self {
        let mut world = recent(400);
        let from = NOW - TimeDelta::hours(30);
        let mut all = Vec::new();
        for number in 0..TICKETS + 50 {
            let at = from + TimeDelta::milliseconds((number * apart_ms).into());
            let mut ticket = Ticket::new(object_id(at, number.into()), at);
            if number < TICKETS && !(number as usize).is_multiple_of(FIRST) {
                ticket.resolve(at + TimeDelta::minutes(1));
            }
            all.push((ticket.id.clone(), at));
            world.insert(ticket);
        }
        let desk = copied(world, quirks).await;
        let spare = all.split_off(TICKETS as usize);
        let mut times = Vec::new();
        for (number, (id, at)) in (0..).zip(&all) {
            let time_ms = time_ms(number, *at);
            edit(&desk, id, |ticket| {
                ticket.status = "Resolved".into();
                ticket.resolution_time_ms = Some(time_ms);
            });
            times.push((time_ms, id.clone()));
        }
        times.sort_by_key(|(time_ms, _)| std::cmp::Reverse(*time_ms));
        Self {
            desk,
            ids: times.into_iter().map(|(_, id)| id).collect(),
            spare: spare.into_iter().map(|(id, _)| id).collect(),
        }
    }

    /// The same with another time for each, all of last night.
    async fn distinct() -> Self {
        let resolved_at = NOW - TimeDelta::hours(6);
        Self::new(1, Quirks::default(), move |number, at| {
            (resolved_at - at).num_milliseconds() + i64::from(number) * 10_000
        })
        .await
    }

    /// The tickets whose row is not what the desk has now.
    fn stale(&self) -> Vec<usize> {
        let sql =
            "SELECT id || ' ' || status || ' ' || coalesce(resolution_time_ms, '') FROM tickets";
        let stored: std::collections::HashSet<String> = self.desk.column(sql).into_iter().collect();
        let places = self.ids.iter().enumerate();
        self.desk.simulator.with_world(|world| {
            let is_stale = |(_, id): &(usize, &String)| {
                let ticket = world.ticket(id).expect("on the desk");
                let time_ms = ticket.resolution_time_ms.map(|time_ms| time_ms.to_string());
                let time_ms = time_ms.unwrap_or_default();
                !stored.contains(&format!("{id} {} {time_ms}", ticket.status))
            };
            places.filter(is_stale).map(|(place, _)| place).collect()
        })
    }
}

/// Nothing that a sync may leave out.
fn needed(desk: &Desk) -> Sync {
    Sync {
        spend: Spend::requests(0),
        ..settings(desk)
    }
}

fn is_sorted(request: &RequestInfo) -> bool {
    request.parameter("sortBy") == Some("resolutionTime")
        && request.parameter("limit") == Some("100")
}

/// Before the second page of a list by resolution time, these tickets leave it and those enter it.
fn one_exchange(leaving: Vec<String>, entering: Vec<String>, resolution_ms: i64) -> Hook {
    let mut is_over = false;
    Faults::none_but(move |request, world| {
        let is_second = is_sorted(request) && request.parameter("skip") != Some("0");
        if is_over || !is_second {
            return;
        }
        is_over = true;
        for id in &leaving {
            world.edit(id, |ticket| ticket.reopen(NOW));
        }
        for id in &entering {
            world.edit(id, |ticket| {
                ticket.status = "Resolved".into();
                ticket.resolution_time_ms = Some(resolution_ms);
            });
        }
    })
}

/// Before the second page so many tickets leave the list from some place on, and as many enter it: above
/// all others, or below. The count stays as it was.
#[tokio::test]
async fn tickets_that_leave_and_enter_a_list_between_two_pages_hide_no_other() {
    let list = List::distinct().await;
    let desk = &list.desk;
    let (world, store) = (desk.simulator.world(), desk.path());
    let kept = store.with_extension("kept");
    copy(&store, &kept);
    for (from, leaving, entering) in [
        (50, 1, 1),
        (0, 2, 2),
        (PAGE - 3, 3, 3),
        (10, 40, 40),
        (20, 40, 10),
        (30, 2, 0),
        (PAGE + 1, 1, 1),
        (PAGE * 2, 5, 5),
        (0, 0, 3),
    ] {
        for resolution_ms in [1_000, 40 * 3_600_000] {
            let what =
                format!("{leaving} leave from {from} on, {entering} enter at {resolution_ms}");
            desk.simulator.with_world(|now| *now = world.clone());
            copy(&kept, &store);
            let left = from..from + leaving;
            desk.simulator.set_hook(one_exchange(
                list.ids[left.clone()].to_vec(),
                list.spare[..entering].to_vec(),
                resolution_ms,
            ));
            let (summary, exit_code) = sync_with(desk, &needed(desk)).await.expect("a sync");
            desk.simulator.clear_hook();
            assert_eq!(exit_code, ExitCode::Complete, "{what}: {summary:?}");
            let stale = list.stale();
            let is_lost = |place: &usize| !left.contains(place);
            let lost: Vec<&usize> = stale.iter().filter(|place| is_lost(place)).collect();
            assert!(lost.is_empty(), "{what}: {lost:?}");
        }
    }
}

/// Each page but the first shows a stretch much further down, as if all above it had left, three times over.
#[tokio::test]
async fn a_list_whose_pages_never_join_is_not_vouched_for_and_is_read_by_the_next_sync() {
    let list = List::distinct().await;
    let desk = &list.desk;
    let complete = "SELECT coalesce(max(value), 0) FROM _sync WHERE name = 'complete_ms'";
    // Of its tickets: the lists of the rest of the history are proven.
    let at_ms = desk.number(&format!(
        "SELECT created_at_ms FROM _ticket_index WHERE id = '{}'",
        list.ids[TICKETS as usize / 2]
    ));
    let vouches = format!(
        "SELECT count(*) FROM _vouches
         WHERE kind = 'resolution' AND from_ms <= {at_ms} AND until_ms > {at_ms}"
    );
    let complete_ms = desk.number(complete);
    desk.simulator.set_hook(Box::new(|request, _| {
        let skip: u32 = request.parameter("skip")?.parse().expect("a number");
        let is_moved = is_sorted(request) && skip > 0;
        is_moved.then(|| {
            let mut other = request.clone();
            for (name, value) in &mut other.parameters {
                if name == "skip" {
                    *value = (skip + 250).to_string();
                }
            }
            Fault::AnswerTo(Box::new(other))
        })
    }));
    desk.simulator.clear_requests();
    let (summary, exit_code) = sync_with(desk, &needed(desk)).await.expect("a sync");
    assert_eq!(exit_code, ExitCode::Incomplete, "{summary:?}");
    let reasons: Vec<&str> = summary
        .summary
        .unverified
        .iter()
        .map(|one| one.reason.as_str())
        .collect();
    assert_eq!(reasons.len(), 1, "{summary:?}");
    assert!(reasons[0].contains("entered and left"), "{reasons:?}");
    assert_eq!(desk.number(complete), complete_ms);
    assert_eq!(desk.number(&vouches), 0);
    assert!(!list.stale().is_empty());
    let pages = desk.simulator.requests();
    let pages = pages
        .iter()
        .filter(|one| one.query.contains("sortBy=resolutionTime"));
    assert!(pages.count() <= 30, "{summary:?}");
    desk.simulator.clear_hook();
    let (summary, exit_code) = sync_with(desk, &needed(desk)).await.expect("a sync");
    assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
    assert_eq!(list.stale(), Vec::<usize>::new(), "{summary:?}");
    assert!(desk.number(&vouches) > 0);
}

/// More tickets than a page holds took the same time, to the millisecond: one after the other, and created
/// in one millisecond too.
#[tokio::test]
async fn tickets_of_one_resolution_time_that_were_resolved_again_are_all_found() {
    for apart_ms in [1, 0] {
        for has_shuffled_ties in [false, true] {
            let quirks = Quirks {
                has_shuffled_ties,
                ..Quirks::default()
            };
            let time_ms = 24 * 3_600_000;
            let list = List::new(apart_ms, quirks, |_, _| time_ms).await;
            let desk = &list.desk;
            let (summary, exit_code) = sync_with(desk, &needed(desk)).await.expect("a sync");
            let what = format!("{apart_ms} {has_shuffled_ties}: {summary:?}");
            assert_eq!(exit_code, ExitCode::Complete, "{what}");
            assert_eq!(list.stale(), Vec::<usize>::new(), "{what}");
            let requests = requests_of(&summary, "resolved");
            assert!(requests <= 120, "{requests}: {what}");
        }
    }
}

/// One whose resolution time cannot be read is the last one of a page.
#[tokio::test]
async fn a_resolution_time_that_cannot_be_read_ends_no_list() {
    let list = List::distinct().await;
    let desk = &list.desk;
    let unread = list.ids[PAGE - 1].clone();
    desk.simulator.set_hook(Box::new(move |request, _| {
        let unread = unread.clone();
        request.is_for_tickets().then(|| {
            Fault::edit_tickets(move |ticket| {
                if ticket["id"] == unread.as_str() {
                    ticket["resolutionTime"] = serde_json::json!("long");
                }
            })
        })
    }));
    let (summary, _) = sync_with(desk, &needed(desk)).await.expect("a sync");
    assert_eq!(list.stale(), [PAGE - 1], "{summary:?}");
    assert!(summary.summary.unverified.is_empty(), "{summary:?}");
    // Nothing was left to plain pages.
    let confirm = step_of(&summary, "confirm");
    assert_eq!(confirm.map(|step| step.requests), Some(0), "{summary:?}");
}

//! Each window ends with a count on a connection of its own: what answers left out is found, and what
//! cannot be found is told.

mod accepted;
mod losses;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use chrono::TimeDelta;
use mava_export::error::ExitCode;
use mava_export::report::Summary;
use mava_export::settings::Filters;
use mava_export::simulator::{Directory, Faults, Hook, SimulatorSpec, Ticket, World, object_id};
use mava_export::window;

use crate::support::Desk;

/// 950 tickets in two past months.
fn world() -> World {
    let from = window::parse("2024-02-01").expect("a date");
    World::regular(from, TimeDelta::minutes(90), 950)
}

/// Those tickets of a world whose place is so.
fn part(world: &World, is_in: impl Fn(usize) -> bool) -> World {
    let tickets = world.tickets().enumerate();
    let kept = tickets.filter(|(place, _)| is_in(*place));
    World::new(
        Directory::default(),
        kept.map(|(_, ticket)| ticket.clone()).collect(),
    )
}

/// A desk of one window, read one page after the other.
async fn desk(world: World) -> Desk {
    let mut desk = Desk::open(SimulatorSpec::new(world)).await;
    desk.settings.since = window::parse("2024-01-01").expect("a date");
    desk.settings.until = Some(window::parse("2024-06-01").expect("a date"));
    desk.settings.max_lanes = 1;
    desk
}

/// From each of these answers on, counted from 1, the desk is another.
fn worlds(mut from: Vec<(u64, World)>) -> Hook {
    let mut answer = 0;
    Box::new(move |request, world| {
        if request.is_for_tickets() {
            answer += 1;
            if let Some(place) = from.iter().position(|(first, _)| *first == answer) {
                *world = from.swap_remove(place).1;
            }
        }
        None
    })
}

/// Requests that only count.
fn counts(desk: &Desk) -> usize {
    let requests = desk.simulator.requests();
    // One in which nothing is held is counted with a ticket beside it.
    let is_count = |query: &str| query.contains("limit=1&") || query.contains("limit=2&");
    requests.iter().filter(|one| is_count(&one.query)).count()
}

#[track_caller]
fn assert_whole(desk: &Desk, (summary, exit_code): &(Summary, ExitCode), what: &str) {
    assert_eq!(*exit_code, ExitCode::Complete, "{what}: {summary:?}");
    assert_eq!(desk.live_ids(), desk.world_ids(), "{what}");
    for window in &summary.windows {
        assert_eq!(window.counted, window.stored, "{what}: {window:?}");
    }
    let flagged = desk.number("SELECT count(*) FROM tickets WHERE deleted_at IS NOT NULL");
    assert_eq!(flagged, 0, "{what}");
    let requests = i64::try_from(desk.simulator.requests().len()).expect("few");
    let sum = "SELECT sum(requests) FROM snapshots";
    assert_eq!(desk.number(sum), requests, "{what}");
}

#[tokio::test]
async fn one_answer_from_a_copy_without_every_second_ticket_loses_none() {
    let all = world();
    for answer in 1..=12 {
        let desk = desk(all.clone()).await;
        let lacking = part(&all, |place| place % 2 == 0);
        desk.simulator
            .set_hook(worlds(vec![(answer, lacking), (answer + 1, all.clone())]));
        let ended = desk.backfill().await.expect("ends");
        assert_whole(&desk, &ended, &format!("answer {answer}"));
    }
}

#[tokio::test]
async fn a_moment_of_empty_answers_loses_no_ticket() {
    let all = world();
    for (first, answers) in [
        (2, 3),
        (1, 1),
        (1, 2),
        (3, 4),
        (5, 3),
        (9, 2),
        (10, 3),
        (11, 1),
    ] {
        let desk = desk(all.clone()).await;
        desk.simulator.set_hook(worlds(vec![
            (first, World::empty()),
            (first + answers, all.clone()),
        ]));
        let ended = desk.backfill().await.expect("ends");
        let what = format!("answers {first} to {}", first + answers - 1);
        assert_whole(&desk, &ended, &what);
    }
}

/// What is left beside a crowded millisecond is reckoned from what was counted before it; where answers about the
/// crowd are empty, that is too much, and nothing that was lost.
#[tokio::test]
async fn a_moment_of_empty_answers_amid_a_crowd_loses_no_ticket() {
    let mut all = part(&world(), |place| place < 200);
    let crowded = all.tickets().nth(150).expect("a ticket").created_at;
    all.insert_burst(crowded, 250);
    for first in 2..=14 {
        for answers in 1..=3 {
            let desk = desk(all.clone()).await;
            desk.simulator.set_hook(worlds(vec![
                (first, World::empty()),
                (first + answers, all.clone()),
            ]));
            let ended = desk.backfill().await.expect("ends");
            let what = format!("answers {first} to {}", first + answers - 1);
            assert_whole(&desk, &ended, &what);
        }
    }
}

#[tokio::test]
async fn one_answer_that_holds_only_one_half_and_adds_up_loses_no_ticket() {
    let all = world();
    for is_newer in [true, false] {
        let desk = desk(all.clone()).await;
        let half = part(&all, |place| (place >= 475) == is_newer);
        desk.simulator
            .set_hook(worlds(vec![(1, half), (2, all.clone())]));
        let ended = desk.backfill().await.expect("ends");
        assert_whole(&desk, &ended, &format!("newer {is_newer}"));
    }
}

#[tokio::test]
async fn a_desk_that_loses_half_of_its_tickets_while_it_is_read_is_not_called_complete() {
    let all = world();
    for answer in 2..=10 {
        let mut desk = desk(all.clone()).await;
        let half = part(&all, |place| place % 2 == 0);
        desk.simulator.set_hook(worlds(vec![(answer, half)]));
        let (summary, exit_code) = desk.backfill().await.expect("ends");
        let what = format!("answer {answer}: {summary:?}");
        let flagged = desk.number("SELECT count(*) FROM tickets WHERE deleted_at IS NOT NULL");
        // One page is not yet so much that it is not believed.
        if answer == 2 {
            assert!(flagged <= 50, "{what}");
            continue;
        }
        assert_eq!(exit_code, ExitCode::Incomplete, "{what}");
        assert_eq!(flagged, 0, "{what}");
        assert!(!summary.windows[0].is_settled, "{what}");
        let is_told = |text: &String| text.contains("--allow-deletions");
        let told = summary.remarks.iter().any(is_told)
            || summary.unverified.iter().any(|one| is_told(&one.reason));
        assert!(told, "{what}");
        // A person says that it is so.
        desk.settings.allow_deletions = true;
        let (summary, exit_code) = desk.backfill().await.expect("ends");
        assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
        assert_eq!(desk.live_ids(), desk.world_ids(), "{answer}");
    }
}

#[tokio::test]
async fn an_undisturbed_backfill_costs_one_count_a_window() {
    let mut desk = desk(world()).await;
    desk.settings.since = window::parse("2021-06-01").expect("a date");
    for _ in 0..2 {
        desk.simulator.clear_requests();
        let (summary, exit_code) = desk.backfill().await.expect("ends");
        assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
        assert_eq!(summary.windows.len(), 4);
        assert_eq!(counts(&desk), 4);
        let stored: Vec<u64> = summary.windows.iter().map(|one| one.stored).collect();
        assert_eq!(stored.iter().sum::<u64>(), 950);
        assert!(summary.windows.iter().all(|one| one.note.is_none()));
    }
    // Two windows of no ticket, read twice; the pages of the others; the recognition of the desk; two
    // lists. The counts are all that is new.
    assert_eq!(
        desk.simulator.requests().len() - counts(&desk),
        2 + 1 + 6 + 10
    );
}

#[tokio::test]
async fn a_run_stopped_before_its_count_is_counted_by_the_next_and_only_once() {
    let mut desk = desk(world()).await;
    let cancel = desk.cancel.clone();
    desk.simulator.set_hook(Faults::none_but(move |request, _| {
        if request.parameter("limit") == Some("1") {
            cancel.cancel();
        }
    }));
    // The count was under way; of the two ends of that race both are right.
    let (_, exit_code) = desk.backfill().await.expect("ends");
    let is_over = exit_code == ExitCode::Complete;
    desk.cancel = tokio_util::sync::CancellationToken::new();
    desk.simulator.clear_hook();
    desk.simulator.clear_requests();
    if !is_over {
        let (summary, exit_code) = desk.backfill().await.expect("ends");
        assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
        assert!(summary.is_resumed);
        assert_eq!(summary.windows[0].counted, 950);
    }
    assert_eq!(desk.simulator.requests().len(), usize::from(!is_over));
    assert_eq!(desk.live_ids(), desk.world_ids());
}

#[tokio::test]
async fn what_answers_announced_is_held_against_the_end_over_a_stop() {
    let all = world();
    let mut desk = desk(all.clone()).await;
    let cancel = desk.cancel.clone();
    let mut answers = 0;
    desk.simulator.set_hook(Faults::none_but(move |request, _| {
        answers += u64::from(request.is_for_tickets());
        if answers == 3 {
            cancel.cancel();
        }
    }));
    let (_, exit_code) = desk.backfill().await.expect("ends");
    assert_eq!(exit_code, ExitCode::Interrupted);
    desk.cancel = tokio_util::sync::CancellationToken::new();
    desk.simulator.clear_hook();
    // All that follows comes from a copy with a part of the desk; what was read stays.
    let lacking = part(&all, |place| place < 300 || place % 2 == 0);
    desk.simulator.with_world(|world| *world = lacking);
    let (summary, exit_code) = desk.backfill().await.expect("ends");
    assert_eq!(exit_code, ExitCode::Incomplete, "{summary:?}");
    assert!(!summary.unverified.is_empty(), "{summary:?}");
    desk.simulator.with_world(|world| *world = all);
    let (summary, exit_code) = desk.backfill().await.expect("ends");
    assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
    assert_eq!(desk.live_ids(), desk.world_ids());
}

#[tokio::test]
async fn a_filtered_list_is_compared_by_id_and_a_change_is_no_loss() {
    let all = world();
    let open = |world: &World| {
        let mut ids: Vec<String> = world
            .tickets()
            .filter(|ticket| ticket.status == "Open")
            .map(|ticket| ticket.id.clone())
            .collect();
        ids.sort();
        ids
    };
    let mut mixed = all.clone();
    for (place, id) in open(&all).iter().enumerate() {
        if place % 3 == 0 {
            mixed.edit(id, |ticket| ticket.status = "Pending".into());
        }
    }
    let stored = "SELECT id FROM tickets WHERE status = 'Open' AND deleted_at IS NULL ORDER BY id";
    for case in ["short", "resolved", "deleted"] {
        let mut desk = desk(mixed.clone()).await;
        desk.settings.filters = Filters {
            status: vec!["Open".to_owned()],
            ..Filters::default()
        };
        let listed = open(&mixed);
        let full = mixed.clone();
        let lacking = part(&mixed, |place| place % 2 == 0);
        let mut answers = 0;
        desk.simulator
            .set_hook(Faults::none_but(move |request, world| {
                answers += u64::from(request.is_for_tickets());
                match (case, answers) {
                    ("short", 1) => *world = lacking.clone(),
                    ("short", 2) => *world = full.clone(),
                    ("resolved", 4) => {
                        for id in &listed[..40] {
                            world.edit(id, |ticket| ticket.status = "Resolved".into());
                        }
                    }
                    ("deleted", 4) => {
                        for id in &listed[3..6] {
                            world.remove(id);
                        }
                    }
                    _ => {}
                }
            }));
        let (summary, exit_code) = desk.backfill().await.expect("ends");
        assert_eq!(exit_code, ExitCode::Complete, "{case}: {summary:?}");
        let flagged = desk.number("SELECT count(*) FROM tickets WHERE deleted_at IS NOT NULL");
        assert_eq!(flagged, 0, "{case}");
        let mut expected = desk.simulator.with_world(|world| open(world));
        let found = desk.column(stored);
        if case == "deleted" {
            // A filtered run never flags a ticket, and says so.
            assert!(summary.remarks[0].contains("3 tickets"), "{summary:?}");
            expected.extend(open(&mixed)[3..6].iter().cloned());
            expected.sort();
        }
        assert_eq!(found, expected, "{case}");
    }
}

#[tokio::test]
async fn what_was_created_ten_minutes_before_a_run_is_not_flagged_by_it() {
    let mut desk = Desk::open(SimulatorSpec::new(world())).await;
    let began = window::parse("2024-05-01T12:00:00Z").expect("an instant");
    desk.simulator.set_now(Some(began));
    desk.settings.since = window::parse("2024-01-01").expect("a date");
    desk.settings.until = None;
    desk.settings.max_lanes = 1;
    let young: Vec<Ticket> = (1..=3)
        .map(|number| {
            let at = began - TimeDelta::minutes(number);
            Ticket::new(object_id(at, number.cast_unsigned()), at)
        })
        .collect();
    for ticket in &young {
        desk.simulator
            .with_world(|world| world.insert(ticket.clone()));
    }
    // One of them is not shown any more once all has been read.
    let gone = young[0].id.clone();
    desk.simulator
        .set_hook(Faults::none_but(move |request, world| {
            if request.parameter("limit") == Some("1") {
                world.remove(&gone);
            }
        }));
    let (summary, exit_code) = desk.backfill().await.expect("ends");
    assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
    assert_eq!(summary.tickets_deleted, 0);
    assert!(summary.remarks[0].contains("ten minutes"), "{summary:?}");
    assert_eq!(desk.live_ids().len(), 953);
    // An hour later nobody doubts it.
    desk.simulator.clear_hook();
    desk.simulator.set_now(Some(began + TimeDelta::hours(1)));
    let (summary, exit_code) = desk.backfill().await.expect("ends");
    assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
    assert_eq!(summary.tickets_deleted, 1);
    assert_eq!(desk.live_ids(), desk.world_ids());
}

#[tokio::test]
async fn a_range_without_an_end_ends_at_the_servers_clock() {
    let mut desk = Desk::open(SimulatorSpec::new(world())).await;
    let began = window::parse("2024-03-01T12:00:00Z").expect("an instant");
    desk.simulator.set_now(Some(began));
    desk.settings.since = window::parse("2024-01-01").expect("a date");
    desk.settings.until = None;
    let (summary, exit_code) = desk.backfill().await.expect("ends");
    assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
    assert_eq!(summary.range_until, "2024-03-01T12:00:00.000Z");
    let until = "SELECT max(created_at) FROM tickets";
    assert!(desk.column(until)[0].as_str() < summary.range_until.as_str());
}

#[tokio::test]
async fn tickets_that_cannot_be_stored_are_counted_where_they_stand() {
    let desk = desk(world()).await;
    desk.simulator.set_hook(Faults::always(|_| {
        mava_export::simulator::Fault::edit_tickets(|ticket| {
            let id = ticket["id"].as_str().unwrap_or_default();
            if id.ends_with('7') {
                ticket
                    .as_object_mut()
                    .expect("a ticket")
                    .remove("createdAt");
            }
        })
    }));
    let (summary, exit_code) = desk.backfill().await.expect("ends");
    assert_eq!(exit_code, ExitCode::Incomplete, "{summary:?}");
    assert!(summary.rejects > 10, "{summary:?}");
    let window = &summary.windows[0];
    assert!(window.is_settled, "{summary:?}");
    assert_eq!(window.counted, 950);
    assert_eq!(window.stored + window.rejected, 950, "{window:?}");
    assert_eq!(counts(&desk), 1);
}

/// A server before the simulator on whose kept-alive connections each answer from one on is that of
/// the request before: a second answer came late.
fn shifted(simulator: String, from: usize) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    #[expect(clippy::disallowed_methods, reason = "a server that is no simulator")]
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let simulator = simulator.clone();
            std::thread::spawn(move || converse(client, &simulator, from));
        }
    });
    format!("http://{address}")
}

fn converse(mut client: TcpStream, simulator: &str, from: usize) {
    let mut before: Option<Vec<u8>> = None;
    let mut number = 0;
    while let Some(request) = request(&mut client) {
        number += 1;
        let Ok(mut server) = TcpStream::connect(simulator) else {
            return;
        };
        let closing = request.replacen("\r\n", "\r\nconnection: close\r\n", 1);
        if server.write_all(closing.as_bytes()).is_err() {
            return;
        }
        let mut answer = Vec::new();
        if server.read_to_end(&mut answer).is_err() {
            return;
        }
        let text = String::from_utf8_lossy(&answer).replacen("connection: close\r\n", "", 1);
        let answer = text.into_bytes();
        let sent = match before.replace(answer.clone()) {
            Some(before) if number >= from => before,
            _ => answer,
        };
        if client.write_all(&sent).is_err() {
            return;
        }
    }
}

/// One request's head; `None` where the client is gone.
fn request(client: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        match client.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            _ => return None,
        }
    }
    String::from_utf8(head).ok()
}

#[tokio::test]
async fn a_late_answer_on_a_kept_connection_loses_no_ticket() {
    for from in 2..=14 {
        let mut desk = Desk::open_apart(SimulatorSpec::new(world()));
        desk.settings.since = window::parse("2022-01-01").expect("a date");
        desk.settings.until = Some(window::parse("2024-06-01").expect("a date"));
        desk.settings.max_lanes = 1;
        let simulator = desk.simulator.base_url().replace("http://", "");
        desk.connection.base_url = shifted(simulator, from).parse().expect("a URL");
        let ended = desk.backfill().await.expect("ends");
        assert_whole(&desk, &ended, &format!("from request {from}"));
    }
}

#[tokio::test]
async fn a_ticket_with_two_creations_is_told_by_name() {
    let all = world();
    let desk = desk(all.clone()).await;
    let twice = all.tickets().nth(100).expect("a ticket").clone();
    let other = all.tickets().nth(700).expect("a ticket").id.clone();
    let id = twice.id.clone();
    desk.simulator.set_hook(Faults::always(move |_| {
        let (id, other) = (id.clone(), other.clone());
        mava_export::simulator::Fault::edit_tickets(move |ticket| {
            if ticket["id"] == other.as_str() {
                ticket["id"] = id.clone().into();
            }
        })
    }));
    let (summary, exit_code) = desk.backfill().await.expect("ends");
    assert_eq!(exit_code, ExitCode::Incomplete, "{summary:?}");
    assert_eq!(desk.live_ids().len(), 949);
    let is_named =
        |remark: &String| remark.contains(&twice.id) && remark.contains("two tickets of one id");
    assert!(summary.remarks.iter().any(is_named), "{summary:?}");
    assert!(summary.unverified.is_empty(), "{summary:?}");
}

/// In past months, while the last pages are read or just before the count.
#[tokio::test]
async fn what_is_created_or_deleted_between_page_and_count_is_found() {
    for point in 8..=11 {
        for is_deleted in [true, false] {
            let desk = desk(world()).await;
            let mut answers = 0;
            desk.simulator
                .set_hook(Faults::none_but(move |request, world| {
                    answers += u64::from(request.is_for_tickets());
                    if answers != point {
                        return;
                    }
                    answers += 1_000;
                    for place in [10, 400, 700] {
                        let ticket = world.tickets().nth(place).expect("a ticket").clone();
                        let at = ticket.created_at + TimeDelta::milliseconds(5);
                        match is_deleted {
                            true => {
                                world.remove(&ticket.id);
                            }
                            false => {
                                let id = object_id(at, 0xee_0000 + point);
                                world.insert(Ticket::new(id, at));
                            }
                        }
                    }
                }));
            let (summary, exit_code) = desk.backfill().await.expect("ends");
            let what = format!("{point} {is_deleted}: {summary:?}");
            assert_eq!(exit_code, ExitCode::Complete, "{what}");
            assert_eq!(desk.live_ids(), desk.world_ids(), "{what}");
            assert!(summary.windows[0].note.is_some(), "{what}");
        }
    }
}

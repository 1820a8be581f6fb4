//! Each step of a sync against an API that refuses, ties, hides or repeats: the step does what it
//! can, says what it could not, and the steps that must succeed decide what was seen.

use std::sync::Arc;

use chrono::{TimeDelta, Utc};
use mava_export::api::Client;
use mava_export::commands::{self, Context};
use mava_export::error::ExitCode;
use mava_export::refresh::Effort;
use mava_export::report::{Progress, SyncSummary};
use mava_export::settings::Sync;
use mava_export::simulator::{
    Fault, Faults, Quirks, ResolutionTime, SimulatorSpec, Ticket, World, WorldSpec, object_id,
};
use mava_export::store::{CampaignWindow, Field, Group, OpenOptions, Store};
use mava_export::table::{Instant, RunKind};
use mava_export::window::Window;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::support::Desk;

const DAY_MS: i64 = 86_400_000;

#[expect(
    clippy::disallowed_methods,
    reason = "the simulator's clock is the real one"
)]
fn now() -> Instant {
    Instant::from_timestamp_millis(Utc::now().timestamp_millis()).expect("in range")
}

/// A desk of the last 300 days, up to yesterday.
fn recent(tickets: usize) -> World {
    World::generate(&WorldSpec {
        seed: 11,
        tickets,
        from: now() - TimeDelta::days(300),
        until: now() - TimeDelta::days(1) - TimeDelta::minutes(30),
        mean_messages: 0.0,
    })
}

fn settings(desk: &Desk) -> Sync {
    Sync {
        kind: RunKind::Backfill,
        since: None,
        effort: Effort::Default,
        refresh_within_days: 360,
        full_below: 0,
        is_full: false,
        max_requests: None,
        has_messages: true,
        max_lanes: 4,
        allow_deletions: false,
        store: desk.settings.store.clone(),
    }
}

async fn sync_with(desk: &Desk, settings: &Sync) -> (SyncSummary, ExitCode) {
    let context = Context {
        client: Arc::new(Client::new(&desk.connection, rand::random).expect("a client")),
        cancel: desk.cancel.clone(),
        progress: watch::Sender::new(Progress::default()),
    };
    commands::sync(&context, settings).await.expect("a sync")
}

async fn sync(desk: &Desk) -> (SyncSummary, ExitCode) {
    sync_with(desk, &settings(desk)).await
}

/// A desk that is to be copied, on the day before.
async fn opened(world: World, quirks: Quirks) -> Desk {
    let mut desk = Desk::open(SimulatorSpec {
        quirks,
        ..SimulatorSpec::new(world)
    })
    .await;
    let yesterday = now() - TimeDelta::days(1);
    desk.simulator.set_now(Some(yesterday));
    desk.settings.since = now() - TimeDelta::days(301);
    desk.settings.until = None;
    desk
}

/// A desk that was copied yesterday.
async fn copied(world: World, quirks: Quirks) -> Desk {
    let desk = opened(world, quirks).await;
    let (_, exit_code) = desk.backfill().await.expect("a backfill");
    assert_eq!(exit_code, ExitCode::Complete);
    desk.simulator.set_now(None);
    desk
}

fn ids(desk: &Desk, is_so: impl Fn(&Ticket) -> bool) -> Vec<String> {
    desk.simulator.with_world(|world| {
        let tickets = world.tickets().filter(|ticket| is_so(ticket));
        tickets.map(|ticket| ticket.id.clone()).collect()
    })
}

fn edit(desk: &Desk, id: &str, change: impl FnOnce(&mut Ticket)) {
    desk.simulator
        .with_world(|world| world.edit(id, change).expect("such a ticket"));
}

fn is_open(ticket: &Ticket) -> bool {
    ticket.status.as_ref() != "Resolved"
}

/// Resolved, and created so many days ago at least.
fn is_old(ticket: &Ticket, days: i64) -> bool {
    !is_open(ticket) && now() - ticket.created_at > TimeDelta::days(days)
}

/// Every live ticket is stored with the status, the rating and the resolution time it has.
#[track_caller]
fn assert_current(desk: &Desk) {
    let mut expected: Vec<String> = desk.simulator.with_world(|world| {
        let line = |ticket: &Ticket| {
            let csat = ticket.csat.map(|csat| csat.to_string()).unwrap_or_default();
            format!("{} {} {csat}", ticket.id, ticket.status)
        };
        world.tickets().map(line).collect()
    });
    expected.sort();
    let stored = desk.column(
        "SELECT id || ' ' || status || ' ' || coalesce(csat, '') FROM tickets
         WHERE deleted_at IS NULL ORDER BY id",
    );
    assert_eq!(stored.len(), expected.len());
    let wrong = expected
        .iter()
        .zip(&stored)
        .find(|(one, other)| one != other);
    assert_eq!(wrong, None);
}

/// Answers 400 to ticket lists with this parameter.
fn refuse(desk: &Desk, parameter: &'static str) {
    desk.simulator.set_hook(Box::new(move |request, _| {
        let is_refused = request.is_for_tickets() && request.parameter(parameter).is_some();
        is_refused.then_some(Fault::Status(400))
    }));
}

fn has_remark(summary: &SyncSummary, part: &str) -> bool {
    let mut remarks = summary.summary.remarks.iter();
    remarks.any(|remark| remark.contains(part))
}

fn requests_of(summary: &SyncSummary, step: &str) -> u64 {
    let step = summary.steps.iter().find(|one| one.step.word() == step);
    step.map_or(0, |step| step.requests)
}

const COMPLETE: &str = "SELECT coalesce(max(value), 0) FROM _sync WHERE name = 'complete_ms'";

#[tokio::test]
async fn ratings_that_the_api_refuses_to_list_cost_a_remark_and_not_the_sync() {
    let desk = copied(recent(1_500), Quirks::default()).await;
    let open = ids(&desk, is_open);
    edit(&desk, &open[0], |ticket| ticket.resolve(now()));
    refuse(&desk, "csatValues");
    let (summary, exit_code) = sync(&desk).await;
    assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
    assert!(has_remark(&summary, "ratings ended early"), "{summary:?}");
    assert!(requests_of(&summary, "deletions") > 0, "{summary:?}");
    assert!(
        desk.number(COMPLETE) > 0,
        "nothing before this sync is sure"
    );
    assert!(desk.number("SELECT count(*) FROM _hazards") > 0);
    assert_current(&desk);
}

#[tokio::test]
async fn a_tag_that_the_api_refuses_is_looked_for_no_more() {
    let desk = copied(recent(1_500), Quirks::default()).await;
    let insert = "INSERT INTO _suspicions VALUES ('tag', 'no-such-tag', ?1, ?2)";
    for ticket in ["one", "other"] {
        let at_ms = now().timestamp_millis();
        let inserted = desk.sqlite().execute(insert, (ticket, at_ms));
        assert_eq!(inserted, Ok(1));
    }
    refuse(&desk, "tags");
    let (summary, exit_code) = sync(&desk).await;
    assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
    assert!(has_remark(&summary, "refused"), "{summary:?}");
    let left = "SELECT count(*) FROM _suspicions WHERE value = 'no-such-tag'";
    assert_eq!(desk.number(left), 0);
}

#[tokio::test]
async fn everything_is_read_in_time_though_it_takes_more_than_the_usual_cap() {
    let desk = copied(recent(20_000), Quirks::default()).await;
    let often = Sync {
        refresh_within_days: 5,
        ..settings(&desk)
    };
    for night in 0..7 {
        let at = now() + TimeDelta::days(night);
        desk.simulator.set_now(Some(at));
        let (summary, _) = sync_with(&desk, &often).await;
        let oldest = desk.number("SELECT min(verified_at_ms) FROM _ticket_index");
        let age = at.timestamp_millis() - oldest;
        assert!(age <= 5 * DAY_MS, "night {night}: {age} ms, {summary:?}");
        assert!(requests_of(&summary, "campaigns") > 0, "{summary:?}");
    }
    let capped = Sync {
        max_requests: Some(25),
        ..often
    };
    let at = now() + TimeDelta::days(8);
    desk.simulator.set_now(Some(at));
    let (summary, _) = sync_with(&desk, &capped).await;
    assert!(summary.summary.requests <= 25, "{summary:?}");
    assert!(
        has_remark(&summary, "unread for about 5 days"),
        "{summary:?}"
    );
}

#[tokio::test]
async fn tickets_of_one_millisecond_and_those_of_short_pages_are_read_in_time() {
    for largest_page in [None, Some(40)] {
        let mut world = recent(1_500);
        let at = now() - TimeDelta::days(100);
        for id in world.insert_burst(at, 250) {
            world.edit(&id, |ticket| ticket.resolve(at + TimeDelta::hours(5)));
        }
        let quirks = Quirks {
            largest_page,
            ..Quirks::default()
        };
        let desk = copied(world, quirks).await;
        let often = Sync {
            refresh_within_days: 5,
            ..settings(&desk)
        };
        for night in 0..7 {
            let at = now() + TimeDelta::days(night);
            desk.simulator.set_now(Some(at));
            let (summary, _) = sync_with(&desk, &often).await;
            let oldest = desk.number("SELECT min(verified_at_ms) FROM _ticket_index");
            let age = at.timestamp_millis() - oldest;
            assert!(age <= 5 * DAY_MS, "night {night}: {age} ms, {summary:?}");
        }
    }
}

#[tokio::test]
async fn values_on_tickets_that_are_worked_on_are_no_bulk_change() {
    let desk = copied(recent(1_200), Quirks::default()).await;
    let tags = desk.simulator.with_world(|world| {
        let tags = world.directory().tags.iter();
        tags.map(|tag| tag.id.clone()).collect::<Vec<_>>()
    });
    let open = ids(&desk, is_open);
    let young = ids(&desk, |ticket| !is_old(ticket, 5) && !is_open(ticket));
    for night in 0..12 {
        for (number, id) in open.iter().chain(&young).enumerate() {
            let tag = tags[(number + night) % tags.len()].clone();
            edit(&desk, id, |ticket| ticket.tag_ids = vec![tag]);
        }
        let hours = i64::try_from(night).expect("few") * 3;
        desk.simulator
            .set_now(Some(now() + TimeDelta::hours(hours * 8)));
        sync(&desk).await;
        let found = desk.column("SELECT value FROM _campaigns");
        assert!(night > 1 || found.is_empty(), "night {night}: {found:?}");
    }
    assert_eq!(desk.number("SELECT count(*) FROM _campaigns"), 0);
}

#[tokio::test]
async fn a_window_of_a_bulk_change_takes_the_place_of_those_it_overlaps() {
    let desk = copied(recent(200), Quirks::default()).await;
    let options = OpenOptions {
        file_mode: None,
        now: now(),
    };
    let mut store = Store::open(&desk.path(), &options).expect("a store");
    let group = Group {
        field: Field::Tag,
        value: "some".to_owned(),
    };
    for shift_ms in [0, DAY_MS, 2 * DAY_MS, 400 * DAY_MS] {
        let window = Window::from_millis(shift_ms, 300 * DAY_MS + shift_ms).expect("a window");
        let campaign = CampaignWindow {
            group: group.clone(),
            window,
            position_ms: shift_ms,
        };
        store
            .commit_campaign(&campaign, Some(shift_ms))
            .expect("written");
    }
    let positions: Vec<i64> = store
        .campaigns()
        .expect("read")
        .iter()
        .map(|campaign| campaign.position_ms)
        .collect();
    assert_eq!(positions, [400 * DAY_MS, 2 * DAY_MS]);
}

/// A ticket that comes without its id cannot be stored: it is counted by the API and located by the run that met it.
#[tokio::test]
async fn a_ticket_that_cannot_be_stored_is_located_once() {
    let world = recent(3_000);
    let hidden = world.id_at(1_200).expect("a ticket");
    let desk = opened(world, Quirks::default()).await;
    desk.simulator.set_hook(Box::new(move |request, _| {
        let hidden = hidden.clone();
        request.is_for_tickets().then(|| {
            Fault::edit_tickets(move |ticket| {
                if ticket["id"] == json!(hidden) {
                    ticket["id"] = Value::Null;
                }
            })
        })
    }));
    desk.backfill().await.expect("a backfill");
    let mut spent = Vec::new();
    for night in 0..4 {
        desk.simulator.set_now(Some(now() + TimeDelta::days(night)));
        let (summary, _) = sync(&desk).await;
        assert_eq!(summary.summary.tickets_deleted, 0, "{summary:?}");
        spent.push(requests_of(&summary, "deletions"));
    }
    // The backfill has noted where it stands.
    assert!(spent.iter().all(|requests| *requests <= 1), "{spent:?}");
    assert_eq!(desk.number("SELECT count(*) FROM _rejected"), 1);
}

#[tokio::test]
async fn tickets_without_a_resolution_time_at_the_head_of_the_list_end_no_sync() {
    for timeless in [30, 1_600] {
        let desk = copied(
            {
                let mut world = recent(3_000);
                let resolved: Vec<String> = world
                    .tickets()
                    .filter(|ticket| is_old(ticket, 20))
                    .map(|ticket| ticket.id.clone())
                    .take(timeless)
                    .collect();
                assert_eq!(resolved.len(), timeless);
                for id in resolved {
                    world.edit(&id, |ticket| ticket.resolution_time_ms = None);
                }
                world
            },
            Quirks {
                has_nulls_first: true,
                ..Quirks::default()
            },
        )
        .await;
        for id in ids(&desk, is_open).iter().take(4) {
            edit(&desk, id, |ticket| ticket.resolve(now()));
        }
        let (summary, exit_code) = sync(&desk).await;
        assert_eq!(exit_code, ExitCode::Complete, "{timeless} {summary:?}");
        assert_current(&desk);
    }
}

#[tokio::test]
async fn tickets_of_one_resolution_time_in_changing_order_are_all_found() {
    let mut world = recent(2_000);
    let from = now() - TimeDelta::hours(30);
    for number in 0..350_u32 {
        let created_at = from + TimeDelta::milliseconds(number.into());
        let id = mava_export::simulator::object_id(created_at, number.into());
        world.insert(Ticket::new(id, created_at));
    }
    let quirks = Quirks {
        has_shuffled_ties: true,
        ..Quirks::default()
    };
    let desk = copied(world, quirks).await;
    for id in ids(&desk, |ticket| is_open(ticket) && ticket.created_at >= from) {
        edit(&desk, &id, |ticket| {
            ticket.resolve(ticket.created_at + TimeDelta::hours(20));
        });
    }
    let (summary, exit_code) = sync(&desk).await;
    assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
    assert_current(&desk);
}

#[tokio::test]
async fn resolution_times_of_the_first_resolution_are_noticed() {
    let quirks = Quirks {
        resolution_time: ResolutionTime::First,
        ..Quirks::default()
    };
    let desk = copied(recent(3_000), quirks).await;
    let resolved = ids(&desk, |ticket| is_old(ticket, 30));
    let again = &resolved[..30];
    for id in again {
        edit(&desk, id, |ticket| {
            ticket.first_resolution_time_ms = ticket.resolution_time_ms;
            ticket.reopen(now());
        });
    }
    let (summary, exit_code) = sync(&desk).await;
    assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
    let said = "not those of the last resolution";
    assert!(!has_remark(&summary, said), "{summary:?}");
    let next = now() + TimeDelta::days(1);
    desk.simulator.set_now(Some(next));
    for id in again {
        edit(&desk, id, |ticket| {
            ticket.resolve(next - TimeDelta::hours(2))
        });
    }
    let (summary, exit_code) = sync(&desk).await;
    assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
    assert!(has_remark(&summary, said), "{summary:?}");
    assert!(!has_remark(&summary, "one by one"), "{summary:?}");
    assert_current(&desk);
    let vouches = "SELECT count(*) FROM _vouches WHERE kind = 'resolution'";
    let before = desk.number(vouches);
    desk.simulator.set_now(Some(next + TimeDelta::days(1)));
    let (summary, _) = sync(&desk).await;
    assert!(has_remark(&summary, said), "{summary:?}");
    assert_eq!(desk.number(vouches), before);
}

#[tokio::test]
async fn ratings_are_counted_though_resolution_times_are_not_trusted() {
    let quirks = Quirks {
        resolution_time: ResolutionTime::Seconds,
        ..Quirks::default()
    };
    let desk = copied(recent(6_000), quirks).await;
    let open = ids(&desk, is_open);
    assert!(open.len() > 30, "{}", open.len());
    for id in &open {
        edit(&desk, id, |ticket| {
            ticket.reopened_at = None;
            ticket.resolve(now());
        });
    }
    let old = ids(&desk, |ticket| is_old(ticket, 50) && ticket.csat.is_none());
    for id in &old[..3] {
        edit(&desk, id, |ticket| ticket.csat = Some(4));
    }
    sync(&desk).await;
    desk.simulator.set_now(Some(now() + TimeDelta::days(1)));
    let (summary, _) = sync(&desk).await;
    assert!(has_remark(&summary, "one by one"), "{summary:?}");
    assert!(summary.ratings_outstanding.is_some(), "{summary:?}");
}

#[tokio::test]
async fn a_cap_on_requests_holds_with_second_looks_and_after_an_interruption() {
    let desk = copied(recent(6_000), Quirks::default()).await;
    let old = ids(&desk, |ticket| is_old(ticket, 100));
    for id in old.iter().step_by(60) {
        desk.simulator.with_world(|world| world.remove(id));
    }
    let capped = Sync {
        max_requests: Some(30),
        ..settings(&desk)
    };
    let (summary, _) = sync_with(&desk, &capped).await;
    assert!(summary.summary.requests <= 30, "{summary:?}");
    assert!(summary.summary.requests > 20, "{summary:?}");

    let mut desk = desk;
    let cancel = desk.cancel.clone();
    let mut seen = 0;
    desk.simulator.set_hook(Faults::none_but(move |_, _| {
        seen += 1;
        if seen == 18 {
            cancel.cancel();
        }
    }));
    let (_, exit_code) = sync_with(&desk, &capped).await;
    assert_eq!(exit_code, ExitCode::Interrupted);
    desk.simulator.clear_hook();
    desk.cancel = CancellationToken::new();
    let (summary, _) = sync_with(&desk, &capped).await;
    assert!(summary.summary.is_resumed);
    let sent = desk.number("SELECT requests FROM snapshots ORDER BY id DESC LIMIT 1");
    assert!(sent <= 32, "{sent} {summary:?}");
}

#[tokio::test]
async fn only_what_is_gone_is_flagged_by_an_api_that_counts_tickets_it_never_lists() {
    let quirks = Quirks {
        unlisted: Some(5),
        ..Quirks::default()
    };
    for is_full in [false, true] {
        let is_listed = |id: &String| !quirks.is_unlisted(id);
        let mut world = recent(2_000);
        // Which ids are never listed differs with the day, and so does what is open.
        let all: Vec<String> = world.tickets().map(|ticket| ticket.id.clone()).collect();
        let unlisted = all.iter().filter(|id| !is_listed(id)).take(2);
        for id in unlisted.chain(all.iter().filter(|id| is_listed(id)).take(2)) {
            world.edit(id, |ticket| {
                ticket.status = "Open".into();
                ticket.resolution_time_ms = None;
                ticket.csat = None;
            });
        }
        let desk = copied(world, Quirks::default()).await;
        let mut world = desk.simulator.world();
        let open = ids(&desk, is_open);
        assert!(open.iter().any(|id| quirks.is_unlisted(id)));
        let gone: Vec<String> = open.into_iter().filter(is_listed).step_by(4).collect();
        assert!(!gone.is_empty());
        for id in &gone {
            world.remove(id);
        }
        let desk = desk
            .served_by(SimulatorSpec {
                quirks,
                ..SimulatorSpec::new(world)
            })
            .await;
        let settings = Sync {
            is_full,
            ..settings(&desk)
        };
        let (summary, exit_code) = sync_with(&desk, &settings).await;
        assert_eq!(exit_code, ExitCode::Incomplete, "{summary:?}");
        let mut flagged = desk.column("SELECT id FROM tickets WHERE deleted_at IS NOT NULL");
        flagged.sort();
        let mut expected = gone;
        expected.sort();
        if is_full {
            // A listing that does not add up is no evidence.
            expected.clear();
        }
        assert_eq!(flagged, expected, "{summary:?}");
    }
}

#[tokio::test]
async fn a_desk_that_seldom_resolves_leaves_something_to_the_optional_steps() {
    let mut world = recent(6_000);
    let ids: Vec<String> = world.tickets().map(|ticket| ticket.id.clone()).collect();
    for id in ids.iter().take(5_200) {
        world.edit(id, |ticket| {
            ticket.status = "Open".into();
            ticket.resolution_time_ms = None;
            ticket.csat = None;
        });
    }
    let desk = copied(world, Quirks::default()).await;
    sync(&desk).await;
    desk.simulator.set_now(Some(now() + TimeDelta::days(1)));
    // One of another status is looked for in a needed step.
    desk.simulator.with_world(|world| {
        let is_resolved = |id: &&String| {
            let ticket = world.ticket(id).expect("there");
            ticket.status == "Resolved"
        };
        let gone = ids.iter().skip(5_600).find(is_resolved);
        world.remove(gone.expect("a resolved ticket"));
    });
    let (summary, exit_code) = sync(&desk).await;
    assert!(requests_of(&summary, "open") > 50, "{summary:?}");
    assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
    assert_eq!(summary.summary.tickets_deleted, 1, "{summary:?}");
    for step in ["ratings", "deletions", "refresh"] {
        assert!(requests_of(&summary, step) > 0, "{step}: {summary:?}");
    }
    assert!(
        !has_remark(&summary, "the limit of --max-requests"),
        "{summary:?}"
    );
}

/// The API's clock decides where the next sync begins, unless it is far ahead.
#[tokio::test]
async fn a_clock_that_is_behind_or_far_ahead_loses_no_new_ticket() {
    for skew in [TimeDelta::hours(-1), TimeDelta::days(3)] {
        let mut desk = Desk::open(SimulatorSpec::new(recent(500))).await;
        desk.connection.clock_tolerance = std::time::Duration::from_secs(600);
        desk.settings.since = now() - TimeDelta::days(301);
        desk.settings.until = None;
        desk.simulator.set_now(Some(now() + skew));
        desk.backfill().await.expect("a backfill");
        sync(&desk).await;
        // What is created next is dated by the clock that the API dates tickets by.
        let behind = skew.min(TimeDelta::zero());
        let created_at = now() + behind + TimeDelta::seconds(30);
        desk.simulator.with_world(|world| {
            let mut ticket = Ticket::new(object_id(created_at, 9), created_at);
            ticket.status = "Resolved".into();
            world.insert(ticket);
        });
        desk.simulator
            .set_now(Some(now() + skew + TimeDelta::minutes(10)));
        let only_needed = Sync {
            max_requests: Some(1),
            ..settings(&desk)
        };
        let (summary, _) = sync_with(&desk, &only_needed).await;
        assert_eq!(summary.summary.tickets_new, 1, "{skew}: {summary:?}");
    }
}

//! A desk at work: what its clients see is what its truth says.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use chrono::{Datelike, TimeDelta, Timelike};
use mava_export::error::{Error, Result};
use mava_export::simulator::{
    Actor, Campaign, ChangeKind, Event, Evolution, Happening, Life, Simulator, SimulatorSpec,
    Story, Ticket, What, WorkSpec, World,
};
use mava_export::table::{Instant, instant_text};
use serde_json::{Value, json};

use super::{at, get, start};

/// The present of a [`desk`] as it begins.
const PRESENT: &str = "2024-04-01T00:00:00Z";

/// A desk of ten tickets a day for three months.
fn desk(seed: u64, tickets: usize) -> World {
    World::at_work(&WorkSpec {
        seed,
        tickets,
        from: at("2024-01-01T00:00:00Z"),
        until: at(PRESENT),
        ..WorkSpec::default()
    })
}

fn evolution() -> Evolution {
    Evolution {
        seed: 3,
        rate: 10.0,
        ..Evolution::default()
    }
}

/// Every ticket that the simulator serves, by id.
async fn served(simulator: &Simulator) -> BTreeMap<String, Value> {
    let mut served = BTreeMap::new();
    for page in 0.. {
        let target = format!(
            "/api/tickets?startDate=2024-01-01&endDate=2024-12-30&limit=100&skip={}&sortOrder=asc&includeMessages=true",
            100 * page
        );
        let (status, mut answer) = get(simulator, &target).await;
        assert_eq!(status, 200, "{answer}");
        let tickets = answer["tickets"].as_array_mut().expect("tickets");
        if tickets.is_empty() {
            break;
        }
        for ticket in tickets.drain(..) {
            let id = ticket["id"].as_str().expect("an id").to_owned();
            assert!(served.insert(id, ticket).is_none());
        }
    }
    served
}

/// The values that changes of one kind lead to, one after the other, and what they say was before.
fn chain(happened: &[Happening], kind: &str) -> Vec<(Option<String>, Option<String>)> {
    let of_kind = happened.iter().filter(|one| one.what.word() == kind);
    of_kind.map(|one| one.what.values()).collect()
}

/// Holds the field of a ticket against what the truth says it was at first and has become.
fn hold(
    ticket: &Value,
    field: &str,
    first: Option<String>,
    chain: &[(Option<String>, Option<String>)],
) {
    let mut value = first;
    for (from, to) in chain {
        assert_eq!(
            (&value, from == to),
            (from, false),
            "{field} of {}",
            ticket["id"]
        );
        value = to.clone();
    }
    let shown = match &ticket[field] {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    };
    assert_eq!(shown, value, "{field} of {}", ticket["id"]);
}

/// Holds a served ticket against its story.
fn hold_to_story(ticket: &Value, story: &Story, now: Instant) {
    let (opened, happened) = (story.opened(), story.happenings(now));
    let text = |value: &str| Some(value.to_owned());
    hold(
        ticket,
        "status",
        text(&opened.status),
        &chain(happened, "status"),
    );
    hold(
        ticket,
        "assignedTo",
        opened.assigned_agent_id.clone(),
        &chain(happened, "assignee"),
    );
    hold(
        ticket,
        "category",
        opened.category_id.clone(),
        &chain(happened, "category"),
    );
    let priority = opened.priority.map(|priority| priority.to_string());
    hold(ticket, "priority", priority, &chain(happened, "priority"));
    hold(ticket, "csat", None, &chain(happened, "rating"));
    hold(ticket, "aiStatus", None, &chain(happened, "ai_status"));
    let mut tags: BTreeSet<String> = opened.tag_ids.iter().cloned().collect();
    for (removed, added) in chain(happened, "tag_removed")
        .into_iter()
        .chain(chain(happened, "tag_added"))
    {
        assert!(removed.is_none() || added.is_none());
    }
    for one in happened {
        match &one.what {
            What::TagAdded(id) => assert!(tags.insert(id.to_string())),
            What::TagRemoved(id) => assert!(tags.remove(&**id)),
            _ => {}
        }
    }
    let shown = ticket["tags"].as_array().expect("tags").iter();
    let shown: Vec<&str> = shown.filter_map(Value::as_str).collect();
    assert_eq!(
        shown
            .iter()
            .map(|id| (*id).to_owned())
            .collect::<BTreeSet<_>>(),
        tags
    );
    assert_eq!(shown.len(), tags.len());
    let resolved = story
        .resolutions(now)
        .last()
        .filter(|_| ticket["status"] == "Resolved");
    let time = resolved.map(|one| (one.at - opened.created_at).num_milliseconds());
    assert_eq!(ticket["resolutionTime"], json!(time));
    let last = happened
        .last()
        .expect("a creation")
        .at
        .max(opened.created_at);
    assert_eq!(ticket["updatedAt"], instant_text(last));
    hold_thread(ticket, story, happened);
}

/// What an entry of the audit log is called.
fn entry(what: &What) -> Option<&'static str> {
    match what {
        What::Status { .. } => Some("StatusChanged"),
        What::Assignee { .. } => Some("AssigneeChanged"),
        What::Priority { .. } => Some("PriorityChanged"),
        What::Category { .. } => Some("CategoryChanged"),
        _ => None,
    }
}

/// Holds a thread against the story: the same messages and entries, in the order of time.
fn hold_thread(ticket: &Value, story: &Story, happened: &[Happening]) {
    let thread = ticket["messages"].as_array().expect("a thread");
    let told: Vec<&Happening> = happened
        .iter()
        .filter(|one| one.is_shown)
        .filter(|one| matches!(one.what, What::Message | What::Note) || entry(&one.what).is_some())
        .collect();
    assert_eq!(thread.len(), told.len(), "{ticket}");
    let touched = |number: u32, is_deletion: bool| {
        happened.iter().any(|one| match one.what {
            What::MessageEdited(of) => !is_deletion && of == number,
            What::MessageDeleted(of) => is_deletion && of == number,
            _ => false,
        })
    };
    for (message, one) in thread.iter().zip(told) {
        assert_eq!(message["createdAt"], instant_text(one.at));
        let (from, to) = one.what.values();
        if let Some(kind) = entry(&one.what) {
            assert_eq!(message["messageType"], kind);
            assert_eq!(message["senderType"], "system");
            assert_eq!(message["senderReferenceType"], Value::Null);
            assert_eq!(message["actionLogFrom"], json!(from));
            assert_eq!(message["actionLogTo"], json!(to));
            let agent = matches!(one.by, Actor::Agent(_))
                .then(|| one.by.id())
                .flatten();
            assert_eq!(message["sender"], json!(agent));
            continue;
        }
        let is_note = one.what == What::Note;
        assert_eq!(
            message["messageType"],
            if is_note {
                "InternalNote"
            } else {
                "ExternalMessage"
            }
        );
        assert_eq!(message["isEdited"], touched(one.number, false));
        assert_eq!(message["isDeleted"], touched(one.number, true));
        assert_eq!(message["actionLogTo"], Value::Null);
        let reference = &message["senderReferenceType"];
        match &one.by {
            Actor::Agent(_) => {
                assert!(message["senderType"] == "agent" && reference == "ClientMember")
            }
            Actor::Customer(_) => {
                let kind = if story.opened().origin == "discord" {
                    "DiscordUser"
                } else {
                    "Customer"
                };
                assert!(message["senderType"] == "customer" && reference == kind);
            }
            by => assert!(
                *by == Actor::Ai && message["senderType"] != "customer" && reference.is_null()
            ),
        }
        assert!(message["sender"].is_null() || message["sender"] == json!(one.by.id()));
    }
}

/// Holds all that is served against all stories.
async fn hold_all(simulator: &Simulator, now: Instant) -> BTreeMap<String, Value> {
    let served = served(simulator).await;
    let world = simulator.world();
    let work = world.work().expect("a desk at work");
    let mut there = 0;
    for story in work.stories() {
        let ticket = served.get(story.ticket_id());
        assert_eq!(
            ticket.is_some(),
            story.state(now).is_some(),
            "{}",
            story.ticket_id()
        );
        if let Some(ticket) = ticket {
            hold_to_story(ticket, story, now);
            there += 1;
        }
    }
    assert_eq!(there, served.len());
    served
}

#[tokio::test]
async fn each_ticket_shows_what_its_story_says_as_it_is_made_and_on_each_of_thirty_days() {
    let simulator = start(SimulatorSpec::new(desk(1, 900))).await;
    let mut now = at(PRESENT);
    hold_all(&simulator, now).await;
    let mut backlogs = Vec::new();
    let target = "/api/tickets?startDate=2024-01-01&endDate=2024-12-30&limit=1&status=Open&status=Pending&status=Waiting";
    for day in 0..30 {
        let until = now + TimeDelta::days(1);
        simulator.with_world(|world| {
            let campaign = match day {
                10 => Some(Campaign::tag(&world.directory().tags[0].id)),
                20 => {
                    let [from, to] =
                        [0, 1].map(|place| world.directory().categories[place].id.clone());
                    Some(Campaign {
                        share: 0.05,
                        ..Campaign::category(from, to)
                    })
                }
                _ => None,
            };
            world.evolve(
                &Evolution {
                    campaign,
                    ..evolution()
                },
                now,
                until,
            )
        });
        now = until;
        let (_, answer) = get(&simulator, target).await;
        let world = simulator.world();
        let count = world.work().expect("a desk at work").backlog(now).count();
        assert_eq!(answer["count"], count, "{now}");
        backlogs.push((now, count));
        if day % 10 == 0 {
            hold_all(&simulator, now).await;
        }
    }
    hold_all(&simulator, now).await;
    // What was true of a day stays true.
    let world = simulator.world();
    for (day, count) in backlogs {
        assert_eq!(
            world.work().expect("a desk at work").backlog(day).count(),
            count,
            "{day}"
        );
    }
}

#[test]
fn a_desk_is_the_same_for_a_seed_whether_time_passes_in_hours_or_in_days() {
    let world = desk(2, 300);
    assert!(world.tickets().eq(desk(2, 300).tickets()));
    assert_eq!(world.directory(), desk(2, 300).directory());
    assert!(!world.tickets().eq(desk(4, 300).tickets()));
    let (from, until) = (at(PRESENT), at(PRESENT) + TimeDelta::days(8));
    let after = |minutes: i64| {
        let mut world = world.clone();
        let mut now = from;
        while now < until {
            let next = (now + TimeDelta::minutes(minutes)).min(until);
            world.evolve(&evolution(), now, next);
            now = next;
        }
        world
    };
    let whole = after(100_000);
    assert!(whole.len() > world.len() + 40, "{}", whole.len());
    for minutes in [60, 1_440, 777] {
        let other = after(minutes);
        let stories = |world: &World| {
            world
                .work()
                .expect("a desk at work")
                .stories()
                .cloned()
                .collect::<Vec<_>>()
        };
        assert_eq!(stories(&other), stories(&whole), "{minutes}");
        for (one, same) in other.tickets().zip(whole.tickets()) {
            assert_eq!(one, same, "{minutes}");
        }
        assert_eq!(other.len(), whole.len(), "{minutes}");
    }
    let mut seeded = world.clone();
    seeded.evolve(
        &Evolution {
            seed: 8,
            ..evolution()
        },
        from,
        until,
    );
    assert!(!seeded.tickets().eq(whole.tickets()));
}

#[test]
fn a_day_tells_of_each_ticket_that_changed_and_of_no_other() {
    let mut world = desk(5, 600);
    let mut now = at(PRESENT);
    let mut kinds = BTreeSet::new();
    for _ in 0..20 {
        let before = world.clone();
        let until = now + TimeDelta::days(1);
        let changes = world.evolve(&evolution(), now, until);
        let of = |world: &World| -> HashMap<String, Ticket> {
            world
                .tickets()
                .map(|one| (one.id.clone(), one.clone()))
                .collect()
        };
        let (old, new) = (of(&before), of(&world));
        let mut told = BTreeSet::new();
        for change in &changes.tickets {
            assert!(now <= change.at && change.at < until);
            kinds.insert(change.kind);
            told.insert(change.ticket_id.clone());
        }
        let ids: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        for id in ids {
            assert_eq!(old.get(id) != new.get(id), told.contains(id), "{id}");
        }
        now = until;
    }
    for kind in [
        ChangeKind::New,
        ChangeKind::Message,
        ChangeKind::Status,
        ChangeKind::Resolved,
        ChangeKind::Reopened,
        ChangeKind::Rated,
        ChangeKind::Note,
        ChangeKind::Edited,
        ChangeKind::DeletedOpen,
    ] {
        assert!(kinds.contains(&kind), "{kind:?}");
    }
}

/// How often each thing that metrics look at occurs.
fn occurrences(world: &World, now: Instant) -> BTreeMap<&'static str, usize> {
    let mut counts = BTreeMap::new();
    let mut note = |what: &'static str, count: usize| *counts.entry(what).or_insert(0) += count;
    for story in world.work().expect("a desk at work").stories() {
        let (opened, happened) = (story.opened(), story.happenings(now));
        let count = |is_meant: &dyn Fn(&Happening) -> bool| {
            happened.iter().filter(|one| is_meant(one)).count()
        };
        let is_public = |one: &Happening| one.what == What::Message && one.at >= opened.created_at;
        let created = happened
            .iter()
            .find(|one| one.what == What::Created)
            .expect("a creation");
        note(
            "opened by an agent",
            usize::from(matches!(created.by, Actor::Agent(_))),
        );
        note(
            "opened by a program",
            usize::from(created.by == Actor::Program),
        );
        note(
            "assigned when opened",
            usize::from(opened.assigned_agent_id.is_some()),
        );
        note(
            "replies",
            count(&|one| is_public(one) && matches!(one.by, Actor::Agent(_))),
        );
        note(
            "replies of the AI",
            count(&|one| is_public(one) && one.by == Actor::Ai),
        );
        note("notes", count(&|one| one.what == What::Note));
        note(
            "messages of the channel",
            count(&|one| one.at < opened.created_at),
        );
        note(
            "edited",
            count(&|one| matches!(one.what, What::MessageEdited(_))),
        );
        note(
            "deleted messages",
            count(&|one| matches!(one.what, What::MessageDeleted(_))),
        );
        note("assignments", story.assignments(now).count());
        let is_moved = |one: &Happening| {
            matches!(
                &one.what,
                What::Assignee {
                    from: Some(_),
                    to: Some(_)
                }
            )
        };
        note("reassignments", count(&is_moved));
        let is_taken = |one: &Happening| matches!(&one.what, What::Assignee { to: None, .. });
        note("taken from everybody", count(&is_taken));
        for one in story.resolutions(now) {
            note(
                match one.by {
                    Actor::Agent(_) => "resolved by an agent",
                    Actor::Ai => "resolved by the AI",
                    _ => "resolved by a rule",
                },
                1,
            );
        }
        let reopenings = story.reopenings(now).count();
        note("reopenings", reopenings);
        note("reopened twice", usize::from(reopenings > 1));
        note(
            "handed over",
            count(&|one| one.what.values().1.as_deref() == Some("HandedOver")),
        );
        note(
            "ratings",
            count(&|one| matches!(one.what, What::Rating { .. })),
        );
        note(
            "ratings once more",
            count(&|one| matches!(one.what, What::Rating { from: Some(_), .. })),
        );
        note(
            "listed spam",
            count(&|one| matches!(one.what, What::Status { to: "Spam", .. })),
        );
        note("hidden spam", count(&|one| one.what == What::Hidden));
        note("merged", count(&|one| matches!(one.what, What::Merged(_))));
        note("deleted", count(&|one| one.what == What::Deleted));
        for (kind, missing) in [
            ("status", "statuses that are not logged"),
            ("assignee", "assignees that are not logged"),
            ("priority", "priorities that are not logged"),
            ("category", "categories that are not logged"),
        ] {
            note(
                missing,
                count(&|one| one.what.word() == kind && !one.is_shown),
            );
        }
        note("tags", count(&|one| matches!(one.what, What::TagAdded(_))));
        note(
            "tags taken away",
            count(&|one| matches!(one.what, What::TagRemoved(_))),
        );
    }
    counts
}

#[test]
fn everything_that_metrics_look_at_occurs_and_nothing_too_often() {
    let world = desk(6, 3_000);
    let now = at(PRESENT);
    let counts = occurrences(&world, now);
    let rare: Vec<_> = counts.iter().filter(|(_, count)| **count < 3).collect();
    assert!(rare.is_empty(), "{rare:?} of {counts:?}");
    let share = |what: &str| counts[what] as f64 / 3_000.0;
    for (what, least, most) in [
        ("opened by an agent", 0.03, 0.07),
        ("replies", 1.0, 3.0),
        ("reopenings", 0.05, 0.15),
        ("resolved by an agent", 0.45, 0.8),
        ("resolved by the AI", 0.08, 0.2),
        ("resolved by a rule", 0.2, 0.45),
        ("ratings", 0.2, 0.4),
        ("merged", 0.003, 0.03),
        ("statuses that are not logged", 0.05, 0.4),
    ] {
        assert!(
            (least..most).contains(&share(what)),
            "{what} {}: {counts:?}",
            share(what)
        );
    }
    let messages = |ticket: &Ticket| ticket.messages.len();
    assert!(world.tickets().any(|ticket| messages(ticket) == 0));
    let nameless = world
        .tickets()
        .flat_map(|ticket| &ticket.messages)
        .filter(|one| {
            one.sender_type == "agent"
                && one.sender_id.is_none()
                && one.message_type == "InternalNote"
        });
    assert!(nameless.count() > 0);
    let backlog = world.work().expect("a desk at work").backlog(now).count();
    assert!((100..600).contains(&backlog), "{backlog}");
}

#[test]
fn a_rule_resolves_what_is_idle_for_a_day_or_an_hour_or_two_and_people_work_by_day() {
    let world = desk(7, 2_000);
    let now = at(PRESENT);
    let (mut idle, mut replies, mut by_day) = (0, 0, 0);
    for story in world.work().expect("a desk at work").stories() {
        let happened = story.happenings(now);
        for one in story
            .resolutions(now)
            .filter(|one| one.by == Actor::Automation)
        {
            let mut before = happened.iter().filter(|other| other.at < one.at);
            let last = before
                .rfind(|other| other.what == What::Message)
                .expect("a message");
            assert!(!matches!(last.by, Actor::Customer(_)));
            let minutes = (one.at - last.at).num_minutes();
            let is_known = match last.by {
                Actor::Ai => (60..=120).contains(&minutes),
                _ => (24 * 60..24 * 60 + 6).contains(&minutes),
            };
            assert!(is_known, "{minutes} {}", story.ticket_id());
            idle += 1;
        }
        let is_reply = |one: &&Happening| {
            one.what == What::Message
                && one.at > story.opened().created_at
                && matches!(one.by, Actor::Agent(_))
        };
        for one in happened.iter().filter(is_reply) {
            replies += 1;
            by_day += u32::from(
                one.at.weekday().num_days_from_monday() < 6 && (7..20).contains(&one.at.hour()),
            );
        }
    }
    assert!(idle > 300, "{idle}");
    assert!(
        f64::from(by_day) / f64::from(replies) > 0.97,
        "{by_day} of {replies}"
    );
}

#[test]
fn the_truth_is_a_line_of_json_for_each_thing_that_happens_and_for_each_backlog() {
    let world = desk(8, 200);
    let work = world.work().expect("a desk at work");
    let (from, until) = (at("2024-01-01T00:00:00Z"), at(PRESENT));
    let lines = work.lines(from, until);
    let parsed: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).expect(line))
        .collect();
    let mut told: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
    for line in &parsed {
        told.entry(line["ticket_id"].as_str().expect("an id"))
            .or_default()
            .push(line);
    }
    assert_eq!(told.len(), 200);
    for story in work.stories() {
        let lines = &told[story.ticket_id()];
        assert_eq!(lines.len(), story.happenings(until).len());
        for (line, one) in lines.iter().zip(story.happenings(until)) {
            let (before, after) = one.what.values();
            assert_eq!(line["at"], instant_text(one.at));
            assert_eq!(line["kind"], one.what.word());
            assert_eq!(
                (&line["from"], &line["to"]),
                (&json!(before), &json!(after))
            );
            assert_eq!(
                (&line["actor"], &line["actor_id"]),
                (&json!(one.by.word()), &json!(one.by.id()))
            );
            assert_eq!(
                line["opened"]["origin"].is_string(),
                one.what == What::Created
            );
        }
    }
    let mut parts: Vec<String> = Vec::new();
    let middle = at("2024-02-10T12:34:56Z");
    for (from, until) in [(from, middle), (middle, until)] {
        parts.extend(work.lines(from, until).lines().map(str::to_owned));
    }
    parts.sort();
    let mut whole: Vec<String> = lines.lines().map(str::to_owned).collect();
    whole.sort();
    assert_eq!(parts, whole);
    let count = work.backlog(middle).count();
    assert!(count > 0);
    let expected = json!({"at": instant_text(middle), "kind": "backlog", "count": count});
    assert_eq!(
        serde_json::from_str::<Value>(&work.backlog_line(middle)).expect("JSON"),
        expected
    );
}

#[tokio::test]
async fn a_desk_at_work_lives_on_while_it_is_served() {
    let simulator = start(SimulatorSpec {
        now: Some(at(PRESENT)),
        ..SimulatorSpec::new(desk(9, 400))
    })
    .await;
    let life = Life {
        seed: 3,
        rate: 10.0,
        from: at(PRESENT),
        day_every: Duration::from_millis(24),
    };
    let (mut days, mut told) = (0, 0);
    let enough = || -> Result<()> { Err(Error::failed("enough")) };
    let ended = simulator.live(
        life,
        || at("2025-07-01T00:00:00Z"),
        |event| {
            match event {
                Event::Hour(changes) => told += changes.tickets.len(),
                Event::Day(_) => days += 1,
                Event::CaughtUp(now) => panic!("{now} is long ago"),
            }
            if days < 3 { Ok(()) } else { enough() }
        },
    );
    assert_eq!(ended.await.to_string(), "enough");
    assert!(told > 50, "{told}");
    let now = at(PRESENT) + TimeDelta::days(3);
    hold_all(&simulator, now).await;
    let mut other = desk(9, 400);
    other.evolve(&evolution(), at(PRESENT), now);
    assert!(simulator.world().tickets().eq(other.tickets()));
}

#[test]
fn an_audit_log_can_name_agents_and_categories_instead_of_their_ids() {
    let world = World::at_work(&WorkSpec {
        tickets: 300,
        has_names: true,
        ..WorkSpec::default()
    });
    let directory = world.directory();
    let mut named = 0;
    for message in world.tickets().flat_map(|ticket| &ticket.messages) {
        let values = [&message.action_log_from, &message.action_log_to];
        for value in values.into_iter().flatten() {
            let is_known = match message.message_type.as_ref() {
                // One agent has no name.
                "AssigneeChanged" => directory
                    .agents
                    .iter()
                    .any(|one| one.username.as_ref().unwrap_or(&one.id) == value),
                "CategoryChanged" => directory.categories.iter().any(|one| one.name == *value),
                _ => continue,
            };
            assert!(is_known, "{value}");
            named += 1;
        }
    }
    assert!(named > 200, "{named}");
}

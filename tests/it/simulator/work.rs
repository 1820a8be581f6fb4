//! A desk at work: what its clients see is what its truth says.

mod held;
mod occurrences;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use chrono::{Datelike, TimeDelta, Timelike};
use mava_export::error::{Error, Result};
use mava_export::simulator::{
    Actor, Campaign, ChangeKind, Event, Evolution, Happening, Life, SimulatorSpec, Ticket, What,
    WorkSpec, World,
};
use mava_export::table::instant_text;
use serde_json::{Value, json};

use self::held::hold_all;
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

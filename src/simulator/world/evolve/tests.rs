use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Duration};

use super::*;
use crate::simulator::world::WorldSpec;

/// A Monday, 02:00 UTC.
fn first_day() -> Instant {
    DateTime::from_timestamp(1_672_624_800, 0).expect("in range")
}

fn desk(rate: usize, days: usize, mean_messages: f64) -> (World, Instant) {
    let until = first_day() + Duration::days(i64::try_from(days).expect("few"));
    let world = World::generate(&WorldSpec {
        seed: 1,
        tickets: rate * days,
        from: first_day(),
        until,
        mean_messages,
    });
    (world, until)
}

fn evolution(rate: f64) -> Evolution {
    Evolution {
        rate,
        ..Evolution::default()
    }
}

/// Evolves for so many nights; calls `look` after each with what changed in it.
fn nights(
    world: &mut World,
    spec: &Evolution,
    mut now: Instant,
    count: usize,
    mut look: impl FnMut(&World, &World, &Changes, Instant, Instant),
) -> Instant {
    for _ in 0..count {
        let before = world.clone();
        let until = now + Duration::days(1);
        let changes = world.evolve(spec, now, until);
        look(&before, world, &changes, now, until);
        now = until;
    }
    now
}

#[test]
fn a_night_is_the_same_for_the_same_seed_and_another_for_another() {
    let (world, now) = desk(40, 100, 2.0);
    let until = now + Duration::days(1);
    let run = |seed| {
        let mut world = world.clone();
        let spec = Evolution {
            seed,
            ..evolution(40.0)
        };
        let changes = world.evolve(&spec, now, until);
        (world, changes)
    };
    let ((first, told), (again, told_again), (other, _)) = (run(1), run(1), run(2));
    assert_eq!(told, told_again);
    assert_eq!(first.directory(), again.directory());
    assert!(first.tickets().eq(again.tickets()));
    assert!(!first.tickets().eq(other.tickets()));
    let (mut idle, mut next) = (world.clone(), world);
    next.evolve(
        &evolution(40.0),
        now + Duration::days(7),
        until + Duration::days(7),
    );
    idle.evolve(&evolution(40.0), now, now);
    assert!(!next.tickets().eq(first.tickets()));
    assert!(idle.tickets().all(|ticket| ticket.created_at < now));
}

#[test]
fn the_truth_names_each_ticket_that_changed_and_no_other() {
    let (mut world, now) = desk(40, 120, 1.5);
    let tag = world.directory().tags[10].id.clone();
    let spec = Evolution {
        campaign: Some(Campaign::tag(tag)),
        ..evolution(40.0)
    };
    nights(
        &mut world,
        &spec,
        now,
        30,
        |before, after, changes, from, until| {
            let old: HashMap<&str, &Ticket> =
                before.tickets().map(|one| (one.id.as_str(), one)).collect();
            let new: HashMap<&str, &Ticket> =
                after.tickets().map(|one| (one.id.as_str(), one)).collect();
            let mut told: BTreeMap<&str, Vec<&Change>> = BTreeMap::new();
            for change in &changes.tickets {
                assert!(from <= change.at && change.at < until, "{change:?}");
                told.entry(&change.ticket_id).or_default().push(change);
            }
            for (id, told) in &told {
                let (old, new) = (old.get(id), new.get(id));
                match told.as_slice() {
                    [one] if one.kind.is_deletion() => assert!(old.is_some() && new.is_none()),
                    [one] if one.kind == ChangeKind::New => {
                        assert!(old.is_none() && new.is_some());
                    }
                    all => {
                        let (old, new) = (old.expect("old"), new.expect("kept"));
                        assert!(old.updated_at < new.updated_at);
                        let last = all.last().expect("one").at;
                        assert!(Some(last) <= new.updated_at, "{all:?}");
                        assert!(
                            all.iter().all(|one| carries(old, new, one, until)),
                            "{all:?}"
                        );
                    }
                }
            }
            for (id, ticket) in &new {
                assert!(told.contains_key(id) || old.get(id) == Some(ticket), "{id}");
            }
            for id in old.keys() {
                assert!(told.contains_key(id) || new.contains_key(id), "{id}");
            }
            for change in &changes.customers {
                let of = |world: &World| {
                    world
                        .directory()
                        .customers
                        .get(&change.customer_id)
                        .cloned()
                };
                assert!(of(before) != of(after) && from <= change.at && change.at < until);
            }
        },
    );
}

/// Whether the ticket shows the change.
fn carries(old: &Ticket, new: &Ticket, change: &Change, until: Instant) -> bool {
    let has_message = new
        .messages
        .iter()
        .any(|message| message.created_at == change.at);
    match change.kind {
        ChangeKind::Message | ChangeKind::Note | ChangeKind::Status | ChangeKind::Reopened => {
            has_message
        }
        ChangeKind::Resolved | ChangeKind::ResolvedAgain => {
            has_message
                && new.first_resolution_time_ms.is_some()
                && (new.resolved_at() == Some(change.at) || new.reopened_at > Some(change.at))
                && (change.kind == ChangeKind::Resolved
                    || old.resolved_at().is_some() && new.resolved_at() != old.resolved_at())
        }
        ChangeKind::Rated => old.csat.is_none() && new.csat.is_some(),
        ChangeKind::Edited => {
            old.priority != new.priority
                || old.attributes != new.attributes
                || new
                    .messages
                    .iter()
                    .any(|one| one.updated_at == Some(change.at))
        }
        ChangeKind::Retagged => new.tag_ids.len() == old.tag_ids.len() + 1,
        ChangeKind::Recategorised => old.category_id != new.category_id,
        ChangeKind::New | ChangeKind::DeletedOpen | ChangeKind::DeletedResolved => {
            new.created_at < until
        }
    }
}

#[test]
fn after_thirty_nights_a_desk_is_sorted_and_consistent() {
    let (mut world, now) = desk(50, 150, 2.0);
    let until = nights(&mut world, &evolution(50.0), now, 30, |_, _, _, _, _| {});
    assert!(world.tickets().map(|ticket| ticket.created_at).is_sorted());
    let ids: std::collections::HashSet<&str> =
        world.tickets().map(|ticket| ticket.id.as_str()).collect();
    assert_eq!(ids.len(), world.len());
    assert!((8_500..9_500).contains(&world.len()), "{}", world.len());
    for ticket in world.tickets() {
        assert_eq!(
            ticket.status == "Resolved",
            ticket.resolution_time_ms.is_some(),
            "{ticket:?}"
        );
        assert!(
            ticket.first_resolution_time_ms <= ticket.resolution_time_ms
                || ticket.status != "Resolved"
        );
        assert!(ticket.csat.is_none() || ticket.first_resolution_time_ms.is_some());
        assert!(ticket.updated_at.is_some_and(|at| at < until));
        assert!(ticket.messages.iter().map(|one| one.created_at).is_sorted());
        if let Some(id) = &ticket.customer_id {
            assert!(world.directory().customers.contains_key(id));
        }
    }
}

#[test]
fn campaigns_hit_half_a_percent_of_the_old_tickets() {
    let (world, now) = desk(100, 160, 0.0);
    let directory = world.directory().clone();
    let [from, to] = [0, 1].map(|place| directory.categories[place].id.clone());
    for campaign in [
        Campaign::tag(&directory.tags[10].id),
        Campaign::category(from, to),
    ] {
        let kind = campaign.kind();
        let spec = Evolution {
            campaign: Some(campaign),
            has_messages: false,
            ..evolution(100.0)
        };
        let changes = world.clone().evolve(&spec, now, now + Duration::days(1));
        let hit = changes.tickets.iter().filter(|one| one.kind == kind);
        let ages: Vec<Duration> = hit.map(|one| one.at - one.created_at).collect();
        assert!((47..=51).contains(&ages.len()), "{}", ages.len());
        assert!(ages.iter().all(|age| *age > Duration::days(60)));
    }
}

/// Rates a night that a model of its own gives for 300 tickets a day.
const MODEL: [(ChangeKind, f64); 9] = [
    (ChangeKind::New, 298.1),
    (ChangeKind::Message, 293.8),
    (ChangeKind::Status, 148.5),
    (ChangeKind::Resolved, 128.6),
    (ChangeKind::Reopened, 7.2),
    (ChangeKind::ResolvedAgain, 10.2),
    (ChangeKind::Rated, 67.2),
    (ChangeKind::Note, 8.8),
    (ChangeKind::Edited, 2.85),
];

#[test]
fn a_desk_of_300_a_day_changes_as_the_model_says() {
    const NIGHTS: usize = 42;
    let (mut world, mut now) = desk(300, 180, 0.0);
    let spec = Evolution {
        has_messages: false,
        ..evolution(300.0)
    };
    let mut counts: BTreeMap<ChangeKind, usize> = BTreeMap::new();
    let mut customers = 0;
    let open = |world: &World| {
        world
            .tickets()
            .filter(|one| one.status != "Resolved")
            .count()
    };
    let open_before = open(&world);
    for _ in 0..NIGHTS {
        let until = now + Duration::days(1);
        let changes = world.evolve(&spec, now, until);
        customers += changes.customers.len();
        for change in changes.tickets {
            *counts.entry(change.kind).or_default() += 1;
        }
        now = until;
    }
    let nightly = |kind: ChangeKind| {
        let count = u32::try_from(counts.get(&kind).copied().unwrap_or(0)).expect("few");
        f64::from(count) / f64::from(u32::try_from(NIGHTS).expect("few"))
    };
    println!(
        "{:?}, customers {}, open {open_before} to {}",
        ChangeKind::ALL.map(|kind| (kind, nightly(kind))),
        customers / NIGHTS,
        open(&world)
    );
    for (kind, expected) in MODEL {
        let ratio = nightly(kind) / expected;
        assert!((0.7..1.3).contains(&ratio), "{kind:?} {ratio}");
    }
    // All resolutions of a night: of tickets of the evening before, and of those of the night.
    let deleted = nightly(ChangeKind::DeletedOpen) + nightly(ChangeKind::DeletedResolved);
    assert!((0.3..1.2).contains(&deleted), "{deleted}");
    let share = nightly(ChangeKind::ResolvedAgain) / nightly(ChangeKind::New);
    assert!((0.02..0.045).contains(&share), "{share}");
    let drift = open(&world).abs_diff(open_before);
    assert!(drift < open_before / 5, "{open_before} {drift}");
}

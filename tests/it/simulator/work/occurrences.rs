//! What metrics look at: all of it occurs, and nothing too often.

use std::collections::BTreeMap;

use mava_export::simulator::{Actor, Happening, Ticket, What, World};
use mava_export::table::Instant;

use super::super::at;
use super::{PRESENT, desk};

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

//! Losses that are located by counting: in a crowd, and beside what cannot be stored.

use mava_export::settings::Verify;
use mava_export::simulator::{Fault, Quirks, SimulatorSpec};
use mava_export::verify;
use serde_json::{Value, json};

use super::*;

/// Takes a field from a ticket wherever it is served.
fn hide(desk: &Desk, id: &str, field: &'static str) {
    let hidden = id.to_owned();
    desk.simulator.set_hook(Box::new(move |request, _| {
        let hidden = hidden.clone();
        request.is_for_tickets().then(|| {
            Fault::edit_tickets(move |ticket| {
                if ticket["id"] == hidden.as_str() {
                    ticket[field] = Value::Null;
                }
            })
        })
    }));
}

/// A desk that was copied while one ticket could not be stored.
async fn copied_without(world: World, id: &str, field: &'static str) -> Desk {
    let mut desk = Desk::open(SimulatorSpec::new(world)).await;
    desk.set_now(NOW - TimeDelta::days(1));
    desk.settings.since = NOW - TimeDelta::days(301);
    desk.settings.until = None;
    hide(&desk, id, field);
    desk.backfill().await.expect("a backfill");
    desk
}

#[tokio::test]
async fn a_deletion_among_many_tickets_of_one_millisecond_is_found() {
    for (count, has_shuffled_ties) in [(300, false), (300, true), (100, false)] {
        let mut world = recent(1_500);
        let at = NOW - TimeDelta::days(100);
        let burst = world.insert_burst(at, count);
        for id in &burst {
            world.edit(id, |ticket| ticket.resolve(at + TimeDelta::hours(5)));
        }
        let quirks = Quirks {
            has_shuffled_ties,
            ..Quirks::default()
        };
        let desk = copied(world, quirks).await;
        desk.simulator.with_world(|world| world.remove(&burst[70]));
        let more = Sync {
            spend: Spend::requests(80),
            ..settings(&desk)
        };
        let (summary, exit_code) = sync_with(&desk, &more).await.expect("a sync");
        // In a changing order it may take more reads than are spent.
        let is_found = summary.summary.tickets_deleted == 1;
        assert!(is_found || has_shuffled_ties, "{summary:?}");
        assert_eq!(exit_code == ExitCode::Complete, is_found, "{summary:?}");
        let mut unverified = summary.summary.unverified.iter();
        let is_told = unverified.any(|one| one.reason.contains("the API counts"));
        assert_eq!(is_told, !is_found, "{summary:?}");
    }
}

#[tokio::test]
async fn a_ticket_without_its_creation_is_located_once_and_hides_no_loss() {
    let world = recent(3_000);
    let hidden = world.id_at(1_200).expect("a ticket");
    let beside = world.id_at(1_215).expect("a ticket");
    let desk = copied_without(world, &hidden, "createdAt").await;
    for night in 0..4 {
        if night == 2 {
            desk.simulator.with_world(|world| world.remove(&beside));
        }
        desk.set_now(NOW + TimeDelta::days(night));
        let (summary, _) = sync(&desk).await;
        let deleted = i64::from(night == 2);
        assert_eq!(summary.summary.tickets_deleted, deleted, "{summary:?}");
        let requests = requests_of(&summary, "deletions");
        match night {
            2 => assert!(requests > 1, "{summary:?}"),
            // The backfill has noted where it stands.
            _ => assert!(requests <= 1, "{summary:?}"),
        }
        let is_told = |remark: &String| remark.contains("the API counts");
        assert!(!summary.summary.remarks.iter().any(is_told), "{summary:?}");
    }
}

#[tokio::test]
async fn a_deleted_ticket_that_comes_back_without_its_creation_is_located_once() {
    let desk = copied(recent(3_000), Quirks::default()).await;
    let id = ids(&desk, |ticket| is_resolved(ticket, 100, 250)).remove(10);
    let ticket = desk.simulator.with_world(|world| {
        let ticket = world.tickets().find(|ticket| ticket.id == id).cloned();
        world.remove(&id);
        ticket.expect("such a ticket")
    });
    let (summary, _) = sync(&desk).await;
    assert_eq!(summary.summary.tickets_deleted, 1, "{summary:?}");
    desk.simulator.with_world(|world| world.insert(ticket));
    hide(&desk, &id, "createdAt");
    for night in 1..4 {
        desk.set_now(NOW + TimeDelta::days(night));
        let (summary, _) = sync(&desk).await;
        let requests = requests_of(&summary, "deletions");
        assert!(night == 1 || requests <= 1, "{summary:?}");
        let is_told = |remark: &String| remark.contains("the API counts");
        assert!(!summary.summary.remarks.iter().any(is_told), "{summary:?}");
    }
}

#[tokio::test]
async fn a_loss_that_is_not_believed_is_told_once_and_whole() {
    let desk = copied(recent(3_000), Quirks::default()).await;
    let mut lost = ids(&desk, |ticket| is_resolved(ticket, 20, 250));
    lost.truncate(600);
    lost.extend(ids(&desk, is_open).into_iter().take(3));
    desk.simulator.with_world(|world| {
        for id in &lost {
            world.remove(id);
        }
    });
    let (summary, exit_code) = sync(&desk).await;
    assert_eq!(exit_code, ExitCode::Incomplete, "{summary:?}");
    let remarks = &summary.summary.remarks;
    let told: Vec<_> = remarks
        .iter()
        .filter(|remark| remark.contains("none was flagged as deleted"))
        .collect();
    assert_eq!(told.len(), 1, "{remarks:?}");
    let all = format!("{} stored tickets", lost.len());
    assert!(told[0].starts_with(&all), "{remarks:?}");
    let is_cut = |remark: &String| remark.contains("missing tickets were looked for once more");
    assert!(!remarks.iter().any(is_cut), "{remarks:?}");
}

#[tokio::test]
async fn a_rating_on_a_ticket_that_cannot_be_stored_is_outstanding_no_more() {
    let mut world = recent(3_000);
    let hidden = world
        .tickets()
        .filter(|ticket| is_resolved(ticket, 60, 200))
        .nth(50)
        .map(|ticket| ticket.id.clone())
        .expect("such a ticket");
    world.edit(&hidden, |ticket| ticket.csat = Some(3));
    let desk = copied_without(world, &hidden, "id").await;
    for night in 0..3 {
        desk.set_now(NOW + TimeDelta::days(night));
        let (summary, _) = sync(&desk).await;
        assert_eq!(summary.ratings_outstanding, Some(0), "{summary:?}");
        let requests = requests_of(&summary, "ratings");
        assert!(night == 0 || requests == 1, "{summary:?}");
    }
}

/// A ticket that comes without its id cannot be stored: it is counted by the API and located by the run that met it.
#[tokio::test]
async fn a_ticket_that_cannot_be_stored_is_located_once() {
    let world = terse(3_000);
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
        desk.set_now(NOW + TimeDelta::days(night));
        let (summary, _) = sync(&desk).await;
        assert_eq!(summary.summary.tickets_deleted, 0, "{summary:?}");
        spent.push(requests_of(&summary, "deletions"));
    }
    // The backfill has noted where it stands.
    assert!(spent.iter().all(|requests| *requests <= 1), "{spent:?}");
    assert_eq!(desk.number("SELECT count(*) FROM _rejected"), 1);
}

#[tokio::test]
async fn only_what_is_gone_is_flagged_by_an_api_that_counts_tickets_it_never_lists() {
    let quirks = Quirks {
        unlisted: Some(5),
        ..Quirks::default()
    };
    for is_full in [false, true] {
        let is_listed = |id: &String| !quirks.is_unlisted(id);
        let mut world = terse(2_000);
        // Open ones of both kinds, whatever the world has of them.
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
            whole: match is_full {
                true => Whole::Always,
                false => Whole::Never,
            },
            ..settings(&desk)
        };
        let (summary, exit_code) = sync_with(&desk, &settings).await.expect("a sync");
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
async fn counts_beyond_all_measure_are_no_sums_and_no_losses() {
    let world = || {
        let mut world = recent(400);
        // A part of the desk in each of three years, counted one by one.
        for days in [400, 800] {
            world.insert_burst(NOW - TimeDelta::days(days), 3);
        }
        world
    };
    for command in ["sync", "verify"] {
        let mut desk = opened(world(), Quirks::default()).await;
        desk.settings.since = NOW - TimeDelta::days(1_000);
        desk.backfill().await.expect("a backfill");
        desk.set_now(NOW);
        desk.simulator.set_hook(Box::new(|request, _| {
            request
                .is_for_tickets()
                .then_some(Fault::CountLies(i64::MAX))
        }));
        let exit_code = match command {
            "sync" => sync(&desk).await.1,
            _ => {
                let settings = Verify {
                    store: desk.settings.store.clone(),
                    is_deep: false,
                    is_repair: false,
                    allow_deletions: false,
                };
                let context = desk.context().expect("a client");
                let ended = verify::verify(&context, &settings, &|_| {}).await;
                ended.expect("ends").1
            }
        };
        assert_eq!(exit_code, ExitCode::Incomplete, "{command}");
        assert_eq!(desk.live_ids(), desk.world_ids(), "{command}");
    }
}

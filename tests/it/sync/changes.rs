//! What happens to tickets between two syncs, and during one, is found; nothing else is touched.

use mava_export::simulator::{Faults, Message, Quirks};

use super::*;

#[tokio::test]
async fn an_unchanged_desk_gives_no_row_to_write() {
    let desk = copied(recent(2_000), Quirks::default()).await;
    let before = desk.rows();
    let (summary, exit_code) = sync(&desk).await;
    assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
    let counts = &summary.summary;
    assert_eq!((counts.tickets_new, counts.tickets_changed), (0, 0));
    desk.rows().assert_equal(&before, "after a sync of nothing");
    let changed = desk.number("SELECT count(*) FROM tickets WHERE snapshot_id <> 1");
    assert_eq!(changed, 0);
}

#[tokio::test]
async fn what_happens_to_unresolved_tickets_is_all_found() {
    let desk = copied(recent(3_000), Quirks::default()).await;
    let open = ids(&desk, is_open);
    assert!(open.len() > 12, "{}", open.len());
    let created_at = NOW;
    desk.simulator.with_world(|world| {
        world.insert(Ticket::new(object_id(created_at, 1), created_at));
    });
    edit(&desk, &open[0], |ticket| {
        let id = object_id(NOW, 2);
        let message = Message::new(id, NOW, "still waiting");
        ticket.messages.push(message);
    });
    edit(&desk, &open[1], |ticket| ticket.status = "Waiting".into());
    for id in &open[2..6] {
        edit(&desk, id, resolve);
    }
    for id in &open[6..8] {
        desk.simulator.with_world(|world| world.remove(id));
    }
    let reopened = ids(&desk, |ticket| is_resolved(ticket, 40, 60)).remove(0);
    edit(&desk, &reopened, |ticket| {
        ticket.status = "Open".into();
        ticket.resolution_time_ms = None;
    });
    let (summary, exit_code) = sync(&desk).await;
    assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
    assert_current(&desk);
    assert_eq!(summary.summary.tickets_deleted, 2);
    assert_eq!(summary.summary.tickets_new, 1);
    let versions = "SELECT count(*) FROM ticket_history WHERE ticket_id = ";
    assert_eq!(desk.number(&format!("{versions}'{}'", open[2])), 2);
    let gone = format!(
        "{versions}'{}' AND is_deleted = 1 AND valid_until IS NULL",
        open[6]
    );
    assert_eq!(desk.number(&gone), 1);
}

#[tokio::test]
async fn a_resolution_after_a_reopening_and_late_ratings_are_found() {
    let desk = copied(recent(6_000), Quirks::default()).await;
    // The last created of those resolved last: the likeliest to be opened again or rated, and so always
    // within a sweep.
    let mut young = ids(&desk, |ticket| is_resolved(ticket, 1, 3));
    assert!(young.len() > 6, "{}", young.len());
    let rated = young.split_off(young.len() - 4);
    let again = young.pop().expect("more than four");
    edit(&desk, &again, resolve);
    for id in &rated {
        edit(&desk, id, |ticket| ticket.csat = Some(5));
    }
    let thorough = Sync { ..settings(&desk) };
    let (summary, exit_code) = sync_with(&desk, &thorough).await.expect("a sync");
    assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
    assert_eq!(summary.ratings_outstanding, Some(0), "{summary:?}");
    assert_current(&desk);
}

#[tokio::test]
async fn a_deleted_old_ticket_is_located_by_counting() {
    let desk = copied(recent(4_000), Quirks::default()).await;
    let old = ids(&desk, |ticket| is_resolved(ticket, 100, 250));
    desk.simulator.with_world(|world| world.remove(&old[10]));
    let (summary, exit_code) = sync(&desk).await;
    assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
    assert_eq!(summary.summary.tickets_deleted, 1, "{summary:?}");
    assert_current(&desk);
}

#[tokio::test]
async fn an_empty_workspace_flags_nothing() {
    for (tickets, whole) in [(2_500, Whole::Never), (40, Whole::IfItFits)] {
        let desk = copied(recent(tickets), Quirks::default()).await;
        desk.simulator.with_world(|world| *world = World::empty());
        let settings = Sync {
            whole,
            ..settings(&desk)
        };
        let (summary, exit_code) = sync_with(&desk, &settings).await.expect("a sync");
        assert_eq!(exit_code, ExitCode::Incomplete, "{summary:?}");
        assert_eq!(summary.summary.tickets_deleted, 0, "{summary:?}");
        let flagged = desk.number("SELECT count(*) FROM tickets WHERE deleted_at IS NOT NULL");
        assert_eq!(flagged, 0);
    }
}

#[tokio::test]
async fn nulls_first_in_the_sort_harm_nothing() {
    let quirks = Quirks {
        has_nulls_first: true,
        ..Quirks::default()
    };
    let desk = copied(recent(3_000), quirks).await;
    let open = ids(&desk, is_open);
    for id in &open[..4] {
        edit(&desk, id, resolve);
    }
    let (summary, exit_code) = sync(&desk).await;
    assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
    assert_current(&desk);
}

#[tokio::test]
async fn tickets_without_a_resolution_time_at_the_head_of_the_list_end_no_sync() {
    for timeless in [30, 1_600] {
        let desk = copied(
            {
                let mut world = terse(3_000);
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
            edit(&desk, id, |ticket| ticket.resolve(NOW));
        }
        let (summary, exit_code) = sync(&desk).await;
        assert_eq!(exit_code, ExitCode::Complete, "{timeless} {summary:?}");
        assert_current(&desk);
    }
}

/// At every request of a sync: a bulk resolve of a thousand tickets, a deletion, and more new tickets
/// than a page holds.
#[tokio::test]
async fn what_changes_during_a_sync_is_found_by_it_or_by_the_next() {
    let desk = copied(recent(5_000), Quirks::default()).await;
    open_up(&desk, 1_000);
    sync(&desk).await;
    let (world, store) = (desk.simulator.world(), desk.path());
    let kept = store.with_extension("kept");
    copy(&store, &kept);
    desk.simulator.clear_requests();
    let within = |requests| Sync {
        spend: Spend::requests(requests),
        ..settings(&desk)
    };
    sync_with(&desk, &within(26)).await.expect("a sync");
    let requests = desk.simulator.requests().len();
    assert!(requests > 12, "{requests}");
    for point in 1..=requests {
        desk.simulator.with_world(|now| *now = world.clone());
        copy(&kept, &store);
        let open = ids(&desk, is_open);
        assert!(open.len() >= 1_000, "{}", open.len());
        let deleted = ids(&desk, |ticket| is_resolved(ticket, 50, 200)).remove(7);
        let at = NOW;
        let mut seen = 0;
        desk.simulator.set_hook(Faults::none_but(move |_, world| {
            seen += 1;
            if seen != point {
                return;
            }
            for id in &open {
                world.edit(id, |ticket| {
                    ticket.updated_at = Some(at);
                    resolve(ticket);
                });
            }
            world.remove(&deleted);
            for number in 0..150_u32 {
                let created_at = at + TimeDelta::milliseconds(number.into());
                let id = object_id(created_at, number.into());
                world.insert(Ticket::new(id, created_at));
            }
        }));
        let (first, _) = sync_with(&desk, &within(26)).await.expect("a sync");
        desk.simulator.clear_hook();
        let living = desk.world_ids();
        let flagged = desk.column("SELECT id FROM tickets WHERE deleted_at IS NOT NULL");
        assert!(
            flagged.iter().all(|id| living.binary_search(id).is_err()),
            "request {point}: {first:?}"
        );
        let (second, exit_code) = sync_with(&desk, &within(60)).await.expect("a sync");
        assert_eq!(exit_code, ExitCode::Complete, "request {point}: {second:?}");
        assert_current(&desk);
    }
}

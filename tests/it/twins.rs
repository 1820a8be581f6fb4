//! Two tickets of one id: the older one is stored, the other is kept in rejects, and both are named.

use mava_export::error::ExitCode;
use mava_export::settings::Backfill;
use mava_export::simulator::{Fault, Hook, Quirks, SimulatorSpec};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::support::{Desk, generated};
use crate::sync::{copied, recent, settings, sync, sync_with};

/// Serves the ticket `from` under the id of `to`.
fn renamed(from: &str, to: &str) -> Hook {
    let (from, to) = (from.to_owned(), to.to_owned());
    Box::new(move |request, _| {
        let (from, to) = (from.clone(), to.clone());
        request.is_for_tickets().then(|| {
            Fault::edit_tickets(move |ticket| {
                if ticket["id"] == json!(from) {
                    ticket["id"] = json!(to);
                }
            })
        })
    })
}

/// A desk on which the tickets at these places, by creation, have the id of the first of them.
async fn twins(places: [usize; 2]) -> (Desk, [String; 2]) {
    let world = generated(301);
    let ids = places.map(|place| world.id_at(place).expect("a ticket"));
    let desk = Desk::open(SimulatorSpec::new(world)).await;
    desk.simulator.set_hook(renamed(&ids[1], &ids[0]));
    (desk, ids)
}

/// What is stored of tickets and rejects, but for the runs that wrote it.
fn stored(desk: &Desk) -> Vec<Vec<String>> {
    [
        "SELECT id || created_at || ifnull(status, '') || message_count FROM tickets ORDER BY id",
        "SELECT ticket_id || id || content FROM messages ORDER BY ticket_id, position",
        "SELECT ticket_id || path || reason || raw_json || created_at FROM rejects ORDER BY 1",
    ]
    .map(|sql| desk.column(sql))
    .to_vec()
}

#[tokio::test]
async fn the_same_id_with_two_creations_is_named_and_reruns_change_nothing() {
    // On one page, and far apart.
    for places in [[20, 25], [10, 290]] {
        let (desk, [id, other]) = twins(places).await;
        let created = |id: &str| {
            desk.simulator.with_world(|world| {
                let found = world.tickets().find(|ticket| ticket.id == id);
                mava_export::table::instant_text(found.expect("there").created_at)
            })
        };
        let (first, second) = (created(&id), created(&other));
        let mut before: Option<Vec<Vec<String>>> = None;
        for run in 0..3 {
            let (summary, exit_code) = desk.backfill().await.expect("ends");
            assert_eq!(exit_code, ExitCode::Incomplete, "{summary:?}");
            assert_eq!(summary.outcome.word(), "complete_with_rejects");
            assert!(summary.unverified.is_empty(), "{summary:?}");
            assert_eq!((summary.rejects, summary.rejects_standing), (1, 1));
            let named = summary.remarks.iter().any(|remark| {
                let mut parts = [&id, &first, &second].into_iter();
                parts.all(|part| remark.contains(part.as_str()))
            });
            assert!(named, "{:?}", summary.remarks);
            if run > 0 {
                assert_eq!((summary.tickets_new, summary.tickets_changed), (0, 0));
            }
            let now = stored(&desk);
            assert!(before.is_none_or(|before| before == now), "run {run}");
            before = Some(now);
        }
        assert_eq!(desk.number("SELECT count(*) FROM tickets"), 300);
        let of = |sql: &str| desk.column(&sql.replace('?', &format!("'{id}'")));
        assert_eq!(of("SELECT created_at FROM tickets WHERE id = ?"), [first]);
        assert_eq!(
            of("SELECT created_at FROM rejects WHERE ticket_id = ? AND path = ''"),
            [second]
        );
        // Versions of the second one are none of the first.
        let versions = of("SELECT count(*) FROM ticket_history WHERE ticket_id = ?");
        assert!(["1", "2"].contains(&versions[0].as_str()), "{versions:?}");
    }
}

#[tokio::test]
async fn which_of_two_is_stored_does_not_depend_on_the_order_in_which_they_come() {
    let (whole, _) = twins([10, 290]).await;
    whole.backfill().await.expect("ends");
    // The half with the second one is read first.
    let (desk, _) = twins([10, 290]).await;
    let middle = desk.simulator.with_world(|world| {
        let ticket = world.tickets().nth(150).expect("a ticket");
        ticket.created_at
    });
    for (since, until) in [(Some(middle), None), (None, Some(middle))] {
        let part = Backfill {
            since: since.unwrap_or(desk.settings.since),
            until: until.or(desk.settings.until),
            ..desk.settings.clone()
        };
        desk.backfill_with(&part).await.expect("ends");
    }
    let (_, exit_code) = desk.backfill().await.expect("ends");
    assert_eq!(exit_code, ExitCode::Incomplete);
    assert_eq!(stored(&desk), stored(&whole));
    let versions = "SELECT count(*) FROM ticket_history";
    let before = desk.number(versions);
    desk.backfill().await.expect("ends");
    assert_eq!(desk.number(versions), before);
}

#[tokio::test]
async fn a_run_that_is_stopped_between_the_two_stores_the_same() {
    let (whole, _) = twins([10, 290]).await;
    whole.backfill().await.expect("ends");
    for stopped_after in [2, 4, 6, 8] {
        let (mut desk, [id, other]) = twins([10, 290]).await;
        desk.settings.max_lanes = 2;
        let cancel = desk.cancel.clone();
        let mut rename = renamed(&other, &id);
        let mut requests = 0;
        desk.simulator.set_hook(Box::new(move |request, world| {
            requests += 1;
            if requests == stopped_after {
                cancel.cancel();
            }
            rename(request, world)
        }));
        let (summary, exit_code) = desk.backfill().await.expect("ends");
        assert_eq!(
            exit_code,
            ExitCode::Interrupted,
            "{stopped_after}: {summary:?}"
        );
        desk.cancel = CancellationToken::new();
        let (_, exit_code) = desk.backfill().await.expect("ends");
        assert_eq!(exit_code, ExitCode::Incomplete);
        assert_eq!(stored(&desk), stored(&whole), "{stopped_after}");
        let (summary, _) = desk.backfill().await.expect("ends");
        assert_eq!(summary.tickets_changed, 0, "{stopped_after}");
    }
}

#[tokio::test]
async fn syncs_that_meet_the_second_one_alone_leave_the_first_one_as_it_is() {
    let desk = copied(recent(1_500), Quirks::default()).await;
    // The second one is open, so that every sync reads it.
    let [id, other] = desk.simulator.with_world(|world| {
        let first = world.tickets().find(|ticket| ticket.status == "Resolved");
        let last = world.tickets().rfind(|ticket| ticket.status == "Open");
        [first, last].map(|ticket| ticket.expect("one").id.clone())
    });
    desk.simulator.set_hook(renamed(&other, &id));
    let (summary, exit_code) = desk.backfill().await.expect("ends");
    assert_eq!(exit_code, ExitCode::Incomplete, "{summary:?}");
    let first = format!(
        "SELECT created_at || status || snapshot_id FROM tickets WHERE id = '{id}'
         UNION ALL SELECT valid_from FROM ticket_history WHERE ticket_id = '{id}'
         UNION ALL SELECT raw_json FROM rejects"
    );
    let before = desk.column(&first);
    for night in 0..3 {
        let (summary, exit_code) = sync(&desk).await;
        assert_eq!(exit_code, ExitCode::Incomplete, "{night}: {summary:?}");
        let summary = summary.summary;
        assert_eq!(
            summary.outcome.word(),
            "complete_with_rejects",
            "{summary:?}"
        );
        let named = summary.remarks.iter().any(|remark| remark.contains(&id));
        assert!(named, "{summary:?}");
        assert_eq!(desk.column(&first), before, "{night}");
    }
    // It is mended where it lies.
    desk.simulator.clear_hook();
    let full = settings(&desk);
    let full = mava_export::settings::Sync {
        whole: mava_export::settings::Whole::Always,
        ..full
    };
    let (summary, exit_code) = sync_with(&desk, &full).await.expect("a sync");
    assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
    assert_eq!(desk.live_ids(), desk.world_ids());
}

#[tokio::test]
async fn a_second_ticket_that_got_an_id_of_its_own_leaves_no_reject() {
    let (desk, _) = twins([10, 290]).await;
    desk.backfill().await.expect("ends");
    desk.simulator.clear_hook();
    let (summary, exit_code) = desk.backfill().await.expect("completes");
    assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
    assert_eq!(desk.number("SELECT count(*) FROM rejects"), 0);
    desk.assert_whole("two ids");
}

#[tokio::test]
async fn where_the_first_one_is_gone_the_second_takes_its_place() {
    let (desk, [id, _]) = twins([10, 290]).await;
    desk.backfill().await.expect("ends");
    desk.simulator.with_world(|world| world.remove(&id));
    // One run finds the first one gone, the next one stores what is there.
    desk.backfill().await.expect("ends");
    let (summary, exit_code) = desk.backfill().await.expect("completes");
    assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
    assert_eq!(desk.number("SELECT count(*) FROM rejects"), 0);
    assert_eq!(desk.live_ids().len(), 300);
    assert!(desk.live_ids().contains(&id));
}

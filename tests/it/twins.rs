//! Two tickets of one id: the older one is stored, the other is kept in rejects, and both are named.

use mava_export::error::ExitCode;
use mava_export::settings::Backfill;
use mava_export::simulator::{Fault, Hook, SimulatorSpec};
use serde_json::json;

use crate::support::{Desk, generated};

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
            assert_eq!(summary.outcome, "complete_with_rejects");
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

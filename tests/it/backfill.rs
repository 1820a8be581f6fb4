//! Backfills of simulated desks, end to end.

use mava_export::error::ExitCode;
use mava_export::simulator::{Fault, Faults, SimulatorSpec, World, WorldSpec};

use crate::support::Desk;

fn generated(tickets: usize) -> SimulatorSpec {
    SimulatorSpec::new(World::generate(&WorldSpec {
        tickets,
        ..WorldSpec::default()
    }))
}

#[tokio::test]
async fn a_whole_desk_is_stored_and_a_second_run_changes_nothing() {
    let desk = Desk::open(generated(3_000)).await;
    let (summary, exit_code) = desk.backfill().await.expect("completes");
    assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
    assert_eq!(desk.live_ids(), desk.world_ids());
    assert_eq!(summary.tickets_new, 3_000);
    let (summary, exit_code) = desk.backfill().await.expect("completes");
    assert_eq!(exit_code, ExitCode::Complete);
    assert_eq!(summary.tickets_read, 3_000);
    assert_eq!((summary.tickets_new, summary.tickets_changed), (0, 0));
}

#[tokio::test]
async fn a_ticket_deleted_between_two_runs_is_flagged_and_not_erased() {
    let desk = Desk::open(generated(500)).await;
    desk.backfill().await.expect("completes");
    let gone = desk.simulator.with_world(|world| {
        let id = world.id_at(250).expect("a ticket");
        world.remove(&id);
        id
    });
    let (summary, exit_code) = desk.backfill().await.expect("completes");
    assert_eq!(exit_code, ExitCode::Complete);
    assert_eq!(summary.tickets_deleted, 1);
    let flagged = desk.column("SELECT id FROM tickets WHERE deleted_at IS NOT NULL");
    assert_eq!(flagged, [gone]);
    assert_eq!(desk.live_ids(), desk.world_ids());
}

#[tokio::test]
async fn an_emptied_workspace_flags_nothing_and_says_so() {
    let desk = Desk::open(generated(500)).await;
    desk.backfill().await.expect("completes");
    desk.simulator.with_world(|world| *world = World::empty());
    let (summary, exit_code) = desk.backfill().await.expect("completes");
    assert_eq!(exit_code, ExitCode::Incomplete);
    assert_eq!(summary.tickets_deleted, 0);
    assert!(
        summary
            .remarks
            .iter()
            .any(|remark| remark.contains("--allow-deletions"))
    );
    assert_eq!(desk.live_ids().len(), 500);
}

#[tokio::test]
async fn a_ticket_that_comes_without_its_id_is_not_taken_for_deleted() {
    let desk = Desk::open(generated(300)).await;
    desk.backfill().await.expect("completes");
    let nameless = desk
        .simulator
        .with_world(|world| world.id_at(150).expect("a ticket"));
    desk.simulator.set_hook(Faults::always(move |_| {
        let nameless = nameless.clone();
        Fault::edit_tickets(move |ticket| {
            if ticket["id"] == nameless.as_str() {
                ticket.as_object_mut().expect("a ticket").remove("id");
            }
        })
    }));
    let (summary, exit_code) = desk.backfill().await.expect("completes");
    assert_eq!(exit_code, ExitCode::Incomplete);
    assert_eq!((summary.tickets_deleted, summary.rejects), (0, 1));
    assert_eq!(desk.live_ids(), desk.world_ids());
}

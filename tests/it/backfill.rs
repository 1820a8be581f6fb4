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

#[tokio::test]
async fn an_api_that_stops_sending_messages_erases_no_thread() {
    let desk = Desk::open(generated(300)).await;
    desk.backfill().await.expect("completes");
    let messages = desk.column("SELECT count(*) FROM messages");
    desk.simulator.set_hook(Faults::always(|_| {
        Fault::edit_tickets(|ticket| {
            ticket.as_object_mut().expect("a ticket").remove("messages");
        })
    }));
    let (summary, exit_code) = desk.backfill().await.expect("completes");
    assert_eq!(exit_code, ExitCode::Incomplete);
    assert!(
        summary
            .remarks
            .iter()
            .any(|remark| remark.contains("messages")),
        "{:?}",
        summary.remarks
    );
    assert_eq!(summary.tickets_changed, 0);
    assert_eq!(desk.column("SELECT count(*) FROM messages"), messages);
}

#[tokio::test]
async fn a_short_range_that_is_suddenly_empty_flags_nothing_either() {
    let mut desk = Desk::open(generated(3_000)).await;
    desk.backfill().await.expect("completes");
    desk.settings.since = mava_export::window::parse("2024-06-24").expect("a date");
    desk.simulator.with_world(|world| *world = World::empty());
    let (summary, exit_code) = desk.backfill().await.expect("completes");
    assert_eq!(
        (exit_code, summary.tickets_deleted),
        (ExitCode::Incomplete, 0)
    );
    assert_eq!(desk.live_ids().len(), 3_000);
}

#[tokio::test]
async fn a_pause_past_all_measure_ends_the_run_and_not_the_process() {
    for header in ["18446744073709551615", "30000"] {
        let api = answering(format!(
            "HTTP/1.1 429 Too Many Requests\r\nretry-after: {header}\r\n"
        ));
        let mut desk = Desk::open(generated(1)).await;
        desk.connection.base_url = api.parse().expect("a URL");
        let error = desk.backfill().await.expect_err("gives up");
        assert!(error.to_string().contains("429"), "{error}");
    }
}

/// The address of a server that answers everything with `head` and no body.
fn answering(head: String) -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    #[expect(clippy::disallowed_methods, reason = "a server that is no simulator")]
    std::thread::spawn(move || {
        for stream in listener.incoming().take(8).flatten() {
            let mut stream = stream;
            let mut request = [0; 4_096];
            let _ = std::io::Read::read(&mut stream, &mut request);
            let answer = format!("{head}content-length: 0\r\nconnection: close\r\n\r\n");
            let _ = std::io::Write::write_all(&mut stream, answer.as_bytes());
        }
    });
    format!("http://{address}")
}

//! Faults that last: the run ends with an error that helps, keeps what it has, and goes on later.

use mava_export::error::{Error, ErrorKind, ExitCode};
use mava_export::simulator::{
    Directory, Fault, Hook, Message, Shape, Simulator, SimulatorSpec, World,
};
use mava_export::window;

use super::{assert_accounted, desk, pages, pages_from, served};
use crate::support::{Desk, expected};

/// Runs a backfill that fails; something of it is stored.
async fn failure(desk: &Desk) -> Error {
    let error = desk.backfill().await.expect_err("fails");
    let stored = desk.live_ids();
    assert!(!stored.is_empty(), "{error}");
    assert!(stored.len() < desk.world_ids().len(), "{error}");
    assert_eq!(desk.column("SELECT outcome FROM snapshots"), ["running"]);
    assert_accounted(desk);
    assert!(!error.to_string().contains("simulated-key"));
    error
}

/// With the fault gone the same run goes on to its end.
async fn assert_goes_on(desk: &Desk) {
    desk.simulator.clear_hook();
    let stored = desk.live_ids().len();
    let before = desk.simulator.requests().len();
    let (summary, exit_code) = desk.backfill().await.expect("completes");
    assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
    assert!(summary.is_resumed);
    assert_eq!(desk.column("SELECT outcome FROM snapshots"), ["complete"]);
    desk.assert_whole("after going on");
    assert_accounted(desk);
    let requests = desk.simulator.requests();
    let served: usize = requests[before..]
        .iter()
        .filter_map(|one| one.page_length)
        .sum();
    let left = desk.live_ids().len() - stored;
    assert!(
        served <= left + 5 * 40 + requests.len(),
        "{served} for {left}"
    );
}

#[tokio::test]
async fn a_key_refused_half_way_keeps_what_came_and_a_later_run_goes_on() {
    let desk = desk(900).await;
    desk.simulator
        .set_hook(pages_from(9, || Fault::Unauthorized));
    let error = failure(&desk).await;
    assert_eq!(error.kind(), ErrorKind::Unauthorized, "{error}");
    assert!(
        error
            .help_text()
            .is_some_and(|help| help.contains("MAVA_API_KEY"))
    );
    // It is not tried again: each lane may have met it once.
    assert!((1..=4).contains(&served(&desk, "unauthorized")));
    assert_goes_on(&desk).await;
}

#[tokio::test]
async fn a_request_refused_as_wrong_is_not_sent_again() {
    let desk = desk(900).await;
    desk.simulator.set_hook(pages(&[9], || Fault::Status(400)));
    let error = failure(&desk).await;
    assert_eq!(error.kind(), ErrorKind::Failed, "{error}");
    assert!(error.to_string().contains("400"), "{error}");
    assert_eq!(served(&desk, "status"), 1);
    assert_goes_on(&desk).await;
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_carries_the_key_nowhere() {
    let elsewhere = Simulator::start(SimulatorSpec::new(World::empty()))
        .await
        .expect("a simulator");
    let place = format!("{}/api/tickets", elsewhere.base_url());
    let location = format!("{place}?token=hush#hush");
    let desk = desk(900).await;
    desk.simulator
        .set_hook(pages_from(9, move || Fault::Redirect(location.clone())));
    let error = failure(&desk).await;
    assert_eq!(error.kind(), ErrorKind::Failed, "{error}");
    let told = error.to_string();
    assert!(
        told.contains(&format!("302, a redirect to {place}")),
        "{told}"
    );
    assert!(!told.contains("hush"), "{told}");
    assert!(served(&desk, "redirect") >= 1);
    assert!(elsewhere.requests().is_empty());
    assert_goes_on(&desk).await;
}

#[tokio::test]
async fn an_endless_server_error_ends_with_what_was_asked_and_how_often() {
    let mut desk = desk(900).await;
    desk.connection.retry.attempts = 3;
    desk.simulator
        .set_hook(pages_from(9, || Fault::Status(500)));
    let error = failure(&desk).await;
    assert_eq!(error.kind(), ErrorKind::Failed, "{error}");
    let message = error.to_string();
    for word in ["GET", "/api/tickets", "[202", "3 attempts", "500"] {
        assert!(message.contains(word), "{word}: {message}");
    }
    assert!(served(&desk, "status") >= 3);
    assert_goes_on(&desk).await;
}

#[tokio::test]
async fn endless_silence_ends_too() {
    let mut desk = desk(900).await;
    desk.connection.retry.attempts = 1;
    let patience = desk.connection.timeouts.read;
    desk.connection.timeouts.read = std::time::Duration::from_millis(150);
    desk.simulator
        .set_hook(pages_from(9, || Fault::NeverAnswers));
    let error = failure(&desk).await;
    assert_eq!(error.kind(), ErrorKind::Failed, "{error}");
    desk.connection.timeouts.read = patience;
    assert_goes_on(&desk).await;
}

/// Three hundred tickets with a message of so many letters each.
fn heavy(letters: usize) -> World {
    let from = window::parse("2024-03-01").expect("a date");
    let regular = World::regular(from, chrono::TimeDelta::hours(1), 300);
    let tickets = regular.tickets().cloned().map(|mut ticket| {
        let text = "x".repeat(letters);
        let id = format!("{}-m", ticket.id);
        ticket.messages = vec![Message::new(id, ticket.created_at, text)];
        ticket
    });
    World::new(Directory::default(), tickets.collect())
}

#[tokio::test]
async fn a_body_over_the_cap_is_asked_for_in_smaller_pages() {
    let mut desk = Desk::open(SimulatorSpec::new(heavy(3_000))).await;
    desk.connection.max_body_bytes = 150_000;
    let (summary, exit_code) = desk.backfill().await.expect("completes");
    assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
    desk.assert_whole("under the cap");
    assert_accounted(&desk);
    let requests = desk.simulator.requests();
    let asked = |limit: &str| requests.iter().any(|one| one.query.contains(limit));
    assert!(asked("limit=100") && asked("limit=25"), "{requests:?}");
}

#[tokio::test]
async fn a_single_ticket_over_the_cap_ends_the_run_with_the_way_out() {
    let mut desk = Desk::open(SimulatorSpec::new(heavy(3_000))).await;
    desk.connection.max_body_bytes = 2_000;
    let error = desk.backfill().await.expect_err("fails");
    assert_eq!(error.kind(), ErrorKind::Failed, "{error}");
    assert!(error.to_string().contains("2000 bytes"), "{error}");
    assert!(
        error
            .help_text()
            .is_some_and(|help| help.contains("--max-body"))
    );
    desk.connection.max_body_bytes = 64 << 20;
    let (_, exit_code) = desk.backfill().await.expect("completes");
    assert_eq!(exit_code, ExitCode::Complete);
    desk.assert_whole("with a higher cap");
}

#[tokio::test]
async fn lists_that_cannot_be_read_are_a_remark() {
    for path in ["/api/categories", "/api/agents", "/api/"] {
        let mut desk = desk(300).await;
        desk.connection.retry.attempts = 3;
        desk.simulator.set_hook(Box::new(move |request, _| {
            let is_hit = !request.is_for_tickets() && request.path.starts_with(path);
            is_hit.then_some(Fault::Status(500))
        }));
        let (summary, exit_code) = desk.backfill().await.expect("completes");
        assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
        let lists = if path == "/api/" { 2 } else { 1 };
        assert_eq!(summary.remarks.len(), lists, "{:?}", summary.remarks);
        assert_eq!(served(&desk, "status"), 3 * lists);
        let world = desk.simulator.world();
        let expected = expected(&world, Shape::default());
        let unread = ["categories", "agents"];
        desk.rows()
            .without_tables(&unread)
            .assert_equal(&expected.without_tables(&unread), path);
    }
}

#[tokio::test]
async fn pages_that_are_always_too_heavy_are_read_in_smaller_ones_from_the_first_on() {
    let mut desk = Desk::open(SimulatorSpec::new(crate::support::generated(150))).await;
    desk.connection.retry.attempts = 2;
    desk.simulator.set_hook(Box::new(|request, _| {
        let limit = request.parameter("limit")?.parse::<u32>().ok()?;
        (request.is_for_tickets() && limit > 25).then(|| Fault::Status(504))
    }));
    let (summary, exit_code) = desk.backfill().await.expect("completes");
    assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
    desk.assert_whole("in pages of at most 25");
}

/// The API fails on every page with one of these tickets and its thread.
fn fails_on(heavy: &'static [usize]) -> Hook {
    Box::new(move |request, world| {
        let instant = |name| window::parse(request.parameter(name)?).ok();
        let (from, until) = (instant("startDate")?, instant("endDate")?);
        let number = |name| request.parameter(name).and_then(|text| text.parse().ok());
        let matching = world
            .tickets()
            .enumerate()
            .filter(|(_, ticket)| from <= ticket.created_at && ticket.created_at < until);
        let mut page = matching
            .skip(number("skip").unwrap_or(0))
            .take(number("limit").unwrap_or(0));
        let has_threads = request.parameter("includeMessages") == Some("true");
        (has_threads && page.any(|(place, _)| heavy.contains(&place))).then_some(Fault::Status(500))
    })
}

#[tokio::test]
async fn a_ticket_whose_thread_the_api_cannot_make_costs_no_other() {
    for heavy in [&[120][..], &[0, 299], &[100, 101]] {
        let mut desk = desk(300).await;
        desk.connection.retry.attempts = 2;
        desk.simulator.set_hook(fails_on(heavy));
        let (summary, exit_code) = desk.backfill().await.expect("a backfill");
        assert_eq!(exit_code, ExitCode::Incomplete, "{heavy:?}: {summary:?}");
        assert_eq!(summary.unverified.len(), 0, "{summary:?}");
        let kept = desk.column("SELECT ticket_id FROM rejects WHERE path = 'messages'");
        let ids = desk.simulator.with_world(|world| {
            let tickets = world.tickets().enumerate();
            let heavy = tickets.filter(|(place, _)| heavy.contains(place));
            heavy
                .map(|(_, ticket)| ticket.id.clone())
                .collect::<Vec<_>>()
        });
        assert!(ids.iter().all(|id| kept.contains(id)), "{kept:?}");
        assert_eq!(desk.live_ids(), desk.world_ids());
        let lacking = "SELECT count(*) FROM tickets WHERE message_count IS NULL";
        let lacking = usize::try_from(desk.number(lacking)).unwrap();
        assert!(
            (heavy.len()..=heavy.len() + 2).contains(&lacking),
            "{lacking}"
        );
        // The API has mended it.
        desk.simulator.set_hook(Box::new(|_, _| None));
        let (summary, exit_code) = desk.backfill().await.expect("a backfill");
        assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
        assert_eq!(desk.number("SELECT count(*) FROM rejects"), 0);
        desk.assert_whole("mended");
    }
}

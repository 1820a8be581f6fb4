//! The budget against a limit that is enforced: never a 429. That hardly a request is left unused is shown
//! by the gate's own tests, whose clock no busy machine can hold up.

use std::time::Duration;

use mava_export::error::ExitCode;
use mava_export::settings::RateLimit;
use mava_export::simulator::{self, Fault, Quirks, SimulatorSpec, World, WorldSpec};
use mava_export::window;

use crate::support::Desk;

const REQUESTS: u32 = 20;
const PERIOD: Duration = Duration::from_millis(400);

/// Wide enough for a machine on which requests wait for a processor.
const MARGIN: Duration = Duration::from_millis(100);

/// A desk that enforces the limit, in pages of ten so that they are many.
fn limited(tickets: usize) -> Desk {
    let world = World::generate(&WorldSpec {
        tickets,
        from: window::parse("2022-01-10").expect("a date"),
        until: window::parse("2024-12-20").expect("a date"),
        mean_messages: 1.0,
        ..WorldSpec::default()
    });
    let mut desk = Desk::open_apart(SimulatorSpec {
        quirks: Quirks {
            largest_page: Some(10),
            ..Quirks::default()
        },
        rate_limit: Some(simulator::RateLimit::new(20, PERIOD)),
        latency: Duration::from_millis(5),
        jitter: Duration::from_millis(15),
        ..SimulatorSpec::new(world)
    });
    desk.connection.budget.rate_limit = Some(RateLimit {
        requests: REQUESTS,
        period: PERIOD,
    });
    desk.connection.budget.margin = MARGIN;
    desk
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(future)
}

#[test]
fn several_hundred_requests_meet_no_429() {
    let desk = limited(2_100);
    let (summary, exit_code) = block_on(desk.backfill()).expect("completes");
    assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
    assert_eq!(desk.live_ids(), desk.world_ids());
    let requests = desk.simulator.requests();
    assert!(requests.len() > 230, "{}", requests.len());
    let refused = (desk.simulator.count_429(), summary.requests_limited);
    assert_eq!(refused, (0, 0));
}

#[test]
fn two_runs_on_two_stores_share_the_budget_of_their_key() {
    let desk = limited(900);
    let directory = tempfile::tempdir().expect("a directory");
    let mut settings = desk.settings.clone();
    settings.store.path = directory.path().join("other.db");
    let outcomes = std::thread::scope(|scope| {
        let one = scope.spawn(|| block_on(desk.backfill()));
        let other = scope.spawn(|| block_on(desk.backfill_with(&settings)));
        [one.join(), other.join()]
    });
    for outcome in outcomes {
        let (summary, exit_code) = outcome.expect("no panic").expect("completes");
        assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
        assert_eq!(summary.tickets_stored, 900);
    }
    assert!(desk.simulator.requests().len() > 200);
    assert_eq!(desk.simulator.count_429(), 0);
}

#[test]
fn waiting_for_ones_turn_is_not_counted_as_retrying() {
    let mut desk = limited(80);
    desk.connection.budget.rate_limit = Some(RateLimit {
        requests: 2,
        period: Duration::from_millis(600),
    });
    // Shorter than the wait for a turn.
    desk.connection.retry.total = Duration::from_millis(500);
    let mut page = 0;
    desk.simulator.set_hook(Box::new(move |request, _| {
        page += u64::from(request.is_for_tickets());
        (request.is_for_tickets() && page.is_multiple_of(3)).then_some(Fault::Status(503))
    }));
    let (summary, exit_code) = block_on(desk.backfill()).expect("completes");
    assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
    assert!(summary.retries >= 3, "{summary:?}");
    assert_eq!(desk.live_ids(), desk.world_ids());
}

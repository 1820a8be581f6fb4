//! Two processes with one key and one state directory share the budget of the key.

use std::time::{Duration, Instant};

use mava_export::simulator::{LoggedRequest, Quirks, RateLimit, Simulator, SimulatorSpec};

use super::support::{Place, Running, world};

/// The limit that the API enforces and both are told.
const REQUESTS: usize = 10;
const PERIOD: Duration = Duration::from_millis(500);

/// Wide enough for a machine on which a request waits for a processor on its way.
const WORDS: &str = "--rate-limit 10/500ms --rate-margin 250ms --json";

/// What one run asks for and the other does not.
const BARE: &str = "--no-messages";

const TICKETS: usize = 250;

/// A desk that enforces the limit, in pages of ten so that they are many.
fn limited() -> Simulator {
    Simulator::start_apart(SimulatorSpec {
        quirks: Quirks {
            largest_page: Some(10),
            ..Quirks::default()
        },
        rate_limit: Some(RateLimit::new(REQUESTS, PERIOD)),
        latency: Duration::from_millis(5),
        jitter: Duration::from_millis(15),
        is_prerendered: true,
        ..SimulatorSpec::new(world(TICKETS))
    })
    .unwrap()
}

/// When the first and the last page of a run arrived.
fn span(requests: &[LoggedRequest], is_bare: bool) -> (Instant, Instant) {
    let mut pages = requests.iter().filter(|one| {
        one.path == "/api/tickets" && one.query.contains("includeMessages=false") == is_bare
    });
    let first = pages.next().unwrap().arrived_at;
    (first, pages.next_back().unwrap().arrived_at)
}

#[test]
fn two_processes_share_the_budget_of_their_key() {
    let simulator = limited();
    let place = Place::new();
    let runs = [("one.db", ""), ("other.db", BARE)].map(|(store, more)| {
        let words = format!(
            "backfill --since 2024-01-01 --until 2024-07-01 --to sqlite:{store} {WORDS} {more}"
        );
        Running::start(&mut place.command_at(&simulator, &words))
    });
    let mut sent = 0;
    for run in runs {
        let summary = run.end().expect(0).json();
        assert_eq!(summary["tickets_stored"], TICKETS, "{summary:#}");
        assert_eq!(summary["requests_limited"], 0, "{summary:#}");
        sent += summary["requests"].as_u64().unwrap();
    }
    let requests = simulator.requests();
    assert_eq!(requests.len() as u64, sent);
    assert_eq!(simulator.count_429(), 0);
    // Nobody sends more than the limit in any stretch of its length.
    for some in requests.windows(REQUESTS + 1) {
        let stretch = some[REQUESTS].arrived_at - some[0].arrived_at;
        assert!(stretch >= PERIOD, "{stretch:?}");
    }
    // Both wanted it at the same time.
    let (one, other) = (span(&requests, false), span(&requests, true));
    let together = one.1.min(other.1).duration_since(one.0.max(other.0));
    assert!(together > 2 * PERIOD, "{together:?}");
}

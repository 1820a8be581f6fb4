//! After a backfill the store holds the desk: row by row, in every table, at the documented cost.

use std::time::{Duration, Instant};

use mava_export::error::ExitCode;
use mava_export::settings::RateLimit;
use mava_export::simulator::{LoggedRequest, SimulatorSpec, World, WorldSpec};
use mava_export::window::{self, Window};

use crate::support::Desk;

/// Long beside what a request costs otherwise, so that lanes overlap on a busy machine too.
const LATENCY: Duration = Duration::from_millis(80);

/// A desk of more than three years.
fn years(tickets: usize, mean_messages: f64) -> World {
    World::generate(&WorldSpec {
        seed: 7,
        tickets,
        from: window::parse("2021-02-03").expect("a date"),
        until: window::parse("2024-06-30").expect("a date"),
        mean_messages,
    })
}

/// Settings that cover [`years`].
fn over_years(desk: &mut Desk) {
    desk.settings.since = window::parse("2021-01-01").expect("a date");
    desk.settings.until = Some(window::parse("2024-07-01").expect("a date"));
}

/// The most requests that a desk may cost: 1.03 per page and three per window, and two lists.
fn most_requests(desk: &Desk) -> usize {
    let range = Window::new(desk.settings.since, desk.settings.until.expect("an end"));
    let windows = range.expect("a range").split_by_year();
    let pages: usize = desk.simulator.with_world(|world| {
        let of = |window: &Window| {
            let created = world.tickets().map(|ticket| ticket.created_at);
            created.filter(|at| window.contains(*at)).count()
        };
        windows.iter().map(|window| of(window).div_ceil(100)).sum()
    });
    pages * 103 / 100 + 3 * windows.len() + 2
}

#[tokio::test]
async fn a_desk_of_three_years_is_in_the_store_row_by_row_in_every_table() {
    let mut desk = Desk::open(SimulatorSpec::new(years(4_000, 5.0))).await;
    over_years(&mut desk);
    let (summary, exit_code) = desk.backfill().await.expect("completes");
    assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
    assert!(summary.remarks.is_empty(), "{:?}", summary.remarks);
    desk.assert_whole("after one backfill");
    let rows = desk.rows();
    for table in ["messages", "message_attachments", "customer_attributes"] {
        assert!(rows.count(table) > 100, "{table}");
    }

    assert_eq!(
        desk.column("SELECT ticket_id FROM ticket_history ORDER BY ticket_id"),
        desk.world_ids()
    );
    let ended = "SELECT count(*) FROM ticket_history WHERE valid_until IS NOT NULL OR is_deleted";
    assert_eq!(desk.number(ended), 0);

    let requests = desk.simulator.requests().len();
    assert!(requests <= most_requests(&desk), "{requests} requests");
    let snapshot = format!(
        "SELECT count(*) FROM snapshots WHERE id = 1 AND kind = 'backfill'
             AND outcome = 'complete' AND finished_at >= started_at
             AND range_from = '2021-01-01T00:00:00.000Z'
             AND range_until = '2024-07-01T00:00:00.000Z'
             AND filters_json IS NULL AND has_messages = 1 AND requests = {requests}
             AND tickets_read = 4000 AND tickets_new = 4000 AND tickets_changed = 0
             AND tickets_deleted = 0 AND unverified_slices = 0 AND rejects = 0
             AND replaced_characters = 0"
    );
    assert_eq!(desk.number(&snapshot), 1);
    assert_eq!(desk.number("SELECT count(*) FROM snapshots"), 1);
    assert_eq!(desk.number("SELECT count(*) FROM rejects"), 0);
}

#[tokio::test]
async fn sixteen_lanes_cost_no_more_than_the_documented_share() {
    for (tickets, least_at_once) in [(3_000, 3), (9_000, 5)] {
        let spec = SimulatorSpec {
            latency: LATENCY,
            ..SimulatorSpec::new(years(tickets, 1.0))
        };
        let mut desk = Desk::open(spec).await;
        over_years(&mut desk);
        // A limit far above what is sent: it is from the rate that lanes are counted.
        desk.connection.budget.rate_limit = Some(RateLimit {
            requests: 5_000,
            period: Duration::from_secs(1),
        });
        let (summary, exit_code) = desk.backfill().await.expect("completes");
        assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
        assert_eq!(desk.live_ids(), desk.world_ids());
        let (requests, most) = (desk.simulator.requests().len(), most_requests(&desk));
        assert!(
            requests <= most,
            "{requests} of {most} for {tickets} tickets: {:#?}",
            desk.simulator
                .requests()
                .iter()
                .map(|one| format!(
                    "{:?} {:?} of {:?} {}",
                    one.status, one.page_length, one.count, one.query
                ))
                .collect::<Vec<_>>()
        );
        let at_once = most_at_once(&desk);
        assert!(at_once >= least_at_once, "{at_once} pages in flight");
    }
}

/// How many requests were under way at once: there, and not answered yet.
fn most_at_once(desk: &Desk) -> usize {
    let requests = desk.simulator.requests();
    let span = |one: &LoggedRequest| Some((one.arrived_at, *one.answered_at.get()?));
    let spans: Vec<_> = requests.iter().filter_map(span).collect();
    let with = |at: &Instant| {
        let under_way = spans
            .iter()
            .filter(|(from, until)| from <= at && at < until);
        under_way.count()
    };
    spans.iter().map(|(from, _)| with(from)).max().unwrap_or(0)
}

//! Thirty nights of syncs of a desk at work: each morning the store is the desk, and its backlog is the true one.

use chrono::TimeDelta;
use mava_export::error::ExitCode;
use mava_export::settings::MetricsSettings;
use mava_export::simulator::{Evolution, Shape, WorkSpec};

use crate::support::nights::{copied_in_the_evening, pass_a_day, sync_at_night};
use crate::support::{NOW, expected};

const NIGHTS: i64 = 30;

/// The tickets of the backlog, by the store.
const BACKLOG: &str = "SELECT id FROM tickets WHERE deleted_at IS NULL AND status IN ('Open', 'Pending', 'Waiting') ORDER BY id";

#[tokio::test]
async fn thirty_nights_of_a_desk_at_work_are_in_the_store_each_morning() {
    let evening = NOW - TimeDelta::days(NIGHTS);
    let work = WorkSpec {
        seed: 1,
        tickets: 250,
        ..WorkSpec::default()
    };
    let desk = copied_in_the_evening(work, 40, evening, MetricsSettings::default()).await;
    let evolution = Evolution {
        seed: 2,
        rate: 6.0,
        ..Evolution::default()
    };
    for night in 1..=NIGHTS {
        let now = evening + TimeDelta::days(night);
        pass_a_day(&desk, &evolution, now);
        let (summary, exit_code) = sync_at_night(&desk).await.expect("a sync");
        assert_eq!(exit_code, ExitCode::Complete, "night {night}: {summary:?}");
        let world = desk.simulator.world();
        let work = world.work().expect("a desk at work");
        let backlog = work.backlog(now);
        let mut backlog: Vec<String> = backlog
            .map(|(story, _)| story.ticket_id().to_owned())
            .collect();
        backlog.sort_unstable();
        assert_eq!(desk.column(BACKLOG), backlog, "night {night}");
        if night % 10 != 0 {
            continue;
        }
        let gone = desk.column("SELECT id FROM tickets WHERE deleted_at IS NOT NULL");
        assert!(night < NIGHTS || !gone.is_empty());
        let bygone = desk.column(
            "SELECT customer_id FROM tickets WHERE customer_id IS NOT NULL
             GROUP BY customer_id HAVING max(deleted_at IS NULL) = 0",
        );
        desk.rows()
            .without_tickets(&gone)
            .without_customers(&bygone)
            .assert_equal(&expected(&world, Shape::default()), "a desk at work");
    }
    let audit = desk.audit();
    assert!(audit.is_whole(), "{audit:?}");
}

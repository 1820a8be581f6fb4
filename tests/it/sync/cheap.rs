//! What a sync of a night costs.

use mava_export::simulator::{Evolution, Quirks};

use super::*;

/// Nights that are looked at.
const NIGHTS: i64 = 4;

/// A desk of twenty thousand tickets on which some seventy more come a day.
#[tokio::test]
async fn a_nightly_sync_costs_at_most_forty_requests_more_than_its_lists() {
    let world = World::generate(&WorldSpec {
        seed: 7,
        tickets: 20_000,
        from: NOW - TimeDelta::days(300),
        until: NOW - TimeDelta::days(1) - TimeDelta::minutes(30),
        mean_messages: 0.2,
    });
    let mut desk = Desk::open(SimulatorSpec {
        quirks: Quirks::default(),
        ..SimulatorSpec::new(world)
    })
    .await;
    let mut night = NOW - TimeDelta::days(1);
    desk.set_now(night);
    desk.settings.since = NOW - TimeDelta::days(301);
    desk.settings.until = None;
    desk.settings.has_messages = false;
    let (_, exit_code) = desk.backfill().await.expect("a backfill");
    assert_eq!(exit_code, ExitCode::Complete);
    let full = desk.simulator.requests().len();
    assert!(full > 200, "{full}");
    let evolution = Evolution {
        rate: 67.0,
        has_messages: false,
        ..Evolution::default()
    };
    let mut all = 0;
    for _ in 0..NIGHTS {
        let before = night;
        night += TimeDelta::days(1);
        desk.simulator.with_world(|world| {
            world.evolve(&evolution, before, night);
        });
        desk.set_now(night);
        desk.simulator.clear_requests();
        let (summary, exit_code) = sync(&desk).await;
        assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
        let asked = desk.simulator.requests().len();
        let steps: Vec<(&str, u64)> = summary
            .steps
            .iter()
            .map(|step| (step.step.as_str(), step.requests))
            .collect();
        assert!(asked <= 50, "{asked}: {steps:?}");
        all += asked;
    }
    let mean = all / usize::try_from(NIGHTS).expect("few");
    assert!(mean * 5 <= full, "{mean} a night, {full} for all");
}

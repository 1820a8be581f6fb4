//! A desk at work that is copied on an evening and then synced each night.

use chrono::TimeDelta;
use mava_export::error::{ExitCode, Result};
use mava_export::report::SyncSummary;
use mava_export::settings::{MetricsSettings, Spend, Sync, Whole};
use mava_export::simulator::{Evolution, SimulatorSpec, WorkSpec, World};
use mava_export::sync;
use mava_export::table::{Instant, RunKind};

use super::Desk;

/// A desk with the tickets of so many days before `evening`, which is copied then.
pub(crate) async fn copied_in_the_evening(
    work: WorkSpec,
    days: i64,
    evening: Instant,
    metrics: MetricsSettings,
) -> Desk {
    let first = evening - TimeDelta::days(days);
    let mut desk = Desk::open(SimulatorSpec::new(World::at_work(&WorkSpec {
        from: first,
        until: evening,
        ..work
    })))
    .await;
    desk.set_now(evening);
    desk.settings.since = first - TimeDelta::days(1);
    desk.settings.until = None;
    desk.settings.store.metrics = metrics;
    let (summary, exit_code) = desk.backfill().await.expect("a backfill");
    assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
    desk
}

/// Lets the day before `now` pass on the desk.
pub(crate) fn pass_a_day(desk: &Desk, evolution: &Evolution, now: Instant) {
    let before = now - TimeDelta::days(1);
    desk.simulator
        .with_world(|world| world.evolve(evolution, before, now));
    desk.set_now(now);
}

/// A sync as people run it, with a budget that is more than enough.
pub(crate) async fn sync_at_night(desk: &Desk) -> Result<(SyncSummary, ExitCode)> {
    let settings = Sync {
        kind: RunKind::Backfill,
        since: None,
        whole: Whole::IfItFits,
        spend: Spend::requests(900),
        has_messages: true,
        max_lanes: 16,
        allow_deletions: false,
        store: desk.settings.store.clone(),
    };
    let context = desk.context().expect("a client");
    sync::sync(&context, &settings).await
}

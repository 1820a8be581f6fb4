//! What a sync of a night costs.

use mava_export::simulator::{Evolution, Quirks};

use super::*;

/// What a sync must read: categories and agents, and the lists.
fn needed(summary: &SyncSummary) -> u64 {
    let lists = ["new", "open", "resolved", "confirm"];
    2 + lists
        .map(|step| requests_of(summary, step))
        .iter()
        .sum::<u64>()
}

/// What the full read of a desk took, and what each of some nights' syncs sends after it: in all, and of that
/// what it must.
async fn nights(tickets: usize, days: i64, nights: i64) -> (u64, Vec<(u64, u64)>) {
    let world = World::generate(&WorldSpec {
        seed: 7,
        tickets,
        from: NOW - TimeDelta::days(days),
        until: NOW - TimeDelta::days(1) - TimeDelta::minutes(30),
        mean_messages: 0.0,
    });
    let mut desk = opened(world, Quirks::default()).await;
    desk.settings.since = NOW - TimeDelta::days(days + 1);
    desk.settings.has_messages = false;
    let (_, exit_code) = desk.backfill().await.expect("a backfill");
    assert_eq!(exit_code, ExitCode::Complete);
    let full = desk.simulator.requests().len();
    #[expect(clippy::cast_precision_loss, reason = "a few hundred a day")]
    let rate = tickets as f64 / days as f64;
    let evolution = Evolution {
        rate,
        has_messages: false,
        ..Evolution::default()
    };
    let mut sent = Vec::new();
    for night in 0..nights {
        let (before, now) = (
            NOW + TimeDelta::days(night - 1),
            NOW + TimeDelta::days(night),
        );
        desk.simulator
            .with_world(|world| world.evolve(&evolution, before, now));
        desk.set_now(now);
        desk.simulator.clear_requests();
        let (summary, exit_code) = sync(&desk).await;
        assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
        let asked = desk.simulator.requests().len() as u64;
        assert_eq!(asked, summary.summary.requests, "{summary:?}");
        sent.push((asked, needed(&summary)));
    }
    (full as u64, sent)
}

/// A desk of twenty thousand tickets on which some seventy more come a day.
#[tokio::test]
async fn a_nightly_sync_costs_at_most_forty_requests_more_than_its_lists() {
    let (full, sent) = nights(20_000, 300, 4).await;
    assert!(full > 200, "{full}");
    for (asked, needed) in &sent {
        assert!(*asked <= 50 && asked - needed <= 40, "{sent:?}");
    }
    let all: u64 = sent.iter().map(|(asked, _)| asked).sum();
    assert!(all * 5 <= full * sent.len() as u64, "{sent:?} of {full}");
}

/// A hundred tickets a day for three years.
#[tokio::test]
async fn a_nightly_sync_of_a_large_desk_costs_a_few_percent_of_a_full_read() {
    let (full, sent) = nights(110_000, 1_100, 2).await;
    assert!(full > 1_100, "{full}");
    for (asked, needed) in &sent {
        assert!((asked - needed) * 100 <= full * 3, "{sent:?} of {full}");
        assert!(asked * 100 <= full * 5, "{sent:?} of {full}");
    }
}

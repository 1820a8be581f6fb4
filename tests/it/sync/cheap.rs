//! What a sync of a night costs.

use mava_export::simulator::{Evolution, Quirks};

use super::*;

/// A night's sync: what it sent, and how many tickets and windows there are.
#[derive(Debug)]
struct Night {
    asked: u64,
    tickets: u64,
    windows: u64,
    summary: SyncSummary,
}

/// What each of some nights' syncs sends that may send so many requests.
async fn nights(tickets: usize, days: i64, spend: u64, nights: i64) -> Vec<Night> {
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
        let settings = Sync {
            whole: Whole::IfItFits,
            spend: Spend::requests(spend),
            ..settings(&desk)
        };
        let (summary, _) = sync_with(&desk, &settings).await.expect("a sync");
        let asked = desk.simulator.requests().len() as u64;
        assert_eq!(asked, summary.summary.requests, "{summary:?}");
        sent.push(Night {
            asked,
            tickets: desk
                .simulator
                .with_world(|world| world.tickets().count() as u64),
            windows: u64::try_from((days + night + 1) / 365).expect("few") + 1,
            summary,
        });
    }
    sent
}

/// A desk of twenty thousand tickets on which some seventy more come a day.
#[tokio::test]
async fn a_desk_that_is_read_in_full_costs_hardly_more_than_its_pages() {
    for night in nights(20_000, 300, 900, 3).await {
        assert_eq!(night.summary.may_be_unseen, Some(Vec::new()), "{night:?}");
        let pages = night.tickets.div_ceil(99);
        let most = pages * 102 / 100 + 3 * night.windows + 5;
        assert!((pages..=most).contains(&night.asked), "{most}: {night:?}");
    }
}

/// A hundred tickets a day for three years.
#[tokio::test]
async fn a_desk_that_is_not_takes_what_it_may_and_no_request_more() {
    for night in nights(110_000, 1_100, 120, 2).await {
        let all: u64 = night.summary.steps.iter().map(|step| step.requests).sum();
        assert_eq!(night.asked, all + 2, "{night:?}");
        assert!((119..=121).contains(&night.asked), "{night:?}");
        assert!(requests_of(&night.summary, "refresh") > 20, "{night:?}");
    }
}

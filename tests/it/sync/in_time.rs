//! Every ticket is read again within as many syncs as they say.

use mava_export::simulator::Quirks;

use super::*;

const DAY_MS: i64 = 86_400_000;

/// Nights on which every ticket has to have been read within as many syncs as the first of them says.
async fn nights(desk: &Desk, requests: u64, nights: i64) {
    let short = Sync {
        spend: Spend::requests(requests),
        ..settings(desk)
    };
    let mut promised = 0;
    for night in 0..nights {
        let at = NOW + TimeDelta::days(night);
        desk.set_now(at);
        let (summary, exit_code) = sync_with(desk, &short).await.expect("a sync");
        assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
        let sent = summary.summary.requests;
        assert!(
            sent <= requests + 1,
            "night {night}: {sent} {:?}",
            summary.steps
        );
        let syncs = summary
            .syncs_for_all
            .expect("something is left to read by age");
        promised = promised.max(i64::try_from(syncs).expect("few"));
        let oldest =
            desk.number("SELECT min(verified_at_ms) FROM _ticket_index WHERE is_deleted = 0");
        let age = (at.timestamp_millis() - oldest) / DAY_MS;
        assert!(
            age <= promised,
            "night {night}: {age} days, not {promised}: {summary:?}"
        );
    }
    // What was promised came due within these nights.
    assert!((1..nights).contains(&promised), "{promised}");
}

#[tokio::test]
async fn every_ticket_is_read_again_within_as_many_syncs_as_they_say() {
    let desk = copied(recent(4_000), Quirks::default()).await;
    nights(&desk, 25, 14).await;
    let desk = copied(terse(20_000), Quirks::default()).await;
    nights(&desk, 90, 8).await;
}

/// A bulk import: more tickets in one millisecond than a page holds.
#[tokio::test]
async fn tickets_of_one_instant_and_of_short_pages_are_read_again_in_time_too() {
    for largest_page in [None, Some(40)] {
        let mut world = terse(1_500);
        let at = NOW - TimeDelta::days(100);
        for id in world.insert_burst(at, 250) {
            world.edit(&id, |ticket| ticket.resolve(at + TimeDelta::hours(5)));
        }
        let quirks = Quirks {
            largest_page,
            ..Quirks::default()
        };
        let desk = copied(world, quirks).await;
        nights(&desk, if largest_page.is_none() { 20 } else { 36 }, 12).await;
    }
}

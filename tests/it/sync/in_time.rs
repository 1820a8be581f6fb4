//! Every ticket is read again within the time asked for.

use mava_export::simulator::Quirks;

use super::*;

const DAY_MS: i64 = 86_400_000;

#[tokio::test]
async fn every_ticket_is_read_again_within_the_time_asked_for() {
    let desk = copied(recent(4_000), Quirks::default()).await;
    let often = Sync {
        refresh_within_days: 10,
        ..settings(&desk)
    };
    for night in 0..14 {
        let at = NOW + TimeDelta::days(night);
        desk.set_now(at);
        let (summary, _) = sync_with(&desk, &often).await.expect("a sync");
        let oldest = desk.number("SELECT min(verified_at_ms) FROM _ticket_index");
        let age = at.timestamp_millis() - oldest;
        assert!(
            age <= 10 * 86_400_000,
            "night {night}: {age} ms, {summary:?}"
        );
        assert!(summary.summary.requests < 30, "{summary:?}");
    }
}

/// A bulk import: more tickets in one millisecond than a page holds.
#[tokio::test]
async fn tickets_of_one_instant_are_read_again_within_the_time_asked_for_too() {
    let mut world = recent(1_500);
    let at = NOW - TimeDelta::days(100);
    for number in 0..250_u32 {
        let mut ticket = Ticket::new(object_id(at, number.into()), at);
        ticket.status = "Resolved".into();
        ticket.resolution_time_ms = Some(1_000);
        world.insert(ticket);
    }
    let desk = copied(world, Quirks::default()).await;
    let often = Sync {
        refresh_within_days: 10,
        ..settings(&desk)
    };
    for night in 0..14 {
        let at = NOW + TimeDelta::days(night);
        desk.set_now(at);
        let (summary, _) = sync_with(&desk, &often).await.expect("a sync");
        let oldest = desk.number("SELECT min(verified_at_ms) FROM _ticket_index");
        let age = at.timestamp_millis() - oldest;
        assert!(
            age <= 10 * 86_400_000,
            "night {night}: {age} ms, {summary:?}"
        );
    }
}

#[tokio::test]
async fn everything_is_read_in_time_though_it_takes_more_than_the_usual_cap() {
    let desk = copied(terse(20_000), Quirks::default()).await;
    let often = Sync {
        refresh_within_days: 5,
        ..settings(&desk)
    };
    for night in 0..7 {
        let at = NOW + TimeDelta::days(night);
        desk.set_now(at);
        let (summary, _) = sync_with(&desk, &often).await.expect("a sync");
        let oldest = desk.number("SELECT min(verified_at_ms) FROM _ticket_index");
        let age = at.timestamp_millis() - oldest;
        assert!(age <= 5 * DAY_MS, "night {night}: {age} ms, {summary:?}");
        assert!(requests_of(&summary, "campaigns") > 0, "{summary:?}");
    }
    let capped = Sync {
        max_requests: Some(25),
        ..often
    };
    let at = NOW + TimeDelta::days(8);
    desk.set_now(at);
    let (summary, _) = sync_with(&desk, &capped).await.expect("a sync");
    assert!(summary.summary.requests <= 25, "{summary:?}");
    assert!(
        has_remark(&summary, "unread for about 5 days"),
        "{summary:?}"
    );
}

#[tokio::test]
async fn tickets_of_one_millisecond_and_those_of_short_pages_are_read_in_time() {
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
        let often = Sync {
            refresh_within_days: 5,
            ..settings(&desk)
        };
        for night in 0..7 {
            let at = NOW + TimeDelta::days(night);
            desk.set_now(at);
            let (summary, _) = sync_with(&desk, &often).await.expect("a sync");
            let oldest = desk.number("SELECT min(verified_at_ms) FROM _ticket_index");
            let age = at.timestamp_millis() - oldest;
            assert!(age <= 5 * DAY_MS, "night {night}: {age} ms, {summary:?}");
        }
    }
}

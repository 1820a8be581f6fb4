//! An API that does not behave as its page reads: right data, or an honest outcome and a remark.

use chrono::TimeDelta;
use mava_export::error::ExitCode;
use mava_export::report::Summary;
use mava_export::settings::Filters;
use mava_export::simulator::{
    Directory, Order, Quirks, SimulatorSpec, Start, Ticket, World, object_id,
};
use mava_export::table::Instant;
use mava_export::window;

use crate::support::{Desk, generated};

fn at(text: &str) -> Instant {
    window::parse(text).expect("an instant")
}

async fn open(world: World, quirks: Quirks) -> Desk {
    Desk::open(SimulatorSpec {
        quirks,
        ..SimulatorSpec::new(world)
    })
    .await
}

/// Runs a backfill. Complete must mean that the store holds the desk, anything else must come
/// with its reason; nothing may be in the store that is not on the desk.
async fn honest(desk: &Desk, what: &str) -> (Summary, ExitCode) {
    let (summary, exit_code) = desk.backfill().await.expect("ends");
    match exit_code {
        ExitCode::Complete => desk.assert_whole(what),
        ExitCode::Incomplete => {
            assert!(
                !summary.unverified.is_empty() || !summary.remarks.is_empty(),
                "{what}: {summary:?}"
            );
            let world = desk.world_ids();
            let stored = desk.live_ids();
            assert!(stored.iter().all(|id| world.contains(id)), "{what}");
        }
        other => panic!("{what}: {other:?}"),
    }
    (summary, exit_code)
}

fn has_fallen_back(summary: &Summary) -> bool {
    let mut remarks = summary.remarks.iter();
    remarks.any(|remark| remark.contains("paged by offset"))
}

#[tokio::test]
async fn a_start_cut_to_the_second_or_the_day_still_gives_the_whole_desk() {
    for (start, step) in [
        (Start::Second, TimeDelta::milliseconds(130)),
        (Start::Day, TimeDelta::minutes(7)),
    ] {
        let world = World::regular(at("2024-02-28T20:00:00Z"), step, 730);
        let quirks = Quirks {
            start,
            ..Quirks::default()
        };
        let desk = open(world, quirks).await;
        let (summary, exit_code) = honest(&desk, &format!("{start:?}")).await;
        assert_eq!(exit_code, ExitCode::Complete, "{start:?}: {summary:?}");
        assert!(has_fallen_back(&summary), "{start:?}: {summary:?}");
    }
}

#[tokio::test]
async fn an_ignored_sort_is_noticed() {
    let quirks = Quirks {
        order: Order::NewestFirst,
        ..Quirks::default()
    };
    let desk = open(generated(900), quirks).await;
    let (summary, exit_code) = honest(&desk, "newest first").await;
    assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
    assert!(has_fallen_back(&summary), "{summary:?}");

    let quirks = Quirks {
        order: Order::Random,
        ..Quirks::default()
    };
    let desk = open(generated(900), quirks).await;
    // Where every ticket was seen before and after one count, even that is proven; what is not,
    // a comparison by id proves.
    let (summary, exit_code) = honest(&desk, "random order").await;
    assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
    assert!(has_fallen_back(&summary), "{summary:?}");
    assert_eq!(desk.live_ids(), desk.world_ids());
}

#[tokio::test]
async fn an_ignored_filter_is_no_complete_export() {
    let quirks = Quirks {
        has_filters_ignored: true,
        ..Quirks::default()
    };
    for filters in [
        Filters {
            status: vec!["Pending".to_owned()],
            ..Filters::default()
        },
        Filters {
            origin: vec!["email".to_owned()],
            ..Filters::default()
        },
    ] {
        let mut desk = open(generated(400), quirks).await;
        desk.settings.filters = filters;
        let (summary, exit_code) = desk.backfill().await.expect("ends");
        assert_eq!(exit_code, ExitCode::Incomplete, "{summary:?}");
        let mut unverified = summary.unverified.iter();
        assert!(
            unverified.any(|one| one.reason.contains("filter")),
            "{summary:?}"
        );
    }
}

#[tokio::test]
async fn a_crowded_millisecond_settles_where_filters_are_ignored() {
    let mut world = World::regular(at("2024-03-01"), TimeDelta::hours(3), 150);
    world.insert_burst(at("2024-03-05T00:00:00.007Z"), 230);
    let quirks = Quirks {
        has_filters_ignored: true,
        has_shuffled_ties: true,
        ..Quirks::default()
    };
    let desk = open(world, quirks).await;
    honest(&desk, "filters ignored in a tie").await;
    assert_eq!(desk.live_ids(), desk.world_ids());
}

#[tokio::test]
async fn a_range_on_the_last_change_is_noticed() {
    let quirks = Quirks {
        has_range_on_updated_at: true,
        ..Quirks::default()
    };
    for until in ["2025-01-01", "2024-06-01", "2024-03-01"] {
        let mut desk = open(generated(900), quirks).await;
        desk.settings.since = at("2024-02-01");
        desk.settings.until = Some(at(until));
        let (summary, exit_code) = desk.backfill().await.expect("ends");
        assert_eq!(exit_code, ExitCode::Incomplete, "{until}: {summary:?}");
        assert!(has_fallen_back(&summary), "{until}: {summary:?}");
    }
}

#[tokio::test]
async fn a_ticket_created_in_one_window_and_changed_in_the_next_is_not_lost() {
    let directory = Directory::default();
    let tickets: Vec<Ticket> = (0..40)
        .map(|number| {
            let created_at = at("2022-06-01") + TimeDelta::days(number);
            let id = object_id(created_at, number.unsigned_abs());
            let mut ticket = Ticket::new(id, created_at);
            ticket.updated_at = Some(created_at + TimeDelta::days(300));
            ticket
        })
        .collect();
    let quirks = Quirks {
        has_range_on_updated_at: true,
        ..Quirks::default()
    };
    let desk = open(World::new(directory, tickets), quirks).await;
    honest(&desk, "changed in the next window").await;
    assert_eq!(desk.live_ids(), desk.world_ids());
}

#[tokio::test]
async fn an_answer_without_has_more_or_with_smaller_pages_is_as_good() {
    for quirks in [
        Quirks {
            has_no_has_more: true,
            ..Quirks::default()
        },
        Quirks {
            largest_page: Some(37),
            ..Quirks::default()
        },
    ] {
        let desk = open(generated(900), quirks).await;
        let (summary, exit_code) = honest(&desk, "no hasMore, or small pages").await;
        assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
        assert!(summary.remarks.is_empty(), "{summary:?}");
    }
}

#[tokio::test]
async fn ties_in_another_order_on_every_request_lose_nothing() {
    for sizes in [[99, 100, 101], [250, 2, 400]] {
        let mut world = World::regular(at("2024-03-01"), TimeDelta::hours(3), 150);
        for (day, size) in (4..).zip(sizes) {
            world.insert_burst(at("2024-03-01") + TimeDelta::days(day), size);
        }
        let quirks = Quirks {
            has_shuffled_ties: true,
            ..Quirks::default()
        };
        let desk = open(world, quirks).await;
        let (summary, exit_code) = honest(&desk, "shuffled ties").await;
        assert_eq!(exit_code, ExitCode::Complete, "{sizes:?}: {summary:?}");
    }
}

#[tokio::test]
async fn an_empty_workspace_is_a_complete_empty_store() {
    for (world, quirks) in [
        (World::empty(), Quirks::default()),
        (
            World::empty(),
            Quirks {
                is_empty: true,
                ..Quirks::default()
            },
        ),
    ] {
        let desk = open(world, quirks).await;
        let (summary, exit_code) = honest(&desk, "empty").await;
        assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
        assert_eq!(summary.tickets_stored, 0);
    }
}

/// One ticket of the first page, after which the year is split for the lanes that are idle; or one of
/// a later page.
#[tokio::test]
async fn a_ticket_in_whose_place_others_are_listed_is_missed() {
    let world = World::regular(at("2024-01-01"), TimeDelta::hours(3), 2_500);
    let ids: Vec<String> = world.tickets().map(|ticket| ticket.id.clone()).collect();
    for places in [10..90, 110..190, 1_000..2_000] {
        let hiding = |number: u64| Quirks {
            unlisted: Some(number),
            has_full_pages: true,
            ..Quirks::default()
        };
        let hides_one = |number: &u64| {
            let quirks = hiding(*number);
            let hidden = (0..).zip(&ids).filter(|(_, id)| quirks.is_unlisted(id));
            let hidden: Vec<usize> = hidden.map(|(place, _)| place).collect();
            matches!(hidden[..], [place] if places.contains(&place))
        };
        let number = (1_000..100_000)
            .find(hides_one)
            .expect("one that hides one");
        for lanes in [1, 16] {
            let mut desk = open(world.clone(), hiding(number)).await;
            desk.settings.max_lanes = lanes;
            let (summary, exit_code) = honest(&desk, "in its place").await;
            assert_eq!(
                exit_code,
                ExitCode::Incomplete,
                "{places:?}, {lanes}: {summary:?}"
            );
        }
    }
}

#[tokio::test]
async fn tickets_that_are_counted_and_never_listed_are_told_and_not_taken_for_deleted() {
    let quirks = Quirks {
        unlisted: Some(150),
        ..Quirks::default()
    };
    for tickets in [20, 900, 2_500] {
        let world = generated(tickets);
        let ids: Vec<String> = world.tickets().map(|ticket| ticket.id.clone()).collect();
        let is_unlisted = ids.iter().any(|id| quirks.is_unlisted(id));
        let desk = open(world.clone(), quirks).await;
        let (summary, exit_code) = honest(&desk, "never listed").await;
        let expected = match is_unlisted {
            true => ExitCode::Incomplete,
            false => ExitCode::Complete,
        };
        assert_eq!(exit_code, expected, "{tickets}: {summary:?}");

        // The same API on a store that knows them.
        let whole = open(world.clone(), Quirks::default()).await;
        whole.backfill().await.expect("a backfill");
        let desk = whole
            .served_by(SimulatorSpec {
                quirks,
                ..SimulatorSpec::new(world)
            })
            .await;
        let (summary, exit_code) = desk.backfill().await.expect("a backfill");
        assert_eq!(summary.tickets_deleted, 0, "{tickets}");
        assert_eq!(exit_code, expected, "{tickets}: {summary:?}");
        assert_eq!(desk.live_ids(), desk.world_ids());
    }
}

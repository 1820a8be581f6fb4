//! The API behaving otherwise than its page reads.

use chrono::TimeDelta;
use mava_export::simulator::{Order, Quirks, Simulator, SimulatorSpec, Start};

use super::{at, desk, get, ids, page, send, start};

async fn quirky(quirks: Quirks) -> Simulator {
    start(SimulatorSpec {
        quirks,
        ..SimulatorSpec::new(desk())
    })
    .await
}

#[tokio::test]
async fn a_start_cut_to_the_second_or_the_day_lets_earlier_tickets_in() {
    for (cut, second, day) in [
        (Start::Exact, 0, 0),
        (Start::Second, 1, 0),
        (Start::Day, 1, 1),
    ] {
        let simulator = quirky(Quirks {
            start: cut,
            ..Quirks::default()
        })
        .await;
        for (from, expected) in [("12:00:00.900", second), ("23:59:59.000", day)] {
            let target = format!("/api/tickets?startDate=2024-03-01T{from}Z&endDate=2024-03-02");
            assert_eq!(
                get(&simulator, &target).await.1["count"],
                expected,
                "{cut:?} {from}"
            );
        }
    }
}

#[tokio::test]
async fn an_ignored_sort_is_newest_first_or_random() {
    let newest = quirky(Quirks {
        order: Order::NewestFirst,
        ..Quirks::default()
    })
    .await;
    for sort in ["sortOrder=asc", "sortBy=priority&sortOrder=asc"] {
        assert_eq!(ids(&page(&newest, sort).await), "fecdba");
    }
    let random = quirky(Quirks {
        order: Order::Random,
        ..Quirks::default()
    })
    .await;
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..10 {
        let mut letters: Vec<char> = ids(&page(&random, "sortOrder=asc").await).chars().collect();
        seen.insert(letters.iter().collect::<String>());
        letters.sort_unstable();
        assert_eq!(letters, ['a', 'b', 'c', 'd', 'e', 'f']);
    }
    assert!(seen.len() > 5, "{seen:?}");
}

#[tokio::test]
async fn shuffled_ties_trade_places_between_requests() {
    let simulator = quirky(Quirks {
        has_shuffled_ties: true,
        ..Quirks::default()
    })
    .await;
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..20 {
        seen.insert(ids(&page(&simulator, "sortOrder=asc").await));
    }
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), ["abcdef", "abdcef"]);
}

#[tokio::test]
async fn ignored_filters_let_everything_through() {
    let simulator = quirky(Quirks {
        has_filters_ignored: true,
        ..Quirks::default()
    })
    .await;
    assert_eq!(
        page(&simulator, "status=Open&origin=email").await["count"],
        6
    );
}

#[tokio::test]
async fn a_range_on_the_last_change_finds_what_changed_in_it() {
    let simulator = quirky(Quirks {
        has_range_on_updated_at: true,
        ..Quirks::default()
    })
    .await;
    simulator.with_world(|world| {
        world.edit("b", |ticket| {
            ticket.updated_at = Some(at("2024-08-01T00:00:00Z"))
        })
    });
    let target = "/api/tickets?startDate=2024-08-01&endDate=2024-08-02";
    assert_eq!(ids(&get(&simulator, target).await.1), "b");
}

#[tokio::test]
async fn a_page_can_lack_has_more_be_capped_or_come_from_an_empty_workspace() {
    let silent = quirky(Quirks {
        has_no_has_more: true,
        ..Quirks::default()
    })
    .await;
    assert_eq!(page(&silent, "").await["pagination"].get("hasMore"), None);
    let capped = quirky(Quirks {
        largest_page: Some(4),
        ..Quirks::default()
    })
    .await;
    let first = page(&capped, "limit=100").await;
    assert_eq!(ids(&first).len(), 4);
    assert_eq!(first["pagination"]["hasMore"], true);
    let empty = quirky(Quirks {
        is_empty: true,
        ..Quirks::default()
    })
    .await;
    let nothing = page(&empty, "").await;
    assert_eq!(
        (nothing["count"].as_i64(), ids(&nothing).len()),
        (Some(0), 0)
    );
}

#[tokio::test]
async fn an_ignored_parameter_is_ignored_alone() {
    let simulator = quirky(Quirks {
        ignored: &["csatValues"],
        ..Quirks::default()
    })
    .await;
    for (filter, expected) in [("csatValues=1", 6), ("assignedTo=nobody", 0)] {
        assert_eq!(
            page(&simulator, filter).await["count"],
            expected,
            "{filter}"
        );
    }
}

#[tokio::test]
async fn answers_are_dated_with_the_present_that_was_set() {
    let simulator = quirky(Quirks::default()).await;
    simulator.set_now(Some(at("2024-03-02T10:00:00.900Z")));
    let target = "/api/tickets?startDate=2024-03-01&endDate=2024-03-02";
    let answer = send(&simulator, target).await.expect("an answer");
    assert_eq!(answer.headers()["date"], "Sat, 02 Mar 2024 10:00:00 GMT");
    simulator.set_now(None);
    let answer = send(&simulator, target).await.expect("an answer");
    assert_ne!(answer.headers()["date"], "Sat, 02 Mar 2024 10:00:00 GMT");
}

#[tokio::test]
async fn a_clock_that_was_set_can_go_on_with_each_request() {
    let simulator = quirky(Quirks::default()).await;
    let target = "/api/tickets?startDate=2024-03-01&endDate=2024-03-02";
    let date = async || {
        let answer = send(&simulator, target).await.expect("an answer");
        answer.headers()["date"].to_str().expect("text").to_owned()
    };
    date().await;
    simulator.set_clock(at("2024-03-02T10:00:00Z"), TimeDelta::seconds(90));
    assert_eq!(date().await, "Sat, 02 Mar 2024 10:01:30 GMT");
    assert_eq!(date().await, "Sat, 02 Mar 2024 10:03:00 GMT");
    simulator.set_now(Some(at("2024-03-02T10:00:00Z")));
    assert_eq!(date().await, "Sat, 02 Mar 2024 10:00:00 GMT");
}

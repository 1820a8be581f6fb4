//! A desk that lives on, as its clients see it.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use mava_export::error::{Error, Result};
use mava_export::simulator::{
    ChangeKind, Changes, Day, Event, Life, Simulator, SimulatorSpec, World, WorldSpec,
};
use mava_export::table::Instant;
use serde_json::Value;

use super::{at, send, start};

const BEGINNING: &str = "2024-07-01T00:00:00Z";

/// The machine's clock, far from the desk's.
const LATER: &str = "2025-07-01T00:00:00Z";

/// A desk of ten tickets a day that has not begun to live.
async fn desk() -> Simulator {
    let world = World::generate(&WorldSpec {
        tickets: 900,
        from: at("2024-04-02T00:00:00Z"),
        until: at(BEGINNING),
        mean_messages: 0.5,
        ..WorldSpec::default()
    });
    start(SimulatorSpec {
        now: Some(at(BEGINNING)),
        // Longer than an hour of the desk, where a day takes a quarter of a second.
        latency: Duration::from_millis(25),
        ..SimulatorSpec::new(world)
    })
    .await
}

fn life(day_every: Duration) -> Life {
    Life {
        seed: 1,
        rate: 10.0,
        from: at(BEGINNING),
        day_every,
    }
}

/// Days that pass as fast as they are drawn.
const FAST: Duration = Duration::from_millis(24);

fn enough() -> Result<()> {
    Err(Error::failed("enough"))
}

/// Lets so many days pass; gives what changed in each hour, and the days.
async fn pass(simulator: &Simulator, life: Life, count: usize) -> (Vec<Changes>, Vec<Day>) {
    let (mut hours, mut days) = (Vec::new(), Vec::new());
    let ended = simulator.live(
        life,
        || at(LATER),
        |event| {
            match event {
                Event::Hour(changes) => hours.push(changes),
                Event::Day(day) => days.push(day),
                Event::CaughtUp(now) => panic!("{now} is long ago"),
            }
            if days.len() < count { Ok(()) } else { enough() }
        },
    );
    assert_eq!(ended.await.to_string(), "enough");
    (hours, days)
}

#[tokio::test]
async fn a_desk_lives_in_the_same_way_however_fast_its_days_pass() {
    let (one, other) = (desk().await, desk().await);
    let (hours, days) = pass(&one, life(FAST), 3).await;
    let (again, days_again) = pass(&other, life(FAST * 4), 3).await;
    assert_eq!(hours.len(), 72);
    assert_eq!((hours, days), (again, days_again));
    assert!(one.world().tickets().eq(other.world().tickets()));
    assert_eq!(one.world().directory(), other.world().directory());
    let another = desk().await;
    let seeded = Life {
        seed: 6,
        ..life(FAST)
    };
    pass(&another, seeded, 3).await;
    assert!(!one.world().tickets().eq(another.world().tickets()));
}

#[tokio::test]
async fn a_desk_stays_as_busy_as_it_was_and_everything_happens_on_it() {
    let simulator = desk().await;
    let (hours, days) = pass(&simulator, life(FAST), 20).await;
    let mut now = at(BEGINNING);
    for (number, changes) in hours.iter().enumerate() {
        let next = now + TimeDelta::hours(1);
        let is_in = |at: Instant| (now..next).contains(&at);
        assert!(changes.tickets.iter().all(|one| is_in(one.at)), "{number}");
        assert!(
            changes.customers.iter().all(|one| is_in(one.at)),
            "{number}"
        );
        now = next;
    }
    let told: Vec<ChangeKind> = hours
        .iter()
        .flat_map(|changes| changes.tickets.iter().map(|one| one.kind))
        .collect();
    for kind in ChangeKind::ALL {
        // Campaigns tag, and the others are rare.
        let is_rare = matches!(
            kind,
            ChangeKind::Recategorised | ChangeKind::ResolvedAgain | ChangeKind::DeletedResolved
        );
        assert!(is_rare || told.contains(&kind), "{kind:?}");
    }
    let new: usize = days.iter().map(|day| day.new).sum();
    assert!((140..260).contains(&new), "{new}");
    let deleted: usize = days.iter().map(|day| day.deleted).sum();
    assert!(deleted > 0);
    let world = simulator.world();
    assert_eq!(days.last().expect("days").tickets, world.len());
    assert_eq!(900 + new - deleted, world.len());
    let campaigns: Vec<usize> = days.iter().map(|day| day.recast).collect();
    let nights: Vec<usize> = (0..20).filter(|night| campaigns[*night] > 0).collect();
    assert_eq!(nights, [19]);
}

#[tokio::test]
async fn a_desk_shows_all_that_happened_before_the_date_of_an_answer_and_nothing_later() {
    let simulator = desk().await;
    // Tickets on the desk from each hour on.
    let counts = RefCell::new(BTreeMap::from([(at(BEGINNING), 900)]));
    let asking = async {
        let mut dates = BTreeSet::new();
        while dates.len() < 12 {
            let newest =
                "/api/tickets?startDate=2024-01-02&endDate=2024-12-31&limit=100&sortOrder=desc";
            let response = send(&simulator, newest).await.expect("an answer");
            let date = response.headers()["date"].to_str().expect("text");
            let date = DateTime::parse_from_rfc2822(date).expect("a date");
            let date = date.with_timezone(&Utc);
            let body = response.text().await.expect("a whole body");
            let page: Value = serde_json::from_str(&body).expect("JSON");
            for ticket in page["tickets"].as_array().expect("tickets") {
                for field in ["createdAt", "updatedAt"] {
                    let told = at(ticket[field].as_str().expect("an instant"));
                    assert!(told < date, "{field}: {told} is not before {date}");
                }
            }
            assert_eq!(page["count"], counts.borrow()[&date], "{date}");
            dates.insert(date);
        }
    };
    let count = |event| {
        if let Event::Hour(changes) = event {
            let mut counts = counts.borrow_mut();
            let (now, mut count) = counts
                .last_key_value()
                .map(|(now, count)| (*now, *count))
                .expect("one");
            for change in &changes.tickets {
                count += i64::from(change.kind == ChangeKind::New);
                count -= i64::from(change.kind.is_deletion());
            }
            counts.insert(now + TimeDelta::hours(1), count);
        }
        Ok(())
    };
    let slowly = Life {
        rate: 200.0,
        ..life(FAST * 10)
    };
    let living = simulator.live(slowly, || at(LATER), count);
    tokio::select! {
        () = asking => {}
        error = living => panic!("{error}"),
    }
}

#[tokio::test]
async fn a_desk_never_runs_ahead_of_the_machines_clock() {
    let simulator = desk().await;
    // A clock that is a moment before each hour when it is first looked at.
    let clock = Cell::new(at(BEGINNING) + TimeDelta::milliseconds(1));
    let look = || {
        let read = clock.get() + TimeDelta::hours(1) - TimeDelta::milliseconds(2);
        clock.set(read);
        read
    };
    let (mut now, mut caught_up) = (at(BEGINNING), Vec::new());
    let ended = simulator
        .live(life(FAST), look, |event| {
            match event {
                Event::Hour(_) => {
                    now += TimeDelta::hours(1);
                    assert!(now <= clock.get(), "{now}");
                }
                Event::Day(_) => return enough(),
                Event::CaughtUp(at) => caught_up.push(at),
            }
            Ok(())
        })
        .await;
    assert_eq!(ended.to_string(), "enough");
    assert_eq!(caught_up, [at(BEGINNING)]);
}

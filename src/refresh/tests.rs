//! Properties of the plans: whatever must be seen is asked for, at the price that was promised.

use crate::mava::PAGE;
use proptest::prelude::*;

use super::*;

/// Now, and when the last sync began.
const NOW: i64 = 1_700_000_000_000;
const SINCE: i64 = NOW - DAY_MS;

fn known(number: usize, age_hours: i64, resolution_hours: Option<i64>) -> Known {
    let created_ms = NOW - age_hours * 3_600_000 + i64::try_from(number).expect("few");
    Known {
        id: format!("{number:06}").into(),
        created_ms,
        verified_ms: SINCE,
        rating_known_ms: i64::MIN,
        resolution_known_ms: i64::MIN,
        resolution_ms: resolution_hours.map(|hours| hours * 3_600_000),
        is_resolved: resolution_hours.is_some(),
        is_open: resolution_hours.is_none(),
        is_rated: number.is_multiple_of(3),
        is_seen: false,
        is_gone: false,
    }
}

/// Tickets of up to two years, resolved at some time before the last sync, or open.
fn indexes() -> impl Strategy<Value = Index> {
    let ticket = (30i64..17_000, prop::option::weighted(0.93, 0u32..1_000));
    prop::collection::vec(ticket, 1..600).prop_map(|tickets| {
        let tickets = tickets
            .into_iter()
            .enumerate()
            .map(|(number, (age, share))| {
                let longest = (age - 25).max(0);
                let resolution = share.map(|share| longest * i64::from(share) / 1_000);
                known(number, age, resolution)
            });
        Index::new(tickets.collect())
    })
}

fn desk(index: Index) -> Desk {
    let instant = |ms| crate::table::Instant::from_timestamp_millis(ms).expect("in range");
    Desk {
        first: instant(NOW - 17_100 * 3_600_000),
        since: instant(SINCE),
        began_at: instant(NOW),
        index,
        hazards: Hazards::default(),
    }
}

/// What paging down a segment's list takes when nothing has changed since: full pages and the one
/// that ends it.
fn price(desk: &Desk, segment: &Segment, also: usize) -> usize {
    let threshold = segment.threshold_ms(SINCE);
    let tickets = desk.index.created_in(segment.from_ms, segment.until_ms);
    let listed = tickets
        .iter()
        .filter(|known| known.resolution_ms.is_some_and(|time| time >= threshold));
    // Each page but the first begins with two tickets of the one before.
    let listed = listed.count() + also;
    (listed + 1).saturating_sub(PAGE).div_ceil(PAGE - 2) + 1
}

proptest! {
    #[test]
    fn whatever_may_have_been_resolved_lies_in_a_window_that_is_swept(index in indexes()) {
        let desk = desk(index);
        let sought = desk.sought();
        let sweep = desk.resolution_sweep(&sought);
        let segments = sweep.segments;
        let resolved = desk.index.tickets().iter().filter(|known| known.is_resolved && known.created_ms < SINCE);
        for known in sought.iter().chain(resolved) {
            let is_swept = segments.iter().any(|segment| {
                segment.from_ms <= known.created_ms && known.created_ms < segment.until_ms
            });
            prop_assert!(is_swept, "{}", known.created_ms);
        }
    }

    #[test]
    fn windows_do_not_overlap_and_none_is_longer_than_a_year(index in indexes()) {
        let desk = desk(index);
        let sweep = desk.resolution_sweep(&desk.sought());
        prop_assert!(sweep.tiles(desk.first_ms(), SINCE));
        let mut edge = i64::MAX;
        for segment in &sweep.segments {
            prop_assert!(segment.from_ms < segment.until_ms && segment.until_ms <= edge);
            prop_assert!(segment.until_ms - segment.from_ms <= LONGEST_MS);
            edge = segment.from_ms;
        }
    }

    #[test]
    fn a_sweep_costs_what_was_planned_when_nothing_changed(index in indexes()) {
        let desk = desk(index);
        let sweep = desk.resolution_sweep(&[]);
        for segment in &sweep.segments {
            prop_assert_eq!(segment.requests, price(&desk, segment, 0));
        }
        let sought = desk.sought();
        for segment in &desk.resolution_sweep(&sought).segments {
            // Each that is sought is reckoned as resolved just now: the longest it can have taken.
            let also = sought.iter().filter(|known| {
                segment.from_ms <= known.created_ms && known.created_ms < segment.until_ms
            });
            prop_assert_eq!(segment.requests, price(&desk, segment, also.count()));
        }
    }

    #[test]
    fn a_sweep_is_no_dearer_than_any_way_of_cutting_by_hand(
        index in indexes(),
        cuts in prop::collection::vec(0usize..200, 0..6),
    ) {
        let desk = desk(index);
        let edges = grid(desk.first_ms(), SINCE, NOW, 20.0);
        let cells: Vec<Cell> = edges.windows(2).map(|pair| {
            let tickets = desk.index.created_in(pair[0], pair[1]);
            let mut cell = Cell { is_sought: true, ..Cell::default() };
            cell.listed_ms.extend(tickets.iter().filter_map(|known| known.resolution_ms));
            cell.sorted()
        }).collect();
        let best = sweep(&edges, &cells, SINCE, NOW, 0.0);
        let mut places: Vec<usize> = cuts.iter().map(|cut| cut % edges.len()).collect();
        places.extend([0, edges.len() - 1]);
        places.sort_unstable();
        places.dedup();
        let longest = |until: i64| LONGEST_MS.min((NOW - until).max(DAY_MS / 2) * 9);
        let windows = places.windows(2).map(|pair| (edges[pair[0]], edges[pair[1]]));
        let is_allowed = windows.clone().all(|(from, until)| until - from <= longest(until));
        let by_hand: usize = windows.map(|(from_ms, until_ms)| {
            price(&desk, &Segment { from_ms, until_ms, requests: 0 }, 0)
        }).sum();
        prop_assert!(!is_allowed || best.requests() <= by_hand, "{} {by_hand}", best.requests());
    }

    #[test]
    fn every_ticket_sought_is_on_a_page_of_the_cover(index in indexes()) {
        let desk = desk(index);
        let sought = desk.sought();
        let cover = desk.cover(&sought);
        prop_assert!(cover.requests() <= sought.len());
        for known in &sought {
            let is_shown = cover.starts_ms.iter().any(|start| {
                let first = desk.index.place(*start);
                let page = desk.index.tickets().iter().skip(first).take(PAGE);
                known.created_ms >= *start && page.map(|one| &one.id).any(|id| *id == known.id)
            });
            prop_assert!(is_shown, "{}", known.created_ms);
        }
    }

    #[test]
    fn what_goes_by_age_is_what_was_read_longest_ago(
        index in indexes(),
        old in prop::collection::vec(0usize..600, 0..40),
        most in 0usize..12,
    ) {
        let mut index = index;
        for number in old {
            let at = index.tickets().get(number).map(|known| known.created_ms);
            for known in at.map(|at| index.created_in_mut(at, at + 1)).into_iter().flatten() {
                known.verified_ms = NOW - 29 * DAY_MS;
            }
        }
        let desk = desk(index);
        let blocks = desk.by_age(most);
        prop_assert!(blocks.len() <= most);
        let within = desk.index.created_in(desk.first_ms(), SINCE);
        let is_read = |place: usize| blocks.iter().any(|block| block.first <= place && place < block.end);
        let old_unread = within.iter().enumerate().filter(|(place, known)| {
            known.verified_ms < SINCE && !is_read(*place)
        });
        // As long as one of them is left, no page begins with a younger one.
        if old_unread.count() > 0 {
            prop_assert_eq!(blocks.len(), most);
            for block in &blocks {
                prop_assert!(within[block.first].verified_ms < SINCE);
            }
        }
        for block in &blocks {
            prop_assert!(block.end - block.first <= PAGE);
        }
    }

    /// What is asked for is `[its window's start, its end)`, newest first: a page of it has to hold
    /// the whole block.
    #[test]
    fn every_ticket_of_a_block_is_on_the_page_that_is_asked_for(
        ages in prop::collection::vec((8_700i64..8_800, 1usize..130), 1..30),
        gone in prop::collection::vec(any::<bool>(), 30),
    ) {
        let mut tickets = Vec::new();
        for (age, count) in ages {
            for _ in 0..count {
                let mut known = known(tickets.len(), age, Some(5));
                known.created_ms = NOW - age * 3_600_000;
                known.verified_ms = NOW - 50 * DAY_MS;
                known.is_gone = gone[tickets.len() % gone.len()] && tickets.len() % 3 == 0;
                tickets.push(known);
            }
        }
        let desk = desk(Index::new(tickets));
        let windows = desk.windows();
        let blocks = desk.by_age(usize::MAX);
        let mut read = 0;
        for block in &blocks {
            let window = windows.iter().find(|window| {
                window.from().timestamp_millis() <= block.from_ms
                    && block.until_ms <= window.until().timestamp_millis()
            });
            prop_assert!(window.is_some(), "{:?} lies in no window", block);
            let shown = desk.index.created_in(block.from_ms, block.until_ms);
            prop_assert_eq!(shown.len(), block.end - block.first);
            let live = desk.index.live(block.from_ms, block.until_ms);
            prop_assert!(live <= PAGE || block.until_ms - block.from_ms == 1);
            read += live;
        }
        prop_assert_eq!(read, desk.index.live(desk.first_ms(), SINCE));
    }
}

/// A desk of resolved tickets, one an hour, none of which was read for so many days.
fn unread(tickets: usize, days: i64) -> Desk {
    let all = (0..tickets).map(|number| {
        let age = i64::try_from(number).expect("few") + 48;
        Known {
            verified_ms: NOW - days * DAY_MS,
            ..known(number, age, Some(1))
        }
    });
    desk(Index::new(all.collect()))
}

const DUE: Due = Due {
    group: true,
    ratings: false,
};

fn limits(allowance: Option<u64>) -> Limits {
    Limits {
        whole: Whole::IfItFits,
        allowance,
    }
}

/// Requests of each step of a plan, by its word.
fn words(plan: &Forecast) -> Vec<(&'static str, u64)> {
    let all = plan.steps.iter();
    all.map(|planned| (planned.step.word(), planned.requests))
        .collect()
}

#[test]
fn a_desk_that_fits_is_read_whole_with_its_counts_and_lists() {
    let desk = unread(980, 1);
    for (allowance, is_exact) in [(14, false), (15, true), (u64::MAX, true)] {
        let forecast = plan(&desk, &limits(Some(allowance)), DUE);
        // Two years, the older of which is empty.
        let whole = words(&forecast) == [("full", 11), ("full", 2)];
        assert_eq!(
            (whole, forecast.is_exact),
            (is_exact, is_exact),
            "{allowance}: {forecast:?}"
        );
        assert_eq!(forecast.full, 15);
    }
    assert!(plan(&desk, &limits(None), DUE).is_exact);
}

#[test]
fn what_is_left_goes_by_finds_and_by_age_and_no_request_is_left_over() {
    let desk = unread(17_000, 400);
    let least = plan(&desk, &limits(Some(0)), DUE);
    assert!(
        least.requests > LOOKUPS && least.syncs_for_all.is_none(),
        "{least:?}"
    );
    for more in [0, 1, 2, 10, 60, 100] {
        let allowance = least.requests + more;
        let forecast = plan(&desk, &limits(Some(allowance)), DUE);
        assert_eq!(forecast.requests, allowance, "{more}");
        let of = |step| {
            let steps = words(&forecast);
            let all = steps.iter().filter(|(word, _)| *word == step);
            all.map(|(_, requests)| requests).sum::<u64>()
        };
        for step in ["new", "resolved", "ratings"] {
            assert!(of(step) > 0, "{step}");
        }
        let (finds, age) = (of("pages"), of("refresh"));
        assert!(
            finds + age + of("campaigns") == more && age >= more.saturating_sub(2) / 4,
            "{more}: {forecast:?}"
        );
        let nights = forecast.syncs_for_all;
        assert_eq!(nights.is_some(), age > 0);
    }
}

#[test]
fn what_may_have_changed_since_the_last_sync_is_read_before_as_much_from_before_it() {
    // One page was resolved a week ago and read by the last sync, another 150 days ago and not read for some.
    let page = |first: usize, age_days: i64, unread_days: i64| {
        (0..PAGE).map(move |number| Known {
            verified_ms: NOW - unread_days * DAY_MS,
            rating_known_ms: NOW,
            resolution_known_ms: NOW,
            ..known(first + number, age_days * 24, Some(0))
        })
    };
    let assumed = |unread_days: i64| {
        let resolved_ms = NOW - 150 * DAY_MS;
        let hazard = Hazards::default().other;
        hazard.expected_between(resolved_ms, NOW - unread_days * DAY_MS, NOW)
    };
    let of_week = Hazards::default()
        .other
        .expected_between(NOW - 7 * DAY_MS, SINCE, NOW);
    for (unread_days, is_fresh_first) in [(60, true), (100, false)] {
        let pages = page(0, 7, 1).chain(page(1_000, 150, unread_days));
        let first = desk(Index::new(pages.collect())).by_finds(None)[0];
        assert_eq!(first.from_ms > NOW - 30 * DAY_MS, is_fresh_first);
        assert!(assumed(unread_days) > of_week, "{unread_days}");
    }
}

#[test]
fn ratings_of_every_window_are_counted_where_that_is_paid_for_or_some_were_missing() {
    let desk = unread(17_000, 1);
    let windows = desk.windows();
    assert_eq!(windows.len(), 2);
    let counted = |desk: &Desk, left, were_missing| rated_windows(desk, left, were_missing);
    assert_eq!(counted(&desk, 40, false), windows);
    assert_eq!(counted(&desk, 0, true), windows);
    // Three years: the newest, and the one of the others that has gone uncounted for longest, whichever nights
    // there is a sync.
    let mut desk = Desk {
        first: desk.first - chrono::TimeDelta::days(365),
        ..unread(25_000, 1)
    };
    let windows = desk.windows();
    assert_eq!(windows.len(), 3);
    let mut places = Vec::new();
    for night in [0, 2, 4, 11, 18, 19] {
        desk.began_at = unread(1, 1).began_at + chrono::TimeDelta::days(night);
        let counted = counted(&desk, 39, false);
        assert_eq!((counted.len(), counted[0]), (2, windows[0]));
        places.push(windows.iter().position(|window| *window == counted[1]));
        let (from, until) = (counted[1].from(), counted[1].until());
        let (now_ms, ends) = (desk.began_ms(), [from, until]);
        let [from_ms, until_ms] = ends.map(|at| at.timestamp_millis());
        for known in desk.index.created_in_mut(from_ms, until_ms) {
            known.assure(Kind::Rating, now_ms);
        }
    }
    let turns = [1, 2, 1, 2, 1, 2].map(Some);
    assert!(
        places == turns || places == [2, 1, 2, 1, 2, 1].map(Some),
        "{places:?}"
    );
}

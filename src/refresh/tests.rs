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
        price: 0.4,
        unswept: None,
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
    fn what_left_the_open_set_lies_in_a_window_that_is_swept(index in indexes()) {
        let desk = desk(index);
        let sought = desk.sought();
        let sweep = desk.resolution_sweep(&sought);
        // Where plain pages are cheaper there is none.
        prop_assume!(sweep.is_some() && !sought.is_empty());
        let segments = sweep.unwrap_or_default().segments;
        for known in &sought {
            let is_swept = segments.iter().any(|segment| {
                segment.from_ms <= known.created_ms && known.created_ms < segment.until_ms
            });
            prop_assert!(is_swept, "{}", known.created_ms);
        }
    }

    #[test]
    fn what_was_not_read_to_its_end_is_swept_again(
        index in indexes(),
        from_hours in 30i64..17_000,
        hours in 1i64..2_000,
    ) {
        let mut desk = desk(index);
        let from_ms = NOW - from_hours * 3_600_000;
        let until_ms = (from_ms + hours * 3_600_000).min(SINCE);
        desk.unswept = crate::window::Window::from_millis(from_ms, until_ms);
        let sweep = desk.resolution_sweep(&[]);
        prop_assert!(sweep.is_some());
        let segments = sweep.unwrap_or_default().segments;
        for known in desk.index.created_in(from_ms, until_ms) {
            let is_swept = segments.iter().any(|segment| {
                segment.from_ms <= known.created_ms && known.created_ms < segment.until_ms
            });
            prop_assert!(is_swept, "{}", known.created_ms);
        }
    }

    #[test]
    fn windows_do_not_overlap_and_none_is_longer_than_a_year(index in indexes()) {
        let desk = desk(index);
        let sweep = desk.resolution_sweep(&desk.sought()).unwrap_or_default();
        prop_assume!(!sweep.segments.is_empty());
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
        let sweep = desk.resolution_sweep(&[]).unwrap_or_default();
        for segment in &sweep.segments {
            prop_assert_eq!(segment.requests, price(&desk, segment, 0));
        }
        let sought = desk.sought();
        for segment in &desk.resolution_sweep(&sought).unwrap_or_default().segments {
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
        let best = sweep(&edges, &cells, SINCE, NOW, 0.4);
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
    fn the_floor_reads_whatever_is_nearly_too_old(
        index in indexes(),
        old in prop::collection::vec(0usize..600, 0..40),
    ) {
        let mut index = index;
        for number in old {
            let at = index.tickets().get(number).map(|known| known.created_ms);
            for known in at.map(|at| index.created_in_mut(at, at + 1)).into_iter().flatten() {
                known.verified_ms = NOW - 29 * DAY_MS;
            }
        }
        let desk = desk(index);
        let blocks = desk.floor(30, 100);
        let within = desk.index.created_in(desk.first_ms(), SINCE);
        for (place, known) in within.iter().enumerate() {
            let is_read = blocks.iter().any(|block| block.first <= place && place < block.end);
            prop_assert!(is_read || known.verified_ms == SINCE);
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
        let blocks = desk.floor(40, 0);
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

const LIMITS: Limits = Limits {
    is_full: false,
    full_below: 0,
    max_requests: None,
    within_days: 360,
};

/// Requests of each step of a plan, by its word.
fn words(plan: &[StepPlan]) -> Vec<(&'static str, u64)> {
    let all = plan.iter();
    all.map(|planned| (planned.step.word(), planned.requests))
        .collect()
}

#[test]
fn a_desk_that_takes_no_more_than_the_limit_is_read_whole() {
    let desk = unread(980, 1);
    for (full_below, is_full, reads_all) in [(12, false, false), (13, false, true), (0, true, true)]
    {
        let limits = Limits {
            full_below,
            is_full,
            ..LIMITS
        };
        let steps = words(&plan(&desk, &limits, true));
        // Two years, the older of which is empty.
        let whole = [("full", 11), ("full", 2)];
        assert_eq!(
            steps == whole,
            reads_all,
            "{full_below} {is_full}: {steps:?}"
        );
    }
}

#[test]
fn pages_are_paid_for_as_long_as_what_follows_is() {
    let desk = unread(3_000, 400);
    let floor = Pages::floor(&desk, 360, 0, 3);
    let paid = |pages: &Pages, allowance: u64| {
        let left = |number: &usize| allowance.saturating_sub(u64::try_from(*number).expect("few"));
        let paid = |number: &usize| pages.is_paid_for(*number, left(number));
        (0..pages.blocks.len()).take_while(paid).count()
    };
    for (allowance, blocks) in [(0, 0), (2, 2), (3, 3), (12, 3), (15, 3), (16, 4), (20, 8)] {
        assert_eq!(paid(&floor, allowance), blocks, "{allowance}");
    }
    // Pages that located losses count towards the share.
    let floor = Pages::floor(&desk, 360, 2, 3);
    assert_eq!(paid(&floor, 12), 1);
}

#[test]
fn a_cap_keeps_from_what_is_optional_and_the_newest_year_is_counted_without_one() {
    let desk = unread(3_000, 400);
    let limits = |max_requests| Limits {
        max_requests,
        ..LIMITS
    };
    let has = |max_requests, step| {
        let steps = words(&plan(&desk, &limits(max_requests), true));
        steps.iter().any(|(word, _)| *word == step)
    };
    for step in ["new", "ratings", "deletions", "refresh", "campaigns"] {
        assert!(has(None, step), "{step}");
        assert_eq!(has(Some(0), step), step == "new", "{step}");
    }
    let needed = plan(&desk, &limits(Some(0)), true);
    let needed = LOOKUPS + needed.iter().map(|planned| planned.requests).sum::<u64>();
    for (more, has_ratings, has_counts) in [(0, false, false), (1, true, false), (2, true, true)] {
        let cap = Some(needed + more);
        assert_eq!(has(cap, "ratings"), has_ratings, "{more}");
        assert_eq!(has(cap, "deletions"), has_counts, "{more}");
    }
}

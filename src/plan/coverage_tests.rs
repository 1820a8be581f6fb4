//! Tables of cases for what runs claim, keep up and make up for.

use proptest::prelude::*;

use super::*;
use crate::table::Outcome;
use crate::window::parse;

fn at(text: &str) -> Instant {
    parse(text).expect("a test's own instant")
}

fn window(from_ms: i64, until_ms: i64) -> Window {
    Window::from_millis(from_ms, until_ms).expect("not empty")
}

/// A run over these years, begun in 2025.
fn run(kind: RunKind, outcome: Outcome, from: i32, until: i32) -> Snapshot {
    Snapshot {
        id: 1,
        kind: kind.word().to_owned(),
        outcome: outcome.word().to_owned(),
        started_at: at("2025-01-01"),
        finished_at: None,
        range_from: at(&format!("{from}-01-01")),
        range_until: at(&format!("{until}-01-01")),
        filters_json: None,
        has_messages: true,
        requests: 0,
        tickets_read: 0,
        tickets_new: 0,
        tickets_changed: 0,
        tickets_deleted: 0,
        unverified_slices: 0,
        rejects: 0,
        replaced_characters: 0,
        may_be_unseen_json: None,
    }
}

fn filtered(run: Snapshot) -> Snapshot {
    Snapshot {
        filters_json: Some("{\"status\":[\"Open\"]}".to_owned()),
        ..run
    }
}

fn bare(run: Snapshot) -> Snapshot {
    Snapshot {
        has_messages: false,
        ..run
    }
}

#[test]
fn a_run_claims_its_range_where_it_ended_without_filters_and_is_no_repair() {
    for kind in RunKind::ALL {
        for outcome in Outcome::ALL {
            let one = run(kind, outcome, 2020, 2021);
            let is_read = !matches!(kind, RunKind::Verify | RunKind::Metrics);
            let is_claim = is_read && outcome.is_end();
            assert_eq!(Claim::of(&one).is_some(), is_claim, "{kind:?} {outcome:?}");
            assert_eq!(Claim::of(&filtered(one)), None, "{kind:?} {outcome:?}");
        }
    }
    let newer = Snapshot {
        outcome: "archived".to_owned(),
        ..run(RunKind::Backfill, Outcome::Complete, 2020, 2021)
    };
    assert_eq!(Claim::of(&newer), None, "an outcome that nobody knows");
}

#[test]
fn what_finished_unfiltered_runs_cover_is_covered_and_nothing_else() {
    use {Outcome as O, RunKind as K};
    let runs = [
        run(K::Backfill, O::Complete, 2022, 2023),
        run(K::Backfill, O::Incomplete, 2023, 2026),
        run(K::Backfill, O::Superseded, 2018, 2019),
        run(K::Backfill, O::Running, 2018, 2019),
        run(K::Verify, O::Complete, 2018, 2019),
        run(K::Backfill, O::Complete, 2020, 2021),
        filtered(run(K::Backfill, O::Complete, 2019, 2020)),
    ];
    let shown = |now: &str| -> Vec<String> {
        let covered = covered(&runs, at(now));
        covered.iter().map(ToString::to_string).collect()
    };
    assert_eq!(
        shown("2025-06-01"),
        [
            "[2020-01-01, 2021-01-01)",
            "[2022-01-01, 2024-12-31T23:50:00Z)"
        ]
    );
    // The runs' clock ran ahead of this one.
    assert_eq!(
        shown("2022-01-01T01:00:00Z"),
        [
            "[2020-01-01, 2021-01-01)",
            "[2022-01-01, 2022-01-01T00:50:00Z)"
        ]
    );
}

#[test]
fn syncs_keep_up_the_stretch_that_the_last_complete_one_reached() {
    use {Outcome as O, RunKind as K};
    let old = run(K::Backfill, O::Complete, 2018, 2019);
    let main = run(K::Backfill, O::Complete, 2020, 2022);
    let joined = run(K::Sync, O::Complete, 2020, 2023);
    let later = run(K::Backfill, O::Complete, 2024, 2025);
    let repair = run(K::Verify, O::Complete, 2010, 2025);
    let years = |runs: &[&Snapshot], synced: Option<&str>| {
        let runs: Vec<Snapshot> = runs.iter().map(|run| (*run).clone()).collect();
        let kept = kept_up(&runs, synced.map(at));
        let year = |window: Window| window.to_string();
        kept.map(|(kept, before)| (year(kept.range), before.map(year)))
    };
    let of = |kept: &str, before: Option<&str>| Some((kept.to_owned(), before.map(str::to_owned)));
    // (runs, where the last complete sync began, what is kept up and what lies apart before it)
    assert_eq!(years(&[], None), None);
    assert_eq!(years(&[&repair], None), None);
    // Before the first sync the oldest one.
    assert_eq!(
        years(&[&main, &old], None),
        of("[2018-01-01, 2019-01-01)", None)
    );
    // A sync that never completed assures nothing.
    assert_eq!(
        years(&[&main, &joined], None),
        of("[2020-01-01, 2022-01-01)", None)
    );
    assert_eq!(
        years(&[&main, &joined], Some("2022-06-01")),
        of("[2020-01-01, 2023-01-01)", None)
    );
    assert_eq!(
        years(&[&old, &main, &joined, &later], Some("2022-06-01")),
        of("[2020-01-01, 2023-01-01)", Some("[2018-01-01, 2019-01-01)"))
    );
    // Where a sync is said to have completed later than anything that was read, all is kept up again.
    assert_eq!(
        years(&[&old, &main], Some("2024-01-01")),
        of("[2018-01-01, 2019-01-01)", None)
    );
}

#[test]
fn a_stretch_has_threads_where_one_of_its_runs_read_them() {
    use {Outcome as O, RunKind as K};
    let with = run(K::Backfill, O::Complete, 2020, 2021);
    let without = bare(run(K::Backfill, O::Complete, 2021, 2022));
    let apart = bare(run(K::Backfill, O::Complete, 2023, 2024));
    let claims = [&apart, &without, &with].map(|run| Claim::of(run).expect("a claim"));
    let shown: Vec<(String, bool)> = stretches(claims)
        .into_iter()
        .map(|stretch| (stretch.range.to_string(), stretch.has_messages))
        .collect();
    assert_eq!(
        shown,
        [
            ("[2020-01-01, 2022-01-01)".to_owned(), true),
            ("[2023-01-01, 2024-01-01)".to_owned(), false)
        ]
    );
}

/// Each kind of later run against each kind of run before it, all over the same range.
#[test]
fn what_a_later_run_makes_up_for() {
    use {Outcome as O, RunKind as K};
    // (kind of the later run, its outcome, whether it read the whole desk; what it makes up for: a
    // backfill, a sync)
    let cases = [
        (K::Backfill, O::Complete, false, true, true),
        (K::Backfill, O::WithRejects, false, true, true),
        // What it could not prove stands in slices of its own.
        (K::Backfill, O::Incomplete, false, true, true),
        (K::Backfill, O::Superseded, false, false, false),
        (K::Backfill, O::Running, false, false, false),
        (K::Demo, O::Complete, false, true, true),
        (K::Sync, O::Complete, false, false, true),
        (K::Sync, O::WithRejects, false, false, true),
        (K::Sync, O::Incomplete, false, false, false),
        (K::Sync, O::Superseded, false, false, false),
        (K::Sync, O::Complete, true, true, true),
        (K::Sync, O::Incomplete, true, true, true),
        (K::Sync, O::Superseded, true, false, false),
        (K::Verify, O::Complete, false, true, true),
        (K::Verify, O::WithRejects, false, true, true),
        (K::Verify, O::Incomplete, false, false, false),
        (K::Verify, O::Running, false, false, false),
    ];
    let backfill = run(K::Backfill, O::Incomplete, 2020, 2021);
    let sync = run(K::Sync, O::Incomplete, 2020, 2021);
    for (kind, outcome, is_full, of_backfill, of_sync) in cases {
        let later = run(kind, outcome, 2020, 2021);
        let case = format!("{kind:?} {outcome:?} {is_full}");
        assert_eq!(
            makes_up_for(&later, is_full, &backfill),
            of_backfill,
            "{case}"
        );
        assert_eq!(makes_up_for(&later, is_full, &sync), of_sync, "{case}");
        // Filters make up only for the same filters; threads only by threads.
        let narrow = filtered(later.clone());
        assert!(!makes_up_for(&narrow, is_full, &backfill), "{case}");
        let narrow_before = filtered(backfill.clone());
        assert_eq!(
            makes_up_for(&narrow, is_full, &narrow_before),
            of_backfill,
            "{case}"
        );
        assert_eq!(
            makes_up_for(&later, is_full, &narrow_before),
            of_backfill,
            "{case}"
        );
        let shallow = bare(later.clone());
        assert!(!makes_up_for(&shallow, is_full, &backfill), "{case}");
        let shallow_before = bare(backfill.clone());
        assert_eq!(
            makes_up_for(&shallow, is_full, &shallow_before),
            of_backfill,
            "{case}"
        );
    }
    let newer = Snapshot {
        kind: "reindex".to_owned(),
        ..run(K::Backfill, O::Complete, 2020, 2021)
    };
    assert!(
        !makes_up_for(&newer, true, &backfill),
        "a kind that nobody knows"
    );
}

#[test]
fn only_a_backfill_that_is_unfinished_may_not_be_replaced() {
    for kind in RunKind::ALL {
        let unfinished = run(kind, Outcome::Running, 2020, 2021);
        let may = matches!(kind, RunKind::Sync | RunKind::Verify | RunKind::Metrics);
        assert_eq!(may_be_replaced(&unfinished), may, "{kind:?}");
        let unknown = Snapshot {
            kind: "reindex".to_owned(),
            ..unfinished
        };
        assert!(!may_be_replaced(&unknown));
    }
}

#[test]
fn what_later_runs_read_is_partial_no_more() {
    let of = |others: &[(i64, i64)]| -> Vec<(i64, i64)> {
        let others: Vec<Window> = others
            .iter()
            .map(|(from, until)| window(*from, *until))
            .collect();
        let millis = |at: Instant| at.timestamp_millis();
        let left = without(window(10, 20), &others).into_iter();
        left.map(|part| (millis(part.from()), millis(part.until())))
            .collect()
    };
    assert_eq!(of(&[]), [(10, 20)]);
    assert_eq!(of(&[(0, 10), (20, 30)]), [(10, 20)]);
    assert_eq!(of(&[(0, 12), (15, 17)]), [(12, 15), (17, 20)]);
    assert_eq!(of(&[(0, 15), (15, 30)]), []);
    assert_eq!(of(&[(5, 25)]), []);
}

proptest! {
    #[test]
    fn merged_windows_cover_the_same_time_once_and_the_rest_is_without_them(
        spans in proptest::collection::vec((0i64..60, 1i64..9), 0..12),
    ) {
        let windows: Vec<Window> =
            spans.iter().map(|(from, length)| window(*from, from + length)).collect();
        let merged = merged(windows.clone());
        for pair in merged.windows(2) {
            prop_assert!(pair[0].until() < pair[1].from());
        }
        let rest = without(window(0, 70), &windows);
        for ms in 0..70 {
            let instant = Instant::from_timestamp_millis(ms).expect("in range");
            let covers = |windows: &[Window]| {
                windows.iter().filter(|window| window.contains(instant)).count()
            };
            prop_assert_eq!(covers(&merged), usize::from(covers(&windows) > 0));
            prop_assert_eq!(covers(&rest), usize::from(covers(&windows) == 0));
        }
    }
}

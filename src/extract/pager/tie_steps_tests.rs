//! One tied millisecond, answer by answer.

use super::super::{Pager, Step};
use super::*;
use crate::plan::{Slice, SliceState};

fn at(ms: i64) -> Instant {
    Instant::from_timestamp_millis(ms).expect("in range")
}

/// These tickets, created at this millisecond.
fn keys<Id: ToString>(ids: impl IntoIterator<Item = Id>, ms: i64) -> Vec<Key> {
    let ids = ids.into_iter();
    ids.map(|id| Key {
        id: id.to_string(),
        has_id: true,
        created_at: Some(at(ms)),
        version: 0,
    })
    .collect()
}

/// A tied millisecond to which a page of these tickets led.
fn tie<Id: ToString>(shown: impl IntoIterator<Item = Id>) -> Tie {
    let shown = keys(shown, 1);
    let ids = shown.iter().map(|key| key.id.clone()).collect();
    Tie::new(at(1), ids, &shown, None, &Filters::default())
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(ToString::to_string).collect()
}

/// Answers requests for the whole, each said by its `skip`, with a count and tickets as letters; what
/// became of the last one. There are no parts to ask for.
fn told(tie: &mut Tie, answers: &[(u32, u64, &str)]) -> Progress {
    let mut progress = Progress::Continue;
    for (number, (skip, count, tickets)) in answers.iter().enumerate() {
        assert_eq!(progress, Progress::Continue, "before answer {number}");
        assert_eq!(tie.skip(), *skip, "answer {number}");
        let keys = keys(tickets.split_whitespace(), 1);
        let answer = Answer {
            count: Some(*count),
            has_more: None,
            keys: &keys,
        };
        (_, progress) = tie.take(answer, &[], &[]);
    }
    progress
}

/// One is deleted after the first count; the last answer proves all of the second one.
const PROVEN: [(u32, u64, &str); 5] = [
    (2, 5, "c d"),
    (4, 4, ""),
    (0, 4, "a c"),
    (2, 4, "d e"),
    (0, 4, "a c"),
];

#[test]
fn what_is_proven_while_counts_differ_is_settled_by_one_pass_more_to_its_end() {
    let mut tie = tie(["a", "b"]);
    assert_eq!(told(&mut tie, &PROVEN), Progress::Continue);
    // The pass begins anew, and its first page does not end it.
    assert_eq!(told(&mut tie, &[(0, 4, "a c")]), Progress::Continue);
    assert_eq!(told(&mut tie, &[(2, 4, "d e")]), Progress::Settled(4));
}

#[test]
fn answers_that_contradict_that_pass_take_another_one_after_the_next_proof() {
    let mut tie = tie(["a", "b"]);
    assert_eq!(told(&mut tie, &PROVEN), Progress::Continue);
    // All four were there before and after the answer that counts three.
    let torn = [(0, 3, "a c"), (2, 4, "d e")];
    assert_eq!(told(&mut tie, &torn), Progress::Continue);
    assert_eq!(tie.spent.torn, 1);
    let proven = [(0, 4, "a c"), (2, 4, "d e"), (0, 4, "a c")];
    assert_eq!(told(&mut tie, &proven), Progress::Continue);
    assert_eq!(told(&mut tie, &[(0, 4, "a c")]), Progress::Continue);
    assert_eq!(told(&mut tie, &[(2, 4, "d e")]), Progress::Settled(4));
}

#[test]
fn counts_that_agree_need_no_pass_more() {
    let mut tie = tie(["a", "b"]);
    let answers = [(2, 4, "c d"), (0, 4, "a b")];
    assert_eq!(told(&mut tie, &answers), Progress::Settled(4));
}

#[test]
fn only_tickets_of_the_millisecond_are_handed_on_and_each_once() {
    let mut tie = tie(["a"]);
    let mut keys = keys(["a", "b", "b", "later", "undated"], 1);
    keys[3].created_at = Some(at(2));
    keys[4].created_at = None;
    let answer = Answer {
        count: Some(9),
        has_more: None,
        keys: &keys,
    };
    let (fresh, progress) = tie.take(answer, &[], &[]);
    assert_eq!(fresh, [false, true, false, false, true]);
    assert_eq!((progress, tie.spent.asks), (Progress::Continue, 1));
}

#[test]
fn a_request_is_barren_where_nothing_is_new_no_count_is_another_and_no_proof_is_nearer() {
    let part = Narrowing {
        origin: Some("web".to_owned()),
        status: None,
    };
    // (what, missing to a proof before, narrowing, count and tickets of the answer, whether it is barren)
    for (what, missing, narrowing, count, tickets, is_barren) in [
        ("nothing moves", 3, None, 4, "a", true),
        ("a proof is farther", 2, None, 4, "a", true),
        ("a proof is nearer", 4, None, 4, "a", false),
        ("another count", 0, None, 5, "a", false),
        ("another ticket", 0, None, 4, "c", false),
        ("a part has another count", 0, Some(&part), 5, "a", true),
    ] {
        let mut tie = tie(["a", "b"]);
        tie.spent.missing = missing;
        tie.spent.barren = 7;
        tie.counts.last = Some(4);
        tie.part.narrowing = narrowing.cloned().unwrap_or_default();
        let answer = Answer {
            count: Some(count),
            has_more: None,
            keys: &keys([tickets], 1),
        };
        let (_, progress) = tie.take(answer, &[], &[]);
        assert_eq!(progress, Progress::Continue, "{what}");
        assert_eq!(tie.spent.barren, if is_barren { 8 } else { 0 }, "{what}");
    }
}

/// What is asked for after each pass on which `twice` of 16 tickets came for the second time, up to
/// the sixth: `w`hole or `p`arts first.
fn after_passes(twice: u64) -> String {
    let mut tie = tie(0..8);
    let mut asked = String::new();
    while tie.passes < 6 {
        let passes = tie.passes;
        let is_part = tie.narrowing() != Narrowing::default();
        let ids: Vec<u64> = match (is_part, tie.skip()) {
            (true, _) => Vec::new(),
            (false, 0) => (0..8).collect(),
            (false, _) => (8 - twice..16 - twice).collect(),
        };
        let keys = keys(ids, 1);
        let answer = Answer {
            // One never comes, so that nothing is proven.
            count: Some(if is_part { 0 } else { 16 }),
            has_more: None,
            keys: &keys,
        };
        let (_, progress) = tie.take(answer, &words(&["Open"]), &words(&["web"]));
        assert_eq!(progress, Progress::Continue, "{asked}");
        if tie.passes > passes {
            asked.push(match tie.narrowing().origin {
                Some(_) => 'p',
                None => 'w',
            });
        }
    }
    asked
}

#[test]
fn parts_are_asked_for_after_two_passes_in_a_changing_order_and_after_every_fourth() {
    // One in eight came twice, and one more.
    assert_eq!(after_passes(2), "wwwpww");
    assert_eq!(after_passes(3), "ppwpww");
}

#[test]
fn a_part_larger_than_a_page_is_taken_apart_by_status_and_no_other_is() {
    let part = |origin: &str, status: Option<&str>| Narrowing {
        origin: Some(origin.to_owned()),
        status: status.map(str::to_owned),
    };
    let mut tie = Tie {
        part: Part {
            narrowing: part("web", None),
            ..Part::default()
        },
        waiting: [part("email", None)].into(),
        ..tie(["a"])
    };
    let (statuses, origins) = (words(&["Open", "Pending"]), words(&["web", "email"]));
    let mut asked = Vec::new();
    for (count, tickets) in [(3, "a b"), (2, "a"), (2, "b"), (1, "c"), (1, "d"), (9, "")] {
        asked.push((tie.narrowing(), tie.skip()));
        let keys = keys(tickets.split_whitespace(), 1);
        let answer = Answer {
            count: Some(count),
            has_more: None,
            keys: &keys,
        };
        let (_, progress) = tie.take(answer, &statuses, &origins);
        assert_eq!(progress, Progress::Continue);
    }
    assert_eq!(
        asked,
        [
            (part("web", None), 0),
            (part("web", Some("Open")), 0),
            (part("web", Some("Open")), 1),
            (part("web", Some("Pending")), 0),
            (part("email", None), 0),
            (Narrowing::default(), 0),
        ]
    );
}

/// A millisecond of which `seen` tickets were handed on, in pages of 100, with this largest count.
fn seen(seen: usize, largest_count: impl Into<Option<u64>>) -> Tie {
    Tie {
        handed_on: (0..seen).map(|id| id.to_string()).collect(),
        largest_page: 100,
        counts: Counts {
            largest: largest_count.into(),
            last: None,
        },
        ..tie(["a"])
    }
}

/// Three pages that are counted: after so many requests, so many barren ones in a row and so many
/// answers that contradicted others.
fn after(asks: u64, barren: u64, torn: u32) -> Tie {
    let tie = seen(250, 250);
    Tie {
        spent: Spent {
            asks,
            barren,
            torn,
            ..tie.spent
        },
        ..tie
    }
}

#[test]
fn a_millisecond_is_given_up_at_its_bounds_and_not_before() {
    let uncounted = |passes| Tie {
        passes,
        ..seen(250, None)
    };
    let counted = Tie {
        passes: 9,
        ..seen(250, 250)
    };
    let unsettled = Some("did not settle");
    let torn = Some("contradict each other");
    for (what, tie, reason) in [
        ("nothing came", seen(0, None), None),
        ("three for each one counted, and 300", seen(330, 10), None),
        (
            "one over",
            seen(331, 10),
            Some("with a count of 10 at most"),
        ),
        ("as many as are read", seen(100_000, 1 << 40), None),
        ("one over", seen(100_001, 1 << 40), Some("100001 different")),
        ("one over", seen(100_001, None), Some("without a count")),
        ("one pass without a count", uncounted(1), None),
        ("two passes", uncounted(2), Some("the answer has no count")),
        ("passes with a count", counted, None),
        ("requests for three pages", after(160 + 3 * 40, 0, 0), None),
        ("one over", after(160 + 3 * 40 + 1, 0, 0), unsettled),
        ("barren ones", after(0, 40 + 3 * 10, 0), None),
        ("one over", after(0, 40 + 3 * 10 + 1, 0), unsettled),
        ("contradictions", after(0, 0, 20), None),
        ("one over", after(0, 0, 21), torn),
        ("requests, and one contradiction", after(1_000, 0, 1), torn),
    ] {
        let seen = tie.handed_on.len();
        let gave_up = tie.gave_up();
        let is_as_said = match (&gave_up, reason) {
            (Some(gave_up), Some(reason)) => gave_up.contains(reason),
            (gave_up, reason) => gave_up.is_none() && reason.is_none(),
        };
        assert!(is_as_said, "{what}, {seen} seen: {gave_up:?}");
    }
}

/// Answers the request from this millisecond on; gives what comes next, and how many tickets are left.
fn answer(pager: &mut Pager, from_ms: i64, count: u64, came: &[Key]) -> (Step, Option<u64>) {
    let asked = pager.ask().map(|ask| ask.window.from());
    assert_eq!(asked, Some(at(from_ms)));
    let taken = pager.take(Answer {
        count: Some(count),
        has_more: None,
        keys: came,
    });
    (taken.step, pager.remaining())
}

#[test]
fn what_comes_after_a_crowd_is_held_against_what_was_counted_with_it() {
    let crowd = keys(0..150, 5);
    let after = keys(150..153, 7);
    // All three that come after, and an answer that shows fewer of them as if it were all.
    for short in [0, 2u8] {
        let window = Window::new(at(0), at(10)).expect("not empty");
        let mut pager = Pager::new(Slice::new(0, window), &Filters::default());
        for (from_ms, count, came, remaining) in [
            (0, 153, &crowd[..100], Some(53)),
            (5, 153, &crowd[..100], Some(53)),
            (5, 150, &crowd[100..], Some(53)),
            (5, 150, &crowd[..100], Some(3)),
        ] {
            assert_eq!(
                answer(&mut pager, from_ms, count, came),
                (Step::Next, remaining),
                "{short}"
            );
        }
        assert_eq!(
            (pager.reckoned(), pager.shown()),
            (Some(3), None),
            "{short}"
        );
        let (step, _) = answer(&mut pager, 6, short.into(), &after[..usize::from(short)]);
        assert!(matches!(step, Step::Again(_)), "{short}: {step:?}");
        let all = answer(&mut pager, 6, 3, &after);
        assert_eq!(all, (Step::Done, Some(0)), "{short}");
        assert_eq!(pager.slice().state, SliceState::Sealed, "{short}");
    }
}

#[test]
fn a_crowd_that_ends_with_fewer_than_came_says_once_that_tickets_vanished() {
    let crowd = keys(0..150, 5);
    // How many are gone by the answers that follow, which go by the offset that is asked for.
    for (gone, vanished) in [(150, true), (2, true), (0, false)] {
        let there = &crowd[gone..];
        let window = Window::new(at(0), at(10)).expect("not empty");
        let mut pager = Pager::new(Slice::new(0, window), &Filters::default());
        answer(&mut pager, 0, 150, &crowd[..100]);
        answer(&mut pager, 5, 150, &crowd[..100]);
        let mut told = Vec::new();
        let asked = |pager: &Pager| pager.ask().map(|ask| (ask.window.from(), ask.skip));
        for _ in 0..12 {
            if let Some((from, skip)) = asked(&pager)
                && from == at(5)
            {
                let skip = usize::try_from(skip).expect("few").min(there.len());
                let came = &there[skip..there.len().min(skip + 100)];
                answer(&mut pager, 5, there.len().try_into().expect("few"), came);
                told.extend(pager.take_vanished());
            }
        }
        assert_eq!(asked(&pager), Some((at(6), 0)), "{gone}");
        let crowds = Window::new(at(5), at(6)).filter(|_| vanished);
        assert_eq!(told, crowds.into_iter().collect::<Vec<_>>(), "{gone}");
    }
}

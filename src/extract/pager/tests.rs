//! The pager against a pure model of the API that changes between any two answers.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};

use super::*;

fn at(ms: i64) -> Instant {
    Instant::from_timestamp_millis(ms).expect("in range")
}

/// Tickets by id: creation, status, origin.
#[derive(Debug, Clone, Default)]
struct World {
    tickets: BTreeMap<u64, (i64, usize, usize)>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Habits {
    shuffles_ties: bool,
    truncates_start_to: Option<i64>,
    sorts_descending: bool,
    lies_about_count: i64,
    has_more_is: Option<bool>,
    omits_count: bool,
    /// Tickets whose number is a multiple of this are counted and never listed.
    hides_multiples_of: Option<u64>,
    /// Others fill the page in their place.
    fills_pages: bool,
    /// The longest page made, whatever is asked for.
    longest_page: Option<usize>,
}

impl World {
    fn answer(
        &self,
        ask: &Ask,
        habits: Habits,
        rng: &mut StdRng,
    ) -> (Option<u64>, Option<bool>, Vec<Key>) {
        let word = |wanted: &Option<String>, words: &[&str], index: usize| {
            wanted
                .as_deref()
                .is_none_or(|wanted| words[index % words.len()] == wanted)
        };
        let mut from = ask.window.from().timestamp_millis();
        if let Some(unit) = habits.truncates_start_to {
            from -= from.rem_euclid(unit);
        }
        let until = ask.window.until().timestamp_millis();
        let mut matching: Vec<(i64, u64)> = self
            .tickets
            .iter()
            .filter(|(_, (created, status, origin))| {
                (from..until).contains(created)
                    && word(&ask.narrowing.status, &crate::mava::STATUSES, *status)
                    && word(&ask.narrowing.origin, &crate::mava::ORIGINS, *origin)
            })
            .map(|(id, (created, ..))| (*created, *id))
            .collect();
        if habits.shuffles_ties {
            matching.shuffle(rng);
        }
        matching.sort_by_key(|(created, _)| *created);
        if habits.sorts_descending {
            matching.reverse();
        }
        let count = matching.len();
        let limit = ask.limit as usize;
        let limit = habits.longest_page.map_or(limit, |most| most.min(limit));
        let is_listed = |(_, id): &(i64, u64)| {
            let hidden = habits.hides_multiples_of;
            hidden.is_none_or(|number| !id.is_multiple_of(number))
        };
        if habits.fills_pages {
            matching.retain(is_listed);
        }
        let end = ask.skip as usize + limit;
        let page: Vec<Key> = matching
            .into_iter()
            .take(end)
            .skip(ask.skip as usize)
            .filter(is_listed)
            .map(|(created, id)| Key {
                id: id.to_string(),
                has_id: true,
                created_at: Some(at(created)),
                version: 0,
            })
            .collect();
        let has_more = match habits.hides_multiples_of {
            Some(_) => end < count,
            None => ask.skip as usize + page.len() < count,
        };
        let told = u64::try_from(count as i64 + habits.lies_about_count).unwrap_or(0);
        (
            (!habits.omits_count).then_some(told),
            Some(habits.has_more_is.unwrap_or(has_more)),
            page,
        )
    }
}

struct Outcome {
    state: SliceState,
    stored: BTreeSet<u64>,
    handed_on_twice: usize,
    asks: usize,
    fell_back: bool,
}

/// Pages `[0, until)` of the world to its end; `change` is called before every answer.
fn page_through(
    world: &mut World,
    until: i64,
    habits: Habits,
    seed: u64,
    mut change: impl FnMut(&mut World, usize, &mut StdRng),
) -> Outcome {
    let slice = Slice::new(0, Window::new(at(0), at(until)).expect("not empty"));
    let mut rng = StdRng::seed_from_u64(seed);
    let mut pager = Pager::new(slice, &Filters::default());
    let mut outcome = Outcome {
        state: SliceState::Open,
        stored: BTreeSet::new(),
        handed_on_twice: 0,
        asks: 0,
        fell_back: false,
    };
    while let Some(ask) = pager.ask() {
        change(world, outcome.asks, &mut rng);
        let (count, has_more, keys) = world.answer(&ask, habits, &mut rng);
        outcome.asks += 1;
        assert!(outcome.asks < 20_000, "the pager does not come to an end");
        let taken = pager.take(Answer {
            count,
            has_more,
            keys: &keys,
        });
        for (key, is_fresh) in keys.iter().zip(&taken.fresh) {
            let id = key.id.parse().expect("a number");
            if *is_fresh && !outcome.stored.insert(id) {
                outcome.handed_on_twice += 1;
            }
        }
        outcome.fell_back |= pager.take_fall_back().is_some();
    }
    outcome.state = pager.slice().state.clone();
    outcome
}

/// A world of `creations`, each with its id's own status and origin.
fn world_of(creations: impl IntoIterator<Item = i64>) -> World {
    World {
        tickets: creations
            .into_iter()
            .enumerate()
            .map(|(id, created)| (id as u64, (created, id, id / 4)))
            .collect(),
    }
}

fn everything(world: &World) -> BTreeSet<u64> {
    world.tickets.keys().copied().collect()
}

fn undisturbed(world: &mut World, until: i64, habits: Habits) -> Outcome {
    page_through(world, until, habits, 7, |_, _, _| {})
}

#[test]
fn an_empty_slice_is_sealed_by_one_request() {
    let outcome = undisturbed(&mut World::default(), 1_000, Habits::default());
    assert_eq!((outcome.state, outcome.asks), (SliceState::Sealed, 1));
}

#[test]
fn distinct_instants_cost_one_ticket_of_overlap_a_page() {
    let mut world = world_of(0..10_000);
    let outcome = undisturbed(&mut world, 100_000, Habits::default());
    assert_eq!(outcome.state, SliceState::Sealed);
    assert_eq!(outcome.stored, everything(&world));
    assert_eq!(outcome.handed_on_twice, 0);
    assert_eq!(outcome.asks, 10_000usize.div_ceil(99));
}

#[test]
fn exactly_one_page_is_confirmed_by_one_more_request() {
    let mut world = world_of(0..100);
    let outcome = undisturbed(&mut world, 1_000, Habits::default());
    assert_eq!((outcome.state, outcome.asks), (SliceState::Sealed, 2));
}

#[test]
fn hundreds_in_one_millisecond_in_stable_order_cost_two_passes() {
    let mut world = world_of((0..50).chain(std::iter::repeat_n(500, 430)).chain(900..950));
    let outcome = undisturbed(&mut world, 1_000, Habits::default());
    assert_eq!(outcome.state, SliceState::Sealed);
    assert_eq!(outcome.stored, everything(&world));
    // One page before, two passes over five pages, one after; the second pass does without its last.
    assert_eq!(outcome.asks, 1 + 5 + 4 + 1);
}

#[test]
fn hundreds_in_one_millisecond_in_changing_order_are_taken_apart() {
    let habits = Habits {
        shuffles_ties: true,
        ..Habits::default()
    };
    let mut world = world_of(std::iter::repeat_n(500, 700).chain([501, 502]));
    let outcome = undisturbed(&mut world, 1_000, habits);
    assert_eq!(outcome.state, SliceState::Sealed);
    assert_eq!(outcome.stored, everything(&world));
    assert!(outcome.asks < 80, "{} requests", outcome.asks);
}

#[test]
fn a_crowded_millisecond_that_changes_before_every_answer_still_settles() {
    let habits = Habits {
        shuffles_ties: true,
        ..Habits::default()
    };
    for seed in 0..50 {
        let mut world = world_of(std::iter::repeat_n(500, 350));
        let outcome = page_through(&mut world, 1_000, habits, seed, |world, _, rng| {
            let ids: Vec<u64> = world.tickets.keys().copied().collect();
            world.tickets.remove(&ids[rng.random_range(0..ids.len())]);
        });
        assert_eq!(outcome.state, SliceState::Sealed, "seed {seed}");
        assert!(
            outcome.stored.is_superset(&everything(&world)),
            "seed {seed}"
        );
        // Deletions that never pause leave no moment of which all is known, until a page holds the rest.
        assert!(outcome.asks < 260, "{} requests", outcome.asks);
    }
}

#[test]
fn a_start_cut_to_the_second_falls_back_to_offsets_and_loses_nothing() {
    let habits = Habits {
        truncates_start_to: Some(1_000),
        ..Habits::default()
    };
    let mut world = world_of((0..2_500).map(|n| n * 7));
    let outcome = undisturbed(&mut world, 100_000, habits);
    assert!(outcome.fell_back);
    assert_eq!(outcome.state, SliceState::Sealed);
    assert_eq!(outcome.stored, everything(&world));
}

#[test]
fn a_sort_that_is_ignored_falls_back_to_offsets_and_loses_nothing() {
    let habits = Habits {
        sorts_descending: true,
        ..Habits::default()
    };
    let mut world = world_of(0..1_234);
    let outcome = undisturbed(&mut world, 100_000, habits);
    assert!(outcome.fell_back);
    assert_eq!(outcome.state, SliceState::Sealed);
    assert_eq!(outcome.stored, everything(&world));
}

#[test]
fn deletions_under_the_fall_back_lose_no_ticket_that_stays() {
    let habits = Habits {
        sorts_descending: true,
        ..Habits::default()
    };
    for seed in 0..20 {
        let mut world = world_of(0..900);
        let outcome = page_through(&mut world, 100_000, habits, seed, |world, asks, rng| {
            if asks % 5 == 4 {
                let id = rng.random_range(0..900);
                world.tickets.remove(&id);
            }
        });
        if outcome.state == SliceState::Sealed {
            assert!(
                outcome.stored.is_superset(&everything(&world)),
                "seed {seed}"
            );
        }
    }
}

/// A pager over `[0, 1 s)` that gets the same answer whatever it asks, to its end.
fn parrot(count: u64, has_more: bool, ids: &[&str]) -> (SliceState, usize) {
    let window = Window::new(at(0), at(1_000)).expect("not empty");
    let mut pager = Pager::new(Slice::new(0, window), &Filters::default());
    // One that comes twice was created once.
    let created = |id: &str| {
        (1..)
            .zip(ids)
            .find(|(_, other)| **other == id)
            .map(|(ms, _)| at(ms))
    };
    let keys: Vec<Key> = ids
        .iter()
        .map(|id| Key {
            id: (*id).to_owned(),
            has_id: true,
            created_at: created(id),
            version: 0,
        })
        .collect();
    let mut asks = 0;
    while pager.ask().is_some() {
        asks += 1;
        assert!(asks < 200, "the pager does not come to an end");
        pager.take(Answer {
            count: Some(count),
            has_more: Some(has_more),
            keys: &keys,
        });
    }
    (pager.slice().state.clone(), asks)
}

#[test]
fn two_tickets_of_one_id_are_two_tickets() {
    let window = Window::new(at(0), at(1_000)).expect("not empty");
    let mut pager = Pager::new(Slice::new(0, window), &Filters::default());
    let keys = [1, 2].map(|ms| Key {
        id: "a".to_owned(),
        has_id: true,
        created_at: Some(at(ms)),
        version: 0,
    });
    let taken = pager.take(Answer {
        count: Some(2),
        has_more: Some(false),
        keys: &keys,
    });
    assert_eq!((taken.fresh, taken.step), (vec![true, true], Step::Done));
    assert_eq!(pager.slice().state, SliceState::Sealed);
}

#[test]
fn a_ticket_sent_twice_in_place_of_another_is_not_passed_off_as_sealed() {
    let (state, _) = parrot(3, false, &["a", "a", "c"]);
    assert!(matches!(state, SliceState::Unverified { .. }), "{state:?}");
}

#[test]
fn an_api_that_always_answers_the_same_page_ends_unverified() {
    let (state, _) = parrot(900, true, &["a", "b", "c"]);
    assert!(matches!(state, SliceState::Unverified { .. }), "{state:?}");
}

#[test]
fn ties_that_change_places_under_the_fall_back_lose_nothing_unnoticed() {
    let habits = Habits {
        shuffles_ties: true,
        sorts_descending: true,
        ..Habits::default()
    };
    for seed in 0..40 {
        let mut world = world_of((0..600).map(|n| n / 40));
        let outcome = page_through(&mut world, 1_000, habits, seed, |_, _, _| {});
        if outcome.state == SliceState::Sealed {
            assert_eq!(outcome.stored, everything(&world), "seed {seed}");
        }
    }
}

#[test]
fn counts_that_always_lie_are_never_passed_off_as_sealed() {
    for lies_about_count in [-3, 5] {
        let habits = Habits {
            lies_about_count,
            ..Habits::default()
        };
        let mut world = world_of(0..450);
        let outcome = undisturbed(&mut world, 1_000, habits);
        assert!(
            matches!(outcome.state, SliceState::Unverified { .. }),
            "{lies_about_count}"
        );
        assert_eq!(outcome.stored, everything(&world));
    }
}

#[test]
fn a_missing_count_is_unverified_but_read_to_the_end() {
    let habits = Habits {
        omits_count: true,
        ..Habits::default()
    };
    let mut world = world_of(0..450);
    let outcome = undisturbed(&mut world, 1_000, habits);
    assert!(matches!(outcome.state, SliceState::Unverified { .. }));
    assert_eq!(outcome.stored, everything(&world));
}

#[test]
fn tickets_that_are_counted_and_never_listed_leave_a_doubt() {
    for fills_pages in [false, true] {
        // One in the middle of a page, at the end of one, at its begin, on the last page.
        for hidden in [40, 99, 100, 101, 150, 199, 299] {
            for tickets in [300, 350, 1_000] {
                let habits = Habits {
                    hides_multiples_of: Some(hidden),
                    fills_pages,
                    ..Habits::default()
                };
                let mut world = world_of(0..tickets);
                // Number 0 is a multiple of everything.
                if let Some(ticket) = world.tickets.remove(&0) {
                    world.tickets.insert(1 << 50, ticket);
                }
                let outcome = undisturbed(&mut world, 1_000, habits);
                let what = format!("{hidden} of {tickets}, {fills_pages}");
                let hides = |id: &u64| id.is_multiple_of(hidden);
                let shown: BTreeSet<u64> = everything(&world)
                    .into_iter()
                    .filter(|id| !hides(id))
                    .collect();
                assert_eq!(outcome.stored, shown, "{what}");
                assert_eq!(outcome.handed_on_twice, 0, "{what}");
                assert!(
                    matches!(outcome.state, SliceState::Unverified { .. }),
                    "{what}: {:?}",
                    outcome.state
                );
                assert!(outcome.asks < 40, "{what}: {}", outcome.asks);
            }
        }
    }
}

#[test]
fn a_desk_whose_pages_are_short_is_complete_and_costs_one_look_more() {
    let habits = Habits {
        longest_page: Some(50),
        ..Habits::default()
    };
    let mut world = world_of(0..700);
    let outcome = undisturbed(&mut world, 1_000, habits);
    assert_eq!(outcome.state, SliceState::Sealed);
    assert_eq!(outcome.stored, everything(&world));
    assert!(outcome.asks <= 700 / 49 + 2, "{}", outcome.asks);
}

#[test]
fn tickets_deleted_ahead_cost_two_requests_and_no_doubt() {
    let mut world = world_of(0..500);
    let outcome = page_through(&mut world, 1_000, Habits::default(), 1, |world, asks, _| {
        if asks == 2 {
            world.tickets.retain(|id, _| *id < 400 || *id > 430);
        }
    });
    assert_eq!(outcome.state, SliceState::Sealed);
    assert_eq!(outcome.stored, everything(&world));
    assert!(outcome.asks <= 5 + 2 + 1, "{}", outcome.asks);
}

#[test]
fn a_has_more_that_is_always_wrong_ends_and_never_claims_to_be_complete_wrongly() {
    for has_more_is in [Some(true), Some(false)] {
        let habits = Habits {
            has_more_is,
            ..Habits::default()
        };
        let mut world = world_of((0..300).chain(std::iter::repeat_n(400, 250)));
        let outcome = undisturbed(&mut world, 1_000, habits);
        if outcome.state == SliceState::Sealed {
            assert_eq!(outcome.stored, everything(&world));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    /// Whatever is inserted, deleted and changed between any two answers, with up to 440 tickets in
    /// one millisecond, so that no origin has more of them than a page: what lived through the
    /// run is there, once.
    #[test]
    fn every_ticket_that_lived_through_a_sealed_slice_was_handed_on_once(
        spread in prop::collection::vec(0i64..600, 0..900),
        crowd in prop::collection::vec((0i64..600, 0usize..220), 0..3),
        shuffles_ties in any::<bool>(),
        changes_every in 1usize..6,
        seed in any::<u64>(),
    ) {
        let crowds = crowd.iter().flat_map(|(at, size)| std::iter::repeat_n(*at, *size));
        let mut world = world_of(spread.iter().copied().chain(crowds));
        let before = everything(&world);
        let habits = Habits { shuffles_ties, ..Habits::default() };
        let outcome = page_through(&mut world, 600, habits, seed, |world, asks, rng| {
            if asks % changes_every != 0 || asks > 300 {
                return;
            }
            let ids: Vec<u64> = world.tickets.keys().copied().collect();
            for _ in 0..rng.random_range(0..3usize) {
                if let Some(id) = ids.get(rng.random_range(0..ids.len().max(1))) {
                    match rng.random_range(0..3) {
                        0 => drop(world.tickets.remove(id)),
                        1 => {
                            if let Some(ticket) = world.tickets.get_mut(id) {
                                ticket.1 += 1;
                            }
                        }
                        _ => {
                            let id = world.tickets.len() as u64 + rng.random_range(10_000..1 << 40);
                            world.tickets.insert(id, (rng.random_range(0..600), 1, 1));
                        }
                    }
                }
            }
        });
        let lived: BTreeSet<u64> = before.intersection(&everything(&world)).copied().collect();
        prop_assert_eq!(outcome.state, SliceState::Sealed);
        prop_assert!(outcome.stored.is_superset(&lived), "lost {:?}", lived.difference(&outcome.stored));
        prop_assert_eq!(outcome.handed_on_twice, 0);
    }

    /// Splitting at any page loses nothing either.
    #[test]
    fn two_halves_hold_what_the_whole_held(
        creations in prop::collection::vec(0i64..5_000, 1..800),
        splits_at in 0usize..6,
    ) {
        let world = world_of(creations);
        let mut rng = StdRng::seed_from_u64(1);
        let mut waiting = vec![Pager::new(Slice::new(0, Window::new(at(0), at(5_000)).unwrap()), &Filters::default())];
        let mut stored = BTreeSet::new();
        let mut asks = 0;
        while let Some(mut pager) = waiting.pop() {
            while let Some(ask) = pager.ask() {
                let (count, has_more, keys) = world.answer(&ask, Habits::default(), &mut rng);
                let taken = pager.take(Answer { count, has_more, keys: &keys });
                for (key, is_fresh) in keys.iter().zip(&taken.fresh) {
                    if *is_fresh {
                        stored.insert(key.id.parse::<u64>().unwrap());
                    }
                }
                if asks == splits_at && let Some(window) = pager.split() {
                    waiting.push(Pager::new(Slice::new(1, window), &Filters::default()));
                }
                asks += 1;
            }
            prop_assert_eq!(&pager.slice().state, &SliceState::Sealed);
        }
        prop_assert_eq!(stored, everything(&world));
    }
}

/// Answers of an API that makes up new tickets for ever, each page of `created` ones; how many were
/// asked for until the slice ended, and how.
fn endless(count: impl Fn(u64) -> Option<u64>, created: impl Fn(u64) -> i64) -> (u64, SliceState) {
    let window = Window::new(at(0), at(10_000_000_000)).expect("not empty");
    let mut pager = Pager::new(Slice::new(0, window), &Filters::default());
    let mut asks = 0;
    while pager.ask().is_some() {
        asks += 1;
        assert!(asks < 3_000, "no end");
        let first = asks * 1_000;
        let keys: Vec<Key> = (first..first + 100)
            .map(|number| Key {
                id: number.to_string(),
                has_id: true,
                created_at: Some(at(created(number))),
                version: 0,
            })
            .collect();
        pager.take(Answer {
            count: count(asks),
            has_more: Some(true),
            keys: &keys,
        });
    }
    (asks, pager.slice().state.clone())
}

#[test]
fn tickets_that_are_made_up_for_ever_come_to_an_end_that_is_no_seal() {
    // Each page of tickets that are not sorted, so that only offsets are left.
    let backwards = |number: u64| 9_000_000_000 - i64::try_from(number).expect("small");
    for (count, most) in [
        (Some(5_000), 300),
        // No desk gets half as many tickets again while it is read.
        (Some(50_000), 1_000),
    ] {
        let (asks, state) = endless(|_| count, backwards);
        assert!(asks < most, "{asks} requests with a count of {count:?}");
        assert!(matches!(state, SliceState::Unverified { .. }), "{state:?}");
    }
    // A count that grows with what was read.
    let (asks, state) = endless(|asks| Some(asks * 200), backwards);
    assert!(asks < 300, "{asks}");
    assert!(matches!(state, SliceState::Unverified { .. }), "{state:?}");
}

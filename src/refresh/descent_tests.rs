//! Lists on the way down: what joins two pages, and what a list that is over has shown.

use crate::mava::PAGE;
use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};

use super::descent::*;

/// A page: where it began, what it counted, its times; `-1` is no time, `-2` one that cannot be read.
type Answer = (u32, Option<u64>, Vec<i64>);

fn times(numbers: &[i64]) -> Vec<Time> {
    let time = |number: &i64| match number {
        -1 => Time::None,
        -2 => Time::Unread,
        number => Time::Ms(*number),
    };
    numbers.iter().map(time).collect()
}

fn take(descent: &mut Descent, (skip, count, numbers): &Answer) -> Course {
    descent.take(Stretch {
        skip: *skip,
        count: *count,
        times: &times(numbers),
    })
}

/// So many tickets of falling time from here on.
fn falling(from: i64, length: i64) -> Vec<i64> {
    (0..length).map(|place| from - place).collect()
}

fn tied(before: &[i64], time: i64, length: usize, after: &[i64]) -> Vec<i64> {
    [before, &vec![time; length], after].concat()
}

#[test]
fn a_page_joins_the_one_before_by_a_longer_time_and_by_nothing_else() {
    // A first page from 1,000 down to 901, and then another.
    for (what, second, expected) in [
        (
            "as it was",
            (98, Some(500), falling(902, 100)),
            Course::Next(196),
        ),
        (
            "one left above and one entered below",
            (98, Some(500), falling(901, 100)),
            Course::Next(48),
        ),
        (
            "the last ticket alone comes again, and may have changed its place with a tie",
            (98, Some(500), tied(&[901, 901], 800, 98, &[])),
            Course::Next(48),
        ),
        (
            "one entered above and one left below",
            (98, Some(500), falling(903, 100)),
            Course::Next(196),
        ),
        (
            "twenty left above",
            (98, Some(480), falling(882, 100)),
            Course::Next(28),
        ),
        (
            "an answer without tickets",
            (98, Some(500), vec![]),
            Course::Next(48),
        ),
        (
            "an answer that is empty and counts nothing",
            (98, Some(0), vec![]),
            Course::Next(0),
        ),
        (
            "times that cannot be read",
            (98, Some(500), vec![-2; 100]),
            Course::Next(48),
        ),
        (
            "one that cannot be read ahead of a longer one",
            (98, Some(500), tied(&[-2, 902], 800, 98, &[])),
            Course::Next(99),
        ),
        (
            "only tickets without a time",
            (98, Some(500), vec![-1; 100]),
            Course::Next(48),
        ),
        (
            "down to the threshold",
            (98, Some(500), tied(&[902, 901], 99, 1, &[])),
            Course::Over,
        ),
        (
            "down to those without a time",
            (98, Some(500), tied(&[902, 901], -1, 98, &[])),
            Course::Over,
        ),
        (
            "down to the threshold, and not joined",
            (98, Some(500), falling(180, 100)),
            Course::Next(48),
        ),
        (
            "to the end of the list",
            (98, Some(103), falling(902, 5)),
            Course::Over,
        ),
        (
            "to the end of the list, and not joined",
            (98, Some(103), falling(900, 5)),
            Course::Next(0),
        ),
    ] {
        let mut descent = Descent::new(100, 5);
        let first = (0, Some(500), falling(1_000, 100));
        assert_eq!(take(&mut descent, &first), Course::Next(98), "{what}");
        assert_eq!(take(&mut descent, &second), expected, "{what}");
    }
}

#[test]
fn a_page_reaches_back_over_all_tickets_of_its_last_time() {
    for (what, first, expected) in [
        ("none tied", falling(1_000, 100), Course::Next(98)),
        (
            "ten tied",
            tied(&falling(1_000, 90), 500, 10, &[]),
            Course::Next(89),
        ),
        (
            "nearly all tied",
            tied(&[1_000], 500, 99, &[]),
            Course::Tied(500),
        ),
        ("all tied", tied(&[], 500, 100, &[]), Course::Tied(500)),
        (
            "tied below the threshold",
            tied(&[], 99, 100, &[]),
            Course::Over,
        ),
        ("only one more", vec![1_000, 999], Course::Torn),
        (
            "the last time cannot be read",
            tied(&falling(1_000, 98), -2, 2, &[]),
            Course::Next(96),
        ),
        ("no time at all", vec![-1; 100], Course::Next(99)),
        (
            "without a time first",
            tied(&vec![-1; 50], 500, 50, &[]),
            Course::Next(49),
        ),
    ] {
        let mut descent = Descent::new(100, 5);
        let course = take(&mut descent, &(0, Some(500), first));
        assert_eq!(course, expected, "{what}");
    }
}

#[test]
fn a_seam_that_is_never_met_is_stepped_back_from_so_often_and_then_torn() {
    let mut descent = Descent::new(100, 50);
    let mut skip = 0;
    for page in 0..20 {
        let first = 100_000 - i64::from(skip);
        let course = take(&mut descent, &(skip, Some(5_000), falling(first, 100)));
        skip += 98;
        assert_eq!(course, Course::Next(skip), "{page}");
    }
    let nowhere = |skip| (skip, Some(5_000), falling(90_000, 100));
    for next in [1_910, 1_810, 1_610, 1_210] {
        assert_eq!(take(&mut descent, &nowhere(skip)), Course::Next(next));
        skip = next;
    }
    assert_eq!(take(&mut descent, &nowhere(skip)), Course::Torn);
}

#[test]
fn tickets_without_a_time_are_gone_past_up_to_ten_pages() {
    for (timeless, is_over) in [(150, true), (900, true), (1_200, false)] {
        let mut list = vec![-1; timeless];
        list.extend(falling(1_000, 300));
        let (seen, course) = follow(Descent::new(900, 3), |_| list.clone());
        assert_eq!(course == Course::Over, is_over, "{timeless}: {course:?}");
        assert!(is_over || course == Course::Timeless, "{course:?}");
        let listed = seen.iter().filter(|time| **time >= 900).count();
        assert!(!is_over || listed >= 101, "{timeless}: {listed}");
    }
}

#[test]
fn a_list_is_followed_as_long_as_its_count_says_however_few_pages_were_planned() {
    let list = falling(100_000, 3_000);
    let (seen, course) = follow(Descent::new(0, 1), |_| list.clone());
    assert_eq!(course, Course::Over);
    assert!(list.iter().all(|time| seen.contains(time)));
}

#[test]
fn a_list_that_never_ends_and_one_that_never_comes_are_broken_off() {
    let mut descent = Descent::new(0, 1);
    let (mut skip, mut read) = (0, 0);
    let course = loop {
        let first = 100_000 - i64::from(skip);
        read += 1;
        match take(&mut descent, &(skip, None, falling(first, 100))) {
            Course::Next(next) => skip = next,
            course => break course,
        }
    };
    assert_eq!((course, read), (Course::Endless, 14));
    let mut descent = Descent::new(0, 1);
    let courses: Vec<Course> = (0..5)
        .map(|_| take(&mut descent, &(0, Some(300), vec![])))
        .collect();
    assert_eq!(
        courses,
        [&[Course::Next(0); 4][..], &[Course::Torn]].concat()
    );
    // Without a count, a list ends where nothing more comes.
    let mut descent = Descent::new(0, 1);
    let first = (0, None, falling(1_000, 100));
    assert_eq!(take(&mut descent, &first), Course::Next(98));
    let last = (98, None, falling(902, 2));
    assert_eq!(take(&mut descent, &last), Course::Over);
}

/// Reads a list to its end: `list` gives it as it is at each page. The times that came, and how it ended.
fn follow(mut descent: Descent, mut list: impl FnMut(i64) -> Vec<i64>) -> (Vec<i64>, Course) {
    let (mut seen, mut skip) = (Vec::new(), 0);
    for page in 0.. {
        let list = list(page);
        let numbers: Vec<i64> = list
            .iter()
            .skip(skip as usize)
            .take(PAGE)
            .copied()
            .collect();
        seen.extend(&numbers);
        let count = u64::try_from(list.len()).expect("few");
        match take(&mut descent, &(skip, Some(count), numbers)) {
            Course::Next(next) => skip = next,
            course => return (seen, course),
        }
    }
    unreachable!("a list that ends")
}

#[test]
fn a_list_at_rest_takes_the_pages_that_are_planned() {
    for listed in [0, 1, 99, 100, 101, 197, 198, 295, 1_000] {
        let length = i64::try_from(listed).expect("few") + 300;
        let list = falling(100_000, length);
        let threshold = 100_001 - (length - 300);
        let mut taken = 0;
        let (seen, course) = follow(Descent::new(threshold, 1), |_| {
            taken += 1;
            list.clone()
        });
        assert_eq!((course, taken), (Course::Over, pages(listed)), "{listed}");
        assert!(seen.contains(&(threshold - 1)), "{listed}");
    }
}

/// A desk on which tickets enter and leave a list between pages, in another order of ties each time.
struct Busy {
    random: StdRng,
    /// Number and time.
    tickets: Vec<(u64, i64)>,
    next: u64,
    most_times: i64,
}

impl Busy {
    fn new(seed: u64, length: usize, most_times: i64) -> Self {
        let mut busy = Self {
            random: StdRng::seed_from_u64(seed),
            tickets: Vec::new(),
            next: 0,
            most_times,
        };
        (0..length).for_each(|_| busy.enter());
        busy
    }

    fn enter(&mut self) {
        let time = self.random.random_range(0..self.most_times);
        self.tickets.push((self.next, time));
        self.next += 1;
    }

    /// So many leave, and as many enter.
    fn change(&mut self, changes: usize) {
        for _ in 0..changes.min(self.tickets.len()) {
            let place = self.random.random_range(0..self.tickets.len());
            self.tickets.swap_remove(place);
            self.enter();
        }
    }

    fn page(&mut self, skip: u32) -> Vec<(u64, i64)> {
        self.tickets.shuffle(&mut self.random);
        self.tickets
            .sort_by_key(|(_, time)| std::cmp::Reverse(*time));
        let page = self.tickets.iter().skip(skip as usize).take(PAGE);
        page.copied().collect()
    }
}

proptest! {
    #[test]
    fn a_list_that_is_over_has_shown_whatever_was_listed_throughout(
        seed in any::<u64>(),
        length in 0usize..700,
        most_times in prop_oneof![1i64..40, 40..100_000i64],
        changes in prop::collection::vec(prop_oneof![3 => Just(0usize), 1 => 0usize..90], 1..30),
    ) {
        let mut busy = Busy::new(seed, length, most_times);
        let throughout: Vec<(u64, i64)> = busy.tickets.clone();
        let threshold = most_times / 4;
        let mut descent = Descent::new(threshold, 4);
        let mut seen = std::collections::HashSet::new();
        let mut skip = 0;
        let course = 'list: {
            for page in 0.. {
                let shown = busy.page(skip);
                seen.extend(shown.iter().map(|(number, _)| *number));
                let numbers = shown.iter().map(|(_, time)| *time).collect();
                let count = u64::try_from(busy.tickets.len()).expect("few");
                match take(&mut descent, &(skip, Some(count), numbers)) {
                    Course::Next(next) => skip = next,
                    course => break 'list course,
                }
                prop_assert!(page < 100);
                busy.change(changes[page % changes.len()]);
            }
            unreachable!("a list that ends")
        };
        if course == Course::Over {
            let now: std::collections::HashSet<u64> =
                busy.tickets.iter().map(|(number, _)| *number).collect();
            for (number, time) in throughout {
                let is_wanted = time >= threshold && now.contains(&number);
                prop_assert!(!is_wanted || seen.contains(&number), "{} of time {}", number, time);
            }
        }
    }
}

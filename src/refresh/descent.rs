//! Going down a list sorted by resolution time, longest first, page by page, while tickets enter and
//! leave it.
//!
//! An offset proves nothing there, and neither does a count: one ticket that leaves and one that
//! enters between two pages leave the count as it was, and the ticket at the seam is on neither page.
//! What does prove that a page joins the one before is a first ticket with a longer time than the
//! last one had before: a ticket that was listed throughout and came on neither would lie behind
//! the one page and ahead of the other, and no time does both. A same time proves nothing, since tickets
//! of one time come in any order. So each page reaches back to the last ticket that is above the
//! end of the page before, and is asked for again further back where it does not.

use super::PAGE;

/// By how many tickets a page reaches back at rest: the last one, and the one above it.
pub(super) const OVERLAP: usize = 2;

/// Pages beyond those that the API's count takes, after which a list is broken off: what changes
/// meanwhile makes a list longer, and an API that never ends one is not to be followed.
const MOST_EXTRA_PAGES: u64 = 10;

/// The same as a multiple of them, since ties make pages reach back further.
const MOST_PER_PAGE: u64 = 3;

/// Pages of tickets without a time that are gone past.
const MOST_TIMELESS_PAGES: u32 = 10;

/// How often a page that does not join the one before is asked for further back.
const MOST_STEPS_BACK: u32 = 4;

/// How far the first time, in tickets; twice as far each time after that.
const STEP_BACK: u32 = 50;

/// Pages that show the first `listed` tickets of a list and the one after them, at rest.
pub(super) fn pages(listed: usize) -> usize {
    let further = (listed + 1).saturating_sub(PAGE);
    1 + further.div_ceil(PAGE - OVERLAP)
}

/// The resolution time of a ticket on a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Time {
    /// So many milliseconds.
    Ms(i64),
    /// It has none: such tickets come before all others, or after them.
    None,
    /// It has one that cannot be read, so that nobody knows why it stands where it does.
    Unread,
}

/// One page of the list.
#[derive(Debug, Clone, Copy)]
pub struct Stretch<'a> {
    /// Where it was asked to begin.
    pub skip: u32,
    /// Tickets in the whole list, as it says.
    pub count: Option<u64>,
    /// The times of its tickets, in the order they came.
    pub times: &'a [Time],
}

/// What comes after a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Course {
    /// The page that begins here.
    Next(u32),
    /// Nothing: all that was listed throughout has come, down to the threshold.
    Over,
    /// Nothing: more tickets have this time than a page holds, and their order may change.
    Crowded(i64),
    /// Nothing: page after page does not join the one before.
    Torn,
    /// Nothing: tickets without a time come before all others, and too many of them.
    Timeless,
    /// Nothing: the list is longer than its count ever said.
    Endless,
}

/// Where a ticket stands, by its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    /// Without a time, after all others.
    Foot,
    At(i64),
    /// Without a time, before all others.
    Head,
}

/// A list on the way down.
#[derive(Debug, Clone)]
pub struct Descent {
    /// The shortest time that matters.
    threshold_ms: i64,
    /// Pages that were planned.
    planned: usize,
    /// All that was listed throughout above this has come.
    shown: Option<Level>,
    /// The last count, and the highest and the lowest one. The lowest may be that of a copy which lacks
    /// tickets, or of an answer that is empty by mistake.
    last: Option<u64>,
    most: u64,
    least: Option<u64>,
    pages: u64,
    /// The longest page.
    longest: usize,
    /// Pages on which no ticket had a time.
    timeless: u32,
    /// How often the page over the present seam has been asked for further back.
    steps_back: u32,
}

impl Descent {
    /// A list of which everything from `threshold_ms` on is to be seen, planned to take so many pages.
    pub fn new(threshold_ms: i64, planned: usize) -> Self {
        Self {
            threshold_ms,
            planned,
            shown: None,
            last: None,
            most: 0,
            least: None,
            pages: 0,
            longest: 1,
            timeless: 0,
            steps_back: 0,
        }
    }

    /// The lowest count of any page.
    pub fn least(&self) -> Option<u64> {
        self.least
    }

    /// Takes a page, and says what comes next.
    pub fn take(&mut self, page: Stretch<'_>) -> Course {
        let drop = self.note(page);
        let levels = self.levels(page.times);
        let first = levels.iter().flatten().next().copied();
        let last = levels.iter().flatten().last().copied();
        if !self.is_joined(page, first) {
            return self.step_back(page.skip, drop);
        }
        let received = u64::from(page.skip) + u64::try_from(page.times.len()).unwrap_or(u64::MAX);
        let is_end = match page.count {
            Some(count) => received >= count,
            // Nothing but what it reaches back to.
            None => last == self.shown && page.times.len() < self.longest,
        };
        let is_past = match last {
            Some(Level::At(time)) => time < self.threshold_ms,
            Some(Level::Foot) => true,
            Some(Level::Head) | None => false,
        };
        if is_end || is_past {
            return Course::Over;
        }
        if self.timeless > MOST_TIMELESS_PAGES {
            return Course::Timeless;
        }
        if self.is_endless() {
            return Course::Endless;
        }
        self.go_on(page.skip, &levels, last)
    }

    /// Takes its counts; gives back by how much the count fell.
    fn note(&mut self, page: Stretch<'_>) -> u64 {
        let count = page.count.unwrap_or(0);
        let before = self.last.replace(count).unwrap_or(count);
        self.most = self.most.max(count);
        self.least = Some(self.least.map_or(count, |least| least.min(count)));
        self.pages += 1;
        self.longest = self.longest.max(page.times.len());
        let is_timeless = !page.times.iter().any(|time| matches!(time, Time::Ms(_)));
        self.timeless += u32::from(is_timeless);
        before.saturating_sub(count)
    }

    /// Where the tickets of a page stand; `None` where nobody knows.
    fn levels(&self, times: &[Time]) -> Vec<Option<Level>> {
        let first = times.iter().position(|time| matches!(time, Time::Ms(_)));
        let has_times = matches!(self.shown, Some(Level::At(_) | Level::Foot));
        let times = times.iter().enumerate();
        times
            .map(|(place, time)| match time {
                Time::Ms(time) => Some(Level::At(*time)),
                Time::Unread => None,
                Time::None => Some(match first {
                    Some(first) if place > first => Level::Foot,
                    None if has_times => Level::Foot,
                    _ => Level::Head,
                }),
            })
            .collect()
    }

    /// Whether nothing can have slipped through between this page and those before it. Tickets without
    /// a time are not what the list is read for, so that those need not join each other.
    fn is_joined(&self, page: Stretch<'_>, first: Option<Level>) -> bool {
        if page.skip == 0 {
            let is_empty = page.times.is_empty() && page.count.is_some_and(|count| count > 0);
            return !is_empty;
        }
        match (self.shown, first) {
            (Some(Level::Head), Some(Level::Head)) => true,
            (Some(shown), Some(first)) => first > shown,
            _ => false,
        }
    }

    fn step_back(&mut self, skip: u32, drop: u64) -> Course {
        if self.is_endless() {
            return Course::Endless;
        }
        if self.steps_back >= MOST_STEPS_BACK {
            return Course::Torn;
        }
        let drop = u32::try_from(drop).unwrap_or(u32::MAX);
        let step = (STEP_BACK << self.steps_back).saturating_add(drop);
        self.steps_back += 1;
        Course::Next(skip.saturating_sub(step))
    }

    /// The next page begins with the last ticket that is above the end of all that has come.
    fn go_on(&mut self, skip: u32, levels: &[Option<Level>], last: Option<Level>) -> Course {
        let shown = match (self.shown, last) {
            (Some(shown), Some(last)) => shown.min(last),
            (shown, last) => match shown.or(last) {
                Some(level) => level,
                // Not a single time can be read.
                None => return Course::Torn,
            },
        };
        // Only what brings the list further down has got over the seam.
        if self.shown.replace(shown) != Some(shown) {
            self.steps_back = 0;
        }
        let is_above = |level: &Option<Level>| match shown {
            Level::Head => true,
            _ => level.is_some_and(|level| level > shown),
        };
        let place = levels.iter().rposition(is_above).unwrap_or(0);
        match (place, shown) {
            // Too short a page to reach back on.
            (0, Level::At(_)) if levels.len() <= OVERLAP => Course::Torn,
            (0, Level::At(time)) => Course::Crowded(time),
            (0, _) => Course::Next(skip.saturating_add(1)),
            _ => Course::Next(skip.saturating_add(u32::try_from(place).unwrap_or(u32::MAX))),
        }
    }

    fn is_endless(&self) -> bool {
        let planned = u64::try_from(self.planned).unwrap_or(u64::MAX);
        let longest = u64::try_from(self.longest).unwrap_or(u64::MAX);
        let told = self.most.div_ceil(longest);
        let most = planned.max(told).saturating_mul(MOST_PER_PAGE);
        self.pages > most.saturating_add(MOST_EXTRA_PAGES)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::rngs::StdRng;
    use rand::seq::SliceRandom;
    use rand::{RngExt, SeedableRng};

    use super::*;

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
                Course::Crowded(500),
            ),
            ("all tied", tied(&[], 500, 100, &[]), Course::Crowded(500)),
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
}

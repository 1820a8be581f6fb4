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

use crate::mava::PAGE;

/// By how many tickets a page reaches back at rest: the last one, and the one above it.
pub(super) const OVERLAP: usize = 2;

/// Pages beyond those that the API's count takes, after which a list is broken off: what changes
/// meanwhile makes a list longer, and an API that never ends one is not to be followed.
const MOST_EXTRA_PAGES: u64 = 10;

/// Pages at most as a multiple of those planned, since ties make pages reach back further.
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
    Tied(i64),
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

    /// Whether every page had this count.
    pub fn is_always(&self, count: u64) -> bool {
        self.least == Some(count) && self.most == count
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
            (0, Level::At(time)) => Course::Tied(time),
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

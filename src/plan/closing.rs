//! What the count at the end of a window means, and what is compared where it does not settle it:
//! pure.

use std::collections::BTreeSet;

use super::verify::cut;
use crate::table::Instant;
use crate::window::Window;

/// Stored tickets of a block that is read in full: a page holds them and a few that are new.
pub const BLOCK: u64 = 90;

/// Rounds of counting and comparing after which a window ends as it is.
pub const ROUNDS: u32 = 4;

/// The round from which on a count is believed that is lower than one before it.
const CALM: u32 = 3;

/// Parts that may stay unproven before the rest of a window is left to the next round.
pub const MOST_UNPROVEN: usize = 4;

/// A ticket that the API should count: one that is stored, or that came and could not be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct HeldTicket {
    /// Its creation in milliseconds since 1970.
    pub created_ms: i64,
    /// Its id, or what stands in for it.
    pub id: String,
    /// Whether it has no row.
    pub is_rejected: bool,
}

/// The tickets of a window that the API should count.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Held {
    /// By creation.
    tickets: BTreeSet<HeldTicket>,
    /// Those that did not come, and are looked for otherwise.
    aside: BTreeSet<HeldTicket>,
}

impl Held {
    /// These tickets, in any order.
    pub fn new(tickets: impl IntoIterator<Item = HeldTicket>) -> Self {
        Self {
            tickets: tickets.into_iter().collect(),
            aside: BTreeSet::new(),
        }
    }

    /// Those created in `window` that are not set aside, by creation.
    pub fn within(&self, window: Window) -> impl Iterator<Item = &HeldTicket> {
        self.range(window)
            .filter(|ticket| !self.aside.contains(ticket))
    }

    /// How many those are.
    pub fn count(&self, window: Window) -> u64 {
        u64::try_from(self.within(window).count()).unwrap_or(u64::MAX)
    }

    /// Adds a ticket that came.
    pub fn add(&mut self, ticket: HeldTicket) {
        self.aside.remove(&ticket);
        self.tickets.insert(ticket);
    }

    /// Counts a ticket no more.
    pub fn set_aside(&mut self, ticket: HeldTicket) {
        self.aside.insert(ticket);
    }

    /// The window in blocks of at most [`BLOCK`] tickets, more only where one millisecond holds
    /// more. One block where nothing is held.
    pub fn blocks(&self, window: Window) -> Vec<Window> {
        let most = usize::try_from(BLOCK).unwrap_or(usize::MAX);
        let tickets: Vec<&HeldTicket> = self.range(window).collect();
        let mut blocks = Vec::new();
        let (mut from, mut first) = (window.from(), 0);
        while let Some(next) = tickets.get(first + most) {
            // The last millisecond of the block goes to the next one, unless it is all of it.
            let at = next.created_ms;
            let start = tickets.partition_point(|ticket| ticket.created_ms < at);
            let (edge_ms, second) = match start > first {
                true => (at, start),
                false => (
                    at + 1,
                    tickets.partition_point(|ticket| ticket.created_ms <= at),
                ),
            };
            let block = Instant::from_timestamp_millis(edge_ms)
                .and_then(|edge| Some((edge, Window::new(from, edge)?)));
            let Some((edge, block)) = block else {
                break;
            };
            blocks.push(block);
            (from, first) = (edge, second);
        }
        blocks.extend(Window::new(from, window.until()));
        blocks
    }

    /// What to do about a part of which the API counts so many.
    pub fn next(&self, part: Window, counted: u64) -> Next {
        let held = self.count(part);
        if held == counted {
            return Next::Settled;
        }
        // Where most of it is missing, reading costs less than locating.
        if held.max(counted) <= BLOCK || held.saturating_mul(2) < counted {
            return Next::Read;
        }
        let middle = held / 2;
        let middle = usize::try_from(middle).unwrap_or(usize::MAX);
        let middle = self.within(part).nth(middle);
        let middle = middle.and_then(|ticket| Instant::from_timestamp_millis(ticket.created_ms));
        match cut(part, middle) {
            Some((older, newer)) => Next::Halve(older, newer),
            None => Next::Read,
        }
    }

    fn range(&self, window: Window) -> impl Iterator<Item = &HeldTicket> {
        let edge = |at: Instant| HeldTicket {
            created_ms: at.timestamp_millis(),
            id: String::new(),
            is_rejected: false,
        };
        self.tickets
            .range(edge(window.from())..edge(window.until()))
    }
}

/// What to do about a part of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Nothing: both sides count the same.
    Settled,
    /// Read it in full and compare it by id.
    Read,
    /// Count these two, each by itself.
    Halve(Window, Window),
}

/// Whether two windows share time.
pub fn overlap(one: Window, other: Window) -> bool {
    one.from() < other.until() && other.from() < one.until()
}

/// What a round found of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Round {
    /// Which it is, from 1 on.
    pub number: u32,
    /// What the API counted, where it could be had.
    pub counted: Option<u64>,
    /// The most that it counted, in this round or one before.
    pub most: u64,
    /// What is held after the round: what was flagged is not, what was left to the next run is not,
    /// a ticket that came twice is held twice.
    pub held: u64,
    /// Parts that are not proven.
    pub unproven: usize,
}

/// What becomes of a window after a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is complete.
    Settled,
    /// It is counted again.
    Again,
    /// It ends without proof.
    Unsettled,
}

impl Round {
    /// A window is settled by equal counts and nothing left to prove. The desk may move on between
    /// the count and what is read after it: in the last round, everything compared by id will do. Where more was
    /// counted before, the lower count has to stay, since an outage may have been between.
    pub fn verdict(&self) -> Verdict {
        let is_last = self.number >= ROUNDS;
        let has_fallen = self.most > self.held && self.number < CALM;
        let is_equal = self.counted == Some(self.held) && !has_fallen;
        match (self.unproven, self.counted) {
            (0, Some(_)) if is_equal || is_last => Verdict::Settled,
            _ if is_last => Verdict::Unsettled,
            _ => Verdict::Again,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(from_ms: i64, until_ms: i64) -> Window {
        Window::from_millis(from_ms, until_ms).expect("not empty")
    }

    /// Tickets created at these milliseconds.
    fn held(created_ms: impl IntoIterator<Item = i64>) -> Held {
        let tickets = created_ms.into_iter().enumerate();
        Held::new(tickets.map(|(number, created_ms)| HeldTicket {
            created_ms,
            id: format!("{number:04}"),
            is_rejected: false,
        }))
    }

    #[test]
    fn a_part_is_settled_read_or_halved_by_what_both_sides_count() {
        let all = window(0, 1_000);
        for (stored, counted, expected) in [
            (0, 0, Next::Settled),
            (500, 500, Next::Settled),
            (0, 1, Next::Read),
            (90, 89, Next::Read),
            (89, 90, Next::Read),
            // Most is missing.
            (100, 950, Next::Read),
            (0, 30_000, Next::Read),
            (500, 499, Next::Halve(window(0, 250), window(250, 1_000))),
            (500, 0, Next::Halve(window(0, 250), window(250, 1_000))),
            (500, 1_000, Next::Halve(window(0, 250), window(250, 1_000))),
        ] {
            let next = held(0..stored).next(all, counted);
            assert_eq!(next, expected, "{counted} of {stored}");
        }
        // A single millisecond cannot be cut.
        assert_eq!(held([5; 200]).next(window(5, 6), 201), Next::Read);
        assert_eq!(
            held([0; 200]).next(all, 201),
            Next::Halve(window(0, 1), window(1, 1_000))
        );
    }

    #[test]
    fn what_is_set_aside_is_held_no_more_and_what_comes_is() {
        let mut held = held([1, 2, 3]);
        let second = HeldTicket {
            created_ms: 2,
            id: "0001".to_owned(),
            is_rejected: false,
        };
        held.set_aside(second.clone());
        assert_eq!(held.count(window(0, 10)), 2);
        // Another of the same id is another.
        held.add(HeldTicket {
            created_ms: 20,
            is_rejected: true,
            ..second
        });
        assert_eq!(held.count(window(0, 30)), 3);
        held.add(HeldTicket {
            created_ms: 2,
            id: "new".to_owned(),
            is_rejected: false,
        });
        let ids: Vec<&str> = held
            .within(window(0, 10))
            .map(|ticket| ticket.id.as_str())
            .collect();
        assert_eq!(ids, ["0000", "new", "0002"]);
    }

    #[test]
    fn blocks_cover_a_window_and_part_no_millisecond() {
        let of = |held: Held| -> Vec<(i64, i64, u64)> {
            let blocks = held.blocks(window(0, 1_000)).into_iter();
            blocks
                .map(|block| {
                    let (from, until) = (block.from(), block.until());
                    let count = held.count(block);
                    (from.timestamp_millis(), until.timestamp_millis(), count)
                })
                .collect()
        };
        assert_eq!(of(held([])), [(0, 1_000, 0)]);
        assert_eq!(of(held(0..90)), [(0, 1_000, 90)]);
        assert_eq!(
            of(held(0..200)),
            [(0, 90, 90), (90, 180, 90), (180, 1_000, 20)]
        );
        assert_eq!(of(held([7; 300])), [(0, 8, 300), (8, 1_000, 0)]);
        assert_eq!(
            of(held([7; 300].into_iter().chain(8..108))),
            [(0, 8, 300), (8, 98, 90), (98, 1_000, 10)]
        );
        let crowd = (0..50).chain([50; 300]).chain(51..60);
        assert_eq!(
            of(held(crowd)),
            [(0, 50, 50), (50, 51, 300), (51, 1_000, 9)]
        );
    }

    #[test]
    fn windows_that_only_touch_share_no_time() {
        for (other, expected) in [
            ((0, 9), false),
            ((0, 10), false),
            ((0, 11), true),
            ((12, 15), true),
            ((10, 20), true),
            ((5, 25), true),
            ((19, 30), true),
            ((20, 30), false),
            ((21, 30), false),
        ] {
            let (one, other) = (window(10, 20), window(other.0, other.1));
            assert_eq!(overlap(one, other), expected, "{other}");
            assert_eq!(overlap(other, one), expected, "{other}");
        }
    }

    #[test]
    fn a_window_is_settled_by_equal_counts_and_by_comparison_only_in_the_last_round() {
        let round = |number, counted: Option<u64>, held, unproven| {
            Round {
                number,
                counted,
                most: counted.unwrap_or(0),
                held,
                unproven,
            }
            .verdict()
        };
        assert_eq!(round(1, Some(5), 5, 0), Verdict::Settled);
        assert_eq!(round(1, Some(5), 5, 1), Verdict::Again);
        assert_eq!(round(1, Some(5), 4, 0), Verdict::Again);
        assert_eq!(round(1, None, 4, 0), Verdict::Again);
        assert_eq!(round(4, Some(5), 4, 0), Verdict::Settled);
        assert_eq!(round(4, None, 4, 0), Verdict::Unsettled);
        assert_eq!(round(4, Some(4), 4, 1), Verdict::Unsettled);
    }

    #[test]
    fn a_count_that_is_lower_than_one_before_it_has_to_stay() {
        let round = |number, counted, most, unproven| {
            Round {
                number,
                counted,
                most,
                held: 4,
                unproven,
            }
            .verdict()
        };
        assert_eq!(round(1, Some(4), 5, 0), Verdict::Again);
        assert_eq!(round(2, Some(4), 5, 0), Verdict::Again);
        assert_eq!(round(3, Some(4), 5, 0), Verdict::Settled);
        assert_eq!(round(3, Some(4), 5, 1), Verdict::Again);
        assert_eq!(round(4, Some(4), 5, 0), Verdict::Settled);
        // What grew is no outage.
        assert_eq!(round(1, Some(4), 4, 0), Verdict::Settled);
        assert_eq!(round(1, Some(4), 3, 0), Verdict::Settled);
    }
}

//! Pages worth reading again: blocks of neighbours by what is expected to have changed in them, and
//! the floor under how long any ticket goes unread.

use super::index::Index;
use super::{DAY_MS, PAGE, real};

/// What reading one ticket again is worth.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Worth {
    /// Changes expected.
    pub expected: f64,
}

/// Neighbours that one page shows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Block {
    /// Places in the index: the first.
    pub first: usize,
    /// One past the last.
    pub end: usize,
    /// Creation of the first.
    pub from_ms: i64,
    /// Creation of the last and one millisecond.
    pub until_ms: i64,
    /// Tickets expected to have changed.
    pub value: f64,
}

/// Cuts the tickets created in `[from_ms, until_ms)` into blocks of a page, and values each by
/// `worth`, the probability-like expectation of each ticket, at its place.
pub fn blocks(
    index: &Index,
    from_ms: i64,
    until_ms: i64,
    worth: impl Fn(usize) -> Worth,
) -> Vec<Block> {
    let (first, end) = (index.place(from_ms), index.place(until_ms));
    let mut blocks = Vec::new();
    let mut start = first;
    while start < end {
        let block = block_at(index, start, end, &worth);
        start = block.end.max(start + 1);
        blocks.push(block);
    }
    blocks
}

/// The block that starts at a place: a page of live tickets. It ends between two instants, so that
/// the page which ends with it shows all of it; tickets of one instant that are more than a page
/// are a block of their own.
fn block_at(index: &Index, first: usize, limit: usize, worth: impl Fn(usize) -> Worth) -> Block {
    let mut block = Block {
        first,
        end: first,
        from_ms: 0,
        until_ms: 0,
        value: 0.0,
    };
    let mut live = 0;
    // Where the tickets of the last instant begin, and what was there before them.
    let mut instant = block;
    let tickets = index.tickets().get(first..limit).unwrap_or_default();
    for (place, known) in (first..).zip(tickets) {
        let is_next = place > first && known.created_ms >= block.until_ms;
        if is_next {
            instant = block;
        }
        if !known.is_gone {
            if live >= PAGE {
                if is_next {
                    break;
                }
                if instant.end > first {
                    return instant;
                }
            }
            live += 1;
            if !known.is_met {
                block.value += 1.0 - (-worth(place).expected).exp();
            }
        }
        if place == first {
            block.from_ms = known.created_ms;
        }
        block.end = place + 1;
        block.until_ms = known.created_ms + 1;
    }
    block
}

/// The floor: every ticket is read again within a time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Floor {
    /// Within so many milliseconds.
    pub within_ms: i64,
    /// Now.
    pub now_ms: i64,
    /// Since the last sync, in milliseconds: what a night's share is reckoned by.
    pub elapsed_ms: i64,
    /// Pages of tonight's share that have been read already.
    pub read: usize,
}

impl Floor {
    /// Blocks of the least recently read tickets created in `[from_ms, until_ms)`: those that would
    /// be too old by the night after next, and at least a night's share of all. Neighbours are
    /// taken in order, so that no gap narrower than a page is left between two blocks.
    /// `edges` are instants that no block spans: where the windows of requests begin, in any order.
    pub fn blocks(&self, index: &Index, from_ms: i64, until_ms: i64, edges: &[i64]) -> Vec<Block> {
        let (first, end) = (index.place(from_ms), index.place(until_ms));
        let tickets = index.tickets().get(first..end).unwrap_or_default();
        let nights =
            real(usize::try_from(self.within_ms / self.elapsed_ms.max(DAY_MS / 24)).unwrap_or(1));
        let share = (real(tickets.len()) / real(PAGE) / nights.max(1.0)).ceil() - real(self.read);
        let due_ms = self.now_ms - self.within_ms + self.elapsed_ms.max(DAY_MS) * 2;
        let mut order: Vec<usize> = (first..)
            .zip(tickets)
            .filter(|(_, known)| !known.is_met && !known.is_gone)
            .map(|(place, _)| place)
            .collect();
        // By the day it was read, then by creation: one run's reads are one age.
        order.sort_by_key(|place| {
            let known = index.tickets().get(*place);
            (
                known.map(|known| known.verified_ms.div_euclid(DAY_MS)),
                *place,
            )
        });
        let mut taken = vec![false; tickets.len()];
        let mut blocks = Vec::new();
        for place in order {
            let is_taken = taken.get(place - first).copied().unwrap_or(true);
            let verified_ms = index.tickets().get(place).map(|known| known.verified_ms);
            let is_due = verified_ms.is_some_and(|verified| verified < due_ms);
            if is_taken {
                continue;
            }
            if real(blocks.len()) >= share && !is_due {
                break;
            }
            let created_ms = index
                .tickets()
                .get(place)
                .map_or(0, |known| known.created_ms);
            let later = edges.iter().copied().filter(|edge| *edge > created_ms);
            let limit = later.min().map_or(end, |edge| index.place(edge).min(end));
            let block = block_at(index, place, limit, |_| Worth::default());
            let range = block.first - first..block.end - first;
            for slot in taken.get_mut(range).unwrap_or_default() {
                *slot = true;
            }
            blocks.push(block);
        }
        blocks
    }
}

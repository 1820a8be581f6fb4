//! Pages to be read again: blocks of neighbours by what is expected to have changed in them, and by how
//! long they have gone unread.

use super::DAY_MS;
use super::index::{Index, Known};
use crate::mava::PAGE;

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

/// The block that starts at a place: a page of live tickets. Those of one millisecond stay
/// together, since no window parts them, even where they are more than a page.
fn block_at(index: &Index, first: usize, limit: usize, worth: impl Fn(usize) -> Worth) -> Block {
    let tickets = index.tickets().get(first..limit).unwrap_or_default();
    let mut block = Block {
        first,
        end: first,
        from_ms: tickets.first().map_or(0, |known| known.created_ms),
        until_ms: 0,
        value: 0.0,
    };
    let mut live = 0;
    for tied in tickets.chunk_by(|one, other| one.created_ms == other.created_ms) {
        let count = tied.iter().filter(|known| !known.is_gone).count();
        if block.end > first && live + count > PAGE {
            break;
        }
        for (place, known) in (block.end..).zip(tied) {
            if !known.is_gone && !known.is_seen {
                block.value += 1.0 - (-worth(place).expected).exp();
            }
            block.until_ms = known.created_ms + 1;
        }
        live += count;
        block.end += tied.len();
    }
    block
}

/// Blocks of the least recently read tickets, those that have waited longest first, `most` of them at most.
/// Neighbours are taken in order, so that no gap narrower than a page is left between two blocks. Tickets
/// lie between the first and the last of `edges_ms` (in order), and no block over one of them.
pub fn by_age(index: &Index, edges_ms: &[i64], most: usize) -> Vec<Block> {
    let (Some(from_ms), Some(until_ms)) = (edges_ms.first(), edges_ms.last()) else {
        return Vec::new();
    };
    let (first, end) = (index.place(*from_ms), index.place(*until_ms));
    let tickets = index.tickets().get(first..end).unwrap_or_default();
    let mut order: Vec<(i64, usize, &Known)> = (first..)
        .zip(tickets)
        .filter(|(_, known)| !known.is_seen && !known.is_gone)
        .map(|(place, known)| (known.verified_ms.div_euclid(DAY_MS), place, known))
        .collect();
    // By the day it was read, then by creation: one run's reads are one age.
    order.sort_by_key(|(day, place, _)| (*day, *place));
    let mut taken = vec![false; tickets.len()];
    let mut blocks = Vec::new();
    for (_, place, known) in order {
        if blocks.len() >= most {
            break;
        }
        if taken.get(place - first).copied().unwrap_or(true) {
            continue;
        }
        // From the first of its millisecond to the end of its window.
        let start = index.place(known.created_ms);
        let edge = edges_ms.partition_point(|edge| *edge <= known.created_ms);
        let limit = edges_ms.get(edge).map_or(end, |edge| index.place(*edge));
        let block = block_at(index, start, limit, |_| Worth::default());
        let range = block.first - first..block.end - first;
        for slot in taken.get_mut(range).unwrap_or_default() {
            *slot = true;
        }
        blocks.push(block);
    }
    blocks
}

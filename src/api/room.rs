//! The memory that answers take, shared by all requests of one client.
//!
//! Each answer asks for room as it grows, and keeps it until what it was made into is stored. One
//! that finds none waits, but never all of them: one at a time goes on without, up to the cap on its
//! size, so that those who wait for each other do not wait for ever.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What all answers together may take, in bytes, beside the one that goes on without.
const SHARED: u64 = 256 << 20;

/// Room is given in pieces of so many bytes.
const PIECE: u64 = 64 << 10;

/// What a value of a JSON text takes once it is decoded, in bytes: about as much as one in our tree and
/// one in a row.
const VALUE: u64 = 64;

/// What an object takes beyond its values, in bytes: about a row of the widest child table.
const OBJECT: u64 = 448;

/// No body weighs more than so many times its length.
pub const MOST_WEIGHT: u64 = 1 + VALUE + OBJECT;

/// About how much memory a body takes, in bytes, with all that it is made into.
pub fn weight(body: &[u8]) -> u64 {
    let count = |wanted: u8| body.iter().filter(|byte| **byte == wanted).count() as u64;
    (body.len() as u64)
        .saturating_add(VALUE.saturating_mul(count(b',')))
        .saturating_add(OBJECT.saturating_mul(count(b'{')))
}

/// Memory for answers.
#[derive(Debug, Clone)]
pub(super) struct Room {
    free: Arc<Semaphore>,
    /// The right to go on where nothing is free.
    last_resort: Arc<Semaphore>,
}

impl Default for Room {
    fn default() -> Self {
        Self::of(SHARED)
    }
}

impl Room {
    fn of(bytes: u64) -> Self {
        let pieces = usize::try_from(bytes / PIECE).unwrap_or(usize::MAX);
        Self {
            free: Arc::new(Semaphore::new(pieces.min(Semaphore::MAX_PERMITS))),
            last_resort: Arc::new(Semaphore::new(1)),
        }
    }

    /// No room yet, for one answer.
    pub(super) fn enter(&self) -> Held {
        Held {
            room: self.clone(),
            pieces: None,
            last_resort: None,
        }
    }
}

/// Room that one answer holds; given back when it is dropped.
#[derive(Debug)]
pub struct Held {
    room: Room,
    pieces: Option<OwnedSemaphorePermit>,
    last_resort: Option<OwnedSemaphorePermit>,
}

impl Held {
    /// Waits until there is room for so many bytes in all.
    pub(super) async fn grow_to(&mut self, bytes: u64) {
        if self.last_resort.is_some() {
            return;
        }
        let wanted = u32::try_from(bytes.div_ceil(PIECE)).unwrap_or(u32::MAX);
        let held = self.pieces.as_ref().map_or(0, pieces);
        let Some(more) = wanted.checked_sub(held).filter(|more| *more > 0) else {
            return;
        };
        let free = Arc::clone(&self.room.free);
        if let Ok(permit) = Arc::clone(&free).try_acquire_many_owned(more) {
            return self.add(permit);
        }
        let last_resort = Arc::clone(&self.room.last_resort);
        // Neither is ever closed.
        tokio::select! {
            biased;
            Ok(permit) = free.acquire_many_owned(more) => self.add(permit),
            Ok(permit) = last_resort.acquire_owned() => self.last_resort = Some(permit),
            else => {}
        }
    }

    fn add(&mut self, permit: OwnedSemaphorePermit) {
        match &mut self.pieces {
            Some(held) => held.merge(permit),
            None => self.pieces = Some(permit),
        }
    }
}

fn pieces(permit: &OwnedSemaphorePermit) -> u32 {
    u32::try_from(permit.num_permits()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    const MIB: u64 = 1 << 20;

    fn grows(held: &mut Held, bytes: u64) -> bool {
        held.grow_to(bytes).now_or_never().is_some()
    }

    #[test]
    fn one_goes_on_where_nothing_is_free_and_the_next_when_that_is_done() {
        let room = Room::of(4 * MIB);
        let (mut one, mut two, mut three) = (room.enter(), room.enter(), room.enter());
        assert!(grows(&mut one, 2 * MIB) && grows(&mut two, 2 * MIB));
        // It may be larger than all of the room.
        assert!(grows(&mut one, 3 * MIB) && grows(&mut one, 100 * MIB));
        assert!(!grows(&mut two, 3 * MIB) && !grows(&mut three, 1));
        drop(one);
        assert!(grows(&mut two, 4 * MIB));
        assert!(grows(&mut three, MIB), "as the one that goes on without");
        drop((two, three));
        assert!(
            grows(&mut room.enter(), 4 * MIB),
            "all of it was given back"
        );
    }

    #[test]
    fn what_is_held_is_not_asked_for_again() {
        let room = Room::of(4 * MIB);
        let mut held = room.enter();
        assert!(grows(&mut held, 4 * MIB) && grows(&mut held, MIB) && grows(&mut held, 4 * MIB));
        assert!(held.last_resort.is_none());
    }

    #[test]
    fn many_small_values_weigh_more_than_their_text() {
        let text = format!("\"{}\"", "x".repeat(1_000));
        assert_eq!(weight(text.as_bytes()), 1_002);
        let empty = format!("[{}{{}}]", "{},".repeat(999));
        assert!(weight(empty.as_bytes()) > 150 * empty.len() as u64);
    }
}

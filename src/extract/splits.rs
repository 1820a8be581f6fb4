//! What a split leaves unproven: the page before it announced how many tickets follow, and the two
//! halves each count anew.

use crate::window::Window;

/// The counts that follow the splits of an extraction.
#[derive(Debug, Default)]
pub(super) struct Splits {
    pending: Vec<Pending>,
}

/// A split whose halves have not both told their counts.
#[derive(Debug)]
struct Pending {
    /// The page before the split.
    part: Window,
    /// Tickets it announced from where the earlier half goes on.
    least: u64,
    /// The numbers of the two halves.
    halves: [i64; 2],
    counts: [Option<u64>; 2],
}

impl Splits {
    /// A slice was split into these `halves` after a page over `part` that announced `least` tickets.
    pub(super) fn add(&mut self, halves: [i64; 2], part: Window, least: u64) {
        self.pending.push(Pending {
            part,
            least,
            halves,
            counts: [None; 2],
        });
    }

    /// The first count of a slice since its split. Where both halves together hold fewer tickets than
    /// were announced, the part to be looked at again.
    pub(super) fn counted(&mut self, slice: i64, count: u64) -> Option<Window> {
        let at = self.pending.iter_mut().position(|pending| {
            let halves = pending.halves.iter().zip(&mut pending.counts);
            for (half, known) in halves {
                if *half == slice && known.is_none() {
                    *known = Some(count);
                }
            }
            pending.counts.iter().all(Option::is_some)
        })?;
        let told = self.pending.swap_remove(at);
        let sum: u64 = told.counts.iter().flatten().sum();
        (sum < told.least).then_some(told.part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_looked_at_again_where_the_halves_hold_fewer_than_announced() {
        let part = Window::from_millis(0, 9).expect("not empty");
        for (counts, expected) in [([60, 40], None), ([61, 40], None), ([60, 39], Some(part))] {
            let mut splits = Splits::default();
            splits.add([1, 2], part, 100);
            assert_eq!(splits.counted(3, 5), None);
            assert_eq!(splits.counted(2, counts[1]), None);
            // Only the first count is the split's.
            assert_eq!(splits.counted(2, 7), None);
            assert_eq!(splits.counted(1, counts[0]), expected);
            assert_eq!(splits.counted(1, 3), None);
        }
    }
}

//! The randomness that a desk is drawn from.

use chrono::Duration;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::ticket::object_id;
use crate::table::Instant;

/// Randomness and fresh ids.
pub(super) struct Source {
    pub(super) random: StdRng,
    ids: u64,
}

impl Source {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            random: StdRng::seed_from_u64(seed),
            ids: 0,
        }
    }

    /// The randomness of one of many things, which `number` tells apart. Its ids are numbered after `ids`.
    pub(super) fn apart(seed: u64, number: u64, ids: u64) -> Self {
        // Neighbours must not have neighbouring seeds.
        let mixed = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15)
            ^ number.wrapping_add(1).wrapping_mul(0xd6e8_feb8_6659_fd93);
        Self {
            ids,
            ..Self::new(mixed)
        }
    }

    pub(super) fn id(&mut self, created_at: Instant) -> String {
        self.ids += 1;
        let machine: u64 = self.random.random_range(0..1 << 24);
        object_id(created_at, (machine << 40) | self.ids)
    }

    pub(super) fn chance(&mut self, probability: f64) -> bool {
        self.random.random_bool(probability)
    }
}

/// A duration of so many milliseconds, of ten years at most.
pub(super) fn milliseconds(value: f64) -> Duration {
    const TEN_YEARS_MS: f64 = 315_360_000_000.0;
    Duration::milliseconds(whole(value.clamp(0.0, TEN_YEARS_MS)))
}

/// The whole part.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the fraction is meant to go, and a float beyond the range saturates"
)]
pub(super) fn whole(value: f64) -> i64 {
    value as i64
}

//! Our clock and the server's, and whether the two are near enough to each other.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use super::retry;
use crate::clock::{self, Clock};
use crate::settings::Connection;
use crate::table;

/// Our clock, and what is known of the server's.
#[derive(Debug)]
pub(super) struct Clocks {
    pub(super) ours: Clock,
    /// How far from ours the server's clock is believed.
    tolerance: Duration,
    /// Whether it was told that the server's clock is not believed.
    has_doubted: AtomicBool,
    /// See [`behind`](Self::behind).
    behind_ms: AtomicU64,
}

impl Clocks {
    /// The clocks of a client that has met no server yet.
    pub(super) fn of(connection: &Connection) -> Self {
        Self {
            ours: connection.clock,
            tolerance: connection.clock_tolerance,
            has_doubted: AtomicBool::new(false),
            behind_ms: AtomicU64::new(0),
        }
    }

    /// Whether the server's clock is near enough to ours to go by; says once where it is not.
    pub(super) fn believe(&self, server_time: table::Instant) -> bool {
        if !clock::is_possible(server_time) {
            if !self.has_doubted.swap(true, Ordering::Relaxed) {
                tracing::warn!(
                    server_time = %table::instant_text(server_time),
                    "the API's clock cannot be right; this machine's is taken"
                );
            }
            return false;
        }
        let ours = SystemTime::from(self.ours.reading());
        let server = SystemTime::from(server_time);
        let distance = retry::distance(server, ours);
        if distance <= self.tolerance {
            return true;
        }
        if server < ours {
            let behind_ms = u64::try_from(distance.as_millis()).unwrap_or(u64::MAX);
            self.behind_ms.fetch_max(behind_ms, Ordering::Relaxed);
        }
        if !self.has_doubted.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                server_time = %table::instant_text(server_time),
                "the API's clock and this machine's are {} s apart; this machine's is taken: check both",
                distance.as_secs()
            );
        }
        false
    }

    /// How far the server's clock was behind ours at most, where that is too far to go by it.
    pub(super) fn behind(&self) -> Duration {
        Duration::from_millis(self.behind_ms.load(Ordering::Relaxed))
    }
}

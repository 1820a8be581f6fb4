//! What one process knows of the budget by itself: its requests, its pauses, and what it has told.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::pause::{Pause, instant_words, time_words};
use super::{Ledger, Limit, Request};
use crate::error::Error;

/// How long another process may hold the ledger at a stretch. It is held for milliseconds at a time.
pub(super) const LONGEST_HOLD: Duration = Duration::from_secs(10);

/// The swiftest of so many answers tells how long a request takes at the least: more than the lanes
/// that a run has, so that not all of them are of connections that had to be made.
const ANSWERS_REMEMBERED: usize = 64;

/// A wait that nobody expects is told from this length on.
pub(super) const WORTH_TELLING: Duration = Duration::from_secs(1);

/// A pause that this process met, on the monotonic clock.
#[derive(Debug, Clone, Copy)]
pub(super) struct OwnPause {
    pub(super) until: Instant,
    pub(super) asked_until: Instant,
}

/// A stretch of time in which another process held the ledger whenever the gate looked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hold {
    pub(super) since: Instant,
    pub(super) last_seen: Instant,
    pub(super) is_told: bool,
}

/// What the process knows by itself.
#[derive(Debug)]
pub(super) struct State {
    pub(super) ledger: Option<Ledger>,
    /// Our own requests on the monotonic clock, in milliseconds since the gate was made, with their
    /// numbers: they hold the limit when the wall clock jumps, and alone where there is no ledger.
    pub(super) requests: Vec<(u64, Request)>,
    pub(super) next_number: u64,
    /// How long the last answers took, in milliseconds.
    pub(super) latencies_ms: VecDeque<i64>,
    pub(super) own_pause: Option<OwnPause>,
    /// The end of a closure that the ledger told of when the gate last looked.
    pub(super) ledger_closed_until: Option<Instant>,
    /// When the first in line expects to pass, if it has to wait.
    pub(super) opens_at: Option<Instant>,
    pub(super) last_closed: Option<Instant>,
    pub(super) closures_in_a_row: u32,
    /// How long another process has held the ledger, if it did when the gate last looked.
    pub(super) hold: Option<Hold>,
    /// The end of another process's pause that was told, by the wall clock.
    pub(super) told_pause_ms: Option<i64>,
    /// Whether a wait for the limit was told, or a request passed.
    pub(super) has_told_limit: bool,
}

impl State {
    /// The swiftest of the last answers, in milliseconds; 0 before so many that it says something.
    pub(super) fn swiftest_ms(&self) -> i64 {
        if self.latencies_ms.len() < ANSWERS_REMEMBERED {
            return 0;
        }
        self.latencies_ms.iter().copied().min().unwrap_or(0)
    }

    /// Notes how long a request took that was answered well.
    pub(super) fn remember(&mut self, latency_ms: i64) {
        if self.latencies_ms.len() == ANSWERS_REMEMBERED {
            self.latencies_ms.pop_front();
        }
        self.latencies_ms.push_back(latency_ms);
    }

    /// When each of our own requests within the span of the limit counts; those before are forgotten.
    pub(super) fn counted(&mut self, limit: Limit, now_ms: i64) -> Vec<i64> {
        let swiftest_ms = self.swiftest_ms();
        let counts = |request: &Request| limit.counts_at(request, swiftest_ms, now_ms);
        self.requests
            .retain(|(_, request)| counts(request) > now_ms.saturating_sub(limit.span_ms));
        let mut own: Vec<i64> = self.requests.iter().map(|(_, own)| counts(own)).collect();
        own.sort_unstable();
        own
    }

    /// Counts a request that is sent now. Gives its number.
    pub(super) fn enter(&mut self, now_ms: i64) -> u64 {
        self.has_told_limit = true;
        let number = self.next_number;
        self.next_number += 1;
        let request = Request {
            sent_ms: now_ms,
            answered_ms: None,
        };
        self.requests.push((number, request));
        number
    }

    /// Says once that earlier requests make this one wait.
    pub(super) fn tell_limit(&mut self, wait: Duration) {
        if wait > WORTH_TELLING && !self.has_told_limit {
            self.has_told_limit = true;
            tracing::info!(
                "earlier requests with this key have used up the limit: waiting {}",
                time_words(wait)
            );
        }
    }

    /// Says once of each pause that the API asked for it.
    pub(super) fn tell_pause(&mut self, pause: Pause, wait: Duration) {
        if wait > WORTH_TELLING && self.told_pause_ms != Some(pause.until_ms) {
            self.told_pause_ms = Some(pause.until_ms);
            tracing::warn!(
                "the API asked for a pause until {}: waiting {}",
                instant_words(pause.until_ms),
                time_words(wait)
            );
        }
    }

    pub(super) fn settle(&mut self, number: Option<u64>, now_ms: i64) {
        if let Some(number) = number
            && let Some((_, request)) = self.requests.iter_mut().find(|(own, _)| *own == number)
        {
            request.answered_ms = Some(now_ms);
        }
    }

    /// Notes that another process holds the ledger. An error where that lasts too long.
    pub(super) fn held(&mut self, now: Instant) -> Result<(), Error> {
        let Some(ledger) = &self.ledger else {
            return Ok(());
        };
        let mut hold = self
            .hold
            .filter(|hold| now.saturating_duration_since(hold.last_seen) < WORTH_TELLING)
            .unwrap_or(Hold {
                since: now,
                last_seen: now,
                is_told: false,
            });
        hold.last_seen = now;
        let time = now.saturating_duration_since(hold.since);
        if time > LONGEST_HOLD {
            return Err(ledger.held_for(time));
        }
        if time > WORTH_TELLING && !hold.is_told {
            tracing::warn!("another process holds the budget ledger: waiting for it");
            hold.is_told = true;
        }
        self.hold = Some(hold);
        Ok(())
    }
}

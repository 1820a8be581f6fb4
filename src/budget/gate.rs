//! The gate that every request passes before it is sent.
#![expect(
    clippy::disallowed_methods,
    reason = "the gate is an edge: processes can only share the wall clock"
)]

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::Utc;
use tokio::time::Instant;

use super::ledger::Entry;
use super::{Ledger, Limit, millis, penalty};
use crate::error::Result;

/// How long to wait for another process to let go of the ledger before asking again.
const HELD_FILE_PAUSE: Duration = Duration::from_millis(3);

/// The right to send one request now.
#[derive(Debug, Clone, Copy)]
pub struct Pass {
    at: Instant,
}

/// Lets requests through, in the order they ask, as the budget allows.
#[derive(Debug)]
pub struct Gate {
    limit: Option<Limit>,
    /// Who waits for a pass; the first in line holds it while it sleeps.
    line: tokio::sync::Mutex<()>,
    /// Never held across an await.
    state: Mutex<State>,
    used: AtomicU32,
}

#[derive(Debug)]
struct State {
    ledger: Option<Ledger>,
    /// Our own sends on the monotonic clock: they hold the limit when the wall clock jumps, and
    /// alone where there is no ledger.
    sends: VecDeque<Instant>,
    closed_until: Option<Instant>,
    /// When the first in line expects to pass, if it has to wait.
    opens_at: Option<Instant>,
    last_closed: Option<Instant>,
    closures_in_a_row: u32,
}

/// What the first in line does next.
enum Turn {
    Pass(Pass),
    Wait(Duration),
}

impl Gate {
    /// A gate for `limit` (`None`: always open but for 429s), shared through `ledger` where there
    /// is one.
    pub fn new(limit: Option<Limit>, ledger: Option<Ledger>) -> Self {
        Self {
            limit,
            line: tokio::sync::Mutex::new(()),
            state: Mutex::new(State {
                ledger,
                sends: VecDeque::new(),
                closed_until: None,
                opens_at: None,
                last_closed: None,
                closures_in_a_row: 0,
            }),
            used: AtomicU32::new(0),
        }
    }

    /// What it holds to.
    pub fn limit(&self) -> Option<Limit> {
        self.limit
    }

    /// Sends, by everyone on the ledger, in the period that ended when the gate last looked.
    pub fn used(&self) -> u32 {
        self.used.load(Ordering::Relaxed)
    }

    /// How long the first in line still expects to wait, if anybody waits.
    pub fn opens_in(&self) -> Option<Duration> {
        let opens_at = self.state().opens_at?;
        opens_at.checked_duration_since(Instant::now())
    }

    /// Why nothing is sent just now, in words for people, if that takes a second or more.
    pub fn waiting(&self) -> Option<String> {
        let whole = |left: Duration| left.as_secs() + 1;
        if let Some(left) = self.closed_for() {
            return Some(format!("the API asked for a pause: {} s left", whole(left)));
        }
        let left = self.opens_in().filter(|left| left.as_secs() > 0)?;
        Some(format!("for the limit: {} s left", whole(left)))
    }

    /// How long the API's last 429 still keeps the gate closed, if it does.
    pub fn closed_for(&self) -> Option<Duration> {
        let until = self.state().closed_until?;
        until.checked_duration_since(Instant::now())
    }

    /// Waits until one more request may be sent, and enters it. Those who wait are let through in
    /// the order they came. Dropping the future leaves the line without entering anything.
    ///
    /// # Errors
    /// Where the ledger cannot be used.
    pub async fn pass(&self) -> Result<Pass> {
        let _first_in_line = self.line.lock().await;
        loop {
            let turn = self.turn()?;
            match turn {
                Turn::Pass(pass) => {
                    self.state().opens_at = None;
                    return Ok(pass);
                }
                // At most a second at a time: a closure by another lane or process, or a wall
                // clock that was set, is noticed soon.
                Turn::Wait(wait) => {
                    self.state().opens_at = Some(Instant::now() + wait);
                    tokio::time::sleep(wait.min(Duration::from_secs(1))).await;
                }
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn turn(&self) -> Result<Turn> {
        let now = Instant::now();
        let mut state = self.state();
        if let Some(until) = state.closed_until.filter(|until| *until > now) {
            return Ok(Turn::Wait(until - now));
        }
        let Some(limit) = self.limit else {
            return Ok(Turn::Pass(Pass { at: now }));
        };
        let span = Duration::from_millis(u64::try_from(limit.span_ms).unwrap_or(0));
        while state.sends.front().is_some_and(|at| *at + span <= now) {
            state.sends.pop_front();
        }
        if state.sends.len() >= limit.requests
            && let Some(first) = state.sends.front()
        {
            return Ok(Turn::Wait(*first + span - now));
        }
        let own = u32::try_from(state.sends.len() + 1).unwrap_or(u32::MAX);
        let now_ms = Utc::now().timestamp_millis();
        let entry = match state.ledger.as_mut() {
            Some(ledger) => ledger.try_enter(limit, now_ms)?,
            None => Entry::Entered { used: own },
        };
        Ok(match entry {
            Entry::Entered { used } => {
                self.used.store(used, Ordering::Relaxed);
                state.sends.push_back(now);
                Turn::Pass(Pass { at: now })
            }
            Entry::NotBefore { at_ms, used } => {
                self.used.store(used, Ordering::Relaxed);
                let wait_ms = at_ms.saturating_sub(now_ms).max(1);
                Turn::Wait(Duration::from_millis(u64::try_from(wait_ms).unwrap_or(1)))
            }
            Entry::Busy => Turn::Wait(HELD_FILE_PAUSE),
        })
    }

    /// The request that `pass` let through was answered 429: closes the gate for everyone, for
    /// `retry_after` or a growing, jittered pause, and says for how long. Several requests in
    /// flight that meet the same closed door count once. `random` lies in `[0, 1)`.
    ///
    /// # Errors
    /// Where the ledger cannot be used.
    pub async fn close(
        &self,
        pass: Pass,
        retry_after: Option<Duration>,
        random: f64,
    ) -> Result<Duration> {
        let pause = self.close_here(pass, retry_after, random);
        loop {
            let until_ms = Utc::now().timestamp_millis().saturating_add(millis(pause));
            let is_entered = match self.state().ledger.as_mut() {
                Some(ledger) => ledger.try_close(until_ms)?,
                None => true,
            };
            if is_entered {
                return Ok(pause);
            }
            tokio::time::sleep(HELD_FILE_PAUSE).await;
        }
    }

    fn close_here(&self, pass: Pass, retry_after: Option<Duration>, random: f64) -> Duration {
        let mut state = self.state();
        let now = Instant::now();
        let is_same_door = state.last_closed.is_some_and(|closed| pass.at <= closed);
        if is_same_door && retry_after.is_none() {
            return state
                .closed_until
                .and_then(|until| until.checked_duration_since(now))
                .unwrap_or_default();
        }
        let period = self.limit.map_or(Duration::from_secs(30), |limit| {
            Duration::from_millis(u64::try_from(limit.period_ms).unwrap_or(0))
        });
        let pause = retry_after.unwrap_or_else(|| penalty(state.closures_in_a_row, period, random));
        if !is_same_door {
            state.closures_in_a_row = state.closures_in_a_row.saturating_add(1);
        }
        let until = now + pause;
        state.last_closed = Some(now);
        state.closed_until = Some(state.closed_until.map_or(until, |known| known.max(until)));
        pause
    }

    /// A request was answered and not by 429: the next closure starts small again.
    pub fn answered(&self) {
        self.state().closures_in_a_row = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Limit = Limit {
        requests: 5,
        period_ms: 200,
        span_ms: 210,
    };

    fn gate(directory: &std::path::Path) -> Gate {
        Gate::new(
            Some(LIMIT),
            Some(Ledger::open(directory, "f").expect("opens")),
        )
    }

    #[tokio::test]
    async fn lanes_of_two_processes_together_never_exceed_the_limit() {
        let directory = tempfile::tempdir().expect("a directory");
        let gates = [gate(directory.path()), gate(directory.path())];
        let mut lanes = Vec::new();
        for gate in gates.iter().cycle().take(8) {
            lanes.push(async move {
                let mut sends = Vec::new();
                for _ in 0..3 {
                    gate.pass().await.expect("passes");
                    sends.push(Instant::now());
                }
                sends
            });
        }
        let mut sends: Vec<Instant> = futures_util::future::join_all(lanes)
            .await
            .into_iter()
            .flatten()
            .collect();
        sends.sort();
        assert_eq!(sends.len(), 24);
        for (index, start) in sends.iter().enumerate() {
            let end = *start + Duration::from_millis(200);
            assert!(sends[index..].iter().filter(|at| **at < end).count() <= 5);
        }
    }

    #[tokio::test]
    async fn requests_in_flight_that_meet_one_closed_door_count_once() {
        let gate = Gate::new(None, None);
        let passes = [gate.pass().await.unwrap(), gate.pass().await.unwrap()];
        let first = gate.close(passes[0], None, 1.0).await.unwrap();
        let second = gate.close(passes[1], None, 1.0).await.unwrap();
        assert_eq!(first, Duration::from_secs(1));
        assert!(second <= first);
        assert_eq!(gate.state().closures_in_a_row, 1);
    }

    #[tokio::test]
    async fn a_closure_reaches_those_who_already_wait_in_line() {
        let gate = Gate::new(None, None);
        let pass = gate.pass().await.unwrap();
        let began = Instant::now();
        gate.close(pass, Some(Duration::from_millis(150)), 0.0)
            .await
            .unwrap();
        gate.pass().await.unwrap();
        assert!(began.elapsed() >= Duration::from_millis(150));
    }
}

//! The gate that every request passes before it is sent.

use super::ledger::Entry;
use super::own::{OwnPause, State};
use super::pause::{Pause, span};
use super::{LONGEST_WAIT, Ledger, Limit, millis, penalty};
use crate::clock;
use crate::error::Error;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How long to wait for another process to let go of the ledger before asking again.
const HELD_FILE_PAUSE: Duration = Duration::from_millis(3);

/// How often an answer is tried to be entered into a ledger that another process holds.
const TRIES_TO_SETTLE: u32 = 30;

/// The right to send one request now. Until it says that its request was answered, or is dropped,
/// the request may still be on its way to the API.
#[derive(Debug)]
pub struct Pass<'gate> {
    gate: &'gate Gate,
    at: Instant,
    /// Its number among our own, and in the ledger.
    number: Option<u64>,
    entry: Option<i64>,
    is_settled: bool,
}

/// Why no request may be sent, and waiting would not help.
#[derive(Debug)]
pub enum Barred {
    /// The API asked for a pause that is longer than this process may wait.
    Paused(Pause),
    /// The ledger cannot be used.
    Ledger(Error),
}

impl From<Error> for Barred {
    fn from(error: Error) -> Self {
        Self::Ledger(error)
    }
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
    began: Instant,
    /// The longest pause that is waited for.
    longest_pause: Duration,
    /// The wall clock, in milliseconds since 1970, that all processes on the ledger share.
    wall_ms: fn() -> i64,
}

/// What the first in line does next.
enum Turn<'gate> {
    Pass(Pass<'gate>),
    Wait(Duration),
}

impl Pass<'_> {
    /// The API answered: the request is not on its way any more. An answer `is_success` tells how
    /// long requests take, and that the next closure starts small again. Only the first call
    /// counts. A ledger that cannot take it in goes on to count the request as on its way, for a
    /// period; the next request meets the same file and names what is wrong with it.
    pub async fn answered(&mut self, is_success: bool) {
        if self.is_settled {
            return;
        }
        self.is_settled = true;
        self.gate.settle(self, is_success);
        let Some(entry) = self.entry else { return };
        for _ in 0..TRIES_TO_SETTLE {
            if self.gate.settle_entry(entry) {
                return;
            }
            tokio::time::sleep(HELD_FILE_PAUSE).await;
        }
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        if !self.is_settled {
            self.gate.settle(self, false);
            if let Some(entry) = self.entry {
                self.gate.settle_entry(entry);
            }
        }
    }
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
                requests: Vec::new(),
                next_number: 0,
                latencies_ms: VecDeque::new(),
                own_pause: None,
                ledger_closed_until: None,
                opens_at: None,
                last_closed: None,
                closures_in_a_row: 0,
                hold: None,
                told_pause_ms: None,
                has_told_limit: false,
            }),
            used: AtomicU32::new(0),
            began: Instant::now(),
            longest_pause: LONGEST_WAIT,
            wall_ms: clock::now_ms,
        }
    }

    /// The gate of a process that waits no longer than this for a pause that the API asks for, and
    /// holds nobody else back for longer.
    #[must_use]
    pub fn waiting_at_most(mut self, longest_pause: Duration) -> Self {
        self.longest_pause = longest_pause;
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        state.ledger = state
            .ledger
            .take()
            .map(|ledger| ledger.waiting_at_most(longest_pause));
        self
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

    /// How long the API's last 429 still keeps the gate closed, if it does: one of our own, or of
    /// another process on the ledger.
    pub fn closed_for(&self) -> Option<Duration> {
        let state = self.state();
        let own = state.own_pause.map(|pause| pause.until);
        let until = own.max(state.ledger_closed_until)?;
        until.checked_duration_since(Instant::now())
    }

    /// Waits until one more request may be sent, and enters it. Those who wait are let through in
    /// the order they came. Dropping the future leaves the line without entering anything.
    ///
    /// # Errors
    /// Where the API asked for a longer pause than this process may wait, or the ledger cannot be used.
    pub async fn pass(&self) -> Result<Pass<'_>, Barred> {
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

    /// Milliseconds since the gate was made.
    fn monotonic_ms(&self, at: Instant) -> i64 {
        millis(at.duration_since(self.began))
    }

    fn let_through(&self, at: Instant, number: Option<u64>, entry: Option<i64>) -> Pass<'_> {
        Pass {
            gate: self,
            at,
            number,
            entry,
            is_settled: false,
        }
    }

    /// How long to wait for a pause that this process was asked for itself.
    fn own_pause(&self, own: OwnPause, now: Instant) -> Result<Duration, Barred> {
        let asked = own.asked_until.saturating_duration_since(now);
        if asked > self.longest_pause {
            let now_ms = (self.wall_ms)();
            let mut pause = Pause::of(asked, self.longest_pause, now_ms);
            pause.until_ms = now_ms.saturating_add(millis(own.until - now));
            return Err(Barred::Paused(pause));
        }
        Ok(own.until - now)
    }

    fn turn(&self) -> Result<Turn<'_>, Barred> {
        let now = Instant::now();
        let mut state = self.state();
        if let Some(own) = state.own_pause.filter(|own| own.until > now) {
            return self.own_pause(own, now).map(Turn::Wait);
        }
        let Some(limit) = self.limit else {
            return Ok(Turn::Pass(self.let_through(now, None, None)));
        };
        let swiftest_ms = state.swiftest_ms();
        let own_ms = self.monotonic_ms(now);
        let own = state.counted(limit, own_ms);
        let opens_ms = limit.earliest(&own, own_ms);
        if opens_ms > own_ms {
            return Ok(Turn::Wait(span(opens_ms - own_ms)));
        }
        let now_ms = (self.wall_ms)();
        let entry = match state.ledger.as_mut() {
            Some(ledger) => ledger.try_enter(limit, swiftest_ms, now_ms)?,
            None => Entry::Entered {
                used: u32::try_from(own.len() + 1).unwrap_or(u32::MAX),
                entry: None,
            },
        };
        if entry != Entry::Busy {
            state.ledger_closed_until = None;
            state.hold = None;
        }
        Ok(match entry {
            Entry::Entered { used, entry } => {
                self.used.store(used, Ordering::Relaxed);
                let number = state.enter(own_ms);
                Turn::Pass(self.let_through(now, Some(number), entry))
            }
            Entry::NotBefore { at_ms, used } => {
                self.used.store(used, Ordering::Relaxed);
                let wait = span(at_ms.saturating_sub(now_ms).max(1));
                state.tell_limit(wait);
                Turn::Wait(wait)
            }
            Entry::Closed { pause, used } => {
                self.used.store(used, Ordering::Relaxed);
                if pause.is_beyond(self.longest_pause, now_ms) {
                    return Err(Barred::Paused(pause));
                }
                let wait = span(pause.until_ms.saturating_sub(now_ms).max(1));
                state.ledger_closed_until = Some(now + wait);
                state.tell_pause(pause, wait);
                Turn::Wait(wait)
            }
            Entry::Busy => {
                state.held(now)?;
                Turn::Wait(HELD_FILE_PAUSE)
            }
        })
    }

    /// `pass`'s request is not on its way any more, as far as this process counts.
    fn settle(&self, pass: &Pass<'_>, is_success: bool) {
        let now = Instant::now();
        let mut state = self.state();
        state.settle(pass.number, self.monotonic_ms(now));
        if is_success {
            state.closures_in_a_row = 0;
            state.remember(millis(now - pass.at));
        }
    }

    /// Settles an entry for those who share the ledger; `false` where another process holds it just now.
    fn settle_entry(&self, entry: i64) -> bool {
        let now_ms = (self.wall_ms)();
        match self.state().ledger.as_mut() {
            Some(ledger) => ledger.try_settle(entry, now_ms).unwrap_or(true),
            None => true,
        }
    }

    /// The request that `pass` let through was answered 429: closes the gate for everyone, for
    /// `retry_after` or a growing, jittered pause, and says for how long. Several requests in
    /// flight that meet the same closed door count once. `random` lies in `[0, 1)`.
    ///
    /// A ledger that another process holds for longer than a moment goes without it: this process
    /// keeps to the pause all the same, and its next request names the file.
    ///
    /// # Errors
    /// Where the ledger cannot be used.
    pub async fn close(
        &self,
        pass: &Pass<'_>,
        retry_after: Option<Duration>,
        random: f64,
    ) -> Result<Duration, Error> {
        let asked = self.close_here(pass, retry_after, random);
        for _ in 0..TRIES_TO_SETTLE {
            let now_ms = (self.wall_ms)();
            let pause = Pause::of(asked, self.longest_pause, now_ms);
            let is_entered = match self.state().ledger.as_mut() {
                Some(ledger) => ledger.try_close(pause, now_ms)?,
                None => true,
            };
            if is_entered {
                break;
            }
            tokio::time::sleep(HELD_FILE_PAUSE).await;
        }
        Ok(asked.min(self.longest_pause))
    }

    fn close_here(&self, pass: &Pass<'_>, retry_after: Option<Duration>, random: f64) -> Duration {
        let mut state = self.state();
        let now = Instant::now();
        let is_same_door = state.last_closed.is_some_and(|closed| pass.at <= closed);
        if is_same_door && retry_after.is_none() {
            return state
                .own_pause
                .and_then(|own| own.until.checked_duration_since(now))
                .unwrap_or_default();
        }
        let period = self
            .limit
            .map_or(Duration::from_secs(30), |limit| span(limit.period_ms));
        let pause = retry_after.unwrap_or_else(|| penalty(state.closures_in_a_row, period, random));
        if !is_same_door {
            state.closures_in_a_row = state.closures_in_a_row.saturating_add(1);
        }
        let met = OwnPause {
            until: now + pause.min(self.longest_pause),
            asked_until: now.checked_add(pause).unwrap_or(now),
        };
        state.last_closed = Some(now);
        state.own_pause = Some(state.own_pause.map_or(met, |known| OwnPause {
            until: known.until.max(met.until),
            asked_until: known.asked_until.max(met.asked_until),
        }));
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::super::own::LONGEST_HOLD;
    use super::*;

    const LIMIT: Limit = Limit {
        requests: 5,
        period_ms: 200,
        span_ms: 230,
    };

    fn gate(directory: &std::path::Path) -> Gate {
        Gate::new(
            Some(LIMIT),
            Some(Ledger::open(directory, "f", 5).expect("opens")),
        )
    }

    thread_local! {
        /// When the clock of a test began, by both clocks.
        static BEGAN: (Instant, i64) = (Instant::now(), clock::now_ms());
    }

    /// A wall clock that goes with the clock of a test, which stands while anything is computed: no
    /// machine is too slow or too busy for what is shown by it.
    fn wall_ms() -> i64 {
        BEGAN.with(|(at, wall_ms)| wall_ms + millis(at.elapsed()))
    }

    /// Two gates of two processes, by the clock of a test.
    fn gates(directory: &std::path::Path) -> [Gate; 2] {
        let gate = || Gate {
            wall_ms,
            ..gate(directory)
        };
        [gate(), gate()]
    }

    /// When each of `lanes` × `rounds` requests arrives, half of the lanes on either gate; the answer
    /// takes 10 ms. `delay_ms` is how long request `n` of a lane is on its way.
    async fn arrivals(
        gates: [&Gate; 2],
        (lanes, rounds): (u64, u64),
        delay_ms: fn(u64, u64) -> u64,
    ) -> Vec<Instant> {
        let lanes = (0..lanes)
            .zip(gates.iter().cycle())
            .map(|(lane, gate)| async move {
                let mut arrivals = Vec::new();
                for n in 0..rounds {
                    let mut pass = gate.pass().await.expect("passes");
                    tokio::time::sleep(Duration::from_millis(delay_ms(lane, n))).await;
                    arrivals.push(Instant::now());
                    tokio::time::sleep(Duration::from_millis(10)).await;
                    pass.answered(true).await;
                }
                arrivals
            });
        let arrivals = futures_util::future::join_all(lanes).await;
        let mut arrivals: Vec<Instant> = arrivals.into_iter().flatten().collect();
        arrivals.sort();
        arrivals
    }

    fn assert_within_limit(arrivals: &[Instant]) {
        for (index, start) in arrivals.iter().enumerate() {
            let end = *start + Duration::from_millis(200);
            let inside = arrivals[index..].iter().filter(|at| **at < end).count();
            assert!(inside <= 5, "{inside} from {index} of {arrivals:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn lanes_of_two_processes_together_never_exceed_the_limit() {
        let directory = tempfile::tempdir().expect("a directory");
        let [one, other] = gates(directory.path());
        let arrivals = arrivals([&one, &other], (8, 3), |_, _| 0).await;
        assert_eq!(arrivals.len(), 24);
        assert_within_limit(&arrivals);
    }

    /// Every third request is held up for longer than any margin.
    #[tokio::test(start_paused = true)]
    async fn requests_that_arrive_late_are_counted_when_they_can_have_arrived() {
        let directory = tempfile::tempdir().expect("a directory");
        let [one, other] = gates(directory.path());
        let late = |lane, n| if (lane + n) % 3 == 2 { 150 } else { 0 };
        assert_within_limit(&arrivals([&one, &other], (6, 8), late).await);
        let alone = Gate::new(Some(LIMIT), None);
        assert_within_limit(&arrivals([&alone, &alone], (6, 8), late).await);
    }

    /// The first answers of all lanes are slow: their connections had to be made.
    #[tokio::test(start_paused = true)]
    async fn requests_that_wait_for_a_connection_are_counted_when_they_can_have_arrived() {
        let directory = tempfile::tempdir().expect("a directory");
        let [one, other] = gates(directory.path());
        let connecting = |_, n| if n == 0 { 150 } else { 0 };
        assert_within_limit(&arrivals([&one, &other], (5, 6), connecting).await);
        let alone = Gate::new(Some(LIMIT), None);
        assert_within_limit(&arrivals([&alone, &alone], (5, 6), connecting).await);
    }

    #[tokio::test(start_paused = true)]
    async fn lanes_that_always_have_work_use_nearly_all_of_the_limit() {
        let directory = tempfile::tempdir().expect("a directory");
        let [one, other] = gates(directory.path());
        // Within the margin, as the way to an API is.
        let way = |lane, n| (lane * 7 + n * 3) % 15;
        let arrivals = arrivals([&one, &other], (12, 20), way).await;
        assert_within_limit(&arrivals);
        let took = millis(arrivals[239] - arrivals[0]);
        let least = 47 * LIMIT.span_ms;
        assert!(took <= least * 102 / 100, "{took} ms, at least {least}");
    }

    #[tokio::test]
    async fn a_pass_that_is_dropped_is_not_on_its_way_for_ever() {
        let alone = Gate::new(Some(LIMIT), None);
        for _ in 0..6 {
            drop(alone.pass().await.expect("passes"));
        }
        let requests = &alone.state().requests;
        assert!(requests.iter().all(|(_, own)| own.answered_ms.is_some()));
    }

    #[tokio::test]
    async fn requests_in_flight_that_meet_one_closed_door_count_once() {
        let gate = Gate::new(None, None);
        let passes = [gate.pass().await.unwrap(), gate.pass().await.unwrap()];
        let first = gate.close(&passes[0], None, 1.0).await.unwrap();
        let second = gate.close(&passes[1], None, 1.0).await.unwrap();
        assert_eq!(first, Duration::from_secs(1));
        assert!(second <= first);
        assert_eq!(gate.state().closures_in_a_row, 1);
    }

    #[tokio::test]
    async fn a_closure_by_another_process_is_told_as_what_it_is() {
        let directory = tempfile::tempdir().expect("a directory");
        let (one, other) = (gate(directory.path()), gate(directory.path()));
        let pass = one.pass().await.unwrap();
        one.close(&pass, Some(Duration::from_secs(60)), 0.0)
            .await
            .unwrap();
        assert!(other.closed_for().is_none());
        let waits = tokio::time::timeout(Duration::from_millis(50), other.pass()).await;
        assert!(waits.is_err());
        let left = other.closed_for().expect("closed");
        assert!((55..=60).contains(&left.as_secs()), "{left:?}");
        let told = other.waiting().expect("it waits");
        assert!(told.contains("asked for a pause"), "{told}");
    }

    #[tokio::test]
    async fn nobody_waits_for_a_pause_that_is_longer_than_a_request_is_tried_for() {
        let directory = tempfile::tempdir().expect("a directory");
        let longest = Duration::from_secs(900);
        let bounded = || gate(directory.path()).waiting_at_most(longest);
        let (one, other) = (bounded(), bounded());
        let pass = one.pass().await.unwrap();
        let asked = Duration::from_secs(45_000);
        assert_eq!(one.close(&pass, Some(asked), 0.0).await.unwrap(), longest);
        for gate in [&one, &other] {
            let Err(Barred::Paused(pause)) = gate.pass().await else {
                panic!("it is paused");
            };
            let now_ms = clock::now_ms();
            let left = pause.left(now_ms);
            assert!((44_990..=45_000).contains(&left.as_secs()), "{left:?}");
            assert!(pause.until_ms <= now_ms + 900_000, "{pause:?}");
        }
        // One that may wait as long does.
        let patient = gate(directory.path()).waiting_at_most(asked);
        let waits = tokio::time::timeout(Duration::from_millis(50), patient.pass()).await;
        assert!(waits.is_err());
    }

    #[tokio::test]
    async fn a_ledger_that_stays_held_is_named_after_a_bounded_wait() {
        let directory = tempfile::tempdir().expect("a directory");
        let gate = gate(directory.path());
        let holder = rusqlite::Connection::open(directory.path().join("budget-f.sqlite")).unwrap();
        holder.execute_batch("BEGIN EXCLUSIVE").unwrap();
        let waits = tokio::time::timeout(Duration::from_millis(50), gate.pass()).await;
        assert!(waits.is_err());
        let since = Instant::now() - LONGEST_HOLD;
        gate.state().hold.as_mut().expect("held").since = since;
        let Err(Barred::Ledger(error)) = gate.pass().await else {
            panic!("it is held");
        };
        assert!(
            error.to_string().contains("budget-f.sqlite for 1"),
            "{error}"
        );
        holder.execute_batch("ROLLBACK").unwrap();
        assert!(gate.pass().await.is_ok());
    }

    #[tokio::test]
    async fn a_closure_reaches_those_who_already_wait_in_line() {
        let gate = Gate::new(None, None);
        let pass = gate.pass().await.unwrap();
        let began = Instant::now();
        gate.close(&pass, Some(Duration::from_millis(150)), 0.0)
            .await
            .unwrap();
        gate.pass().await.unwrap();
        assert!(began.elapsed() >= Duration::from_millis(150));
    }
}

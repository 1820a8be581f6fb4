//! The lanes: which slice gets the next request, and what becomes of its answer.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::announcements::{Begun, Standing};
use super::block::FOREIGN;
use super::page::{self, Page, Scope};
use super::pager::{Answer, Pager, Step, Taken};
use super::splits::Splits;
use super::writer::{Event, Writer};
use crate::api::{Account, Client, FailureKind, FetchError};
use crate::error::Error;
use crate::mava::PAGE_LIMIT;
use crate::normalize::Outcome;
use crate::plan::{self, Announced, Slice, SliceState, Told};
use crate::report::Progress;
use crate::table::Instant;
use crate::window::Window;
use crate::wire;

/// A slice with fewer tickets left is not worth splitting: a split costs a partly filled page.
const LEAST_TICKETS_TO_SPLIT: u64 = 8 * PAGE_LIMIT as u64;

/// Pages for each of which one split may be spent, so that splits cost about one percent.
const PAGES_PER_SPLIT: u64 = 100;

/// How often pages may be asked for in smaller pieces before one lands, for each slice under way:
/// as often as the largest page takes to come down to a single ticket.
const MOST_SHRINKS_IN_A_ROW: usize = 3;

/// How long pages in flight may take to arrive once the run is to end.
const GRACE: Duration = Duration::from_secs(3);

/// How often progress is told while nothing arrives.
const TICK: Duration = Duration::from_millis(250);

/// Weight of the newest latency in the running mean.
const LATENCY_WEIGHT: f64 = 0.2;

/// What a run extracts with.
#[derive(Debug)]
pub struct Extraction {
    /// Sends the requests.
    pub client: Arc<Client>,
    /// What every page is asked with.
    pub scope: Arc<Scope>,
    /// At most so many pages in flight.
    pub max_lanes: usize,
    /// Whether this is a short list by filter: its slices are not split, and one that brings what
    /// its filter excludes ends at once, since it would go on through the whole desk.
    pub is_listing: bool,
    /// Whether an answer that would seal a slice has to repeat where none before it told how many
    /// tickets to expect. What is counted otherwise, as by the steps of a sync, can do without.
    pub is_cautious: bool,
    /// Processors of this machine.
    pub processors: usize,
    /// Ends the run early.
    pub cancel: CancellationToken,
    /// Where progress is told.
    pub progress: watch::Sender<Progress>,
}

/// What is to be extracted.
#[derive(Debug)]
pub struct Work {
    /// The run's snapshot.
    pub snapshot_id: i64,
    /// The run's slices, done ones included.
    pub slices: Vec<Slice>,
    /// Tickets that an earlier part of the run has read.
    pub tickets_resumed: u64,
    /// Where its requests are counted.
    pub account: Account,
}

/// How an extraction ended.
#[derive(Debug, Default)]
pub struct Ended {
    /// Why it ended before its slices were done, if it did. An interruption is no failure: it
    /// shows in the slices that are still open.
    pub failure: Option<Error>,
    /// What the user should know: fall-backs used.
    pub remarks: Vec<String>,
    /// Whether threads were asked for and not one of the tickets read came with one.
    pub lacks_threads: bool,
}

type Flight = (Pager, Result<Page, FetchError>);

struct Lanes<'a> {
    extraction: &'a Extraction,
    account: Account,
    writer: &'a Writer,
    /// Ends waits and pauses: cancelled with the run, or when it fails.
    stop: CancellationToken,
    parked: Vec<Pager>,
    flights: JoinSet<Flight>,
    standings: HashMap<i64, Standing>,
    slices: usize,
    sealed: usize,
    next_number: i64,
    splits: u64,
    /// What the halves of a split have to hold together.
    split_counts: Splits,
    /// Where the later half of a split ends, by the part that was read before it.
    split_ends: HashMap<Window, Instant>,
    /// What the answers of each slice said of how many tickets follow.
    announced: HashMap<i64, Announced>,
    pages: u64,
    /// How often slices asked for smaller pages since one last landed.
    shrinks_in_a_row: usize,
    tickets: u64,
    threads: u64,
    latency: Option<Duration>,
    run: i64,
    tickets_resumed: u64,
    ended: Ended,
    writer_is_gone: bool,
}

impl Extraction {
    fn pager(&self, slice: Slice) -> Pager {
        let pager = Pager::new(slice, &self.scope.filters);
        if self.is_cautious {
            pager.cautious()
        } else {
            pager
        }
    }

    /// Pages through all open slices of `work`, handing rows and cursors to `writer`. Comes back
    /// when all are done, when cancelled, or after the first error that retries did not mend;
    /// either way everything that arrived has been handed over.
    pub async fn run(&self, work: Work, writer: &Writer) -> Ended {
        let mut lanes = Lanes::new(self, work, writer);
        lanes.run().await;
        lanes.ended.lacks_threads =
            self.scope.has_messages && lanes.tickets > 0 && lanes.threads == 0;
        if self.scope.has_messages && 0 < lanes.threads && lanes.threads < lanes.tickets {
            let (lacking, all) = (lanes.tickets - lanes.threads, lanes.tickets);
            lanes.ended.remarks.push(format!(
                "{lacking} of {all} tickets came without messages, although they were asked for"
            ));
        }
        lanes.ended
    }
}

impl<'a> Lanes<'a> {
    fn new(extraction: &'a Extraction, work: Work, writer: &'a Writer) -> Self {
        let is_open = |slice: &&Slice| slice.state == SliceState::Open;
        let mut parked: Vec<Pager> = work
            .slices
            .iter()
            .filter(is_open)
            .map(|slice| extraction.pager(slice.clone()))
            .collect();
        // The last one is taken first: the oldest window.
        parked.reverse();
        let standings = parked
            .iter()
            .map(|pager| (pager.slice().number, Standing::of(pager)))
            .collect();
        let next_number = work.slices.iter().map(|slice| slice.number + 1).max();
        Self {
            extraction,
            writer,
            stop: extraction.cancel.child_token(),
            slices: work.slices.len(),
            sealed: work.slices.len() - parked.len(),
            parked,
            flights: JoinSet::new(),
            standings,
            next_number: next_number.unwrap_or(0),
            splits: 0,
            split_counts: Splits::default(),
            split_ends: HashMap::new(),
            announced: HashMap::new(),
            pages: 0,
            shrinks_in_a_row: 0,
            tickets: 0,
            threads: 0,
            latency: None,
            run: work.snapshot_id,
            tickets_resumed: work.tickets_resumed,
            account: work.account,
            ended: Ended::default(),
            writer_is_gone: false,
        }
    }

    async fn run(&mut self) {
        let stop = self.stop.clone();
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        loop {
            self.take_off();
            self.tell();
            tokio::select! {
                landed = self.flights.join_next() => match landed {
                    None => return,
                    Some(flight) => self.land(flight).await,
                },
                () = stop.cancelled() => break,
                _ = tick.tick() => {}
            }
        }
        let drain = async {
            while let Some(flight) = self.flights.join_next().await {
                self.land(flight).await;
            }
        };
        // What has not arrived by then is fetched again by the next run.
        let _ = tokio::time::timeout(GRACE, drain).await;
        self.flights.abort_all();
        self.tell();
    }

    /// Puts as many pages in flight as lanes are free.
    fn take_off(&mut self) {
        if self.stop.is_cancelled() {
            return;
        }
        while self.flights.len() < self.lanes() {
            let Some(pager) = self.next_parked() else {
                return;
            };
            let Some(ask) = pager.ask() else {
                continue;
            };
            let client = Arc::clone(&self.extraction.client);
            let scope = match pager.is_light() {
                true => Arc::new(Scope {
                    has_messages: false,
                    ..Scope::clone(&self.extraction.scope)
                }),
                false => Arc::clone(&self.extraction.scope),
            };
            let stop = self.stop.clone();
            self.flights.spawn(async move {
                let page = page::fetch(client, scope, ask, stop).await;
                (pager, page)
            });
        }
    }

    fn lanes(&self) -> usize {
        let rate = self
            .extraction
            .client
            .gate()
            .limit()
            .map(|limit| limit.rate());
        plan::lanes(
            rate,
            self.latency,
            self.extraction.processors,
            self.extraction.max_lanes,
        )
    }

    /// A slice that has told no count yet, so that the total is soon known; else the one with
    /// most left.
    fn next_parked(&mut self) -> Option<Pager> {
        let index = self
            .parked
            .iter()
            .enumerate()
            .max_by_key(|(_, pager)| pager.remaining().unwrap_or(u64::MAX))
            .map(|(index, _)| index)?;
        Some(self.parked.swap_remove(index))
    }

    async fn land(&mut self, flight: Result<Flight, tokio::task::JoinError>) {
        let (pager, outcome) = match flight {
            Ok(flight) => flight,
            Err(error) if error.is_cancelled() => return,
            Err(error) => {
                return self.fail(Error::failed("a lane ended unexpectedly").because(error));
            }
        };
        match outcome {
            Ok(page) => self.take(pager, page).await,
            Err(failure) => self.mend(pager, failure),
        }
    }

    /// A page that could not be had is asked for in smaller pieces where that may help; else the
    /// run ends.
    fn mend(&mut self, mut pager: Pager, failure: FetchError) {
        if self.stop.is_cancelled() {
            return;
        }
        // Only where something got through: an API that is down is not asked for ever. A page that
        // is too heavy at every run would otherwise never be read, so that counts from the start.
        let is_up = self.extraction.client.counters().successes() > 0;
        let slices = self.flights.len() + self.parked.len() + 1;
        let most = MOST_SHRINKS_IN_A_ROW * slices;
        let is_worth_it = match failure.kind {
            FailureKind::TooLarge => true,
            FailureKind::Heavy => is_up && self.shrinks_in_a_row < most,
            _ => false,
        };
        if is_worth_it && pager.shrink() {
            self.shrinks_in_a_row += 1;
            tracing::warn!(
                window = %pager.slice().window,
                error = %failure.error,
                "asking for smaller pages"
            );
            self.parked.push(pager);
        } else if failure.kind == FailureKind::Heavy
            && is_up
            && self.shrinks_in_a_row <= most
            && self.extraction.scope.has_messages
            && pager.lighten()
        {
            tracing::warn!(
                window = %pager.slice().window,
                error = %failure.error,
                "asking for a ticket without its messages"
            );
            self.parked.push(pager);
        } else {
            self.fail(failure.error);
        }
    }

    fn fail(&mut self, error: Error) {
        self.ended.failure.get_or_insert(error);
        self.stop.cancel();
    }

    async fn take(&mut self, mut pager: Pager, page: Page) {
        self.pages += 1;
        self.shrinks_in_a_row = 0;
        self.latency = Some(match self.latency {
            None => page.latency,
            Some(mean) => mean.mul_f64(1.0 - LATENCY_WEIGHT) + page.latency.mul_f64(LATENCY_WEIGHT),
        });
        let scope = &self.extraction.scope;
        let is_foreign = page.outcomes.iter().any(|outcome| scope.excludes(outcome));
        if is_foreign {
            pager.doubt(FOREIGN);
        }
        if self.lacks_threads(&page) {
            if pager.retry() {
                tracing::warn!(
                    window = %pager.slice().window,
                    "a page came without threads, asking again"
                );
                return self.parked.push(pager);
            }
            // A few may have none.
            if page.outcomes.len() >= page::LEAST_TICKETS_TO_DOUBT {
                pager.doubt("tickets came without messages, although others had them");
            }
        }
        let is_light = pager.is_light();
        let count = page.count.filter(|_| pager.is_counting());
        let begun = Begun::of(&pager, &page);
        let mut taken = pager.take(Answer {
            count: page.count,
            has_more: page.has_more,
            keys: &page.keys,
        });
        if is_foreign && self.extraction.is_listing {
            pager.give_up(FOREIGN);
            taken = Taken {
                fresh: vec![true; page.keys.len()],
                step: Step::Done,
            };
        }
        if let Some(reason) = pager.take_fall_back() {
            let window = pager.slice().window;
            self.ended
                .remarks
                .push(format!("{window} was paged by offset, because {reason}"));
        }
        self.tell_announced(&begun, &pager).await;
        if let Step::Again(reason) = &taken.step {
            tracing::warn!(
                window = %pager.slice().window,
                error = %reason,
                "an answer does not add up, asking again"
            );
            return self.parked.push(pager);
        }
        let number = pager.slice().number;
        let unproven = count.and_then(|count| self.split_counts.counted(number, count));
        if let Some(part) = unproven {
            self.look_again(part).await;
        }
        let is_first_look = taken.step == Step::Confirm;
        if is_first_look {
            // It is asked for once more. What it showed is kept all the same: what is not shown again
            // is looked for like any ticket that may be gone.
            taken.fresh = vec![true; page.outcomes.len()];
        }
        let placed = page::placed(&page.keys, &page.outcomes, begun.from);
        let mut tickets = Vec::with_capacity(page.outcomes.len());
        let mut rejects = Vec::new();
        let fresh = page.outcomes.into_iter().zip(taken.fresh);
        for outcome in fresh.filter_map(|(outcome, is_fresh)| is_fresh.then_some(outcome)) {
            match outcome {
                Outcome::Rows(mut rows) => {
                    self.tickets += u64::from(!is_first_look);
                    self.threads += u64::from(!is_first_look && rows.thread.is_some());
                    if is_light {
                        rows.rejects.push(wire::unread_thread(&rows.ticket.id));
                    }
                    tickets.push(*rows);
                }
                Outcome::Reject(reject) => rejects.push(reject),
            }
        }
        let read_at = match page
            .server_time
            .map_or_else(|| self.extraction.client.now(), Ok)
        {
            Ok(read_at) => read_at,
            // Nothing may be dated by a clock that cannot be right.
            Err(error) => return self.fail(error),
        };
        let requests = self.account.newly_sent();
        self.hand_over(Event::Page {
            slice: pager.slice().clone(),
            tickets,
            rejects,
            placed,
            requests,
            read_at,
            held: page.held,
        })
        .await;
        self.standings
            .insert(pager.slice().number, Standing::of(&pager));
        if taken.step == Step::Done {
            self.sealed += 1;
            if let SliceState::Unverified { reason } = &pager.slice().state {
                tracing::warn!(window = %pager.slice().window, error = %reason, "slice unverified");
            }
            return;
        }
        if !is_first_look {
            self.split(&mut pager).await;
        }
        self.parked.push(pager);
    }

    /// Keeps what an answer says of how many tickets follow: what the count at the end is held against.
    async fn tell_announced(&mut self, begun: &Begun, pager: &Pager) {
        let Some(count) = begun.count else {
            return;
        };
        let slice = pager.slice();
        let next = pager.announced().map(|(_, tickets)| tickets);
        let announced = self.announced.entry(slice.number).or_default();
        let told = announced.take(begun.expected, count, next);
        let is_vanished = told.is_some_and(|told| told.has_vanished);
        let from = begun.passed.map_or(begun.from, |part| match is_vanished {
            true => part.from(),
            false => part.until(),
        });
        let stretch = Window::new(from, slice.window.until());
        if let (Some(told), Some(window)) = (told, stretch) {
            self.hand_over(Event::Announced { window, told }).await;
        }
    }

    /// Whether the API left the threads of a whole page out, though it has given others. Single
    /// tickets may lack theirs: every field but the id is optional.
    fn lacks_threads(&self, page: &Page) -> bool {
        self.extraction.scope.has_messages && self.threads > 0 && page.lacks_threads()
    }

    /// Splits a slice for a lane that would be idle, if it is about the largest left.
    async fn split(&mut self, pager: &mut Pager) {
        let is_lane_idle = self.flights.len() + self.parked.len() + 1 < self.lanes();
        let allowed = (self.pages + self.expected_pages()) / PAGES_PER_SPLIT
            + u64::try_from(self.lanes()).unwrap_or(0);
        let Some(left) = pager.remaining() else {
            return;
        };
        let largest = self
            .standings
            .values()
            .filter_map(|standing| standing.remaining)
            .max();
        if self.extraction.is_listing
            || !is_lane_idle
            || self.splits >= allowed
            || left < LEAST_TICKETS_TO_SPLIT
            || left.saturating_mul(2) < largest.unwrap_or(0)
        {
            return;
        }
        let announced = pager.announced();
        let Some(window) = pager.split() else {
            return;
        };
        let added = Slice::new(self.next_number, window);
        if let Some((part, least)) = announced {
            let halves = [pager.slice().number, added.number];
            self.split_counts.add(halves, part, least);
            self.split_ends.insert(part, added.window.until());
        }
        self.hand_over(Event::Split {
            shrunk: pager.slice().clone(),
            added: added.clone(),
        })
        .await;
        self.next_number += 1;
        self.splits += 1;
        self.slices += 1;
        let half = Standing::of(pager);
        self.standings.insert(pager.slice().number, half);
        self.standings.insert(
            added.number,
            Standing {
                handed_on: 0,
                remaining: half.remaining,
            },
        );
        self.parked.push(self.extraction.pager(added));
    }

    /// Reads a part that was passed over once more, as a slice of its own.
    async fn look_again(&mut self, part: Window) {
        let slice = Slice::new(self.next_number, part);
        tracing::warn!(window = %part, "the count fell by more than the tickets read, asking again");
        self.hand_over(Event::Added(slice.clone())).await;
        let until = self.split_ends.remove(&part);
        if let Some(window) = until.and_then(|until| Window::new(part.from(), until)) {
            let told = Told {
                tickets: None,
                has_vanished: true,
            };
            self.hand_over(Event::Announced { window, told }).await;
        }
        self.next_number += 1;
        self.slices += 1;
        let standing = Standing {
            handed_on: 0,
            remaining: Some(0),
        };
        self.standings.insert(slice.number, standing);
        self.parked.push(self.extraction.pager(slice));
    }

    fn expected_pages(&self) -> u64 {
        let left: u64 = self
            .standings
            .values()
            .filter_map(|standing| standing.remaining)
            .sum();
        left / u64::from(PAGE_LIMIT)
    }

    async fn hand_over(&mut self, event: Event) {
        if !self.writer_is_gone && !self.writer.send(event).await {
            // Its error is told by `Writer::finish`.
            self.writer_is_gone = true;
            self.stop.cancel();
        }
    }

    fn tell(&self) {
        let client = &self.extraction.client;
        let handed_on: u64 = self
            .standings
            .values()
            .map(|standing| standing.handed_on)
            .sum();
        // A slice that goes on hands its first tickets on once more.
        let tickets_read =
            (self.tickets_resumed + handed_on).saturating_sub(self.writer.read_again());
        let left: Option<u64> = self
            .standings
            .values()
            .map(|standing| standing.remaining)
            .sum();
        let progress = Progress {
            run: self.run,
            tickets_read,
            tickets_resumed: self.tickets_resumed,
            tickets_expected: left.map(|left| tickets_read + left),
            requests: client.counters().requests(),
            budget_used: client.gate().used(),
            budget_limit: client
                .gate()
                .limit()
                .map(|limit| u32::try_from(limit.requests).unwrap_or(u32::MAX)),
            lanes: self.flights.len(),
            slices_sealed: self.sealed,
            slices: self.slices,
            waiting: client.gate().waiting(),
        };
        self.extraction.progress.send_replace(progress);
    }
}

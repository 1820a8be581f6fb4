//! The lanes: which slice gets the next request, and what becomes of its answer.

mod flight;
mod judge;
mod split;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use self::flight::Flights;
use self::judge::Landed;
use self::split::Halves;
use super::announcements::Standing;
use super::page::Scope;
use super::pager::Pager;
use super::writer::{Event, Writer};
use crate::api::{Account, Client};
use crate::error::Error;
use crate::plan::{Announced, Slice, SliceState};
use crate::report::Progress;

/// How long pages in flight may take to arrive once the run is to end.
const GRACE: Duration = Duration::from_secs(3);

/// How often progress is told while nothing arrives.
const TICK: Duration = Duration::from_millis(250);

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

/// The lanes of one run, and what is to be known to choose the next page.
struct Lanes<'a> {
    extraction: &'a Extraction,
    account: Account,
    outlet: Outlet<'a>,
    /// Ends waits and pauses: cancelled with the run, or when it fails.
    stop: CancellationToken,
    parked: Vec<Pager>,
    flights: Flights,
    slices: Slices,
    halves: Halves,
    /// What the answers of each slice said of how many tickets follow.
    announced: HashMap<i64, Announced>,
    landed: Landed,
    resumed: Resumed,
    ended: Ended,
}

/// Where rows and cursors go.
struct Outlet<'a> {
    writer: &'a Writer,
    is_gone: bool,
}

/// The run, and what an earlier part of it has read.
struct Resumed {
    run: i64,
    tickets: u64,
}

/// The slices of the run, and where they stand.
struct Slices {
    standings: HashMap<i64, Standing>,
    count: usize,
    sealed: usize,
    next_number: i64,
}

impl Slices {
    /// Counts a slice that is added, whose number is the next one.
    fn add(&mut self, number: i64, standing: Standing) {
        self.next_number += 1;
        self.count += 1;
        self.standings.insert(number, standing);
    }

    /// Tickets handed on by all of them.
    fn handed_on(&self) -> u64 {
        let standings = self.standings.values();
        standings.map(|standing| standing.handed_on).sum()
    }

    /// Tickets left in all of them; `None` while one has told none.
    fn left(&self) -> Option<u64> {
        let standings = self.standings.values();
        standings.map(|standing| standing.remaining).sum()
    }
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
            self.scope.has_messages && lanes.landed.tickets > 0 && lanes.landed.threads == 0;
        if self.scope.has_messages
            && 0 < lanes.landed.threads
            && lanes.landed.threads < lanes.landed.tickets
        {
            let (lacking, all) = (
                lanes.landed.tickets - lanes.landed.threads,
                lanes.landed.tickets,
            );
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
            account: work.account,
            outlet: Outlet {
                writer,
                is_gone: false,
            },
            stop: extraction.cancel.child_token(),
            slices: Slices {
                standings,
                count: work.slices.len(),
                sealed: work.slices.len() - parked.len(),
                next_number: next_number.unwrap_or(0),
            },
            parked,
            flights: Flights::default(),
            halves: Halves::default(),
            announced: HashMap::new(),
            landed: Landed::default(),
            resumed: Resumed {
                run: work.snapshot_id,
                tickets: work.tickets_resumed,
            },
            ended: Ended::default(),
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
                landed = self.flights.pages.join_next() => match landed {
                    None => return,
                    Some(flight) => self.land(flight).await,
                },
                () = stop.cancelled() => break,
                _ = tick.tick() => {}
            }
        }
        let drain = async {
            while let Some(flight) = self.flights.pages.join_next().await {
                self.land(flight).await;
            }
        };
        // What has not arrived by then is fetched again by the next run.
        let _ = tokio::time::timeout(GRACE, drain).await;
        self.flights.pages.abort_all();
        self.tell();
    }

    fn fail(&mut self, error: Error) {
        self.ended.failure.get_or_insert(error);
        self.stop.cancel();
    }

    async fn hand_over(&mut self, event: Event) {
        if !self.outlet.is_gone && !self.outlet.writer.send(event).await {
            // Its error is told by `Writer::finish`.
            self.outlet.is_gone = true;
            self.stop.cancel();
        }
    }

    fn tell(&self) {
        let client = &self.extraction.client;
        // A slice that goes on hands its first tickets on once more.
        let tickets_read = (self.resumed.tickets + self.slices.handed_on())
            .saturating_sub(self.outlet.writer.read_again());
        let left = self.slices.left();
        let progress = Progress {
            run: self.resumed.run,
            tickets_read,
            tickets_resumed: self.resumed.tickets,
            tickets_expected: left.map(|left| tickets_read + left),
            requests: client.counters().requests(),
            budget_used: client.gate().used(),
            budget_limit: client
                .gate()
                .limit()
                .map(|limit| u32::try_from(limit.requests).unwrap_or(u32::MAX)),
            lanes: self.flights.pages.len(),
            slices_sealed: self.slices.sealed,
            slices: self.slices.count,
            waiting: client.gate().waiting(),
        };
        self.extraction.progress.send_replace(progress);
    }
}

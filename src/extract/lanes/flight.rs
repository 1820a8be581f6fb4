//! Pages in flight: how many, which slice is next, and what lands.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::Lanes;
use crate::api::FetchError;
use crate::error::Error;
use crate::extract::page::{self, Page, Scope};
use crate::extract::pager::Pager;
use crate::plan;

/// Weight of the newest latency in the running mean.
const LATENCY_WEIGHT: f64 = 0.2;

/// A page that arrived, or could not be had, with the pager that asked for it.
type Flight = (Pager, Result<Page, FetchError>);

/// The pages in flight.
#[derive(Default)]
pub(super) struct Flights {
    pub(super) pages: JoinSet<Flight>,
    /// How long a page takes, as a running mean.
    latency: Option<Duration>,
}

impl Flights {
    /// Takes the time of a page into the mean.
    pub(super) fn took(&mut self, latency: Duration) {
        self.latency = Some(match self.latency {
            None => latency,
            Some(mean) => mean.mul_f64(1.0 - LATENCY_WEIGHT) + latency.mul_f64(LATENCY_WEIGHT),
        });
    }
}

impl Lanes<'_> {
    /// Puts as many pages in flight as lanes are free.
    pub(super) fn take_off(&mut self) {
        if self.stop.is_cancelled() {
            return;
        }
        while self.flights.pages.len() < self.lanes() {
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
            self.flights.pages.spawn(async move {
                let page = page::fetch(client, scope, ask, stop).await;
                (pager, page)
            });
        }
    }

    /// How many pages may be in flight.
    pub(super) fn lanes(&self) -> usize {
        let rate = self
            .extraction
            .client
            .gate()
            .limit()
            .map(|limit| limit.rate());
        plan::lanes(
            rate,
            self.flights.latency,
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

    /// Takes what came of a page.
    pub(super) async fn land(&mut self, flight: Result<Flight, tokio::task::JoinError>) {
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
}

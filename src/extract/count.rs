//! Counting: many windows and filters, a few requests in flight.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::page::{excludes, refuse_heavy};
use crate::api::{Client, FailureKind, FetchError, TicketsQuery, Undecodable};
use crate::error::Result;
use crate::mava::PAGE_LIMIT;
use crate::normalize;
use crate::plan::verify::Subset;
use crate::window::Window;
use crate::wire::{self, Body};

/// Counts in flight: enough for the whole budget at 2.5 s a request.
const LANES: usize = 8;

/// How often the log says how far a long count is.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// What came of one count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Counted {
    /// The API's count.
    Tickets {
        /// Tickets that match.
        count: u64,
        /// Whether tickets came that the filter excludes.
        has_strays: bool,
    },
    /// The API does not take the filter's value; its words.
    Refused(String),
}

/// Counts tickets.
#[derive(Debug)]
pub struct Counter {
    /// Sends the requests.
    pub client: Arc<Client>,
    /// Whether threads are asked for, as the run would.
    pub has_messages: bool,
    /// Ends it early.
    pub cancel: CancellationToken,
}

impl Counter {
    /// Counts each subset in its window, in the order asked.
    ///
    /// # Errors
    /// Whatever ends a request for good, but for a filter's value that is refused.
    pub async fn count(&self, asks: &[(Window, Subset)]) -> Result<Vec<Counted>> {
        self.count_on(asks, false).await
    }

    /// Counts as [`count`](Self::count) does, each on a connection of its own.
    ///
    /// # Errors
    /// As [`count`](Self::count).
    pub async fn count_alone(&self, asks: &[(Window, Subset)]) -> Result<Vec<Counted>> {
        self.count_on(asks, true).await
    }

    async fn count_on(&self, asks: &[(Window, Subset)], is_alone: bool) -> Result<Vec<Counted>> {
        let mut told = Instant::now();
        let mut counted = Vec::with_capacity(asks.len());
        let requests = asks
            .iter()
            .map(|(window, subset)| self.one(*window, subset, is_alone));
        let mut answers = stream::iter(requests).buffered(LANES);
        while let Some(answer) = answers.try_next().await? {
            counted.push(answer);
            if told.elapsed() >= TELL_EVERY {
                tracing::info!(counted = counted.len(), of = asks.len(), "counting");
                told = Instant::now();
            }
        }
        Ok(counted)
    }

    async fn one(&self, window: Window, subset: &Subset, is_alone: bool) -> Result<Counted> {
        let query = TicketsQuery {
            has_messages: self.has_messages,
            filters: subset.filters(),
            csat_values: subset.csat_values(),
            is_alone,
            ..TicketsQuery::of(window, PAGE_LIMIT)
        };
        let answer = match self.ask(&query, subset).await {
            // A page too heavy to be had still has a count.
            Err(failure) if failure.may_be_weight() => {
                let light = TicketsQuery {
                    limit: 1,
                    has_messages: false,
                    ..query
                };
                self.ask(&light, subset).await
            }
            answer => answer,
        };
        match answer {
            Ok(counted) => Ok(counted),
            Err(FetchError {
                kind: FailureKind::Refused { words, .. },
                ..
            }) if *subset != Subset::all() => Ok(Counted::Refused(words)),
            Err(failure) => Err(failure.error),
        }
    }

    async fn ask(
        &self,
        query: &TicketsQuery,
        subset: &Subset,
    ) -> std::result::Result<Counted, FetchError> {
        let (filters, ratings) = (query.filters.clone(), query.csat_values.clone());
        let is_filtered = *subset != Subset::all();
        let decode = move |body: &[u8]| -> std::result::Result<Counted, Undecodable> {
            let text = Body::new(body);
            let page = wire::decode_page(&text)?;
            let count = page.count.ok_or("the answer has no count")?;
            if is_filtered && page.tickets.len() > 1 {
                refuse_heavy(body)?;
            }
            let has_strays = is_filtered
                && page.tickets.iter().any(|ticket| {
                    let outcome = normalize::ticket(ticket, false);
                    excludes(&filters, &ratings, &outcome)
                });
            Ok(Counted::Tickets { count, has_strays })
        };
        Ok(self
            .client
            .fetch(&query.get(), &self.cancel, decode)
            .await?
            .value)
    }
}

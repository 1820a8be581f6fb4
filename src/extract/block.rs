//! A part of a window that is read in full once more, each page on a connection of its own, to be
//! compared by id.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::page::{self, Page, Scope};
use super::pager::{Answer, Key, Pager, Step};
use crate::api::{Client, FetchError, TicketsQuery};
use crate::error::Result;
use crate::mava::PAGE_LIMIT;
use crate::normalize::{Outcome, TicketRows};
use crate::plan::{Position, Slice, SliceState};
use crate::store::Rejected;
use crate::table::{Instant, Reject};
use crate::window::Window;
use crate::wire;

/// Why what comes cannot be believed where the API ignores a filter.
pub const FOREIGN: &str = "tickets came that the filters asked for exclude";

/// A part that is being read.
#[derive(Debug)]
pub struct Block<'a> {
    client: &'a Client,
    scope: &'a Arc<Scope>,
    cancel: &'a CancellationToken,
    pager: Pager,
    doubt: Option<String>,
    is_given_up: bool,
    /// Whether a page came twice without the threads asked for.
    is_threadless: bool,
}

/// What one page of it brought.
#[derive(Debug, Default)]
pub struct BlockPage {
    /// All tickets that came, also those that could not be stored.
    pub keys: Vec<Key>,
    /// Rows of those that came for the first time.
    pub tickets: Vec<TicketRows>,
    /// What could not be represented.
    pub rejects: Vec<Reject>,
    /// Where those stand.
    pub placed: Vec<Rejected>,
    /// The server's clock.
    pub read_at: Option<Instant>,
}

impl<'a> Block<'a> {
    /// A part of which nothing has been read.
    pub fn new(
        client: &'a Client,
        scope: &'a Arc<Scope>,
        cancel: &'a CancellationToken,
        window: Window,
    ) -> Self {
        Self {
            client,
            scope,
            cancel,
            pager: Pager::new(Slice::new(0, window), &scope.filters),
            doubt: None,
            is_given_up: false,
            is_threadless: false,
        }
    }

    /// The next page; `None` after the last one.
    ///
    /// # Errors
    /// Whatever ends a request for good, but for a page that is too heavy to be had.
    pub async fn next(&mut self) -> Result<Option<BlockPage>> {
        while let Some(ask) = self.pager.ask().filter(|_| !self.is_given_up) {
            let mut query = page::query(self.scope, ask).alone();
            query.has_messages &= !self.pager.is_light();
            let page = match self.fetch(&query).await {
                Ok(page) => page,
                Err(failure) if failure.may_be_weight() => {
                    self.lighten(failure);
                    continue;
                }
                Err(failure) => return Err(failure.error),
            };
            if page.outcomes.iter().any(|one| self.scope.excludes(one)) {
                // It would go on through the whole desk.
                self.doubt(FOREIGN.to_owned());
                self.is_given_up = true;
            }
            if query.has_messages
                && page.outcomes.len() >= page::LEAST_TICKETS_TO_DOUBT
                && page.lacks_threads()
            {
                self.doubt(
                    "tickets came without messages, although they were asked for".to_owned(),
                );
            }
            let from = self.from(&query);
            let is_light = self.pager.is_light();
            let taken = self.pager.take(Answer {
                count: page.count,
                has_more: page.has_more,
                keys: &page.keys,
            });
            if self.pager.take_vanished().is_some() {
                self.doubt("tickets came and went while it was read".to_owned());
            }
            if matches!(taken.step, Step::Again(_) | Step::Confirm) {
                continue;
            }
            let mut found = BlockPage {
                placed: page::placed(&page.keys, &page.outcomes, from),
                keys: page.keys,
                read_at: page.server_time,
                ..BlockPage::default()
            };
            let fresh = page.outcomes.into_iter().zip(taken.fresh);
            for outcome in fresh.filter_map(|(outcome, is_fresh)| is_fresh.then_some(outcome)) {
                match outcome {
                    Outcome::Rows(mut rows) => {
                        if is_light {
                            rows.rejects.push(wire::unread_thread(&rows.ticket.id));
                        }
                        found.tickets.push(*rows);
                    }
                    Outcome::Reject(reject) => found.rejects.push(reject),
                }
            }
            return Ok(Some(found));
        }
        Ok(None)
    }

    /// Where the list of a request begins.
    fn from(&self, query: &TicketsQuery) -> Instant {
        match self.pager.slice().position {
            Position::Key(at) => at,
            Position::Offset { .. } => query.window.from(),
        }
    }

    async fn fetch(&mut self, query: &TicketsQuery) -> std::result::Result<Page, FetchError> {
        let page = page::fetch_query(self.client, query, self.cancel).await?;
        let is_threadless = &mut self.is_threadless;
        page::with_threads(self.client, query, self.cancel, page, is_threadless).await
    }

    /// Why what came is not all of the part, once there is no next page; `None` where it is.
    pub fn into_doubt(self) -> Option<String> {
        self.doubt.or(match &self.pager.slice().state {
            SliceState::Sealed => None,
            SliceState::Unverified { reason } => Some(reason.clone()),
            SliceState::Open => Some("it was not read to its end".to_owned()),
        })
    }

    fn doubt(&mut self, reason: String) {
        self.doubt.get_or_insert(reason);
    }

    /// A page that could not be had is asked for in smaller pieces, at last without threads.
    fn lighten(&mut self, failure: FetchError) {
        let is_smaller = self.pager.shrink();
        if !is_smaller && (!self.scope.has_messages || !self.pager.lighten()) {
            self.is_given_up = true;
            self.doubt(format!("it could not be read: {}", failure.error));
        }
    }
}

/// What an answer to a count holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Tickets that are counted.
    pub count: u64,
    /// The creations of the first ones in milliseconds since 1970.
    pub created_ms: Vec<i64>,
}

/// What the API counts in `window` with the filters of `scope`, and the first `limit` tickets, asked on
/// a connection of its own; or why its answer is none.
///
/// # Errors
/// Whatever ends a request for good.
pub async fn count_alone(
    client: &Client,
    scope: &Scope,
    (window, limit): (Window, u32),
    cancel: &CancellationToken,
) -> Result<std::result::Result<Shown, String>> {
    let query = TicketsQuery {
        filters: scope.filters.clone(),
        ..TicketsQuery::of(window, limit)
    };
    let page = page::fetch_query(client, &query.alone(), cancel).await;
    let page = page.map_err(|failure| failure.error)?;
    if page.outcomes.iter().any(|one| scope.excludes(one)) {
        return Ok(Err(FOREIGN.to_owned()));
    }
    let length = u64::try_from(page.keys.len()).unwrap_or(u64::from(PAGE_LIMIT));
    let keys = page.keys.iter();
    let created = keys.filter_map(|key| Some(key.created_at?.timestamp_millis()));
    Ok(page.left(window).map(|left| Shown {
        count: length + left,
        created_ms: created.collect(),
    }))
}

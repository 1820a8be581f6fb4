//! Tickets that a complete listing did not show: read again in the company of their neighbours,
//! before anybody believes they are gone.

mod batch;
mod look;

use std::sync::Arc;

use chrono::Duration;
use tokio_util::sync::CancellationToken;

pub use self::batch::{BEFORE, Batch, MOST};
pub use self::look::SecondLook;
use super::page::{self, Page, Scope};
use super::pager::{Answer, Ask, Key, Pager, Step};
use crate::api::{Client, FetchError};
use crate::normalize::Outcome;
use crate::plan::losses::Witness;
use crate::plan::{Slice, SliceState};
use crate::table::Instant;
use crate::window::Window;

/// Batches in a row that could not be had; after that the API is taken to be down.
const MOST_FAILURES: usize = 2;

type Looked<T> = std::result::Result<T, FetchError>;

/// A ticket that may be gone: its id and its creation.
pub type Missing = (String, Instant);

/// Looks again for missing tickets, a page for each batch. `scope` is the run's, which has no
/// filters.
///
/// # Errors
/// Whatever ends a request for good.
pub async fn look_again(
    client: &Arc<Client>,
    scope: &Arc<Scope>,
    batches: &[Batch],
    cancel: &CancellationToken,
) -> Looked<SecondLook> {
    let mut looking = Looking {
        client,
        scope,
        cancel,
        is_threadless: false,
    };
    let mut look = SecondLook::default();
    let mut failures = 0;
    for batch in batches {
        if failures >= MOST_FAILURES {
            look.leave(&batch.sought);
            continue;
        }
        match looking.fetch(batch.ask()).await? {
            Some(page) => {
                failures = 0;
                let mut first = SecondLook::default();
                looking.judge(batch, page, &mut first).await?;
                // Such an answer may be empty or short by mistake.
                let again = match first.unclear.is_empty() {
                    true => None,
                    false => looking.fetch(batch.ask()).await?,
                };
                match again {
                    Some(page) => {
                        let mut second = SecondLook::default();
                        looking.judge(batch, page, &mut second).await?;
                        look.add(first.or(second));
                    }
                    None => look.add(first),
                }
            }
            None => {
                failures += 1;
                look.leave(&batch.sought);
            }
        }
    }
    Ok(look)
}

struct Looking<'a> {
    client: &'a Arc<Client>,
    scope: &'a Arc<Scope>,
    cancel: &'a CancellationToken,
    /// Whether a page came twice without the threads asked for.
    is_threadless: bool,
}

impl Looking<'_> {
    /// `None` where a page is too heavy to be had, which leaves its tickets unclear and not the
    /// whole run.
    async fn fetch(&mut self, ask: Ask) -> Looked<Option<Page>> {
        let window = ask.window;
        let query = page::query(self.scope, ask).alone();
        let (client, cancel) = (self.client, self.cancel);
        let fetched = match page::fetch_without_threads_at_worst(client, &query, cancel).await {
            Ok((page, None)) => {
                let is_threadless = &mut self.is_threadless;
                page::with_threads(client, &query, cancel, page, is_threadless).await
            }
            fetched => fetched.map(|(page, _)| page),
        };
        match fetched {
            Err(failure) if failure.may_be_weight() => {
                tracing::warn!(window = %window, error = %failure.error, "a second look failed");
                Ok(None)
            }
            fetched => fetched.map(Some),
        }
    }

    /// Settles what is there and what is not by a page over all of a batch. It has to show the
    /// neighbours: an answer without them is one about another desk, or none. Where there are none to
    /// show, it has to come twice.
    async fn judge(&mut self, batch: &Batch, page: Page, look: &mut SecondLook) -> Looked<()> {
        if page.is_whole(batch.window) {
            let is_repeated = batch.neighbours.is_empty()
                && self.is_awake(batch).await?
                && self.is_repeated(batch, &page).await?;
            let shown = page.keys.iter().map(|key| key.id.as_str()).collect();
            let reach = batch.window.until();
            let is_answer = |at| match batch.company(at, &shown, reach).witness() {
                Witness::Shown => true,
                Witness::Nobody => is_repeated,
                Witness::Missing => false,
            };
            look.settle(&batch.sought, &page.keys, page.outcomes, is_answer);
            return Ok(());
        }
        // It does not add up, or more tickets are there than a page holds: each instant by itself,
        // with the neighbours that the page spans; with all of them where it contradicts itself, so that
        // nobody knows how far it reaches.
        let until = batch.window.until();
        let reach = page.spans(batch.window).unwrap_or(until);
        let mut left = batch.sought.as_slice();
        while let Some((_, at)) = left.first() {
            let tied = left.iter().take_while(|(_, other)| other == at).count();
            let (tied, rest) = left.split_at(tied);
            match self.whole_millisecond(*at).await? {
                Some((keys, outcomes)) => {
                    let shown = page.keys.iter().chain(&keys);
                    let shown = shown.map(|key| key.id.as_str()).collect();
                    let is_answer = match batch.company(*at, &shown, reach).witness() {
                        Witness::Shown => true,
                        Witness::Nobody if self.is_awake(batch).await? => {
                            let again = self.whole_millisecond(*at).await?;
                            again.is_some_and(|(again, _)| again == keys)
                        }
                        Witness::Nobody | Witness::Missing => false,
                    };
                    look.settle(tied, &keys, outcomes, |_| is_answer);
                }
                None => look.leave(tied),
            }
            left = rest;
        }
        Ok(())
    }

    /// Whether the API shows a ticket beyond the window, where there is one: empty answers that come twice may be
    /// all that it has to give for a while.
    async fn is_awake(&mut self, batch: &Batch) -> Looked<bool> {
        let Some(window) = batch.beyond else {
            return Ok(true);
        };
        let ask = Ask {
            window,
            ..batch.ask()
        };
        let page = self.fetch(ask).await?;
        Ok(page.is_some_and(|page| !page.keys.is_empty()))
    }

    /// Whether the same answer comes once more.
    async fn is_repeated(&mut self, batch: &Batch, page: &Page) -> Looked<bool> {
        let again = self.fetch(batch.ask()).await?;
        Ok(again.is_some_and(|again| again.is_whole(batch.window) && again.keys == page.keys))
    }

    /// The keys of all tickets of one millisecond, and what became of them; `None` where the API's
    /// answers do not prove that they are all.
    async fn whole_millisecond(&mut self, at: Instant) -> Looked<Option<(Vec<Key>, Vec<Outcome>)>> {
        let Some(window) = Window::new(at, at + Duration::milliseconds(1)) else {
            return Ok(None);
        };
        let mut pager = Pager::new(Slice::new(0, window), &self.scope.filters).cautious();
        let mut keys = Vec::new();
        let mut outcomes = Vec::new();
        while let Some(ask) = pager.ask() {
            let Some(page) = self.fetch(ask).await? else {
                return Ok(None);
            };
            let taken = pager.take(Answer {
                count: page.count,
                has_more: page.has_more,
                keys: &page.keys,
            });
            if matches!(taken.step, Step::Again(_) | Step::Confirm) {
                continue;
            }
            keys.extend(page.keys);
            outcomes.extend(page.outcomes);
        }
        let is_sealed = pager.slice().state == SliceState::Sealed;
        Ok(is_sealed.then_some((keys, outcomes)))
    }
}

//! Tickets that a complete listing did not show: read again, one page for as many as it spans,
//! before anybody believes they are gone.

use std::collections::HashSet;
use std::sync::Arc;

use chrono::Duration;
use tokio_util::sync::CancellationToken;

use super::page::{self, Scope};
use super::pager::{Answer, Ask, Key, Narrowing, PAGE_LIMIT, Pager, Step};
use crate::api::Client;
use crate::error::Result;
use crate::normalize::{Outcome, TicketRows};
use crate::plan::{Slice, SliceState};
use crate::table::Instant;
use crate::window::Window;

/// What a second look at missing tickets gives.
#[derive(Debug, Default)]
pub struct SecondLook {
    /// Absent again from an unfiltered page that spans their creation.
    pub gone: Vec<String>,
    /// There after all.
    pub found: Vec<TicketRows>,
    /// Neither: the answer proved nothing about them.
    pub unclear: usize,
}

/// Looks again for `missing` tickets (id and creation, by creation), within `range`. A page begins
/// at the first ticket not yet looked for and settles all it spans, so a run of neighbours costs
/// one request. `scope` is the run's, which has no filters.
///
/// # Errors
/// Whatever ends a request for good.
pub async fn look_again(
    client: &Arc<Client>,
    scope: &Arc<Scope>,
    missing: &[(String, Instant)],
    range: Window,
    cancel: &CancellationToken,
) -> Result<SecondLook> {
    let mut look = SecondLook::default();
    let mut left = missing;
    while let Some((_, first_at)) = left.first() {
        let Some(window) = Window::new(*first_at, range.until()) else {
            look.unclear += left.len();
            break;
        };
        let window = window.split_by_year().first().copied().unwrap_or(window);
        let ask = Ask {
            window,
            skip: 0,
            limit: PAGE_LIMIT,
            narrowing: Narrowing::default(),
        };
        let fetched = page::fetch(Arc::clone(client), Arc::clone(scope), ask, cancel.clone()).await;
        let page = match fetched {
            // A page too heavy to be had here leaves one ticket unclear, not the whole run.
            Err(failure) if failure.is_weight => {
                tracing::warn!(window = %window, error = %failure.error, "a second look failed");
                look.unclear += 1;
                left = left.get(1..).unwrap_or_default();
                continue;
            }
            fetched => fetched?,
        };
        let settled_until = page.spans(window);
        let spanned = left
            .iter()
            .take_while(|(_, at)| settled_until.is_some_and(|until| *at < until))
            .count();
        if spanned > 0 {
            let (settled, rest) = left.split_at(spanned);
            look.settle(settled, &page.keys, page.outcomes);
            left = rest;
            continue;
        }
        // More tickets in this millisecond than a page holds, or an answer out of order.
        let tied = left.iter().take_while(|(_, at)| at == first_at).count();
        let (tied, rest) = left.split_at(tied);
        match whole_millisecond(client, scope, *first_at, cancel).await? {
            Some((keys, outcomes)) => look.settle(tied, &keys, outcomes),
            None => look.unclear += tied.len(),
        }
        left = rest;
    }
    Ok(look)
}

impl SecondLook {
    /// Sorts `sought` by whether they are among `keys`, the whole of what spans them. One of
    /// several that came without an id may be any of them, so then nothing is gone for sure.
    fn settle(&mut self, sought: &[(String, Instant)], keys: &[Key], outcomes: Vec<Outcome>) {
        let here: HashSet<&str> = keys.iter().map(|key| key.id.as_str()).collect();
        let absent = sought.iter().filter(|(id, _)| !here.contains(id.as_str()));
        if keys.iter().all(|key| key.has_id) {
            self.gone.extend(absent.map(|(id, _)| id.clone()));
        } else {
            self.unclear += absent.count();
        }
        let sought: HashSet<&str> = sought.iter().map(|(id, _)| id.as_str()).collect();
        let rows = outcomes.into_iter().filter_map(|outcome| match outcome {
            Outcome::Rows(rows) if sought.contains(rows.ticket.id.as_str()) => Some(*rows),
            Outcome::Rows(_) | Outcome::Reject(_) => None,
        });
        self.found.extend(rows);
    }
}

/// The keys of all tickets of one millisecond, and what became of them; `None` where the API's
/// answers do not prove that they are all.
async fn whole_millisecond(
    client: &Arc<Client>,
    scope: &Arc<Scope>,
    at: Instant,
    cancel: &CancellationToken,
) -> Result<Option<(Vec<Key>, Vec<Outcome>)>> {
    let Some(window) = Window::new(at, at + Duration::milliseconds(1)) else {
        return Ok(None);
    };
    let mut pager = Pager::new(Slice::new(0, window), &scope.filters);
    let mut keys = Vec::new();
    let mut outcomes = Vec::new();
    while let Some(ask) = pager.ask() {
        let page = page::fetch(Arc::clone(client), Arc::clone(scope), ask, cancel.clone()).await?;
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

//! Tickets that a complete listing did not show: read again, one page for as many as it spans,
//! before anybody believes they are gone.

use std::collections::HashSet;
use std::sync::Arc;

use chrono::Duration;
use tokio_util::sync::CancellationToken;

use super::page::{self, Scope};
use super::pager::{Answer, Ask, Narrowing, PAGE_LIMIT, Pager, Step};
use crate::api::Client;
use crate::error::Result;
use crate::normalize::{Outcome, TicketRows};
use crate::plan::{Slice, SliceState};
use crate::settings::Filters;
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
/// one request.
///
/// # Errors
/// Whatever ends a request for good.
pub async fn look_again(
    client: &Arc<Client>,
    missing: &[(String, Instant)],
    range: Window,
    cancel: &CancellationToken,
) -> Result<SecondLook> {
    let scope = Arc::new(Scope {
        filters: Filters::default(),
        has_messages: true,
    });
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
        let page = page::fetch(Arc::clone(client), Arc::clone(&scope), ask, cancel.clone()).await?;
        let settled_until = page.spans(window);
        let spanned = left
            .iter()
            .take_while(|(_, at)| settled_until.is_some_and(|until| *at < until))
            .count();
        if spanned > 0 {
            let (settled, rest) = left.split_at(spanned);
            let here = page.keys.into_iter().map(|key| key.id).collect();
            look.settle(settled, &here, page.outcomes);
            left = rest;
            continue;
        }
        // More tickets in this millisecond than a page holds, or an answer out of order.
        let tied = left.iter().take_while(|(_, at)| at == first_at).count();
        let (tied, rest) = left.split_at(tied);
        match whole_millisecond(client, &scope, *first_at, cancel).await? {
            Some((here, outcomes)) => look.settle(tied, &here, outcomes),
            None => look.unclear += tied.len(),
        }
        left = rest;
    }
    Ok(look)
}

impl SecondLook {
    /// Sorts `sought` by whether they are among the ids `here`.
    fn settle(
        &mut self,
        sought: &[(String, Instant)],
        here: &HashSet<String>,
        outcomes: Vec<Outcome>,
    ) {
        let gone = sought.iter().filter(|(id, _)| !here.contains(id));
        self.gone.extend(gone.map(|(id, _)| id.clone()));
        let sought: HashSet<&str> = sought.iter().map(|(id, _)| id.as_str()).collect();
        let rows = outcomes.into_iter().filter_map(|outcome| match outcome {
            Outcome::Rows(rows) if sought.contains(rows.ticket.id.as_str()) => Some(*rows),
            Outcome::Rows(_) | Outcome::Reject(_) => None,
        });
        self.found.extend(rows);
    }
}

/// The ids of all tickets of one millisecond, and what became of them; `None` where the API's
/// answers do not prove that they are all.
async fn whole_millisecond(
    client: &Arc<Client>,
    scope: &Arc<Scope>,
    at: Instant,
    cancel: &CancellationToken,
) -> Result<Option<(HashSet<String>, Vec<Outcome>)>> {
    let Some(window) = Window::new(at, at + Duration::milliseconds(1)) else {
        return Ok(None);
    };
    let mut pager = Pager::new(Slice::new(0, window), &scope.filters);
    let mut ids = HashSet::new();
    let mut outcomes = Vec::new();
    while let Some(ask) = pager.ask() {
        let page = page::fetch(Arc::clone(client), Arc::clone(scope), ask, cancel.clone()).await?;
        let taken = pager.take(Answer {
            count: page.count,
            has_more: page.has_more,
            keys: &page.keys,
        });
        if matches!(taken.step, Step::Again(_)) {
            continue;
        }
        ids.extend(page.keys.into_iter().map(|key| key.id));
        outcomes.extend(page.outcomes);
    }
    let is_sealed = pager.slice().state == SliceState::Sealed;
    Ok(is_sealed.then_some((ids, outcomes)))
}

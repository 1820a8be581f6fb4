//! Tickets that a complete listing did not show: read again, one page for as many as it spans,
//! before anybody believes they are gone.

use std::collections::HashSet;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::page::{self, Scope};
use super::pager::{Ask, Narrowing, PAGE_LIMIT};
use crate::api::Client;
use crate::error::Result;
use crate::normalize::{Outcome, TicketRows};
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
        filters: crate::settings::Filters::default(),
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
        let (settled, rest) = left.split_at(spanned);
        let here: HashSet<&str> = page.keys.iter().map(|key| key.id.as_str()).collect();
        let gone = settled.iter().filter(|(id, _)| !here.contains(id.as_str()));
        look.gone.extend(gone.map(|(id, _)| id.clone()));
        let sought: HashSet<&str> = settled.iter().map(|(id, _)| id.as_str()).collect();
        look.found.extend(
            page.outcomes
                .into_iter()
                .filter_map(|outcome| match outcome {
                    Outcome::Rows(rows) if sought.contains(rows.ticket.id.as_str()) => Some(*rows),
                    Outcome::Rows(_) | Outcome::Reject(_) => None,
                }),
        );
        left = if spanned > 0 {
            rest
        } else {
            // More tickets in this millisecond than a page holds, or an answer out of order.
            look.unclear += 1;
            rest.get(1..).unwrap_or_default()
        };
    }
    Ok(look)
}

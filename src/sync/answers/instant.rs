//! One millisecond that may hold more tickets than a page.

use super::{Answers, Seen};
use crate::extract::{self, Pager, Scope};
use crate::mava::PAGE;
use crate::plan::{Slice, SliceState};
use crate::settings::Filters;
use crate::sync::session::StepResult;
use crate::window::Window;

/// Requests for one millisecond, and for each page of its tickets, before it is left unproven: two passes
/// are what it takes at rest, and in an order that changes some more.
const MOST_REQUESTS: u64 = 40;
const MOST_PER_PAGE: u64 = 24;

impl Answers<'_> {
    /// Reads the tickets of one millisecond that pass `filters`, as a backfill reads a tied one, until
    /// a page is enough, by `is_enough`. Gives back whether one was, or all that lived throughout is
    /// proven to have come.
    pub(in crate::sync) async fn read_instant(
        &mut self,
        at_ms: i64,
        filters: &Filters,
        mut is_enough: impl FnMut(&Seen) -> bool,
    ) -> StepResult<bool> {
        let Some(window) = Window::from_millis(at_ms, at_ms + 1) else {
            return Ok(false);
        };
        let scope = Scope {
            filters: filters.clone(),
            has_messages: self.session.scope.has_messages,
        };
        let mut tickets = self.desk.index.live(at_ms, at_ms + 1);
        let mut requests = 0;
        let mut pager = Pager::new(Slice::new(0, window), filters).cautious();
        while let Some(ask) = pager.ask() {
            let pages = u64::try_from(tickets / PAGE + 1).unwrap_or(u64::MAX);
            if requests
                >= pages
                    .saturating_mul(MOST_PER_PAGE)
                    .saturating_add(MOST_REQUESTS)
            {
                return Ok(false);
            }
            requests += 1;
            // Parts of a tie are asked for by filters, which an API may refuse.
            let query = extract::query(&scope, ask);
            let Some(seen) = self.read_unless_refused(&query).await? else {
                return Ok(false);
            };
            if seen.is_foreign {
                return Ok(false);
            }
            if is_enough(&seen) {
                return Ok(true);
            }
            tickets = tickets.max(seen.keys.len());
            pager.take(seen.answer());
        }
        Ok(pager.slice().state == SliceState::Sealed)
    }
}

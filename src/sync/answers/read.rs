//! One request outside the lists: asked, taken apart, and handed on to be stored.

use super::rejected::{self, Shown};
use super::{Answers, Seen};
use crate::api::{FailureKind, FetchError, SortOrder, TicketsQuery};
use crate::extract::{self, Page};
use crate::normalize::Outcome;
use crate::plan::losses::{Evidence, Losses, Verdict};
use crate::refresh::Time;
use crate::sync::session::StepResult;

/// Where a ticket's JSON holds its resolution time.
const RESOLUTION_TIME: &str = "resolutionTime";

impl Answers<'_> {
    /// Sends one request and takes what it brings. `None` where the page is too heavy to be had,
    /// which is told; the caller goes without.
    pub(in crate::sync) async fn read(&mut self, query: &TicketsQuery) -> StepResult<Option<Seen>> {
        self.session.stop_if_cancelled()?;
        let window = query.window;
        let page = match self.fetch(query).await {
            Ok((page, None)) => page,
            Ok((page, Some(failure))) => {
                self.findings.remark(format!(
                    "{window} was read without messages: {}",
                    failure.error
                ));
                page
            }
            // An API that is down looks the same, but not twice in a row.
            Err(failure)
                if failure.kind == FailureKind::TooLarge
                    || (failure.kind == FailureKind::Heavy && !self.health.is_weak) =>
            {
                self.health.is_weak = failure.kind == FailureKind::Heavy;
                self.findings
                    .remark(format!("{window} could not be read: {}", failure.error));
                return Ok(None);
            }
            Err(failure) => return Err(failure.into()),
        };
        self.health.is_weak = false;
        let seen = seen(query, &page);
        let is_rated = !query.csat_values.is_empty() && !seen.is_foreign;
        let rejected = rejected::shown(query, &page, is_rated);
        self.take(page, rejected)?;
        let context = self.session.run.context;
        context.progress.send_modify(|progress| {
            progress.requests = context.client.counters().requests();
        });
        Ok(Some(seen))
    }

    /// The page of a request, and why it came without threads, if that is so.
    async fn fetch(
        &mut self,
        query: &TicketsQuery,
    ) -> Result<(Page, Option<FetchError>), FetchError> {
        let client = &self.session.run.context.client;
        let cancel = &self.session.run.context.cancel;
        let (page, without) = match self.health.is_weak {
            true => (extract::fetch_query(client, query, cancel).await?, None),
            false => extract::fetch_without_threads_at_worst(client, query, cancel).await?,
        };
        if without.is_some() {
            return Ok((page, without));
        }
        let is_threadless = &mut self.health.is_threadless;
        let page = extract::with_threads(client, query, cancel, page, is_threadless).await?;
        Ok((page, None))
    }

    /// Sends a request without filters once more, on a connection of its own, where so many fewer
    /// tickets are counted than are stored that a loss of that size would not be believed: such an
    /// answer may be empty by mistake. The one that counts more is taken.
    pub(in crate::sync) async fn read_believable(
        &mut self,
        query: &TicketsQuery,
    ) -> StepResult<Option<Seen>> {
        let Some(seen) = self.read(query).await? else {
            return Ok(None);
        };
        let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        let local = self.local(&query.window);
        let lacking = local.saturating_sub(seen.count.unwrap_or(local));
        let losses = Losses {
            missing: number(lacking),
            live: number(local),
            is_allowed: self.session.settings.allow_deletions,
            ..Losses::default()
        };
        if seen.is_foreign || losses.verdict(Evidence::Count) != Verdict::AskAgain {
            return Ok(Some(seen));
        }
        let again = self.read(&query.clone().alone()).await?;
        let again = again.filter(|again| !again.is_foreign && again.count > seen.count);
        Ok(Some(again.unwrap_or(seen)))
    }

    /// What the API counts for a request, asked for one ticket on a connection of its own; `None`
    /// where its answer is none.
    pub(in crate::sync) async fn count_alone(
        &mut self,
        query: &TicketsQuery,
    ) -> StepResult<Option<u64>> {
        self.session.stop_if_cancelled()?;
        let light = TicketsQuery {
            limit: 1,
            skip: 0,
            has_messages: false,
            is_alone: true,
            ..query.clone()
        };
        let context = self.session.run.context;
        let page = extract::fetch_query(&context.client, &light, &context.cancel).await?;
        self.enter_requests()?;
        let is_foreign = page.outcomes.iter().any(|one| excludes(query, one));
        Ok(page.count.filter(|_| !is_foreign))
    }

    /// Reads as [`Answers::read`] does; a request that the API refuses is one to go without: `None`,
    /// and it is told.
    pub(in crate::sync) async fn read_unless_refused(
        &mut self,
        query: &TicketsQuery,
    ) -> StepResult<Option<Seen>> {
        match self.read(query).await {
            Err(stop) if stop.is_refused() => {
                self.findings
                    .remark(format!("the API refused a request: {}", stop.error));
                Ok(None)
            }
            outcome => outcome,
        }
    }

    fn take(&mut self, page: Page, rejected: Vec<Shown>) -> StepResult<()> {
        let read_at = page
            .server_time
            .map_or_else(|| self.session.run.context.client.now(), Ok)?;
        let mut tickets = Vec::with_capacity(page.outcomes.len());
        let mut rejects = Vec::new();
        for outcome in page.outcomes {
            match outcome {
                Outcome::Rows(rows) => tickets.push(*rows),
                Outcome::Reject(reject) => rejects.push(reject),
            }
        }
        self.take_rows(&tickets, &rejects, read_at)?;
        Ok(self.take_rejected(&tickets, rejected)?)
    }
}

/// The answer, as far as steps plan by it.
fn seen(query: &TicketsQuery, page: &Page) -> Seen {
    Seen {
        count: page.count,
        has_more: page.has_more,
        spans: (query.sort_order == SortOrder::Ascending)
            .then(|| page.spans(query.window))
            .flatten(),
        is_foreign: page.outcomes.iter().any(|outcome| excludes(query, outcome)),
        times: page.outcomes.iter().map(time).collect(),
        ids: page.keys.iter().map(|key| key.id.clone()).collect(),
        keys: page.keys.clone(),
    }
}

/// The resolution time of a ticket, as far as it can be read.
fn time(outcome: &Outcome) -> Time {
    let Outcome::Rows(rows) = outcome else {
        return Time::Unread;
    };
    let is_unread = || {
        rows.rejects
            .iter()
            .any(|reject| reject.path == RESOLUTION_TIME)
    };
    match rows.ticket.resolution_time_ms {
        Some(time_ms) => Time::Ms(time_ms),
        None if is_unread() => Time::Unread,
        None => Time::None,
    }
}

/// Whether a ticket came that the request excludes, so that the API must have ignored a filter.
fn excludes(query: &TicketsQuery, outcome: &Outcome) -> bool {
    let is_elsewhere = match outcome {
        Outcome::Rows(rows) => !query.window.contains(rows.ticket.created_at),
        Outcome::Reject(_) => false,
    };
    is_elsewhere || extract::excludes(&query.filters, &query.csat_values, outcome)
}

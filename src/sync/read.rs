//! One request outside the lists: its rows are stored, the index and the hazards learn from them.

use std::collections::HashSet;

use super::night::Night;
use super::rejected::{self, Shown};
use crate::api::{FailureKind, SortBy, SortOrder, TicketsQuery};
use crate::error::Result;
use crate::extract::{self, Answer, Key, Page};
use crate::mava::{self, PAGE_LIMIT};
use crate::normalize::{Outcome, TicketRows};
use crate::plan::losses::{Evidence, Losses, Verdict};
use crate::refresh::{DAY_MS, Kind, Known, Time, Vouch};
use crate::store::{Field, Group, ReadCommit, TicketRead};
use crate::table::Instant;
use crate::window::Window;

/// A ticket resolved longer ago than this has no business getting a tag or a category.
const SETTLED_MS: i64 = 30 * DAY_MS;

/// New tags of one ticket that may be part of a bulk change: no more of them are looked into.
const MOST_SUSPECT: usize = 50;

/// A ticket that was read less long ago is no find for the floor.
const UNREAD_MS: i64 = 3 * DAY_MS;

/// Where a ticket's JSON holds its resolution time.
const RESOLUTION_TIME: &str = "resolutionTime";

/// An answer, as far as steps plan by it.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Tickets that match in all.
    pub(super) count: Option<u64>,
    /// Whether the answer says that more follow.
    pub(super) has_more: Option<bool>,
    /// Tickets that came, in their order.
    pub(super) keys: Vec<Key>,
    /// The resolution time of each.
    pub(super) times: Vec<Time>,
    /// Up to where the answer holds every ticket of the window, if it is sorted by creation.
    pub(super) spans: Option<Instant>,
    /// Tickets came that the request excludes.
    pub(super) is_foreign: bool,
    /// Ids that came, of tickets that could not be stored too.
    pub(super) ids: HashSet<String>,
}

impl Seen {
    /// Tickets that came.
    pub(super) fn received(&self) -> u64 {
        u64::try_from(self.keys.len()).unwrap_or(u64::MAX)
    }

    /// The creations that came, in their order.
    pub(super) fn created_ms(&self) -> impl Iterator<Item = i64> {
        let created = self.keys.iter().filter_map(|key| key.created_at);
        created.map(|at| at.timestamp_millis())
    }

    /// The same as a pager takes it.
    pub(super) fn answer(&self) -> Answer<'_> {
        Answer {
            count: self.count,
            has_more: self.has_more,
            keys: &self.keys,
        }
    }
}

impl Night<'_> {
    /// The request for a window, oldest first.
    pub(super) fn query(&self, window: Window) -> TicketsQuery {
        TicketsQuery {
            has_messages: self.scope.has_messages,
            ..TicketsQuery::of(window, PAGE_LIMIT)
        }
    }

    /// The same, newest first.
    pub(super) fn newest_first(&self, window: Window) -> TicketsQuery {
        TicketsQuery {
            sort_order: SortOrder::Descending,
            ..self.query(window)
        }
    }

    /// The same, by resolution time, longest first.
    pub(super) fn slowest_first(&self, window: Window) -> TicketsQuery {
        TicketsQuery {
            sort_by: SortBy::ResolutionTime,
            ..self.newest_first(window)
        }
    }

    /// Sends one request and takes what it brings. `None` where the page is too heavy to be had,
    /// which is told; the caller goes without.
    pub(super) async fn read(&mut self, query: &TicketsQuery) -> Result<Option<Seen>> {
        self.stop_if_cancelled()?;
        let client = &self.context.client;
        let cancel = &self.context.cancel;
        let fetched = match self.is_weak {
            true => extract::fetch_query(client, query, cancel)
                .await
                .map(|page| (page, None)),
            false => extract::fetch_without_threads_at_worst(client, query, cancel).await,
        };
        let fetched = match fetched {
            Ok((page, None)) => {
                let is_threadless = &mut self.is_threadless;
                let page = extract::with_threads(client, query, cancel, page, is_threadless).await;
                page.map(|page| (page, None))
            }
            fetched => fetched,
        };
        let page = match fetched {
            Ok((page, None)) => page,
            Ok((page, Some(failure))) => {
                let window = query.window;
                self.remark(format!(
                    "{window} was read without messages: {}",
                    failure.error
                ));
                page
            }
            // An API that is down looks the same, but not twice in a row.
            Err(failure)
                if failure.kind == FailureKind::TooLarge
                    || (failure.kind == FailureKind::Heavy && !self.is_weak) =>
            {
                self.is_weak = failure.kind == FailureKind::Heavy;
                let window = query.window;
                self.remark(format!("{window} could not be read: {}", failure.error));
                return Ok(None);
            }
            Err(failure) => {
                self.failing = Some(failure.kind);
                return Err(failure.error);
            }
        };
        self.is_weak = false;
        let seen = Seen {
            count: page.count,
            has_more: page.has_more,
            spans: (query.sort_order == SortOrder::Ascending)
                .then(|| page.spans(query.window))
                .flatten(),
            is_foreign: page.outcomes.iter().any(|outcome| excludes(query, outcome)),
            times: page.outcomes.iter().map(time).collect(),
            ids: page.keys.iter().map(|key| key.id.clone()).collect(),
            keys: page.keys.clone(),
        };
        let is_rated = !query.csat_values.is_empty() && !seen.is_foreign;
        let rejected = rejected::shown(query, &page, is_rated);
        self.take(page, rejected)?;
        self.context.progress.send_modify(|progress| {
            progress.requests = self.context.client.counters().requests();
        });
        Ok(Some(seen))
    }

    /// The same of a request without filters, sent once more, on a connection of its own, where so many
    /// fewer tickets are counted than are stored that a loss of that size would not be believed: such an answer may
    /// be empty by mistake. The one that counts more is taken.
    pub(super) async fn read_believable(&mut self, query: &TicketsQuery) -> Result<Option<Seen>> {
        let Some(seen) = self.read(query).await? else {
            return Ok(None);
        };
        let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        let local = self.local(&query.window);
        let lacking = local.saturating_sub(seen.count.unwrap_or(local));
        let losses = Losses {
            missing: number(lacking),
            live: number(local),
            is_allowed: self.settings.allow_deletions,
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
    pub(super) async fn count_alone(&mut self, query: &TicketsQuery) -> Result<Option<u64>> {
        self.stop_if_cancelled()?;
        let light = TicketsQuery {
            limit: 1,
            skip: 0,
            has_messages: false,
            is_alone: true,
            ..query.clone()
        };
        let context = self.context;
        let page = match extract::fetch_query(&context.client, &light, &context.cancel).await {
            Ok(page) => page,
            Err(failure) => {
                self.failing = Some(failure.kind.clone());
                return Err(failure.error);
            }
        };
        self.enter_requests()?;
        let is_foreign = page.outcomes.iter().any(|one| excludes(query, one));
        Ok(page.count.filter(|_| !is_foreign))
    }

    /// The same, where a request that the API refuses is one to go without: `None`, and it is told.
    pub(super) async fn read_unless_refused(
        &mut self,
        query: &TicketsQuery,
    ) -> Result<Option<Seen>> {
        self.failing = None;
        match self.read(query).await {
            Err(error) if self.is_refused() => {
                self.failing = None;
                self.remark(format!("the API refused a request: {error}"));
                Ok(None)
            }
            outcome => outcome,
        }
    }

    fn take(&mut self, page: Page, rejected: Vec<Shown>) -> Result<()> {
        let read_at = page
            .server_time
            .map_or_else(|| self.context.client.now(), Ok)?;
        let mut tickets = Vec::with_capacity(page.outcomes.len());
        let mut rejects = Vec::new();
        for outcome in page.outcomes {
            match outcome {
                Outcome::Rows(rows) => tickets.push(*rows),
                Outcome::Reject(reject) => rejects.push(reject),
            }
        }
        self.take_rows(&tickets, &rejects, read_at)?;
        self.take_rejected(&tickets, rejected)
    }

    /// Stores tickets that were read, and learns from them.
    pub(super) fn take_rows(
        &mut self,
        tickets: &[TicketRows],
        rejects: &[crate::table::Reject],
        read_at: Instant,
    ) -> Result<()> {
        let snapshot_id = self.snapshot_id;
        let requests = self.account.newly_sent();
        let (_, reads) = self.store()?.commit_read(&ReadCommit {
            snapshot_id,
            tickets,
            rejects,
            requests,
            read_at,
        })?;
        for (rows, read) in tickets.iter().zip(reads) {
            if read.is_second {
                self.take_second(rows)?;
                continue;
            }
            let known = known(rows, read_at);
            if let Some(before) = self.desk.index.take(known.clone()) {
                let is_old = known.verified_ms - before.verified_ms > UNREAD_MS;
                self.reread += usize::from(!before.is_met && is_old);
                self.learn(&before, &known, rows, &read)?;
            }
        }
        Ok(())
    }

    fn learn(
        &mut self,
        before: &Known,
        now: &Known,
        rows: &TicketRows,
        read: &TicketRead,
    ) -> Result<()> {
        if !before.is_open && !before.is_resolved || before.is_met {
            return Ok(());
        }
        if before.is_open {
            return self.prove(before, now);
        }
        let resolved_ms = before.resolved_at_ms();
        let until_ms = now.verified_ms;
        let is_resolved_again = now.is_resolved && now.resolution_ms != before.resolution_ms;
        let is_rated = now.is_rated && !before.is_rated;
        let is_moved = until_ms - resolved_ms > SETTLED_MS && self.suspect(rows, read, until_ms)?;
        let is_other = read.is_changed && !is_resolved_again && !is_rated && !is_moved;
        for (kind, has_changed, applies) in [
            (Kind::Rating, is_rated, !before.is_rated),
            (Kind::Resolution, is_resolved_again, true),
            (Kind::Other, is_other, true),
        ] {
            // What was in a thread that nobody had read is no change.
            let is_news = kind != Kind::Other || !read.is_first_thread;
            if applies && is_news {
                let from_ms = before.known_ms(kind);
                self.desk.hazards.of(kind).learn_between(
                    resolved_ms,
                    from_ms,
                    until_ms,
                    has_changed,
                );
            }
        }
        Ok(())
    }

    /// Notes tags and a category that a long settled ticket got.
    fn suspect(&mut self, rows: &TicketRows, read: &TicketRead, at_ms: i64) -> Result<bool> {
        let Some(before) = &read.before else {
            return Ok(false);
        };
        let tags: HashSet<String> = serde_json::from_str(&before.tags_json).unwrap_or_default();
        let new = rows.tags.iter().filter(|tag| !tags.contains(&tag.id));
        let mut groups: Vec<Group> = new
            .take(MOST_SUSPECT)
            .map(|tag| Group {
                field: Field::Tag,
                value: tag.id.clone(),
            })
            .collect();
        if let Some(category) = &rows.ticket.category_id
            && before.category_id.as_ref() != Some(category)
        {
            groups.push(Group {
                field: Field::Category,
                value: category.clone(),
            });
        }
        for group in &groups {
            self.store()?.suspect(group, &rows.ticket.id, at_ms)?;
        }
        Ok(!groups.is_empty())
    }

    /// Everything of a kind that happened in a range would have been seen by now.
    pub(super) fn vouch(
        &mut self,
        kind: Kind,
        window: (i64, i64),
        resolved_from_ms: i64,
    ) -> Result<()> {
        let vouch = Vouch {
            kind,
            from_ms: window.0,
            until_ms: window.1,
            resolved_from_ms,
            at_ms: self.desk.began_ms(),
        };
        if vouch.from_ms >= vouch.until_ms {
            return Ok(());
        }
        let desk = &mut self.desk;
        let hazard = desk.hazards.of(kind);
        vouch.apply(&mut desk.index, |known| {
            let applies = kind != Kind::Rating || !known.is_rated;
            if applies && !known.is_met {
                let (resolved, from) = (known.resolved_at_ms(), known.known_ms(kind));
                hazard.learn_between(resolved, from, vouch.at_ms, false);
            }
        });
        let since_ms = self.desk.began_ms() - crate::refresh::KEPT_MS;
        self.store()?.commit_vouches(&[vouch], since_ms)
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

fn known(rows: &TicketRows, read_at: Instant) -> Known {
    let ticket = &rows.ticket;
    let status = ticket.status.as_deref();
    let is_resolved = mava::is_resolved(status);
    Known {
        id: ticket.id.as_str().into(),
        created_ms: ticket.created_at.timestamp_millis(),
        verified_ms: read_at.timestamp_millis(),
        rating_known_ms: i64::MIN,
        resolution_known_ms: i64::MIN,
        resolution_ms: ticket.resolution_time_ms.filter(|_| is_resolved),
        is_resolved,
        is_open: mava::is_open(status),
        is_rated: ticket.csat.is_some(),
        is_met: true,
        is_gone: false,
    }
}

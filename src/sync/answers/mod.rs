//! The writer of a sync: each answer goes into the store, and what is planned by learns from it.

mod instant;
mod learn;
mod read;
mod rejected;
mod trust;

use std::collections::{HashMap, HashSet};

pub(super) use self::trust::Trust;
use super::OVERLAP;
use super::report::{Findings, Rated};
use super::session::Session;
use crate::error::Result;
use crate::extract::{Answer, Key, Missing};
use crate::refresh::{Desk, Index, KEPT_MS, Time};
use crate::store::{Coverage, Rejected, Store};
use crate::table::Instant;
use crate::window::{EARLIEST, Window};

/// The store, and what steps plan by; both change with each answer.
#[derive(Debug)]
pub(super) struct Answers<'a> {
    pub(super) session: &'a Session<'a>,
    pub(super) store: Store,
    /// The index of tickets, and how often they change.
    pub(super) desk: Desk,
    /// Tickets that the API shows and that have no row, by id.
    pub(super) rejected: HashMap<String, Rejected>,
    /// Whether resolution times are what they are taken for.
    pub(super) trust: Trust,
    /// How the API bears the requests.
    pub(super) health: Health,
    /// What there is to say of the answers since a step began.
    pub(super) findings: Findings,
    /// What lists of resolved tickets counted.
    pub(super) resolved: ResolvedCounts,
    /// Tickets that did not come, and of which a second look could not tell whether they are gone.
    pub(super) unclear: Vec<Missing>,
}

/// What lists of resolved tickets counted, against what is stored.
#[derive(Debug, Default)]
pub(super) struct ResolvedCounts {
    /// Ranges in which the API counts fewer than are stored, and how many fewer.
    pub(super) fewer: Vec<(Window, u64)>,
    /// Ranges of which it cannot be said whether as many are stored as the API counts.
    pub(super) unclear: usize,
    /// Whether the lists leave no gap, so that nothing is missing but what is fewer.
    pub(super) are_all: bool,
    /// Tickets that this run read, and that were found missing after that.
    pub(super) went: Vec<Missing>,
}

impl ResolvedCounts {
    /// Whether as many resolved tickets are stored as the API counts, in every range.
    pub(super) fn is_nothing_missing(&self) -> bool {
        self.are_all && self.fewer.is_empty()
    }
}

/// How the API bears the requests.
#[derive(Debug, Default)]
pub(super) struct Health {
    /// Whether the last page asked for was too heavy to be had.
    is_weak: bool,
    /// Whether a page came twice without the threads asked for, so that no other is asked for again.
    is_threadless: bool,
}

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

    /// The answer as a pager takes it.
    pub(super) fn answer(&self) -> Answer<'_> {
        Answer {
            count: self.count,
            has_more: self.has_more,
            keys: &self.keys,
        }
    }
}
impl<'a> Answers<'a> {
    /// A writer into this store, of a sync that plans by `desk`. The index comes with [`Answers::load`].
    pub(super) fn new(session: &'a Session<'a>, store: Store, desk: Desk) -> Result<Self> {
        let rejected = store.rejected()?.into_iter();
        Ok(Self {
            session,
            desk,
            rejected: rejected.map(|one| (one.id.clone(), one)).collect(),
            trust: Trust::of(store.proofs()?),
            health: Health::default(),
            findings: Findings::default(),
            resolved: ResolvedCounts::default(),
            unclear: Vec::new(),
            store,
        })
    }

    /// Reads the index, as what is stored has it now.
    pub(super) fn load(&mut self) -> Result<()> {
        let rejected = self.store.rejected()?.into_iter();
        self.rejected = rejected.map(|one| (one.id.clone(), one)).collect();
        let snapshot_id = self.session.run.snapshot_id;
        load(&mut self.desk, &self.store, snapshot_id)
    }

    /// Tickets that a second look left open and that nothing since has shown or flagged.
    pub(super) fn still_unclear(&self) -> Result<Vec<Missing>> {
        let snapshot_id = self.session.run.snapshot_id;
        let mut left = Vec::new();
        for one in self.store.not_seen(snapshot_id, self.unclear.clone())? {
            if self.store.has_live_ticket(&one.0)? {
                left.push(one);
            }
        }
        left.sort();
        left.dedup();
        Ok(left)
    }

    /// Enters every request sent so far into the run's account.
    pub(super) fn enter_requests(&mut self) -> Result<()> {
        self.session.run.enter_requests(&mut self.store)
    }

    /// Tickets in a window that the API should count: the live ones of the index, and those it is
    /// known to show that have no row.
    pub(super) fn local(&self, window: &Window) -> u64 {
        let from_ms = window.from().timestamp_millis();
        let until_ms = window.until().timestamp_millis();
        let rejected = self
            .rejected
            .values()
            .filter(|rejected| (from_ms..until_ms).contains(&rejected.created_ms));
        let live = self.desk.index.live(from_ms, until_ms) + rejected.count();
        u64::try_from(live).unwrap_or(u64::MAX)
    }

    /// Resolved tickets in a range, as a list of them should count; `None` where nobody knows: some that
    /// were open have not been seen since, or have no row.
    pub(super) fn resolved_in(&self, from_ms: i64, until_ms: i64) -> Option<u64> {
        let mut rejected = self.rejected.values();
        let is_inside = |rejected: &Rejected| (from_ms..until_ms).contains(&rejected.created_ms);
        let tickets = self.desk.index.created_in(from_ms, until_ms).iter();
        let mut live = tickets.filter(|known| !known.is_gone);
        let is_unclear =
            rejected.any(is_inside) || live.clone().any(|known| known.is_open && !known.is_seen);
        (!is_unclear).then(|| {
            let resolved = live.by_ref().filter(|known| known.is_resolved);
            u64::try_from(resolved.count()).unwrap_or(u64::MAX)
        })
    }

    /// Ratings that the API counts and that are neither in the index nor on tickets without a row; `None` where
    /// none is known to be missing and not all were counted.
    pub(super) fn ratings_outstanding(&self, rated: &Rated) -> Option<u64> {
        let missing = rated.counted.iter().map(|(window, count)| {
            let (from, until) = (window.from(), window.until());
            let known = self.ratings_in(from.timestamp_millis(), until.timestamp_millis());
            count.saturating_sub(known)
        });
        let missing: u64 = missing.sum();
        (missing > 0 || rated.are_all).then_some(missing)
    }

    /// Ratings of tickets created in `[from_ms, until_ms)`, in the index and on tickets without a row.
    pub(super) fn ratings_in(&self, from_ms: i64, until_ms: i64) -> u64 {
        let tickets = self.desk.index.created_in(from_ms, until_ms);
        let local = tickets
            .iter()
            .filter(|known| known.is_rated && !known.is_gone);
        let rejected = self.rejected.values().filter(|rejected| {
            rejected.is_rated && (from_ms..until_ms).contains(&rejected.created_ms)
        });
        let known = local.count() + rejected.count();
        u64::try_from(known).unwrap_or(u64::MAX)
    }
}

/// Whether the last complete sync went by a clock that ran ahead: nobody knows what it had seen then.
pub(super) fn is_ahead(coverage: &Coverage, began_at: Instant) -> bool {
    coverage.complete_at > began_at + OVERLAP
}

/// What a sync that begins at `began_at` plans by, without its index.
pub(super) fn desk(store: &Store, coverage: &Coverage, began_at: Instant) -> Result<Desk> {
    // A store may cover years before any desk, which nothing is to be counted in.
    let first = coverage.range.from().max(EARLIEST);
    Ok(Desk {
        first,
        since: match is_ahead(coverage, began_at) {
            true => first,
            false => (coverage.complete_at - OVERLAP).max(first),
        },
        began_at,
        index: Index::default(),
        hazards: store.hazards()?,
    })
}

/// Reads the index, with what former sweeps assure.
pub(super) fn load(desk: &mut Desk, store: &Store, snapshot_id: i64) -> Result<()> {
    let latest = desk.began_at + OVERLAP;
    desk.index = store.index(snapshot_id, latest)?;
    store
        .assurances(desk.began_ms() - KEPT_MS, latest.timestamp_millis())?
        .apply(&mut desk.index);
    Ok(())
}

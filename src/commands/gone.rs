//! Tickets that a complete, unfiltered read did not meet: flagged as deleted after a second look,
//! unless so many are missing that none of it is believed.

use std::sync::Arc;

use chrono::TimeDelta;

use super::backfill::Context;
use crate::error::Result;
use crate::extract::{self, Batch, Missing, Scope};
use crate::plan::Slice;
pub(super) use crate::plan::closing::is_suspicious;
use crate::store::{PageCommit, Store};
use crate::table::Instant;
use crate::window::Window;

/// A ticket created less than this before a run began is not missed by it: a copy of the desk may lag,
/// and show it late.
const YOUNG: TimeDelta = TimeDelta::minutes(10);

/// From when on tickets are too young to be missed by a run that began at this instant, by the server's
/// clock.
pub(super) fn young_from(began_at: Instant) -> Instant {
    began_at - YOUNG
}

/// What is said then.
pub(super) fn disbelief(missing: i64) -> String {
    format!(
        "{missing} stored tickets were not found any more; so many look like a wrong key, another \
         desk or an empty workspace, so none was flagged as deleted (--allow-deletions overrides)"
    )
}

/// Missing tickets (by creation), each with the neighbours that are stored.
pub(super) fn batches(
    store: &Store,
    snapshot_id: i64,
    missing: &[Missing],
    until: Instant,
) -> Result<Vec<Batch>> {
    Batch::of(missing, until, |at| {
        store.live_around(snapshot_id, at, extract::BEFORE, extract::MOST)
    })
}

/// A search for tickets that may be gone.
#[derive(Debug)]
pub(super) struct Search<'a> {
    pub(super) context: &'a Context,
    pub(super) snapshot_id: i64,
    /// Whether threads are asked for.
    pub(super) has_messages: bool,
    /// Where the missing tickets were created.
    pub(super) range: Window,
    /// The slice in whose name tickets that are there after all are stored.
    pub(super) slice: Option<&'a Slice>,
    /// Live tickets of all that the run looked at, the missing ones included.
    pub(super) live: i64,
    /// Whether to believe it even when suspiciously many are gone.
    pub(super) allow_deletions: bool,
    /// What was created from here on is too young to be missed.
    pub(super) young_from: Instant,
}

impl Search<'_> {
    /// Looks for `missing` (id and creation, by creation) once more and flags what is gone. What
    /// the search could not settle comes back as a remark. Its requests are the caller's to count.
    pub(super) async fn flag(
        &self,
        store: &mut Store,
        missing: &[(String, Instant)],
    ) -> Result<Option<String>> {
        let old = missing.partition_point(|(_, at)| *at < self.young_from);
        let missing = missing.get(..old).unwrap_or_default();
        let count = i64::try_from(missing.len()).unwrap_or(i64::MAX);
        if is_suspicious(count, self.live) && !self.allow_deletions {
            return Ok(Some(disbelief(count)));
        }
        if missing.is_empty() {
            return Ok(None);
        }
        let scope = Arc::new(Scope {
            filters: crate::settings::Filters::default(),
            has_messages: self.has_messages,
        });
        let batches = batches(store, self.snapshot_id, missing, self.range.until())?;
        let context = self.context;
        let look = extract::look_again(&context.client, &scope, &batches, &context.cancel).await?;
        let now = context.client.now()?;
        if let (false, Some(slice)) = (look.found.is_empty(), self.slice) {
            store.commit_page(&PageCommit {
                snapshot_id: self.snapshot_id,
                slice,
                tickets: &look.found,
                rejects: &[],
                requests: 0,
                read_at: now,
            })?;
        }
        store.mark_deleted(self.snapshot_id, &look.gone, now)?;
        Ok((!look.unclear.is_empty()).then(|| {
            format!(
                "{} tickets were not listed, and a second look could not tell whether they are gone",
                look.unclear.len()
            )
        }))
    }
}

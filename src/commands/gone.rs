//! Tickets that a complete, unfiltered read did not meet: flagged as deleted after a second look,
//! unless so many are missing that none of it is believed.

use std::sync::Arc;

use super::backfill::Context;
use crate::clock;
use crate::error::Result;
use crate::extract::{self, Batch, Missing, Scope};
use crate::plan::Slice;
use crate::store::{PageCommit, Store};
use crate::table::Instant;
use crate::window::Window;

/// A run that found more tickets gone than this, and more than [`SUSPICIOUS_PERCENT`] of those
/// alive, believes none of it: a wrong key or an empty workspace looks just so.
const SUSPICIOUS_COUNT: i64 = 50;

/// The same on any desk, however small, that lost so many and more than half of its tickets.
const SUSPICIOUS_HALF: i64 = 2;

/// See [`SUSPICIOUS_COUNT`].
const SUSPICIOUS_PERCENT: i64 = 2;

/// Whether so many of those alive are missing that none of it is believed.
pub(super) fn is_suspicious(missing: i64, live: i64) -> bool {
    let is_many = missing > SUSPICIOUS_COUNT
        && missing.saturating_mul(100) > live.saturating_mul(SUSPICIOUS_PERCENT);
    let is_most = missing >= SUSPICIOUS_HALF && missing.saturating_mul(2) > live;
    is_many || is_most
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
}

impl Search<'_> {
    /// Looks for `missing` (id and creation, by creation) once more and flags what is gone. What
    /// the search could not settle comes back as a remark. Its requests are the caller's to count.
    pub(super) async fn flag(
        &self,
        store: &mut Store,
        missing: &[(String, Instant)],
    ) -> Result<Option<String>> {
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
        let now = clock::now()?;
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
        Ok((look.unclear > 0).then(|| {
            format!(
                "{} tickets were not listed, but a second look did not settle whether they are gone",
                look.unclear
            )
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loss_is_believed_only_where_it_is_a_small_part_of_the_desk() {
        for (missing, live, is_disbelieved) in [
            (0, 0, false),
            (1, 1, false),
            (1, 2, false),
            (2, 2, true),
            (2, 3, true),
            (2, 4, false),
            (45, 45, true),
            (50, 100, false),
            (51, 100, true),
            (51, 2_550, false),
            (52, 2_550, true),
        ] {
            let what = format!("{missing} of {live}");
            assert_eq!(is_suspicious(missing, live), is_disbelieved, "{what}");
        }
    }
}

//! Tickets that a complete, unfiltered read did not meet: flagged as deleted after a second look,
//! unless so many are missing that none of it is believed.

use std::sync::Arc;

use super::running::Running;
use crate::error::Result;
use crate::extract::{self, Batch, Missing, Scope};
use crate::plan::Slice;
use crate::plan::losses::{Evidence, Losses, Verdict};
use crate::store::{PageCommit, Store};
use crate::table::Instant;
use crate::window::Window;

/// What is said where so many are missing that none of it is believed.
pub(crate) fn disbelief(missing: i64) -> String {
    format!(
        "{missing} stored tickets were not found any more; so many look like a wrong key, another \
         desk or an empty workspace, so none was flagged as deleted; if this is another desk, use another file for it, and if they really are \
         gone, add --allow-deletions"
    )
}

/// Missing tickets (by creation), each with the neighbours that are stored.
pub(crate) fn batches(
    store: &Store,
    snapshot_id: i64,
    missing: &[Missing],
    until: Instant,
    young_from: Instant,
) -> Result<Vec<Batch>> {
    Batch::of(missing, until, young_from, |at| {
        store.live_around(snapshot_id, at, extract::BEFORE, extract::MOST)
    })
}

/// Missing tickets that were stored before a run, as a loss of all that the run looks at: what is
/// stored in `covered`.
pub(crate) fn losses(
    store: &Store,
    snapshot_id: i64,
    covered: &[Window],
    missing: usize,
) -> Result<Losses> {
    let snapshot = store.snapshot(snapshot_id)?;
    let missing = i64::try_from(missing).unwrap_or(i64::MAX);
    Ok(Losses {
        missing,
        known: missing,
        live: live(store, covered)?,
        new: snapshot.tickets_new,
        deleted: snapshot.tickets_deleted,
        known_deleted: store.deleted_before(snapshot_id)?,
        ..Losses::default()
    })
}

/// Live tickets in these windows.
pub(super) fn live(store: &Store, windows: &[Window]) -> Result<i64> {
    let mut live = 0;
    for window in windows {
        live += store.live_count(window)?;
    }
    Ok(live)
}

/// What a search did not settle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unsettled {
    /// So many are missing, with those that the run had flagged, that none of it is believed: nothing is flagged
    /// any more, and nothing more may be.
    Refused(i64),
    /// The answers proved nothing about so many.
    Unclear(usize),
}

impl Unsettled {
    /// It, as a remark.
    pub(crate) fn told(self) -> String {
        match self {
            Self::Refused(missing) => disbelief(missing),
            Self::Unclear(tickets) => format!(
                "{tickets} tickets were not listed, and a second look could not tell whether they are gone"
            ),
        }
    }
}

/// A search for tickets that may be gone.
#[derive(Debug)]
pub(crate) struct Search<'a> {
    pub(crate) run: &'a Running<'a>,
    /// Whether threads are asked for.
    pub(crate) has_messages: bool,
    /// Where the missing tickets were created.
    pub(crate) range: Window,
    /// The slice in whose name tickets that are there after all are stored.
    pub(crate) slice: Option<&'a Slice>,
    /// All that the run looked at: what the guard against mass losses is held against.
    pub(crate) covered: &'a [Window],
    /// What was created from here on is too young to be missed.
    pub(crate) young_from: Instant,
}

impl Search<'_> {
    /// Looks for `missing` (id and creation, by creation) once more and flags what is gone. What
    /// the search could not settle comes back as a remark. Its requests are the caller's to count.
    pub(crate) async fn flag(
        &self,
        store: &mut Store,
        missing: &[(String, Instant)],
    ) -> Result<Option<String>> {
        let snapshot_id = self.run.snapshot_id;
        let old = missing.partition_point(|(_, at)| *at < self.young_from);
        let missing = missing.get(..old).unwrap_or_default();
        let losses = Losses {
            is_allowed: self.run.allow_deletions,
            ..losses(store, snapshot_id, self.covered, missing.len())?
        };
        match losses.verdict(Evidence::List) {
            Verdict::Believed => return Ok(None),
            Verdict::Refused { missing } => {
                // Nor is what the run flagged before it came to that.
                store.unmark_deleted(snapshot_id)?;
                return Ok(Some(disbelief(missing)));
            }
            Verdict::AskAgain => {}
        }
        let unsettled = self.look(store, missing).await?;
        Ok(unsettled.map(Unsettled::told))
    }

    /// Looks for tickets without any filter, stores those that are there, and flags the others. Gives back what the
    /// search could not settle.
    pub(crate) async fn look(
        &self,
        store: &mut Store,
        missing: &[(String, Instant)],
    ) -> Result<Option<Unsettled>> {
        let Running {
            context,
            snapshot_id,
            ..
        } = *self.run;
        let scope = Arc::new(Scope {
            filters: crate::settings::Filters::default(),
            has_messages: self.has_messages,
        });
        let until = self.range.until();
        let batches = batches(store, snapshot_id, missing, until, self.young_from)?;
        let look = extract::look_again(&context.client, &scope, &batches, &context.cancel).await?;
        // By the server's clock, as all that a run reads.
        let now = self.run.began_at;
        if let (false, Some(slice)) = (look.found.is_empty(), self.slice) {
            store.commit_page(&PageCommit {
                snapshot_id,
                slice,
                tickets: &look.found,
                rejects: &[],
                requests: 0,
                read_at: now,
            })?;
        }
        let losses = Losses {
            is_allowed: self.run.allow_deletions,
            ..losses(store, snapshot_id, self.covered, look.gone.len())?
        };
        if let Verdict::Refused { missing } = losses.verdict(Evidence::Look) {
            store.unmark_deleted(snapshot_id)?;
            return Ok(Some(Unsettled::Refused(missing)));
        }
        store.mark_deleted(snapshot_id, &look.gone, now)?;
        let unclear = look.unclear.len();
        Ok((unclear > 0).then_some(Unsettled::Unclear(unclear)))
    }
}

//! A sync of a store that holds a part of the desk: what the filters of its backfills select.

use std::collections::HashSet;

use super::begin::{self, as_typed};
use super::ending::threads_left;
use super::{LONGEST_PAUSE, summary};
use crate::error::{Error, ExitCode, Result};
use crate::plan::SliceState;
use crate::refresh::{self, Unseen};
use crate::report::{Freshness, Stopped, SyncSummary};
use crate::run::{self, Context, Keeping};
use crate::settings::{self, Backfill, Filters};
use crate::store::Store;
use crate::table::{Ending, Instant, Snapshot};

/// What a store holds of a desk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Selection {
    /// What was filtered by, as it is stored.
    pub(super) filters_json: String,
    /// From where on that was read.
    pub(super) since: Instant,
    /// When threads were last read; `None` of a store without any.
    threads_read_at: Option<Instant>,
    /// Of a run that goes on, whether it reads threads.
    begun: Option<bool>,
}

/// What a sync of a store without history keeps up: what the filters of the last backfill that ended select, from
/// where on it and those like it have read. `None` where all of the desk is to be read.
///
/// # Errors
/// The store cannot be read, or what a backfill had still to read would be given up for it.
pub(super) fn selected(store: &Store, settings: &settings::Sync) -> Result<Option<Selection>> {
    let unfinished = store.progress()?.map(|progress| progress.snapshot);
    let selection = match settings.since {
        Some(_) => None,
        None => selection(store)?,
    };
    match (unfinished, selection) {
        (None, selection) => Ok(selection),
        (Some(run), Some(selection)) if selection.is_of(&run, settings) => Ok(Some(Selection {
            begun: Some(run.has_messages),
            ..selection
        })),
        (Some(run), _) => {
            if run.filters_json.is_some() {
                begin::refuse_unfinished(store)?;
            }
            Ok(None)
        }
    }
}

fn selection(store: &Store) -> Result<Option<Selection>> {
    let snapshots = store.snapshots(u32::MAX)?;
    let ended: Vec<Snapshot> = snapshots.into_iter().filter(Snapshot::has_ended).collect();
    let Some((last, filters_json)) = ended
        .iter()
        .find_map(|run| Some((run, run.filters_json.clone()?)))
    else {
        return Ok(None);
    };
    let alike = || {
        let of_same = |run: &&Snapshot| run.filters_json.as_ref() == Some(&filters_json);
        ended.iter().filter(of_same)
    };
    let since = alike().map(|run| run.range_from).min();
    let with_threads = alike().filter(|run| run.has_messages);
    Ok(Some(Selection {
        since: since.unwrap_or(last.range_from),
        threads_read_at: with_threads.map(|run| run.started_at).max(),
        begun: None,
        filters_json: filters_json.clone(),
    }))
}

impl Selection {
    /// Whether a run that is not finished is one that keeps this up.
    fn is_of(&self, run: &Snapshot, settings: &settings::Sync) -> bool {
        run.is_of(settings.kind)
            && run.filters_json.as_ref() == Some(&self.filters_json)
            && run.range_from == self.since
    }

    /// Whether a sync with these settings reads threads.
    fn has_messages(&self, settings: &settings::Sync) -> bool {
        let asked = settings.has_messages && self.threads_read_at.is_some();
        self.begun.unwrap_or(asked)
    }

    /// The filters.
    ///
    /// # Errors
    /// They are not as this program writes them.
    fn filters(&self) -> Result<Filters> {
        serde_json::from_str(&self.filters_json).map_err(|error| {
            Error::failed("the filters in the store cannot be read")
                .because(error)
                .help("run the backfill again, with its filters")
        })
    }
}

/// Reads what the filters select, and what they select no longer.
pub(super) async fn sync(
    context: &Context,
    settings: &settings::Sync,
    selection: &Selection,
) -> std::result::Result<(SyncSummary, ExitCode, Option<Store>), Stopped> {
    let filters = selection.filters()?;
    let has_messages = selection.has_messages(settings);
    let lacks_since = selection.threads_read_at.filter(|_| !has_messages);
    let latest = context.client.now()? + LONGEST_PAUSE;
    let unseen = |store: &Store, snapshot_id| {
        let unseen = unseen(store, snapshot_id, (&filters, latest), lacks_since)?;
        serde_json::to_string(&unseen)
            .map_err(|error| Error::failed("what may be unseen cannot be written").because(error))
    };
    let (mut summary, exit_code, store) = run::keep_up(
        context,
        &Backfill {
            kind: settings.kind,
            since: selection.since,
            until: None,
            filters: filters.clone(),
            has_messages,
            max_lanes: settings.max_lanes,
            allow_deletions: settings.allow_deletions,
            store: settings.store.clone(),
        },
        Keeping {
            most: settings.spend.requests.unwrap_or(u64::MAX),
            unseen: &unseen,
        },
    )
    .await?;
    summary.remarks.insert(0, told(&selection.filters_json));
    if let (Some(since), Ending::Over(_)) = (lacks_since, &summary.outcome) {
        summary.remarks.push(threads_left(since));
    }
    let sent = summary.requests;
    if let (Some(most), Some(option)) = (settings.spend.requests, settings.spend.option())
        && sent > most
    {
        summary.remarks.push(format!(
            "it took {sent} requests, {} more than {option} allows: what the filters select is read whatever that takes",
            sent - most
        ));
    }
    let fresh = store.freshness(context.client.now()?)?;
    let may_be_unseen = store.unseen_of(summary.snapshot_id)?;
    let summary = summary::of_backfill(summary);
    let summary = SyncSummary {
        may_be_unseen,
        syncs_for_all: None,
        tickets: fresh.live,
        freshness: Freshness::shares(fresh.within(), fresh.live),
        ..summary
    };
    Ok((summary, exit_code, Some(store)))
}

/// What such a sync has not seen: what it did not meet, and messages since threads were last read.
fn unseen(
    store: &Store,
    snapshot_id: i64,
    (filters, latest): (&Filters, Instant),
    lacks_since: Option<Instant>,
) -> Result<Vec<Unseen>> {
    let index = store.index(snapshot_id, latest)?;
    let mut unread = HashSet::new();
    for slice in store.slices(snapshot_id)? {
        if slice.state != SliceState::Sealed {
            let left = store.left_selection(snapshot_id, slice.window, filters)?;
            unread.extend(left.into_iter().map(|(id, _)| id));
        }
    }
    let mut all = refresh::of_selection(&index, |known| unread.contains(&*known.id));
    all.extend(lacks_since.and_then(|since| refresh::messages(&index, since)));
    Ok(all)
}

/// What such a sync reads, for the user.
fn told(filters_json: &str) -> String {
    format!(
        "the store holds a part of the desk, read with {}; a sync of it reads what the filters select, and \
         one last time what they select no longer",
        as_typed(filters_json)
    )
}

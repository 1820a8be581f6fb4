//! A sync of a store that holds a part of the desk: what the filters of its backfills select.

use super::begin::as_typed;
use super::{OVERLAP, summary};
use crate::error::{Error, ExitCode, Result};
use crate::refresh;
use crate::report::{Freshness, Stopped, SyncSummary};
use crate::run::{self, Context};
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
    /// Whether threads were read.
    pub(super) has_messages: bool,
}

/// The filters of the last backfill that ended, of a store whose runs were all filtered, and from where on it
/// and those like it have read.
///
/// # Errors
/// The store cannot be read.
pub(super) fn selection(store: &Store) -> Result<Option<Selection>> {
    let snapshots = store.snapshots(u32::MAX)?;
    let ended: Vec<Snapshot> = snapshots.into_iter().filter(Snapshot::has_ended).collect();
    let Some((last, filters_json)) = ended
        .iter()
        .find_map(|run| Some((run, run.filters_json.clone()?)))
    else {
        return Ok(None);
    };
    let alike = ended
        .iter()
        .filter(|run| run.filters_json.as_ref() == Some(&filters_json));
    let since = alike.map(|run| run.range_from).min();
    Ok(Some(Selection {
        since: since.unwrap_or(last.range_from),
        has_messages: last.has_messages,
        filters_json,
    }))
}

impl Selection {
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
    let (mut summary, exit_code, store) = run::keep_up(
        context,
        &Backfill {
            kind: settings.kind,
            since: selection.since,
            until: None,
            filters: selection.filters()?,
            has_messages: settings.has_messages && selection.has_messages,
            max_lanes: settings.max_lanes,
            allow_deletions: settings.allow_deletions,
            store: settings.store.clone(),
        },
        settings.spend.requests.unwrap_or(u64::MAX),
    )
    .await?;
    summary.remarks.insert(0, told(&selection.filters_json));
    let now = context.client.now()?;
    let index = store.index(summary.snapshot_id, now + OVERLAP)?;
    let fresh = store.freshness(now)?;
    let summary = summary::of_backfill(summary);
    let has_ended = matches!(summary.summary.outcome, Ending::Over(_));
    let summary = SyncSummary {
        may_be_unseen: has_ended.then(|| refresh::unselected(&index)),
        syncs_for_all: None,
        tickets: fresh.live,
        freshness: Freshness::shares(fresh.within(), fresh.live),
        ..summary
    };
    Ok((summary, exit_code, Some(store)))
}

/// What such a sync reads, for the user.
fn told(filters_json: &str) -> String {
    format!(
        "the store holds a part of the desk, read with {}; a sync of it reads what the filters select, and once more \
         what they select no longer",
        as_typed(filters_json)
    )
}

//! Whether a sync may begin on a store, and over which range.

use std::collections::BTreeMap;

use super::{LONGEST_PAUSE, OVERLAP};
use crate::error::{Error, Result};
use crate::plan::coverage;
use crate::refresh::{DAY_MS, Desk, SyncStep};
use crate::settings::{self, StoreSettings, Whole};
use crate::store::{Coverage, Group, Store};
use crate::table::{Instant, instant_text};
use crate::window::Window;

/// Gives up what is left of a sync that began too long ago, or that is to be done otherwise.
pub(super) fn end_stale(store: &mut Store, settings: &settings::Sync, now: Instant) -> Result<()> {
    let oldest = if settings.whole == Whole::Always && !is_full_under_way(store)? {
        now
    } else {
        now - LONGEST_PAUSE
    };
    store.end_stale_syncs(oldest, now + OVERLAP, now)
}

/// Whether the unfinished sync, if there is one, reads the whole desk.
fn is_full_under_way(store: &Store) -> Result<bool> {
    let Some(progress) = store.progress()? else {
        return Ok(false);
    };
    let steps = store.steps(progress.snapshot.id)?;
    Ok(steps.iter().any(|step| step.step == SyncStep::Full))
}

pub(super) fn not_looked_after(apart: Window, from: Instant) -> String {
    let (until, from) = (instant_text(apart.until()), instant_text(from));
    format!(
        "tickets created before {until} are not kept up to date: nothing was read from then to {from}; \
         backfill --since {until} --until {from} closes the gap"
    )
}

/// Everything that has been read, up to now.
pub(super) fn range(coverage: &Coverage, until: Instant) -> Result<Window> {
    Window::new(coverage.range.from(), until).ok_or_else(|| {
        Error::failed("the store's history begins after the server's clock")
            .help("check the clock of this machine and of the API")
    })
}

/// A sync keeps up what was read; it does not read what is older.
pub(super) fn refuse_earlier(settings: &settings::Sync, coverage: &Coverage) -> Result<()> {
    let from = coverage.range.from();
    let Some(since) = settings.since.filter(|since| *since < from) else {
        return Ok(());
    };
    let (since, from) = (instant_text(since), instant_text(from));
    Err(Error::usage(format!(
        "the history that syncs keep up to date begins at {from}, later than --since {since}"
    ))
    .help(format!(
        "read the rest once with: backfill --since {since} --until {from}; then sync"
    )))
}

/// A repair that was cut short has stored what it read, and is superseded; what a backfill had still
/// to read, no sync would.
pub(super) fn refuse_unfinished(store: &Store) -> Result<()> {
    match store.progress()? {
        Some(progress) if !coverage::may_be_replaced(&progress.snapshot) => {
            Err(Error::failed(format!(
                "run {} ({}) is unfinished",
                progress.snapshot.id, progress.snapshot.kind
            ))
            .help(format!(
                "run the {} again to finish it, then sync",
                progress.snapshot.kind
            )))
        }
        _ => Ok(()),
    }
}

/// Filters as options: `--status Open,Pending --origin web`.
pub(super) fn as_typed(filters_json: &str) -> String {
    let filters: BTreeMap<String, Vec<String>> =
        serde_json::from_str(filters_json).unwrap_or_default();
    let options = filters
        .iter()
        .map(|(name, values)| format!("--{} {}", name.replace('_', "-"), values.join(",")));
    options.collect::<Vec<_>>().join(" ")
}

/// That a sync has nothing to go on from.
pub(super) fn no_history(store: &StoreSettings) -> Error {
    let path = store.path.display();
    Error::usage(format!("{path} holds no history yet"))
        .help("say with --since where it begins, or run a backfill first")
}

/// The tag or the category that is to be counted tonight, unless it is known to have been changed in
/// bulk.
pub(super) fn group_due(store: &Store, desk: &Desk) -> Result<Option<Group>> {
    let groups = store.groups()?;
    let night = usize::try_from(desk.began_ms().div_euclid(DAY_MS)).unwrap_or(0);
    let Some(group) = groups.get(night % groups.len().max(1)) else {
        return Ok(None);
    };
    let under_way = store.campaigns()?;
    let is_known = under_way.iter().any(|campaign| campaign.group == *group);
    Ok((!is_known).then(|| group.clone()))
}

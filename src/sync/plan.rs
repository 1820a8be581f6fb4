//! `plan sync`: each step's windows and requests, from the store alone.

use super::{answers, begin};
use crate::budget::Limit;
use crate::clock;
use crate::error::{Error, Result};
use crate::refresh::{self, LOOKUPS, Limits, StepPlan};
use crate::report::{Plan, PlannedWindow};
use crate::settings::{BudgetSettings, Sync};
use crate::store::Store;
use crate::table::{RunKind, instant_text};

/// What a sync would ask for now, as far as the store alone tells: what changed in the meantime adds
/// to it. Sends nothing.
///
/// # Errors
/// There is no store, or none with a history; or a sync would refuse to begin.
pub fn plan(budget: &BudgetSettings, settings: &Sync) -> Result<Plan> {
    let path = &settings.store.path;
    if settings.since.is_some() && !path.exists() {
        return Err(without_history(settings, None));
    }
    let store = Store::open_read_only(path)?;
    store.require_current_schema()?;
    let Some(coverage) = store.coverage()? else {
        let filters = begin::filtered(&store)?;
        return Err(without_history(settings, filters.as_deref()));
    };
    begin::refuse_unfinished(&store)?;
    begin::refuse_earlier(settings, &coverage)?;
    let mut desk = answers::desk(&store, &coverage, clock::now()?)?;
    answers::load(&mut desk, &store, 0, settings.effort)?;
    let is_group_due = begin::group_due(&store, &desk)?.is_some();
    let windows = refresh::plan(&desk, &limits(settings), is_group_due);
    let requests = LOOKUPS + windows.iter().map(|planned| planned.requests).sum::<u64>();
    Ok(Plan {
        kind: RunKind::Sync,
        tickets: windows.iter().map(|planned| planned.tickets).sum(),
        requests,
        seconds: Limit::of(budget).map_or(0, |limit| limit.seconds_for(requests)),
        requests_spent: 0,
        windows: windows.into_iter().map(told).collect(),
    })
}

/// What a sync is held to by its settings.
pub(super) fn limits(settings: &Sync) -> Limits {
    Limits {
        is_full: settings.is_full,
        full_below: settings.full_below,
        max_requests: settings.max_requests,
        within_days: settings.refresh_within_days,
    }
}

fn told(planned: StepPlan) -> PlannedWindow {
    PlannedWindow {
        step: Some(planned.step),
        window: planned.window,
        tickets: planned.tickets,
        requests: planned.requests,
    }
}

/// What a sync of a store without history would do, and what plans that.
fn without_history(settings: &Sync, filters: Option<&str>) -> Error {
    let error = begin::no_history(&settings.store, filters);
    match settings.since.map(instant_text) {
        Some(since) => error.help(format!(
            "a sync would be a backfill from {since}: plan backfill --since {since} shows what it takes"
        )),
        None if filters.is_some() => error,
        None => error.help("run a backfill first: plan backfill shows what it takes"),
    }
}

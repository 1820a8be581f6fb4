//! `plan sync`: each step's windows and requests, from the store alone.

use super::filtered::{self, Selection};
use super::{answers, begin};
use crate::budget::Limit;
use crate::clock;
use crate::error::{Error, Result};
use crate::refresh::{self, Due, LOOKUPS, StepPlan, SyncStep};
use crate::report::{Plan, PlannedSync, PlannedWindow};
use crate::settings::{BudgetSettings, Sync};
use crate::store::Store;
use crate::table::{RunKind, instant_text};
use crate::window::Window;

/// What a sync would ask for now, as far as the store alone tells: what changed in the meantime adds
/// to it. Sends nothing.
///
/// # Errors
/// There is no store, or none with a history; or a sync would refuse to begin.
pub fn plan(budget: &BudgetSettings, settings: &Sync) -> Result<Plan> {
    let path = &settings.store.path;
    if settings.since.is_some() && !path.exists() {
        return Err(without_history(settings));
    }
    let store = Store::open_read_only(path)?;
    store.require_current_schema()?;
    let Some(coverage) = store.coverage()? else {
        return match filtered::selected(&store, settings)? {
            Some(selection) => of_selection(budget, &store, &selection),
            None => Err(without_history(settings)),
        };
    };
    begin::refuse_unfinished(&store)?;
    begin::refuse_earlier(settings, &coverage)?;
    let mut desk = answers::desk(&store, &coverage, clock::now()?)?;
    answers::load(&mut desk, &store, 0)?;
    let due = Due {
        group: begin::group_due(&store, &desk)?.is_some(),
        ratings: store.were_ratings_missing(i64::MAX)?,
    };
    let forecast = refresh::plan(&desk, &settings.limits(), due);
    let steps = forecast.steps.into_iter();
    let seconds = |requests| Limit::of(budget).map_or(0, |limit| limit.seconds_for(requests));
    Ok(Plan {
        kind: RunKind::Sync,
        tickets: steps.clone().map(|planned| planned.tickets).sum(),
        requests: forecast.requests,
        seconds: seconds(forecast.requests),
        requests_spent: 0,
        windows: steps.map(told).collect(),
        sync: Some(PlannedSync {
            is_exact: forecast.is_exact,
            allowance: settings.spend.requests,
            asked: settings.spend.option(),
            syncs_for_all: forecast.syncs_for_all,
            full_requests: forecast.full,
            full_seconds: seconds(forecast.full),
            full_with: settings.spend.option_for(forecast.full),
        }),
    })
}

/// A sync of a store that holds what filters select: all of that, by what is stored of it.
fn of_selection(budget: &BudgetSettings, store: &Store, selection: &Selection) -> Result<Plan> {
    let range = Window::new(selection.since, clock::now()?);
    let windows = range.map_or_else(Vec::new, |range| range.split_by_year());
    let mut planned = Vec::with_capacity(windows.len());
    for window in windows {
        let tickets = u64::try_from(store.live_count(&window)?).unwrap_or(0);
        planned.push(PlannedWindow {
            step: Some(SyncStep::Full),
            window,
            tickets,
            requests: refresh::full_requests([tickets]),
        });
    }
    let requests = LOOKUPS + planned.iter().map(|window| window.requests).sum::<u64>();
    Ok(Plan {
        kind: RunKind::Sync,
        tickets: planned.iter().map(|window| window.tickets).sum(),
        requests,
        seconds: Limit::of(budget).map_or(0, |limit| limit.seconds_for(requests)),
        requests_spent: 0,
        windows: planned,
        sync: None,
    })
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
fn without_history(settings: &Sync) -> Error {
    let error = begin::no_history(&settings.store);
    match settings.since.map(instant_text) {
        Some(since) => error.help(format!(
            "a sync would be a backfill from {since}: plan backfill --since {since} shows what it takes"
        )),
        None => error.help("run a backfill first: plan backfill shows what it takes"),
    }
}

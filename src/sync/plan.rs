//! `plan sync`: each step's windows and requests, from the store alone.

use chrono::TimeDelta;

use super::night;
use super::pages::LEFT;
use crate::budget::Limit;
use crate::clock;
use crate::error::{Error, Result};
use crate::mava::PAGE_LIMIT;
use crate::plan;
use crate::refresh::{Block, DAY_MS, Desk, Segment, SyncStep};
use crate::report::{Plan, PlannedWindow};
use crate::settings::{BudgetSettings, Sync};
use crate::store::Store;
use crate::table::{Instant, RunKind, instant_text};
use crate::window::Window;

/// Each list ends with a count of it.
pub(super) const COUNT: u64 = 1;

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
        let filters = super::filtered(&store)?;
        return Err(without_history(settings, filters.as_deref()));
    };
    super::refuse_unfinished(&store)?;
    super::refuse_earlier(settings, &coverage)?;
    let mut desk = night::desk(&store, &coverage, clock::now()?)?;
    night::load(&mut desk, &store, 0, settings.effort)?;
    let full = full(&desk);
    let full_requests: u64 = full.iter().map(|planned| planned.requests).sum();
    let has_groups = !store.groups()?.is_empty();
    let windows = if settings.is_full || full_requests <= settings.full_below {
        full
    } else {
        steps(&desk, settings, full_requests, has_groups)
    };
    let requests = night::LOOKUPS + windows.iter().map(|planned| planned.requests).sum::<u64>();
    Ok(Plan {
        kind: RunKind::Sync,
        tickets: windows.iter().map(|planned| planned.tickets).sum(),
        requests,
        seconds: Limit::of(budget).map_or(0, |limit| limit.seconds_for(requests)),
        requests_spent: 0,
        windows,
    })
}

/// What a sync of a store without history would do, and what plans that.
fn without_history(settings: &Sync, filters: Option<&str>) -> Error {
    let error = super::no_history(&settings.store, filters);
    match settings.since.map(instant_text) {
        Some(since) => error.help(format!(
            "a sync would be a backfill from {since}: plan backfill --since {since} shows what it takes"
        )),
        None if filters.is_some() => error,
        None => error.help("run a backfill first: plan backfill shows what it takes"),
    }
}

fn full(desk: &Desk) -> Vec<PlannedWindow> {
    desk.windows_until(desk.began_at)
        .into_iter()
        .map(|window| {
            let tickets = count(desk.index.live(ms(window.from()), ms(window.until())));
            let requests = plan::requests(tickets, PAGE_LIMIT) + COUNT;
            planned(SyncStep::Full, window, tickets, requests)
        })
        .collect()
}

fn steps(desk: &Desk, settings: &Sync, full: u64, has_groups: bool) -> Vec<PlannedWindow> {
    let mut all = needed(desk);
    let floor_share = desk.floor_share(settings.refresh_within_days, full);
    let spent = night::LOOKUPS + all.iter().map(|planned| planned.requests).sum::<u64>();
    let most = night::most_requests(settings, full, floor_share, spent);
    let mut left = most.saturating_sub(spent);
    // Each step leaves to those after it what it does when it runs.
    let mut add = |planned: PlannedWindow, reserved: u64| {
        let requests = planned.requests.min(left.saturating_sub(reserved));
        if requests == 0 {
            return;
        }
        left -= requests;
        all.push(PlannedWindow {
            tickets: planned.tickets * requests / planned.requests,
            requests,
            ..planned
        });
    };
    if let Some(window) = Window::from_millis(desk.year_ms(), desk.since_ms()) {
        add(planned(SyncStep::Ratings, window, 0, 1), 0);
    }
    // As if no rating had come since: how many did, only the count in the step before tells.
    if let Some(pages) = together(SyncStep::Pages, &desk.worthwhile(Some(0))) {
        add(pages, floor_share + LEFT);
    }
    for (number, window) in desk.windows().into_iter().enumerate() {
        if number == 0 || desk.is_turn(number) {
            add(planned(SyncStep::Deletions, window, 0, 1), 0);
        }
    }
    let blocks = desk.floor(settings.refresh_within_days, 0);
    if let Some(refresh) = together(SyncStep::Refresh, &blocks) {
        let reserved = if refresh.requests <= floor_share {
            0
        } else {
            LEFT
        };
        add(refresh, reserved);
    }
    if let Some(window) = desk.windows().first().filter(|_| has_groups) {
        add(planned(SyncStep::Campaigns, *window, 0, 1), 0);
    }
    all
}

/// What no cap keeps a sync from.
fn needed(desk: &Desk) -> Vec<PlannedWindow> {
    let mut all = Vec::new();
    all.extend(new(desk));
    for (number, window) in desk.windows().into_iter().enumerate() {
        let tickets = desk.index.created_in(ms(window.from()), ms(window.until()));
        let open = count(tickets.iter().filter(|known| known.is_open).count());
        if open > 0 || desk.is_turn(number) {
            let requests = plan::requests(open, PAGE_LIMIT) + COUNT;
            all.push(planned(SyncStep::Open, window, open, requests));
        }
    }
    // Which of the open tickets will be gone from the list is not known yet.
    for segment in desk.resolution_sweep(&[]).unwrap_or_default().segments {
        all.extend(swept(SyncStep::Resolved, &segment));
    }
    let strays = desk.strays();
    let range = strays.first().zip(strays.last());
    if let Some(window) =
        range.and_then(|(first, last)| Window::from_millis(first.created_ms, last.created_ms + 1))
    {
        let requests = count(desk.cover(&strays).requests());
        all.push(planned(
            SyncStep::Confirm,
            window,
            count(strays.len()),
            requests,
        ));
    }
    all
}

/// As many new tickets as the last four weeks brought in the time since the last sync.
fn new(desk: &Desk) -> Option<PlannedWindow> {
    let window = Window::new(desk.since, desk.began_at)?;
    let until_ms = desk.since_ms();
    let month = desk.index.live(until_ms - 28 * DAY_MS, until_ms);
    let days = window.length().max(TimeDelta::hours(1)).num_hours();
    let tickets = count(month) * u64::try_from(days).unwrap_or(0) / (28 * 24);
    let requests = plan::requests(tickets, PAGE_LIMIT) + COUNT;
    Some(planned(SyncStep::New, window, tickets, requests))
}

fn swept(step: SyncStep, segment: &Segment) -> Option<PlannedWindow> {
    let window = Window::from_millis(segment.from_ms, segment.until_ms)?;
    let pages = count(segment.requests);
    Some(planned(
        step,
        window,
        pages * u64::from(PAGE_LIMIT),
        pages + COUNT,
    ))
}

/// Pages all over a range, as one line.
fn together(step: SyncStep, blocks: &[Block]) -> Option<PlannedWindow> {
    let from = blocks.iter().map(|block| block.from_ms).min()?;
    let until = blocks.iter().map(|block| block.until_ms).max()?;
    let tickets = blocks
        .iter()
        .map(|block| count(block.end - block.first))
        .sum();
    Some(planned(
        step,
        Window::from_millis(from, until)?,
        tickets,
        count(blocks.len()),
    ))
}

fn planned(step: SyncStep, window: Window, tickets: u64, requests: u64) -> PlannedWindow {
    PlannedWindow {
        step: Some(step),
        window,
        tickets,
        requests,
    }
}

fn ms(instant: Instant) -> i64 {
    instant.timestamp_millis()
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

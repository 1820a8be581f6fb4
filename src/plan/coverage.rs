//! What runs claim to have read, and what of it no later run has made up for: pure.

use super::closing::overlap;
use super::losses::young_from;
use crate::table::{Instant, RunKind, Snapshot};
use crate::window::Window;

/// The range that a run claims to have read: it ended, and read without filters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// The range of creation that it was to read.
    pub range: Window,
    /// Whether threads were read.
    pub has_messages: bool,
    /// Whether a sync claims it: what lies before the last complete one is in the store only if there
    /// was a complete one.
    pub is_sync: bool,
}

impl Claim {
    /// What a run claims; `None` where it claims nothing. A repair re-reads slices, and one of metrics
    /// reads nothing, so that their ranges say nothing about what was read.
    pub fn of(run: &Snapshot) -> Option<Self> {
        let is_claim = run.has_ended()
            && run.filters_json.is_none()
            && !run.is_of(RunKind::Verify)
            && !run.is_of(RunKind::Metrics);
        let range = Window::new(run.range_from, run.range_until)?;
        is_claim.then_some(Self {
            range,
            has_messages: run.has_messages,
            is_sync: run.is_of(RunKind::Sync),
        })
    }
}

/// The newest instant before which a run that ended claims to have read every ticket of its range: it
/// claims nothing about tickets too young to be missed.
fn settled_until(run: &Snapshot) -> Instant {
    run.range_until.min(young_from(run.started_at))
}

/// The history that a store claims to hold, up to `now`. A run whose clock ran ahead claims a future
/// that nobody has read.
pub fn covered(runs: &[Snapshot], now: Instant) -> Vec<Window> {
    let claims = runs.iter().filter(|run| Claim::of(run).is_some());
    merged(
        claims
            .filter_map(|run| Window::new(run.range_from, settled_until(run).min(young_from(now)))),
    )
}

/// A stretch of history without a gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// The range of creation.
    pub range: Window,
    /// Whether one of the runs that read it read threads.
    pub has_messages: bool,
}

/// The stretches that these claims make together, which neither overlap nor touch, oldest first.
pub fn stretches(claims: impl IntoIterator<Item = Claim>) -> Vec<Stretch> {
    let mut sorted: Vec<Claim> = claims.into_iter().collect();
    sorted.sort_by_key(|claim| claim.range.from());
    let mut stretches: Vec<Stretch> = Vec::new();
    for claim in sorted {
        match stretches.last_mut() {
            Some(last) if claim.range.from() <= last.range.until() => {
                last.range = last.range.hull(claim.range);
                last.has_messages |= claim.has_messages;
            }
            _ => stretches.push(Stretch {
                range: claim.range,
                has_messages: claim.has_messages,
            }),
        }
    }
    stretches
}

/// Windows that neither overlap nor touch and cover the same time, oldest first.
pub fn merged(windows: impl IntoIterator<Item = Window>) -> Vec<Window> {
    let claims = windows.into_iter().map(|range| Claim {
        range,
        has_messages: false,
        is_sync: false,
    });
    let stretches = stretches(claims).into_iter();
    stretches.map(|stretch| stretch.range).collect()
}

/// The stretch that syncs keep up to date, and the last one before it, if there is one. A sync looks
/// after the stretch that it last completed; before that after the oldest, and what syncs claim that
/// did not complete is not believed. A backfill of another time, apart from it, moves nothing.
pub fn kept_up(runs: &[Snapshot], synced_at: Option<Instant>) -> Option<(Stretch, Option<Window>)> {
    let claims = runs.iter().filter_map(Claim::of);
    let stretches = stretches(claims.filter(|claim| synced_at.is_some() || !claim.is_sync));
    let place = synced_at.and_then(|at| {
        stretches
            .iter()
            .position(|stretch| at <= stretch.range.until())
    });
    let place = place.unwrap_or(0);
    let before = place
        .checked_sub(1)
        .and_then(|before| stretches.get(before));
    let kept = stretches.get(place)?;
    Some((*kept, before.map(|stretch| stretch.range)))
}

/// Whether `later` read all of its range as `run` would have. What it could not prove either stands
/// in slices of its own. `is_full` is whether it is a sync that read the whole desk: others read from
/// where the last complete one began.
pub fn makes_up_for(later: &Snapshot, is_full: bool, run: &Snapshot) -> bool {
    let is_read = later.is_proven();
    let is_whole = match RunKind::of(&later.kind) {
        Some(RunKind::Sync) => is_full || run.is_of(RunKind::Sync) && is_read,
        Some(RunKind::Verify) => is_read,
        Some(RunKind::Backfill | RunKind::Demo) => true,
        Some(RunKind::Metrics) | None => false,
    };
    let is_as_wide = later.filters_json.is_none() || later.filters_json == run.filters_json;
    let is_as_deep = later.has_messages || !run.has_messages;
    later.has_ended() && is_whole && is_as_wide && is_as_deep
}

/// Whether another run may take the place of this one, which is unfinished: a sync begins anew, metrics
/// are gone on with, and a repair has stored what it read. What a backfill had still to read, no other run would; of a kind that
/// nobody knows, as of a record that is damaged, that is not known.
pub fn may_be_replaced(run: &Snapshot) -> bool {
    matches!(
        RunKind::of(&run.kind),
        Some(RunKind::Sync | RunKind::Verify | RunKind::Metrics)
    )
}

/// What of `window` lies in none of `others`, oldest first.
pub fn without(window: Window, others: &[Window]) -> Vec<Window> {
    let mut left = vec![window];
    for other in others {
        left = left
            .into_iter()
            .flat_map(|part| {
                if !overlap(part, *other) {
                    return vec![part];
                }
                let before = Window::new(part.from(), other.from());
                let after = Window::new(other.until(), part.until());
                before.into_iter().chain(after).collect()
            })
            .collect();
    }
    left
}

#[cfg(test)]
#[path = "coverage_tests.rs"]
mod tests;

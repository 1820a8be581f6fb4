//! What a sync says at its end.

use tokio::time::Instant as Moment;

use super::night::Night;
use crate::error::Result;
use crate::refresh::SyncStep;
use crate::report::{Freshness, Step, Summary, SyncSummary};
use crate::run::windows;
use crate::store::{StepRow, Store};
use crate::table::{Ending, RunKind, Snapshot, instant_text};

pub(super) fn of(
    night: &mut Night<'_>,
    snapshot: &Snapshot,
    outcome: Ending,
    began: Moment,
) -> Result<SyncSummary> {
    let counters = night.context.client.counters();
    let (requests, limited) = (night.sent(), counters.limited());
    let (retries, bytes) = (counters.retries(), counters.bytes());
    let (snapshot_id, now) = (night.snapshot_id, night.desk.began_at);
    let remarks = std::mem::take(&mut night.remarks);
    let ratings_outstanding = night.ratings_outstanding();
    let unverified = night.failures.clone();
    let is_resumed = night.is_resumed;
    let tickets_resumed = night.tickets_resumed;
    let before = night.desk.since;
    let store = night.store()?;
    let windows = windows::counted(store, snapshot_id)?;
    let steps = steps(store, snapshot_id)?;
    let rows = store.row_counts()?;
    let standing = store.standing()?;
    let stored = |name| {
        let found = rows.iter().find(|(table, _)| *table == name);
        found.map_or(0, |(_, count)| *count)
    };
    let fresh = store.freshness(now)?;
    let complete_at = store
        .coverage()?
        .map_or(before, |coverage| coverage.complete_at);
    Ok(SyncSummary {
        complete_until: instant_text(complete_at),
        steps,
        ratings_outstanding,
        tickets: fresh.live,
        freshness: Freshness::shares(fresh.within(), fresh.live),
        summary: Summary {
            kind: RunKind::Sync,
            snapshot_id: snapshot.id,
            outcome,
            range_from: instant_text(snapshot.range_from),
            range_until: instant_text(snapshot.range_until),
            filters: None,
            is_resumed,
            tickets_read: snapshot.tickets_read,
            tickets_resumed,
            tickets_new: snapshot.tickets_new,
            tickets_changed: snapshot.tickets_changed,
            tickets_deleted: snapshot.tickets_deleted,
            tickets_stored: stored("tickets"),
            messages_stored: stored("messages"),
            requests,
            requests_limited: limited,
            retries,
            bytes,
            elapsed_s: began.elapsed().as_secs_f64(),
            rejects: snapshot.rejects,
            rejects_standing: standing.open,
            rejects_accepted: standing.accepted,
            replaced_characters: snapshot.replaced_characters,
            unverified,
            windows,
            remarks,
            store: store.path().display().to_string(),
            store_bytes: store.size_bytes()?,
        },
    })
}

/// The steps of a run, in order.
pub(crate) fn steps(store: &Store, snapshot_id: i64) -> Result<Vec<Step>> {
    let mut steps = store.steps(snapshot_id)?;
    steps.sort_by_key(|step| step.step);
    Ok(steps.iter().map(step).collect())
}

fn step(row: &StepRow) -> Step {
    let count = |value: i64| u64::try_from(value).unwrap_or(0);
    Step {
        step: row.step,
        requests: count(row.requests),
        read: count(row.tickets_read),
        changed: count(row.tickets_changed),
    }
}

/// A sync of a store without history is a backfill.
pub(super) fn of_backfill(summary: Summary) -> SyncSummary {
    let tickets = summary.tickets_stored;
    SyncSummary {
        complete_until: summary.range_until.clone(),
        steps: vec![Step {
            step: SyncStep::Full,
            requests: summary.requests,
            read: u64::try_from(summary.tickets_read).unwrap_or(0),
            changed: u64::try_from(summary.tickets_new + summary.tickets_changed).unwrap_or(0),
        }],
        ratings_outstanding: None,
        tickets,
        freshness: Freshness::shares([tickets; 4], tickets),
        summary,
    }
}

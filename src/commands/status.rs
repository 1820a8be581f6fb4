//! `status`: what a store holds and how an unfinished run stands. Sends nothing.

use crate::clock;
use crate::error::{ExitCode, Result};
use crate::publish;
use crate::refresh::SyncStep;
use crate::report::{
    DirectoryStatus, Freshness, LastSync, PublishedSnapshot, SnapshotStatus, Status, TableRows,
    Unfinished,
};
use crate::run::{desk, windows};
use crate::settings::StoreSettings;
use crate::store::{self, Store};
use crate::sync;
use crate::table::{RunKind, Snapshot};
use crate::terminal::Printer;

/// Snapshots shown.
const SNAPSHOTS: u32 = 10;

pub(super) fn status(settings: &StoreSettings, printer: &Printer) -> Result<ExitCode> {
    let published = match &settings.publish {
        Some(target) => publish::list(&target.directory)?,
        None => Vec::new(),
    };
    if let Some(target) = &settings.publish
        && !published.is_empty()
        && !settings.path.exists()
    {
        // Published from a store that lies elsewhere.
        printer.directory(&DirectoryStatus {
            store: None,
            directory: target.directory.display().to_string(),
            published,
        })?;
        return Ok(ExitCode::Complete);
    }
    let store = Store::open_read_only(&settings.path)?;
    store.require_current_schema()?;
    let metrics = &settings.metrics;
    for words in store.behind(
        (&metrics.fingerprint(), metrics.time_zone),
        &metrics.policies,
        &metrics.names,
    )? {
        printer.note(words);
    }
    printer.status(&held(&store, settings, published)?)?;
    Ok(ExitCode::Complete)
}

/// What the store holds, with the snapshots that were published from it.
fn held(
    store: &Store,
    settings: &StoreSettings,
    published: Vec<PublishedSnapshot>,
) -> Result<Status> {
    let now = clock::now()?;
    // The demo's desk lives on days of its own.
    let evening = match desk::holds_demo(store)? {
        Some(true) => store.coverage()?.map(|coverage| coverage.complete_at),
        _ => None,
    };
    let fresh = store.freshness(evening.unwrap_or(now))?;
    let tables = store.row_counts()?;
    let standing = store.standing()?;
    let progress = store.progress()?;
    let snapshot_count = tables
        .iter()
        .find(|(table, _)| *table == "snapshots")
        .map_or(0, |(_, count)| *count - i64::from(progress.is_some()));
    let is_running = store.is_held();
    let snapshots = store.snapshots(SNAPSHOTS)?;
    Ok(Status {
        store: settings.path.display().to_string(),
        store_bytes: store.size_bytes()?,
        as_of: now,
        tables: tables
            .into_iter()
            .map(|(table, rows)| TableRows {
                table: table.to_owned(),
                rows,
            })
            .collect(),
        tickets: fresh.live,
        freshness: Freshness::shares(fresh.within(), fresh.live),
        threads_unread: threads_unread(store)?,
        rejects_standing: standing.open,
        rejects_accepted: standing.accepted,
        snapshots: snapshots
            .iter()
            .filter(|snapshot| snapshot.finished_at.is_some())
            .map(|snapshot| finished(store, snapshot))
            .collect::<Result<_>>()?,
        snapshot_count,
        last_sync: last_sync(store)?,
        unfinished: progress.map(|progress| unfinished(&progress, is_running)),
        partial: store.partial()?.into_iter().map(Into::into).collect(),
        published,
    })
}

/// None of a store that is to have no threads.
fn threads_unread(store: &Store) -> Result<i64> {
    match store.coverage()? {
        Some(coverage) if coverage.has_messages => store.threads_unread(),
        _ => Ok(0),
    }
}

fn last_sync(store: &Store) -> Result<Option<LastSync>> {
    let snapshots = store.snapshots(u32::MAX)?;
    let coverage = store.coverage()?;
    // One of a store that holds a part of the desk is a backfill that says what may be unseen.
    let is_of_part = coverage.is_none();
    let is_sync = |run: &&Snapshot| match is_of_part {
        true => run.filters_json.is_some() && run.may_be_unseen_json.is_some(),
        false => run.is_of(RunKind::Sync),
    };
    let mut ended = snapshots.iter().filter(|run| run.has_ended());
    let Some(last) = ended.clone().find(is_sync) else {
        return Ok(None);
    };
    let complete_until = match coverage {
        Some(coverage) => Some(coverage.complete_at),
        None => ended
            .find(|run| run.filters_json == last.filters_json && run.is_proven())
            .map(|run| run.range_until),
    };
    let steps = sync::steps(store, last.id)?;
    let outcome = store.outcome(last.id)?;
    let outcome = outcome.unwrap_or_default();
    Ok(Some(LastSync {
        snapshot_id: last.id,
        is_full: steps.iter().any(|step| step.step == SyncStep::Full),
        steps,
        complete_until,
        is_of_part,
        is_proven: last.is_proven(),
        ratings_outstanding: outcome.ratings_outstanding,
        bulk_change_windows: store.campaigns()?.len(),
        may_be_unseen: store.unseen_of(last.id)?,
        syncs_for_all: outcome
            .syncs_for_all
            .and_then(|syncs| u64::try_from(syncs).ok()),
        remarks: outcome.remarks,
    }))
}

fn finished(store: &Store, snapshot: &Snapshot) -> Result<SnapshotStatus> {
    Ok(SnapshotStatus {
        snapshot_id: snapshot.id,
        kind: snapshot.kind.clone(),
        outcome: snapshot.outcome.clone(),
        started_at: snapshot.started_at,
        finished_at: snapshot.finished_at,
        range_from: snapshot.range_from,
        range_until: snapshot.range_until,
        filters: filters(snapshot),
        has_messages: snapshot.has_messages,
        requests: snapshot.requests,
        tickets_read: snapshot.tickets_read,
        tickets_new: snapshot.tickets_new,
        tickets_changed: snapshot.tickets_changed,
        tickets_deleted: snapshot.tickets_deleted,
        unverified_slices: snapshot.unverified_slices,
        rejects: snapshot.rejects,
        windows: windows::counted(store, snapshot.id)?,
    })
}

fn unfinished(progress: &store::Progress, is_running: bool) -> Unfinished {
    let snapshot = &progress.snapshot;
    let done = progress.sealed_slices + progress.unverified_slices;
    Unfinished {
        snapshot_id: snapshot.id,
        kind: snapshot.kind.clone(),
        started_at: snapshot.started_at,
        range_from: snapshot.range_from,
        range_until: snapshot.range_until,
        filters: filters(snapshot),
        tickets_read: snapshot.tickets_read,
        tickets_expected: None,
        slices_sealed: done,
        slices: done + progress.open_slices,
        is_running,
    }
}

fn filters(snapshot: &Snapshot) -> Option<serde_json::Value> {
    serde_json::from_str(snapshot.filters_json.as_deref()?).ok()
}

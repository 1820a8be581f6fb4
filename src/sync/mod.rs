//! `sync`: what is new, what changed, what is gone, for a few percent of a full read.
//!
//! ```text
//!  lists      new, open            keyset lists by the lanes of a backfill
//!  index      loaded once; every answer brings it up to date
//!  sweeps     resolved, ratings    lists by resolution time
//!  pages      confirm, pages       plain pages
//!  counts     deletions, campaigns
//! ```
//! The first four steps (`new`, `open`, `resolved`, `confirm`) are what [`Coverage::complete_at`]
//! rests on; the rest is best effort under a cap. Steps run one after the other, since each one
//! plans with what the ones before it found.

mod campaigns;
mod confirm;
mod counts;
mod instant;
mod lists;
mod night;
mod pages;
mod plan;
mod proofs;
mod ratings;
mod read;
mod rejected;
mod resolved;
mod summary;
mod sweeps;
mod undo;

use std::collections::BTreeMap;

use chrono::TimeDelta;
use tokio::time::Instant as Moment;

use self::night::Night;
pub use self::plan::plan;
pub(crate) use self::summary::steps;
use crate::api::Account;
use crate::error::{Error, ExitCode, Result};
use crate::extract;
use crate::plan::coverage;
use crate::refresh::SyncStep;
use crate::report::{Stopped, SyncSummary};
use crate::run::{self, Context, desk, place, recognise};
use crate::settings::{self, Backfill, Filters, StoreSettings};
use crate::store::{Coverage, LookupsCommit, OpenOptions, RunSpec, Store};
use crate::table::{Instant, RunKind, Snapshot, instant_text};
use crate::window::Window;

/// Subtracted from when the last complete sync began: what clocks and indexes of the API's own
/// machines may differ by.
const OVERLAP: TimeDelta = TimeDelta::minutes(10);

/// An unfinished sync that began longer ago is not gone on with: its lists are stale.
const LONGEST_PAUSE: TimeDelta = TimeDelta::hours(6);

/// Without the server's clock, ours, this much earlier.
const CLOCK_DOUBT: TimeDelta = TimeDelta::minutes(5);

/// Brings a store up to date.
///
/// # Errors
/// What ended the run early; what had arrived is in the store, and the same call goes on from
/// there. An interruption is no error: the summary's outcome is `interrupted`.
pub async fn sync(context: &Context, settings: &settings::Sync) -> Result<(SyncSummary, ExitCode)> {
    let (summary, exit_code, _) = sync_keeping(context, settings).await?;
    Ok((summary, exit_code))
}

/// The same, with the store still held: for what follows a run before another may begin.
///
/// # Errors
/// See [`sync`].
pub async fn sync_keeping(
    context: &Context,
    settings: &settings::Sync,
) -> std::result::Result<(SyncSummary, ExitCode, Option<Store>), Stopped> {
    let began = Moment::now();
    let now = context.client.now()?;
    place::check_directory(&settings.store)?;
    if settings.since.is_none() && !settings.store.path.exists() {
        let path = settings.store.path.display();
        return Err(Error::usage(format!("there is no store at {path}"))
            .help("check the path; for a new store, say with --since where its history begins, or run a backfill first")
            .into());
    }
    place::create_directory(&settings.store)?;
    let mut store = Store::open(
        &settings.store.path,
        &OpenOptions {
            file_mode: settings.store.file_mode,
            now,
        },
    )?;
    desk::refuse_other_desk(&store, settings.kind, &settings.store.path)?;
    let Some(coverage) = store.coverage()? else {
        let unfinished = store.progress()?.map(|progress| progress.snapshot);
        if unfinished
            .as_ref()
            .is_some_and(|run| run.filters_json.is_some())
        {
            refuse_unfinished(&store)?;
        }
        let filters = filtered(&store)?;
        drop(store);
        return first(context, settings, unfinished, filters.as_deref()).await;
    };
    refuse_unfinished(&store)?;
    refuse_earlier(settings, &coverage)?;
    let oldest = if settings.is_full && !is_full_under_way(&store)? {
        now
    } else {
        now - LONGEST_PAUSE
    };
    store.end_stale_syncs(oldest, now + OVERLAP, now)?;
    let account = Account::since(&context.client, context.client.counters().requests());
    let lookups = extract::lookups(&context.client, &context.cancel).await?;
    let server_time = lookups.server_time.unwrap_or(now - CLOCK_DOUBT);
    if !settings.allow_deletions {
        recognise::recognise(context, &store, Some(&lookups), server_time).await?;
    }
    let range = range(&coverage, server_time)?;
    let run = store.begin(
        &RunSpec {
            kind: RunKind::Sync,
            range,
            is_until_open: true,
            filters_json: None,
            has_messages: settings.has_messages && coverage.has_messages,
        },
        now,
    )?;
    let began_at = store.fix_server_time(run.snapshot_id, server_time)?;
    let mut night = Night::new(context, settings, store, &run, &coverage, began_at, account)?;
    let requests = night.account.newly_sent();
    night.store()?.commit_lookups(&LookupsCommit {
        snapshot_id: run.snapshot_id,
        categories: lookups.categories.as_ref().map(|list| list.rows.as_slice()),
        agents: lookups.agents.as_ref().map(|list| list.rows.as_slice()),
        rejects: &lookups.rejects(),
        replaced_characters: lookups.replaced_characters(),
        requests,
    })?;
    night.remarks.extend(lookups.remarks);
    if night::is_ahead(&coverage, began_at) {
        night.remark(format!(
            "the last complete sync ended at {}, by a clock that ran ahead: everything is read again",
            instant_text(coverage.complete_at)
        ));
    }
    if let Some(apart) = coverage.apart {
        night.remark(not_looked_after(apart, coverage.range.from()));
    }
    tracing::info!(
        run = run.snapshot_id,
        resumed = run.is_resumed,
        "sync begins"
    );
    match night.run().await {
        Ok(()) => Ok(night.end(began)?),
        Err(error) if error.is_interruption() => Ok(night.interrupted(began)?),
        Err(error) => {
            night.enter_requests()?;
            Err(error.into())
        }
    }
}

/// Whether the unfinished sync, if there is one, reads the whole desk.
fn is_full_under_way(store: &Store) -> Result<bool> {
    let Some(progress) = store.progress()? else {
        return Ok(false);
    };
    let steps = store.steps(progress.snapshot.id)?;
    Ok(steps.iter().any(|step| step.step == SyncStep::Full))
}

fn not_looked_after(apart: Window, from: Instant) -> String {
    let (until, from) = (instant_text(apart.until()), instant_text(from));
    format!(
        "tickets created before {until} are not kept up to date: nothing was read from then to {from}; \
         backfill --since {until} --until {from} closes the gap"
    )
}

/// Everything that has been read, up to now.
fn range(coverage: &Coverage, until: Instant) -> Result<Window> {
    Window::new(coverage.range.from(), until).ok_or_else(|| {
        Error::failed("the store's history begins after the server's clock")
            .help("check the clock of this machine and of the API")
    })
}

/// A sync keeps up what was read; it does not read what is older.
fn refuse_earlier(settings: &settings::Sync, coverage: &Coverage) -> Result<()> {
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
fn refuse_unfinished(store: &Store) -> Result<()> {
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

/// The filters of the last backfill that ended, of a store whose runs were all filtered.
pub(super) fn filtered(store: &Store) -> Result<Option<String>> {
    let snapshots = store.snapshots(u32::MAX)?;
    let mut ended = snapshots.into_iter().filter(Snapshot::has_ended);
    Ok(ended.find_map(|snapshot| snapshot.filters_json))
}

/// Filters as options: `--status Open,Pending --origin web`.
fn as_typed(filters_json: &str) -> String {
    let filters: BTreeMap<String, Vec<String>> =
        serde_json::from_str(filters_json).unwrap_or_default();
    let options = filters
        .iter()
        .map(|(name, values)| format!("--{} {}", name.replace('_', "-"), values.join(",")));
    options.collect::<Vec<_>>().join(" ")
}

/// That a sync has nothing to go on from; `filters` are those of what the store holds none the less.
pub(super) fn no_history(store: &StoreSettings, filters: Option<&str>) -> Error {
    let path = store.path.display();
    match filters {
        Some(filters) => Error::usage(format!(
            "{path} holds only a part of the desk, read with {}; a sync keeps up a whole desk",
            as_typed(filters)
        ))
        .help(
            "to bring the part up to date, run its backfill again with the same filters; for the whole desk, run sync \
             with --since DATE, which reads all of it once",
        ),
        None => Error::usage(format!("{path} holds no history yet"))
            .help("say with --since where it begins, or run a backfill first"),
    }
}

/// A store without history: a sync is a backfill then, or goes on with the one that was cut short.
async fn first(
    context: &Context,
    settings: &settings::Sync,
    unfinished: Option<Snapshot>,
    filters: Option<&str>,
) -> std::result::Result<(SyncSummary, ExitCode, Option<Store>), Stopped> {
    let begun = unfinished.filter(|run| {
        run.is_of(settings.kind) && settings.since.is_none_or(|since| since == run.range_from)
    });
    let Some(since) = settings.since.or(begun.as_ref().map(|run| run.range_from)) else {
        return Err(no_history(&settings.store, filters).into());
    };
    let (summary, exit_code, store) = run::backfill_keeping(
        context,
        &Backfill {
            kind: settings.kind,
            since,
            until: None,
            filters: Filters::default(),
            has_messages: match &begun {
                Some(run) => run.has_messages,
                None => settings.has_messages,
            },
            max_lanes: settings.max_lanes,
            allow_deletions: settings.allow_deletions,
            store: settings.store.clone(),
        },
    )
    .await?;
    Ok((summary::of_backfill(summary), exit_code, Some(store)))
}

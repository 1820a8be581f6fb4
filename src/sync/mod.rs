//! `sync`: what is new, what changed, what is gone, within what may be spent.
//!
//! ```text
//!  lists      new, open            keyset lists by the lanes of a backfill
//!  index      loaded once; every answer brings it up to date
//!  sweeps     resolved, ratings    lists by resolution time
//!  pages      confirm, pages       plain pages
//!  counts     deletions, ratings, campaigns
//! ```
//! The first four steps (`new`, `open`, `resolved`, `confirm`) are what [`Coverage::complete_at`]
//! rests on; the rest spends what is left of the allowance. Steps run one after the other, since each one
//! plans with what the ones before it found. A step takes what it needs and reports by value
//! (`steps/`); the course of the sync folds the reports.

mod allowance;
mod answers;
mod begin;
mod course;
mod ending;
mod filtered;
mod plan;
mod report;
mod session;
mod steps;
mod summary;
mod undo;

use std::sync::Arc;

use chrono::TimeDelta;
use tokio::time::Instant as Moment;

use self::answers::Answers;
use self::course::Course;
pub use self::plan::plan;
use self::session::Session;
pub(crate) use self::summary::steps;
use crate::api::Account;
use crate::error::{Error, ExitCode, Result};
use crate::extract::{self, Lookups, Scope};
use crate::report::{Stopped, SyncSummary};
use crate::run::{self, Context, Running, desk, lookups, metrics, place, recognise};
use crate::settings::{self, Backfill, Filters};
use crate::store::{Coverage, Run, RunSpec, Store};
use crate::table::{Instant, RunKind, Snapshot, instant_text};

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

/// Brings a store up to date, and gives it back still held: for what follows a run before another may
/// begin.
///
/// # Errors
/// See [`sync`].
pub async fn sync_keeping(
    context: &Context,
    settings: &settings::Sync,
) -> std::result::Result<(SyncSummary, ExitCode, Option<Store>), Stopped> {
    let began = Moment::now();
    let now = context.client.now()?;
    let store = open(settings, now)?;
    let mut store = metrics::renew_for(context, store, now).await?;
    let Some(coverage) = store.coverage()? else {
        return without_history(context, settings, store).await;
    };
    begin::refuse_unfinished(&store)?;
    begin::refuse_earlier(settings, &coverage)?;
    begin::end_stale(&mut store, settings, now)?;
    let account = Account::since(&context.client, context.client.counters().requests());
    let lookups = extract::lookups(&context.client, &context.cancel).await?;
    let server_time = lookups.server_time.unwrap_or(now - CLOCK_DOUBT);
    if !settings.allow_deletions {
        recognise::recognise(context, &store, Some(&lookups), server_time).await?;
    }
    let run = store.begin(
        &RunSpec {
            kind: RunKind::Sync,
            range: begin::range(&coverage, server_time)?,
            is_until_open: true,
            filters_json: None,
            has_messages: settings.has_messages && coverage.has_messages,
        },
        now,
    )?;
    let began_at = store.fix_server_time(run.snapshot_id, server_time)?;
    let session = Session {
        run: Running {
            context,
            snapshot_id: run.snapshot_id,
            began_at,
            allow_deletions: settings.allow_deletions,
            account,
        },
        settings,
        scope: Arc::new(Scope {
            filters: Filters::default(),
            has_messages: run.snapshot.has_messages,
        }),
    };
    let (mut course, answers) = set_out(&session, store, (&run, &coverage), lookups)?;
    let (answers, ended) = course.run(answers).await?;
    finish(course, answers, ended.map_err(|stop| stop.error), began)
}

/// How a sync ends whose steps did, or did not.
fn finish(
    course: Course,
    mut answers: Answers<'_>,
    ended: Result<()>,
    began: Moment,
) -> std::result::Result<ending::Ended, Stopped> {
    match ended {
        Ok(()) => Ok(ending::end(course, answers, began)?),
        Err(error) if error.is_interruption() => Ok(ending::interrupted(course, answers, began)?),
        Err(error) => {
            answers.enter_requests()?;
            Err(error.into())
        }
    }
}

/// The store of a sync, which has to be there unless it is said where its history begins.
fn open(settings: &settings::Sync, now: Instant) -> Result<Store> {
    place::check_directory(&settings.store)?;
    let path = &settings.store.path;
    if settings.since.is_none() && !path.exists() {
        let path = path.display();
        return Err(Error::usage(format!("there is no store at {path}"))
            .help("check the path; for a new store, say with --since where its history begins, or run a backfill first"));
    }
    desk::open(&settings.store, settings.kind, now)
}

/// Stores the lists of categories and agents, and says what there is to say before the first step.
fn set_out<'s>(
    session: &'s Session<'_>,
    mut store: Store,
    (run, coverage): (&Run, &Coverage),
    lookups: Lookups,
) -> Result<(Course, Answers<'s>)> {
    let began_at = session.run.began_at;
    let mut course = Course::new(session, &store, run, coverage)?;
    let desk = answers::desk(&store, coverage, began_at)?;
    lookups::commit(&session.run, &mut store, &lookups)?;
    course.findings.remarks.extend(lookups.remarks);
    if answers::is_ahead(coverage, began_at) {
        course.findings.remark(format!(
            "the last complete sync ended at {}, by a clock that ran ahead: everything is read again",
            instant_text(coverage.complete_at)
        ));
    }
    if let Some(apart) = coverage.apart {
        course
            .findings
            .remark(begin::not_looked_after(apart, coverage.range.from()));
    }
    tracing::info!(
        run = run.snapshot_id,
        resumed = run.is_resumed,
        "sync begins"
    );
    Ok((course, Answers::new(session, store, desk)?))
}

/// What a sync does with a store without history.
async fn without_history(
    context: &Context,
    settings: &settings::Sync,
    store: Store,
) -> std::result::Result<(SyncSummary, ExitCode, Option<Store>), Stopped> {
    let unfinished = store.progress()?.map(|progress| progress.snapshot);
    let selection = filtered::selected(&store, settings)?;
    drop(store);
    if let Some(selection) = selection {
        return filtered::sync(context, settings, &selection).await;
    }
    first(context, settings, unfinished).await
}

/// A store without history: a sync is a backfill then, or goes on with the one that was cut short.
async fn first(
    context: &Context,
    settings: &settings::Sync,
    unfinished: Option<Snapshot>,
) -> std::result::Result<(SyncSummary, ExitCode, Option<Store>), Stopped> {
    let begun = unfinished.filter(|run| {
        run.is_of(settings.kind) && settings.since.is_none_or(|since| since == run.range_from)
    });
    let Some(since) = settings.since.or(begun.as_ref().map(|run| run.range_from)) else {
        return Err(begin::no_history(&settings.store).into());
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

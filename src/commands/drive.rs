//! A run with its progress display, and the summary at its end.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::REFRESH;
use super::interrupt::interruptible;
use super::publish::{self, Ended};
use crate::api::Client;
use crate::error::{Error, ExitCode, Result};
use crate::report::{Progress, Stopped, Summary, SyncSummary};
use crate::run::{self, Context};
use crate::settings::{Backfill, Connection, StoreSettings, Sync};
use crate::store::Store;
use crate::sync;
use crate::terminal::Printer;

/// A backfill with progress and summary.
pub(super) async fn backfill(
    connection: &Connection,
    settings: &Backfill,
    printer: &Printer,
) -> Result<ExitCode> {
    interruptible(async |cancel| {
        let (summary, exit_code, store) =
            watched(connection, "Backfill", printer, &cancel, async |context| {
                run::backfill_keeping(context, settings).await
            })
            .await
            .inspect_err(|stopped| printer.kept(stopped))?;
        let ended = Ended::Run(&summary);
        conclude(
            ended,
            exit_code,
            Some(store),
            &settings.store,
            &cancel,
            printer,
        )
        .await?;
        Ok(exit_code)
    })
    .await
}

/// A sync with progress and summary.
pub(super) async fn sync(
    connection: &Connection,
    settings: &Sync,
    printer: &Printer,
) -> Result<ExitCode> {
    interruptible(async |cancel| {
        let (summary, exit_code, store) =
            watched(connection, "Sync", printer, &cancel, async |context| {
                sync::sync_keeping(context, settings).await
            })
            .await
            .inspect_err(|stopped| printer.kept(stopped))?;
        let ended = Ended::Sync(&summary);
        conclude(ended, exit_code, store, &settings.store, &cancel, printer).await?;
        Ok(exit_code)
    })
    .await
}

/// A backfill with progress; its summary is given back, not printed.
pub(super) async fn backfill_quietly(
    connection: &Connection,
    settings: &Backfill,
    printer: &Printer,
) -> Result<(Summary, ExitCode)> {
    quietly(connection, "Backfill", printer, async |context| {
        let (summary, exit_code, _) = run::backfill_keeping(context, settings).await?;
        Ok((summary, exit_code))
    })
    .await
}

/// A sync with progress; its summary is given back, not printed.
pub(super) async fn sync_quietly(
    connection: &Connection,
    settings: &Sync,
    printer: &Printer,
) -> Result<(SyncSummary, ExitCode)> {
    quietly(connection, "Sync", printer, async |context| {
        let (summary, exit_code, _) = sync::sync_keeping(context, settings).await?;
        Ok((summary, exit_code))
    })
    .await
}

async fn quietly<T>(
    connection: &Connection,
    title: &str,
    printer: &Printer,
    work: impl AsyncFnOnce(&Context) -> std::result::Result<(T, ExitCode), Stopped>,
) -> Result<(T, ExitCode)> {
    let mut ended = None;
    let exit_code = interruptible(async |cancel| {
        let (summary, exit_code) = watched(connection, title, printer, &cancel, work)
            .await
            .inspect_err(|stopped| printer.kept(stopped))?;
        ended = Some(summary);
        Ok(exit_code)
    })
    .await?;
    ended
        .map(|summary| (summary, exit_code))
        .ok_or_else(|| Error::failed("the run ended without a summary"))
}

/// Prints the end of a run, and publishes what it brought if that is asked for.
async fn conclude(
    ended: Ended<'_>,
    exit_code: ExitCode,
    store: Option<Store>,
    settings: &StoreSettings,
    cancel: &CancellationToken,
    printer: &Printer,
) -> Result<()> {
    let target = settings.publish.as_ref();
    let target = target.filter(|_| exit_code != ExitCode::Interrupted);
    match (target, store) {
        (Some(target), Some(store)) => {
            publish::after_run(ended, store, target, cancel, printer).await
        }
        _ => ended.print(printer),
    }
}

/// Runs `work` under a progress display called `title`.
async fn watched<T>(
    connection: &Connection,
    title: &str,
    printer: &Printer,
    cancel: &CancellationToken,
    work: impl AsyncFnOnce(&Context) -> std::result::Result<T, Stopped>,
) -> std::result::Result<T, Stopped> {
    let (progress, mut told) = watch::channel(Progress::default());
    let context = Context {
        client: Arc::new(Client::new(connection, rand::random)?),
        cancel: cancel.clone(),
        progress,
    };
    let began = Instant::now();
    let mut view = None;
    let mut refresh = tokio::time::interval(REFRESH);
    let mut run = std::pin::pin!(work(&context));
    loop {
        tokio::select! {
            outcome = &mut run => return outcome,
            _ = refresh.tick() => {
                let mut progress = told.borrow_and_update().clone();
                // Before the first page, only a wait is worth showing.
                if progress.slices == 0 {
                    progress.waiting = context.client.gate().waiting();
                }
                if progress.slices > 0 || progress.waiting.is_some() {
                    view.get_or_insert_with(|| {
                        printer.progress(progress.run, title, &connection.budget)
                    })
                    .update(&progress, began.elapsed());
                }
            }
        }
    }
}

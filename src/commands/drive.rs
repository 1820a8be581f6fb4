//! What drives a command that talks to the API: signals, progress, and the summary at the end.

use std::sync::Arc;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::backfill::Context;
use super::publish;
use crate::api::Client;
use crate::error::{Error, ErrorKind, ExitCode, Result};
use crate::report::Progress;
use crate::settings::{Backfill, Connection};
use crate::terminal::Printer;

/// How often the progress display is brought up to date while nothing else moves it.
pub(super) const REFRESH: std::time::Duration = std::time::Duration::from_millis(200);

/// SIGINT and SIGTERM.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn listen() -> Result<Self> {
        let on = |kind| {
            signal(kind).map_err(|error| Error::failed("cannot listen for signals").because(error))
        };
        Ok(Self {
            interrupt: on(SignalKind::interrupt())?,
            terminate: on(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) -> ErrorKind {
        tokio::select! {
            _ = self.interrupt.recv() => ErrorKind::Interrupted,
            _ = self.terminate.recv() => ErrorKind::Terminated,
        }
    }
}

/// Runs `work` until it ends. A first signal cancels it and waits for what it has in hand; a
/// second one does not wait.
pub(super) async fn interruptible(
    work: impl AsyncFnOnce(CancellationToken) -> Result<ExitCode>,
) -> Result<ExitCode> {
    let mut signals = Signals::listen()?;
    let cancel = CancellationToken::new();
    let mut work = std::pin::pin!(work(cancel.clone()));
    let received = tokio::select! {
        outcome = &mut work => return outcome,
        kind = signals.next() => kind,
    };
    tracing::warn!("stopping: finishing what is in hand");
    cancel.cancel();
    tokio::select! {
        outcome = work => match outcome {
            // It may have ended in the very moment.
            Ok(ExitCode::Interrupted) => Ok(received.into()),
            Err(error) if error.kind() == ErrorKind::Interrupted => {
                Err(Error::new(received, error.to_string()))
            }
            other => other,
        },
        kind = signals.next() => Err(Error::new(kind, "stopped at once")
            .help("what was committed is safe: run the same command again to go on")),
    }
}

/// A backfill with progress and summary.
pub(super) async fn backfill(
    connection: &Connection,
    settings: &Backfill,
    printer: &Printer,
) -> Result<ExitCode> {
    interruptible(async |cancel| {
        let (progress, mut told) = watch::channel(Progress::default());
        let context = Context {
            client: Arc::new(Client::new(connection, rand::random)?),
            cancel,
            progress,
        };
        let began = Instant::now();
        let mut view = None;
        let mut refresh = tokio::time::interval(REFRESH);
        let mut run = std::pin::pin!(super::backfill_keeping(&context, settings));
        let outcome = loop {
            tokio::select! {
                outcome = &mut run => break outcome,
                _ = refresh.tick() => {
                    let mut progress = told.borrow_and_update().clone();
                    // Before the first page, only a wait is worth showing.
                    if progress.slices == 0 {
                        progress.waiting = context.client.gate().waiting();
                    }
                    if progress.slices > 0 || progress.waiting.is_some() {
                        view.get_or_insert_with(|| {
                            printer.progress(progress.run, "Backfill", &connection.budget)
                        })
                        .update(&progress, began.elapsed());
                    }
                }
            }
        };
        drop(view);
        let (summary, exit_code, store) = outcome?;
        let target = settings.store.publish.as_ref();
        let Some(target) = target.filter(|_| exit_code != ExitCode::Interrupted) else {
            printer.summary(&summary)?;
            return Ok(exit_code);
        };
        let file_mode = settings.store.file_mode;
        publish::after_run(&summary, store, target, file_mode, &context.cancel, printer).await?;
        Ok(exit_code)
    })
    .await
}

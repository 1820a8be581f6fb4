//! How a signal ends a command.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::error::{Error, ErrorKind, ExitCode, Result};

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
    tracing::warn!("stopping: what has come is finished first; ask once more to stop at once");
    cancel.cancel();
    tokio::select! {
        outcome = work => match outcome {
            // It may have ended in the very moment.
            Ok(ExitCode::Interrupted) => Ok(received.into()),
            Err(error) if error.is_interruption() => {
                let told = Error::new(received, error.to_string());
                Err(match error.help_text() {
                    Some(help) => told.help(help),
                    None => told,
                })
            }
            other => other,
        },
        kind = signals.next() => Err(Error::new(kind, "stopped at once")
            .help(
                "what was stored is safe: run the same command again to go on; \
                 if the summary was printed already, run publish",
            )),
    }
}

//! `verify`: a verification, and how it is told.

use std::sync::Arc;

use tokio::sync::watch;

use super::interrupt::interruptible;
use super::publish::{self, Ended};
use crate::api::Client;
use crate::error::{ExitCode, Result};
use crate::report::Progress;
use crate::run::Context;
use crate::settings::{Connection, Verify};
use crate::terminal::Printer;
use crate::verify::{check, verify_keeping};

/// A verification, interruptible, and its result.
pub(super) async fn run(
    connection: Option<&Connection>,
    settings: &Verify,
    printer: &Printer,
) -> Result<ExitCode> {
    let note = |text: &str| printer.note(text);
    interruptible(async |cancel| {
        let Some(connection) = connection else {
            let (verification, exit_code) = check(settings, &cancel, &note).await?;
            printer.verification(&verification)?;
            return Ok(exit_code);
        };
        let context = Context {
            client: Arc::new(Client::new(connection, rand::random)?),
            cancel,
            progress: watch::Sender::new(Progress::default()),
        };
        let (verification, exit_code, store) = verify_keeping(&context, settings, &note).await?;
        match (&settings.store.publish, store) {
            (Some(target), Some(store)) => {
                let ended = Ended::Verification(&verification);
                let cancel = &context.cancel;
                publish::after_run(ended, store, target, cancel, printer).await?;
            }
            _ => printer.verification(&verification)?,
        }
        Ok(exit_code)
    })
    .await
}

//! One file a command: glue between the settings, the pipeline and the terminal.

mod accept;
mod demo;
mod drive;
mod interrupt;
mod names;
mod plan;
mod probe;
mod publish;
mod query;
mod simulate;
mod status;
mod verify;

pub use plan::plan;
pub use probe::probe;

use std::time::Duration;

use tokio::runtime::Runtime;

use crate::cli;
use crate::error::{Error, ExitCode, Result};
use crate::limits;
use crate::query::NAMED;
use crate::settings::Command;
use crate::terminal::Printer;

/// How often a display of progress is brought up to date while nothing else moves it.
const REFRESH: Duration = Duration::from_millis(200);

/// Runs one command to its end.
///
/// # Errors
/// What ended it; see the command.
pub fn run(command: Command, printer: &Printer) -> Result<ExitCode> {
    if let Some(directory) = command.directory() {
        crate::publish::refuse_linked_store(directory)?;
    }
    if let Some(connection) = command.connection() {
        printer.conceal(&connection.api_key);
    }
    match command {
        Command::Backfill {
            connection,
            backfill,
        } => {
            on_runtime(|runtime| runtime.block_on(drive::backfill(&connection, &backfill, printer)))
        }
        Command::PlanBackfill {
            connection,
            backfill,
        } => on_runtime(|runtime| runtime.block_on(plan::show(&connection, &backfill, printer))),
        Command::Sync { connection, sync } => {
            on_runtime(|runtime| runtime.block_on(drive::sync(&connection, &sync, printer)))
        }
        Command::PlanSync { budget, sync } => {
            printer.plan(&crate::sync::plan(&budget, &sync)?)?;
            Ok(ExitCode::Complete)
        }
        Command::Probe(connection) => {
            on_runtime(|runtime| runtime.block_on(probe::show(&connection, printer)))
        }
        Command::Verify { connection, verify } => on_runtime(|runtime| {
            runtime.block_on(verify::run(connection.as_ref(), &verify, printer))
        }),
        Command::Status(store) => status::status(&store, printer),
        Command::Publish(store) => {
            on_runtime(|runtime| runtime.block_on(publish::publish(&store, printer)))
        }
        Command::Query(asked) => query::query(&asked, printer),
        Command::Names(asked) => names::names(&asked, printer),
        Command::Accept(asked) => accept::accept(&asked, printer),
        Command::Demo(demo) => on_runtime(|runtime| runtime.block_on(demo::demo(&demo, printer))),
        Command::Simulate(simulation) => {
            on_runtime(|runtime| runtime.block_on(simulate::simulate(&simulation, printer)))
        }
        Command::Completions(shell) => {
            let named = NAMED.map(|named| (named.name, named.answers()));
            printer.data(&cli::completions(shell, &named))?;
            Ok(ExitCode::Complete)
        }
    }
}

fn on_runtime(work: impl FnOnce(&Runtime) -> Result<ExitCode>) -> Result<ExitCode> {
    let workers = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    limits::check_run(workers)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(workers)
        .enable_all()
        .build()
        .map_err(|error| Error::failed("cannot start the runtime").because(error))?;
    let outcome = work(&runtime);
    // Requests that were given up are not waited for.
    runtime.shutdown_background();
    outcome
}

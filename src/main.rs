//! The `mava-export` command: parses, resolves settings, runs one command, returns its exit code.

use std::process::ExitCode;

use mava_export::error::Result;
use mava_export::{cli, clock, commands, config, error, limits, terminal};

fn main() -> ExitCode {
    limits::outlive_file_size();
    let ended = limits::check_files().and_then(|()| limits::on_main_thread(run));
    ended.unwrap_or_else(|error| {
        let stop = cli::Stop::Error(error);
        terminal::stop(&stop, std::env::args_os()).number().into()
    })
}

fn run() -> ExitCode {
    let args = match config::parse(std::env::args_os()) {
        Ok(args) => args,
        Err(stop) => return terminal::stop(&stop, std::env::args_os()).number().into(),
    };
    let printer = terminal::Printer::new(args.output.resolve());
    let outcome = printer
        .start_log()
        .inspect(|()| printer.configuration(&args.files))
        .and_then(|()| now(&args))
        .and_then(|now| config::resolve(args, now))
        .and_then(|command| commands::run(command, &printer));
    let is_well = matches!(&outcome, Ok(error::ExitCode::Complete));
    let outcome = printer.finish(is_well).and(outcome);
    match outcome {
        Ok(exit_code) => exit_code.number().into(),
        Err(error) => {
            printer.failure(&error);
            printer.error(&error);
            error::ExitCode::from(error.kind()).number().into()
        }
    }
}

/// The time; what the clock says, right or not, for a command that does not go by it.
fn now(args: &cli::Args) -> Result<mava_export::table::Instant> {
    match args.command.is_timeless() {
        true => Ok(clock::reading()),
        false => clock::now(),
    }
}

//! The `mava-export` command: parses, resolves settings, runs one command, returns its exit code.
#![expect(
    clippy::disallowed_methods,
    reason = "main is where arguments and the clock enter"
)]

use std::process::ExitCode;

use chrono::Utc;
use mava_export::{cli, commands, config, terminal};

fn main() -> ExitCode {
    let args = match cli::parse(std::env::args_os()) {
        Ok(args) => args,
        Err(stop) => return terminal::stop(&stop, std::env::args_os()).number().into(),
    };
    let printer = terminal::Printer::new(args.output.resolve());
    let outcome = printer
        .start_log()
        .inspect(|()| printer.configuration(&args.files))
        .and_then(|()| config::resolve(args, Utc::now()))
        .and_then(|command| commands::run(command, &printer));
    match outcome {
        Ok(exit_code) => exit_code.number().into(),
        Err(error) => {
            printer.failure(&error);
            printer.error(&error);
            mava_export::error::ExitCode::from(error.kind())
                .number()
                .into()
        }
    }
}

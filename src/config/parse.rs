//! The command line, with what the configuration files say where nothing was typed.

use std::ffi::OsString;

use super::locate::locate;
use super::metrics::Section;
use super::names;
use crate::cli::{self, Args, Line, Stop};

/// Reads the command line (the program's name first), the environment and the configuration files.
///
/// # Errors
/// What to show instead of running: help, the version, or what is wrong.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Args, Stop> {
    let line = Line::of(arguments);
    read_all(&line).map_err(Stop::without_key)
}

fn read_all(line: &Line) -> Result<Args, Stop> {
    let args = line.read(cli::command())?;
    let files = locate(args.output.config.as_deref())?;
    if files.is_empty() {
        return Ok(args);
    }
    let mut command = cli::command();
    // The nearest is applied last, over the others.
    for file in files.iter().rev() {
        command = file.apply(command)?;
    }
    let mut args = line.read(command)?;
    let sections = files.iter().map(|file| file.metrics().clone());
    args.metrics = sections
        .reduce(Section::or)
        .unwrap_or_default()
        .settings()?;
    let names = files.iter().map(|file| file.names().clone());
    let policies = files.iter().find_map(|file| file.policies());
    args.metrics.policies = policies.unwrap_or_default().to_vec();
    args.metrics.names = names.reduce(names::merged).unwrap_or_default();
    args.files = files.iter().map(|file| file.path().to_owned()).collect();
    Ok(args)
}

//! The options as the documentation lists them.

use super::environment::command;

/// One option as the documentation lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptionEntry {
    /// `--rate-limit`.
    pub flag: String,
    /// `MAVA_EXPORT_RATE_LIMIT`, where it has one.
    pub environment: Option<String>,
    /// `rate_limit`, where the configuration file may hold it.
    pub key: Option<String>,
    /// The default as one types it; empty where there is none, several values comma-separated.
    pub default: String,
    /// The first line of its help.
    pub help: String,
    /// The commands that take it; empty for an option of every command.
    pub commands: Vec<String>,
}

/// Every option with a long flag that is shown in the help, in its order. An option of several commands is
/// listed once.
pub fn options() -> Vec<OptionEntry> {
    let mut entries: Vec<OptionEntry> = Vec::new();
    visit(&command(), "", &mut |path, argument| {
        let Some(flag) = argument.get_long().filter(|_| !argument.is_hide_set()) else {
            return;
        };
        let entry = OptionEntry {
            flag: format!("--{flag}"),
            environment: argument
                .get_env()
                .map(|name| name.to_string_lossy().into_owned()),
            key: config_key(argument),
            default: argument
                .get_default_values()
                .iter()
                .map(|value| value.to_string_lossy())
                .collect::<Vec<_>>()
                .join(","),
            help: argument
                .get_help()
                .map(ToString::to_string)
                .unwrap_or_default(),
            commands: (!path.is_empty())
                .then(|| path.to_owned())
                .into_iter()
                .collect(),
        };
        match entries.iter_mut().find(|known| {
            known.flag == entry.flag && known.key == entry.key && known.default == entry.default
        }) {
            Some(known) => known.commands.extend(entry.commands),
            None => entries.push(entry),
        }
    });
    entries
}

/// The key that holds this option in the configuration file.
pub(crate) fn config_key(argument: &clap::Arg) -> Option<String> {
    let flag = argument.get_long()?;
    (argument.get_env().is_some() && flag != "config").then(|| flag.replace('-', "_"))
}

/// Calls `see` with the command's path and each argument, of all commands.
pub(crate) fn visit(command: &clap::Command, path: &str, see: &mut impl FnMut(&str, &clap::Arg)) {
    for argument in command.get_arguments() {
        see(path, argument);
    }
    for child in command.get_subcommands() {
        let path = format!("{path} {}", child.get_name());
        visit(child, path.trim_start(), see);
    }
}

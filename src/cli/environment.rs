//! The environment variables of the options.

use clap::CommandFactory;
use clap::builder::Resettable;

use super::commands::Args;
use super::{options, query};

/// The variable that holds the key.
pub const KEY_VARIABLE: &str = "MAVA_API_KEY";

/// The prefix of every environment variable but those that Mava's other tools know too.
const ENVIRONMENT_PREFIX: &str = "MAVA_EXPORT_";

/// The command line's definition, with the environment variables.
pub(crate) fn command() -> clap::Command {
    with_environment(Args::command())
}

fn with_environment(command: clap::Command) -> clap::Command {
    let is_demo = command.get_name() == "demo";
    let said_each_time = match command.get_name() {
        "accept" => &options::SAID_EACH_TIME[..],
        "query" => &query::SAID_EACH_TIME,
        "simulate" => &options::FILES_OF_SIMULATE,
        _ => &[],
    };
    command
        .mut_args(|argument| {
            let Some(flag) = argument.get_long().map(str::to_owned) else {
                return argument;
            };
            let is_counted = matches!(argument.get_action(), clap::ArgAction::Count);
            // What is accepted, and files that are written or asked from, are said each time.
            let is_said = said_each_time.contains(&flag.as_str());
            if is_counted || is_said || (is_demo && flag == "to") {
                return argument;
            }
            argument
                .env(variable(&flag))
                .hide_env(true)
                .hide_env_values(true)
        })
        .mut_subcommands(with_environment)
}

/// The environment variable of a flag, which is given without its hyphens.
pub(super) fn variable(flag: &str) -> String {
    match flag {
        "base-url" => "MAVA_BASE_URL".to_owned(),
        _ => format!(
            "{ENVIRONMENT_PREFIX}{}",
            flag.replace('-', "_").to_uppercase()
        ),
    }
}

/// An empty variable is one that is not set.
#[expect(
    clippy::disallowed_methods,
    reason = "the environment is read once, here"
)]
pub(super) fn without_empty(command: clap::Command) -> clap::Command {
    command
        .mut_args(|argument| {
            let value = argument.get_env().and_then(std::env::var_os);
            match value {
                Some(value) if value.is_empty() => argument.env(Resettable::Reset),
                _ => argument,
            }
        })
        .mut_subcommands(without_empty)
}

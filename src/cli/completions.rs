//! The completion scripts.

use clap::ValueEnum;
use clap::builder::{PossibleValue, PossibleValuesParser};
use clap_complete::Shell;

use super::environment::command;

/// The completion script for a shell. `named` are the names of the queries that come with the program,
/// each with what it answers.
pub fn completions(shell: Shell, named: &[(&'static str, &'static str)]) -> String {
    let names = named
        .iter()
        .map(|(name, answers)| PossibleValue::new(name).help(answers));
    let names = PossibleValuesParser::new(names);
    // What is typed is looked up where it is answered, which can say which name is the nearest.
    let mut command = command().mut_subcommand("query", |query| {
        query.mut_arg("named", |argument| argument.value_parser(names))
    });
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, "mava-export", &mut script);
    let script = String::from_utf8_lossy(&script).into_owned();
    match shell {
        // The generator writes the hyphen of our name in two ways: one where a word leads to a command,
        // another where the command's own words are looked up, so that they are never found.
        Shell::Bash => script.replace("mava__subcmd__export", "mava__export"),
        // Its words for values leave out those without a flag.
        Shell::Fish => {
            let shells = Shell::value_variants().iter().map(Shell::to_string);
            let shells = shells.collect::<Vec<_>>().join(" ");
            format!(
                "{script}complete -c mava-export -n \"__fish_mava_export_using_subcommand completions\" -f -a \"{shells}\"\n"
            )
        }
        _ => script,
    }
}

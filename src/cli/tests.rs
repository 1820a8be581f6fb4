use std::ffi::OsString;

use clap::CommandFactory;
use clap_complete::Shell;

use super::line::read;
use super::*;

fn stop(arguments: &[&str]) -> String {
    let arguments: Vec<OsString> = std::iter::once("mava-export")
        .chain(arguments.iter().copied())
        .map(OsString::from)
        .collect();
    match read(Args::command(), &arguments) {
        Ok(args) => panic!("parsed: {args:?}"),
        Err(Stop::Text(error)) => error.to_string(),
        Err(Stop::Error(error)) => format!(
            "error: {error}\nhelp: {}",
            error.help_text().unwrap_or_default()
        ),
    }
}

#[test]
fn the_definition_is_sound() {
    command().debug_assert();
}

#[test]
fn every_option_has_a_variable_and_a_key_made_from_its_flag() {
    for option in options() {
        let words = option.flag.trim_start_matches("--").replace('-', "_");
        match option.flag.as_str() {
            "--verbose" | "--quiet" => {
                assert_eq!((option.environment, option.key), (None, None));
            }
            "--to" if option.commands == ["demo"] => {
                assert_eq!((option.environment, option.key), (None, None));
            }
            "--ticket" | "--path" | "--reason" | "--all" | "--undo" | "--yes" => {
                assert_eq!(option.commands, ["accept"]);
                assert_eq!((option.environment, option.key), (None, None));
            }
            "--file" | "--named" | "--output" | "--overwrite" => {
                assert_eq!(option.commands, ["query"]);
                assert_eq!((option.environment, option.key), (None, None));
            }
            "--truth" => {
                assert_eq!(option.commands, ["simulate"]);
                assert_eq!((option.environment, option.key), (None, None));
            }
            "--config" => {
                assert_eq!(option.environment.as_deref(), Some("MAVA_EXPORT_CONFIG"));
                assert_eq!(option.key, None);
            }
            "--base-url" => {
                assert_eq!(option.environment.as_deref(), Some("MAVA_BASE_URL"));
                assert_eq!(option.key, Some(words));
            }
            _ => {
                let variable = format!("MAVA_EXPORT_{}", words.to_uppercase());
                assert_eq!(option.environment, Some(variable));
                assert_eq!(option.key, Some(words));
            }
        }
    }
}

#[test]
fn an_option_of_several_commands_has_one_default() {
    let mut seen: Vec<OptionEntry> = Vec::new();
    for option in options().into_iter().filter(|option| option.key.is_some()) {
        assert!(
            !seen.iter().any(|known| known.key == option.key),
            "{option:?}"
        );
        seen.push(option);
    }
}

#[test]
fn a_stray_word_that_may_be_a_key_is_not_repeated() {
    for arguments in [
        &["probe", "MAVA_API_KEY=s3cr3t"][..],
        &["MAVA_API_KEY=s3cr3t", "probe"],
        &["probe", "s3cr3t-0123456789abcdef"],
        &["s3cr3t-0123456789abcdef"],
    ] {
        let shown = stop(arguments);
        assert!(!shown.contains("s3cr3t"), "{shown}");
        assert!(shown.contains("MAVA_API_KEY"), "{shown}");
    }
    assert!(stop(&["backfil"]).contains("backfill"));
    assert!(stop(&["probe", "now"]).contains("now"));
}

#[test]
fn no_option_is_the_key() {
    assert!(options().iter().all(|option| option.flag != "--api-key"));
    for arguments in [
        &["probe", "--api-key", "s3cr3t"][..],
        &["probe", "--api-key=s3cr3t"],
    ] {
        let shown = stop(arguments);
        assert!(!shown.contains("s3cr3t"), "{shown}");
        assert!(
            shown.contains("never given as a flag") && shown.contains("MAVA_API_KEY"),
            "{shown}"
        );
    }
}

#[test]
fn a_wrong_word_is_answered_with_the_right_ones() {
    insta::assert_snapshot!(stop(&["backfill", "--status", "open,closed"]), @r#"
    error: invalid value 'closed' for '--status <STATUS>'
      [possible values: Open, Pending, Waiting, Resolved]

    For more information, try '--help'.
    "#);
    insta::assert_snapshot!(stop(&["backfill", "--origin", "sms"]), @r#"
    error: invalid value 'sms' for '--origin <ORIGIN>'
      [possible values: web, discord, telegram, telegram-group, email]

    For more information, try '--help'.
    "#);
}

#[test]
fn a_wrong_value_is_answered_with_the_form_of_a_right_one() {
    insta::assert_snapshot!(stop(&["backfill", "--to", "support.db"]), @r#"
    error: invalid value 'support.db' for '--to <STORE>': write sqlite:FILE or parquet:DIR, such as sqlite:support.db

    For more information, try '--help'.
    "#);
    insta::assert_snapshot!(stop(&["backfill", "--since", "yesterday"]), @r#"
    error: invalid value 'yesterday' for '--since <DATE>': write 2023-01-31, 2023-01-31T09:00:00Z or 2023-01-31T09:00:00+02:00

    For more information, try '--help'.
    "#);
    insta::assert_snapshot!(stop(&["backfill", "--lanes", "17"]), @r#"
    error: invalid value '17' for '--lanes <N>': write a whole number from 1 to 16

    For more information, try '--help'.
    "#);
    insta::assert_snapshot!(stop(&["probe", "--rate-limit", "90"]), @r#"
    error: invalid value '90' for '--rate-limit <N/TIME>': write requests per time, such as 90/30s or 5/1s, or none (the time at most 1day)

    For more information, try '--help'.
    "#);
}

#[test]
fn help_names_every_exit_code() {
    let long = command().render_long_help().to_string();
    for code in crate::error::ExitCode::ALL {
        let line = format!("\n  {:<5}", code.number());
        assert!(long.contains(&line), "{code:?}");
    }
}

#[test]
fn the_examples_in_the_help_parse() {
    let mut texts = vec![help::AFTER, help::AFTER_LONG];
    texts.extend([
        help::BACKFILL,
        help::PLAN,
        help::STATUS,
        help::VERIFY,
        help::PUBLISH,
        help::QUERY,
        help::PROBE,
        help::DEMO,
    ]);
    texts.extend([help::SIMULATE, help::COMPLETIONS]);
    let mut count = 0;
    for line in texts.iter().flat_map(|text| text.lines()) {
        let Some((before, rest)) = line.split_once("mava-export ") else {
            continue;
        };
        if !(line.starts_with("  ")
            && (before.trim().is_empty()
                || before.contains("MAVA_API_KEY=")
                || before.contains('|')))
        {
            continue;
        }
        let rest = rest.split("   ").next().unwrap_or_default();
        // What stands in quotes is one word.
        let words = rest
            .split('"')
            .enumerate()
            .flat_map(|(number, part)| match number % 2 {
                0 => part.split_whitespace().collect(),
                _ => vec![part],
            });
        let words = words.take_while(|word| !["|", ">"].contains(word));
        let arguments = std::iter::once("mava-export")
            .chain(words)
            .map(OsString::from)
            .collect::<Vec<_>>();
        assert!(read(Args::command(), &arguments).is_ok(), "{line}");
        count += 1;
    }
    assert!(count > 15, "{count}");
}

#[test]
fn every_shell_gets_a_script_that_knows_the_commands() {
    for shell in [
        Shell::Bash,
        Shell::Zsh,
        Shell::Fish,
        Shell::Elvish,
        Shell::PowerShell,
    ] {
        let script = completions(shell, &[("backlog", "The backlog")]);
        assert!(
            script.contains("backfill")
                && script.contains("rate-limit")
                && (script.contains("backlog")
                    || shell == Shell::Elvish
                    || shell == Shell::PowerShell),
            "{shell}"
        );
    }
}

/// What is nothing that any option takes but a text.
const NONSENSE: &str = "§§";

#[test]
fn a_value_that_is_not_accepted_is_told_with_its_option_and_what_is() {
    let mut refused = 0;
    let mut options = Vec::new();
    visit(&command(), "", &mut |path, argument| {
        let is_valued = argument.get_action().takes_values();
        if let Some(flag) = argument.get_long().filter(|_| is_valued) {
            options.push((path.to_owned(), flag.to_owned()));
        }
    });
    for (path, flag) in options {
        let value = format!("--{flag}={NONSENSE}");
        let words = path.split_whitespace().chain([value.as_str()]);
        let arguments = std::iter::once("mava-export")
            .chain(words)
            .map(OsString::from);
        let arguments: Vec<OsString> = arguments.collect();
        let Err(error) = command().try_get_matches_from(&arguments) else {
            continue;
        };
        let told = error.to_string();
        if !told.contains("invalid value") {
            continue;
        }
        refused += 1;
        assert!(told.contains(&format!("--{flag}")), "{told}");
        assert!(told.contains(NONSENSE), "{told}");
        assert!(
            told.contains("write ") || told.contains("possible values: "),
            "{told}"
        );
    }
    assert!(refused > 100, "{refused}");
}

#[test]
fn a_value_from_the_environment_is_told_with_its_variable() {
    let refused = |arguments: &[&str]| {
        let arguments: Vec<OsString> = std::iter::once("mava-export")
            .chain(arguments.iter().copied())
            .map(OsString::from)
            .collect();
        let error = command().mut_subcommand("sync", |sync| {
            sync.mut_arg("lanes", |lanes| lanes.default_value("many"))
        });
        let error = error.try_get_matches_from(&arguments).expect_err("many");
        typed::from_environment(error, &arguments).to_string()
    };
    // A value that nobody typed and no file gave: what is left is the environment.
    let told = refused(&["sync"]);
    assert!(
        told.contains("'MAVA_EXPORT_LANES (--lanes <N>)': write a whole number from 1 to 16"),
        "{told}"
    );
    for typed in [&["sync", "--lanes", "few"][..], &["sync", "--lanes=few"]] {
        let told = refused(typed);
        assert!(
            told.contains("'few' for '--lanes <N>': write a whole number from 1 to 16"),
            "{told}"
        );
    }
}

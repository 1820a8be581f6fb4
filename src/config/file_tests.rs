use super::*;

use crate::cli::Args;
use clap::FromArgMatches;

const EXAMPLE: &str = include_str!("../../config/mava-export.example.toml");

/// The example's settings without the `#` in front, each with whether it stands for a default.
fn example() -> String {
    EXAMPLE
        .lines()
        .filter_map(|line| line.strip_prefix('#'))
        .filter(|line| line.starts_with(|first: char| first.is_ascii_lowercase() || first == '['))
        .map(|line| format!("{line}\n"))
        .collect()
}

fn refused(text: &str) -> String {
    let error = File::parse(Path::new("my.toml"), text)
        .and_then(|file| file.apply(cli::command()))
        .expect_err(text);
    format!("{error}\n{}", error.help_text().unwrap_or_default())
        .trim_end()
        .to_owned()
}

fn args(text: &str, arguments: &[&str]) -> Args {
    let file = File::parse(Path::new("my.toml"), text).expect("a test's own file");
    let command = file.apply(cli::command()).expect("a test's own values");
    let matches = without_environment(command)
        .try_get_matches_from(std::iter::once(&"mava-export").chain(arguments))
        .expect("a test's own arguments");
    Args::from_arg_matches(&matches).expect("as defined")
}

/// Whoever runs the tests may have set some of the variables.
fn without_environment(command: clap::Command) -> clap::Command {
    command
        .mut_args(|argument| argument.env(clap::builder::Resettable::Reset))
        .mut_subcommands(without_environment)
}

fn backfill(args: Args) -> cli::BackfillArgs {
    match args.command {
        cli::Command::Backfill(typed) => typed,
        other => panic!("not a backfill: {other:?}"),
    }
}

#[test]
fn the_example_is_all_comment() {
    assert_eq!(
        EXAMPLE.parse::<toml::Table>().expect("TOML"),
        toml::Table::new()
    );
}

#[test]
fn the_example_holds_every_key_and_no_other() {
    let file = File::parse(Path::new("example"), &example()).expect("known keys");
    let listed: Vec<&String> = file.values.keys().collect();
    let shown = cli::options().into_iter();
    let mut known: Vec<String> = shown.filter_map(|option| option.key).collect();
    known.sort();
    known.dedup();
    assert_eq!(listed, known.iter().collect::<Vec<_>>());
    file.apply(cli::command()).expect("accepted values");
    let metrics = file.metrics().clone().settings().expect("business hours");
    assert!(metrics.hours.is_some_and(|hours| hours.holidays.len() == 2));
}

#[test]
fn the_example_shows_the_defaults() {
    let file = File::parse(Path::new("example"), &example()).expect("known keys");
    for option in cli::options() {
        let Some(values) = option.key.as_ref().and_then(|key| file.values.get(key)) else {
            continue;
        };
        let line = format!("\n#{} =", option.key.unwrap_or_default());
        let before = EXAMPLE.split(&line).next().unwrap_or_default();
        let has_default = !before
            .rsplit("\n\n")
            .next()
            .unwrap_or_default()
            .contains("No default");
        assert_eq!(has_default, !option.default.is_empty(), "{}", option.flag);
        if has_default {
            assert_eq!(values.join(","), option.default, "{}", option.flag);
        }
    }
}

#[test]
fn flags_go_before_the_file_and_the_file_before_defaults() {
    let text = "lanes = 4\nto = \"sqlite:a.db\"\nsince = 2023-01-01\njson = true\nstatus = [\"open\", \"Pending\"]\n";
    let from_file = args(text, &["backfill"]);
    assert!(from_file.output.json);
    let typed = backfill(from_file);
    assert_eq!(typed.fetch.lanes, 4);
    assert_eq!(typed.store.to, Some(cli::Target::Sqlite("a.db".into())));
    assert_eq!(
        typed.range.since,
        Some(crate::window::parse("2023-01-01").expect("a date"))
    );
    assert_eq!(
        typed.filters.status,
        [cli::Status::Open, cli::Status::Pending]
    );
    assert_eq!(typed.api.retry_attempts, 10, "the default");

    let from_flags = args(
        text,
        &[
            "--json=false",
            "backfill",
            "--lanes",
            "2",
            "--status",
            "resolved",
            "--to",
            "sqlite:b.db",
        ],
    );
    assert!(!from_flags.output.json);
    let typed = backfill(from_flags);
    assert_eq!(typed.fetch.lanes, 2);
    assert_eq!(typed.filters.status, [cli::Status::Resolved]);
    assert_eq!(typed.store.to, Some(cli::Target::Sqlite("b.db".into())));
}

#[test]
fn output_options_stand_before_or_after_the_command() {
    for arguments in [
        ["--log-format", "json", "probe"],
        ["probe", "--log-format", "json"],
    ] {
        let output = args("log_format = \"text\"", &arguments).output;
        assert_eq!(output.log_format, crate::settings::LogFormat::Json);
    }
    let output = args("log_format = \"json\"", &["probe"]).output;
    assert_eq!(output.log_format, crate::settings::LogFormat::Json);
}

#[test]
fn the_demo_never_writes_where_the_file_points() {
    match args("to = \"sqlite:support.db\"", &["demo"]).command {
        cli::Command::Demo(demo) => assert_eq!(demo.to, PathBuf::from("demo.sqlite")),
        other => panic!("not a demo: {other:?}"),
    }
}

#[test]
fn a_wrong_key_or_value_is_named_with_its_file() {
    insta::assert_snapshot!(refused("rate_limt = \"90/30s\""), @r#"
    my.toml: rate_limt: unknown key
    did you mean rate_limit?
    "#);
    insta::assert_snapshot!(refused("rate-limit = \"90/30s\""), @r#"
    my.toml: rate-limit: unknown key
    did you mean rate_limit?
    "#);
    insta::assert_snapshot!(refused("colour_of_money = 1"), @r#"
    my.toml: colour_of_money: unknown key
    a key is the name of an option with _ for -, such as rate_limit for --rate-limit: mava-export backfill --help lists those of a backfill
    "#);
    insta::assert_snapshot!(refused("rate_limit = 90"), @r#"
    my.toml: rate_limit: "90" is not accepted: write requests per time, such as 90/30s or 5/1s, or none (the time at most 1day)
    "#);
    insta::assert_snapshot!(refused("status = [\"open\", \"closed\"]"), @"my.toml: status: write one of Open, Pending, Waiting, Resolved");
    insta::assert_snapshot!(refused("lanes = 17"), @r#"
    my.toml: lanes: "17" is not accepted: write a whole number from 1 to 16
    "#);
    insta::assert_snapshot!(refused("lanes = [1, 2]"), @"my.toml: lanes: takes one value, not several");
    insta::assert_snapshot!(refused("json = 7"), @r#"
    my.toml: json: "7" is not accepted: write true or false
    "#);
    insta::assert_snapshot!(refused("[backfill]\nlanes = 1"), @r#"
    my.toml: backfill: unknown key
    a key is the name of an option with _ for -, such as rate_limit for --rate-limit: mava-export backfill --help lists those of a backfill
    "#);
    insta::assert_snapshot!(refused("config = \"other.toml\""), @r#"
    my.toml: config: unknown key
    a key is the name of an option with _ for -, such as rate_limit for --rate-limit: mava-export backfill --help lists those of a backfill
    "#);
    insta::assert_snapshot!(refused("lanes = 1\nlanes = 2"), @"my.toml: line 2: duplicate key");
}

#[test]
fn the_api_key_in_the_file_is_refused_and_not_printed() {
    insta::assert_snapshot!(refused("api_key = \"s3cr3t\""), @r#"
    my.toml: api_key: the API key does not belong in this file
    set MAVA_API_KEY, or name a file that holds only the key: api_key_file = "…"
    "#);
    for text in [
        "api_key = s3cr3t",
        "apikey = \"s3cr3t\"",
        "base_url = \"s3cr3t",
        "s3cr3t",
        "lanes = \"s3cr3t\"",
    ] {
        let shown = refused(text);
        assert!(!shown.contains("s3cr3t"), "{shown}");
    }
}

#[test]
fn a_value_that_is_not_accepted_is_told_with_its_key_and_what_is() {
    let mut told = 0;
    for key in keys() {
        let file =
            File::parse(Path::new("my.toml"), &format!("{key} = \"nonsense\"")).expect("a file");
        let Err(error) = file.apply(cli::command()) else {
            continue;
        };
        told += 1;
        let text = error.to_string();
        let begins = format!("my.toml: {key}: \"nonsense\" is not accepted: write ");
        assert!(text.starts_with(&begins), "{text}");
    }
    assert!(told > 30, "{told}");
    let long = "a value as long as a key of the API is";
    let file = File::parse(Path::new("my.toml"), &format!("lanes = \"{long}\"")).expect("a file");
    let error = file
        .apply(cli::command())
        .expect_err("no number")
        .to_string();
    assert_eq!(error, "my.toml: lanes: write a whole number from 1 to 16");
}

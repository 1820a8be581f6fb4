use super::*;

use std::time::Duration;

use clap::Parser;

use crate::settings::Live;
use crate::window;

fn now() -> Instant {
    window::parse("2026-01-31T09:05:00Z").expect("a test's own instant")
}

fn resolved(line: &str) -> Result<Command> {
    let words = std::iter::once("mava-export").chain(line.split_whitespace());
    // The plain definition, without the variables of whoever runs this test.
    let args = cli::Args::try_parse_from(words).expect(line);
    resolve_with(args, now(), |_, _| Ok(SecretString::from("s3cr3t")))
}

fn refused(line: &str) -> String {
    let error = resolved(line).expect_err(line);
    assert_eq!(error.kind(), crate::error::ErrorKind::Usage);
    format!("{error}\n{}", error.help_text().unwrap_or_default())
        .trim_end()
        .to_owned()
}

#[test]
fn a_backfill_with_nothing_but_what_it_needs_has_the_defaults() {
    let Command::Backfill {
        connection,
        backfill,
    } = resolved("backfill --since 2023-01-01 --to sqlite:support.db").expect("enough")
    else {
        panic!("not a backfill");
    };
    assert_eq!(backfill.since, window::parse("2023-01-01").expect("a date"));
    assert_eq!(backfill.until, None);
    assert!(backfill.filters.is_empty() && backfill.has_messages && !backfill.allow_deletions);
    assert_eq!(backfill.max_lanes, 16);
    assert_eq!(
        backfill.store,
        StoreSettings {
            path: "support.db".into(),
            file_mode: None,
            publish: None,
            metrics: MetricsSettings::default(),
        }
    );
    assert_eq!(connection.base_url.as_str(), "https://gateway.mava.app/");
    assert_eq!(connection.max_body_bytes, 256 * 1024 * 1024);
    assert_eq!(connection.budget.requests(), Some(90));
    assert_eq!(
        connection.budget.period(),
        Some(Duration::from_millis(30_300))
    );
    assert_eq!(
        connection.timeouts,
        Timeouts {
            connect: Duration::from_secs(10),
            read: Duration::from_secs(60)
        }
    );
    assert!(!format!("{connection:?}").contains("s3cr3t"));
}

#[test]
fn equal_filters_are_equal_in_whatever_order_they_were_typed() {
    let filters = |options: &str| match resolved(&format!(
        "plan backfill --since 2023-01-01 --to sqlite:a.db {options}"
    )) {
        Ok(Command::PlanBackfill { backfill, .. }) => backfill.filters,
        other => panic!("{other:?}"),
    };
    let one =
        filters("--status OPEN,pending --origin Telegram-Group --tag b,a --assigned-to unassigned");
    let other = filters(
        "--tag a --assigned-to Unassigned --status Pending --status open,Open --tag b --origin telegram-group",
    );
    assert_eq!(one, other);
    insta::assert_snapshot!(serde_json::to_string(&one).expect("plain"), @r#"{"status":["Open","Pending"],"origin":["telegram-group"],"tag":["a","b"],"assigned_to":["Unassigned"]}"#);
}

#[test]
fn what_is_missing_is_asked_for() {
    insta::assert_snapshot!(refused("backfill --to sqlite:a.db"), @r#"
    --since is missing
    give --since 2023-01-01, or set MAVA_EXPORT_SINCE, or since in the configuration file
    "#);
    insta::assert_snapshot!(refused("plan backfill --since 2023-01-01"), @r#"
    --to is missing
    give --to sqlite:support.db, or set MAVA_EXPORT_TO, or to in the configuration file
    "#);
    insta::assert_snapshot!(refused("status"), @r#"
    --to is missing
    give --to sqlite:support.db, or set MAVA_EXPORT_TO, or to in the configuration file
    "#);
}

#[test]
fn a_range_that_holds_nothing_names_both_ends() {
    insta::assert_snapshot!(refused("backfill --to sqlite:a.db --since 2023-01-01 --until 2023-01-01"), @r#"
    the range is empty: --since 2023-01-01T00:00:00.000Z is not before --until 2023-01-01T00:00:00.000Z
    --until is exclusive: for the day 2023-01-31 write --since 2023-01-31 --until 2023-02-01
    "#);
    insta::assert_snapshot!(refused("backfill --to sqlite:a.db --since 2023-01-02 --until 2023-01-02T01:00:00+02:00"), @r#"
    the range is empty: --since 2023-01-02T00:00:00.000Z is not before --until 2023-01-01T23:00:00.000Z
    --until is exclusive: for the day 2023-01-31 write --since 2023-01-31 --until 2023-02-01
    "#);
    insta::assert_snapshot!(refused("backfill --to sqlite:a.db --since 2026-01-31T10:05:00+01:00"), @"--since 2026-01-31T09:05:00.000Z lies in the future: it is 2026-01-31T09:05:00.000Z now");
    assert!(resolved("backfill --to sqlite:a.db --since 2026-01-31 --until 2027-01-01").is_ok());
}

#[test]
fn the_key_never_travels_in_the_clear_but_on_loopback() {
    for (typed, meant) in [
        ("https://gateway.mava.app", "https://gateway.mava.app/"),
        (
            "https://proxy.example/mava///",
            "https://proxy.example/mava",
        ),
        ("http://localhost:8090", "http://localhost:8090/"),
        ("http://127.0.0.2:1/", "http://127.0.0.2:1/"),
        ("http://[::1]:8090", "http://[::1]:8090/"),
        ("http://[::ffff:127.0.0.1]:1", "http://[::ffff:7f00:1]:1/"),
        ("http://mava.localhost:8090", "http://mava.localhost:8090/"),
    ] {
        assert_eq!(base_url(typed).expect(typed).as_str(), meant);
    }
    for (wrong, reason) in [
        ("http://gateway.mava.app", "others could read the API key"),
        (
            "http://localhost.evil.example",
            "others could read the API key",
        ),
        (
            "http://127.0.0.1.evil.example",
            "others could read the API key",
        ),
        ("http://0.0.0.0:80", "others could read the API key"),
        ("ftp://gateway.mava.app", "neither"),
        ("gateway.mava.app", "cannot be read"),
        ("", "cannot be read"),
        (
            "https://user:s3cr3t@gateway.mava.app",
            "a user or a password",
        ),
        ("https://gateway.mava.app?token=s3cr3t", "a query"),
        ("https://gateway.mava.app/#s3cr3t", "a fragment"),
    ] {
        let error = base_url(wrong).expect_err(wrong).to_string();
        assert!(
            error.contains(reason) && !error.contains("s3cr3t"),
            "{wrong}: {error}"
        );
    }
}

#[test]
fn a_share_that_leaves_no_request_is_refused() {
    insta::assert_snapshot!(refused("probe --rate-limit 1/1s --budget-share 80%"), @r#"
    --budget-share 80% of --rate-limit leaves no request at all
    raise the share, or write the limit over a longer time
    "#);
    assert!(resolved("probe --rate-limit none --budget-share 1%").is_ok());
}

#[test]
fn a_simulation_takes_what_it_is_given() {
    let line = "simulate --port 0 --tickets 9 --seed 7 --latency 0s --rate-limit none --fault-rate 0.5 --prerender --since 2024-01-01";
    let Ok(Command::Simulate(simulation)) = resolved(line) else {
        panic!("not a simulation");
    };
    assert_eq!(
        simulation.world,
        World {
            tickets: 9,
            seed: 7
        }
    );
    assert_eq!(
        (
            simulation.port,
            simulation.rate_limit,
            simulation.is_prerendered
        ),
        (0, None, true)
    );
    assert_eq!(
        (simulation.latency, simulation.fault_rate),
        (Duration::ZERO, 0.5)
    );
}

#[test]
fn a_desk_is_at_work_where_that_is_asked_for() {
    for (line, is_at_work) in [("simulate", false), ("simulate --at-work", true)] {
        let Ok(Command::Simulate(simulation)) = resolved(line) else {
            panic!("not a simulation");
        };
        assert_eq!(simulation.is_at_work, is_at_work, "{line}");
    }
}

#[test]
fn a_desk_lives_on_where_that_is_asked_for_and_from_a_day_that_is_over() {
    let live = |line: &str| match resolved(line) {
        Ok(Command::Simulate(simulation)) => simulation,
        _ => panic!("not a simulation: {line}"),
    };
    assert_eq!(live("simulate").live, None);
    let plain = live("simulate --live");
    let expected = Live {
        day_every: Duration::from_secs(30),
        truth: None,
    };
    assert_eq!(plain.live, Some(expected));
    assert_eq!(plain.until, window::parse("2025-01-01").ok());
    let asked = live("simulate --live --day-every 2s --truth a.ndjson --until 2024-01-01");
    let expected = Live {
        day_every: Duration::from_secs(2),
        truth: Some("a.ndjson".into()),
    };
    assert_eq!(asked.live, Some(expected));
    assert_eq!(asked.until, window::parse("2024-01-01").ok());
    for (line, parts) in [
        (
            "simulate --truth a.ndjson",
            ["--truth is for", "add --live"],
        ),
        (
            "simulate --live=false --truth a",
            ["--truth is for", "add --live"],
        ),
        ("simulate --live --prerender", ["--prerender", "leave one"]),
        ("simulate --live --truth -", ["- is none", "a new file"]),
        (
            "simulate --live --until 2199-01-01",
            ["begin to live at 2199", "earlier day with --until"],
        ),
        (
            "simulate --live --since 2025-01-01",
            ["not after --since 2025", "say with --until"],
        ),
    ] {
        let told = refused(line);
        assert!(
            parts.iter().all(|part| told.contains(part)),
            "{line}: {told}"
        );
    }
}

#[test]
fn a_range_begins_no_earlier_than_any_desk() {
    for command in ["backfill", "plan backfill", "sync"] {
        let line = |since: &str| format!("{command} --to sqlite:support.db --since {since}");
        assert!(resolved(&line("2010-01-01")).is_ok());
        for since in ["0001-01-01", "0024-05-01", "2009-12-31T23:59:59.999Z"] {
            let told = refused(&line(since));
            assert!(told.contains("before 2010-01-01"), "{told}");
        }
    }
    assert!(refused("simulate --since 1970-01-01").contains("--since"));
}

#[test]
fn filters_that_no_request_can_hold_are_refused_by_the_flag_that_is_longest() {
    let ids = |count: usize| vec!["64f0aaaaaaaaaaaaaaaaaaaa"; count].join(",");
    let line = |tags: usize, categories: usize| {
        let tags: Vec<String> = (0..tags).map(|id| format!("64f0{id:020}")).collect();
        let categories: Vec<String> = (0..categories).map(|id| format!("64f1{id:020}")).collect();
        format!(
            "backfill --since 2023-01-01 --to sqlite:a.db --tag={} --category={}",
            tags.join(","),
            categories.join(",")
        )
    };
    assert!(resolved(&line(2_000, 100)).is_ok());
    insta::assert_snapshot!(refused(&line(2_100, 200)), @r"
    --tag names 2100 values, which make a request of 69998 bytes: at most 65434 can be sent
    name fewer values, or run the command several times with some of them each: what is in the store stays; or leave the filter out and choose in the store
    ");
    let more_categories = refused(&line(1_100, 1_200));
    assert!(
        more_categories.starts_with("--category names 1200 values"),
        "{more_categories}"
    );
    // The same id again is one.
    let twice = format!(
        "backfill --since 2023-01-01 --to sqlite:a.db --tag={}",
        ids(5_000)
    );
    assert!(resolved(&twice).is_ok());
}

//! `plan sync` says what a sync would do, and refuses what a sync refuses.

use std::process::{Command, Output};

use mava_export::error::ExitCode;
use mava_export::settings::Sync;
use mava_export::simulator::{Quirks, SimulatorSpec};

use super::frame::{go_on, stop_after};
use super::*;
use crate::support::WallClock;

/// What `plan sync` says now.
fn plan(desk: &Desk, more: &[&str]) -> Output {
    let directory = tempfile::tempdir().expect("a directory");
    let mut command = Command::new(env!("CARGO_BIN_EXE_mava-export"));
    WallClock::new(directory.path()).set(&mut command, desk.now());
    command
        .args(["plan", "sync", "--full-below", "0", "--json", "--to"])
        .arg(format!("sqlite:{}", desk.path().display()))
        .args(more)
        .env("MAVA_API_KEY", desk.simulator.api_key())
        .env("MAVA_BASE_URL", desk.simulator.base_url())
        .output()
        .expect("runs")
}

/// The same by step.
fn planned(desk: &Desk, more: &[&str]) -> serde_json::Value {
    let output = plan(desk, more);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

#[tokio::test]
async fn a_sync_of_an_unchanged_desk_costs_what_was_planned() {
    for has_crowd in [false, true] {
        let mut world = recent(6_000);
        if has_crowd {
            // Of a status that no list is asked for by, and more than a page of them at once.
            for id in world.insert_burst(NOW - TimeDelta::days(90), 250) {
                world.edit(&id, |ticket| ticket.status = "Spam".into());
            }
        }
        let desk = copied(world, Quirks::default()).await;
        costs_what_was_planned(&desk).await;
        costs_what_was_planned(&desk).await;
    }
}

/// Plans a sync, and does it.
async fn costs_what_was_planned(desk: &Desk) {
    let plan = planned(desk, &[]);
    let (summary, _) = sync(desk).await;
    let planned = plan["requests"].as_u64().expect("a number");
    let paid = summary.summary.requests;
    // What the lists show by the way may make pages not worth their requests any more.
    let windows = plan["windows"].as_array().expect("windows");
    let pages = windows.iter().find(|window| window["step"] == "pages");
    let pages = pages.map_or(0, |window| window["requests"].as_u64().expect("a number"));
    let read = requests_of(&summary, "pages");
    assert!(read <= pages, "{plan:#} {:#?}", summary.steps);
    assert_eq!(
        planned - pages,
        paid - read,
        "{plan:#} {:#?}",
        summary.steps
    );
}

#[tokio::test]
async fn a_plan_keeps_to_the_cap_as_the_sync_does() {
    let desk = copied(recent(6_000), Quirks::default()).await;
    let capped = Sync {
        max_requests: Some(3),
        ..settings(&desk)
    };
    let plan = planned(&desk, &["--max-requests", "3"]);
    let windows = plan["windows"].as_array().expect("windows");
    let needed = ["new", "open", "resolved"];
    for window in windows {
        let step = window["step"].as_str().expect("a step");
        assert!(needed.contains(&step), "{plan:#}");
    }
    let (summary, _) = sync_with(&desk, &capped).await.expect("a sync");
    let planned = plan["requests"].as_u64();
    assert_eq!(planned, Some(summary.summary.requests), "{plan:#}");
}

#[tokio::test]
async fn a_plan_of_what_a_sync_refuses_or_leaves_to_a_backfill_says_so() {
    let mut desk = Desk::open(SimulatorSpec::new(recent(2_000))).await;
    let output = plan(&desk, &["--since", "2025-01-01"]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(
        stderr.contains("plan backfill --since 2025-01-01"),
        "{stderr}"
    );
    desk.settings.since = NOW - TimeDelta::days(100);
    desk.settings.until = None;
    desk.backfill().await.expect("a backfill");
    desk.settings.since = NOW - TimeDelta::days(301);
    stop_after(&mut desk, 4);
    let (_, exit_code) = desk.backfill().await.expect("a part");
    assert_eq!(exit_code, ExitCode::Interrupted);
    go_on(&mut desk);
    let output = plan(&desk, &[]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("unfinished"), "{stderr}");
}

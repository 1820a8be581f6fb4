//! `plan sync` says what a sync would do, and refuses what a sync refuses.

use std::ops::RangeInclusive;
use std::process::{Command, Output};

use mava_export::error::ExitCode;
use mava_export::refresh::SyncStep;
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
        .args(["plan", "sync", "--json", "--to"])
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
        for requests in [5, 40, 55] {
            costs_what_was_planned(&desk, requests).await;
        }
    }
}

/// A sync that reads the whole desk only where it may send so many requests.
async fn sync_within(desk: &Desk, requests: u64) -> SyncSummary {
    let settings = Sync {
        whole: Whole::IfItFits,
        spend: Spend::requests(requests),
        ..settings(desk)
    };
    sync_with(desk, &settings).await.expect("a sync").0
}

/// The plan of the same.
fn planned_within(desk: &Desk, requests: u64) -> serde_json::Value {
    planned(desk, &["--max-requests", &requests.to_string()])
}

/// Plans a sync, and does it.
async fn costs_what_was_planned(desk: &Desk, requests: u64) {
    let plan = planned_within(desk, requests);
    let summary = sync_within(desk, requests).await;
    assert_eq!(plan["is_exact"], false, "{plan:#}");
    // What the lists show by the way is not left to be read by age.
    let planned_syncs = plan["syncs_for_all"].as_u64();
    assert!(
        planned_syncs >= summary.syncs_for_all,
        "{plan:#} {summary:#?}"
    );
    assert_eq!(
        planned_syncs.is_some(),
        summary.syncs_for_all.is_some(),
        "{plan:#}"
    );
    let planned = plan["requests"].as_u64().expect("a number");
    let paid = summary.summary.requests;
    assert_eq!(planned, paid, "{plan:#} {:#?}", summary.steps);
}

/// What happened on a desk since it was planned for.
#[derive(Debug, Clone, Copy)]
struct Changes {
    new: u64,
    resolved: u64,
    reopened: u64,
    rated: u64,
    deleted: u64,
}

impl Changes {
    /// Other numbers for every seed.
    fn of(seed: u64) -> Self {
        let number = |turn: u64, most: u64| (seed * 7 + turn * 5 + seed * seed * turn) % most;
        Self {
            new: number(1, 260),
            resolved: number(2, 12),
            reopened: number(3, 6),
            rated: number(4, 5),
            deleted: number(5, 4),
        }
    }

    /// Requests of a step that was planned with so many, on a desk of so many tickets, now that this
    /// happened.
    fn necessary(self, step: SyncStep, planned: u64, tickets: usize) -> RangeInclusive<u64> {
        let pages = |tickets: u64| tickets.div_ceil(99);
        match step {
            // The plan goes by the last four weeks; the list by what was created, and its count.
            SyncStep::New => pages(self.new).max(1) + 1..=pages(self.new).max(1) + 1,
            SyncStep::Open => {
                planned.saturating_sub(pages(self.resolved))..=planned + pages(self.reopened)
            }
            // A ticket that left the open set is found by a page of a list, or by one of its own.
            SyncStep::Resolved | SyncStep::Confirm => 0..=planned + 2 * self.resolved,
            SyncStep::Ratings => planned..=planned + 2 * self.rated,
            // Each loss is halved down to a page, looked for again, and its desk counted.
            SyncStep::Deletions => {
                let halves = u64::from((tickets / 100).ilog2()) + 1;
                planned..=planned + self.deleted * (halves + 3)
            }
            SyncStep::Full => planned..=planned,
            // They get what the steps before them leave.
            SyncStep::Pages | SyncStep::Campaigns | SyncStep::Refresh => 0..=u64::MAX,
        }
    }

    fn happen(self, desk: &Desk) {
        let some = |of: Vec<String>, count: u64| {
            let all = of.len().max(1);
            let step = (all / (usize::try_from(count).expect("few") + 1)).max(1);
            let chosen = of.into_iter().skip(step / 2).step_by(step);
            chosen.take(usize::try_from(count).expect("few"))
        };
        let open = ids(desk, |ticket| {
            is_open(ticket) && ticket.status.as_ref() != "Spam"
        });
        for id in some(open, self.resolved) {
            edit(desk, &id, resolve);
        }
        let old = |from, until| ids(desk, |ticket| is_resolved(ticket, from, until));
        for id in some(old(60, 90), self.reopened) {
            edit(desk, &id, |ticket| ticket.reopen(NOW));
        }
        for id in some(old(2, 8), self.rated) {
            edit(desk, &id, |ticket| ticket.csat = Some(5));
        }
        let gone: Vec<String> = some(old(100, 250), self.deleted).collect();
        desk.simulator.with_world(|world| {
            for id in gone {
                world.remove(&id);
            }
            for number in 0..self.new {
                let created_at = NOW - TimeDelta::minutes(i64::try_from(number).expect("few") + 5);
                world.insert(Ticket::new(object_id(created_at, number), created_at));
            }
        });
    }
}

#[tokio::test]
async fn a_sync_of_a_changed_desk_costs_what_was_planned_and_what_the_changes_make_necessary() {
    for seed in 1..=10 {
        let tickets = 1_200 + usize::try_from(seed * 379 % 5_000).expect("few");
        let desk = copied(generated(seed, tickets, 0.5), Quirks::default()).await;
        let allowance = u64::try_from(tickets).expect("few") / 100 - 4;
        let plan = planned_within(&desk, allowance);
        let changes = Changes::of(seed);
        changes.happen(&desk);
        let summary = sync_within(&desk, allowance).await;
        for step in SyncStep::ALL {
            let sent = requests_of(&summary, step.word());
            let expected = changes.necessary(step, requests_planned(&plan, step), tickets);
            assert!(
                expected.contains(&sent),
                "seed {seed}: {step:?} sent {sent}, not {expected:?}, after {changes:?}: {plan:#}"
            );
        }
    }
}

/// What is planned of a step.
fn requests_planned(plan: &serde_json::Value, step: SyncStep) -> u64 {
    let windows = plan["windows"].as_array().expect("windows").iter();
    let of_it = windows.filter(|window| window["step"] == step.word());
    let requests = of_it.map(|window| window["requests"].as_u64().expect("a number"));
    requests.sum()
}

#[tokio::test]
async fn a_plan_keeps_to_the_cap_as_the_sync_does() {
    let desk = copied(recent(6_000), Quirks::default()).await;
    let plan = planned_within(&desk, 3);
    let windows = plan["windows"].as_array().expect("windows");
    let needed = ["new", "open", "resolved", "deletions", "ratings"];
    for window in windows {
        let step = window["step"].as_str().expect("a step");
        assert!(needed.contains(&step), "{plan:#}");
    }
    let summary = sync_within(&desk, 3).await;
    let planned = plan["requests"].as_u64();
    assert_eq!(planned, Some(summary.summary.requests), "{plan:#}");
    assert!(
        has_remark(&summary, "more than --max-requests 3 allows"),
        "{summary:?}"
    );
}

#[tokio::test]
async fn a_plan_says_whether_the_sync_is_exact_and_with_what_it_would_be() {
    let desk = copied(recent(6_000), Quirks::default()).await;
    let plan = planned(&desk, &[]);
    assert_eq!(
        (&plan["is_exact"], &plan["syncs_for_all"]),
        (&true.into(), &1.into())
    );
    let full = plan["full_requests"].as_u64().expect("a number");
    let plan = planned(&desk, &["--spend", "15s"]);
    assert_eq!(
        (&plan["is_exact"], &plan["allowance"]),
        (&false.into(), &45.into())
    );
    assert_eq!(plan["full_with"], "--spend 25s", "{plan:#}");
    for (requests, is_exact) in [(full - 1, false), (full, true)] {
        let plan = planned_within(&desk, requests);
        assert_eq!(plan["is_exact"], is_exact, "{plan:#}");
        let summary = sync_within(&desk, requests).await;
        assert_eq!(step_of(&summary, "full").is_some(), is_exact, "{summary:?}");
    }
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

//! Metrics of a desk at work, held against what somebody else computed from `docs/metrics.md` alone:
//! `tests/readers/metrics.py` was written without a look at the code.

use std::path::{Path, PathBuf};
use std::process::Command;

use chrono::TimeDelta;
use mava_export::clock;
use mava_export::error::ExitCode;
use mava_export::metrics::schedule::Span;
use mava_export::metrics::{Policy, SlaMetric};
use mava_export::settings::{Hours, MetricsSettings};
use mava_export::simulator::{Evolution, Fault, WorkSpec};
use mava_export::store::{OpenOptions, Store};
use serde_json::{Value, json};

use crate::publish::readers::python;
use crate::support::nights::{copied_in_the_evening, pass_a_day, sync_at_night};
use crate::support::{Desk, NOW};

/// Where the scripts lie.
fn readers() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/readers")
}

/// The hours of [`hours`], as a configuration file has them.
const BERLIN: &str = r#"[metrics]
time_zone = "Europe/Berlin"
business_hours = { mon = ["09:00-12:30", "13:30-17:00"], tue = ["08:00-20:00"], sat = ["22:00-24:00"], sun = ["00:00-04:00"] }
holidays = ["2024-05-01"]

[[sla]]
name = "first reply, high"
metric = "first_reply"
within = "4h"
priority = [3, 4]

[[sla]]
name = "first reply"
metric = "first_reply"
within = "2d"

[[sla]]
name = "resolution"
metric = "resolution"
within = "90m"
priority = [1]
"#;

/// The policies of [`BERLIN`], in the order of their names.
fn policies() -> Vec<Policy> {
    let policy = |name: &str, metric, minutes: i64, priority: &[i64]| Policy {
        name: name.to_owned(),
        metric,
        within_ms: minutes * 60_000,
        priority: priority.to_vec(),
        category: Vec::new(),
    };
    vec![
        policy("first reply", SlaMetric::FirstReply, 48 * 60, &[]),
        policy("first reply, high", SlaMetric::FirstReply, 4 * 60, &[3, 4]),
        policy("resolution", SlaMetric::Resolution, 90, &[1]),
    ]
}

/// Hours on both sides of a change of clocks, which is in the night of a Sunday.
fn hours() -> MetricsSettings {
    let mut written: [Vec<String>; 7] = std::array::from_fn(|_| Vec::new());
    for (day, spans) in [
        (0, vec!["09:00-12:30", "13:30-17:00"]),
        (1, vec!["08:00-20:00"]),
        (5, vec!["22:00-24:00"]),
        (6, vec!["00:00-04:00"]),
    ] {
        written[day] = spans.into_iter().map(str::to_owned).collect();
    }
    let week = written.clone().map(|spans| {
        let spans = spans.iter().map(|span| Span::parse(span).expect("a span"));
        spans.collect()
    });
    MetricsSettings {
        time_zone: "Europe/Berlin".parse().expect("a zone"),
        hours: Some(Hours {
            week,
            written,
            holidays: ["2024-05-01".parse().expect("a date")].into(),
        }),
        policies: policies(),
        ..MetricsSettings::default()
    }
}

/// What is computed a second time.
const COMPUTED: [&str; 14] = [
    "ticket_metrics",
    "ticket_events",
    "live_tickets",
    "live_messages",
    "daily_metrics",
    "agent_daily",
    "agent_metrics",
    "category_metrics",
    "tag_metrics",
    "customer_metrics",
    "hourly_volume",
    "tickets_wide",
    "customers_wide",
    "sla_results",
];

/// Lays out when the desk is open until the present, up to which clocks run in views.
fn keep_openings(path: &Path, metrics: &MetricsSettings) {
    let now = clock::now().expect("a clock");
    let mut store = Store::open(path, &OpenOptions::new(now)).expect("opens");
    store.measure_by(metrics.schedule(), metrics.fingerprint());
    store.promise_by(metrics.policies.clone());
    let renewed = store.renew_metrics(now, &|_, _| true).expect("computed");
    assert_eq!(renewed, None, "they are current");
}

/// Holds the tables and views of a store against the other computation.
#[track_caller]
fn compare(desk: &Desk, configuration: &str) {
    let store = &desk.path();
    keep_openings(store, &desk.settings.store.metrics);
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("metrics.toml");
    write(&config, configuration);
    let output = Command::new(python())
        .arg(readers().join("metrics.py"))
        .arg(store)
        .arg("--config")
        .arg(&config)
        .args(["--tables", &COMPUTED.join(",")])
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .expect("Python");
    let told = String::from_utf8_lossy(&output.stdout);
    let failed = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}{failed}");
    let same = told.matches("computed, same").count();
    assert_eq!(same, COMPUTED.len(), "{told}");
}

#[expect(clippy::disallowed_methods, reason = "hands a file to another program")]
fn write(path: &Path, text: &str) {
    std::fs::write(path, text).expect("written");
}

/// A desk at work, copied and followed for some nights.
async fn followed(work: WorkSpec, metrics: MetricsSettings, nights: i64) -> Desk {
    let evolution = Evolution {
        seed: work.seed + 1,
        rate: 25.0,
        ..Evolution::default()
    };
    let evening = NOW - TimeDelta::days(nights);
    let desk = copied_in_the_evening(work, 400, evening, metrics).await;
    for night in 1..=nights {
        pass_a_day(&desk, &evolution, evening + TimeDelta::days(night));
        let (summary, exit_code) = sync_at_night(&desk).await.expect("a sync");
        assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
    }
    desk
}

#[tokio::test]
async fn metrics_of_ten_thousand_tickets_are_those_that_somebody_else_computes_from_the_page() {
    let work = WorkSpec {
        seed: 11,
        tickets: 10_000,
        ..WorkSpec::default()
    };
    let desk = followed(work, hours(), 3).await;
    assert!(desk.number("SELECT count(*) FROM ticket_metrics") >= 9_700);
    // All that the page tells apart is there.
    for found in [
        "SELECT count(*) FROM ticket_metrics WHERE resolved_by IN ('agent', 'ai', 'automation') GROUP BY resolved_by",
        "SELECT count(*) FROM ticket_metrics WHERE opened_by IN ('agent', 'customer', 'other') GROUP BY opened_by",
        "SELECT count(*) FROM ticket_events WHERE kind <> 'deletion' GROUP BY kind",
        "SELECT count(*) FROM ticket_events GROUP BY source",
        "SELECT count(*) FROM ticket_metrics GROUP BY is_one_touch, reopen_count > 0",
        "SELECT count(*) FROM ticket_metrics GROUP BY first_reply_business_ms = 0",
    ] {
        assert!(desk.column(found).len() > 1, "{found}");
    }
    let running = "SELECT count(*) FROM sla_results WHERE is_breached IS NULL OR met_at IS NULL";
    let met = "SELECT count(*) FROM sla_results WHERE is_breached = 0";
    assert!(desk.number(running) > 100 && desk.number(met) > 100);
    compare(&desk, BERLIN);
}

#[tokio::test]
async fn metrics_around_the_clock_are_those_that_somebody_else_computes_from_the_page() {
    for (seed, has_names) in [(21, false), (22, true)] {
        let work = WorkSpec {
            seed,
            tickets: 600,
            has_names,
            ..WorkSpec::default()
        };
        let desk = followed(work, MetricsSettings::default(), 2).await;
        compare(&desk, "");
    }
}

#[test]
fn the_other_computation_passes_its_own_tests() {
    let output = Command::new(python())
        .args(["-m", "unittest", "-q", "test_metrics"])
        .current_dir(readers())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .expect("Python");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    assert!(told.contains("Ran 68 tests"), "{told}");
}

/// Makes a ticket and its thread odd, each in another way: what is unknown, missing, out of order or late.
fn distort(ticket: &mut Value, night: usize) {
    let number = |text: &Value| {
        text.as_str()
            .unwrap_or_default()
            .bytes()
            .map(usize::from)
            .sum::<usize>()
    };
    let which = number(&ticket["id"]) + night;
    match which % 9 {
        0 => ticket["status"] = json!("On hold"),
        1 => ticket["aiStatus"] = json!("Handed over to a human"),
        2 => ticket["aiStatus"] = json!("not solved"),
        3 => ticket["sourceType"] = Value::Null,
        4 => ticket["priority"] = Value::Null,
        5 => ticket["assignedTo"] = Value::Null,
        6 => ticket["category"] = Value::Null,
        _ => {}
    }
    let Some(messages) = ticket["messages"].as_array_mut() else {
        return;
    };
    for message in &mut *messages {
        let which = number(&message["id"]) + night;
        let created_at = message["createdAt"].clone();
        let message = message.as_object_mut().expect("a message");
        match which % 17 {
            0 => drop(message.remove("createdAt")),
            1 => drop(message.insert("senderType".to_owned(), Value::Null)),
            2 => drop(message.insert("senderType".to_owned(), json!("robot"))),
            3 => drop(message.insert("messageType".to_owned(), json!("Announcement"))),
            4 => drop(message.insert("messageType".to_owned(), Value::Null)),
            5 => drop(message.insert("isDeleted".to_owned(), json!(true))),
            6 => drop(message.remove("senderReferenceType")),
            7 => drop(message.insert("senderReferenceType".to_owned(), json!("Robot"))),
            8 => drop(message.remove("sender")),
            9 => drop(message.insert("actionLogTo".to_owned(), json!("Shelved"))),
            10 => drop(message.insert("createdAt".to_owned(), json!("2023-01-02T03:04:05.678Z"))),
            11 => drop(message.insert("updatedAt".to_owned(), created_at)),
            _ => {}
        }
    }
    match which % 5 {
        0 => messages.reverse(),
        1 => messages.truncate(1),
        2 => messages.clear(),
        _ => {}
    }
}

#[tokio::test]
async fn metrics_of_odd_rows_are_those_that_somebody_else_computes_from_the_page() {
    let work = WorkSpec {
        seed: 31,
        tickets: 700,
        ..WorkSpec::default()
    };
    let desk = followed(work, hours(), 1).await;
    for night in 0..3 {
        desk.simulator.set_hook(Box::new(move |request, _| {
            request.is_for_tickets().then(|| {
                Fault::edit_text(move |page| {
                    let mut page: Value = serde_json::from_str(&page).expect("a page");
                    for ticket in page["tickets"].as_array_mut().expect("an array") {
                        distort(ticket, night);
                    }
                    page.to_string()
                })
            })
        }));
        let (summary, exit_code) = sync_at_night(&desk).await.expect("a sync");
        assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
        assert!(summary.summary.tickets_changed > 300, "{summary:?}");
        compare(&desk, BERLIN);
        desk.set_now(desk.now() + TimeDelta::hours(20));
    }
}

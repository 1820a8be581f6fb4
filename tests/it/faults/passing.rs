//! Faults that pass: asked again, the data is right and the run complete.

use std::time::Duration;

use mava_export::error::ExitCode;
use mava_export::simulator::{Fault, Faults, RetryAfter};

use super::{assert_accounted, desk, pages, served};
use crate::support::Desk;

/// The first page, two in a row, and a later one.
const HIT: &[u64] = &[1, 4, 5, 11];

/// How long an answer is waited for that may never come.
const IMPATIENT: Duration = Duration::from_secs(1);

async fn survives(make: fn() -> Fault) {
    survives_at(desk(500).await, make).await;
}

/// The same of an answer that never comes to its end.
async fn survives_silence(make: fn() -> Fault) {
    let mut desk = desk(500).await;
    desk.connection.timeouts.read = IMPATIENT;
    survives_at(desk, make).await;
}

async fn survives_at(desk: Desk, make: fn() -> Fault) {
    let name = make().name();
    desk.simulator.set_hook(pages(HIT, make));
    let (summary, exit_code) = desk.backfill().await.expect("completes");
    assert_eq!(exit_code, ExitCode::Complete, "{name}: {summary:?}");
    assert!(summary.remarks.is_empty(), "{name}: {summary:?}");
    assert_eq!(served(&desk, name), HIT.len(), "{name}");
    assert_eq!(summary.retries, 4, "{name}");
    desk.assert_whole(name);
    assert_accounted(&desk);
}

#[tokio::test]
async fn a_server_error_is_asked_again() {
    survives(|| Fault::Status(500)).await;
    survives(|| Fault::Status(502)).await;
    survives(|| Fault::Status(503)).await;
}

#[tokio::test]
async fn a_broken_connection_is_asked_again() {
    survives(|| Fault::ResetBeforeHeaders).await;
    survives(|| Fault::CutBody).await;
}

#[tokio::test]
async fn a_body_that_is_no_page_is_asked_again() {
    survives(|| Fault::InvalidJson).await;
    survives(|| Fault::HtmlWith200).await;
}

#[tokio::test]
async fn an_answer_that_never_comes_or_never_ends_is_asked_again() {
    survives_silence(|| Fault::NeverAnswers).await;
    survives_silence(|| Fault::HangMidBody).await;
}

#[tokio::test]
async fn an_answer_without_a_date_is_as_good() {
    let desk = desk(300).await;
    let date_free = || Fault::MissingDateHeader;
    desk.simulator
        .set_hook(Faults::always(move |_| date_free()));
    let (summary, exit_code) = desk.backfill().await.expect("completes");
    assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
    assert_eq!(summary.retries, 0);
    desk.assert_whole("no date");
}

#[tokio::test]
async fn a_storm_of_429_passes_whatever_it_says_of_when_to_come_back() {
    for retry_after in [
        RetryAfter::None,
        RetryAfter::Seconds(0),
        RetryAfter::Seconds(1),
        RetryAfter::Date(1),
    ] {
        let desk = desk(300).await;
        let storm = move || Fault::TooMany(retry_after);
        desk.simulator.set_hook(pages(&[2, 3, 4, 9], storm));
        let (summary, exit_code) = desk.backfill().await.expect("completes");
        assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
        assert_eq!(served(&desk, "too-many"), 4);
        assert_eq!(summary.requests_limited, 4);
        desk.assert_whole(&format!("{retry_after:?}"));
        assert_accounted(&desk);
    }
}

#[tokio::test]
async fn the_pause_that_a_429_asks_for_is_kept() {
    let desk = desk(200).await;
    let storm = || Fault::TooMany(RetryAfter::Seconds(1));
    desk.simulator.set_hook(pages(&[3], storm));
    desk.backfill().await.expect("completes");
    let requests = desk.simulator.requests();
    let hit = requests.iter().position(|one| one.status == Some(429));
    let hit = hit.expect("one 429");
    // Those in flight when it came are not held back.
    let resumed = requests[hit + 1..]
        .windows(2)
        .map(|pair| pair[1].arrived_at - pair[0].arrived_at)
        .chain([requests[hit + 1].arrived_at - requests[hit].arrived_at]);
    let pause = resumed.max().expect("requests after it");
    assert!(pause.as_millis() >= 900, "{pause:?}");
}

#[tokio::test]
async fn faults_of_every_kind_mixed_leave_a_whole_desk() {
    for seed in 1..5 {
        let mut desk = desk(900).await;
        desk.connection.timeouts.read = IMPATIENT;
        desk.simulator.set_hook(Faults::random(seed, 0.2));
        let (summary, exit_code) = desk.backfill().await.expect("completes");
        assert_eq!(exit_code, ExitCode::Complete, "seed {seed}: {summary:?}");
        let requests = desk.simulator.requests();
        let faults = requests.iter().filter(|one| one.fault.is_some()).count();
        assert!(faults >= 2, "seed {seed}: {faults} faults");
        desk.assert_whole(&format!("seed {seed}"));
        assert_accounted(&desk);
    }
}

//! Steps that a sync can do without, against an API that refuses, ignores or garbles them.

use mava_export::simulator::{Fault, Hook, Quirks, RetryAfter, SimulatorSpec};
use serde_json::{Value, json};

use super::*;

/// Requests that have this parameter get a fault.
fn with_parameter(name: &'static str, mut make: impl FnMut() -> Fault + Send + 'static) -> Hook {
    Box::new(move |request, _| request.parameter(name).is_some().then(&mut make))
}

/// Answers 400 to ticket lists with this parameter.
fn refuse(desk: &Desk, parameter: &'static str) {
    desk.simulator.set_hook(Box::new(move |request, _| {
        let is_refused = request.is_for_tickets() && request.parameter(parameter).is_some();
        is_refused.then_some(Fault::Status(400))
    }));
}

#[tokio::test]
async fn filters_that_are_ignored_are_noticed_and_harm_nothing() {
    for ignored in [&["status"][..], &["csatValues"], &["tags", "category"]] {
        let quirks = Quirks {
            ignored,
            ..Quirks::default()
        };
        let desk = copied(recent(2_500), quirks).await;
        let (summary, exit_code) = sync(&desk).await;
        let is_open_set = ignored == ["status"];
        assert_eq!(
            exit_code == ExitCode::Incomplete,
            is_open_set,
            "{summary:?}"
        );
        assert_eq!(summary.summary.tickets_deleted, 0);
        assert!(
            !summary.summary.remarks.is_empty(),
            "{ignored:?} {summary:?}"
        );
        assert!(summary.summary.requests < 60, "{summary:?}");
        assert_current(&desk);
    }
}

#[tokio::test]
async fn a_filter_that_the_api_refuses_or_fails_on_costs_its_step_and_nothing_else() {
    for fault in [400, 500] {
        let desk = copied(recent(2_500), Quirks::default()).await;
        desk.simulator
            .set_hook(with_parameter("csatValues", move || Fault::Status(fault)));
        let (summary, exit_code) = sync(&desk).await;
        assert_eq!(exit_code, ExitCode::Complete, "{fault}: {summary:?}");
        assert!(!summary.summary.remarks.is_empty(), "{fault}: {summary:?}");
        let complete_until = summary.complete_until.clone();
        let (next, exit_code) = sync(&desk).await;
        assert_eq!(exit_code, ExitCode::Complete, "{fault}: {next:?}");
        assert!(next.complete_until >= complete_until);
        assert!(step_of(&next, "campaigns").is_some(), "{next:?}");
        assert_current(&desk);
    }
}

const COMPLETE: &str = "SELECT coalesce(max(value), 0) FROM _sync WHERE name = 'complete_ms'";

#[tokio::test]
async fn ratings_that_the_api_refuses_to_list_cost_a_remark_and_not_the_sync() {
    let desk = copied(terse(1_500), Quirks::default()).await;
    let open = ids(&desk, is_open);
    edit(&desk, &open[0], |ticket| ticket.resolve(NOW));
    refuse(&desk, "csatValues");
    let (summary, exit_code) = sync(&desk).await;
    assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
    assert!(has_remark(&summary, "ratings ended early"), "{summary:?}");
    // The steps after it are taken all the same.
    assert!(requests_of(&summary, "refresh") > 0, "{summary:?}");
    assert!(
        desk.number(COMPLETE) > 0,
        "nothing before this sync is sure"
    );
    assert!(desk.number("SELECT count(*) FROM _hazards") > 0);
    assert_current(&desk);
}

/// Has the store suspect a bulk change of a tag: two tickets were met with it that had none.
fn suspect(desk: &Desk, tag: &str) {
    let insert = "INSERT INTO _suspicions VALUES ('tag', ?1, ?2, ?3)";
    for ticket in ["one", "other"] {
        let values = (tag, ticket, NOW.timestamp_millis());
        assert_eq!(desk.sqlite().execute(insert, values), Ok(1));
    }
}

/// How often this night's sync asked for tickets with this tag.
async fn asked_for(desk: &Desk, tag: &str) -> usize {
    desk.simulator.clear_requests();
    let (summary, exit_code) = sync(desk).await;
    assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
    let requests = desk.simulator.requests();
    let part = format!("tags={tag}");
    requests
        .iter()
        .filter(|one| one.query.contains(&part))
        .count()
}

#[tokio::test]
async fn a_tag_that_the_api_refuses_is_not_looked_for_again() {
    let desk = copied(recent(2_500), Quirks::default()).await;
    // Stored with no ticket yet: one that is has its turn when one value's count is asked for each night.
    let tag = "new-tag";
    suspect(&desk, tag);
    refuse(&desk, "tags");
    let asked = asked_for(&desk, tag).await;
    assert!(asked > 0, "a tag that is suspected is looked for");
    for night in 1..4 {
        desk.set_now(NOW + TimeDelta::days(night));
        assert_eq!(asked_for(&desk, tag).await, 0, "night {night}");
    }
}

#[tokio::test]
async fn a_tag_that_the_api_refuses_is_looked_for_no_more() {
    let desk = copied(terse(1_500), Quirks::default()).await;
    suspect(&desk, "no-such-tag");
    refuse(&desk, "tags");
    let (summary, exit_code) = sync(&desk).await;
    assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
    assert!(has_remark(&summary, "refused"), "{summary:?}");
    let left = "SELECT count(*) FROM _suspicions WHERE value = 'no-such-tag'";
    assert_eq!(desk.number(left), 0);
}

#[tokio::test]
async fn a_reject_that_is_met_again_changes_no_row() {
    let mut desk = Desk::open(SimulatorSpec::new(recent(300))).await;
    desk.settings.since = NOW - TimeDelta::days(301);
    desk.settings.until = None;
    let odd = || {
        Fault::Edit(Box::new(|page: &mut Value| {
            for ticket in page["tickets"].as_array_mut().expect("a page") {
                ticket["priority"] = json!({"odd": true});
            }
        }))
    };
    desk.simulator.set_hook(Box::new(move |request, _| {
        request.is_for_tickets().then(odd)
    }));
    let (_, exit_code) = desk.backfill().await.expect("ends");
    assert_eq!(exit_code, ExitCode::Incomplete);
    let rows = "SELECT id || path || reason || raw_json || snapshot_id FROM rejects ORDER BY id";
    let before = desk.column(rows);
    assert_eq!(before.len(), 300);
    let full = Sync {
        whole: Whole::IfItFits,
        ..settings(&desk)
    };
    let (summary, _) = sync_with(&desk, &full).await.expect("ends");
    assert_eq!(summary.summary.rejects, 300, "{summary:?}");
    assert_eq!(desk.column(rows), before);
}

#[tokio::test]
async fn a_pause_longer_than_a_run_may_wait_ends_a_sync_whichever_request_meets_it() {
    // A page of an optional step, a count of a step that is needed, and the one that a sweep ends with where its
    // list is shorter than what is stored.
    for (sort, is_rated, limit) in [
        ("createdAt", true, "100"),
        ("createdAt", false, "1"),
        ("resolutionTime", false, "1"),
    ] {
        let desk = copied(recent(2_500), Quirks::default()).await;
        for id in ids(&desk, is_open).iter().take(5) {
            edit(&desk, id, resolve);
        }
        let old = ids(&desk, |ticket| is_resolved(ticket, 100, 250));
        desk.simulator.with_world(|world| world.remove(&old[10]));
        desk.simulator.set_hook(Box::new(move |request, _| {
            let is_it = request.parameter("sortBy") == Some(sort)
                && request.parameter("csatValues").is_some() == is_rated
                && request.parameter("limit") == Some(limit);
            is_it.then_some(Fault::TooMany(RetryAfter::Seconds(45_000)))
        }));
        let ended = sync_with(&desk, &settings(&desk)).await;
        let error = ended.expect_err(&format!("{sort} {limit}"));
        assert!(
            error.to_string().contains("pause"),
            "{sort} {limit}: {error}"
        );
    }
}

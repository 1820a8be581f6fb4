//! What a sync may spend, and what it spends it on.

use mava_export::simulator::{Faults, Quirks};
use tokio_util::sync::CancellationToken;

use super::*;

#[tokio::test]
async fn a_cap_on_requests_holds_and_only_the_optional_steps_yield_to_it() {
    let desk = copied(recent(6_000), Quirks::default()).await;
    let before = sync(&desk).await.0.complete_until;
    let id = ids(&desk, is_open).remove(0);
    edit(&desk, &id, resolve);
    // The server tells its time to the second.
    let later = NOW + TimeDelta::minutes(1);
    desk.set_now(later);
    let capped = Sync {
        max_requests: Some(1),
        ..settings(&desk)
    };
    let (summary, exit_code) = sync_with(&desk, &capped).await.expect("a sync");
    assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
    assert!(summary.complete_until > before, "{summary:?}");
    for step in &summary.steps {
        let is_needed = ["new", "open", "resolved", "confirm"].contains(&step.step.word());
        assert!(is_needed || step.requests == 0, "{step:?}");
    }
    for skipped in ["ratings", "missing tickets", "bulk changes"] {
        let is_said =
            |remark: &String| remark.contains("--max-requests") && remark.contains(skipped);
        let mut remarks = summary.summary.remarks.iter();
        assert!(remarks.any(is_said), "{skipped}: {summary:?}");
    }
    assert_current(&desk);
}

#[tokio::test]
async fn a_cap_on_requests_holds_with_second_looks_and_after_an_interruption() {
    let desk = copied(terse(6_000), Quirks::default()).await;
    let old = ids(&desk, |ticket| is_old(ticket, 100));
    for id in old.iter().step_by(60) {
        desk.simulator.with_world(|world| world.remove(id));
    }
    let capped = Sync {
        max_requests: Some(30),
        ..settings(&desk)
    };
    let (summary, _) = sync_with(&desk, &capped).await.expect("a sync");
    assert!(summary.summary.requests <= 30, "{summary:?}");
    assert!(summary.summary.requests > 20, "{summary:?}");

    let mut desk = desk;
    let cancel = desk.cancel.clone();
    let mut seen = 0;
    desk.simulator.set_hook(Faults::none_but(move |_, _| {
        seen += 1;
        if seen == 18 {
            cancel.cancel();
        }
    }));
    let (_, exit_code) = sync_with(&desk, &capped).await.expect("a sync");
    assert_eq!(exit_code, ExitCode::Interrupted);
    desk.simulator.clear_hook();
    desk.cancel = CancellationToken::new();
    let (summary, _) = sync_with(&desk, &capped).await.expect("a sync");
    assert!(summary.summary.is_resumed);
    let sent = desk.number("SELECT requests FROM snapshots ORDER BY id DESC LIMIT 1");
    assert!(sent <= 32, "{sent} {summary:?}");
}

#[tokio::test]
async fn a_desk_that_seldom_resolves_leaves_something_to_the_optional_steps() {
    let mut world = terse(6_000);
    let ids: Vec<String> = world.tickets().map(|ticket| ticket.id.clone()).collect();
    for id in ids.iter().take(5_200) {
        world.edit(id, |ticket| {
            ticket.status = "Open".into();
            ticket.resolution_time_ms = None;
            ticket.csat = None;
        });
    }
    let desk = copied(world, Quirks::default()).await;
    sync(&desk).await;
    desk.set_now(NOW + TimeDelta::days(1));
    // One of another status is looked for in a needed step.
    desk.simulator.with_world(|world| {
        let is_resolved = |id: &&String| {
            let ticket = world.ticket(id).expect("there");
            ticket.status == "Resolved"
        };
        let gone = ids.iter().skip(5_600).find(is_resolved);
        world.remove(gone.expect("a resolved ticket"));
    });
    let (summary, exit_code) = sync(&desk).await;
    assert!(requests_of(&summary, "open") > 50, "{summary:?}");
    assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
    assert_eq!(summary.summary.tickets_deleted, 1, "{summary:?}");
    for step in ["ratings", "deletions", "refresh"] {
        assert!(requests_of(&summary, step) > 0, "{step}: {summary:?}");
    }
    assert!(
        !has_remark(&summary, "the limit of --max-requests"),
        "{summary:?}"
    );
}

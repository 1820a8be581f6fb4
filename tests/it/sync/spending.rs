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
        spend: Spend::requests(1),
        ..settings(&desk)
    };
    let (summary, exit_code) = sync_with(&desk, &capped).await.expect("a sync");
    assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
    assert!(summary.complete_until > before, "{summary:?}");
    let windows = 1;
    for step in &summary.steps {
        let most = match step.step.word() {
            "new" | "open" | "resolved" | "confirm" => u64::MAX,
            "deletions" | "ratings" => windows,
            _ => 0,
        };
        assert!(step.requests <= most, "{step:?}");
    }
    let told = has_remark(
        &summary,
        "more than --max-requests 1 allows: allow at least --max-requests",
    );
    assert!(told, "{summary:?}");
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
        spend: Spend::requests(30),
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

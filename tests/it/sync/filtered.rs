//! A sync of a store that holds what filters select keeps that up, and nothing else.

use std::collections::BTreeMap;

use mava_export::report::What;
use mava_export::settings::Filters;
use mava_export::simulator::{Evolution, Quirks};

use super::*;

fn open_ones() -> Filters {
    Filters {
        status: ["Open", "Pending", "Waiting"].map(str::to_owned).to_vec(),
        ..Filters::default()
    }
}

/// Id, status, last change and whether it is flagged, of all that is stored.
fn stored(desk: &Desk) -> BTreeMap<String, String> {
    let rows = desk.column(
        "SELECT id || ' ' || status || ' ' || coalesce(updated_at, '') || ' ' || (deleted_at IS NOT NULL) FROM tickets",
    );
    let rows = rows.into_iter();
    rows.map(|row| (row[..24].to_owned(), row[25..].to_owned()))
        .collect()
}

fn on_the_desk(desk: &Desk) -> BTreeMap<String, String> {
    desk.simulator.with_world(|world| {
        let line = |ticket: &Ticket| {
            let updated_at = ticket.updated_at.map(instant_text).unwrap_or_default();
            (
                ticket.id.clone(),
                format!("{} {updated_at} 0", ticket.status),
            )
        };
        world.tickets().map(line).collect()
    })
}

/// Live tickets that the last run did not read.
const UNSEEN: &str = "SELECT count(*) FROM _ticket_index WHERE is_deleted = 0
    AND seen_snapshot <> (SELECT max(id) FROM snapshots)";

/// How many tickets a sync says that the filters select no longer.
fn unselected(summary: &SyncSummary) -> i64 {
    let all = summary.may_be_unseen.iter().flatten();
    let told = all.inspect(|one| assert_eq!(one.what, What::Unselected, "{one:?}"));
    let tickets: u64 = told.map(|one| one.tickets).sum();
    i64::try_from(tickets).expect("few")
}

#[tokio::test]
async fn a_store_of_open_tickets_follows_them_until_they_are_resolved_or_gone() {
    let mut desk = opened(generated(4, 3_000, 0.5), Quirks::default()).await;
    desk.settings.filters = open_ones();
    let (_, exit_code) = desk.backfill().await.expect("a backfill");
    assert_eq!(exit_code, ExitCode::Complete);
    let evolution = Evolution {
        rate: 12.0,
        ..Evolution::default()
    };
    let mut left = 0;
    for night in 0..3 {
        let (from, until) = (
            NOW + TimeDelta::days(night - 1),
            NOW + TimeDelta::days(night),
        );
        let before = stored(&desk);
        desk.simulator
            .with_world(|world| world.evolve(&evolution, from, until));
        desk.set_now(until);
        let (summary, exit_code) = sync(&desk).await;
        assert_eq!(exit_code, ExitCode::Complete, "{summary:#?}");
        assert!(
            has_remark(&summary, "read with --status Open,Pending,Waiting"),
            "{summary:#?}"
        );
        assert_eq!(unselected(&summary), desk.number(UNSEEN), "{summary:#?}");
        let (now, after) = (on_the_desk(&desk), stored(&desk));
        for (id, row) in &now {
            let was_open = before
                .get(id)
                .is_some_and(|row| !row.starts_with("Resolved"));
            if !row.starts_with("Resolved") || was_open {
                assert_eq!(after.get(id), Some(row), "night {night}: {id}");
            } else {
                // Nothing that the filters never selected comes into the store.
                assert_eq!(after.contains_key(id), before.contains_key(id), "{id}");
            }
        }
        for (id, row) in &before {
            if !now.contains_key(id) && !row.starts_with("Resolved") {
                assert!(after[id].ends_with('1'), "night {night}: {id} is gone");
            }
            let is_left = !row.starts_with("Resolved") && after[id].starts_with("Resolved");
            left += usize::from(is_left);
        }
    }
    assert!(left > 5, "{left}");
}

#[tokio::test]
async fn what_left_the_selection_beyond_what_may_be_spent_is_told() {
    let mut desk = opened(recent(2_000), Quirks::default()).await;
    open_up(&desk, 60);
    desk.settings.filters = open_ones();
    desk.backfill().await.expect("a backfill");
    desk.set_now(NOW);
    for id in ids(&desk, is_open).iter().take(20) {
        edit(&desk, id, resolve);
    }
    let short = Sync {
        spend: Spend::requests(12),
        ..settings(&desk)
    };
    let (summary, exit_code) = sync_with(&desk, &short).await.expect("a sync");
    assert_eq!(exit_code, ExitCode::Incomplete, "{summary:#?}");
    let sql = "SELECT count(*) FROM tickets WHERE status <> 'Resolved'";
    let stale = usize::try_from(desk.number(sql)).expect("few") - ids(&desk, is_open).len();
    assert!((1..20).contains(&stale), "{stale}: {summary:#?}");
    let told = format!("{stale} tickets that the filters select no longer were left as they are");
    assert!(has_remark(&summary, &told), "{told}: {summary:#?}");
    assert_eq!(unselected(&summary), desk.number(UNSEEN), "{summary:#?}");
    let (summary, exit_code) = sync(&desk).await;
    assert_eq!(exit_code, ExitCode::Complete, "{summary:#?}");
    let open = desk.number("SELECT count(*) FROM tickets WHERE status <> 'Resolved'");
    assert_eq!(usize::try_from(open), Ok(ids(&desk, is_open).len()));
}

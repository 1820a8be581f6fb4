//! A sync of a store that holds what filters select keeps that up, and nothing else.

use std::collections::BTreeMap;

use mava_export::report::{Unseen, What};
use mava_export::settings::Filters;
use mava_export::simulator::{Evolution, Message, Quirks};
use mava_export::sync;

use super::frame::{go_on, stop_after};
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
        let told = desk.column("SELECT may_be_unseen_json FROM snapshots ORDER BY id DESC LIMIT 1");
        let told: Vec<Unseen> = serde_json::from_str(&told[0]).expect("JSON");
        assert_eq!(Some(told), summary.may_be_unseen);
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

/// A desk of which the open tickets are stored.
async fn of_open_ones(tickets: usize, open: usize) -> Desk {
    let mut desk = opened(recent(tickets), Quirks::default()).await;
    open_up(&desk, open);
    desk.settings.filters = open_ones();
    let (_, exit_code) = desk.backfill().await.expect("a backfill");
    assert_eq!(exit_code, ExitCode::Complete);
    desk.set_now(NOW);
    desk
}

/// What a backfill had still to read is not given up for a sync.
#[tokio::test]
async fn a_backfill_that_is_not_finished_is_gone_on_with_or_named() {
    for (filters, days) in [(Filters::default(), 0), (open_ones(), 40)] {
        let mut desk = of_open_ones(2_000, 60).await;
        desk.settings.filters = filters.clone();
        desk.settings.since -= TimeDelta::days(days);
        stop_after(&mut desk, 3);
        let (_, exit_code) = desk.backfill().await.expect("stops");
        assert_eq!(exit_code, ExitCode::Interrupted);
        go_on(&mut desk);
        let planned = sync::plan(&desk.connection.budget, &settings(&desk));
        let synced = sync_with(&desk, &settings(&desk)).await;
        match filters.is_empty() {
            true => {
                let (summary, exit_code) = synced.expect("goes on");
                assert_eq!(exit_code, ExitCode::Complete, "{summary:#?}");
                assert!(summary.summary.is_resumed);
                desk.assert_whole("after the backfill");
            }
            false => {
                let error = synced.expect_err("it is not finished");
                assert!(error.to_string().contains("is unfinished"), "{error}");
            }
        }
        assert!(planned.is_err());
        let given_up = "SELECT count(*) FROM snapshots WHERE outcome = 'superseded'";
        assert_eq!(desk.number(given_up), 0);
    }
}

/// More open tickets are looked for and gone than is believed: none of it is, however few are looked for at a time.
#[tokio::test]
async fn so_many_that_are_gone_are_not_believed_a_few_at_a_time() {
    let desk = of_open_ones(2_000, 300).await;
    let kept = desk.path().with_extension("kept");
    copy(&desk.path(), &kept);
    for id in ids(&desk, is_open).iter().step_by(2) {
        desk.simulator.with_world(|world| world.remove(id));
    }
    for requests in [120, 200, 400] {
        copy(&kept, &desk.path());
        let within = Sync {
            spend: Spend::requests(requests),
            ..settings(&desk)
        };
        let (summary, exit_code) = sync_with(&desk, &within).await.expect("a sync");
        assert_eq!(exit_code, ExitCode::Incomplete, "{requests}: {summary:#?}");
        assert!(has_remark(&summary, "none was flagged"), "{summary:#?}");
        let flagged = "SELECT count(*) FROM tickets WHERE deleted_at IS NOT NULL";
        assert_eq!(desk.number(flagged), 0, "{requests}: {summary:#?}");
    }
}

/// A sync without threads leaves them to the next one with threads, and says so.
#[tokio::test]
async fn threads_that_one_sync_left_are_read_by_the_next() {
    let desk = of_open_ones(1_500, 60).await;
    let answered = ids(&desk, is_open).remove(7);
    edit(&desk, &answered, |ticket| {
        ticket
            .messages
            .push(Message::new("f".repeat(24), NOW, "more"));
        ticket.updated_at = Some(NOW);
    });
    let bare = Sync {
        has_messages: false,
        ..settings(&desk)
    };
    for night in 0..2 {
        let (summary, exit_code) = sync_with(&desk, &bare).await.expect("a sync");
        assert_eq!(exit_code, ExitCode::Complete, "{summary:#?}");
        assert!(has_remark(&summary, "threads were left"), "{summary:#?}");
        let all = summary.may_be_unseen.expect("told");
        let told = all.iter().find(|one| one.what == What::Messages);
        let told = told.unwrap_or_else(|| panic!("night {night}: {all:#?}"));
        assert!(told.since < Some(instant_text(NOW)), "{told:?}");
        desk.set_now(desk.now() + TimeDelta::days(1));
    }
    let more = "SELECT count(*) FROM messages WHERE content = 'more'";
    assert_eq!(desk.number(more), 0);
    let (summary, exit_code) = sync(&desk).await;
    assert_eq!(exit_code, ExitCode::Complete, "{summary:#?}");
    assert_eq!(desk.number(more), 1);
    let all = summary.may_be_unseen.expect("told");
    assert!(all.iter().all(|one| one.what != What::Messages), "{all:#?}");
}

/// What the part before a stop sent counts.
#[tokio::test]
async fn a_sync_that_goes_on_spends_what_is_left() {
    let mut desk = of_open_ones(2_000, 120).await;
    for id in ids(&desk, is_open).iter().take(100) {
        edit(&desk, id, resolve);
    }
    let short = Sync {
        spend: Spend::requests(30),
        ..settings(&desk)
    };
    stop_after(&mut desk, 18);
    desk.simulator.clear_requests();
    let (_, exit_code) = sync_with(&desk, &short).await.expect("stops");
    assert_eq!(exit_code, ExitCode::Interrupted);
    go_on(&mut desk);
    let (summary, exit_code) = sync_with(&desk, &short).await.expect("a sync");
    assert!(summary.summary.is_resumed);
    assert_eq!(exit_code, ExitCode::Incomplete, "{summary:#?}");
    // The count at the end, and the lists that every part asks for, come to it.
    let sent = desk.simulator.requests().len();
    assert!((30..=36).contains(&sent), "{sent}: {summary:#?}");
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
    let enough = Sync {
        spend: Spend::requests(100),
        ..settings(&desk)
    };
    let (summary, exit_code) = sync_with(&desk, &enough).await.expect("a sync");
    assert_eq!(exit_code, ExitCode::Complete, "{summary:#?}");
    let open = desk.number("SELECT count(*) FROM tickets WHERE status <> 'Resolved'");
    assert_eq!(usize::try_from(open), Ok(ids(&desk, is_open).len()));
}

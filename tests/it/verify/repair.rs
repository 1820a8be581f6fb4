//! Repairs: which store they may write, and what is left of one that is cut short.

use super::*;

/// Whether a request counts what a repair has read: a ticket is enough.
fn is_closing(query: &str) -> bool {
    query.split('&').any(|parameter| parameter == "limit=1")
}

#[tokio::test]
async fn what_a_repair_read_at_first_is_not_held_against_the_part_that_it_reads_again() {
    let desk = copied(250).await;
    // In so many places that all of it is one slice.
    meddle(&desk, false, "DELETE FROM tickets WHERE rowid % 10 = 0");
    let moved = ticket(&desk, 120);
    let mut is_moved = false;
    // The pages have come: it differs when it is counted again by status, and a second round reads it.
    desk.simulator
        .set_hook(Faults::none_but(move |request, world| {
            if is_closing(&request.query) && !is_moved {
                is_moved = true;
                world.edit(&moved, |ticket| {
                    ticket.status = match &*ticket.status {
                        "Waiting" => "Open".into(),
                        _ => "Waiting".into(),
                    };
                });
            }
        }));
    let found = mend(&desk).await;
    let repair = found.repair.expect("a repair");
    // What was lost, and what moved.
    assert_eq!((repair.slices, repair.tickets_changed), (1, 25 + 1));
    let remarks = found.remarks.iter();
    let unproven = remarks.filter(|remark| remark.contains("not proven"));
    assert_eq!(unproven.count(), 0, "{:?}", found.remarks);
    desk.assert_whole("a second round");
}

#[tokio::test]
async fn a_repair_that_is_cut_short_anywhere_is_given_up_and_the_next_one_mends_the_rest() {
    let mut desk = copied(250).await;
    let whole = desk.rows();
    // The same ones each time.
    let lost = "CREATE TEMP TABLE lost AS SELECT id FROM (
                    SELECT id, row_number() OVER (ORDER BY created_at, id) AS place FROM tickets)
                WHERE place % 40 = 0;
                DELETE FROM messages WHERE ticket_id IN (SELECT id FROM lost);
                DELETE FROM tickets WHERE id IN (SELECT id FROM lost);";
    meddle(&desk, false, lost);
    mend(&desk).await;
    let sent = desk.simulator.requests();
    let closing = sent.iter().position(|one| is_closing(&one.query));
    let closing = closing.expect("it counts what it read");
    // At each page that is read, then at counts.
    let stops = (closing - 2..closing + 3).chain((closing + 3..=sent.len() + 1).step_by(24));
    let (mut stopped, mut without_rest) = (0, 0);
    for stop in stops {
        meddle(&desk, false, lost);
        let before = desk.number("SELECT max(id) FROM snapshots");
        desk.cancel = CancellationToken::new();
        let (cancel, mut left) = (desk.cancel.clone(), stop);
        desk.simulator.set_hook(Faults::none_but(move |_, _| {
            left = left.saturating_sub(1);
            if left == 0 {
                cancel.cancel();
            }
        }));
        let (_, exit_code) = run(&desk, true).await.expect("ends");
        desk.simulator.clear_hook();
        desk.cancel = CancellationToken::new();
        let (found, second) = run(&desk, true).await.expect("ends");
        assert_eq!(second, ExitCode::Complete, "{stop}: {found:?}");
        assert!(desk.rows() == whole, "{stop}");
        assert_eq!(
            desk.column("SELECT 1 FROM pragma_foreign_key_check"),
            [""; 0]
        );
        let outcomes = format!("SELECT outcome FROM snapshots WHERE id > {before} ORDER BY id");
        let outcomes = desk.column(&outcomes);
        assert!(
            !outcomes.contains(&"running".to_owned()),
            "{stop}: {outcomes:?}"
        );
        if exit_code == ExitCode::Interrupted {
            stopped += 1;
            without_rest += usize::from(outcomes == ["superseded"]);
            if let Some(repair) = &found.repair {
                assert!(repair.tickets_mended <= 6, "{stop}: {repair:?}");
                assert_eq!(outcomes.last().map(String::as_str), Some("complete"));
            }
        }
    }
    assert!(stopped >= 5, "{stopped}");
    assert!(
        without_rest > 0,
        "none was stopped between its last page and its counts"
    );
}

#[tokio::test]
async fn a_store_held_by_another_run_can_be_verified_but_not_repaired() {
    let desk = copied(300).await;
    let held = Store::open(&desk.path(), &OpenOptions::new(at("2026-01-01"))).expect("opens");
    let error = run(&desk, true).await.expect_err("is refused");
    assert_eq!(error.kind(), ErrorKind::StoreBusy);
    assert_eq!(look(&desk).await.outcome.word(), "equal");
    drop(held);
}

#[tokio::test]
async fn the_store_of_a_repair_stays_held_for_what_follows_it() {
    let desk = copied(300).await;
    meddle(&desk, true, "UPDATE tickets SET csat = 1 WHERE csat = 5");
    let context = context(&desk).expect("a client");
    let settings = settings(&desk, true, false);
    let (found, _, store) = verify::verify_keeping(&context, &settings, &|_| {})
        .await
        .expect("ends");
    assert_eq!(found.outcome.word(), "repaired");
    assert!(store.is_some());
    let options = OpenOptions::new(at("2026-01-01"));
    let error = Store::open(&desk.path(), &options).expect_err("is held");
    assert_eq!(error.kind(), ErrorKind::StoreBusy);
    drop(store);
    Store::open(&desk.path(), &options).expect("opens");
}

#[tokio::test]
async fn a_repair_of_a_copy_without_threads_asks_for_none() {
    let mut desk = Desk::open(SimulatorSpec::new(generated(300))).await;
    desk.settings.has_messages = false;
    desk.backfill().await.expect("completes");
    meddle(&desk, true, "UPDATE tickets SET csat = 1 WHERE csat = 5");
    mend(&desk).await;
    assert_eq!(desk.number("SELECT count(*) FROM messages"), 0);
    assert_eq!(desk.number("SELECT max(csat) FROM tickets"), 5);
}

#[tokio::test]
async fn a_repair_with_the_key_of_another_workspace_writes_nothing() {
    for (tickets, others) in [(45, 50), (800, 800)] {
        let desk = copied(tickets).await;
        let before = desk.rows();
        swap_desk(&desk, others);
        let error = run(&desk, true).await.expect_err("another desk");
        assert_eq!(error.kind(), ErrorKind::Failed, "{error}");
        assert!(error.to_string().contains("nothing was stored"), "{error}");
        let help = error.help_text().expect("a way out");
        assert!(help.contains("--allow-deletions"), "{help}");
        desk.rows()
            .assert_equal(&before, "after another desk's key");
        assert_eq!(desk.number("SELECT count(*) FROM snapshots"), 1);
    }
}

#[tokio::test]
async fn a_repair_takes_another_desk_where_deletions_are_allowed() {
    let desk = copied(45).await;
    swap_desk(&desk, 50);
    let (found, exit_code) = run_with(&desk, true, true).await.expect("ends");
    assert_eq!(exit_code, ExitCode::Complete, "{found:?}");
    let repair = found.repair.expect("a repair");
    assert_eq!((repair.tickets_new, repair.tickets_deleted), (50, 45));
}

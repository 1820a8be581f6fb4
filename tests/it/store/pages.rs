//! What a page does to the rows.

use chrono::TimeDelta;
use mava_export::normalize::TicketRows;
use mava_export::store::{
    PageCommit, PageCounts, Run, RunWindow, WindowCommit, WindowState, WindowStep,
};
use mava_export::table::{self, RunKind, Ticket};
use mava_export::window::Window;

use super::world::{
    Desk, at, customer, ever, message, range, reject, seal, spec, tag, ticket, without_thread,
};

fn with_status(mut rows: TicketRows, status: &str) -> TicketRows {
    rows.ticket.status = Some(status.to_owned());
    seal(rows)
}

#[test]
fn a_new_ticket_is_stored_with_all_that_hangs_on_it() {
    let mut desk = Desk::new();
    let counts = desk.run(&[ticket(1), ticket(2)], "2026-01-01");
    assert_eq!(
        counts,
        PageCounts {
            read: 2,
            new: 2,
            ..PageCounts::default()
        }
    );
    let expected = [
        ("tickets", 2),
        ("messages", 6),
        ("message_attachments", 2),
        ("customers", 2),
        ("ticket_attributes", 2),
        ("customer_attributes", 2),
        ("tags", 2),
        ("ticket_tags", 4),
        ("ticket_discord_users", 2),
        ("categories", 1),
        ("agents", 1),
        ("ticket_history", 2),
        ("ticket_metrics", 2),
        ("ticket_events", 0),
        ("snapshots", 1),
        ("rejects", 0),
    ];
    assert_eq!(desk.store.row_counts().unwrap(), expected);
    assert_eq!(
        desk.text("SELECT created_at FROM tickets WHERE id = 'ticket-00001'"),
        Some("2025-01-01T00:01:00.000Z".to_owned())
    );
    assert_eq!(
        desk.text("SELECT tags_json FROM ticket_history LIMIT 1"),
        Some(r#"["tag-a","tag-b"]"#.to_owned())
    );
    desk.assert_references_hold();
}

#[test]
fn reading_the_same_again_writes_no_row_of_the_tables_for_people() {
    let mut desk = Desk::new();
    let tickets: Vec<_> = (0..20).map(ticket).collect();
    desk.run(&tickets, "2026-01-01");
    let before = desk.dump();
    let run = desk.begin("2026-01-02");
    let changes = desk.store.connection().total_changes();
    let counts = desk.page(&run, &tickets, "2026-01-02");
    // One index row for each ticket and each of the seven customers, the slice and the snapshot.
    assert_eq!(
        desk.store.connection().total_changes() - changes,
        20 + 7 + 2
    );
    assert_eq!((counts.read, counts.unchanged), (20, 20));
    assert_eq!((counts.new, counts.changed), (0, 0));
    assert_eq!(desk.dump(), before);
    let freshness = desk.store.freshness(at("2026-01-02")).unwrap();
    assert_eq!((freshness.live, freshness.within_day), (20, 20));
}

#[test]
fn a_page_written_twice_counts_and_stores_once() {
    let mut desk = Desk::new();
    let run = desk.begin("2026-01-01");
    let mut rows = ticket(1);
    rows.rejects = vec![reject("reject-1", Some("ticket-00001"))];
    rows.replaced_characters = 2;
    let page = [rows, ticket(2)];
    desk.page(&run, &page, "2026-01-01");
    let before = desk.dump();
    let again = desk.page(&run, &page, "2026-01-01T00:00:05Z");
    assert_eq!(again, PageCounts::default());
    assert_eq!(desk.dump(), before);
    let snapshot = desk.store.snapshots(1).unwrap().remove(0);
    assert_eq!(
        (
            snapshot.requests,
            snapshot.tickets_read,
            snapshot.tickets_new
        ),
        (2, 2, 2)
    );
    assert_eq!((snapshot.rejects, snapshot.replaced_characters), (1, 2));
}

#[test]
fn only_the_part_that_moved_is_replaced() {
    let mut desk = Desk::new();
    desk.run(&[ticket(1)], "2026-01-01");
    let rowids = "SELECT group_concat(rowid) FROM messages";
    desk.look()
        .execute("UPDATE messages SET rowid = rowid + 100", [])
        .unwrap();
    let before = desk.text(rowids);
    let counts = desk.run(&[with_status(ticket(1), "Pending")], "2026-01-02");
    assert_eq!((counts.changed, counts.new, counts.unchanged), (1, 0, 0));
    assert_eq!(desk.text(rowids), before);
    assert_eq!(
        desk.text("SELECT status FROM tickets"),
        Some("Pending".to_owned())
    );
    assert_eq!(desk.number("SELECT snapshot_id FROM tickets"), 2);

    let mut rows = with_status(ticket(1), "Pending");
    let thread = rows.thread.as_mut().unwrap();
    thread.messages.remove(0);
    thread.attachments.clear();
    thread
        .messages
        .push(message("ticket-00001", 7, at("2025-02-01")));
    let counts = desk.run(&[seal(rows)], "2026-01-03");
    assert_eq!(counts.changed, 1);
    assert_eq!(
        desk.text("SELECT group_concat(id) FROM (SELECT id FROM messages ORDER BY position)"),
        Some("message-1,message-2,message-7".to_owned())
    );
    assert_eq!(desk.number("SELECT count(*) FROM message_attachments"), 0);
    desk.assert_references_hold();
}

#[test]
fn a_run_without_messages_leaves_the_thread_and_its_facts() {
    let mut desk = Desk::new();
    desk.run(&[ticket(1)], "2026-01-01");
    let bare = mava_export::store::RunSpec {
        has_messages: false,
        ..spec()
    };
    let run = desk.begin_as(&bare, "2026-01-02");
    assert_eq!(
        desk.page(&run, &[without_thread(ticket(1))], "2026-01-02")
            .unchanged,
        1
    );
    let moved = without_thread(with_status(ticket(1), "Resolved"));
    assert_eq!(desk.page(&run, &[moved], "2026-01-02").changed, 1);
    desk.finish(&run, "2026-01-02");
    assert_eq!(desk.number("SELECT count(*) FROM messages"), 3);
    assert_eq!(
        desk.number("SELECT message_count FROM tickets WHERE status = 'Resolved'"),
        3
    );
    assert_eq!(
        desk.number("SELECT message_count FROM ticket_history WHERE valid_until IS NULL"),
        3
    );
    // The next run with messages knows the thread again.
    let counts = desk.run(&[with_status(ticket(1), "Resolved")], "2026-01-03");
    assert_eq!(counts.unchanged, 1);
}

#[test]
fn a_ticket_first_read_without_messages_gets_its_thread_later() {
    let mut desk = Desk::new();
    let bare = mava_export::store::RunSpec {
        has_messages: false,
        ..spec()
    };
    let run = desk.begin_as(&bare, "2026-01-01");
    desk.page(&run, &[without_thread(ticket(1))], "2026-01-01");
    desk.finish(&run, "2026-01-01");
    assert_eq!(desk.text("SELECT message_count FROM tickets"), None);
    assert_eq!(desk.run(&[ticket(1)], "2026-01-02").changed, 1);
    assert_eq!(desk.number("SELECT message_count FROM tickets"), 3);
    assert_eq!(desk.number("SELECT count(*) FROM messages"), 3);
}

#[test]
fn history_has_a_version_for_each_change_of_a_tracked_field() {
    let mut desk = Desk::new();
    desk.run(&[ticket(1)], "2026-01-01");
    let mut rows = ticket(1);
    rows.ticket.email_subject = Some("not tracked".to_owned());
    desk.run(&[seal(rows)], "2026-01-02");
    assert_eq!(desk.number("SELECT count(*) FROM ticket_history"), 1);
    desk.run(&[with_status(ticket(1), "Pending")], "2026-01-03");
    // The same millisecond, then a clock that went back: still one after the other.
    desk.run(&[with_status(ticket(1), "Waiting")], "2026-01-03");
    desk.run(&[with_status(ticket(1), "Resolved")], "2025-12-01");
    let look = desk.look();
    let mut statement = look
        .prepare("SELECT valid_from, valid_until, status, snapshot_id FROM ticket_history ORDER BY valid_from")
        .unwrap();
    let versions: Vec<(String, Option<String>, String, i64)> = statement
        .query_map([], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let instants = [
        "2026-01-01T00:00:00.000Z",
        "2026-01-03T00:00:00.000Z",
        "2026-01-03T00:00:00.001Z",
        "2026-01-03T00:00:00.002Z",
    ];
    let expected: Vec<_> = [("Open", 1), ("Pending", 3), ("Waiting", 4), ("Resolved", 5)]
        .into_iter()
        .enumerate()
        .map(|(place, (status, snapshot_id))| {
            (
                instants[place].to_owned(),
                instants.get(place + 1).map(|text| (*text).to_owned()),
                status.to_owned(),
                snapshot_id,
            )
        })
        .collect();
    assert_eq!(versions, expected);
}

#[test]
fn a_ticket_that_is_gone_is_flagged_and_one_that_returns_is_not() {
    let mut desk = Desk::new();
    let tickets: Vec<_> = (0..5).map(ticket).collect();
    desk.run(&tickets, "2026-01-01");
    let run = desk.begin("2026-01-02");
    desk.page(&run, &tickets[1..], "2026-01-02");
    let unseen = desk.store.unseen(run.snapshot_id, &run.range).unwrap();
    let gone = &tickets[0].ticket;
    assert_eq!(unseen, [(gone.id.clone(), gone.created_at)]);
    let ids = [gone.id.clone()];
    let flag = |desk: &mut Desk| {
        desk.store
            .mark_deleted(run.snapshot_id, &ids, at("2026-01-02T01:00:00Z"))
            .unwrap()
    };
    assert_eq!(flag(&mut desk), 1);
    assert_eq!(flag(&mut desk), 0);
    assert_eq!(desk.finish(&run, "2026-01-02").tickets_deleted, 1);
    assert_eq!(desk.store.live_count(&ever()).unwrap(), 4);
    assert_eq!(
        desk.text("SELECT deleted_at FROM tickets WHERE deleted_at IS NOT NULL"),
        Some("2026-01-02T01:00:00.000Z".to_owned())
    );
    assert_eq!(
        desk.number("SELECT count(*) FROM messages WHERE ticket_id = 'ticket-00000'"),
        3
    );

    let counts = desk.run(&tickets, "2026-01-03");
    assert_eq!((counts.changed, counts.unchanged), (1, 4));
    assert_eq!(desk.store.live_count(&ever()).unwrap(), 5);
    assert_eq!(
        desk.number("SELECT count(*) FROM tickets WHERE deleted_at IS NOT NULL"),
        0
    );
    assert_eq!(
        desk.text(
            "SELECT group_concat(is_deleted) FROM (SELECT is_deleted FROM ticket_history
             WHERE ticket_id = 'ticket-00000' ORDER BY valid_from)"
        ),
        Some("0,1,0".to_owned())
    );
    desk.assert_references_hold();
}

#[test]
fn what_is_only_named_by_id_has_a_row_and_learns_its_name_later() {
    let mut desk = Desk::new();
    let mut bare = ticket(1);
    bare.customer = None;
    desk.run(&[bare.clone()], "2026-01-01");
    desk.assert_references_hold();
    assert_eq!(desk.text("SELECT name FROM categories"), None);
    assert_eq!(desk.text("SELECT name FROM agents"), None);
    assert_eq!(desk.text("SELECT name FROM customers"), None);

    let mut named = ticket(1);
    named.category = Some(table::Category {
        id: "category-1".to_owned(),
        name: Some("Billing".to_owned()),
        is_archived: None,
    });
    named.agent = Some(table::Agent {
        id: "agent-1".to_owned(),
        name: Some("Grace".to_owned()),
        email: None,
        wallet_address: None,
    });
    named.tags[1] = tag("tag-a", Some("Alpha"));
    desk.run(&[named], "2026-01-02");
    let names = "SELECT group_concat(name || snapshot_id) FROM (
        SELECT name, snapshot_id FROM categories UNION ALL SELECT name, snapshot_id FROM agents
        UNION ALL SELECT name, snapshot_id FROM tags WHERE id = 'tag-a'
        UNION ALL SELECT name, snapshot_id FROM customers)";
    let learnt = Some("Billing2,Grace2,Alpha2,Ada2".to_owned());
    assert_eq!(desk.text(names), learnt);
    // Known names survive a ticket that names only ids.
    desk.run(&[bare], "2026-01-03");
    assert_eq!(desk.text(names), learnt);
}

#[test]
fn the_newest_observation_of_a_customer_wins() {
    let mut desk = Desk::new();
    let show = |name: &str| {
        let mut rows = ticket(1);
        rows.customer = Some(customer("customer-1", name));
        [rows]
    };
    let name = "SELECT c.name || a.value FROM customers c JOIN customer_attributes a ON a.customer_id = c.id";
    let run = desk.begin("2026-01-01");
    desk.page(&run, &show("Ada"), "2026-01-01T00:00:02Z");
    desk.page(&run, &show("Late"), "2026-01-01T00:00:01Z");
    assert_eq!(desk.text(name), Some("AdaAda".to_owned()));
    desk.page(&run, &show("Eve"), "2026-01-01T00:00:03Z");
    assert_eq!(desk.text(name), Some("EveEve".to_owned()));
    desk.finish(&run, "2026-01-01T00:00:04Z");
    // A clock that ran ahead in the last run does not freeze the customer.
    desk.run(&show("Joan"), "2025-12-01");
    assert_eq!(desk.text(name), Some("JoanJoan".to_owned()));
}

#[test]
fn rejects_follow_their_ticket_and_are_counted_in_each_run_that_meets_them() {
    let mut desk = Desk::new();
    let mut rows = ticket(1);
    rows.rejects = ["a", "b"]
        .map(|id| reject(id, Some("ticket-00001")))
        .to_vec();
    assert_eq!(desk.run(&[rows.clone()], "2026-01-01").rejects, 2);
    // An unchanged ticket with rejects still counts them.
    let counts = desk.run(&[rows.clone()], "2026-01-02");
    assert_eq!((counts.unchanged, counts.rejects), (1, 2));
    assert_eq!(
        desk.number("SELECT count(*) FROM _rejects_met WHERE snapshot_id = 2"),
        2
    );
    // Their own rows are as they were.
    assert_eq!(
        desk.number("SELECT count(*) FROM rejects WHERE snapshot_id = 1"),
        2
    );
    rows.rejects.remove(0);
    assert_eq!(desk.run(&[rows], "2026-01-03").rejects, 1);
    assert_eq!(
        desk.text("SELECT group_concat(id) FROM rejects"),
        Some("b".to_owned())
    );
    assert_eq!(
        desk.store.snapshots(1).unwrap()[0].outcome,
        "complete_with_rejects"
    );
    assert_eq!(desk.run(&[ticket(1)], "2026-01-04").rejects, 0);
    assert_eq!(desk.number("SELECT count(*) FROM rejects"), 0);
    assert_eq!(desk.store.snapshots(1).unwrap()[0].outcome, "complete");
}

#[test]
fn rejects_of_messages_outlive_a_run_that_reads_none() {
    let of = |id: &str, path: &str| table::Reject {
        path: path.to_owned(),
        ..reject(id, Some("ticket-00001"))
    };
    let mut desk = Desk::new();
    let mut rows = ticket(1);
    rows.rejects = vec![
        of("head", "priority"),
        of("message", "messages[3].content"),
        of("thread", "messages"),
    ];
    assert_eq!(desk.run(&[rows], "2026-01-01").rejects, 3);
    let counts = desk.run(&[without_thread(ticket(1))], "2026-01-02");
    assert_eq!(counts.rejects, 0);
    assert_eq!(
        desk.text("SELECT group_concat(id) FROM (SELECT id FROM rejects ORDER BY id)"),
        Some("message,thread".to_owned())
    );
    desk.run(&[ticket(1)], "2026-01-03");
    assert_eq!(desk.number("SELECT count(*) FROM rejects"), 0);
}

#[test]
fn a_ticket_rejected_as_a_whole_is_kept_and_not_taken_for_gone() {
    let mut desk = Desk::new();
    desk.run(&[ticket(1)], "2026-01-01");
    let run = desk.begin("2026-01-02");
    let rejects = [
        reject("whole", Some("ticket-00001")),
        reject("nameless", None),
    ];
    let counts = desk
        .store
        .commit_page(&PageCommit {
            snapshot_id: run.snapshot_id,
            slice: &run.slices[0],
            tickets: &[],
            rejects: &rejects,
            requests: 1,
            read_at: at("2026-01-02"),
        })
        .unwrap();
    assert_eq!((counts.rejects, counts.read), (2, 0));
    let unseen = desk.store.unseen(run.snapshot_id, &run.range).unwrap();
    assert_eq!(unseen, []);
    assert_eq!(desk.number("SELECT count(*) FROM rejects"), 2);
}

#[test]
fn a_whole_ticket_in_rejects_goes_when_a_read_of_where_it_stands_does_not_meet_it() {
    let mut desk = Desk::new();
    let whole = |id: &str, ticket_id: Option<&str>, created_at: Option<&str>| table::Reject {
        path: String::new(),
        created_at: created_at.map(at),
        ..reject(id, ticket_id)
    };
    let run = desk.begin("2026-01-01");
    let rejects = [
        whole("march", Some("x"), Some("2025-03-01")),
        whole("may", None, Some("2025-05-01")),
        whole("nowhere", None, None),
        whole("again", Some("y"), None),
    ];
    let commit = |desk: &mut Desk, run: &Run, rejects: &[table::Reject]| {
        desk.store
            .commit_page(&PageCommit {
                snapshot_id: run.snapshot_id,
                slice: &run.slices[0],
                tickets: &[],
                rejects,
                requests: 1,
                read_at: at("2026-01-01"),
            })
            .unwrap()
    };
    assert_eq!(commit(&mut desk, &run, &rejects).rejects, 4);
    // The same ticket with other contents takes the place of what it was.
    let changed = [whole("other", Some("y"), None)];
    assert_eq!(commit(&mut desk, &run, &changed).rejects, 0);
    desk.finish(&run, "2026-01-01");
    let left = |desk: &Desk| {
        desk.text("SELECT group_concat(id) FROM (SELECT id FROM rejects ORDER BY id)")
    };
    let run = desk.begin("2026-01-02");
    commit(&mut desk, &run, &changed);
    let mut forget = |from: &str, until: &str| {
        desk.store
            .forget_unmet(run.snapshot_id, &range(from, until))
            .unwrap();
        left(&desk).unwrap()
    };
    assert_eq!(
        forget("2025-03-02", "2025-05-01"),
        "march,may,nowhere,other"
    );
    assert_eq!(forget("2025-03-01", "2025-04-01"), "may,nowhere,other");
    // One without a creation stands where its slice begins.
    assert_eq!(forget("2025-01-01", "2025-01-02"), "may,other");
    assert_eq!(forget("2025-01-01", "2026-01-01"), "other");
}

#[test]
fn a_page_that_cannot_be_written_leaves_nothing_behind() {
    let mut desk = Desk::new();
    let run = desk.begin("2026-01-01");
    let mut broken = ticket(2);
    let thread = broken.thread.as_mut().unwrap();
    thread.messages[1].id = thread.messages[0].id.clone();
    let error = desk
        .store
        .commit_page(&PageCommit {
            snapshot_id: run.snapshot_id,
            slice: &run.slices[0],
            tickets: &[ticket(1), seal(broken)],
            rejects: &[],
            requests: 1,
            read_at: at("2026-01-01"),
        })
        .unwrap_err();
    let message = error.to_string();
    assert!(message.contains("ticket ticket-00002"), "{message}");
    assert!(!message.contains("hello"), "{message}");
    assert_eq!(desk.number("SELECT count(*) FROM tickets"), 0);
    assert_eq!(desk.number("SELECT count(*) FROM customers"), 0);
    assert_eq!(desk.number("SELECT requests FROM snapshots"), 0);
    desk.page(&run, &[ticket(1)], "2026-01-01");
}

#[test]
fn a_full_disk_is_told_with_the_way_out_and_the_page_goes_in_later() {
    let mut desk = Desk::new();
    let run = desk.begin("2026-01-01");
    let first: Vec<_> = (0..20).map(ticket).collect();
    desk.page(&run, &first, "2026-01-01");
    let before = desk.dump();
    // A file that may not grow stands in for a disk that is full: SQLite answers the same.
    let limit = |desk: &Desk, pages: i64| {
        desk.store
            .connection()
            .pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))
            .unwrap();
    };
    let pages = desk.number("PRAGMA page_count");
    limit(&desk, pages);
    let second: Vec<_> = (20..220).map(ticket).collect();
    let mut slice = run.slices[0].clone();
    slice.position = mava_export::plan::Position::Key(at("2025-02-01"));
    let page = PageCommit {
        snapshot_id: run.snapshot_id,
        slice: &slice,
        tickets: &second,
        rejects: &[],
        requests: 1,
        read_at: at("2026-01-01"),
    };
    let error = desk.store.commit_page(&page).unwrap_err();
    assert_eq!(error.kind(), mava_export::error::ErrorKind::Failed);
    assert!(error.to_string().contains("no space left"), "{error}");
    assert!(error.help_text().unwrap().contains("disk space"));
    assert_eq!(desk.dump(), before);
    assert_eq!(desk.store.slices(run.snapshot_id).unwrap(), run.slices);
    desk.assert_references_hold();
    limit(&desk, 1_000_000);
    assert_eq!(desk.store.commit_page(&page).unwrap().new, 200);
    desk.assert_references_hold();
}

#[test]
fn windows_in_which_a_run_flagged_tickets_are_opened_again_and_no_others() {
    let mut desk = Desk::new();
    let tickets: Vec<_> = (0..5).map(ticket).collect();
    desk.run(&tickets, "2026-01-01");
    let run = desk.begin("2026-01-02");
    let id = run.snapshot_id;
    let gone = [&tickets[0].ticket, &tickets[4].ticket];
    let ids = gone.map(|ticket| ticket.id.clone());
    desk.store.mark_deleted(id, &ids, at("2026-01-02")).unwrap();
    // One window with the first ticket, one with the second; the last lies in none of this step.
    let [step, other] = [RunKind::Backfill, RunKind::Verify].map(WindowStep::Run);
    let around = |ticket: &Ticket| {
        let from = ticket.created_at;
        Window::new(from, from + TimeDelta::milliseconds(1)).unwrap()
    };
    let windows = [0, 1].map(|number: usize| around(&tickets[number].ticket));
    for (step, windows) in [(&step, &windows[..]), (&other, &windows[..1])] {
        desk.store.plan_windows(id, step, windows).unwrap();
        let rows = desk.store.windows(id).unwrap().into_iter();
        for row in rows.filter(|row| row.step == *step) {
            let window = RunWindow {
                state: WindowState::Settled,
                ..row
            };
            let commit = WindowCommit {
                window: &window,
                unproven: &[],
                first_slice: 0,
                is_unfiltered: true,
            };
            desk.store.commit_window(id, &commit).unwrap();
        }
    }
    assert_eq!(desk.store.reopen_windows(id, &step).unwrap(), 1);
    let rows = desk.store.windows(id).unwrap().into_iter();
    let open: Vec<_> = rows.filter(|row| row.state == WindowState::Open).collect();
    assert_eq!(open.len(), 1, "{open:?}");
    assert_eq!((&open[0].step, open[0].window), (&step, windows[0]));
    // The other step has a window of the first ticket alone.
    assert_eq!(desk.store.reopen_windows(id, &other).unwrap(), 1);
    desk.store.unmark_deleted(id).unwrap();
    assert_eq!(desk.store.reopen_windows(id, &step).unwrap(), 0);
}

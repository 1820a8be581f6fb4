//! Runs: begun, resumed, superseded, extended, ended.

use mava_export::plan::{Position, Slice, SliceState};
use mava_export::store::{LookupsCommit, Outcome, PageCommit, Run, RunSpec};
use mava_export::table;
use mava_export::window::Window;

use super::world::{Desk, at, open, range, reject, spec, ticket};

fn open_until(until: &str) -> RunSpec {
    RunSpec {
        range: range("2025-01-01", until),
        is_until_open: true,
        ..spec()
    }
}

#[test]
fn an_unfinished_run_goes_on_where_it_was() {
    let mut desk = Desk::new();
    let run = desk.store.begin(&spec(), at("2026-01-01")).unwrap();
    assert!(!run.is_resumed && !run.has_lookups && run.slices.is_empty());
    let windows = [
        range("2025-01-01", "2025-03-01"),
        range("2025-03-01", "2025-07-01"),
    ];
    let mut slices = desk.store.plan_slices(run.snapshot_id, &windows).unwrap();
    slices[0].position = Position::Key(at("2025-02-01"));
    slices[1].position = Position::Offset {
        skip: 100,
        overlap_id: Some("ticket-00001".to_owned()),
    };
    for (slice, rows) in slices.iter().zip([ticket(1), ticket(2)]) {
        desk.store
            .commit_page(&PageCommit {
                snapshot_id: run.snapshot_id,
                slice,
                tickets: &[rows],
                rejects: &[],
                requests: 2,
                read_at: at("2026-01-01"),
            })
            .unwrap();
    }
    desk.store
        .commit_lookups(&LookupsCommit {
            snapshot_id: run.snapshot_id,
            categories: Some(&[]),
            agents: Some(&[]),
            requests: 1,
            ..LookupsCommit::default()
        })
        .unwrap();
    slices[0].state = SliceState::Unverified {
        reason: "the count did not settle".to_owned(),
    };
    desk.empty_page(&run, &slices[0], 3);

    let Desk { store, directory } = desk;
    drop(store);
    let mut store = open(&directory.path().join("support.db")).unwrap();
    let resumed = store.begin(&spec(), at("2026-01-02")).unwrap();
    assert_eq!(resumed.snapshot_id, run.snapshot_id);
    assert!(resumed.is_resumed && resumed.has_lookups);
    assert_eq!(resumed.slices, slices);
    assert_eq!(resumed.snapshot.requests, 2 + 2 + 1 + 3);
    assert_eq!(resumed.snapshot.tickets_new, 2);
    let progress = store.progress().unwrap().unwrap();
    assert_eq!((progress.open_slices, progress.unverified_slices), (1, 1));
    assert_eq!(progress.covered, windows[0].length());
    assert_eq!(progress.length, spec().range.length());
}

#[test]
fn an_unfinished_run_of_another_spec_is_superseded() {
    let others = [
        RunSpec {
            kind: mava_export::table::RunKind::Sync,
            ..spec()
        },
        RunSpec {
            range: range("2025-01-02", "2025-07-01"),
            ..spec()
        },
        RunSpec {
            range: range("2025-01-01", "2025-07-02"),
            ..spec()
        },
        RunSpec {
            filters_json: Some(r#"{"status":["Open"]}"#.to_owned()),
            ..spec()
        },
        RunSpec {
            has_messages: false,
            ..spec()
        },
    ];
    let mut desk = Desk::new();
    desk.begin("2026-01-01");
    for (place, other) in (2..).zip(others) {
        let run = desk.begin_as(&other, "2026-01-02");
        assert!(!run.is_resumed, "{other:?}");
        assert_eq!(run.snapshot_id, place);
        let superseded = &desk.store.snapshots(2).unwrap()[1];
        assert_eq!(superseded.outcome, "superseded");
        assert_eq!(superseded.finished_at, Some(at("2026-01-02")));
        // What it had still to read is known.
        let left = desk.store.slices(superseded.id).unwrap();
        assert!(left.iter().all(|slice| slice.state != SliceState::Open));
    }
}

#[test]
fn a_run_up_to_now_goes_on_later_and_is_extended() {
    let mut desk = Desk::new();
    let run = desk.begin_as(&open_until("2025-06-01"), "2025-06-01");
    let resumed = desk.begin_as(&open_until("2026-06-10"), "2026-06-10");
    assert!(resumed.is_resumed);
    assert_eq!(resumed.range, run.range);
    let added = desk
        .store
        .extend_range(run.snapshot_id, at("2026-06-10"))
        .unwrap();
    let windows: Vec<Window> = added.iter().map(|slice| slice.window).collect();
    assert_eq!(
        windows,
        [
            range("2025-06-01", "2026-06-01"),
            range("2026-06-01", "2026-06-10")
        ]
    );
    assert_eq!((added[0].number, added[1].number), (1, 2));
    assert!(
        desk.store
            .extend_range(run.snapshot_id, at("2026-06-10"))
            .unwrap()
            .is_empty()
    );
    let again = desk.begin_as(&open_until("2026-06-11"), "2026-06-11");
    assert_eq!(again.range, range("2025-01-01", "2026-06-10"));
    assert_eq!(again.slices.len(), 3);
}

#[test]
fn a_slice_is_split_while_its_pages_are_on_their_way() {
    let mut desk = Desk::new();
    let run = desk.begin("2026-01-01");
    let mut in_flight = run.slices[0].clone();
    let shrunk = Slice {
        window: range("2025-01-01", "2025-04-01"),
        ..in_flight.clone()
    };
    let added = Slice::new(1, range("2025-04-01", "2025-07-01"));
    desk.store
        .commit_split(run.snapshot_id, &shrunk, &added)
        .unwrap();
    in_flight.position = Position::Key(at("2025-02-01"));
    desk.store
        .commit_page(&PageCommit {
            snapshot_id: run.snapshot_id,
            slice: &in_flight,
            tickets: &[ticket(1)],
            rejects: &[],
            requests: 1,
            read_at: at("2026-01-01"),
        })
        .unwrap();
    let stored = desk.store.slices(run.snapshot_id).unwrap();
    assert_eq!(stored[0].window, shrunk.window);
    assert_eq!(stored[0].position, in_flight.position);
    assert_eq!(stored[1], added);
    // Two that do not make up the stored one.
    let gap = Slice {
        number: 2,
        window: range("2025-03-02", "2025-04-01"),
        ..added
    };
    let shorter = Slice {
        window: range("2025-01-01", "2025-03-01"),
        ..shrunk
    };
    desk.store
        .commit_split(run.snapshot_id, &shorter, &gap)
        .unwrap_err();
    assert_eq!(desk.store.slices(run.snapshot_id).unwrap(), stored);
}

#[test]
fn a_run_ends_only_when_no_slice_is_open_and_keeps_the_unverified() {
    let mut desk = Desk::new();
    let run = desk.begin("2026-01-01");
    let error = desk
        .store
        .finish(run.snapshot_id, Outcome::Complete, at("2026-01-02"))
        .unwrap_err();
    assert!(error.to_string().contains("open"), "{error}");
    let given_up = Slice {
        state: SliceState::Unverified {
            reason: "the count did not settle".to_owned(),
        },
        ..run.slices[0].clone()
    };
    desk.empty_page(&run, &given_up, 1);
    let snapshot = desk
        .store
        .finish(run.snapshot_id, Outcome::Complete, at("2026-01-02"))
        .unwrap();
    assert_eq!(snapshot.outcome, "incomplete");
    assert_eq!(snapshot.unverified_slices, 1);
    assert_eq!(snapshot.finished_at, Some(at("2026-01-02")));
    assert_eq!(desk.store.slices(run.snapshot_id).unwrap(), [given_up]);
    assert!(desk.store.progress().unwrap().is_none());
    // The log is in the file.
    let log = desk.directory.path().join("support.db-wal");
    assert_eq!(std::fs::metadata(log).unwrap().len(), 0);
    assert!(!desk.begin("2026-01-03").is_resumed);
}

#[test]
fn a_run_after_which_rejects_stand_is_not_just_complete() {
    let mut desk = Desk::new();
    let run = desk.begin("2026-01-01");
    let mut rows = ticket(1);
    rows.rejects = vec![reject("a", Some("ticket-00001"))];
    desk.page(&run, &[rows], "2026-01-01");
    assert_eq!(
        desk.finish(&run, "2026-01-02").outcome,
        "complete_with_rejects"
    );
    // Also one that met none, until they are accepted.
    let other = mava_export::store::RunSpec {
        range: range("2025-06-01", "2025-07-01"),
        ..spec()
    };
    for (accepted, outcome) in [(false, "complete_with_rejects"), (true, "complete")] {
        let at = accepted.then(|| at("2026-01-02"));
        desk.store.accept_rejects(&["a"], at).unwrap();
        let run = desk.begin_as(&other, "2026-01-03");
        assert_eq!(desk.finish(&run, "2026-01-04").outcome, outcome);
    }
    // What a ticket lacks that is gone, nobody can mend.
    desk.store.accept_rejects(&["a"], None).unwrap();
    let run = desk.begin_as(&other, "2026-01-05");
    desk.store
        .mark_deleted(
            run.snapshot_id,
            &["ticket-00001".to_owned()],
            at("2026-01-05"),
        )
        .unwrap();
    assert_eq!(desk.finish(&run, "2026-01-06").outcome, "complete");
    assert_eq!(desk.number("SELECT count(*) FROM rejects"), 1);
}

#[test]
fn a_run_is_complete_although_the_file_cannot_be_tidied_after_it() {
    let mut desk = Desk::new();
    desk.run(&[ticket(1)], "2026-01-01");
    // Without the planner's statistics, which the end of the next run makes again.
    let statistics = "SELECT count(*) FROM sqlite_schema WHERE name LIKE 'sqlite_stat%'";
    assert!(desk.number(statistics) > 0);
    let connection = desk.store.connection();
    connection
        .execute_batch("DROP TABLE sqlite_stat1; DROP TABLE IF EXISTS sqlite_stat4; VACUUM")
        .unwrap();
    let run = desk.begin("2026-01-01");
    desk.page(&run, &[ticket(1)], "2026-01-01");
    // The file cannot grow by a page, as those would have it.
    let pages = desk.number("SELECT page_count FROM pragma_page_count");
    let limit = format!("PRAGMA max_page_count = {pages}");
    let connection = desk.store.connection();
    connection.query_row(&limit, [], |_| Ok(())).unwrap();
    assert_eq!(desk.finish(&run, "2026-01-02").outcome, "complete");
    assert_eq!(desk.number(statistics), 0);
    assert_eq!(
        desk.text("SELECT group_concat(outcome) FROM snapshots"),
        Some("complete,complete".to_owned())
    );
}

#[test]
fn a_category_is_not_archived_by_lists_that_came_with_rejects() {
    let category = |id: &str| table::Category {
        id: id.to_owned(),
        name: None,
        is_archived: Some(false),
    };
    let mut desk = Desk::new();
    let run = desk.begin("2026-01-01");
    let both = [category("category-1"), category("category-2")];
    for (categories, rejects) in [(&both[..], &[][..]), (&both[1..], &[reject("a", None)][..])] {
        desk.store
            .commit_lookups(&LookupsCommit {
                snapshot_id: run.snapshot_id,
                categories: Some(categories),
                agents: Some(&[]),
                rejects,
                ..LookupsCommit::default()
            })
            .unwrap();
    }
    assert_eq!(
        desk.number("SELECT count(*) FROM categories WHERE is_archived = 0"),
        2
    );
}

#[test]
fn rejects_of_a_list_go_when_it_comes_without_them() {
    let of = |id: &str, path: &str| table::Reject {
        path: path.to_owned(),
        ..reject(id, None)
    };
    let mut desk = Desk::new();
    let run = desk.begin("2026-01-01");
    let mut left = |categories: bool, rejects: &[table::Reject]| {
        desk.store
            .commit_lookups(&LookupsCommit {
                snapshot_id: run.snapshot_id,
                categories: categories.then_some(&[]),
                agents: Some(&[]),
                rejects,
                ..LookupsCommit::default()
            })
            .unwrap();
        desk.text("SELECT group_concat(id) FROM (SELECT id FROM rejects ORDER BY id)")
    };
    let both = [of("a", "agents[1].name"), of("c", "categories[3]")];
    assert_eq!(left(true, &both).as_deref(), Some("a,c"));
    // A list that did not come says nothing.
    assert_eq!(left(false, &[]).as_deref(), Some("c"));
    assert_eq!(left(true, &[]), None);
    assert_eq!(desk.number("SELECT rejects FROM snapshots"), 0);
}

#[test]
fn a_run_has_its_lists_only_when_both_came() {
    let mut desk = Desk::new();
    let run = desk.begin("2026-01-01");
    for (has_categories, has_agents) in [(false, false), (true, false), (false, true), (true, true)]
    {
        desk.store
            .commit_lookups(&LookupsCommit {
                snapshot_id: run.snapshot_id,
                categories: has_categories.then_some(&[]),
                agents: has_agents.then_some(&[]),
                ..LookupsCommit::default()
            })
            .unwrap();
        assert_eq!(
            desk.begin("2026-01-02").has_lookups,
            has_categories && has_agents,
            "categories {has_categories}, agents {has_agents}"
        );
    }
}

#[test]
fn lists_rename_archive_and_never_forget() {
    let category = |id: &str, name: Option<&str>| table::Category {
        id: id.to_owned(),
        name: name.map(str::to_owned),
        is_archived: Some(false),
    };
    let agent = |name: Option<&str>, email: Option<&str>| table::Agent {
        id: "agent-1".to_owned(),
        name: name.map(str::to_owned),
        email: email.map(str::to_owned),
        wallet_address: None,
    };
    let mut desk = Desk::new();
    let run = desk.begin("2026-01-01");
    desk.page(&run, &[ticket(1)], "2026-01-01");
    let list = |desk: &mut Desk, categories: &[table::Category], agents: &[table::Agent]| {
        desk.store
            .commit_lookups(&LookupsCommit {
                snapshot_id: run.snapshot_id,
                categories: Some(categories),
                agents: Some(agents),
                requests: 2,
                ..LookupsCommit::default()
            })
            .unwrap();
        desk.text(
            "SELECT group_concat(id || coalesce(name, '') || coalesce(is_archived, '?'), ' ')
             FROM (SELECT * FROM categories ORDER BY id)",
        )
        .unwrap()
    };
    let both = [
        category("category-1", Some("Billing")),
        category("category-2", Some("Bugs")),
    ];
    let grace = [agent(Some("Grace"), Some("grace@example.org"))];
    assert_eq!(
        list(&mut desk, &both, &grace),
        "category-1Billing0 category-2Bugs0"
    );
    assert_eq!(
        list(
            &mut desk,
            &[category("category-2", None)],
            &[agent(None, None)]
        ),
        "category-1Billing1 category-2Bugs0"
    );
    assert_eq!(
        list(&mut desk, &[], &[]),
        "category-1Billing1 category-2Bugs0"
    );
    assert_eq!(
        desk.text("SELECT name || coalesce(email, '-') FROM agents"),
        Some("Grace-".to_owned())
    );
    assert_eq!(desk.number("SELECT requests FROM snapshots"), 1 + 3 * 2);
}

#[test]
fn a_store_tells_its_snapshots_size_and_freshness() {
    let mut desk = Desk::new();
    for (number, day) in (0..).zip(["2026-01-01", "2026-01-29", "2026-01-30T12:00:00Z"]) {
        desk.run(&[ticket(number)], day);
    }
    let snapshots = desk.store.snapshots(2).unwrap();
    assert_eq!(
        snapshots.iter().map(|row| row.id).collect::<Vec<_>>(),
        [3, 2]
    );
    let freshness = desk.store.freshness(at("2026-01-31")).unwrap();
    assert_eq!(
        (
            freshness.live,
            freshness.within_day,
            freshness.within_week,
            freshness.within_month,
            freshness.within_quarter
        ),
        (3, 1, 2, 3, 3)
    );
    // What is written already, and what waits in the log.
    let size = || {
        let length = |end: &str| {
            let path = format!("{}{end}", desk.path().display());
            std::fs::metadata(path).map_or(0, |file| file.len())
        };
        assert_eq!(
            desk.store.size_bytes().unwrap(),
            length("") + length("-wal")
        );
        [length(""), length("-wal")]
    };
    let [file, log] = size();
    assert!(file > 50_000 && log == 0, "{file} and {log}");
    desk.look()
        .execute("UPDATE customers SET name = name || ' '", [])
        .unwrap();
    let [_, log] = size();
    assert!(log > 0);
}

#[test]
fn a_slice_that_was_not_proven_complete_holds_the_coverage_back_until_it_is_read_again() {
    let mut desk = Desk::new();
    let complete_at = |desk: &Desk| desk.store.coverage().unwrap().unwrap().complete_at;
    let part = |from, until| RunSpec {
        range: range(from, until),
        ..spec()
    };
    let leave_unproven = |desk: &mut Desk, run: &Run, number: usize| {
        let mut slices = run.slices.clone();
        for (place, slice) in slices.iter_mut().enumerate() {
            slice.state = match place == number {
                true => SliceState::Unverified {
                    reason: "the count did not settle".to_owned(),
                },
                false => SliceState::Sealed,
            };
            desk.empty_page(run, slice, 1);
        }
        let now = at("2026-01-02");
        desk.store
            .finish(run.snapshot_id, Outcome::Complete, now)
            .unwrap();
    };
    let mut run = desk.store.begin(&spec(), at("2026-01-01")).unwrap();
    let windows = [
        range("2025-01-01", "2025-03-01"),
        range("2025-03-01", "2025-04-01"),
        range("2025-04-01", "2025-07-01"),
    ];
    run.slices = desk.store.plan_slices(run.snapshot_id, &windows).unwrap();
    leave_unproven(&mut desk, &run, 1);
    assert_eq!(complete_at(&desk), at("2025-03-01"));
    // A part of it, the rest without success, and a rest with filters.
    let run = desk.begin_as(&part("2025-03-01", "2025-03-15"), "2026-01-03");
    desk.finish(&run, "2026-01-03");
    assert_eq!(complete_at(&desk), at("2025-03-15"));
    let rest = part("2025-03-15", "2025-04-01");
    let run = desk.begin_as(&rest, "2026-01-04");
    leave_unproven(&mut desk, &run, 0);
    let filtered = RunSpec {
        filters_json: Some("{}".to_owned()),
        ..rest.clone()
    };
    let run = desk.begin_as(&filtered, "2026-01-05");
    desk.finish(&run, "2026-01-05");
    assert_eq!(complete_at(&desk), at("2025-03-15"));
    let run = desk.begin_as(&rest, "2026-01-06");
    desk.finish(&run, "2026-01-06");
    assert_eq!(complete_at(&desk), at("2025-07-01"));
}

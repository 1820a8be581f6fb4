use super::*;
use crate::report::{TableRows, Unseen, What, WindowStep};
use crate::table::Outcome;

fn at(text: &str) -> Instant {
    crate::window::parse(text).expect("a test's own instant")
}

fn status() -> Status {
    Status {
        store: "support.db".into(),
        store_bytes: 432_013_312,
        as_of: at("2026-01-31T12:00:00Z"),
        tables: [
            ("tickets", 100_240),
            ("messages", 1_023_344),
            ("rejects", 0),
        ]
        .map(|(table, rows)| TableRows {
            table: table.into(),
            rows,
        })
        .into(),
        tickets: 100_000,
        freshness: Freshness::HOURS
            .into_iter()
            .zip([1_204, 5_000, 99_999, 100_000])
            .map(|(hours, tickets)| Freshness::new(hours, tickets, 100_000))
            .collect(),
        threads_unread: 12,
        rejects_standing: 2,
        rejects_accepted: 1,
        snapshots: vec![SnapshotStatus {
            snapshot_id: 3,
            kind: "backfill".into(),
            outcome: "incomplete".into(),
            started_at: at("2026-01-31T08:59:00Z"),
            finished_at: Some(at("2026-01-31T09:05:00Z")),
            range_from: at("2023-01-01"),
            range_until: at("2026-01-31T08:59:00Z"),
            filters: Some(serde_json::json!({"origin": ["web"]})),
            has_messages: false,
            requests: 1_018,
            tickets_read: 100_234,
            tickets_new: 1_204,
            tickets_changed: 12,
            tickets_deleted: 0,
            unverified_slices: 1,
            rejects: 2,
            windows: vec![CountedWindow {
                step: WindowStep::of("backfill"),
                window: "[2023-01-01, 2024-01-01)".into(),
                counted: 1_207,
                stored: 1_204,
                rejected: 2,
                is_settled: false,
                note: Some("the count did not settle".into()),
            }],
        }],
        snapshot_count: 3,
        last_sync: None,
        unfinished: None,
        partial: vec![PartialRange {
            snapshot_id: 2,
            kind: "backfill".into(),
            filters: None,
            range_from: "2019-01-01T00:00:00.000Z".into(),
            range_until: "2022-05-01T00:00:00.000Z".into(),
            reason: "it was given up for another range before it was read".into(),
        }],
        published: Vec::new(),
    }
}

fn shown(status: &Status) -> String {
    anstream::adapter::strip_str(&text(status, None)).to_string()
}

#[test]
fn a_store_with_finished_runs() {
    insta::assert_snapshot!(shown(&status()), @r#"
    support.db, 412.00 MiB

    ┌──────────┬───────────┐
    │ table    ┆      rows │
    ╞══════════╪═══════════╡
    │ tickets  ┆   100,240 │
    │ messages ┆ 1,023,344 │
    └──────────┴───────────┘

      freshness    1.2 % read in the last 24 hours, 1,204 tickets
                   5.0 % read in the last 7 days, 5,000 tickets
                  99.9 % read in the last 30 days, 99,999 tickets
                 100.0 % read in the last 90 days, 100,000 tickets

    ┌────────────┬────────────┬──────────────────────────┬─────────────────────────┬─────────┬───────┬─────────┬─────────┬──────────┐
    │ snapshot   ┆ outcome    ┆ finished                 ┆ range                   ┆    read ┆   new ┆ changed ┆ deleted ┆ requests │
    ╞════════════╪════════════╪══════════════════════════╪═════════════════════════╪═════════╪═══════╪═════════╪═════════╪══════════╡
    │ 3 backfill ┆ incomplete ┆ 2026-01-31 (3 hours ago) ┆ 2023-01-01 – 2026-01-31 ┆ 100,234 ┆ 1,204 ┆      12 ┆       0 ┆    1,018 │
    └────────────┴────────────┴──────────────────────────┴─────────────────────────┴─────────┴───────┴─────────┴─────────┴──────────┘
    and 2 before these
    snapshot 3: only origin web
    snapshot 3: 1,207 counted by the API, 1,204 stored
    snapshot 3: 1 slice not proven complete, 2 rejects, read without messages

      not read in full
        2019-01-01 until 2022-05-01 (backfill 2): it was given up for another range before it was read
      next       a backfill with --since and --until over those ranges reads them

      threads    12 tickets without, since no run has read theirs: sync --full does
      rejects    3 rejects, 1 of them accepted
    "#);
}

#[test]
fn a_store_with_an_unfinished_run_and_nothing_else() {
    let run = Unfinished {
        snapshot_id: 1,
        kind: "backfill".into(),
        started_at: at("2026-01-30T12:00:00Z"),
        range_from: at("2023-01-01"),
        range_until: at("2026-01-30"),
        filters: None,
        tickets_read: 12_400,
        tickets_expected: Some(100_234),
        slices_sealed: 3,
        slices: 9,
        is_running: false,
    };
    let status = Status {
        tables: Vec::new(),
        tickets: 0,
        freshness: Vec::new(),
        snapshots: Vec::new(),
        snapshot_count: 0,
        last_sync: None,
        unfinished: Some(run),
        partial: Vec::new(),
        published: Vec::new(),
        ..status()
    };
    insta::assert_snapshot!(shown(&status), @r#"
    support.db, 412.00 MiB

      no rows yet

      backfill 1 is unfinished
      since      2026-01-30 12:00 UTC (24 hours ago)
      range      2023-01-01 until 2026-01-30
      tickets    12,400 of 100,234 read
      slices     3 of 9 read to their end
      next       run the same command again to go on

      rejects    3 rejects, 1 of them accepted
    "#);
}

#[test]
fn how_fresh_rows_are_is_not_told_while_the_first_backfill_reads_them() {
    let unfinished = |is_running| Unfinished {
        snapshot_id: 1,
        kind: "backfill".into(),
        started_at: at("2026-01-30T12:00:00Z"),
        range_from: at("2023-01-01"),
        range_until: at("2026-01-30"),
        filters: None,
        tickets_read: 12_400,
        tickets_expected: Some(100_234),
        slices_sealed: 3,
        slices: 9,
        is_running,
    };
    for (snapshot_count, is_running, is_told) in
        [(0, true, false), (0, false, true), (1, true, true)]
    {
        let status = Status {
            snapshot_count,
            unfinished: Some(unfinished(is_running)),
            ..status()
        };
        let shown = shown(&status);
        assert_eq!(shown.contains("freshness"), is_told, "{shown}");
    }
}

#[test]
fn as_many_as_counted_are_stored_only_where_each_window_is_settled() {
    for (stored, is_settled, outcome, is_told) in [
        (1_207, true, Outcome::Complete, true),
        (1_207, true, Outcome::WithRejects, true),
        // What was missing lay elsewhere.
        (1_207, true, Outcome::Incomplete, false),
        (1_207, false, Outcome::Complete, false),
        (1_204, true, Outcome::Complete, false),
    ] {
        let mut status = status();
        outcome.word().clone_into(&mut status.snapshots[0].outcome);
        for window in &mut status.snapshots[0].windows {
            (window.stored, window.is_settled) = (stored, is_settled);
        }
        let shown = shown(&status);
        assert_eq!(shown.contains("as many tickets stored"), is_told, "{shown}");
    }
}

fn unseen(what: What, tickets: u64, counted: Option<u64>, from: &str, until: &str) -> Unseen {
    Unseen {
        what,
        tickets,
        counted,
        created_from: format!("{from}T00:00:00.000Z"),
        created_until: format!("{until}T00:00:00.000Z"),
        since: Some("2026-01-20T04:30:00.000Z".to_owned()),
    }
}

#[test]
fn what_the_last_sync_may_not_have_seen_is_told() {
    let mut sync = LastSync {
        snapshot_id: 9,
        steps: Vec::new(),
        complete_until: Some(at("2026-01-31T09:05:00Z")),
        is_of_part: false,
        is_proven: true,
        is_full: false,
        ratings_outstanding: Some(3),
        bulk_change_windows: 2,
        may_be_unseen: Some(vec![
            unseen(What::Ratings, 40, Some(3), "2025-02-01", "2026-01-02"),
            unseen(What::Edits, 1_000, None, "2019-01-01", "2019-05-02"),
            unseen(What::Edits, 200, None, "2019-07-01", "2026-01-02"),
        ]),
        syncs_for_all: Some(6),
        remarks: vec!["none of it was believed".into(); 3],
    };
    let told = |sync: &LastSync| {
        shown(&Status {
            last_sync: Some(sync.clone()),
            ..status()
        })
    };
    let text = told(&sync);
    for fact in [
        "what happened before 2026-01-31 09:05 UTC",
        "may miss",
        "late ratings: 3 ratings on one of 40 tickets created 2025-02-01 to 2026-01-02, since 2026-01-20",
        "notes, edits, tags and attributes of resolved tickets: 1,200 tickets created 2019-01-01 to 2019-05-02, 2019-07-01 to 2026-01-02, since 2026-01-20",
        "every ticket is read again within 6 syncs like this one",
        "2 windows of bulk changes still to be read",
        "note: none of it was believed (3 times)\n",
    ] {
        assert!(text.contains(fact), "{fact}: {text}");
    }
    sync.may_be_unseen = Some(Vec::new());
    let told_of_nothing = |is_full, is_of_part, is_proven| {
        told(&LastSync {
            is_full,
            is_of_part,
            is_proven,
            ..sync.clone()
        })
    };
    for (looked, words) in [
        (
            (false, false, true),
            "nothing: what it did not read was read just before it",
        ),
        ((true, false, true), "nothing: every ticket was read"),
        (
            (true, true, true),
            "nothing of what the filters select: all of that was read",
        ),
        (
            (true, false, false),
            "what is not proven complete may lack others",
        ),
        (
            (true, true, false),
            "what is not proven complete may lack others",
        ),
    ] {
        let text = told_of_nothing(looked.0, looked.1, looked.2);
        assert!(text.contains(words), "{looked:?}: {text}");
    }
    // A store of a part of the desk has no older tickets to come to.
    sync.may_be_unseen = Some(vec![unseen(
        What::Messages,
        9,
        None,
        "2019-01-01",
        "2019-05-02",
    )]);
    sync.syncs_for_all = None;
    assert!(told(&sync).contains("older tickets"));
    sync.is_of_part = true;
    assert!(!told(&sync).contains("older tickets"));
    sync.may_be_unseen = None;
    assert!(!told(&sync).contains("may miss"));
}

#[test]
fn machines_get_instants_and_shares() {
    let mut status = status();
    status.freshness.truncate(1);
    status.tables.truncate(1);
    insta::assert_snapshot!(serde_json::to_string_pretty(&status).expect("plain"), @r#"
    {
      "store": "support.db",
      "store_bytes": 432013312,
      "as_of": "2026-01-31T12:00:00.000Z",
      "tables": [
        {
          "table": "tickets",
          "rows": 100240
        }
      ],
      "tickets": 100000,
      "freshness": [
        {
          "within_hours": 24,
          "tickets": 1204,
          "share": 0.01204
        }
      ],
      "threads_unread": 12,
      "rejects_standing": 2,
      "rejects_accepted": 1,
      "snapshots": [
        {
          "snapshot_id": 3,
          "kind": "backfill",
          "outcome": "incomplete",
          "started_at": "2026-01-31T08:59:00.000Z",
          "finished_at": "2026-01-31T09:05:00.000Z",
          "range_from": "2023-01-01T00:00:00.000Z",
          "range_until": "2026-01-31T08:59:00.000Z",
          "filters": {
            "origin": [
              "web"
            ]
          },
          "has_messages": false,
          "requests": 1018,
          "tickets_read": 100234,
          "tickets_new": 1204,
          "tickets_changed": 12,
          "tickets_deleted": 0,
          "unverified_slices": 1,
          "rejects": 2,
          "windows": [
            {
              "step": "backfill",
              "window": "[2023-01-01, 2024-01-01)",
              "counted": 1207,
              "stored": 1204,
              "rejected": 2,
              "is_settled": false,
              "note": "the count did not settle"
            }
          ]
        }
      ],
      "snapshot_count": 3,
      "last_sync": null,
      "unfinished": null,
      "partial": [
        {
          "snapshot_id": 2,
          "kind": "backfill",
          "filters": null,
          "range_from": "2019-01-01T00:00:00.000Z",
          "range_until": "2022-05-01T00:00:00.000Z",
          "reason": "it was given up for another range before it was read"
        }
      ],
      "published": []
    }
    "#);
}

#[test]
fn it_fits_every_terminal() {
    crate::terminal::wrap::assert_fits(|width| text(&status(), width));
}

#[test]
fn what_is_the_same_of_several_runs_is_told_once() {
    let mut status = status();
    let one = status.snapshots[0].clone();
    let of = |snapshot_id| SnapshotStatus {
        snapshot_id,
        ..one.clone()
    };
    status.snapshots = [12, 11, 10, 9, 7, 6, 3].map(of).to_vec();
    let partial = status.partial[0].clone();
    status.partial.push(PartialRange {
        snapshot_id: 4,
        ..partial
    });
    let text = shown(&status);
    for line in [
        "7 snapshots (12–9, 7, 6, 3): only origin web\n",
        "7 snapshots (12–9, 7, 6, 3): 1 slice not proven complete, 2 rejects, read without messages\n",
        " (backfill 2, backfill 4): it was given up",
    ] {
        assert_eq!(text.matches(line).count(), 1, "{line}: {text}");
    }
    let mut lines: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
    lines.sort_unstable();
    let count = lines.len();
    lines.dedup();
    assert_eq!(lines.len(), count, "{text}");
}

#[test]
fn nothing_is_called_missing_only_where_nothing_is_known_to_be() {
    const WORDS: &str = "nothing is missing";
    let sound = || {
        let mut status = status();
        status.partial.clear();
        status.threads_unread = 0;
        (status.rejects_standing, status.rejects_accepted) = (0, 0);
        status.snapshots[0] = SnapshotStatus {
            outcome: "complete".into(),
            has_messages: true,
            unverified_slices: 0,
            rejects: 0,
            ..status.snapshots[0].clone()
        };
        status
    };
    assert!(shown(&sound()).contains(WORDS), "{}", shown(&sound()));
    let spoil: [fn(&mut Status); 5] = [
        |status| status.snapshots[0].outcome = "incomplete".into(),
        |status| status.snapshots[0].has_messages = false,
        |status| status.snapshots[0].unverified_slices = 1,
        |status| status.threads_unread = 1,
        |status| status.rejects_standing = 1,
    ];
    for spoil in spoil {
        let mut status = sound();
        spoil(&mut status);
        assert!(!shown(&status).contains(WORDS), "{}", shown(&status));
    }
}

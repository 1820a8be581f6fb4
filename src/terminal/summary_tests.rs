use super::*;

use crate::report::{Unverified, WindowStep};
use crate::table::RunKind;

fn summary() -> Summary {
    Summary {
        kind: RunKind::Backfill,
        snapshot_id: 3,
        outcome: Ending::Over(Outcome::Complete),
        range_from: "2023-01-01T00:00:00.000Z".into(),
        range_until: "2026-01-31T09:05:00.000Z".into(),
        filters: None,
        is_resumed: false,
        tickets_read: 100_234,
        tickets_resumed: 0,
        tickets_new: 1_204,
        tickets_changed: 12,
        tickets_deleted: 0,
        tickets_stored: 100_240,
        messages_stored: 1_023_344,
        requests: 1_018,
        requests_limited: 0,
        retries: 0,
        bytes: 498_761_234,
        elapsed_s: 341.2,
        rejects: 0,
        rejects_standing: 0,
        rejects_accepted: 0,
        replaced_characters: 0,
        unverified: Vec::new(),
        windows: Vec::new(),
        remarks: Vec::new(),
        store: "support.db".into(),
        store_bytes: 432_013_312,
    }
}

fn shown(summary: &Summary) -> String {
    anstream::adapter::strip_str(&text(summary)).to_string()
}

#[test]
fn a_complete_run() {
    insta::assert_snapshot!(shown(&summary()), @r#"
    Backfill complete

      range      2023-01-01 until 2026-01-31 09:05 UTC
      tickets    100,234 tickets read: 1,204 new, 12 changed, 99,018 unchanged
      API        1,018 requests, 475.66 MiB
      time       5m 41s, 294 tickets/s
      store      support.db with 100,240 tickets and 1,023,344 messages, 412.00 MiB

      next       mava-export query --named by-status --from sqlite:support.db
    "#);
}

#[test]
fn an_incomplete_run_says_what_is_missing_and_what_to_do() {
    let summary = Summary {
        outcome: Ending::Over(Outcome::Incomplete),
        filters: Some(
            serde_json::json!({"status": ["Open", "Pending"], "assigned_to": ["Unassigned"]}),
        ),
        tickets_deleted: 2,
        requests_limited: 2,
        retries: 17,
        rejects: 12,
        rejects_standing: 13,
        rejects_accepted: 1,
        replaced_characters: 1,
        unverified: (1..=7)
            .map(|month| Unverified {
                window: format!("[2024-0{month}-01, 2024-0{}-01)", month + 1),
                reason: "the API announced 120 tickets and sent 119".into(),
            })
            .collect(),
        remarks: vec![
            "agents could not be read: the API answered 500; names may be missing".into(),
        ],
        store: "my desk.db".into(),
        ..summary()
    };
    insta::assert_snapshot!(shown(&summary), @r#"
    Backfill incomplete

      range      2023-01-01 until 2026-01-31 09:05 UTC
      only       assigned to Unassigned · status Open, Pending
      tickets    100,234 tickets read: 1,204 new, 12 changed, 99,018 unchanged
                 2 tickets gone from the desk, flagged as deleted
      API        1,018 requests, 17 of them retries, 2 answered 429, 475.66 MiB
      time       5m 41s, 294 tickets/s
      rejects    12 values could not be represented and are kept raw
                 in the store: 14 rejects, 1 of them accepted
      text       1 character no database can hold, replaced by U+FFFD
      store      my desk.db with 100,240 tickets and 1,023,344 messages, 412.00 MiB

      not proven complete
        [2024-01-01, 2024-02-01)  the API announced 120 tickets and sent 119
        [2024-02-01, 2024-03-01)  the API announced 120 tickets and sent 119
        [2024-03-01, 2024-04-01)  the API announced 120 tickets and sent 119
        [2024-04-01, 2024-05-01)  the API announced 120 tickets and sent 119
        [2024-05-01, 2024-06-01)  the API announced 120 tickets and sent 119
        and 2 more: --json lists all

      note: agents could not be read: the API answered 500; names may be missing

      next       read those ranges again, and only those: the same command with:
                 --since 2024-01-01 --until 2024-02-01
                 --since 2024-02-01 --until 2024-03-01
                 --since 2024-03-01 --until 2024-04-01
                 --since 2024-04-01 --until 2024-05-01
                 --since 2024-05-01 --until 2024-06-01
                 and so on
                 look at the rejects, and accept those that are known:
                 mava-export query "SELECT ticket_id, path, reason FROM rejects WHERE accepted_at IS NULL" --from sqlite:'my desk.db'
                 mava-export accept --to sqlite:'my desk.db'
    "#);
}

#[test]
fn a_run_with_rejects_and_one_that_is_incomplete_end_in_other_words() {
    let ends = [
        Ending::Over(Outcome::Complete),
        Ending::Over(Outcome::WithRejects),
        Ending::Over(Outcome::Incomplete),
        Ending::Interrupted,
        Ending::Failed,
    ];
    let headings = ends.map(|outcome| {
        let summary = Summary {
            kind: RunKind::Sync,
            outcome,
            ..summary()
        };
        let shown = shown(&summary);
        shown.lines().next().unwrap_or_default().to_owned()
    });
    assert_eq!(
        headings,
        [
            "Sync complete",
            "Sync complete, but with rejects",
            "Sync incomplete",
            "Sync interrupted",
            "Sync failed",
        ]
    );
}

#[test]
fn rejects_of_earlier_runs_are_told_too() {
    let told = |standing, accepted| {
        let summary = Summary {
            rejects_standing: standing,
            rejects_accepted: accepted,
            ..summary()
        };
        shown(&summary)
    };
    assert!(told(2, 0).contains("rejects    in the store: 2 rejects\n"));
    assert!(told(2, 0).contains("mava-export accept"));
    let accepted = told(0, 2);
    assert!(accepted.contains("rejects    in the store: 2 rejects, accepted\n"));
    assert!(!accepted.contains("mava-export accept"), "{accepted}");
}

#[test]
fn an_interrupted_run_says_how_to_go_on() {
    let summary = Summary {
        outcome: Ending::Interrupted,
        tickets_read: 1,
        tickets_new: 1,
        tickets_changed: 0,
        requests: 1,
        elapsed_s: 0.4,
        ..summary()
    };
    insta::assert_snapshot!(shown(&summary), @r#"
    Backfill interrupted

      range      2023-01-01 until 2026-01-31 09:05 UTC
      tickets    1 ticket read: 1 new, 0 changed, 0 unchanged
      API        1 request, 475.66 MiB
      time       0.4s
      store      support.db with 100,240 tickets and 1,023,344 messages, 412.00 MiB

      next       what was read is kept; run the same command again to go on
    "#);
}

#[test]
fn a_resumed_run_says_so() {
    let summary = Summary {
        is_resumed: true,
        tickets_resumed: 90_002,
        ..summary()
    };
    let shown = shown(&summary);
    assert!(
        shown.starts_with("Backfill complete (went on from an interrupted run)\n"),
        "{shown}"
    );
    // What this process sent, and its time, are held against what this process read.
    for part in [
        "100,234 tickets read (90,002 before the interruption): ",
        "1,018 requests, 475.66 MiB, since it went on",
        "5m 41s, 30 tickets/s, since it went on",
    ] {
        assert!(shown.contains(part), "{shown}");
    }
}

#[test]
fn a_store_with_an_odd_name_can_be_pasted_into_a_shell() {
    assert_eq!(shell_word("/var/lib/a-b_c.db"), "/var/lib/a-b_c.db");
    assert_eq!(shell_word("it's $HOME.db"), r"'it'\''s $HOME.db'");
}

#[test]
fn a_sync_names_the_backfill_that_reads_a_range_again() {
    let summary = Summary {
        kind: RunKind::Sync,
        outcome: Ending::Over(Outcome::Incomplete),
        unverified: vec![Unverified {
            window: "[2024-01-01, 2024-01-02T09:00:00.120Z)".into(),
            reason: "it would not settle".into(),
        }],
        ..summary()
    };
    let shown = shown(&summary);
    let line = "mava-export backfill --since 2024-01-01 --until 2024-01-02T09:00:00.120Z --to sqlite:support.db";
    assert!(shown.contains(line), "{shown}");
}

#[test]
fn a_sync_that_did_not_read_the_whole_desk_counted_a_part_of_it() {
    let told = |kind, step: &str| {
        let window = CountedWindow {
            step: WindowStep::of(step),
            window: "[2024-01-01, 2024-02-01)".into(),
            counted: 55,
            stored: 55,
            rejected: 0,
            is_settled: true,
            note: None,
        };
        let summary = Summary {
            kind,
            windows: vec![window],
            ..summary()
        };
        shown(&summary)
    };
    assert!(told(RunKind::Sync, "open").contains("55 new or unresolved by the API, 55 stored"));
    for (kind, step) in [(RunKind::Sync, "full"), (RunKind::Backfill, "backfill")] {
        assert!(
            told(kind, step).contains("55 by the API, 55 stored"),
            "{step}"
        );
    }
}

#[test]
fn it_fits_every_terminal() {
    let rejected = Summary {
        outcome: Ending::Over(Outcome::WithRejects),
        rejects: 1,
        rejects_standing: 1,
        remarks: vec![
            "agents could not be read: the API answered 500; names may be missing".into(),
        ],
        ..summary()
    };
    for summary in [summary(), rejected] {
        crate::terminal::wrap::assert_fits(|_| text(&summary));
    }
}

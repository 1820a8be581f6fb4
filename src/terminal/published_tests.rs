use super::*;
use crate::report::TableChanges;

fn published() -> Published {
    Published {
        directory: "desk".into(),
        current: "desk/current".into(),
        snapshot: "000043".into(),
        id: "2b".into(),
        snapshot_id: 43,
        parent: Some("000042".into()),
        parent_id: Some("2a".into()),
        is_new: true,
        has_changes: true,
        rows: 1_234_567,
        files_written: 9,
        bytes_written: 3_000_000,
        files_unchanged: 240,
        bytes_unchanged: 100_000_000,
        is_linked: true,
        changes: vec![
            TableChanges {
                table: "tickets".into(),
                inserted: 40,
                updated: 1_500,
                deleted: 0,
            },
            TableChanges {
                table: "messages".into(),
                inserted: 3_000,
                updated: 0,
                deleted: 2,
            },
        ],
        removed: vec!["000036".into()],
        remarks: Vec::new(),
        elapsed_s: 3.21,
    }
}

fn shown(text: &str) -> String {
    anstream::adapter::strip_str(text).to_string()
}

#[test]
fn a_publish_says_what_it_wrote_shared_and_changed() {
    insta::assert_snapshot!(shown(&text(&published())), @r#"
    Published snapshot 000043

      written    9 files, 2.86 MiB
      unchanged  240 files, 95.37 MiB, shared with 000042
      changes    tickets: 40 inserted, 1,500 updated
                 messages: 3,000 inserted, 2 deleted
      rows       1,234,567
      removed    000036
      time       3.2s
      current    desk/current leads to snapshots/000043
    "#);
}

#[test]
fn nothing_changed_is_said_so() {
    let same = Published {
        is_new: false,
        has_changes: false,
        changes: Vec::new(),
        removed: Vec::new(),
        ..published()
    };
    insta::assert_snapshot!(shown(&text(&same)), @r#"
    Nothing changed since snapshot 000043: nothing was written

      current    desk/current leads to snapshots/000043
    "#);
    let linked = Published {
        has_changes: false,
        changes: Vec::new(),
        remarks: vec!["the filesystem has no symbolic links".into()],
        ..published()
    };
    insta::assert_snapshot!(shown(&text(&linked)), @r#"
    Published snapshot 000043: nothing changed on the desk since 000042

      written    9 files, 2.86 MiB
      unchanged  240 files, 95.37 MiB, shared with 000042
      rows       1,234,567
      removed    000036
      time       3.2s
      current    desk/current leads to snapshots/000043

      note: the filesystem has no symbolic links
    "#);
}

#[test]
fn what_is_not_there_is_not_named() {
    let without_links = Published {
        current: "desk/current.json".into(),
        ..published()
    };
    let told = shown(&text(&without_links));
    assert!(
        told.contains("desk/current.json names snapshots/000043"),
        "{told}"
    );
    let begins = line(&Publishing::default(), 100);
    assert_eq!(shown(&begins), "Publish  looking at what changed");
}

#[test]
fn a_line_of_progress_fits_the_terminal() {
    let progress = Publishing {
        files_done: 12,
        files: 40,
        rows: 123_456,
    };
    insta::assert_snapshot!(shown(&line(&progress, 100)), @"Publish  ━━━━━━━━━─────────────────────  12 of 40 files, 123,456 rows");
    for width in [0, 10, 40, 80] {
        for line in shown(&line(&progress, width)).lines() {
            assert!(line.chars().count() <= width.max(20), "{width}: {line}");
        }
    }
}

#[test]
fn snapshots_are_listed_with_what_they_weigh() {
    let snapshot = |name: &str, is_current| PublishedSnapshot {
        snapshot: name.into(),
        is_current,
        created_at: Some("2026-01-31T09:05:00.000Z".into()),
        damaged: None,
        rows: 1_000,
        files: 20,
        bytes: 5_000_000,
        bytes_own: 1_000_000,
        bytes_shared: 4_000_000,
    };
    let mut listed = [snapshot("000043", true), snapshot("000042", false)];
    insta::assert_snapshot!(shown(&listing(&listed, None)), @r#"
    ┌────────────────┬──────────────────────────┬───────┬──────────┬────────────┬──────────┐
    │ published      ┆ at                       ┆  rows ┆ size     ┆ own        ┆ shared   │
    ╞════════════════╪══════════════════════════╪═══════╪══════════╪════════════╪══════════╡
    │ 000043 current ┆ 2026-01-31T09:05:00.000Z ┆ 1,000 ┆ 4.77 MiB ┆ 976.56 KiB ┆ 3.81 MiB │
    │ 000042         ┆ 2026-01-31T09:05:00.000Z ┆ 1,000 ┆ 4.77 MiB ┆ 976.56 KiB ┆ 3.81 MiB │
    └────────────────┴──────────────────────────┴───────┴──────────┴────────────┴──────────┘
    own: what removing it would free; shared: files that other snapshots have too
    "#);
    listed[1].damaged = Some("tickets/created_month=2025-01/tickets.parquet".into());
    let told = shown(&listing(&listed, None));
    for part in [
        "2026-01-31T09:05:00.000Z",
        "damaged: tickets/created_month=2025-01/tickets.parquet",
        "publish --whole",
    ] {
        assert!(told.contains(part), "{told}");
    }
}

#[test]
fn it_fits_every_terminal() {
    crate::terminal::wrap::assert_fits(|_| text(&published()));
}

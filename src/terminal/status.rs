//! What a store holds, for people.

use indicatif::HumanDuration;

use super::grid::grid;
use super::style::{
    self, BOLD, FAINT, GOOD, WARNING, bytes, count, counted, day, fields, moment, paint, plain,
};
use super::wrap::Width;
use crate::report::{
    CountedWindow, DirectoryStatus, Freshness, LastSync, PartialRange, SnapshotStatus, Status,
    Unfinished,
};
use crate::table::{Instant, ending, parse_instant};

/// Ranges that are not read in full and are listed; the rest is counted.
const LISTED: usize = 5;

/// The status as text, styled: what the store holds, how fresh that is, what is wrong.
pub(super) fn text(status: &Status, width: Width) -> String {
    let mut blocks = vec![format!(
        "{}, {}\n",
        paint(BOLD, &plain(&status.store)),
        bytes(status.store_bytes)
    )];
    blocks.push(held(status, width));
    if !status.published.is_empty() {
        blocks.push(super::published::listing(&status.published, width));
    }
    if status.tickets > 0 {
        blocks.push(fields(&how_fresh(status)));
    }
    if let Some(sync) = &status.last_sync {
        blocks.push(last_sync(sync, width));
    }
    if !status.snapshots.is_empty() {
        blocks.push(snapshots(status, width));
    }
    blocks.extend(wrong(status));
    blocks.join("\n")
}

/// The snapshots of a directory without its store, styled.
pub(super) fn directory(directory: &DirectoryStatus, width: Width) -> String {
    format!(
        "{}\n\n{}\n{}\n",
        paint(BOLD, &plain(&directory.directory)),
        super::published::listing(&directory.published, width),
        paint(
            FAINT,
            "Its store lies elsewhere: --from sqlite:FILE shows that as well."
        )
    )
}

fn held(status: &Status, width: Width) -> String {
    let rows: Vec<Vec<String>> = status
        .tables
        .iter()
        .filter(|table| table.rows > 0)
        .map(|table| vec![table.table.clone(), count(table.rows)])
        .collect();
    match rows.is_empty() {
        true => "  no rows yet\n".into(),
        false => grid(&["table", "rows"], &rows, width),
    }
}

fn how_fresh(status: &Status) -> Vec<(&'static str, String)> {
    let shares = status.freshness.iter().enumerate().map(|(index, fresh)| {
        let label = if index == 0 { "freshness" } else { "" };
        (label, freshness(fresh))
    });
    shares.collect()
}

fn last_sync(sync: &LastSync, width: Width) -> String {
    let seen = format!("what happened before {}", moment(sync.complete_until));
    let mut facts = vec![("seen", seen)];
    if !sync.is_full {
        facts.push(("seen late", super::sync::late(sync.ratings_outstanding)));
    }
    if sync.bulk_change_windows > 0 {
        let windows = counted(sync.bulk_change_windows, "window");
        facts.push((
            "bulk",
            format!("{windows} of bulk changes still to be read"),
        ));
    }
    format!(
        "{}\n{}{}",
        paint(BOLD, &format!("Last sync: snapshot {}", sync.snapshot_id)),
        super::sync::table(&sync.steps, width),
        fields(&facts)
    )
}

/// What is under way, missing or to be looked at; where there is nothing of it, that.
fn wrong(status: &Status) -> Vec<String> {
    let mut blocks = Vec::new();
    if let Some(run) = &status.unfinished {
        blocks.push(unfinished(run, status.as_of));
    }
    if !status.partial.is_empty() {
        blocks.push(partial(&status.partial));
    }
    let facts = missing(status);
    if !facts.is_empty() {
        blocks.push(fields(&facts));
    }
    let remarks = status.last_sync.iter().flat_map(|sync| &sync.remarks);
    let remarks = style::folded(remarks.map(|remark| (plain(remark), ())));
    let notes: String = remarks
        .into_iter()
        .map(|(remark, times)| {
            let times = match times.len() {
                1 => String::new(),
                times => format!(" ({} times)", count(u64::try_from(times).unwrap_or(0))),
            };
            format!("  {} {remark}{times}\n", paint(WARNING, "note:"))
        })
        .collect();
    if !notes.is_empty() {
        blocks.push(notes);
    }
    let is_complete = |snapshot: &SnapshotStatus| snapshot.outcome == "complete";
    let is_damaged = status.published.iter().any(|one| one.damaged.is_some());
    if blocks.is_empty() && status.snapshots.first().is_some_and(is_complete) && !is_damaged {
        blocks.push(format!("  {}\n", paint(GOOD, "nothing needs a look")));
    }
    blocks
}

/// What the store lacks, or could not represent.
fn missing(status: &Status) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    if status.tickets > 0 && status.threads_unread > 0 {
        let tickets = counted(status.threads_unread, "ticket");
        let threads = "without, since no run has read theirs: sync --full does";
        facts.push(("threads", format!("{tickets} {threads}")));
    }
    if let Some(sync) = &status.last_sync
        && let Some(days) = sync.refresh_within_days
        && sync.tickets_overdue > 0
    {
        let tickets = counted(sync.tickets_overdue, "ticket");
        facts.push((
            "overdue",
            format!("{tickets} unread for {days} days or more"),
        ));
    }
    let kept = style::rejects(status.rejects_standing, status.rejects_accepted);
    facts.extend(kept.map(|kept| ("rejects", kept)));
    facts
}

fn unfinished(run: &Unfinished, now: Instant) -> String {
    let what = format!("{} {}", plain(&run.kind), run.snapshot_id);
    let heading = match run.is_running {
        true => paint(GOOD, &format!("  {what} is running")),
        false => paint(WARNING, &format!("  {what} is unfinished")),
    };
    let expected = run
        .tickets_expected
        .map_or_else(String::new, |expected| format!(" of {}", count(expected)));
    let mut facts = vec![
        (
            "since",
            format!("{} {}", moment(run.started_at), ago(run.started_at, now)),
        ),
        (
            "range",
            format!(
                "{} until {}",
                moment(run.range_from),
                moment(run.range_until)
            ),
        ),
    ];
    if let Some(filters) = &run.filters {
        facts.push(("only", style::filters(filters)));
    }
    facts.push((
        "tickets",
        format!("{}{expected} read", count(run.tickets_read)),
    ));
    facts.push((
        "slices",
        format!(
            "{} of {} read to their end",
            count(run.slices_sealed),
            count(run.slices)
        ),
    ));
    if !run.is_running {
        facts.push(("next", "run the same command again to go on".into()));
    }
    format!("{heading}\n{}", fields(&facts))
}

/// What is not read in full, and how to read it.
fn partial(ranges: &[PartialRange]) -> String {
    let end = |text: &str| parse_instant(text).map_or_else(|| plain(text), moment);
    let ranges = style::folded(ranges.iter().map(|range| {
        let only = range.filters.as_ref().map_or_else(String::new, |filters| {
            format!(", only {}", style::filters(filters))
        });
        let span = format!(
            "{} until {}{only}",
            end(&range.range_from),
            end(&range.range_until)
        );
        let run = format!("{} {}", plain(&range.kind), range.snapshot_id);
        ((span, plain(&range.reason)), run)
    }));
    let mut text = format!("  {}\n", paint(WARNING, "not read in full"));
    for ((span, reason), runs) in ranges.iter().take(LISTED) {
        text.push_str(&format!("    {span} ({}): {reason}\n", runs.join(", ")));
    }
    let rest = ranges.len().saturating_sub(LISTED);
    if rest > 0 {
        let rest = count(u64::try_from(rest).unwrap_or(u64::MAX));
        text.push_str(&format!("    and {rest} more: --json lists all\n"));
    }
    let next = "a backfill with --since and --until over those ranges reads them";
    format!("{text}{}", fields(&[("next", next.to_owned())]))
}

fn freshness(fresh: &Freshness) -> String {
    let span = match fresh.within_hours {
        hours if hours > 24 && hours % 24 == 0 => format!("{} days", hours / 24),
        hours => format!("{hours} hours"),
    };
    // 100.0 % only where it is all of them.
    let percent = (fresh.share * 1000.0).floor() / 10.0;
    format!(
        "{percent:5.1} % read in the last {span}, {}",
        counted(fresh.tickets, "ticket")
    )
}

fn snapshots(status: &Status, width: Width) -> String {
    let rows: Vec<Vec<String>> = status
        .snapshots
        .iter()
        .map(|snapshot| row(snapshot, status.as_of))
        .collect();
    let headers = [
        "snapshot", "outcome", "finished", "range", "read", "new", "changed", "deleted", "requests",
    ];
    let mut text = grid(&headers, &rows, width);
    let shown = i64::try_from(status.snapshots.len()).unwrap_or(i64::MAX);
    let rest = status.snapshot_count.saturating_sub(shown);
    if rest > 0 {
        text.push_str(&paint(FAINT, &format!("and {} before these", count(rest))));
        text.push('\n');
    }
    let facts = status.snapshots.iter().flat_map(|snapshot| {
        let facts = about(snapshot).into_iter();
        facts.map(|fact| (fact, snapshot.snapshot_id))
    });
    for ((is_wrong, fact), snapshots) in style::folded(facts) {
        let line = format!("{}: {fact}", these(&snapshots));
        let line = match is_wrong {
            true => paint(WARNING, &line),
            false => line,
        };
        text.push_str(&format!("{line}\n"));
    }
    text
}

/// `snapshot 3`, `snapshots 12–9 and 7 (5)`: numbers that come one after the other, as a range.
fn these(snapshots: &[i64]) -> String {
    let mut spans: Vec<(i64, i64)> = Vec::new();
    for id in snapshots {
        match spans.last_mut() {
            Some((_, last)) if *last - 1 == *id => *last = *id,
            _ => spans.push((*id, *id)),
        }
    }
    let spans: Vec<String> = spans
        .into_iter()
        .map(|(first, last)| match first - last {
            0 => first.to_string(),
            1 => format!("{first}, {last}"),
            _ => format!("{first}–{last}"),
        })
        .collect();
    match snapshots {
        [one] => format!("snapshot {one}"),
        several => format!("{} snapshots ({})", several.len(), spans.join(", ")),
    }
}

/// What the table has no room for, each with whether it is wrong.
fn about(snapshot: &SnapshotStatus) -> Vec<(bool, String)> {
    let mut facts = Vec::new();
    if let Some(filters) = &snapshot.filters {
        facts.push((false, format!("only {}", style::filters(filters))));
    }
    if !snapshot.windows.is_empty() {
        let sum = |of: fn(&CountedWindow) -> u64| snapshot.windows.iter().map(of).sum::<u64>();
        let (counted, stored) = (sum(|window| window.counted), sum(|window| window.stored));
        facts.push((
            false,
            match counted == stored {
                true => "as many tickets stored as the API counted".to_owned(),
                false => format!(
                    "{} counted by the API, {} stored",
                    count(counted),
                    count(stored)
                ),
            },
        ));
    }
    let mut wrong = Vec::new();
    if snapshot.unverified_slices > 0 {
        wrong.push(format!(
            "{} not proven complete",
            counted(snapshot.unverified_slices, "slice")
        ));
    }
    if snapshot.rejects > 0 {
        wrong.push(counted(snapshot.rejects, "reject"));
    }
    if !snapshot.has_messages {
        wrong.push("read without messages".into());
    }
    if !wrong.is_empty() {
        facts.push((true, wrong.join(", ")));
    }
    facts
}

fn row(snapshot: &SnapshotStatus, now: Instant) -> Vec<String> {
    vec![
        format!("{} {}", snapshot.snapshot_id, snapshot.kind),
        ending(&snapshot.outcome).to_owned(),
        snapshot
            .finished_at
            .map_or_else(String::new, |at| format!("{} {}", day(at), ago(at, now))),
        format!(
            "{} – {}",
            day(snapshot.range_from),
            day(snapshot.range_until)
        ),
        count(snapshot.tickets_read),
        count(snapshot.tickets_new),
        count(snapshot.tickets_changed),
        count(snapshot.tickets_deleted),
        count(snapshot.requests),
    ]
}

/// `(3 hours ago)`; nothing for what is yet to come.
fn ago(at: Instant, now: Instant) -> String {
    (now - at).to_std().map_or_else(
        |_| String::new(),
        |age| format!("({} ago)", HumanDuration(age)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::TableRows;

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
                    step: "backfill".into(),
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
    fn what_the_last_sync_may_not_have_seen_is_told() {
        let mut sync = LastSync {
            snapshot_id: 9,
            steps: Vec::new(),
            complete_until: at("2026-01-31T09:05:00Z"),
            is_full: false,
            ratings_outstanding: Some(3),
            bulk_change_windows: 2,
            refresh_within_days: Some(90),
            tickets_overdue: 1,
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
            "3 ratings; notes, messages",
            "2 windows of bulk changes still to be read",
            "1 ticket unread for 90 days or more",
            "note: none of it was believed (3 times)\n",
        ] {
            assert!(text.contains(fact), "{fact}: {text}");
        }
        sync.is_full = true;
        assert!(!told(&sync).contains("seen late"));
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
}

//! What a store holds, for people.

use indicatif::HumanDuration;

use super::grid::grid;
use super::style::{
    self, BOLD, FAINT, GOOD, WARNING, bytes, count, counted, day, fields, moment, paint, plain,
};
use super::sync::Looked;
use super::wrap::Width;
use crate::report::{
    CountedWindow, DirectoryStatus, Freshness, LastSync, PartialRange, SnapshotStatus, Status,
    Unfinished,
};
use crate::table::{Instant, Outcome, ending, parse_instant};

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

/// Nothing while the first backfill runs: all that is there was read by it just now.
fn how_fresh(status: &Status) -> Vec<(&'static str, String)> {
    let is_running = status.unfinished.as_ref().is_some_and(|run| run.is_running);
    if status.snapshot_count == 0 && is_running {
        return Vec::new();
    }
    let shares = status.freshness.iter().enumerate().map(|(index, fresh)| {
        let label = if index == 0 { "freshness" } else { "" };
        (label, freshness(fresh))
    });
    shares.collect()
}

fn last_sync(sync: &LastSync, width: Width) -> String {
    let seen = |at| ("seen", format!("what happened before {}", moment(at)));
    let mut facts: Vec<_> = sync.complete_until.into_iter().map(seen).collect();
    if let Some(all) = &sync.may_be_unseen {
        let looked = Looked {
            is_full: sync.is_full,
            is_of_part: sync.is_of_part,
            is_proven: sync.is_proven,
        };
        facts.extend(super::sync::unseen(all, sync.syncs_for_all, looked));
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
        paint(BOLD, &format!("Last sync: run {}", sync.snapshot_id)),
        super::sync::table(&sync.steps, 0, sync.is_of_part, width),
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
    let is_sound = |snapshot: &SnapshotStatus| {
        snapshot.outcome == Outcome::Complete.word()
            && !about(snapshot).iter().any(|(is_wrong, _)| *is_wrong)
    };
    let is_damaged = status.published.iter().any(|one| one.damaged.is_some());
    if blocks.is_empty() && status.snapshots.first().is_some_and(is_sound) && !is_damaged {
        let words = "as far as the runs could tell, nothing is missing";
        blocks.push(format!("  {}\n", paint(GOOD, words)));
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
    let is_settled = snapshot.windows.iter().all(|window| window.is_settled);
    if !snapshot.windows.is_empty() {
        let sum = |of: fn(&CountedWindow) -> u64| snapshot.windows.iter().map(of).sum::<u64>();
        let (counted, stored) = (sum(|window| window.counted), sum(|window| window.stored));
        let is_equal = counted == stored && is_settled;
        // Those windows need not be all: what was missing elsewhere is told by what it may miss.
        let is_proven = Outcome::of(&snapshot.outcome).is_some_and(Outcome::is_proven);
        if is_equal && is_proven {
            let words = "as many tickets stored as the API counted";
            facts.push((false, words.to_owned()));
        } else if !is_equal {
            let (counted, stored) = (count(counted), count(stored));
            facts.push((
                false,
                format!("{counted} counted by the API, {stored} stored"),
            ));
        }
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
#[path = "status_tests.rs"]
mod tests;

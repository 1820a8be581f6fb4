//! The end of a sync, for people.

use super::grid::grid;
use super::style::{count, counted, fields};
use super::summary;
use super::wrap::Width;
use crate::refresh::SyncStep;
use crate::report::{Step, SyncSummary, Unseen, What};
use crate::table::{Ending, RunKind};

/// Ranges of creation that are told; the rest is counted.
const LISTED: usize = 3;

/// The summary as text, styled.
pub(super) fn text(sync: &SyncSummary, width: Width) -> String {
    let is_of_part = sync.summary.filters.is_some();
    let mut summary = sync.summary.clone();
    if is_of_part {
        // It is kept as the backfill that it is; to who asked for a sync it is one.
        summary.kind = RunKind::Sync;
    }
    format!(
        "{}\n{}{}",
        summary::text(&summary),
        table(&sync.steps, beside(sync), is_of_part, width),
        fields(&facts(sync))
    )
}

/// Requests of a sync that belong to no step; of one that went on with another the steps hold those of both.
fn beside(sync: &SyncSummary) -> u64 {
    let steps: u64 = sync.steps.iter().map(|step| step.requests).sum();
    match sync.summary.is_resumed {
        true => 0,
        false => sync.summary.requests.saturating_sub(steps),
    }
}

/// The steps as a table, and the requests `beside` them.
pub(super) fn table(steps: &[Step], beside: u64, is_of_part: bool, width: Width) -> String {
    let mut rows: Vec<Vec<String>> = steps
        .iter()
        .map(|step| {
            vec![
                step.step.word().to_owned(),
                match (step.step, is_of_part) {
                    (SyncStep::Full, true) => "what the filters select".to_owned(),
                    (step, _) => step.what().to_owned(),
                },
                count(step.requests),
                count(step.read),
                count(step.changed),
            ]
        })
        .collect();
    if beside > 0 {
        let what = "categories, agents, and whose desk it is".to_owned();
        rows.push(vec![
            String::new(),
            what,
            count(beside),
            String::new(),
            String::new(),
        ]);
    }
    grid(
        &["step", "what", "requests", "read", "changed"],
        &rows,
        width,
    )
}

fn facts(sync: &SyncSummary) -> Vec<(&'static str, String)> {
    let shares: Vec<String> = sync
        .freshness
        .iter()
        .map(|fresh| {
            let share = percent(fresh.tickets, sync.tickets);
            format!("{share} % within {} d", fresh.within_hours / 24)
        })
        .collect();
    let mut facts = vec![("freshness", format!("read: {}", shares.join(", ")))];
    if let Some(all) = &sync.may_be_unseen {
        let looked = Looked {
            is_full: sync.steps.iter().any(|step| step.step == SyncStep::Full),
            is_of_part: sync.summary.filters.is_some(),
            is_proven: matches!(sync.summary.outcome, Ending::Over(outcome) if outcome.is_proven()),
        };
        facts.extend(unseen(all, sync.syncs_for_all, looked));
    }
    facts
}

/// What a store may not have of the desk.
const MAY_MISS: &str = "may miss";

/// How a sync looked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Looked {
    /// Whether it read the whole desk.
    pub(super) is_full: bool,
    /// Whether the store holds a part of the desk.
    pub(super) is_of_part: bool,
    /// Whether it proved that it read all that it was to read.
    pub(super) is_proven: bool,
}

impl Looked {
    /// That no ticket of the store is one of which something may be unseen.
    fn nothing(self) -> &'static str {
        match self {
            // There may be others.
            Self {
                is_proven: false, ..
            } => "nothing of the tickets in the store; what is not proven complete may lack others",
            Self {
                is_of_part: true, ..
            } => "nothing of what the filters select: all of that was read",
            Self { is_full: true, .. } => "nothing: every ticket was read",
            Self { is_full: false, .. } => "nothing: what it did not read was read just before it",
        }
    }
}

/// What may be unseen, a line a kind, and when it will have been looked at.
pub(super) fn unseen(
    all: &[Unseen],
    syncs_for_all: Option<u64>,
    looked: Looked,
) -> Vec<(&'static str, String)> {
    if all.is_empty() {
        return vec![(MAY_MISS, looked.nothing().to_owned())];
    }
    let mut lines: Vec<String> = Vec::new();
    for kind in all.chunk_by(|one, next| one.what == next.what) {
        lines.extend(kind.first().map(|first| of_kind(first, kind)));
    }
    // A store of a part of the desk does not follow what left it.
    if !looked.is_of_part {
        lines.push(when_read(syncs_for_all));
    }
    lines
        .into_iter()
        .enumerate()
        .map(|(number, line)| (if number == 0 { MAY_MISS } else { "" }, line))
        .collect()
}

/// When all tickets will have been read again.
fn when_read(syncs_for_all: Option<u64>) -> String {
    match syncs_for_all {
        Some(1) => "the next sync like this one reads every ticket again".to_owned(),
        Some(syncs) => format!(
            "every ticket is read again within {} syncs like this one",
            count(syncs)
        ),
        None => {
            "nothing was left to read older tickets again with: allow more with --spend or --max-requests"
                .to_owned()
        }
    }
}

/// Changes of one kind: how many tickets, created when, and since when nobody looked.
fn of_kind(first: &Unseen, kind: &[Unseen]) -> String {
    let tickets: u64 = kind.iter().map(|one| one.tickets).sum();
    let ranges: Vec<String> = kind
        .iter()
        .take(LISTED)
        .map(|one| {
            format!(
                "{} to {}",
                date(&one.created_from),
                date(&one.created_until)
            )
        })
        .collect();
    let more = match kind.len().saturating_sub(LISTED) {
        0 => String::new(),
        more => format!(" and {} more", counted(more, "range")),
    };
    let since = kind.iter().filter_map(|one| one.since.as_deref()).min();
    let since = since.map_or_else(String::new, |since| format!(", since {}", date(since)));
    let how_many = match first.counted {
        Some(ratings) if first.what == What::Ratings => {
            format!(
                "{} on one of {}",
                counted(ratings, "rating"),
                counted(tickets, "ticket")
            )
        }
        _ => counted(tickets, "ticket"),
    };
    format!(
        "{}: {how_many} created {}{more}{since}",
        first.what.words(),
        ranges.join(", ")
    )
}

/// The day of an instant as text.
fn date(text: &str) -> &str {
    text.get(..10).unwrap_or(text)
}

fn percent(part: i64, whole: i64) -> i64 {
    (part * 100).checked_div(whole).unwrap_or(100)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::refresh::SyncStep;

    #[test]
    fn the_table_of_steps_adds_up_to_all_requests() {
        let steps = [Step {
            step: SyncStep::New,
            requests: 7,
            read: 3,
            changed: 1,
        }];
        let shown =
            |beside| anstream::adapter::strip_str(&table(&steps, beside, false, None)).to_string();
        insta::assert_snapshot!(shown(3), @r"
        ┌──────┬──────────────────────────────────────────┬──────────┬──────┬─────────┐
        │ step ┆ what                                     ┆ requests ┆ read ┆ changed │
        ╞══════╪══════════════════════════════════════════╪══════════╪══════╪═════════╡
        │ new  ┆ created since                            ┆        7 ┆    3 ┆       1 │
        │      ┆ categories, agents, and whose desk it is ┆        3 ┆      ┆         │
        └──────┴──────────────────────────────────────────┴──────────┴──────┴─────────┘
        ");
        assert!(!shown(0).contains("categories"), "{}", shown(0));
    }
}

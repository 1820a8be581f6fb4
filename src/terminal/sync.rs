//! The end of a sync, for people.

use super::grid::grid;
use super::style::{count, counted, fields};
use super::summary;
use super::wrap::Width;
use crate::refresh::SyncStep;
use crate::report::{Step, SyncSummary};

/// What a sync sees late.
const LATE: &str = "notes, messages, priority and attributes on resolved tickets, for a while";

/// The summary as text, styled.
pub(super) fn text(sync: &SyncSummary, width: Width) -> String {
    format!(
        "{}\n{}{}",
        summary::text(&sync.summary),
        table(&sync.steps, beside(sync), width),
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
pub(super) fn table(steps: &[Step], beside: u64, width: Width) -> String {
    let mut rows: Vec<Vec<String>> = steps
        .iter()
        .map(|step| {
            vec![
                step.step.word().to_owned(),
                step.step.what().to_owned(),
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
    let is_full = sync.steps.iter().any(|step| step.step == SyncStep::Full);
    let ratings = sync
        .ratings_outstanding
        .map(|ratings| i64::try_from(ratings).unwrap_or(i64::MAX));
    if !is_full {
        facts.push(("seen late", late(ratings)));
    }
    facts
}

/// What a sync that did not read the whole desk sees late, ratings known to be outstanding first.
pub(super) fn late(ratings_outstanding: Option<i64>) -> String {
    match ratings_outstanding {
        Some(0) => LATE.to_owned(),
        Some(ratings) => format!("{}; {LATE}", counted(ratings, "rating")),
        None => format!("late ratings; {LATE}"),
    }
}

fn percent(part: i64, whole: i64) -> i64 {
    (part * 100).checked_div(whole).unwrap_or(100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_steps_adds_up_to_all_requests() {
        let steps = [Step {
            step: SyncStep::New,
            requests: 7,
            read: 3,
            changed: 1,
        }];
        let shown = |beside| anstream::adapter::strip_str(&table(&steps, beside, None)).to_string();
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

//! What a run would do, for people.

use std::time::Duration;

use indicatif::HumanDuration;

use super::grid::grid;
use super::style::{BOLD, FAINT, count, counted, paint};
use super::wrap::Width;
use crate::report::{Plan, PlannedSync};

/// The plan as text, styled.
pub(super) fn text(plan: &Plan, width: Width) -> String {
    let mut rows: Vec<Vec<String>> = plan
        .windows
        .iter()
        .map(|planned| {
            let window = planned.window.to_string();
            vec![
                match planned.step {
                    Some(step) => format!("{} {window}", step.word()),
                    None => window,
                },
                count(planned.tickets),
                count(planned.requests),
            ]
        })
        .collect();
    let windows: u64 = plan.windows.iter().map(|planned| planned.requests).sum();
    rows.push(vec![
        "categories and agents".into(),
        String::new(),
        count(plan.requests.saturating_sub(windows)),
    ]);
    rows.push(vec![
        "all".into(),
        count(plan.tickets),
        count(plan.requests),
    ]);
    let takes = match plan.seconds {
        0 => "no waiting".to_owned(),
        seconds => format!("about {}", HumanDuration(Duration::from_secs(seconds))),
    };
    let requests = counted(plan.requests, "request");
    format!(
        "{}\n{}{}: {requests}, {takes} within the budget.\n{}{}\n",
        paint(BOLD, &format!("Plan of a {}", plan.kind.word())),
        grid(&["window", "tickets", "requests"], &rows, width),
        counted(plan.tickets, "ticket"),
        plan.sync.as_ref().map_or_else(String::new, of_sync),
        paint(
            FAINT,
            &format!(
                "This plan took {}; nothing was stored.",
                counted(plan.requests_spent, "request")
            )
        ),
    )
}

/// How exact a sync is, and what would make it so.
fn of_sync(sync: &PlannedSync) -> String {
    if sync.is_exact {
        return "Exact: it reads every ticket, so that nothing may be unseen.\n".to_owned();
    }
    let again = match sync.syncs_for_all {
        Some(syncs) => format!(
            "Every ticket is read again within {} syncs like this one.",
            count(syncs)
        ),
        None => "Nothing is left to read older tickets again with.".to_owned(),
    };
    let asked = sync.asked.as_deref().unwrap_or("this");
    let minutes = HumanDuration(Duration::from_secs(sync.full_seconds));
    format!(
        "Not exact: reading every ticket takes {}, more than {asked} allows.\n{again}\n\
         With {} it would be exact: about {minutes} within the budget.\n",
        counted(sync.full_requests, "request"),
        sync.full_with,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::PlannedWindow;
    use crate::table::RunKind;
    use crate::window::{Window, parse};

    #[test]
    fn a_plan_is_a_table_and_a_sentence() {
        let windows = Window::new(
            parse("2024-01-01").expect("a date"),
            parse("2025-03-01T12:00:00Z").expect("an instant"),
        )
        .expect("not empty")
        .split_by_year()
        .into_iter()
        .zip([(34_567, 347), (5_432, 56)])
        .map(|(window, (tickets, requests))| PlannedWindow {
            step: None,
            window,
            tickets,
            requests,
        })
        .collect();
        let plan = Plan {
            kind: RunKind::Backfill,
            windows,
            tickets: 39_999,
            requests: 405,
            seconds: 121,
            requests_spent: 2,
            sync: None,
        };
        insta::assert_snapshot!(anstream::adapter::strip_str(&text(&plan, None)), @r#"
        Plan of a backfill
        ┌────────────────────────────────────┬─────────┬──────────┐
        │ window                             ┆ tickets ┆ requests │
        ╞════════════════════════════════════╪═════════╪══════════╡
        │ [2024-01-01, 2024-12-31)           ┆  34,567 ┆      347 │
        │ [2024-12-31, 2025-03-01T12:00:00Z) ┆   5,432 ┆       56 │
        │ categories and agents              ┆         ┆        2 │
        │ all                                ┆  39,999 ┆      405 │
        └────────────────────────────────────┴─────────┴──────────┘
        39,999 tickets: 405 requests, about 2 minutes within the budget.
        This plan took 2 requests; nothing was stored.
        "#);
        insta::assert_snapshot!(serde_json::to_string(&plan).expect("plain"), @r#"{"kind":"backfill","windows":[{"window":"[2024-01-01, 2024-12-31)","tickets":34567,"requests":347},{"window":"[2024-12-31, 2025-03-01T12:00:00Z)","tickets":5432,"requests":56}],"tickets":39999,"requests":405,"seconds":121,"requests_spent":2}"#);
    }
}

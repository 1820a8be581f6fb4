//! What a verification found, for people.

use std::time::Duration;

use super::grid::grid;
use super::style::{
    BOLD, FAINT, GOOD, WARNING, count, counted, duration, fields, paint, plain, rejects,
};
use crate::report::{Difference, Repair, Verification};

/// Differences shown; the rest is counted.
const SHOWN: usize = 40;

/// The verification as text, styled.
pub(super) fn text(verification: &Verification) -> String {
    let mut blocks = vec![heading(verification), fields(&facts(verification))];
    if !verification.differences.is_empty() {
        blocks.push(differences(&verification.differences));
        blocks.push(meaning(verification));
    }
    let notes = notes(verification);
    if !notes.is_empty() {
        blocks.push(notes);
    }
    if let Some(repair) = &verification.repair {
        blocks.push(repaired(repair));
    }
    blocks.join("\n")
}

fn heading(verification: &Verification) -> String {
    let (style, words) = match verification.outcome.as_str() {
        "equal" => (GOOD, "The store and the API count the same"),
        "repaired" => (
            GOOD,
            "The store and the API differed; they count the same now",
        ),
        "equal_with_rejects" => (
            WARNING,
            "The store and the API count the same, but rejects stand",
        ),
        "repaired_with_rejects" => (
            WARNING,
            "The store and the API differed; they count the same now, but rejects stand",
        ),
        "interrupted" => (WARNING, "Verification interrupted"),
        _ => (WARNING, "The store and the API differ"),
    };
    format!("{}\n", paint(style, words))
}

fn facts(verification: &Verification) -> Vec<(&'static str, String)> {
    let windows: Vec<String> = verification
        .windows
        .iter()
        .map(ToString::to_string)
        .collect();
    let elapsed = Duration::try_from_secs_f64(verification.elapsed_s).unwrap_or_default();
    let mut facts = vec![
        ("created", windows.join("\n")),
        (
            "counts",
            count(u64::try_from(verification.counts).unwrap_or(u64::MAX)),
        ),
        (
            "API",
            format!(
                "{}, {} planned",
                counted(verification.requests, "request"),
                count(verification.requests_planned)
            ),
        ),
        ("time", duration(elapsed)),
    ];
    let (standing, accepted) = (verification.rejects_standing, verification.rejects_accepted);
    facts.extend(rejects(standing, accepted).map(|text| ("rejects", text)));
    facts.push(("store", plain(&verification.store)));
    facts
}

fn differences(differences: &[Difference]) -> String {
    let rows: Vec<Vec<String>> = differences
        .iter()
        .take(SHOWN)
        .map(|difference| {
            let value = match &difference.name {
                Some(name) => format!("{name} ({})", difference.value),
                None => difference.value.clone(),
            };
            vec![
                difference
                    .window()
                    .map_or_else(String::new, |window| window.to_string()),
                difference.group.clone(),
                value,
                count(difference.store),
                count(difference.api),
                format!("{:+}", difference.difference),
            ]
        })
        .collect();
    let headers = [
        "created",
        "counted by",
        "value",
        "store",
        "API",
        "difference",
    ];
    let mut text = grid(&headers, &rows);
    if let Some(more) = differences
        .len()
        .checked_sub(SHOWN)
        .filter(|more| *more > 0)
    {
        text.push_str(&format!(
            "and {} more: see --json\n",
            count(u64::try_from(more).unwrap_or(u64::MAX))
        ));
    }
    text
}

/// What differences may come from, and the way out.
fn meaning(verification: &Verification) -> String {
    let has_totals = verification
        .differences
        .iter()
        .any(|difference| difference.group == "all");
    let mut text = match has_totals {
        true => {
            "Where all tickets of a slice are counted, some are missing in the store, or gone from the desk.\n"
        }
        false => "All tickets together count the same; what is known of some differs.\n",
    }
    .to_owned();
    text.push_str(
        "On a desk in use, status, agent, rating and tags move on after each run: such differences are\n\
         what the next run mends.\n",
    );
    if verification.repair.is_none() && verification.outcome != "interrupted" {
        text.push_str(&format!(
            "To read the slices above again now, run this with {}.\n",
            paint(BOLD, "--repair")
        ));
    }
    text
}

fn notes(verification: &Verification) -> String {
    let ignored = verification
        .ignored
        .iter()
        .map(|group| format!("the API does not filter by {group}, so nothing was compared by it"));
    let refused = verification.refused.iter().map(|refused| {
        format!(
            "the API does not count {} {} ({} in the store): {}",
            refused.group,
            refused.name.as_ref().unwrap_or(&refused.value),
            counted(refused.store, "ticket"),
            refused.reason
        )
    });
    ignored
        .chain(refused)
        .chain(verification.remarks.iter().cloned())
        .map(|note| format!("  {} {}\n", paint(WARNING, "note:"), plain(&note)))
        .collect()
}

fn repaired(repair: &Repair) -> String {
    let mut text = format!(
        "{} {} read again: {}, {} new, {} written again, {} gone from the desk {}\n",
        paint(BOLD, "Repair:"),
        counted(repair.slices, "slice"),
        counted(repair.tickets_read, "ticket"),
        count(repair.tickets_new),
        count(repair.tickets_changed),
        count(repair.tickets_deleted),
        paint(FAINT, &format!("(snapshot {})", repair.snapshot_id)),
    );
    match repair.differences.as_slice() {
        [] => text.push_str("Counted again, nothing differs in those windows.\n"),
        left => {
            text.push_str("What differs still:\n");
            text.push_str(&differences(left));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Refused;
    use crate::window::{Window, parse};

    fn difference(
        group: &str,
        value: &str,
        name: Option<&str>,
        store: u64,
        api: u64,
    ) -> Difference {
        Difference {
            from: parse("2024-03-01").expect("a date"),
            until: parse("2024-03-02T12:00:00Z").expect("an instant"),
            group: group.into(),
            value: value.into(),
            name: name.map(str::to_owned),
            store,
            api,
            difference: api.cast_signed() - store.cast_signed(),
        }
    }

    fn verification() -> Verification {
        Verification {
            store: "/data/support.db".into(),
            outcome: "equal".into(),
            windows: vec![
                Window::new(
                    parse("2024-01-01").expect("a date"),
                    parse("2025-03-01").expect("a date"),
                )
                .expect("not empty"),
            ],
            counts: 108,
            requests_planned: 108,
            requests: 108,
            differences: Vec::new(),
            ignored: Vec::new(),
            refused: Vec::new(),
            repair: None,
            rejects_standing: 0,
            rejects_accepted: 0,
            remarks: Vec::new(),
            elapsed_s: 36.2,
        }
    }

    fn shown(verification: &Verification) -> String {
        anstream::adapter::strip_str(&text(verification)).to_string()
    }

    #[test]
    fn equal_counts_are_a_few_lines() {
        insta::assert_snapshot!(shown(&verification()), @r#"
        The store and the API count the same

          created    [2024-01-01, 2025-03-01)
          counts     108
          API        108 requests, 108 planned
          time       36s
          store      /data/support.db
        "#);
    }

    #[test]
    fn a_repair_after_which_rejects_stand_says_so() {
        let found = Verification {
            outcome: "repaired_with_rejects".into(),
            rejects_standing: 2,
            rejects_accepted: 1,
            ..verification()
        };
        insta::assert_snapshot!(shown(&found), @r#"
        The store and the API differed; they count the same now, but rejects stand

          created    [2024-01-01, 2025-03-01)
          counts     108
          API        108 requests, 108 planned
          time       36s
          rejects    3 rejects, 1 of them accepted
          store      /data/support.db
        "#);
    }

    #[test]
    fn differences_are_a_table_with_what_they_mean() {
        let found = Verification {
            outcome: "different".into(),
            differences: vec![
                difference("all", "", None, 99, 100),
                difference("tag", "65f0", Some("billing\u{1b}[2J"), 1_204, 1_200),
            ],
            ignored: vec!["origin".into()],
            refused: vec![Refused {
                group: "category".into(),
                value: "old".into(),
                name: None,
                store: 3,
                reason: "the API answered 400: no such category".into(),
            }],
            ..verification()
        };
        insta::assert_snapshot!(shown(&found), @r#"
        The store and the API differ

          created    [2024-01-01, 2025-03-01)
          counts     108
          API        108 requests, 108 planned
          time       36s
          store      /data/support.db

        ┌────────────────────────────────────┬────────────┬────────────────────┬───────┬───────┬────────────┐
        │ created                            ┆ counted by ┆ value              ┆ store ┆   API ┆ difference │
        ╞════════════════════════════════════╪════════════╪════════════════════╪═══════╪═══════╪════════════╡
        │ [2024-03-01, 2024-03-02T12:00:00Z) ┆ all        ┆                    ┆    99 ┆   100 ┆         +1 │
        │ [2024-03-01, 2024-03-02T12:00:00Z) ┆ tag        ┆ billing�[2J (65f0) ┆ 1,204 ┆ 1,200 ┆         -4 │
        └────────────────────────────────────┴────────────┴────────────────────┴───────┴───────┴────────────┘

        Where all tickets of a slice are counted, some are missing in the store, or gone from the desk.
        On a desk in use, status, agent, rating and tags move on after each run: such differences are
        what the next run mends.
        To read the slices above again now, run this with --repair.

          note: the API does not filter by origin, so nothing was compared by it
          note: the API does not count category old (3 tickets in the store): the API answered 400: no such category
        "#);
    }

    #[test]
    fn a_repair_says_what_it_did_and_what_is_left() {
        let repair = Repair {
            snapshot_id: 7,
            slices: 1,
            tickets_read: 100,
            tickets_new: 1,
            tickets_changed: 2,
            tickets_deleted: 0,
            differences: vec![difference("status", "Open", None, 4, 5)],
        };
        let found = Verification {
            outcome: "different".into(),
            differences: vec![difference("status", "Open", None, 4, 6)],
            repair: Some(repair),
            ..verification()
        };
        insta::assert_snapshot!(shown(&found), @r#"
        The store and the API differ

          created    [2024-01-01, 2025-03-01)
          counts     108
          API        108 requests, 108 planned
          time       36s
          store      /data/support.db

        ┌────────────────────────────────────┬────────────┬───────┬───────┬─────┬────────────┐
        │ created                            ┆ counted by ┆ value ┆ store ┆ API ┆ difference │
        ╞════════════════════════════════════╪════════════╪═══════╪═══════╪═════╪════════════╡
        │ [2024-03-01, 2024-03-02T12:00:00Z) ┆ status     ┆ Open  ┆     4 ┆   6 ┆         +2 │
        └────────────────────────────────────┴────────────┴───────┴───────┴─────┴────────────┘

        All tickets together count the same; what is known of some differs.
        On a desk in use, status, agent, rating and tags move on after each run: such differences are
        what the next run mends.

        Repair: 1 slice read again: 100 tickets, 1 new, 2 written again, 0 gone from the desk (snapshot 7)
        What differs still:
        ┌────────────────────────────────────┬────────────┬───────┬───────┬─────┬────────────┐
        │ created                            ┆ counted by ┆ value ┆ store ┆ API ┆ difference │
        ╞════════════════════════════════════╪════════════╪═══════╪═══════╪═════╪════════════╡
        │ [2024-03-01, 2024-03-02T12:00:00Z) ┆ status     ┆ Open  ┆     4 ┆   5 ┆         +1 │
        └────────────────────────────────────┴────────────┴───────┴───────┴─────┴────────────┘
        "#);
    }
}

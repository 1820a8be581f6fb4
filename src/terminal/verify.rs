//! What a verification found, for people.

use std::time::Duration;

use super::grid::grid;
use super::style::{
    BOLD, FAINT, GOOD, WARNING, count, counted, duration, fields, paint, plain, rejects,
};
use super::wrap::Width;
use crate::report::{Deep, Difference, Repair, Verification, VerifyOutcome};

/// Differences shown; the rest is counted.
const SHOWN: usize = 40;

/// Characters of a value that are shown.
const LONGEST_VALUE: usize = 60;

/// The verification as text, styled.
pub(super) fn text(verification: &Verification, width: Width) -> String {
    let mut blocks = vec![heading(verification), fields(&facts(verification))];
    if let Some(deep) = verification.deep.as_ref().filter(|deep| !deep.is_whole()) {
        blocks.push(damage(deep));
        if verification.repair.is_none() {
            blocks.push(way_out(deep));
        }
    }
    if !verification.differences.is_empty() {
        blocks.push(differences(&verification.differences, width));
        blocks.push(meaning(verification));
    }
    let notes = notes(verification);
    if !notes.is_empty() {
        blocks.push(notes);
    }
    if let Some(repair) = &verification.repair {
        blocks.push(repaired(repair, width));
    }
    blocks.join("\n")
}

fn heading(verification: &Verification) -> String {
    let (style, words) = match verification.outcome {
        VerifyOutcome::Equal => (GOOD, "The store and the API count the same"),
        VerifyOutcome::Repaired => (
            GOOD,
            "The store and the API differed; they count the same now",
        ),
        VerifyOutcome::EqualWithRejects => (
            WARNING,
            "The store and the API count the same, but rejects stand",
        ),
        VerifyOutcome::RepairedWithRejects => (
            WARNING,
            "The store and the API differed; they count the same now, but rejects stand",
        ),
        VerifyOutcome::Whole => (GOOD, "Every stored row is as it was written"),
        VerifyOutcome::Damaged => (WARNING, "The store is damaged"),
        VerifyOutcome::Interrupted => (WARNING, "Verification interrupted"),
        VerifyOutcome::Different => (WARNING, "The store and the API differ"),
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
    let mut facts = Vec::new();
    if !windows.is_empty() {
        facts.push(("created", windows.join("\n")));
        facts.push((
            "counts",
            count(u64::try_from(verification.counts).unwrap_or(u64::MAX)),
        ));
        facts.push((
            "API",
            format!(
                "{}, {} planned",
                counted(verification.requests, "request"),
                count(verification.requests_planned)
            ),
        ));
    }
    if let Some(deep) = &verification.deep {
        facts.push(("checked", checked(deep)));
    }
    facts.push(("time", duration(elapsed)));
    let (standing, accepted) = (verification.rejects_standing, verification.rejects_accepted);
    facts.extend(rejects(standing, accepted).map(|text| ("rejects", text)));
    facts.push(("store", plain(&verification.store)));
    facts
}

/// What was held against hashes, and how much of it does not match.
fn checked(deep: &Deep) -> String {
    let length = |rows: usize| u64::try_from(rows).unwrap_or(u64::MAX);
    format!(
        "{} with their messages and {}: {} damaged",
        counted(deep.tickets, "ticket"),
        counted(deep.rows, "other row"),
        count(length(deep.damaged.len())),
    )
}

/// What is damaged, with ids only.
fn damage(deep: &Deep) -> String {
    let mut text = String::new();
    for line in deep.file.iter().take(SHOWN) {
        text.push_str(&format!("  {} {}\n", paint(WARNING, "file:"), plain(line)));
    }
    for row in deep.damaged.iter().take(SHOWN) {
        text.push_str(&format!(
            "  {} {}\n",
            paint(WARNING, &format!("{} {}:", row.table, plain(&row.id))),
            plain(&row.what.join("; "))
        ));
    }
    let more = (deep.file.len().saturating_sub(SHOWN)) + (deep.damaged.len().saturating_sub(SHOWN));
    if more > 0 {
        text.push_str(&format!(
            "and {} more: see --json\n",
            count(u64::try_from(more).unwrap_or(u64::MAX))
        ));
    }
    text
}

/// What to do about damage.
fn way_out(deep: &Deep) -> String {
    let repair = paint(BOLD, "--repair");
    match deep.file.is_empty() {
        true => format!(
            "To read from the desk again what is damaged, run this with {repair}. Keep a copy of the file first:\n\
             what the desk no longer has is kept as it is found.\n"
        ),
        false => format!(
            "Copy the file away first. {repair} builds it again if its rows can be read, and reads from the desk\n\
             what is damaged; if it cannot, restore a backup, or move the file away and run a new backfill.\n"
        ),
    }
}

fn differences(differences: &[Difference], width: Width) -> String {
    let rows: Vec<Vec<String>> = differences
        .iter()
        .take(SHOWN)
        .map(|difference| {
            let value = match &difference.name {
                Some(name) => format!("{} ({})", brief(name), brief(&difference.value)),
                None => brief(&difference.value),
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
    let mut text = grid(&headers, &rows, width);
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
            "Where the count of all tickets differs, some are missing in the store or gone from the desk.\n"
        }
        false => "The number of tickets is the same; what the store says about some of them differs.\n",
    }
    .to_owned();
    text.push_str(
        "On a desk in use, status, agent, rating and tags change after each run; the next run\n\
         corrects such differences.\n",
    );
    if verification.repair.is_none() && verification.outcome != VerifyOutcome::Interrupted {
        text.push_str(&format!(
            "To read these slices again now, run this with {}.\n",
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
    let more = verification.refused.len().saturating_sub(SHOWN);
    let more = (more > 0).then(|| format!("and so for {more} values more: see --json"));
    let refused = verification.refused.iter().take(SHOWN).map(|refused| {
        format!(
            "the API does not count {} {} ({} in the store): {}",
            refused.group,
            brief(refused.name.as_ref().unwrap_or(&refused.value)),
            counted(refused.store, "ticket"),
            refused.reason
        )
    });
    ignored
        .chain(refused)
        .chain(more)
        .chain(verification.remarks.iter().cloned())
        .map(|note| format!("  {} {}\n", paint(WARNING, "note:"), plain(&note)))
        .collect()
}

/// A value of the desk, cut where it is longer than a line.
fn brief(value: &str) -> String {
    match value.char_indices().nth(LONGEST_VALUE) {
        Some((end, _)) => format!("{}…", value.get(..end).unwrap_or_default()),
        None => value.to_owned(),
    }
}

fn repaired(repair: &Repair, width: Width) -> String {
    let mut text = format!(
        "{} {} read again: {}, {} new, {} written again{}, {} gone from the desk {}\n",
        paint(BOLD, "Repair:"),
        counted(repair.slices, "slice"),
        counted(repair.tickets_read, "ticket"),
        count(repair.tickets_new),
        count(repair.tickets_changed),
        match repair.tickets_mended {
            0 => String::new(),
            mended => format!(" ({} of them damaged)", count(mended)),
        },
        count(repair.tickets_deleted),
        paint(FAINT, &format!("(snapshot {})", repair.snapshot_id)),
    );
    match repair.differences.as_slice() {
        [] => text.push_str("Counted again, nothing differs in those windows.\n"),
        left => {
            text.push_str("What differs still:\n");
            text.push_str(&differences(left, width));
        }
    }
    if !repair.damaged.is_empty() {
        text.push_str("What is damaged still:\n");
        text.push_str(&damage(&Deep {
            tickets: 0,
            rows: 0,
            file: Vec::new(),
            damaged: repair.damaged.clone(),
        }));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Damaged, Refused};
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
            outcome: VerifyOutcome::Equal,
            windows: vec![
                Window::new(
                    parse("2024-01-01").expect("a date"),
                    parse("2025-03-01").expect("a date"),
                )
                .expect("not empty"),
            ],
            counts: 108,
            deep: None,
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
        anstream::adapter::strip_str(&text(verification, None)).to_string()
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
            outcome: VerifyOutcome::RepairedWithRejects,
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
            outcome: VerifyOutcome::Different,
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

        Where the count of all tickets differs, some are missing in the store or gone from the desk.
        On a desk in use, status, agent, rating and tags change after each run; the next run
        corrects such differences.
        To read these slices again now, run this with --repair.

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
            tickets_mended: 0,
            is_complete: false,
            damaged: Vec::new(),
            differences: vec![difference("status", "Open", None, 4, 5)],
        };
        let found = Verification {
            outcome: VerifyOutcome::Different,
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

        The number of tickets is the same; what the store says about some of them differs.
        On a desk in use, status, agent, rating and tags change after each run; the next run
        corrects such differences.

        Repair: 1 slice read again: 100 tickets, 1 new, 2 written again, 0 gone from the desk (snapshot 7)
        What differs still:
        ┌────────────────────────────────────┬────────────┬───────┬───────┬─────┬────────────┐
        │ created                            ┆ counted by ┆ value ┆ store ┆ API ┆ difference │
        ╞════════════════════════════════════╪════════════╪═══════╪═══════╪═════╪════════════╡
        │ [2024-03-01, 2024-03-02T12:00:00Z) ┆ status     ┆ Open  ┆     4 ┆   5 ┆         +1 │
        └────────────────────────────────────┴────────────┴───────┴───────┴─────┴────────────┘
        "#);
    }

    #[test]
    fn damage_is_told_by_ids_with_the_way_out() {
        let found = Verification {
            outcome: VerifyOutcome::Damaged,
            windows: Vec::new(),
            deep: Some(Deep {
                tickets: 5_000,
                rows: 1_204,
                file: Vec::new(),
                damaged: vec![
                    Damaged {
                        table: "tickets".into(),
                        id: "65f0\u{1b}[2J".into(),
                        what: vec!["the history does not match its hash".into()],
                    },
                    Damaged {
                        table: "tags".into(),
                        id: "t1".into(),
                        what: vec!["the row is missing".into()],
                    },
                ],
            }),
            remarks: vec!["nothing was counted: there is no API key".into()],
            ..verification()
        };
        insta::assert_snapshot!(shown(&found), @r#"
        The store is damaged

          checked    5,000 tickets with their messages and 1,204 other rows: 2 damaged
          time       36s
          store      /data/support.db

          tickets 65f0�[2J: the history does not match its hash
          tags t1: the row is missing

        To read from the desk again what is damaged, run this with --repair. Keep a copy of the file first:
        what the desk no longer has is kept as it is found.

          note: nothing was counted: there is no API key
        "#);
    }

    #[test]
    fn it_fits_every_terminal() {
        let found = Verification {
            outcome: VerifyOutcome::Different,
            differences: vec![
                difference("all", "-", None, 99, 100),
                difference(
                    "tag",
                    "65f0c1a2b3c4d5e6f7a8b9c0",
                    Some("退款 and refunds of all kinds"),
                    1_204,
                    1_200,
                ),
            ],
            refused: vec![Refused {
                group: "category".into(),
                value: "old".into(),
                name: None,
                store: 3,
                reason: "the API answered 400: no such category".into(),
            }],
            ..verification()
        };
        crate::terminal::wrap::assert_fits(|width| text(&found, width));
    }
}

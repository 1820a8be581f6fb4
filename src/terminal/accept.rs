//! Rejects that stand, for people.

use super::grid::grid;
use super::style::{BOLD, count, counted, paint, plain, rejects};
use super::wrap::Width;
use crate::report::{Acceptance, KeptReject};

/// Rejects shown; the rest is counted.
const SHOWN: usize = 50;

/// The rejects and what was or can be done, styled.
pub(super) fn text(acceptance: &Acceptance, width: Width) -> String {
    let (standing, accepted) = (acceptance.rejects_standing, acceptance.rejects_accepted);
    let kept = rejects(standing, accepted);
    let mut text = format!(
        "{}: {}\n",
        paint(BOLD, &plain(&acceptance.store)),
        kept.unwrap_or_else(|| "no reject stands".to_owned())
    );
    if acceptance.rejects.is_empty() {
        return text;
    }
    let rows: Vec<Vec<String>> = acceptance.rejects.iter().take(SHOWN).map(row).collect();
    text.push('\n');
    text.push_str(&grid(
        &["ticket", "path", "reason", "accepted"],
        &rows,
        width,
    ));
    let rest = acceptance.rejects.len().saturating_sub(SHOWN);
    if rest > 0 {
        text.push_str(&format!("and {} more: --json lists all\n", count(rest)));
    }
    text.push('\n');
    text.push_str(&done(acceptance));
    text.push('\n');
    text
}

fn row(reject: &KeptReject) -> Vec<String> {
    vec![
        reject.ticket_id.clone().unwrap_or_default(),
        match reject.path.as_str() {
            "" => "(the whole ticket)".to_owned(),
            path => path.to_owned(),
        },
        reject.reason.clone(),
        reject.accepted_at.clone().unwrap_or_default(),
    ]
}

fn done(acceptance: &Acceptance) -> String {
    let is_open = |reject: &&KeptReject| reject.accepted_at.is_some() == acceptance.is_undo;
    let open = acceptance.rejects.iter().filter(is_open).count();
    match (acceptance.is_done, acceptance.is_undo) {
        (true, false) => format!(
            "{} accepted: runs do not end with exit code 3 because of them.",
            counted(acceptance.changed, "reject")
        ),
        (true, true) => format!(
            "{} not accepted any more.",
            counted(acceptance.changed, "reject")
        ),
        (false, _) if !acceptance.is_selection => {
            "Accept those that are known with --ticket, --path, --reason or --all.".to_owned()
        }
        (false, false) => format!(
            "Nothing is changed yet: with --yes, {} would be accepted.",
            counted(open, "reject")
        ),
        (false, true) => format!(
            "Nothing is changed yet: with --yes, {} would not be accepted any more.",
            counted(open, "reject")
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn acceptance() -> Acceptance {
        let reject = |ticket: Option<&str>, path: &str, accepted_at: Option<&str>| KeptReject {
            id: "1".into(),
            ticket_id: ticket.map(str::to_owned),
            path: path.into(),
            reason: "expected an integer, got text\u{1b}[2J".into(),
            accepted_at: accepted_at.map(str::to_owned),
        };
        Acceptance {
            store: "support.db".into(),
            is_selection: false,
            is_undo: false,
            is_done: false,
            changed: 0,
            rejects_standing: 1,
            rejects_accepted: 1,
            rejects: vec![
                reject(Some("t1"), "priority", None),
                reject(None, "", Some("2026-01-31T09:05:00.123Z")),
            ],
        }
    }

    fn shown(acceptance: &Acceptance) -> String {
        anstream::adapter::strip_str(&text(acceptance, None)).to_string()
    }

    #[test]
    fn all_rejects_are_listed_with_what_can_be_done() {
        insta::assert_snapshot!(shown(&acceptance()), @r#"
        support.db: 2 rejects, 1 of them accepted

        ┌────────┬────────────────────┬───────────────────────────────────┬──────────────────────────┐
        │ ticket ┆ path               ┆ reason                            ┆ accepted                 │
        ╞════════╪════════════════════╪═══════════════════════════════════╪══════════════════════════╡
        │ t1     ┆ priority           ┆ expected an integer, got text�[2J ┆                          │
        │        ┆ (the whole ticket) ┆ expected an integer, got text�[2J ┆ 2026-01-31T09:05:00.123Z │
        └────────┴────────────────────┴───────────────────────────────────┴──────────────────────────┘

        Accept those that are known with --ticket, --path, --reason or --all.
        "#);
    }

    #[test]
    fn what_would_be_done_and_what_was_done_are_told_apart() {
        let mut lines = String::new();
        for (is_done, is_undo, changed) in [
            (false, false, 0),
            (false, true, 0),
            (true, false, 2),
            (true, true, 1),
        ] {
            let acceptance = Acceptance {
                is_selection: true,
                is_done,
                is_undo,
                changed,
                ..acceptance()
            };
            lines.push_str(&done(&acceptance));
            lines.push('\n');
        }
        insta::assert_snapshot!(lines, @r#"
        Nothing is changed yet: with --yes, 1 reject would be accepted.
        Nothing is changed yet: with --yes, 1 reject would not be accepted any more.
        2 rejects accepted: runs do not end with exit code 3 because of them.
        1 reject not accepted any more.
        "#);
    }

    #[test]
    fn it_fits_every_terminal() {
        crate::terminal::wrap::assert_fits(|width| text(&acceptance(), width));
    }
}

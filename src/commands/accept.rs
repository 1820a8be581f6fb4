//! `accept`: rejects that somebody knows, so that runs do not end with them any more. Sends nothing.

use crate::clock;
use crate::error::{Error, ExitCode, Result};
use crate::report::{Acceptance, KeptReject};
use crate::settings::{Accept, RejectSelection};
use crate::store::{OpenOptions, Standee, Store};
use crate::terminal::Printer;

pub(super) fn accept(asked: &Accept, printer: &Printer) -> Result<ExitCode> {
    if asked.is_meant && asked.selection.is_empty() {
        return Err(Error::usage("--yes does not say which rejects are meant")
            .help("name them with --ticket, --path or --reason, or take --all"));
    }
    let mut store = match asked.is_meant {
        true => Store::open_existing(
            &asked.store.path,
            &OpenOptions {
                file_mode: asked.store.file_mode,
                now: clock::now()?,
            },
        )?,
        false => {
            let store = Store::open_read_only(&asked.store.path)?;
            store.require_current_schema()?;
            store
        }
    };
    let standees = store.standees()?;
    let selected: Vec<&Standee> = standees
        .iter()
        .filter(|standee| is_selected(&asked.selection, standee))
        .collect();
    if selected.is_empty() && !asked.selection.is_empty() && !asked.selection.is_every {
        return Err(no_match(asked, standees.len()));
    }
    let changed = match asked.is_meant {
        true => {
            let ids: Vec<&str> = selected.iter().map(|standee| standee.id.as_str()).collect();
            let at = match asked.is_undo {
                true => None,
                false => Some(clock::now()?),
            };
            store.accept_rejects(&ids, at)?
        }
        false => 0,
    };
    let now = store.standees()?;
    let shown = now
        .iter()
        .filter(|standee| is_selected(&asked.selection, standee));
    let standing = store.standing()?;
    printer.acceptance(&Acceptance {
        store: store.path().display().to_string(),
        is_selection: !asked.selection.is_empty(),
        is_undo: asked.is_undo,
        is_done: asked.is_meant,
        changed,
        rejects_standing: standing.open,
        rejects_accepted: standing.accepted,
        rejects: shown.map(kept).collect(),
    })?;
    Ok(ExitCode::Complete)
}

fn no_match(asked: &Accept, count: usize) -> Error {
    let path = asked.store.path.display();
    Error::usage(format!(
        "none of the {count} rejects that stand in {path} is one of those named"
    ))
    .help(format!(
        "mava-export accept --to sqlite:{path} lists them; their words have to be part of the reason, \
         and [] in a path stands for any place"
    ))
}

fn kept(standee: &Standee) -> KeptReject {
    KeptReject {
        id: standee.id.clone(),
        ticket_id: standee.ticket_id.clone(),
        path: standee.path.clone(),
        reason: standee.reason.clone(),
        accepted_at: standee.accepted_at.clone(),
    }
}

/// Whether a reject is meant: by each of ticket, path and reason that is named. Nothing named is
/// everything.
fn is_selected(selection: &RejectSelection, standee: &Standee) -> bool {
    let any = |words: &[String], is_meant: &dyn Fn(&str) -> bool| {
        words.is_empty() || words.iter().any(|word| is_meant(word))
    };
    any(&selection.tickets, &|id| {
        standee.ticket_id.as_deref() == Some(id)
    }) && any(&selection.paths, &|path| is_path(path, &standee.path))
        && any(&selection.reasons, &|words| standee.reason.contains(words))
}

/// Whether a path is the one named, in which `[]` stands for any place in an array.
fn is_path(named: &str, path: &str) -> bool {
    let mut rest = path;
    let mut parts = named.split("[]");
    let is_begun = parts.next().is_some_and(|part| {
        let after = rest.strip_prefix(part);
        rest = after.unwrap_or(rest);
        after.is_some()
    });
    is_begun
        && parts.all(|part| {
            let place = rest
                .strip_prefix('[')
                .and_then(|inside| inside.split_once(']'));
            let after = place
                .filter(|(digits, _)| digits.bytes().all(|digit| digit.is_ascii_digit()))
                .and_then(|(_, after)| after.strip_prefix(part));
            rest = after.unwrap_or(rest);
            after.is_some()
        })
        && rest.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_stand_for_any_place_and_nothing_else_does() {
        for (named, path, is_its) in [
            ("priority", "priority", true),
            ("prio", "priority", false),
            ("priority.x", "priority", false),
            ("", "", true),
            ("", "priority", false),
            ("messages[3].content", "messages[3].content", true),
            ("messages[].content", "messages[13].content", true),
            ("messages[]", "messages[13].content", false),
            (
                "messages[].attachments[].url",
                "messages[0].attachments[12].url",
                true,
            ),
            ("messages[].content", "messages.content", false),
            ("tags[]", "tags[1]", true),
            ("tags[]", "tags", false),
        ] {
            assert_eq!(is_path(named, path), is_its, "{named}, {path}");
        }
    }

    #[test]
    fn what_is_named_has_to_be_met_in_each_way() {
        let standee = Standee {
            id: "1".into(),
            ticket_id: Some("t1".into()),
            path: "priority".into(),
            reason: "expected an integer, got text".into(),
            accepted_at: None,
        };
        let words = |words: &[&str]| words.iter().map(ToString::to_string).collect();
        for (tickets, paths, reasons, is_meant) in [
            (&[][..], &[][..], &[][..], true),
            (&["t2", "t1"], &[], &[], true),
            (&["t2"], &[], &[], false),
            (&["t1"], &["priority"], &["integer"], true),
            (&["t1"], &["status"], &["integer"], false),
            (&[], &["priority"], &["boolean"], false),
        ] {
            let selection = RejectSelection {
                tickets: words(tickets),
                paths: words(paths),
                reasons: words(reasons),
                is_every: false,
            };
            assert_eq!(is_selected(&selection, &standee), is_meant, "{selection:?}");
        }
    }
}

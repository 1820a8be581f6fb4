//! What changed when: for each kind from the audit log where the thread has it, else from history.

use std::collections::BTreeSet;

use super::audit;
use super::change::{AUDIT, Change, Kind, Source};
use super::history::History;
use super::input::{Case, Ticket};
use super::rows::TicketEvent;
use super::thread::Thread;
use crate::mava;
use crate::table::Instant;

/// All changes of a ticket, in order.
pub(super) fn changes<'a>(case: &Case<'a>, thread: Option<&Thread<'a>>) -> Vec<Change<'a>> {
    let history = History::of(case);
    let mut changes = thread.map(audit::changes).unwrap_or_default();
    let logged: BTreeSet<Kind> = changes.iter().map(|change| change.kind).collect();
    if logged.contains(&Kind::Status) {
        let missing = left_out(&case.ticket, &changes, &history.resolutions());
        changes.extend(missing.into_iter().map(Change::resolution));
    }
    changes.extend(history.changes(|kind| !logged.contains(&kind)));
    Change::sort(&mut changes);
    changes
}

/// Resolutions that follow from the audit entries of a status without being one of them, where
/// resolution times say when.
fn left_out(
    ticket: &Ticket<'_>,
    entries: &[Change<'_>],
    known: &BTreeSet<Instant>,
) -> Vec<Instant> {
    let mut found = Vec::new();
    let mut last = ticket.created_at;
    let mut is_resolved = false;
    for entry in entries.iter().filter(|entry| entry.kind == Kind::Status) {
        if mava::is_resolved(entry.from.as_deref()) && !is_resolved && last < entry.at {
            found.extend(known.range(last..entry.at).next_back());
        }
        (last, is_resolved) = (entry.at, entry.is_to_resolved());
    }
    if mava::is_resolved(ticket.status) && !is_resolved {
        found.extend(known.range(last..).next_back());
    }
    found
}

/// The rows of `ticket_events`.
pub(super) fn rows(ticket_id: &str, changes: &[Change<'_>]) -> Vec<TicketEvent> {
    let numbered = (0_i64..).zip(changes);
    let text = |value: &Option<std::borrow::Cow<'_, str>>| value.as_deref().map(str::to_owned);
    numbered
        .map(|(position, change)| {
            let (source, actor_id) = match change.source {
                Source::Audit { actor_id, .. } => (AUDIT, actor_id),
                Source::History => ("history", None),
            };
            TicketEvent {
                ticket_id: ticket_id.to_owned(),
                position,
                kind: change.kind.word().to_owned(),
                from_value: text(&change.from),
                to_value: text(&change.to),
                occurred_at: change.at,
                not_before: change.not_before,
                actor_type: change.actor().map(|actor| actor.word().to_owned()),
                actor_id: actor_id.map(str::to_owned),
                source: source.to_owned(),
            }
        })
        .collect()
}

//! Words of the API that metrics depend on, and what each is taken to say.

use super::change::Kind;
use crate::mava::{OPEN, RESOLVED, UNASSIGNED};

/// The status of what nobody asked for.
pub(super) const SPAM: &str = "Spam";

/// What `ai_status` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ai {
    Solved,
    HandedOver,
    /// Nothing, or nothing that tells.
    Other,
}

/// Mava does not document the words.
pub(super) fn ai(status: Option<&str>) -> Ai {
    let letters = status.unwrap_or_default().chars();
    let word: String = letters
        .filter(|letter| letter.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect();
    match word.as_str() {
        "solved" | "resolved" | "aisolved" | "airesolved" => Ai::Solved,
        word if ["hand", "escalat", "transfer"]
            .iter()
            .any(|part| word.contains(part)) =>
        {
            Ai::HandedOver
        }
        _ => Ai::Other,
    }
}

/// Parts of the `message_type` of audit entries, and what changed. `StatusAction` is one that was seen.
const KINDS: [(&str, Kind); 5] = [
    ("status", Kind::Status),
    ("assign", Kind::Assignee),
    ("priorit", Kind::Priority),
    ("categor", Kind::Category),
    ("tag", Kind::Tag),
];

/// What an audit entry of this type and these values says that changed.
pub(super) fn kind(message_type: &str, values: [Option<&str>; 2]) -> Option<Kind> {
    let word = message_type.to_lowercase();
    let by_type = KINDS.iter().find(|(part, _)| word.contains(part));
    let is_status = |value: &str| OPEN.contains(&value) || value == RESOLVED || value == SPAM;
    match by_type {
        Some((_, kind)) => Some(*kind),
        None => values
            .into_iter()
            .flatten()
            .any(|value| is_status(value.trim()))
            .then_some(Kind::Status),
    }
}

/// A value of an audit entry, as the tables have it.
pub(super) fn value(kind: Kind, text: Option<&str>) -> Option<&str> {
    let text = text.map(str::trim).filter(|text| !text.is_empty())?;
    match kind {
        Kind::Assignee if text.eq_ignore_ascii_case(UNASSIGNED) => None,
        Kind::Priority => {
            let words = ["low", "medium", "high", "urgent"].into_iter();
            let found = words
                .zip(["1", "2", "3", "4"])
                .find(|(word, _)| text.eq_ignore_ascii_case(word));
            Some(found.map_or(text, |(_, number)| number))
        }
        _ => Some(text),
    }
}

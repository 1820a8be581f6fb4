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

/// Parts of words by which a ticket was handed over, in small letters.
const HANDED_OVER: [&str; 7] = [
    "handed", "hando", "hand o", "hand_o", "hand-o", "escalat", "transfer",
];

/// Parts of words that take `solved` back.
const NOT_SOLVED: [&str; 3] = ["unsolved", "unresolved", "not"];

/// Mava does not document the words, so parts of them decide.
pub(super) fn ai(status: Option<&str>) -> Ai {
    let word = status.unwrap_or_default().to_ascii_lowercase();
    let has_one = |parts: &[&str]| parts.iter().any(|part| word.contains(part));
    if has_one(&HANDED_OVER) {
        Ai::HandedOver
    } else if word.contains("solved") && !has_one(&NOT_SOLVED) {
        Ai::Solved
    } else {
        Ai::Other
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

/// Statuses that Mava has.
const STATUSES: [&str; 5] = [OPEN[0], OPEN[1], OPEN[2], RESOLVED, SPAM];

/// The status that a text is, whatever its case.
fn status(text: &str) -> Option<&'static str> {
    let mut statuses = STATUSES.into_iter();
    statuses.find(|status| text.trim().eq_ignore_ascii_case(status))
}

/// What an audit entry of this type and these values says that changed.
pub(super) fn kind(message_type: &str, values: [Option<&str>; 2]) -> Option<Kind> {
    let word = message_type.to_ascii_lowercase();
    let by_type = KINDS.iter().find(|(part, _)| word.contains(part));
    match by_type {
        Some((_, kind)) => Some(*kind),
        None => {
            let mut values = values.into_iter().flatten();
            values
                .any(|value| status(value).is_some())
                .then_some(Kind::Status)
        }
    }
}

/// A value of an audit entry, as the tables have it.
pub(super) fn value(kind: Kind, text: Option<&str>) -> Option<&str> {
    let text = text.map(str::trim).filter(|text| !text.is_empty())?;
    match kind {
        Kind::Status => Some(status(text).unwrap_or(text)),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_the_ai_are_told_by_their_parts() {
        for (word, meant) in [
            ("Solved", Ai::Solved),
            ("AI_RESOLVED", Ai::Solved),
            ("Unsolved", Ai::Other),
            ("unresolved", Ai::Other),
            ("NotSolved", Ai::Other),
            ("HandedOver", Ai::HandedOver),
            ("handoff", Ai::HandedOver),
            ("hand-over", Ai::HandedOver),
            ("Hand_Off", Ai::HandedOver),
            ("Escalated", Ai::HandedOver),
            ("transferred to human, not solved", Ai::HandedOver),
            ("Handled", Ai::Other),
            ("Disabled", Ai::Other),
            ("", Ai::Other),
        ] {
            assert_eq!(ai(Some(word)), meant, "{word}");
        }
        assert_eq!(ai(None), Ai::Other);
    }
}

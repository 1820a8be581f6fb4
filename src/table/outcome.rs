//! How a run stands or ended.

use serde::{Serialize, Serializer};

use super::Snapshot;

/// The words of `snapshots.outcome`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It has not ended.
    Running,
    /// Everything asked for is in the store as it was sent.
    Complete,
    /// Every ticket was had, but rejects stand in the store that nobody accepted.
    WithRejects,
    /// Something is missing, or not proven to be there.
    Incomplete,
    /// Another run took its place before it had ended.
    Superseded,
}

impl Outcome {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Running,
        Self::Complete,
        Self::WithRejects,
        Self::Incomplete,
        Self::Superseded,
    ];

    /// As it is stored, and in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Complete => "complete",
            Self::WithRejects => "complete_with_rejects",
            Self::Incomplete => "incomplete",
            Self::Superseded => "superseded",
        }
    }

    /// The outcome of a word; `None` of one that a newer program wrote.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.word() == word)
    }

    /// Whether a run of this outcome came to its end; one that was given up did not.
    pub fn is_end(self) -> bool {
        self.is_proven() || self == Self::Incomplete
    }

    /// Whether a run of this outcome read all that it was to read.
    pub fn is_proven(self) -> bool {
        matches!(self, Self::Complete | Self::WithRejects)
    }
}

/// How the process that did a run ended, in its summary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The run is over.
    Over(Outcome),
    /// It was interrupted, and can go on.
    Interrupted,
    /// It failed, and can go on.
    Failed,
}

impl Ending {
    /// The word in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Over(outcome) => outcome.word(),
            Self::Interrupted => "interrupted",
            Self::Failed => "failed",
        }
    }

    /// How a run ended that is over. One whose outcome a newer program wrote is not known to be
    /// complete.
    pub fn of(snapshot: &Snapshot) -> Self {
        Self::Over(Outcome::of(&snapshot.outcome).unwrap_or(Outcome::Incomplete))
    }
}

impl Serialize for Ending {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

/// How a run ended, for people: the one place that has these words. `outcome` is the word of an
/// [`Outcome`] or of an [`Ending`].
pub fn ending(outcome: &str) -> &str {
    match Outcome::of(outcome) {
        Some(Outcome::WithRejects) => "complete, but with rejects",
        Some(_) | None => outcome,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_outcome_has_a_word_and_an_ending_of_its_own() {
        let words: std::collections::HashSet<&str> =
            Outcome::ALL.into_iter().map(Outcome::word).collect();
        let endings: std::collections::HashSet<&str> =
            words.iter().map(|word| ending(word)).collect();
        assert_eq!((words.len(), endings.len()), (5, 5));
        for outcome in Outcome::ALL {
            assert_eq!(Outcome::of(outcome.word()), Some(outcome));
        }
        assert_eq!(Outcome::of("interrupted"), None);
        for other in [Ending::Interrupted, Ending::Failed] {
            assert!(!words.contains(other.word()));
            assert_eq!(ending(other.word()), other.word());
        }
    }
}

//! What a run was begun to do.

use serde::{Serialize, Serializer};

use super::Snapshot;

/// The words of `snapshots.kind`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunKind {
    /// A backfill of a desk.
    Backfill,
    /// A backfill of an invented desk. Its store is never used for another.
    Demo,
    /// A sync.
    Sync,
    /// The repair of a verification. It re-reads slices, so that its range says nothing about what
    /// the store holds.
    Verify,
    /// Metrics of what is stored, computed anew. It reads nothing of the desk, so that its range says
    /// nothing about what the store holds.
    Metrics,
}

impl RunKind {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Backfill,
        Self::Demo,
        Self::Sync,
        Self::Verify,
        Self::Metrics,
    ];

    /// As it is stored, and in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Backfill => "backfill",
            Self::Demo => "demo",
            Self::Sync => "sync",
            Self::Verify => "verify",
            Self::Metrics => "metrics",
        }
    }

    /// The kind of a word; `None` of one that a newer program wrote.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }

    /// Whether a run of this kind reads the whole range that was asked for.
    pub fn is_backfill(self) -> bool {
        matches!(self, Self::Backfill | Self::Demo)
    }
}

impl Serialize for RunKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

impl Snapshot {
    /// Whether the run is of this kind.
    pub fn is_of(&self, kind: RunKind) -> bool {
        self.kind == kind.word()
    }

    /// Whether the run is a backfill, of a desk or of an invented one.
    pub fn is_backfill(&self) -> bool {
        RunKind::of(&self.kind).is_some_and(RunKind::is_backfill)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_a_word_of_its_own() {
        for kind in RunKind::ALL {
            assert_eq!(RunKind::of(kind.word()), Some(kind));
        }
        assert_eq!(RunKind::of("reindex"), None);
    }
}

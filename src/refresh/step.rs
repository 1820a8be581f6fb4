//! The steps of a sync, in order of value.

use serde::{Serialize, Serializer};

/// One step of a sync. The order is the one in which steps are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SyncStep {
    /// Reads the whole desk, instead of all others.
    Full,
    /// Lists what was created since the last complete sync.
    New,
    /// Lists everything that is not resolved.
    Open,
    /// Sweeps what was resolved since the last complete sync.
    Resolved,
    /// Looks for what the list of open tickets no longer shows.
    Confirm,
    /// Counts ratings, whatever may be spent, and looks for those that are not known.
    Ratings,
    /// Counts every window, whatever may be spent, and locates what is gone as long as the allowance lasts.
    Deletions,
    /// Reads the pages that are most likely to have changed.
    Pages,
    /// Looks for tags and categories that were changed in bulk.
    Campaigns,
    /// Reads what was unread for longest.
    Refresh,
}

impl SyncStep {
    /// All of them, in order.
    pub const ALL: [Self; 10] = [
        Self::Full,
        Self::New,
        Self::Open,
        Self::Resolved,
        Self::Confirm,
        Self::Ratings,
        Self::Deletions,
        Self::Pages,
        Self::Campaigns,
        Self::Refresh,
    ];

    /// As it is stored, and in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::New => "new",
            Self::Open => "open",
            Self::Resolved => "resolved",
            Self::Confirm => "confirm",
            Self::Ratings => "ratings",
            Self::Pages => "pages",
            Self::Deletions => "deletions",
            Self::Refresh => "refresh",
            Self::Campaigns => "campaigns",
        }
    }

    /// The step of a word; `None` of one that a newer program wrote.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.word() == word)
    }

    /// What it looks for, for who reads the table of steps.
    pub fn what(self) -> &'static str {
        match self {
            Self::Full => "the whole desk",
            Self::New => "created since",
            Self::Open => "everything unresolved",
            Self::Resolved => "resolved since",
            Self::Confirm => "no longer unresolved",
            Self::Ratings => "rated since",
            Self::Pages => "likely to have changed",
            Self::Deletions => "gone",
            Self::Refresh => "unread for longest",
            Self::Campaigns => "tags and categories in bulk",
        }
    }

    /// Whether it flags tickets as deleted.
    pub fn flags_deletions(self) -> bool {
        matches!(self, Self::Full | Self::Confirm | Self::Deletions)
    }
}

impl Serialize for SyncStep {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_in_order_and_each_has_words_of_its_own() {
        assert!(SyncStep::ALL.is_sorted());
        for step in SyncStep::ALL {
            assert_eq!(SyncStep::of(step.word()), Some(step));
        }
        let what: std::collections::HashSet<&str> =
            SyncStep::ALL.into_iter().map(SyncStep::what).collect();
        assert_eq!(what.len(), SyncStep::ALL.len());
        assert_eq!(SyncStep::of("reindex"), None);
    }

    #[test]
    fn which_steps_flag_deletions() {
        let of = |is_so: fn(SyncStep) -> bool| -> Vec<&str> {
            let steps = SyncStep::ALL.into_iter().filter(|step| is_so(*step));
            steps.map(SyncStep::word).collect()
        };
        assert_eq!(
            of(SyncStep::flags_deletions),
            ["full", "confirm", "deletions"]
        );
    }
}

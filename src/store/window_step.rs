//! Which part of a run a window belongs to.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::refresh::SyncStep;
use crate::table::RunKind;

/// The part of a run that reads a window and ends it with a count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WindowStep {
    /// All of a run that has no steps.
    Run(RunKind),
    /// A step of a sync.
    Sync(SyncStep),
    /// A round of a repair, whose first slice has this number.
    Round(i64),
    /// What a newer program wrote.
    Other(String),
}

impl WindowStep {
    /// The step of its text form.
    pub fn of(text: &str) -> Self {
        let round = text.strip_prefix(RunKind::Verify.word());
        let round = round.and_then(|rest| rest.strip_prefix(' ')?.parse().ok());
        SyncStep::of(text)
            .map(Self::Sync)
            .or_else(|| RunKind::of(text).map(Self::Run))
            .or(round.map(Self::Round))
            .unwrap_or_else(|| Self::Other(text.to_owned()))
    }
}

/// As it is stored, and in JSON.
impl fmt::Display for WindowStep {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Run(kind) => out.write_str(kind.word()),
            Self::Sync(step) => out.write_str(step.word()),
            Self::Round(first_slice) => write!(out, "{} {first_slice}", RunKind::Verify.word()),
            Self::Other(text) => out.write_str(text),
        }
    }
}

impl Serialize for WindowStep {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_read_back_from_its_text_and_one_that_is_not_known_stays_what_it_is() {
        let steps = SyncStep::ALL.map(WindowStep::Sync);
        let other = [
            WindowStep::Run(RunKind::Backfill),
            WindowStep::Run(RunKind::Verify),
            WindowStep::Round(0),
            WindowStep::Round(12),
            WindowStep::Other("reindex".to_owned()),
            WindowStep::Other("verify twelve".to_owned()),
        ];
        for step in steps.into_iter().chain(other) {
            assert_eq!(WindowStep::of(&step.to_string()), step);
        }
        assert_eq!(WindowStep::Round(12).to_string(), "verify 12");
        assert_eq!(WindowStep::Run(RunKind::Backfill).to_string(), "backfill");
    }
}

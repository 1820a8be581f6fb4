//! What a step gives back.

use std::collections::HashSet;

use super::session::StepResult;
use crate::refresh;
use crate::report::Unverified;
use crate::window::Window;

/// What there is to say, each once.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// What users should know.
    pub(super) remarks: Vec<String>,
    /// What is not proven complete, and why.
    pub(super) failures: Vec<Unverified>,
    /// Differences of counts that are not explained.
    pub(super) unexplained: Vec<refresh::Counted>,
    /// What has gone to the log.
    logged: HashSet<String>,
}

impl Findings {
    /// Says something, once.
    pub(super) fn remark(&mut self, remark: String) {
        if self.logged.insert(remark.clone()) {
            tracing::warn!("{remark}");
        }
        if !self.remarks.contains(&remark) {
            self.remarks.push(remark);
        }
    }

    /// Says that these tickets are not proven complete.
    pub(super) fn fail(&mut self, window: String, reason: String) {
        let failure = Unverified { window, reason };
        if self.logged.insert(format!("{failure:?}")) {
            tracing::warn!(window = %failure.window, error = %failure.reason, "not proven complete");
        }
        if !self.failures.contains(&failure) {
            self.failures.push(failure);
        }
    }

    /// What was said since the last time. What went to the log does not go there again.
    pub(super) fn take(&mut self) -> Self {
        Self {
            remarks: std::mem::take(&mut self.remarks),
            failures: std::mem::take(&mut self.failures),
            unexplained: std::mem::take(&mut self.unexplained),
            logged: HashSet::new(),
        }
    }

    /// Adds what was not said before; gives back the remarks among it.
    pub(super) fn add(&mut self, more: Self) -> Vec<String> {
        let mut new = more.remarks;
        new.retain(|remark| !self.remarks.contains(remark));
        self.remarks.extend(new.iter().cloned());
        self.unexplained.extend(more.unexplained);
        for failure in more.failures {
            if !self.failures.contains(&failure) {
                self.failures.push(failure);
            }
        }
        new
    }
}

/// How a step went.
#[derive(Debug)]
pub(super) struct StepReport {
    /// What ended it early.
    pub(super) ended: StepResult<()>,
    /// Missing tickets that are not believed gone, so that nothing this run flagged is.
    pub(super) disbelieved: Option<i64>,
    /// Whether a window ended without its count being what is stored.
    pub(super) is_doubted: bool,
    /// Rated tickets, as the API counts them.
    pub(super) rated: Option<Rated>,
    /// Counts of everything in a window that it came by.
    pub(super) counted: Vec<Counted>,
}

/// How many rated tickets the API counts.
#[derive(Debug, Clone, Default)]
pub(super) struct Rated {
    /// In each window that was counted.
    pub(super) counted: Vec<Counted>,
    /// How many of them were not found in each, before it was known which tickets are gone.
    pub(super) missing: Vec<u64>,
    /// Whether those are all.
    pub(super) are_all: bool,
}

/// How many tickets the API counts in a window.
pub(super) type Counted = (Window, u64);

impl Default for StepReport {
    fn default() -> Self {
        Self {
            ended: Ok(()),
            disbelieved: None,
            is_doubted: false,
            rated: None,
            counted: Vec::new(),
        }
    }
}

impl From<StepResult<()>> for StepReport {
    fn from(ended: StepResult<()>) -> Self {
        Self {
            ended,
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_said_before_is_not_said_again() {
        let mut all = Findings::default();
        all.remark("one".to_owned());
        let mut step = Findings::default();
        for word in ["one", "two", "two"] {
            step.remark(word.to_owned());
            step.fail("2026".to_owned(), word.to_owned());
        }
        assert_eq!(all.add(step.take()), ["two"]);
        assert_eq!(all.remarks, ["one", "two"]);
        assert_eq!(all.failures.len(), 2);
        assert!(step.remarks.is_empty() && step.failures.is_empty());
        assert!(all.add(step.take()).is_empty());
    }
}

//! What a probe of the API found: names and types, never values.

use serde::Serialize;

/// How an observation compares with what we expect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// As expected.
    Ok,
    /// Not as expected: the export may be wrong.
    Differs,
    /// Could not be told, or is new to us; the export copes.
    Unknown,
}

/// One observation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How it compares.
    pub verdict: Verdict,
    /// What was looked at: a path such as `tickets[].createdAt`, or a behaviour such as
    /// `sort by creation`.
    pub what: String,
    /// What we expect there; empty where we expect nothing.
    pub expected: String,
    /// What was seen; empty where there was nothing.
    pub seen: String,
}

/// A probe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Probe {
    /// The API's base URL.
    pub base_url: String,
    /// Requests it took.
    pub requests: u64,
    /// Tickets that came, to compare.
    pub tickets: usize,
    /// What was found, in the order looked at.
    pub findings: Vec<Finding>,
}

impl Probe {
    /// How many findings have this verdict.
    pub fn count(&self, verdict: Verdict) -> usize {
        self.with(verdict).count()
    }

    /// The findings with this verdict.
    pub fn with(&self, verdict: Verdict) -> impl Iterator<Item = &Finding> {
        self.findings
            .iter()
            .filter(move |finding| finding.verdict == verdict)
    }

    /// Whether anything differs from what we expect.
    pub fn has_differences(&self) -> bool {
        self.with(Verdict::Differs).next().is_some()
    }
}

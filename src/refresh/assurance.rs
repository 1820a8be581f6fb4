//! What a sweep assures: that none of the tickets created in a range, and resolved since some
//! instant, had been resolved again or rated.

use super::DAY_MS;
use super::hazard::Kind;
use super::index::{Index, Known};

/// Assurances older than this say nothing that the hazards would notice.
pub const KEPT_MS: i64 = 30 * DAY_MS;

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Assurance {
    /// Whether of ratings or of resolutions.
    pub kind: Kind,
    /// Start of the range of creation.
    pub from_ms: i64,
    /// Its end, exclusive.
    pub until_ms: i64,
    /// It holds for tickets resolved at or after this.
    pub resolved_from_ms: i64,
    /// When it was so.
    pub at_ms: i64,
}

/// All that are young enough to matter.
#[derive(Debug, Clone, Default)]
pub struct Assurances {
    /// In any order.
    pub all: Vec<Assurance>,
}

impl Assurances {
    /// Tells the tickets of `index`.
    pub fn apply(&self, index: &mut Index) {
        for assurance in &self.all {
            assurance.apply(index, |_| {});
        }
    }
}

impl Assurance {
    /// Tells the tickets that it holds for, after `before` has looked at each.
    pub fn apply(&self, index: &mut Index, mut before: impl FnMut(&Known)) {
        for known in index.created_in_mut(self.from_ms, self.until_ms) {
            if known.is_resolved && known.resolved_at_ms() >= self.resolved_from_ms {
                before(known);
                known.assure(self.kind, self.at_ms);
            }
        }
    }
}

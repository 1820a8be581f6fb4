//! The fewest plain pages that show all of some tickets.

use super::index::Index;
use crate::mava::PAGE;

/// Pages for all of some tickets, each as the instant of creation it starts at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cover {
    /// Where each page starts.
    pub starts_ms: Vec<i64>,
    /// Requests beyond those, for instants that hold more tickets than a page.
    pub further: usize,
}

impl Cover {
    /// Requests it costs.
    pub fn requests(&self) -> usize {
        self.starts_ms.len() + self.further
    }
}

/// Covers the tickets created at `sought_ms` (in order). A page starts at the first that is not
/// covered and shows the [`PAGE`] tickets from there on, which is optimal: whatever page shows that
/// ticket reaches no further. Tickets that share the page's last instant may be cut off, so those
/// start a page of their own; no page reaches over `most_ms`.
pub fn cover(index: &Index, sought_ms: &[i64], most_ms: i64) -> Cover {
    let mut starts_ms = Vec::new();
    let mut further = 0;
    let mut covered_until = i64::MIN;
    for at in sought_ms {
        if *at < covered_until {
            continue;
        }
        starts_ms.push(*at);
        let place = index.place(*at);
        let live = index.tickets().get(place..).unwrap_or_default();
        let edge = live
            .iter()
            .filter(|known| !known.is_gone)
            .nth(PAGE - 1)
            .map_or(i64::MAX, |known| known.created_ms);
        // More than a page in one millisecond: that is read by itself, from its start.
        let tied = index.live(*at, at + 1);
        if tied > PAGE {
            further += tied.div_ceil(PAGE);
        }
        covered_until = edge.min(at.saturating_add(most_ms)).max(at + 1);
    }
    Cover { starts_ms, further }
}

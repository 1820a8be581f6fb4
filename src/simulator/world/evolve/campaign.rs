//! Campaigns: many old tickets tagged or filed anew within a minute.

use std::sync::Arc;

use chrono::Duration;
use rand::seq::index;

use super::{ChangeKind, Entry, Stretch, Ticket};
use crate::simulator::world::source::{Source, whole};
use crate::table::Instant;

/// How old tickets are at least.
const LEAST_DAYS: i64 = 60;

/// What a campaign does to a ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recasting {
    /// Adds this tag to tickets without it.
    Tag(String),
    /// Moves tickets from one category to another.
    Category {
        /// Where from.
        from: String,
        /// Where to.
        to: String,
    },
}

/// A change in bulk of tickets more than sixty days old.
#[derive(Debug, Clone, PartialEq)]
pub struct Campaign {
    /// What is done.
    pub recasting: Recasting,
    /// To how many, as a share of all tickets of that age.
    pub share: f64,
}

impl Campaign {
    /// A tag for half a percent of the old tickets.
    pub fn tag(tag_id: impl Into<String>) -> Self {
        Self {
            recasting: Recasting::Tag(tag_id.into()),
            share: 0.005,
        }
    }

    /// Another category for half a percent of the old tickets.
    pub fn category(from: impl Into<String>, to: impl Into<String>) -> Self {
        Self {
            recasting: Recasting::Category {
                from: from.into(),
                to: to.into(),
            },
            share: 0.005,
        }
    }

    pub(super) fn kind(&self) -> ChangeKind {
        match self.recasting {
            Recasting::Tag(_) => ChangeKind::Retagged,
            Recasting::Category { .. } => ChangeKind::Recategorised,
        }
    }

    fn concerns(&self, ticket: &Ticket) -> bool {
        match &self.recasting {
            Recasting::Tag(tag_id) => !ticket.tag_ids.contains(tag_id),
            Recasting::Category { from, .. } => ticket.category_id.as_ref() == Some(from),
        }
    }

    /// The positions of the tickets it hits, in order, and when.
    pub(super) fn draw(
        &self,
        source: &mut Source,
        entries: &[Arc<Entry>],
        stretch: &Stretch<'_>,
    ) -> Vec<(usize, Instant)> {
        let begins_at = stretch.from + (stretch.until - stretch.from) / 2;
        let before = begins_at - Duration::days(LEAST_DAYS);
        let old = entries.partition_point(|entry| entry.ticket.created_at < before);
        let pool: Vec<usize> = entries
            .iter()
            .take(old)
            .enumerate()
            .filter(|(_, entry)| self.concerns(&entry.ticket))
            .map(|(position, _)| position)
            .collect();
        let wanted = whole(self.share * f64::from(u32::try_from(old).unwrap_or(u32::MAX)));
        let wanted = usize::try_from(wanted).unwrap_or(0).min(pool.len());
        let mut places = index::sample(&mut source.random, pool.len(), wanted).into_vec();
        places.sort_unstable();
        places
            .into_iter()
            .filter_map(|place| pool.get(place))
            .zip(0_i64..)
            .map(|(position, number)| {
                let at = begins_at + Duration::milliseconds(10 * number);
                (*position, at.min(stretch.until - Duration::milliseconds(1)))
            })
            .collect()
    }
}

//! One answer, by itself: its tickets as far as paging goes, and in what it contradicts itself.

use std::collections::HashSet;

use crate::table::Instant;
use crate::window::Window;

/// What paging needs to know of one ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Its id, or a stable stand-in where the API sent none.
    pub id: String,
    /// Whether the API sent one.
    pub has_id: bool,
    /// Its creation; `None` where the API sent none that can be read.
    pub created_at: Option<Instant>,
    /// Another one where the ticket's content is another.
    pub version: u128,
}

impl Key {
    /// What tells it from every other ticket, and its version.
    pub(super) fn sighting(&self) -> (String, u128) {
        (self.identity(), self.version)
    }

    /// What tells it from every other ticket, also from one with the same id: its creation is another.
    pub(super) fn identity(&self) -> String {
        match self.created_at {
            Some(at) => format!("{} {}", self.id, at.timestamp_millis()),
            None => self.id.clone(),
        }
    }
}

/// What paging needs to know of one answer.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'a> {
    /// How many tickets the API says match, over all pages.
    pub count: Option<u64>,
    /// Whether the API says there are more.
    pub has_more: Option<bool>,
    /// The tickets, in the order received.
    pub keys: &'a [Key],
}

impl Answer<'_> {
    /// Tickets of `window` that come after this answer to it; an error says in what the answer
    /// contradicts itself or is out of order.
    pub(in crate::extract) fn left(self, window: Window) -> Result<u64, String> {
        in_order(self.keys, window.from(), window.until())?;
        announced(self)
    }
}

/// Tickets left after this answer by its own count, or in what it contradicts itself.
pub(super) fn announced(answer: Answer<'_>) -> Result<u64, String> {
    let received = answer.keys.len() as u64;
    let Some(count) = answer.count else {
        return Err("the answer has no count".to_owned());
    };
    let left = count
        .checked_sub(received)
        .ok_or_else(|| format!("{received} tickets came with a count of {count}"))?;
    match answer.has_more {
        Some(has_more) if has_more != (left > 0) => Err(format!(
            "{received} tickets came with a count of {count} and hasMore {has_more}"
        )),
        Some(_) | None if left > 0 && received == 0 => {
            Err(format!("no tickets came with a count of {count}"))
        }
        Some(_) | None => Ok(left),
    }
}

/// Whether tickets came that a range of creation, even one whose start is cut to its day, excludes:
/// the API then ranges over something else, and what was created in `window` may be missing.
pub(super) fn is_range_broken(keys: &[Key], window: Window) -> bool {
    let first_day = window.from().date_naive();
    let mut created = keys.iter().filter_map(|key| key.created_at);
    created.any(|at| at.date_naive() < first_day || at >= window.until())
}

/// Whether every ticket was created in `[from, until)`, none before the one ahead of it, and none
/// came twice.
pub(super) fn in_order(keys: &[Key], from: Instant, until: Instant) -> Result<(), String> {
    let mut edge = from;
    let mut ids = HashSet::with_capacity(keys.len());
    for key in keys {
        if !ids.insert((key.id.as_str(), key.created_at)) {
            return Err("a ticket came twice on one page".to_owned());
        }
        let Some(created_at) = key.created_at else {
            continue;
        };
        if created_at < from || created_at >= until {
            return Err("a ticket came that was created outside the range asked for".to_owned());
        }
        if created_at < edge {
            return Err("tickets came that are not sorted by creation".to_owned());
        }
        edge = created_at;
    }
    Ok(())
}

//! Tickets that the API shows and that cannot be stored: known by id, creation and rating, so that its
//! counts are understood.

use super::Answers;
use crate::api::{SortBy, SortOrder, TicketsQuery};
use crate::error::Result;
use crate::extract::{self, Page};
use crate::normalize::{Outcome, TicketRows};
use crate::store::Rejected;

/// What a page says of one of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shown {
    id: String,
    /// Its creation, if it came with one.
    created_ms: Option<i64>,
    /// Where it stands among the tickets of the page.
    place_ms: Option<i64>,
    /// Whether it is rated, if that can be told.
    is_rated: Option<bool>,
}

/// Those of a page. `is_rated` says that the page lists rated tickets only.
pub(super) fn shown(query: &TicketsQuery, page: &Page, is_rated: bool) -> Vec<Shown> {
    let places_ms = places_ms(query, page);
    page.outcomes
        .iter()
        .zip(&page.keys)
        .zip(places_ms)
        .filter_map(|((outcome, key), place_ms)| {
            let Outcome::Reject(reject) = outcome else {
                return None;
            };
            Some(Shown {
                id: key.id.clone(),
                created_ms: key.created_at.map(|at| at.timestamp_millis()),
                place_ms,
                is_rated: is_rated
                    .then_some(true)
                    .or_else(|| extract::has_rating(reject)),
            })
        })
        .collect()
}

/// Of each ticket the last creation up to it in a list by creation: where one that has none counts.
fn places_ms(query: &TicketsQuery, page: &Page) -> Vec<Option<i64>> {
    let mut created_ms: Vec<Option<i64>> = page
        .keys
        .iter()
        .map(|key| key.created_at.map(|at| at.timestamp_millis()))
        .collect();
    if query.sort_by != SortBy::CreatedAt {
        return vec![None; created_ms.len()];
    }
    let is_ascending = query.sort_order == SortOrder::Ascending;
    let received = u64::from(query.skip) + u64::try_from(created_ms.len()).unwrap_or(u64::MAX);
    let has_first = match is_ascending {
        true => query.skip == 0,
        false => page.count.is_some_and(|count| count <= received),
    };
    let mut last = match has_first {
        true => Some(query.window.from().timestamp_millis()),
        false => created_ms.iter().flatten().min().copied(),
    };
    let mut fill = |place: &mut Option<i64>| {
        last = place.or(last);
        *place = last;
    };
    match is_ascending {
        true => created_ms.iter_mut().for_each(&mut fill),
        false => created_ms.iter_mut().rev().for_each(&mut fill),
    }
    created_ms
}

impl Answers<'_> {
    /// Remembers tickets that are there and have no row, and forgets those that got one.
    pub(super) fn take_rejected(
        &mut self,
        tickets: &[TicketRows],
        shown: Vec<Shown>,
    ) -> Result<()> {
        let mut gone = Vec::new();
        for rows in tickets {
            let id = &rows.ticket.id;
            // One of two tickets of an id has a row, and the other none.
            if self.rejected.contains_key(id) && !self.store.is_rejected(id)? {
                self.rejected.remove(id);
                gone.push(id.clone());
            }
        }
        let mut here = Vec::new();
        for shown in shown {
            // A ticket that has a row is counted by it, wherever that was created; one that is flagged
            // as deleted is not counted.
            let is_stored = shown.created_ms.is_none() && self.store.has_live_ticket(&shown.id)?;
            if !is_stored {
                here.extend(self.remember(shown));
            }
        }
        if here.is_empty() && gone.is_empty() {
            return Ok(());
        }
        self.store.commit_rejected(&here, &gone)
    }

    /// Remembers a ticket whose id another has that is stored.
    pub(super) fn take_second(&mut self, rows: &TicketRows) -> Result<()> {
        let rejected = Rejected {
            id: rows.ticket.id.clone(),
            created_ms: rows.ticket.created_at.timestamp_millis(),
            is_rated: rows.ticket.csat.is_some(),
            has_creation: true,
        };
        if self.rejected.get(&rejected.id) == Some(&rejected) {
            return Ok(());
        }
        self.rejected.insert(rejected.id.clone(), rejected.clone());
        self.store.commit_rejected(&[rejected], &[])
    }

    /// What is to be stored of one, if that is news. One that came without its creation stays where it
    /// was first seen.
    fn remember(&mut self, shown: Shown) -> Option<Rejected> {
        let known = self.rejected.get(&shown.id);
        let created_ms = shown
            .created_ms
            .or(known.map(|known| known.created_ms))
            .or(shown.place_ms)?;
        let is_rated = shown
            .is_rated
            .or(known.map(|known| known.is_rated))
            .unwrap_or(false);
        let mut stored = self
            .desk
            .index
            .created_in(created_ms, created_ms + 1)
            .iter();
        if stored.any(|known| known.id.as_ref() == shown.id) {
            return None;
        }
        let rejected = Rejected {
            id: shown.id,
            created_ms,
            is_rated,
            has_creation: true,
        };
        if self.rejected.get(&rejected.id) == Some(&rejected) {
            return None;
        }
        self.rejected.insert(rejected.id.clone(), rejected.clone());
        Some(rejected)
    }
}

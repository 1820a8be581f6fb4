//! What a sync knows of each live ticket before it asks.

use super::hazard::Kind;

/// One live ticket, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Its id.
    pub id: Box<str>,
    /// Creation.
    pub created_ms: i64,
    /// Last full read.
    pub verified_ms: i64,
    /// Until when a rating would have been seen.
    pub rating_known_ms: i64,
    /// Until when a new resolution would have been seen.
    pub resolution_known_ms: i64,
    /// From creation to resolution, as the API says it; only of resolved tickets.
    pub resolution_ms: Option<i64>,
    /// Whether its status is `Resolved`.
    pub is_resolved: bool,
    /// Whether its status is one of those that the open set is listed by.
    pub is_open: bool,
    /// Whether it is rated.
    pub is_rated: bool,
    /// Whether the run in progress has read it.
    pub is_seen: bool,
    /// Whether the run in progress found it gone, so that it counts no more.
    pub is_gone: bool,
}

impl Known {
    /// When it was resolved; creation where that is not known.
    pub fn resolved_at_ms(&self) -> i64 {
        self.created_ms + self.resolution_ms.unwrap_or(0)
    }

    /// Until when a change of this kind would have been seen.
    pub fn known_ms(&self, kind: Kind) -> i64 {
        match kind {
            Kind::Rating => self.rating_known_ms.max(self.verified_ms),
            Kind::Resolution => self.resolution_known_ms.max(self.verified_ms),
            Kind::Other => self.verified_ms,
        }
    }

    /// A change of this kind until `at_ms` would have been seen.
    pub fn assure(&mut self, kind: Kind, at_ms: i64) {
        let known = match kind {
            Kind::Rating => &mut self.rating_known_ms,
            Kind::Resolution => &mut self.resolution_known_ms,
            Kind::Other => &mut self.verified_ms,
        };
        *known = (*known).max(at_ms);
    }

    fn key(&self) -> (i64, &str) {
        (self.created_ms, &self.id)
    }
}

/// All live tickets, by creation, then id.
#[derive(Debug, Clone, Default)]
pub struct Index {
    tickets: Vec<Known>,
}

impl Index {
    /// Of these tickets, in any order.
    pub fn new(mut tickets: Vec<Known>) -> Self {
        tickets.sort_by(|left, right| left.key().cmp(&right.key()));
        Self { tickets }
    }

    /// All of them, by creation.
    pub fn tickets(&self) -> &[Known] {
        &self.tickets
    }

    /// Those created in `[from_ms, until_ms)`.
    pub fn created_in(&self, from_ms: i64, until_ms: i64) -> &[Known] {
        self.tickets
            .get(self.place(from_ms)..self.place(until_ms))
            .unwrap_or_default()
    }

    /// Those created in `[from_ms, until_ms)`, to bring up to date.
    pub fn created_in_mut(&mut self, from_ms: i64, until_ms: i64) -> &mut [Known] {
        let range = self.place(from_ms)..self.place(until_ms);
        self.tickets.get_mut(range).unwrap_or_default()
    }

    /// How many of those created in `[from_ms, until_ms)` are not known to be gone.
    pub fn live(&self, from_ms: i64, until_ms: i64) -> usize {
        let tickets = self.created_in(from_ms, until_ms);
        tickets.iter().filter(|ticket| !ticket.is_gone).count()
    }

    /// How many of those created in `[from_ms, until_ms)` the run in progress has not read.
    pub fn unseen(&self, from_ms: i64, until_ms: i64) -> usize {
        let tickets = self.created_in(from_ms, until_ms).iter();
        tickets
            .filter(|ticket| !ticket.is_gone && !ticket.is_seen)
            .count()
    }

    /// The place of the first ticket created at `at_ms` or later.
    pub fn place(&self, at_ms: i64) -> usize {
        self.tickets
            .partition_point(|ticket| ticket.created_ms < at_ms)
    }

    /// Counts those at these places as read.
    pub fn see(&mut self, places: std::ops::Range<usize>) {
        for known in self.tickets.get_mut(places).unwrap_or_default() {
            known.is_seen = true;
        }
    }

    /// Takes a ticket as it was read and returns what was known of it.
    pub fn take(&mut self, read: Known) -> Option<Known> {
        match self
            .tickets
            .binary_search_by(|known| known.key().cmp(&read.key()))
        {
            Ok(place) => self
                .tickets
                .get_mut(place)
                .map(|known| std::mem::replace(known, read)),
            Err(place) => {
                self.tickets.insert(place, read);
                None
            }
        }
    }

    /// Counts a ticket no more.
    pub fn forget(&mut self, id: &str, created_ms: i64) {
        self.count(id, created_ms, false);
    }

    /// Counts a ticket again that was [forgotten](Self::forget).
    pub fn recall(&mut self, id: &str, created_ms: i64) {
        self.count(id, created_ms, true);
    }

    fn count(&mut self, id: &str, created_ms: i64, is_there: bool) {
        let found = self
            .tickets
            .binary_search_by(|known| known.key().cmp(&(created_ms, id)));
        if let Ok(place) = found
            && let Some(known) = self.tickets.get_mut(place)
        {
            known.is_gone = !is_there;
        }
    }
}

//! Whether missing tickets are a loss to believe or a fault of the API: pure.

use chrono::TimeDelta;

use crate::table::Instant;

/// A run that found more tickets gone than this, and more than [`MANY_PERCENT`] of those alive,
/// believes none of it: a wrong key or an empty workspace looks just so.
const MANY: i128 = 50;

/// See [`MANY`].
const MANY_PERCENT: i128 = 2;

/// Missing tickets that are too many on any desk, however small, where they are more than half of it.
const MOST: i128 = 2;

/// A ticket created less than this before a run began is not missed by it: a copy of the desk may
/// lag, and show it late.
const YOUNG: TimeDelta = TimeDelta::minutes(10);

/// An answer that lacked more tickets than this, and more than a tenth, of those that are there after
/// all, is no answer.
const MOST_FOUND: usize = 2;

/// From when on tickets are too young to be missed by a run that began at this instant, by the
/// server's clock.
pub fn young_from(began_at: Instant) -> Instant {
    began_at - YOUNG
}

/// Whether a part has to be read again, of whose `stored` tickets `found` did not come and are there
/// after all.
pub fn is_incredible(found: usize, stored: u64) -> bool {
    let tenth = usize::try_from(stored / 10).unwrap_or(usize::MAX);
    found > MOST_FOUND.max(tenth)
}

/// What a run misses, and of how much.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Losses {
    /// Tickets that did not come, those that are too young to be missed left out.
    pub missing: i64,
    /// Of those, the ones that were stored before the run.
    pub known: i64,
    /// Live tickets of all that the run looks at, the missing ones and its own new ones included, those
    /// that it flagged not.
    pub live: i64,
    /// Tickets that the run stored first, those that it flagged since included.
    pub new: i64,
    /// Tickets that the run flagged as deleted so far.
    pub deleted: i64,
    /// Of those, the ones that were stored before the run.
    pub known_deleted: i64,
    /// Whether the run refused a loss in another place, which it did not look into again.
    pub is_refused: bool,
    /// Whether the run has filters: what left its list has changed, as a rule.
    pub is_filtered: bool,
    /// Whether the user allows any number of deletions.
    pub is_allowed: bool,
}

/// What says that tickets are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evidence {
    /// One answer that counts fewer than there should be.
    Count,
    /// A read to the end that did not show them, or a count that holds against the store.
    List,
    /// A second look at each of them, which did not show them either.
    Look,
}

/// What to do about missing tickets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Take it as it is: flag what a second look did not find.
    Believed,
    /// The evidence is too weak: ask for the count again, or look at each ticket again.
    AskAgain,
    /// Flag nothing, take back what the run flagged, and say so: together so many would be missing.
    Refused {
        /// Those that are missing, and those that were flagged.
        missing: i64,
    },
}

impl Losses {
    /// What to do, by what says that they are missing.
    pub fn verdict(&self, evidence: Evidence) -> Verdict {
        if self.missing <= 0 {
            return Verdict::Believed;
        }
        match (evidence, self.is_too_much(evidence)) {
            (Evidence::Count | Evidence::Look, false) => Verdict::Believed,
            (Evidence::Count, true) | (Evidence::List, false) => Verdict::AskAgain,
            (Evidence::List | Evidence::Look, true) => Verdict::Refused {
                missing: self.missing.saturating_add(self.deleted),
            },
        }
    }

    /// Whether so many are missing, together with those that the run flagged, that none of it is
    /// believed. The tickets that were known before the run are looked at by themselves as well: those of
    /// another desk would make up for them.
    fn is_too_much(&self, evidence: Evidence) -> bool {
        if self.is_allowed || self.is_filtered && evidence != Evidence::Look {
            return false;
        }
        if self.is_refused {
            return true;
        }
        let alive = self.live.saturating_add(self.deleted);
        is_suspicious(self.missing.saturating_add(self.deleted), alive)
            || is_suspicious(
                self.known.saturating_add(self.known_deleted),
                alive.saturating_sub(self.new),
            )
    }
}

/// Whether so many of those alive are missing that none of it is believed.
fn is_suspicious(missing: i64, live: i64) -> bool {
    let (missing, live) = (i128::from(missing), i128::from(live));
    let is_many = missing > MANY && missing * 100 > live * MANY_PERCENT;
    let is_most = missing >= MOST && missing * 2 > live;
    is_many || is_most
}

/// Neighbours that an answer should show, and those of them that it shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Shown {
    /// How many it should show.
    pub expected: usize,
    /// How many of them came.
    pub came: usize,
}

/// The neighbours of a missing ticket, and what an answer shows of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Company {
    /// All neighbours that the answer reaches.
    pub all: Shown,
    /// Those that were created before the ticket.
    pub before: Shown,
    /// Those that were created after it.
    pub after: Shown,
}

/// Neighbours on one side of a ticket that may all be gone as well.
const FEW: usize = 2;

/// What the neighbours say of an answer that does not show a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Witness {
    /// Enough of them are there: it is an answer about this part of the desk.
    Shown,
    /// There are none to be shown: the same answer has to come twice.
    Nobody,
    /// They are missing as well: it proves nothing.
    Missing,
}

impl Company {
    /// Half of the neighbours have to be there, and one at least on each side that has more than a few: a copy
    /// that lags shows all that is older and nothing that is newer. A few may be gone themselves without
    /// anybody knowing yet.
    pub fn witness(&self) -> Witness {
        if self.all.expected == 0 {
            return Witness::Nobody;
        }
        let is_half = self.all.came.saturating_mul(2) >= self.all.expected;
        let mut sides = [self.before, self.after].into_iter();
        match is_half && sides.all(|side| side.expected <= FEW || side.came > 0) {
            true => Witness::Shown,
            false => Witness::Missing,
        }
    }
}

#[cfg(test)]
#[path = "losses_tests.rs"]
mod tests;

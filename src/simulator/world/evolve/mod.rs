//! Time: what becomes of a desk while the clock goes on, and the truth about it.
//!
//! ```text
//! law ──► life (events of a ticket) ──► event (what each does to it) ──► World
//!         campaign, arrivals, customers                                  Changes
//! work (the stories of a desk at work) ──────────► working ────────────►
//! ```

mod arrivals;
mod campaign;
mod change;
mod customers;
mod event;
mod life;
#[cfg(test)]
mod tests;
mod working;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use self::event::Desk;
use super::source::Source;
use super::{Directory, EPOCH, Entry, Ticket, World};
use crate::table::Instant;

pub use self::campaign::{Campaign, Recasting};
pub use self::change::{Change, ChangeKind, Changes, CustomerChange};

/// What a desk goes through. The same values change the same desk in the same way.
#[derive(Debug, Clone, PartialEq)]
pub struct Evolution {
    /// Seed; every stretch of time draws from this and from its beginning.
    pub seed: u64,
    /// New tickets a day, on average.
    pub rate: f64,
    /// What is done to old tickets in bulk, halfway through.
    pub campaign: Option<Campaign>,
    /// Whether threads and custom attributes are written; without, changes show in the tickets'
    /// own fields alone, and millions of tickets fit into memory.
    pub has_messages: bool,
}

impl Default for Evolution {
    /// Ten tickets a day.
    fn default() -> Self {
        Self {
            seed: 1,
            rate: 10.0,
            campaign: None,
            has_messages: true,
        }
    }
}

/// A stretch of time `[from, until)` that a desk goes through.
struct Stretch<'a> {
    spec: &'a Evolution,
    from: Instant,
    until: Instant,
}

impl World {
    /// Carries the desk from its present, `from`, on to `until`, and returns what changed.
    ///
    /// Every change of a ticket moves its `updated_at` to the change's instant, which is later
    /// than the one before. Tickets whose status is none of the four documented ones are left
    /// alone, but for deletions and campaigns.
    ///
    /// A desk at work goes on with its stories: `spec` says then which tickets come, how many, and what is done
    /// in bulk; threads are always written.
    pub fn evolve(&mut self, spec: &Evolution, from: Instant, until: Instant) -> Changes {
        let stretch = Stretch { spec, from, until };
        // Consecutive beginnings must not give neighbouring seeds.
        let seed = spec.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15)
            ^ u64::from_ne_bytes(from.timestamp_millis().to_ne_bytes());
        let mut source = Source::new(seed);
        let mut changes = Changes::default();
        let recast = spec
            .campaign
            .as_ref()
            .map(|campaign| campaign.draw(&mut source, &self.entries, &stretch))
            .unwrap_or_default();
        let mut work = self.work.take();
        let gone = match &mut work {
            Some(work) => self.follow(Arc::make_mut(work), &stretch, &recast, &mut changes),
            None => self.age(&mut source, &stretch, &recast, &mut changes),
        };
        customers::change(self, &mut source, &stretch, &mut changes);
        let arrived = match &mut work {
            Some(work) => self.receive(Arc::make_mut(work), &stretch, &mut changes),
            None => arrivals::draw(self, &mut source, &stretch, &mut changes),
        };
        self.work = work;
        if !gone.is_empty() {
            let mut gone = gone.into_iter().peekable();
            let mut position = 0;
            self.entries.retain(|_| {
                let is_gone = gone.next_if_eq(&position).is_some();
                position += 1;
                !is_gone
            });
        }
        self.entries.extend(arrived.into_iter().map(Entry::new));
        self.entries.sort_by_key(|entry| entry.ticket.created_at);
        changes.tickets.sort_by_key(|change| change.at);
        changes
    }

    /// Lets the tickets that are there live on; returns the positions of the deleted ones.
    fn age(
        &mut self,
        source: &mut Source,
        stretch: &Stretch<'_>,
        recast: &[(usize, Instant)],
        changes: &mut Changes,
    ) -> Vec<usize> {
        let mut desk = Desk::new(source, Arc::clone(&self.directory), stretch);
        let mut recast = recast.iter().peekable();
        let mut gone = Vec::new();
        for (position, entry) in self.entries.iter_mut().enumerate() {
            let recast_at = recast
                .next_if(|(place, _)| *place == position)
                .map(|(_, at)| *at);
            let ticket = &entry.ticket;
            let life = life::draw(desk.source, ticket, stretch, recast_at);
            if life.is_quiet() {
                continue;
            }
            let mut ticket = ticket.clone();
            let was_resolved = ticket.status == "Resolved";
            let happened = desk.happen(&mut ticket, &life);
            if let Some(at) = life.deleted_at {
                gone.push(position);
                let kind = if ticket.status == "Resolved" {
                    ChangeKind::DeletedResolved
                } else {
                    ChangeKind::DeletedOpen
                };
                changes.tickets.push(Change::new(&ticket, kind, at));
            } else {
                changes.tell(&ticket, was_resolved, &happened);
                *entry = Entry::new(ticket);
            }
        }
        gone
    }

    /// The tickets to look at, and the directory to change.
    fn parts(&mut self) -> (&[Arc<Entry>], &mut Directory) {
        self.epoch = EPOCH.fetch_add(1, Ordering::Relaxed);
        (&self.entries, Arc::make_mut(&mut self.directory))
    }
}

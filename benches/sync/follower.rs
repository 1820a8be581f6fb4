//! A store that follows the desk, and what is seen of it each morning.

use mava_export::settings::StoreSettings;
use mava_export::simulator::Changes;
use std::time::Instant as Moment;

use super::asked::Amount;
use super::desk::{Desk, Store};
use super::outcome::Outcome;

/// Nights after which all rows are compared, besides the last.
const CHECKPOINTS: [usize; 4] = [15, 30, 45, 60];

pub(crate) struct Follower {
    nights: usize,
    settings: StoreSettings,
    outcome: Outcome,
    syncing_seconds: f64,
}

impl Follower {
    /// Over so many nights.
    pub(crate) fn new(amount: Amount, nights: usize, settings: StoreSettings) -> Self {
        Self {
            nights,
            settings,
            outcome: Outcome::new(amount, nights),
            syncing_seconds: 0.0,
        }
    }

    /// Syncs, and looks for what changed.
    pub(crate) fn night(&mut self, night: usize, desk: &Desk, changes: &Changes) {
        let outcome = &mut self.outcome;
        desk.forget_requests();
        let moment = Moment::now();
        let run = desk.sync(outcome.amount, &self.settings);
        self.syncing_seconds += moment.elapsed().as_secs_f64();
        if !run.is_complete {
            outcome.incomplete.push(night);
        }
        outcome.sync.requests.add(night, desk.requests_sent());
        outcome.add_steps(run.steps);
        outcome.full.push(desk.full_read());
        let store = Store::open(&self.settings);
        let sync = &mut outcome.sync;
        sync.watch.expect(night, &changes.tickets);
        sync.watch
            .look(night, |change, is_gone| store.has_seen(change, is_gone));
        sync.customers.night(night, &changes.customers, |change| {
            store.has_seen_customer(change)
        });
        outcome.falsely_deleted += store.falsely_deleted(&outcome.sync.watch);
        outcome.add_oldest(store.oldest_nights(desk.now()));
        if CHECKPOINTS.contains(&night) || night == self.nights {
            let point = desk.compare(night, &store, &outcome.sync.watch);
            outcome.checkpoints.push(point);
        }
    }

    /// What was measured, and the seconds that the syncs took.
    pub(crate) fn into_outcome(self) -> (Outcome, f64) {
        (self.outcome, self.syncing_seconds)
    }
}

//! What was measured.

use super::asked::Amount;
use super::requests::Requests;
use super::watch::{Customers, Watch};

/// What a way of keeping a copy cost and saw.
pub(crate) struct Strategy {
    pub(crate) name: String,
    pub(crate) requests: Requests,
    pub(crate) watch: Watch,
    pub(crate) customers: Customers,
}

impl Strategy {
    /// Over so many nights.
    pub(crate) fn new(name: String, nights: usize) -> Self {
        Self {
            name,
            requests: Requests::default(),
            watch: Watch::new(nights),
            customers: Customers::new(nights),
        }
    }

    /// Adds the nights of another desk.
    pub(crate) fn pool(&mut self, other: Self) {
        self.requests.pool(other.requests);
        self.watch.pool(other.watch);
        self.customers.tally.add(other.customers.tally);
    }
}

/// Wrong rows at one checkpoint.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Checkpoint {
    pub(crate) night: usize,
    pub(crate) rows: usize,
    pub(crate) wrong: usize,
    pub(crate) falsely_deleted: usize,
}

impl Checkpoint {
    pub(crate) fn wrong_ppm(self) -> f64 {
        1e6 * self.wrong as f64 / self.rows.max(1) as f64
    }
}

/// All that was measured of the syncs of one amount.
pub(crate) struct Outcome {
    pub(crate) amount: Amount,
    pub(crate) sync: Strategy,
    /// Requests of a full read, night by night.
    pub(crate) full: Vec<u64>,
    pub(crate) steps: Vec<(String, u64)>,
    pub(crate) checkpoints: Vec<Checkpoint>,
    pub(crate) falsely_deleted: usize,
    pub(crate) oldest_nights: Option<f64>,
    pub(crate) incomplete: Vec<usize>,
}

impl Outcome {
    /// Nothing yet, over so many nights.
    pub(crate) fn new(amount: Amount, nights: usize) -> Self {
        Self {
            amount,
            sync: Strategy::new("sync".to_owned(), nights),
            full: Vec::new(),
            steps: Vec::new(),
            checkpoints: Vec::new(),
            falsely_deleted: 0,
            oldest_nights: None,
            incomplete: Vec::new(),
        }
    }

    pub(crate) fn add_steps(&mut self, steps: Vec<(String, u64)>) {
        for (step, requests) in steps {
            match self.steps.iter_mut().find(|(known, _)| *known == step) {
                Some((_, sum)) => *sum += requests,
                None => self.steps.push((step, requests)),
            }
        }
    }

    pub(crate) fn add_oldest(&mut self, nights: Option<f64>) {
        let both = [self.oldest_nights, nights].into_iter().flatten();
        self.oldest_nights = both.reduce(f64::max);
    }

    /// Adds the nights of another desk; every desk had as many.
    pub(crate) fn pool(&mut self, other: Self) {
        self.sync.pool(other.sync);
        self.full.extend(other.full);
        self.add_steps(other.steps);
        for (one, other) in self.checkpoints.iter_mut().zip(other.checkpoints) {
            one.rows += other.rows;
            one.wrong += other.wrong;
            one.falsely_deleted += other.falsely_deleted;
        }
        self.falsely_deleted += other.falsely_deleted;
        self.add_oldest(other.oldest_nights);
        self.incomplete.extend(other.incomplete);
    }

    /// Of a step, a night.
    pub(crate) fn mean_of_step(&self, step: &str) -> Option<f64> {
        let (_, requests) = self.steps.iter().find(|(known, _)| known == step)?;
        Some(*requests as f64 / self.full.len().max(1) as f64)
    }

    /// What the requests of all nights are of a full read each night, in percent.
    pub(crate) fn percent_of_full(&self, requests: &Requests) -> f64 {
        let full: u64 = self.full.iter().sum();
        100.0 * requests.sum() as f64 / full.max(1) as f64
    }

    /// Rows wrong outside campaigns in the end.
    pub(crate) fn wrong(&self) -> usize {
        self.checkpoints.last().map_or(0, |point| point.wrong)
    }
}

//! Requests, night by night.

use super::{AFTERMATH, CAMPAIGN_NIGHTS};

/// Requests of each night.
#[derive(Debug, Clone, Default)]
pub(crate) struct Requests(Vec<(usize, u64)>);

impl Requests {
    pub(crate) fn add(&mut self, night: usize, requests: u64) {
        self.0.push((night, requests));
    }

    pub(crate) fn pool(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    pub(crate) fn sum(&self) -> u64 {
        self.0.iter().map(|(_, requests)| requests).sum()
    }

    /// Without the nights on which a campaign is felt.
    pub(crate) fn ordinary(&self) -> Self {
        let is_felt = |night: usize| {
            CAMPAIGN_NIGHTS
                .iter()
                .any(|one| (*one..=one + AFTERMATH).contains(&night))
        };
        let nights = self.0.iter().filter(|(night, _)| !is_felt(*night));
        Self(nights.copied().collect())
    }

    pub(crate) fn mean(&self) -> f64 {
        self.sum() as f64 / self.0.len().max(1) as f64
    }

    /// So many percent of the nights take no more.
    pub(crate) fn percentile(&self, percent: usize) -> u64 {
        let mut sorted: Vec<u64> = self.0.iter().map(|(_, requests)| *requests).collect();
        sorted.sort_unstable();
        let place = (sorted.len() * percent).div_ceil(100).max(1) - 1;
        sorted.get(place).copied().unwrap_or(0)
    }
}

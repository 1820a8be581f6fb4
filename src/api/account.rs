//! What of the requests that a process sent is in its run's account.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Client;

/// The requests of this process, and how many of them are in its run's account. Clones share both.
#[derive(Debug, Clone)]
pub struct Account {
    client: Arc<Client>,
    /// Requests that the client had sent before the run.
    before: u64,
    /// Requests of the client up to which all are in the account.
    entered: Arc<AtomicU64>,
}

impl Account {
    /// An account for a run to which everything belongs that the client has sent.
    pub fn of(client: &Arc<Client>) -> Self {
        Self::since(client, 0)
    }

    /// An account for a run to which all belongs but the first `before` requests.
    pub fn since(client: &Arc<Client>, before: u64) -> Self {
        Self {
            client: Arc::clone(client),
            before,
            entered: Arc::new(AtomicU64::new(before)),
        }
    }

    /// Requests sent for the run, retries included.
    pub fn sent(&self) -> u64 {
        let sent = self.client.counters().requests();
        sent.saturating_sub(self.before)
    }

    /// Requests that were sent and are not in the account yet; they are to be entered now.
    pub fn newly_sent(&self) -> i64 {
        let sent = self.client.counters().requests();
        let entered = self.entered.fetch_max(sent, Ordering::Relaxed);
        i64::try_from(sent.saturating_sub(entered)).unwrap_or(i64::MAX)
    }
}

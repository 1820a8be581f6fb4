//! A run under way.

use super::context::Context;
use crate::api::Account;
use crate::error::Result;
use crate::store::Store;
use crate::table::Instant;

/// A run under way: what all of its parts go by.
#[derive(Debug, Clone)]
pub(crate) struct Running<'a> {
    pub(crate) context: &'a Context,
    pub(crate) snapshot_id: i64,
    /// The server's clock when it began.
    pub(crate) began_at: Instant,
    /// Whether to believe it even when suspiciously many tickets are gone.
    pub(crate) allow_deletions: bool,
    /// Where its requests are counted.
    pub(crate) account: Account,
}

impl Running<'_> {
    /// Enters what was sent since the last time into the run's account.
    ///
    /// # Errors
    /// The store cannot be written.
    pub(crate) fn enter_requests(&self, store: &mut Store) -> Result<()> {
        store.commit_requests(self.snapshot_id, self.account.newly_sent())
    }
}

//! What the optional steps of a sync may still send.

use crate::api::Account;

/// The requests that are left to optional steps, all parts of the run together.
#[derive(Debug)]
pub(super) struct Allowance {
    pub(super) account: Account,
    /// Requests that earlier parts of this run sent.
    pub(super) sent_earlier: u64,
    /// Requests at which optional steps stop.
    pub(super) most: u64,
    /// Pages a night that reading everything in time takes.
    pub(super) floor_share: u64,
}

impl Allowance {
    /// Requests that may still be sent.
    pub(super) fn left(&self) -> u64 {
        self.most
            .saturating_sub(self.sent_earlier + self.account.sent())
    }

    /// Whether nothing more may be sent.
    pub(super) fn is_spent(&self) -> bool {
        self.left() == 0
    }
}

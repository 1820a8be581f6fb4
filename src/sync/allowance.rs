//! What a sync may still send, once the steps are over that it takes whatever it may spend.

use crate::api::Account;

/// The requests that are left, all parts of the run together.
#[derive(Debug)]
pub(super) struct Allowance {
    pub(super) account: Account,
    /// Requests that earlier parts of this run sent.
    pub(super) sent_earlier: u64,
    /// Requests that the run may send; `None` for as many as it takes.
    pub(super) most: Option<u64>,
}

impl Allowance {
    /// Requests that may still be sent.
    pub(super) fn left(&self) -> u64 {
        self.most.map_or(u64::MAX, |most| {
            most.saturating_sub(self.sent_earlier + self.account.sent())
        })
    }

    /// Whether nothing more may be sent.
    pub(super) fn is_spent(&self) -> bool {
        self.left() == 0
    }
}

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

    /// So many percent of that.
    pub(super) fn share(&self, percent: u64) -> u64 {
        share_of(self.left(), percent)
    }

    /// Whether nothing more may be sent.
    pub(super) fn is_spent(&self) -> bool {
        self.left() == 0
    }
}

/// So many percent of a number, rounded down.
fn share_of(all: u64, percent: u64) -> u64 {
    let share = u128::from(all) * u128::from(percent) / 100;
    u64::try_from(share).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_any_number_is_a_number() {
        for (all, percent, share) in [
            (0, 25, 0),
            (3, 25, 0),
            (40, 25, 10),
            (u64::MAX, 25, u64::MAX / 4),
            (u64::MAX, 100, u64::MAX),
        ] {
            assert_eq!(share_of(all, percent), share, "{percent} % of {all}");
        }
    }
}

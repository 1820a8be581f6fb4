//! How a sync finds what changed, though the API does not say: index in, requests out. Pure.
//!
//! ```text
//!  Index ──► sweep    resolved since: windows by dynamic programming
//!  Assurances   cover    the disappeared: the fewest plain pages
//!  Hazards   blocks   what is worth reading again: pages by expected finds
//!            descent  a list by resolution time, page by page
//! ```
//! Everything optional is bought at one price, [`Effort::price`]: the changed tickets that a
//! request must be expected to find. Instants are milliseconds since 1970, as the store's index
//! has them. The design and its simulation are in `docs/decisions/0011-syncing.md`.

mod assurance;
mod blocks;
mod cover;
mod descent;
#[cfg(test)]
mod descent_tests;
mod desk;
mod hazard;
mod index;
mod plan;
mod spending;
mod step;
mod sweep;

pub use assurance::{Assurance, Assurances, KEPT_MS};
pub use blocks::{Block, Floor, Worth, blocks};
pub use cover::{Cover, cover};
pub use descent::{Course, Descent, Stretch, Time};
pub use desk::Desk;
pub use hazard::{Hazard, Hazards, Kind};
pub use index::{Index, Known};
pub use plan::{
    LOOKUPS, Limits, Pages, StepPlan, counted_windows, full_requests, full_windows, new_windows,
    open_windows, plan, settled_windows,
};
pub use spending::most_requests;
pub use step::SyncStep;
pub use sweep::{Cell, Segment, Sweep, grid, sweep};

/// Milliseconds in a day.
pub const DAY_MS: i64 = 86_400_000;

/// The longest range of one request, in milliseconds.
pub const LONGEST_MS: i64 = crate::mava::LONGEST_DAYS * DAY_MS;

/// A desk with fewer tickets is read at half the price: its rows are few and its changes rare.
const SMALL_DESK: usize = 50_000;

/// How much a sync may spend on what is not certain to be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Effort {
    /// Least requests.
    Thrifty,
    /// The balance that the simulation recommends.
    #[default]
    Default,
    /// Half as many requests again for a third of what stays unseen.
    Thorough,
}

impl Effort {
    /// Changed tickets that a request must be expected to find, on a desk of so many tickets.
    pub fn price(self, tickets: usize) -> f64 {
        let price = match self {
            Self::Thrifty => 3.2,
            Self::Default => 0.8,
            Self::Thorough => 0.2,
        };
        if tickets < SMALL_DESK {
            price / 2.0
        } else {
            price
        }
    }
}

/// A count as a number to reckon with. Exact up to 2⁵³.
#[expect(
    clippy::cast_precision_loss,
    reason = "counts of rows and milliseconds are far below 2^53"
)]
pub(crate) fn real(count: usize) -> f64 {
    count as f64
}

/// Milliseconds as days.
#[expect(
    clippy::cast_precision_loss,
    reason = "milliseconds since 1970 are far below 2^53"
)]
pub(crate) fn days(milliseconds: i64) -> f64 {
    milliseconds as f64 / 86_400_000.0
}

#[cfg(test)]
mod tests;

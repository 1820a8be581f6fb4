//! How a sync finds what changed, though the API does not say: index in, requests out. Pure.
//!
//! ```text
//!  Index ──► sweep    resolved since: windows by dynamic programming
//!  Assurances   cover    the disappeared: the fewest plain pages
//!  Hazards   blocks   what is read again: pages by expected finds, and by age
//!            descent  a list by resolution time, page by page
//!            spending what is sent, of what may be
//!            unseen   what may have changed all the same
//! ```
//! Instants are milliseconds since 1970, as the store's index has them. The design and its simulation are
//! in `docs/decisions/0011-syncing.md`, what a sync spends in `docs/decisions/0020-spending-time.md`.

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
mod unseen;

pub use assurance::{Assurance, Assurances, KEPT_MS};
pub use blocks::{Block, Worth, blocks, by_age};
pub use cover::{Cover, cover};
pub use descent::{Course, Descent, Stretch, Time};
pub use desk::Desk;
pub use hazard::{Hazard, Hazards, Kind};
pub use index::{Index, Known};
pub use plan::{
    Due, Forecast, LOOKUPS, Pages, StepPlan, full_requests, full_windows, new_windows, plan,
    rated_windows, settled_windows,
};
pub use spending::{Limits, Whole, by_finds, syncs_for_all};
pub use step::SyncStep;
pub use sweep::{Cell, Segment, Sweep, grid, sweep};
pub use unseen::{Counted, Facts, Unseen, What, messages, of_selection, unseen};

/// Milliseconds in a day.
pub const DAY_MS: i64 = 86_400_000;

/// The longest range of one request, in milliseconds.
pub const LONGEST_MS: i64 = crate::mava::LONGEST_DAYS * DAY_MS;

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

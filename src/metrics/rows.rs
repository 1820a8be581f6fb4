//! The rows that metrics are: a field a column. What each means is told in `docs/metrics.md`.

pub use crate::table::{SlaResult, TicketEvent, TicketMetrics, TicketSla};

/// Raised with each change of a definition: stores whose rows were made by another one compute all of them
/// anew.
pub const DEFINITIONS: i64 = 2;

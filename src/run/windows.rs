//! The counts of a run's windows, for its report.

use crate::error::Result;
use crate::report::CountedWindow;
use crate::store::{Store, WindowState};

/// The windows of a run that were counted.
pub(crate) fn counted(store: &Store, snapshot_id: i64) -> Result<Vec<CountedWindow>> {
    let windows = store.windows(snapshot_id)?.into_iter();
    let counted = windows.filter_map(|row| {
        Some(CountedWindow {
            step: row.step,
            window: row.window.to_string(),
            counted: row.counted?,
            stored: row.stored,
            rejected: row.rejected,
            is_settled: row.state == WindowState::Settled,
            note: row.reason,
        })
    });
    Ok(counted.collect())
}

//! Tickets whose id another one has.

use crate::error::Result;
use crate::store::Store;

/// Ids that are named; the rest is counted.
const NAMED: usize = 5;

/// Says which ids two tickets have, if any do that nobody accepted.
pub(crate) fn remark(store: &Store) -> Result<Option<String>> {
    let twins = store.twins()?;
    if twins.is_empty() {
        return Ok(None);
    }
    let named: Vec<String> = twins
        .iter()
        .take(NAMED)
        .map(|twins| {
            format!(
                "{} (stored: the one created {}; kept in rejects: the one created {})",
                twins.id, twins.stored_at, twins.rejected_at
            )
        })
        .collect();
    let more = match twins.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    Ok(Some(format!(
        "the desk has two tickets of one id: {}{more}",
        named.join(", ")
    )))
}

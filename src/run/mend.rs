//! What comes before rows are written again that are not as they were written: the store held against
//! itself, and what stands in the way cleared away. Both read the whole file, so a thread of their
//! own does them.

use tokio_util::sync::CancellationToken;

use crate::error::{Error, Result};
use crate::store::{Audit, Mended, Store};
use crate::table::Instant;

/// Holds the store against itself.
///
/// # Errors
/// The file cannot be read at all, or `cancel` ended it.
pub(crate) async fn audit(store: Store, cancel: &CancellationToken) -> Result<(Store, Audit)> {
    let cancel = cancel.clone();
    aside(store, move |store| store.audit(&|_| !cancel.is_cancelled())).await
}

/// Makes the store ready to be corrected: the file whole, nothing in the way, and from now on what is
/// read held against the rows. Returns what the user should know.
///
/// # Errors
/// The file is damaged in a way that no reading mends, or cannot be written.
pub(crate) async fn prepare(store: Store, now: Instant) -> Result<(Store, Vec<String>)> {
    aside(store, move |store| {
        let mut remarks = Vec::new();
        if store.rebuild()? {
            remarks.push(
                "the file was damaged: its indexes, and tables that lie in the order of their keys, \
                 were built again"
                    .to_owned(),
            );
        }
        remarks.extend(store.clear_debris(now)?);
        store.remake_totals()?;
        store.compare_rows();
        Ok(remarks)
    })
    .await
}

/// What is said of tickets that were corrected, if any were.
pub(crate) fn told(mended: Mended) -> Option<String> {
    let histories = match mended.histories {
        0 => String::new(),
        1 => "; the history of 1 did not match its hash and is kept as it was found".to_owned(),
        many => {
            format!("; the history of {many} did not match its hash and is kept as it was found")
        }
    };
    match mended.tickets {
        0 => None,
        1 => Some(format!(
            "1 ticket was not stored as it had been written (damaged, or edited by hand) and was \
             corrected{histories}"
        )),
        many => Some(format!(
            "{many} tickets were not stored as they had been written (damaged, or edited by hand) and \
             were corrected{histories}"
        )),
    }
}

/// Does blocking work on a store while others go on.
pub(super) async fn aside<T: Send + 'static>(
    mut store: Store,
    work: impl FnOnce(&mut Store) -> Result<T> + Send + 'static,
) -> Result<(Store, T)> {
    tokio::task::spawn_blocking(move || work(&mut store).map(|done| (store, done)))
        .await
        .map_err(|error| Error::failed("the work on the store broke down").because(error))?
}

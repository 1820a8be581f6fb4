//! What a run keeps of the lists of categories and agents.

use super::running::Running;
use crate::error::Result;
use crate::extract::Lookups;
use crate::store::{LookupsCommit, Store};

/// Stores both lists, and enters what was sent so far into the run's account. What could not be read
/// of them is the caller's to say.
///
/// # Errors
/// The store cannot be written.
pub(crate) fn commit(run: &Running<'_>, store: &mut Store, lookups: &Lookups) -> Result<()> {
    store.commit_lookups(&LookupsCommit {
        snapshot_id: run.snapshot_id,
        categories: lookups.categories.as_ref().map(|list| list.rows.as_slice()),
        agents: lookups.agents.as_ref().map(|list| list.rows.as_slice()),
        rejects: &lookups.rejects(),
        replaced_characters: lookups.replaced_characters(),
        requests: run.account.newly_sent(),
    })
}

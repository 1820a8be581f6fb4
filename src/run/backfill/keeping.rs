//! A backfill with filters that is done again and again, so that what it holds stays up to date.

use super::{Part, carry_out};
use crate::error::{ExitCode, Result};
use crate::plan::losses::young_from;
use crate::report::{Stopped, Summary};
use crate::run::Context;
use crate::run::gone::Unsettled;
use crate::settings::Backfill;
use crate::store::Store;

/// A backfill with filters over all that a store holds of what they select, which also reads what they select no
/// longer, as long as the run has sent no more than so many requests.
///
/// # Errors
/// See [`backfill`].
pub(crate) async fn keep_up(
    context: &Context,
    settings: &Backfill,
    keeping: Keeping<'_>,
) -> std::result::Result<(Summary, ExitCode, Store), Stopped> {
    carry_out(context, settings, Some(keeping)).await
}

/// How what filters select is kept up.
#[derive(Clone, Copy)]
pub(crate) struct Keeping<'a> {
    /// Requests that the run may send, all its parts together, until what they select no longer is left.
    pub(crate) most: u64,
    /// What the run may not have seen, as JSON.
    pub(crate) unseen: &'a (dyn Fn(&Store, i64) -> Result<String> + Sync),
}

impl Part<'_> {
    /// Reads tickets again that the filters select by what is stored, and that were not listed any more: most of
    /// them have another status by now. Gives back what is not settled.
    pub(super) async fn read_left(&self, store: &mut Store, most: u64) -> Result<Vec<String>> {
        let snapshot_id = self.run.snapshot_id;
        let slices = store.slices(snapshot_id)?;
        let Some(range) = self.range(store)?.into_iter().next() else {
            return Ok(Vec::new());
        };
        let young_from = young_from(self.run.began_at);
        let mut left = store.left_selection(snapshot_id, range, &self.settings.filters)?;
        left.retain(|(_, at)| *at < young_from);
        let earlier = u64::try_from(self.begun.snapshot.requests).unwrap_or(0);
        let ranges = [range];
        let search = self.search(range, slices.first(), &ranges);
        let mut unsettled = Vec::new();
        while !left.is_empty() {
            let sent = earlier + self.run.account.sent();
            // A ticket takes a request, and some that are asked for again a few.
            let some = usize::try_from(most.saturating_sub(sent).div_ceil(4)).unwrap_or(usize::MAX);
            if some == 0 {
                let more = left.len();
                unsettled.push(format!(
                    "{more} tickets that the filters select no longer were left as they are: more than this sync may spend"
                ));
                break;
            }
            let mut batch: Vec<_> = left.drain(..some.min(left.len())).collect();
            batch.sort_by(|(one, at), (other, other_at)| (at, one).cmp(&(other_at, other)));
            let found = search.look(store, &batch).await?;
            unsettled.extend(found.map(Unsettled::told));
            // What is not believed of these is not believed of the others.
            if matches!(found, Some(Unsettled::Refused(_))) {
                break;
            }
        }
        Ok(unsettled)
    }
}

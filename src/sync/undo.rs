//! What a sync takes back: deletions that it flagged before so much was missing that none is believed.

use super::night::Night;
use crate::error::Result;
use crate::run::gone;
use crate::store::StepRow;

impl Night<'_> {
    /// Says that `missing` tickets are not believed to be gone, and takes back those of them that this
    /// run has flagged, in whichever of its parts. The steps that did are to be done again.
    pub(super) fn disbelieve(&mut self, missing: i64) -> Result<()> {
        self.is_suspicious = true;
        self.tell_disbelief(missing);
        if self.deleted == 0 {
            return Ok(());
        }
        self.deleted = 0;
        let snapshot_id = self.snapshot_id;
        let store = self.store()?;
        let mut unmarked = store.unmark_deleted(snapshot_id)?;
        for step in store.steps(snapshot_id)? {
            if step.is_done && step.step.flags_deletions() {
                let undone = unmarked.min(step.tickets_changed);
                unmarked -= undone;
                let undone = StepRow {
                    is_done: false,
                    tickets_changed: step.tickets_changed - undone,
                    ..step
                };
                store.commit_step(snapshot_id, &undone)?;
            }
        }
        self.load()
    }

    /// Says so once a run, with the highest number.
    fn tell_disbelief(&mut self, missing: i64) {
        if missing > self.disbelieved {
            let said = gone::disbelief(self.disbelieved);
            self.remarks.retain(|remark| *remark != said);
            self.disbelieved = missing;
            self.remark(gone::disbelief(missing));
        }
    }
}

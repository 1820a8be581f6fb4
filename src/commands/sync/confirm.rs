//! Step 4: what left the open set and was not found resolved; and whether what is missing is gone.

use chrono::TimeDelta;

use super::super::gone;
use super::night::{Failing, Night};
use crate::error::Result;
use crate::extract::{self, Missing};
use crate::refresh::LONGEST_MS;
use crate::table::Instant;
use crate::window::Window;

impl Night<'_> {
    pub(super) async fn confirm(&mut self) -> Result<()> {
        let mut missing = self.missing_new()?;
        let mut sought = self.desk.sought();
        sought.reverse();
        // Oldest first, from the end.
        while let Some(known) = sought.pop() {
            let until_ms = (known.created_ms + LONGEST_MS).min(self.desk.began_ms());
            let Some(window) = Window::from_millis(known.created_ms, until_ms) else {
                continue;
            };
            let query = self.query(window);
            let mut seen = self.read(&query).await?;
            if seen.is_none()
                && let Some(alone) = Window::from_millis(known.created_ms, known.created_ms + 1)
            {
                let query = self.query(alone);
                seen = self.read(&query).await?;
            }
            let Some(seen) = seen else {
                self.fail(window.to_string(), "the page could not be read".to_owned());
                continue;
            };
            // What shares the last instant may go on with the next page; a whole page of one
            // instant is left to the second look.
            let spanned = seen.spans.filter(|until| *until > window.from());
            let until_ms = spanned.map_or(known.created_ms + 1, |until| until.timestamp_millis());
            let mut next = Some(known);
            while let Some(known) = next.take_if(|known| known.created_ms < until_ms) {
                if !seen.ids.contains(known.id.as_ref()) {
                    missing.extend(
                        Instant::from_timestamp_millis(known.created_ms)
                            .map(|at| (known.id.to_string(), at)),
                    );
                }
                next = sought.pop();
            }
            sought.extend(next);
        }
        missing.sort_by_key(|(_, at)| *at);
        self.settle(missing).await
    }

    /// Counts the newest year before anything is believed to be gone: a few missing tickets may be
    /// the first sign of an API that shows another desk, or none. Returns how many of it are not there.
    async fn look_for_the_desk(&mut self) -> Result<i64> {
        let Some(window) = self.desk.windows().first().copied() else {
            return Ok(0);
        };
        self.total(window).await?;
        let counted = self.counted.iter().find(|(known, _)| *known == window);
        let Some((_, remote)) = counted else {
            return Ok(0);
        };
        let remote = i64::try_from(*remote).unwrap_or(i64::MAX);
        let local = self.store()?.live_count(&window)?;
        let missing = local - remote;
        self.is_suspicious |= gone::is_suspicious(missing, local) || (remote == 0 && missing > 1);
        Ok(missing)
    }

    /// Created since the last sync by what is stored, and not in the list of new tickets.
    fn missing_new(&mut self) -> Result<Vec<Missing>> {
        let Some(window) = Window::new(self.desk.since, self.desk.began_at + TimeDelta::days(1))
        else {
            return Ok(Vec::new());
        };
        if !self.failures.is_empty() {
            return Ok(Vec::new());
        }
        let snapshot_id = self.snapshot_id;
        self.store()?.unseen(snapshot_id, &window)
    }

    /// Flags tickets (by creation) as gone that a second look does not find either, unless so many
    /// are missing that none of it is believed.
    pub(super) async fn settle(&mut self, missing: Vec<Missing>) -> Result<()> {
        if missing.is_empty() {
            return Ok(());
        }
        let until = self.desk.began_at + TimeDelta::days(1);
        let Some(range) = Window::new(self.desk.first, until) else {
            return Ok(());
        };
        let snapshot_id = self.snapshot_id;
        let mut missing = self.store()?.not_met(snapshot_id, missing)?;
        let young_from = gone::young_from(self.desk.began_at);
        missing.retain(|(_, at)| *at < young_from);
        if missing.is_empty() {
            return Ok(());
        }
        let lost = self.look_for_the_desk().await?;
        // Of what was known before this run: another desk's tickets would make up for them.
        let new = self.store()?.snapshot(snapshot_id)?.tickets_new;
        let live = self.store()?.live_count(&range)? + self.deleted - new;
        let count = i64::try_from(missing.len()).unwrap_or(i64::MAX);
        self.is_suspicious |= gone::is_suspicious(count + self.deleted, live);
        self.is_suspicious &= !self.settings.allow_deletions;
        if self.is_suspicious {
            return self.disbelieve(count.max(lost));
        }
        let batches = gone::batches(self.store()?, snapshot_id, &missing, range.until())?;
        let context = self.context;
        let looked =
            extract::look_again(&context.client, &self.scope, &batches, &context.cancel).await;
        let look = looked.inspect_err(|_| self.failing = Some(Failing::Unanswered))?;
        let (snapshot_id, at) = (self.snapshot_id, self.desk.began_at);
        self.take_rows(&look.found, &[], at)?;
        self.deleted += self.store()?.mark_deleted(snapshot_id, &look.gone, at)?;
        for (id, created_at) in &missing {
            if look.gone.contains(id) {
                self.desk.index.forget(id, created_at.timestamp_millis());
            }
        }
        if !look.unclear.is_empty() {
            self.fail(
                range.to_string(),
                format!(
                    "a second look did not settle whether {} tickets are gone",
                    look.unclear.len()
                ),
            );
        }
        Ok(())
    }
}

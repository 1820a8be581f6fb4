//! Step 4: what is no longer unresolved and was not found resolved; and whether what is missing is gone.

use chrono::TimeDelta;

use super::night::Night;
use super::read::Seen;
use crate::error::Result;
use crate::extract::{self, Missing};
use crate::plan::losses::{Evidence, Losses, Verdict, young_from};
use crate::refresh::{Known, LONGEST_MS};
use crate::run::gone;
use crate::settings::Filters;
use crate::table::Instant;
use crate::window::Window;

/// Instants that stay unproven before no more are read to their end: what is sought in the others is
/// left to the second look.
const MOST_UNPROVEN: usize = 2;

impl Night<'_> {
    pub(super) async fn confirm(&mut self) -> Result<()> {
        let mut missing = self.missing_new()?;
        let mut unproven = Vec::new();
        let mut failures = 0;
        let mut sought = self.desk.sought();
        sought.reverse();
        // Oldest first, from the end.
        while let Some(known) = sought.pop() {
            let Some((window, seen)) = self.read_from(&known).await? else {
                continue;
            };
            // What shares the last instant may go on with the next page.
            let spanned = seen.spans.filter(|until| *until > window.from());
            let until_ms = spanned.map_or(known.created_ms + 1, |until| until.timestamp_millis());
            let from_ms = known.created_ms;
            let mut absent = Vec::new();
            let mut next = Some(known);
            while let Some(known) = next.take_if(|known| known.created_ms < until_ms) {
                if !seen.ids.contains(known.id.as_ref()) {
                    absent.extend(
                        Instant::from_timestamp_millis(known.created_ms)
                            .map(|at| (known.id.to_string(), at)),
                    );
                }
                next = sought.pop();
            }
            sought.extend(next);
            // What comes after a whole page of one instant is not missing.
            let is_proven = spanned.is_some()
                || absent.is_empty()
                || failures < MOST_UNPROVEN && self.find_in(from_ms, &mut absent).await?;
            match is_proven {
                true => missing.extend(absent),
                false => {
                    failures += 1;
                    unproven.extend(absent);
                }
            }
        }
        self.settle(missing, unproven).await
    }

    /// A page that begins with this ticket, and the window it is of; by the ticket's own instant where
    /// the page is too heavy to be had. `None` where there is none, which is told.
    async fn read_from(&mut self, known: &Known) -> Result<Option<(Window, Seen)>> {
        let from_ms = known.created_ms;
        let until_ms = (from_ms + LONGEST_MS).min(self.desk.began_ms());
        let Some(window) = Window::from_millis(from_ms, until_ms) else {
            return Ok(None);
        };
        if let Some(seen) = self.read_believable(&self.query(window)).await? {
            return Ok(Some((window, seen)));
        }
        if let Some(alone) = Window::from_millis(from_ms, from_ms + 1)
            && let Some(seen) = self.read_believable(&self.query(alone)).await?
        {
            return Ok(Some((alone, seen)));
        }
        self.fail(window.to_string(), "the page could not be read".to_owned());
        Ok(None)
    }

    /// Looks for tickets of one instant on all of its pages, and leaves those that did not come. Whether
    /// it is proven that none of them is there.
    async fn find_in(&mut self, at_ms: i64, absent: &mut Vec<Missing>) -> Result<bool> {
        self.read_instant(at_ms, &Filters::default(), |seen| {
            absent.retain(|(id, _)| !seen.ids.contains(id));
            absent.is_empty()
        })
        .await
    }

    /// Counts the newest year before anything is believed to be gone: a few missing tickets may be
    /// the first sign of an API that shows another desk, or none. Returns how many of it are not there.
    async fn look_for_the_desk(&mut self) -> Result<usize> {
        let Some(window) = self.desk.windows().first().copied() else {
            return Ok(0);
        };
        self.total(window).await?;
        let counted = self.counted.iter().find(|(known, _)| *known == window);
        let Some((_, remote)) = counted else {
            return Ok(0);
        };
        let remote = i64::try_from(*remote).unwrap_or(i64::MAX);
        let missing = self.store()?.live_count(&window)? - remote;
        Ok(usize::try_from(missing).unwrap_or(0))
    }

    /// So many missing tickets as a loss of the whole desk.
    pub(super) fn losses(&mut self, missing: usize) -> Result<Losses> {
        let (snapshot_id, whole) = (self.snapshot_id, self.whole());
        let losses = gone::losses(self.store()?, snapshot_id, whole.as_slice(), missing)?;
        Ok(Losses {
            is_refused: self.is_suspicious,
            is_allowed: self.settings.allow_deletions,
            ..losses
        })
    }

    /// From the first ticket to past the start of this sync.
    fn whole(&self) -> Option<Window> {
        Window::new(self.desk.first, self.desk.began_at + TimeDelta::days(1))
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

    /// Flags tickets as gone that a second look does not find either, unless so many are missing that
    /// none of it is believed. Of `unproven` no page shows whether they are: they are looked for as
    /// well, and count as missing only where that does not find them.
    pub(super) async fn settle(
        &mut self,
        missing: Vec<Missing>,
        unproven: Vec<Missing>,
    ) -> Result<()> {
        // Once so much was missing that none of it is believed, nothing is.
        if self.is_suspicious || missing.is_empty() && unproven.is_empty() {
            return Ok(());
        }
        let Some(range) = self.whole() else {
            return Ok(());
        };
        let missing = self.not_met(missing)?;
        let mut sought = self.not_met(unproven)?;
        let count = missing.len();
        sought.extend(missing);
        sought.sort_by_key(|(_, at)| *at);
        if sought.is_empty() {
            return Ok(());
        }
        let lost = self.look_for_the_desk().await?;
        let losses = self.losses(count.max(lost))?;
        if let Verdict::Refused { missing } = losses.verdict(Evidence::List) {
            return self.disbelieve(missing);
        }
        let snapshot_id = self.snapshot_id;
        let young_from = young_from(self.desk.began_at);
        let batches = gone::batches(
            self.store()?,
            snapshot_id,
            &sought,
            range.until(),
            young_from,
        )?;
        let context = self.context;
        let looked =
            extract::look_again(&context.client, &self.scope, &batches, &context.cancel).await;
        let look = looked.map_err(|failure| {
            self.failing = Some(failure.kind);
            failure.error
        })?;
        let (snapshot_id, at) = (self.snapshot_id, self.desk.began_at);
        self.take_rows(&look.found, &[], at)?;
        // Some of which nothing was known may be missing as well.
        let losses = self.losses(look.gone.len())?;
        if let Verdict::Refused { missing } = losses.verdict(Evidence::Look) {
            return self.disbelieve(missing);
        }
        self.deleted += self.store()?.mark_deleted(snapshot_id, &look.gone, at)?;
        for (id, created_at) in &sought {
            if look.gone.contains(id) {
                self.desk.index.forget(id, created_at.timestamp_millis());
            }
        }
        if !look.unclear.is_empty() {
            self.fail(
                range.to_string(),
                format!(
                    "a second look could not tell whether {} tickets are gone",
                    look.unclear.len()
                ),
            );
        }
        Ok(())
    }

    /// Those of them that this run has not met, and that are old enough to be missed by it.
    fn not_met(&mut self, tickets: Vec<Missing>) -> Result<Vec<Missing>> {
        let (snapshot_id, young_from) = (self.snapshot_id, young_from(self.desk.began_at));
        let mut tickets = self.store()?.not_met(snapshot_id, tickets)?;
        tickets.retain(|(_, at)| *at < young_from);
        Ok(tickets)
    }
}

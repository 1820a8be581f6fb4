//! Step 7: tickets that are gone, found by counting.

use std::collections::HashSet;

use chrono::TimeDelta;

use super::night::Night;
use crate::error::Result;
use crate::extract::{Missing, Proof, Sightings};
use crate::mava::PAGE;
use crate::plan::losses::{Evidence, Losses, Verdict};
use crate::table::Instant;
use crate::window::Window;

/// What a look into a gap brought.
#[derive(Debug, Default)]
struct Located {
    /// What should have shown there and did not.
    missing: Vec<Missing>,
    /// The API's counts of parts of it, to go on with.
    parts: Vec<(Window, u64)>,
}

/// At most this many requests locate losses, and at most this share of a full read in permille.
const LEAST_PROBES: u64 = 30;
const PROBES_PERMILLE: u64 = 6;

/// A millisecond of more than a page of tickets is read so many times at most, since they may come in
/// another order on every request.
const CROWDED_ROUNDS: usize = 3;

/// How often a count is asked for again that lacks so many tickets that a loss of that size would not be
/// believed: an empty answer looks just so.
const MOST_RECOUNTS: usize = 3;

impl Night<'_> {
    pub(super) async fn deletions(&mut self) -> Result<()> {
        self.reread = 0;
        let windows = self.desk.windows();
        for (number, window) in windows.iter().enumerate() {
            if (number > 0 && !self.desk.is_turn(number)) || self.is_counted(window) {
                continue;
            }
            // Only a cap that was asked for keeps a sync from the newest year.
            let is_exempt = number == 0 && self.settings.max_requests.is_none();
            if self.allowance() == 0 && !is_exempt {
                self.remark(
                    "the limit of --max-requests was reached before missing tickets were looked for by counting"
                        .to_owned(),
                );
                break;
            }
            self.total(*window).await?;
        }
        let mut missing = self.locate(&windows).await?;
        missing.sort_by_key(|(_, at): &Missing| *at);
        missing.dedup();
        let most = usize::try_from(self.allowance().saturating_sub(1)).unwrap_or(usize::MAX);
        // Of so many that none is believed, a cap must not make fewer that are.
        if missing.len() > most
            && self.losses(missing.len())?.verdict(Evidence::List) == Verdict::AskAgain
        {
            self.remark(format!(
                "the limit of --max-requests was reached before {} missing tickets were looked for once more; the \
                 next sync will",
                missing.len() - most
            ));
            missing.truncate(most);
        }
        self.settle(missing, Vec::new()).await
    }

    /// What is missing where the counts of both sides differ. A gap that stays unexplained is told.
    async fn locate(&mut self, windows: &[Window]) -> Result<Vec<Missing>> {
        let mut gaps = self.gaps(windows);
        let pages = u64::try_from(self.desk.index.tickets().len() / PAGE).unwrap_or(0);
        let mut probes = LEAST_PROBES.max(pages * PROBES_PERMILLE / 1_000);
        let mut missing = Vec::new();
        while let Some((gap, count)) = gaps.pop() {
            let local = self.local(&gap);
            if local == count {
                continue;
            }
            // What is missing so far is to be looked for once more, and the desk to be counted.
            let second_looks = u64::try_from(missing.len()).unwrap_or(u64::MAX);
            if probes == 0 || self.allowance() <= second_looks + 1 {
                self.tell(gap, count);
                continue;
            }
            probes -= 1;
            let located = if local.max(count) < u64::try_from(PAGE).unwrap_or(0) {
                self.absent(gap).await?
            } else if gap.length() <= TimeDelta::milliseconds(1) {
                self.absent_of_crowd(gap).await?
            } else {
                self.halve(gap, count).await?
            };
            match located {
                Some(located) => {
                    missing.extend(located.missing);
                    gaps.extend(located.parts);
                }
                None => self.tell(gap, count),
            }
        }
        Ok(missing)
    }

    /// Says where the two sides disagree.
    fn tell(&mut self, gap: Window, count: u64) {
        let local = self.local(&gap);
        self.remark(format!(
            "the API counts {count} tickets created in {gap} where the store has {local}; the next sync or \
             verify will look closer"
        ));
    }

    fn is_counted(&self, window: &Window) -> bool {
        self.counted.iter().any(|(known, _)| known == window)
    }

    /// The API's count of everything in a window, once a sync.
    pub(super) async fn total(&mut self, window: Window) -> Result<()> {
        if self.is_counted(&window) {
            return Ok(());
        }
        let query = self.newest_first(window).alone();
        if let Some(seen) = self.read(&query).await?
            && let (Some(mut count), false) = (seen.count, seen.is_foreign)
        {
            let local = self.store()?.live_count(&window)?;
            for _ in 0..MOST_RECOUNTS {
                let missing = local - i64::try_from(count).unwrap_or(i64::MAX);
                let losses = Losses {
                    missing,
                    live: local,
                    is_allowed: self.settings.allow_deletions,
                    ..Losses::default()
                };
                if losses.verdict(Evidence::Count) != Verdict::AskAgain {
                    break;
                }
                count = self
                    .count_alone(&query)
                    .await?
                    .map_or(count, |again| count.max(again));
            }
            self.counted.push((window, count));
        }
        Ok(())
    }

    /// Ranges between the counts that this sync came by, whose counts differ from the store's.
    fn gaps(&mut self, windows: &[Window]) -> Vec<(Window, u64)> {
        let mut gaps = Vec::new();
        for window in windows {
            let mut counted: Vec<(Instant, u64)> = self
                .counted
                .iter()
                .filter(|(range, _)| {
                    range.from() == window.from() && range.until() <= window.until()
                })
                .map(|(range, count)| (range.until(), *count))
                .collect();
            counted.sort_unstable();
            counted.dedup_by_key(|(until, _)| *until);
            let (mut from, mut before) = (window.from(), 0);
            let mut contradicted = None;
            for (until, count) in counted {
                let Some(gap) = Window::new(from, until) else {
                    continue;
                };
                // Counts taken one after the other may contradict each other: left to the next.
                let Some(inside) = count.checked_sub(before) else {
                    contradicted = Some(gap);
                    continue;
                };
                contradicted = None;
                if inside != self.local(&gap) {
                    gaps.push((gap, inside));
                }
                (from, before) = (until, count);
            }
            if let Some(gap) = contradicted {
                self.remark(format!(
                    "the API's counts around {gap} contradict each other; the next sync counts again"
                ));
            }
        }
        gaps
    }

    /// Tickets in a window that the API should count: the live ones of the index, and those it is
    /// known to show that have no row.
    pub(super) fn local(&self, window: &Window) -> u64 {
        let from_ms = window.from().timestamp_millis();
        let until_ms = window.until().timestamp_millis();
        let rejected = self
            .rejected
            .values()
            .filter(|rejected| (from_ms..until_ms).contains(&rejected.created_ms));
        let live = self.desk.index.live(from_ms, until_ms) + rejected.count();
        u64::try_from(live).unwrap_or(u64::MAX)
    }

    /// Reads a gap that fits on a page, and says what is missing from it.
    async fn absent(&mut self, gap: Window) -> Result<Option<Located>> {
        let query = self.query(gap).alone();
        let Some(seen) = self.read_believable(&query).await? else {
            return Ok(None);
        };
        let (Some(until), Some(count)) = (seen.spans, seen.count) else {
            return Ok(None);
        };
        let Some(spanned) = Window::new(gap.from(), until) else {
            return Ok(None);
        };
        self.absent_among(spanned, gap, &seen.ids, count)
    }

    /// Reads a millisecond of more than a page of tickets by offsets, until all that an answer counts
    /// are proven to have come.
    async fn absent_of_crowd(&mut self, gap: Window) -> Result<Option<Located>> {
        let mut query = self.query(gap).alone();
        let mut ids = HashSet::new();
        let mut sightings = Sightings::default();
        for _ in 0..CROWDED_ROUNDS {
            query.skip = 0;
            while self.allowance() > 1 {
                let Some(seen) = self.read(&query).await? else {
                    return Ok(None);
                };
                let Some(count) = seen.count.filter(|_| !seen.is_foreign) else {
                    return Ok(None);
                };
                let received = u64::from(query.skip) + seen.received();
                // Without a filter, whatever changes of a ticket, it stays where it is.
                let came = seen.ids.iter().map(|id| (id.as_str(), 0));
                let proof = sightings.take(came, Some(count));
                ids.extend(seen.ids);
                if let Proof::Whole { count, .. } = proof {
                    return self.absent_among(gap, gap, &ids, count);
                }
                if seen.keys.is_empty() || received >= count {
                    break;
                }
                query.skip = u32::try_from(received).unwrap_or(u32::MAX);
            }
        }
        Ok(None)
    }

    /// What is missing among the ids that came of all of `spanned`. Where that does not make up for what
    /// the API counts in all of `gap`, that is told.
    fn absent_among(
        &mut self,
        spanned: Window,
        gap: Window,
        ids: &HashSet<String>,
        count: u64,
    ) -> Result<Option<Located>> {
        let from_ms = spanned.from().timestamp_millis();
        let until_ms = spanned.until().timestamp_millis();
        let gone: Vec<String> = self
            .rejected
            .values()
            .filter(|rejected| (from_ms..until_ms).contains(&rejected.created_ms))
            .filter(|rejected| !ids.contains(&rejected.id))
            .map(|rejected| rejected.id.clone())
            .collect();
        self.rejected.retain(|id, _| !gone.contains(id));
        let snapshot_id = self.snapshot_id;
        self.store()?.forget_rejected(snapshot_id, &gone)?;
        let missing = self.not_among(from_ms, until_ms, ids);
        let absent = u64::try_from(missing.len()).unwrap_or(u64::MAX);
        if self.local(&gap).checked_sub(absent) != Some(count) {
            self.tell(gap, count);
        }
        Ok(Some(Located {
            missing,
            parts: Vec::new(),
        }))
    }

    /// Counts the older half of a gap. The page beside the cut comes for nothing: what it should show
    /// and does not is missing, and counted out of the halves.
    async fn halve(&mut self, gap: Window, count: u64) -> Result<Option<Located>> {
        let from_ms = gap.from().timestamp_millis();
        let until_ms = gap.until().timestamp_millis();
        let tickets = self.desk.index.created_in(from_ms, until_ms);
        let middle_ms = tickets
            .get(tickets.len() / 2)
            .map_or((from_ms + until_ms) / 2, |known| known.created_ms)
            // Most of them may share the first millisecond.
            .max(from_ms + 1);
        let older = Window::from_millis(from_ms, middle_ms);
        let newer = Window::from_millis(middle_ms, until_ms);
        let (Some(older), Some(newer)) = (older, newer) else {
            return Ok(None);
        };
        let query = self.newest_first(older).alone();
        let Some(seen) = self.read_believable(&query).await? else {
            return Ok(None);
        };
        let Some(left) = seen.count.filter(|_| !seen.is_foreign) else {
            return Ok(None);
        };
        let Some(right) = count.checked_sub(left) else {
            return Ok(None);
        };
        // In another order than asked for, the page shows no stretch.
        if !seen.created_ms().is_sorted_by(|one, next| one >= next) {
            return Ok(None);
        }
        let is_whole = seen.received() == left;
        let oldest_ms = seen.created_ms().last();
        // What shares the oldest instant may have been cut off.
        let shown_ms = match (is_whole, oldest_ms) {
            (true, _) => from_ms,
            (false, Some(oldest)) => oldest + 1,
            (false, None) => middle_ms,
        };
        let missing = self.not_among(shown_ms, middle_ms, &seen.ids);
        for (id, at) in &missing {
            self.desk.index.forget(id, at.timestamp_millis());
        }
        Ok(Some(Located {
            missing,
            parts: vec![(older, left), (newer, right)],
        }))
    }

    /// Live tickets of the index created in `[from_ms, until_ms)` that are not among `ids`.
    fn not_among(&self, from_ms: i64, until_ms: i64, ids: &HashSet<String>) -> Vec<Missing> {
        self.desk
            .index
            .created_in(from_ms, until_ms)
            .iter()
            .filter(|known| !known.is_gone && !ids.contains(known.id.as_ref()))
            .filter_map(|known| {
                let at = Instant::from_timestamp_millis(known.created_ms)?;
                Some((known.id.to_string(), at))
            })
            .collect()
    }
}

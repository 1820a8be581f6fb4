//! Step 3: resolved since the last sync, by sweeps over lists sorted by resolution time.

use super::night::Night;
use crate::error::Result;
use crate::refresh::{Kind, Known, Segment};
use crate::settings::Filters;
use crate::store::Proof;
use crate::window::Window;

/// Resolution times are not trusted below this share of hits, in percent, once so many were seen.
const TRUSTED_PERCENT: i64 = 95;
const LEAST_PROOFS: i64 = 20;

/// A proof's counts are halved above this, so that a change of the API is noticed.
const MOST_PROOFS: i64 = 2_000;

/// By how much creation and resolution time together may miss the time they have to fall in.
const PROOF_SLACK_MS: i64 = 15 * 60_000;

/// Pages of one sweep beyond those planned, after which it is broken off.
const MOST_EXTRA_PAGES: usize = 10;

/// Whether resolution times have proved to be what they are taken for.
pub(super) fn is_trusted(proof: Proof) -> bool {
    let all = proof.hits + proof.misses;
    all < LEAST_PROOFS || proof.hits * 100 >= all * TRUSTED_PERCENT
}

/// How a sweep ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Swept {
    /// Down to its threshold.
    Whole,
    /// Broken off.
    Broken,
}

impl Night<'_> {
    pub(super) async fn resolved(&mut self) -> Result<()> {
        if !self.is_time_trusted {
            self.remark(
                "resolution times have not matched the resolutions seen; tickets that left the open \
                 set are read one by one, and those resolved again overnight may be seen late"
                    .to_owned(),
            );
            return Ok(());
        }
        let sought = self.desk.sought();
        let Some(sweep) = self.desk.resolution_sweep(&sought) else {
            return Ok(());
        };
        let since_ms = self.desk.since_ms();
        for segment in sweep.segments {
            match self.sweep(&segment, since_ms, false).await? {
                Swept::Whole => {
                    let window = (segment.from_ms, segment.until_ms);
                    self.vouch(Kind::Resolution, window, i64::MIN)?;
                }
                Swept::Broken if self.is_time_trusted => {
                    let window = Window::from_millis(segment.from_ms, segment.until_ms);
                    self.fail(
                        window.map_or_else(String::new, |window| window.to_string()),
                        "the list by resolution time could not be read to its end".to_owned(),
                    );
                }
                Swept::Broken => {}
            }
            if !self.is_time_trusted {
                break;
            }
        }
        Ok(())
    }

    /// Pages down one list until the first ticket that was resolved before `since_ms`. `is_rated`
    /// lists rated tickets only.
    pub(super) async fn sweep(
        &mut self,
        segment: &Segment,
        since_ms: i64,
        is_rated: bool,
    ) -> Result<Swept> {
        let Some(window) = Window::from_millis(segment.from_ms, segment.until_ms) else {
            return Ok(Swept::Whole);
        };
        let threshold = since_ms - segment.until_ms;
        let mut query = self.slowest_first(window);
        if is_rated {
            query.csat_values = (1..=5).map(|value| value.to_string()).collect();
        } else {
            query.filters = Filters {
                status: vec!["Resolved".to_owned()],
                ..Filters::default()
            };
        }
        let mut previous: Option<u64> = None;
        for _ in 0..segment.requests * 2 + MOST_EXTRA_PAGES {
            let Some(seen) = self.read(&query).await? else {
                return Ok(Swept::Broken);
            };
            if seen.is_foreign {
                let what = if is_rated { "csatValues" } else { "status" };
                self.distrust(format!("the API ignores the filter by {what}"));
                return Ok(Swept::Broken);
            }
            let times: Vec<i64> = seen.times.iter().filter_map(|(_, time)| *time).collect();
            let is_sorted = times.windows(2).all(|pair| pair.first() >= pair.get(1));
            if !is_sorted {
                self.distrust("the API does not sort by resolution time".to_owned());
                return Ok(Swept::Broken);
            }
            if times.len() < seen.times.len() && !is_rated {
                self.remark("resolved tickets came without a resolution time".to_owned());
            }
            let received = u64::from(query.skip) + u64::try_from(seen.length).unwrap_or(0);
            let is_last = seen.length == 0 || seen.count.is_some_and(|count| received >= count);
            if is_last || times.last().is_some_and(|time| *time < threshold) {
                return Ok(Swept::Whole);
            }
            // Tickets that left the list since the last page moved the rest up.
            let count = seen.count.unwrap_or(0);
            let moved = previous.map_or(0, |before| before.saturating_sub(count));
            previous = Some(count);
            let moved = u32::try_from(moved).unwrap_or(u32::MAX);
            let length = u32::try_from(seen.length).unwrap_or(0);
            query.skip = (query.skip + length).saturating_sub(moved);
        }
        Ok(Swept::Broken)
    }

    /// Sweeps mean nothing on this API, tonight.
    fn distrust(&mut self, reason: String) {
        self.is_time_trusted = false;
        self.remark(format!(
            "{reason}: tickets that left the open set are read one by one instead"
        ));
    }

    /// A ticket seen open by the last sync is resolved: its creation and resolution time have to
    /// fall between then and now.
    pub(super) fn prove(&mut self, before: &Known, now: &Known) {
        let Some(time) = now.resolution_ms else {
            return;
        };
        let at_ms = now.created_ms + time;
        let earliest = before.verified_ms.min(self.desk.since_ms()) - PROOF_SLACK_MS;
        let is_hit = earliest <= at_ms && at_ms <= now.verified_ms + PROOF_SLACK_MS;
        let mut proof = self.proof;
        if is_hit {
            proof.hits += 1;
        } else {
            proof.misses += 1;
        }
        if proof.hits + proof.misses > MOST_PROOFS {
            proof.hits /= 2;
            proof.misses /= 2;
        }
        self.proof = proof;
        if self.is_time_trusted && !is_trusted(proof) {
            self.distrust("resolution times do not match the resolutions seen".to_owned());
        }
    }
}

//! Step 6: pages by what is expected to have changed on them, and the floor under how long any
//! ticket goes unread.

use super::night::Night;
use crate::error::Result;
use crate::refresh::{self, Block, DAY_MS, Floor, Kind, LONGEST_MS, Worth};
use crate::window::Window;

/// Requests left to the steps after this one.
const LEFT: u64 = 12;

impl Night<'_> {
    pub(super) async fn pages(&mut self) -> Result<()> {
        let windows = self.windows();
        let mut floor = Vec::new();
        let rule = Floor {
            within_ms: i64::from(self.settings.refresh_within_days) * DAY_MS,
            now_ms: self.began_ms(),
            elapsed_ms: (self.began_ms() - self.since_ms()).clamp(DAY_MS / 24, 30 * DAY_MS),
        };
        floor.extend(rule.blocks(&self.index, self.first_ms(), self.since_ms()));
        let mut blocks = self.worthwhile(&windows);
        let reserved = u64::try_from(floor.len()).unwrap_or(u64::MAX) + LEFT;
        // The best first.
        blocks.sort_by(|left, right| right.value.total_cmp(&left.value));
        for block in blocks {
            if self.allowance() <= reserved {
                self.remark(
                    "the cap on requests was reached before every page worth reading was read"
                        .to_owned(),
                );
                break;
            }
            self.read_block(&block, &windows).await?;
        }
        for block in floor {
            let tickets = self.index.tickets().get(block.first..block.end);
            let is_read = tickets.is_some_and(|all| all.iter().all(|known| known.is_met));
            if !is_read {
                self.read_block(&block, &windows).await?;
            }
        }
        Ok(())
    }

    /// Blocks in which more is expected than a request has to find.
    fn worthwhile(&self, windows: &[Window]) -> Vec<Block> {
        let now_ms = self.began_ms();
        let (from_ms, until_ms) = (self.since_ms() - LONGEST_MS, self.since_ms());
        let scale = self
            .ratings_outstanding
            .map_or(1.0, |left| self.rating_scale(from_ms, until_ms, left));
        let worth = |place: usize| {
            let Some(known) = self.index.tickets().get(place) else {
                return Worth::default();
            };
            if !known.is_resolved {
                return Worth::default();
            }
            let resolved_ms = known.resolved_at_ms();
            let between = |hazard: &refresh::Hazard, kind| {
                hazard.expected_between(resolved_ms, known.known_ms(kind), now_ms)
            };
            let mut expected = between(&self.hazards.other, Kind::Other)
                + between(&self.hazards.resolution, Kind::Resolution);
            if !known.is_rated {
                expected += between(&self.hazards.rating, Kind::Rating) * scale;
            }
            Worth { expected }
        };
        windows
            .iter()
            .flat_map(|window| {
                let from_ms = window.from().timestamp_millis();
                let until_ms = window.until().timestamp_millis();
                refresh::blocks(&self.index, from_ms, until_ms, worth)
            })
            .filter(|block| block.value >= self.price)
            .collect()
    }

    /// Reads a block newest first, so that the answer also counts everything before its end.
    async fn read_block(&mut self, block: &Block, windows: &[Window]) -> Result<()> {
        let window = windows
            .iter()
            .find(|window| window.from().timestamp_millis() < block.until_ms)
            .filter(|window| block.until_ms <= window.until().timestamp_millis());
        let Some(window) = window
            .and_then(|window| Self::window_ms(window.from().timestamp_millis(), block.until_ms))
        else {
            return Ok(());
        };
        let query = self.newest_first(window);
        let Some(seen) = self.read(&query).await? else {
            return Ok(());
        };
        if let (Some(count), false) = (seen.count, seen.is_foreign) {
            self.counted.push((window, count));
        }
        Ok(())
    }
}

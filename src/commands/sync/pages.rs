//! Step 6: pages by what is expected to have changed on them, and the floor under how long any
//! ticket goes unread.

use super::night::Night;
use crate::error::Result;
use crate::refresh::Block;
use crate::window::Window;

/// Requests left to the steps after this one.
const LEFT: u64 = 12;

impl Night<'_> {
    pub(super) async fn pages(&mut self) -> Result<()> {
        let windows = self.desk.windows();
        let floor = self.desk.floor(self.settings.refresh_within_days);
        let blocks = self.desk.worthwhile(self.ratings_outstanding);
        let reserved = u64::try_from(floor.len()).unwrap_or(u64::MAX) + LEFT;
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
            let tickets = self.desk.index.tickets().get(block.first..block.end);
            let is_read = tickets.is_some_and(|all| all.iter().all(|known| known.is_met));
            if !is_read {
                self.read_block(&block, &windows).await?;
            }
        }
        Ok(())
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

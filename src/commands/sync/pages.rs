//! Steps 6 and 9: pages by what is expected to have changed on them, and the floor under how long
//! any ticket goes unread.

use super::night::Night;
use crate::error::Result;
use crate::refresh::{Block, PAGE};
use crate::window::Window;

/// Requests left to the steps after this one.
const LEFT: u64 = 12;

impl Night<'_> {
    /// The best first, as long as they are worth it.
    pub(super) async fn pages(&mut self) -> Result<()> {
        let windows = self.desk.windows();
        let floor = self.desk.floor(self.settings.refresh_within_days, 0);
        let reserved = u64::try_from(floor.len()).unwrap_or(u64::MAX) + LEFT;
        for block in self.desk.worthwhile(self.ratings_outstanding()) {
            if self.allowance() <= reserved {
                self.remark(
                    "the cap on requests was reached before every page worth reading was read"
                        .to_owned(),
                );
                break;
            }
            self.read_block(&block, &windows).await?;
        }
        Ok(())
    }

    /// What has gone unread for longest. Pages that located losses have read such tickets as well,
    /// all over the history, and count towards a night's share.
    pub(super) async fn refresh(&mut self) -> Result<()> {
        let windows = self.desk.windows();
        let within = self.settings.refresh_within_days;
        for block in self.desk.floor(within, self.probed) {
            if self.allowance() == 0 {
                self.remark(format!(
                    "the cap on requests was reached before every ticket unread for about {within} days was \
                     read"
                ));
                break;
            }
            self.read_block(&block, &windows).await?;
        }
        Ok(())
    }

    /// Reads a block newest first, so that the answer also counts everything before its end.
    async fn read_block(&mut self, block: &Block, windows: &[Window]) -> Result<()> {
        let window = windows
            .iter()
            .find(|window| window.from().timestamp_millis() < block.until_ms)
            .filter(|window| block.until_ms <= window.until().timestamp_millis());
        let Some(window) = window.and_then(|window| {
            Window::from_millis(window.from().timestamp_millis(), block.until_ms)
        }) else {
            return Ok(());
        };
        if block.end - block.first > PAGE && block.until_ms - block.from_ms == 1 {
            return self.read_instant(block).await;
        }
        let query = self.newest_first(window);
        let Some(seen) = self.read(&query).await? else {
            return Ok(());
        };
        if let (Some(count), false) = (seen.count, seen.is_foreign) {
            self.counted.push((window, count));
        }
        Ok(())
    }

    /// Reads tickets of one instant that are more than a page.
    async fn read_instant(&mut self, block: &Block) -> Result<()> {
        let Some(window) = Window::from_millis(block.from_ms, block.until_ms) else {
            return Ok(());
        };
        let mut query = self.query(window);
        while self.allowance() > 0 {
            let Some(seen) = self.read(&query).await? else {
                return Ok(());
            };
            let length = u32::try_from(seen.length).unwrap_or(0);
            query.skip += length;
            if length == 0
                || seen
                    .count
                    .is_some_and(|count| u64::from(query.skip) >= count)
            {
                return Ok(());
            }
        }
        Ok(())
    }
}

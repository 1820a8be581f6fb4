//! Steps 6 and 9: pages by what is expected to have changed on them, and the floor under how long
//! any ticket goes unread.

use super::night::Night;
use super::read::Seen;
use crate::api::TicketsQuery;
use crate::error::Result;
use crate::mava::PAGE;
use crate::refresh::Block;
use crate::window::Window;

/// Requests left to the steps after this one.
pub(super) const LEFT: u64 = 12;

impl Night<'_> {
    /// The best first, as long as they are worth it. A night's share of the floor stays paid for.
    pub(super) async fn pages(&mut self) -> Result<()> {
        let windows = self.desk.windows();
        let reserved = self.floor_share + LEFT;
        for block in self.desk.worthwhile(self.ratings_outstanding()) {
            if self.allowance() <= reserved {
                self.remark(
                    "the limit of --max-requests was reached before every page worth reading was read"
                        .to_owned(),
                );
                break;
            }
            self.read_block(&block, &windows).await?;
        }
        Ok(())
    }

    /// What has gone unread for longest. Pages that located losses have read such tickets as well,
    /// all over the history, and count towards a night's share. Beyond that share, something is left
    /// to the step that follows.
    pub(super) async fn refresh(&mut self) -> Result<()> {
        let windows = self.desk.windows();
        let within = self.settings.refresh_within_days;
        let read = self.reread / PAGE;
        let share = self.floor_share.saturating_sub(count(read));
        for (number, block) in self.desk.floor(within, read).into_iter().enumerate() {
            let left = if count(number) < share { 0 } else { LEFT };
            if self.allowance() <= left {
                self.remark(format!(
                    "the limit of --max-requests was reached before every ticket unread for about {within} days was \
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
        if self.desk.index.live(block.from_ms, block.until_ms) > PAGE {
            return self.read_rest(block.from_ms, block.until_ms).await;
        }
        let query = self.newest_first(window);
        let Some(seen) = self.read(&query).await? else {
            return Ok(());
        };
        if let (Some(count), false) = (seen.count, seen.is_foreign) {
            self.counted.push((window, count));
        }
        match self.unmet(block, &seen) {
            Some(from_ms) => self.read_rest(from_ms, block.until_ms).await,
            None => Ok(()),
        }
    }

    /// Creation of the first ticket of a block that its page did not reach down to: more tickets are
    /// there than are stored, or the API makes shorter pages.
    fn unmet(&self, block: &Block, seen: &Seen) -> Option<i64> {
        let is_whole = seen.count.is_some_and(|count| count <= seen.received());
        let oldest_ms = seen.created_ms().min().filter(|_| !is_whole)?;
        self.desk
            .index
            .created_in(block.from_ms, block.until_ms.min(oldest_ms + 1))
            .iter()
            .find(|known| !known.is_met && !known.is_gone)
            .map(|known| known.created_ms)
    }

    /// Reads a range oldest first to its end, a crowded millisecond by offsets.
    async fn read_rest(&mut self, from_ms: i64, until_ms: i64) -> Result<()> {
        let mut position_ms = from_ms;
        while self.allowance() > 0
            && let Some(window) = Window::from_millis(position_ms, until_ms)
        {
            let query = self.query(window);
            let Some(seen) = self.read(&query).await? else {
                return Ok(());
            };
            let Some(spanned) = seen.spans else {
                return Ok(());
            };
            if spanned.timestamp_millis() > position_ms {
                position_ms = spanned.timestamp_millis();
                continue;
            }
            if let Some(instant) = Window::from_millis(position_ms, position_ms + 1) {
                self.read_on(self.query(instant), &seen).await?;
            }
            position_ms += 1;
        }
        Ok(())
    }

    /// Reads on where the first page of one millisecond does not hold all of it. Nothing is concluded
    /// from what does not come.
    pub(super) async fn read_on(&mut self, mut query: TicketsQuery, first: &Seen) -> Result<()> {
        let mut received = first.received();
        while received > 0 && self.allowance() > 0 {
            let skip = u64::from(query.skip) + received;
            query.skip = u32::try_from(skip).unwrap_or(u32::MAX);
            let Some(seen) = self.read(&query).await? else {
                return Ok(());
            };
            received = seen.received();
            if seen.count.is_some_and(|count| skip + received >= count) {
                break;
            }
        }
        Ok(())
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

//! Step 3: resolved since the last sync, by sweeps over lists sorted by resolution time.

use super::night::Night;
use super::sweeps::Swept;
use crate::error::Result;
use crate::refresh::{Kind, Segment};
use crate::window::Window;

impl Night<'_> {
    pub(super) async fn resolved(&mut self) -> Result<()> {
        if !self.is_again_trusted() {
            self.tell_first_resolutions();
        }
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
                // Tickets that are resolved again may be seen late, which is told; the others are read
                // by the next step.
                Swept::Whole | Swept::Torn if !self.is_again_trusted() => {}
                Swept::Whole => {
                    let window = (segment.from_ms, segment.until_ms);
                    self.vouch(Kind::Resolution, window, i64::MIN)?;
                }
                Swept::Torn => self.owe(
                    &segment,
                    "tickets entered and left the list by resolution time while it was paged, so that some may \
                     be on none of its pages",
                )?,
                Swept::Broken if self.is_time_trusted => self.owe(
                    &segment,
                    "the list by resolution time could not be read to its end",
                )?,
                Swept::Broken => {}
            }
            if !self.is_time_trusted {
                break;
            }
        }
        Ok(())
    }

    /// A list was not read to its end, because of this: the next sync reads it again, down to the same
    /// instant.
    fn owe(&mut self, segment: &Segment, reason: &str) -> Result<()> {
        let Some(window) = Window::from_millis(segment.from_ms, segment.until_ms) else {
            return Ok(());
        };
        self.fail(window.to_string(), reason.to_owned());
        self.store()?.commit_unswept(window)
    }
}

//! Step 5: ratings that came after the resolution.

use super::night::Night;
use super::sweeps::Swept;
use crate::error::Result;
use crate::mava::RATINGS;
use crate::refresh::Kind;
use crate::window::Window;

/// Of the allowance, the share that ratings leave to the steps after them, in percent.
const LEFT_PERCENT: u64 = 50;

impl Night<'_> {
    pub(super) async fn ratings(&mut self) -> Result<()> {
        if self.allowance() == 0 {
            self.remark(
                "the limit of --max-requests was reached before ratings were counted".to_owned(),
            );
            return Ok(());
        }
        let (from_ms, until_ms) = (self.desk.year_ms(), self.desk.since_ms());
        let Some(window) = Window::from_millis(from_ms, until_ms) else {
            return Ok(());
        };
        let mut query = self.newest_first(window);
        query.csat_values = RATINGS.map(str::to_owned).to_vec();
        // On a connection of its own, since the count is what this step goes by.
        let query = query.alone();
        let Some(seen) = self.read(&query).await? else {
            return Ok(());
        };
        if seen.is_foreign {
            self.remark(
                "the API ignores the filter by csatValues: late ratings are found only as \
                 their tickets are read again"
                    .to_owned(),
            );
            return Ok(());
        }
        let Some(mut remote) = seen.count else {
            return Ok(());
        };
        // Ratings are rarely taken back: a count below what is known has to repeat.
        if self.known_ratings() > remote && self.allowance() > 0 {
            let again = self.count_alone(&query).await?;
            remote = again.map_or(remote, |again| again.max(remote));
        }
        self.rated = Some(remote);
        let reserve = self.allowance() * LEFT_PERCENT / 100;
        if self.outstanding(remote) > 0 && self.is_time_trusted {
            let (sweep, slack_ms) = self.desk.rating_sweep(self.outstanding(remote));
            for segment in sweep.segments {
                if self.outstanding(remote) == 0 || self.allowance() <= reserve {
                    break;
                }
                let since_ms = until_ms - slack_ms;
                match self.sweep(&segment, since_ms, true).await? {
                    Swept::Whole => {
                        let window = (segment.from_ms, segment.until_ms);
                        self.vouch(Kind::Rating, window, since_ms)?;
                    }
                    Swept::Torn => self.remark(
                        "tickets entered and left the list of rated tickets while it was paged: late ratings \
                         that were missed are found as their tickets are read again"
                            .to_owned(),
                    ),
                    Swept::Broken => break,
                }
            }
        }
        if self.outstanding(remote) == 0 {
            self.vouch(Kind::Rating, (from_ms, until_ms), i64::MIN)?;
        }
        Ok(())
    }

    /// Ratings that are known to be unseen, if they were counted.
    pub(super) fn ratings_outstanding(&self) -> Option<u64> {
        self.rated.map(|remote| self.outstanding(remote))
    }

    /// Ratings that the API counts and that are neither in the index nor on tickets without a row.
    fn outstanding(&self, remote: u64) -> u64 {
        remote.saturating_sub(self.known_ratings())
    }

    /// Ratings in the index and on tickets without a row.
    fn known_ratings(&self) -> u64 {
        let desk = &self.desk;
        let (from_ms, until_ms) = (desk.year_ms(), desk.since_ms());
        let tickets = desk.index.created_in(from_ms, until_ms);
        let local = tickets
            .iter()
            .filter(|known| known.is_rated && !known.is_gone);
        let rejected = self.rejected.values().filter(|rejected| {
            rejected.is_rated && (from_ms..until_ms).contains(&rejected.created_ms)
        });
        let known = local.count() + rejected.count();
        u64::try_from(known).unwrap_or(u64::MAX)
    }
}

//! Step 5: ratings that came after the resolution.

use super::night::Night;
use super::resolved::Swept;
use crate::error::Result;
use crate::refresh::{self, Cell, DAY_MS, Kind, LONGEST_MS, Sweep, real};

/// How far back a sweep for ratings looks for resolutions, in days before the last sync.
const SLACKS: [i64; 8] = [1, 2, 3, 4, 6, 8, 11, 15];

/// Of the allowance, the share that ratings leave to the steps after them, in percent.
const LEFT_PERCENT: u64 = 50;

impl Night<'_> {
    pub(super) async fn ratings(&mut self) -> Result<()> {
        if !self.is_time_trusted || self.allowance() == 0 {
            return Ok(());
        }
        let until_ms = self.since_ms();
        let from_ms = (until_ms - LONGEST_MS).max(self.first_ms());
        let Some(window) = Self::window_ms(from_ms, until_ms) else {
            return Ok(());
        };
        let mut query = self.slowest_first(window);
        query.csat_values = (1..=5).map(|value| value.to_string()).collect();
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
        let Some(remote) = seen.count else {
            return Ok(());
        };
        let reserve = self.allowance() * LEFT_PERCENT / 100;
        if self.outstanding(remote, from_ms, until_ms) > 0 {
            let (sweep, slack_ms) = self.cheapest(from_ms, until_ms, remote);
            for segment in sweep.segments {
                if self.outstanding(remote, from_ms, until_ms) == 0 || self.allowance() <= reserve {
                    break;
                }
                let since_ms = until_ms - slack_ms;
                match self.sweep(&segment, since_ms, true).await? {
                    Swept::Whole => {
                        let window = (segment.from_ms, segment.until_ms);
                        self.vouch(Kind::Rating, window, since_ms)?;
                    }
                    Swept::Broken => break,
                }
            }
        }
        let outstanding = self.outstanding(remote, from_ms, until_ms);
        self.ratings_outstanding = Some(outstanding);
        if outstanding == 0 {
            self.vouch(Kind::Rating, (from_ms, until_ms), i64::MIN)?;
        }
        Ok(())
    }

    /// Ratings that the API counts and the index lacks.
    fn outstanding(&self, remote: u64, from_ms: i64, until_ms: i64) -> u64 {
        let tickets = self.index.created_in(from_ms, until_ms);
        let local = tickets
            .iter()
            .filter(|known| known.is_rated && !known.is_gone);
        remote.saturating_sub(u64::try_from(local.count()).unwrap_or(u64::MAX))
    }

    /// The cheapest sweep over rated tickets, with how far it looks back. Expectations are scaled to
    /// what is known to be outstanding.
    fn cheapest(&self, from_ms: i64, until_ms: i64, remote: u64) -> (Sweep, i64) {
        let outstanding = self.outstanding(remote, from_ms, until_ms);
        let scale = self.rating_scale(from_ms, until_ms, outstanding);
        let edges = self.edges(from_ms, until_ms);
        let now_ms = self.began_ms();
        let cells: Vec<Cell> = self
            .cells(&edges, |cell, known| {
                let Some(time) = known.resolution_ms else {
                    return;
                };
                if known.is_rated {
                    cell.listed_ms.push(time);
                } else {
                    let from_ms = known.known_ms(Kind::Rating);
                    let expected = self.hazards.rating.expected_between(
                        known.resolved_at_ms(),
                        from_ms,
                        now_ms,
                    );
                    if expected > 0.0 {
                        cell.expected_at_ms.push((time, expected * scale));
                    }
                }
            })
            .into_iter()
            .map(Cell::sorted)
            .collect();
        let mut best: Option<(Sweep, i64)> = None;
        for slack in SLACKS {
            let slack_ms = slack * DAY_MS;
            let sweep = refresh::sweep(&edges, &cells, until_ms - slack_ms, now_ms, self.price);
            if best
                .as_ref()
                .is_none_or(|(known, _)| sweep.cost < known.cost)
            {
                best = Some((sweep, slack_ms));
            }
        }
        best.unwrap_or_default()
    }

    /// What expectations of ratings are to be multiplied by so that they add up to `outstanding`.
    pub(super) fn rating_scale(&self, from_ms: i64, until_ms: i64, outstanding: u64) -> f64 {
        let now_ms = self.began_ms();
        let tickets = self.index.created_in(from_ms, until_ms);
        let expected: f64 = tickets
            .iter()
            .filter(|known| known.is_resolved && !known.is_rated && !known.is_gone)
            .map(|known| {
                let from_ms = known.known_ms(Kind::Rating);
                self.hazards
                    .rating
                    .expected_between(known.resolved_at_ms(), from_ms, now_ms)
            })
            .sum();
        if expected > 0.0 {
            real(usize::try_from(outstanding).unwrap_or(usize::MAX)) / expected
        } else {
            0.0
        }
    }
}

//! What one sync plans by: the index, what was learnt, and its place in time.

use super::blocks::{Block, Worth, blocks, by_age};
use super::cover::{Cover, cover};
use super::hazard::{Hazard, Hazards, Kind};
use super::index::{Index, Known};
use super::sweep::{Cell, Sweep, grid, sweep};
use super::{DAY_MS, LONGEST_MS, real};
use crate::mava::PAGE;
use crate::table::Instant;
use crate::window::Window;

/// How far back a sweep for ratings looks for resolutions, in days before the last sync.
const SLACKS: [i64; 8] = [1, 2, 3, 4, 6, 8, 11, 15];

/// What a change from before the last sync counts for that was not seen since, against one since then. The more
/// it counts, the more pages are read now and then, where fewer could be read every night: more is seen in the
/// end, and less by the next morning.
const EARLIER: f64 = 0.25;

/// A desk on one night.
#[derive(Debug, Clone)]
pub struct Desk {
    /// Start of the history.
    pub first: Instant,
    /// Everything before this was seen by the last complete sync.
    pub since: Instant,
    /// When this one began, by the server's clock.
    pub began_at: Instant,
    /// The live tickets.
    pub index: Index,
    /// How often resolved tickets change.
    pub hazards: Hazards,
}

impl Desk {
    /// Milliseconds since 1970.
    pub fn first_ms(&self) -> i64 {
        self.first.timestamp_millis()
    }

    /// Milliseconds since 1970.
    pub fn since_ms(&self) -> i64 {
        self.since.timestamp_millis()
    }

    /// Milliseconds since 1970.
    pub fn began_ms(&self) -> i64 {
        self.began_at.timestamp_millis()
    }

    /// Start of the newest year before the last sync.
    pub fn year_ms(&self) -> i64 {
        (self.since_ms() - LONGEST_MS).max(self.first_ms())
    }

    /// Windows of at most a year from the history's start to `until`, cut from its end backwards, so
    /// that the newest is the longest; newest first.
    pub fn windows_until(&self, until: Instant) -> Vec<Window> {
        Window::new(self.first, until)
            .map_or_else(Vec::new, |history| history.split_by_year_from_end())
    }

    /// Windows of everything before the last sync.
    pub fn windows(&self) -> Vec<Window> {
        self.windows_until(self.since)
    }

    /// Unresolved at the last sync and not seen since, by creation; also those with a status that no
    /// list of the open set is asked for by.
    pub fn sought(&self) -> Vec<Known> {
        let tickets = self.index.tickets();
        tickets
            .iter()
            .filter(|known| !known.is_resolved && !known.is_seen && !known.is_gone)
            .filter(|known| self.first_ms() <= known.created_ms)
            .filter(|known| known.created_ms < self.since_ms())
            .cloned()
            .collect()
    }

    /// Those of [`sought`](Self::sought) that stay in it although nothing happens to them: no list is
    /// asked for by their status.
    pub fn strays(&self) -> Vec<Known> {
        let sought = self.sought().into_iter();
        sought.filter(|known| !known.is_open).collect()
    }

    /// The sweeps that show everything resolved since the last sync, `sought` among it.
    /// [Strays](Self::strays) among them are left to plain pages.
    pub fn resolution_sweep(&self, sought: &[Known]) -> Sweep {
        let until_ms = self.since_ms();
        let edges = self.edges(self.first_ms(), until_ms);
        let open = sought.iter().filter(|known| known.is_open);
        let cells = self.resolution_cells(&edges, open);
        sweep(&edges, &cells, until_ms, self.began_ms(), 0.0)
    }

    /// The fewest plain pages that show all of `sought`.
    pub fn cover(&self, sought: &[Known]) -> Cover {
        let sought_ms: Vec<i64> = sought.iter().map(|known| known.created_ms).collect();
        cover(&self.index, &sought_ms, LONGEST_MS)
    }

    /// The cheapest sweep over rated tickets of the newest year, with how far it looks back in
    /// milliseconds. Expectations are scaled to what is known to be outstanding; a rating that the sweep
    /// misses is looked for by halves.
    pub fn rating_sweep(&self, outstanding: u64) -> (Sweep, i64) {
        let (from_ms, until_ms, now_ms) = (self.year_ms(), self.since_ms(), self.began_ms());
        let scale = self.rating_scale(outstanding);
        let edges = self.edges(from_ms, until_ms);
        let mut rated: usize = 0;
        let cells: Vec<Cell> = self
            .cells(&edges, |cell, known| {
                rated += usize::from(known.is_rated);
                let Some(time) = known.resolution_ms else {
                    return;
                };
                if known.is_rated {
                    cell.listed_ms.push(time);
                } else {
                    let expected = self.expected(known, Kind::Rating);
                    if expected > 0.0 {
                        cell.expected_at_ms.push((time, expected * scale));
                    }
                }
            })
            .into_iter()
            .map(Cell::sorted)
            .collect();
        let halvings = real(rated / PAGE + 1).log2() + 1.0;
        let mut best: Option<(Sweep, i64)> = None;
        for slack in SLACKS {
            let slack_ms = slack * DAY_MS;
            let sweep = sweep(&edges, &cells, until_ms - slack_ms, now_ms, halvings);
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
    pub fn rating_scale(&self, outstanding: u64) -> f64 {
        let tickets = self.index.created_in(self.year_ms(), self.since_ms());
        let expected: f64 = tickets
            .iter()
            .filter(|known| known.is_resolved && !known.is_rated && !known.is_gone)
            .map(|known| self.expected(known, Kind::Rating))
            .sum();
        if expected > 0.0 {
            real(usize::try_from(outstanding).unwrap_or(usize::MAX)) / expected
        } else {
            0.0
        }
    }

    /// Blocks in which more is expected to be found than on an average one, the most first: what the others are
    /// worth, reading them by age is worth as well. `outstanding` are the ratings
    /// known to be unseen, if that is known.
    pub fn by_finds(&self, outstanding: Option<u64>) -> Vec<Block> {
        let scale = outstanding.map_or(1.0, |left| self.rating_scale(left));
        let worth = |place: usize| {
            let known = self.index.tickets().get(place);
            let Some(known) = known.filter(|known| known.is_resolved) else {
                return Worth::default();
            };
            let mut expected = self.worth(known, Kind::Other) + self.worth(known, Kind::Resolution);
            if !known.is_rated {
                expected += self.worth(known, Kind::Rating) * scale;
            }
            Worth { expected }
        };
        let mut all: Vec<Block> = self
            .windows()
            .iter()
            .flat_map(|window| {
                let from_ms = window.from().timestamp_millis();
                blocks(
                    &self.index,
                    from_ms,
                    window.until().timestamp_millis(),
                    worth,
                )
            })
            .collect();
        let sum: f64 = all.iter().map(|block| block.value).sum();
        let mean = sum / real(all.len().max(1));
        all.retain(|block| block.value > mean);
        all.sort_by(|left, right| right.value.total_cmp(&left.value));
        all
    }

    /// Blocks that have gone unread for longest, `most` at most.
    pub fn by_age(&self, most: usize) -> Vec<Block> {
        let windows = self.windows();
        let mut edges_ms: Vec<i64> = windows
            .iter()
            .rev()
            .map(|window| window.from().timestamp_millis())
            .collect();
        edges_ms.extend(windows.first().map(|_| self.since_ms()));
        by_age(&self.index, &edges_ms, most)
    }

    /// Changes of a kind that are expected of a ticket, all that nobody has seen.
    fn expected(&self, known: &Known, kind: Kind) -> f64 {
        self.expected_from(known, kind, i64::MIN)
    }

    /// What reading a ticket now is worth, as to one kind: see [`EARLIER`].
    fn worth(&self, known: &Known, kind: Kind) -> f64 {
        let fresh = self.expected_from(known, kind, self.since_ms());
        fresh + EARLIER * (self.expected(known, kind) - fresh)
    }

    /// Those from an instant on.
    fn expected_from(&self, known: &Known, kind: Kind, from_ms: i64) -> f64 {
        let hazard: &Hazard = match kind {
            Kind::Rating => &self.hazards.rating,
            Kind::Resolution => &self.hazards.resolution,
            Kind::Other => &self.hazards.other,
        };
        hazard.expected_between(
            known.resolved_at_ms(),
            known.known_ms(kind).max(from_ms),
            self.began_ms(),
        )
    }

    /// Possible edges of sweeps.
    fn edges(&self, from_ms: i64, until_ms: i64) -> Vec<i64> {
        let recent = self
            .index
            .created_in(until_ms - 28 * DAY_MS, until_ms)
            .len();
        grid(from_ms, until_ms, self.began_ms(), real(recent) / 28.0)
    }

    /// Every ticket that was resolved may have been resolved again, and the lists count the others: none is
    /// left out.
    fn resolution_cells<'a>(
        &self,
        edges: &[i64],
        sought: impl Iterator<Item = &'a Known>,
    ) -> Vec<Cell> {
        let now_ms = self.began_ms();
        let mut cells: Vec<Cell> = self.cells(edges, |cell, known| {
            if let Some(time) = known.resolution_ms {
                cell.listed_ms.push(time);
            }
        });
        for cell in &mut cells {
            cell.is_sought = true;
        }
        for known in sought {
            let place = edges.partition_point(|edge| *edge <= known.created_ms);
            if let Some(cell) = place.checked_sub(1).and_then(|place| cells.get_mut(place)) {
                cell.listed_ms.push(now_ms - known.created_ms);
            }
        }
        cells.into_iter().map(Cell::sorted).collect()
    }

    /// One cell between each two edges, filled ticket by ticket.
    fn cells(&self, edges: &[i64], mut fill: impl FnMut(&mut Cell, &Known)) -> Vec<Cell> {
        edges
            .windows(2)
            .filter_map(|pair| Some((*pair.first()?, *pair.get(1)?)))
            .map(|(from_ms, until_ms)| {
                let mut cell = Cell::default();
                for known in self.index.created_in(from_ms, until_ms) {
                    if !known.is_gone {
                        fill(&mut cell, known);
                    }
                }
                cell
            })
            .collect()
    }
}

//! Slices that are added while the others are read: halves for idle lanes, and parts that are read once more.

use std::collections::HashMap;

use super::Lanes;
use crate::extract::announcements::Standing;
use crate::extract::pager::Pager;
use crate::extract::splits::Splits;
use crate::extract::writer::Event;
use crate::mava::PAGE_LIMIT;
use crate::plan::Slice;
use crate::table::Instant;
use crate::window::Window;

/// A slice with fewer tickets left is not worth splitting: a split costs a partly filled page.
const LEAST_TICKETS_TO_SPLIT: u64 = 8 * PAGE_LIMIT as u64;

/// Pages for each of which one split may be spent, so that splits cost about one percent.
const PAGES_PER_SPLIT: u64 = 100;

/// The halves of slices that were split.
#[derive(Default)]
pub(super) struct Halves {
    made: u64,
    /// What the two of a split have to hold together.
    pub(super) counts: Splits,
    /// Where the later one of a split ends, by the part that was read before it.
    ends: HashMap<Window, Instant>,
}

impl Lanes<'_> {
    /// Splits a slice for a lane that would be idle, if it is about the largest left.
    pub(super) async fn split(&mut self, pager: &mut Pager) {
        let is_lane_idle = self.flights.pages.len() + self.parked.len() + 1 < self.lanes();
        let allowed = (self.landed.pages + self.expected_pages()) / PAGES_PER_SPLIT
            + u64::try_from(self.lanes()).unwrap_or(0);
        let Some(left) = pager.remaining() else {
            return;
        };
        let largest = self
            .slices
            .standings
            .values()
            .filter_map(|standing| standing.remaining)
            .max();
        if self.extraction.is_listing
            || !is_lane_idle
            || self.halves.made >= allowed
            || left < LEAST_TICKETS_TO_SPLIT
            || left.saturating_mul(2) < largest.unwrap_or(0)
        {
            return;
        }
        let announced = pager.announced();
        let Some(window) = pager.split() else {
            return;
        };
        let added = Slice::new(self.slices.next_number, window);
        if let Some((part, least)) = announced {
            let halves = [pager.slice().number, added.number];
            self.halves.counts.add(halves, part, least);
            self.halves.ends.insert(part, added.window.until());
        }
        self.hand_over(Event::Split {
            shrunk: pager.slice().clone(),
            added: added.clone(),
        })
        .await;
        self.halves.made += 1;
        let half = Standing::of(pager);
        self.slices.standings.insert(pager.slice().number, half);
        self.slices.add(
            added.number,
            Standing {
                handed_on: 0,
                remaining: half.remaining,
            },
        );
        self.parked.push(self.extraction.pager(added));
    }

    /// Reads a part that was passed over once more, as a slice of its own.
    pub(super) async fn look_again(&mut self, part: Window) {
        let slice = Slice::new(self.slices.next_number, part);
        tracing::info!(window = %part, "the count fell by more than the tickets read, asking again");
        self.hand_over(Event::Added(slice.clone())).await;
        let until = self.halves.ends.remove(&part);
        if let Some(window) = until.and_then(|until| Window::new(part.from(), until)) {
            self.tell_vanished(window).await;
        }
        let standing = Standing {
            handed_on: 0,
            remaining: Some(0),
        };
        self.slices.add(slice.number, standing);
        self.parked.push(self.extraction.pager(slice));
    }

    fn expected_pages(&self) -> u64 {
        let left: u64 = self
            .slices
            .standings
            .values()
            .filter_map(|standing| standing.remaining)
            .sum();
        left / u64::from(PAGE_LIMIT)
    }
}

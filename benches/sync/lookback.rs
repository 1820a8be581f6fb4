//! The usual way: every night all tickets created in the last days. Replayed in memory.

use mava_export::simulator::Changes;
use mava_export::window::Window;

use super::Strategy;
use super::desk::Desk;
use super::requests::Requests;
use super::watch::Watch;

pub(crate) struct Lookback {
    days: i64,
    strategy: Strategy,
}

impl Lookback {
    pub(crate) fn new(days: i64, nights: usize) -> Self {
        Self {
            days,
            strategy: Strategy {
                name: format!("look back {days} d"),
                requests: Requests::default(),
                watch: Watch::new(nights),
            },
        }
    }

    /// Reads the last days' tickets; sees those exactly, the deleted among them too.
    pub(crate) fn night(&mut self, night: usize, desk: &Desk, changes: &Changes) {
        let now = desk.now();
        let from = now - chrono::Duration::days(self.days);
        let windows = Window::new(from, now).expect("a range").split_by_year();
        let opened = u64::try_from(windows.len()).expect("few");
        let Strategy {
            requests, watch, ..
        } = &mut self.strategy;
        requests.add(night, desk.pages(&windows) + opened);
        watch.expect(night, &changes.tickets);
        watch.look(night, |change, _| change.created_at >= from);
    }

    pub(crate) fn into_strategy(self) -> Strategy {
        self.strategy
    }
}

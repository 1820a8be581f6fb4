//! What a sync asks for, step by step. `plan sync` adds all of it up from what is stored; a sync asks
//! the same functions between its steps, with what it has learnt by then.

use chrono::TimeDelta;

use super::DAY_MS;
use super::blocks::Block;
use super::desk::Desk;
use super::hazard::Kind;
use super::spending::{Limits, by_finds, syncs_for_all};
use super::step::SyncStep;
use super::sweep::Segment;
use crate::mava::{PAGE, PAGE_LIMIT};
use crate::plan;
use crate::window::Window;

/// Requests beside the steps: categories and agents.
pub const LOOKUPS: u64 = 2;

/// Each list ends with a count of it.
const COUNT: u64 = 1;

/// With so many requests left after the lists, the ratings of every window are counted.
const ENOUGH_FOR_RATINGS: u64 = 40;

/// How far past the server's clock a list of new tickets reaches: what a clock may be behind.
const AHEAD: TimeDelta = TimeDelta::days(1);

/// Tickets created this long before the last sync are looked at for bulk changes: what is younger is
/// being worked on.
const UNSETTLED: TimeDelta = TimeDelta::days(7);

/// What one step asks for in one window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepPlan {
    /// The step.
    pub step: SyncStep,
    /// Where.
    pub window: Window,
    /// Tickets expected to come.
    pub tickets: u64,
    /// Requests that takes.
    pub requests: u64,
}

/// What a sync would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forecast {
    /// Its steps.
    pub steps: Vec<StepPlan>,
    /// Requests in all, the two lists included.
    pub requests: u64,
    /// Requests that reading the whole desk takes, the two lists included.
    pub full: u64,
    /// Whether it reads the whole desk, so that nothing may be unseen.
    pub is_exact: bool,
    /// In how many syncs like this one every ticket is read again; `None` where never.
    pub syncs_for_all: Option<u64>,
}

/// Blocks of neighbours to be read in their order, as long as they can be paid for.
#[derive(Debug)]
pub struct Pages {
    /// The blocks.
    pub blocks: Vec<Block>,
    /// Requests that are left to the steps that follow.
    left: u64,
}

impl Pages {
    /// Blocks on which more is expected than on an average one, the most first, for their share of the `left`
    /// requests. `outstanding` are the ratings known to be unseen, if that is known.
    pub fn by_finds(desk: &Desk, outstanding: Option<u64>, left: u64) -> Self {
        Self {
            blocks: desk.by_finds(outstanding),
            left: left - by_finds(left, count(desk.index.tickets().len() / PAGE)),
        }
    }

    /// Blocks that have gone unread for longest, for all of the requests that are left.
    pub fn by_age(desk: &Desk, left: u64) -> Self {
        Self {
            blocks: desk.by_age(usize::try_from(left).unwrap_or(usize::MAX)),
            left: 0,
        }
    }

    /// Whether another block is paid for, of an allowance of which so much is left.
    pub fn is_paid_for(&self, allowance: u64) -> bool {
        allowance > self.left
    }

    /// The blocks that an allowance pays for, a request each.
    fn paid_for(&self, allowance: u64) -> &[Block] {
        let paid = allowance.saturating_sub(self.left);
        let paid = usize::try_from(paid).unwrap_or(usize::MAX);
        self.blocks
            .get(..paid.min(self.blocks.len()))
            .unwrap_or_default()
    }
}

/// Requests that reading the whole desk takes, where its windows hold so many live tickets.
pub fn full_requests(live: impl IntoIterator<Item = u64>) -> u64 {
    let pages = |tickets| plan::requests(tickets, PAGE_LIMIT) + COUNT;
    live.into_iter().map(pages).sum()
}

/// The windows of a list of the whole desk.
pub fn full_windows(desk: &Desk) -> Vec<Window> {
    desk.windows_until(desk.began_at + AHEAD)
}

/// The windows of the list of new tickets.
pub fn new_windows(desk: &Desk) -> Vec<Window> {
    let window = Window::new(desk.since, desk.began_at + AHEAD);
    window.map_or_else(Vec::new, |window| window.split_by_year())
}

/// Windows of everything that is old enough to be left alone.
pub fn settled_windows(desk: &Desk) -> Vec<Window> {
    desk.windows_until(desk.since - UNSETTLED)
}

/// A sync of the whole desk.
fn full(desk: &Desk) -> Vec<StepPlan> {
    let windows = desk.windows_until(desk.began_at).into_iter();
    windows
        .map(|window| {
            let tickets = live(desk, &window);
            planned(SyncStep::Full, window, tickets, full_requests([tickets]))
        })
        .collect()
}

/// What is due now, whatever the desk.
#[derive(Debug, Clone, Copy, Default)]
pub struct Due {
    /// A tag or a category is to be counted.
    pub group: bool,
    /// Ratings were missing at the end of the last sync.
    pub ratings: bool,
}

/// What a sync does now, as far as what is stored tells.
pub fn plan(desk: &Desk, limits: &Limits, due: Due) -> Forecast {
    let whole = full(desk);
    let full = LOOKUPS + sum(&whole);
    if limits.reads_all(full) {
        return Forecast {
            steps: whole,
            requests: full,
            full,
            is_exact: true,
            syncs_for_all: Some(1),
        };
    }
    let allowance = limits.allowance.unwrap_or(u64::MAX);
    let mut steps = lists(desk);
    let left = allowance.saturating_sub(LOOKUPS + sum(&steps));
    steps.extend(counts(desk, rated_windows(desk, left, due.ratings)));
    let mut optional = Optional {
        left: allowance.saturating_sub(LOOKUPS + sum(&steps)),
        all: Vec::new(),
    };
    let (left, by_age) = optional.add_pages(desk.clone(), due.group);
    steps.extend(optional.all);
    Forecast {
        requests: LOOKUPS + sum(&steps),
        full,
        is_exact: false,
        syncs_for_all: syncs_for_all(left, by_age),
        steps,
    }
}

fn sum(steps: &[StepPlan]) -> u64 {
    steps.iter().map(|planned| planned.requests).sum()
}

/// Optional steps, as far as they are paid for.
#[derive(Debug)]
struct Optional {
    left: u64,
    all: Vec<StepPlan>,
}

impl Optional {
    /// Adds a request, if it is paid for.
    fn add_one(&mut self, step: SyncStep, window: Window) {
        if self.left > 0 {
            self.left -= 1;
            self.all.push(planned(step, window, 0, 1));
        }
    }

    /// Adds the pages of both kinds, and a count of a tag or a category between them; gives back how many
    /// tickets are left to go by age, and how many of them are read.
    fn add_pages(&mut self, mut desk: Desk, is_group_due: bool) -> (u64, u64) {
        // As if no rating had come since: how many did, only the count in the step before tells.
        let pages = Pages::by_finds(&desk, Some(0), self.left);
        let finds = self.add_blocks(SyncStep::Pages, pages.paid_for(self.left));
        for block in pages.paid_for(finds + pages.left) {
            desk.index.see(block.first..block.end);
        }
        if let (true, Some(window)) = (is_group_due, settled_windows(&desk).first()) {
            self.add_one(SyncStep::Campaigns, *window);
        }
        let left = desk.index.unseen(desk.first_ms(), desk.since_ms());
        let pages = Pages::by_age(&desk, self.left);
        let blocks = pages.paid_for(self.left);
        for block in blocks {
            desk.index.see(block.first..block.end);
        }
        self.add_blocks(SyncStep::Refresh, blocks);
        let unread = desk.index.unseen(desk.first_ms(), desk.since_ms());
        (count(left), count(left - unread))
    }

    /// Adds pages all over a range, as one line; gives back how many.
    fn add_blocks(&mut self, step: SyncStep, blocks: &[Block]) -> u64 {
        let from = blocks.iter().map(|block| block.from_ms).min();
        let until = blocks.iter().map(|block| block.until_ms).max();
        let requests = count(blocks.len());
        let window = from.zip(until);
        if let Some(window) = window.and_then(|(from, until)| Window::from_millis(from, until)) {
            let tickets = blocks.iter().map(|block| count(block.end - block.first));
            self.left = self.left.saturating_sub(requests);
            self.all
                .push(planned(step, window, tickets.sum(), requests));
        }
        requests
    }
}

/// The windows whose ratings are counted: all of them, but where hardly anything is `left` to be sent the newest
/// and, of the others, the one in which they have gone uncounted for longest. Ratings that were missing before
/// are counted until they are found.
pub fn rated_windows(desk: &Desk, left: u64, were_missing: bool) -> Vec<Window> {
    let windows = desk.windows();
    if left >= ENOUGH_FOR_RATINGS || were_missing {
        return windows;
    }
    let oldest_known_ms = |window: &Window| {
        let (from, until) = (window.from(), window.until());
        let tickets = desk
            .index
            .created_in(from.timestamp_millis(), until.timestamp_millis());
        let unrated = tickets
            .iter()
            .filter(|known| known.is_resolved && !known.is_rated && !known.is_gone);
        let known_ms = unrated.map(|known| known.known_ms(Kind::Rating));
        known_ms.min().unwrap_or(i64::MAX)
    };
    let older = windows
        .iter()
        .skip(1)
        .min_by_key(|window| oldest_known_ms(window));
    windows.iter().take(1).chain(older).copied().collect()
}

/// The lists that a sync reads, whatever it may spend.
fn lists(desk: &Desk) -> Vec<StepPlan> {
    let mut all = Vec::new();
    all.extend(new(desk));
    for window in desk.windows() {
        let open = open(desk, &window);
        all.push(planned(SyncStep::Open, window, open, full_requests([open])));
    }
    // Which of the open tickets will be gone from the list is not known yet.
    for segment in desk.resolution_sweep(&[]).segments {
        all.extend(swept(&segment));
    }
    let strays = desk.strays();
    let range = strays.first().zip(strays.last());
    let window =
        range.and_then(|(first, last)| Window::from_millis(first.created_ms, last.created_ms + 1));
    all.extend(window.map(|window| {
        let requests = count(desk.cover(&strays).requests());
        planned(SyncStep::Confirm, window, count(strays.len()), requests)
    }));
    all
}

/// The counts that a sync takes, whatever it may spend.
fn counts(desk: &Desk, rated: Vec<Window>) -> Vec<StepPlan> {
    let ratings = rated.into_iter().map(|window| (SyncStep::Ratings, window));
    let mut all: Vec<_> = ratings.collect();
    // Lists of resolved tickets leave no gap, and have counted all the others by then.
    if !desk.strays().is_empty() {
        let windows = desk.windows().into_iter();
        all.extend(windows.map(|window| (SyncStep::Deletions, window)));
    }
    let planned = |(step, window)| planned(step, window, 0, 1);
    all.into_iter().map(planned).collect()
}

/// As many new tickets as the last four weeks brought in the time since the last sync.
fn new(desk: &Desk) -> Option<StepPlan> {
    let window = Window::new(desk.since, desk.began_at)?;
    let until_ms = desk.since_ms();
    let month = desk.index.live(until_ms - 28 * DAY_MS, until_ms);
    let hours = window.length().max(TimeDelta::hours(1)).num_hours();
    let tickets = count(month) * u64::try_from(hours).unwrap_or(0) / (28 * 24);
    let requests = full_requests([tickets]);
    Some(planned(SyncStep::New, window, tickets, requests))
}

fn swept(segment: &Segment) -> Option<StepPlan> {
    let window = Window::from_millis(segment.from_ms, segment.until_ms)?;
    let pages = count(segment.requests);
    let tickets = pages * u64::from(PAGE_LIMIT);
    Some(planned(SyncStep::Resolved, window, tickets, pages))
}

fn live(desk: &Desk, window: &Window) -> u64 {
    let (from, until) = (window.from(), window.until());
    let live = desk
        .index
        .live(from.timestamp_millis(), until.timestamp_millis());
    count(live)
}

/// Unresolved tickets in a window, by what is stored.
fn open(desk: &Desk, window: &Window) -> u64 {
    let (from, until) = (window.from(), window.until());
    let tickets = desk
        .index
        .created_in(from.timestamp_millis(), until.timestamp_millis());
    count(tickets.iter().filter(|known| known.is_open).count())
}

fn planned(step: SyncStep, window: Window, tickets: u64, requests: u64) -> StepPlan {
    StepPlan {
        step,
        window,
        tickets,
        requests,
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

//! What a sync asks for, step by step. `plan sync` adds all of it up from what is stored; a sync asks
//! the same functions between its steps, with what it has learnt by then.

use chrono::TimeDelta;

use super::DAY_MS;
use super::blocks::Block;
use super::desk::Desk;
use super::spending::most_requests;
use super::step::SyncStep;
use super::sweep::Segment;
use crate::mava::PAGE_LIMIT;
use crate::plan;
use crate::window::Window;

/// Requests beside the steps: categories and agents.
pub const LOOKUPS: u64 = 2;

/// Each list ends with a count of it.
const COUNT: u64 = 1;

/// How far past the server's clock a list of new tickets reaches: what a clock may be behind.
const AHEAD: TimeDelta = TimeDelta::days(1);

/// Requests that pages leave to the steps after them.
const LEFT: u64 = 12;

/// Tickets created this long before the last sync are looked at for bulk changes: what is younger is
/// being worked on.
const UNSETTLED: TimeDelta = TimeDelta::days(7);

/// What a sync is held to.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Whether the whole desk is to be read.
    pub is_full: bool,
    /// Requests up to which the whole desk is read anyway.
    pub full_below: u64,
    /// Requests that were asked not to be passed.
    pub max_requests: Option<u64>,
    /// Days within which every ticket is to be read again.
    pub within_days: u32,
}

impl Limits {
    /// Whether the whole desk is read, if that takes so many requests.
    pub fn reads_all(&self, full: u64) -> bool {
        self.is_full || full <= self.full_below
    }
}

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

/// Blocks of neighbours to be read in their order, as long as they can be paid for.
#[derive(Debug)]
pub struct Pages {
    /// The blocks.
    pub blocks: Vec<Block>,
    /// So many of them leave nothing to the steps that follow, the others `left`.
    first: u64,
    left: u64,
}

impl Pages {
    /// Blocks worth reading, the best first; a night's share of the floor stays paid for.
    /// `outstanding` are the ratings known to be unseen, if that is known.
    pub fn worthwhile(desk: &Desk, outstanding: Option<u64>, floor_share: u64) -> Self {
        Self {
            blocks: desk.worthwhile(outstanding),
            first: 0,
            left: floor_share + LEFT,
        }
    }

    /// Blocks that have gone unread for longest; beyond a night's share of them, something is left to the
    /// step that follows. So many pages of the share have been `read` already.
    pub fn floor(desk: &Desk, within_days: u32, read: usize, floor_share: u64) -> Self {
        Self {
            blocks: desk.floor(within_days, read),
            first: floor_share.saturating_sub(count(read)),
            left: LEFT,
        }
    }

    /// Whether the block of this number is paid for, of an allowance of which so much is left then.
    pub fn is_paid_for(&self, number: usize, allowance: u64) -> bool {
        let left = match count(number) < self.first {
            true => 0,
            false => self.left,
        };
        allowance > left
    }

    /// The blocks that an allowance pays for, a request each.
    fn paid_for(&self, allowance: u64) -> &[Block] {
        let is_paid = |number: &usize| {
            let left = allowance.saturating_sub(count(*number));
            self.is_paid_for(*number, left)
        };
        let paid = (0..self.blocks.len()).take_while(is_paid).count();
        self.blocks.get(..paid).unwrap_or_default()
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

/// The windows of the list of unresolved tickets, of all that were read. Where nothing stored is
/// unresolved, it is looked every seventh night.
pub fn open_windows(desk: &Desk, has_open: impl Fn(&Window) -> bool) -> Vec<Window> {
    let windows = desk.windows().into_iter().enumerate();
    windows
        .filter(|(number, window)| has_open(window) || desk.is_turn(*number))
        .map(|(_, window)| window)
        .collect()
}

/// The windows that are counted for losses: the newest, and those whose turn it is. Each with whether
/// it is counted even where nothing more may be sent: only a cap that was asked for keeps a sync from
/// the newest.
pub fn counted_windows(desk: &Desk, cap: Option<u64>) -> Vec<(Window, bool)> {
    let windows = desk.windows().into_iter().enumerate();
    windows
        .filter(|(number, _)| *number == 0 || desk.is_turn(*number))
        .map(|(number, window)| (window, number == 0 && cap.is_none()))
        .collect()
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

/// All that a sync asks for now, as far as what is stored tells. `is_group_due` says whether a tag or a
/// category is to be counted.
pub fn plan(desk: &Desk, limits: &Limits, is_group_due: bool) -> Vec<StepPlan> {
    let full = full(desk);
    let full_requests = full.iter().map(|planned| planned.requests).sum();
    if limits.reads_all(full_requests) {
        return full;
    }
    let mut all = needed(desk);
    let floor_share = desk.floor_share(limits.within_days, full_requests);
    let spent = LOOKUPS + all.iter().map(|planned| planned.requests).sum::<u64>();
    let most = most_requests(limits.max_requests, full_requests, floor_share, spent);
    let mut optional = Optional {
        left: most.saturating_sub(spent),
        all: Vec::new(),
    };
    if let Some(window) = Window::from_millis(desk.year_ms(), desk.since_ms()) {
        optional.add_one(SyncStep::Ratings, window, false);
    }
    // As if no rating had come since: how many did, only the count in the step before tells.
    let pages = Pages::worthwhile(desk, Some(0), floor_share);
    let read = optional.add_blocks(SyncStep::Pages, pages.paid_for(optional.left));
    for (window, is_exempt) in counted_windows(desk, limits.max_requests) {
        // A page that reaches to a window's end counts all of it.
        if !read.contains(&window.until().timestamp_millis()) {
            optional.add_one(SyncStep::Deletions, window, is_exempt);
        }
    }
    let floor = Pages::floor(desk, limits.within_days, 0, floor_share);
    optional.add_blocks(SyncStep::Refresh, floor.paid_for(optional.left));
    if let (true, Some(window)) = (is_group_due, settled_windows(desk).first()) {
        optional.add_one(SyncStep::Campaigns, *window, false);
    }
    all.extend(optional.all);
    all
}

/// Optional steps, as far as they are paid for.
#[derive(Debug)]
struct Optional {
    left: u64,
    all: Vec<StepPlan>,
}

impl Optional {
    /// Adds a request, if it is paid for or has to be sent anyway.
    fn add_one(&mut self, step: SyncStep, window: Window, is_exempt: bool) {
        if self.left > 0 || is_exempt {
            self.left = self.left.saturating_sub(1);
            self.all.push(planned(step, window, 0, 1));
        }
    }

    /// Adds pages all over a range, as one line; gives back where each ends.
    fn add_blocks(&mut self, step: SyncStep, blocks: &[Block]) -> Vec<i64> {
        let from = blocks.iter().map(|block| block.from_ms).min();
        let until = blocks.iter().map(|block| block.until_ms).max();
        let window = from.zip(until);
        if let Some(window) = window.and_then(|(from, until)| Window::from_millis(from, until)) {
            let tickets = blocks.iter().map(|block| count(block.end - block.first));
            let requests = count(blocks.len());
            self.left = self.left.saturating_sub(requests);
            self.all
                .push(planned(step, window, tickets.sum(), requests));
        }
        blocks.iter().map(|block| block.until_ms).collect()
    }
}

/// What no cap keeps a sync from.
fn needed(desk: &Desk) -> Vec<StepPlan> {
    let mut all = Vec::new();
    all.extend(new(desk));
    for window in open_windows(desk, |window| open(desk, window) > 0) {
        let open = open(desk, &window);
        all.push(planned(SyncStep::Open, window, open, full_requests([open])));
    }
    // Which of the open tickets will be gone from the list is not known yet.
    for segment in desk.resolution_sweep(&[]).unwrap_or_default().segments {
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
    Some(planned(SyncStep::Resolved, window, tickets, pages + COUNT))
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

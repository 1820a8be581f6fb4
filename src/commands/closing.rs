//! The end of each window of a run: a count on a connection of its own, held against what is stored,
//! and a comparison by id where that does not settle it.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use chrono::TimeDelta;
use futures_util::{StreamExt, TryStreamExt, stream};

use super::backfill::Context;
use super::gone;
use crate::clock;
use crate::error::Result;
use crate::extract::{self, Block, BlockPage, Missing, Scope};
use crate::plan::closing::{
    Held, HeldTicket, MOST_UNPROVEN, Next, ROUNDS, Round, Verdict, is_incredible, is_suspicious,
    overlap,
};
use crate::settings::Filters;
use crate::store::{HeldCount, ReadCommit, RunWindow, Store, WindowCommit, WindowState};
use crate::table::Instant;
use crate::window::Window;

/// Counts in flight where several windows end at once.
const LANES: usize = 8;

/// A part of at most so many stored tickets is read where its counts contradict each other.
const MOST_READ: u64 = 1_000;

/// How often two halves that together count fewer than the whole are counted.
const MOST_HALVINGS: usize = 3;

/// Closes the windows of one step of a run.
#[derive(Debug)]
pub(super) struct Closing<'a> {
    pub(super) context: &'a Context,
    pub(super) snapshot_id: i64,
    /// What the run asks with.
    pub(super) scope: Arc<Scope>,
    /// The step, or the kind of the run.
    pub(super) step: &'a str,
    /// The first slice of the run that belongs to the step.
    pub(super) first_slice: i64,
    /// The server's clock when the run began.
    pub(super) began_at: Instant,
    /// What the guard against mass losses is held against.
    pub(super) covered: &'a [Window],
    /// Whether to believe it even when suspiciously many are gone.
    pub(super) allow_deletions: bool,
    /// Requests of this process that are in the run's account.
    pub(super) accounted: u64,
    /// Tickets that were stored before the run and that it flagged.
    pub(super) known_deleted: i64,
}

/// How the windows of a step ended.
#[derive(Debug, Default)]
pub(super) struct Closed {
    /// What the user should know.
    pub(super) remarks: Vec<String>,
    /// Whether every window is settled.
    pub(super) is_settled: bool,
    /// Missing tickets that were not believed to be gone.
    pub(super) disbelieved: i64,
}

/// A window that is not settled yet.
struct Open {
    row: RunWindow,
    /// Stretches to be compared by id, whatever is counted.
    disturbed: Vec<Window>,
    /// Parts that may hold what is not stored, and why.
    unproven: Vec<(Window, String)>,
    /// What the API counts, in this round.
    counted: Option<u64>,
    /// What is held, where both sides counted the same at once.
    equal: Option<HeldCount>,
    /// Why its last answer was no count.
    refusal: Option<String>,
    /// Whether so many are missing that none of it is believed.
    is_disbelieved: bool,
    /// Tickets that did not come and that this run must not flag.
    left: BTreeSet<String>,
    /// Tickets that came and that no page of the run had shown.
    late: i64,
    /// Whether parts were read.
    is_compared: bool,
    /// Whether the API ignores the filter, so that nothing can be told.
    is_foreign: bool,
    is_over: bool,
}

/// A stored ticket that did not come.
struct Absent {
    missing: Missing,
    /// Whether it was stored before this run.
    is_known: bool,
    /// The place of its window.
    window: usize,
    /// The part that was read.
    part: Window,
}

impl Open {
    fn new(row: RunWindow, disturbed: Vec<Window>) -> Self {
        Self {
            row,
            disturbed,
            unproven: Vec::new(),
            counted: None,
            equal: None,
            refusal: None,
            is_disbelieved: false,
            left: BTreeSet::new(),
            late: 0,
            is_compared: false,
            is_foreign: false,
            is_over: false,
        }
    }

    fn window(&self) -> Window {
        self.row.window
    }

    /// A part is not proven, and is compared by id in the next round, whatever is counted.
    fn doubt(&mut self, part: Window, reason: String) {
        self.is_foreign |= reason == extract::FOREIGN;
        self.disturbed.push(part);
        self.unproven.push((part, reason));
    }

    fn count(&mut self, count: std::result::Result<u64, String>) {
        match count {
            Ok(count) => self.counted = Some(count),
            Err(reason) => {
                self.is_foreign |= reason == extract::FOREIGN;
                self.refusal = Some(reason);
            }
        }
    }

    /// What the API should count.
    fn expected(&self, held: HeldCount) -> u64 {
        let left = u64::try_from(self.left.len()).unwrap_or(u64::MAX);
        held.all().saturating_sub(left)
    }
}

impl Closing<'_> {
    /// Counts each open window of the step, and compares where that does not settle it.
    ///
    /// # Errors
    /// A request failed for good, or the store cannot be written; windows that are over stay so.
    pub(super) async fn close(&mut self, store: &mut Store) -> Result<Closed> {
        let mut open = self.open(store)?;
        self.known_deleted = store.deleted_before(self.snapshot_id)?;
        let mut closed = Closed {
            is_settled: true,
            ..Closed::default()
        };
        self.count_calm(&mut open).await?;
        for number in 1..=ROUNDS {
            let mut absent = Vec::new();
            for place in 0..open.len() {
                if let Some(window) = open.get_mut(place).filter(|window| !window.is_over) {
                    window.unproven.clear();
                    window.is_disbelieved = false;
                    self.compare(store, window, place, &mut absent).await?;
                    self.account(store)?;
                }
            }
            self.look_again(store, &mut open, absent, &mut closed)
                .await?;
            for window in open.iter_mut().filter(|window| !window.is_over) {
                self.judge(store, window, number)?;
            }
            self.account(store)?;
            if open.iter().all(|window| window.is_over) {
                break;
            }
        }
        // Also what an earlier part of the run could not settle.
        let rows = store.windows(self.snapshot_id)?.into_iter();
        let mut rows = rows.filter(|row| row.step == self.step);
        closed.is_settled = rows.all(|row| row.state == WindowState::Settled);
        closed.disbelieved = match open.iter().any(|window| window.is_disbelieved) {
            true => closed.disbelieved.max(self.fallen(store, &open)?),
            false => 0,
        };
        for window in &open {
            closed.remarks.extend(remarks(window, self.is_unfiltered()));
        }
        Ok(closed)
    }

    /// How many more tickets are held in windows that were not believed than the API counts in them.
    fn fallen(&self, store: &Store, open: &[Open]) -> Result<i64> {
        let mut fallen = 0;
        for window in open.iter().filter(|window| window.is_disbelieved) {
            let counts =
                store.held_count(self.snapshot_id, window.window(), &self.scope.filters)?;
            let expected = window.expected(counts);
            let lower = expected.saturating_sub(window.counted.unwrap_or(expected));
            fallen += i64::try_from(lower).unwrap_or(i64::MAX);
        }
        Ok(fallen)
    }

    fn is_unfiltered(&self) -> bool {
        self.scope.filters.is_empty()
    }

    /// The windows that are still to be closed, and where each was disturbed.
    fn open(&self, store: &Store) -> Result<Vec<Open>> {
        let rows = store.windows(self.snapshot_id)?.into_iter();
        let is_open = |row: &RunWindow| row.step == self.step && row.state == WindowState::Open;
        rows.filter(is_open)
            .map(|row| {
                let disturbed = store.disturbed(
                    self.snapshot_id,
                    row.window,
                    self.is_unfiltered(),
                    self.first_slice,
                )?;
                Ok(Open::new(row, disturbed))
            })
            .collect()
    }

    /// Counts the windows in which nothing vanished, several at once: usually that is all there is.
    async fn count_calm(&self, open: &mut [Open]) -> Result<()> {
        let calm = open.iter().enumerate();
        let asks: Vec<(usize, Window)> = calm
            .filter(|(_, window)| window.disturbed.is_empty())
            .map(|(place, window)| (place, window.window()))
            .collect();
        let count = async |(place, window)| Result::Ok((place, self.count(window).await?));
        let counts = asks.into_iter().map(count);
        let counts: Vec<(usize, std::result::Result<u64, String>)> =
            stream::iter(counts).buffered(LANES).try_collect().await?;
        for (place, count) in counts {
            if let Some(window) = open.get_mut(place) {
                window.count(count);
            }
        }
        Ok(())
    }

    async fn count(&self, window: Window) -> Result<std::result::Result<u64, String>> {
        let context = self.context;
        let count =
            extract::count_alone(&context.client, &self.scope, window, &context.cancel).await;
        context.progress.send_modify(|progress| {
            progress.requests = context.client.counters().requests();
        });
        count
    }

    /// One round over a window: its count, then its disturbed parts by id, then what differs.
    async fn compare(
        &self,
        store: &mut Store,
        window: &mut Open,
        place: usize,
        absent: &mut Vec<Absent>,
    ) -> Result<()> {
        let whole = window.window();
        if !self.count_again(window).await? {
            return Ok(());
        }
        let counts = store.held_count(self.snapshot_id, whole, &self.scope.filters)?;
        let expected = window.expected(counts);
        if window.disturbed.is_empty() && window.counted == Some(expected) {
            window.equal = Some(counts);
            return Ok(());
        }
        let fallen = expected.saturating_sub(window.counted.unwrap_or(expected));
        let fallen = i64::try_from(fallen).unwrap_or(i64::MAX);
        if self.is_too_much(store, absent, fallen)? {
            window.is_disbelieved = true;
            return Ok(());
        }
        tracing::warn!(
            window = %whole,
            counted = window.counted,
            held = expected,
            "the count does not settle the window, comparing"
        );
        let mut held = store.held(self.snapshot_id, whole, &self.scope.filters)?;
        let left = held.within(whole);
        let left: Vec<HeldTicket> = left
            .filter(|one| window.left.contains(&one.id))
            .cloned()
            .collect();
        left.into_iter().for_each(|one| held.set_aside(one));
        let disturbed = std::mem::take(&mut window.disturbed);
        let is_disturbed =
            |block: &Window| disturbed.iter().any(|stretch| overlap(*stretch, *block));
        for block in held.blocks(whole).into_iter().filter(is_disturbed) {
            if self.is_enough(store, window, absent)? {
                window.disturbed.push(block);
                self.leave(window, block);
            } else {
                self.compare_part(store, window, &mut held, (place, block, None), absent)
                    .await?;
            }
        }
        if !disturbed.is_empty() && window.counted != Some(held.count(whole)) {
            window.counted = None;
            if !self.count_again(window).await? {
                return Ok(());
            }
        }
        self.locate(store, window, &mut held, place, absent).await
    }

    /// Compares the parts of a window whose counts differ.
    async fn locate(
        &self,
        store: &mut Store,
        window: &mut Open,
        held: &mut Held,
        place: usize,
        absent: &mut Vec<Absent>,
    ) -> Result<()> {
        let counted = window.counted.map(|counted| (window.window(), counted));
        let mut parts: Vec<(Window, u64)> = counted.into_iter().collect();
        while let Some((part, counted)) = parts.pop() {
            match held.next(part, counted) {
                Next::Settled => {}
                _ if self.is_enough(store, window, absent)? => {
                    // Of what is counted lower nothing can be missing from the store.
                    if counted > held.count(part) {
                        self.leave(window, part);
                    }
                }
                Next::Read => {
                    let what = (place, part, Some(counted));
                    self.compare_part(store, window, held, what, absent).await?;
                }
                Next::Halve(older, newer) => {
                    match self.count_halves(part, older, newer, counted).await? {
                        Ok((in_older, in_newer)) => {
                            parts.extend([(older, in_older), (newer, in_newer)]);
                        }
                        // Where a comparison takes but a few pages, it is what the next round does.
                        Err(reason) if held.count(part) <= MOST_READ => window.doubt(part, reason),
                        Err(reason) => window.unproven.push((part, reason)),
                    }
                }
            }
        }
        Ok(())
    }

    /// Counts a window, unless that is done; `false` where the answer is none.
    async fn count_again(&self, window: &mut Open) -> Result<bool> {
        if window.counted.is_none() {
            let count = self.count(window.window()).await?;
            window.count(count);
        }
        Ok(window.counted.is_some())
    }

    /// Whether the rest of a window is left to the next round: too much is not proven, or so much is
    /// missing that none of it would be believed.
    fn is_enough(&self, store: &Store, window: &mut Open, absent: &[Absent]) -> Result<bool> {
        if self.is_too_much(store, absent, 0)? {
            window.is_disbelieved = true;
        }
        Ok(window.is_disbelieved || window.is_foreign || window.unproven.len() >= MOST_UNPROVEN)
    }

    /// Leaves a part to the next round.
    fn leave(&self, window: &mut Open, part: Window) {
        let reason = match window.unproven.last() {
            Some((_, reason)) => reason.clone(),
            None => "so much was missing beside it that it was not read".to_owned(),
        };
        window.unproven.push((part, reason));
    }

    /// Whether so many missing tickets, `fallen` more that are only counted, and those that the run
    /// flagged, are not believed to be gone. The tickets that were known before the run are looked at by
    /// themselves as well: those of another desk would make up for them. In a list by filters a ticket
    /// that does not come any more has changed, as a rule.
    fn is_too_much(&self, store: &Store, absent: &[Absent], fallen: i64) -> Result<bool> {
        if self.allow_deletions || !self.is_unfiltered() || absent.is_empty() && fallen == 0 {
            return Ok(false);
        }
        let snapshot = store.snapshot(self.snapshot_id)?;
        let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        let deleted = snapshot.tickets_deleted;
        let live = self.live(store)? + deleted;
        let missing = number(absent.len()).saturating_add(fallen) + deleted;
        let known = number(absent.iter().filter(|one| one.is_known).count()) + self.known_deleted;
        Ok(is_suspicious(missing, live) || is_suspicious(known, live - snapshot.tickets_new))
    }

    fn live(&self, store: &Store) -> Result<i64> {
        let mut live = 0;
        for window in self.covered {
            live += store.live_count(window)?;
        }
        Ok(live)
    }

    /// Counts two halves, each by itself. Together they have to hold what the whole holds: else an
    /// answer that came from a copy that lacks tickets could settle the half that was missed.
    async fn count_halves(
        &self,
        part: Window,
        older: Window,
        newer: Window,
        mut counted: u64,
    ) -> Result<std::result::Result<(u64, u64), String>> {
        let mut reason = String::new();
        for _ in 0..MOST_HALVINGS {
            let halves = (self.count(older).await?, self.count(newer).await?);
            match halves {
                (Ok(in_older), Ok(in_newer)) if in_older + in_newer >= counted => {
                    return Ok(Ok((in_older, in_newer)));
                }
                (Ok(in_older), Ok(in_newer)) => {
                    reason = format!(
                        "the API counts {counted} tickets in it, and {in_older} and {in_newer} in its halves"
                    );
                }
                (Err(told), _) | (_, Err(told)) => reason = told,
            }
            if let Ok(again) = self.count(part).await? {
                counted = again;
            }
        }
        Ok(Err(reason))
    }

    /// Reads a part in full, stores what comes, and notes what is stored and does not come.
    async fn compare_part(
        &self,
        store: &mut Store,
        window: &mut Open,
        held: &mut Held,
        (place, part, counted): (usize, Window, Option<u64>),
        absent: &mut Vec<Absent>,
    ) -> Result<()> {
        window.is_compared = true;
        let mut shown = HashSet::new();
        let mut doubt = self.read(store, window, held, part, &mut shown).await?;
        let is_all = |held: &Held, shown: &HashSet<String>| {
            held.within(part).all(|one| shown.contains(&one.id))
        };
        if doubt.is_none() && !is_all(held, &shown) {
            doubt = self.read(store, window, held, part, &mut shown).await?;
        }
        let came = u64::try_from(shown.len()).unwrap_or(u64::MAX);
        let doubt = doubt.or_else(|| {
            let counted = counted.filter(|counted| *counted > came)?;
            Some(format!(
                "the API counts {counted} tickets in it and showed {came}"
            ))
        });
        if let Some(reason) = doubt {
            window.doubt(part, reason);
            return Ok(());
        }
        let missing: Vec<HeldTicket> = held
            .within(part)
            .filter(|one| !shown.contains(&one.id))
            .cloned()
            .collect();
        for one in &missing {
            held.set_aside(one.clone());
        }
        let (rejected, stored): (Vec<_>, Vec<_>) =
            missing.into_iter().partition(|one| one.is_rejected);
        store.forget_held(&rejected)?;
        for one in stored {
            let is_known = store.is_older_than(self.snapshot_id, &one.id)?;
            absent.extend(
                Instant::from_timestamp_millis(one.created_ms).map(|at| Absent {
                    missing: (one.id, at),
                    is_known,
                    window: place,
                    part,
                }),
            );
        }
        Ok(())
    }

    /// Reads a part once; gives back why what came is not all of it.
    async fn read(
        &self,
        store: &mut Store,
        window: &mut Open,
        held: &mut Held,
        part: Window,
        shown: &mut HashSet<String>,
    ) -> Result<Option<String>> {
        let context = self.context;
        let mut block = Block::new(&context.client, &self.scope, &context.cancel, part);
        while let Some(page) = block.next().await? {
            self.take(store, window, held, &page)?;
            for key in page.keys {
                window.left.remove(&key.id);
                shown.insert(key.id);
            }
        }
        Ok(block.into_doubt())
    }

    /// Stores what a page brought.
    fn take(
        &self,
        store: &mut Store,
        window: &mut Open,
        held: &mut Held,
        page: &BlockPage,
    ) -> Result<()> {
        let read = ReadCommit {
            snapshot_id: self.snapshot_id,
            tickets: &page.tickets,
            rejects: &page.rejects,
            requests: 0,
            read_at: match page.read_at {
                Some(at) => at,
                None => clock::now()?,
            },
        };
        let (counts, _) = store.commit_read_with(&read, &page.placed)?;
        window.late += counts.read;
        for rows in &page.tickets {
            let (id, created_ms) = (&rows.ticket.id, rows.ticket.created_at.timestamp_millis());
            // A second ticket of one id has no row of its own.
            let first = store.met_elsewhere(self.snapshot_id, id, created_ms)?;
            held.add(HeldTicket {
                created_ms,
                id: id.clone(),
                is_rejected: first.is_some(),
            });
        }
        for placed in &page.placed {
            if !store.has_live_ticket(&placed.id)? {
                held.add(HeldTicket {
                    created_ms: placed.created_ms,
                    id: placed.id.clone(),
                    is_rejected: true,
                });
            }
        }
        Ok(())
    }

    /// Looks for what did not come among its neighbours, and flags what is gone, unless that is so much
    /// that none of it is believed.
    async fn look_again(
        &mut self,
        store: &mut Store,
        open: &mut [Open],
        mut absent: Vec<Absent>,
        closed: &mut Closed,
    ) -> Result<()> {
        // A ticket whose creation moved was met elsewhere.
        let mut here = Vec::with_capacity(absent.len());
        for one in absent.drain(..) {
            let (id, at) = &one.missing;
            let moved = store.met_elsewhere(self.snapshot_id, id, at.timestamp_millis())?;
            if moved.is_none() {
                here.push(one);
            }
        }
        let young_from = gone::young_from(self.began_at);
        for one in &here {
            let is_young = one.missing.1 >= young_from;
            if let Some(window) = open.get_mut(one.window).filter(|_| is_young) {
                window.left.insert(one.missing.0.clone());
            }
        }
        here.retain(|one| one.missing.1 < young_from);
        if here.is_empty() {
            return Ok(());
        }
        if self.is_too_much(store, &here, 0)? {
            for one in &here {
                if let Some(window) = open.get_mut(one.window) {
                    window.is_disbelieved = true;
                }
            }
            // Nor is what the run flagged before it came to that.
            let taken_back = store.unmark_deleted(self.snapshot_id)?;
            self.known_deleted = 0;
            let missing = i64::try_from(here.len()).unwrap_or(i64::MAX);
            let missing = missing.saturating_add(taken_back);
            closed.disbelieved = closed.disbelieved.max(missing);
            return Ok(());
        }
        let mut missing: Vec<Missing> = here.iter().map(|one| one.missing.clone()).collect();
        missing.sort_by(|one, other| (one.1, &one.0).cmp(&(other.1, &other.0)));
        missing.dedup();
        let scope = Arc::new(Scope {
            filters: Filters::default(),
            has_messages: self.scope.has_messages,
        });
        let until = self.began_at + TimeDelta::days(1);
        // Every live ticket is a neighbour, those of this run as well: it is its own losses that
        // are looked into.
        let batches = gone::batches(store, 0, &missing, until)?;
        let context = self.context;
        let look = extract::look_again(&context.client, &scope, &batches, &context.cancel).await?;
        let now = clock::now()?;
        store.commit_read(&ReadCommit {
            snapshot_id: self.snapshot_id,
            tickets: &look.found,
            rejects: &[],
            requests: 0,
            read_at: now,
        })?;
        if self.is_unfiltered() {
            store.mark_deleted(self.snapshot_id, &look.gone, now)?;
            self.known_deleted = store.deleted_before(self.snapshot_id)?;
        } else if !self.allow_deletions {
            let gone = i64::try_from(look.gone.len()).unwrap_or(i64::MAX);
            let is_disbelieved = is_suspicious(gone, self.live(store)?);
            for window in open.iter_mut().filter(|window| !window.is_over) {
                window.is_disbelieved |= is_disbelieved;
            }
            if is_disbelieved {
                closed.disbelieved = closed.disbelieved.max(gone);
            }
        }
        self.sort_out(store, open, &here, &look)
    }

    /// What a second look means for the parts in which the tickets were missing.
    fn sort_out(
        &self,
        store: &Store,
        open: &mut [Open],
        here: &[Absent],
        look: &extract::SecondLook,
    ) -> Result<()> {
        let gone: HashSet<&str> = look.gone.iter().map(String::as_str).collect();
        let unclear: HashSet<&str> = look.unclear.iter().map(String::as_str).collect();
        // By window and part: tickets that are there, and that nobody knows of.
        let mut parts: BTreeMap<(usize, i64, i64), (usize, usize)> = BTreeMap::new();
        for one in here {
            let (from, until) = (one.part.from(), one.part.until());
            let key = (
                one.window,
                from.timestamp_millis(),
                until.timestamp_millis(),
            );
            let (found, unknown) = parts.entry(key).or_default();
            let id = one.missing.0.as_str();
            let Some(window) = open.get_mut(one.window) else {
                continue;
            };
            if unclear.contains(id) {
                *unknown += 1;
            } else if !gone.contains(id) {
                *found += 1;
            } else if !self.is_unfiltered() {
                window.left.insert(id.to_owned());
            }
        }
        for ((place, from_ms, until_ms), (found, unknown)) in parts {
            let (Some(window), Some(part)) =
                (open.get_mut(place), Window::from_millis(from_ms, until_ms))
            else {
                continue;
            };
            let held = store.held_count(self.snapshot_id, part, &self.scope.filters)?;
            if unknown > 0 {
                window.doubt(
                    part,
                    format!("a second look did not settle whether {unknown} tickets are gone"),
                );
            } else if is_incredible(found, held.all()) {
                window.doubt(part, format!("{found} tickets did not come that are there"));
            }
        }
        Ok(())
    }

    /// Ends a window that is settled or has had its rounds.
    fn judge(&self, store: &mut Store, window: &mut Open, number: u32) -> Result<()> {
        let whole = window.window();
        let counts = match window.equal.take() {
            Some(counts) => counts,
            None => store.held_count(self.snapshot_id, whole, &self.scope.filters)?,
        };
        let mut verdict = Round {
            number,
            counted: window.counted,
            held: window.expected(counts),
            unproven: window.unproven.len() + usize::from(window.is_disbelieved),
        }
        .verdict();
        if window.is_foreign {
            verdict = Verdict::Unsettled;
        }
        if verdict == Verdict::Settled
            && let Some((stretch, reason)) = self.lost(store, whole)?
        {
            // An outage may pass: it is counted again, and not all of it read.
            window.unproven.push((stretch, reason));
            verdict = match number >= ROUNDS {
                true => Verdict::Unsettled,
                false => Verdict::Again,
            };
        }
        let reason = match verdict {
            Verdict::Again => {
                window.counted = None;
                return Ok(());
            }
            Verdict::Settled => window
                .is_compared
                .then(|| format!("compared by id: {} tickets came late", window.late)),
            Verdict::Unsettled => Some(unsettled(window, counts)),
        };
        window.is_over = true;
        window.row = RunWindow {
            state: match verdict {
                Verdict::Settled => WindowState::Settled,
                _ => WindowState::Unsettled,
            },
            counted: window.counted,
            stored: counts.stored,
            rejected: counts.rejected,
            rounds: number,
            reason: reason.clone(),
            ..window.row.clone()
        };
        if verdict == Verdict::Unsettled && window.unproven.is_empty() && !window.is_disbelieved {
            window.unproven.push((whole, reason.unwrap_or_default()));
        }
        store.commit_window(
            self.snapshot_id,
            &WindowCommit {
                window: &window.row,
                unproven: &merged(&window.unproven),
                first_slice: self.first_slice,
                is_unfiltered: self.is_unfiltered(),
            },
        )
    }

    /// A stretch of which answers agreed on so many more tickets than are there now that a loss of
    /// that size is not believed.
    fn lost(&self, store: &Store, whole: Window) -> Result<Option<(Window, String)>> {
        if self.allow_deletions || !self.is_unfiltered() {
            return Ok(None);
        }
        let announced = store.announced(self.snapshot_id)?.into_iter();
        let announced: Vec<(Window, u64)> = announced
            .filter(|(stretch, _)| overlap(*stretch, whole))
            .filter_map(|(stretch, told)| Some((stretch, told.tickets?)))
            .collect();
        if announced.is_empty() {
            return Ok(None);
        }
        let held = store.held_instants(self.snapshot_id, whole, &self.scope.filters)?;
        let place = |at: Instant| held.partition_point(|held| *held < at.timestamp_millis());
        for (stretch, announced) in announced {
            let here = place(stretch.until()) - place(stretch.from());
            let here = u64::try_from(here).unwrap_or(u64::MAX);
            let lost = i64::try_from(announced.saturating_sub(here)).unwrap_or(i64::MAX);
            if lost > 0 && is_suspicious(lost, self.live(store)?.saturating_add(lost)) {
                return Ok(Some((
                    stretch,
                    format!(
                        "the API counted {announced} tickets in it and has {here} now; so many are not believed \
                         to be gone (--allow-deletions overrides)"
                    ),
                )));
            }
        }
        Ok(None)
    }

    /// Enters what was sent since the last time into the run's account.
    fn account(&mut self, store: &mut Store) -> Result<()> {
        let sent = self.context.client.counters().requests();
        let newly = sent.saturating_sub(self.accounted);
        self.accounted = sent;
        store.commit_requests(self.snapshot_id, i64::try_from(newly).unwrap_or(i64::MAX))
    }
}

/// Why a window ends unsettled.
fn unsettled(window: &Open, counts: HeldCount) -> String {
    if let Some((_, reason)) = window.unproven.first() {
        return reason.clone();
    }
    let held = counts.all();
    match window.counted {
        Some(counted) => format!("the API counts {counted} tickets, {held} are stored"),
        None => match &window.refusal {
            Some(reason) => format!("it could not be counted: {reason}"),
            None => "it could not be counted".to_owned(),
        },
    }
}

/// What the user should know of a window beside its counts.
fn remarks(window: &Open, is_unfiltered: bool) -> Vec<String> {
    let mut remarks = Vec::new();
    let whole = window.window();
    if !window.left.is_empty() {
        let count = window.left.len();
        remarks.push(match is_unfiltered {
            true => format!(
                "{count} tickets of {whole} were created within ten minutes before the run and are not shown \
                 any more; the next run will tell whether they are gone"
            ),
            false => format!(
                "{count} tickets of {whole} were listed and are not there any more; a run with filters flags \
                 none as deleted"
            ),
        });
    }
    remarks
}

/// Parts that touch and have the same reason are one.
fn merged(unproven: &[(Window, String)]) -> Vec<(Window, String)> {
    let mut sorted = unproven.to_vec();
    sorted.sort_by_key(|(part, _)| part.from());
    let mut merged: Vec<(Window, String)> = Vec::new();
    for (part, reason) in sorted {
        match merged.last_mut() {
            Some((last, told)) if part.from() <= last.until() && *told == reason => {
                *last = last.hull(part);
            }
            _ => merged.push((part, reason)),
        }
    }
    merged
}

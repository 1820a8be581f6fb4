//! A window whose count does not settle it: where the counts differ, and what is there by id.

use std::collections::HashSet;

use super::{Absent, Closing, Open};
use crate::error::Result;
use crate::extract::{Block, BlockPage};
use crate::plan::closing::{Held, HeldTicket, MOST_UNPROVEN, Next, overlap};
use crate::store::{ReadCommit, Store};
use crate::table::Instant;
use crate::window::Window;

/// A part of at most so many stored tickets is read where its counts contradict each other.
const MOST_READ: u64 = 1_000;

/// How often a window is counted in a round that shows nothing of what is held before it.
const MOST_COUNTS: usize = 3;

/// How often two halves that together count fewer than the whole are counted.
const MOST_HALVINGS: usize = 3;

impl Closing<'_> {
    /// One round over a window: its count, then its disturbed parts by id, then what differs.
    pub(super) async fn compare(
        &self,
        store: &mut Store,
        window: &mut Open,
        place: usize,
        absent: &mut Vec<Absent>,
    ) -> Result<()> {
        let whole = window.window();
        if !self.count_again(store, window).await? {
            return Ok(());
        }
        let counts = store.held_count(self.run.snapshot_id, whole, &self.step.scope.filters)?;
        let expected = window.expected(counts);
        if window.disturbed.is_empty() && window.answers.counted == Some(expected) {
            window.equal = Some(counts);
            return Ok(());
        }
        let fallen = expected.saturating_sub(window.answers.counted.unwrap_or(expected));
        let fallen = i64::try_from(fallen).unwrap_or(i64::MAX);
        if self.is_too_much(store, absent, fallen)? {
            window.is_disbelieved = true;
            return Ok(());
        }
        tracing::info!(
            window = %whole,
            counted = window.answers.counted,
            stored = expected,
            "tickets changed while they were counted, or some are missing: comparing them one by one"
        );
        let mut held = store.held(self.run.snapshot_id, whole, &self.step.scope.filters)?;
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
        if !disturbed.is_empty() && window.answers.counted != Some(held.count(whole)) {
            window.answers.counted = None;
            if !self.count_again(store, window).await? {
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
        let counted = window
            .answers
            .counted
            .map(|counted| (window.window(), counted));
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

    /// Counts a window, unless that is done; `false` where the answer is none. One in which nothing is held is
    /// counted with what is held before it, until that comes.
    async fn count_again(&self, store: &Store, window: &mut Open) -> Result<bool> {
        self.look_beside(store, window)?;
        for _ in 0..MOST_COUNTS {
            if window.answers.counted.is_some() {
                break;
            }
            let wider = window.wider();
            let shown = self.ask(window.window(), wider).await?;
            window.count(shown, wider);
            if wider.is_none() {
                break;
            }
        }
        Ok(window.answers.counted.is_some())
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
            None => "so much is missing nearby that it was not read".to_owned(),
        };
        window.unproven.push((part, reason));
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
        window.late.get_or_insert(0);
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
            let is_known = store.is_older_than(self.run.snapshot_id, &one.id)?;
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
        let context = self.run.context;
        let mut block = Block::new(&context.client, &self.step.scope, &context.cancel, part);
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
            snapshot_id: self.run.snapshot_id,
            tickets: &page.tickets,
            rejects: &page.rejects,
            requests: 0,
            read_at: match page.read_at {
                Some(at) => at,
                None => self.run.context.client.now()?,
            },
        };
        let (counts, _) = store.commit_read_with(&read, &page.placed)?;
        *window.late.get_or_insert(0) += counts.read;
        for rows in &page.tickets {
            let (id, created_ms) = (&rows.ticket.id, rows.ticket.created_at.timestamp_millis());
            // A second ticket of one id has no row of its own.
            let first = store.met_elsewhere(self.run.snapshot_id, id, created_ms)?;
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
}

//! What did not come, looked for among its neighbours.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use chrono::TimeDelta;

use super::super::gone;
use super::{Absent, Closed, Closing, Open};
use crate::error::Result;
use crate::extract::{self, Missing, Scope, SecondLook};
use crate::plan::losses::{Evidence, Verdict, is_incredible, young_from};
use crate::settings::Filters;
use crate::store::{ReadCommit, Store, WindowState};
use crate::table::Instant;
use crate::window::Window;

impl Closing<'_> {
    /// Looks for what did not come among its neighbours, and flags what is gone, unless that is so much
    /// that none of it is believed.
    pub(super) async fn look_again(
        &mut self,
        store: &mut Store,
        open: &mut Vec<Open>,
        absent: Vec<Absent>,
        closed: &mut Closed,
    ) -> Result<()> {
        let here = self.looked_for(store, open, absent)?;
        // What is only counted as missing belongs to the loss as well.
        let fallen = self.fallen(store, open)?;
        let losses = self.losses(store, here.iter(), fallen)?;
        match losses.verdict(Evidence::List) {
            Verdict::Believed => return Ok(()),
            Verdict::Refused { missing } => {
                closed.disbelieved = closed.disbelieved.max(missing);
                return self.refuse(store, open, &here, closed);
            }
            Verdict::AskAgain => {}
        }
        let (look, now) = self.second_look(store, &here).await?;
        let gone: HashSet<&str> = look.gone.iter().map(String::as_str).collect();
        let missed = here
            .iter()
            .filter(|one| gone.contains(one.missing.0.as_str()));
        if let Verdict::Refused { missing } = self.losses(store, missed, 0)?.verdict(Evidence::Look)
        {
            closed.disbelieved = closed.disbelieved.max(missing);
            return self.refuse(store, open, &here, closed);
        }
        if self.is_unfiltered() {
            store.mark_deleted(self.run.snapshot_id, &look.gone, now)?;
            self.known_deleted = store.deleted_before(self.run.snapshot_id)?;
        }
        self.sort_out(store, open, &here, &look)
    }

    /// Those of the absent tickets that a second look may flag. What is too young to be missed is left
    /// to the next run.
    fn looked_for(
        &self,
        store: &Store,
        open: &mut [Open],
        absent: Vec<Absent>,
    ) -> Result<Vec<Absent>> {
        let young_from = young_from(self.run.began_at);
        let mut here = Vec::with_capacity(absent.len());
        for one in absent {
            let (id, at) = &one.missing;
            // A ticket whose creation moved was met elsewhere.
            let moved = store.met_elsewhere(self.run.snapshot_id, id, at.timestamp_millis())?;
            if moved.is_some() {
                continue;
            }
            if *at < young_from {
                here.push(one);
            } else if let Some(window) = open.get_mut(one.window) {
                window.left.insert(one.missing.0);
            }
        }
        Ok(here)
    }

    /// Asks for absent tickets and their neighbours on a connection of its own, and stores those that are
    /// there after all. Gives back what it showed, and when.
    async fn second_look(
        &self,
        store: &mut Store,
        here: &[Absent],
    ) -> Result<(SecondLook, Instant)> {
        let mut missing: Vec<Missing> = here.iter().map(|one| one.missing.clone()).collect();
        missing.sort_by(|one, other| (one.1, &one.0).cmp(&(other.1, &other.0)));
        missing.dedup();
        let scope = Arc::new(Scope {
            filters: Filters::default(),
            has_messages: self.step.scope.has_messages,
        });
        let until = self.run.began_at + TimeDelta::days(1);
        let young_from = young_from(self.run.began_at);
        // Every live ticket is a neighbour, those of this run as well: it is its own losses that
        // are looked into.
        let batches = gone::batches(store, 0, &missing, until, young_from)?;
        let context = self.run.context;
        let look = extract::look_again(&context.client, &scope, &batches, &context.cancel).await?;
        let now = context.client.now()?;
        store.commit_read(&ReadCommit {
            snapshot_id: self.run.snapshot_id,
            tickets: &look.found,
            rejects: &[],
            requests: 0,
            read_at: now,
        })?;
        Ok((look, now))
    }

    /// Believes none of what is missing, nor what the run flagged before it came to that. The parts in which
    /// it was missing are compared again, whatever is counted: what is there after all was not read. So are
    /// the windows that were settled with what it flagged; what another part of the run flagged, nobody
    /// looks for again.
    fn refuse(
        &mut self,
        store: &mut Store,
        open: &mut Vec<Open>,
        here: &[Absent],
        closed: &mut Closed,
    ) -> Result<()> {
        let parts: HashSet<(usize, Window)> =
            here.iter().map(|one| (one.window, one.part)).collect();
        for (place, part) in parts {
            if let Some(window) = open.get_mut(place) {
                window.is_disbelieved = true;
                window.disturbed.push(part);
            }
        }
        let elsewhere = store.reopen_windows(self.run.snapshot_id, &self.step.of)?;
        closed.is_undone |= elsewhere > 0;
        let taken_back = store.unmark_deleted(self.run.snapshot_id)?;
        self.known_deleted = 0;
        match taken_back {
            0 => Ok(()),
            _ => {
                self.reopen(store, open)?;
                self.disturb(store, open)
            }
        }
    }

    /// Takes in the windows that are open again. What they ended with holds no longer.
    fn reopen(&self, store: &Store, open: &mut Vec<Open>) -> Result<()> {
        let rows = store.windows(self.run.snapshot_id)?.into_iter();
        let rows = rows.filter(|row| row.step == self.step.of && row.state == WindowState::Open);
        for row in rows {
            let place = open.iter().position(|one| one.window() == row.window);
            let known = place.and_then(|place| open.get_mut(place));
            if known.as_ref().is_some_and(|one| !one.is_over()) {
                continue;
            }
            let mut again = Open::new(row, Vec::new());
            again.is_disbelieved = true;
            match known {
                Some(known) => {
                    again.answers.most = known.answers.most;
                    again.left = std::mem::take(&mut known.left);
                    *known = again;
                }
                None => open.push(again),
            }
        }
        Ok(())
    }

    /// What is alive again and was not met may stand in a count for a ticket that was missed.
    fn disturb(&self, store: &Store, open: &mut [Open]) -> Result<()> {
        for window in open.iter_mut().filter(|window| !window.is_over()) {
            let disturbed = store.disturbed(
                self.run.snapshot_id,
                window.window(),
                self.is_unfiltered(),
                self.step.first_slice,
            )?;
            window.disturbed.extend(disturbed);
        }
        Ok(())
    }

    /// What a second look means for the parts in which the tickets were missing.
    fn sort_out(
        &self,
        store: &Store,
        open: &mut [Open],
        here: &[Absent],
        look: &SecondLook,
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
            let held = store.held_count(self.run.snapshot_id, part, &self.step.scope.filters)?;
            if unknown > 0 {
                window.doubt(
                    part,
                    format!("a second look could not tell whether {unknown} tickets are gone"),
                );
            } else if is_incredible(found, held.all()) {
                window.doubt(part, format!("{found} tickets did not come that are there"));
            }
        }
        Ok(())
    }
}

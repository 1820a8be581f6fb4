//! What did not come, looked for among its neighbours.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use chrono::TimeDelta;

use super::super::gone;
use super::{Absent, Closed, Closing, Open};
use crate::error::Result;
use crate::extract::{self, Missing, Scope};
use crate::plan::closing::{is_incredible, is_suspicious};
use crate::settings::Filters;
use crate::store::{ReadCommit, Store};
use crate::window::Window;

impl Closing<'_> {
    /// Looks for what did not come among its neighbours, and flags what is gone, unless that is so much
    /// that none of it is believed.
    pub(super) async fn look_again(
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
            if taken_back > 0 {
                self.disturb(store, open)?;
            }
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
        let now = context.client.now()?;
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

    /// What is alive again and was not met may stand in a count for a ticket that was missed.
    fn disturb(&self, store: &Store, open: &mut [Open]) -> Result<()> {
        for window in open.iter_mut().filter(|window| !window.is_over) {
            let disturbed = store.disturbed(
                self.snapshot_id,
                window.window(),
                self.is_unfiltered(),
                self.first_slice,
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
                    format!("a second look could not tell whether {unknown} tickets are gone"),
                );
            } else if is_incredible(found, held.all()) {
                window.doubt(part, format!("{found} tickets did not come that are there"));
            }
        }
        Ok(())
    }
}

//! How a window ends.

use super::super::gone;
use super::{Closing, Open};
use crate::error::Result;
use crate::plan::closing::{ROUNDS, Round, Verdict, overlap};
use crate::plan::losses::{self, Evidence, Losses};
use crate::store::{HeldCount, RunWindow, Store, WindowCommit, WindowState};
use crate::table::Instant;
use crate::window::Window;

impl Closing<'_> {
    /// Ends a window that is settled or has had its rounds.
    pub(super) fn judge(&self, store: &mut Store, window: &mut Open, number: u32) -> Result<()> {
        let whole = window.window();
        let counts = match window.equal.take() {
            Some(counts) => counts,
            None => store.held_count(self.run.snapshot_id, whole, &self.step.scope.filters)?,
        };
        let mut verdict = Round {
            number,
            counted: window.counted,
            most: window.most,
            held: window.expected(counts),
            unproven: window.unproven.len() + usize::from(window.is_disbelieved),
        }
        .verdict();
        if window.is_foreign {
            verdict = Verdict::Unsettled;
        }
        if verdict == Verdict::Settled
            && let Some((stretch, reason)) = self.lost(
                store,
                whole,
                Some(window.most).filter(|most| *most > counts.all()),
            )?
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
            self.run.snapshot_id,
            &WindowCommit {
                window: &window.row,
                unproven: &merged(&window.unproven),
                first_slice: self.step.first_slice,
                is_unfiltered: self.is_unfiltered(),
            },
        )
    }

    /// A stretch of which answers agreed on so many more tickets than are there now that a loss of
    /// that size is not believed; `most` is what a count of the whole window once was, where that was more.
    fn lost(
        &self,
        store: &Store,
        whole: Window,
        most: Option<u64>,
    ) -> Result<Option<(Window, String)>> {
        let announced = store.announced(self.run.snapshot_id)?.into_iter();
        let announced: Vec<(Window, u64)> = announced
            .filter(|(stretch, _)| overlap(*stretch, whole))
            .filter_map(|(stretch, told)| Some((stretch, told.tickets?)))
            .chain(most.map(|most| (whole, most)))
            .collect();
        if announced.is_empty() {
            return Ok(None);
        }
        // A stretch that an earlier part of the run read may reach beyond this window.
        let stretches = announced.iter().map(|(stretch, _)| *stretch);
        let all = stretches.fold(whole, |all, stretch| all.hull(stretch));
        let held = store.held_instants(self.run.snapshot_id, all, &self.step.scope.filters)?;
        let place = |at: Instant| held.partition_point(|held| *held < at.timestamp_millis());
        let live = gone::live(store, self.step.covered)?;
        for (stretch, announced) in announced {
            let here = place(stretch.until()) - place(stretch.from());
            let here = u64::try_from(here).unwrap_or(u64::MAX);
            let lost = i64::try_from(announced.saturating_sub(here)).unwrap_or(i64::MAX);
            // What the run flagged is among them.
            let losses = Losses {
                missing: lost,
                live: live.saturating_add(lost),
                is_filtered: !self.is_unfiltered(),
                is_allowed: self.run.allow_deletions,
                ..Losses::default()
            };
            if losses.verdict(Evidence::Count) == losses::Verdict::AskAgain {
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

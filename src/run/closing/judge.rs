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
        let counts = match window.equal.take() {
            Some(counts) => counts,
            None => store.held_count(
                self.run.snapshot_id,
                window.window(),
                &self.step.scope.filters,
            )?,
        };
        let (state, reason) = match self.verdict(store, window, counts, number)? {
            Verdict::Again => {
                window.answers.counted = None;
                return Ok(());
            }
            Verdict::Settled => {
                let late = window.late;
                let told = late.map(|late| format!("compared by id: {late} tickets came late"));
                (WindowState::Settled, told)
            }
            Verdict::Unsettled => (WindowState::Unsettled, Some(unsettled(window, counts))),
        };
        window.row = RunWindow {
            state,
            counted: window.answers.counted,
            stored: counts.stored,
            rejected: counts.rejected,
            rounds: number,
            reason,
            ..window.row.clone()
        };
        self.commit(store, window)
    }

    /// What a round comes to: what was counted in it, held against what answers said before.
    fn verdict(
        &self,
        store: &Store,
        window: &mut Open,
        counts: HeldCount,
        number: u32,
    ) -> Result<Verdict> {
        let round = Round {
            number,
            counted: window.answers.counted,
            most: window.answers.most,
            held: window.expected(counts),
            unproven: window.unproven.len() + usize::from(window.is_disbelieved),
        };
        let verdict = match window.is_foreign {
            true => Verdict::Unsettled,
            false => round.verdict(),
        };
        if verdict != Verdict::Settled {
            return Ok(verdict);
        }
        let most = Some(window.answers.most).filter(|most| *most > counts.all());
        let Some(lost) = self.lost(store, window.window(), most)? else {
            return Ok(verdict);
        };
        // An outage may pass: it is counted again, and not all of it read.
        window.unproven.push(lost);
        Ok(match number >= ROUNDS {
            true => Verdict::Unsettled,
            false => Verdict::Again,
        })
    }

    /// Stores how a window ended, and which parts of it are not proven: all of it where no part is known
    /// to be at fault.
    fn commit(&self, store: &mut Store, window: &mut Open) -> Result<()> {
        let is_settled = window.row.state == WindowState::Settled;
        if !is_settled && window.unproven.is_empty() && !window.is_disbelieved {
            let reason = window.row.reason.clone().unwrap_or_default();
            window.unproven.push((window.window(), reason));
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
    match window.answers.counted {
        Some(counted) => format!("the API counts {counted} tickets, {held} are stored"),
        None => match &window.answers.refusal {
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

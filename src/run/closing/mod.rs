//! The end of each window of a run: a count on a connection of its own, held against what is stored,
//! and a comparison by id where that does not settle it.

mod compare;
mod judge;
mod look;

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::{StreamExt, TryStreamExt, stream};

use super::gone;
use super::running::Running;
use crate::error::Result;
use crate::extract::{self, Missing, Scope, Shown};
use crate::plan::beside::{Beside, Wider};
use crate::plan::closing::ROUNDS;
use crate::plan::coverage;
use crate::plan::losses::{self, Evidence, Losses, Verdict};
use crate::store::{HeldCount, RunWindow, Store, WindowState, WindowStep};
use crate::table::instant_text;
use crate::window::Window;

/// Counts in flight where several windows end at once.
const LANES: usize = 8;

/// One step of a run, each of whose windows ends with a count.
#[derive(Debug)]
pub(crate) struct Step<'a> {
    /// The part of the run whose windows it ends.
    pub(crate) of: WindowStep,
    /// What it asks with.
    pub(crate) scope: Arc<Scope>,
    /// The first slice of the run that belongs to it.
    pub(crate) first_slice: i64,
    /// What the guard against mass losses is held against.
    pub(crate) covered: &'a [Window],
}

/// How the windows of a step ended.
#[derive(Debug, Default)]
pub(crate) struct Closed {
    /// What the user should know.
    pub(crate) remarks: Vec<String>,
    /// Whether every window is settled.
    pub(crate) is_settled: bool,
    /// Missing tickets that were not believed to be gone.
    pub(crate) disbelieved: i64,
    /// Whether deletions were taken back that another part of the run had flagged.
    is_undone: bool,
}

/// The windows of a step, as they are closed.
struct Closing<'a> {
    run: &'a Running<'a>,
    step: &'a Step<'a>,
    /// Tickets that were stored before the run and that it flagged.
    known_deleted: i64,
}

/// A window that was not settled when the closing began.
struct Open {
    /// What is stored of it; over once it is not open any more.
    row: RunWindow,
    /// Stretches to be compared by id, whatever is counted.
    disturbed: Vec<Window>,
    /// Parts that may hold what is not stored, and why.
    unproven: Vec<(Window, String)>,
    answers: Answers,
    /// What is held, where both sides counted the same at once.
    equal: Option<HeldCount>,
    /// Whether so many are missing that none of it is believed.
    is_disbelieved: bool,
    /// Tickets that did not come and that this run must not flag.
    left: BTreeSet<String>,
    /// Tickets that came and that no page of the run had shown; `None` where no part was read.
    late: Option<i64>,
    /// Whether the API ignores the filter, so that nothing can be told.
    is_foreign: bool,
}

/// What the API answered when it was asked to count a window.
#[derive(Default)]
struct Answers {
    /// What is counted with it while nothing is held in it; `None` where something is.
    beside: Option<Beside>,
    /// What it counts, in this round.
    counted: Option<u64>,
    /// The most that it counted, in any round.
    most: u64,
    /// Why its last answer was no count.
    refusal: Option<String>,
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
            answers: Answers::default(),
            equal: None,
            is_disbelieved: false,
            left: BTreeSet::new(),
            late: None,
            is_foreign: false,
        }
    }

    fn is_over(&self) -> bool {
        self.row.state != WindowState::Open
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

    /// What is asked for to count it: more than it, where nothing is held in it.
    fn wider(&self) -> Option<Wider> {
        let beside = self.answers.beside.as_ref()?;
        beside.wider(self.window())
    }

    /// Takes a count, of the window alone or of a wider one. An API that does not take such a range as it is
    /// meant, as where it cuts a start to the day, is asked for the window alone from then on.
    fn count(&mut self, shown: std::result::Result<Shown, String>, wider: Option<Wider>) {
        if shown.is_err() && wider.is_some() {
            self.answers.beside = Some(Beside::default());
        }
        let count = shown.and_then(|shown| match wider {
            None => Ok(shown.count),
            Some(wider) => match wider.inside(shown.count, &shown.created_ms) {
                Some(inside) => Ok(inside),
                None if self.is_believed() => Ok(0),
                None => Err(format!(
                    "answers were empty that should have shown tickets from before {}",
                    instant_text(self.window().from())
                )),
            },
        });
        match count {
            Ok(count) => {
                self.answers.counted = Some(count);
                self.answers.most = self.answers.most.max(count);
            }
            Err(reason) => {
                self.is_foreign |= reason == extract::FOREIGN;
                self.answers.refusal = Some(reason);
            }
        }
    }

    /// Whether one more empty answer is enough.
    fn is_believed(&mut self) -> bool {
        let beside = self.answers.beside.as_mut();
        beside.is_none_or(Beside::in_vain)
    }

    /// What the API should count.
    fn expected(&self, held: HeldCount) -> u64 {
        let left = u64::try_from(self.left.len()).unwrap_or(u64::MAX);
        held.all().saturating_sub(left)
    }
}

/// Counts each open window of a step, and compares where that does not settle it.
///
/// # Errors
/// A request failed for good, or the store cannot be written; windows that are over stay so.
pub(crate) async fn close(run: &Running<'_>, step: &Step<'_>, store: &mut Store) -> Result<Closed> {
    let mut closing = Closing {
        run,
        step,
        known_deleted: store.deleted_before(run.snapshot_id)?,
    };
    closing.close(store).await
}

impl Closing<'_> {
    async fn close(&mut self, store: &mut Store) -> Result<Closed> {
        let mut open = self.open(store)?;
        let mut closed = Closed {
            is_settled: true,
            ..Closed::default()
        };
        self.count_calm(&mut open).await?;
        for number in 1..=ROUNDS {
            let mut absent = Vec::new();
            for place in 0..open.len() {
                if let Some(window) = open.get_mut(place).filter(|window| !window.is_over()) {
                    window.unproven.clear();
                    window.is_disbelieved = false;
                    self.compare(store, window, place, &mut absent).await?;
                    self.run.enter_requests(store)?;
                }
            }
            self.look_again(store, &mut open, absent, &mut closed)
                .await?;
            for window in open.iter_mut().filter(|window| !window.is_over()) {
                self.judge(store, window, number)?;
            }
            self.run.enter_requests(store)?;
            if open.iter().all(Open::is_over) {
                break;
            }
        }
        // Also what an earlier part of the run could not settle.
        let mut rows = store.windows(self.run.snapshot_id)?;
        rows.retain(|row| row.step == self.step.of);
        closed.is_settled = rows.iter().all(|row| row.state == WindowState::Settled);
        if closed.is_settled && self.is_unfiltered() {
            // Not before: a count may bring back what the pages left out.
            for range in coverage::merged(rows.iter().map(|row| row.window)) {
                store.forget_unmet(self.run.snapshot_id, &range)?;
            }
        }
        closed.disbelieved = match open.iter().any(|window| window.is_disbelieved) {
            true => closed.disbelieved.max(self.fallen(store, &open)?),
            false if closed.is_undone => closed.disbelieved,
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
            let counts = store.held_count(
                self.run.snapshot_id,
                window.window(),
                &self.step.scope.filters,
            )?;
            let expected = window.expected(counts);
            let lower = expected.saturating_sub(window.answers.counted.unwrap_or(expected));
            fallen += i64::try_from(lower).unwrap_or(i64::MAX);
        }
        Ok(fallen)
    }

    fn is_unfiltered(&self) -> bool {
        self.step.scope.filters.is_empty()
    }

    /// The windows that are still to be closed, and where each was disturbed.
    fn open(&self, store: &Store) -> Result<Vec<Open>> {
        let rows = store.windows(self.run.snapshot_id)?.into_iter();
        let is_open = |row: &RunWindow| row.step == self.step.of && row.state == WindowState::Open;
        rows.filter(is_open)
            .map(|row| {
                let disturbed = store.disturbed(
                    self.run.snapshot_id,
                    row.window,
                    self.is_unfiltered(),
                    self.step.first_slice,
                )?;
                let mut open = Open::new(row, disturbed);
                self.look_beside(store, &mut open)?;
                Ok(open)
            })
            .collect()
    }

    /// Finds what is held before a window, for as long as nothing is held in it.
    fn look_beside(&self, store: &Store, window: &mut Open) -> Result<()> {
        let (snapshot_id, filters) = (self.run.snapshot_id, &self.step.scope.filters);
        let held = store.held_count(snapshot_id, window.window(), filters)?;
        if held.all() > 0 {
            window.answers.beside = None;
        } else if let (None, Some(reach)) = (&window.answers.beside, Beside::reach(window.window()))
        {
            let instants = store.held_instants(snapshot_id, reach, filters)?;
            window.answers.beside = (!instants.is_empty()).then(|| Beside::new(instants));
        }
        Ok(())
    }

    /// Counts the windows in which nothing vanished, several at once: usually that is all there is.
    async fn count_calm(&self, open: &mut [Open]) -> Result<()> {
        let calm = open.iter().enumerate();
        let asks: Vec<(usize, Window, Option<Wider>)> = calm
            .filter(|(_, window)| window.disturbed.is_empty())
            .map(|(place, window)| (place, window.window(), window.wider()))
            .collect();
        let count = async |(place, window, wider)| {
            Result::Ok((place, wider, self.ask(window, wider).await?))
        };
        let counts = asks.into_iter().map(count);
        let counts: Vec<_> = stream::iter(counts).buffered(LANES).try_collect().await?;
        for (place, wider, shown) in counts {
            if let Some(window) = open.get_mut(place) {
                window.count(shown, wider);
            }
        }
        Ok(())
    }

    async fn count(&self, window: Window) -> Result<std::result::Result<u64, String>> {
        let shown = self.ask(window, None).await?;
        Ok(shown.map(|shown| shown.count))
    }

    /// Counts a window, or a wider one, on a connection of its own.
    async fn ask(
        &self,
        window: Window,
        wider: Option<Wider>,
    ) -> Result<std::result::Result<Shown, String>> {
        let context = self.run.context;
        let asked = wider.map_or((window, 1), |wider| (wider.window, wider.limit()));
        let (client, scope) = (&context.client, &self.step.scope);
        let shown = extract::count_alone(client, scope, asked, &context.cancel).await;
        context.progress.send_modify(|progress| {
            progress.requests = context.client.counters().requests();
        });
        shown
    }

    /// Missing tickets, and `fallen` more that are only counted, as a loss of all that the run looks at.
    /// What is too young to be missed is not missing; which ticket is counted nobody knows.
    fn losses<'b>(
        &self,
        store: &Store,
        absent: impl Iterator<Item = &'b Absent>,
        fallen: i64,
    ) -> Result<Losses> {
        let young_from = losses::young_from(self.run.began_at);
        let (mut missing, mut known) = (fallen, 0);
        for one in absent.filter(|one| one.missing.1 < young_from) {
            missing += 1;
            known += i64::from(one.is_known);
        }
        let snapshot = store.snapshot(self.run.snapshot_id)?;
        Ok(Losses {
            missing,
            known,
            live: gone::live(store, self.step.covered)?,
            new: snapshot.tickets_new,
            deleted: snapshot.tickets_deleted,
            known_deleted: self.known_deleted,
            is_filtered: !self.is_unfiltered(),
            is_allowed: self.run.allow_deletions,
            is_refused: false,
        })
    }

    /// Whether what is missing so far is so much that none of it will be believed, so that no more is read.
    fn is_too_much(&self, store: &Store, absent: &[Absent], fallen: i64) -> Result<bool> {
        if absent.is_empty() && fallen == 0 {
            return Ok(false);
        }
        let losses = self.losses(store, absent.iter(), fallen)?;
        Ok(matches!(
            losses.verdict(Evidence::List),
            Verdict::Refused { .. }
        ))
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

//! What a repair reads, in which order, and what it comes to.

use std::collections::BTreeSet;

use super::compare::{Comparison, Found};
use super::repair::Repairing;
use super::{counted, deep, named};
use crate::error::Result;
use crate::extract::Counter;
use crate::plan::coverage::merged;
use crate::plan::verify::Tally;
use crate::report::{self, Difference};
use crate::run::mend;
use crate::store::{Damage, Store};
use crate::table::{Record, Snapshot, TicketMetrics};
use crate::window::Window;

/// Tables that the lists of categories and agents tell.
const LISTED: [&str; 2] = ["categories", "agents"];

/// Rounds of reading and counting after which a repair ends as it is.
const ROUNDS: u32 = 4;

/// Keys that a remark names at most.
const NAMED: usize = 10;

/// A repair, with what it counts by.
pub(super) struct Repair<'a> {
    pub(super) repairing: Repairing<'a>,
    pub(super) counter: &'a Counter,
    pub(super) note: &'a dyn Fn(&str),
}

impl Repair<'_> {
    /// Reads again what differs and what is damaged, and counts again the windows in which that lies.
    /// Returns the store, what was done, and whether both sides count the same now; `None` where it
    /// was interrupted.
    pub(super) async fn run(
        &mut self,
        mut store: Store,
        found: &Found,
        damaged: &[Damage],
        windows: &[Window],
    ) -> Result<Option<(Store, report::Repair, bool)>> {
        let slices = self.slices(&store, found, damaged)?;
        let not_written = match damaged.len() {
            0 => String::new(),
            1 => " and 1 row is not as it was written".to_owned(),
            many => format!(" and {many} rows are not as they were written"),
        };
        (self.note)(&format!(
            "{} differ{not_written}; reading {} again.",
            counted(found.differences.len(), "count"),
            counted(slices.len(), "slice")
        ));
        let touched = touched(windows, &slices);
        let range = hull(&slices).or_else(|| hull(windows));
        let range = range.map(|range| touched.iter().fold(range, |all, one| all.hull(*one)));
        let Some(range) = range else {
            return Ok(None);
        };
        self.repairing.begin(&mut store, range)?;
        self.mend_metrics(&mut store, damaged)?;
        if damaged.iter().any(|row| LISTED.contains(&row.table)) {
            self.repairing.lists(&mut store).await?;
        }
        let Some((store, after)) = self.rounds(store, &slices, &touched).await? else {
            return Ok(None);
        };
        let (mut store, left) = match damaged.is_empty() {
            true => (store, Vec::new()),
            false => self.accept(store).await?,
        };
        if let Some(remark) = mend::told(store.mended()) {
            if store.mended().histories > 0 {
                self.repairing.is_whole = false;
            }
            self.repairing.remark(remark);
        }
        let is_equal = after.is_equal() && found.ignored.is_empty();
        let mended = store.mended().tickets;
        let snapshot = self
            .repairing
            .finish(&mut store, is_equal && left.is_empty())?;
        let differences = named(&store, &after.differences)?;
        let repaired = done(&snapshot, slices.len(), mended, differences, &left);
        Ok(Some((store, repaired, is_equal)))
    }

    /// Metrics that are not what follows from whole rows: no read would tell more.
    fn mend_metrics(&mut self, store: &mut Store, damaged: &[Damage]) -> Result<()> {
        let ids: Vec<&str> = damaged
            .iter()
            .filter(|row| row.table == TicketMetrics::TABLE.name)
            .map(|row| row.id.as_str())
            .collect();
        if ids.is_empty() {
            return Ok(());
        }
        let mended = store.mend_metrics(self.repairing.run.snapshot_id, &ids)?;
        self.repairing.remark(match mended {
            1 => "the metrics of 1 ticket were not what its other rows make them, and were computed again"
                .to_owned(),
            many => format!(
                "the metrics of {many} tickets were not what their other rows make them, and were computed again"
            ),
        });
        Ok(())
    }

    /// Where what differs lies, and where tickets were created that are damaged or tell of damaged rows.
    fn slices(&self, store: &Store, found: &Found, damaged: &[Damage]) -> Result<Vec<Window>> {
        let now_ms = self.repairing.run.context.client.now()?.timestamp_millis();
        let created: BTreeSet<i64> = damaged
            .iter()
            .flat_map(|row| row.created_ms.iter().copied())
            .filter(|at| (0..=now_ms).contains(at))
            .collect();
        let around = store.windows_around(&created)?;
        let differing = found.differences.iter().map(|tally| tally.window);
        Ok(merged(differing.chain(around)))
    }

    /// Keeps what no read brought back as it was found; returns the store, and what is damaged still.
    async fn accept(&mut self, store: Store) -> Result<(Store, Vec<Damage>)> {
        let cancel = &self.repairing.run.context.cancel;
        let (mut store, audit) = mend::audit(store, cancel).await?;
        let (live, gone): (Vec<Damage>, Vec<Damage>) = audit
            .damaged
            .into_iter()
            .partition(|row| row.table == "tickets" && !row.created_ms.is_empty());
        let snapshot_id = self.repairing.run.snapshot_id;
        let accepted =
            store.accept(snapshot_id, &gone, self.repairing.run.context.client.now()?)?;
        if !accepted.is_empty() {
            self.repairing.is_whole = false;
            self.repairing.remark(kept(&accepted));
        }
        let mut left = live;
        left.extend(gone.into_iter().filter(|row| {
            let mut accepted = accepted.iter();
            !accepted.any(|(table, id)| *table == row.table && *id == row.id)
        }));
        Ok((store, left))
    }

    /// Reads `slices` again and counts `touched`, which hold them; `None` when interrupted. What
    /// a round leaves because the desk moved on, or because two changes evened out in a count, the next one reads,
    /// as long as that changes anything.
    async fn rounds(
        &mut self,
        mut store: Store,
        slices: &[Window],
        touched: &[Window],
    ) -> Result<Option<(Store, Found)>> {
        let mut round = slices.to_vec();
        let mut number = 1;
        let mut before: Option<Vec<Tally>> = None;
        if slices.is_empty() {
            return Ok(Some((store, Found::default())));
        }
        loop {
            let (read, is_over) = self.repairing.read(store, &round).await?;
            store = read;
            if !is_over {
                return Ok(None);
            }
            let is_loss_allowed = self.repairing.run.allow_deletions;
            match Box::pin(Comparison::run(
                self.counter,
                &store,
                touched,
                is_loss_allowed,
            ))
            .await
            {
                Ok(after)
                    if number == ROUNDS
                        || after.differences.is_empty()
                        || before.as_ref() == Some(&after.differences) =>
                {
                    return Ok(Some((store, after)));
                }
                Ok(after) => {
                    round = merged(after.differences.iter().map(|tally| tally.window));
                    before = Some(after.differences);
                }
                Err(error) => {
                    // What was read is in the store; the run just has no verdict.
                    self.repairing.finish(&mut store, false)?;
                    return Err(error);
                }
            }
            number += 1;
        }
    }
}

/// What is said of rows that were kept as they were found.
fn kept(accepted: &[(&'static str, String)]) -> String {
    let names: Vec<String> = accepted
        .iter()
        .take(NAMED)
        .map(|(table, id)| format!("{table} {id}"))
        .collect();
    let more = match accepted.len().checked_sub(NAMED) {
        None | Some(0) => String::new(),
        Some(more) => format!(" and {more} more"),
    };
    format!(
        "{} damaged, and the desk does not send what was there any more: kept as found ({}{more}); a \
         backup from before may have it",
        match accepted.len() {
            1 => "1 row is".to_owned(),
            many => format!("{many} rows are"),
        },
        names.join(", ")
    )
}

fn done(
    snapshot: &Snapshot,
    slices: usize,
    tickets_mended: i64,
    differences: Vec<Difference>,
    left: &[Damage],
) -> report::Repair {
    report::Repair {
        snapshot_id: snapshot.id,
        slices,
        tickets_read: snapshot.tickets_read,
        tickets_new: snapshot.tickets_new,
        tickets_changed: snapshot.tickets_changed,
        tickets_deleted: snapshot.tickets_deleted,
        tickets_mended,
        is_complete: snapshot.is_proven(),
        differences,
        damaged: left.iter().map(deep::damaged).collect(),
    }
}

/// Those of `windows` that share time with one of `slices`.
fn touched(windows: &[Window], slices: &[Window]) -> Vec<Window> {
    let is_touched = |window: &&Window| {
        slices
            .iter()
            .any(|slice| window.from() < slice.until() && slice.from() < window.until())
    };
    windows.iter().filter(is_touched).copied().collect()
}

fn hull(windows: &[Window]) -> Option<Window> {
    windows.iter().copied().reduce(|one, other| one.hull(other))
}

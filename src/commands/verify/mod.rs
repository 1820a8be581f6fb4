//! `verify`: the API's counts against the store's, and a repair of where they differ.
#![expect(
    clippy::disallowed_methods,
    reason = "a command is where the clock is read"
)]

mod compare;
mod repair;

use std::sync::Arc;

use chrono::Utc;
use tokio::sync::watch;
use tokio::time::Instant as Moment;

use self::compare::{Comparison, Found, subsets};
use self::repair::Repairing;
use super::backfill::{Context, holds_demo};
use super::drive;
use super::publish::{self, Ended};
use super::recognise::recognise;
use crate::api::Client;
use crate::error::{Error, ErrorKind, ExitCode, Result};
use crate::extract::Counter;
use crate::plan::verify::{Group, KIND, Subset, Tally, covered, is_claim, merged};
use crate::report::{Difference, Progress, Refused, Repair, Verification};
use crate::settings::{Connection, StoreSettings, Verify};
use crate::store::{OpenOptions, Store};
use crate::table::{self, Snapshot};
use crate::terminal::Printer;
use crate::window::Window;

/// A verification, interruptible, and its result.
pub(super) async fn run(
    connection: &Connection,
    settings: &Verify,
    printer: &Printer,
) -> Result<ExitCode> {
    drive::interruptible(async |cancel| {
        let context = Context {
            client: Arc::new(Client::new(connection, rand::random)?),
            cancel,
            progress: watch::Sender::new(Progress::default()),
        };
        let (verification, exit_code, store) =
            verify_keeping(&context, settings, &|text| printer.note(text)).await?;
        let StoreSettings {
            file_mode, publish, ..
        } = &settings.store;
        match (publish, store) {
            (Some(target), Some(store)) => {
                let ended = Ended::Verification(&verification);
                let cancel = &context.cancel;
                publish::after_run(ended, store, target, *file_mode, cancel, printer).await?;
            }
            _ => printer.verification(&verification)?,
        }
        Ok(exit_code)
    })
    .await
}

/// Counts the API against the store over the history that the store covers; with a repair, reads
/// again what differs and counts again. `note` is told what is about to be done.
///
/// # Errors
/// The store cannot be used or covers nothing, or a request failed for good. An interruption is no
/// error: the verification's outcome is `interrupted`.
pub async fn verify(
    context: &Context,
    settings: &Verify,
    note: &dyn Fn(&str),
) -> Result<(Verification, ExitCode)> {
    let (verification, exit_code, _) = verify_keeping(context, settings, note).await?;
    Ok((verification, exit_code))
}

/// The same, with the store that a repair wrote still held: for what follows it before another run
/// may begin.
///
/// # Errors
/// See [`verify`].
pub async fn verify_keeping(
    context: &Context,
    settings: &Verify,
    note: &dyn Fn(&str),
) -> Result<(Verification, ExitCode, Option<Store>)> {
    let began = Moment::now();
    let store = open(settings)?;
    let history = History::of(&store)?;
    let mut verifying = Verifying {
        context,
        settings,
        note,
        counter: Counter {
            client: Arc::clone(&context.client),
            has_messages: history.has_messages,
            cancel: context.cancel.clone(),
        },
        report: Verification {
            store: store.path().display().to_string(),
            outcome: String::new(),
            windows: history.windows.clone(),
            counts: 0,
            requests_planned: 0,
            requests: 0,
            differences: Vec::new(),
            ignored: Vec::new(),
            refused: Vec::new(),
            repair: None,
            rejects_standing: 0,
            rejects_accepted: 0,
            remarks: Vec::new(),
            elapsed_s: 0.0,
        },
        history,
        repaired: None,
        ending: Ending::Interrupted,
    };
    verifying.ending = match verifying.run(store).await {
        Err(error) if error.kind() == ErrorKind::Interrupted => Ending::Interrupted,
        ended => ended?,
    };
    let exit_code = verifying.ending.exit_code();
    let mut report = verifying.report;
    report.outcome = match verifying.ending {
        Ending::Interrupted => "interrupted",
        Ending::Equal => "equal",
        Ending::EqualWithRejects => "equal_with_rejects",
        Ending::Repaired => "repaired",
        Ending::RepairedWithRejects => "repaired_with_rejects",
        Ending::Different => "different",
    }
    .to_owned();
    report.requests = context.client.counters().requests();
    report.elapsed_s = began.elapsed().as_secs_f64();
    Ok((report, exit_code, verifying.repaired))
}

/// The store, held if it may have to be written.
fn open(settings: &Verify) -> Result<Store> {
    let path = &settings.store.path;
    let read_only = Store::open_read_only(path)?;
    if holds_demo(&read_only)? == Some(true) {
        return Err(Error::usage(format!(
            "{} holds the demo's invented desk, which no API can be counted against",
            path.display()
        ))
        .help("name another file with --to"));
    }
    if !settings.is_repair {
        read_only.require_current_schema()?;
        return Ok(read_only);
    }
    drop(read_only);
    // Better now than after the repair: what it is to be published to may be in another's hands.
    publish::create_directory(&settings.store)?;
    let options = OpenOptions {
        file_mode: settings.store.file_mode,
        now: Utc::now(),
    };
    let store = Store::open(path, &options)?;
    match store.progress()? {
        // A sync begins anew, and what it stored is stored; what a backfill had still to read, no
        // later run would.
        Some(progress) if !matches!(progress.snapshot.kind.as_str(), KIND | "sync") => {
            Err(Error::usage(format!(
                "a {} of {} is unfinished, which a repair would give up",
                progress.snapshot.kind,
                path.display()
            ))
            .help("finish it by running its command again, or leave out --repair"))
        }
        _ => Ok(store),
    }
}

/// What a store claims to hold.
#[derive(Debug)]
struct History {
    windows: Vec<Window>,
    /// Whether one of the runs that cover it asked for threads.
    has_messages: bool,
}

impl History {
    fn of(store: &Store) -> Result<Self> {
        let snapshots = store.snapshots(u32::MAX)?;
        let windows = covered(&snapshots);
        let has_messages = snapshots
            .iter()
            .any(|snapshot| is_claim(snapshot) && snapshot.has_messages);
        if windows.is_empty() {
            return Err(Error::usage(format!(
                "there is nothing to verify: no unfiltered run has finished on {}",
                store.path().display()
            ))
            .help("run a backfill to its end first"));
        }
        Ok(Self {
            windows,
            has_messages,
        })
    }

    /// Windows that the API accepts.
    fn counted(&self) -> Vec<Window> {
        self.windows
            .iter()
            .flat_map(Window::split_by_year)
            .collect()
    }
}

struct Verifying<'a> {
    context: &'a Context,
    settings: &'a Verify,
    note: &'a dyn Fn(&str),
    counter: Counter,
    history: History,
    report: Verification,
    /// The store, still held, after a repair that came to its end.
    repaired: Option<Store>,
    ending: Ending,
}

/// How a verification ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    Interrupted,
    /// Nothing differed.
    Equal,
    /// The same, but a repair was asked for, and rejects stand that nobody accepted.
    EqualWithRejects,
    /// Nothing differs any more.
    Repaired,
    /// The same, but rejects stand that nobody accepted.
    RepairedWithRejects,
    /// Something differs.
    Different,
}

impl Ending {
    fn exit_code(self) -> ExitCode {
        match self {
            Self::Interrupted => ExitCode::Interrupted,
            Self::Equal | Self::Repaired => ExitCode::Complete,
            Self::EqualWithRejects | Self::RepairedWithRejects | Self::Different => {
                ExitCode::Incomplete
            }
        }
    }
}

impl Verifying<'_> {
    async fn run(&mut self, store: Store) -> Result<Ending> {
        if self.settings.is_repair && !self.settings.allow_deletions {
            recognise(self.context, &store, None, Utc::now()).await?;
        }
        let windows = self.history.counted();
        self.plan(&store, &windows)?;
        let found = Comparison::run(&self.counter, &store, &windows).await?;
        self.report(&store, &found)?;
        if found.differences.is_empty() || !self.settings.is_repair {
            let has_rejects = self.settings.is_repair && self.report.rejects_standing > 0;
            return Ok(match found.is_equal() {
                true if has_rejects => Ending::EqualWithRejects,
                true => Ending::Equal,
                false => Ending::Different,
            });
        }
        self.repair(store, &found, &windows).await
    }

    /// Says what the counting will take.
    fn plan(&mut self, store: &Store, windows: &[Window]) -> Result<()> {
        let mut values = 1;
        for group in Group::FILTERS {
            values += subsets(store, group)?.len();
        }
        let requests = u64::try_from(windows.len() * values).unwrap_or(u64::MAX);
        self.report.requests_planned = requests;
        let limit = self.context.client.gate().limit();
        let minutes = limit.map_or(0, |limit| limit.seconds_for(requests).div_ceil(60));
        (self.note)(&format!(
            "Counting {} in {values} ways: {} at most, about {} within the budget, and more where \
             something differs.",
            counted(windows.len(), "window"),
            counted(usize::try_from(requests).unwrap_or(usize::MAX), "request"),
            counted(usize::try_from(minutes).unwrap_or(usize::MAX), "minute"),
        ));
        Ok(())
    }

    /// What was found, with the names that the store knows.
    fn report(&mut self, store: &Store, found: &Found) -> Result<()> {
        self.report.counts = found.counts;
        self.report.differences = named(store, &found.differences)?;
        self.report.ignored = found
            .ignored
            .iter()
            .map(|group| group.word().to_owned())
            .collect();
        for (subset, store_count, reason) in &found.refused {
            self.report.refused.push(Refused {
                group: subset.group.word().to_owned(),
                value: subset.value.clone(),
                name: name(store, subset)?,
                store: *store_count,
                reason: reason.clone(),
            });
        }
        self.count_rejects(store)?;
        let remarks = &mut self.report.remarks;
        if found.is_cut_short {
            remarks.push(
                "so much differs that not all of it was narrowed down to slices of a page"
                    .to_owned(),
            );
        }
        let rejected = store.rejected_count()?;
        if rejected > 0 && !found.differences.is_empty() {
            remarks.push(format!(
                "{} could not be stored and only stand in rejects: the API counts them, the store does not",
                counted(usize::try_from(rejected).unwrap_or(usize::MAX), "ticket")
            ));
        }
        Ok(())
    }

    fn count_rejects(&mut self, store: &Store) -> Result<()> {
        let standing = store.standing()?;
        self.report.rejects_standing = standing.open;
        self.report.rejects_accepted = standing.accepted;
        Ok(())
    }

    /// Reads again what differs, and counts again the windows in which that lies.
    async fn repair(&mut self, store: Store, found: &Found, windows: &[Window]) -> Result<Ending> {
        let slices = merged(found.differences.iter().map(|tally| tally.window));
        (self.note)(&format!(
            "{} differ; reading {} again.",
            counted(found.differences.len(), "count"),
            counted(slices.len(), "slice")
        ));
        let mut repairing = Repairing {
            context: self.context,
            settings: self.settings,
            has_messages: self.history.has_messages,
            covered: &self.history.windows,
            is_whole: true,
            remarks: Vec::new(),
            snapshot_id: 0,
            accounted: 0,
        };
        let touched = touched(windows, &slices);
        let Some(range) = hull(&touched) else {
            return Ok(Ending::Different);
        };
        let mut store = store;
        repairing.begin(&mut store, range)?;
        let Some((mut store, after)) = self
            .rounds(&mut repairing, store, &slices, &touched)
            .await?
        else {
            return Ok(Ending::Interrupted);
        };
        let is_equal = after.is_equal() && found.ignored.is_empty();
        let snapshot = repairing.finish(&mut store, is_equal)?;
        self.report.remarks.append(&mut repairing.remarks);
        self.report.repair = Some(done(
            &snapshot,
            slices.len(),
            named(&store, &after.differences)?,
        ));
        self.count_rejects(&store)?;
        self.repaired = Some(store);
        Ok(match table::Outcome::of(&snapshot.outcome) {
            Some(table::Outcome::Complete) if is_equal => Ending::Repaired,
            Some(table::Outcome::WithRejects) if is_equal => Ending::RepairedWithRejects,
            Some(_) | None => Ending::Different,
        })
    }

    /// Reads `slices` again and counts `touched`, which hold them; `None` when interrupted. What
    /// the first round leaves, because the desk moved on or because no version in the history
    /// tells it from what is right, a second one writes whatever it is.
    async fn rounds(
        &self,
        repairing: &mut Repairing<'_>,
        mut store: Store,
        slices: &[Window],
        touched: &[Window],
    ) -> Result<Option<(Store, Found)>> {
        let mut round = slices.to_vec();
        let mut is_every = false;
        loop {
            let (read, is_over) = repairing.read(store, &round, is_every).await?;
            store = read;
            if !is_over {
                return Ok(None);
            }
            match Comparison::run(&self.counter, &store, touched).await {
                Ok(after) if is_every || after.differences.is_empty() => {
                    return Ok(Some((store, after)));
                }
                Ok(after) => round = merged(after.differences.iter().map(|tally| tally.window)),
                Err(error) => {
                    // What was read is in the store; the run just has no verdict.
                    repairing.finish(&mut store, false)?;
                    return Err(error);
                }
            }
            is_every = true;
        }
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

fn done(snapshot: &Snapshot, slices: usize, differences: Vec<Difference>) -> Repair {
    Repair {
        snapshot_id: snapshot.id,
        slices,
        tickets_read: snapshot.tickets_read,
        tickets_new: snapshot.tickets_new,
        tickets_changed: snapshot.tickets_changed,
        tickets_deleted: snapshot.tickets_deleted,
        differences,
    }
}

fn named(store: &Store, tallies: &[Tally]) -> Result<Vec<Difference>> {
    tallies
        .iter()
        .map(|tally| {
            Ok(Difference {
                from: tally.window.from(),
                until: tally.window.until(),
                group: tally.subset.group.word().to_owned(),
                value: tally.subset.value.clone(),
                name: name(store, &tally.subset)?,
                store: tally.store,
                api: tally.api,
                difference: tally.difference(),
            })
        })
        .collect()
}

fn name(store: &Store, subset: &Subset) -> Result<Option<String>> {
    let mut known = store.known_values(subset.group)?.into_iter();
    Ok(known
        .find(|(id, _)| *id == subset.value)
        .and_then(|(_, name)| name))
}

/// `1 window`, `3 windows`.
fn counted(number: usize, noun: &str) -> String {
    match number {
        1 => format!("1 {noun}"),
        _ => format!("{number} {noun}s"),
    }
}

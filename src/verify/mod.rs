//! The API's counts against the store's, and a repair of where they differ.

mod compare;
mod deep;
mod named;
mod repair;
mod round;

use std::sync::Arc;

use tokio::time::Instant as Moment;
use tokio_util::sync::CancellationToken;

use self::compare::{Comparison, Found, subsets};
use self::named::{Names, named};
use self::repair::Repairing;
use self::round::Repair;
use crate::api::Account;
use crate::clock;
use crate::error::{Error, ExitCode, Result};
use crate::extract::Counter;
use crate::plan::coverage::{self, Claim, covered};
use crate::plan::verify::Group;
use crate::report::{Deep, Refused, Verification, VerifyOutcome};
use crate::run::desk::holds_demo;
use crate::run::recognise::recognise;
use crate::run::{Context, Running, mend, metrics, place};
use crate::settings::Verify;
use crate::store::{Audit, Damage, Store};
use crate::table::{Instant, RunKind};
use crate::window::Window;

/// Holds a store against itself, and sends nothing. `note` is told what is about to be done.
///
/// # Errors
/// The store cannot be read at all. An interruption is no error: the verification's outcome is
/// `interrupted`.
pub async fn check(
    settings: &Verify,
    cancel: &CancellationToken,
    note: &dyn Fn(&str),
) -> Result<(Verification, ExitCode)> {
    let began = Moment::now();
    let store = open(settings)?;
    let mut report = blank(&store);
    report.remarks.extend(behind(&store, settings)?);
    report
        .remarks
        .push("nothing was counted: there is no API key".to_owned());
    note(&deep::announced(&store)?);
    let exit_code = match mend::audit(store, cancel).await {
        Ok((_, audit)) => {
            let is_whole = audit.is_whole();
            report.deep = Some(deep::told(&audit));
            code(is_whole)
        }
        Err(error) if error.is_interruption() => ExitCode::Interrupted,
        Err(error) => return Err(error),
    };
    report.outcome = match exit_code {
        ExitCode::Complete => VerifyOutcome::Whole,
        ExitCode::Interrupted => VerifyOutcome::Interrupted,
        _ => VerifyOutcome::Damaged,
    };
    report.elapsed_s = began.elapsed().as_secs_f64();
    Ok((report, exit_code))
}

/// Counts the API against the store over the history that the store covers; with a repair, reads
/// again what differs and counts again. A deep verification and a repair hold the store against
/// itself first. `note` is told what is about to be done.
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

/// Verifies, and gives back the store that a repair wrote, still held: for what follows it before another run
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
    let mut verifying = Verifying {
        context,
        settings,
        note,
        report: blank(&store),
        is_equal: true,
        repaired: None,
    };
    let exit_code = match verifying.run(store).await {
        Err(error) if error.is_interruption() => ExitCode::Interrupted,
        ended => ended?,
    };
    let mut report = verifying.report;
    // Whatever a repair found, what stands in rejects is not as it was sent.
    let has_rejects = settings.is_repair && report.rejects_standing > 0;
    let (outcome, exit_code) = match (exit_code, &report.repair) {
        (ExitCode::Interrupted, _) => (VerifyOutcome::Interrupted, exit_code),
        (ExitCode::Complete, None) if has_rejects => {
            (VerifyOutcome::EqualWithRejects, ExitCode::Incomplete)
        }
        (ExitCode::Complete, Some(_)) if has_rejects => {
            (VerifyOutcome::RepairedWithRejects, ExitCode::Incomplete)
        }
        (ExitCode::Complete, None) => (VerifyOutcome::Equal, exit_code),
        (ExitCode::Complete, Some(_)) => (VerifyOutcome::Repaired, exit_code),
        (_, None) if verifying.is_equal => (VerifyOutcome::Damaged, exit_code),
        _ => (VerifyOutcome::Different, exit_code),
    };
    report.outcome = outcome;
    report.requests = context.client.counters().requests();
    // Only now: of damaged rows they may not be known.
    let repaired = match verifying.repaired {
        Some(store) => Some(metrics::renew_for(context, store, context.client.now()?).await?),
        None => None,
    };
    report.elapsed_s = began.elapsed().as_secs_f64();
    Ok((report, exit_code, repaired))
}

/// What is said of metrics that are not held against the rows, since they are by other definitions or
/// business hours, and of names that are others.
fn behind(store: &Store, settings: &Verify) -> Result<Vec<String>> {
    let told = &settings.store.metrics;
    let hours = told.fingerprint();
    let behind = store.behind((&hours, told.time_zone), &told.policies, &told.names)?;
    Ok(behind.into_iter().map(str::to_owned).collect())
}

/// A report of nothing yet.
fn blank(store: &Store) -> Verification {
    Verification {
        store: store.path().display().to_string(),
        outcome: VerifyOutcome::Different,
        windows: Vec::new(),
        counts: 0,
        deep: None,
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
    }
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
        let mut read_only = read_only;
        place::measure_by(&mut read_only, &settings.store.metrics);
        return Ok(read_only);
    }
    drop(read_only);
    let store = place::open(&settings.store, clock::now()?)?;
    // A record that cannot be read is what a repair is for.
    let progress = store.progress().unwrap_or_default();
    let has_ended = match &progress {
        Some(progress) => store.has_ended(progress.snapshot.id)?,
        None => false,
    };
    match progress.filter(|_| !has_ended) {
        // A sync begins anew, and what it stored is stored; what a backfill had still to read, no
        // later run would.
        Some(progress) if !coverage::may_be_replaced(&progress.snapshot) => {
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
    fn of(store: &Store, now: Instant) -> Result<Self> {
        let snapshots = store.snapshots(u32::MAX)?;
        let covered = covered(&snapshots, now).into_iter();
        let windows: Vec<Window> = covered
            .filter_map(|window| window.since_earliest())
            .collect();
        let has_messages = snapshots
            .iter()
            .any(|snapshot| Claim::of(snapshot).is_some_and(|claim| claim.has_messages));
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
    report: Verification,
    /// Whether the two sides count the same.
    is_equal: bool,
    /// The store, still held, after a repair that came to its end.
    repaired: Option<Store>,
}

impl<'a> Verifying<'a> {
    async fn run(&mut self, store: Store) -> Result<ExitCode> {
        let now = self.context.client.now()?;
        if self.settings.is_repair && !self.settings.allow_deletions {
            recognise(self.context, &store, None, now).await?;
        }
        let (mut store, audit) = self.look(store).await?;
        let is_whole = audit.as_ref().is_none_or(Audit::is_whole);
        let history = match History::of(&store, now) {
            // Of a damaged store the damage is what there is to say.
            Err(error) if !is_whole && !self.settings.is_repair => {
                self.report
                    .remarks
                    .push(format!("nothing was counted: {error}"));
                return Ok(code(false));
            }
            history => history?,
        };
        let windows = history.counted();
        let counter = Counter {
            client: Arc::clone(&self.context.client),
            has_messages: history.has_messages,
            cancel: self.context.cancel.clone(),
        };
        self.report.windows.clone_from(&history.windows);
        let found = self.count(&store, &counter, &windows).await?;
        let is_sound = found.differences.is_empty() && self.is_fine();
        if !self.settings.is_repair || is_sound {
            if self.settings.is_repair {
                // One that was cut short had mended all there was.
                store.give_up(RunKind::Verify, self.context.client.now()?)?;
            }
            return Ok(code(self.is_equal && self.is_fine()));
        }
        let repair = Repair {
            repairing: self.repairing(&history, now),
            counter: &counter,
            note: self.note,
        };
        let damaged = audit.map(|audit| audit.damaged).unwrap_or_default();
        self.repair(repair, store, &found, &damaged, &windows).await
    }

    /// Counts the API against the store, and reports what differs.
    async fn count(
        &mut self,
        store: &Store,
        counter: &Counter,
        windows: &[Window],
    ) -> Result<Found> {
        self.plan(store, windows)?;
        let is_loss_allowed = self.settings.allow_deletions;
        let found = Box::pin(Comparison::run(counter, store, windows, is_loss_allowed)).await?;
        self.report(store, &found)?;
        // What was counted is what lies under the name that is told.
        store.require_in_place()?;
        self.is_equal = found.is_equal();
        Ok(found)
    }

    /// A repair that has not begun.
    fn repairing<'b>(&self, history: &'b History, now: Instant) -> Repairing<'b>
    where
        'a: 'b,
    {
        Repairing {
            run: Running {
                context: self.context,
                snapshot_id: 0,
                began_at: now,
                allow_deletions: self.settings.allow_deletions,
                account: Account::of(&self.context.client),
            },
            has_messages: history.has_messages,
            covered: &history.windows,
            is_whole: true,
            remarks: Vec::new(),
        }
    }

    /// Repairs what differs and what is damaged, and reports what came of it.
    async fn repair(
        &mut self,
        mut repair: Repair<'_>,
        store: Store,
        found: &Found,
        damaged: &[Damage],
        windows: &[Window],
    ) -> Result<ExitCode> {
        let ended = repair.run(store, found, damaged, windows).await;
        self.report.remarks.append(&mut repair.repairing.remarks);
        let Some((store, repaired, is_equal)) = ended? else {
            return Ok(ExitCode::Interrupted);
        };
        self.is_equal = is_equal;
        let is_mended =
            repaired.is_complete && repaired.damaged.is_empty() && repaired.differences.is_empty();
        self.report.repair = Some(repaired);
        self.count_rejects(&store)?;
        self.repaired = Some(store);
        Ok(code(is_equal && is_mended))
    }

    /// Whether the store was found as it had been written, as far as that was looked at.
    fn is_fine(&self) -> bool {
        self.report.deep.as_ref().is_none_or(Deep::is_whole)
    }

    /// Holds the store against itself, where that is asked for; before a repair, makes it ready for
    /// one where it is damaged.
    async fn look(&mut self, store: Store) -> Result<(Store, Option<Audit>)> {
        if !self.settings.is_deep && !self.settings.is_repair {
            return Ok((store, None));
        }
        if !self.settings.is_repair {
            self.report.remarks.extend(behind(&store, self.settings)?);
        }
        (self.note)(&deep::announced(&store)?);
        let cancel = &self.context.cancel;
        let (store, audit) = mend::audit(store, cancel).await?;
        self.report.deep = Some(deep::told(&audit));
        if audit.is_whole() || !self.settings.is_repair {
            return Ok((store, Some(audit)));
        }
        let (store, remarks) = mend::prepare(store, self.context.client.now()?).await?;
        self.report.remarks.extend(remarks);
        let (store, audit) = mend::audit(store, cancel).await?;
        Ok((store, Some(audit)))
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
        let mut names = Names::default();
        for (subset, store_count, reason) in &found.refused {
            self.report.refused.push(Refused {
                group: subset.group.word().to_owned(),
                value: subset.value.clone(),
                name: names.of(store, subset)?,
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
        if found.believed > 0 {
            remarks.push(format!(
                "every answer of the API was empty, and {} that runs wrote are lost from the store: believed, since \
                 --allow-deletions was given",
                counted(usize::try_from(found.believed).unwrap_or(usize::MAX), "ticket")
            ));
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
}

fn code(is_equal: bool) -> ExitCode {
    match is_equal {
        true => ExitCode::Complete,
        false => ExitCode::Incomplete,
    }
}

/// `1 window`, `3 windows`.
fn counted(number: usize, noun: &str) -> String {
    match number {
        1 => format!("1 {noun}"),
        _ => format!("{number} {noun}s"),
    }
}

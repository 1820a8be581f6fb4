//! `publish`, and what other commands do after a run with `--to parquet:DIR`.

use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::REFRESH;
use super::interrupt::interruptible;
use crate::clock;
use crate::error::{Error, ExitCode, Result};
use crate::publish::{self, Filesystem, Options};
use crate::report::{Published, Publishing, Summary, SyncSummary, Verification};
use crate::run::{metrics, place};
use crate::settings::{PublishSettings, STORE_FILE, StoreSettings};
use crate::store::{OpenOptions, Store};
use crate::terminal::Printer;

/// Files made side by side: more than two gained nothing on two processors, and each takes memory.
const WORKERS: usize = 2;

/// Publishes a store that is there already.
pub(super) async fn publish(settings: &StoreSettings, printer: &Printer) -> Result<ExitCode> {
    interruptible(async |cancel| {
        let Some(target) = &settings.publish else {
            return Err(Error::usage("there is no directory to publish to"));
        };
        let store = open(settings, target)?;
        let mut store =
            metrics::renew(store, clock::now()?, &cancel, &|words| printer.note(words)).await?;
        store.renew_totals()?;
        let published = run(store, target, &cancel, printer).await?;
        printer.published(&published)?;
        Ok(ExitCode::Complete)
    })
    .await
}

/// The store that `--from` names, or the one in the directory.
fn open(settings: &StoreSettings, target: &PublishSettings) -> Result<Store> {
    let directory = target.directory.display();
    publish::refuse_file(&target.directory)?;
    if settings.path == target.directory.join(STORE_FILE) && !settings.path.exists() {
        return Err(
            Error::usage(format!("there is no store in {directory}")).help(format!(
                "name the one to publish with --from sqlite:FILE, or begin one in the directory: \
             backfill --since DATE --to parquet:{directory}"
            )),
        );
    }
    let options = OpenOptions {
        file_mode: settings.file_mode,
        now: clock::now()?,
    };
    let mut store = Store::open_existing(&settings.path, &options)?;
    place::measure_by(&mut store, &settings.metrics);
    Ok(store)
}

/// The summary of a run that is over.
#[derive(Debug, Clone, Copy)]
pub(super) enum Ended<'a> {
    /// A backfill.
    Run(&'a Summary),
    /// A sync.
    Sync(&'a SyncSummary),
    /// A verification that repaired something.
    Verification(&'a Verification),
}

impl Ended<'_> {
    pub(super) fn print(self, printer: &Printer) -> Result<()> {
        match self {
            Self::Run(summary) => printer.summary(summary),
            Self::Sync(summary) => printer.sync(summary),
            Self::Verification(verification) => printer.verification(verification),
        }
    }
}

/// Prints the summary of a run that is over and publishes its store, which stays held until that is
/// done.
///
/// # Errors
/// See [`publish::publish`]; the summary was printed then.
pub(super) async fn after_run(
    ended: Ended<'_>,
    store: Store,
    target: &PublishSettings,
    cancel: &CancellationToken,
    printer: &Printer,
) -> Result<()> {
    // People read it meanwhile; a machine wants one value, with what was published in it.
    if !printer.is_json() {
        ended.print(printer)?;
    }
    match run(store, target, cancel, printer).await {
        Ok(published) if printer.is_json() => match ended {
            Ended::Run(summary) => printer.run_published(summary, &published),
            Ended::Sync(summary) => printer.run_published(summary, &published),
            Ended::Verification(verification) => printer.run_published(verification, &published),
        },
        Ok(published) => printer.published(&published),
        Err(error) => {
            if printer.is_json() {
                ended.print(printer)?;
            }
            Err(only_publishing_failed(error, target))
        }
    }
}

/// Says that nothing has to be read again: the run is over, whatever became of its snapshot.
fn only_publishing_failed(error: Error, target: &PublishSettings) -> Error {
    let directory = target.directory.display();
    let way_out = format!("mava-export publish --to parquet:{directory} writes the snapshot");
    let help = match error.help_text() {
        Some(help) => format!("{help}; then {way_out}: the run itself is over"),
        None => format!("the run itself is over: {way_out}"),
    };
    error.help(help)
}

/// Publishes an open store, which stays held until it is done, with progress.
///
/// # Errors
/// See [`publish::publish`].
pub(super) async fn run(
    store: Store,
    target: &PublishSettings,
    cancel: &CancellationToken,
    printer: &Printer,
) -> Result<Published> {
    let began = Instant::now();
    let options = options(target, store.file_mode()?)?;
    let (sender, told) = watch::channel(Publishing::default());
    let cancel = cancel.clone();
    let mut work = tokio::task::spawn_blocking(move || {
        publish::publish(&store, &options, &cancel, &|progress| {
            sender.send_replace(progress);
        })
    });
    let view = printer.publishing();
    let mut refresh = tokio::time::interval(REFRESH);
    let outcome = loop {
        tokio::select! {
            outcome = &mut work => break outcome,
            _ = refresh.tick() => view.update(&told.borrow(), began.elapsed()),
        }
    };
    drop(view);
    let mut published =
        outcome.map_err(|error| Error::failed("publishing broke down").because(error))??;
    published.elapsed_s = began.elapsed().as_secs_f64();
    Ok(published)
}

fn options(target: &PublishSettings, file_mode: u32) -> Result<Options> {
    Ok(Options {
        directory: target.directory.clone(),
        keep_snapshots: target.keep_snapshots,
        file_mode,
        filesystem: Filesystem::default(),
        workers: WORKERS,
        now: clock::now()?,
        token: rand::random(),
        is_whole: target.is_whole,
    })
}

//! From what was typed to what is meant: pure, but for [`resolve`], which looks up the user's state
//! directory and hands in the reader of the API key.

use std::path::Path;

use chrono::TimeDelta;
use reqwest::Url;
use secrecy::SecretString;

use super::{key, naming, proxy, query, simulated, state};
use crate::api::{LONGEST_URL, TicketsQuery, is_loopback};
use crate::cli::{
    self, ApiArgs, Args, BackfillArgs, DemoArgs, FilterArgs, PublishArgs, RangeArgs, StatusArgs,
    StoreArgs, SyncArgs, VerifyArgs,
};
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::settings::{
    Accept, Backfill, BudgetSettings, Command, Connection, Demo, Filters, MetricsSettings,
    PublishSettings, RejectSelection, RetrySettings, Simulation, Spend, StoreSettings, Sync,
    Timeouts, Verify, Whole, World,
};
use crate::table::{Instant, RunKind};
use crate::window::{EARLIEST, Window};

/// What an origin and a status add to a request, in bytes, where a tied instant is taken apart.
const NARROWING: usize = 100;

/// An end of the range later than this from now is taken for "now".
const LATEST_END: TimeDelta = TimeDelta::days(1);

/// Tries of the one request of a probe: a second one tells a lost answer from a dead host.
const PROBE_ATTEMPTS: u32 = 2;

/// What the command line, the environment and the configuration file mean, `now` being the time.
/// Reads the API key, from where it is, for the commands that need one.
///
/// # Errors
/// A usage error: something required is missing, or values contradict each other.
pub fn resolve(mut args: Args, now: Instant) -> Result<Command> {
    if let Some(api) = api(&mut args.command)
        && api.state_dir.is_none()
        && api.rate_limit.0.is_some()
    {
        api.state_dir = Some(state::directory()?);
    }
    // What is wrong with the address itself is told below.
    if let Some(api) = api(&mut args.command)
        && let Ok(url) = base_url(&api.base_url)
    {
        proxy::check(&url)?;
    }
    resolve_with(args, now, key::read)
}

/// The API's options, of a command that has them.
fn api(command: &mut cli::Command) -> Option<&mut ApiArgs> {
    match command {
        cli::Command::Backfill(typed)
        | cli::Command::Plan {
            command: cli::PlanCommand::Backfill(typed),
        } => Some(&mut typed.api),
        cli::Command::Sync(typed)
        | cli::Command::Plan {
            command: cli::PlanCommand::Sync(typed),
        } => Some(&mut typed.api),
        cli::Command::Verify(typed) => Some(&mut typed.api),
        cli::Command::Probe(typed) => Some(&mut typed.api),
        cli::Command::Status(_)
        | cli::Command::Publish(_)
        | cli::Command::Query(_)
        | cli::Command::Names(_)
        | cli::Command::Accept(_)
        | cli::Command::Demo(_)
        | cli::Command::Simulate(_)
        | cli::Command::Completions { .. } => None,
    }
}

/// [`resolve`] with the reader of the API key handed in. It is given the key file, if one was
/// named, and whether that was typed.
///
/// # Errors
/// See [`resolve`]; and what the reader returns.
pub fn resolve_with(
    args: Args,
    now: Instant,
    read_key: impl FnOnce(Option<&Path>, bool) -> Result<SecretString>,
) -> Result<Command> {
    let is_typed = args.has_typed_key_file;
    // Everything else is checked first: a wrong flag must not cost a key on stdin.
    let connect = |api: &ApiArgs| -> Result<Connection> {
        let unkeyed = connection(api)?;
        Ok(unkeyed(read_key(api.api_key_file.as_deref(), is_typed)?))
    };
    let mut command = match args.command {
        cli::Command::Backfill(typed) => Command::Backfill {
            backfill: backfill(&typed, now)?,
            connection: connect(&typed.api)?,
        },
        cli::Command::Plan {
            command: cli::PlanCommand::Backfill(typed),
        } => Command::PlanBackfill {
            backfill: backfill(&typed, now)?,
            connection: connect(&typed.api)?,
        },
        cli::Command::Sync(typed) => Command::Sync {
            sync: sync(&typed, now)?,
            connection: connect(&typed.api)?,
        },
        cli::Command::Plan {
            command: cli::PlanCommand::Sync(typed),
        } => Command::PlanSync {
            budget: budget(&typed.api)?,
            sync: sync(&typed, now)?,
        },
        cli::Command::Verify(typed) => {
            let verify = verify(&typed)?;
            let connection = match connect(&typed.api) {
                // What needs no key does without one.
                Err(error) if verify.is_deep && !verify.is_repair && key::is_none(&error) => None,
                connection => Some(connection?),
            };
            Command::Verify { connection, verify }
        }
        cli::Command::Status(typed) => Command::Status(status(&typed)?),
        cli::Command::Publish(typed) => Command::Publish(publish(&typed)?),
        cli::Command::Query(typed) => Command::Query(query::query(typed, args.output.is_json())?),
        cli::Command::Names(typed) => Command::Names(naming::naming(typed)?),
        cli::Command::Accept(typed) => Command::Accept(accept(typed)?),
        cli::Command::Probe(typed) => {
            let mut connection = connect(&typed.api)?;
            // Somebody waits for the answer, and whether there is one is the question.
            connection.retry.attempts = connection.retry.attempts.min(PROBE_ATTEMPTS);
            Command::Probe(connection)
        }
        cli::Command::Demo(typed) => Command::Demo(demo(typed)),
        cli::Command::Simulate(typed) => Command::Simulate(simulation(&typed, now)?),
        cli::Command::Completions { shell } => Command::Completions(shell),
    };
    command.measure_by(args.metrics);
    Ok(command)
}

fn backfill(typed: &BackfillArgs, now: Instant) -> Result<Backfill> {
    let since = typed
        .range
        .since
        .ok_or_else(|| missing("--since", "2023-01-01", "MAVA_EXPORT_SINCE", "since"))?;
    range(&typed.range, now)?;
    let backfill = Backfill {
        kind: RunKind::Backfill,
        since,
        until: past(typed.range.until, now),
        filters: filters(&typed.filters),
        has_messages: !typed.fetch.no_messages,
        max_lanes: usize::from(typed.fetch.lanes),
        allow_deletions: typed.fetch.allow_deletions,
        store: store(&typed.store, typed.snapshots.keep_snapshots)?,
    };
    fitting(&backfill.filters, &typed.api)?;
    Ok(backfill)
}

fn sync(typed: &SyncArgs, now: Instant) -> Result<Sync> {
    let syncing = &typed.syncing;
    for option in syncing.ignored() {
        tracing::warn!(
            "{option} is ignored and will be removed: --spend says how much a sync may use"
        );
    }
    let budget = budget(&typed.api)?;
    range(
        &RangeArgs {
            since: syncing.since,
            until: None,
        },
        now,
    )?;
    Ok(Sync {
        kind: RunKind::Backfill,
        since: syncing.since,
        whole: match syncing.full {
            true => Whole::Always,
            false => Whole::IfItFits,
        },
        spend: match syncing.max_requests {
            Some(requests) => Spend::requests(requests),
            None => Spend::time(&budget, syncing.spend),
        },
        has_messages: !typed.fetch.no_messages,
        max_lanes: usize::from(typed.fetch.lanes),
        allow_deletions: typed.fetch.allow_deletions,
        store: store(&typed.store, typed.snapshots.keep_snapshots)?,
    })
}

/// Holds the range's ends against each other and against now.
fn range(typed: &RangeArgs, now: Instant) -> Result<()> {
    let Some(since) = typed.since else {
        return Ok(());
    };
    let text = crate::table::instant_text;
    if let Some(until) = typed.until
        && Window::new(since, until).is_none()
    {
        return Err(Error::usage(format!(
            "the range is empty: --since {} is not before --until {}",
            text(since),
            text(until)
        ))
        .help("--until is exclusive: for the day 2023-01-31 write --since 2023-01-31 --until 2023-02-01"));
    }
    if since < EARLIEST {
        return Err(Error::usage(format!(
            "--since {} lies before {}, when no desk had tickets yet",
            text(since),
            text(EARLIEST)
        ))
        .help("write the year in full; --since 2010-01-01 reads everything that there is"));
    }
    if since >= now {
        return Err(Error::usage(format!(
            "--since {} lies in the future: it is {} now",
            text(since),
            text(now)
        )));
    }
    Ok(())
}

/// An end that lies further ahead than any clock is wrong is none: windows of a future without
/// tickets would cost a request each.
fn past(until: Option<Instant>, now: Instant) -> Option<Instant> {
    let (ahead, kept) = match until {
        Some(until) if until > now + LATEST_END => (Some(until), None),
        other => (None, other),
    };
    if let Some(ahead) = ahead {
        tracing::warn!(
            "--until {} lies in the future: the range ends now",
            crate::table::instant_text(ahead)
        );
    }
    kept
}

/// The store, and where it is published.
fn store(typed: &StoreArgs, keep_snapshots: usize) -> Result<StoreSettings> {
    let to = typed.to.as_ref();
    let to = to.ok_or_else(|| missing("--to", "sqlite:support.db", "MAVA_EXPORT_TO", "to"))?;
    Ok(StoreSettings {
        path: to.store(),
        file_mode: typed.file_mode,
        publish: to.directory().map(|directory| PublishSettings {
            directory: directory.clone(),
            keep_snapshots,
            is_whole: false,
        }),
        metrics: MetricsSettings::default(),
    })
}

/// The store of `--to`; of a directory that another store is published to, the one of `--from`.
fn status(typed: &StatusArgs) -> Result<StoreSettings> {
    let mut typed = typed.clone();
    let from = typed.from.from;
    if typed.store.to.is_none() {
        typed.store.to.clone_from(&from);
    }
    // It only lists them.
    let mut settings = store(&typed.store, usize::MAX)?;
    if let (Some(_), Some(from)) = (&settings.publish, from) {
        settings.path = from.store();
    }
    Ok(settings)
}

/// The store that `--from` names, or the one in the directory that is published to.
fn publish(typed: &PublishArgs) -> Result<StoreSettings> {
    if typed.store.to.is_none() {
        return Err(missing("--to", "parquet:desk", "MAVA_EXPORT_TO", "to"));
    }
    let mut settings = store(&typed.store, typed.snapshots.keep_snapshots)?;
    let Some(target) = &mut settings.publish else {
        return Err(Error::usage("--to names a SQLite file: what is published is Parquet").help(
            "write --to parquet:DIR, and --from sqlite:FILE for a store that is not in that directory",
        ));
    };
    target.is_whole = typed.writing.whole;
    if let Some(from) = &typed.from.from {
        settings.path = from.store();
    }
    Ok(settings)
}

fn verify(typed: &VerifyArgs) -> Result<Verify> {
    Ok(Verify {
        store: store(&typed.store, typed.snapshots.keep_snapshots)?,
        is_deep: typed.depth.deep,
        is_repair: typed.repair.repair,
        allow_deletions: typed.repair.allow_deletions,
    })
}

fn demo(typed: DemoArgs) -> Demo {
    Demo {
        store: StoreSettings {
            path: typed.to,
            file_mode: None,
            publish: None,
            metrics: MetricsSettings::default(),
        },
        world: World {
            tickets: typed.world.tickets,
            seed: typed.world.seed,
        },
    }
}

fn accept(typed: cli::AcceptArgs) -> Result<Accept> {
    Ok(Accept {
        store: store(&typed.store, 1)?,
        selection: RejectSelection {
            tickets: typed.rejects.ticket,
            paths: typed.rejects.path,
            reasons: typed.rejects.reason,
            is_every: typed.rejects.all,
        },
        is_undo: typed.rejects.undo,
        is_meant: typed.rejects.yes,
    })
}

fn missing(flag: &str, example: &str, variable: &str, key: &str) -> Error {
    Error::usage(format!("{flag} is missing")).help(format!(
        "give {flag} {example}, or set {variable}, or {key} in the configuration file"
    ))
}

/// Each list sorted and without doubles, so that equal filters are equal.
fn filters(typed: &FilterArgs) -> Filters {
    fn words<T>(values: &[T], word: impl Fn(&T) -> String) -> Vec<String> {
        let mut words: Vec<String> = values.iter().map(word).collect();
        words.sort_unstable();
        words.dedup();
        words
    }
    Filters {
        status: words(&typed.status, cli::word),
        origin: words(&typed.origin, cli::word),
        category: words(&typed.category, String::clone),
        tag: words(&typed.tag, String::clone),
        assigned_to: words(&typed.assigned_to, String::clone),
    }
}

/// Refuses filters that make a request longer than any can be.
fn fitting(filters: &Filters, api: &ApiArgs) -> Result<()> {
    let Some(window) = Window::from_millis(0, 1) else {
        return Ok(());
    };
    let longest = TicketsQuery {
        filters: filters.clone(),
        skip: u32::MAX,
        ..TicketsQuery::of(window, u32::MAX)
    };
    let get = longest.get();
    let length = get.url(&base_url(&api.base_url)?).as_str().len();
    match get.longest_filter() {
        Some((flag, values)) if length > LONGEST_URL - NARROWING => Err(Error::usage(format!(
            "{flag} names {values} {}, which make a request of {length} bytes: at most {} can be sent",
            if values == 1 { "value" } else { "values" },
            LONGEST_URL - NARROWING
        ))
        .help(
            "name fewer values, or run the command several times with some of them each: what is in the \
             store stays; or leave the filter out and choose in the store",
        )),
        _ => Ok(()),
    }
}

fn budget(typed: &ApiArgs) -> Result<BudgetSettings> {
    let budget = BudgetSettings {
        rate_limit: typed.rate_limit.0,
        share_percent: typed.budget_share,
        margin: typed.rate_margin,
        state_dir: typed.state_dir.clone(),
    };
    if budget.requests() == Some(0) {
        return Err(Error::usage(format!(
            "--budget-share {}% of --rate-limit leaves no request at all",
            typed.budget_share
        ))
        .help("raise the share, or write the limit over a longer time"));
    }
    Ok(budget)
}

/// The connection, waiting for its key.
fn connection(typed: &ApiArgs) -> Result<impl FnOnce(SecretString) -> Connection> {
    let base_url = base_url(&typed.base_url)?;
    let budget = budget(typed)?;
    let timeouts = Timeouts {
        connect: typed.connect_timeout,
        read: typed.read_timeout,
    };
    let retry = RetrySettings {
        attempts: typed.retry_attempts,
        total: typed.retry_for,
        pause: typed.retry_pause,
    };
    let clock_tolerance = typed.clock_tolerance;
    let max_body_bytes = typed.max_body;
    Ok(move |api_key| Connection {
        base_url,
        api_key,
        budget,
        timeouts,
        retry,
        clock: Clock::default(),
        clock_tolerance,
        max_body_bytes,
    })
}

/// A base URL without slashes at its end. The text is not part of an error: it may hold a
/// password.
fn base_url(text: &str) -> Result<Url> {
    let refuse = |why: &str| {
        Error::usage(format!("the base URL {why}"))
            .help("write --base-url https://gateway.mava.app, or http:// on loopback only")
    };
    let mut url =
        Url::parse(text.trim()).map_err(|error| refuse("cannot be read").because(error))?;
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(&url) => {}
        "http" => return Err(refuse("is http: others could read the API key on the way")),
        _ => return Err(refuse("is neither https nor http")),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refuse("holds a user or a password"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(refuse("holds a query or a fragment"));
    }
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    Ok(url)
}

fn simulation(typed: &cli::SimulateArgs, now: Instant) -> Result<Simulation> {
    range(&typed.range, now)?;
    let live = simulated::live(typed, now)?;
    Ok(Simulation {
        port: typed.server.port,
        world: World {
            tickets: typed.world.tickets,
            seed: typed.world.seed,
        },
        since: typed.range.since,
        until: simulated::until(typed)?,
        latency: typed.server.latency,
        rate_limit: typed.server.rate_limit.0,
        fault_rate: typed.server.fault_rate,
        is_prerendered: typed.server.prerender,
        mean_messages: typed.server.mean_messages,
        is_at_work: typed.server.at_work,
        live,
    })
}

#[cfg(test)]
#[path = "resolve_tests.rs"]
mod tests;

//! What a simulated desk that lives on is to be, as meant. Pure.

use std::path::Path;

use crate::cli::{LiveArgs, SimulateArgs};
use crate::error::{Error, Result};
use crate::settings::Live;
use crate::table::{Instant, instant_text};
use crate::window;

/// The day on which a desk begins to live where nobody says otherwise. Fixed, so that the same seed gives
/// the same desk on any day; and long ago, so that it can live for hours before it reaches the present.
const FIRST_DAY: &str = "2025-01-01";

/// How the desk lives on; `None` where it does not.
///
/// # Errors
/// A usage error: an option goes with another one, or the desk would begin to live in the future or
/// before it opens.
pub(super) fn live(typed: &SimulateArgs, now: Instant) -> Result<Option<Live>> {
    let LiveArgs {
        live,
        day_every,
        has_typed_day_every,
        truth,
    } = &typed.live;
    let alone = match (live, truth, has_typed_day_every) {
        (false, Some(_), _) => Some("--truth"),
        (false, None, true) => Some("--day-every"),
        _ => None,
    };
    if let Some(flag) = alone {
        return Err(Error::usage(format!(
            "{flag} is for a desk that lives on, and --live is missing"
        ))
        .help(format!("add --live, or leave {flag} out")));
    }
    if !live {
        return Ok(None);
    }
    if typed.server.prerender {
        return Err(Error::usage(
            "--prerender prepares pages that stay as they are, and with --live they change",
        )
        .help("leave one of the two out"));
    }
    if truth.as_deref() == Some(Path::new("-")) {
        return Err(Error::usage("--truth writes to a file, and - is none")
            .help("name a new file, such as --truth truth.ndjson"));
    }
    beginning(typed, now)?;
    Ok(Some(Live {
        day_every: *day_every,
        truth: truth.clone(),
    }))
}

/// The end of the range of creation, which is the present of a desk that begins to live.
pub(super) fn until(typed: &SimulateArgs) -> Result<Option<Instant>> {
    match (typed.range.until, typed.live.live) {
        (None, true) => window::parse(FIRST_DAY).map(Some),
        (until, _) => Ok(until),
    }
}

/// Holds the beginning of a desk's life against the range and against now.
fn beginning(typed: &SimulateArgs, now: Instant) -> Result<()> {
    let Some(from) = until(typed)? else {
        return Ok(());
    };
    let text = instant_text(from);
    if from > now {
        return Err(Error::usage(format!(
            "the desk would begin to live at {text}, and it is {} now",
            instant_text(now)
        ))
        .help("name an earlier day with --until: its clock never runs ahead of this machine's"));
    }
    match typed.range.since {
        Some(since) if since >= from => Err(Error::usage(format!(
            "the desk would begin to live at {text}, which is not after --since {}",
            instant_text(since)
        ))
        .help("say with --until on which day it begins to live, or name an earlier --since")),
        _ => Ok(()),
    }
}

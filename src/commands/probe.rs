//! `probe`: does the API still look as expected?

use chrono::TimeDelta;
use tokio_util::sync::CancellationToken;

use super::interrupt::interruptible;
use crate::api::{Client, FetchError, MOST_WEIGHT, TicketsQuery, Undecodable, weight};
use crate::clock;
use crate::error::{Error, ExitCode, REPORT, Result};
use crate::mava::LONGEST_DAYS;
use crate::mava::PAGE_LIMIT;
use crate::probe;
use crate::report::Probe;
use crate::settings::Connection;
use crate::terminal::Printer;
use crate::window::Window;
use crate::wire::{self, Body};

/// An answer that would take so much memory, in bytes, is not looked into.
const HEAVIEST: u64 = 1 << 30;

/// Compares an answer of the API with what we expect, and shows the differences.
pub(super) async fn show(connection: &Connection, printer: &Printer) -> Result<ExitCode> {
    interruptible(async |cancel| {
        let probe = probe(connection, &cancel).await?;
        printer.probe(&probe)?;
        Ok(if probe.has_differences() {
            ExitCode::Incomplete
        } else {
            ExitCode::Complete
        })
    })
    .await
}

/// Sends one request for the oldest tickets of the last 365 days, with messages, and compares the
/// answer with what we expect.
///
/// # Errors
/// The request failed for good.
pub async fn probe(connection: &Connection, cancel: &CancellationToken) -> Result<Probe> {
    let client = Client::new(connection, rand::random)?;
    let now = clock::now()?;
    let window = Window::new(now - TimeDelta::days(LONGEST_DAYS), now)
        .ok_or_else(|| Error::failed("the clock stands at the beginning of time"))?;
    let query = TicketsQuery {
        has_messages: true,
        ..TicketsQuery::of(window, PAGE_LIMIT)
    };
    let decode = |body: &[u8]| {
        if body.len() as u64 > HEAVIEST / MOST_WEIGHT && weight(body) > HEAVIEST {
            let words = format!("{} bytes are too many to look into", body.len());
            return Err(Undecodable::Heavy(words));
        }
        serde_json::from_slice(body).map_err(|_| match wire::decode_page(&Body::new(body)) {
            Err(error) => error.into(),
            Ok(_) => "the body is not JSON".into(),
        })
    };
    let fetched = client.fetch(&query.get(), cancel, decode).await;
    let answer: serde_json::Value = fetched.map_err(no_answer)?.value;
    let mut findings = probe::examine(&answer, window);
    // The names of fields are the API's own words.
    for finding in &mut findings {
        finding.what = client.redact(&finding.what);
    }
    Ok(Probe {
        base_url: connection.base_url.to_string(),
        requests: client.counters().requests(),
        tickets: probe::tickets(&answer),
        findings,
    })
}

/// Elsewhere the way out of a strange answer is this very command.
fn no_answer(failure: FetchError) -> Error {
    match failure.is_unforeseen() {
        true => failure.error.help(
            format!("check --base-url, and a proxy on the way; where both are right, the API has changed: {REPORT}"),
        ),
        false => failure.error,
    }
}

//! `plan backfill`: windows, tickets, requests and minutes, before anything is spent on them.

use tokio_util::sync::CancellationToken;

use super::interrupt::interruptible;
use crate::api::{Client, TicketsQuery, Undecodable};
use crate::budget::Limit;
use crate::clock;
use crate::error::{Error, ExitCode, Result};
use crate::mava::PAGE_LIMIT;
use crate::plan;
use crate::refresh::LOOKUPS;
use crate::report::{Plan, PlannedWindow};
use crate::run::filters;
use crate::settings::{Backfill, Connection};
use crate::store::Store;
use crate::table::RunKind;
use crate::terminal::Printer;
use crate::wire::{self, Body};

/// Plans a backfill and shows the plan.
pub(super) async fn show(
    connection: &Connection,
    settings: &Backfill,
    printer: &Printer,
) -> Result<ExitCode> {
    interruptible(async |cancel| {
        let plan = plan(connection, settings, &cancel).await?;
        printer.plan(&plan)?;
        Ok(ExitCode::Complete)
    })
    .await
}

/// Counts every window of the range, one request each, and works out what a backfill of it from
/// the start would cost.
///
/// # Errors
/// A count could not be had.
pub async fn plan(
    connection: &Connection,
    settings: &Backfill,
    cancel: &CancellationToken,
) -> Result<Plan> {
    let client = Client::new(connection, rand::random)?;
    let range = settings
        .window(clock::now()?)
        .ok_or_else(|| Error::usage("the range is empty: --since is not before --until"))?;
    // Only to look up names: there may be none yet.
    let path = &settings.store.path;
    let store = match filters::has_names(&settings.filters) && path.exists() {
        true => Some(Store::open_read_only(path)?),
        false => None,
    };
    let named = filters::resolve(&client, cancel, store.as_ref(), &settings.filters).await?;
    let mut windows = Vec::new();
    for window in range.split_by_year() {
        // A whole page costs the same as one ticket, but only the count is needed here.
        let query = TicketsQuery {
            filters: named.filters.clone(),
            ..TicketsQuery::of(window, 1)
        };
        let decode = |body: &[u8]| -> std::result::Result<u64, Undecodable> {
            let text = Body::new(body);
            let page = wire::decode_page(&text)?;
            Ok(page.count.ok_or("the answer has no count")?)
        };
        let tickets = client.fetch(&query.get(), cancel, decode).await?.value;
        windows.push(PlannedWindow {
            step: None,
            window,
            tickets,
            // And the count at its end.
            requests: plan::confirmed_requests(tickets, PAGE_LIMIT) + 1,
        });
    }
    let requests = LOOKUPS + windows.iter().map(|planned| planned.requests).sum::<u64>();
    Ok(Plan {
        kind: RunKind::Backfill,
        tickets: windows.iter().map(|planned| planned.tickets).sum(),
        requests,
        seconds: Limit::of(&connection.budget).map_or(0, |limit| limit.seconds_for(requests)),
        requests_spent: client.counters().requests(),
        sync: None,
        windows,
    })
}

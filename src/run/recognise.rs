//! Whether the desk behind the key is the one in the store: asked before anything is written, since
//! rows of two desks cannot be told apart again.

use chrono::TimeDelta;

use super::context::Context;
use crate::api::{SortOrder, TicketsQuery};
use crate::error::{Error, Result};
use crate::extract::{self, Lookups};
use crate::mava::{LONGEST_DAYS, PAGE_LIMIT};
use crate::store::Store;
use crate::table::Instant;
use crate::window::Window;

/// As long a window as the API accepts.
const YEAR: TimeDelta = TimeDelta::days(LONGEST_DAYS);

/// Ends a run before its first write where tickets come, but none that the store knows.
///
/// A category or an agent that is known is proof enough, and both come with what a sync asks for
/// anyway. Else pages around the newest, the oldest and the middle one of the live tickets are asked
/// for: on the right desk the first one tells. Where all of them are gone, categories and agents are
/// asked for before the desk is refused. A desk that shows no ticket at all is let pass: it brings
/// nothing, and that everything is gone is not believed later on.
///
/// # Errors
/// It is another desk; or a request failed for good.
pub(crate) async fn recognise(
    context: &Context,
    store: &Store,
    lookups: Option<&Lookups>,
    now: Instant,
) -> Result<()> {
    if let Some(lookups) = lookups
        && knows(store, lookups)?
    {
        return Ok(());
    }
    if !shows_strangers(context, store, now).await? {
        return Ok(());
    }
    if lookups.is_none() {
        let lookups = extract::lookups(&context.client, &context.cancel).await?;
        if knows(store, &lookups)? {
            return Ok(());
        }
    }
    Err(other_desk(store))
}

/// Whether one of these categories or agents was ever stored.
fn knows(store: &Store, lookups: &Lookups) -> Result<bool> {
    let categories = lookups.categories.iter().flat_map(|list| &list.rows);
    let categories: Vec<&str> = categories.map(|row| row.id.as_str()).collect();
    let agents = lookups.agents.iter().flat_map(|list| &list.rows);
    let agents: Vec<&str> = agents.map(|row| row.id.as_str()).collect();
    Ok(store.knows_category(&categories)? || store.knows_agent(&agents)?)
}

/// Whether tickets come, and none of them is known.
async fn shows_strangers(context: &Context, store: &Store, now: Instant) -> Result<bool> {
    let witnesses = store.witnesses()?;
    let newest = witnesses.first().copied();
    let mut tickets = 0;
    for (number, created_at) in witnesses.into_iter().enumerate() {
        let Some(query) = around(created_at, number == 0) else {
            continue;
        };
        match look(context, store, &query).await? {
            Look::Known | Look::Failed => return Ok(false),
            Look::Unknown(found) => tickets += found,
        }
    }
    // An emptied desk, or one that began after the last ticket of this one.
    let Some(since) = newest.and_then(|newest| {
        let until = now + TimeDelta::days(1);
        Window::new(
            (newest + TimeDelta::milliseconds(1)).max(until - YEAR),
            until,
        )
    }) else {
        return Ok(false);
    };
    if tickets == 0
        && let Look::Unknown(found) = look(context, store, &TicketsQuery::of(since, 1)).await?
    {
        tickets += found;
    }
    Ok(tickets > 0)
}

/// A page that has to show the ticket created at this instant: the ones up to it, or from it on.
fn around(created_at: Instant, is_last: bool) -> Option<TicketsQuery> {
    let after = created_at + TimeDelta::milliseconds(1);
    let (from, until) = match is_last {
        true => (after - YEAR, after),
        false => (created_at, created_at + YEAR),
    };
    let window = Window::new(from, until)?;
    Some(TicketsQuery {
        sort_order: match is_last {
            true => SortOrder::Descending,
            false => SortOrder::Ascending,
        },
        ..TicketsQuery::of(window, PAGE_LIMIT)
    })
}

/// What a page shows.
enum Look {
    /// A ticket of the store.
    Known,
    /// So many others.
    Unknown(usize),
    /// It was too heavy to be had, which says nothing.
    Failed,
}

async fn look(context: &Context, store: &Store, query: &TicketsQuery) -> Result<Look> {
    let page = match extract::fetch_query(&context.client, query, &context.cancel).await {
        Ok(page) => page,
        Err(failure) if failure.may_be_weight() => return Ok(Look::Failed),
        Err(failure) => return Err(failure.error),
    };
    let ids: Vec<&str> = page
        .keys
        .iter()
        .filter(|key| key.has_id)
        .map(|key| key.id.as_str())
        .collect();
    Ok(match store.knows_ticket(&ids)? {
        true => Look::Known,
        false => Look::Unknown(ids.len()),
    })
}

fn other_desk(store: &Store) -> Error {
    Error::failed(format!(
        "the desk of this key has other tickets, and none of the tickets, categories and agents in {}; \
         nothing was stored",
        store.path().display()
    ))
    .help(
        "is the key from another workspace? name a new file with --to for another desk; if all known \
         tickets really are gone, --allow-deletions goes on",
    )
}

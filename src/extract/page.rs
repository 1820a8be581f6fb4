//! One page: asked for, decoded, turned into rows.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::pager::{Answer, Ask, Key};
use crate::api::{
    Client, FailureKind, FetchError, Fetched, Held, MOST_WEIGHT, TicketsQuery, Undecodable, weight,
};
use crate::mava::{self, Filters, PAGE};
use crate::normalize::{self, Outcome, TicketRows};
use crate::store::Rejected;
use crate::table::{Instant, Reject};
use crate::window::Window;
use crate::wire::{self, Body, RawTicket};

/// A page of several tickets is asked for in smaller pieces from this weight on, in bytes: see
/// [`weight`].
const HEAVIEST: u64 = 512 << 20;

/// A page of at least so many tickets on which none has a thread is not believed at all.
pub(super) const LEAST_TICKETS_TO_DOUBT: usize = 10;

/// What every page of a run is asked with.
#[derive(Debug, Clone)]
pub struct Scope {
    /// The run's filters.
    pub filters: Filters,
    /// Whether threads are asked for.
    pub has_messages: bool,
}

impl Scope {
    /// See [`excludes`].
    pub(super) fn excludes(&self, outcome: &Outcome) -> bool {
        excludes(&self.filters, &[], outcome)
    }
}

/// Whether a ticket is one that these filters, and these ratings, exclude, so that the API must have
/// ignored them.
pub fn excludes(filters: &Filters, ratings: &[String], outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Rows(rows) => !mava::matches(filters, ratings, &rows.ticket, &rows.tags),
        Outcome::Reject(_) => false,
    }
}

/// A page as the pager and the writer need it.
#[derive(Debug)]
pub struct Page {
    /// Tickets that match in all, as far as the answer says.
    pub count: Option<u64>,
    /// Whether more follow, as far as the answer says.
    pub has_more: Option<bool>,
    /// Its tickets in order.
    pub keys: Vec<Key>,
    /// What became of each ticket, in the order of `keys`.
    pub outcomes: Vec<Outcome>,
    /// The server's clock.
    pub server_time: Option<Instant>,
    /// How long it took.
    pub latency: Duration,
    /// The memory that its tickets take.
    pub held: Held,
}

impl Page {
    /// Up to where this answer to `window` holds every ticket: its end when the answer says that
    /// it is all, else the last creation instant received, which others may share. `None` where
    /// the answer is out of order or contradicts itself.
    pub fn spans(&self, window: Window) -> Option<Instant> {
        match self.left(window) {
            // A full page that claims to be all may be one that counts itself.
            Ok(0) if self.keys.len() < PAGE => Some(window.until()),
            Ok(_) => self.keys.iter().rev().find_map(|key| key.created_at),
            Err(_) => None,
        }
    }
}

impl Page {
    /// Whether it is all that the API has in `window`: it counts as many tickets as it shows, in
    /// order, and could have shown more.
    pub(super) fn is_whole(&self, window: Window) -> bool {
        self.left(window) == Ok(0) && self.keys.len() < PAGE
    }

    /// Whether none of its tickets has a thread. A page on which no ticket could be read lacks none.
    pub(super) fn lacks_threads(&self) -> bool {
        let mut rows = self
            .outcomes
            .iter()
            .filter_map(|outcome| match outcome {
                Outcome::Rows(rows) => Some(rows),
                Outcome::Reject(_) => None,
            })
            .peekable();
        rows.peek().is_some() && rows.all(|rows| rows.thread.is_none())
    }

    /// Tickets of `window` that come after this answer to it; an error says in what the answer
    /// contradicts itself or is out of order.
    ///
    /// # Errors
    /// The answer is none about `window`.
    pub fn left(&self, window: Window) -> std::result::Result<u64, String> {
        let answer = Answer {
            count: self.count,
            has_more: self.has_more,
            keys: &self.keys,
        };
        answer.left(window)
    }
}

/// Fetches the page that `ask` describes, and normalises it.
pub(super) async fn fetch(
    client: Arc<Client>,
    scope: Arc<Scope>,
    ask: Ask,
    cancel: CancellationToken,
) -> Result<Page, FetchError> {
    fetch_query(&client, &query(&scope, ask), &cancel).await
}

/// Fetches the page that `query` describes, and normalises it.
///
/// # Errors
/// Whatever ends a request for good.
pub async fn fetch_query(
    client: &Client,
    query: &TicketsQuery,
    cancel: &CancellationToken,
) -> Result<Page, FetchError> {
    let has_messages = query.has_messages;
    let Fetched {
        value: page,
        server_time,
        latency,
        held,
    } = client
        .fetch(&query.get(), cancel, move |body| read(body, has_messages))
        .await?;
    Ok(Page {
        count: page.count,
        has_more: page.has_more,
        keys: page.keys,
        outcomes: page.outcomes,
        server_time,
        latency,
        held,
    })
}

/// What a page's body holds, normalised.
struct Decoded {
    count: Option<u64>,
    has_more: Option<bool>,
    keys: Vec<Key>,
    outcomes: Vec<Outcome>,
}

fn read(body: &[u8], has_messages: bool) -> Result<Decoded, Undecodable> {
    let text = Body::new(body);
    let page = wire::decode_page(&text)?;
    if page.tickets.len() > 1 {
        refuse_heavy(body)?;
    }
    let mut keys = Vec::with_capacity(page.tickets.len());
    let mut outcomes = Vec::with_capacity(page.tickets.len());
    for ticket in &page.tickets {
        let outcome = normalize::ticket(ticket, has_messages);
        keys.push(key(ticket, &outcome));
        outcomes.push(outcome);
    }
    Ok(Decoded {
        count: page.count,
        has_more: page.has_more,
        keys,
        outcomes,
    })
}

/// An error where a body would take more memory than is given to several tickets at a time.
pub(super) fn refuse_heavy(body: &[u8]) -> Result<(), Undecodable> {
    // No text weighs more than so many times its length.
    if body.len() as u64 > HEAVIEST / MOST_WEIGHT && weight(body) > HEAVIEST {
        return Err(Undecodable::Heavy(format!(
            "the answer of {} bytes would take more than {} MiB of memory",
            body.len(),
            HEAVIEST >> 20
        )));
    }
    Ok(())
}

/// A page that came for `query`; where it lacks the threads asked for, what comes when it is asked for once
/// more, since it may be the answer to another request. `is_threadless` is whether a page lacked them twice:
/// then no other is asked for again.
///
/// # Errors
/// Whatever ends a request for good.
pub async fn with_threads(
    client: &Client,
    query: &TicketsQuery,
    cancel: &CancellationToken,
    page: Page,
    is_threadless: &mut bool,
) -> Result<Page, FetchError> {
    if *is_threadless || !query.has_messages || !page.lacks_threads() {
        return Ok(page);
    }
    let again = fetch_query(client, &query.clone().alone(), cancel).await?;
    *is_threadless = again.lacks_threads();
    Ok(again)
}

/// One page; where the API fails on it, it is asked for once more without threads. With it, why that was
/// necessary.
///
/// # Errors
/// Whatever ends a request for good.
pub async fn fetch_without_threads_at_worst(
    client: &Client,
    query: &TicketsQuery,
    cancel: &CancellationToken,
) -> Result<(Page, Option<FetchError>), FetchError> {
    match fetch_query(client, query, cancel).await {
        Err(failure) if failure.kind == FailureKind::Heavy && query.has_messages => {
            let light = TicketsQuery {
                has_messages: false,
                ..query.clone()
            };
            let page = fetch_query(client, &light, cancel).await;
            Ok((page?, Some(failure)))
        }
        fetched => Ok((fetched?, None)),
    }
}

/// What paging needs of a ticket: from its rows, else from its text.
fn key(ticket: &RawTicket<'_>, outcome: &Outcome) -> Key {
    match outcome {
        Outcome::Rows(rows) => Key {
            id: rows.ticket.id.clone(),
            has_id: true,
            created_at: Some(rows.ticket.created_at),
            version: version(rows),
        },
        Outcome::Reject(reject) => {
            let key = ticket.key();
            Key {
                has_id: key.id.is_some(),
                id: key.id.unwrap_or_else(|| reject.stand_in()),
                created_at: key.created_at,
                version: ticket.version(),
            }
        }
    }
}

/// The content of a ticket and its thread, as one number.
fn version(rows: &TicketRows) -> u128 {
    let head = u128::from_be_bytes(rows.head_hash);
    let thread = rows.thread.as_ref();
    thread.map_or(head, |thread| {
        head.rotate_left(1) ^ u128::from_be_bytes(thread.hash)
    })
}

/// Where the tickets of a list by creation stand that gave no rows; `from` is where the list begins.
/// One without a creation stands where the ticket before it does.
pub(super) fn placed(keys: &[Key], outcomes: &[Outcome], from: Instant) -> Vec<Rejected> {
    let mut place = from;
    let mut placed = Vec::new();
    for (key, outcome) in keys.iter().zip(outcomes) {
        place = key.created_at.unwrap_or(place);
        if let Outcome::Reject(reject) = outcome {
            placed.push(Rejected {
                id: key.id.clone(),
                created_ms: place.timestamp_millis(),
                is_rated: has_rating(reject).unwrap_or(false),
                has_creation: key.created_at.is_some(),
            });
        }
    }
    placed
}

/// Whether a ticket that could not be stored is rated; `None` where it cannot be read at all.
pub fn has_rating(reject: &Reject) -> Option<bool> {
    let json: serde_json::Value = serde_json::from_str(&reject.raw_json).ok()?;
    let csat = json.get("csat");
    let number = csat.and_then(|csat| csat.as_i64().or_else(|| csat.as_str()?.parse().ok()));
    Some(number.is_some_and(|number| (1..=5).contains(&number)))
}

/// The request that `ask` describes: the run's filters, narrowed where a tied millisecond is taken
/// apart.
pub fn query(scope: &Scope, ask: Ask) -> TicketsQuery {
    let mut filters = scope.filters.clone();
    if let Some(status) = ask.narrowing.status {
        filters.status = vec![status];
    }
    if let Some(origin) = ask.narrowing.origin {
        filters.origin = vec![origin];
    }
    TicketsQuery {
        skip: ask.skip,
        has_messages: scope.has_messages,
        filters,
        ..TicketsQuery::of(ask.window, ask.limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rating_is_told_from_what_came() {
        for (raw_json, is_rated) in [
            (r#"{"csat":4}"#, Some(true)),
            (r#"{"csat":"5"}"#, Some(true)),
            (r#"{"csat":null}"#, Some(false)),
            (r#"{"csat":9}"#, Some(false)),
            ("{}", Some(false)),
            ("{", None),
        ] {
            let reject = Reject {
                id: String::new(),
                ticket_id: None,
                path: String::new(),
                reason: String::new(),
                raw_json: raw_json.to_owned(),
                created_at: None,
            };
            assert_eq!(has_rating(&reject), is_rated, "{raw_json}");
        }
    }
}

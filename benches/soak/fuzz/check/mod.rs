//! What must be true of any body that a page is decoded from.

pub(crate) mod thread;

mod reject;

use std::collections::BTreeSet;
use std::fs;
use std::time::{Duration, Instant};

use mava_export::normalize::{self, Outcome, TicketRows};
use mava_export::table::{Cell, Record};
use mava_export::wire::{Body, RawTicket, decode_agents, decode_categories, decode_page};
use serde_json::Value;

use self::reject::Cut;

/// Longest that one body may take: all are far smaller than a megabyte.
const LONGEST: Duration = Duration::from_secs(2);

/// What came of a body.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Came {
    pub(crate) is_page: bool,
    pub(crate) rows: u64,
    pub(crate) rejects: u64,
}

/// Takes a body through decoding and normalising. The error says which property does not hold.
pub(crate) fn check(body: &[u8], is_written: bool) -> Result<Came, String> {
    let began = Instant::now();
    let came = taken(body, is_written)?;
    // Others may have had the processor meanwhile: then once more, by its own clock.
    if began.elapsed() > LONGEST {
        let before = processor_time();
        taken(body, is_written)?;
        let took = processor_time().saturating_sub(before);
        if took > LONGEST {
            return Err(format!("{} bytes took {took:?}", body.len()));
        }
    }
    Ok(came)
}

fn taken(body: &[u8], is_written: bool) -> Result<Came, String> {
    let mut came = Came::default();
    // Any body may come for any request.
    let _other = (decode_categories(body).is_ok(), decode_agents(body).is_ok());
    let text = Body::new(body);
    let Ok(page) = decode_page(&text) else {
        return Ok(came);
    };
    came.is_page = true;
    let again = decode_page(&text).map_err(|error| error.to_string())?;
    if page != again {
        return Err("decoded twice, it is not the same page".to_owned());
    }
    if is_written {
        let told = page
            .tickets
            .iter()
            .flat_map(|ticket| marks(&ticket.raw))
            .collect();
        kept(&marks(&String::from_utf8_lossy(body)), &told, "the page")?;
    }
    for ticket in &page.tickets {
        match one(ticket)? {
            true => came.rows += 1,
            false => came.rejects += 1,
        }
    }
    Ok(came)
}

/// Takes one ticket; whether it gives rows.
fn one(raw: &RawTicket) -> Result<bool, String> {
    let _key = raw.key();
    let outcome = normalize::ticket(raw, true);
    if outcome != normalize::ticket(raw, true) {
        return Err("normalised twice, it is not the same".to_owned());
    }
    if let Outcome::Rows(rows) = normalize::ticket(raw, false)
        && rows.thread.is_some()
    {
        return Err("a thread that was not asked for".to_owned());
    }
    let value: Option<Value> = serde_json::from_str(&raw.raw).ok();
    all_kept(raw, &outcome, value.as_ref())?;
    let id = value.as_ref().and_then(plain_id);
    match outcome {
        Outcome::Rows(rows) => {
            if id.is_some_and(|id| id != rows.ticket.id) {
                return Err("the row has another id".to_owned());
            }
            storable(&rows)?;
            if let Some(value) = &value {
                thread::whole(&rows, value)?;
            }
            Ok(true)
        }
        Outcome::Reject(reject) => {
            if id.is_some_and(|id| Some(id) != reject.ticket_id.as_deref()) {
                return Err("the reject has another id".to_owned());
            }
            reject::is_as_it_says(&reject)?;
            Ok(false)
        }
    }
}

/// Nothing of a ticket is lost but what a reject alone holds, and only where that one says that it is cut.
fn all_kept(raw: &RawTicket, outcome: &Outcome, value: Option<&Value>) -> Result<(), String> {
    let (given, found) = (marks(&raw.raw), marks(&format!("{outcome:?}")));
    let rows = match outcome {
        Outcome::Rows(rows) => rows,
        Outcome::Reject(reject) => {
            let (length, begins) = match Cut::of(reject)? {
                Some(cut) => (cut.length, raw.raw.starts_with(cut.kept)),
                None => (reject.raw_json.len(), raw.raw == reject.raw_json),
            };
            return match begins && length == raw.raw.len() {
                true => Ok(()),
                false => Err("a reject keeps another ticket".to_owned()),
            };
        }
    };
    let mut is_cut = false;
    for reject in &rows.rejects {
        is_cut |= Cut::of(reject)?.is_some();
    }
    if !is_cut {
        return kept(&given, &found, "a ticket");
    }
    // What a row holds, or `extra_json`. Of half a pair there is no such value.
    let placed = value.map(|value| match rows.thread {
        Some(_) => thread::without_rejects(value).to_string(),
        None => value.to_string(),
    });
    kept(&marks(&placed.unwrap_or_default()), &found, "the rows")
}

/// The id, where nothing about it is odd.
fn plain_id(value: &Value) -> Option<&str> {
    let object = value.as_object()?;
    let id = object.get("id")?.as_str()?;
    let is_plain = id.len() == 24 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    (is_plain && !object.contains_key("_id")).then_some(id)
}

/// The rows are such as the store can take, and what they could not take is with the rejects.
fn storable(rows: &TicketRows) -> Result<(), String> {
    let id = &rows.ticket.id;
    if id.is_empty() {
        return Err("a row without an id".to_owned());
    }
    if let Some(thread) = &rows.thread {
        distinct(&thread.messages, |row| row.id.clone())?;
        distinct(&thread.attachments, |row| {
            (row.message_id.clone(), row.position)
        })?;
    }
    distinct(&rows.tags, |row| row.id.clone())?;
    distinct(&rows.attributes, |row| row.position)?;
    distinct(&rows.discord_users, |row| row.position)?;
    distinct(&rows.rejects, |row| row.id.clone())?;
    if let Some(customer) = &rows.customer
        && rows.ticket.customer_id.as_ref() != Some(&customer.customer.id)
    {
        return Err("another customer than the ticket names".to_owned());
    }
    for reject in &rows.rejects {
        if reject.ticket_id.as_ref() != Some(id) {
            return Err("a reject of another ticket".to_owned());
        }
        reject::is_as_it_says(reject)?;
    }
    let messages = rows.thread.iter().flat_map(|thread| &thread.messages);
    let extras = messages
        .map(|row| &row.extra_json)
        .chain([&rows.ticket.extra_json]);
    for extra in extras.flatten() {
        is_json(extra)?;
    }
    no_nul(rows)
}

fn no_nul(rows: &TicketRows) -> Result<(), String> {
    let mut is_clean = true;
    let mut look = |cell: Cell<'_>| {
        if let Cell::Text(text) = cell {
            is_clean &= !text.contains('\0');
        }
    };
    rows.ticket.each_cell(&mut look);
    if let Some(thread) = &rows.thread {
        thread
            .messages
            .iter()
            .for_each(|row| row.each_cell(&mut look));
        thread
            .attachments
            .iter()
            .for_each(|row| row.each_cell(&mut look));
    }
    rows.attributes
        .iter()
        .for_each(|row| row.each_cell(&mut look));
    rows.tags.iter().for_each(|row| row.each_cell(&mut look));
    rows.rejects.iter().for_each(|row| row.each_cell(&mut look));
    match is_clean {
        true => Ok(()),
        false => Err("a cell with NUL".to_owned()),
    }
}

fn distinct<T: Record, K: Ord>(records: &[T], key: impl Fn(&T) -> K) -> Result<(), String> {
    let keys: BTreeSet<K> = records.iter().map(key).collect();
    match keys.len() == records.len() {
        true => Ok(()),
        false => Err(format!("two rows of one key among {}", records.len())),
    }
}

/// Whether a text is JSON, of numbers and nesting of any size.
fn is_json(text: &str) -> Result<(), String> {
    serde_json::from_str::<&serde_json::value::RawValue>(text)
        .map(|_| ())
        .map_err(|error| format!("kept as JSON, and it is none: {error}"))
}

/// The marks in a text.
fn marks(text: &str) -> BTreeSet<String> {
    let starts = text.match_indices("mk").map(|(at, _)| at);
    let found = starts.filter_map(|at| text.get(at..at + 11));
    let is_mark =
        |mark: &&str| mark.ends_with('x') && mark[2..10].bytes().all(|byte| byte.is_ascii_digit());
    found.filter(is_mark).map(str::to_owned).collect()
}

fn kept(given: &BTreeSet<String>, kept: &BTreeSet<String>, what: &str) -> Result<(), String> {
    match given.difference(kept).next() {
        None => Ok(()),
        Some(lost) => Err(format!("{lost} of {what} is nowhere")),
    }
}

/// What this process has used of the processor, at the usual 100 ticks a second.
pub(crate) fn processor_time() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").expect("a kernel that tells");
    let (_, rest) = stat.rsplit_once(") ").expect("a name in parentheses");
    let fields = rest.split(' ').skip(11).take(2);
    let ticks: u64 = fields
        .map(|field| field.parse::<u64>().expect("ticks"))
        .sum();
    Duration::from_millis(ticks * 10)
}

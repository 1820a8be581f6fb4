//! What has to come of each item of a thread.

use std::collections::{HashMap, HashSet};

use mava_export::normalize::TicketRows;
use serde_json::{Map, Value};

use super::reject::Folded;

/// The longest id that rows that belong to, in bytes.
const LONGEST_ID: usize = 1_024;

/// What an item comes to.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fate {
    Message,
    /// No object, or of an id that came before it.
    Reject,
}

/// Each item of the thread is a message, a reject, or one of the values that are kept together beyond
/// the first thousand rejects, in the order sent.
pub(crate) fn whole(rows: &TicketRows, value: &Value) -> Result<(), String> {
    let (Some(thread), Some(items)) = (&rows.thread, value["messages"].as_array()) else {
        return Ok(());
    };
    let fates = fates(items);
    let messages = fates.iter().filter(|fate| **fate == Fate::Message).count();
    if thread.messages.len() != messages {
        let found = thread.messages.len();
        return Err(format!(
            "{found} messages of {messages} items that are some"
        ));
    }
    let folded = Folded::of(&rows.rejects)?;
    let mut kept: HashMap<String, &str> = rows
        .rejects
        .iter()
        .filter(|reject| folded.as_ref().is_none_or(|rest| rest.id != reject.id))
        .filter(|reject| is_of_item(&reject.path))
        .map(|reject| (reject.path.clone(), reject.raw_json.as_str()))
        .collect();
    let mut missing = Vec::new();
    for (place, item) in of_fate(items, &fates, Fate::Reject) {
        if kept.remove(&format!("messages[{place}]")).is_none() {
            missing.push(item);
        }
    }
    match (kept.keys().next(), folded) {
        (Some(path), _) => Err(format!("{path} is a reject, and a message")),
        (None, Some(folded)) => folded.holds(&missing),
        (None, None) if missing.is_empty() => Ok(()),
        (None, None) => Err(format!("{} items are nowhere", missing.len())),
    }
}

/// The ticket without the items of its thread that only rejects hold.
pub(super) fn without_rejects(value: &Value) -> Value {
    let mut value = value.clone();
    if let Some(items) = value.get_mut("messages").and_then(Value::as_array_mut) {
        let fates = fates(items);
        let mut fates = fates.into_iter();
        items.retain(|_| fates.next() == Some(Fate::Message));
    }
    value
}

fn fates(items: &[Value]) -> Vec<Fate> {
    let mut ids = HashSet::new();
    let fate = |item: &Value| match item.as_object().map(short_id) {
        None => Fate::Reject,
        Some(None) => Fate::Message,
        Some(Some(id)) => match ids.insert(id.to_owned()) {
            true => Fate::Message,
            false => Fate::Reject,
        },
    };
    items.iter().map(fate).collect()
}

fn of_fate<'a>(
    items: &'a [Value],
    fates: &'a [Fate],
    wanted: Fate,
) -> impl Iterator<Item = (usize, &'a Value)> {
    let fated = items.iter().zip(fates).enumerate();
    fated.filter_map(move |(place, (item, fate))| (*fate == wanted).then_some((place, item)))
}

/// `messages[3]`, and nothing in it.
fn is_of_item(path: &str) -> bool {
    let number = path
        .strip_prefix("messages[")
        .and_then(|rest| rest.strip_suffix(']'));
    number.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The first of `id` and `_id` that can be one.
fn short_id(object: &Map<String, Value>) -> Option<&str> {
    let usable = |key: &str| id(object.get(key)?).filter(|id| stored_length(id) <= LONGEST_ID);
    usable("id").or_else(|| usable("_id"))
}

fn id(value: &Value) -> Option<&str> {
    match value {
        Value::String(text) => Some(text.as_str()).filter(|text| !text.is_empty()),
        Value::Object(entries) if entries.len() == 1 => entries
            .get("$oid")
            .filter(|inner| inner.is_string())
            .and_then(id),
        _ => None,
    }
}

/// Bytes of what is stored for an id: `json:` and its JSON where no database can hold it, or it looks
/// like that already.
fn stored_length(id: &str) -> usize {
    match id.contains('\0') || id.starts_with("json:\"") {
        true => {
            // These two have a shorter escape that the store does not use.
            let long = id.replace(['\u{8}', '\u{c}'], "\u{1}");
            "json:".len() + Value::from(long).to_string().len()
        }
        false => id.len(),
    }
}

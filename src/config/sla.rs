//! `[[sla]]` of a configuration file: what is promised.

use toml::{Table, Value};

use super::metrics::unknown;
use crate::error::{Error, Result};
use crate::settings::{Policy, SlaMetric};

/// The key.
pub(super) const KEY: &str = "sla";

/// Keys of a policy.
const KEYS: [&str; 5] = ["name", "metric", "within", "priority", "category"];

const METRICS: [SlaMetric; 2] = [SlaMetric::FirstReply, SlaMetric::Resolution];

/// The longest promise: business time is known for decades, and nobody waits for one.
const LONGEST_MS: i64 = 10 * 365 * 86_400_000;

/// Reads the policies that stand at `place`; in the order of their names.
///
/// # Errors
/// A usage error that names the file, the policy, the key and the way out.
pub(super) fn read(place: &str, value: Value) -> Result<Vec<Policy>> {
    let example = "write [[sla]], in two pairs of brackets, on a line of its own above each policy";
    let Value::Array(items) = value else {
        return Err(Error::usage(format!("{place}: not a list of policies")).help(example));
    };
    let mut policies: Vec<Policy> = Vec::new();
    for (number, item) in (1..).zip(items) {
        let place = format!("{place} {number}");
        let Value::Table(table) = item else {
            return Err(Error::usage(format!("{place}: not a policy")).help(example));
        };
        let policy = policy(&place, table)?;
        if policies.iter().any(|known| known.name == policy.name) {
            return Err(Error::usage(format!(
                "{place}: there is another policy {:?}",
                policy.name
            ))
            .help("give each policy a name of its own"));
        }
        policies.push(policy);
    }
    policies.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(policies)
}

fn policy(place: &str, mut table: Table) -> Result<Policy> {
    if let Some(key) = table.keys().find(|key| !KEYS.contains(&key.as_str())) {
        return Err(unknown(&format!("{place}.{key}"), "key", key, &KEYS));
    }
    let mut required = |key: &str, example: &str| {
        table.remove(key).ok_or_else(|| {
            Error::usage(format!("{place}: {key} is missing"))
                .help(format!("write {key} = {example}"))
        })
    };
    let name = name(
        &format!("{place}.name"),
        &required("name", "\"first reply, high\"")?,
    )?;
    // From here on, people know it by its name.
    let place = format!("{place} ({name:?})");
    let metric = metric(
        &format!("{place}.metric"),
        &required("metric", "\"first_reply\"")?,
    )?;
    let within_ms = within(&format!("{place}.within"), &required("within", "\"4h\"")?)?;
    let priority = match table.remove("priority") {
        Some(value) => list(&format!("{place}.priority"), value, &priority)?,
        None => Vec::new(),
    };
    let category = match table.remove("category") {
        Some(value) => list(&format!("{place}.category"), value, &category)?,
        None => Vec::new(),
    };
    Ok(Policy {
        name,
        metric,
        within_ms,
        priority,
        category,
    })
}

fn name(place: &str, value: &Value) -> Result<String> {
    match value.as_str().map(str::trim) {
        Some(name) if !name.is_empty() => Ok(name.to_owned()),
        _ => Err(Error::usage(format!("{place}: not a name"))
            .help("write a text such as \"first reply, high\": it is in sla_results.policy")),
    }
}

fn metric(place: &str, value: &Value) -> Result<SlaMetric> {
    let word = value.as_str().unwrap_or_default();
    let words = METRICS.map(SlaMetric::word);
    let found = METRICS.into_iter().find(|metric| metric.word() == word);
    found.ok_or_else(|| unknown(place, "metric", word, &words))
}

/// Milliseconds of business time.
fn within(place: &str, value: &Value) -> Result<i64> {
    let time = value
        .as_str()
        .and_then(|text| humantime::parse_duration(text.trim()).ok());
    let within_ms = time.and_then(|time| i64::try_from(time.as_millis()).ok());
    within_ms
        .filter(|ms| (1..=LONGEST_MS).contains(ms))
        .ok_or_else(|| {
            Error::usage(format!("{place}: no time that can be promised")).help(
                "write business time with its unit, such as \"30m\", \"4h\" or \"2d\", which is 48 hours of business time",
            )
        })
}

/// One value, or several; sorted, each once.
fn list<T: Ord>(
    place: &str,
    value: Value,
    read: &dyn Fn(&str, &Value) -> Result<T>,
) -> Result<Vec<T>> {
    let items = match value {
        Value::Array(items) => items,
        single => vec![single],
    };
    if items.is_empty() {
        return Err(Error::usage(format!("{place}: the list is empty")).help(
            "leave the line out where the policy is for all tickets, or take the policy out",
        ));
    }
    let mut list = items
        .iter()
        .map(|item| read(place, item))
        .collect::<Result<Vec<T>>>()?;
    list.sort();
    list.dedup();
    Ok(list)
}

fn priority(place: &str, value: &Value) -> Result<i64> {
    let number = value.as_integer().filter(|number| (1..=4).contains(number));
    number.ok_or_else(|| {
        Error::usage(format!("{place}: no priority"))
            .help("write numbers from 1 (low) to 4 (urgent), such as [3, 4]")
    })
}

fn category(place: &str, value: &Value) -> Result<String> {
    match value.as_str().map(str::trim) {
        Some(id) if !id.is_empty() => Ok(id.to_owned()),
        _ => Err(Error::usage(format!("{place}: no id of a category"))
            .help("write ids such as [\"65f0c1\"]: they are in categories.id")),
    }
}

#[cfg(test)]
#[path = "sla_tests.rs"]
mod tests;

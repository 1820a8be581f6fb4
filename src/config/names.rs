//! `[names]` of a configuration file: what things are called that the API gives as bare ids.

use std::collections::BTreeMap;

use toml::Value;

use super::metrics::unknown;
use crate::error::{Error, Result};
use crate::settings::Names;

/// The section's name.
pub(super) const SECTION: &str = "names";

/// Its keys.
const KEYS: [&str; 2] = ["tags", "attributes"];

/// Reads the section that stands at `place`.
///
/// # Errors
/// A usage error that names the file, the key and the way out.
pub(super) fn read(place: &str, value: Value) -> Result<Names> {
    let Value::Table(table) = value else {
        return Err(Error::usage(format!("{place}: not a section")).help(
            "write [names.tags] or [names.attributes] on a line of its own, and a line per id below",
        ));
    };
    let mut names = Names::default();
    for (key, value) in table {
        let place = format!("{place}.{key}");
        match key.as_str() {
            "tags" => names.tags = by_id(&place, value)?,
            "attributes" => names.attributes = by_id(&place, value)?,
            _ => return Err(unknown(&place, "key", &key, &KEYS)),
        }
    }
    Ok(names)
}

/// Those of both, id by id; where both name one, those of `near` are meant.
pub(super) fn merged(near: Names, far: Names) -> Names {
    let both = |near: BTreeMap<String, String>, mut far: BTreeMap<String, String>| {
        far.extend(near);
        far
    };
    Names {
        tags: both(near.tags, far.tags),
        attributes: both(near.attributes, far.attributes),
    }
}

fn by_id(place: &str, value: Value) -> Result<BTreeMap<String, String>> {
    let example = format!(
        "write [{SECTION}.…] on a line of its own, and below it a line per id such as \"65f0c1\" = \"refund\""
    );
    let Value::Table(table) = value else {
        return Err(Error::usage(format!("{place}: not a section")).help(example));
    };
    let entry = |(id, value): (String, Value)| {
        let place = format!("{place}.{id:?}");
        if id.trim().is_empty() {
            return Err(Error::usage(format!("{place}: the id is empty")).help(
                "write the id as the API gives it: mava-export names prints those without a name",
            ));
        }
        let name = match &value {
            Value::String(name) => name.trim(),
            _ => return Err(Error::usage(format!("{place}: not a text")).help(example.clone())),
        };
        if name.is_empty() {
            return Err(Error::usage(format!("{place}: the name is empty"))
                .help("write a name between the quotes, or take the line out"));
        }
        Ok((id, name.to_owned()))
    };
    table.into_iter().map(entry).collect()
}

#[cfg(test)]
#[path = "names_tests.rs"]
mod tests;

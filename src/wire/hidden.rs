//! What a ticket's tree holds and its users would pass over: the earlier values of keys that came
//! twice, and text of which a column holds only a part.

use std::collections::HashMap;

use super::escape;
use super::json::{Entries, Json};

/// Something that was sent and has no place but `rejects`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hidden {
    /// Where: `messages[3].content`.
    pub(crate) path: String,
    pub(crate) reason: &'static str,
    /// All of it.
    pub(crate) raw_json: String,
}

/// Pieces that are kept one by one; a ticket with more is kept as a whole.
const MOST_HIDDEN: usize = 10_000;

const TWICE: &str = "this key comes again later in its object, where the value is another";
const NAME: &str =
    "the name of this field is one that no database can hold: it is stored as json: and its JSON";
const NUL: &str = "holds NUL, which no database can hold";
const HALF: &str = "holds half of a surrogate pair, which no database can hold";
const BYTES: &str =
    "holds bytes that are no UTF-8: each is written as \\udc and its two hex digits";

/// Takes the earlier values of keys that come twice out of a tree, and names them and the text that
/// no database can hold. `at` is where the tree stands; `has_bytes` says that it has bytes that are no
/// UTF-8.
///
/// # Errors
/// In words, where there is more of it than is kept piece by piece.
pub(crate) fn take_hidden(
    tree: &mut Json<'_>,
    at: &str,
    has_bytes: bool,
) -> Result<Vec<Hidden>, &'static str> {
    let mut taking = Taking {
        has_bytes,
        found: Vec::new(),
    };
    taking.value(tree, at);
    if taking.found.len() > MOST_HIDDEN {
        return Err("holds more than 10000 values that cannot be stored as they were sent");
    }
    let mut found = taking.found;
    // The order of keys means nothing.
    found.sort_by(|one, other| (&one.path, &one.raw_json).cmp(&(&other.path, &other.raw_json)));
    Ok(found)
}

struct Taking {
    has_bytes: bool,
    found: Vec<Hidden>,
}

impl Taking {
    fn add(&mut self, path: &str, reason: &'static str, raw_json: String) {
        if self.found.len() > MOST_HIDDEN {
            return;
        }
        self.found.push(Hidden {
            path: path.to_owned(),
            reason,
            raw_json,
        });
    }

    fn value(&mut self, value: &mut Json<'_>, path: &str) {
        match value {
            Json::Broken(broken) => {
                let raw = broken.raw().to_owned();
                self.add(path, self.reason(&raw), raw);
            }
            Json::Array(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    self.value(item, &format!("{path}[{index}]"));
                }
            }
            Json::Object(entries) => self.object(entries, path),
            Json::Null
            | Json::Bool(_)
            | Json::Integer(_)
            | Json::Unsigned(_)
            | Json::Decimal(_)
            | Json::Text(_) => {}
        }
    }

    fn object(&mut self, entries: &mut Entries<'_>, path: &str) {
        let sent = std::mem::take(entries);
        let mut places: HashMap<String, usize> = HashMap::with_capacity(sent.len());
        for (key, mut value) in sent {
            let below = match path {
                "" => key.to_string(),
                _ => format!("{path}.{key}"),
            };
            if escape::is_name(&key) {
                self.add(&below, NAME, escape::raw_of_name(&key).to_owned());
            }
            self.value(&mut value, &below);
            let place = *places.entry(key.to_string()).or_insert(entries.len());
            match entries.get_mut(place) {
                None => entries.push((key, value)),
                Some((_, known)) => {
                    let earlier = std::mem::replace(known, value);
                    if !earlier.is_null() && earlier != *known {
                        self.add(&below, TWICE, earlier.raw());
                    }
                }
            }
        }
    }

    fn reason(&self, raw: &str) -> &'static str {
        // Every half pair of such a body is bytes.
        if self.has_bytes && raw.contains("\\udc") {
            BYTES
        } else if raw.contains("\\ud") {
            HALF
        } else {
            NUL
        }
    }
}

//! Names that somebody gives to what the API gives as bare ids.

use std::collections::BTreeMap;

use serde_json::Value;

/// Names by id. They fill what the API left out, and nothing else.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    /// Those of tags.
    pub tags: BTreeMap<String, String>,
    /// Labels of custom attributes, of tickets and customers alike.
    pub attributes: BTreeMap<String, String>,
}

impl Names {
    /// What tells these names from others; empty where there are none.
    pub fn fingerprint(&self) -> String {
        if *self == Self::default() {
            return String::new();
        }
        let object = |names: &BTreeMap<String, String>| {
            let entries = names.iter().map(|(id, name)| (id.clone(), name.clone()));
            Value::from_iter(entries)
        };
        Value::Array(vec![object(&self.tags), object(&self.attributes)]).to_string()
    }
}

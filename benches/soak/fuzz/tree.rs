//! JSON as a tree that can hold what parsers throw away: keys given twice, and numbers of any
//! digits.

use serde_json::Value;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    /// `null`, `true`, a number, or a text with its quotes: as it is written.
    Leaf(String),
    Array(Vec<Node>),
    Object(Vec<(String, Node)>),
}

impl Node {
    pub(super) fn of(value: &Value) -> Self {
        match value {
            Value::Array(items) => Self::Array(items.iter().map(Self::of).collect()),
            Value::Object(entries) => {
                let entries = entries
                    .iter()
                    .map(|(key, value)| (key.clone(), Self::of(value)));
                Self::Object(entries.collect())
            }
            leaf => Self::Leaf(leaf.to_string()),
        }
    }

    pub(super) fn text(text: &str) -> Self {
        Self::Leaf(Value::from(text).to_string())
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Leaf(text) => out.extend_from_slice(text.as_bytes()),
            Self::Array(items) => {
                out.push(b'[');
                for (place, item) in items.iter().enumerate() {
                    if place > 0 {
                        out.push(b',');
                    }
                    item.write(out);
                }
                out.push(b']');
            }
            Self::Object(entries) => {
                out.push(b'{');
                for (place, (key, value)) in entries.iter().enumerate() {
                    if place > 0 {
                        out.push(b',');
                    }
                    out.extend_from_slice(Value::from(key.as_str()).to_string().as_bytes());
                    out.push(b':');
                    value.write(out);
                }
                out.push(b'}');
            }
        }
    }

    /// How many nodes there are, this one included.
    pub(super) fn size(&self) -> usize {
        1 + match self {
            Self::Leaf(_) => 0,
            Self::Array(items) => items.iter().map(Self::size).sum(),
            Self::Object(entries) => entries.iter().map(|(_, value)| value.size()).sum(),
        }
    }

    /// The node of this number, counted from 0, this one first.
    pub(super) fn at(&mut self, number: usize) -> Option<&mut Self> {
        let mut left = number;
        self.find(&mut left)
    }

    fn find(&mut self, left: &mut usize) -> Option<&mut Self> {
        if *left == 0 {
            return Some(self);
        }
        *left -= 1;
        match self {
            Self::Leaf(_) => None,
            Self::Array(items) => items.iter_mut().find_map(|item| item.find(left)),
            Self::Object(entries) => entries.iter_mut().find_map(|(_, value)| value.find(left)),
        }
    }

    /// The value under the last such key.
    pub(super) fn get(&mut self, key: &str) -> Option<&mut Self> {
        match self {
            Self::Object(entries) => {
                let found = entries.iter_mut().rev().find(|(name, _)| name == key);
                found.map(|(_, value)| value)
            }
            _ => None,
        }
    }
}
